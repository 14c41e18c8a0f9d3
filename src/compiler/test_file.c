/*
 * Copyright (C) the ngx_gateway authors
 *
 * Test files: nodes to typed tests.
 */

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "schema.h"
#include "test.h"
#include "vault.h"

#define AT(type, member) .offset = offsetof(type, member)
#define RANGE(lo, hi)    .bounded = true, .min = (lo), .max = (hi)

static const char *const gwc_versions[] = { "1.0", "1.1", "2", NULL };
static const char *const gwc_failings[] = { "close", "reset", "timeout",
                                            NULL };
static const char *const gwc_windows[] = { "second", "minute", "hour", "day",
                                           NULL };

static const gwc_field_t gwc_test_tls_fields[] = {
    { .name = "sni", .type = GWC_STRING, AT(gwc_test_tls_t, sni) },
    { .name = "certificate",
      .type = GWC_STRING,
      AT(gwc_test_tls_t, certificate) },
    { .name = "key", .type = GWC_STRING, AT(gwc_test_tls_t, key) },
    { .name = NULL }
};

static const gwc_field_t gwc_test_request_fields[] = {
    { .name = "method",
      .type = GWC_STRING,
      AT(gwc_test_request_t, method),
      .check = gwc_check_printable },
    { .name = "url",
      .type = GWC_STRING,
      .flags = GWC_REQUIRED | GWC_REFERENCEABLE,
      AT(gwc_test_request_t, url),
      .check = gwc_check_printable },
    { .name = "headers", .type = GWC_ANY, AT(gwc_test_request_t, headers) },
    { .name = "body", .type = GWC_ANY, AT(gwc_test_request_t, body) },
    { .name = "body_file",
      .type = GWC_STRING,
      AT(gwc_test_request_t, body_file) },
    { .name = "json", .type = GWC_ANY, AT(gwc_test_request_t, json) },
    { .name = "http", .type = GWC_ANY, AT(gwc_test_request_t, http) },
    { .name = "from", .type = GWC_STRING, AT(gwc_test_request_t, from) },
    { .name = "tls",
      .type = GWC_RECORD,
      AT(gwc_test_request_t, tls),
      .fields = gwc_test_tls_fields,
      .size = sizeof(gwc_test_tls_t) },
    { .name = NULL }
};

static const gwc_field_t gwc_test_answer_fields[] = {
    { .name = "target", .type = GWC_STRING, AT(gwc_test_answer_t, target) },
    { .name = "status",
      .type = GWC_INT,
      AT(gwc_test_answer_t, status),
      RANGE(200, 999) },
    { .name = "headers", .type = GWC_ANY, AT(gwc_test_answer_t, headers) },
    { .name = "trailers", .type = GWC_ANY, AT(gwc_test_answer_t, trailers) },
    { .name = "body", .type = GWC_ANY, AT(gwc_test_answer_t, body) },
    { .name = "body_file",
      .type = GWC_STRING,
      AT(gwc_test_answer_t, body_file) },
    { .name = "json", .type = GWC_ANY, AT(gwc_test_answer_t, json) },
    { .name = "delay",
      .type = GWC_NUMBER,
      AT(gwc_test_answer_t, delay),
      RANGE(0, 60) },
    { .name = "fail",
      .type = GWC_STRING,
      .one_of = gwc_failings,
      AT(gwc_test_answer_t, fail) },
    { .name = NULL }
};

static const gwc_field_t gwc_test_expect_fields[] = {
    { .name = "status", .type = GWC_ANY, AT(gwc_test_expect_t, status) },
    { .name = "route", .type = GWC_ANY, AT(gwc_test_expect_t, route) },
    { .name = "service", .type = GWC_ANY, AT(gwc_test_expect_t, service) },
    { .name = "consumer", .type = GWC_ANY, AT(gwc_test_expect_t, consumer) },
    { .name = "source", .type = GWC_ANY, AT(gwc_test_expect_t, source) },
    { .name = "headers", .type = GWC_ANY, AT(gwc_test_expect_t, headers) },
    { .name = "body", .type = GWC_ANY, AT(gwc_test_expect_t, body) },
    { .name = "json", .type = GWC_ANY, AT(gwc_test_expect_t, json) },
    { .name = "upstream", .type = GWC_ANY, AT(gwc_test_expect_t, upstream) },
    { .name = NULL }
};

#define STEP_FIELDS(request_flags)                                            \
    { .name = "request",                                                      \
      .type = GWC_RECORD,                                                     \
      .flags = (request_flags),                                               \
      AT(gwc_test_step_t, request),                                           \
      .fields = gwc_test_request_fields,                                      \
      .size = sizeof(gwc_test_request_t) },                                   \
        { .name = "upstream",                                                 \
          .type = GWC_ANY,                                                    \
          AT(gwc_test_step_t, upstream) },                                    \
        { .name = "expect",                                                   \
          .type = GWC_RECORD,                                                 \
          AT(gwc_test_step_t, expect),                                        \
          .fields = gwc_test_expect_fields,                                   \
          .size = sizeof(gwc_test_expect_t) },                                \
    {                                                                         \
        .name = "repeat", .type = GWC_INT, AT(gwc_test_step_t, repeat),       \
        .dflt = "1", RANGE(1, 10000)                                          \
    }

static const gwc_field_t gwc_test_step_fields[] = { STEP_FIELDS(GWC_REQUIRED),
                                                    { .name = NULL } };

static const gwc_field_t gwc_test_fields[] = {
    STEP_FIELDS(0),
    { .name = "name",
      .type = GWC_STRING,
      AT(gwc_test_t, name),
      .check = gwc_check_printable },
    { .name = "window",
      .type = GWC_STRING,
      .one_of = gwc_windows,
      AT(gwc_test_t, window) },
    { .name = "steps",
      .type = GWC_ARRAY,
      AT(gwc_test_t, steps),
      .min_len = 1,
      .elem = &(const gwc_field_t){ .type = GWC_RECORD,
                                    .fields = gwc_test_step_fields,
                                    .size = sizeof(gwc_test_step_t) },
      .size = sizeof(gwc_test_step_t) },
    { .name = NULL }
};

static const gwc_field_t gwc_test_root_fields[] = {
    { .name = "tests",
      .type = GWC_ARRAY,
      .flags = GWC_REQUIRED,
      AT(gwc_test_file_t, tests),
      .elem = &(const gwc_field_t){ .type = GWC_RECORD,
                                    .fields = gwc_test_fields,
                                    .size = sizeof(gwc_test_t) },
      .size = sizeof(gwc_test_t) },
    { .name = NULL }
};

static const gwc_schema_t gwc_test_root = { .tables = {
                                                gwc_test_root_fields } };
static const gwc_schema_t gwc_test_answers = { .tables = {
                                                   gwc_test_answer_fields } };


gwc_text_t
gwc_test_text(const gwc_node_t *node)
{
    gwc_text_t text = node->text;

    if (node->kind == GWC_NODE_STRING && gwc_vault_is_reference(text)
        && !gwc_vault_resolve(node, &text))
    {
        return GWC_TEXT("");
    }

    return text.data != NULL ? text : GWC_TEXT("");
}


void
gwc_test_json(gwc_buf_t *buf, const gwc_node_t *node)
{
    size_t i;

    switch (node->kind) {
    case GWC_NODE_NULL:
        gwc_buf_puts(buf, "null");
        break;

    case GWC_NODE_BOOL:
        gwc_buf_puts(buf, node->boolean ? "true" : "false");
        break;

    case GWC_NODE_INT:
        gwc_buf_printf(buf, "%lld", (long long) node->integer);
        break;

    case GWC_NODE_FLOAT:
        if (isfinite(node->number)) {
            gwc_buf_printf(buf, "%.17g", node->number);
        } else {
            gwc_buf_puts(buf, "null");
        }
        break;

    case GWC_NODE_STRING:
        gwc_json_add_string(buf, gwc_test_text(node));
        break;

    case GWC_NODE_SEQ:
        gwc_buf_puts(buf, "[");

        for (i = 0; i < node->n; i++) {
            gwc_buf_puts(buf, i ? "," : "");
            gwc_test_json(buf, node->items[i]);
        }

        gwc_buf_puts(buf, "]");
        break;

    case GWC_NODE_MAP:
        gwc_buf_puts(buf, "{");

        for (i = 0; i < node->n; i++) {
            gwc_buf_puts(buf, i ? "," : "");
            gwc_json_add_string(buf, node->keys[i]->text);
            gwc_buf_puts(buf, ":");
            gwc_test_json(buf, node->items[i]);
        }

        gwc_buf_puts(buf, "}");
        break;
    }
}


/* body, body_file or json, one of them; files beside the test file */
static bool
gwc_test_content(const gwc_node_t *body, const gwc_str_t *body_file,
                 const gwc_node_t *json, const gwc_node_t *node,
                 gwc_text_t *content)
{
    gwc_buf_t buf = { 0 };
    const char *path, *slash;

    if ((body != NULL) + (int) body_file->set + (json != NULL) > 1) {
        gwc_error(node, "only one of body, body_file and json can be given");
        return false;
    }

    if (body != NULL) {
        if (body->kind == GWC_NODE_SEQ || body->kind == GWC_NODE_MAP
            || body->kind == GWC_NODE_NULL)
        {
            gwc_error(body, "expected a text, not %s: \"json\" takes others",
                      gwc_node_kind_name(body));
        }

        *content = gwc_test_text(body);

    } else if (json != NULL) {
        gwc_test_json(&buf, json);
        *content = (gwc_text_t){ buf.data, buf.len };

    } else if (body_file->set) {
        path = gwc_strndup(body_file->v.data, body_file->v.len);
        slash = strrchr(node->file, '/');

        if (path[0] != '/' && slash != NULL) {
            path = gwc_sprintf("%.*s/%s", (int) (slash - node->file),
                               node->file, path);
        }

        if (access(path, R_OK) != 0) {
            gwc_error(body_file->node, "cannot read \"%s\"", path);
            return false;
        }

        return gwc_file_read(path, content);

    } else {
        *content = GWC_TEXT("");
        return false;
    }

    return true;
}


static void
gwc_test_check_headers(const gwc_node_t *headers)
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
        gwc_str_t name = { headers->keys[i], true, headers->keys[i]->text };

        gwc_check_header_name(NULL, &name);

        for (k = 0; k < (item->kind == GWC_NODE_SEQ ? item->n : 1); k++) {
            const gwc_node_t *value =
                item->kind == GWC_NODE_SEQ ? item->items[k] : item;
            gwc_str_t text = { value, true, { "", 0 } };

            if (value->kind == GWC_NODE_SEQ || value->kind == GWC_NODE_MAP
                || value->kind == GWC_NODE_NULL)
            {
                gwc_error(value, "expected a value of a header, not %s",
                          gwc_node_kind_name(value));
                continue;
            }

            text.v = gwc_test_text(value);
            gwc_check_printable(NULL, &text);
        }
    }
}


/* [scheme://authority]/target */
static void
gwc_test_check_url(gwc_test_request_t *request)
{
    const char *url = gwc_strndup(request->url.v.data, request->url.v.len);
    const char *end, *p;
    char *colon, *stop;

    if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0) {
        request->https = url[4] == 's';
        p = strchr(url, ':') + 3;
        end = p + strcspn(p, "/?#");
        request->authority = gwc_strndup(p, (size_t) (end - p));
        request->target = end[0] == '\0'  ? "/"
                          : end[0] == '/' ? end
                                          : gwc_sprintf("/%s", end);

    } else if (url[0] == '/') {
        request->authority = "localhost";
        request->target = url;

    } else {
        gwc_error(request->url.node, "expected http://HOST/PATH, "
                                     "https://HOST/PATH or /PATH");
        return;
    }

    if (strpbrk(request->target, " #") != NULL) {
        gwc_error(request->url.node, "spaces and fragments are not sent: "
                                     "write %%20 and %%23");
    }

    request->host = request->authority;
    colon = strrchr(request->authority, ':');

    if (colon != NULL && strchr(colon, ']') == NULL) {
        request->host = gwc_strndup(request->authority,
                                    (size_t) (colon - request->authority));
        request->port = (int) strtol(colon + 1, &stop, 10);

        if (request->port < 1 || request->port > 65535 || *stop != '\0') {
            gwc_error(request->url.node, "bad port \"%s\"", colon + 1);
        }
    }

    if (request->host[0] == '\0') {
        gwc_error(request->url.node, "has no host");
    }
}


/* numbers may be written as such */
static void
gwc_test_check_version(gwc_test_request_t *request)
{
    size_t i;

    request->version = "1.1";

    if (request->http == NULL) {
        return;
    }

    for (i = 0; gwc_versions[i] != NULL; i++) {
        if (request->http->text.data != NULL
            && gwc_text_is(request->http->text, gwc_versions[i]))
        {
            request->version = gwc_versions[i];
            return;
        }
    }

    gwc_error(request->http, "expected 1.0, 1.1 or 2");
}


static void
gwc_test_check_request(gwc_test_request_t *request)
{
    unsigned char ip[16];

    if (!request->url.set) {
        return;
    }

    request->has_content =
        gwc_test_content(request->body, &request->body_file, request->json,
                         request->record.node, &request->content);

    gwc_test_check_version(request);
    gwc_test_check_url(request);
    gwc_test_check_headers(request->headers);

    if (request->from.set) {
        const char *from =
            gwc_strndup(request->from.v.data, request->from.v.len);

        if (inet_pton(AF_INET, from, ip) != 1
            && inet_pton(AF_INET6, from, ip) != 1) {
            gwc_error(request->from.node, "expected an IP address");
        }
    }

    if (request->tls.record.node != NULL && !request->https) {
        gwc_error(request->tls.record.node, "needs a URL of https");
    }

    if (request->tls.certificate.set != request->tls.key.set) {
        gwc_error(request->tls.record.node,
                  "certificate and key belong together");
    }
}


static void
gwc_test_check_answer(gwc_test_step_t *step, const gwc_node_t *node)
{
    gwc_test_answer_t *answer = gwc_alloc(sizeof(*answer));

    if (node->kind != GWC_NODE_MAP) {
        gwc_error(node, "expected a map, or a list of maps, not %s",
                  gwc_node_kind_name(node));
        return;
    }

    if (!gwc_schema_read(&gwc_test_answers, answer, node)) {
        return;
    }

    if (!gwc_test_content(answer->body, &answer->body_file, answer->json, node,
                          &answer->content)
        && !answer->status.set && !answer->headers)
    {
        answer->content = GWC_TEXT("ok\n");
        answer->filler = true;
    }

    gwc_test_check_headers(answer->headers);
    gwc_test_check_headers(answer->trailers);
    gwc_vec_push(&step->answers, answer);
}


static void
gwc_test_check_step(gwc_test_step_t *step)
{
    size_t i;

    gwc_test_check_request(&step->request);
    gwc_test_check_expect(&step->expect);

    if (step->upstream == NULL) {
        return;
    }

    if (step->upstream->kind != GWC_NODE_SEQ) {
        gwc_test_check_answer(step, step->upstream);
        return;
    }

    for (i = 0; i < step->upstream->n; i++) {
        gwc_test_check_answer(step, step->upstream->items[i]);
    }
}


static const char *
gwc_test_title(const gwc_test_t *test)
{
    const gwc_test_step_t *step =
        test->steps.n ? GWC_ITEM(test->steps, gwc_test_step_t, 0)
                      : &test->step;
    const gwc_test_request_t *request = &step->request;

    if (test->name.set) {
        return gwc_strndup(test->name.v.data, test->name.v.len);
    }

    return gwc_sprintf(
        "%.*s %.*s", request->method.set ? (int) request->method.v.len : 3,
        request->method.set ? request->method.v.data : "GET",
        (int) request->url.v.len, request->url.set ? request->url.v.data : "");
}


static void
gwc_test_check(gwc_test_t *test)
{
    size_t i;

    if (test->steps.n == 0) {
        if (test->step.request.record.node == NULL) {
            gwc_error(test->step.record.node, "needs a request, or steps");
        }

        gwc_test_check_step(&test->step);

    } else if (test->step.request.record.node != NULL
               || test->step.upstream != NULL
               || test->step.expect.record.node != NULL)
    {
        gwc_error(test->steps.node,
                  "a test with steps has request, upstream, expect and "
                  "repeat in its steps only");
    }

    for (i = 0; i < test->steps.n; i++) {
        gwc_test_check_step(GWC_ITEM(test->steps, gwc_test_step_t, i));
    }

    test->title = gwc_test_title(test);
}


static void
gwc_test_read(gwc_vec_t *files, const gwc_node_t *root, const char *path)
{
    gwc_test_file_t *file = gwc_alloc(sizeof(*file));
    size_t i;

    file->file = path;
    (void) gwc_schema_read(&gwc_test_root, file, root);

    for (i = 0; i < file->tests.n; i++) {
        gwc_test_check(GWC_ITEM(file->tests, gwc_test_t, i));
    }

    gwc_vec_push(files, file);
}


bool
gwc_test_files(gwc_options_t *options, gwc_vec_t *files)
{
    size_t i, n = 0;

    for (i = 0; i < options->nfiles; i++) {
        const char *path = options->files[i];
        const gwc_node_t *root;

        if (strcmp(path, "-") == 0) {
            gwc_error(NULL, "test reads files, not stdin");
            return false;
        }

        root = gwc_yaml_read(path);

        if (root == NULL) {
            return false;
        }

        if (root->kind == GWC_NODE_MAP && gwc_node_get(root, "tests") != NULL)
        {
            gwc_test_read(files, root, path);

        } else {
            options->files[n++] = path;
        }
    }

    options->nfiles = n;

    if (files->n == 0 && gwc_error_count() == 0) {
        gwc_error(NULL, "no file has \"tests\": the last FILE is to have");
    }

    return gwc_error_count() == 0;
}
