
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Templates of the transformers: what their expressions give, how they fail,
 * and what is refused; patterns of Lua; paths of JSON.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_json_path.h"
#include "gateway_pattern.h"
#include "gateway_regex.h"
#include "gateway_template.h"


#define countof(a)  (sizeof(a) / sizeof(a[0]))

#define ARENA  (1024 * 1024)


static char    arena[ARENA];
static size_t  arena_used;


/* template, what it gives; NULL: it fails when it is rendered */
static const char *const  renders[][2] = {
    { "plain", "plain" },
    { "", "" },
    { "#x", "#x" },
    { "$", "$" },
    { "a$(headers.one)b", "aOneb" },
    { "$(headers.one)$(headers['ONE'])", "OneOne" },
    { "$(headers.none)", "" },
    { "$(false)$(nil)", "" },
    { "$(true)", "true" },
    { "$('$(literal)')", "$(literal)" },
    { "$(query_params.n + 1)", "8" },
    { "$(query_params['n'] * '2')", "14" },
    { "$(1 + 2 * 3 - 4 / 2)", "5" },
    { "$((1 + 2) * 3)", "9" },
    { "$(7 % 3)$(-7 % 3)", "12" },
    { "$(2 ^ 3 ^ 2)", "512" },
    { "$(-2 ^ 2)", "-4" },
    { "$(2 ^ -1)", "0.5" },
    { "$(0x10)", "16" },
    { "$(1e3 .. '')", "1000" },
    { "$(1 .. 2)", "12" },
    { "$(10 / 4)", "2.5" },
    { "$('a' .. 1 .. \"b\")", "a1b" },
    { "$(headers.none or 'default')", "default" },
    { "$(headers.one and 'yes' or 'no')", "yes" },
    { "$(headers.none and 'yes' or 'no')", "no" },
    { "$(not headers.none)", "true" },
    { "$(not not headers.one and 1 or 2)", "1" },
    { "$(headers.one == 'One' and 'same')", "same" },
    { "$(headers.one ~= 'One' and 'same')", "" },
    { "$(1 < 2 and 'less')", "less" },
    { "$('a' <= 'a' and 'b' >= 'a' and 'c' > 'b' and 'in order')",
      "in order" },
    { "$('1' == 1 and 'same' or 'other')", "other" },
    { "$(tonumber(query_params.n) > 5 and 'big' or 'small')", "big" },
    { "$(#headers.one)", "3" },
    { "$(#headers.list)", "2" },
    { "$(headers.list)", "a, b" },
    { "$(headers.list[2])", "b" },
    { "$(headers.list[3])", "" },
    { "$(headers.one[1])", "" },
    { "$(type(headers.list) == 'table' and headers.list[1] or headers.list)",
      "a" },
    { "$(table.concat(headers.list, '-'))", "a-b" },
    { "$(headers['o' .. 'NE'])", "One" },
    { "$(uri_captures[1])$(uri_captures.name)$(uri_captures['2'])", "c1cnc2" },
    { "$(shared.token)", "secret" },
    { "$(headers.one:upper())$(headers.one:lower())", "ONEone" },
    { "$(string.upper(headers.one))", "ONE" },
    { "$(('abc'):len())", "3" },
    { "$(headers.one:sub(1, 2))$(headers.one:sub(-2))$(headers.one:sub(2))",
      "Onnene" },
    { "$(headers.one:sub(0))$(headers.one:sub(4))$(headers.one:sub(3, 1))",
      "One" },
    { "$(('ab'):rep(3))$(('ab'):rep(0))$(('ab'):rep(-1))", "ababab" },
    { "$(('abc'):reverse())", "cba" },
    { "$(('abc'):byte())$(('abc'):byte(3))$(('abc'):byte(9))", "9799" },
    { "$(('hello'):find('l'))", "3" },
    { "$(('a.b'):find('.', 1, true))", "2" },
    { "$(('abc'):find('x') or 'none')", "none" },
    { "$(('abc'):find('', 10))", "4" },
    { "$(('key=val'):match('=(.*)'))", "val" },
    { "$(('key=val'):match('^%a+'))", "key" },
    { "$(('abc'):match('()c'))", "3" },
    { "$(('abc'):match('x'))", "" },
    { "$(('Bearer abc'):gsub('^Bearer ', ''))", "abc" },
    { "$(('a-b-c'):gsub('-', '_'))", "a_b_c" },
    { "$(('a-b-c'):gsub('-', '_', 1))", "a_b-c" },
    { "$(('abc'):gsub('%w', '%0%0'))", "aabbcc" },
    { "$(('k=v'):gsub('(%w+)=(%w+)', '%2=%1'))", "v=k" },
    { "$(('abc'):gsub('', '-'))", "-a-b-c-" },
    { "$(('abc'):gsub('x*', '-'))", "-a-b-c-" },
    { "$(('50%'):gsub('%%', '%%%%'))", "50%%" },
    { "$(string.format('%s-%d-%05.1f-%x', 'a', 3, 2.25, 255))",
      "a-3-002.2-ff" },
    { "$(('%3d|%-3d|%%'):format(1, 2))", "  1|2  |%" },
    { "$(string.format('%s %s', nil, true))", "nil true" },
    { "$(tostring(nil) .. tostring(false) .. tostring(12))", "nilfalse12" },
    { "$(tonumber('ff', 16))$(tonumber('x'))$(tonumber(' 12 '))", "25512" },
    { "$(math.floor(2.7))$(math.ceil(2.1))$(math.abs(-3))", "233" },
    { "$(math.max(1, 3, 2))$(math.min(3, 1, 2))", "31" },
    { "$('\\n\\t\\065\\\\')", "\n\tA\\" },
    { "$( ( ( 'deep' ) ) )", "deep" },

    { "$(10 * headers.one)", NULL },
    { "$(headers.none .. 'x')", NULL },
    { "$(headers.list .. 'x')", NULL },
    { "$(headers.none:upper())", NULL },
    { "$(headers.none[1])", NULL },
    { "$(1 < 'a')", NULL },
    { "$(nil < 1)", NULL },
    { "$(1 / 0)", NULL },
    { "$(1 % 0)", NULL },
    { "$(10 ^ 1000)", NULL },
    { "$(-headers.one)", NULL },
    { "$(#nil)", NULL },
    { "$(('x'):rep(100000))", NULL },
    { "$(('a'):gsub('a', '%2'))", NULL },
    { "$(('a'):gsub('a', '%'))", NULL },
    { "$(('a'):match(headers.bad))", NULL },
    { "$(string.format('%d', 'x'))", NULL },
    { "$(string.format('%s'))", NULL },
    { "$(string.format('%q', 'x'))", NULL },
    { "$(string.format('%5s', 'x'))", NULL },
    { "$(table.concat('x'))", NULL },
    { "$(math.floor('x'))", NULL },
    { "$(tonumber('1', 99))", NULL },
    { "$(headers.long:match('.-.-.-.-.-.-x'))", NULL },
    { "$(headers.long:gsub('a', ('b'):rep(1000)))", NULL },
};


/* template, a part of the message */
static const char *const  refused[][2] = {
    { "$(", "is not closed" },
    { "x$(headers.one", "is not closed" },
    { "$()", "is not supported, at \")\"" },
    { "$(headers)", "lacks \".name\"" },
    { "$(headers.)", "lacks \".name\"" },
    { "$(headers[nil])", "neither a text nor a number" },
    { "$(headers['x')", "lacks a \"]\"" },
    { "$(headers.x = 1)", "is not supported, at \"= 1)\"" },
    { "$(os.execute('x'))", "at \"os.execute('x'))\"" },
    { "$(function() end)", "uses a name" },
    { "$(x)", "uses a name" },
    { "$(string.dump('x'))", "calls a function that is not supported" },
    { "$(headers.x:dump())", "calls a method" },
    { "$(headers.x:upper)", "lacks \"(\"" },
    { "$(headers.x:upper(1))", "too many arguments" },
    { "$(headers.x:sub())", "too few arguments" },
    { "$(headers.x:match('['))", "the pattern '[' has a \"[\"" },
    { "$(headers.x:gsub('%', ''))", "the pattern '%' ends with" },
    { "$('x)", "has a text that is not closed" },
    { "$('\\x')", "has an escape other than" },
    { "$('\\999')", "has an escape above" },
    { "$(1.2.3)", "has a malformed number" },
    { "$(1x)", "has a malformed number" },
    { "$(1 +)", "is not supported, at \")\"" },
    { "$(1 2)", "is not supported, at \"2)\"" },
    { "$(((((((((((((((((((((((((((((((((((((((1", "nested too deeply" },
    { "$(----------------------------------------1)", "nested too deeply" },
    { "$(['x'])", "is not supported" },
};


/* pattern, text, place of the match from 0 or -1, its end, first capture */
static const struct {
    const char  *pattern;
    const char  *text;
    int          start;
    int          end;
    const char  *capture;
} patterns[] = {
    { "b", "abc", 1, 2, NULL },
    { "^b", "abc", -1, 0, NULL },
    { "c$", "abc", 2, 3, NULL },
    { "a$", "abc", -1, 0, NULL },
    { "$a", "$a", 0, 2, NULL },
    { ".-b", "aabb", 0, 3, NULL },
    { ".*b", "aabb", 0, 4, NULL },
    { "a?b", "b", 0, 1, NULL },
    { "x+", "axxb", 1, 3, NULL },
    { "[a-c]+", "xxabcd", 2, 5, NULL },
    { "[^a-c]+", "abxyc", 2, 4, NULL },
    { "[]]", "a]", 1, 2, NULL },
    { "[%d-]+", "a1-2b", 1, 4, NULL },
    { "%d+", "ab12", 2, 4, NULL },
    { "%D+", "12ab", 2, 4, NULL },
    { "%.", "a.b", 1, 2, NULL },
    { "%S+%s%S+", " a b", 1, 4, NULL },
    { "%b()", "x(a(b)c)d", 1, 8, NULL },
    { "%f[%w]%w+", "  abc ", 2, 5, NULL },
    { "(%w+)=%1", "a=b c=c", 4, 7, "c" },
    { "(a(b))", "ab", 0, 2, "ab" },
    { "(%w+):(%w+)", "k:v", 0, 3, "k" },
    { "", "abc", 0, 0, NULL },
    { "[%a_][%w_]*", "1_x", 1, 3, NULL },
};

static const char *const  bad_patterns[] = {
    "[", "[a", "[^", "%", "(", ")", "(a))", "%b", "%bx", "%f", "%1", "(a)%2",
    "[%",
};


static const struct {
    const char  *path;
    int          valid;
} paths[] = {
    { "a", 1 },
    { "a.b", 1 },
    { "a[1]", 1 },
    { "a[*].b", 1 },
    { "[1][2].x", 1 },
    { "[*]", 1 },
    { "**.a", 1 },
    { "a.**.b[2]", 1 },
    { "a\\.b", 1 },
    { "\\[1]", 1 },
    { "\\**", 1 },
    { "", 0 },
    { ".", 0 },
    { ".a", 0 },
    { "a.", 0 },
    { "a..b", 0 },
    { "a[", 0 },
    { "a[]", 0 },
    { "a[0]", 0 },
    { "a[-1]", 0 },
    { "a[x]", 0 },
    { "a[1", 0 },
    { "a[1]b", 0 },
    { "a[99999999999999999999]", 0 },
    { "a[*", 0 },
    { "**", 0 },
    { "a.**", 0 },
    { "**.a.**.b", 0 },
    { "a\\", 0 },
};


static void *
test_alloc(void *data, size_t size)
{
    void  *p;

    (void) data;

    size = (size + 15) & ~(size_t) 15;

    if (ARENA - arena_used < size) {
        return NULL;
    }

    p = arena + arena_used;
    arena_used += size;

    return p;
}


static int
test_get(void *data, gateway_template_source_t source,
    const gateway_str_t *name, gateway_template_value_t *value)
{
    size_t  i;

    static char                 text[600];
    static const gateway_str_t  list[] = { { "a", 1 }, { "b", 1 } };

    static const struct {
        gateway_template_source_t   source;
        const char                 *name;
        const char                 *value;
    }  known[] = {
        { GATEWAY_TEMPLATE_HEADERS, "one", "One" },
        { GATEWAY_TEMPLATE_HEADERS, "bad", "[" },
        { GATEWAY_TEMPLATE_QUERY, "n", "7" },
        { GATEWAY_TEMPLATE_CAPTURES, "1", "c1" },
        { GATEWAY_TEMPLATE_CAPTURES, "2", "c2" },
        { GATEWAY_TEMPLATE_CAPTURES, "name", "cn" },
        { GATEWAY_TEMPLATE_SHARED, "token", "secret" },
    };

    (void) data;

    if (source == GATEWAY_TEMPLATE_HEADERS && name->len == 4
        && memcmp(name->data, "list", 4) == 0)
    {
        value->type = GATEWAY_TEMPLATE_LIST;
        value->items = list;
        value->nitems = 2;
        return 0;
    }

    if (source == GATEWAY_TEMPLATE_HEADERS && name->len == 4
        && memcmp(name->data, "long", 4) == 0)
    {
        memset(text, 'a', sizeof(text));
        value->type = GATEWAY_TEMPLATE_STRING;
        value->text.data = text;
        value->text.len = sizeof(text);
        return 0;
    }

    for (i = 0; i < countof(known); i++) {
        if (known[i].source == source
            && strlen(known[i].name) == name->len
            && memcmp(known[i].name, name->data, name->len) == 0)
        {
            value->type = GATEWAY_TEMPLATE_STRING;
            value->text.data = known[i].value;
            value->text.len = strlen(known[i].value);
        }
    }

    return 0;
}


static int
test_env_variable(void *data, size_t index, gateway_str_t *value)
{
    (void) data;

    value->data = index == 5 ? "five" : "other";
    value->len = strlen(value->data);

    return 0;
}


static int
test_variable(void *data, const gateway_str_t *name, size_t *index)
{
    (void) data;

    *index = name->len;

    return name->data[0] != 'x';
}


static gateway_template_t *
test_compile(const char *text, int expressions, int variables, char *err,
    size_t errlen)
{
    gateway_str_t               s;
    gateway_template_options_t  options;

    s.data = text;
    s.len = strlen(text);

    memset(&options, 0, sizeof(options));

    options.alloc = test_alloc;
    options.variable = variables ? test_variable : NULL;
    options.expressions = expressions;
    options.err = err;
    options.errlen = errlen;

    return gateway_template_compile(&s, &options);
}


static int
test_render(const gateway_template_t *template, gateway_str_t *out,
    const char **reason)
{
    gateway_template_env_t  env;

    env.get = test_get;
    env.variable = test_env_variable;
    env.alloc = test_alloc;
    env.data = NULL;

    return gateway_template_render(template, &env, out, reason);
}


static void
test_renders(void **state)
{
    int                  rc;
    char                 err[512];
    size_t               i;
    const char          *reason;
    gateway_str_t        out;
    gateway_template_t  *template;

    (void) state;

    for (i = 0; i < countof(renders); i++) {
        arena_used = 0;
        err[0] = '\0';

        template = test_compile(renders[i][0], 1, 0, err, sizeof(err));

        if (template == NULL) {
            fail_msg("%s: %s", renders[i][0], err);
        }

        rc = test_render(template, &out, &reason);

        if (renders[i][1] == NULL) {

            if (rc != 0 || reason == NULL) {
                fail_msg("%s does not fail", renders[i][0]);
            }

            continue;
        }

        if (rc != 1) {
            fail_msg("%s fails: %s", renders[i][0], reason);
        }

        if (out.len != strlen(renders[i][1])
            || memcmp(out.data, renders[i][1], out.len) != 0)
        {
            fail_msg("%s gives \"%.*s\"", renders[i][0], (int) out.len,
                     out.data);
        }
    }
}


static void
test_refused(void **state)
{
    char    err[512];
    size_t  i;

    (void) state;

    for (i = 0; i < countof(refused); i++) {
        arena_used = 0;
        err[0] = '\0';

        if (test_compile(refused[i][0], 1, 0, err, sizeof(err))) {
            fail_msg("%s is not refused", refused[i][0]);
        }

        if (strstr(err, refused[i][1]) == NULL) {
            fail_msg("%s: %s", refused[i][0], err);
        }
    }
}


static void
test_variables(void **state)
{
    char                 err[512];
    const char          *reason;
    gateway_str_t        out;
    gateway_template_t  *template;

    (void) state;

    arena_used = 0;

    template = test_compile("$(1)$first-${ab}$", 1, 1, err, sizeof(err));
    assert_non_null(template);
    assert_int_equal(gateway_template_is_plain(template), 0);
    assert_int_equal(test_render(template, &out, &reason), 1);
    assert_int_equal(out.len, strlen("1five-other$"));
    assert_memory_equal(out.data, "1five-other$", out.len);

    assert_null(test_compile("$xyz", 1, 1, err, sizeof(err)));
    assert_non_null(strstr(err, "there is no variable \"xyz\""));

    /* text where there are no expressions, or no variables */

    template = test_compile("$(os.x)${", 0, 1, err, sizeof(err));
    assert_non_null(template);
    assert_int_equal(gateway_template_is_plain(template), 1);

    template = test_compile("$xyz", 1, 0, err, sizeof(err));
    assert_non_null(template);
    assert_int_equal(gateway_template_is_plain(template), 1);
}


static void
test_memory(void **state)
{
    char                 err[512];
    size_t               i;
    const char          *reason;
    gateway_str_t        out;
    gateway_template_t  *template;

    (void) state;

    for (i = 0; i < 400; i += 8) {
        arena_used = ARENA - i;
        (void) test_compile("a$(headers.one:gsub('n', 'm') .. 1)", 1, 0, err,
                            sizeof(err));
    }

    arena_used = 0;
    template = test_compile("a$(headers.one:gsub('n', 'm') .. 1)", 1, 0, err,
                            sizeof(err));
    assert_non_null(template);

    arena_used = ARENA;
    assert_int_equal(test_render(template, &out, &reason), -1);
}


static void
test_patterns(void **state)
{
    size_t              i, len;
    const char         *p, *end;
    gateway_str_t       source, text;
    gateway_pattern_t   pattern;

    (void) state;

    for (i = 0; i < countof(patterns); i++) {
        source.data = patterns[i].pattern;
        source.len = strlen(source.data);
        text.data = patterns[i].text;
        text.len = strlen(text.data);

        assert_null(gateway_pattern_check(&source));

        gateway_pattern_init(&pattern, &source, &text);

        p = text.data;
        end = gateway_pattern_match(&pattern, &p);

        if (patterns[i].start == -1) {

            if (end) {
                fail_msg("\"%s\" matches", patterns[i].pattern);
            }

            continue;
        }

        if (end == NULL || p - text.data != patterns[i].start
            || end - text.data != patterns[i].end)
        {
            fail_msg("\"%s\" on \"%s\": %s", patterns[i].pattern,
                     patterns[i].text, end ? p : "none");
        }

        if (patterns[i].capture) {
            len = (size_t) (pattern.end[0] - pattern.start[0]);

            assert_int_equal(len, strlen(patterns[i].capture));
            assert_memory_equal(pattern.start[0], patterns[i].capture, len);
        }
    }

    for (i = 0; i < countof(bad_patterns); i++) {
        source.data = bad_patterns[i];
        source.len = strlen(source.data);

        if (gateway_pattern_check(&source) == NULL) {
            fail_msg("\"%s\" passes", bad_patterns[i]);
        }
    }
}


static void
test_paths(void **state)
{
    char           buf[64];
    size_t         i;
    gateway_str_t  s;

    (void) state;

    for (i = 0; i < countof(paths); i++) {
        s.data = paths[i].path;
        s.len = strlen(s.data);

        if (gateway_json_path_check(&s, buf) != paths[i].valid) {
            fail_msg("\"%s\"", paths[i].path);
        }
    }
}


static void
test_regexes(void **state)
{
    char              err[256], many[2001];
    size_t            start, end;
    gateway_str_t     s, text;
    gateway_regex_t  *regex;

    (void) state;

    s.data = "(";
    s.len = 1;
    assert_null(gateway_regex_compile(&s, err, sizeof(err)));
    assert_non_null(strstr(err, "at offset"));

    s.data = "b+";
    s.len = 2;
    regex = gateway_regex_compile(&s, err, sizeof(err));
    assert_non_null(regex);

    text.data = "abbab";
    text.len = 5;
    assert_int_equal(gateway_regex_match(regex, &text, 0, &start, &end), 1);
    assert_int_equal(start, 1);
    assert_int_equal(end, 3);
    assert_int_equal(gateway_regex_match(regex, &text, 3, &start, &end), 1);
    assert_int_equal(start, 4);
    assert_int_equal(gateway_regex_match(regex, &text, 5, &start, &end), 0);
    gateway_regex_free(regex);

    /* what would take for ever is given up */

    s.data = "(a+)+$";
    s.len = 6;
    regex = gateway_regex_compile(&s, err, sizeof(err));
    assert_non_null(regex);

    memset(many, 'a', 2000);
    many[2000] = 'b';
    text.data = many;
    text.len = sizeof(many);
    assert_int_equal(gateway_regex_match(regex, &text, 0, &start, &end), -1);
    gateway_regex_free(regex);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_renders),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_regexes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
