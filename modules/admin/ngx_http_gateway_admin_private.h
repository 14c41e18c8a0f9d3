
/*
 * Copyright (C) the ngx_gateway authors
 */


#ifndef _NGX_HTTP_GATEWAY_ADMIN_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ADMIN_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_admin.h"
#include "ngx_http_gateway_status.h"


/* what the files of the listener for administration share */

#define NGX_HTTP_GATEWAY_ADMIN_PAGE      100
#define NGX_HTTP_GATEWAY_ADMIN_MAX_PAGE  1000
#define NGX_HTTP_GATEWAY_ADMIN_SEGMENTS  5
#define NGX_HTTP_GATEWAY_ADMIN_TAGS      5
#define NGX_HTTP_GATEWAY_ADMIN_ID        36


typedef struct {
    ngx_str_t                            kind;
    ngx_str_t                            id;
    ngx_str_t                            key;
    ngx_str_t                            refs;     /* "field=id,..." */
    ngx_str_t                            tags;     /* encoded, with commas */
    ngx_str_t                            json;
} ngx_http_gateway_admin_item_t;


typedef struct {
    ngx_array_t                         *items;    /* NULL: not here */
} ngx_http_gateway_admin_srv_conf_t;


/* a path, decoded and taken apart */
typedef struct {
    ngx_str_t                            segments[
                                             NGX_HTTP_GATEWAY_ADMIN_SEGMENTS];
    ngx_uint_t                           n;
} ngx_http_gateway_admin_path_t;


/* what a list shows */
typedef struct {
    const ngx_str_t                     *kind;     /* NULL: all, for tags */
    const char                          *ref;
    const ngx_http_gateway_admin_item_t *parent;   /* that it refers to */
    ngx_str_t                            tags[NGX_HTTP_GATEWAY_ADMIN_TAGS];
    ngx_uint_t                           ntags;
    ngx_uint_t                           any;      /* of the tags */
    ngx_int_t                            size;
    ngx_str_t                            offset;   /* an id, or empty */
    ngx_str_t                            base;     /* path of the next page */
    ngx_str_t                            args;     /* of the next page */
} ngx_http_gateway_admin_list_t;


typedef struct {
    ngx_str_t                            url;
    ngx_str_t                            kind;
} ngx_http_gateway_admin_kind_t;


typedef struct {
    const char                          *parent;   /* kind */
    ngx_str_t                            url;
    ngx_str_t                            kind;
    const char                          *ref;      /* of it to the parent */
} ngx_http_gateway_admin_child_t;


/* what the last part of a path may be: it decides about methods */
typedef enum {
    NGX_HTTP_GATEWAY_ADMIN_READ = 0,
    NGX_HTTP_GATEWAY_ADMIN_COLLECTION,
    NGX_HTTP_GATEWAY_ADMIN_ENTITY
} ngx_http_gateway_admin_class_t;


extern ngx_module_t  ngx_http_gateway_admin_module;


/* what paths mean, ngx_http_gateway_admin_paths.c */

/* fields that refer to one entity, and its kind; ends with null names */
extern ngx_http_gateway_admin_kind_t  ngx_http_gateway_admin_foreign[];

/* NGX_DECLINED: too long for anything here */
ngx_int_t ngx_http_gateway_admin_split(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path);

/* whether segment i is this text */
ngx_uint_t ngx_http_gateway_admin_is(
    ngx_http_gateway_admin_path_t *path, ngx_uint_t i, const char *text);

/* by the first segment, and what a child of an entity is; or NULL */
const ngx_http_gateway_admin_kind_t *ngx_http_gateway_admin_kind(
    const ngx_str_t *url);

const ngx_http_gateway_admin_child_t *ngx_http_gateway_admin_child(
    const ngx_str_t *kind, const ngx_str_t *url);

/* kind: of the entities that a path names, or NULL */
ngx_http_gateway_admin_class_t ngx_http_gateway_admin_classify(
    ngx_http_gateway_admin_path_t *path, const ngx_str_t **kind);

ngx_int_t ngx_http_gateway_admin_endpoints(ngx_http_request_t *r);


/* what the file has, ngx_http_gateway_admin_items.c */

/* by id, else by what names it */
const ngx_http_gateway_admin_item_t *ngx_http_gateway_admin_find(
    ngx_http_request_t *r, const ngx_str_t *kind, const ngx_str_t *key);

/* whether it refers to an entity by this field, and to which */
ngx_uint_t ngx_http_gateway_admin_ref(
    const ngx_http_gateway_admin_item_t *item, const char *name,
    ngx_str_t *id);

ngx_uint_t ngx_http_gateway_admin_tagged(
    const ngx_http_gateway_admin_item_t *item, const ngx_str_t *tag);

/* the setter of "gateway_admin_file" */
char *ngx_http_gateway_admin_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* lists and their pages, ngx_http_gateway_admin_list.c */

/* what the query string asks for, and the list */
ngx_int_t ngx_http_gateway_admin_list_args(ngx_http_request_t *r,
    ngx_http_gateway_admin_list_t *list);

/* all uses of tags, or of one */
ngx_int_t ngx_http_gateway_admin_tag_list(ngx_http_request_t *r,
    const ngx_str_t *only);


/* what is no entity, ngx_http_gateway_admin_pages.c */

ngx_int_t ngx_http_gateway_admin_other(ngx_http_request_t *r,
    ngx_http_gateway_admin_path_t *path);


/* answers, ngx_http_gateway_admin_answer.c */

extern ngx_str_t  ngx_http_gateway_admin_json;

/* as Kong's errors about entities look; no argument needs escaping */
ngx_int_t ngx_http_gateway_admin_error(ngx_http_request_t *r,
    ngx_uint_t code, const char *name, const char *option,
    const char *message);

/* adds a piece to the body, without a copy */
ngx_int_t ngx_http_gateway_admin_add(ngx_http_request_t *r,
    ngx_chain_t ***last, off_t *size, const u_char *data, size_t len);

/* answers with JSON */
ngx_int_t ngx_http_gateway_admin_send(ngx_http_request_t *r,
    ngx_uint_t status, u_char *data, size_t len);

ngx_int_t ngx_http_gateway_admin_not_found(ngx_http_request_t *r);


#endif /* _NGX_HTTP_GATEWAY_ADMIN_PRIVATE_H_INCLUDED_ */
