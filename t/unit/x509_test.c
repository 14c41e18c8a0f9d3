
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Certificates of clients, made here and judged.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "gateway_x509.h"


typedef struct {
    X509      *cert;
    EVP_PKEY  *key;
} made_t;


static made_t  root, middle, stranger;


static void
extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION  *ext;

    ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert_non_null(ext);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
}


/* from and to: seconds from now; issuer NULL: itself */

static made_t
make(const char *cn, const made_t *issuer, int ca, const char *usage,
    long from, long to)
{
    made_t       made;
    X509_NAME   *name;
    static long  serial;

    made.key = EVP_EC_gen("P-256");
    made.cert = X509_new();

    assert_non_null(made.key);
    assert_non_null(made.cert);

    name = X509_get_subject_name(made.cert);

    X509_set_version(made.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.cert), from);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), to);
    X509_set_pubkey(made.cert, made.key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *) cn, -1, -1, 0);
    X509_set_issuer_name(made.cert, issuer != NULL
                                    ? X509_get_subject_name(issuer->cert)
                                    : name);
    extension(made.cert, NID_basic_constraints,
              ca ? "critical,CA:TRUE" : "critical,CA:FALSE");

    if (usage != NULL) {
        extension(made.cert, NID_ext_key_usage, usage);
    }

    assert_true(X509_sign(made.cert, issuer != NULL ? issuer->key : made.key,
                          EVP_sha256())
                > 0);

    return made;
}


static void
drop(made_t *made)
{
    X509_free(made->cert);
    EVP_PKEY_free(made->key);
}


/* PEM of up to two; the caller frees */

static char *
pem(const made_t *first, const made_t *second, size_t *len)
{
    BIO   *bio;
    char  *text;
    long   n;

    bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_X509(bio, first->cert), 1);

    if (second != NULL) {
        assert_int_equal(PEM_write_bio_X509(bio, second->cert), 1);
    }

    n = BIO_get_mem_data(bio, &text);
    text = OPENSSL_memdup(text, (size_t) n);
    *len = (size_t) n;

    BIO_free(bio);

    return text;
}


static X509_STORE *
trust(const made_t *first, const made_t *second)
{
    char        *text;
    size_t       len;
    X509_STORE  *store;

    text = pem(first, second, &len);
    store = gateway_x509_store(text, len);
    OPENSSL_free(text);

    assert_non_null(store);

    return store;
}


static int
setup(void **state)
{
    root = make("root", NULL, 1, NULL, -3600, 86400);
    middle = make("middle", &root, 1, NULL, -3600, 86400);
    stranger = make("root", NULL, 1, NULL, -3600, 86400);

    (void) state;

    return 0;
}


static int
teardown(void **state)
{
    drop(&root);
    drop(&middle);
    drop(&stranger);

    (void) state;

    return 0;
}


static int
verify(const made_t *leaf, const made_t *between, X509_STORE *store,
    int depth, int partial)
{
    int                     rc;
    STACK_OF(X509)         *chain;
    gateway_x509_options_t  options = { 0 };

    chain = NULL;

    if (between != NULL) {
        chain = sk_X509_new_null();
        sk_X509_push(chain, between->cert);
    }

    options.depth = depth;
    options.partial = partial;

    rc = gateway_x509_verify(leaf->cert, chain, store, &options);

    sk_X509_free(chain);

    return rc;
}


static void
test_verify(void **state)
{
    made_t       leaf;
    X509_STORE  *store;

    (void) state;

    leaf = make("leaf", &root, 0, NULL, -3600, 86400);

    store = trust(&root, NULL);
    assert_int_equal(verify(&leaf, NULL, store, 1, 0), X509_V_OK);
    X509_STORE_free(store);

    /* of the same name, with another key */
    store = trust(&stranger, NULL);
    assert_int_not_equal(verify(&leaf, NULL, store, 1, 0), X509_V_OK);
    X509_STORE_free(store);

    /* one of several */
    store = trust(&middle, &root);
    assert_int_equal(verify(&leaf, NULL, store, 1, 0), X509_V_OK);
    X509_STORE_free(store);

    /* what a client sends is not trusted for that */
    store = trust(&middle, NULL);
    assert_int_not_equal(verify(&leaf, &root, store, 9, 0), X509_V_OK);
    X509_STORE_free(store);

    drop(&leaf);
}


static void
test_chain(void **state)
{
    made_t       leaf;
    X509_STORE  *store;

    (void) state;

    leaf = make("leaf", &middle, 0, "clientAuth", -3600, 86400);

    store = trust(&root, NULL);
    assert_int_equal(verify(&leaf, &middle, store, 1, 0), X509_V_OK);
    assert_int_equal(verify(&leaf, NULL, store, 1, 0),
                     X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    assert_int_not_equal(verify(&leaf, &middle, store, 0, 0), X509_V_OK);
    X509_STORE_free(store);

    store = trust(&middle, NULL);
    assert_int_not_equal(verify(&leaf, NULL, store, 9, 0), X509_V_OK);
    assert_int_equal(verify(&leaf, NULL, store, 9, 1), X509_V_OK);
    X509_STORE_free(store);

    drop(&leaf);
}


static void
test_refused(void **state)
{
    size_t       i;
    made_t       leaf;
    X509_STORE  *store;

    static const struct {
        const char  *usage;
        long         from;
        long         to;
        int          rc;
    } cases[] = {
        { NULL, -7200, -3600, X509_V_ERR_CERT_HAS_EXPIRED },
        { NULL, 3600, 7200, X509_V_ERR_CERT_NOT_YET_VALID },
        { "serverAuth", -3600, 3600, X509_V_ERR_INVALID_PURPOSE },
        { "clientAuth", -3600, 3600, X509_V_OK },
        { "serverAuth,clientAuth", -3600, 3600, X509_V_OK }
    };

    (void) state;

    store = trust(&root, NULL);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        leaf = make("leaf", &root, 0, cases[i].usage, cases[i].from,
                    cases[i].to);
        assert_int_equal(verify(&leaf, NULL, store, 1, 0), cases[i].rc);
        drop(&leaf);
    }

    /* nobody but an authority signs */
    leaf = make("leaf", &root, 0, NULL, -3600, 3600);
    {
        made_t  below;

        below = make("below", &leaf, 0, NULL, -3600, 3600);
        assert_int_equal(verify(&below, &leaf, store, 9, 0),
                         X509_V_ERR_INVALID_CA);
        drop(&below);
    }
    drop(&leaf);

    X509_STORE_free(store);
}


static void
test_read(void **state)
{
    X509           *cert;
    char           *text;
    int             n;
    size_t          i, len;
    unsigned char  *der;
    STACK_OF(X509) *chain;

    (void) state;

    text = pem(&middle, &root, &len);
    cert = gateway_x509_read(text, len, &chain);

    assert_non_null(cert);
    assert_int_equal(X509_cmp(cert, middle.cert), 0);
    assert_non_null(chain);
    assert_int_equal(sk_X509_num(chain), 1);
    X509_free(cert);
    sk_X509_pop_free(chain, X509_free);

    /* cut anywhere: the first certificate whole and alone, or nothing */

    for (i = 0; i < len; i += 7) {
        cert = gateway_x509_read(text, i, &chain);

        if (cert != NULL) {
            assert_int_equal(X509_cmp(cert, middle.cert), 0);
            assert_null(chain);
            X509_free(cert);
        }
    }

    OPENSSL_free(text);

    der = NULL;
    n = i2d_X509(root.cert, &der);
    assert_true(n > 0);

    cert = gateway_x509_read((const char *) der, (size_t) n, &chain);
    assert_non_null(cert);
    assert_null(chain);
    X509_free(cert);

    assert_null(gateway_x509_read((const char *) der, (size_t) n - 1,
                                  &chain));
    assert_null(gateway_x509_read("", 0, &chain));
    assert_null(gateway_x509_read("hello", 5, &chain));
    assert_null(gateway_x509_store("hello", 5));
    assert_null(gateway_x509_store((const char *) der, (size_t) n));

    OPENSSL_free(der);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_read)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
