/*
 * Copyright (C) the ngx_gateway authors
 *
 * Checks of single values: what a host, a path, a regex, ... is.
 */

#include "check.h"
#include "model.h"
#include "schema.h"

#include "gateway_router.h"
#include "gateway_uuid.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>


static bool
gwc_is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
}


static bool
gwc_is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')
           || (c >= 'A' && c <= 'F');
}


/* whether all of text is letters, digits, some other characters, or (utf8)
   anything beyond ASCII */
static bool
gwc_text_consists(gwc_text_t text, const char *others, bool utf8)
{
    char c;
    size_t i;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (!gwc_is_alnum(c) && (c == '\0' || strchr(others, c) == NULL)
            && !(utf8 && (unsigned char) c >= 0x80))
        {
            return false;
        }
    }

    return text.len != 0;
}


static gwc_text_t
gwc_text_from(gwc_text_t text, size_t start, size_t len)
{
    gwc_text_t part;

    part.data = text.data + start;
    part.len = len;

    return part;
}


static bool
gwc_text_find(gwc_text_t text, const char *s)
{
    return memmem(text.data, text.len, s, strlen(s)) != NULL;
}


static bool
gwc_parse_ip(int family, gwc_text_t text)
{
    char buf[INET6_ADDRSTRLEN];
    unsigned char addr[16];

    if (text.len == 0 || text.len >= sizeof(buf)) {
        return false;
    }

    memcpy(buf, text.data, text.len);
    buf[text.len] = '\0';

    return inet_pton(family, buf, addr) == 1;
}


/* up to 65535; -1 when it is no port */
static int
gwc_parse_port(gwc_text_t text)
{
    int port;
    size_t i;

    if (text.len == 0 || text.len > 5) {
        return -1;
    }

    port = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }

        port = port * 10 + (text.data[i] - '0');
    }

    return port > 65535 ? -1 : port;
}


/* labels that are not empty (but a final dot) and do not end in "-" */
static bool
gwc_is_hostname(gwc_text_t name)
{
    char c;
    size_t i;

    if (name.len == 0 || name.len > 253 || name.data[0] == '.') {
        return false;
    }

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if (!gwc_is_alnum(c) && c != '-' && c != '_' && c != '.') {
            return false;
        }

        if (c == '.' && (name.data[i - 1] == '.' || name.data[i - 1] == '-'))
        {
            return false;
        }
    }

    return name.data[name.len - 1] != '-';
}


gwc_host_t
gwc_host_parse(gwc_text_t text)
{
    size_t i, colon, colons;
    gwc_host_t host;
    const char *end;

    memset(&host, 0, sizeof(host));
    host.port = -1;
    host.host = text;
    colon = 0;
    colons = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == ':') {
            colons++;
            colon = i;
        }
    }

    if (text.len > 0 && text.data[0] == '[') {
        end = memchr(text.data, ']', text.len);

        if (end == NULL) {
            return host;
        }

        i = (size_t) (end - text.data);
        host.host = gwc_text_from(text, 1, i - 1);

        if (i + 1 < text.len) {
            host.port = text.data[i + 1] == ':'
                            ? gwc_parse_port(gwc_text_from(
                                  text, i + 2, text.len - i - 2))
                            : -1;

            if (host.port < 0) {
                return host;
            }
        }

        colons = 2;

    } else if (colons == 1) {
        host.host = gwc_text_from(text, 0, colon);
        host.port = gwc_parse_port(
            gwc_text_from(text, colon + 1, text.len - colon - 1));

        if (host.port < 0) {
            return host;
        }
    }

    if (colons > 1) {
        if (gwc_parse_ip(AF_INET6, host.host)) {
            host.kind = GWC_HOST_IPV6;
        }

        return host;
    }

    for (i = 0; i < host.host.len; i++) {
        if (host.host.data[i] != '.'
            && (host.host.data[i] < '0' || host.host.data[i] > '9'))
        {
            break;
        }
    }

    if (i == host.host.len) {
        if (gwc_parse_ip(AF_INET, host.host)) {
            host.kind = GWC_HOST_IPV4;
        }

    } else if (gwc_is_hostname(host.host)) {
        host.kind = GWC_HOST_NAME;
    }

    return host;
}


void
gwc_check_host(const gwc_field_t *field, void *value)
{
    gwc_host_t host;
    const gwc_str_t *str;

    str = value;
    host = gwc_host_parse(str->v);

    if (host.kind == GWC_HOST_BAD) {
        gwc_error(str->node, "%s is no host name or IP address",
                  gwc_shown(field, str));

    } else if (host.port >= 0) {
        gwc_error(str->node, "%s must not have a port",
                  gwc_shown(field, str));
    }
}


void
gwc_check_host_port(const gwc_field_t *field, void *value)
{
    const gwc_str_t *str;

    str = value;

    if (gwc_host_parse(str->v).kind == GWC_HOST_BAD) {
        gwc_error(str->node, "%s is no host name or IP address, with or "
                  "without a port",
                  gwc_shown(field, str));
    }
}


void
gwc_check_sni(const gwc_field_t *field, void *value)
{
    gwc_host_t host;
    const gwc_str_t *str;

    str = value;
    host = gwc_host_parse(str->v);

    if (host.kind != GWC_HOST_NAME || host.port >= 0) {
        gwc_error(str->node, "expected a host name, not an IP address and "
                  "without a port, this is %s",
                  gwc_shown(field, str));
    }
}


void
gwc_check_upstream_name(const gwc_field_t *field, void *value)
{
    gwc_check_sni(field, value);
}


/* "*" alone becomes a label that is valid everywhere */
static gwc_text_t
gwc_without_wildcards(gwc_text_t text)
{
    size_t i;
    gwc_buf_t buf;

    memset(&buf, 0, sizeof(buf));

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '*') {
            gwc_buf_puts(&buf, "abc");

        } else {
            gwc_buf_add(&buf, &text.data[i], 1);
        }
    }

    text.data = buf.data == NULL ? "" : buf.data;
    text.len = buf.len;

    return text;
}


static size_t
gwc_count_char(gwc_text_t text, char c)
{
    size_t i, n;

    n = 0;

    for (i = 0; i < text.len; i++) {
        n += text.data[i] == c;
    }

    return n;
}


void
gwc_check_wildcard_host(const gwc_field_t *field, void *value)
{
    size_t stars;
    gwc_host_t host;
    const gwc_str_t *str;

    str = value;
    stars = gwc_count_char(str->v, '*');

    if (stars > 1
        || (stars == 1 && str->v.data[0] != '*'
            && str->v.data[str->v.len - 1] != '*'))
    {
        gwc_error(str->node, "%s: one \"*\" may stand, as the first or the "
                  "last character",
                  gwc_shown(field, str));
        return;
    }

    host = gwc_host_parse(gwc_without_wildcards(str->v));

    if (host.kind != GWC_HOST_NAME || host.port >= 0) {
        gwc_error(str->node, "expected a host name, not an IP address and "
                  "without a port, this is %s",
                  gwc_shown(field, str));
    }
}


void
gwc_check_route_host(const gwc_field_t *field, void *value)
{
    gwc_text_t v;
    size_t stars;
    const gwc_str_t *str;

    str = value;
    v = str->v;
    stars = gwc_count_char(v, '*');

    if (stars > 1) {
        gwc_error(str->node, "%s must have at most one wildcard",
                  gwc_shown(field, str));
        return;
    }

    if (stars == 1
        && !(v.len > 2 && memcmp(v.data, "*.", 2) == 0)
        && !(v.len > 2 && memcmp(v.data + v.len - 2, ".*", 2) == 0))
    {
        gwc_error(str->node, "%s: a wildcard must be the complete leftmost "
                  "(*.example.com) or rightmost (example.*) label%s",
                  gwc_shown(field, str),
                  gwc_text_find(v, ".*:") ? ", and after \".*\" no port may "
                                            "stand"
                                          : "");
        return;
    }

    if (gwc_host_parse(gwc_without_wildcards(v)).kind == GWC_HOST_BAD) {
        gwc_error(str->node, "%s is no host name, with or without a port",
                  gwc_shown(field, str));
    }
}


void
gwc_check_ip(const gwc_field_t *field, void *value)
{
    const gwc_str_t *str;

    str = value;

    if (!gwc_parse_ip(AF_INET, str->v) && !gwc_parse_ip(AF_INET6, str->v)) {
        gwc_error(str->node, "%s is no IP address", gwc_shown(field, str));
    }
}


void
gwc_check_ip_or_cidr(const gwc_field_t *field, void *value)
{
    int bits, family;
    gwc_text_t ip, mask;
    const char *slash;
    const gwc_str_t *str;

    str = value;
    ip = str->v;
    slash = memchr(ip.data, '/', ip.len);
    bits = 0;

    if (slash != NULL) {
        ip.len = (size_t) (slash - ip.data);
        mask = gwc_text_from(str->v, ip.len + 1, str->v.len - ip.len - 1);
        bits = mask.len > 3 || (mask.len > 1 && mask.data[0] == '0')
                   ? -1
                   : gwc_parse_port(mask);
    }

    family = gwc_parse_ip(AF_INET, ip)    ? AF_INET
             : gwc_parse_ip(AF_INET6, ip) ? AF_INET6
                                          : 0;

    if (family == 0) {
        gwc_error(str->node, "%s is no IP address or CIDR range",
                  gwc_shown(field, str));

    } else if (bits < 0 || bits > (family == AF_INET ? 32 : 128)) {
        gwc_error(str->node, "%s: expected a prefix length between 0 and %d "
                  "after \"/\"",
                  gwc_shown(field, str), family == AF_INET ? 32 : 128);
    }
}


/* the first "%" that two hex digits do not follow, or NULL */
static const char *
gwc_bad_escape(gwc_text_t text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] != '%') {
            continue;
        }

        if (i + 2 >= text.len || !gwc_is_hex(text.data[i + 1])
            || !gwc_is_hex(text.data[i + 2]))
        {
            return text.data + i;
        }

        i += 2;
    }

    return NULL;
}


void
gwc_check_path(const gwc_field_t *field, void *value)
{
    const gwc_str_t *str;

    str = value;

    if (str->v.len == 0 || str->v.data[0] != '/') {
        gwc_error(str->node, "%s must start with \"/\"",
                  gwc_shown(field, str));

    } else if (gwc_text_find(str->v, "//")) {
        gwc_error(str->node, "%s must not have empty segments (\"//\")",
                  gwc_shown(field, str));

    } else if (!gwc_text_consists(str->v, ".-_~/%:@!$&'()*+,;=", false)) {
        gwc_error(str->node, "%s has characters that RFC 3986 does not "
                  "allow in a path",
                  gwc_shown(field, str));

    } else if (gwc_bad_escape(str->v) != NULL) {
        gwc_error(str->node, "%s: \"%%\" must be followed by two hex digits",
                  gwc_shown(field, str));
    }
}


void
gwc_check_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *str;

    str = value;

    if (!gwc_text_consists(str->v, ".-_~", true)) {
        gwc_error(str->node, "%s must consist of letters, digits, \".\", "
                  "\"-\", \"_\" and \"~\"",
                  gwc_shown(field, str));
    }
}


void
gwc_check_tag(const gwc_field_t *field, void *value)
{
    char c;
    size_t i;
    const gwc_str_t *str;

    str = value;

    for (i = 0; i < str->v.len; i++) {
        c = str->v.data[i];

        if (c == ',' || c == '/' || c == 0x7f
            || ((unsigned char) c < 0x20))
        {
            gwc_error(str->node, "tag %s must be printable and without "
                      "\",\" and \"/\"",
                      gwc_shown(field, str));
            return;
        }
    }
}


void
gwc_check_header_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *str;

    str = value;

    if (!gwc_text_consists(str->v, "-_", false)) {
        gwc_error(str->node, "%s is no header name: letters, digits, \"-\" "
                  "and \"_\" are expected",
                  gwc_shown(field, str));
    }
}


void
gwc_check_cookie_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *str;

    str = value;

    if (!gwc_text_consists(str->v, "!#$%&'*+-.^_`|~", false)) {
        gwc_error(str->node, "%s is no cookie name", gwc_shown(field, str));
    }
}


void
gwc_check_method(const gwc_field_t *field, void *value)
{
    size_t i;
    const gwc_str_t *str;

    str = value;

    for (i = 0; i < str->v.len; i++) {
        if (str->v.data[i] < 'A' || str->v.data[i] > 'Z') {
            gwc_error(str->node, "method %s must consist of upper-case "
                      "letters",
                      gwc_shown(field, str));
            return;
        }
    }
}


void
gwc_check_uuid(const gwc_field_t *field, void *value)
{
    uint8_t uuid[16];
    const gwc_str_t *str;

    str = value;

    if (gateway_uuid_parse(uuid, str->v.data, str->v.len) != 0) {
        gwc_error(str->node, "expected a UUID, this is %s",
                  gwc_shown(field, str));
    }
}


/* the length of "scheme:" with at least one letter, or 0 */
static size_t
gwc_scheme_len(gwc_text_t url)
{
    size_t i;

    for (i = 0; i < url.len; i++) {
        if (url.data[i] == ':') {
            return i == 0 ? 0 : i + 1;
        }

        if (!gwc_is_alnum(url.data[i])
            && (i == 0 || strchr("+-.", url.data[i]) == NULL))
        {
            return 0;
        }
    }

    return 0;
}


static bool
gwc_is_url(gwc_text_t url)
{
    size_t i, n;

    n = gwc_scheme_len(url);

    if (n == 0 || url.len < n + 3 || memcmp(url.data + n, "//", 2) != 0) {
        return false;
    }

    for (i = n + 2; i < url.len; i++) {
        if ((unsigned char) url.data[i] <= 0x20 || url.data[i] == 0x7f) {
            return false;
        }
    }

    return strchr("/?#:", url.data[n + 2]) == NULL;
}


void
gwc_check_url(const gwc_field_t *field, void *value)
{
    const gwc_str_t *str;

    str = value;

    if (!gwc_is_url(str->v)) {
        gwc_error(str->node, "%s is no URL with scheme and host",
                  gwc_shown(field, str));
    }
}


void
gwc_check_redirect_uri(const gwc_field_t *field, void *value)
{
    const gwc_str_t *str;

    str = value;
    gwc_check_url(field, value);

    if (memchr(str->v.data, '#', str->v.len) != NULL) {
        gwc_error(str->node, "%s must not have a fragment (\"#\")",
                  gwc_shown(field, str));
    }
}


/* ^[a-z][a-z0-9-]*[a-z0-9]+$ */
void
gwc_check_vault_prefix(const gwc_field_t *field, void *value)
{
    bool ok;
    size_t i;
    char c;
    const gwc_str_t *str;

    str = value;
    ok = str->v.len >= 2 && str->v.data[0] >= 'a' && str->v.data[0] <= 'z'
         && str->v.data[str->v.len - 1] != '-';

    for (i = 0; ok && i < str->v.len; i++) {
        c = str->v.data[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }

    if (!ok) {
        gwc_error(str->node, "%s must be at least two of a-z, 0-9 and \"-\", "
                  "starting with a letter and not ending in \"-\"",
                  gwc_shown(field, str));

    } else if (gwc_text_is(str->v, "env")) {
        gwc_error(str->node, "\"env\" is the name of a vault type and "
                  "cannot be a prefix");
    }
}


const char *
gwc_regex_error(gwc_text_t pattern)
{
    int code;
    pcre2_code *re;
    PCRE2_SIZE offset;
    PCRE2_UCHAR buf[256];

    /* as the router compiles: "\C" would split characters */
    re = pcre2_compile((PCRE2_SPTR) pattern.data, pattern.len,
                       PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);

    if (re != NULL) {
        pcre2_code_free(re);
        return NULL;
    }

    if (pcre2_get_error_message(code, buf, sizeof(buf)) < 0) {
        return gwc_sprintf("error %d at offset %zu", code, (size_t) offset);
    }

    return gwc_sprintf("%s at offset %zu", (const char *) buf,
                       (size_t) offset);
}


/* s: after "(?" */
static const char *
gwc_regex_group_error(const char *s, size_t len)
{
    if (len > 0 && (s[0] == '=' || s[0] == '!')) {
        return "look-ahead";
    }

    if (len > 1 && s[0] == '<' && (s[1] == '=' || s[1] == '!')) {
        return "look-behind";
    }

    if (len > 0 && s[0] == '>') {
        return "an atomic group";
    }

    if (len > 1 && s[0] == 'P' && s[1] == '=') {
        return "a back-reference";
    }

    if (len > 0 && s[0] == '(') {
        return "a conditional group";
    }

    if (len > 0
        && (s[0] == '|' || s[0] == 'R' || s[0] == '&' || s[0] == '#'
            || s[0] == 'C' || (s[0] >= '0' && s[0] <= '9')
            || (len > 1 && (s[0] == '+' || s[0] == '-') && s[1] >= '0'
                && s[1] <= '9')
            || (len > 1 && s[0] == 'P' && s[1] == '>')))
    {
        return "a group of this kind";
    }

    return NULL;
}


const char *
gwc_regex_dialect_error(gwc_text_t pattern)
{
    size_t i;
    bool class;
    const char *s, *what;

    s = pattern.data;
    class = false;

    for (i = 0; i < pattern.len; i++) {
        what = NULL;

        if (s[i] == '\\' && i + 1 < pattern.len) {
            if (!class
                && ((s[i + 1] >= '1' && s[i + 1] <= '9') || s[i + 1] == 'k'
                    || s[i + 1] == 'g'))
            {
                what = "a back-reference";

            } else if (!class && strchr("GKRXZ", s[i + 1]) != NULL) {
                what = "this escape";
            }

            if (what == NULL) {
                i++;
                continue;
            }

        } else if (class) {
            if (s[i] == ']') {
                class = false;
            }

        } else if (s[i] == '[') {
            class = true;
            i += i + 1 < pattern.len && s[i + 1] == '^';
            /* a "]" that comes first is literal */
            i += i + 1 < pattern.len && s[i + 1] == ']';

        } else if (s[i] == '(' && i + 1 < pattern.len && s[i + 1] == '*') {
            what = "a verb";

        } else if (s[i] == '(' && i + 1 < pattern.len && s[i + 1] == '?') {
            what = gwc_regex_group_error(s + i + 2, pattern.len - i - 2);
        }

        if (what != NULL) {
            return gwc_sprintf("%s at offset %zu", what, i);
        }
    }

    return NULL;
}


void
gwc_check_regex(const gwc_field_t *field, void *value)
{
    const char *err;
    const gwc_str_t *str;

    str = value;
    err = gwc_regex_error(str->v);

    if (err != NULL) {
        gwc_error(str->node, "invalid regex %s: %s", gwc_shown(field, str),
                  err);
    }
}


static void
gwc_check_regex_path(const gwc_field_t *field, const gwc_str_t *str)
{
    const char *err;
    gwc_text_t pattern;

    pattern = gwc_text_from(str->v, 1, str->v.len - 1);
    err = gwc_regex_error(pattern);

    if (err != NULL) {
        gwc_error(str->node, "invalid regex %s: %s", gwc_shown(field, str),
                  err);
        return;
    }

    err = gwc_regex_dialect_error(pattern);

    if (err != NULL) {
        gwc_error(str->node, "invalid regex %s: router_flavor "
                  "traditional_compatible does not allow %s",
                  gwc_shown(field, str), err);
    }
}


void
gwc_check_route_path(const gwc_field_t *field, void *value)
{
    char *buf;
    ptrdiff_t len;
    gwc_text_t v, normal;
    const gwc_str_t *str;

    str = value;
    v = str->v;

    if (!(v.len > 0 && v.data[0] == '/')
        && !(v.len > 1 && memcmp(v.data, "~/", 2) == 0))
    {
        gwc_error(str->node, "%s should start with: / (fixed path) or ~/ "
                  "(regex path)",
                  gwc_shown(field, str));
        return;
    }

    if (gwc_text_find(v, "//")) {
        gwc_error(str->node, "%s must not have empty segments (\"//\")",
                  gwc_shown(field, str));
        return;
    }

    if (v.data[0] == '~') {
        gwc_check_regex_path(field, str);
        return;
    }

    if (gwc_bad_escape(v) != NULL) {
        gwc_error(str->node, "%s: \"%%\" must be followed by two hex digits",
                  gwc_shown(field, str));
        return;
    }

    buf = gwc_alloc(v.len + 1);
    len = gateway_path_normalize_lax(buf, v.data, v.len);
    normal.data = buf;
    normal.len = len < 0 ? 0 : (size_t) len;

    if (!gwc_text_equal(normal, v)) {
        gwc_error(str->node, "%s is not in its normal form and would never "
                  "match, write %s",
                  gwc_quoted(v), gwc_quoted(normal));
    }
}


static void
gwc_check_header_keys(const gwc_list_t *list, bool route)
{
    size_t i;
    gwc_str_t *header;

    for (i = 0; i < list->n; i++) {
        header = (gwc_str_t *) (void *) ((char *) list->items
                                                + i * list->size);

        gwc_check_header_name(NULL, header);

        if (route && header->v.len == 4
            && strncasecmp(header->v.data, "host", 4) == 0)
        {
            gwc_error(header->node, "the header \"host\" is matched by "
                      "\"hosts\"");
        }
    }
}


void
gwc_check_headers(const gwc_field_t *field, void *value)
{
    (void) field;
    gwc_check_header_keys(value, false);
}


/* "~*pattern": searched in the lower-cased value, itself lower-cased */
static void
gwc_check_header_regex(const gwc_field_t *field, const gwc_str_t *str)
{
    char *p;
    const char *err;
    gwc_text_t pattern;

    if (str->v.len < 2 || memcmp(str->v.data, "~*", 2) != 0) {
        return;
    }

    pattern.len = str->v.len - 2;
    p = gwc_strndup(str->v.data + 2, pattern.len);
    pattern.data = p;

    for (; *p != '\0'; p++) {
        if (*p >= 'A' && *p <= 'Z') {
            *p = (char) (*p - 'A' + 'a');
        }
    }

    err = gwc_regex_error(pattern);

    if (err == NULL) {
        err = gwc_regex_dialect_error(pattern);

        if (err != NULL) {
            err = gwc_sprintf("router_flavor traditional_compatible does "
                              "not allow %s", err);
        }
    }

    if (err != NULL) {
        gwc_error(str->node, "invalid regex %s: %s", gwc_shown(field, str),
                  err);
    }
}


void
gwc_check_route_headers(const gwc_field_t *field, void *value)
{
    size_t i, j;
    const gwc_list_t *list;
    const gwc_header_t *header;

    gwc_check_header_keys(value, true);
    list = value;

    for (i = 0; i < list->n; i++) {
        header = GWC_ITEM(*list, gwc_header_t, i);

        for (j = 0; j < header->values.n; j++) {
            gwc_check_header_regex(field,
                                   GWC_ITEM(header->values, gwc_str_t, j));
        }
    }
}
