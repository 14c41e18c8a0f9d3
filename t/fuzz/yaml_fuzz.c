/*
 * Copyright (C) the ngx_gateway authors
 *
 * Fuzzing of the tool, from the bytes of a file through the emitted
 * configuration: nothing may crash, leak or run on.  The entry is that of
 * libFuzzer; without libFuzzer gwc_fuzz_run() mutates seeds by itself.
 * t/unit/fuzz_test.c makes a short run of it; README.md has the long one.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "emit.h"
#include "fuzz.h"

#define GWC_FUZZ_MAX 16384


static const char *const gwc_fuzz_words[] = {
    "~",
    "null",
    "{}",
    "[]",
    "true",
    "-1",
    "0",
    "65536",
    "1e309",
    ".nan",
    "0x1F",
    "10:30",
    "\"\"",
    "\"\\0\"",
    "\"\\n\"",
    "'",
    "\"",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!int ",
    "? ",
    "- ",
    ": ",
    "|\n  x\n",
    ">-\n  y\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "# x\n",
    "[[[[[[[[",
    "{a: {a: {a: ",
    "\t",
    "\r\n",
    "\xc3\xa9",
    "\xff",
    "~/a(b)+$",
    "~/(?<n>a",
    "/a%2Fb",
    "//",
    "*.a.com:80",
    "[::1]:80",
    "$host",
    "{vault://env/HOME}",
    "{vault://env/HOME/x#2?prefix=A}",
    "0dc6f45b-8f8d-40d2-a504-473544ee190b",
    "service: a\n",
    "routes:\n- paths: [/a]\n",
    "plugins:\n- name: key-auth\n",
    "consumers:\n- username: a\n",
    "upstreams:\n- name: a\n  targets: [{target: \"a:1\"}]\n",
    "certificates:\n- cert: a\n  key: b\n",
    "_format_version: \"1.1\"\n",
    "host",
    "name",
    "id",
    "tags",
    "config",
    "consumer",
    "protocols: [grpc]\n",
    "expression: a\n",
};

#define GWC_FUZZ_WORDS (sizeof(gwc_fuzz_words) / sizeof(gwc_fuzz_words[0]))

static uint64_t gwc_fuzz_state;

const char *__lsan_default_suppressions(void);


/* libfyaml 0.7 loses a buffer after some errors inside of quotes */
const char *
__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "/gwc_fuzz.yml", "/gwc_fuzz.json" };
    static char path[2][256];
    gwc_model_options_t options = { .allow_unsupported = size % 2 };
    gwc_nginx_t nginx = { .path = "/nginx",
                          .version = 1022001,
                          .arguments = "",
                          .module = "/module.so" };
    gwc_output_t output = { .nginx = &nginx, .sources = "fuzz" };
    const char *file, *directory;
    bool json = size > 0 && data[0] == '{';
    ssize_t n;
    int fd;

    if (path[json][0] == '\0') {
        directory = getenv("TMPDIR");
        (void) snprintf(path[json], sizeof(path[json]), "%s/%d%s",
                        directory != NULL ? directory : "/tmp", (int) getpid(),
                        names[json] + 1);
    }

    file = path[json];
    fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd == -1) {
        perror(file);
        abort();
    }

    n = write(fd, data, size);
    (void) close(fd);

    if (n != (ssize_t) size) {
        abort();
    }

    output.settings = gwc_settings_load(NULL, 0, NULL);
    output.model = gwc_model_load(&file, 1, &options);

    if (output.model != NULL && gwc_error_count() == 0) {
        gwc_emit(&output);
    }

    n = gwc_error_count() == 0;

    gwc_diag_reset();
    gwc_arena_free();
    /* a crash leaves it */
    (void) unlink(file);

    /* libFuzzer wants 0 */
    return gwc_fuzz_state != 0 ? (int) n : 0;
}


static size_t
gwc_fuzz_random(size_t n)
{
    gwc_fuzz_state ^= gwc_fuzz_state << 13;
    gwc_fuzz_state ^= gwc_fuzz_state >> 7;
    gwc_fuzz_state ^= gwc_fuzz_state << 17;

    return (size_t) (gwc_fuzz_state % n);
}


/* puts len bytes in place of cut bytes at */
static size_t
gwc_fuzz_splice(char *buf, size_t size, size_t at, size_t cut, const char *s,
                size_t len)
{
    if (size - cut + len > GWC_FUZZ_MAX) {
        return size;
    }

    memmove(buf + at + len, buf + at + cut, size - at - cut);
    memmove(buf + at, s, len);

    return size - cut + len;
}


/* start of the line that at is in, and its length with the newline */
static size_t
gwc_fuzz_line(const char *buf, size_t size, size_t at, size_t *len)
{
    const char *end;

    while (at > 0 && buf[at - 1] != '\n') {
        at--;
    }

    end = memchr(buf + at, '\n', size - at);
    *len = end == NULL ? size - at : (size_t) (end - buf) + 1 - at;

    return at;
}


static size_t
gwc_fuzz_mutate(char *buf, size_t size, const gwc_fuzz_seed_t *other)
{
    size_t at = gwc_fuzz_random(size + 1), from, len;
    char line[512];
    const char *word;

    switch (gwc_fuzz_random(9)) {
    case 0: /* another byte */
        if (at < size) {
            buf[at] = (char) gwc_fuzz_random(256);
        }

        return size;

    case 1: /* without some bytes */
        len = gwc_fuzz_random(8);
        return gwc_fuzz_splice(buf, size, at,
                               len < size - at ? len : size - at, "", 0);

    case 2: /* without a line */
        at = gwc_fuzz_line(buf, size, at, &len);
        return gwc_fuzz_splice(buf, size, at, len, "", 0);

    case 3: /* a line elsewhere */
        from = gwc_fuzz_line(buf, size, gwc_fuzz_random(size + 1), &len);
        len = len < sizeof(line) ? len : sizeof(line);
        memcpy(line, buf + from, len);
        at = gwc_fuzz_line(buf, size, at, &from);
        return gwc_fuzz_splice(buf, size, at, 0, line, len);

    case 4: /* a line of another seed */
        from = gwc_fuzz_line(other->data, other->len,
                             gwc_fuzz_random(other->len + 1), &len);
        len = len < sizeof(line) ? len : sizeof(line);
        memcpy(line, other->data + from, len);
        at = gwc_fuzz_line(buf, size, at, &from);
        return gwc_fuzz_splice(buf, size, at, 0, line, len);

    case 5: /* a word in place of a value */
        word = gwc_fuzz_words[gwc_fuzz_random(GWC_FUZZ_WORDS)];
        at = gwc_fuzz_line(buf, size, at, &len);

        for (from = at; from < at + len && buf[from] != ':'; from++) {
            /* void */
        }

        if (from + 2 < at + len) {
            at += len - 1;
            from += 2;
            return gwc_fuzz_splice(buf, size, from, at - from, word,
                                   strlen(word));
        }

        return size;

    case 6: /* another indentation */
        at = gwc_fuzz_line(buf, size, at, &len);
        return gwc_fuzz_random(2) == 0
                   ? gwc_fuzz_splice(buf, size, at, 0, "  ", 2)
                   : gwc_fuzz_splice(buf, size, at, len < 2 ? len : 2, "", 0);

    default: /* a word anywhere */
        word = gwc_fuzz_words[gwc_fuzz_random(GWC_FUZZ_WORDS)];
        return gwc_fuzz_splice(buf, size, at, 0, word, strlen(word));
    }
}


size_t
gwc_fuzz_run(const gwc_fuzz_seed_t *seeds, size_t nseeds, uint64_t start,
             size_t runs, unsigned seconds, const char *keep)
{
    static char buf[GWC_FUZZ_MAX + 1];
    const gwc_fuzz_seed_t *seed;
    time_t end = time(NULL) + (time_t) seconds;
    char path[512];
    size_t i, n, size;
    FILE *fp;

    gwc_fuzz_state = start * 2654435769U + 1;

    for (i = 0; i < runs && time(NULL) < end; i++) {
        seed = &seeds[i < nseeds ? i : gwc_fuzz_random(nseeds)];
        size = seed->len < GWC_FUZZ_MAX ? seed->len : GWC_FUZZ_MAX;
        memcpy(buf, seed->data, size);

        /* each seed as it is first */
        for (n = i < nseeds ? 0 : 1 + gwc_fuzz_random(4); n > 0; n--) {
            size = gwc_fuzz_mutate(buf, size, &seeds[gwc_fuzz_random(nseeds)]);
        }

        /* at the very end of an allocation: reading on is seen */
        char *exact = malloc(size + 1);

        if (exact == NULL) {
            abort();
        }

        memcpy(exact, buf, size);

        if (LLVMFuzzerTestOneInput((uint8_t *) exact, size) == 1
            && keep != NULL) {
            (void) snprintf(path, sizeof(path), "%s/%zu.%s", keep, i,
                            size > 0 && exact[0] == '{' ? "json" : "yml");
            fp = fopen(path, "wb");

            if (fp != NULL) {
                (void) fwrite(exact, 1, size, fp);
                (void) fclose(fp);
            }
        }

        free(exact);
    }

    return i;
}


/* what stands in the section "yaml" of the blocks of a test file, or a whole
   file of another kind */
static size_t
gwc_fuzz_seeds_of(const char *path, gwc_fuzz_seed_t *seeds, size_t room)
{
    static const char mark[] = "--- yaml\n";
    size_t n = 0, len = 0;
    char *text = NULL, *p, *end;
    FILE *fp = fopen(path, "rb");

    if (fp == NULL || getdelim(&text, &len, '\0', fp) <= 0) {
        free(text);
        text = NULL;
    }

    if (fp != NULL) {
        (void) fclose(fp);
    }

    if (text == NULL || room == 0) {
        free(text);
        return 0;
    }

    if (strstr(text, mark) == NULL) {
        seeds[0].len = strlen(text);
        seeds[0].data = text;
        return 1;
    }

    for (p = strstr(text, mark); p != NULL && n < room; p = strstr(p, mark)) {
        p += sizeof(mark) - 1;
        end = strstr(p, "\n--- ");

        if (end == NULL) {
            break;
        }

        seeds[n].len = (size_t) (end - p) + 1;
        seeds[n].data = strndup(p, seeds[n].len);
        n++;
        p = end;
    }

    free(text);

    return n;
}


size_t
gwc_fuzz_read_seeds(const char *const *paths, size_t npaths,
                    gwc_fuzz_seed_t *seeds, size_t room)
{
    size_t i, n = 0;

    for (i = 0; i < npaths; i++) {
        n += gwc_fuzz_seeds_of(paths[i], seeds + n, room - n);
    }

    return n;
}


void
gwc_fuzz_free_seeds(gwc_fuzz_seed_t *seeds, size_t n)
{
    union {
        const char *in;
        void *out;
    } cast;

    while (n-- > 0) {
        cast.in = seeds[n].data;
        free(cast.out);
    }
}
