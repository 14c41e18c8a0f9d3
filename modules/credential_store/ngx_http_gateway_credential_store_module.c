
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Consumers and credentials that are added and revoked while nginx runs: the
 * directive that names the store, and the life of the store in processes.
 * Authentication policies ask src/ngx_http_gateway_store.c.  A request costs
 * some dozens of instructions while the store is empty or missing; when it
 * cannot be read, requests that need it fail.
 */


#include "ngx_http_gateway_conf.h"
#include "ngx_http_gateway_digest.h"
#include "ngx_http_gateway_store.h"


static char *ngx_http_gateway_credential_store(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_credential_store_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_credential_store_init_module(
    ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_credential_store_init_process(
    ngx_cycle_t *cycle);
static void ngx_http_gateway_credential_store_exit_process(
    ngx_cycle_t *cycle);
static ngx_http_gateway_store_conf_t *ngx_http_gateway_credential_store_conf(
    ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_gateway_credential_store_commands[] = {

    { ngx_string("gateway_credential_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_credential_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_credential_store_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_credential_store_init, /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_credential_store_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_credential_store_module_ctx, /* module context */
    ngx_http_gateway_credential_store_commands, /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_gateway_credential_store_init_module, /* init module */
    ngx_http_gateway_credential_store_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_credential_store_exit_process, /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_gateway_credential_store(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                     *value;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->store) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "has an empty directory";
    }

    gmcf->store = ngx_http_gateway_store_create(cf, &value[1]);

    return gmcf->store ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_gateway_credential_store_init(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->store == NULL) {
        return NGX_OK;
    }

    if (!ngx_http_gateway_digest_is_lasting(cf)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_credential_store\" needs "
                      "\"gateway_secret_file\": credentials are stored under "
                      "that secret");
        return NGX_ERROR;
    }

    return ngx_http_gateway_store_init(cf, gmcf->store);
}


static ngx_int_t
ngx_http_gateway_credential_store_init_module(ngx_cycle_t *cycle)
{
    ngx_http_gateway_store_conf_t  *scf;

    scf = ngx_http_gateway_credential_store_conf(cycle);

    if (scf) {
        ngx_http_gateway_store_prepare(cycle, scf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_credential_store_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_store_conf_t  *scf;

    scf = ngx_http_gateway_credential_store_conf(cycle);

    if (scf && (ngx_process == NGX_PROCESS_WORKER
                || ngx_process == NGX_PROCESS_SINGLE))
    {
        ngx_http_gateway_store_init_process(cycle, scf);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_credential_store_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_store_exit_process();
}


/* NULL: there is no http{}, or no store */

static ngx_http_gateway_store_conf_t *
ngx_http_gateway_credential_store_conf(ngx_cycle_t *cycle)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    return gmcf ? gmcf->store : NULL;
}
