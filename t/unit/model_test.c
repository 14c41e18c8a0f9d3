
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The model of a file: ids, links, defaults.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compiler/diag.h"
#include "compiler/model.h"
#include "gateway_uuid.h"


static const char  file[] =
    "_format_version: \"3.0\"\n"
    "upstreams:\n"
    "- name: pool\n"
    "  targets:\n"
    "  - target: \"[::1]:81\"\n"
    "  - target: example.com:82\n"
    "targets:\n"
    "- {target: \"10.0.0.1:83\", upstream: pool}\n"
    "services:\n"
    "- name: my-service\n"
    "  url: https://pool:8443/path?x\n"
    "  path: /other\n"
    "  retries: null\n"
    "  routes:\n"
    "  - name: my-route\n"
    "    paths: [/a]\n"
    "    methods: [GET, POST, GET]\n"
    "  - paths: [/b]\n"
    "  plugins:\n"
    "  - name: acl\n"
    "    config: {allow: [a]}\n"
    "routes:\n"
    "- {name: other, paths: [/c], service: my-service}\n"
    "- {name: grpc, paths: [/d], protocols: [grpc]}\n"
    "plugins:\n"
    "- {name: acl, route: my-route, config: {allow: [a]}}\n"
    "consumers:\n"
    "- username: bobby\n"
    "  id: 11111111-1111-4111-8111-11111111111A\n"
    "  acls: [{group: a}]\n"
    "- custom_id: x\n";


static gwc_model_t *
load(const char *text)
{
    int           fd;
    char          name[] = "/tmp/gateway_model_XXXXXX.yml";
    gwc_model_t  *model;
    const char   *files[1];

    static const gwc_model_options_t  options = {
        .router_flavor = "traditional_compatible"
    };

    fd = mkstemps(name, 4);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void) close(fd);

    files[0] = name;
    model = gwc_model_load(files, 1, &options);
    (void) unlink(name);

    return model;
}


static void
assert_id(const gwc_entity_t *entity, const char *key)
{
    char     text[GATEWAY_UUID_LEN + 1];
    uint8_t  uuid[16];

    gateway_uuid_entity(uuid, entity->kind, key, strlen(key));
    gateway_uuid_format(text, uuid);
    text[GATEWAY_UUID_LEN] = '\0';

    assert_string_equal(entity->id, text);
    assert_false(entity->id_random);
}


static void
test_ids(void **state)
{
    char            key[200];
    gwc_model_t    *model;
    gwc_entity_t   *e;
    gwc_service_t  *service;

    (void) state;

    model = load(file);
    assert_non_null(model);

    service = model->services.items[0];
    assert_string_equal(service->e.id, "0855b320-0dd2-547d-891d-601e9b38647f");

    e = model->routes.items[0];
    assert_string_equal(e->id, "481a9539-f49c-51b6-b2e2-fe99ee68866c");

    e = model->routes.items[1];
    assert_true(e->id_random);

    /* nested: the parent's id; at the root: what is written */
    e = model->plugins.items[0];
    (void) snprintf(key, sizeof(key), "plugins:*:acl::%s:", service->e.id);
    assert_id(e, key);

    e = model->plugins.items[1];
    assert_id(e, "plugins:*:acl:my-route::");

    e = model->targets.items[0];
    (void) snprintf(key, sizeof(key), "targets:*:%s:[::1]:81",
                    ((gwc_entity_t *) model->upstreams.items[0])->id);
    assert_id(e, key);

    e = model->targets.items[2];
    assert_id(e, "targets:*:pool:10.0.0.1:83");

    e = model->consumers.items[0];
    assert_string_equal(e->id, "11111111-1111-4111-8111-11111111111a");

    e = model->consumers.items[1];
    assert_true(e->id_random);

    e = model->credentials.items[0];
    assert_id(e, "acls:*:11111111-1111-4111-8111-11111111111a:a");
}


static void
test_links(void **state)
{
    gwc_model_t     *model;
    gwc_route_t     *route;
    gwc_target_t    *target;
    gwc_service_t   *service;
    gwc_consumer_t  *consumer;
    gwc_upstream_t  *upstream;

    (void) state;

    model = load(file);
    assert_non_null(model);

    service = model->services.items[0];
    upstream = model->upstreams.items[0];
    assert_ptr_equal(service->upstream, upstream);
    assert_int_equal(service->routes.n, 3);

    route = model->routes.items[0];
    assert_ptr_equal(route->owner, service);
    route = model->routes.items[3];
    assert_null(route->owner);
    assert_false(route->strip_path.v);

    assert_int_equal(upstream->targets.n, 3);
    target = upstream->targets.items[0];
    assert_true(gwc_text_is(target->host, "::1"));
    assert_int_equal(target->port, 81);
    target = upstream->targets.items[1];
    assert_true(gwc_text_is(target->host, "example.com"));
    assert_int_equal(target->port, 82);

    consumer = model->consumers.items[0];
    assert_int_equal(consumer->credentials.n, 1);
}


static void
test_values(void **state)
{
    gwc_model_t     *model;
    gwc_route_t     *route;
    gwc_service_t   *service;
    gwc_upstream_t  *upstream;

    (void) state;

    model = load(file);
    assert_non_null(model);

    /* the URL wins over what stands beside it */
    service = model->services.items[0];
    assert_true(gwc_text_is(service->protocol.v, "https"));
    assert_true(gwc_text_is(service->host.v, "pool"));
    assert_int_equal(service->port.v, 8443);
    assert_true(gwc_text_is(service->path.v, "/path"));

    /* null is no default */
    assert_false(service->retries.set);
    assert_int_equal(service->read_timeout.v, 60000);
    assert_null(service->read_timeout.node);
    assert_true(service->enabled.v);

    route = model->routes.items[0];
    assert_int_equal(route->methods.n, 2);
    assert_int_equal(route->protocols.n, 2);
    assert_true(route->strip_path.v);
    assert_int_equal(route->https_redirect_status_code.v, 426);

    upstream = model->upstreams.items[0];
    assert_true(gwc_text_is(upstream->algorithm.v, "round-robin"));
    assert_true(gwc_text_is(upstream->hash_on.v, "none"));
    assert_int_equal(upstream->slots.v, 10000);
    assert_int_equal(upstream->healthchecks.active.unhealthy.http_statuses.n,
                     8);
    assert_int_equal(upstream->healthchecks.passive.healthy.http_statuses.n,
                     19);
    assert_true(upstream->healthchecks.active.https_verify_certificate.v);
}


static void
test_hash(void **state)
{
    gwc_model_t  *model;

    (void) state;

    model = load("_format_version: \"3.0\"\n");
    assert_non_null(model);
    assert_true(model->empty);
    assert_string_equal(model->hash, "00000000000000000000000000000000");

    model = load("_format_version: \"3.0\"\nconsumers: [{username: a}]\n");
    assert_non_null(model);
    assert_string_equal(model->hash, "093fb581a5b6ee3ba06068b0f2d3282e");
}


/* Kong's shorthands adapt what contradicts them */

static void
test_algorithms(void **state)
{
    size_t           i;
    gwc_model_t     *model;
    gwc_upstream_t  *upstream;

    static const char *const  expected[][2] = {
        { "least-connections", "none" },
        { "latency", "none" },
        { "consistent-hashing", "ip" },
        { "round-robin", "none" },
        { "round-robin", "none" },
    };

    (void) state;

    model = load("_format_version: \"3.0\"\n"
                 "upstreams:\n"
                 "- {name: a, algorithm: least-connections, hash_on: ip}\n"
                 "- {name: b, algorithm: latency}\n"
                 "- {name: c, hash_on: ip}\n"
                 "- {name: d, algorithm: consistent-hashing, hash_on: none}\n"
                 "- {name: e, algorithm: consistent-hashing}\n");
    assert_non_null(model);

    for (i = 0; i < 5; i++) {
        upstream = model->upstreams.items[i];
        assert_true(gwc_text_is(upstream->algorithm.v, expected[i][0]));
        assert_true(gwc_text_is(upstream->hash_on.v, expected[i][1]));
    }
}


static int
teardown(void **state)
{
    (void) state;
    assert_int_equal(gwc_error_count(), 0);

    return 0;
}


int
main(void)
{
    int  rc;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_ids, teardown),
        cmocka_unit_test_teardown(test_links, teardown),
        cmocka_unit_test_teardown(test_values, teardown),
        cmocka_unit_test_teardown(test_hash, teardown),
        cmocka_unit_test_teardown(test_algorithms, teardown)
    };

    rc = cmocka_run_group_tests(tests, NULL, NULL);
    gwc_arena_free();

    return rc;
}
