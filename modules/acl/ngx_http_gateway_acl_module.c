
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Allows or denies requests by the groups of their consumer.  Runs as a
 * policy of the access chain, after authentication.  Group names become
 * numbers when the configuration is read: a request costs the comparison of
 * two words and the header that tells the groups to the upstream.  Consumer
 * groups count too where the policy says so: one bit of a map for each.
 */


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"


#define NGX_HTTP_GATEWAY_ACL_PRIORITY  950

/* groups beyond the 63rd share this bit and are compared one by one */
#define NGX_HTTP_GATEWAY_ACL_OTHERS    ((uint64_t) 1 << 63)


typedef struct {
    ngx_str_node_t                   sn;
    ngx_uint_t                       number;
    u_char                           data[1];
} ngx_http_gateway_acl_group_t;


typedef struct {
    ngx_http_gateway_instance_t      instance;

    ngx_array_t                     *allow;
    ngx_array_t                     *deny;
    ngx_flag_t                       hide_groups_header;
    ngx_flag_t                       always_use_authenticated_groups;
    ngx_flag_t                       include_consumer_groups;

    ngx_array_t                     *groups;    /* allow or deny, names of
                                                   ..._acl_group_t */
    uint64_t                         bits;
    u_char                          *listed;    /* by number of a consumer
                                                   group: it is in groups */
} ngx_http_gateway_acl_conf_t;


/* the groups of a consumer, which knows them as its array "acl_groups" */
typedef struct ngx_http_gateway_acl_consumer_s
    ngx_http_gateway_acl_consumer_t;

struct ngx_http_gateway_acl_consumer_s {
    ngx_array_t                       groups;   /* names as above */
    uint64_t                          bits;
    ngx_str_t                         header;   /* "g1, g2" */
    ngx_http_gateway_acl_consumer_t  *next;
};


typedef struct {
    ngx_rbtree_t                      groups;
    ngx_rbtree_node_t                 sentinel;
    ngx_uint_t                        ngroups;
    ngx_http_gateway_acl_consumer_t  *consumers;
    ngx_array_t                       confs;    /* ..._acl_conf_t *, those
                                                   with consumer groups */
} ngx_http_gateway_acl_main_conf_t;


static ngx_int_t ngx_http_gateway_acl_handler(ngx_http_request_t *r,
    void *conf);
static ngx_http_gateway_acl_consumer_t *ngx_http_gateway_acl_stored(
    ngx_http_request_t *r, ngx_http_gateway_consumer_t *consumer);
static ngx_int_t ngx_http_gateway_acl_authenticated(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_acl_conf_t *acf);
static ngx_uint_t ngx_http_gateway_acl_is_member(
    ngx_http_gateway_acl_consumer_t *consumer,
    ngx_http_gateway_acl_conf_t *acf);
static ngx_uint_t ngx_http_gateway_acl_is_in_group(
    ngx_http_gateway_acl_conf_t *acf, ngx_array_t *groups);
static ngx_int_t ngx_http_gateway_acl_join(ngx_http_request_t *r,
    ngx_http_gateway_acl_consumer_t *consumer, ngx_array_t *groups,
    ngx_str_t *header);
static ngx_uint_t ngx_http_gateway_acl_is_listed(
    ngx_http_gateway_acl_conf_t *acf, u_char *name, size_t len);
static ngx_int_t ngx_http_gateway_acl_pass(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_acl_conf_t *acf,
    ngx_str_t *consumer_groups, ngx_str_t *authenticated_groups);
static ngx_int_t ngx_http_gateway_acl_refuse(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *groups);

static char *ngx_http_gateway_acl_check(ngx_conf_t *cf, void *conf);
static char *ngx_http_gateway_acl_group(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_http_gateway_acl_group_t *ngx_http_gateway_acl_intern(
    ngx_conf_t *cf, ngx_http_gateway_acl_main_conf_t *amcf, ngx_str_t *name);
static uint64_t ngx_http_gateway_acl_bit(ngx_http_gateway_acl_group_t *group);
static void *ngx_http_gateway_acl_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_acl_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_acl_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_acl_header(ngx_pool_t *pool,
    ngx_http_gateway_acl_consumer_t *consumer);
static ngx_int_t ngx_http_gateway_acl_init_groups(ngx_conf_t *cf,
    ngx_http_gateway_acl_conf_t *acf);


static ngx_http_gateway_param_t  ngx_http_gateway_acl_params[] = {

    { ngx_string("allow"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_acl_conf_t, allow), 0, 0, NULL },

    { ngx_string("deny"), NGX_HTTP_GATEWAY_PARAM_LIST,
      offsetof(ngx_http_gateway_acl_conf_t, deny), 0, 0, NULL },

    { ngx_string("hide_groups_header"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_acl_conf_t, hide_groups_header), 0, 0,
      NULL },

    { ngx_string("always_use_authenticated_groups"),
      NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_acl_conf_t, always_use_authenticated_groups),
      0, 0, NULL },

    { ngx_string("include_consumer_groups"), NGX_HTTP_GATEWAY_PARAM_FLAG,
      offsetof(ngx_http_gateway_acl_conf_t, include_consumer_groups), 0, 0,
      NULL },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_http_gateway_policy_t  ngx_http_gateway_acl_policy = {
    ngx_string("acl"),
    NGX_HTTP_GATEWAY_ACL_PRIORITY,
    NGX_HTTP_GATEWAY_NO_CONSUMER,
    sizeof(ngx_http_gateway_acl_conf_t),
    ngx_http_gateway_acl_params,
    NULL,                                  /* defaults */
    ngx_http_gateway_acl_check,
    ngx_http_gateway_acl_handler,
    NULL,                                  /* header */
    NULL,                                  /* body */
    NULL,                                  /* log */
    0                                      /* index */
};


static ngx_command_t  ngx_http_gateway_acl_commands[] = {

    { ngx_string("gateway_acl"),
      NGX_HTTP_GATEWAY_POLICY_CONF,
      ngx_http_gateway_policy_directive,
      0,
      0,
      &ngx_http_gateway_acl_policy },

    { ngx_string("gateway_acl_group"),
      NGX_HTTP_GATEWAY_CONSUMER_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_acl_group,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_acl_module_ctx = {
    ngx_http_gateway_acl_preconfiguration, /* preconfiguration */
    ngx_http_gateway_acl_init,             /* postconfiguration */

    ngx_http_gateway_acl_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_acl_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_acl_module_ctx,      /* module context */
    ngx_http_gateway_acl_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_gateway_header_name_t  ngx_http_gateway_acl_consumer_groups =
    ngx_http_gateway_header_name("X-Consumer-Groups", "x-consumer-groups");

static ngx_http_gateway_header_name_t
    ngx_http_gateway_acl_authenticated_groups =
    ngx_http_gateway_header_name("X-Authenticated-Groups",
                                 "x-authenticated-groups");


static ngx_int_t
ngx_http_gateway_acl_handler(ngx_http_request_t *r, void *conf)
{
    ngx_http_gateway_acl_conf_t  *acf = conf;

    ngx_str_t                        *header, joined;
    ngx_uint_t                        member;
    ngx_array_t                      *groups;
    ngx_http_gateway_ctx_t           *ctx;
    ngx_http_gateway_acl_consumer_t  *consumer;

    static ngx_str_t  no_groups = ngx_string("");

    ctx = ngx_http_gateway_get_ctx(r);

    if (ctx->authenticated_groups.len
        && (ctx->consumer == NULL || ctx->credential == NULL
            || acf->always_use_authenticated_groups))
    {
        return ngx_http_gateway_acl_authenticated(r, ctx, acf);
    }

    consumer = NULL;
    groups = NULL;

    if (ctx->consumer) {
        consumer = (ngx_http_gateway_acl_consumer_t *)
                                                     ctx->consumer->acl_groups;

        if (consumer == NULL && ctx->consumer->stored_groups) {
            consumer = ngx_http_gateway_acl_stored(r, ctx->consumer);

            if (consumer == NULL) {
                return NGX_ERROR;
            }
        }

        groups = acf->include_consumer_groups ? ctx->consumer->groups : NULL;
    }

    if (consumer == NULL && groups == NULL) {

        /* no one, or someone without groups */

        if (ctx->consumer && acf->deny) {
            return ngx_http_gateway_acl_pass(r, ctx, acf, &no_groups, NULL);
        }

        return ngx_http_gateway_acl_refuse(r,
                              ctx->credential ? NGX_HTTP_FORBIDDEN
                                              : NGX_HTTP_UNAUTHORIZED,
                              &no_groups);
    }

    member = consumer ? ngx_http_gateway_acl_is_member(consumer, acf) : 0;
    header = consumer ? &consumer->header : &ctx->consumer->group_names;

    if (groups) {
        member |= ngx_http_gateway_acl_is_in_group(acf, groups);

        if (consumer) {
            header = &joined;

            if (ngx_http_gateway_acl_join(r, consumer, groups, header)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (member != (acf->allow != NULL)) {
        return ngx_http_gateway_acl_refuse(r, NGX_HTTP_FORBIDDEN, header);
    }

    return ngx_http_gateway_acl_pass(r, ctx, acf, header, NULL);
}


/*
 * Of a consumer of the store, whose groups were read with the credential;
 * those that no policy names need no number.
 */

static ngx_http_gateway_acl_consumer_t *
ngx_http_gateway_acl_stored(ngx_http_request_t *r,
    ngx_http_gateway_consumer_t *consumer)
{
    uint32_t                           hash;
    ngx_str_t                         *name;
    ngx_uint_t                         i;
    ngx_http_gateway_acl_group_t      *group;
    ngx_http_gateway_acl_consumer_t   *stored;
    ngx_http_gateway_acl_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_acl_module);

    stored = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_acl_consumer_t));
    if (stored == NULL) {
        return NULL;
    }

    stored->groups = *consumer->stored_groups;
    name = stored->groups.elts;

    for (i = 0; i < stored->groups.nelts; i++) {
        hash = ngx_crc32_long(name[i].data, name[i].len);

        group = (ngx_http_gateway_acl_group_t *)
                           ngx_str_rbtree_lookup(&amcf->groups, &name[i],
                                                 hash);
        if (group) {
            name[i] = group->sn.str;
            stored->bits |= ngx_http_gateway_acl_bit(group);
        }
    }

    return ngx_http_gateway_acl_header(r->pool, stored) == NGX_OK ? stored
                                                                  : NULL;
}


/* groups that the identity provider told, a list with commas */

static ngx_int_t
ngx_http_gateway_acl_authenticated(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_acl_conf_t *acf)
{
    u_char      *p, *last, *start, *end;
    ngx_uint_t   member;

    member = 0;
    p = ctx->authenticated_groups.data;
    last = p + ctx->authenticated_groups.len;

    if (ctx->one_group == p) {
        member = ngx_http_gateway_acl_is_listed(acf, p, last - p);
        p = last;
    }

    while (p < last && !member) {

        while (p < last && (*p == ' ' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        for (end = p; end > start && end[-1] == ' '; end--) { /* void */ }

        member = ngx_http_gateway_acl_is_listed(acf, start, end - start);
    }

    if (member != (acf->allow != NULL)) {
        return ngx_http_gateway_acl_refuse(r, NGX_HTTP_FORBIDDEN,
                                           &ctx->authenticated_groups);
    }

    return ngx_http_gateway_acl_pass(r, ctx, acf, NULL,
                                     &ctx->authenticated_groups);
}


static ngx_uint_t
ngx_http_gateway_acl_is_member(ngx_http_gateway_acl_consumer_t *consumer,
    ngx_http_gateway_acl_conf_t *acf)
{
    uint64_t     both;
    ngx_str_t   *one, *two;
    ngx_uint_t   i, k;

    both = consumer->bits & acf->bits;

    if (both != NGX_HTTP_GATEWAY_ACL_OTHERS) {
        return both != 0;
    }

    /* each name exists once, so the same name is the same memory */

    one = consumer->groups.elts;
    two = acf->groups->elts;

    for (i = 0; i < consumer->groups.nelts; i++) {
        for (k = 0; k < acf->groups->nelts; k++) {
            if (one[i].data == two[k].data) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_gateway_acl_is_in_group(ngx_http_gateway_acl_conf_t *acf,
    ngx_array_t *groups)
{
    ngx_uint_t                  i, n;
    ngx_http_gateway_group_t  **group;

    group = groups->elts;

    for (i = 0; i < groups->nelts; i++) {
        n = group[i]->number;

        if (acf->listed[n / 8] & (1 << n % 8)) {
            return 1;
        }
    }

    return 0;
}


/* the consumer's own groups, then the consumer groups that are not there */

static ngx_int_t
ngx_http_gateway_acl_join(ngx_http_request_t *r,
    ngx_http_gateway_acl_consumer_t *consumer, ngx_array_t *groups,
    ngx_str_t *header)
{
    u_char                     *p;
    size_t                      len;
    ngx_str_t                  *own;
    ngx_uint_t                  i, k;
    ngx_http_gateway_group_t  **group;

    own = consumer->groups.elts;
    group = groups->elts;
    len = consumer->header.len;

    for (i = 0; i < groups->nelts; i++) {
        len += sizeof(", ") - 1 + group[i]->name.len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    header->data = p;
    p = ngx_cpymem(p, consumer->header.data, consumer->header.len);

    for (i = 0; i < groups->nelts; i++) {

        for (k = 0; k < consumer->groups.nelts; k++) {
            if (own[k].len == group[i]->name.len
                && ngx_strncmp(own[k].data, group[i]->name.data, own[k].len)
                   == 0)
            {
                break;
            }
        }

        if (k == consumer->groups.nelts) {
            *p++ = ',';
            *p++ = ' ';
            p = ngx_cpymem(p, group[i]->name.data, group[i]->name.len);
        }
    }

    header->len = p - header->data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_acl_is_listed(ngx_http_gateway_acl_conf_t *acf, u_char *name,
    size_t len)
{
    ngx_str_t   *group;
    ngx_uint_t   i;

    group = acf->groups->elts;

    for (i = 0; i < acf->groups->nelts; i++) {
        if (group[i].len == len
            && ngx_strncmp(group[i].data, name, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* no copy that the client sent gets through, whatever we write ourselves */

static ngx_int_t
ngx_http_gateway_acl_pass(ngx_http_request_t *r,
    ngx_http_gateway_ctx_t *ctx, ngx_http_gateway_acl_conf_t *acf,
    ngx_str_t *consumer_groups, ngx_str_t *authenticated_groups)
{
    ngx_http_gateway_main_conf_t    *gmcf;
    ngx_http_gateway_header_line_t   line;

    if (acf->hide_groups_header) {
        consumer_groups = NULL;
        authenticated_groups = NULL;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->strip_identity && ctx->matched_any && !authenticated_groups
        && ctx->authenticated_groups.len == 0
        && (ctx->consumer == NULL || ctx->consumer->group_names.len == 0))
    {
        /* the client's copies went when its route was found, and nobody has
           written another one */

        if (consumer_groups == NULL) {
            return NGX_OK;
        }

        line.header = &ngx_http_gateway_acl_consumer_groups;
        line.value = consumer_groups;

        return ngx_http_gateway_header_in_add_lines(r, &line, 1);
    }

    if (consumer_groups == NULL) {
        (void) ngx_http_gateway_header_in_remove(r,
                               &ngx_http_gateway_acl_consumer_groups.lowcase);

    } else if (ngx_http_gateway_header_in_put(r,
                       &ngx_http_gateway_acl_consumer_groups, consumer_groups)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (authenticated_groups == NULL) {
        (void) ngx_http_gateway_header_in_remove(r,
                          &ngx_http_gateway_acl_authenticated_groups.lowcase);

        return NGX_OK;
    }

    return ngx_http_gateway_header_in_put(r,
                                  &ngx_http_gateway_acl_authenticated_groups,
                                  authenticated_groups);
}


static ngx_int_t
ngx_http_gateway_acl_refuse(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *groups)
{
    static ngx_str_t  forbidden =
        ngx_string("You cannot consume this service");

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "acl: refused with %ui, groups: \"%V\"", status, groups);

    return ngx_http_gateway_error(r, status,
                        status == NGX_HTTP_FORBIDDEN ? &forbidden : NULL);
}


static char *
ngx_http_gateway_acl_check(ngx_conf_t *cf, void *conf)
{
    ngx_http_gateway_acl_conf_t  *acf = conf;

    ngx_str_t                          *name;
    ngx_uint_t                          i;
    ngx_http_gateway_acl_conf_t       **pacf;
    ngx_http_gateway_acl_group_t       *group;
    ngx_http_gateway_acl_main_conf_t   *amcf;

    if (acf->allow && acf->deny) {
        return "has both \"allow\" and \"deny\": keep one of them";
    }

    if (acf->allow == NULL && acf->deny == NULL) {
        return "has neither \"allow\" nor \"deny\": name a group, "
               "as in \"allow=admin\"";
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_acl_module);

    acf->groups = acf->allow ? acf->allow : acf->deny;
    name = acf->groups->elts;

    for (i = 0; i < acf->groups->nelts; i++) {

        if (name[i].len == 0) {
            return "has an empty group";
        }

        group = ngx_http_gateway_acl_intern(cf, amcf, &name[i]);
        if (group == NULL) {
            return NGX_CONF_ERROR;
        }

        name[i] = group->sn.str;
        acf->bits |= ngx_http_gateway_acl_bit(group);
    }

    if (acf->include_consumer_groups) {
        pacf = ngx_array_push(&amcf->confs);
        if (pacf == NULL) {
            return NGX_CONF_ERROR;
        }

        *pacf = acf;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_acl_group(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_acl_main_conf_t  *amcf = conf;

    ngx_str_t                        *value, *name;
    ngx_uint_t                        i, k;
    ngx_http_gateway_loc_conf_t      *glcf;
    ngx_http_gateway_acl_group_t     *group;
    ngx_http_gateway_acl_consumer_t  *consumer;

    value = cf->args->elts;
    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    consumer = (ngx_http_gateway_acl_consumer_t *) glcf->consumer->acl_groups;

    if (consumer == NULL) {
        consumer = ngx_pcalloc(cf->pool,
                               sizeof(ngx_http_gateway_acl_consumer_t));
        if (consumer == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_array_init(&consumer->groups, cf->pool, cf->args->nelts - 1,
                           sizeof(ngx_str_t))
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        consumer->next = amcf->consumers;
        amcf->consumers = consumer;

        /* the array is the first member */

        glcf->consumer->acl_groups = &consumer->groups;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            return "has an empty group";
        }

        group = ngx_http_gateway_acl_intern(cf, amcf, &value[i]);
        if (group == NULL) {
            return NGX_CONF_ERROR;
        }

        name = consumer->groups.elts;

        for (k = 0; k < consumer->groups.nelts; k++) {
            if (name[k].data == group->sn.str.data) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate group \"%V\" in "
                                   "\"gateway_acl_group\" of consumer \"%V\"",
                                   &value[i], &glcf->consumer->name);
                return NGX_CONF_ERROR;
            }
        }

        name = ngx_array_push(&consumer->groups);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = group->sn.str;
        consumer->bits |= ngx_http_gateway_acl_bit(group);
    }

    return NGX_CONF_OK;
}


/* the one copy of a group's name; NULL when out of memory */

static ngx_http_gateway_acl_group_t *
ngx_http_gateway_acl_intern(ngx_conf_t *cf,
    ngx_http_gateway_acl_main_conf_t *amcf, ngx_str_t *name)
{
    uint32_t                       hash;
    ngx_http_gateway_acl_group_t  *group;

    hash = ngx_crc32_long(name->data, name->len);

    group = (ngx_http_gateway_acl_group_t *)
                              ngx_str_rbtree_lookup(&amcf->groups, name, hash);
    if (group) {
        return group;
    }

    group = ngx_palloc(cf->pool, offsetof(ngx_http_gateway_acl_group_t, data)
                                 + name->len);
    if (group == NULL) {
        return NULL;
    }

    ngx_memcpy(group->data, name->data, name->len);

    group->number = amcf->ngroups++;
    group->sn.node.key = hash;
    group->sn.str.data = group->data;
    group->sn.str.len = name->len;

    ngx_rbtree_insert(&amcf->groups, &group->sn.node);

    return group;
}


static uint64_t
ngx_http_gateway_acl_bit(ngx_http_gateway_acl_group_t *group)
{
    return group->number < 63 ? (uint64_t) 1 << group->number
                              : NGX_HTTP_GATEWAY_ACL_OTHERS;
}


static void *
ngx_http_gateway_acl_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_acl_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_acl_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     amcf->ngroups = 0;
     *     amcf->consumers = NULL;
     */

    ngx_rbtree_init(&amcf->groups, &amcf->sentinel,
                    ngx_str_rbtree_insert_value);

    if (ngx_array_init(&amcf->confs, cf->pool, 2, sizeof(void *)) != NGX_OK) {
        return NULL;
    }

    return amcf;
}


static ngx_int_t
ngx_http_gateway_acl_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_policy(cf, &ngx_http_gateway_acl_policy);
}


/* writes the header of each consumer once, when all its groups are known */

static ngx_int_t
ngx_http_gateway_acl_init(ngx_conf_t *cf)
{
    ngx_uint_t                         i;
    ngx_http_gateway_acl_conf_t      **acf;
    ngx_http_gateway_acl_consumer_t   *consumer;
    ngx_http_gateway_acl_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_acl_module);

    acf = amcf->confs.elts;

    for (i = 0; i < amcf->confs.nelts; i++) {
        if (ngx_http_gateway_acl_init_groups(cf, acf[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (consumer = amcf->consumers; consumer; consumer = consumer->next) {
        if (ngx_http_gateway_acl_header(cf->pool, consumer) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* what the upstream is told: "g1, g2" */

static ngx_int_t
ngx_http_gateway_acl_header(ngx_pool_t *pool,
    ngx_http_gateway_acl_consumer_t *consumer)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = consumer->groups.elts;

    if (consumer->groups.nelts == 1) {
        consumer->header = name[0];
        return NGX_OK;
    }

    len = 0;

    for (i = 0; i < consumer->groups.nelts; i++) {
        len += name[i].len + sizeof(", ") - 1;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    consumer->header.data = p;

    for (i = 0; i < consumer->groups.nelts; i++) {

        if (i) {
            *p++ = ',';
            *p++ = ' ';
        }

        p = ngx_cpymem(p, name[i].data, name[i].len);
    }

    consumer->header.len = p - consumer->header.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_acl_init_groups(ngx_conf_t *cf,
    ngx_http_gateway_acl_conf_t *acf)
{
    ngx_uint_t                     i, n;
    ngx_http_gateway_group_t     **groups;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    groups = gmcf->groups.elts;

    /* numbers begin with 1 */

    acf->listed = ngx_pcalloc(cf->pool, gmcf->groups.nelts / 8 + 1);
    if (acf->listed == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < gmcf->groups.nelts; i++) {
        if (ngx_http_gateway_acl_is_listed(acf, groups[i]->name.data,
                                           groups[i]->name.len))
        {
            n = groups[i]->number;
            acf->listed[n / 8] |= 1 << n % 8;
        }
    }

    return NGX_OK;
}
