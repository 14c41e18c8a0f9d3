/*
 * Copyright (C) the ngx_gateway authors
 *
 * The plugins that transform requests and responses: checks that name the
 * place in the file of what the modules would refuse, by the code that the
 * modules run, and their directives.
 */

#include <string.h>

#include "../gateway_json_path.h"
#include "../gateway_template.h"
#include "diag.h"
#include "emit.h"
#include "transformer.h"

enum {
    GWC_TRANSFORM_ERROR = 512
};

static void gwc_transform_check_name(const gwc_field_t *field, void *data);
static void gwc_transform_check_rename(const gwc_field_t *field, void *data);
static void gwc_transform_check_template_header(const gwc_field_t *field,
                                                void *data);
static void gwc_transform_check_template_pair(const gwc_field_t *field,
                                              void *data);
static void gwc_transform_check_header(const gwc_field_t *field, void *data);
static void gwc_transform_check_pair(const gwc_field_t *field, void *data);

static const char *const gwc_transform_types[] = {
    "boolean",
    "number",
    "string",
    NULL,
};

const gwc_field_t gwc_transform_text = { .type = GWC_STRING };

const gwc_field_t gwc_transform_name = {
    .type = GWC_STRING,
    .check = gwc_transform_check_name,
};

const gwc_field_t gwc_transform_rename = {
    .type = GWC_STRING,
    .check = gwc_transform_check_rename,
};

const gwc_field_t gwc_transform_json_type = {
    .type = GWC_STRING,
    .one_of = gwc_transform_types,
};

const gwc_field_t gwc_transform_template_header = {
    .type = GWC_STRING,
    .check = gwc_transform_check_template_header,
};

const gwc_field_t gwc_transform_template_pair = {
    .type = GWC_STRING,
    .check = gwc_transform_check_template_pair,
};

const gwc_field_t gwc_transform_header = {
    .type = GWC_STRING,
    .check = gwc_transform_check_header,
};

const gwc_field_t gwc_transform_pair = {
    .type = GWC_STRING,
    .check = gwc_transform_check_pair,
};


/* 0 after an error */
static int
gwc_transform_split(const gwc_str_t *s, gateway_str_t *name,
                    gateway_str_t *value)
{
    gateway_str_t pair = { s->v.data, s->v.len };

    if (!gateway_pair_split(&pair, name, value)) {
        gwc_error(s->node, "'%.*s' has no name", (int) s->v.len, s->v.data);
        return 0;
    }

    return 1;
}


static int
gwc_transform_header_name(const gwc_str_t *s, const gateway_str_t *name)
{
    if (gateway_is_header_name(name)) {
        return 1;
    }

    gwc_error(s->node, "'%.*s' is not a valid header", (int) name->len,
              name->data);
    return 0;
}


static void
gwc_transform_may_set(const gwc_str_t *s, const gateway_str_t *name)
{
    if (gateway_is_framing_header(name)) {
        gwc_error(s->node,
                  "header '%.*s' says where the body ends and cannot be set",
                  (int) name->len, name->data);
    }
}


static void
gwc_transform_line(const gwc_str_t *s, const gateway_str_t *value)
{
    if (!gateway_is_header_value(value)) {
        gwc_error(s->node, "the value of a header has no line ends");
    }
}


static void *
gwc_transform_alloc(void *data, size_t size)
{
    (void) data;

    return gwc_alloc(size);
}


static gateway_template_options_t
gwc_transform_options(char *err)
{
    gateway_template_options_t options = {
        .alloc = gwc_transform_alloc,
        .expressions = 1,
        .err = err,
        .errlen = GWC_TRANSFORM_ERROR,
    };

    return options;
}


static void
gwc_transform_template(const gwc_str_t *s, const gateway_str_t *value)
{
    char err[GWC_TRANSFORM_ERROR];
    gateway_template_options_t options = gwc_transform_options(err);

    if (gateway_template_compile(value, &options) == NULL) {
        gwc_error(s->node, "value '%.*s' is not in supported format, error:%s",
                  (int) value->len, value->data, err);
    }
}


static void
gwc_transform_check_name(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, rest;

    (void) field;

    if (gwc_transform_split(s, &name, &rest)) {
        (void) gwc_transform_header_name(s, &name);
    }
}


static void
gwc_transform_check_rename(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (gwc_transform_split(s, &name, &value)
        && gwc_transform_header_name(s, &name)
        && gwc_transform_header_name(s, &value))
    {
        gwc_transform_may_set(s, &name);
        gwc_transform_may_set(s, &value);
    }
}


static void
gwc_transform_check_template_header(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (!gwc_transform_split(s, &name, &value)
        || !gwc_transform_header_name(s, &name))
    {
        return;
    }

    if (name.len == s->v.len) {
        gwc_error(s->node, "key '%.*s' has no value", (int) name.len,
                  name.data);
    }

    gwc_transform_may_set(s, &name);
    gwc_transform_line(s, &value);
    gwc_transform_template(s, &value);
}


static void
gwc_transform_check_template_pair(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (!gwc_transform_split(s, &name, &value)) {
        return;
    }

    if (value.len == 0) {
        gwc_error(s->node, "key '%.*s' has no value", (int) name.len,
                  name.data);
        return;
    }

    gwc_transform_template(s, &value);
}


void
gwc_transform_check_template(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t value = { s->v.data, s->v.len };

    (void) field;

    gwc_transform_template(s, &value);
}


void
gwc_transform_check_method(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    size_t i;

    (void) field;

    for (i = 0; i < s->v.len; i++) {
        if (s->v.data[i] < 'A' || s->v.data[i] > 'Z') {
            gwc_error(s->node, "a method is all capital letters");
            return;
        }
    }
}


static void
gwc_transform_colon(const gwc_str_t *s)
{
    if (memchr(s->v.data, ':', s->v.len) == NULL) {
        gwc_error(s->node, "'%.*s' has no value", (int) s->v.len, s->v.data);
        gwc_fix("%.*s:value", (int) s->v.len, s->v.data);
    }
}


static void
gwc_transform_check_header(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (!gwc_transform_split(s, &name, &value)
        || !gwc_transform_header_name(s, &name))
    {
        return;
    }

    gwc_transform_colon(s);
    gwc_transform_may_set(s, &name);
    gwc_transform_line(s, &value);
}


static void
gwc_transform_check_pair(const gwc_field_t *field, void *data)
{
    const gwc_str_t *s = data;
    gateway_str_t name, value;

    (void) field;

    if (gwc_transform_split(s, &name, &value)) {
        gwc_transform_colon(s);
    }
}


static void
gwc_transform_check_path_list(const gwc_list_t *list)
{
    gateway_str_t name, value;
    size_t i;

    for (i = 0; i < list->n; i++) {
        const gwc_str_t *s = GWC_ITEM(*list, gwc_str_t, i);
        gateway_str_t pair = { s->v.data, s->v.len };

        if (gateway_pair_split(&pair, &name, &value)
            && !gateway_json_path_check(&name, gwc_alloc(name.len)))
        {
            gwc_error(s->node,
                      "'%.*s' is no path: names with dots between them, "
                      "[n] from 1, [*], and one ** that leads to a name",
                      (int) name.len, name.data);
        }
    }
}


void
gwc_transform_check_paths(const gwc_transformer_t *config)
{
    const gwc_transform_t *operations[] = { &config->remove, &config->rename,
                                            &config->replace, &config->add,
                                            &config->append };
    size_t i;

    if (!config->dots_in_keys.set || config->dots_in_keys.v) {
        return;
    }

    for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        gwc_transform_check_path_list(&operations[i]->body);
        gwc_transform_check_path_list(&operations[i]->json);
    }

    gwc_transform_check_path_list(&config->allow.names);
}


/* 1 if nginx would see a variable in "$" and what follows */
static int
gwc_transform_expands(const char *p, const char *last)
{
    return *p == '$' && last - p > 1
           && (p[1] == '{' || p[1] == '_' || (p[1] >= '0' && p[1] <= '9')
               || ((p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z'));
}


/* the text from p on, in which nothing but expressions is expanded */
static gwc_text_t
gwc_transform_escape(gwc_writer_t *w, gwc_text_t text, const char *p,
                     bool templates)
{
    char err[GWC_TRANSFORM_ERROR];
    gateway_template_options_t options = gwc_transform_options(err);
    gateway_str_t s = { text.data, text.len };
    const char *last = text.data + text.len, *end;
    gwc_buf_t buf = { 0 };

    if (memchr(p, '$', (size_t) (last - p)) == NULL) {
        return text;
    }

    gwc_buf_add(&buf, text.data, (size_t) (p - text.data));

    while (p < last) {
        end = p + 1;

        if (templates && *p == '$' && last - p > 1 && p[1] == '(') {
            end = gateway_template_skip(&s, p, &options);

            /* it has been checked */
            if (end == NULL) {
                return text;
            }
        }

        if (!gwc_transform_expands(p, last)) {
            gwc_buf_add(&buf, p, (size_t) (end - p));

        } else if (templates) {
            gwc_buf_puts(&buf, "$('$')");

        } else {
            gwc_buf_puts(&buf, "${gateway_dollar}");
            w->dollar = true;
        }

        p = end;
    }

    return (gwc_text_t){ buf.data, buf.len };
}


/* the values of "name:value", or after so many colons */
static void
gwc_transform_escape_list(gwc_writer_t *w, gwc_list_t *list, size_t colons,
                          bool templates)
{
    gwc_str_t *items;
    size_t i, n;

    if (list->n == 0) {
        return;
    }

    items = gwc_alloc_array(list->n, sizeof(gwc_str_t));
    memcpy(items, list->items, list->n * sizeof(gwc_str_t));
    list->items = items;

    for (i = 0; i < list->n; i++) {
        const char *p = items[i].v.data, *last = p + items[i].v.len;

        for (n = 0; n < colons && p < last; p++) {
            n += *p == ':';
        }

        items[i].v = gwc_transform_escape(w, items[i].v, p, templates);
    }
}


static void
gwc_transform_escape_text(gwc_writer_t *w, gwc_str_t *s, bool templates)
{
    if (s->set && s->v.len) {
        s->v = gwc_transform_escape(w, s->v, s->v.data, templates);
    }
}


static void
gwc_transform_emit(gwc_writer_t *w, const gwc_plugin_t *plugin, bool templates)
{
    gwc_plugin_t copy = *plugin;
    gwc_transformer_t config;
    gwc_transform_t *operations[] = { &config.rename, &config.replace,
                                      &config.add, &config.append };
    size_t i;

    if (plugin->config != NULL) {
        memcpy(&config, plugin->config, sizeof(config));

        for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
            gwc_transform_t *operation = operations[i];

            gwc_transform_escape_list(w, &operation->headers, 1, templates);
            gwc_transform_escape_list(w, &operation->querystring, 1,
                                      templates);
            gwc_transform_escape_list(w, &operation->body, 1, templates);
            gwc_transform_escape_list(w, &operation->json, 1, templates);
        }

        gwc_transform_escape_list(w, &config.pages, 2, templates);
        gwc_transform_escape_text(w, &config.replace.uri, templates);
        gwc_transform_escape_text(w, &config.replace.text, templates);

        copy.config = &config;
    }

    gwc_emit_policy(w, &copy);
}


void
gwc_transform_emit_templates(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    gwc_transform_emit(w, plugin, true);
}


void
gwc_transform_emit_texts(gwc_writer_t *w, const gwc_plugin_t *plugin)
{
    gwc_transform_emit(w, plugin, false);
}


void
gwc_transform_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                        const gwc_settings_t *settings)
{
    (void) model;

    if (strcmp(gwc_settings_get(settings, "untrusted_lua"), "off") == 0) {
        gwc_put(w, "gateway_request_transformer_expressions", "off", NULL);
    }
}
