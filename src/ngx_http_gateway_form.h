
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_FORM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_FORM_H_INCLUDED_


#include "ngx_http_gateway.h"

#include <jansson.h>


/*
 * Fields of a request body that is in memory: the arguments of an
 * "application/x-www-form-urlencoded" body, the members of the object that
 * an "application/json" body is, the parts of a "multipart/form-data" one.
 */

typedef enum {
    NGX_HTTP_GATEWAY_FIELD_NONE = 0, /* also: body not understood */
    NGX_HTTP_GATEWAY_FIELD_STRING,   /* one string, maybe empty */
    NGX_HTTP_GATEWAY_FIELD_LIST,     /* several, or an array or an object */
    NGX_HTTP_GATEWAY_FIELD_OTHER,    /* number, true, null; "a" without "=" */
    NGX_HTTP_GATEWAY_FIELD_ERROR     /* out of memory */
} ngx_http_gateway_field_e;

/* 1 if the Content-Type of the request is one of the three */
ngx_uint_t ngx_http_gateway_form_known(ngx_http_request_t *r);

/* looks a field up by its name, exactly; value is set for STRING, decoded */
ngx_http_gateway_field_e ngx_http_gateway_form_find(ngx_http_request_t *r,
    const ngx_str_t *body, const ngx_str_t *name, ngx_str_t *value);

/*
 * Removes all fields of that name.  What remains is byte for byte as it was,
 * but for blanks between JSON members, so the Content-Type stays right.
 * NGX_OK: *body is a new one; NGX_DECLINED: nothing to remove; NGX_ERROR.
 */
ngx_int_t ngx_http_gateway_form_remove(ngx_http_request_t *r,
    ngx_str_t *body, const ngx_str_t *name);


/* bodies piece by piece, for those who rewrite them */

/* a member of a JSON object, as places in the text */
typedef struct {
    ngx_str_t                        raw;       /* from the key to the end of
                                                   the value */
    ngx_str_t                        key;       /* with its quotes */
    ngx_str_t                        value;
} ngx_http_gateway_form_member_t;


/* a part of a multipart body */
typedef struct {
    ngx_str_t                        raw;       /* from its delimiter to the
                                                   next one */
    ngx_str_t                        name;
    ngx_str_t                        value;
    unsigned                         file:1;    /* it has a file's name */
} ngx_http_gateway_form_part_t;


/* the body if it is a JSON object, or NULL; to be freed by json_decref() */
json_t *ngx_http_gateway_form_object(const ngx_str_t *body);

/*
 * The next member of the outermost object, which is known to be valid; p is
 * the beginning of the text or what the previous call returned.  NULL after
 * the last one.
 */
u_char *ngx_http_gateway_form_member(u_char *p, u_char *last,
    ngx_http_gateway_form_member_t *member);

/* of the request's Content-Type; NGX_OK or NGX_DECLINED */
ngx_int_t ngx_http_gateway_form_boundary(ngx_http_request_t *r,
    ngx_str_t *boundary);

/*
 * The next line that begins with "--" and the boundary, from p on, which is
 * at the beginning of a line.  *next is the line after it, or NULL when it
 * is the last delimiter.  NULL when there is none.
 */
u_char *ngx_http_gateway_form_delimiter(u_char *p, u_char *last,
    ngx_str_t *boundary, u_char **next);

/*
 * Takes the part that begins with the delimiter p; returns the next one, or
 * NULL when p was the last one or the body ends within the part.
 */
u_char *ngx_http_gateway_form_part(u_char *p, u_char *last,
    ngx_str_t *boundary, ngx_http_gateway_form_part_t *part);


#endif /* _NGX_HTTP_GATEWAY_FORM_H_INCLUDED_ */
