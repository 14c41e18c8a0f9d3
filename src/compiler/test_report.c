/*
 * Copyright (C) the ngx_gateway authors
 *
 * Results of tests: TAP on standard output, JUnit's XML in a file.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "test.h"


/* two words behind "#" would be directives of TAP */
static void
gwc_tap_title(const char *title)
{
    const char *word;

    for (; *title != '\0'; title++) {
        word = title + 1 + strspn(title + 1, " ");

        if (*title == '#'
            && (strncasecmp(word, "todo", 4) == 0
                || strncasecmp(word, "skip", 4) == 0))
        {
            putchar('\\');
        }

        putchar(*title);
    }
}


static const char *
gwc_place(const gwc_node_t *node)
{
    return gwc_sprintf("%s:%u:%u", node->file, node->line, node->column);
}


/* needs no quotes in YAML */
static bool
gwc_is_plain(const char *value)
{
    const char *p;

    for (p = value; *p != '\0'; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f
            || (*p == ':' && (p[1] == ' ' || p[1] == '\0'))
            || (*p == '#' && p > value && p[-1] == ' '))
        {
            return false;
        }
    }

    return isalnum((unsigned char) value[0]) && p[-1] != ' ';
}


/* JSON is YAML */
static void
gwc_tap_value(const char *indent, const char *name, const char *value)
{
    gwc_buf_t buf = { 0 };
    size_t len = strlen(value);

    if (gwc_is_plain(value) || gwc_json_valid(value, len)) {
        printf("%s%s: %s\n", indent, name, value);
        return;
    }

    gwc_json_add_string(&buf, (gwc_text_t){ value, len });
    printf("%s%s: %.*s\n", indent, name, (int) buf.len, buf.data);
}


void
gwc_test_tap_begin(size_t tests)
{
    printf("TAP version 13\n1..%zu\n", tests);
}


void
gwc_test_tap(size_t number, const gwc_test_outcome_t *outcome)
{
    size_t i;

    printf("%s %zu - ", outcome->failures.n ? "not ok" : "ok", number);
    gwc_tap_title(outcome->test->title);
    putchar('\n');

    if (outcome->failures.n == 0) {
        (void) fflush(stdout);
        return;
    }

    puts("  ---");
    printf("  at: %s\n", gwc_place(outcome->test->step.record.node));

    if (outcome->step) {
        printf("  step: %zu\n", outcome->step);
    }

    if (outcome->turn) {
        printf("  repetition: %zu\n", outcome->turn);
    }

    if (outcome->shown != NULL) {
        gwc_tap_value("  ", "request", outcome->shown);
    }

    puts("  failures:");

    for (i = 0; i < outcome->failures.n; i++) {
        const gwc_test_failure_t *failure = outcome->failures.items[i];

        gwc_tap_value("  - ", "what", failure->what);

        if (failure->node != NULL) {
            printf("    at: %s\n", gwc_place(failure->node));
        }

        gwc_tap_value("    ", "expected", failure->expected);
        gwc_tap_value("    ", "got", failure->got);
    }

    if (outcome->log.n) {
        puts("  log:");
    }

    for (i = 0; i < outcome->log.n; i++) {
        gwc_buf_t buf = { 0 };
        const char *line = outcome->log.items[i];

        gwc_json_add_string(&buf, (gwc_text_t){ line, strlen(line) });
        printf("  - %.*s\n", (int) buf.len, buf.data);
    }

    puts("  ...");
    (void) fflush(stdout);
}


/* XML 1.0 has no control characters, not even escaped */
static void
gwc_xml(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            (void) fputs("&amp;", file);
            break;
        case '<':
            (void) fputs("&lt;", file);
            break;
        case '>':
            (void) fputs("&gt;", file);
            break;
        case '"':
            (void) fputs("&quot;", file);
            break;
        case '\n':
            (void) fputs("&#10;", file);
            break;
        default:
            (void) fputc((unsigned char) *text < 0x20 ? '?' : *text, file);
        }
    }
}


static void
gwc_junit_failure(FILE *file, const gwc_test_outcome_t *outcome)
{
    const gwc_test_failure_t *first = outcome->failures.items[0];
    size_t i;

    (void) fputs("      <failure message=\"", file);
    gwc_xml(file, gwc_sprintf("%s: expected %s, got %s", first->what,
                              first->expected, first->got));
    (void) fputs("\">", file);

    if (outcome->shown != NULL) {
        gwc_xml(file, gwc_sprintf("%s\n", outcome->shown));
    }

    for (i = 0; i < outcome->failures.n; i++) {
        const gwc_test_failure_t *failure = outcome->failures.items[i];

        gwc_xml(file,
                gwc_sprintf("%s: %s: expected %s, got %s\n",
                            failure->node != NULL ? gwc_place(failure->node)
                                                  : "run",
                            failure->what, failure->expected, failure->got));
    }

    (void) fputs("</failure>\n", file);

    if (outcome->log.n == 0) {
        return;
    }

    (void) fputs("      <system-err>", file);

    for (i = 0; i < outcome->log.n; i++) {
        gwc_xml(file, outcome->log.items[i]);
        gwc_xml(file, "\n");
    }

    (void) fputs("</system-err>\n", file);
}


static void
gwc_junit_suite(FILE *file, const gwc_vec_t *outcomes, size_t from, size_t to)
{
    const gwc_test_outcome_t *outcome = outcomes->items[from];
    const char *name = outcome->file->file;
    size_t i, failures = 0;
    double seconds = 0;

    for (i = from; i < to; i++) {
        outcome = outcomes->items[i];
        failures += outcome->failures.n != 0;
        seconds += outcome->seconds;
    }

    (void) fputs("  <testsuite name=\"", file);
    gwc_xml(file, name);
    fprintf(file,
            "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" "
            "time=\"%.3f\">\n",
            to - from, failures, seconds);

    for (i = from; i < to; i++) {
        outcome = outcomes->items[i];

        (void) fputs("    <testcase classname=\"", file);
        gwc_xml(file, name);
        (void) fputs("\" name=\"", file);
        gwc_xml(file, outcome->test->title);
        (void) fputs("\" file=\"", file);
        gwc_xml(file, name);
        fprintf(file, "\" line=\"%u\" time=\"%.3f\"",
                outcome->test->step.record.node->line, outcome->seconds);

        if (outcome->failures.n == 0) {
            (void) fputs("/>\n", file);
            continue;
        }

        (void) fputs(">\n", file);
        gwc_junit_failure(file, outcome);
        (void) fputs("    </testcase>\n", file);
    }

    (void) fputs("  </testsuite>\n", file);
}


bool
gwc_test_junit(const char *path, const gwc_vec_t *outcomes)
{
    size_t i, from = 0;
    FILE *file;
    bool ok;

    file = fopen(path, "we");

    if (file == NULL) {
        return false;
    }

    (void) fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                 "<testsuites name=\"ngx-gateway test\">\n",
                 file);

    for (i = 1; i <= outcomes->n; i++) {
        const gwc_test_outcome_t *first = outcomes->items[from];

        if (i == outcomes->n
            || ((const gwc_test_outcome_t *) outcomes->items[i])->file
                   != first->file)
        {
            gwc_junit_suite(file, outcomes, from, i);
            from = i;
        }
    }

    (void) fputs("</testsuites>\n", file);
    ok = ferror(file) == 0;

    return fclose(file) == 0 && ok;
}
