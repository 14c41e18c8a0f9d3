
/*
 * Copyright (C) the ngx_gateway authors
 *
 * The forms of "custom_fields_by_lua" that are understood.
 */


#include "gateway_custom_field.h"

#include <string.h>


typedef struct {
    const char                   *name;
    gateway_custom_field_kind_e   kind;
} gateway_custom_field_call_t;


static void gateway_custom_field_space(const char **p, const char *last);
static int gateway_custom_field_word(const char **p, const char *last,
    const char *word);
static const char *gateway_custom_field_string(gateway_custom_field_t *field,
    const char **p, const char *last);


static const gateway_custom_field_call_t  gateway_custom_field_calls[] = {
    { "kong.request.get_header", GATEWAY_CUSTOM_FIELD_REQUEST_HEADER },
    { "kong.request.get_query_arg", GATEWAY_CUSTOM_FIELD_QUERY_ARG },
    { "kong.response.get_header", GATEWAY_CUSTOM_FIELD_RESPONSE_HEADER },
    { NULL, GATEWAY_CUSTOM_FIELD_NIL }
};

static const char  gateway_custom_field_forms[] =
    "is not understood: write return nil, return \"text\", or return with "
    "kong.request.get_header(\"name\"), kong.request.get_query_arg(\"name\") "
    "or kong.response.get_header(\"name\")";


const char *
gateway_custom_field_parse(gateway_custom_field_t *field, const char *source,
    size_t len)
{
    const char                         *p, *last, *message;
    const gateway_custom_field_call_t  *call;

    p = source;
    last = source + len;

    field->kind = GATEWAY_CUSTOM_FIELD_NIL;
    field->text = "";
    field->len = 0;

    gateway_custom_field_space(&p, last);

    if (!gateway_custom_field_word(&p, last, "return")) {
        return gateway_custom_field_forms;
    }

    gateway_custom_field_space(&p, last);

    if (p < last && (*p == '"' || *p == '\'')) {
        field->kind = GATEWAY_CUSTOM_FIELD_LITERAL;

        message = gateway_custom_field_string(field, &p, last);
        if (message) {
            return message;
        }

    } else if (!gateway_custom_field_word(&p, last, "nil")) {

        for (call = gateway_custom_field_calls; call->name; call++) {
            if (gateway_custom_field_word(&p, last, call->name)) {
                break;
            }
        }

        if (call->name == NULL) {
            return gateway_custom_field_forms;
        }

        field->kind = call->kind;

        gateway_custom_field_space(&p, last);

        if (p == last || *p++ != '(') {
            return gateway_custom_field_forms;
        }

        gateway_custom_field_space(&p, last);

        message = gateway_custom_field_string(field, &p, last);
        if (message) {
            return message;
        }

        gateway_custom_field_space(&p, last);

        if (p == last || *p++ != ')') {
            return gateway_custom_field_forms;
        }
    }

    gateway_custom_field_space(&p, last);

    if (p < last && *p == ';') {
        p++;
        gateway_custom_field_space(&p, last);
    }

    return (p == last) ? NULL : gateway_custom_field_forms;
}


static void
gateway_custom_field_space(const char **p, const char *last)
{
    while (*p < last && (**p == ' ' || (**p >= '\t' && **p <= '\r'))) {
        (*p)++;
    }
}


/* not a part of a longer name */

static int
gateway_custom_field_word(const char **p, const char *last, const char *word)
{
    char    c;
    size_t  len;

    len = strlen(word);

    if ((size_t) (last - *p) < len || memcmp(*p, word, len) != 0) {
        return 0;
    }

    if ((size_t) (last - *p) > len) {
        c = (*p)[len];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '_' || c == '.')
        {
            return 0;
        }
    }

    *p += len;

    return 1;
}


static const char *
gateway_custom_field_string(gateway_custom_field_t *field, const char **p,
    const char *last)
{
    char  quote;

    if (*p == last || (**p != '"' && **p != '\'')) {
        return gateway_custom_field_forms;
    }

    quote = *(*p)++;
    field->text = *p;

    for ( /* void */ ; *p < last && **p != quote; (*p)++) {

        if (**p == '\n') {
            return "has a string that does not end on its line";
        }

        if (**p != '\\') {
            continue;
        }

        (*p)++;

        if (*p == last || strchr("\\\"'ntr", **p) == NULL || **p == '\0') {
            return "has a string with an escape other than "
                   "\\\\, \\\", \\', \\n, \\r, \\t";
        }
    }

    if (*p == last) {
        return "has a string that does not end";
    }

    field->len = (size_t) (*p - field->text);
    (*p)++;

    return NULL;
}


size_t
gateway_custom_field_text(const gateway_custom_field_t *field, char *dst)
{
    char        *d;
    const char  *p, *last;

    d = dst;
    last = field->text + field->len;

    for (p = field->text; p < last; p++) {

        if (*p != '\\') {
            *d++ = *p;
            continue;
        }

        p++;

        switch (*p) {

        case 'n':
            *d++ = '\n';
            break;

        case 'r':
            *d++ = '\r';
            break;

        case 't':
            *d++ = '\t';
            break;

        default:
            *d++ = *p;
        }
    }

    return (size_t) (d - dst);
}
