
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Answers that the gateway makes itself, in the formats that its clients
 * know, and the same formats for errors made by nginx (error_page).
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_headers.h"
#include "ngx_http_gateway_reply.h"


typedef struct {
    ngx_uint_t    status;
    ngx_str_t     message;
} ngx_http_gateway_message_t;


static ngx_int_t ngx_http_gateway_send_body(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_gateway_send(ngx_http_request_t *r,
    ngx_uint_t status, const ngx_str_t *content_type, ngx_str_t *body);
static void ngx_http_gateway_settle_body(ngx_http_request_t *r);
static const ngx_str_t *ngx_http_gateway_message(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_uint_t ngx_http_gateway_accept_format(ngx_http_request_t *r,
    ngx_uint_t *given);
static ngx_uint_t ngx_http_gateway_list_format(ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_type_format(u_char *p, size_t len);
static ngx_uint_t ngx_http_gateway_is_grpc(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_render(ngx_http_request_t *r,
    ngx_uint_t format, const ngx_str_t *message, ngx_str_t *body);
static ngx_int_t ngx_http_gateway_grpc_escape(ngx_http_request_t *r,
    const ngx_str_t *message, ngx_str_t *text);
static ngx_int_t ngx_http_gateway_grpc_headers(ngx_http_request_t *r,
    ngx_uint_t status, const ngx_str_t *message);


static ngx_http_gateway_message_t  ngx_http_gateway_messages[] = {
    { 400, ngx_string("Bad request") },
    { 401, ngx_string("Unauthorized") },
    { 402, ngx_string("Payment required") },
    { 403, ngx_string("Forbidden") },
    { 404, ngx_string("Not found") },
    { 405, ngx_string("Method not allowed") },
    { 406, ngx_string("Not acceptable") },
    { 407, ngx_string("Proxy authentication required") },
    { 408, ngx_string("Request timeout") },
    { 409, ngx_string("Conflict") },
    { 410, ngx_string("Gone") },
    { 411, ngx_string("Length required") },
    { 412, ngx_string("Precondition failed") },
    { 413, ngx_string("Payload too large") },
    { 414, ngx_string("URI too long") },
    { 415, ngx_string("Unsupported media type") },
    { 416, ngx_string("Range not satisfiable") },
    { 417, ngx_string("Expectation failed") },
    { 418, ngx_string("I'm a teapot") },
    { 421, ngx_string("Misdirected request") },
    { 422, ngx_string("Unprocessable entity") },
    { 423, ngx_string("Locked") },
    { 424, ngx_string("Failed dependency") },
    { 425, ngx_string("Too early") },
    { 426, ngx_string("Upgrade required") },
    { 428, ngx_string("Precondition required") },
    { 429, ngx_string("Too many requests") },
    { 431, ngx_string("Request header fields too large") },
    { 451, ngx_string("Unavailable for legal reasons") },
    { 494, ngx_string("Request header or cookie too large") },
    { 500, ngx_string("An unexpected error occurred") },
    { 501, ngx_string("Not implemented") },
    { 502, ngx_string("An invalid response was received from the upstream "
                      "server") },
    { 503, ngx_string("The upstream server is currently unavailable") },
    { 504, ngx_string("The upstream server is timing out") },
    { 505, ngx_string("HTTP version not supported") },
    { 506, ngx_string("Variant also negotiates") },
    { 507, ngx_string("Insufficient storage") },
    { 508, ngx_string("Loop detected") },
    { 510, ngx_string("Not extended") },
    { 511, ngx_string("Network authentication required") },
    { 0, ngx_null_string }
};


static ngx_str_t  ngx_http_gateway_types[] = {
    ngx_string("application/json; charset=utf-8"),
    ngx_string("text/plain; charset=utf-8"),
    ngx_string("application/xml; charset=utf-8"),
    ngx_string("text/html; charset=utf-8"),
    ngx_string("application/grpc")
};


static ngx_http_gateway_template_t  ngx_http_gateway_templates[] = {

    /* json */
    { { ngx_string("{\n  \"message\":\""),
        ngx_string("\",\n  \"request_id\":\""),
        ngx_string("\"\n}") }, 2 },

    /* plain */
    { { ngx_null_string,
        ngx_string("\nrequest_id: "),
        ngx_string("\n") }, 2 },

    /* xml */
    { { ngx_string("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<error>\n  <message>"),
        ngx_string("</message>\n  <requestid>"),
        ngx_string("</requestid>\n</error>\n") }, 2 },

    /* html */
    { { ngx_string("<!doctype html>\n<html>\n  <head>\n"
                   "    <meta charset=\"utf-8\">\n"
                   "    <title>Error</title>\n  </head>\n  <body>\n"
                   "    <h1>Error</h1>\n    <p>"),
        ngx_string(".</p>\n    <p>request_id: "),
        ngx_string("</p>\n  </body>\n</html>\n") }, 2 }
};


ngx_int_t
ngx_http_gateway_error(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *message)
{
    ngx_str_t   body;
    ngx_uint_t  format, given;

    /* who is told to upgrade speaks HTTP/1, where gRPC's status is no one's */

    format = (ngx_http_gateway_is_grpc(r)
              && !(status == 426 && r->http_version < NGX_HTTP_VERSION_20))
             ? NGX_HTTP_GATEWAY_FORMAT_GRPC
             : ngx_http_gateway_accept_format(r, &given);

    if (message == NULL) {
        message = ngx_http_gateway_message(r, status);

        if (message == NULL) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return NGX_DONE;
        }
    }

    ngx_str_null(&body);

    if (format == NGX_HTTP_GATEWAY_FORMAT_GRPC) {

        if (ngx_http_gateway_grpc_headers(r, status, NULL) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return NGX_DONE;
        }

    } else if (ngx_http_gateway_render(r, format, message, &body) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return NGX_DONE;
    }

    return ngx_http_gateway_exit(r, status, &ngx_http_gateway_types[format],
                                 &body);
}


ngx_int_t
ngx_http_gateway_exit_message(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *message)
{
    u_char      *p;
    size_t       escape;
    ngx_str_t    body;

    static ngx_str_t  type = ngx_string("application/json; charset=utf-8");

    if (ngx_http_gateway_is_grpc(r)) {

        if (ngx_http_gateway_grpc_headers(r, status, message) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return NGX_DONE;
        }

        return ngx_http_gateway_exit(r, status,
                   &ngx_http_gateway_types[NGX_HTTP_GATEWAY_FORMAT_GRPC],
                   NULL);
    }

    escape = ngx_escape_json(NULL, message->data, message->len);

    p = ngx_pnalloc(r->pool, message->len + escape
                             + sizeof("{\"message\":\"\"}") - 1);
    if (p == NULL) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return NGX_DONE;
    }

    body.data = p;
    p = ngx_cpymem(p, "{\"message\":\"", sizeof("{\"message\":\"") - 1);
    p = (u_char *) ngx_escape_json(p, message->data, message->len);
    *p++ = '"';
    *p++ = '}';
    body.len = p - body.data;

    return ngx_http_gateway_exit(r, status, &type, &body);
}


ngx_int_t
ngx_http_gateway_exit(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *content_type, const ngx_str_t *body)
{
    ngx_int_t                rc;
    ngx_str_t                empty, out;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return NGX_DONE;
    }

    /* whatever comes after, the access chain of this request is over */
    ctx->answered = 1;
    ctx->access_started = 1;
    ctx->access_done = 1;
    ctx->proxied = 0;

    ngx_http_gateway_settle_body(r);

    ngx_str_null(&empty);
    out = body ? *body : empty;

    if (content_type == NULL || content_type->len == 0) {
        content_type = &empty;

        if (ngx_http_gateway_is_grpc(r)) {

            /* a text is what such clients are told */

            if (ngx_http_gateway_grpc_headers(r, status,
                                              out.len ? &out : NULL)
                != NGX_OK)
            {
                ngx_http_finalize_request(r, NGX_ERROR);
                return NGX_DONE;
            }

            content_type =
                       &ngx_http_gateway_types[NGX_HTTP_GATEWAY_FORMAT_GRPC];
            out = empty;
        }
    }

    rc = ngx_http_gateway_send(r, status, content_type, &out);

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


ngx_int_t
ngx_http_gateway_replay(ngx_http_request_t *r, const ngx_str_t *body,
    off_t length)
{
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_http_gateway_ctx_t  *ctx;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return NGX_DONE;
    }

    ctx->answered = 1;
    ctx->cached = 1;
    ctx->access_started = 1;
    ctx->access_done = 1;
    ctx->proxied = 1;
    ctx->balanced = ngx_current_msec;

    ngx_http_gateway_settle_body(r);

    text = *body;

    r->headers_out.content_length_n =
        (r->method == NGX_HTTP_HEAD) ? length : (off_t) text.len;

    if (r->headers_out.status == NGX_HTTP_NO_CONTENT
        || r->headers_out.status == NGX_HTTP_NOT_MODIFIED)
    {
        r->headers_out.content_length_n = -1;
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc != NGX_ERROR && rc <= NGX_OK && !r->header_only) {
        rc = ngx_http_gateway_send_body(r, &text);
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


ngx_int_t
ngx_http_gateway_error_page_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_str_t                      body;
    ngx_uint_t                     status, format, given;
    const ngx_str_t               *message;
    ngx_http_gateway_main_conf_t  *gmcf;

    status = r->err_status;

    if (status == 0) {
        return NGX_HTTP_NOT_FOUND;
    }

    message = ngx_http_gateway_message(r, status);
    if (message == NULL) {
        return NGX_ERROR;
    }

    if (status == NGX_HTTP_REQUEST_HEADER_TOO_LARGE) {
        status = NGX_HTTP_BAD_REQUEST;
        r->err_status = NGX_HTTP_BAD_REQUEST;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_str_null(&body);

    if (ngx_http_gateway_is_grpc(r)) {
        format = NGX_HTTP_GATEWAY_FORMAT_GRPC;

        if (ngx_http_gateway_grpc_headers(r, status, message) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        format = ngx_http_gateway_accept_format(r, &given);

        if (!given) {

            if (r->headers_in.content_type) {
                format = ngx_http_gateway_list_format(
                                         &r->headers_in.content_type->value);

            } else {
                gmcf = ngx_http_get_module_main_conf(r,
                                                    ngx_http_gateway_module);
                format = gmcf->default_format;
            }
        }

        if (ngx_http_gateway_render(r, format, message, &body) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_send(r, status, &ngx_http_gateway_types[format],
                                 &body);
}


static ngx_int_t
ngx_http_gateway_send(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *content_type, ngx_str_t *body)
{
    ngx_int_t  rc;

    r->headers_out.status = status;
    r->headers_out.status_line.len = 0;

    if (status == 426) {
        /* nginx has no text for it */
        ngx_str_set(&r->headers_out.status_line, "426 Upgrade Required");
    }

    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = *content_type;
    r->headers_out.content_type_len = content_type->len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    if (r->headers_out.content_length) {
        r->headers_out.content_length->hash = 0;
        r->headers_out.content_length = NULL;
    }

    if (r->headers_out.content_encoding) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }

    if (status == NGX_HTTP_NO_CONTENT || status < NGX_HTTP_OK) {
        r->headers_out.content_length_n = -1;
        r->header_only = 1;
    }

    if (status < NGX_HTTP_OK) {
        /* clients wait for another response: there is none */
        r->keepalive = 0;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_gateway_send_body(r, body);
}


static ngx_int_t
ngx_http_gateway_send_body(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = body->len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/*
 * The unread body of a refused request must not become the next request: it
 * is discarded, or, when the client still waits for "100 Continue" and may
 * or may not send it, the connection closes.
 */

static void
ngx_http_gateway_settle_body(ngx_http_request_t *r)
{
    if (r->headers_in.expect && !r->expect_tested) {
        r->expect_tested = 1;

        if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
            r->keepalive = 0;
            r->lingering_close = 1;
            return;
        }
    }

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }
}


static const ngx_str_t *
ngx_http_gateway_message(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_str_t                   *s;
    ngx_http_gateway_message_t  *m;

    for (m = ngx_http_gateway_messages; m->status; m++) {
        if (m->status == status) {
            return &m->message;
        }
    }

    s = ngx_palloc(r->pool, sizeof(ngx_str_t));
    if (s == NULL) {
        return NULL;
    }

    s->data = ngx_pnalloc(r->pool,
                          sizeof("The upstream server responded with ") - 1
                          + NGX_INT_T_LEN);
    if (s->data == NULL) {
        return NULL;
    }

    s->len = ngx_sprintf(s->data, "The upstream server responded with %ui",
                         status) - s->data;

    return s;
}


static ngx_uint_t
ngx_http_gateway_is_grpc(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    return type->len >= sizeof("application/grpc") - 1
           && ngx_strncasecmp(type->data, (u_char *) "application/grpc",
                              sizeof("application/grpc") - 1)
              == 0;
}


/* the format asked for by Accept; JSON when there is none (given is 0) */

static ngx_uint_t
ngx_http_gateway_accept_format(ngx_http_request_t *r, ngx_uint_t *given)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("accept");

    h = ngx_http_gateway_header_in(r, &name, 0);

    *given = (h != NULL);

    return h ? ngx_http_gateway_list_format(&h->value)
             : NGX_HTTP_GATEWAY_FORMAT_JSON;
}


/*
 * The best of a list "type;q=0.5, type": highest q, the first of equals,
 * never one with q=0.
 */

static ngx_uint_t
ngx_http_gateway_list_format(ngx_str_t *value)
{
    u_char      *p, *last, *start, *end;
    ngx_int_t    q, best;
    ngx_uint_t   format, scale;

    format = NGX_HTTP_GATEWAY_FORMAT_JSON;
    best = 0;
    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',' && *p != ';') {
            p++;
        }

        end = p;

        while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        q = 1000;

        while (p < last && *p != ',') {

            if (*p != ';') {
                p++;
                continue;
            }

            p++;

            while (p < last && (*p == ' ' || *p == '\t')) {
                p++;
            }

            if (last - p < 3 || (*p != 'q' && *p != 'Q') || p[1] != '=') {
                continue;
            }

            p += 2;
            q = (*p == '0' || *p == '.') ? 0 : 1000;

            while (p < last && *p >= '0' && *p <= '9') {
                p++;
            }

            if (q == 0 && p < last && *p == '.') {
                p++;

                for (scale = 100;
                     p < last && *p >= '0' && *p <= '9';
                     p++)
                {
                    q += scale * (*p - '0');
                    scale /= 10;
                }
            }
        }

        if (end > start && q > best) {
            best = q;
            format = ngx_http_gateway_type_format(start, end - start);
        }
    }

    return format;
}


static ngx_uint_t
ngx_http_gateway_type_format(u_char *p, size_t len)
{
    if (len == 9 && ngx_strncasecmp(p, (u_char *) "text/html", 9) == 0) {
        return NGX_HTTP_GATEWAY_FORMAT_HTML;
    }

    if ((len == 10 && ngx_strncasecmp(p, (u_char *) "text/plain", 10) == 0)
        || (len == 6 && ngx_strncasecmp(p, (u_char *) "text/*", 6) == 0))
    {
        return NGX_HTTP_GATEWAY_FORMAT_PLAIN;
    }

    if (len == 15
        && ngx_strncasecmp(p, (u_char *) "application/xml", 15) == 0)
    {
        return NGX_HTTP_GATEWAY_FORMAT_XML;
    }

    return NGX_HTTP_GATEWAY_FORMAT_JSON;
}


static ngx_int_t
ngx_http_gateway_render(ngx_http_request_t *r, ngx_uint_t format,
    const ngx_str_t *message, ngx_str_t *body)
{
    u_char                        *p;
    ngx_str_t                      id;
    ngx_http_gateway_ctx_t        *ctx;
    ngx_http_gateway_template_t   *t;
    ngx_http_gateway_main_conf_t  *gmcf;

    ctx = ngx_http_gateway_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_request_id(ctx, &id);

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    t = gmcf->templates[format];
    if (t == NULL) {
        t = &ngx_http_gateway_templates[format];
    }

    p = ngx_pnalloc(r->pool, t->part[0].len + message->len + t->part[1].len
                             + id.len + t->part[2].len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    p = ngx_cpymem(p, t->part[0].data, t->part[0].len);

    if (t->slots > 0) {
        p = ngx_cpymem(p, message->data, message->len);
        p = ngx_cpymem(p, t->part[1].data, t->part[1].len);
    }

    if (t->slots > 1) {
        p = ngx_cpymem(p, id.data, id.len);
        p = ngx_cpymem(p, t->part[2].data, t->part[2].len);
    }

    body->len = p - body->data;

    return NGX_OK;
}


/* what may not stand in a header, and "%", as the protocol of gRPC says */

static ngx_int_t
ngx_http_gateway_grpc_escape(ngx_http_request_t *r, const ngx_str_t *message,
    ngx_str_t *text)
{
    u_char  *p, c;
    size_t   i, n;

    static u_char  hex[] = "0123456789ABCDEF";

    n = 0;

    for (i = 0; i < message->len; i++) {
        c = message->data[i];
        n += (c < ' ' || c > '~' || c == '%');
    }

    if (n == 0) {
        *text = *message;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, message->len + 2 * n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < message->len; i++) {
        c = message->data[i];

        if (c < ' ' || c > '~' || c == '%') {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 0xf];

        } else {
            *p++ = c;
        }
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* grpc-status and grpc-message; message NULL: the status' canonical name */

static ngx_int_t
ngx_http_gateway_grpc_headers(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *message)
{
    ngx_str_t   value, text;
    ngx_uint_t  code;

    static ngx_str_t  status_name = ngx_string("grpc-status");
    static ngx_str_t  message_name = ngx_string("grpc-message");

    static ngx_str_t  codes[] = {
        ngx_string("0"), ngx_string("1"), ngx_string("2"), ngx_string("3"),
        ngx_string("4"), ngx_string("5"), ngx_string("6"), ngx_string("7"),
        ngx_string("8"), ngx_string("9"), ngx_string("10"),
        ngx_string("11"), ngx_string("12"), ngx_string("13"),
        ngx_string("14"), ngx_string("15"), ngx_string("16")
    };

    static ngx_str_t  names[] = {
        ngx_string("OK"), ngx_string("Canceled"), ngx_string("Unknown"),
        ngx_string("InvalidArgument"), ngx_string("DeadlineExceeded"),
        ngx_string("NotFound"), ngx_string("AlreadyExists"),
        ngx_string("PermissionDenied"), ngx_string("ResourceExhausted"),
        ngx_string("FailedPrecondition"), ngx_string("Aborted"),
        ngx_string("OutOfRange"), ngx_string("Unimplemented"),
        ngx_string("Internal"), ngx_string("Unavailable"),
        ngx_string("DataLoss"), ngx_string("Unauthenticated")
    };

    switch (status) {
    case 400:
        code = 3;
        break;
    case 401:
        code = 16;
        break;
    case 403:
        code = 7;
        break;
    case 404:
        code = 5;
        break;
    case 409:
        code = 6;
        break;
    case 429:
        code = 8;
        break;
    case 499:
        code = 1;
        break;
    case 500:
        code = 13;
        break;
    case 501:
        code = 12;
        break;
    case 503:
        code = 14;
        break;
    case 504:
        code = 4;
        break;
    default:
        code = (status >= 400 && status < 500) ? 3
               : (status >= 500 && status < 600) ? 13
               : (status >= 200 && status < 300) ? 0 : 2;
    }

    value = codes[code];

    if (message == NULL) {
        text = names[code];

    } else if (ngx_http_gateway_grpc_escape(r, message, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_header_out_add(r, &status_name, &value) == NULL
        || ngx_http_gateway_header_out_add(r, &message_name, &text) == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
