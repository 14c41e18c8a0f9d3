/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the plugins that transform requests and responses have in common, in
 * both of their forms.
 */

#ifndef GWC_TRANSFORMER_H
#define GWC_TRANSFORMER_H

#include "model.h"
#include "rule.h"

/* one operation, with the lists that any of the plugins has */
typedef struct {
    gwc_record_t record;
    gwc_list_t headers;     /* gwc_str_t, as all of them */
    gwc_list_t querystring; /* requests */
    gwc_list_t body;        /* requests */
    gwc_list_t json;        /* responses */
    gwc_list_t json_types;
    gwc_list_t if_status; /* responses */
    gwc_list_t status;    /* replace, responses */
    gwc_str_t uri;        /* replace, requests */
    gwc_str_t text;       /* replace.body, responses */
} gwc_transform_t;

typedef struct {
    gwc_record_t record;
    gwc_list_t names; /* of bodies in requests, of JSON in responses */
} gwc_allow_t;

/* responses: what is replaced wherever it is */
typedef struct {
    gwc_record_t record;
    gwc_list_t json;
    gwc_list_t values;
    gwc_str_t with;
} gwc_redact_t;

/* responses: of Kong's plugin, only empty */
typedef struct {
    gwc_record_t record;
    gwc_list_t functions;
    gwc_list_t json;
    gwc_list_t if_status;
} gwc_functions_t;

/* the config of each of the plugins */
typedef struct {
    gwc_record_t record;
    gwc_transform_t remove;
    gwc_transform_t rename;
    gwc_transform_t replace;
    gwc_transform_t add;
    gwc_transform_t append;
    gwc_allow_t allow;
    gwc_bool_t dots_in_keys;
    gwc_int_t max_body_size;
    gwc_str_t http_method; /* requests */

    /* responses */
    gwc_list_t pages;
    gwc_redact_t redact;
    gwc_functions_t transform;
} gwc_transformer_t;

/* a row for a list of strings, after its name */
#define GWC_STRINGS(type_, member, elem_)                                     \
    .type = GWC_ARRAY, .offset = offsetof(type_, member),                     \
    .flags = GWC_REQUIRED, .dflt = "[]", .elem = &(elem_),                    \
    .size = sizeof(gwc_str_t)

/* a row for an operation */
#define GWC_TRANSFORM(member, fields_)                                        \
    .type = GWC_RECORD, .offset = offsetof(gwc_transformer_t, member),        \
    .fields = (fields_), .size = sizeof(gwc_transform_t)

/* elements of lists */
extern const gwc_field_t gwc_transform_text;      /* anything */
extern const gwc_field_t gwc_transform_name;      /* a header's name */
extern const gwc_field_t gwc_transform_rename;    /* two of them */
extern const gwc_field_t gwc_transform_json_type; /* boolean, ... */

/* requests: values are templates */
extern const gwc_field_t gwc_transform_template_header;
extern const gwc_field_t gwc_transform_template_pair;
void gwc_transform_check_template(const gwc_field_t *field, void *data);
void gwc_transform_check_method(const gwc_field_t *field, void *data);

/* responses: values are text, which may be empty */
extern const gwc_field_t gwc_transform_header;
extern const gwc_field_t gwc_transform_pair;

/*
 * The emit of rules: the directives expand variables of nginx, so "$" of
 * values is escaped; expressions: "$(" goes through.
 */
void gwc_transform_emit_templates(gwc_writer_t *w, const gwc_plugin_t *plugin);
void gwc_transform_emit_texts(gwc_writer_t *w, const gwc_plugin_t *plugin);

/* untrusted_lua is off: emit_http of the rules with templates */
void gwc_transform_emit_http(gwc_writer_t *w, const gwc_model_t *model,
                             const gwc_settings_t *settings);

/* paths of JSON, when dots are not part of names */
void gwc_transform_check_paths(const gwc_transformer_t *config);

#endif
