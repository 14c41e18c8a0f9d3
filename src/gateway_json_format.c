
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Formats of texts that JSON Schema names.  Those that are not here are not
 * checked, which the standard allows.
 */


#include <arpa/inet.h>
#include <string.h>

#include "gateway_date.h"
#include "gateway_json_schema_private.h"
#include "gateway_uuid.h"


static int gateway_json_format_date_time(const char *text, size_t len);
static int gateway_json_format_date(const char *text, size_t len);
static int gateway_json_format_time(const char *text, size_t len);
static int gateway_json_format_email(const char *text, size_t len);
static int gateway_json_format_hostname(const char *text, size_t len);
static int gateway_json_format_ipv4(const char *text, size_t len);
static int gateway_json_format_ipv6(const char *text, size_t len);
static int gateway_json_format_uri(const char *text, size_t len);
static int gateway_json_format_uuid(const char *text, size_t len);
static int gateway_json_format_address(int family, const char *text,
    size_t len);


gateway_json_format_pt
gateway_json_format(const char *name)
{
    size_t  i;

    static const struct {
        const char              *name;
        gateway_json_format_pt   check;
    } formats[] = {
        { "date-time", gateway_json_format_date_time },
        { "date", gateway_json_format_date },
        { "time", gateway_json_format_time },
        { "email", gateway_json_format_email },
        { "hostname", gateway_json_format_hostname },
        { "ipv4", gateway_json_format_ipv4 },
        { "ipv6", gateway_json_format_ipv6 },
        { "uri", gateway_json_format_uri },
        { "uuid", gateway_json_format_uuid }
    };

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return formats[i].check;
        }
    }

    return NULL;
}


static int
gateway_json_format_date_time(const char *text, size_t len)
{
    int64_t  seconds;

    return len > 10 && gateway_date_parse(&seconds, text, len) == 0;
}


static int
gateway_json_format_date(const char *text, size_t len)
{
    int64_t  seconds;

    return len == 10 && gateway_date_parse(&seconds, text, len) == 0;
}


static int
gateway_json_format_time(const char *text, size_t len)
{
    char     whole[64] = "2000-01-02T";
    int64_t  seconds;

    if (len > sizeof(whole) - 11) {
        return 0;
    }

    memcpy(whole + 11, text, len);

    return gateway_date_parse(&seconds, whole, 11 + len) == 0;
}


/* "local@host", without blanks; quoted local parts are not known */

static int
gateway_json_format_email(const char *text, size_t len)
{
    size_t       i;
    const char  *at;

    at = memchr(text, '@', len);

    if (at == NULL || at == text || at - text > 64) {
        return 0;
    }

    for (i = 0; i < (size_t) (at - text); i++) {

        if ((unsigned char) text[i] <= ' ' || strchr("\"(),:;<>[\\]", text[i]))
        {
            return 0;
        }
    }

    if (text[0] == '.' || at[-1] == '.') {
        return 0;
    }

    return gateway_json_format_hostname(at + 1,
                                        len - (size_t) (at + 1 - text));
}


/* labels of RFC 1123 */

static int
gateway_json_format_hostname(const char *text, size_t len)
{
    char    c;
    size_t  i, label;

    if (len == 0 || len > 253) {
        return 0;
    }

    label = 0;

    for (i = 0; i < len; i++) {
        c = text[i];

        if (c == '.') {
            if (label == 0 || text[i - 1] == '-') {
                return 0;
            }

            label = 0;
            continue;
        }

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z') || (c == '-' && label > 0)))
        {
            return 0;
        }

        if (++label > 63) {
            return 0;
        }
    }

    return label > 0 && text[len - 1] != '-';
}


static int
gateway_json_format_ipv4(const char *text, size_t len)
{
    return gateway_json_format_address(AF_INET, text, len);
}


static int
gateway_json_format_ipv6(const char *text, size_t len)
{
    return gateway_json_format_address(AF_INET6, text, len);
}


static int
gateway_json_format_address(int family, const char *text, size_t len)
{
    char             copy[INET6_ADDRSTRLEN];
    struct in6_addr  addr;

    if (len >= sizeof(copy) || memchr(text, '\0', len) != NULL) {
        return 0;
    }

    memcpy(copy, text, len);
    copy[len] = '\0';

    return inet_pton(family, copy, &addr) == 1;
}


/* a scheme and something behind it, of the characters of RFC 3986 */

static int
gateway_json_format_uri(const char *text, size_t len)
{
    char         c;
    size_t       i;
    const char  *colon;

    colon = memchr(text, ':', len);

    if (colon == NULL || colon == text || colon == text + len - 1) {
        return 0;
    }

    for (i = 0; i < (size_t) (colon - text); i++) {
        c = text[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-'
                            || c == '.'))))
        {
            return 0;
        }
    }

    for (i = 0; i < len; i++) {
        c = text[i];

        if (c <= ' ' || c == 0x7f || strchr("\"<>\\^`{|}", c)) {
            return 0;
        }

        if (c == '%'
            && (i + 2 >= len
                || strspn(text + i + 1, "0123456789abcdefABCDEF") < 2))
        {
            return 0;
        }
    }

    return 1;
}


static int
gateway_json_format_uuid(const char *text, size_t len)
{
    uint8_t  uuid[16];

    return gateway_uuid_parse(uuid, text, len) == 0;
}
