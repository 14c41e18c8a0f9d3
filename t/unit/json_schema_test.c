
/*
 * Copyright (C) the ngx_gateway authors
 *
 * JSON Schema: what each keyword takes and refuses.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_json_schema.h"


#define ok(value)  { (value), NULL, NULL }
#define no(value, place, message)  { (value), (place), (message) }


typedef struct {
    const char  *value;
    const char  *place;      /* NULL: it is valid */
    const char  *message;
} value_t;

typedef struct {
    const char  *schema;
    value_t      values[12];
} case_t;


static const case_t  cases[] = {

    { "true", { ok("1"), ok("null") } },
    { "{}", { ok("1"), ok("[]") } },
    { "false", { no("1", "", "is not allowed") } },

    { "{\"type\":\"integer\"}",
      { ok("1"), ok("-5"), ok("1.0"), no("1.5", "", "has the wrong type"),
        no("\"1\"", "", "has the wrong type"),
        no("true", "", "has the wrong type"),
        no("null", "", "has the wrong type") } },
    { "{\"type\":\"number\"}",
      { ok("1"), ok("1.5"), no("\"1\"", "", "has the wrong type") } },
    { "{\"type\":[\"string\",\"null\"]}",
      { ok("\"\""), ok("null"), no("0", "", "has the wrong type") } },
    { "{\"type\":\"string\",\"nullable\":true}",
      { ok("\"\""), ok("null"), no("0", "", "has the wrong type") } },
    { "{\"type\":\"boolean\"}",
      { ok("true"), ok("false"), no("0", "", "has the wrong type") } },

    { "{\"enum\":[1,\"a\",{\"b\":[1]},null]}",
      { ok("1"), ok("1.0"), ok("\"a\""), ok("{\"b\":[1.0]}"), ok("null"),
        no("\"A\"", "", "is not one of the allowed values"),
        no("{\"b\":[1,2]}", "", "is not one of the allowed values"),
        no("{}", "", "is not one of the allowed values"),
        no("false", "", "is not one of the allowed values") } },
    { "{\"const\":{\"a\":1}}",
      { ok("{\"a\":1}"), no("{\"a\":2}", "", "is not the one allowed value"),
        no("1", "", "is not the one allowed value") } },

    { "{\"minimum\":2,\"maximum\":4}",
      { ok("2"), ok("4"), ok("\"x\""), no("1.9", "", "is less than 2"),
        no("5", "", "is more than 4") } },
    { "{\"exclusiveMinimum\":2,\"exclusiveMaximum\":4}",
      { ok("3"), no("2", "", "is not more than 2"),
        no("4", "", "is not less than 4") } },
    { "{\"minimum\":2,\"exclusiveMinimum\":true,\"maximum\":4,"
      "\"exclusiveMaximum\":false}",
      { ok("2.1"), ok("4"), no("2", "", "is not more than 2") } },
    { "{\"multipleOf\":0.1}",
      { ok("0.3"), ok("1"), ok("0"),
        no("0.35", "", "is not a multiple of 0.1") } },
    { "{\"multipleOf\":3}",
      { ok("9"), ok("-3"), no("10", "", "is not a multiple of 3") } },

    { "{\"minLength\":2,\"maxLength\":3}",
      { ok("\"ab\""), ok("\"\xc3\xa4\xc3\xb6\xc3\xbc\""), ok("5"),
        no("\"\xc3\xa4\"", "", "has fewer than 2 characters"),
        no("\"abcd\"", "", "has more than 3 characters") } },
    { "{\"pattern\":\"^a+$\"}",
      { ok("\"aaa\""), ok("1"),
        no("\"ab\"", "", "does not match the pattern") } },
    { "{\"pattern\":\"b\"}", { ok("\"abc\"") } },
    { "{\"pattern\":\"^(a+)+$\"}",
      { no("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"", "",
           "does not match the pattern") } },

    { "{\"format\":\"date-time\"}",
      { ok("\"2026-11-29T10:00:00Z\""), ok("1"),
        no("\"2026-11-29\"", "", "does not have the right format") } },
    { "{\"format\":\"date\"}",
      { ok("\"2026-11-29\""),
        no("\"2026-02-30\"", "", "does not have the right format") } },
    { "{\"format\":\"time\"}",
      { ok("\"10:00:00Z\""),
        no("\"25:00:00Z\"", "", "does not have the right format") } },
    { "{\"format\":\"email\"}",
      { ok("\"a.b+c@example.com\""),
        no("\"a@\"", "", "does not have the right format"),
        no("\"@b.c\"", "", "does not have the right format"),
        no("\"a b@c.d\"", "", "does not have the right format") } },
    { "{\"format\":\"hostname\"}",
      { ok("\"a-1.example\""),
        no("\"-a\"", "", "does not have the right format"),
        no("\"a..b\"", "", "does not have the right format"),
        no("\"a.\"", "", "does not have the right format") } },
    { "{\"format\":\"ipv4\"}",
      { ok("\"192.0.2.1\""),
        no("\"192.0.2.256\"", "", "does not have the right format"),
        no("\"1\\u0000\"", "", "does not have the right format") } },
    { "{\"format\":\"ipv6\"}",
      { ok("\"2001:db8::1\""),
        no("\"2001:db8\"", "", "does not have the right format") } },
    { "{\"format\":\"uri\"}",
      { ok("\"https://example.com/a?b#c\""), ok("\"urn:x\""),
        no("\"/a\"", "", "does not have the right format"),
        no("\"a:%zz\"", "", "does not have the right format") } },
    { "{\"format\":\"uuid\"}",
      { ok("\"0855b320-0dd2-547d-891d-601e9b38647f\""),
        no("\"0855b320\"", "", "does not have the right format") } },
    { "{\"format\":\"of my own\"}", { ok("\"x\"") } },

    { "{\"required\":[\"a\",\"b\"]}",
      { ok("{\"a\":1,\"b\":null}"), ok("[]"),
        no("{\"a\":1}", "", "lacks the member \"b\"") } },
    { "{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":true}}",
      { ok("{}"), ok("{\"a\":\"\",\"c\":1}"), ok("[]"),
        no("{\"a\":1}", "/a", "has the wrong type") } },
    { "{\"properties\":{\"a\":{\"properties\":{\"b/c~d\":false}}}}",
      { ok("{\"a\":{}}"),
        no("{\"a\":{\"b/c~d\":1}}", "/a/b~1c~0d", "is not allowed") } },
    { "{\"properties\":{\"a\":true},\"additionalProperties\":false}",
      { ok("{\"a\":1}"), no("{\"a\":1,\"b\":2}", "/b", "is not allowed") } },
    { "{\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}},"
      "\"additionalProperties\":{\"type\":\"string\"}}",
      { ok("{\"x-a\":1,\"b\":\"\"}"),
        no("{\"x-a\":\"\"}", "/x-a", "has the wrong type"),
        no("{\"b\":1}", "/b", "has the wrong type") } },
    { "{\"properties\":{\"ab\":{\"minimum\":1}},"
      "\"patternProperties\":{\"b\":{\"maximum\":3}}}",
      { ok("{\"ab\":2}"), no("{\"ab\":0}", "/ab", "is less than 1"),
        no("{\"ab\":4}", "/ab", "is more than 3") } },
    { "{\"propertyNames\":{\"maxLength\":2}}",
      { ok("{\"ab\":1}"),
        no("{\"abc\":1}", "/abc", "has a name that is not allowed") } },
    { "{\"minProperties\":1,\"maxProperties\":2}",
      { ok("{\"a\":1}"), no("{}", "", "has fewer than 1 members"),
        no("{\"a\":1,\"b\":1,\"c\":1}", "", "has more than 2 members") } },
    { "{\"dependencies\":{\"a\":[\"b\"],\"c\":{\"required\":[\"d\"]}}}",
      { ok("{}"), ok("{\"a\":1,\"b\":1}"),
        no("{\"a\":1}", "", "lacks the member \"b\""),
        no("{\"c\":1}", "", "lacks the member \"d\"") } },
    { "{\"dependentRequired\":{\"a\":[\"b\"]},"
      "\"dependentSchemas\":{\"c\":{\"maxProperties\":1}}}",
      { ok("{\"c\":1}"), no("{\"a\":1}", "", "lacks the member \"b\""),
        no("{\"c\":1,\"d\":1}", "", "has more than 1 members") } },

    { "{\"items\":{\"type\":\"integer\"}}",
      { ok("[]"), ok("[1,2]"), ok("{}"),
        no("[1,\"2\"]", "/1", "has the wrong type") } },
    { "{\"items\":[{\"type\":\"integer\"},{\"type\":\"string\"}],"
      "\"additionalItems\":false}",
      { ok("[1]"), ok("[1,\"2\"]"),
        no("[\"1\"]", "/0", "has the wrong type"),
        no("[1,\"2\",3]", "/2", "is not allowed") } },
    { "{\"items\":true,\"additionalItems\":false}", { ok("[1,2,3]") } },
    { "{\"prefixItems\":[{\"type\":\"integer\"}],"
      "\"items\":{\"type\":\"string\"}}",
      { ok("[1,\"2\"]"), no("[1,2]", "/1", "has the wrong type") } },
    { "{\"minItems\":1,\"maxItems\":2}",
      { ok("[1]"), no("[]", "", "has fewer than 1 items"),
        no("[1,2,3]", "", "has more than 2 items") } },
    { "{\"uniqueItems\":true}",
      { ok("[1,\"1\",true,[1],{\"a\":1}]"),
        no("[1,2,1.0]", "", "has an item twice"),
        no("[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "",
           "has an item twice") } },
    { "{\"uniqueItems\":false}", { ok("[1,1]") } },
    { "{\"contains\":{\"minimum\":5}}",
      { ok("[1,6]"),
        no("[1]", "",
           "has too few items that \"contains\" asks for") } },
    { "{\"contains\":{\"minimum\":5},\"minContains\":2,\"maxContains\":2}",
      { ok("[5,6,1]"),
        no("[5]", "", "has too few items that \"contains\" asks for"),
        no("[5,6,7]", "",
           "has too many items that \"contains\" asks for") } },

    { "{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}",
      { ok("2"), no("0", "", "is less than 1"),
        no("4", "", "is more than 3") } },
    { "{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}",
      { ok("\"\""), ok("3"), no("1", "", "matches none of \"anyOf\"") } },
    { "{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}",
      { ok("0"), ok("5"), no("2", "", "matches more than one of \"oneOf\"") } },
    { "{\"oneOf\":[{\"minimum\":3},{\"maximum\":1}]}",
      { no("2", "", "matches none of \"oneOf\"") } },
    { "{\"not\":{\"type\":\"string\"}}",
      { ok("1"), no("\"\"", "", "matches what \"not\" excludes") } },
    { "{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":2},"
      "\"else\":{\"minimum\":2}}",
      { ok("\"ab\""), ok("2"),
        no("\"a\"", "", "has fewer than 2 characters"),
        no("1", "", "is less than 2") } },
    { "{\"then\":false}", { ok("1") } },

    { "{\"$ref\":\"#/definitions/a~1b\",\"definitions\":{\"a/b\":"
      "{\"type\":\"string\"}}}",
      { ok("\"\""), no("1", "", "has the wrong type") } },
    { "{\"properties\":{\"child\":{\"$ref\":\"#\"},"
      "\"n\":{\"type\":\"integer\"}}}",
      { ok("{\"child\":{\"child\":{\"n\":1}}}"),
        no("{\"child\":{\"child\":{\"n\":\"\"}}}", "/child/child/n",
           "has the wrong type") } },
    { "{\"$ref\":\"#\"}", { no("1", "", "takes too long to validate") } },
    { "{\"not\":{\"$ref\":\"#/$defs/a\"},"
      "\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}}}",
      { no("1", "", "takes too long to validate") } },
    { "{\"items\":[{\"$ref\":\"#/$defs/0\"}],\"$defs\":[true]}",
      { ok("[1]") } },
    { "{\"items\":{\"$ref\":\"#/allOf/0\"},\"allOf\":[{\"maxItems\":1}]}",
      { ok("[[1]]"), no("[[1,2]]", "/0", "has more than 1 items") } },

    { "{\"title\":\"t\",\"description\":\"d\",\"default\":1,"
      "\"examples\":[1],\"$schema\":\"http://json-schema.org/draft-04/schema#\","
      "\"$comment\":\"c\",\"readOnly\":true}",
      { ok("1") } },
};


static const struct {
    const char  *schema;
    const char  *place;
    const char  *message;
} bad[] = {
    { "1", "", "a schema must be an object, true or false" },
    { "{\"properties\":{\"a\":{\"tpye\":\"string\"}}}",
      "/properties/a/tpye", "this keyword is not supported" },
    { "{\"type\":\"text\"}", "/type", "must be null, boolean" },
    { "{\"type\":[]}", "/type", "must be null, boolean" },
    { "{\"enum\":[]}", "/enum", "must be an array of values" },
    { "{\"minimum\":\"1\"}", "/minimum", "must be a number" },
    { "{\"multipleOf\":0}", "/multipleOf", "must be a number above 0" },
    { "{\"minLength\":-1}", "/minLength", "must be a whole number" },
    { "{\"minLength\":1.5}", "/minLength", "must be a whole number" },
    { "{\"exclusiveMinimum\":true}", "/exclusiveMinimum",
      "needs the bound beside it" },
    { "{\"uniqueItems\":1}", "/uniqueItems", "must be true or false" },
    { "{\"pattern\":\"(\"}", "/pattern", "missing closing parenthesis" },
    { "{\"patternProperties\":{\"[\":{}}}", "/patternProperties/[",
      "missing terminating ]" },
    { "{\"allOf\":[]}", "/allOf", "must be an array of schemas" },
    { "{\"allOf\":[{},5]}", "/allOf/1", "a schema must be" },
    { "{\"required\":true}", "/required", "must be an array of names" },
    { "{\"required\":[1]}", "/required", "must be an array of names" },
    { "{\"properties\":[]}", "/properties", "must be an object" },
    { "{\"$ref\":\"http://example.com\"}", "/$ref",
      "must lead into the same schema" },
    { "{\"$ref\":\"#/definitions/a\"}", "/$ref", "leads nowhere" },
    { "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/b\"}},"
      "\"$defs\":{\"b\":{\"x\":1}}}",
      "/$defs/b/x", "this keyword is not supported" },
    { "{\"items\":5}", "/items", "a schema must be" },
    { "{\"format\":1}", "/format", "must be a string" },
};


static json_t *
parse(const char *text)
{
    json_error_t  error;
    json_t       *json;

    json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (json == NULL) {
        fail_msg("%s: %s", text, error.text);
    }

    return json;
}


static void
test_values(void **state)
{
    size_t                       i, k;
    json_t                      *json;
    const value_t               *value;
    gateway_json_schema_t       *schema;
    gateway_json_schema_error_t  error;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        json = parse(cases[i].schema);
        schema = gateway_json_schema_compile(json, &error);
        json_decref(json);

        if (schema == NULL) {
            fail_msg("%s: %s: %s", cases[i].schema, error.place,
                     error.message);
        }

        for (k = 0; k < 12 && cases[i].values[k].value; k++) {

            value = &cases[i].values[k];
            json = parse(value->value);

            if (gateway_json_schema_validate(schema, json, &error)) {
                if (value->place) {
                    fail_msg("%s takes %s", cases[i].schema, value->value);
                }

            } else if (value->place == NULL) {
                fail_msg("%s refuses %s: %s: %s", cases[i].schema,
                         value->value, error.place, error.message);

            } else {
                assert_string_equal(error.place, value->place);
                assert_string_equal(error.message, value->message);
            }

            json_decref(json);
        }

        gateway_json_schema_free(schema);
    }
}


static void
test_bad_schemas(void **state)
{
    size_t                       i;
    json_t                      *json;
    gateway_json_schema_t       *schema;
    gateway_json_schema_error_t  error;

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        json = parse(bad[i].schema);
        schema = gateway_json_schema_compile(json, &error);
        json_decref(json);

        if (schema) {
            fail_msg("%s was compiled", bad[i].schema);
        }

        assert_string_equal(error.place, bad[i].place);

        if (strncmp(error.message, bad[i].message, strlen(bad[i].message))
            != 0)
        {
            fail_msg("%s: %s", bad[i].schema, error.message);
        }
    }
}


/* neither the schema nor the value can be nested too deeply */

static void
test_depth(void **state)
{
    size_t                       i;
    json_t                      *json, *outer;
    gateway_json_schema_t       *schema;
    gateway_json_schema_error_t  error;

    (void) state;

    json = json_object();

    for (i = 0; i < 100; i++) {
        outer = json_object();
        json_object_set_new(outer, "not", json);
        json = outer;
    }

    schema = gateway_json_schema_compile(json, &error);
    json_decref(json);
    assert_null(schema);
    assert_string_equal(error.message, "the schema is nested too deeply");
    assert_true(strlen(error.place) < GATEWAY_JSON_SCHEMA_PLACE);

    json = parse("{\"items\":{\"$ref\":\"#\"}}");
    schema = gateway_json_schema_compile(json, &error);
    json_decref(json);
    assert_non_null(schema);

    json = json_array();

    for (i = 0; i < 1000; i++) {
        outer = json_array();
        json_array_append_new(outer, json);
        json = outer;
    }

    assert_false(gateway_json_schema_validate(schema, json, &error));
    assert_string_equal(error.message, "takes too long to validate");
    json_decref(json);
    gateway_json_schema_free(schema);
}


/* not quadratic without end */

static void
test_long_unique(void **state)
{
    size_t                       i;
    json_t                      *json;
    gateway_json_schema_t       *schema;
    gateway_json_schema_error_t  error;

    (void) state;

    json = parse("{\"uniqueItems\":true}");
    schema = gateway_json_schema_compile(json, &error);
    json_decref(json);

    json = json_array();

    for (i = 0; i < 100000; i++) {
        json_array_append_new(json, json_integer((json_int_t) i));
    }

    assert_false(gateway_json_schema_validate(schema, json, &error));
    assert_string_equal(error.message, "takes too long to validate");
    json_decref(json);
    gateway_json_schema_free(schema);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bad_schemas),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_long_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
