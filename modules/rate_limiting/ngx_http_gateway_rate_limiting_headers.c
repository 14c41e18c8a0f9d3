
/*
 * Copyright (C) the ngx_gateway authors
 *
 * What responses say about limits, see the header.
 */


#include "ngx_http_gateway_rate_limiting.h"
#include "ngx_http_gateway_headers.h"


static ngx_int_t ngx_http_gateway_rate_limiting_ietf(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_data_t *data);
static void ngx_http_gateway_rate_limiting_ietf_name(
    ngx_http_gateway_rate_limiting_conf_t *conf, ngx_uint_t i,
    ngx_str_t *name);
static void ngx_http_gateway_rate_limiting_clean(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf);


ngx_http_gateway_rate_limiting_period_t
    ngx_http_gateway_rate_limiting_periods[NGX_HTTP_GATEWAY_RATE_PERIODS] =
{
    { "second", 1,
      ngx_string("X-RateLimit-Limit-Second"),
      ngx_string("X-RateLimit-Remaining-Second") },

    { "minute", 60,
      ngx_string("X-RateLimit-Limit-Minute"),
      ngx_string("X-RateLimit-Remaining-Minute") },

    { "hour", 3600,
      ngx_string("X-RateLimit-Limit-Hour"),
      ngx_string("X-RateLimit-Remaining-Hour") },

    { "day", 86400,
      ngx_string("X-RateLimit-Limit-Day"),
      ngx_string("X-RateLimit-Remaining-Day") },

    { "month", 2592000,
      ngx_string("X-RateLimit-Limit-Month"),
      ngx_string("X-RateLimit-Remaining-Month") },

    { "year", 31536000,
      ngx_string("X-RateLimit-Limit-Year"),
      ngx_string("X-RateLimit-Remaining-Year") }
};


static ngx_str_t  ngx_http_gateway_rate_limiting_limit_name =
    ngx_string("RateLimit-Limit");
static ngx_str_t  ngx_http_gateway_rate_limiting_remaining_name =
    ngx_string("RateLimit-Remaining");
static ngx_str_t  ngx_http_gateway_rate_limiting_reset_name =
    ngx_string("RateLimit-Reset");
static ngx_str_t  ngx_http_gateway_rate_limiting_retry_name =
    ngx_string("Retry-After");
static ngx_str_t  ngx_http_gateway_rate_limiting_policy_name =
    ngx_string("RateLimit-Policy");
static ngx_str_t  ngx_http_gateway_rate_limiting_ietf_field =
    ngx_string("RateLimit");


/* works out what the response headers will say */

ngx_http_gateway_rate_limiting_data_t *
ngx_http_gateway_rate_limiting_keep(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_main_conf_t *mcf, uint32_t *used,
    ngx_uint_t stop)
{
    double                                  remaining, least;
    time_t                                  reset;
    ngx_uint_t                              i, n, period, past, stops;
    ngx_http_gateway_rate_limiting_data_t  *data;
    ngx_http_gateway_rate_limiting_more_t  *more;

    data = conf->plain ? ngx_http_gateway_rate_limiting_add(r, conf)
                       : ngx_http_gateway_rate_limiting_data(r, conf);
    if (data == NULL) {
        return NULL;
    }

    least = 0;
    past = 0;
    data->selected = 0;
    data->rejected = stop;

    more = conf->more;
    n = more ? more->n : conf->n;

    for (i = 0; i < n; i++) {

        if (more) {
            remaining = more->limits[i].kind
                        == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA
                        ? (double) more->limits[i].stop
                        : more->limits[i].limit;
            remaining -= (double) data->more[i].used;
            stops = (uint64_t) data->more[i].used + data->cost
                    > more->limits[i].stop;

        } else {
            remaining = conf->limits[i].limit - (double) used[i];
            stops = used[i] >= conf->limits[i].stop;
        }

        /* a rejected request is not counted in the other periods, or only in
           those before the first that stops it */

        if (!stop || (conf->penalty && !past)) {
            remaining -= more ? data->cost : 1;

        } else if (stops) {
            remaining = more ? remaining : remaining - 1;
        }

        if (remaining < 0) {
            remaining = 0;
        }

        past |= stops;

        data->remaining[i] = remaining;

        /* limits are in the order of their periods: the longer one wins */

        if (i == 0 || remaining <= least) {
            least = remaining;
            data->selected = i;
        }

        if (more) {
            data->resets[i] = data->more[i].reset;

        } else if (conf->ietf_headers) {
            period = conf->limits[i].period;
            reset = ngx_http_gateway_rate_limiting_periods[period].length
                    - (mcf->now - (time_t) mcf->start[period]);
            data->resets[i] = reset > 1 ? (ngx_uint_t) reset : 1;
        }
    }

    if (more) {
        data->reset = ngx_max(data->resets[data->selected], 1);
        return data;
    }

    period = conf->limits[data->selected].period;
    reset = ngx_http_gateway_rate_limiting_periods[period].length
            - (mcf->now - (time_t) mcf->start[period]);

    data->reset = reset > 1 ? (ngx_uint_t) reset : 1;

    return data;
}


/* whatever response comes in the end, of the upstream, of us or of nginx */

ngx_int_t
ngx_http_gateway_rate_limiting_header(ngx_http_request_t *r, void *arg)
{
    ngx_http_gateway_rate_limiting_conf_t  *conf = arg;

    u_char                                 *p;
    ngx_uint_t                              i, n;
    ngx_table_elt_t                        *h;
    ngx_http_gateway_rate_limiting_data_t  *data;
    ngx_http_gateway_rate_limiting_more_t  *more;

    data = ngx_http_gateway_get_data(r, &ngx_http_gateway_rate_limiting);

    if (data == NULL || !data->shown) {
        return NGX_OK;
    }

    if (r->upstream) {
        ngx_http_gateway_rate_limiting_clean(r, conf);
    }

    more = conf->more;
    n = conf->n;

    h = ngx_http_gateway_rate_limiting_room(r, 2 * n + 3
                                               + (data->rejected ? 1 : 0));
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(h, conf->head, (2 * n + 3 + (data->rejected ? 1 : 0))
                              * sizeof(ngx_table_elt_t));

    p = data->text;

    for (i = 0; i < n; i++) {
        ngx_http_gateway_rate_limiting_number(p, data->remaining[i],
                                              &h[2 * i + 1].value);
        p += NGX_HTTP_GATEWAY_RATE_TEXT;
    }

    if (data->selected < n) {
        h[2 * n + 1].value = h[2 * data->selected + 1].value;

    } else {
        ngx_http_gateway_rate_limiting_number(p,
                                              data->remaining[data->selected],
                                              &h[2 * n + 1].value);
        p += NGX_HTTP_GATEWAY_RATE_TEXT;
    }

    h[2 * n].value = more ? more->limits[data->selected].text
                          : conf->limits[data->selected].text;

    ngx_http_gateway_rate_limiting_number(p, (double) data->reset,
                                          &h[2 * n + 2].value);

    if (data->rejected) {
        h[2 * n + 3].value = h[2 * n + 2].value;
    }

    return conf->ietf_headers
           ? ngx_http_gateway_rate_limiting_ietf(r, conf, data) : NGX_OK;
}


ngx_table_elt_t *
ngx_http_gateway_rate_limiting_room(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part;

    list = &r->headers_out.headers;
    part = list->last;

    if (part->nelts + n > list->nalloc) {

        /* as ngx_list_push() goes on, but perhaps earlier */

        part = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
        if (part == NULL) {
            return NULL;
        }

        part->elts = ngx_palloc(r->pool, ngx_max(list->nalloc, n)
                                         * list->size);
        if (part->elts == NULL) {
            return NULL;
        }

        part->nelts = 0;
        part->next = NULL;

        list->last->next = part;
        list->last = part;
    }

    part->nelts += n;

    return (ngx_table_elt_t *) part->elts + part->nelts - n;
}


/* the headers of each response, without what is different in each */

ngx_int_t
ngx_http_gateway_rate_limiting_head(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    ngx_uint_t                                i;
    ngx_table_elt_t                          *h;
    ngx_http_gateway_rate_limiting_period_t  *period;

    h = ngx_pcalloc(cf->pool, (2 * conf->n + 4) * sizeof(ngx_table_elt_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    conf->head = h;

    for (i = 0; i < conf->n; i++) {

        period = &ngx_http_gateway_rate_limiting_periods
                     [conf->limits[i].period];

        h[2 * i].key = period->limit;
        h[2 * i].value = conf->limits[i].text;
        h[2 * i + 1].key = period->remaining;
    }

    h[2 * i].key = ngx_http_gateway_rate_limiting_limit_name;
    h[2 * i + 1].key = ngx_http_gateway_rate_limiting_remaining_name;
    h[2 * i + 2].key = ngx_http_gateway_rate_limiting_reset_name;
    h[2 * i + 3].key = ngx_http_gateway_rate_limiting_retry_name;

    for (i = 0; i < 2 * conf->n + 4; i++) {
        h[i].hash = 1;
    }

    return NGX_OK;
}


/* RateLimit: "minute";r=59;t=30, of draft-ietf-httpapi-ratelimit-headers */

static ngx_int_t
ngx_http_gateway_rate_limiting_ietf(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf,
    ngx_http_gateway_rate_limiting_data_t *data)
{
    u_char                                 *p;
    ngx_str_t                               name, value;
    ngx_uint_t                              i, n;
    ngx_table_elt_t                        *h;
    ngx_http_gateway_rate_limiting_more_t  *more;

    more = conf->more;
    n = more ? more->n : conf->n;

    /* names are in the other header, too */

    p = ngx_pnalloc(r->pool, conf->ietf_policy.len
                             + n * (sizeof(", \"\";r=;t=")
                                    + 2 * NGX_INT64_LEN));
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    for (i = 0; i < n; i++) {

        ngx_http_gateway_rate_limiting_ietf_name(conf, i, &name);

        p = ngx_sprintf(p, "%s\"%V\";r=%uL;t=%ui", i ? ", " : "", &name,
                        (uint64_t) data->remaining[i], data->resets[i]);
    }

    value.len = p - value.data;

    h = ngx_http_gateway_rate_limiting_room(r, 2);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, 2 * sizeof(ngx_table_elt_t));

    h[0].hash = 1;
    h[0].key = ngx_http_gateway_rate_limiting_policy_name;
    h[0].value = conf->ietf_policy;

    h[1].hash = 1;
    h[1].key = ngx_http_gateway_rate_limiting_ietf_field;
    h[1].value = value;

    return NGX_OK;
}


static void
ngx_http_gateway_rate_limiting_ietf_name(
    ngx_http_gateway_rate_limiting_conf_t *conf, ngx_uint_t i, ngx_str_t *name)
{
    if (conf->more) {
        *name = conf->more->limits[i].name;
        return;
    }

    name->data = (u_char *) ngx_http_gateway_rate_limiting_periods
                                [conf->limits[i].period].name;
    name->len = ngx_strlen(name->data);
}


/* "minute";q=60;w=60; of GCRA the burst and how long it takes to come back */

ngx_int_t
ngx_http_gateway_rate_limiting_ietf_policy(ngx_conf_t *cf,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    u_char                                       *p;
    double                                        window;
    uint64_t                                      quota;
    ngx_str_t                                     name;
    ngx_uint_t                                    i, n;
    ngx_http_gateway_rate_limiting_more_limit_t  *limit;

    n = conf->more ? conf->more->n : conf->n;

    p = ngx_pnalloc(cf->pool, n * (NGX_MAX_CONF_ERRSTR + 2 * NGX_INT64_LEN));
    if (p == NULL) {
        return NGX_ERROR;
    }

    conf->ietf_policy.data = p;

    for (i = 0; i < n; i++) {

        ngx_http_gateway_rate_limiting_ietf_name(conf, i, &name);

        if (conf->more) {
            limit = &conf->more->limits[i];
            quota = limit->stop;
            window = (double) limit->length;

            if (limit->kind == NGX_HTTP_GATEWAY_RATE_LIMITING_GCRA) {
                window = (double) limit->stop * (double) limit->interval
                         / 1000000;
            }

        } else {
            quota = conf->limits[i].stop;
            window = (double) ngx_http_gateway_rate_limiting_periods
                                  [conf->limits[i].period].length;
        }

        p = ngx_sprintf(p, "%s\"%V\";q=%uL;w=%uL", i ? ", " : "", &name,
                        quota, (uint64_t) ngx_max(window, 1));
    }

    conf->ietf_policy.len = p - conf->ietf_policy.data;

    return NGX_OK;
}


/* ours replace the upstream's headers of the same names, not others */

static void
ngx_http_gateway_rate_limiting_clean(ngx_http_request_t *r,
    ngx_http_gateway_rate_limiting_conf_t *conf)
{
    u_char                                   *p;
    ngx_uint_t                                i;
    ngx_list_part_t                          *part;
    ngx_table_elt_t                          *h;
    ngx_http_gateway_rate_limiting_period_t  *period;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len < sizeof("RateLimit") - 1) {
                continue;
            }

            p = h[i].key.data;

            if ((p[0] | 0x20) == 'x' && p[1] == '-') {
                p += 2;
            }

            if ((p[0] | 0x20) == 'r'
                && ngx_strncasecmp(p, (u_char *) "ratelimit",
                                   ngx_min(sizeof("ratelimit") - 1,
                                           h[i].key.len
                                           - (size_t) (p - h[i].key.data)))
                   == 0)
            {
                goto found;
            }
        }
    }

    return;

found:

    for (i = 0; i < conf->n; i++) {
        period = &ngx_http_gateway_rate_limiting_periods
                     [conf->limits[i].period];

        ngx_http_gateway_header_out_remove(r, &period->limit);
        ngx_http_gateway_header_out_remove(r, &period->remaining);
    }

    ngx_http_gateway_header_out_remove(r,
                              &ngx_http_gateway_rate_limiting_limit_name);
    ngx_http_gateway_header_out_remove(r,
                              &ngx_http_gateway_rate_limiting_remaining_name);
    ngx_http_gateway_header_out_remove(r,
                              &ngx_http_gateway_rate_limiting_reset_name);

    if (conf->ietf_headers) {
        ngx_http_gateway_header_out_remove(r,
                              &ngx_http_gateway_rate_limiting_policy_name);
        ngx_http_gateway_header_out_remove(r,
                              &ngx_http_gateway_rate_limiting_ietf_field);
    }
}


/*
 * Writes a number that is not negative to the end of a buffer of TEXT bytes,
 * with up to six digits of a fraction, if it has one.
 */

void
ngx_http_gateway_rate_limiting_number(u_char *buf, double number,
    ngx_str_t *text)
{
    u_char    *p, *last;
    uint64_t   n, k, fraction;
    unsigned   i;

    static const u_char  pairs[] =
        "00010203040506070809101112131415161718192021222324"
        "25262728293031323334353637383940414243444546474849"
        "50515253545556575859606162636465666768697071727374"
        "75767778798081828384858687888990919293949596979899";

    last = buf + NGX_HTTP_GATEWAY_RATE_TEXT;
    p = last;

    n = (uint64_t) number;

    if (number != (double) n) {

        fraction = (uint64_t) ((number - (double) n) * 1000000 + 0.5);

        if (fraction == 1000000) {
            fraction = 0;
            n++;
        }

        if (fraction) {
            for (i = 0; i < 6; i++) {
                if (p != last || fraction % 10) {
                    *--p = (u_char) (fraction % 10 + '0');
                }

                fraction /= 10;
            }

            *--p = '.';
        }
    }

    /* two digits at a time halve the divisions */

    for (k = n; k >= 100; k /= 100) {
        p -= 2;
        ngx_memcpy(p, &pairs[2 * (k % 100)], 2);
    }

    if (k >= 10) {
        p -= 2;
        ngx_memcpy(p, &pairs[2 * k], 2);

    } else {
        *--p = (u_char) (k + '0');
    }

    text->data = p;
    text->len = last - p;
}
