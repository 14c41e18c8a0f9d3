
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What the status listener tells about upstreams: "gateway_upstream_status"
 * their targets and health, "gateway_dns_status" how names are doing.  As
 * the worker that is asked sees it; costs other requests nothing.
 */


#include "ngx_http_gateway_upstream_peers.h"
#include "ngx_http_gateway_status.h"

#include "gateway_uuid.h"


#define NGX_HTTP_GATEWAY_UPSTREAM_PAGE      100
#define NGX_HTTP_GATEWAY_UPSTREAM_MAX_PAGE  1000


/* text that grows; what could not be written shows in failed */
typedef struct {
    ngx_array_t                           text;     /* u_char */
    unsigned                              failed:1;
    unsigned                              sent:1;   /* another answer was */
} ngx_http_gateway_upstream_json_t;


/* weights of a target or of all */
typedef struct {
    uint64_t                              total;
    uint64_t                              unavailable;
} ngx_http_gateway_upstream_sum_t;


typedef struct {
    ngx_str_node_t                        sn;
    ngx_http_gateway_upstream_name_t      sum;
} ngx_http_gateway_upstream_names_t;


static ngx_int_t ngx_http_gateway_upstream_writable_handler(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_upstream_status_force(
    ngx_http_request_t *r, ngx_str_t *name, ngx_str_t *target,
    ngx_str_t *address, ngx_uint_t healthy);
static ngx_http_gateway_upstream_target_t *
    ngx_http_gateway_upstream_status_named(
    ngx_http_gateway_upstream_balancer_t *b, ngx_str_t *name);
static ngx_int_t ngx_http_gateway_upstream_status_handler(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_upstream_status_route(
    ngx_http_request_t *r, ngx_http_gateway_upstream_json_t *json);
static ngx_http_gateway_upstream_balancer_t *
    ngx_http_gateway_upstream_status_find(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_upstream_status_one(
    ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_balancer_t *b, ngx_str_t *name);
static ngx_int_t ngx_http_gateway_upstream_status_page(ngx_http_request_t *r,
    ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_balancer_t *b, ngx_str_t *name, ngx_str_t *what,
    ngx_uint_t health, ngx_uint_t ascending);
static int ngx_libc_cdecl ngx_http_gateway_upstream_status_cmp(
    const void *one, const void *two);
static void ngx_http_gateway_upstream_status_target(
    ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_target_t *target, ngx_uint_t health);
static void ngx_http_gateway_upstream_status_data(
    ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_target_t *target, ngx_uint_t details,
    ngx_http_gateway_upstream_sum_t *sum);
static ngx_uint_t ngx_http_gateway_upstream_status_checked(
    ngx_http_gateway_upstream_target_t *target);
static ngx_int_t ngx_http_gateway_upstream_status_balancer(
    ngx_http_request_t *r, ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_balancer_t *b);
static const char *ngx_http_gateway_upstream_status_dns(
    ngx_http_gateway_upstream_target_t *target);

static ngx_int_t ngx_http_gateway_dns_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_dns_status_names(ngx_http_request_t *r,
    ngx_rbtree_t *names);

static ngx_int_t ngx_http_gateway_upstream_json_send(ngx_http_request_t *r,
    ngx_http_gateway_upstream_json_t *json);
static void ngx_http_gateway_upstream_json(
    ngx_http_gateway_upstream_json_t *json, const char *fmt, ...);
static void ngx_http_gateway_upstream_json_text(
    ngx_http_gateway_upstream_json_t *json, ngx_str_t *text);


/*
 * PUT /upstreams/NAME/targets/TARGET[/ADDRESS]/healthy or unhealthy; all
 * else is read only
 */

static ngx_int_t
ngx_http_gateway_upstream_writable_handler(ngx_http_request_t *r)
{
    u_char      *p, *last;
    ngx_int_t    rc;
    ngx_str_t    parts[6];
    ngx_uint_t   n, healthy;
    const char  *verb;
    ngx_str_t    text;

    static ngx_str_t  not_found = ngx_string("Not found");
    static ngx_str_t  json = ngx_string("application/json; charset=utf-8");

    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return ngx_http_gateway_upstream_status_handler(r);
    }

    n = 0;
    p = r->uri.data;
    last = p + r->uri.len;

    while (p < last && n < 6) {

        if (*p == '/') {
            p++;
            continue;
        }

        parts[n].data = p;

        while (p < last && *p != '/') {
            p++;
        }

        parts[n].len = p - parts[n].data;
        n++;
    }

    if (r->method == NGX_HTTP_PUT && p >= last && (n == 5 || n == 6)
        && parts[2].len == 7 && ngx_strncmp(parts[2].data, "targets", 7) == 0)
    {
        text = parts[n - 1];
        healthy = text.len == 7 && ngx_strncmp(text.data, "healthy", 7) == 0;

        if (healthy || (text.len == 9
                        && ngx_strncmp(text.data, "unhealthy", 9) == 0))
        {
            rc = ngx_http_discard_request_body(r);
            if (rc != NGX_OK) {
                return rc;
            }

            rc = ngx_http_gateway_upstream_status_force(r, &parts[1],
                                                        &parts[3],
                                                        n == 6 ? &parts[4]
                                                               : NULL,
                                                        healthy);

            return (rc == NGX_DECLINED)
                   ? ngx_http_gateway_status_message(r, NGX_HTTP_NOT_FOUND,
                                                     &not_found)
                   : rc;
        }
    }

    verb = NULL;

    if (n == 3 && r->method == NGX_HTTP_POST) {
        verb = "create";

    } else if (n == 4 && r->method == NGX_HTTP_DELETE) {
        verb = "remove";

    } else if (n == 4 && (r->method & (NGX_HTTP_PUT|NGX_HTTP_PATCH))) {
        verb = "update";
    }

    if (verb == NULL || parts[2].len != 7
        || ngx_strncmp(parts[2].data, "targets", 7) != 0)
    {
        return ngx_http_gateway_upstream_status_handler(r);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, 256);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_sprintf(b->last, "{\"message\":\"cannot %s 'targets' "
                                   "entities when not using a database\","
                                   "\"strategy\":\"off\","
                                   "\"name\":\"operation unsupported\","
                                   "\"code\":12}",
                          verb);
    out.buf = b;
    out.next = NULL;

    return ngx_http_gateway_status_send(r, NGX_HTTP_NOT_ALLOWED, &json, &out,
                                        b->last - b->pos);
}


static ngx_int_t
ngx_http_gateway_upstream_status_force(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *target, ngx_str_t *address, ngx_uint_t healthy)
{
    u_char                                *p;
    ngx_str_t                              message;
    ngx_uint_t                             i, found;
    ngx_http_gateway_upstream_set_t       *set;
    ngx_http_gateway_upstream_peer_t      *peer;
    ngx_http_gateway_upstream_target_t    *t;
    ngx_http_gateway_upstream_balancer_t  *b;

    b = ngx_http_gateway_upstream_status_find(r, name);

    if (b == NULL || ngx_http_gateway_upstream_set(b) == NULL) {
        return NGX_DECLINED;
    }

    t = ngx_http_gateway_upstream_status_named(b, target);

    if (t == NULL) {
        return NGX_DECLINED;
    }

    if (b->checks == NULL || !b->checks->enabled) {

        p = ngx_pnalloc(r->pool, b->name.len
                                 + sizeof("no healthchecker found for "));
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        message.data = p;
        message.len = ngx_sprintf(p, "no healthchecker found for %V",
                                  &b->name)
                      - p;

        return ngx_http_gateway_status_message(r, NGX_HTTP_BAD_REQUEST,
                                               &message);
    }

    set = b->set;
    found = 0;

    for (i = 0; i < set->nslots; i++) {

        peer = set->slots[i].peer;

        if (peer->target != t
            || (address && (address->len != peer->text.len
                            || ngx_strncmp(address->data, peer->text.data,
                                           address->len) != 0)))
        {
            continue;
        }

        ngx_http_gateway_upstream_force(b, peer, healthy);
        found = 1;
    }

    if (!found) {
        return NGX_DECLINED;
    }

    ngx_http_gateway_upstream_sync(b);

    return ngx_http_gateway_status_send(r, NGX_HTTP_NO_CONTENT, NULL, NULL,
                                        0);
}


static ngx_int_t
ngx_http_gateway_upstream_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_gateway_upstream_json_t  json;

    static ngx_str_t  not_found = ngx_string("Not found");

    ngx_memzero(&json, sizeof(ngx_http_gateway_upstream_json_t));

    if (ngx_array_init(&json.text, r->pool, 4096, 1) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_gateway_upstream_status_route(r, &json);

    /* what is not there is not there with any method */

    if (rc == NGX_DECLINED) {

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_gateway_status_message(r, NGX_HTTP_NOT_FOUND,
                                               &not_found);
    }

    if (rc != NGX_OK || json.sent) {
        return rc;
    }

    return ngx_http_gateway_upstream_json_send(r, &json);
}


/* NGX_DECLINED: there is no such thing */

static ngx_int_t
ngx_http_gateway_upstream_status_route(ngx_http_request_t *r,
    ngx_http_gateway_upstream_json_t *json)
{
    u_char                                *p, *last;
    ngx_int_t                              rc;
    ngx_str_t                              name, rest, target;
    ngx_uint_t                             health, all, one;
    ngx_http_gateway_upstream_balancer_t  *b;

    static ngx_str_t  prefix = ngx_string("/upstreams/");

    if (r->uri.len < prefix.len
        || ngx_strncmp(r->uri.data, prefix.data, prefix.len) != 0)
    {
        return NGX_DECLINED;
    }

    name.data = r->uri.data + prefix.len;
    last = r->uri.data + r->uri.len;

    if (last[-1] == '/' && last - 1 > name.data) {
        last--;
    }

    p = ngx_strlchr(name.data, last, '/');

    if (p == NULL) {
        return NGX_DECLINED;
    }

    name.len = p - name.data;
    rest.data = p + 1;
    rest.len = last - rest.data;

    ngx_str_null(&target);

    health = rest.len == 6 && ngx_strncmp(rest.data, "health", 6) == 0;
    all = rest.len == 11 && ngx_strncmp(rest.data, "targets/all", 11) == 0;
    one = 0;

    if (!health && !all) {

        if (rest.len < 7 || ngx_strncmp(rest.data, "targets", 7) != 0) {
            return NGX_DECLINED;
        }

        if (rest.len > 7) {
            target.data = rest.data + 8;
            target.len = rest.len - 8;
            one = 1;

            if (rest.data[7] != '/' || target.len == 0
                || ngx_strlchr(target.data, last, '/'))
            {
                return NGX_DECLINED;
            }
        }
    }

    if (ngx_http_gateway_status_get(r, &rc) != NGX_OK) {
        json->sent = 1;
        return rc;
    }

    b = ngx_http_gateway_upstream_status_find(r, &name);

    if (b == NULL || ngx_http_gateway_upstream_set(b) == NULL) {
        return NGX_DECLINED;
    }

    if (one) {
        return ngx_http_gateway_upstream_status_one(json, b, &target);
    }

    if (health
        && ngx_http_arg(r, (u_char *) "balancer_health", 15, &target)
           == NGX_OK
        && target.len == 1 && target.data[0] == '1')
    {
        return ngx_http_gateway_upstream_status_balancer(r, json, b);
    }

    return ngx_http_gateway_upstream_status_page(r, json, b, &name, &rest,
                                                 health, all);
}


static ngx_http_gateway_upstream_balancer_t *
ngx_http_gateway_upstream_status_find(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t                              i;
    ngx_http_gateway_upstream_balancer_t  **b;
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    gumcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_upstream_module);

    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->nexplicit; i++) {

        if ((b[i]->name.len == name->len
             && ngx_strncmp(b[i]->name.data, name->data, name->len) == 0)
            || (name->len == GATEWAY_UUID_LEN
                && b[i]->id.len == name->len
                && ngx_strncasecmp(b[i]->id.data, name->data, name->len)
                   == 0))
        {
            return b[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_upstream_status_one(ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_balancer_t *b, ngx_str_t *name)
{
    ngx_http_gateway_upstream_target_t  *target;

    target = ngx_http_gateway_upstream_status_named(b, name);

    if (target == NULL) {
        return NGX_DECLINED;
    }

    ngx_http_gateway_upstream_status_target(json, target, 0);

    return NGX_OK;
}


static ngx_http_gateway_upstream_target_t *
ngx_http_gateway_upstream_status_named(
    ngx_http_gateway_upstream_balancer_t *b, ngx_str_t *name)
{
    ngx_uint_t                           i;
    ngx_http_gateway_upstream_target_t  *target;

    target = b->targets.elts;

    for (i = 0; i < b->targets.nelts; i++) {

        if ((target[i].text.len == name->len
             && ngx_strncasecmp(target[i].text.data, name->data, name->len)
                == 0)
            || (target[i].id.len == name->len
                && ngx_strncasecmp(target[i].id.data, name->data, name->len)
                   == 0))
        {
            return &target[i];
        }
    }

    return NULL;
}


/* the newest first, or in order; "size" and "offset" choose a part */

static ngx_int_t
ngx_http_gateway_upstream_status_page(ngx_http_request_t *r,
    ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_balancer_t *b, ngx_str_t *name, ngx_str_t *what,
    ngx_uint_t health, ngx_uint_t ascending)
{
    ngx_str_t                              value;
    ngx_int_t                              size, offset;
    ngx_uint_t                             i, n, first, last;
    ngx_http_gateway_upstream_target_t    *target, **sorted;

    static ngx_str_t  bad_size =
        ngx_string("size must be an integer between 1 and 1000");
    static ngx_str_t  bad_offset = ngx_string("invalid offset");

    size = NGX_HTTP_GATEWAY_UPSTREAM_PAGE;
    offset = 0;

    if (ngx_http_arg(r, (u_char *) "size", 4, &value) == NGX_OK) {
        size = ngx_atoi(value.data, value.len);

        if (size < 1 || size > NGX_HTTP_GATEWAY_UPSTREAM_MAX_PAGE) {
            json->sent = 1;
            return ngx_http_gateway_status_message(r, NGX_HTTP_BAD_REQUEST,
                                                   &bad_size);
        }
    }

    if (ngx_http_arg(r, (u_char *) "offset", 6, &value) == NGX_OK) {
        offset = ngx_atoi(value.data, value.len);

        if (offset == NGX_ERROR) {
            json->sent = 1;
            return ngx_http_gateway_status_message(r, NGX_HTTP_BAD_REQUEST,
                                                   &bad_offset);
        }
    }

    target = b->targets.elts;
    n = b->targets.nelts;

    sorted = ngx_palloc(r->pool, (n + 1) * sizeof(void *));
    if (sorted == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < n; i++) {
        sorted[i] = &target[i];
    }

    ngx_qsort(sorted, n, sizeof(void *),
              ngx_http_gateway_upstream_status_cmp);

    first = ngx_min((ngx_uint_t) offset, n);
    last = ngx_min(n, first + (ngx_uint_t) size);

    ngx_http_gateway_upstream_json(json, "{\"data\":[");

    for (i = first; i < last; i++) {
        ngx_http_gateway_upstream_json(json, i > first ? "," : "");
        ngx_http_gateway_upstream_status_target(json,
                                                sorted[ascending
                                                       ? i : n - 1 - i],
                                                health);
    }

    if (last < n) {
        ngx_http_gateway_upstream_json(json, "],\"offset\":\"%ui\","
                                       "\"next\":\"/upstreams/", last);
        value.len = name->len
                    + 2 * ngx_escape_uri(NULL, name->data, name->len,
                                         NGX_ESCAPE_URI_COMPONENT);
        value.data = ngx_pnalloc(r->pool, value.len);

        if (value.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        (void) ngx_escape_uri(value.data, name->data, name->len,
                              NGX_ESCAPE_URI_COMPONENT);

        ngx_http_gateway_upstream_json(json, "%V/%V?offset=%ui\"", &value,
                                       what, last);

    } else {
        ngx_http_gateway_upstream_json(json, "],\"next\":null");
    }

    if (health) {

        if (ngx_http_gateway_status_node_id(r->pool, &value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_gateway_upstream_json(json, ",\"node_id\":\"%V\"", &value);
    }

    ngx_http_gateway_upstream_json(json, "}");

    return NGX_OK;
}


/* by age, then by id */

static int ngx_libc_cdecl
ngx_http_gateway_upstream_status_cmp(const void *one, const void *two)
{
    ngx_http_gateway_upstream_target_t *const  *a, *const  *b;

    a = one;
    b = two;

    if ((*a)->created_at != (*b)->created_at) {
        return (*a)->created_at < (*b)->created_at ? -1 : 1;
    }

    return (int) ngx_memn2cmp((*a)->id.data, (*b)->id.data, (*a)->id.len,
                              (*b)->id.len);
}


static void
ngx_http_gateway_upstream_status_target(
    ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_target_t *target, ngx_uint_t health)
{
    ngx_str_t                        *tag;
    ngx_uint_t                        i;
    const char                       *state;
    ngx_http_gateway_upstream_set_t  *set;
    ngx_http_gateway_upstream_sum_t   sum;

    ngx_http_gateway_upstream_json(json, "{\"id\":");
    ngx_http_gateway_upstream_json_text(json, &target->id);
    ngx_http_gateway_upstream_json(json, ",\"target\":");
    ngx_http_gateway_upstream_json_text(json, &target->text);
    ngx_http_gateway_upstream_json(json, ",\"weight\":%ui,\"upstream\":"
                                   "{\"id\":", target->weight);
    ngx_http_gateway_upstream_json_text(json, &target->balancer->id);
    ngx_http_gateway_upstream_json(json, "},\"created_at\":%T,"
                                   "\"updated_at\":%T,\"tags\":",
                                   target->created_at, target->updated_at);

    if (target->tags) {
        tag = target->tags->elts;

        for (i = 0; i < target->tags->nelts; i++) {
            ngx_http_gateway_upstream_json(json, i ? "," : "[");
            ngx_http_gateway_upstream_json_text(json, &tag[i]);
        }

        ngx_http_gateway_upstream_json(json, "]");

    } else {
        ngx_http_gateway_upstream_json(json, "null");
    }

    if (!health) {
        ngx_http_gateway_upstream_json(json, "}");
        return;
    }

    /* one healthy address is enough; without addresses it is the name */

    state = "DNS_ERROR";
    set = target->balancer->set;

    for (i = 0; i < set->nslots; i++) {

        if (set->slots[i].peer->target != target) {
            continue;
        }

        if (!ngx_http_gateway_upstream_status_checked(target)) {
            state = "HEALTHCHECKS_OFF";
            break;
        }

        if (!set->slots[i].peer->down) {
            state = "HEALTHY";
            break;
        }

        state = "UNHEALTHY";
    }

    ngx_http_gateway_upstream_json(json, ",\"health\":\"%s\",\"data\":",
                                   state);
    ngx_http_gateway_upstream_status_data(json, target, 0, &sum);
    ngx_http_gateway_upstream_json(json, "}");
}


/* details: whether addresses are in use, else their health */

static void
ngx_http_gateway_upstream_status_data(ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_target_t *target, ngx_uint_t details,
    ngx_http_gateway_upstream_sum_t *sum)
{
    size_t                             len;
    ngx_uint_t                         i, n, weight;
    ngx_http_gateway_upstream_set_t   *set;
    ngx_http_gateway_upstream_peer_t  *peer;
    u_char                             ip[NGX_SOCKADDR_STRLEN];

    set = target->balancer->set;

    sum->total = 0;
    sum->unavailable = 0;

    ngx_http_gateway_upstream_json(json, "{\"host\":");
    ngx_http_gateway_upstream_json_text(json, &target->host);
    ngx_http_gateway_upstream_json(json, ",\"port\":%ui,\"dns\":\"%s\","
                                   "\"nodeWeight\":%ui,\"addresses\":[",
                                   (ngx_uint_t) target->port,
                                   ngx_http_gateway_upstream_status_dns(
                                                                     target),
                                   target->weight);

    n = 0;

    for (i = 0; i < set->nslots; i++) {

        peer = set->slots[i].peer;

        if (peer->target != target) {
            continue;
        }

        weight = set->slots[i].weight / set->scale;

        if (set->slots[i].weight && weight == 0) {
            weight = 1;
        }

        sum->total += weight;

        if (peer->down) {
            sum->unavailable += weight;
        }

        len = ngx_sock_ntop(&peer->sockaddr.sockaddr, peer->socklen, ip,
                            NGX_SOCKADDR_STRLEN, 0);

        ngx_http_gateway_upstream_json(json, "%s{\"ip\":\"%*s\",\"port\":%ui,"
                                       "\"weight\":%ui,", n++ ? "," : "",
                                       len, ip, (ngx_uint_t) peer->port,
                                       weight);

        if (details) {
            ngx_http_gateway_upstream_json(json, "\"healthy\":%s}",
                                           peer->down ? "false" : "true");

        } else {
            ngx_http_gateway_upstream_json(json, "\"health\":\"%s\"}",
                           !ngx_http_gateway_upstream_status_checked(target)
                           ? "HEALTHCHECKS_OFF"
                           : peer->down ? "UNHEALTHY" : "HEALTHY");
        }
    }

    ngx_http_gateway_upstream_json(json, "],\"weight\":{\"total\":%uL,"
                                   "\"unavailable\":%uL,\"available\":%uL}}",
                                   sum->total, sum->unavailable,
                                   sum->total - sum->unavailable);
}


static ngx_uint_t
ngx_http_gateway_upstream_status_checked(
    ngx_http_gateway_upstream_target_t *target)
{
    return target->weight
           && target->balancer->checks
           && target->balancer->checks->enabled;
}


static ngx_int_t
ngx_http_gateway_upstream_status_balancer(ngx_http_request_t *r,
    ngx_http_gateway_upstream_json_t *json,
    ngx_http_gateway_upstream_balancer_t *b)
{
    ngx_str_t                            node;
    ngx_uint_t                           i, healthy;
    const char                          *state;
    ngx_http_gateway_upstream_sum_t      sum, all;
    ngx_http_gateway_upstream_target_t  *target;

    if (ngx_http_gateway_status_node_id(r->pool, &node) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    healthy = b->set->usable && !(b->checks && b->checks->broken);
    state = healthy ? "HEALTHY" : "UNHEALTHY";

    ngx_http_gateway_upstream_json(json, "{\"data\":{\"health\":\"%s\","
                                   "\"balancer_health\":\"%s\",\"id\":",
                                   b->checks && b->checks->enabled
                                   ? state : "HEALTHCHECKS_OFF", state);
    ngx_http_gateway_upstream_json_text(json, &b->id);
    ngx_http_gateway_upstream_json(json, ",\"details\":{\"healthy\":%s,"
                                   "\"hosts\":[", healthy ? "true" : "false");

    ngx_memzero(&all, sizeof(ngx_http_gateway_upstream_sum_t));

    target = b->targets.elts;

    for (i = 0; i < b->targets.nelts; i++) {
        ngx_http_gateway_upstream_json(json, i ? "," : "");
        ngx_http_gateway_upstream_status_data(json, &target[i], 1, &sum);

        all.total += sum.total;
        all.unavailable += sum.unavailable;
    }

    ngx_http_gateway_upstream_json(json, "],\"weight\":{\"total\":%uL,"
                                   "\"unavailable\":%uL,\"available\":%uL}}}"
                                   ",\"next\":null,\"node_id\":\"%V\"}",
                                   all.total, all.unavailable,
                                   all.total - all.unavailable, &node);

    return NGX_OK;
}


/* where addresses come from, or why there are none, in Kong's words */

static const char *
ngx_http_gateway_upstream_status_dns(
    ngx_http_gateway_upstream_target_t *target)
{
    ngx_http_gateway_upstream_name_t  *name;

    name = target->name;

    if (name == NULL) {
        return target->naddrs
               && target->addrs->sockaddr.sockaddr.sa_family == AF_INET
               ? "A" : "AAAA";
    }

    if (target->naddrs == 0 && name->error) {
        return name->error == NGX_AGAIN
               ? "unknown"
               : ngx_http_gateway_upstream_dns_strerror(name->error);
    }

    if (name->each) {
        return "ttl=0, virtual SRV";
    }

    switch (name->type) {

    case GATEWAY_DNS_SRV:
        return "SRV";

    case GATEWAY_DNS_AAAA:
        return "AAAA";

    default:
        return "A";
    }
}


static ngx_int_t
ngx_http_gateway_dns_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                            rc;
    ngx_uint_t                           n;
    ngx_rbtree_t                         names;
    ngx_core_conf_t                     *ccf;
    ngx_rbtree_node_t                   *node, sentinel;
    ngx_http_gateway_upstream_json_t     json;
    ngx_http_gateway_upstream_names_t   *entry;

    if (ngx_http_gateway_status_get(r, &rc) != NGX_OK) {
        return rc;
    }

    ngx_memzero(&json, sizeof(ngx_http_gateway_upstream_json_t));
    ngx_rbtree_init(&names, &sentinel, ngx_str_rbtree_insert_value);

    if (ngx_array_init(&json.text, r->pool, 4096, 1) != NGX_OK
        || ngx_http_gateway_dns_status_names(r, &names) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    ngx_http_gateway_upstream_json(&json, "{\"worker\":{\"id\":%ui,"
                                   "\"count\":%i},\"stats\":{", ngx_worker,
                                   ccf->worker_processes);

    n = 0;

    if (names.root != &sentinel) {

        for (node = ngx_rbtree_min(names.root, &sentinel);
             node;
             node = ngx_rbtree_next(&names, node))
        {
            entry = (ngx_http_gateway_upstream_names_t *) node;

            ngx_http_gateway_upstream_json(&json, n++ ? "," : "");
            ngx_http_gateway_upstream_json_text(&json, &entry->sn.str);
            ngx_http_gateway_upstream_json(&json, ":{\"runs\":%ui,"
                                           "\"query_succ\":%ui,"
                                           "\"query_fail\":%ui,"
                                           "\"stale\":%ui}",
                                           entry->sum.runs,
                                           entry->sum.successes,
                                           entry->sum.failures,
                                           entry->sum.stale);
        }
    }

    ngx_http_gateway_upstream_json(&json, "}}");

    return ngx_http_gateway_upstream_json_send(r, &json);
}


/* counters of targets and services with the same name are added up */

static ngx_int_t
ngx_http_gateway_dns_status_names(ngx_http_request_t *r, ngx_rbtree_t *names)
{
    uint32_t                                hash;
    ngx_uint_t                              i, k;
    ngx_http_gateway_upstream_name_t       *name;
    ngx_http_gateway_upstream_names_t      *entry;
    ngx_http_gateway_upstream_target_t     *target;
    ngx_http_gateway_upstream_balancer_t  **b;
    ngx_http_gateway_upstream_main_conf_t  *gumcf;

    gumcf = ngx_http_get_module_main_conf(r,
                                          ngx_http_gateway_upstream_module);
    b = gumcf->balancers.elts;

    for (i = 0; i < gumcf->balancers.nelts; i++) {

        target = b[i]->targets.elts;

        for (k = 0; k < b[i]->targets.nelts; k++) {

            name = target[k].name;

            if (name == NULL || name->runs == 0) {
                continue;
            }

            hash = ngx_crc32_long(target[k].host.data, target[k].host.len);
            entry = (ngx_http_gateway_upstream_names_t *)
                        ngx_str_rbtree_lookup(names, &target[k].host, hash);

            if (entry == NULL) {
                entry = ngx_pcalloc(r->pool,
                                    sizeof(ngx_http_gateway_upstream_names_t));
                if (entry == NULL) {
                    return NGX_ERROR;
                }

                entry->sn.node.key = hash;
                entry->sn.str = target[k].host;

                ngx_rbtree_insert(names, &entry->sn.node);
            }

            entry->sum.runs += name->runs;
            entry->sum.successes += name->successes;
            entry->sum.failures += name->failures;
            entry->sum.stale += name->stale;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_upstream_json_send(ngx_http_request_t *r,
    ngx_http_gateway_upstream_json_t *json)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    static ngx_str_t  type = ngx_string("application/json; charset=utf-8");

    b = ngx_calloc_buf(r->pool);

    if (b == NULL || json->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = json->text.elts;
    b->last = b->pos + json->text.nelts;
    b->memory = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_gateway_status_send(r, NGX_HTTP_OK, &type, &out,
                                        b->last - b->pos);
}


/* up to 1 KB of what needs no escaping */

static void
ngx_http_gateway_upstream_json(ngx_http_gateway_upstream_json_t *json,
    const char *fmt, ...)
{
    u_char   *p, *last;
    va_list   args;
    u_char    buf[1024];

    va_start(args, fmt);
    last = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    if (last == buf) {
        return;
    }

    p = ngx_array_push_n(&json->text, last - buf);

    if (p == NULL || last == buf + sizeof(buf)) {
        json->failed = 1;
        return;
    }

    ngx_memcpy(p, buf, last - buf);
}


static void
ngx_http_gateway_upstream_json_text(ngx_http_gateway_upstream_json_t *json,
    ngx_str_t *text)
{
    size_t   len;
    u_char  *p;

    len = text->len + ngx_escape_json(NULL, text->data, text->len);

    p = ngx_array_push_n(&json->text, len + 2);

    if (p == NULL) {
        json->failed = 1;
        return;
    }

    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, text->data, text->len);
    *p = '"';
}


/* configuration */

char *
ngx_http_gateway_upstream_status_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_upstream_status_handler;

    value = cf->args->elts;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "writable") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", expected "
                               "\"writable\"", &value[1]);
            return NGX_CONF_ERROR;
        }

        clcf->handler = ngx_http_gateway_upstream_writable_handler;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_dns_status_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_dns_status_handler;

    return NGX_CONF_OK;
}
