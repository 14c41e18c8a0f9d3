/*
 * Copyright (C) the ngx_gateway authors
 *
 * TLS of listeners and of services: certificates, keys and ciphers from
 * settings, certificates by SNI from the file.
 */

#include "emit_tls.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pem.h"

/* since then nginx shares keys of tickets through the cache of sessions */
#define GWC_NGINX_TICKETS 1023002

/* no certificate or key is longer */
#define GWC_TLS_FILE (1024 * 1024)

const char *const gwc_default_certificates[2][2] = {
    { "tls/default.crt", "tls/default.key" },
    { "tls/default-ecdsa.crt", "tls/default-ecdsa.key" }
};

/* what kong.conf names: Mozilla's recommendations, version 5.7, and FIPS */
typedef struct {
    const char *name;
    const char *protocols;
    const char *ciphers;
    const char *prefer;
    const char *dhparam;
} gwc_suite_t;

#define GWC_INTERMEDIATE                                                      \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"              \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"              \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"              \
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"                    \
    "DHE-RSA-CHACHA20-POLY1305"

static const gwc_suite_t gwc_suites[] = {
    { "modern", "TLSv1.3", NULL, "off", NULL },
    { "intermediate", "TLSv1.2 TLSv1.3", GWC_INTERMEDIATE, "off",
      "ffdhe2048" },
    { "old", "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
      GWC_INTERMEDIATE
      ":ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
      "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
      "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"
      "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:"
      "DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:"
      "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:"
      "AES128-SHA:AES256-SHA:DES-CBC3-SHA:@SECLEVEL=0",
      "on", NULL },
    { "fips", "TLSv1.2", "TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL", "on", NULL },
    { "custom", NULL, NULL, NULL, NULL }
};

/* a file that nginx reads: where it is, or its name in the generation */
typedef struct {
    const char *path;
    bool generated;
} gwc_tls_path_t;


static const gwc_suite_t *
gwc_tls_suite(const gwc_settings_t *settings)
{
    const char *name = gwc_settings_get(settings, "ssl_cipher_suite");
    size_t i;

    for (i = 0; strcmp(gwc_suites[i].name, name) != 0; i++) {
        /* checked with the settings: it is there */
    }

    return &gwc_suites[i];
}


static bool
gwc_tls_suite_is(const gwc_settings_t *settings, const char *name)
{
    return strcmp(gwc_tls_suite(settings)->name, name) == 0;
}


/* the predefined groups of RFC 7919 */
static bool
gwc_tls_is_group(const char *value)
{
    static const char *const groups[] = { "ffdhe2048", "ffdhe3072",
                                          "ffdhe4096", "ffdhe6144",
                                          "ffdhe8192" };
    size_t i;

    for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(value, groups[i]) == 0) {
            return true;
        }
    }

    return false;
}


static bool
gwc_tls_listens(const gwc_vec_t *listens)
{
    size_t i;

    for (i = 0; i < listens->n; i++) {
        if (((const gwc_listen_t *) listens->items[i])->ssl) {
            return true;
        }
    }

    return false;
}


/* the content of a file, or data NULL */
static gwc_text_t
gwc_tls_read(const char *path)
{
    gwc_text_t text = { NULL, 0 };
    FILE *file = fopen(path, "re");
    char *data;

    if (file == NULL) {
        return text;
    }

    data = gwc_alloc(GWC_TLS_FILE + 1);
    text.len = fread(data, 1, GWC_TLS_FILE, file);

    if (ferror(file) == 0) {
        text.data = gwc_strndup(data, text.len);
    }

    (void) fclose(file);

    return text;
}


/* base64 of PEM, as kong.conf takes it besides PEM and paths */
static gwc_text_t
gwc_tls_base64(const char *value)
{
    size_t len = strlen(value);
    gwc_text_t text = { NULL, 0 };
    unsigned char *data;
    int n;

    if (len < 32 || len > GWC_TLS_FILE || len % 4 != 0) {
        return text;
    }

    data = gwc_alloc(len);
    n = EVP_DecodeBlock(data, (const unsigned char *) value, (int) len);

    if (n > 0) {
        /* what the padding decodes to */
        n -= value[len - 1] == '=';
        n -= value[len - 2] == '=';
    }

    if (n > 0 && memmem(data, (size_t) n, "-----BEGIN ", 11) != NULL) {
        text.data = (const char *) data;
        text.len = (size_t) n;
    }

    return text;
}


/* a value that is a path, PEM, or base64 of it; path NULL: it is no path */
static gwc_text_t
gwc_tls_value(const char *value, const char **path)
{
    gwc_text_t text;

    *path = NULL;

    if (strstr(value, "-----BEGIN ") != NULL) {
        return (gwc_text_t){ value, strlen(value) };
    }

    text = gwc_tls_base64(value);

    if (text.data == NULL) {
        *path = value;
        text = gwc_tls_read(value);
    }

    return text;
}


static void
gwc_tls_check_pair(const gwc_settings_t *settings, const char *cert_name,
                   const char *cert_value, const char *key_name,
                   const char *key_value)
{
    const char *cert_path, *key_path, *why = "", *age;
    gwc_text_t cert = gwc_tls_value(cert_value, &cert_path);
    gwc_text_t key = gwc_tls_value(key_value, &key_path);
    EVP_PKEY *pkey = NULL;
    X509 *x509 = NULL;

    if (cert.data == NULL) {
        gwc_settings_error(settings, cert_name, "cannot read \"%s\"",
                           cert_value);

    } else {
        x509 = gwc_pem_certificate(cert, &why);

        if (x509 == NULL) {
            gwc_settings_error(settings, cert_name, "no certificate%s%s: %s",
                               cert_path ? " in " : "",
                               cert_path ? cert_path : "", why);
        }
    }

    if (key.data == NULL) {
        gwc_settings_error(settings, key_name, "cannot read \"%s\"",
                           key_value);

    } else {
        pkey = gwc_pem_private_key(key, &why);

        if (pkey == NULL) {
            gwc_settings_error(settings, key_name, "no private key%s%s: %s",
                               key_path ? " in " : "",
                               key_path ? key_path : "", why);
        }
    }

    if (x509 != NULL && pkey != NULL) {
        age = gwc_pem_age(x509);

        if (age != NULL) {
            gwc_settings_warning(settings, cert_name, "the certificate%s%s %s",
                                 cert_path ? " " : "",
                                 cert_path ? cert_path : "", age);
        }

        if (X509_check_private_key(x509, pkey) != 1) {
            gwc_settings_error(settings, key_name,
                               "the key does not belong to the certificate "
                               "of \"%s\"",
                               cert_name);
        }
    }

    ERR_clear_error();
    X509_free(x509);
    EVP_PKEY_free(pkey);
}


static void
gwc_tls_check_pairs(const gwc_settings_t *settings, const char *cert_name,
                    const gwc_vec_t *certs, const char *key_name,
                    const gwc_vec_t *keys)
{
    size_t i;

    for (i = 0; i < certs->n && i < keys->n; i++) {
        gwc_tls_check_pair(settings, cert_name, certs->items[i], key_name,
                           keys->items[i]);
    }
}


static void
gwc_tls_check_trusted(const gwc_settings_t *settings)
{
    static const char name[] = "lua_ssl_trusted_certificate";
    size_t i;

    for (i = 0; i < settings->trusted_certificates.n; i++) {
        const char *value = settings->trusted_certificates.items[i];
        const char *path, *why = "";
        gwc_text_t text;
        X509 *cert;

        if (strcmp(value, "system") == 0) {
            continue;
        }

        text = gwc_tls_value(value, &path);

        if (text.data == NULL) {
            gwc_settings_error(settings, name,
                               "cannot read \"%s\", expected a file, or "
                               "\"system\"",
                               value);
            continue;
        }

        cert = gwc_pem_certificate(text, &why);

        if (cert == NULL) {
            gwc_settings_error(settings, name, "no certificate%s%s: %s",
                               path ? " in " : "", path ? path : "", why);
        }

        X509_free(cert);
    }
}


static void
gwc_tls_check_dhparam(const gwc_settings_t *settings)
{
    const char *value = gwc_settings_get(settings, "ssl_dhparam");
    const char *path;
    EVP_PKEY *params;
    gwc_text_t text;
    BIO *bio;

    if (value == NULL || gwc_tls_is_group(value)) {
        return;
    }

    text = gwc_tls_value(value, &path);

    if (text.data == NULL) {
        gwc_settings_error(settings, "ssl_dhparam",
                           "cannot read \"%s\", expected a file, or one of "
                           "ffdhe2048, ffdhe3072, ffdhe4096, ffdhe6144, "
                           "ffdhe8192",
                           value);
        return;
    }

    bio = BIO_new_mem_buf(text.data, (int) text.len);
    params = bio ? PEM_read_bio_Parameters(bio, NULL) : NULL;

    if (params == NULL || EVP_PKEY_base_id(params) != EVP_PKEY_DH) {
        gwc_settings_error(
            settings, "ssl_dhparam", "no parameters of Diffie-Hellman%s%s: %s",
            path ? " in " : "", path ? path : "", gwc_pem_reason());
    }

    ERR_clear_error();
    EVP_PKEY_free(params);
    BIO_free(bio);
}


static void
gwc_tls_check_suite(const gwc_settings_t *settings)
{
    static const char *const custom[] = { "ssl_ciphers", "ssl_protocols",
                                          "ssl_prefer_server_ciphers" };
    const char *suite = gwc_tls_suite(settings)->name;
    const char *ciphers = gwc_settings_get(settings, "ssl_ciphers");
    SSL_CTX *ctx;
    size_t i;

    if (strcmp(suite, "custom") != 0) {
        for (i = 0; i < sizeof(custom) / sizeof(custom[0]); i++) {
            if (gwc_settings_given(settings, custom[i])) {
                gwc_settings_warning(settings, custom[i],
                                     "ignored, as in Kong: only with "
                                     "ssl_cipher_suite=custom it counts");
            }
        }

        if (gwc_settings_given(settings, "ssl_dhparam")
            && (strcmp(suite, "modern") == 0
                || strcmp(suite, "intermediate") == 0))
        {
            gwc_settings_warning(settings, "ssl_dhparam",
                                 "ignored, as in Kong: ssl_cipher_suite=%s "
                                 "has its own",
                                 suite);
        }

        return;
    }

    ctx = SSL_CTX_new(TLS_server_method());

    if (ciphers != NULL && ctx != NULL
        && SSL_CTX_set_cipher_list(ctx, ciphers) != 1)
    {
        gwc_settings_error(settings, "ssl_ciphers", "\"%s\": %s", ciphers,
                           gwc_pem_reason());
    }

    SSL_CTX_free(ctx);
}


void
gwc_check_tls(const gwc_model_t *model, const gwc_settings_t *settings)
{
    bool proxy = gwc_tls_listens(&settings->proxy_listen)
                 || gwc_tls_listens(&settings->stream_listen);
    bool status = gwc_tls_listens(&settings->status_listen);
    bool admin = gwc_tls_listens(&settings->admin_listen);
    size_t i;

    gwc_tls_check_trusted(settings);

    if (gwc_settings_flag(settings, "client_ssl")) {
        gwc_tls_check_pair(settings, "client_ssl_cert",
                           gwc_settings_get(settings, "client_ssl_cert"),
                           "client_ssl_cert_key",
                           gwc_settings_get(settings, "client_ssl_cert_key"));
    }

    if (proxy) {
        gwc_tls_check_pairs(settings, "ssl_cert", &settings->ssl_cert,
                            "ssl_cert_key", &settings->ssl_cert_key);
    }

    if (status) {
        gwc_tls_check_pairs(settings, "status_ssl_cert",
                            &settings->status_ssl_cert, "status_ssl_cert_key",
                            &settings->status_ssl_cert_key);
    }

    if (admin) {
        gwc_tls_check_pairs(settings, "admin_ssl_cert",
                            &settings->admin_ssl_cert, "admin_ssl_cert_key",
                            &settings->admin_ssl_cert_key);
    }

    if (proxy || status || admin) {
        gwc_tls_check_suite(settings);
        gwc_tls_check_dhparam(settings);
    }

    if (!proxy || gwc_tls_suite_is(settings, "old")) {
        return;
    }

    for (i = 0; i < model->certificates.n; i++) {
        const gwc_certificate_t *c = model->certificates.items[i];

        if (c->refused != NULL) {
            gwc_error(c->cert.node, "OpenSSL refuses the certificate: %s",
                      c->refused);
        }

        if (c->refused_alt != NULL) {
            gwc_error(c->cert_alt.node, "OpenSSL refuses the certificate: %s",
                      c->refused_alt);
        }
    }
}


/* where nginx finds what a value stands for */
static gwc_tls_path_t
gwc_tls_file(gwc_output_t *output, const char *value, const char *suffix)
{
    gwc_tls_path_t file = { NULL, false };
    const char *path;
    gwc_text_t text;
    char *real, *name;

    text = gwc_tls_value(value, &path);

    if (path != NULL) {
        real = realpath(path, NULL);
        file.path = real ? gwc_strndup(real, strlen(real)) : path;
        free(real);

        return file;
    }

    file.generated = true;
    file.path = gwc_map_get(output->tls_files, text);

    if (file.path == NULL) {
        name = gwc_sprintf("setting-%zu.%s", ++output->bundles, suffix);

        (void) gwc_map_add(output->tls_files, text, name);
        gwc_emit_secret_file(output, name, text);
        file.path = name;
    }

    return file;
}


static void
gwc_tls_put(gwc_writer_t *w, const char *directive, gwc_tls_path_t file)
{
    gwc_begin(w, directive);

    if (file.generated) {
        gwc_arg_generated(w, file.path);
    } else {
        gwc_arg(w, file.path);
    }

    gwc_end(w);
}


static void
gwc_tls_put_param(gwc_writer_t *w, const char *name, gwc_tls_path_t file)
{
    if (file.generated) {
        gwc_param_generated(w, name, file.path);
    } else {
        gwc_param(w, name, (gwc_text_t){ file.path, strlen(file.path) });
    }
}


void
gwc_emit_client_ssl(gwc_writer_t *w, gwc_output_t *output, const char *prefix)
{
    const gwc_settings_t *settings = output->settings;

    if (!gwc_settings_flag(settings, "client_ssl")) {
        return;
    }

    gwc_tls_put(w, gwc_sprintf("%s_ssl_certificate", prefix),
                gwc_tls_file(output,
                             gwc_settings_get(settings, "client_ssl_cert"),
                             "crt"));
    gwc_tls_put(w, gwc_sprintf("%s_ssl_certificate_key", prefix),
                gwc_tls_file(output,
                             gwc_settings_get(settings, "client_ssl_cert_key"),
                             "key"));
}


void
gwc_emit_client_ssl_params(gwc_writer_t *w, gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;

    if (!gwc_settings_flag(settings, "client_ssl")) {
        return;
    }

    gwc_tls_put_param(
        w, "certificate",
        gwc_tls_file(output, gwc_settings_get(settings, "client_ssl_cert"),
                     "crt"));
    gwc_tls_put_param(
        w, "certificate_key",
        gwc_tls_file(output, gwc_settings_get(settings, "client_ssl_cert_key"),
                     "key"));
}


/* lua_ssl_trusted_certificate as one file; errors point to node */
static gwc_tls_path_t
gwc_tls_trusted(gwc_output_t *output, const gwc_node_t *node)
{
    const gwc_vec_t *values = &output->settings->trusted_certificates;
    gwc_buf_t pem = { 0 };
    gwc_tls_path_t file = { gwc_system_bundle, false };
    const char *path;
    gwc_text_t text;
    size_t i;

    for (i = 0; i < values->n; i++) {
        const char *value = values->items[i];

        if (strcmp(value, "system") == 0) {
            value = gwc_system_bundle;

            if (access(value, R_OK) != 0) {
                gwc_error(node,
                          "there is no \"%s\" to verify certificates with: "
                          "install it, or verify none, or set "
                          "lua_ssl_trusted_certificate to a file",
                          value);
                continue;
            }
        }

        text = gwc_tls_value(value, &path);
        gwc_buf_add(&pem, text.data, text.len);
        gwc_buf_puts(&pem, "\n");
    }

    if (values->n > 1
        || (values->n == 1 && strcmp(values->items[0], "system") != 0))
    {
        file.generated = true;
        file.path = "trusted.crt";

        if (gwc_map_add(output->tls_files,
                        (gwc_text_t){ file.path, strlen(file.path) },
                        (void *) output)
            == NULL)
        {
            gwc_emit_secret_file(output, file.path,
                                 (gwc_text_t){ pem.data, pem.len });
        }
    }

    return file;
}


void
gwc_emit_trusted_param(gwc_writer_t *w, gwc_output_t *output, const char *name,
                       const gwc_node_t *node)
{
    gwc_tls_put_param(w, name, gwc_tls_trusted(output, node));
}


void
gwc_emit_trusted(gwc_writer_t *w, gwc_output_t *output, const char *directive,
                 const gwc_node_t *node)
{
    gwc_tls_put(w, directive, gwc_tls_trusted(output, node));
}


void
gwc_emit_service_protocols(gwc_writer_t *w, const gwc_output_t *output,
                           const char *prefix)
{
    bool old = gwc_tls_suite_is(output->settings, "old");

    gwc_emit_default(
        w, output, GWC_CONTEXT_PROXY, gwc_sprintf("%s_ssl_protocols", prefix),
        old ? "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3" : "TLSv1.2 TLSv1.3");

    /* OpenSSL has the former two at no other level */
    if (old) {
        gwc_emit_default(w, output, GWC_CONTEXT_PROXY,
                         gwc_sprintf("%s_ssl_ciphers", prefix),
                         "DEFAULT:@SECLEVEL=0");
    }
}


void
gwc_emit_tls_http(gwc_writer_t *w, const gwc_output_t *output)
{
    const gwc_settings_t *settings = output->settings;

    if (output->nginx->version < GWC_NGINX_TICKETS
        && (gwc_tls_listens(&settings->proxy_listen)
            || gwc_tls_listens(&settings->status_listen)
            || gwc_tls_listens(&settings->admin_listen)))
    {
        gwc_put(w, "gateway_session_tickets", "zone=gateway_tickets", NULL);
    }
}


static void
gwc_emit_dhparam(gwc_writer_t *w, gwc_output_t *output, const char *value)
{
    gwc_tls_path_t file;
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *params = NULL;
    OSSL_PARAM group[2];
    char *data;
    BIO *bio;
    long len;

    if (!gwc_tls_is_group(value)) {
        file = gwc_tls_file(output, value, "pem");
        gwc_tls_put(w, "ssl_dhparam", file);
        return;
    }

    file.path = gwc_sprintf("%s.pem", value);
    file.generated = true;

    if (gwc_map_add(output->tls_files,
                    (gwc_text_t){ file.path, strlen(file.path) },
                    (void *) output)
        == NULL)
    {
        group[0] = OSSL_PARAM_construct_utf8_string(
            "group", gwc_strndup(value, strlen(value)), 0);
        group[1] = OSSL_PARAM_construct_end();

        ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
        bio = BIO_new(BIO_s_mem());

        if (ctx == NULL || bio == NULL || EVP_PKEY_paramgen_init(ctx) != 1
            || EVP_PKEY_CTX_set_params(ctx, group) != 1
            || EVP_PKEY_paramgen(ctx, &params) != 1
            || PEM_write_bio_Parameters(bio, params) != 1)
        {
            gwc_error(NULL, "OpenSSL does not know the group \"%s\"", value);

        } else {
            len = BIO_get_mem_data(bio, &data);
            gwc_emit_secret_file(
                output, file.path,
                (gwc_text_t){ gwc_strndup(data, (size_t) len), (size_t) len });
        }

        EVP_PKEY_free(params);
        EVP_PKEY_CTX_free(ctx);
        BIO_free(bio);
    }

    gwc_tls_put(w, "ssl_dhparam", file);
}


static void
gwc_emit_suite(gwc_writer_t *w, gwc_output_t *output, gwc_context_t context)
{
    const gwc_settings_t *settings = output->settings;
    gwc_suite_t suite = *gwc_tls_suite(settings);
    const char *value;

    if (strcmp(suite.name, "custom") == 0) {
        value = gwc_settings_get(settings, "ssl_protocols");
        suite.protocols = value ? value : "TLSv1.2 TLSv1.3";
        suite.ciphers = gwc_settings_get(settings, "ssl_ciphers");
        value = gwc_settings_get(settings, "ssl_prefer_server_ciphers");
        suite.prefer = value ? value : "on";
    }

    if (strcmp(suite.name, "custom") == 0 || strcmp(suite.name, "old") == 0
        || strcmp(suite.name, "fips") == 0)
    {
        suite.dhparam = gwc_settings_get(settings, "ssl_dhparam");
    }

    gwc_emit_default(w, output, context, "ssl_protocols", suite.protocols);

    if (suite.ciphers != NULL) {
        gwc_emit_default(w, output, context, "ssl_ciphers", suite.ciphers);
    }

    gwc_emit_default(w, output, context, "ssl_prefer_server_ciphers",
                     suite.prefer);

    if (suite.dhparam != NULL
        && gwc_settings_injected(settings, context, "ssl_dhparam") == NULL)
    {
        gwc_emit_dhparam(w, output, suite.dhparam);
    }
}


void
gwc_emit_tls(gwc_writer_t *w, gwc_output_t *output, const gwc_vec_t *listens,
             gwc_context_t context, const char *setting,
             const gwc_vec_t *certs, const gwc_vec_t *keys)
{
    const gwc_settings_t *settings = output->settings;
    size_t i;

    if (!gwc_tls_listens(listens)) {
        return;
    }

    for (i = 0; i < certs->n && i < keys->n; i++) {
        gwc_tls_put(w, "ssl_certificate",
                    gwc_tls_file(output, certs->items[i], "crt"));
        gwc_tls_put(w, "ssl_certificate_key",
                    gwc_tls_file(output, keys->items[i], "key"));
    }

    if (certs->n == 0) {
        output->default_certificate = true;

        for (i = 0; i < 2; i++) {
            gwc_put(w, "ssl_certificate", gwc_default_certificates[i][0],
                    NULL);
            gwc_put(w, "ssl_certificate_key", gwc_default_certificates[i][1],
                    NULL);
        }
    }

    gwc_emit_suite(w, output, context);
    gwc_emit_default(w, output, context, "ssl_session_tickets",
                     gwc_settings_get(settings, "ssl_session_tickets"));
    gwc_emit_default(w, output, context, "ssl_session_timeout",
                     gwc_settings_get(settings, "ssl_session_timeout"));

    /* operators' sessions are not the clients' */
    gwc_emit_default(
        w, output, context, "ssl_session_cache",
        strcmp(setting, "status_ssl") != 0 && strcmp(setting, "admin_ssl") != 0
            ? gwc_sprintf("shared:gateway_%s:%s",
                          strcmp(setting, "ssl") == 0 ? "tls" : "stream_tls",
                          gwc_settings_get(settings, "ssl_session_cache_size"))
            : "shared:gateway_tls_status:1m");
}


static void
gwc_emit_pem(gwc_writer_t *w, gwc_output_t *output, const char *prefix,
             const char *name, gwc_text_t text)
{
    if (gwc_map_add(output->tls_files, (gwc_text_t){ name, strlen(name) },
                    (void *) output)
        == NULL)
    {
        gwc_emit_secret_file(output, name, text);
    }

    if (prefix == NULL) {
        gwc_arg_generated(w, name);
    } else {
        gwc_param_generated(w, prefix, name);
    }
}


void
gwc_emit_certificates(gwc_writer_t *w, gwc_output_t *output,
                      const gwc_vec_t *listens, const char *directive)
{
    const gwc_model_t *model = output->model;
    size_t i, k;

    if (!gwc_tls_listens(listens)) {
        return;
    }

    for (i = 0; i < model->certificates.n; i++) {
        const gwc_certificate_t *c = model->certificates.items[i];

        if (c->snis.n == 0) {
            continue;
        }

        w->source = c->e.record.node;
        gwc_begin(w, directive);
        gwc_emit_pem(w, output, NULL, gwc_sprintf("sni-%s.crt", c->e.id),
                     c->cert.v);
        gwc_emit_pem(w, output, NULL, gwc_sprintf("sni-%s.key", c->e.id),
                     c->key.v);

        if (c->cert_alt.set) {
            gwc_emit_pem(w, output, "cert_alt",
                         gwc_sprintf("sni-%s-alt.crt", c->e.id),
                         c->cert_alt.v);
            gwc_emit_pem(w, output, "key_alt",
                         gwc_sprintf("sni-%s-alt.key", c->e.id), c->key_alt.v);
        }

        for (k = 0; k < c->snis.n; k++) {
            const gwc_sni_t *sni = c->snis.items[k];

            gwc_arg_text(w, sni->name.v);
        }

        gwc_end(w);
    }
}


/* a name, or all others, that clients ask for: what they are told */
typedef struct {
    gwc_text_t name; /* empty: all others */
    gwc_vec_t cas;   /* gwc_ca_certificate_t */
} gwc_request_t;


static gwc_request_t *
gwc_request_get(gwc_vec_t *requests, gwc_text_t name)
{
    gwc_request_t *request;
    size_t i;

    for (i = 0; i < requests->n; i++) {
        request = requests->items[i];

        if (gwc_text_equal(request->name, name)) {
            return request;
        }
    }

    request = gwc_alloc(sizeof(gwc_request_t));
    request->name = name;
    gwc_vec_push(requests, request);

    return request;
}


static void
gwc_request_tell(gwc_request_t *request, gwc_list_t cas)
{
    size_t i, k;

    for (i = 0; i < cas.n; i++) {
        gwc_entity_t *ca = GWC_ITEM(cas, gwc_ref_t, i)->target;

        for (k = 0; k < request->cas.n; k++) {
            if (request->cas.items[k] == ca) {
                break;
            }
        }

        if (ca != NULL && k == request->cas.n) {
            gwc_vec_push(&request->cas, ca);
        }
    }
}


/* as handshakes are compared: in lower case, without a final dot */
static gwc_text_t
gwc_request_name(gwc_text_t name)
{
    char *lower;
    size_t i;

    if (name.len && name.data[name.len - 1] == '.') {
        name.len--;
    }

    lower = gwc_strndup(name.data, name.len);

    for (i = 0; i < name.len; i++) {
        lower[i] = (char) tolower((unsigned char) lower[i]);
    }

    return (gwc_text_t){ lower, name.len };
}


/* a route without snis may be asked for under any name */
static void
gwc_request_route(gwc_vec_t *requests, const gwc_route_t *route,
                  gwc_list_t cas)
{
    size_t i;

    if (route->snis.n == 0) {
        gwc_request_tell(gwc_request_get(requests, GWC_TEXT("")), cas);
        return;
    }

    for (i = 0; i < route->snis.n; i++) {
        gwc_text_t name = GWC_ITEM(route->snis, gwc_str_t, i)->v;

        gwc_request_tell(gwc_request_get(requests, gwc_request_name(name)),
                         cas);
    }
}


void
gwc_emit_client_requests(gwc_writer_t *w, gwc_output_t *output,
                         const gwc_vec_t *listens)
{
    const gwc_model_t *model = output->model;
    gwc_vec_t requests = { 0 };
    size_t i, k;

    if (!gwc_tls_listens(listens)) {
        return;
    }

    for (i = 0; i < model->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];

        if (plugin->rule == NULL || plugin->rule->asks_clients == NULL
            || !gwc_bool_or(plugin->enabled, true))
        {
            continue;
        }

        for (k = 0; k < model->routes.n; k++) {
            const gwc_route_t *route = model->routes.items[k];

            if (gwc_route_is_written(route)
                && (plugin->route.target == NULL
                    || plugin->route.target == &route->e)
                && (plugin->service.target == NULL
                    || plugin->service.target
                           == (const gwc_entity_t *) route->owner))
            {
                gwc_request_route(&requests, route,
                                  plugin->rule->asks_clients(plugin->config));
            }
        }
    }

    w->source = NULL;

    for (i = 0; i < requests.n; i++) {
        const gwc_request_t *request = requests.items[i];
        gwc_buf_t pem = { 0 };

        gwc_begin(w, "gateway_client_certificate");
        gwc_arg(w, "request");

        for (k = 0; k < request->cas.n; k++) {
            const gwc_ca_certificate_t *ca = request->cas.items[k];

            gwc_buf_add(&pem, ca->cert.v.data, ca->cert.v.len);
            gwc_buf_puts(&pem, "\n");
        }

        if (pem.len) {
            gwc_emit_pem(w, output, "ca",
                         gwc_sprintf("clients-%zu.crt", i + 1),
                         (gwc_text_t){ pem.data, pem.len });
        }

        if (request->name.len) {
            gwc_arg_text(w, request->name);
        }

        gwc_end(w);
    }
}


/* adds those that a record of the table refers to */
static void
gwc_refers_to_cas(gwc_vec_t *cas, const gwc_field_t *fields,
                  const void *record)
{
    const gwc_field_t *field;
    size_t i;

    for (field = fields; field != NULL && field->name != NULL; field++) {
        const void *value = (const char *) record + field->offset;
        const gwc_list_t *list = value;
        const gwc_ref_t *ref = value;

        if (field->type == GWC_REF
            && strcmp(field->refers, "ca_certificates") == 0
            && ref->target != NULL)
        {
            gwc_vec_push(cas, ref->target);

        } else if (field->type == GWC_ARRAY && field->elem->type == GWC_REF
                   && strcmp(field->elem->refers, "ca_certificates") == 0)
        {
            for (i = 0; i < list->n; i++) {
                gwc_vec_push(cas, GWC_ITEM(*list, gwc_ref_t, i)->target);
            }
        }
    }
}


void
gwc_emit_authorities(gwc_writer_t *w, gwc_output_t *output)
{
    const gwc_model_t *model = output->model;
    gwc_vec_t cas = { 0 };
    size_t i, k;

    for (i = 0; i < model->plugins.n; i++) {
        const gwc_plugin_t *plugin = model->plugins.items[i];

        if (plugin->rule != NULL && plugin->config != NULL
            && gwc_bool_or(plugin->enabled, true))
        {
            gwc_refers_to_cas(&cas, plugin->rule->fields, plugin->config);
        }
    }

    for (i = 0; i < model->credentials.n; i++) {
        const gwc_credential_t *credential = model->credentials.items[i];

        if (credential->rule != NULL && credential->rule->emit != NULL) {
            gwc_refers_to_cas(&cas, credential->rule->fields, credential);
        }
    }

    for (i = 0; i < model->ca_certificates.n; i++) {
        const gwc_ca_certificate_t *ca = model->ca_certificates.items[i];

        for (k = 0; k < cas.n; k++) {
            if (cas.items[k] == &ca->e) {
                break;
            }
        }

        if (k == cas.n) {
            continue;
        }

        w->source = ca->e.record.node;
        gwc_begin(w, "gateway_ca_certificate");
        gwc_arg(w, ca->e.id);
        gwc_emit_pem(w, output, NULL, gwc_sprintf("ca-%s.crt", ca->e.id),
                     ca->cert.v);
        gwc_end(w);
    }
}
