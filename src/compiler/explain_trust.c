/*
 * Copyright (C) the ngx_gateway authors
 *
 * What explain believes of the forwarding headers: those of a client whose
 * address (--from) is one of trusted_ips, as the core and the realip module
 * do.  A client without an address is nobody's proxy.
 */

#include <string.h>

#include "entities.h"
#include "explain.h"
#include "gateway_expression.h"


static bool
gwc_explain_is_trusted(const gateway_address_t *address,
                       const gwc_settings_t *settings)
{
    gateway_address_t net;
    unsigned bits;
    size_t i;

    for (i = 0; i < settings->trusted_ips.n; i++) {
        const char *text = settings->trusted_ips.items[i];

        if (gateway_address_parse(&net, &bits, text, strlen(text)) == 0
            && gateway_address_in(address, &net, bits))
        {
            return true;
        }
    }

    return false;
}


/* cuts the last item from a list, with its port, if it has one */
static bool
gwc_explain_last_address(gateway_str_t *list, gateway_address_t *address,
                         int *port)
{
    const char *data = list->data;
    size_t len = list->len;
    size_t start, end;
    unsigned bits;

    while (len && (data[len - 1] == ' ' || data[len - 1] == ',')) {
        len--;
    }

    for (start = len; start > 0; start--) {
        if (data[start - 1] == ',' || data[start - 1] == ' ') {
            break;
        }
    }

    list->len = start;
    *port = 0;

    if (gateway_address_parse(address, &bits, data + start, len - start) == 0)
    {
        return bits == address->len * 8;
    }

    /* "10.0.0.1:80", "[::1]:80" */
    for (end = len; end > start && data[end - 1] != ':'; end--) {
        /* void */
    }

    if (end == start) {
        return false;
    }

    *port =
        (int) gwc_small_number((gwc_text_t){ data + end, len - end }, 65535);
    end--;

    if (end - start > 2 && data[start] == '[' && data[end - 1] == ']') {
        start++;
        end--;
    }

    return *port > 0
           && gateway_address_parse(address, &bits, data + start, end - start)
                  == 0
           && bits == address->len * 8;
}


/* the address that the realip module would put in place of the client's */
static void
gwc_explain_real_ip(gwc_explain_request_t *request,
                    const gwc_settings_t *settings)
{
    bool recursive = gwc_settings_flag(settings, "real_ip_recursive");
    gateway_address_t address;
    gateway_str_t value;
    const char *name;
    int port;

    name = gwc_settings_get(settings, "real_ip_header");

    if (!gwc_explain_get(request, gwc_explain_fold(name, strlen(name)),
                         &value)) {
        return;
    }

    do {
        if (!gwc_explain_last_address(&value, &address, &port)) {
            return;
        }

        request->address = address;
        request->from_port = port;

    } while (recursive && gwc_explain_is_trusted(&address, settings));
}


void
gwc_explain_trust(gwc_explain_request_t *request,
                  const gwc_settings_t *settings)
{
    gateway_str_t value;

    if (!request->from || !gwc_explain_is_trusted(&request->address, settings))
    {
        return;
    }

    if (gwc_explain_get(request, "x_forwarded_proto", &value)) {
        request->https = value.len == sizeof("https") - 1
                         && memcmp(value.data, "https", value.len) == 0;
    }

    request->trusted = true;
    gwc_explain_real_ip(request, settings);
}
