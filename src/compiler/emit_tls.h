/*
 * Copyright (C) the ngx_gateway authors
 *
 * What listeners and services need for TLS.
 */

#ifndef GWC_EMIT_TLS_H
#define GWC_EMIT_TLS_H

#include "emit.h"

/* errors and warnings about settings of TLS, and about certificates that
   OpenSSL will not use with them */
void gwc_check_tls(const gwc_model_t *model, const gwc_settings_t *settings);

/* what http{} needs for all listeners with TLS */
void gwc_emit_tls_http(gwc_writer_t *w, const gwc_output_t *output);

/* what a listener with TLS needs, if there is one; the default pair when no
   files are given.  setting: "ssl", "stream_ssl" or "status_ssl" */
void gwc_emit_tls(gwc_writer_t *w, gwc_output_t *output,
                  const gwc_vec_t *listens, gwc_context_t context,
                  const char *setting, const gwc_vec_t *certs,
                  const gwc_vec_t *keys);

/* certificates by SNI; without a listener for TLS they are of no use */
void gwc_emit_certificates(gwc_writer_t *w, gwc_output_t *output,
                           const gwc_vec_t *listens, const char *directive);

/* which clients are asked for their certificates, as plugins want it */
void gwc_emit_client_requests(gwc_writer_t *w, gwc_output_t *output,
                              const gwc_vec_t *listens);

/* the ca_certificates that plugins and credentials refer to */
void gwc_emit_authorities(gwc_writer_t *w, gwc_output_t *output);

/* client_ssl as directives of that prefix ("proxy"), or nothing */
void gwc_emit_client_ssl(gwc_writer_t *w, gwc_output_t *output,
                         const char *prefix);
/* the same as parameters certificate= and certificate_key= */
void gwc_emit_client_ssl_params(gwc_writer_t *w, gwc_output_t *output);

/* lua_ssl_trusted_certificate, for connections of our own, as a parameter;
   errors point to node */
void gwc_emit_trusted_param(gwc_writer_t *w, gwc_output_t *output,
                            const char *name, const gwc_node_t *node);
/* the same as a directive */
void gwc_emit_trusted(gwc_writer_t *w, gwc_output_t *output,
                      const char *directive, const gwc_node_t *node);

/* protocols and security level of connections to services */
void gwc_emit_service_protocols(gwc_writer_t *w, const gwc_output_t *output,
                                const char *prefix);

#endif
