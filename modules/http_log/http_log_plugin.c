/*
 * Copyright (C) the ngx_gateway authors
 *
 * http-log.
 */

#include <string.h>
#include <strings.h>

#include "custom_fields.h"
#include "queue.h"

typedef struct {
    gwc_record_t record;
    gwc_str_t http_endpoint;
    gwc_str_t method;
    gwc_str_t content_type;
    gwc_num_t timeout;
    gwc_num_t keepalive;
    gwc_list_t headers; /* gwc_pair_t */
    gwc_queue_t queue;
    gwc_queue_flat_t flat;
    gwc_list_t custom_fields_by_lua; /* gwc_pair_t */
} gwc_http_log_t;

static const char *const gwc_http_log_methods[] = { "POST", "PUT", "PATCH",
                                                    NULL };

static const char *const gwc_http_log_types[] = {
    "application/json",
    "application/json; charset=utf-8",
    NULL,
};

static const gwc_field_t gwc_http_log_header = {
    .type = GWC_STRING,
    .offset = offsetof(gwc_pair_t, value),
    .flags = GWC_REFERENCEABLE | GWC_SECRET | GWC_EMPTY_OK,
    .check = gwc_check_printable,
};

static const gwc_field_t gwc_http_log_fields[] = {
    {
        .name = "http_endpoint",
        .type = GWC_STRING,
        .offset = offsetof(gwc_http_log_t, http_endpoint),
        .flags = GWC_REQUIRED | GWC_REFERENCEABLE | GWC_SECRET,
        .check = gwc_check_url,
    },
    {
        .name = "method",
        .type = GWC_STRING,
        .offset = offsetof(gwc_http_log_t, method),
        .dflt = "\"POST\"",
        .one_of = gwc_http_log_methods,
    },
    {
        .name = "content_type",
        .type = GWC_STRING,
        .offset = offsetof(gwc_http_log_t, content_type),
        .dflt = "\"application/json\"",
        .one_of = gwc_http_log_types,
    },
    {
        .name = "timeout",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_http_log_t, timeout),
        .dflt = "10000",
        .bounded = true,
        .min = 0,
        .max = 2147483646,
    },
    {
        .name = "keepalive",
        .type = GWC_NUMBER,
        .offset = offsetof(gwc_http_log_t, keepalive),
        .dflt = "60000",
        .bounded = true,
        .min = 0,
        .max = 2147483646,
    },
    {
        .name = "headers",
        .type = GWC_MAP,
        .offset = offsetof(gwc_http_log_t, headers),
        .elem = &gwc_http_log_header,
        .size = sizeof(gwc_pair_t),
    },
    GWC_QUEUE_FIELDS(gwc_http_log_t, queue, flat),
    GWC_CUSTOM_FIELDS(gwc_http_log_t, custom_fields_by_lua),
    { .name = NULL },
};


/* the host in a URL, nothing if it is none; and where its user ends */
static gwc_text_t
gwc_http_log_host(gwc_text_t url, const char **user)
{
    const char *host = url.len ? strstr(url.data, "://") : NULL;
    const char *last, *end, *p;

    *user = NULL;

    if (host == NULL) {
        return (gwc_text_t){ NULL, 0 };
    }

    host += 3;
    end = host + strcspn(host, "/?#");

    for (p = host; p < end; p++) {
        if (*p == '@') {
            *user = p;
        }
    }

    if (*user != NULL) {
        host = *user + 1;
    }

    if (*host == '[') {
        last = host + strcspn(host, "]");
        last += *last == ']' ? 1 : 0;

    } else {
        last = host + strcspn(host, ":/?#");
    }

    return (gwc_text_t){ host, (size_t) (last - host) };
}


static gwc_text_t
gwc_http_log_looks_up(const void *config)
{
    const gwc_http_log_t *log = config;
    const char *user;

    return gwc_http_log_host(log->http_endpoint.v, &user);
}


static void
gwc_http_log_check_header(const gwc_str_t *name, const char *user)
{
    gwc_check_header_name(NULL, (void *) (uintptr_t) name);

    if (strcasecmp(name->v.data, "host") == 0
        || strcasecmp(name->v.data, "content-length") == 0
        || strcasecmp(name->v.data, "content-type") == 0)
    {
        gwc_error(name->node, "cannot contain '%s' header", name->v.data);
    }

    if (user != NULL && strcasecmp(name->v.data, "authorization") == 0) {
        gwc_error(name->node, "specifying both an 'Authorization' header and "
                              "user info in 'http_endpoint' is not allowed");
    }
}


static void
gwc_http_log_check(void *config)
{
    gwc_http_log_t *log = config;
    const char *user;
    size_t i;

    gwc_queue_merge(&log->queue, &log->flat);

    if (strncasecmp(log->http_endpoint.v.data, "http://", 7) != 0
        && strncasecmp(log->http_endpoint.v.data, "https://", 8) != 0)
    {
        gwc_error(log->http_endpoint.node,
                  "expected a URL that begins with http:// or https://");
        return;
    }

    (void) gwc_http_log_host(log->http_endpoint.v, &user);

    for (i = 0; i < log->headers.n; i++) {
        gwc_http_log_check_header(&GWC_ITEM(log->headers, gwc_pair_t, i)->key,
                                  user);
    }
}


extern const gwc_plugin_rule_t gwc_rule_http_log;

const gwc_plugin_rule_t gwc_rule_http_log = {
    .name = "http-log",
    .directive = "gateway_http_log",
    .priority = 12,
    .scopes = GWC_SCOPE_ALL,
    .fields = gwc_http_log_fields,
    .size = sizeof(gwc_http_log_t),
    .check = gwc_http_log_check,
    .writes_records = true,
    .looks_up = gwc_http_log_looks_up,
};
