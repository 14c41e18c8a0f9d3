
/*
 * Copyright (C) the ngx_gateway authors
 *
 * From the parameters of the directive to steps: names are checked, paths,
 * values and regexes are made ready, so that a request parses none of them.
 */


#include "ngx_http_gateway_response_transformer.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_value.h"


/* bytes; more are never held in memory */
#define NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_MAX    8388608

/* a message of a regex's parser */
#define NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_ERROR  256


static char *ngx_http_gateway_response_check_operation(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t op);
static char *ngx_http_gateway_response_check_alone(
    ngx_http_gateway_response_transformer_conf_t *rtcf);
static char *ngx_http_gateway_response_header_step(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t operation,
    ngx_str_t *entry);
static char *ngx_http_gateway_response_check_header(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *entry,
    ngx_http_gateway_response_step_t *step);
static char *ngx_http_gateway_response_check_filter(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf,
    ngx_http_gateway_response_step_t *step);
static char *ngx_http_gateway_response_json_step(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t operation,
    ngx_str_t *entry, ngx_str_t *type);
static char *ngx_http_gateway_response_json_value(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *entry,
    ngx_http_gateway_response_step_t *step);
static char *ngx_http_gateway_response_check_statuses(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf);
static char *ngx_http_gateway_response_check_pages(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf);
static char *ngx_http_gateway_response_check_redaction(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf);
static char *ngx_http_gateway_response_regexes(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_array_t *list,
    ngx_array_t **regexes);
static gateway_regex_t *ngx_http_gateway_response_regex(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *pattern);
static void ngx_http_gateway_response_regex_cleanup(void *data);
static ngx_int_t ngx_http_gateway_response_range(u_char *p, u_char *last,
    ngx_http_gateway_response_range_t *range);
static char *ngx_http_gateway_response_template(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *text,
    gateway_template_t **template);


void
ngx_http_gateway_response_transformer_defaults(void *conf)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    rtcf->max_body_size = NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_MAX;
    rtcf->dots_in_keys = 1;

    ngx_str_set(&rtcf->redact_with, "***");
}


char *
ngx_http_gateway_response_transformer_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_response_transformer_conf_t  *rtcf = conf;

    char        *rv;
    ngx_uint_t   op;

    rtcf->advanced = rtcf->instance.policy
                     == &ngx_http_gateway_response_advanced_policy;

    if (ngx_array_init(&rtcf->header_steps, cf->pool, 4,
                       sizeof(ngx_http_gateway_response_step_t))
        != NGX_OK
        || ngx_array_init(&rtcf->json_steps, cf->pool, 4,
                          sizeof(ngx_http_gateway_response_step_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (op = 0; op < NGX_HTTP_GATEWAY_TRANSFORM_OPERATIONS; op++) {
        rv = ngx_http_gateway_response_check_operation(cf, rtcf, op);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    rv = ngx_http_gateway_response_check_alone(rtcf);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_gateway_transform_allow(cf, &rtcf->allow,
                               !rtcf->dots_in_keys, &rtcf->allowed,
                               &rtcf->depth,
                               "has a malformed path in \"allow.json\"");
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_gateway_response_check_statuses(cf, rtcf);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_gateway_response_check_pages(cf, rtcf);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_gateway_response_check_redaction(cf, rtcf);
    }

    if (rv != NGX_CONF_OK || rtcf->body.data == NULL) {
        return rv;
    }

    return ngx_http_gateway_response_template(cf, rtcf, &rtcf->body,
                                              &rtcf->body_template);
}


static char *
ngx_http_gateway_response_check_operation(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t op)
{
    char                               *rv;
    ngx_str_t                          *entry, *type;
    ngx_uint_t                          i, n, ntypes;
    ngx_http_gateway_response_range_t  *range;

    n = rtcf->headers[op] ? rtcf->headers[op]->nelts : 0;
    entry = n ? rtcf->headers[op]->elts : NULL;

    for (i = 0; i < n; i++) {
        rv = ngx_http_gateway_response_header_step(cf, rtcf, op, &entry[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    ntypes = rtcf->types[op] ? rtcf->types[op]->nelts : 0;
    type = ntypes ? rtcf->types[op]->elts : NULL;

    for (i = 0; i < ntypes; i++) {
        if (!ngx_http_gateway_response_name_is(&type[i], "string", 6)
            && !ngx_http_gateway_response_name_is(&type[i], "number", 6)
            && !ngx_http_gateway_response_name_is(&type[i], "boolean", 7))
        {
            return "has \"json_types\" other than \"string\", \"number\" "
                   "and \"boolean\"";
        }
    }

    n = rtcf->json[op] ? rtcf->json[op]->nelts : 0;
    entry = n ? rtcf->json[op]->elts : NULL;

    for (i = 0; i < n; i++) {
        rv = ngx_http_gateway_response_json_step(cf, rtcf, op, &entry[i],
                                                 i < ntypes ? &type[i]
                                                            : NULL);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    n = rtcf->if_status[op] ? rtcf->if_status[op]->nelts : 0;
    entry = n ? rtcf->if_status[op]->elts : NULL;

    if (ngx_array_init(&rtcf->ranges[op], cf->pool, n + 1,
                       sizeof(ngx_http_gateway_response_range_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {
        range = ngx_array_push(&rtcf->ranges[op]);

        if (range == NULL
            || ngx_http_gateway_response_range(entry[i].data, entry[i].data
                                                         + entry[i].len,
                                               range)
               != NGX_OK)
        {
            return "has an \"if_status\" that is neither a status nor a "
                   "range like \"500-599\"";
        }
    }

    return NGX_CONF_OK;
}


/* where "add" finds nothing it need not look for what another step has made */

static char *
ngx_http_gateway_response_check_alone(
    ngx_http_gateway_response_transformer_conf_t *rtcf)
{
    ngx_uint_t                         i, k;
    ngx_http_gateway_response_step_t  *step;

    step = rtcf->header_steps.elts;

    for (i = 0; i < rtcf->header_steps.nelts; i++) {

        step[i].alone = 1;

        for (k = 0; k < rtcf->header_steps.nelts; k++) {

            if (k == i) {
                continue;
            }

            if ((step[k].name.len == step[i].name.len
                 && ngx_strncasecmp(step[k].name.data, step[i].name.data,
                                    step[i].name.len)
                    == 0)
                || (step[k].operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
                    && step[k].value.len == step[i].name.len
                    && ngx_strncasecmp(step[k].value.data, step[i].name.data,
                                       step[i].name.len)
                       == 0))
            {
                step[i].alone = 0;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_response_header_step(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t operation,
    ngx_str_t *entry)
{
    char                              *rv;
    gateway_str_t                      pair, name, value;
    ngx_http_gateway_response_step_t  *step, tmp;

    pair.data = (char *) entry->data;
    pair.len = entry->len;

    (void) gateway_pair_split(&pair, &name, &value);

    ngx_memzero(&tmp, sizeof(ngx_http_gateway_response_step_t));

    tmp.operation = operation;
    tmp.name.data = (u_char *) name.data;
    tmp.name.len = name.len;
    tmp.value.data = (u_char *) value.data;
    tmp.value.len = value.len;

    rv = ngx_http_gateway_response_check_header(cf, rtcf, entry, &tmp);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    tmp.mark = ngx_http_gateway_header_mark(&tmp.name);
    tmp.place = ngx_http_gateway_response_place(
                   operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME ? &tmp.value
                                                                  : &tmp.name);
    tmp.length = ngx_http_gateway_response_name_is(&tmp.name,
                                                   "content-length", 14);

    /* "name:" changes nothing */

    if (operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE && value.len == 0) {
        return NGX_CONF_OK;
    }

    /* nor does the same name */

    if (operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME
        && name.len == value.len
        && ngx_strncmp(name.data, value.data, name.len) == 0)
    {
        return NGX_CONF_OK;
    }

    if (operation == NGX_HTTP_GATEWAY_TRANSFORM_REMOVE) {

        /* OSS does not look at the value */

        rv = rtcf->advanced && value.len
             ? ngx_http_gateway_response_check_filter(cf, rtcf, &tmp)
             : NGX_CONF_OK;

    } else if (operation != NGX_HTTP_GATEWAY_TRANSFORM_RENAME) {
        rv = ngx_http_gateway_response_template(cf, rtcf, &tmp.value,
                                                &tmp.template);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    step = ngx_array_push(&rtcf->header_steps);
    if (step == NULL) {
        return NGX_CONF_ERROR;
    }

    *step = tmp;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_response_check_header(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *entry,
    ngx_http_gateway_response_step_t *step)
{
    ngx_str_t      *policy;
    ngx_uint_t      rename;
    gateway_str_t   name, value;

    policy = &rtcf->instance.policy->name;
    rename = step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME;

    name.data = (char *) step->name.data;
    name.len = step->name.len;
    value.data = (char *) step->value.data;
    value.len = step->value.len;

    if (!gateway_is_header_name(&name)
        || (rename && !gateway_is_header_name(&value)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\" is not a valid header",
                           entry, policy);
        return NGX_CONF_ERROR;
    }

    if (!gateway_is_header_value(&value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the value of header \"%V\" in \"gateway_%V\" has "
                           "a line end", &step->name, policy);
        return NGX_CONF_ERROR;
    }

    if (step->operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE
        && (gateway_is_framing_header(&name)
            || (rename && gateway_is_framing_header(&value))))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\": a header that says "
                           "where the body ends cannot be set", entry,
                           policy);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "name:value" is that value, "name:/regex/" what matches */

static char *
ngx_http_gateway_response_check_filter(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf,
    ngx_http_gateway_response_step_t *step)
{
    ngx_str_t  pattern;

    step->filtered = 1;

    if (step->value.len < 3 || step->value.data[0] != '/'
        || step->value.data[step->value.len - 1] != '/')
    {
        return NGX_CONF_OK;
    }

    pattern.data = step->value.data + 1;
    pattern.len = step->value.len - 2;

    step->filter = ngx_http_gateway_response_regex(cf, rtcf, &pattern);

    return step->filter ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_response_json_step(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_uint_t operation,
    ngx_str_t *entry, ngx_str_t *type)
{
    char                              *rv;
    ngx_int_t                          rc;
    gateway_str_t                      pair, name, value;
    ngx_http_gateway_response_step_t  *step, tmp;

    pair.data = (char *) entry->data;
    pair.len = entry->len;

    if (!gateway_pair_split(&pair, &name, &value)
        || (operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE
            && name.len == entry->len))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"gateway_%V\", expected "
                           "\"name:value\"", entry,
                           &rtcf->instance.policy->name);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&tmp, sizeof(ngx_http_gateway_response_step_t));

    tmp.operation = operation;
    tmp.type = type ? type->data[0] : 's';
    tmp.name.data = (u_char *) name.data;
    tmp.name.len = name.len;
    tmp.value.data = (u_char *) value.data;
    tmp.value.len = value.len;

    rc = ngx_http_gateway_json_path(cf->pool, &tmp.name, !rtcf->dots_in_keys,
                                    &tmp.path);

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\" is a malformed path",
                           &tmp.name, &rtcf->instance.policy->name);
        return NGX_CONF_ERROR;
    }

    if (operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME && value.len == 0) {
        return NGX_CONF_OK;
    }

    if (operation != NGX_HTTP_GATEWAY_TRANSFORM_REMOVE) {
        rv = ngx_http_gateway_response_json_value(cf, rtcf, entry, &tmp);
        if (rv != NGX_CONF_OK || tmp.value.data == NULL) {
            return rv;
        }
    }

    rtcf->depth = ngx_max(rtcf->depth, tmp.path.depth);

    step = ngx_array_push(&rtcf->json_steps);
    if (step == NULL) {
        return NGX_CONF_ERROR;
    }

    *step = tmp;

    return NGX_CONF_OK;
}


/* value.data is NULL afterwards if the step is left out */

static char *
ngx_http_gateway_response_json_value(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *entry,
    ngx_http_gateway_response_step_t *step)
{
    char       *rv;
    ngx_int_t   rc;

    rv = ngx_http_gateway_response_template(cf, rtcf, &step->value,
                                            &step->template);

    if (rv != NGX_CONF_OK || step->template
        || step->operation == NGX_HTTP_GATEWAY_TRANSFORM_RENAME)
    {
        return rv;
    }

    rc = ngx_http_gateway_json_value(cf->pool, step->type, &step->value,
                                     &step->value);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" in \"gateway_%V\" has no number, it is "
                           "left out", entry, &rtcf->instance.policy->name);

        ngx_str_null(&step->value);

        return NGX_CONF_OK;
    }

    return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* "500-599:503" */

static char *
ngx_http_gateway_response_check_statuses(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf)
{
    u_char                              *colon, *last;
    ngx_str_t                           *entry;
    ngx_uint_t                           i, n;
    ngx_http_gateway_response_range_t    to;
    ngx_http_gateway_response_status_t  *map;

    n = rtcf->status ? rtcf->status->nelts : 0;
    entry = n ? rtcf->status->elts : NULL;

    if (ngx_array_init(&rtcf->statuses, cf->pool, n + 1,
                       sizeof(ngx_http_gateway_response_status_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {

        map = ngx_array_push(&rtcf->statuses);
        if (map == NULL) {
            return NGX_CONF_ERROR;
        }

        last = entry[i].data + entry[i].len;
        colon = ngx_strlchr(entry[i].data, last, ':');

        if (colon == NULL
            || ngx_http_gateway_response_range(entry[i].data, colon,
                                               &map->range)
               != NGX_OK
            || ngx_http_gateway_response_range(colon + 1, last, &to)
               != NGX_OK
            || to.from != to.to)
        {
            return "has a \"replace.status\" that is not like "
                   "\"500-599:503\"";
        }

        if (to.from < NGX_HTTP_OK || to.from == NGX_HTTP_NO_CONTENT
            || to.from == NGX_HTTP_PARTIAL_CONTENT
            || to.from == NGX_HTTP_NOT_MODIFIED)
        {
            return "has a \"replace.status\" to a status without a body or "
                   "with a part of one";
        }

        map->status = to.from;
    }

    return NGX_CONF_OK;
}


/* "500-599:application/json:text" */

static char *
ngx_http_gateway_response_check_pages(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf)
{
    char                              *rv;
    u_char                            *type, *text, *last;
    ngx_str_t                         *entry;
    ngx_uint_t                         i, n;
    gateway_str_t                      s;
    ngx_http_gateway_response_page_t  *page;

    n = rtcf->page ? rtcf->page->nelts : 0;
    entry = n ? rtcf->page->elts : NULL;

    if (ngx_array_init(&rtcf->pages, cf->pool, n + 1,
                       sizeof(ngx_http_gateway_response_page_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {

        page = ngx_array_push(&rtcf->pages);
        if (page == NULL) {
            return NGX_CONF_ERROR;
        }

        last = entry[i].data + entry[i].len;
        type = ngx_strlchr(entry[i].data, last, ':');
        text = type ? ngx_strlchr(type + 1, last, ':') : NULL;

        if (text == NULL
            || ngx_http_gateway_response_range(entry[i].data, type,
                                               &page->range)
               != NGX_OK
            || ngx_strlchr(type, text, '/') == NULL)
        {
            return "has \"pages\" that are not like "
                   "\"500-599:text/html:text\"";
        }

        page->type.data = type + 1;
        page->type.len = text - type - 1;
        page->text.data = text + 1;
        page->text.len = last - text - 1;

        s.data = (char *) page->type.data;
        s.len = page->type.len;

        if (!gateway_is_header_value(&s)) {
            return "has a line end in the type of \"pages\"";
        }

        rv = ngx_http_gateway_response_template(cf, rtcf, &page->text,
                                                &page->template);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_response_check_redaction(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf)
{
    char  *rv;

    rv = ngx_http_gateway_response_regexes(cf, rtcf, rtcf->redact_json,
                                           &rtcf->redaction.paths);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_gateway_response_regexes(cf, rtcf, rtcf->redact_values,
                                               &rtcf->redaction.values);
    }

    rtcf->redaction.with = rtcf->redact_with;

    if (rtcf->redaction.paths || rtcf->redaction.values) {
        rtcf->redacts = 1;
        rtcf->depth = NGX_HTTP_GATEWAY_JSON_DEPTH;
    }

    return rv;
}


static char *
ngx_http_gateway_response_regexes(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_array_t *list,
    ngx_array_t **regexes)
{
    ngx_str_t         *pattern;
    ngx_uint_t         i;
    gateway_regex_t  **regex;

    if (list == NULL || list->nelts == 0) {
        return NGX_CONF_OK;
    }

    *regexes = ngx_array_create(cf->pool, list->nelts,
                                sizeof(gateway_regex_t *));
    if (*regexes == NULL) {
        return NGX_CONF_ERROR;
    }

    pattern = list->elts;

    for (i = 0; i < list->nelts; i++) {

        regex = ngx_array_push(*regexes);
        if (regex == NULL) {
            return NGX_CONF_ERROR;
        }

        *regex = ngx_http_gateway_response_regex(cf, rtcf, &pattern[i]);

        if (*regex == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* NULL after an error that is told */

static gateway_regex_t *
ngx_http_gateway_response_regex(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *pattern)
{
    char                 err[NGX_HTTP_GATEWAY_RESPONSE_TRANSFORMER_ERROR];
    gateway_str_t        s;
    gateway_regex_t     *regex;
    ngx_pool_cleanup_t  *cln;

    s.data = (char *) pattern->data;
    s.len = pattern->len;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    regex = gateway_regex_compile(&s, err, sizeof(err));

    if (regex == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid regex \"%V\" in \"gateway_%V\": %s",
                           pattern, &rtcf->instance.policy->name, err);
        return NULL;
    }

    cln->handler = ngx_http_gateway_response_regex_cleanup;
    cln->data = regex;

    return regex;
}


static void
ngx_http_gateway_response_regex_cleanup(void *data)
{
    gateway_regex_free(data);
}


/* "404" or "500-599" */

static ngx_int_t
ngx_http_gateway_response_range(u_char *p, u_char *last,
    ngx_http_gateway_response_range_t *range)
{
    ngx_int_t  from, to;

    if (last - p != 3 && (last - p != 7 || p[3] != '-')) {
        return NGX_ERROR;
    }

    from = ngx_atoi(p, 3);
    to = ngx_atoi(last - 3, 3);

    if (from < 100 || to < from) {
        return NGX_ERROR;
    }

    range->from = from;
    range->to = to;

    return NGX_OK;
}


static char *
ngx_http_gateway_response_template(ngx_conf_t *cf,
    ngx_http_gateway_response_transformer_conf_t *rtcf, ngx_str_t *text,
    gateway_template_t **template)
{
    char  err[NGX_HTTP_GATEWAY_VALUE_ERROR];

    if (ngx_http_gateway_value_compile(cf, text, 0, template, err) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_%V\": %s", text,
                           &rtcf->instance.policy->name, err);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
