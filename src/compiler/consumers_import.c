/*
 * Copyright (C) the ngx_gateway authors
 *
 * Files of consumers, JSON lines or CSV, read line by line: what is in memory
 * does not depend on their size.
 */

#include "consumers.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag.h"
#include "prefix.h"
#include "schema.h"

/* a line, or a record of CSV */
#define GWC_IMPORT_LINE (1024 * 1024)

/* bytes of the store for each byte of a file, about */
#define GWC_IMPORT_ROOM 12

#define GWC_IMPORT_COLUMNS 64

typedef struct {
    gwc_consumers_t *c;
    FILE *fp;
    const char *name;
    unsigned line; /* of what was read last */
    gwc_entry_t entry;
    char *text; /* getline()'s */
    size_t size;

    /* CSV */
    unsigned columns[GWC_IMPORT_COLUMNS]; /* positions in gwc_import_columns */
    size_t ncolumns;
    gwc_buf_t record;
    size_t fields[GWC_IMPORT_COLUMNS]; /* where they begin */
    size_t nfields;
} gwc_import_t;

/* where a text of an entry goes */
typedef enum {
    GWC_COLUMN_ID,
    GWC_COLUMN_USERNAME,
    GWC_COLUMN_CUSTOM_ID,
    GWC_COLUMN_TAGS,
    GWC_COLUMN_ACLS,
    GWC_COLUMN_GROUPS,
    GWC_COLUMN_CREDENTIAL
} gwc_column_t;

enum {
    GWC_PART_NAME,
    GWC_PART_SECRET,
    GWC_PART_HASH,
    GWC_PART_ALGORITHM,
    GWC_PART_ID,
    GWC_PART_TTL
};

static const struct {
    const char *name;
    gwc_column_t column;
    unsigned kind;
    unsigned part;
} gwc_import_columns[] = {
    { "id", GWC_COLUMN_ID, 0, 0 },
    { "username", GWC_COLUMN_USERNAME, 0, 0 },
    { "custom_id", GWC_COLUMN_CUSTOM_ID, 0, 0 },
    { "tags", GWC_COLUMN_TAGS, 0, 0 },
    { "acls", GWC_COLUMN_ACLS, 0, 0 },
    { "groups", GWC_COLUMN_GROUPS, 0, 0 },
    { "key", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_KEY, GWC_PART_NAME },
    { "key_id", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_KEY, GWC_PART_ID },
    { "key_ttl", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_KEY, GWC_PART_TTL },
    { "basic_username", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_BASIC,
      GWC_PART_NAME },
    { "basic_password", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_BASIC,
      GWC_PART_SECRET },
    { "basic_password_hash", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_BASIC,
      GWC_PART_HASH },
    { "jwt_key", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_JWT, GWC_PART_NAME },
    { "jwt_secret", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_JWT,
      GWC_PART_SECRET },
    { "jwt_algorithm", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_JWT,
      GWC_PART_ALGORITHM },
    { "hmac_username", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_HMAC,
      GWC_PART_NAME },
    { "hmac_secret", GWC_COLUMN_CREDENTIAL, GATEWAY_STORE_HMAC,
      GWC_PART_SECRET },
};

#define GWC_IMPORT_KNOWN                                                      \
    (sizeof(gwc_import_columns) / sizeof(gwc_import_columns[0]))


static void __attribute__((format(printf, 2, 3)))
gwc_import_error(gwc_import_t *import, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    gwc_store_error(&import->c->store, import->line, "%s",
                    gwc_vsprintf(fmt, args));
    va_end(args);
}


/* a member that is a text or null; false after an error */
static bool
gwc_import_text(gwc_import_t *import, const char *name, json_t *value,
                gwc_text_t *text)
{
    if (json_is_null(value)) {
        return true;
    }

    if (!json_is_string(value)) {
        gwc_import_error(import, "\"%s\" is no string", name);
        return false;
    }

    text->data = json_string_value(value);
    text->len = json_string_length(value);

    return true;
}


static bool
gwc_import_seconds(gwc_import_t *import, const char *name, json_t *value,
                   int64_t *seconds)
{
    if (json_is_null(value)) {
        return true;
    }

    if (!json_is_integer(value) || json_integer_value(value) <= 0) {
        gwc_import_error(import, "\"%s\" is no whole number above 0", name);
        return false;
    }

    *seconds = json_integer_value(value);

    return true;
}


/* of texts, or of objects whose member says it: [{"group": "a"}] */
static bool
gwc_import_list(gwc_import_t *import, const char *name, json_t *value,
                const char *member, gwc_entry_list_t *list)
{
    json_t *item;
    size_t i;

    if (json_is_null(value)) {
        return true;
    }

    if (!json_is_array(value)) {
        gwc_import_error(import, "\"%s\" is no array", name);
        return false;
    }

    list->set = true;

    json_array_foreach(value, i, item)
    {
        if (member != NULL && json_is_object(item)) {
            item = json_object_get(item, member);
        }

        if (!json_is_string(item)
            || !gwc_entry_list_add(list,
                                   (gwc_text_t){ json_string_value(item),
                                                 json_string_length(item) }))
        {
            gwc_import_error(import,
                             "\"%s[%zu]\" is no text without control "
                             "characters, or there are too many",
                             name, i);
            return false;
        }
    }

    return true;
}


/* a member of a credential's object */
static bool
gwc_import_part(gwc_import_t *import, gwc_entry_credential_t *credential,
                const char *name, json_t *value)
{
    static const char *const names[GATEWAY_STORE_KINDS] = { "key", "username",
                                                            "key",
                                                            "username" };
    static const char *const secrets[GATEWAY_STORE_KINDS] = { "", "password",
                                                              "secret",
                                                              "secret" };
    unsigned kind = credential->kind;

    if (strcmp(name, names[kind]) == 0) {
        return gwc_import_text(import, name, value, &credential->name);
    }

    if (strcmp(name, secrets[kind]) == 0) {
        return gwc_import_text(import, name, value, &credential->secret);
    }

    if (kind == GATEWAY_STORE_BASIC && strcmp(name, "password_hash") == 0) {
        return gwc_import_text(import, name, value, &credential->hash);
    }

    if (strcmp(name, "id") == 0) {
        return gwc_import_text(import, name, value, &credential->id);
    }

    if (strcmp(name, "created_at") == 0) {
        return gwc_import_seconds(import, name, value,
                                  &credential->created_at);
    }

    if (kind == GATEWAY_STORE_KEY && strcmp(name, "ttl") == 0) {
        return gwc_import_seconds(import, name, value, &credential->ttl);
    }

    if (kind == GATEWAY_STORE_JWT && strcmp(name, "algorithm") == 0) {
        return gwc_import_text(import, name, value, &credential->algorithm);
    }

    if (kind == GATEWAY_STORE_JWT && strcmp(name, "rsa_public_key") == 0) {
        return gwc_import_text(import, name, value, &credential->public_key);
    }

    /* nothing shows them */
    if (strcmp(name, "tags") == 0) {
        return true;
    }

    gwc_import_error(import, "unknown field \"%s\" in \"%s\"", name,
                     gwc_store_entities[kind]);

    return false;
}


static bool
gwc_import_credentials(gwc_import_t *import, unsigned kind, json_t *value)
{
    gwc_entry_credential_t *credential;
    const char *name;
    json_t *item, *part;
    size_t i;

    if (json_is_null(value)) {
        return true;
    }

    if (!json_is_array(value)) {
        gwc_import_error(import, "\"%s\" is no array",
                         gwc_store_entities[kind]);
        return false;
    }

    json_array_foreach(value, i, item)
    {
        if (!json_is_object(item)) {
            gwc_import_error(import, "\"%s[%zu]\" is no object",
                             gwc_store_entities[kind], i);
            return false;
        }

        credential = gwc_entry_add(&import->entry, kind);

        json_object_foreach(item, name, part)
        {
            if (!gwc_import_part(import, credential, name, part)) {
                return false;
            }
        }
    }

    return true;
}


static bool
gwc_import_member(gwc_import_t *import, const char *name, json_t *value)
{
    static const char *const known[] = { "id",
                                         "username",
                                         "custom_id",
                                         "tags",
                                         "acls",
                                         "groups",
                                         "created_at",
                                         "key",
                                         "keyauth_credentials",
                                         "basicauth_credentials",
                                         "jwt_secrets",
                                         "hmacauth_credentials" };
    gwc_entry_t *entry = &import->entry;
    const char *nearest;
    unsigned kind;

    if (strcmp(name, "username") == 0) {
        return gwc_import_text(import, name, value, &entry->username);
    }

    if (strcmp(name, "key") == 0) {
        return json_is_null(value)
               || gwc_import_text(
                   import, name, value,
                   &gwc_entry_add(entry, GATEWAY_STORE_KEY)->name);
    }

    if (strcmp(name, "id") == 0) {
        return gwc_import_text(import, name, value, &entry->id);
    }

    if (strcmp(name, "custom_id") == 0) {
        return gwc_import_text(import, name, value, &entry->custom_id);
    }

    if (strcmp(name, "tags") == 0) {
        return gwc_import_list(import, name, value, NULL, &entry->tags);
    }

    if (strcmp(name, "acls") == 0) {
        return gwc_import_list(import, name, value, "group", &entry->acls);
    }

    if (strcmp(name, "groups") == 0) {
        return gwc_import_list(import, name, value, "name", &entry->groups);
    }

    if (strcmp(name, "created_at") == 0) {
        return gwc_import_seconds(import, name, value, &entry->created_at);
    }

    for (kind = 0; kind < GATEWAY_STORE_KINDS; kind++) {
        if (strcmp(name, gwc_store_entities[kind]) == 0) {
            return gwc_import_credentials(import, kind, value);
        }
    }

    nearest = gwc_nearest((gwc_text_t){ name, strlen(name) }, known,
                          sizeof(known) / sizeof(known[0]));

    gwc_import_error(
        import, "unknown field %s%s",
        gwc_quoted((gwc_text_t){ name, strlen(name) }),
        nearest == NULL ? "" : gwc_sprintf("; did you mean \"%s\"?", nearest));

    return false;
}


/* messages of jansson may show what stands in the line */
static gwc_store_result_t
gwc_import_json(gwc_import_t *import, const char *line, size_t len)
{
    gwc_store_result_t result = GWC_STORE_DONE;
    json_error_t error;
    const char *name;
    json_t *object, *value;
    bool ok = true;

    object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);

    if (!json_is_object(object)) {
        json_decref(object);

        if (object != NULL) {
            gwc_import_error(import, "this is no object");

        } else if (json_error_code(&error) == json_error_duplicate_key) {
            gwc_import_error(import, "a field is there twice");

        } else {
            gwc_import_error(import, "this is no JSON, near column %d",
                             error.column);
        }

        return GWC_STORE_DONE;
    }

    gwc_entry_reset(&import->entry, import->line);

    json_object_foreach(object, name, value)
    {
        if (!gwc_import_member(import, name, value)) {
            ok = false;
            break;
        }
    }

    if (ok) {
        result = gwc_entry_put(import->c, &import->entry);
    }

    json_decref(object);

    return result;
}


static bool
gwc_import_is_blank(const char *line, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (strchr(" \t\r\n", line[i]) == NULL || line[i] == '\0') {
            return false;
        }
    }

    return true;
}


/* errors are gathered until there are too many to be of use */
static bool
gwc_import_goes_on(const gwc_import_t *import, gwc_store_result_t result)
{
    return result == GWC_STORE_DONE
           || (result == GWC_STORE_CONFLICT
               && import->c->store.conflicts < 50);
}


/* -1 at the end, or after an error */
static ssize_t
gwc_import_getline(gwc_import_t *import)
{
    ssize_t len = getline(&import->text, &import->size, import->fp);

    if (len == -1) {
        if (ferror(import->fp)) {
            gwc_io_failed();
            gwc_import_error(import, "cannot be read");
        }

        return -1;
    }

    import->line++;

    if (len > GWC_IMPORT_LINE) {
        gwc_import_error(import, "the line is longer than %d bytes",
                         GWC_IMPORT_LINE);
        return -1;
    }

    return len;
}


static gwc_store_result_t
gwc_import_json_lines(gwc_import_t *import)
{
    gwc_store_result_t result = GWC_STORE_DONE;
    ssize_t len;

    while (gwc_import_goes_on(import, result)
           && (len = gwc_import_getline(import)) != -1)
    {
        const char *line = import->text;
        size_t n = (size_t) len;

        if (import->line == 1 && n >= 3
            && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
            line += 3;
            n -= 3;
        }

        if (!gwc_import_is_blank(line, n)) {
            result = gwc_import_json(import, line, n);
        }

        if (import->c->store.conflicts >= 50) {
            break;
        }
    }

    return result;
}


/* begins another field of the record, which has ended */
static bool
gwc_import_field(gwc_import_t *import)
{
    gwc_buf_add(&import->record, "", 1);

    if (import->nfields == GWC_IMPORT_COLUMNS) {
        gwc_import_error(import, "more than %d fields", GWC_IMPORT_COLUMNS);
        return false;
    }

    import->fields[import->nfields++] = import->record.len;

    return true;
}


/*
 * One record, RFC 4180: it may go over several lines.  1; 0 at the end of the
 * file; -1 after an error.
 */
static int
gwc_import_record(gwc_import_t *import, unsigned *line)
{
    bool quoted = false, closed = false;
    ssize_t len;
    size_t i, n;

    import->record.len = 0;
    import->nfields = 0;
    import->fields[import->nfields++] = 0;

    len = gwc_import_getline(import);

    if (len == -1) {
        return import->c->store.conflicts ? -1 : 0;
    }

    *line = import->line;

    for (;;) {
        const char *text = import->text;

        n = (size_t) len;
        i = *line == 1 && import->line == 1 && n >= 3
                    && memcmp(text, "\xef\xbb\xbf", 3) == 0
                ? 3
                : 0;

        for (; i < n; i++) {
            char ch = text[i];

            if (ch == '\0') {
                gwc_import_error(import, "a zero byte");
                return -1;
            }

            if (quoted) {
                if (ch != '"') {
                    gwc_buf_add(&import->record, &ch, 1);

                } else if (i + 1 < n && text[i + 1] == '"') {
                    gwc_buf_add(&import->record, &text[++i], 1);

                } else {
                    quoted = false;
                    closed = true;
                }

                continue;
            }

            if (ch == ',') {
                closed = false;

                if (!gwc_import_field(import)) {
                    return -1;
                }

            } else if (ch == '\n' || (ch == '\r' && i + 2 == n)) {
                continue;

            } else if (ch == '"'
                       && import->record.len
                              == import->fields[import->nfields - 1]
                       && !closed)
            {
                quoted = true;

            } else if (closed || ch == '"') {
                gwc_import_error(import,
                                 "a quote in a field without quotes, or text "
                                 "behind a closing quote");
                return -1;

            } else {
                gwc_buf_add(&import->record, &ch, 1);
            }
        }

        if (!quoted) {
            break;
        }

        if (import->record.len > GWC_IMPORT_LINE) {
            len = -1;

        } else {
            len = gwc_import_getline(import);
        }

        if (len == -1) {
            import->line = *line;
            gwc_import_error(import, "a quote is not closed");
            return -1;
        }
    }

    gwc_buf_add(&import->record, "", 1);

    return 1;
}


static gwc_text_t
gwc_import_value(const gwc_import_t *import, size_t i)
{
    size_t end =
        i + 1 < import->nfields ? import->fields[i + 1] : import->record.len;

    return (gwc_text_t){ import->record.data + import->fields[i],
                         end - 1 - import->fields[i] };
}


/* the first record names the columns */
static bool
gwc_import_header(gwc_import_t *import)
{
    const char *known[GWC_IMPORT_KNOWN];
    const char *nearest;
    size_t i, k;

    for (k = 0; k < GWC_IMPORT_KNOWN; k++) {
        known[k] = gwc_import_columns[k].name;
    }

    for (i = 0; i < import->nfields; i++) {
        gwc_text_t name = gwc_import_value(import, i);

        for (k = 0; k < GWC_IMPORT_KNOWN; k++) {
            if (gwc_text_is(name, known[k])) {
                break;
            }
        }

        if (k == GWC_IMPORT_KNOWN) {
            nearest = gwc_nearest(name, known, GWC_IMPORT_KNOWN);
            gwc_import_error(
                import,
                "unknown column %s%s: the first line names the columns",
                gwc_quoted(name),
                nearest == NULL
                    ? ""
                    : gwc_sprintf(", did you mean \"%s\"?", nearest));
            return false;
        }

        import->columns[i] = (unsigned) k;
    }

    import->ncolumns = import->nfields;

    return true;
}


/* texts separated by ";" */
static bool
gwc_import_csv_list(gwc_import_t *import, gwc_text_t text, const char *name,
                    gwc_entry_list_t *list)
{
    const char *p = text.data, *end = text.data + text.len, *next;

    list->set = true;

    while (p < end) {
        next = memchr(p, ';', (size_t) (end - p));

        if (next == NULL) {
            next = end;
        }

        if (!gwc_entry_list_add(list, (gwc_text_t){ p, (size_t) (next - p) }))
        {
            gwc_import_error(import,
                             "\"%s\" has an empty text between \";\", or one "
                             "with control characters, or too many",
                             name);
            return false;
        }

        p = next + 1;
    }

    return true;
}


/* the credential of this kind: a record has one at most */
static gwc_entry_credential_t *
gwc_import_csv_credential(gwc_import_t *import, unsigned kind)
{
    size_t i;

    for (i = 0; i < import->entry.n; i++) {
        if (import->entry.credentials[i].kind == kind) {
            return &import->entry.credentials[i];
        }
    }

    return gwc_entry_add(&import->entry, kind);
}


static bool
gwc_import_csv_part(gwc_import_t *import, unsigned column, gwc_text_t text)
{
    gwc_entry_credential_t *credential =
        gwc_import_csv_credential(import, gwc_import_columns[column].kind);
    char *end;

    switch (gwc_import_columns[column].part) {

    case GWC_PART_NAME:
        credential->name = text;
        return true;

    case GWC_PART_SECRET:
        credential->secret = text;
        return true;

    case GWC_PART_HASH:
        credential->hash = text;
        return true;

    case GWC_PART_ALGORITHM:
        credential->algorithm = text;
        return true;

    case GWC_PART_ID:
        credential->id = text;
        return true;

    default:
        errno = 0;
        credential->ttl = strtoll(text.data, &end, 10);

        if (errno != 0 || *end != '\0' || credential->ttl <= 0) {
            gwc_import_error(import, "\"key_ttl\" is no whole number above 0");
            return false;
        }

        return true;
    }
}


/* an empty field is one that is not given */
static bool
gwc_import_csv_value(gwc_import_t *import, unsigned column, gwc_text_t text)
{
    const char *name = gwc_import_columns[column].name;
    gwc_entry_t *entry = &import->entry;

    if (text.len == 0) {
        return true;
    }

    switch (gwc_import_columns[column].column) {

    case GWC_COLUMN_ID:
        entry->id = text;
        return true;

    case GWC_COLUMN_USERNAME:
        entry->username = text;
        return true;

    case GWC_COLUMN_CUSTOM_ID:
        entry->custom_id = text;
        return true;

    case GWC_COLUMN_TAGS:
        return gwc_import_csv_list(import, text, name, &entry->tags);

    case GWC_COLUMN_ACLS:
        return gwc_import_csv_list(import, text, name, &entry->acls);

    case GWC_COLUMN_GROUPS:
        return gwc_import_csv_list(import, text, name, &entry->groups);

    case GWC_COLUMN_CREDENTIAL:
        break;
    }

    return gwc_import_csv_part(import, column, text);
}


static gwc_store_result_t
gwc_import_csv_record(gwc_import_t *import, unsigned line)
{
    unsigned last = import->line;
    size_t i;

    import->line = line;

    if (import->nfields != import->ncolumns) {
        gwc_import_error(import, "%zu fields, the first line has %zu columns",
                         import->nfields, import->ncolumns);
        import->line = last;
        return GWC_STORE_DONE;
    }

    gwc_entry_reset(&import->entry, line);

    for (i = 0; i < import->nfields; i++) {
        if (!gwc_import_csv_value(import, import->columns[i],
                                  gwc_import_value(import, i)))
        {
            import->line = last;
            return GWC_STORE_DONE;
        }
    }

    import->line = last;

    return gwc_entry_put(import->c, &import->entry);
}


static gwc_store_result_t
gwc_import_csv(gwc_import_t *import)
{
    gwc_store_result_t result = GWC_STORE_DONE;
    unsigned line;

    if (gwc_import_record(import, &line) <= 0) {
        if (import->c->store.conflicts == 0) {
            gwc_import_error(import, "there is no line that names columns");
        }

        return GWC_STORE_DONE;
    }

    if (!gwc_import_header(import)) {
        return GWC_STORE_DONE;
    }

    while (gwc_import_goes_on(import, result)
           && gwc_import_record(import, &line) > 0)
    {
        /* an empty line */
        if (import->nfields == 1 && import->record.len == 1
            && import->ncolumns > 1) {
            continue;
        }

        result = gwc_import_csv_record(import, line);

        if (import->c->store.conflicts >= 50) {
            break;
        }
    }

    return result;
}


/* what can be read again, in case that the store has to grow */
static FILE *
gwc_import_spool(gwc_consumers_t *c, FILE *from)
{
    static char chunk[65536];
    FILE *to;
    size_t n;
    char *path = gwc_sprintf("%s/temp/import.XXXXXX", c->prefix);
    int fd = mkstemp(path);

    if (fd == -1) {
        return NULL;
    }

    (void) unlink(path);
    to = fdopen(fd, "w+");

    if (to == NULL) {
        (void) close(fd);
        return NULL;
    }

    while ((n = fread(chunk, 1, sizeof(chunk), from)) > 0) {
        if (fwrite(chunk, 1, n, to) != n) {
            (void) fclose(to);
            return NULL;
        }
    }

    if (ferror(from) || fflush(to) != 0) {
        (void) fclose(to);
        return NULL;
    }

    rewind(to);

    return to;
}


static bool
gwc_import_is_csv(FILE *fp, const char *name, const char *format)
{
    const char *dot = strrchr(name, '.');
    int c;

    if (format != NULL) {
        return strcmp(format, "csv") == 0;
    }

    if (dot != NULL && strcmp(dot, ".csv") == 0) {
        return true;
    }

    do {
        c = getc(fp);
    } while (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xef
             || c == 0xbb || c == 0xbf);

    rewind(fp);

    return c != '{' && c != EOF && c != '[';
}


static gwc_store_result_t
gwc_import_file(gwc_consumers_t *c, FILE *fp, const char *name,
                const char *format)
{
    gwc_import_t import = { 0 };
    gwc_store_result_t result;

    import.c = c;
    import.fp = fp;
    import.name = name;
    c->store.file = name;

    rewind(fp);
    result = gwc_import_is_csv(fp, name, format)
                 ? gwc_import_csv(&import)
                 : gwc_import_json_lines(&import);

    free(import.text);

    if (result == GWC_STORE_DONE) {
        /* its lines are named in what it says */
        result = gwc_store_flush(&c->store);
    }

    return result;
}


static gwc_store_result_t
gwc_import_all(gwc_consumers_t *c, FILE **fps, char **files, int n,
               const char *format)
{
    gwc_store_result_t result;
    int i;

    c->consumers = 0;
    c->credentials = 0;
    result = gwc_store_begin(&c->store);

    if (result == GWC_STORE_DONE) {
        result = gwc_store_reconcile(&c->store);
    }

    for (i = 0; i < n && gwc_error_count() == 0 && result == GWC_STORE_DONE;
         i++) {
        result = gwc_import_file(
            c, fps[i], strcmp(files[i], "-") == 0 ? "<stdin>" : files[i],
            format);
    }

    if (result == GWC_STORE_DONE && gwc_error_count() != 0) {
        result = GWC_STORE_CONFLICT;
    }

    if (result != GWC_STORE_DONE) {
        gwc_store_abort(&c->store);
        return result;
    }

    return gwc_store_commit(&c->store);
}


static bool
gwc_import_open(gwc_consumers_t *c, FILE **fp, const char *name, size_t *room)
{
    struct stat st;

    *fp = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");

    if (*fp == NULL || fstat(fileno(*fp), &st) == -1 || S_ISDIR(st.st_mode)) {
        gwc_io_failed();
        gwc_error_at(name, 0, 0, "cannot be read: %s",
                     /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
                     strerror(*fp == NULL ? errno : EISDIR));
        return false;
    }

    if (!S_ISREG(st.st_mode)) {
        *fp = gwc_import_spool(c, *fp);

        if (*fp == NULL || fstat(fileno(*fp), &st) == -1) {
            gwc_io_failed();
            gwc_error_at(name, 0, 0, "cannot be copied to \"%s/temp\": %s",
                         c->prefix,
                         /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
                         strerror(errno));
            return false;
        }
    }

    *room += (size_t) st.st_size * GWC_IMPORT_ROOM;

    return true;
}


int
gwc_consumers_import(gwc_consumers_t *c, char **files, int n,
                     const char *format)
{
    FILE **fps = gwc_alloc_array((size_t) n, sizeof(FILE *));
    gwc_store_result_t result;
    size_t room = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (!gwc_import_open(c, &fps[i], files[i], &room)) {
            return GWC_EXIT_IO;
        }
    }

    if (!gwc_store_open(&c->store, c->prefix, &c->layer, true, room)) {
        return GWC_EXIT_IO;
    }

    do {
        result = gwc_import_all(c, fps, files, n, format);
    } while (result == GWC_STORE_FULL && gwc_store_grow(&c->store));

    gwc_store_close(&c->store);

    for (i = 0; i < n; i++) {
        (void) fclose(fps[i]);
    }

    if (result == GWC_STORE_DONE) {
        printf("imported: %s, %s\n", gwc_count(c->consumers, "consumer"),
               gwc_count(c->credentials, "credential"));
    }

    return GWC_EXIT_OK;
}
