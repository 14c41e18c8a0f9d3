/*
 * Copyright (C) the ngx_gateway authors
 *
 * Between the parts of the command diff: what changes for traffic.
 */

#ifndef GWC_DIFF_H
#define GWC_DIFF_H

#include "command.h"
#include "entities.h"
#include "gateway_router.h"

typedef struct {
    gwc_input_t input;
    const char *file;
    const gwc_scopes_t *scopes;
    gateway_router_t *router; /* NULL: requests are not compared */
} gwc_side_t;

/* one field that differs */
typedef struct {
    const char *field;        /* "config.minute" */
    const char *old, *new;    /* NULL: not given */
    gwc_vec_t removed, added; /* char *: items of a set */
    bool set;
    bool hidden; /* secret: that it differs is all there is to say */
} gwc_change_t;

/* an entity: old NULL: added; new NULL: removed */
typedef struct {
    const gwc_entity_t *old, *new;
    gwc_vec_t changes; /* gwc_change_t */
} gwc_twin_t;

/* entities of a kind that differ */
typedef struct {
    const char *kind;
    gwc_vec_t twins; /* gwc_twin_t: added, removed, changed */
} gwc_section_t;

/* a plugin whose instance, or its configuration, differs somewhere */
typedef struct {
    const gwc_plugin_rule_t *rule;
    const gwc_plugin_t *old, *new; /* NULL: none acted, none acts */
    gwc_vec_t changes;             /* of the configuration */
    gwc_vec_t routes;              /* gwc_route_t, new ones */
    bool unmatched;                /* requests that match no route, too */
    const gwc_entity_t *owner;     /* the consumer, or the consumer group, of
                                       its own configuration; or NULL */
} gwc_effect_t;

/* requests that another route gets; NULL: none, the answer is 404 */
typedef struct {
    const gwc_route_t *old, *new;
    gwc_vec_t examples; /* gwc_example_t */
} gwc_move_t;

typedef struct {
    const char *method;
    const char *url;
    gwc_vec_t headers; /* char *: "Name: value" */
} gwc_example_t;

typedef struct {
    gwc_side_t old, new;
    gwc_map_t *partners; /* address of an old entity -> the new one */
    gwc_map_t *origins;  /* the other way */

    gwc_vec_t settings; /* gwc_change_t */
    gwc_vec_t sections; /* gwc_section_t */
    gwc_vec_t effects;  /* gwc_effect_t */
    gwc_vec_t moves;    /* gwc_move_t */
} gwc_diff_t;

/* diff_match.c: pairs entities of both sides: by id, by name, by content */
void gwc_diff_match(gwc_diff_t *diff);
const gwc_entity_t *gwc_diff_partner(const gwc_diff_t *diff,
                                     const gwc_entity_t *old);
const gwc_entity_t *gwc_diff_origin(const gwc_diff_t *diff,
                                    const gwc_entity_t *new);
/* what people call it: its name, else its id */
const char *gwc_diff_label(const gwc_entity_t *entity);
/* the same for people: a route without a name is what it matches, a
   credential its kind and whose it is */
const char *gwc_diff_title(const gwc_entity_t *entity);

/* diff_fields.c: appends what differs between two records of the table */
void gwc_diff_fields(const gwc_diff_t *diff, gwc_vec_t *changes,
                     const char *prefix, const gwc_field_t *fields,
                     const void *old, const void *new);
/* all values, secret ones too: for comparing, never for printing */
void gwc_diff_signature(const gwc_diff_t *diff, gwc_buf_t *buf,
                        const gwc_field_t *fields, const void *record,
                        bool old);
/* a change between two texts or two lists of them; none when equal.  The
   order of lists does not count. */
void gwc_diff_text(gwc_vec_t *changes, const char *field, const char *old,
                   const char *new);
bool gwc_diff_lists(gwc_vec_t *changes, const char *field,
                    const gwc_vec_t *old, const gwc_vec_t *new);
/* the text, or that it is not shown */
const char *gwc_diff_shown(const char *text);

/* diff_entities.c: fills settings and sections */
void gwc_diff_settings(gwc_diff_t *diff);
void gwc_diff_entities(gwc_diff_t *diff);

/* diff_plugins.c: fills effects */
void gwc_diff_plugins(gwc_diff_t *diff);
/* names of the plugins that act on the route: char * */
void gwc_diff_chain(gwc_vec_t *names, const gwc_side_t *side,
                    const gwc_route_t *route);

/* diff_requests.c: fills moves */
void gwc_diff_requests(gwc_diff_t *diff);
/* a text that the regular expression should match, or NULL */
const char *gwc_diff_sample(const char *pattern, size_t len);

/* "GET,POST api.example /items", what a route matches */
const char *gwc_diff_conditions(const gwc_route_t *route);
/* "http://host:port/path" */
const char *gwc_diff_target(const gwc_service_t *service);
bool gwc_diff_any(const gwc_diff_t *diff);

/* diff_print.c, diff_json.c */
void gwc_diff_print(const gwc_diff_t *diff);
void gwc_diff_print_json(const gwc_diff_t *diff);

#endif
