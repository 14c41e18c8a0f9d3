
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_CREDENTIALS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CREDENTIALS_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Credentials that are found by a name which is no secret: a username, or the
 * key that a token names.  The name is credential.identifier.  The structs of
 * the policies begin with this one.
 */
typedef struct ngx_http_gateway_named_s  ngx_http_gateway_named_t;

struct ngx_http_gateway_named_s {
    ngx_http_gateway_credential_t    credential;
    ngx_http_gateway_named_t        *next;      /* in the bucket */
    uint32_t                         hash;
};


/* a table of them, zeroed at first; read only after the configuration */
typedef struct {
    ngx_http_gateway_named_t       **buckets;
    ngx_uint_t                       nbuckets;  /* a power of two */
    ngx_uint_t                       n;
} ngx_http_gateway_named_table_t;


/* a parameter of the directive: an ngx_str_t at this offset */
typedef struct {
    ngx_str_t                        name;      /* with "=" */
    size_t                           offset;
} ngx_http_gateway_named_param_t;


/*
 * Reads the directive of a credential inside of gateway_consumer: "id=", the
 * parameters given (their list ends with a null name), in any order.  An id
 * is made canonical.  Nothing of the directive is ever shown: a misspelled
 * parameter may hold a secret.  Returns NGX_CONF_OK, a phrase or
 * NGX_CONF_ERROR.
 */
char *ngx_http_gateway_named_read(ngx_conf_t *cf,
    ngx_http_gateway_named_param_t *params, ngx_http_gateway_named_t *named);

/*
 * Adds it, its identifier set.  Without an id it gets the one that the
 * declarative format derives for this entity ("basicauth_credentials").  A
 * second one of the same name is refused with a message.  Returns NGX_CONF_OK
 * or NGX_CONF_ERROR.
 */
char *ngx_http_gateway_named_add(ngx_conf_t *cf,
    ngx_http_gateway_named_table_t *table, const char *entity,
    ngx_http_gateway_named_t *named);

/* byte for byte; NULL when there is none */
void *ngx_http_gateway_named_find(ngx_http_gateway_named_table_t *table,
    const ngx_str_t *name);


#endif /* _NGX_HTTP_GATEWAY_CREDENTIALS_H_INCLUDED_ */
