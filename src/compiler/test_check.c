/*
 * Copyright (C) the ngx_gateway authors
 *
 * Expectations: whether they make sense, and whether they came true.
 */

#define PCRE2_CODE_UNIT_WIDTH 8

#include <math.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "test.h"

/* of a text in a message */
#define GWC_TEST_SHOWN 400

/* what a request at an upstream is looked at for, and its texts */
static const char *const gwc_upstream_keys[] = {
    "count",   "method", "url",
    "service", "target", "scheme",
    "http",    "sni",    "client_certificate",
    "headers", "body",   "json",
    NULL
};


void
gwc_test_fail(gwc_vec_t *failures, const gwc_node_t *node, const char *what,
              const char *expected, const char *got)
{
    gwc_test_failure_t *failure = gwc_alloc(sizeof(*failure));

    failure->node = node;
    failure->what = what;
    failure->expected = expected;
    failure->got = got;
    gwc_vec_push(failures, failure);
}


/* texts */


static bool
gwc_is_scalar(const gwc_node_t *node)
{
    return node->kind != GWC_NODE_SEQ && node->kind != GWC_NODE_MAP
           && node->kind != GWC_NODE_NULL;
}


static pcre2_code *
gwc_pattern(const gwc_node_t *node)
{
    PCRE2_UCHAR message[128];
    PCRE2_SIZE offset;
    pcre2_code *code;
    int error;

    code = pcre2_compile((PCRE2_SPTR) node->text.data, node->text.len, 0,
                         &error, &offset, NULL);

    if (code == NULL) {
        (void) pcre2_get_error_message(error, message, sizeof(message));
        gwc_error(node, "bad regex: %s at position %zu",
                  (const char *) message, offset);
    }

    return code;
}


static bool
gwc_matches(const gwc_node_t *node, gwc_text_t text)
{
    pcre2_code *code = gwc_pattern(node);
    pcre2_match_data *data;
    int rc;

    if (code == NULL) {
        return false;
    }

    data = pcre2_match_data_create_from_pattern(code, NULL);
    rc = pcre2_match(code, (PCRE2_SPTR) (text.len ? text.data : ""), text.len,
                     0, 0, data, NULL);
    pcre2_match_data_free(data);
    pcre2_code_free(code);

    return rc >= 0;
}


/* a text, null, {matches: regex} or {contains: text} */
static void
gwc_check_match(const gwc_node_t *node)
{
    pcre2_code *code;

    if (node->kind == GWC_NODE_NULL || gwc_is_scalar(node)) {
        return;
    }

    if (node->kind != GWC_NODE_MAP || node->n != 1
        || (!gwc_text_is(node->keys[0]->text, "matches")
            && !gwc_text_is(node->keys[0]->text, "contains"))
        || !gwc_is_scalar(node->items[0]))
    {
        gwc_error(node, "expected a text, null, {matches: REGEX} or "
                        "{contains: TEXT}");
        return;
    }

    if (gwc_text_is(node->keys[0]->text, "matches")) {
        code = gwc_pattern(node->items[0]);

        if (code != NULL) {
            pcre2_code_free(code);
        }
    }
}


static const char *
gwc_shown_text(gwc_text_t text)
{
    gwc_buf_t buf = { 0 };

    if (text.data == NULL) {
        return "nothing";
    }

    if (text.len > GWC_TEST_SHOWN) {
        text.len = GWC_TEST_SHOWN;
        gwc_json_add_string(&buf, text);
        gwc_buf_puts(&buf, " (cut)");

    } else {
        gwc_json_add_string(&buf, text);
    }

    gwc_buf_add(&buf, "", 1);

    return buf.data;
}


static const char *
gwc_shown_match(const gwc_node_t *node)
{
    if (node->kind == GWC_NODE_NULL) {
        return "nothing";
    }

    if (node->kind == GWC_NODE_MAP) {
        return gwc_sprintf("%s %s",
                           gwc_text_is(node->keys[0]->text, "matches")
                               ? "a match of"
                               : "a text with",
                           gwc_shown_text(gwc_test_text(node->items[0])));
    }

    return gwc_shown_text(gwc_test_text(node));
}


static bool
gwc_is_match(const gwc_node_t *node, gwc_text_t text)
{
    gwc_text_t part;

    if (node->kind == GWC_NODE_NULL) {
        return text.data == NULL;
    }

    if (text.data == NULL) {
        return false;
    }

    if (node->kind != GWC_NODE_MAP) {
        return gwc_text_equal(gwc_test_text(node), text);
    }

    if (gwc_text_is(node->keys[0]->text, "matches")) {
        return gwc_matches(node->items[0], text);
    }

    part = gwc_test_text(node->items[0]);

    return memmem(text.len ? text.data : "", text.len, part.data, part.len)
           != NULL;
}


static void
gwc_compare_text(const gwc_node_t *node, const char *what, gwc_text_t text,
                 gwc_vec_t *failures)
{
    if (node != NULL && !gwc_is_match(node, text)) {
        gwc_test_fail(failures, node, what, gwc_shown_match(node),
                      gwc_shown_text(text));
    }
}


static gwc_text_t
gwc_text_of(const char *text)
{
    return (gwc_text_t){ text, text != NULL ? strlen(text) : 0 };
}


/* headers */


static void
gwc_check_headers(const gwc_node_t *headers)
{
    size_t i, k;

    if (headers == NULL) {
        return;
    }

    if (headers->kind != GWC_NODE_MAP) {
        gwc_error(headers, "expected a map of headers, not %s",
                  gwc_node_kind_name(headers));
        return;
    }

    for (i = 0; i < headers->n; i++) {
        const gwc_node_t *item = headers->items[i];

        if (item->kind != GWC_NODE_SEQ) {
            gwc_check_match(item);
            continue;
        }

        for (k = 0; k < item->n; k++) {
            if (!gwc_is_scalar(item->items[k])) {
                gwc_error(item->items[k],
                          "expected a value of a header, "
                          "not %s",
                          gwc_node_kind_name(item->items[k]));
            }
        }
    }
}


static void
gwc_compare_header_list(const gwc_node_t *node, const char *what,
                        const gwc_vec_t *headers, const char *name,
                        gwc_vec_t *failures)
{
    gwc_buf_t expected = { 0 }, got = { 0 };
    size_t i, n = 0;
    bool equal = true;

    for (i = 0; i < node->n; i++) {
        gwc_buf_printf(&expected, "%s%s", i ? ", " : "",
                       gwc_shown_match(node->items[i]));
    }

    for (i = 0; i < headers->n; i++) {
        const gwc_test_header_t *header = headers->items[i];

        if (strcasecmp(header->name.data, name) != 0) {
            continue;
        }

        equal = equal && n < node->n
                && gwc_is_match(node->items[n], header->value);
        gwc_buf_printf(&got, "%s%s", n ? ", " : "",
                       gwc_shown_text(header->value));
        n++;
    }

    if (equal && n == node->n) {
        return;
    }

    gwc_buf_add(&expected, "", 1);
    gwc_buf_add(&got, "", 1);
    gwc_test_fail(failures, node, what, gwc_sprintf("[%s]", expected.data),
                  gwc_sprintf("[%s]", got.data));
}


static void
gwc_compare_headers(const gwc_node_t *node, const char *whose,
                    const gwc_vec_t *headers, gwc_vec_t *failures)
{
    size_t i, k, n;

    for (i = 0; node != NULL && i < node->n; i++) {
        const char *name = node->keys[i]->text.data;
        const char *what = gwc_sprintf("%s %s", whose, name);
        gwc_text_t text = { NULL, 0 };
        gwc_buf_t all = { 0 };

        if (node->items[i]->kind == GWC_NODE_SEQ) {
            gwc_compare_header_list(node->items[i], what, headers, name,
                                    failures);
            continue;
        }

        for (k = 0, n = 0; k < headers->n; k++) {
            const gwc_test_header_t *header = headers->items[k];

            if (strcasecmp(header->name.data, name) == 0) {
                gwc_buf_puts(&all, n++ ? ", " : "");
                gwc_buf_add(&all, header->value.data, header->value.len);
                gwc_buf_add(&all, "", 1);
                text = (gwc_text_t){ all.data, --all.len };
            }
        }

        gwc_compare_text(node->items[i], what, text, failures);
    }
}


/* JSON: what is expected must be there, more may be */


static bool
gwc_is_number(const gwc_node_t *node)
{
    return node->kind == GWC_NODE_INT || node->kind == GWC_NODE_FLOAT;
}


static const char *
gwc_shown_json(const gwc_node_t *node)
{
    gwc_buf_t buf = { 0 };

    if (node == NULL) {
        return "nothing";
    }

    gwc_test_json(&buf, node);

    if (buf.len > GWC_TEST_SHOWN) {
        buf.len = GWC_TEST_SHOWN;
        gwc_buf_puts(&buf, "... (cut)");
    }

    gwc_buf_add(&buf, "", 1);

    return buf.data;
}


static bool
gwc_json_scalar_is(const gwc_node_t *node, const gwc_node_t *got)
{
    if (gwc_is_number(node) && gwc_is_number(got)) {
        return node->number == got->number;
    }

    if (node->kind != got->kind) {
        return false;
    }

    switch (node->kind) {
    case GWC_NODE_NULL:
        return true;

    case GWC_NODE_BOOL:
        return node->boolean == got->boolean;

    case GWC_NODE_STRING:
        return gwc_text_equal(gwc_test_text(node), got->text);

    case GWC_NODE_INT:
    case GWC_NODE_FLOAT:
    case GWC_NODE_SEQ:
    case GWC_NODE_MAP:
        break;
    }

    return false;
}


static void
gwc_compare_json(const gwc_node_t *node, const gwc_node_t *got,
                 const char *path, gwc_vec_t *failures)
{
    size_t i;

    if (got != NULL && node->kind == GWC_NODE_MAP && got->kind == GWC_NODE_MAP)
    {
        for (i = 0; i < node->n; i++) {
            const char *key = node->keys[i]->text.data;

            gwc_compare_json(node->items[i], gwc_node_get(got, key),
                             gwc_sprintf("%s.%s", path, key), failures);
        }

        return;
    }

    if (got != NULL && node->kind == GWC_NODE_SEQ && got->kind == GWC_NODE_SEQ
        && node->n == got->n)
    {
        for (i = 0; i < node->n; i++) {
            gwc_compare_json(node->items[i], got->items[i],
                             gwc_sprintf("%s[%zu]", path, i), failures);
        }

        return;
    }

    if (got == NULL || !gwc_json_scalar_is(node, got)) {
        gwc_test_fail(failures, node, path, gwc_shown_json(node),
                      gwc_shown_json(got));
    }
}


static void
gwc_compare_json_text(const gwc_node_t *node, const char *what,
                      const gwc_buf_t *body, gwc_vec_t *failures)
{
    const char *data = body->len ? body->data : "";
    const gwc_node_t *got;

    if (node == NULL) {
        return;
    }

    if (!gwc_json_valid(data, body->len)) {
        gwc_test_fail(failures, node, what, "JSON",
                      gwc_shown_text((gwc_text_t){ data, body->len }));
        return;
    }

    got = gwc_json_parse("body", data, body->len);

    if (got != NULL) {
        gwc_compare_json(node, got, what, failures);
    }
}


/* statuses */


static void
gwc_check_status(const gwc_node_t *node)
{
    size_t i;

    if (node == NULL || node->kind == GWC_NODE_NULL) {
        return;
    }

    for (i = 0; i < (node->kind == GWC_NODE_SEQ ? node->n : 1); i++) {
        const gwc_node_t *item =
            node->kind == GWC_NODE_SEQ ? node->items[i] : node;

        if (item->kind != GWC_NODE_INT || item->integer < 100
            || item->integer > 999) {
            gwc_error(item, "expected a status, several in a list, or null "
                            "for no answer");
        }
    }
}


static void
gwc_compare_status(const gwc_node_t *node, const gwc_test_result_t *result,
                   gwc_vec_t *failures)
{
    size_t i;

    if (node == NULL || node->kind == GWC_NODE_NULL) {
        if (node == NULL && result->error != NULL) {
            gwc_test_fail(failures, node, "answer", "one", result->error);

        } else if (node != NULL && result->error == NULL) {
            gwc_test_fail(failures, node, "status", "no answer",
                          gwc_sprintf("%d", result->status));
        }

        return;
    }

    for (i = 0; i < (node->kind == GWC_NODE_SEQ ? node->n : 1); i++) {
        const gwc_node_t *item =
            node->kind == GWC_NODE_SEQ ? node->items[i] : node;

        if (item->integer == result->status && result->error == NULL) {
            return;
        }
    }

    gwc_test_fail(failures, node, "status", gwc_shown_json(node),
                  result->error != NULL ? result->error
                                        : gwc_sprintf("%d", result->status));
}


/* upstreams */


static void
gwc_check_upstream(const gwc_node_t *node)
{
    size_t i, k;

    if (node == NULL || node->kind == GWC_NODE_NULL) {
        return;
    }

    if (node->kind != GWC_NODE_MAP) {
        gwc_error(node, "expected a map, or null when no upstream is to be "
                        "reached");
        return;
    }

    for (i = 0; i < node->n; i++) {
        gwc_text_t key = node->keys[i]->text;
        const gwc_node_t *item = node->items[i];

        for (k = 0; gwc_upstream_keys[k] != NULL; k++) {
            if (gwc_text_is(key, gwc_upstream_keys[k])) {
                break;
            }
        }

        if (gwc_upstream_keys[k] == NULL) {
            const char *near = gwc_nearest(key, gwc_upstream_keys, k);

            gwc_error(node->keys[i], "unknown field \"%s\"%s%s%s", key.data,
                      near != NULL ? ", did you mean \"" : "",
                      near != NULL ? near : "", near != NULL ? "\"?" : "");

        } else if (gwc_text_is(key, "headers")) {
            gwc_check_headers(item);

        } else if (gwc_text_is(key, "count")) {
            if (item->kind != GWC_NODE_INT || item->integer < 0) {
                gwc_error(item, "expected a number of requests");
            }

        } else if (!gwc_text_is(key, "json")) {
            gwc_check_match(item);
        }
    }
}


static void
gwc_compare_upstream(const gwc_node_t *node, const gwc_test_result_t *result,
                     gwc_vec_t *failures)
{
    const gwc_test_received_t *received;
    const gwc_node_t *count;
    gwc_text_t body;

    if (node == NULL) {
        return;
    }

    if (node->kind == GWC_NODE_NULL) {
        if (result->received.n) {
            received = result->received.items[0];
            gwc_test_fail(failures, node, "upstream", "not to be reached",
                          gwc_sprintf("%s %s at %s", received->method.data,
                                      received->target.data,
                                      received->destination));
        }

        return;
    }

    count = gwc_node_get(node, "count");

    if (count != NULL && (size_t) count->integer != result->received.n) {
        gwc_test_fail(failures, count, "upstream count",
                      gwc_sprintf("%lld", (long long) count->integer),
                      gwc_sprintf("%zu", result->received.n));
    }

    if (count != NULL && count->integer == 0) {
        return;
    }

    if (result->received.n == 0) {
        if (count == NULL) {
            gwc_test_fail(failures, node, "upstream", "a request", "none");
        }

        return;
    }

    /* of several attempts the last one */
    received = result->received.items[result->received.n - 1];
    body = (gwc_text_t){ received->body.len ? received->body.data : "",
                         received->body.len };

    gwc_compare_text(gwc_node_get(node, "method"), "upstream method",
                     received->method, failures);
    gwc_compare_text(gwc_node_get(node, "url"), "upstream url",
                     received->target, failures);
    gwc_compare_text(gwc_node_get(node, "service"), "upstream service",
                     result->service, failures);
    gwc_compare_text(gwc_node_get(node, "target"), "upstream target",
                     gwc_text_of(received->destination), failures);
    gwc_compare_text(gwc_node_get(node, "scheme"), "upstream scheme",
                     gwc_text_of(received->scheme), failures);
    gwc_compare_text(gwc_node_get(node, "http"), "upstream http",
                     gwc_text_of(received->version), failures);
    gwc_compare_text(gwc_node_get(node, "sni"), "upstream sni",
                     gwc_text_of(received->sni), failures);
    gwc_compare_text(gwc_node_get(node, "client_certificate"),
                     "upstream client_certificate",
                     gwc_text_of(received->certificate), failures);
    gwc_compare_headers(gwc_node_get(node, "headers"), "upstream header",
                        &received->headers, failures);
    gwc_compare_text(gwc_node_get(node, "body"), "upstream body", body,
                     failures);
    gwc_compare_json_text(gwc_node_get(node, "json"), "upstream json",
                          &received->body, failures);
}


/* all of it */


static void
gwc_check_optional(const gwc_node_t *node)
{
    if (node != NULL) {
        gwc_check_match(node);
    }
}


void
gwc_test_check_expect(const gwc_test_expect_t *expect)
{
    gwc_check_status(expect->status);
    gwc_check_optional(expect->route);
    gwc_check_optional(expect->service);
    gwc_check_optional(expect->consumer);
    gwc_check_optional(expect->source);
    gwc_check_optional(expect->body);
    gwc_check_headers(expect->headers);
    gwc_check_upstream(expect->upstream);
}


static bool
gwc_is_about_record(const gwc_test_expect_t *expect)
{
    return expect->route != NULL || expect->service != NULL
           || expect->consumer != NULL || expect->source != NULL;
}


void
gwc_test_compare(const gwc_test_expect_t *expect,
                 const gwc_test_result_t *result, gwc_vec_t *failures)
{
    gwc_text_t consumer = result->consumer;
    gwc_text_t body = { result->body.len ? result->body.data : "",
                        result->body.len };

    gwc_compare_status(expect->status, result, failures);

    if (gwc_is_about_record(expect) && !result->recorded) {
        gwc_test_fail(failures, expect->record.node, "record",
                      "what the gateway did with the request",
                      "nothing: it was no request for it, or access_log is "
                      "set for its service");

    } else {
        if (consumer.data == NULL) {
            consumer = result->custom_id;
        }

        gwc_compare_text(expect->route, "route", result->route, failures);
        gwc_compare_text(expect->service, "service", result->service,
                         failures);
        gwc_compare_text(expect->consumer, "consumer", consumer, failures);
        gwc_compare_text(expect->source, "source", result->source, failures);
    }

    /* without an answer the rest says nothing */
    if (result->error == NULL) {
        gwc_compare_headers(expect->headers, "header", &result->headers,
                            failures);
        gwc_compare_text(expect->body, "body", body, failures);
        gwc_compare_json_text(expect->json, "json", &result->body, failures);
    }

    gwc_compare_upstream(expect->upstream, result, failures);
}
