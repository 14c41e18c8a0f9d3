
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Sets of addresses.  A request costs a binary search: about a dozen
 * instructions for each doubling of the set.
 */


#include "ngx_http_gateway_networks.h"


/* a line of a file; the longest address with a mask has 49 bytes */
#define NGX_HTTP_GATEWAY_NETWORKS_LINE  256

/* more than any list; a file is read into memory as a whole */
#define NGX_HTTP_GATEWAY_NETWORKS_FILE  (256 * 1024 * 1024)


typedef struct {
    uint32_t                            first;      /* in host's order */
    uint32_t                            last;       /* belongs to it */
} ngx_http_gateway_range4_t;

#if (NGX_HAVE_INET6)

typedef struct {
    u_char                              first[16];  /* in network's order */
    u_char                              last[16];
} ngx_http_gateway_range6_t;

#endif

struct ngx_http_gateway_networks_s {
    ngx_array_t                         inet;
#if (NGX_HAVE_INET6)
    ngx_array_t                         inet6;
#endif
};


static void ngx_http_gateway_networks_merge4(ngx_array_t *ranges);
static ngx_uint_t ngx_http_gateway_networks_match4(const ngx_array_t *ranges,
    uint32_t address);
static int ngx_libc_cdecl ngx_http_gateway_networks_cmp4(const void *one,
    const void *two);

#if (NGX_HAVE_INET6)
static ngx_int_t ngx_http_gateway_networks_add6(
    ngx_http_gateway_networks_t *set, ngx_in6_cidr_t *cidr);
static void ngx_http_gateway_networks_merge6(ngx_array_t *ranges);
static ngx_uint_t ngx_http_gateway_networks_match6(const ngx_array_t *ranges,
    const u_char *address);
static ngx_uint_t ngx_http_gateway_networks_follows6(const u_char *last,
    const u_char *first);
static int ngx_libc_cdecl ngx_http_gateway_networks_cmp6(const void *one,
    const void *two);
#endif

static ngx_int_t ngx_http_gateway_networks_content(ngx_pool_t *pool,
    ngx_str_t *path, ngx_uint_t level, ngx_log_t *log, ngx_str_t *content);
static ngx_uint_t ngx_http_gateway_networks_line(ngx_str_t *content,
    ngx_str_t *line);


ngx_http_gateway_networks_t *
ngx_http_gateway_networks_create(ngx_pool_t *pool)
{
    ngx_http_gateway_networks_t  *set;

    set = ngx_palloc(pool, sizeof(ngx_http_gateway_networks_t));
    if (set == NULL) {
        return NULL;
    }

    if (ngx_array_init(&set->inet, pool, 4,
                       sizeof(ngx_http_gateway_range4_t))
        != NGX_OK)
    {
        return NULL;
    }

#if (NGX_HAVE_INET6)

    if (ngx_array_init(&set->inet6, pool, 1,
                       sizeof(ngx_http_gateway_range6_t))
        != NGX_OK)
    {
        return NULL;
    }

#endif

    return set;
}


ngx_int_t
ngx_http_gateway_networks_add(ngx_http_gateway_networks_t *set,
    ngx_str_t *text)
{
    ngx_int_t                   rc;
    ngx_cidr_t                  cidr;
    ngx_http_gateway_range4_t  *range;

    rc = ngx_ptocidr(text, &cidr);

    if (rc == NGX_ERROR) {
        return NGX_DECLINED;
    }

#if (NGX_HAVE_INET6)

    if (cidr.family == AF_INET6) {
        return (ngx_http_gateway_networks_add6(set, &cidr.u.in6) == NGX_OK)
               ? rc : NGX_ERROR;
    }

#endif

    range = ngx_array_push(&set->inet);
    if (range == NULL) {
        return NGX_ERROR;
    }

    range->first = ntohl(cidr.u.in.addr);
    range->last = range->first | ~ntohl(cidr.u.in.mask);

    return rc;
}


#if (NGX_HAVE_INET6)

static ngx_int_t
ngx_http_gateway_networks_add6(ngx_http_gateway_networks_t *set,
    ngx_in6_cidr_t *cidr)
{
    ngx_uint_t                  i;
    ngx_http_gateway_range6_t  *range;

    range = ngx_array_push(&set->inet6);
    if (range == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < 16; i++) {
        range->first[i] = cidr->addr.s6_addr[i];
        range->last[i] = (u_char) (cidr->addr.s6_addr[i]
                                   | ~cidr->mask.s6_addr[i]);
    }

    return NGX_OK;
}

#endif


void
ngx_http_gateway_networks_finish(ngx_http_gateway_networks_t *set)
{
    ngx_qsort(set->inet.elts, set->inet.nelts,
              sizeof(ngx_http_gateway_range4_t),
              ngx_http_gateway_networks_cmp4);

    ngx_http_gateway_networks_merge4(&set->inet);

#if (NGX_HAVE_INET6)

    ngx_qsort(set->inet6.elts, set->inet6.nelts,
              sizeof(ngx_http_gateway_range6_t),
              ngx_http_gateway_networks_cmp6);

    ngx_http_gateway_networks_merge6(&set->inet6);

#endif
}


ngx_int_t
ngx_http_gateway_networks_list(ngx_conf_t *cf, ngx_str_t *texts, ngx_uint_t n,
    const char *directive, ngx_http_gateway_networks_t **set)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (*set == NULL) {
        *set = ngx_http_gateway_networks_create(cf->pool);
        if (*set == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < n; i++) {

        rc = ngx_http_gateway_networks_add(*set, &texts[i]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in \"%s\": write "
                               "\"1.2.3.4\", \"1.2.3.0/24\" or the same for "
                               "IPv6", &texts[i], directive);
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &texts[i]);
        }
    }

    ngx_http_gateway_networks_finish(*set);

    return NGX_OK;
}


static void
ngx_http_gateway_networks_merge4(ngx_array_t *ranges)
{
    ngx_uint_t                  i, n;
    ngx_http_gateway_range4_t  *range;

    range = ranges->elts;
    n = 0;

    for (i = 1; i < ranges->nelts; i++) {

        if (range[n].last == 0xffffffff
            || range[i].first <= range[n].last + 1)
        {
            range[n].last = ngx_max(range[n].last, range[i].last);
            continue;
        }

        range[++n] = range[i];
    }

    ranges->nelts = ngx_min(ranges->nelts, n + 1);
}


static int ngx_libc_cdecl
ngx_http_gateway_networks_cmp4(const void *one, const void *two)
{
    const ngx_http_gateway_range4_t  *a = one, *b = two;

    return (a->first > b->first) - (a->first < b->first);
}


#if (NGX_HAVE_INET6)

static void
ngx_http_gateway_networks_merge6(ngx_array_t *ranges)
{
    ngx_uint_t                  i, n;
    ngx_http_gateway_range6_t  *range;

    range = ranges->elts;
    n = 0;

    for (i = 1; i < ranges->nelts; i++) {

        if (ngx_memcmp(range[i].first, range[n].last, 16) <= 0
            || ngx_http_gateway_networks_follows6(range[n].last,
                                                  range[i].first))
        {
            if (ngx_memcmp(range[i].last, range[n].last, 16) > 0) {
                ngx_memcpy(range[n].last, range[i].last, 16);
            }

            continue;
        }

        range[++n] = range[i];
    }

    ranges->nelts = ngx_min(ranges->nelts, n + 1);
}


/* first is last + 1; it is not less than last */

static ngx_uint_t
ngx_http_gateway_networks_follows6(const u_char *last, const u_char *first)
{
    ngx_uint_t  i;

    /* bytes that carry over */

    for (i = 15; last[i] == 0xff; i--) {

        if (first[i] != 0 || i == 0) {
            return 0;
        }
    }

    return first[i] == last[i] + 1 && ngx_memcmp(first, last, i) == 0;
}


static int ngx_libc_cdecl
ngx_http_gateway_networks_cmp6(const void *one, const void *two)
{
    const ngx_http_gateway_range6_t  *a = one, *b = two;

    return ngx_memcmp(a->first, b->first, 16);
}

#endif


ngx_uint_t
ngx_http_gateway_networks_match(const ngx_http_gateway_networks_t *set,
    struct sockaddr *sa)
{
#if (NGX_HAVE_INET6)
    u_char               *p;
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        return ngx_http_gateway_networks_match4(&set->inet,
                      ntohl(((struct sockaddr_in *) sa)->sin_addr.s_addr));

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        p = sin6->sin6_addr.s6_addr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            return ngx_http_gateway_networks_match4(&set->inet,
                      (uint32_t) p[12] << 24 | p[13] << 16 | p[14] << 8
                      | p[15]);
        }

        return ngx_http_gateway_networks_match6(&set->inet6, p);

#endif

    default:
        return 0;
    }
}


static ngx_uint_t
ngx_http_gateway_networks_match4(const ngx_array_t *ranges, uint32_t address)
{
    ngx_uint_t                        left, right, middle;
    const ngx_http_gateway_range4_t  *range;

    range = ranges->elts;
    left = 0;
    right = ranges->nelts;

    /* the first range that ends at the address or behind it */

    while (left < right) {
        middle = (left + right) / 2;

        if (range[middle].last < address) {
            left = middle + 1;

        } else {
            right = middle;
        }
    }

    return left < ranges->nelts && range[left].first <= address;
}


#if (NGX_HAVE_INET6)

static ngx_uint_t
ngx_http_gateway_networks_match6(const ngx_array_t *ranges,
    const u_char *address)
{
    ngx_uint_t                        left, right, middle;
    const ngx_http_gateway_range6_t  *range;

    range = ranges->elts;
    left = 0;
    right = ranges->nelts;

    while (left < right) {
        middle = (left + right) / 2;

        if (ngx_memcmp(range[middle].last, address, 16) < 0) {
            left = middle + 1;

        } else {
            right = middle;
        }
    }

    return left < ranges->nelts
           && ngx_memcmp(range[left].first, address, 16) <= 0;
}

#endif


ngx_http_gateway_networks_t *
ngx_http_gateway_networks_read(ngx_pool_t *pool, ngx_str_t *path,
    ngx_uint_t level, ngx_log_t *log)
{
    ngx_int_t                     rc;
    ngx_str_t                     content, line;
    ngx_uint_t                    n;
    ngx_pool_t                   *temp;
    ngx_http_gateway_networks_t  *set;

    temp = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (temp == NULL) {
        return NULL;
    }

    set = NULL;

    if (ngx_http_gateway_networks_content(temp, path, level, log, &content)
        != NGX_OK)
    {
        goto done;
    }

    set = ngx_http_gateway_networks_create(pool);
    if (set == NULL) {
        goto done;
    }

    for (n = 1; ngx_http_gateway_networks_line(&content, &line); n++) {

        if (line.len == 0) {
            continue;
        }

        rc = (line.len > NGX_HTTP_GATEWAY_NETWORKS_LINE)
             ? NGX_DECLINED : ngx_http_gateway_networks_add(set, &line);

        if (rc == NGX_DECLINED) {
            ngx_log_error(level, log, 0,
                          "invalid address in %V:%ui, expected \"1.2.3.4\", "
                          "\"1.2.3.0/24\" or the same of IPv6", path, n);
        }

        if (rc == NGX_DECLINED || rc == NGX_ERROR) {
            set = NULL;
            goto done;
        }
    }

    ngx_http_gateway_networks_finish(set);

done:

    ngx_destroy_pool(temp);

    return set;
}


static ngx_int_t
ngx_http_gateway_networks_content(ngx_pool_t *pool, ngx_str_t *path,
    ngx_uint_t level, ngx_log_t *log, ngx_str_t *content)
{
    off_t            size;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_info_t  info;

    /* a FIFO must not hold a worker */

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(level, log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (ngx_fd_info(fd, &info) == NGX_FILE_ERROR) {
        ngx_log_error(level, log, ngx_errno,
                      ngx_fd_info_n " \"%V\" failed", path);
        goto done;
    }

    size = ngx_file_size(&info);

    if (!ngx_is_file(&info) || size > NGX_HTTP_GATEWAY_NETWORKS_FILE) {
        ngx_log_error(level, log, 0,
                      "\"%V\" is no file, or longer than 256 MB", path);
        goto done;
    }

    content->data = ngx_pnalloc(pool, size + 1);
    if (content->data == NULL) {
        goto done;
    }

    content->len = 0;

    while (content->len < (size_t) size) {
        n = ngx_read_fd(fd, content->data + content->len,
                        size - content->len);

        if (n == -1) {
            ngx_log_error(level, log, ngx_errno,
                          ngx_read_fd_n " \"%V\" failed", path);
            goto done;
        }

        if (n == 0) {
            break;
        }

        content->len += n;
    }

    rc = NGX_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", path);
    }

    return rc;
}


/* takes the next line off content, without comment and blanks; 0 at the end */

static ngx_uint_t
ngx_http_gateway_networks_line(ngx_str_t *content, ngx_str_t *line)
{
    u_char  *p, *last, *end;

    if (content->len == 0) {
        return 0;
    }

    p = content->data;
    last = p + content->len;

    end = ngx_strlchr(p, last, '\n');
    if (end == NULL) {
        end = last;
    }

    content->data = (end == last) ? last : end + 1;
    content->len = last - content->data;

    last = ngx_strlchr(p, end, '#');
    if (last == NULL) {
        last = end;
    }

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < last
           && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == '\r'))
    {
        last--;
    }

    line->data = p;
    line->len = last - p;

    return 1;
}
