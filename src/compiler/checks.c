/*
 * Copyright (C) the ngx_gateway authors
 *
 * Checks of single values, shared by the tables of entities and plugins.
 */

#define PCRE2_CODE_UNIT_WIDTH 8

#include "../gateway_router.h"
#include "../gateway_uuid.h"
#include "entities.h"
#include "scalar.h"
#include "schema.h"

#include <arpa/inet.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>


/* only regexes are put into it */
static gateway_router_t *gwc_router;
static const char *gwc_flavor;


static bool
gwc_is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
}


/* all bytes are letters, digits or one of others */
static bool
gwc_made_of(gwc_text_t text, const char *others)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (!gwc_is_alnum(text.data[i])
            && (text.data[i] == '\0' || strchr(others, text.data[i]) == NULL))
        {
            return false;
        }
    }

    return text.len > 0;
}


static bool
gwc_is_ip(gwc_text_t text)
{
    char buf[INET6_ADDRSTRLEN];
    unsigned char addr[16];

    if (text.len >= sizeof(buf)) {
        return false;
    }

    memcpy(buf, text.data, text.len);
    buf[text.len] = '\0';

    return inet_pton(AF_INET, buf, addr) == 1
           || inet_pton(AF_INET6, buf, addr) == 1;
}


long
gwc_small_number(gwc_text_t text, long max)
{
    long n = 0;
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }

        n = n * 10 + (text.data[i] - '0');

        if (n > max) {
            return -1;
        }
    }

    return text.len > 0 ? n : -1;
}


/* splits "host:port"; without a port *port is -1; false: the port is bad */
static bool
gwc_split_port(gwc_text_t text, gwc_text_t *host, long *port)
{
    gwc_text_t number;
    size_t i;

    *host = text;
    *port = -1;

    for (i = text.len; i > 0 && text.data[i - 1] != ':'; i--) {
        if (text.data[i - 1] == ']') {
            return true;
        }
    }

    if (i == 0) {
        return true;
    }

    number.data = text.data + i;
    number.len = text.len - i;
    host->len = i - 1;
    *port = gwc_small_number(number, 65535);

    return *port >= 0;
}


/* labels of letters, digits, "-" and "_"; stars: "*" counts as a label */
static bool
gwc_is_hostname(gwc_text_t text, bool stars)
{
    size_t i, start = 0;

    if (text.len == 0 || text.len > 253) {
        return false;
    }

    for (i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '.') {
            if (!gwc_is_alnum(text.data[i]) && text.data[i] != '-'
                && text.data[i] != '_' && !(stars && text.data[i] == '*'))
            {
                return false;
            }

            continue;
        }

        if (i == start) {
            /* an empty label; only a final dot may leave one */
            return i == text.len && i > 0;
        }

        if (text.data[i - 1] == '-') {
            return false;
        }

        start = i + 1;
    }

    return true;
}


/* digits and dots: meant as an IPv4 address */
static bool
gwc_is_numeric(gwc_text_t text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] != '.' && (text.data[i] < '0' || text.data[i] > '9'))
        {
            return false;
        }
    }

    return true;
}


void
gwc_check_header_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;

    if (!gwc_made_of(s->v, "-_")) {
        gwc_error(s->node,
                  "%s is no header name, expected letters, digits, \"-\" and "
                  "\"_\"",
                  gwc_shown(field, s));
    }
}


void
gwc_check_cookie_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;

    if (!gwc_made_of(s->v, "!#$%&'*+-.^_`|~")) {
        gwc_error(s->node, "%s is no cookie name", gwc_shown(field, s));
    }
}


void
gwc_check_host(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    gwc_text_t host;
    long port;

    if (gwc_is_ip(s->v)) {
        return;
    }

    if (!gwc_split_port(s->v, &host, &port) || port >= 0) {
        gwc_error(s->node, "%s must be a host name or IP address without port",
                  gwc_shown(field, s));
        return;
    }

    if (s->v.len > 2 && s->v.data[0] == '[' && s->v.data[s->v.len - 1] == ']')
    {
        host.data = s->v.data + 1;
        host.len = s->v.len - 2;

        if (gwc_is_ip(host)) {
            return;
        }
    }

    if (gwc_is_numeric(s->v) || !gwc_is_hostname(s->v, false)) {
        gwc_error(s->node, "%s is no valid host name or IP address",
                  gwc_shown(field, s));
    }
}


void
gwc_check_host_port(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    gwc_text_t host;
    long port;

    if (gwc_is_ip(s->v)) {
        return;
    }

    if (!gwc_split_port(s->v, &host, &port)) {
        gwc_error(s->node, "%s has no valid port", gwc_shown(field, s));
        return;
    }

    if (!gwc_is_ip(host)
        && (gwc_is_numeric(host) || !gwc_is_hostname(host, false)))
    {
        gwc_error(s->node, "%s is no valid host name", gwc_shown(field, s));
    }
}


/*
 * Names of upstreams look like hosts, and an address would hide a real one;
 * names for TLS are never addresses.
 */
void
gwc_check_upstream_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;

    if (gwc_is_ip(s->v)) {
        gwc_error(s->node, "%s must be a name, this is an IP address",
                  gwc_shown(field, s));

    } else if (memchr(s->v.data, ':', s->v.len) != NULL) {
        gwc_error(s->node, "%s must be a name without port",
                  gwc_shown(field, s));

    } else if (gwc_is_numeric(s->v) || !gwc_is_hostname(s->v, false)) {
        gwc_error(s->node, "%s is no valid name: it has the form of a host",
                  gwc_shown(field, s));
    }
}


/* at most one "*", the leftmost or the rightmost character */
void
gwc_check_wildcard_host(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    const char *star = memchr(s->v.data, '*', s->v.len);
    gwc_text_t rest = s->v;

    if (gwc_is_ip(s->v) || memchr(s->v.data, ':', s->v.len) != NULL) {
        gwc_error(s->node, "%s must be a host name, without port",
                  gwc_shown(field, s));
        return;
    }

    if (star != NULL) {
        if (s->v.len == 1) {
            return;
        }

        if (star == s->v.data) {
            rest.data++;
        } else if (star != s->v.data + s->v.len - 1) {
            gwc_error(s->node,
                      "%s: \"*\" may only be the first or the last character",
                      gwc_shown(field, s));
            return;
        }

        rest.len--;

        if (memchr(rest.data, '*', rest.len) != NULL) {
            gwc_error(s->node, "%s has more than one \"*\"",
                      gwc_shown(field, s));
            return;
        }
    }

    if (rest.len > 0 && rest.data[0] == '.') {
        rest.data++;
        rest.len--;
    }

    if (!gwc_is_hostname(rest, false)) {
        gwc_error(s->node, "%s is no valid host name", gwc_shown(field, s));
    }
}


/* host or host:port; one "*" as the whole first or last label */
void
gwc_check_route_host(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    gwc_text_t host, rest;
    long port;

    if (gwc_is_ip(s->v)) {
        return;
    }

    if (!gwc_split_port(s->v, &host, &port)) {
        gwc_error(s->node, "%s has no valid port", gwc_shown(field, s));
        return;
    }

    rest = host;

    if (memchr(host.data, '*', host.len) != NULL) {

        if (host.len > 2 && memcmp(host.data, "*.", 2) == 0) {
            rest.data += 2;
            rest.len -= 2;

        } else if (host.len > 2
                   && memcmp(host.data + host.len - 2, ".*", 2) == 0) {
            rest.len -= 2;

            if (port >= 0) {
                gwc_error(s->node, "%s: \"name.*\" cannot have a port",
                          gwc_shown(field, s));
                return;
            }

        } else {
            gwc_error(s->node,
                      "%s: \"*\" may only be the whole first or last label, "
                      "as in \"*.example.com\" or \"example.*\"",
                      gwc_shown(field, s));
            return;
        }

        if (memchr(rest.data, '*', rest.len) != NULL) {
            gwc_error(s->node, "%s has more than one \"*\"",
                      gwc_shown(field, s));
            return;
        }
    }

    if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
    {
        rest.data = host.data + 1;
        rest.len = host.len - 2;

        if (gwc_is_ip(rest)) {
            return;
        }
    }

    if (!gwc_is_ip(rest)
        && ((rest.len == host.len && gwc_is_numeric(rest))
            || !gwc_is_hostname(rest, false)))
    {
        gwc_error(s->node, "%s is no valid host name", gwc_shown(field, s));
    }
}


void
gwc_check_ip_or_cidr(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    const char *slash = memchr(s->v.data, '/', s->v.len);
    gwc_text_t addr = s->v, bits;
    long n, max;

    if (slash == NULL) {
        if (!gwc_is_ip(addr)) {
            gwc_error(s->node, "%s is no valid IP address or CIDR",
                      gwc_shown(field, s));
        }

        return;
    }

    addr.len = (size_t) (slash - s->v.data);
    bits.data = slash + 1;
    bits.len = s->v.len - addr.len - 1;
    max = memchr(addr.data, ':', addr.len) != NULL ? 128 : 32;
    n = gwc_small_number(bits, max);

    if (!gwc_is_ip(addr) || n < 0) {
        gwc_error(s->node,
                  "%s is no valid CIDR, expected ADDRESS/BITS with "
                  "at most %ld bits",
                  gwc_shown(field, s), max);
    }
}


/* of a service or a probe: absolute, no empty segments, RFC 3986 bytes */
void
gwc_check_path(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    size_t i;

    if (s->v.len == 0 || s->v.data[0] != '/') {
        gwc_error(s->node, "%s should start with \"/\"", gwc_shown(field, s));
        return;
    }

    for (i = 0; i < s->v.len; i++) {
        if (s->v.data[i] == '/' && i > 0 && s->v.data[i - 1] == '/') {
            gwc_error(s->node, "%s must not have empty segments",
                      gwc_shown(field, s));
            return;
        }

        if (s->v.data[i] == '%') {
            if (i + 2 >= s->v.len
                || strspn(s->v.data + i + 1, "0123456789abcdefABCDEF") < 2)
            {
                gwc_error(s->node,
                          "%s: \"%%\" must be followed by two hexadecimal "
                          "digits",
                          gwc_shown(field, s));
                return;
            }

        } else if (!gwc_is_alnum(s->v.data[i])
                   && strchr("/-._~!$&'()*+,;=:@", s->v.data[i]) == NULL)
        {
            gwc_error(s->node,
                      "%s has a character that is not allowed in "
                      "paths (RFC 3986); percent-encode it",
                      gwc_shown(field, s));
            return;
        }
    }
}


void
gwc_check_name(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    size_t i;

    for (i = 0; i < s->v.len; i++) {
        if (!gwc_is_alnum(s->v.data[i]) && !(s->v.data[i] & 0x80)
            && strchr(".-_~", s->v.data[i]) == NULL)
        {
            gwc_error(s->node,
                      "invalid name %s: expected letters, digits, \".\", "
                      "\"-\", \"_\" and \"~\"",
                      gwc_shown(field, s));
            return;
        }
    }
}


void
gwc_check_tag(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    size_t i;

    for (i = 0; i < s->v.len; i++) {
        unsigned char c = (unsigned char) s->v.data[i];

        if (c < 0x20 || c == 0x7f || c == ',' || c == '/') {
            gwc_error(s->node,
                      "invalid tag %s: expected printable characters except "
                      "\",\" and \"/\"",
                      gwc_shown(field, s));

            if (s->v.len > 6 && memcmp(s->v.data, "nginx:", 6) == 0) {
                gwc_fix("write %%2C for \",\" and %%2F for \"/\"");
            }

            return;
        }
    }
}


void
gwc_check_printable(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    size_t i;

    for (i = 0; i < s->v.len; i++) {
        unsigned char c = (unsigned char) s->v.data[i];

        if (c < 0x20 || c == 0x7f) {
            gwc_error(s->node, "%s must not have control characters",
                      gwc_shown(field, s));
            return;
        }
    }
}


void
gwc_check_final_status(const gwc_field_t *field, void *value)
{
    const gwc_int_t *status = value;

    (void) field;

    if (status->v < 200) {
        gwc_warning(status->node,
                    "a status below 200 does not end a request: clients wait "
                    "for another one until the connection is closed");
    }
}


void
gwc_check_redirect_code(const gwc_field_t *field, void *value)
{
    static const int64_t codes[] = { 426, 301, 302, 307, 308 };
    const gwc_int_t *code = value;
    size_t i;

    (void) field;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (code->v == codes[i]) {
            return;
        }
    }

    gwc_error(code->node, "expected one of: 426, 301, 302, 307, 308");
}


void
gwc_check_vault_name(const gwc_field_t *field, void *value)
{
    static const char *const others[] = { "aws", "azure", "conjur", "gcp",
                                          "hcv" };
    const gwc_str_t *s = value;
    size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (gwc_text_is(s->v, others[i])) {
            gwc_error(s->node, "vault %s exists in Kong Enterprise only",
                      gwc_shown(field, s));
            return;
        }
    }

    if (!gwc_text_is(s->v, "env") && !gwc_text_is(s->v, "file")) {
        gwc_error(s->node, "expected one of: env, file; this is %s",
                  gwc_shown(field, s));
    }
}


void
gwc_check_uuid(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    uint8_t uuid[16];

    if (gateway_uuid_parse(uuid, s->v.data, s->v.len) != 0) {
        gwc_error(s->node, "expected a valid UUID, this is %s",
                  gwc_shown(field, s));
    }
}


void
gwc_check_url(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    const char *sep = s->v.len ? strstr(s->v.data, "://") : NULL;

    if (sep == NULL || sep == s->v.data || sep[3] == '\0' || sep[3] == '/') {
        /* a password may stand before "@" */
        gwc_error(s->node, "%s is no URL, expected SCHEME://HOST...",
                  memchr(s->v.data, '@', s->v.len) != NULL
                      ? "the value"
                      : gwc_shown(field, s));
    }
}


void
gwc_check_redirect_uri(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;

    gwc_check_url(field, value);

    if (memchr(s->v.data, '#', s->v.len) != NULL) {
        gwc_error(s->node, "%s must not have a fragment", gwc_shown(field, s));
    }
}


void
gwc_check_method(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    size_t i;

    for (i = 0; i < s->v.len; i++) {
        if (s->v.data[i] < 'A' || s->v.data[i] > 'Z') {
            gwc_error(s->node,
                      "invalid method %s: expected upper-case letters",
                      gwc_shown(field, s));
            return;
        }
    }
}


void
gwc_check_vault_prefix(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    size_t i;

    for (i = 0; i < s->v.len; i++) {
        char c = s->v.data[i];

        if (!((c >= 'a' && c <= 'z') || (i > 0 && c >= '0' && c <= '9')
              || (i > 0 && i < s->v.len - 1 && c == '-')))
        {
            break;
        }
    }

    if (i < s->v.len || s->v.len < 2 || gwc_text_is(s->v, "env")
        || gwc_text_is(s->v, "file"))
    {
        gwc_error(s->node,
                  "invalid prefix %s: expected lower-case letters, digits "
                  "and \"-\", at least two, beginning with a letter, and not "
                  "the name of a vault",
                  gwc_shown(field, s));
    }
}


/* compiles; the message is PCRE2's with its offset */
static bool
gwc_regex_compiles(const gwc_str_t *s, gwc_text_t regex, size_t skip,
                   uint32_t options)
{
    int code;
    PCRE2_SIZE offset;
    PCRE2_UCHAR message[200];
    pcre2_code *re;

    re =
        pcre2_compile((PCRE2_SPTR) regex.data, regex.len,
                      PCRE2_NEVER_BACKSLASH_C | options, &code, &offset, NULL);

    if (re != NULL) {
        pcre2_code_free(re);
        return true;
    }

    if (pcre2_get_error_message(code, message, sizeof(message)) < 0) {
        message[0] = '\0';
    }

    gwc_error(s->node, "invalid regular expression %s: %s at offset %zu",
              gwc_quoted(s->v), (char *) message, (size_t) offset + skip);

    return false;
}


void
gwc_check_regex(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;

    (void) field;

    (void) gwc_regex_compiles(s, s->v, 0, 0);
}


/* what the dialect of Kong's router does not have; NULL when nothing */
static const char *
gwc_regex_foreign(gwc_text_t regex)
{
    const char *p = regex.data, *last = regex.data + regex.len;
    bool set = false;

    for (; p < last; p++) {
        if (*p == '\\' && p + 1 < last) {
            p++;

            if (!set && ((*p >= '1' && *p <= '9') || *p == 'k' || *p == 'g')) {
                return "a back-reference";
            }

            if (!set && strchr("GKRXZ", *p) != NULL) {
                return "an escape";
            }

            continue;
        }

        if (set) {
            set = *p != ']';
            continue;
        }

        if (*p == '[') {
            set = true;

            if (p + 1 < last && p[1] == '^') {
                p++;
            }

            if (p + 1 < last && p[1] == ']') {
                p++;
            }

            continue;
        }

        if (*p == '(' && last - p > 1 && p[1] == '*') {
            return "a verb";
        }

        if (*p != '(' || last - p < 3 || p[1] != '?') {
            continue;
        }

        if (p[2] == '=' || p[2] == '!'
            || (p[2] == '<' && last - p > 3 && (p[3] == '=' || p[3] == '!')))
        {
            return "look-around";
        }

        if (p[2] == '>') {
            return "an atomic group";
        }

        if (p[2] == 'P' && last - p > 3 && p[3] == '=') {
            return "a back-reference";
        }

        /* conditions, recursion, branch reset, comments, callouts */
        if (strchr("(|R&#C0123456789+", p[2]) != NULL
            || (last - p > 3
                && ((p[2] == 'P' && p[3] == '>')
                    || (p[2] == '-' && p[3] >= '0' && p[3] <= '9'))))
        {
            return "a kind of group";
        }
    }

    return NULL;
}


static void *
gwc_router_alloc(void *data, size_t size)
{
    (void) data;

    return gwc_alloc(size);
}


void
gwc_checks_reset(const char *flavor)
{
    if (gwc_router != NULL) {
        gateway_router_free(gwc_router);
    }

    gwc_router = NULL;
    gwc_flavor = flavor;
}


bool
gwc_flavor_is(const char *flavor)
{
    return gwc_flavor != NULL && strcmp(gwc_flavor, flavor) == 0;
}


gateway_router_flavor_t
gwc_router_flavor(void)
{
    if (gwc_flavor_is("traditional")) {
        return GATEWAY_ROUTER_TRADITIONAL;
    }

    return gwc_flavor_is("expressions")
               ? GATEWAY_ROUTER_EXPRESSIONS
               : GATEWAY_ROUTER_TRADITIONAL_COMPATIBLE;
}


gateway_router_t *
gwc_checks_router(void)
{
    gateway_router_options_t options = { .alloc = gwc_router_alloc };

    if (gwc_router == NULL) {
        options.flavor = gwc_router_flavor();
        gwc_router = gateway_router_create(&options);
    }

    return gwc_router;
}


/* asks the router itself, which will get the same text; reason when not */
static bool
gwc_router_takes(const gwc_str_t *s, bool header, char *reason, size_t size)
{
    gateway_router_t *router = gwc_checks_router();
    gateway_router_route_t route = { .data = NULL };
    gateway_router_header_t one = { .nvalues = 1 };
    gateway_str_t *text = gwc_alloc(sizeof(gateway_str_t));

    text->data = s->v.data;
    text->len = s->v.len;

    if (header) {
        one.name.data = "x";
        one.name.len = 1;
        one.values = text;
        route.headers = &one;
        route.nheaders = 1;

    } else {
        route.paths = text;
        route.npaths = 1;
    }

    return router != NULL
           && gateway_router_add(router, &route, reason, size) == 0;
}


static void
gwc_check_router_regex(const gwc_str_t *s, gwc_text_t regex, size_t skip)
{
    const char *foreign;
    char reason[512] = "";

    if (gwc_router_takes(s, skip == 2, reason, sizeof(reason))) {
        return;
    }

    if (!gwc_regex_compiles(s, regex, skip, PCRE2_UTF | PCRE2_UCP)) {
        return;
    }

    foreign = gwc_regex_foreign(regex);

    if (foreign != NULL) {
        gwc_error(s->node,
                  "the regular expression %s uses %s, which the router does "
                  "not have",
                  gwc_quoted(s->v), foreign);
        return;
    }

    gwc_error(s->node, "%s", reason);
}


/* UTF-8 without control characters */
static bool
gwc_is_printable(const char *p, size_t len)
{
    const char *end = p + len;
    size_t n;

    for (; p < end; p += n) {
        n = gwc_utf8_len(p, end);

        if (n == 0 || (unsigned char) *p < 0x20 || *p == 0x7f) {
            return false;
        }
    }

    return true;
}


/* "/..." in normal form, or "~/..." */
void
gwc_check_route_path(const gwc_field_t *field, void *value)
{
    const gwc_str_t *s = value;
    gwc_text_t regex;
    ptrdiff_t len;
    size_t i;
    char *normal;

    if (s->v.len >= 2 && s->v.data[0] == '~' && s->v.data[1] == '/') {
        if (strstr(s->v.data, "//") != NULL) {
            gwc_error(s->node, "%s must not have empty segments",
                      gwc_shown(field, s));
            return;
        }

        regex.data = s->v.data + 1;
        regex.len = s->v.len - 1;
        gwc_check_router_regex(s, regex, 1);
        return;
    }

    if (s->v.len == 0 || s->v.data[0] != '/') {
        gwc_error(s->node,
                  "%s should start with: / (fixed path) or ~/ (regex path)",
                  gwc_shown(field, s));
        return;
    }

    for (i = 0; i < s->v.len; i++) {
        if (s->v.data[i] == '/' && i > 0 && s->v.data[i - 1] == '/') {
            gwc_error(s->node, "%s must not have empty segments",
                      gwc_shown(field, s));
            return;
        }

        if (s->v.data[i] == '%'
            && (i + 2 >= s->v.len
                || strspn(s->v.data + i + 1, "0123456789abcdefABCDEF") < 2))
        {
            gwc_error(s->node,
                      "%s: \"%%\" must be followed by two hexadecimal digits",
                      gwc_shown(field, s));
            return;
        }
    }

    normal = gwc_alloc(s->v.len + 1);
    len = gateway_path_normalize_lax(normal, s->v.data, s->v.len);

    if (len < 0 || (size_t) len != s->v.len
        || memcmp(normal, s->v.data, s->v.len) != 0)
    {
        gwc_error(s->node, "%s is not in normal form, no request would match",
                  gwc_shown(field, s));

        /* what YAML cannot hold as it is has no fix */
        if (len > 0 && gwc_is_printable(normal, (size_t) len)) {
            gwc_fix("%.*s", (int) len, normal);
        }
    }
}


/* the names of a probe's headers */
void
gwc_check_header_names(const gwc_field_t *field, void *value)
{
    const gwc_list_t *list = value;
    size_t i;

    for (i = 0; i < list->n; i++) {
        gwc_header_t *header = GWC_ITEM(*list, gwc_header_t, i);

        gwc_check_header_name(field, &header->key);
    }
}


void
gwc_check_route_headers(const gwc_field_t *field, void *value)
{
    const gwc_list_t *list = value;
    gwc_text_t regex;
    size_t i, k;

    (void) field;

    for (i = 0; i < list->n; i++) {
        const gwc_header_t *header = GWC_ITEM(*list, gwc_header_t, i);

        if (!gwc_made_of(header->key.v, "-_")) {
            gwc_error(header->key.node, "%s is no header name",
                      gwc_quoted(header->key.v));
        }

        if (header->key.v.len == 4
            && strncasecmp(header->key.v.data, "host", 4) == 0) {
            gwc_error(header->key.node,
                      "\"host\" cannot be matched as a header, use \"hosts\"");
        }

        /* one of several values is no regex in that flavor */
        if (gwc_flavor_is("traditional") && header->values.n > 1) {
            continue;
        }

        for (k = 0; k < header->values.n; k++) {
            const gwc_str_t *s = GWC_ITEM(header->values, gwc_str_t, k);

            if (s->v.len > 2 && memcmp(s->v.data, "~*", 2) == 0) {
                regex.data = s->v.data + 2;
                regex.len = s->v.len - 2;
                gwc_check_router_regex(s, regex, 2);
            }
        }
    }
}
