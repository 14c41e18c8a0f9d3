/*
 * Copyright (C) the ngx_gateway authors
 *
 * The vaults there are: the environment of the tool's process, and files.
 */

#include "vault.h"
#include "diag.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GWC_VAULT_OPEN "{vault://"

/* of a file, which is a key or a certificate at most */
#define GWC_VAULT_FILE_MAX 65536

typedef struct {
    gwc_text_t name;
    gwc_text_t env_prefix;
} gwc_vault_t;

typedef struct {
    gwc_text_t vault;
    gwc_text_t secret;
    gwc_text_t subkey; /* data NULL: none */
    gwc_text_t prefix; /* data NULL: not given */
    gwc_text_t path;   /* secret and subkey: of a file */
    gwc_text_t member; /* data NULL: not given */
    bool previous;
} gwc_vault_ref_t;

static gwc_map_t *gwc_vaults;


bool
gwc_vault_is_reference(gwc_text_t text)
{
    const size_t open = sizeof(GWC_VAULT_OPEN) - 1;

    return text.len > open + 1 && memcmp(text.data, GWC_VAULT_OPEN, open) == 0
           && text.data[text.len - 1] == '}';
}


void
gwc_vault_add(gwc_text_t prefix, gwc_text_t name, gwc_text_t env_prefix)
{
    gwc_vault_t *vault;

    if (gwc_vaults == NULL) {
        gwc_vaults = gwc_map_create();
    }

    vault = gwc_alloc(sizeof(gwc_vault_t));
    vault->name = name;
    vault->env_prefix = env_prefix;
    (void) gwc_map_add(gwc_vaults, prefix, vault);
}


void
gwc_vault_reset(void)
{
    gwc_vaults = NULL;
}


static int
gwc_vault_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


static gwc_text_t
gwc_vault_decode(const char *s, size_t len)
{
    char *to;
    size_t i;
    gwc_text_t text;

    to = gwc_strndup(s, len);
    text.data = to;

    for (i = 0; i < len; i++) {
        if (s[i] == '%' && i + 2 < len && gwc_vault_hex(s[i + 1]) >= 0
            && gwc_vault_hex(s[i + 2]) >= 0)
        {
            *to++ = (char) (gwc_vault_hex(s[i + 1]) * 16
                            + gwc_vault_hex(s[i + 2]));
            i += 2;

        } else {
            *to++ = s[i];
        }
    }

    *to = '\0';
    text.len = (size_t) (to - text.data);

    return text;
}


/* "a=b&prefix=APP_": only these two mean something here */
static void
gwc_vault_query(gwc_vault_ref_t *ref, const char *s, const char *end)
{
    const char *amp;

    static const char name[] = "prefix=";
    static const char member[] = "member=";

    while (s < end) {
        amp = memchr(s, '&', (size_t) (end - s));

        if (amp == NULL) {
            amp = end;
        }

        if ((size_t) (amp - s) >= sizeof(name) - 1
            && memcmp(s, name, sizeof(name) - 1) == 0)
        {
            s += sizeof(name) - 1;
            ref->prefix = gwc_vault_decode(s, (size_t) (amp - s));

        } else if ((size_t) (amp - s) >= sizeof(member) - 1
                   && memcmp(s, member, sizeof(member) - 1) == 0)
        {
            s += sizeof(member) - 1;
            ref->member = gwc_vault_decode(s, (size_t) (amp - s));
        }

        s = amp + 1;
    }
}


/* false: no vault or no secret is named */
static bool
gwc_vault_split(gwc_vault_ref_t *ref, gwc_text_t text)
{
    const char *end, *mark, *p, *slash;

    memset(ref, 0, sizeof(gwc_vault_ref_t));
    p = text.data + sizeof(GWC_VAULT_OPEN) - 1;
    end = text.data + text.len - 1;

    mark = memchr(p, '#', (size_t) (end - p));

    if (mark != NULL) {
        ref->previous = end - mark == 2 && mark[1] == '2';
        end = mark;
    }

    mark = memchr(p, '?', (size_t) (end - p));

    if (mark != NULL) {
        gwc_vault_query(ref, mark + 1, end);
        end = mark;
    }

    slash = memchr(p, '/', (size_t) (end - p));

    if (slash == NULL || slash == p) {
        return false;
    }

    ref->vault.data = gwc_strndup(p, (size_t) (slash - p));
    ref->vault.len = (size_t) (slash - p);
    p = slash + 1;
    ref->path = gwc_vault_decode(p, (size_t) (end - p));

    if (end > p && end[-1] == '/') {
        /* "name/": no subkey, whatever slashes the name has */
        end--;

    } else {
        for (mark = end; mark > p && mark[-1] != '/'; mark--) {
            /* void */
        }

        if (mark > p + 1) {
            ref->subkey = gwc_vault_decode(mark, (size_t) (end - mark));
            end = mark - 1;
        }
    }

    ref->secret = gwc_vault_decode(p, (size_t) (end - p));

    return ref->secret.len != 0;
}


/*
 * The prefix to put before the name of a variable, or the directory, and
 * which of the two; false after an error.
 */
static bool
gwc_vault_find(const gwc_node_t *node, const gwc_vault_ref_t *ref,
               gwc_text_t *prefix, bool *file)
{
    size_t i;
    gwc_text_t type;
    const gwc_vault_t *vault;

    static const char *const enterprise[] = { "aws", "azure", "gcp", "hcv",
                                              "conjur" };

    vault = gwc_vaults == NULL ? NULL : gwc_map_get(gwc_vaults, ref->vault);
    type = vault == NULL ? ref->vault : vault->name;
    *prefix = vault == NULL ? GWC_TEXT("") : vault->env_prefix;

    if (ref->prefix.data != NULL) {
        *prefix = ref->prefix;
    }

    *file = gwc_text_is(type, "file");

    if (*file || gwc_text_is(type, "env")) {
        return true;
    }

    for (i = 0; i < sizeof(enterprise) / sizeof(enterprise[0]); i++) {
        if (gwc_text_is(type, enterprise[i])) {
            gwc_error(node,
                      "vault type \"%s\" exists in Kong Enterprise "
                      "only, \"env\" and \"file\" are supported",
                      enterprise[i]);
            return false;
        }
    }

    gwc_error(node,
              "reference %s names no vault: neither \"env\", \"file\" "
              "nor the prefix of an entity in \"vaults\"",
              gwc_quoted(node->text));
    return false;
}


static const char *
gwc_vault_variable(const gwc_vault_ref_t *ref, gwc_text_t prefix)
{
    char *p;
    gwc_buf_t buf;

    memset(&buf, 0, sizeof(buf));
    gwc_buf_add(&buf, prefix.data, prefix.len);
    gwc_buf_add(&buf, ref->secret.data, ref->secret.len);

    for (p = buf.data; *p != '\0'; p++) {
        if (*p >= 'a' && *p <= 'z') {
            *p = (char) (*p - 'a' + 'A');

        } else if (*p == '-') {
            *p = '_';
        }
    }

    if (ref->previous) {
        gwc_buf_puts(&buf, "_PREVIOUS");
    }

    return buf.data;
}


/* where: "environment variable A", or a file */
static bool
gwc_vault_member(const gwc_node_t *node, const char *where, gwc_text_t name,
                 gwc_text_t *value)
{
    json_t *root;
    const json_t *member;
    const char *what;

    root = json_loadb(value->data, value->len, 0, NULL);
    member = root == NULL ? NULL : json_object_get(root, name.data);
    what = NULL;

    if (!json_is_object(root)) {
        what = "does not hold a JSON object";

    } else if (member == NULL) {
        what = "has no such member";

    } else if (!json_is_string(member) || json_string_length(member) == 0) {
        what = "has a member that is not a non-empty string";

    } else {
        value->len = json_string_length(member);
        value->data = gwc_strndup(json_string_value(member), value->len);
    }

    json_decref(root);

    if (what != NULL) {
        gwc_error(node, "reference %s: %s %s", gwc_quoted(node->text), where,
                  what);
        return false;
    }

    return true;
}


/* NULL, or what is wrong; newlines at the end are left out */
static const char *
gwc_vault_read(const char *path, gwc_text_t *value)
{
    struct stat st;
    const char *wrong = NULL;
    char *data;
    ssize_t n;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd == -1) {
        return strerror(errno); /* NOLINT(concurrency-mt-unsafe) */
    }

    data = gwc_alloc(GWC_VAULT_FILE_MAX + 1);
    n = 0;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        wrong = "it is no file";

    } else {
        n = read(fd, data, GWC_VAULT_FILE_MAX + 1);

        if (n == -1) {
            wrong = strerror(errno); /* NOLINT(concurrency-mt-unsafe) */

        } else if (n > GWC_VAULT_FILE_MAX) {
            wrong = "it has more than 65536 bytes";
        }
    }

    (void) close(fd);

    while (n > 0 && (data[n - 1] == '\n' || data[n - 1] == '\r')) {
        n--;
    }

    if (wrong == NULL && n == 0) {
        wrong = "it is empty";
    }

    if (wrong == NULL) {
        value->data = data;
        value->len = (size_t) n;
        data[n] = '\0';
    }

    return wrong;
}


static bool
gwc_vault_resolve_file(const gwc_node_t *node, const gwc_vault_ref_t *ref,
                       gwc_text_t directory, gwc_text_t *value)
{
    const char *path, *wrong;

    path = gwc_sprintf("%.*s/%.*s", (int) directory.len, directory.data,
                       (int) ref->path.len, ref->path.data);
    wrong = gwc_vault_read(path, value);

    if (wrong != NULL) {
        gwc_error(node, "reference %s: cannot read \"%s\": %s",
                  gwc_quoted(node->text), path, wrong);
        return false;
    }

    return ref->member.data == NULL
           || gwc_vault_member(node, gwc_sprintf("\"%s\"", path), ref->member,
                               value);
}


bool
gwc_vault_resolve(const gwc_node_t *node, gwc_text_t *value)
{
    gwc_text_t prefix;
    gwc_vault_ref_t ref;
    const char *found, *variable;
    bool file;

    if (!gwc_vault_split(&ref, *value)) {
        gwc_error(node,
                  "reference %s names no secret, expected "
                  "{vault://env/<name>}",
                  gwc_quoted(*value));
        return false;
    }

    if (!gwc_vault_find(node, &ref, &prefix, &file)) {
        return false;
    }

    if (file) {
        return gwc_vault_resolve_file(node, &ref, prefix, value);
    }

    variable = gwc_vault_variable(&ref, prefix);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    found = getenv(variable);

    if (found == NULL || found[0] == '\0') {
        gwc_error(node, "reference %s: environment variable %s is %s",
                  gwc_quoted(*value), variable,
                  found == NULL ? "not set" : "empty");
        return false;
    }

    value->len = strlen(found);
    value->data = gwc_strndup(found, value->len);

    if (ref.subkey.data == NULL) {
        return true;
    }

    return gwc_vault_member(node,
                            gwc_sprintf("environment variable %s", variable),
                            ref.subkey, value);
}
