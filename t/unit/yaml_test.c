
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Nodes of YAML and JSON: types, values, places, paths.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/diag.h"
#include "compiler/json.h"
#include "compiler/yaml.h"


#define countof(a)  (sizeof(a) / sizeof(a[0]))


typedef struct {
    const char       *text;
    gwc_node_kind_t   kind;
    double            number;
} scalar_t;


static const scalar_t  scalars[] = {

    { "yes", GWC_NODE_BOOL, 1 },
    { "Yes", GWC_NODE_BOOL, 1 },
    { "YES", GWC_NODE_BOOL, 1 },
    { "yEs", GWC_NODE_STRING, 0 },
    { "no", GWC_NODE_BOOL, 0 },
    { "on", GWC_NODE_BOOL, 1 },
    { "Off", GWC_NODE_BOOL, 0 },
    { "TRUE", GWC_NODE_BOOL, 1 },
    { "false", GWC_NODE_BOOL, 0 },
    { "y", GWC_NODE_STRING, 0 },
    { "n", GWC_NODE_STRING, 0 },
    { "N", GWC_NODE_STRING, 0 },
    { "'yes'", GWC_NODE_STRING, 0 },
    { "\"yes\"", GWC_NODE_STRING, 0 },
    { "!!str yes", GWC_NODE_STRING, 0 },

    { "", GWC_NODE_NULL, 0 },
    { "~", GWC_NODE_NULL, 0 },
    { "null", GWC_NODE_NULL, 0 },
    { "Null", GWC_NODE_NULL, 0 },
    { "nULL", GWC_NODE_STRING, 0 },
    { "''", GWC_NODE_STRING, 0 },

    { "0", GWC_NODE_INT, 0 },
    { "-0", GWC_NODE_INT, 0 },
    { "12", GWC_NODE_INT, 12 },
    { "+12", GWC_NODE_INT, 12 },
    { "-12", GWC_NODE_INT, -12 },
    { "0x1A2", GWC_NODE_INT, 418 },
    { "0X1A2", GWC_NODE_STRING, 0 },
    { "0x", GWC_NODE_STRING, 0 },
    { "0xg", GWC_NODE_STRING, 0 },
    { "0b101", GWC_NODE_INT, 5 },
    { "0b2", GWC_NODE_STRING, 0 },
    { "0644", GWC_NODE_INT, 420 },
    { "08", GWC_NODE_INT, 8 },
    { "0o10", GWC_NODE_STRING, 0 },
    { "1_000", GWC_NODE_INT, 1000 },
    { "_1", GWC_NODE_STRING, 0 },
    { "10:30", GWC_NODE_INT, 630 },
    { "1:00:00", GWC_NODE_INT, 3600 },
    { "10:60", GWC_NODE_STRING, 0 },
    { "9223372036854775807", GWC_NODE_INT, 9223372036854775807.0 },
    { "9223372036854775808", GWC_NODE_FLOAT, 9223372036854775808.0 },

    { "2e3", GWC_NODE_FLOAT, 2000 },
    { "1.5", GWC_NODE_FLOAT, 1.5 },
    { "1.", GWC_NODE_FLOAT, 1 },
    { ".5", GWC_NODE_FLOAT, 0.5 },
    { "-1.5e-1", GWC_NODE_FLOAT, -0.15 },
    { "1.2.3.4", GWC_NODE_STRING, 0 },
    { "1e", GWC_NODE_STRING, 0 },
    { ".", GWC_NODE_STRING, 0 },
    { "--", GWC_NODE_STRING, 0 },
    { "1-2", GWC_NODE_STRING, 0 },
    { "2001-01-01", GWC_NODE_STRING, 0 },
    { "12ab", GWC_NODE_STRING, 0 },

    { "=", GWC_NODE_STRING, 0 },
    { "{a: 1}", GWC_NODE_MAP, 0 },
    { "[a]", GWC_NODE_SEQ, 0 },
};


static const char *const  bad_json[] = {
    "", "{", "[", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{'a':1}",
    "[01]", "[+1]", "[1.]", "[.5]", "[1e]", "[0x1]", "[NaN]", "[tru]",
    "[\"a]", "[\"\\x\"]", "[\"\\u12\"]", "[\"\\ud83d\"]", "[\"\\ude00\"]",
    "[\"\t\"]", "1 2", "[1]]", "{\"a\":1}{", "[\"\xff\"]", "[\"\xc0\x80\"]",
};


static gwc_node_t *
parse(const char *text, bool json)
{
    return gwc_yaml_parse("t", text, strlen(text), json);
}


static void
test_scalars(void **state)
{
    char               text[80];
    size_t             i;
    const scalar_t    *s;
    const gwc_node_t  *node, *root;

    (void) state;

    for (i = 0; i < countof(scalars); i++) {
        s = &scalars[i];
        (void) snprintf(text, sizeof(text), "a: %s\n", s->text);

        root = parse(text, false);
        assert_non_null(root);
        node = gwc_node_get(root, "a");
        assert_non_null(node);

        if (node->kind != s->kind) {
            fail_msg("%s is %s", s->text, gwc_node_kind_name(node));
        }

        if (node->kind == GWC_NODE_BOOL) {
            assert_int_equal(node->boolean, s->number > 0);
        }

        if (node->kind == GWC_NODE_INT || node->kind == GWC_NODE_FLOAT) {
            assert_true(node->number >= s->number - 1e-9
                        && node->number <= s->number + 1e-9);
        }
    }

    assert_int_equal(gwc_error_count(), 0);
}


static void
test_places(void **state)
{
    const gwc_node_t  *node, *root;

    (void) state;

    root = parse("a:\n- b: \"x\"\n  'c d': [1, {e: ~}]\n  f: |\n    text\n"
                 "  g:\n", false);
    assert_non_null(root);
    assert_string_equal(gwc_node_path(root), "");

    node = gwc_node_get(root, "a")->items[0];
    assert_string_equal(gwc_node_path(node), "a[0]");
    assert_int_equal(node->line, 2);
    assert_int_equal(node->column, 3);

    assert_string_equal(gwc_node_path(gwc_node_get(node, "b")), "a[0].b");
    assert_int_equal(gwc_node_get(node, "b")->column, 6);
    assert_string_equal(gwc_node_path(node->keys[1]), "a[0][\"c d\"]");
    assert_int_equal(node->keys[1]->column, 3);
    assert_int_equal(gwc_node_get(node, "f")->line, 4);
    assert_int_equal(gwc_node_get(node, "g")->line, 6);

    node = gwc_node_get(gwc_node_get(node, "c d")->items[1], "e");
    assert_string_equal(gwc_node_path(node), "a[0][\"c d\"][1].e");
    assert_int_equal(node->line, 3);

    root = parse("{\n  \"a\": [1, {\"\xc3\xa9\": 2, \"c\": \"x\"}]\n}", true);
    assert_non_null(root);
    node = gwc_node_get(gwc_node_get(root, "a")->items[1], "c");
    assert_string_equal(gwc_node_path(node), "a[1].c");
    assert_int_equal(node->line, 2);
    assert_int_equal(node->column, 26);
}


static void
test_merge(void **state)
{
    const gwc_node_t  *c, *root;

    (void) state;

    root = parse("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\n"
                 "c: {<<: [*a, *b], w: 0}\nd: {<<: *a, x: 3}\n"
                 "e: {x: 3, <<: *a}\nf: {\"<<\": 1}\n", false);
    assert_non_null(root);

    c = gwc_node_get(root, "c");
    assert_int_equal(c->n, 4);
    assert_int_equal(gwc_node_get(c, "x")->integer, 1);
    assert_int_equal(gwc_node_get(c, "y")->integer, 1);
    assert_int_equal(gwc_node_get(c, "z")->integer, 2);

    assert_int_equal(gwc_node_get(gwc_node_get(root, "d"), "x")->integer, 3);
    assert_int_equal(gwc_node_get(gwc_node_get(root, "e"), "x")->integer, 1);
    assert_int_equal(gwc_node_get(gwc_node_get(root, "f"), "<<")->integer, 1);
}


static void
test_json(void **state)
{
    size_t             i;
    const gwc_node_t  *root;

    (void) state;

    root = parse("[null, true, -1.5e3, 0, \"\\u00e9\\ud83d\\ude00\\n\\/\","
                 " \"yes\", {}, []]", true);
    assert_non_null(root);
    assert_int_equal(root->n, 8);
    assert_int_equal(root->items[0]->kind, GWC_NODE_NULL);
    assert_int_equal(root->items[1]->kind, GWC_NODE_BOOL);
    assert_true(root->items[2]->number < -1499
                && root->items[2]->number > -1501);
    assert_int_equal(root->items[3]->kind, GWC_NODE_INT);
    assert_true(gwc_text_is(root->items[4]->text,
                            "\xc3\xa9\xf0\x9f\x98\x80\n/"));
    assert_int_equal(root->items[5]->kind, GWC_NODE_STRING);

    for (i = 0; i < countof(bad_json); i++) {
        if (gwc_json_valid(bad_json[i], strlen(bad_json[i]))) {
            fail_msg("%s is taken for JSON", bad_json[i]);
        }
    }
}


static void
test_large_map(void **state)
{
    char               key[16];
    size_t             i;
    gwc_buf_t          buf;
    const gwc_node_t  *root;

    (void) state;

    memset(&buf, 0, sizeof(buf));

    for (i = 0; i < 1000; i++) {
        gwc_buf_printf(&buf, "key%zu: %zu\n", i, i);
    }

    root = parse(buf.data, false);
    assert_non_null(root);
    assert_int_equal(root->n, 1000);

    for (i = 0; i < 1000; i += 333) {
        (void) snprintf(key, sizeof(key), "key%zu", i);
        assert_int_equal(gwc_node_get(root, key)->integer, i);
    }
}


static void
test_nearest(void **state)
{
    static const char *const  names[] = { "paths", "hosts", "methods",
                                          "strip_path" };

    (void) state;

    assert_string_equal(gwc_nearest(GWC_TEXT("pahts"), names, 4), "paths");
    assert_string_equal(gwc_nearest(GWC_TEXT("method"), names, 4), "methods");
    assert_string_equal(gwc_nearest(GWC_TEXT("strippath"), names, 4),
                        "strip_path");
    assert_null(gwc_nearest(GWC_TEXT("xyz"), names, 4));
    assert_null(gwc_nearest(GWC_TEXT(""), names, 4));
}


int
main(void)
{
    int  rc;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_large_map),
        cmocka_unit_test(test_nearest)
    };

    rc = cmocka_run_group_tests(tests, NULL, NULL);
    gwc_arena_free();

    return rc;
}
