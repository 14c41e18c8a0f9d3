/*
 * Copyright (C) the ngx_gateway authors
 *
 * The command test.  Each test has a gateway that was just started, so that
 * nothing is left of the one before; its steps follow each other on one.
 */

#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "test.h"

/* a clock's window that ended meanwhile: so often it is tried again */
#define GWC_TEST_TRIES 5

static const struct {
    const char *name;
    long seconds;
} gwc_windows[] = {
    { "second", 1 }, { "minute", 60 }, { "hour", 3600 }, { "day", 86400 }
};


static const char *
gwc_test_shown(const gwc_test_request_t *request)
{
    return gwc_sprintf(
        "%s %.*s HTTP/%s",
        request->method.set
            ? gwc_strndup(request->method.v.data, request->method.v.len)
        : request->has_content ? "POST"
                               : "GET",
        (int) request->url.v.len, request->url.v.data, request->version);
}


/* one request of a step; false: the test has failed */
static bool
gwc_test_turn_of_step(gwc_test_run_t *run, const gwc_test_step_t *step,
                      gwc_test_outcome_t *outcome)
{
    gwc_test_result_t *result = gwc_alloc(sizeof(*result));

    run->result = result;
    gwc_test_send(run, &step->request);
    run->result = NULL;

    if (run->died) {
        gwc_test_fail(
            &outcome->failures, NULL, "nginx", "to run",
            gwc_sprintf("it ended with status %d: %.*s", run->exit_status,
                        (int) run->complaints.len,
                        run->complaints.len ? run->complaints.data : ""));
        return false;
    }

    gwc_test_compare(&step->expect, result, &outcome->failures);

    if (outcome->failures.n) {
        outcome->shown = gwc_test_shown(&step->request);
    }

    return outcome->failures.n == 0;
}


static bool
gwc_test_step(gwc_test_run_t *run, const gwc_test_step_t *step,
              gwc_test_outcome_t *outcome)
{
    int64_t i;
    size_t k;

    run->step = step;

    for (k = 0; k < step->answers.n; k++) {
        ((gwc_test_answer_t *) step->answers.items[k])->used = false;
    }

    for (i = 1; i <= step->repeat.v && !gwc_test_interrupted(); i++) {
        if (!gwc_test_turn_of_step(run, step, outcome)) {
            outcome->turn = step->repeat.v > 1 ? (size_t) i : 0;
            return false;
        }
    }

    return true;
}


static void
gwc_test_steps(gwc_test_run_t *run, gwc_test_outcome_t *outcome)
{
    const gwc_test_t *test = outcome->test;
    size_t i;

    if (test->steps.n == 0) {
        (void) gwc_test_step(run, &test->step, outcome);
    }

    for (i = 0; i < test->steps.n; i++) {
        if (!gwc_test_step(run, GWC_ITEM(test->steps, gwc_test_step_t, i),
                           outcome)) {
            outcome->step = i + 1;
            break;
        }
    }

    run->step = NULL;
}


/* a worker that crashed, or an error that must not be, fails any test */
static void
gwc_test_look_at_log(gwc_test_outcome_t *outcome)
{
    size_t i;

    for (i = 0; i < outcome->log.n; i++) {
        const char *line = outcome->log.items[i];

        if (strstr(line, " [alert] ") != NULL
            || strstr(line, " [emerg] ") != NULL) {
            gwc_test_fail(&outcome->failures, NULL, "nginx",
                          "no alert in its log", line);
            break;
        }
    }
}


static long
gwc_test_window(const gwc_test_t *test)
{
    size_t i;

    for (i = 0;
         test->window.set && i < sizeof(gwc_windows) / sizeof(gwc_windows[0]);
         i++)
    {
        if (gwc_text_is(test->window.v, gwc_windows[i].name)) {
            return gwc_windows[i].seconds;
        }
    }

    return 60;
}


/* waits for the next window, when that is soon */
static void
gwc_test_align(const gwc_test_run_t *run, long window)
{
    struct timespec now, rest = { 0, 0 };

    (void) run;
    (void) clock_gettime(CLOCK_REALTIME, &now);

    if (window == 1) {
        rest.tv_nsec = 1000000000L - now.tv_nsec;

        if (rest.tv_nsec < 1000000000L) {
            (void) nanosleep(&rest, NULL);
        }

    } else if (now.tv_sec % window >= window - 1) {
        rest.tv_sec = 1;
        (void) nanosleep(&rest, NULL);
    }
}


static gwc_test_outcome_t *
gwc_test_once(gwc_test_run_t *run, const gwc_test_file_t *file,
              const gwc_test_t *test)
{
    gwc_test_outcome_t *outcome = gwc_alloc(sizeof(*outcome));
    int64_t start = gwc_test_now();

    outcome->file = file;
    outcome->test = test;

    if (!gwc_test_start(run)) {
        gwc_test_fail(&outcome->failures, NULL, "nginx", "to start",
                      "cannot fork");
        return outcome;
    }

    if (test->window.set && gwc_test_window(test) == 1) {
        /* the time nginx takes to start is not to be that of the requests:
           until then nobody answers */
        gwc_test_align(run, 1);
    }

    outcome->began = time(NULL);
    gwc_test_steps(run, outcome);
    gwc_test_stop(run, &outcome->log);
    gwc_test_look_at_log(outcome);
    outcome->seconds = (double) (gwc_test_now() - start) / 1000;

    return outcome;
}


/*
 * Counters of limits begin anew with the clock's second, minute, ...  A test
 * that failed across such a boundary says nothing, and is run again.
 */
static gwc_test_outcome_t *
gwc_test_run(gwc_test_run_t *run, const gwc_test_file_t *file,
             const gwc_test_t *test)
{
    long window = gwc_test_window(test);
    gwc_test_outcome_t *outcome;
    int i;

    for (i = 1;; i++) {
        if (window > 1) {
            gwc_test_align(run, window);
        }

        outcome = gwc_test_once(run, file, test);

        if (outcome->failures.n == 0 || i == GWC_TEST_TRIES || run->died
            || gwc_test_interrupted()
            || time(NULL) / window == outcome->began / window)
        {
            return outcome;
        }
    }
}


static bool
gwc_test_is_wanted(const gwc_options_t *options, const gwc_test_t *test)
{
    return options->filter == NULL || strstr(test->title, options->filter)
           || fnmatch(options->filter, test->title, 0) == 0;
}


static int
gwc_test_all(gwc_test_run_t *run, const gwc_vec_t *files)
{
    gwc_vec_t outcomes = { 0 };
    size_t failed = 0, i, k, n = 0, wanted = 0;

    for (i = 0; i < files->n; i++) {
        const gwc_test_file_t *file = files->items[i];

        for (k = 0; k < file->tests.n; k++) {
            wanted += gwc_test_is_wanted(run->options,
                                         GWC_ITEM(file->tests, gwc_test_t, k));
        }
    }

    if (wanted == 0) {
        fprintf(stderr, "ngx-gateway: no test %s\n",
                run->options->filter != NULL ? "has such a name" : "is there");
        return GWC_EXIT_USAGE;
    }

    gwc_test_tap_begin(wanted);

    for (i = 0; i < files->n; i++) {
        const gwc_test_file_t *file = files->items[i];

        for (k = 0; k < file->tests.n; k++) {
            const gwc_test_t *test = GWC_ITEM(file->tests, gwc_test_t, k);
            gwc_test_outcome_t *outcome;

            if (!gwc_test_is_wanted(run->options, test)) {
                continue;
            }

            outcome = gwc_test_run(run, file, test);

            if (gwc_test_interrupted()) {
                puts("Bail out! interrupted");
                return GWC_EXIT_USAGE;
            }

            gwc_vec_push(&outcomes, outcome);
            gwc_test_tap(++n, outcome);
            failed += outcome->failures.n != 0;

            if (run->died) {
                /* what does not start does not start for the next one */
                fprintf(stderr, "%.*s", (int) run->complaints.len,
                        run->complaints.len ? run->complaints.data : "");
                puts("Bail out! nginx does not run");
                return GWC_EXIT_USAGE;
            }
        }
    }

    if (failed) {
        printf("# %zu of %zu tests failed\n", failed, n);
    }

    if (run->options->junit != NULL
        && !gwc_test_junit(run->options->junit, &outcomes))
    {
        fprintf(stderr, "ngx-gateway: cannot write \"%s\"\n",
                run->options->junit);
        return GWC_EXIT_IO;
    }

    return failed ? GWC_EXIT_BAD_INPUT : GWC_EXIT_OK;
}


int
gwc_command_test(gwc_options_t *options)
{
    gwc_test_run_t run = { 0 };
    gwc_vec_t files = { 0 };
    int status;

    run.options = options;

    if (!gwc_test_files(options, &files)) {
        (void) gwc_finish();
        return GWC_EXIT_USAGE;
    }

    status = gwc_test_prepare(&run);

    if (status == GWC_EXIT_OK) {
        status = gwc_test_all(&run, &files);

    } else if (status == GWC_EXIT_BAD_INPUT) {
        /* 1 says that tests failed, and none was run */
        status = GWC_EXIT_USAGE;
    }

    gwc_test_finish(&run);

    return status;
}
