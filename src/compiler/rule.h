/*
 * Copyright (C) the ngx_gateway authors
 *
 * How a feature tells the tool about itself.  A feature's rule
 * (modules/<feature>/<feature>_plugin.c) is one const gwc_plugin_rule_t
 * named gwc_rule_<feature>; its field table drives checking, defaults,
 * explain, the JSON Schema and, unless it has an emit of its own, the
 * directive that is written.
 */

#ifndef GWC_RULE_H
#define GWC_RULE_H

#include "arena.h"
#include "diag.h"
#include "writer.h"
#include "yaml.h"

/*
 * Typed values.  Each keeps its node (NULL when it came from a default).
 * "set" is false when neither the file nor a default gave a value.
 */
typedef struct {
    const gwc_node_t *node;
    bool set;
    bool v;
} gwc_bool_t;

typedef struct {
    const gwc_node_t *node;
    bool set;
    int64_t v;
} gwc_int_t;

typedef struct {
    const gwc_node_t *node;
    bool set;
    double v;
} gwc_num_t;

typedef struct {
    const gwc_node_t *node;
    bool set;
    gwc_text_t v;
} gwc_str_t;

/* ARRAY, SET: items of the element's C type; MAP: items of a struct whose
   first member is "gwc_str_t key" and whose value lies at elem->offset */
typedef struct {
    const gwc_node_t *node;
    bool set;
    size_t n;
    size_t size; /* of one item */
    void *items;
} gwc_list_t;

#define GWC_ITEM(list, type, i) (&((type *) (list).items)[i])

/* every record struct begins with this one */
typedef struct {
    const gwc_node_t *node;
    bool set;
} gwc_record_t;

/* a MAP item whose value is a string, an int, ... */
typedef struct {
    gwc_str_t key;
    gwc_str_t value;
} gwc_pair_t;

/* the common head of all entities */
typedef struct gwc_entity_s gwc_entity_t;

/* reference to another entity: the text as written, then what it names */
typedef struct {
    const gwc_node_t *node;
    bool set;
    gwc_text_t v;
    gwc_entity_t *target;
} gwc_ref_t;

typedef enum {
    GWC_BOOL,   /* gwc_bool_t */
    GWC_INT,    /* gwc_int_t */
    GWC_NUMBER, /* gwc_num_t */
    GWC_STRING, /* gwc_str_t */
    GWC_ARRAY,  /* gwc_list_t */
    GWC_SET,    /* gwc_list_t, duplicates collapsed */
    GWC_MAP,    /* gwc_list_t */
    GWC_RECORD, /* struct starting with gwc_record_t, embedded */
    GWC_REF,    /* gwc_ref_t; refers = root key of the entity */
    GWC_ANY     /* const gwc_node_t *, not looked into */
} gwc_type_t;

/* field flags */
enum {
    GWC_REQUIRED = 1 << 0,
    GWC_REFERENCEABLE = 1 << 1, /* "{vault://...}" allowed */
    GWC_SECRET = 1 << 2,        /* never printed */
    GWC_UNIQUE = 1 << 3,        /* over all entities of the kind */
    GWC_NO_EMIT = 1 << 4,       /* the generic emit leaves it out */
    GWC_EXCLUSIVE_MIN = 1 << 5, /* value > min instead of >= */
    GWC_EMPTY_OK = 1 << 6,  /* strings: "" allowed (default: length >= 1) */
    GWC_EMIT_EMPTY = 1 << 7 /* lists: an empty one is no default */
};

typedef struct gwc_field_s gwc_field_t;

/*
 * Checks one value (a gwc_str_t *, gwc_int_t *, ... by type) of this field;
 * reports through gwc_error(value->node, ...).
 */
typedef void (*gwc_check_pt)(const gwc_field_t *field, void *value);

struct gwc_field_s {
    const char *name;
    gwc_type_t type;
    size_t offset; /* in the struct of the record */
    unsigned flags;
    const char *dflt; /* default as JSON text, e.g. "[\"apikey\"]" */
    bool bounded;     /* min and max hold */
    double min, max;
    size_t min_len;            /* ARRAY, SET, MAP: at least so many */
    const char *const *one_of; /* NULL-terminated */
    gwc_check_pt check;
    const gwc_field_t *elem;   /* ARRAY, SET, MAP: the element */
    const gwc_field_t *fields; /* RECORD: its fields, ends with name NULL */
    size_t size; /* RECORD: of its struct; ARRAY, SET, MAP: of an item */
    const char *refers; /* REF */
};

/* ready-made checks */
void gwc_check_header_name(const gwc_field_t *field, void *value);
void gwc_check_host(const gwc_field_t *field, void *value);
void gwc_check_ip_or_cidr(const gwc_field_t *field, void *value);
void gwc_check_path(const gwc_field_t *field, void *value);
void gwc_check_name(const gwc_field_t *field, void *value);
void gwc_check_uuid(const gwc_field_t *field, void *value);
void gwc_check_url(const gwc_field_t *field, void *value);
void gwc_check_regex(const gwc_field_t *field, void *value);
/* no control characters: for what goes into headers */
void gwc_check_printable(const gwc_field_t *field, void *value);
/* warns of a status that does not end a request */
void gwc_check_final_status(const gwc_field_t *field, void *value);

/* scopes a plugin may have, bits */
enum {
    GWC_SCOPE_GLOBAL = 1 << 0,
    GWC_SCOPE_SERVICE = 1 << 1,
    GWC_SCOPE_ROUTE = 1 << 2,
    GWC_SCOPE_CONSUMER = 1 << 3,
    GWC_SCOPE_ALL = 15,
    GWC_SCOPE_NO_CONSUMER = 7
};

typedef struct gwc_model_s gwc_model_t;
typedef struct gwc_plugin_s gwc_plugin_t;
typedef struct gwc_settings_s gwc_settings_t;

/* a credential kind that the plugin brings (root and nested under consumer) */
typedef struct {
    const char *entity;        /* "keyauth_credentials" */
    const gwc_field_t *fields; /* without id, tags, created_at, consumer */
    size_t size; /* struct starting with gwc_credential_t (model.h) */
    const char *endpoint_key; /* unique field it is referred by, or NULL */
    /* the id's key after "entity:*:"; NULL: endpoint key or random */
    gwc_text_t (*id_key)(const void *credential);
    void (*check)(void *credential);
    /* writes its directive inside the consumer's block */
    void (*emit)(gwc_writer_t *w, const void *credential);
    /* NULL, or as those of the plugin's rule below */
    gwc_text_t (*looks_up)(const void *credential);
    bool (*verifies)(const void *credential);
} gwc_credential_rule_t;

typedef struct {
    const char *name;      /* "key-auth" */
    const char *directive; /* "gateway_key_auth" */
    int priority;
    unsigned scopes;
    const gwc_field_t *fields; /* of config, ends with name NULL */
    size_t size; /* of the config struct, which starts with gwc_record_t */
    void (*check)(void *config);
    /* NULL: "directive name=value ...;" from the table, defaults left out */
    void (*emit)(gwc_writer_t *w, const gwc_plugin_t *plugin);
    /* NULL, or what http{} needs when at least one instance is enabled
       (shared zones); written once */
    void (*emit_http)(gwc_writer_t *w, const gwc_model_t *model,
                      const gwc_settings_t *settings);
    /* NULL, or locations for the status listener's server{} */
    void (*emit_status)(gwc_writer_t *w, const gwc_model_t *model,
                        const gwc_settings_t *settings);
    /* NULL: not for streams; or its lines of a gateway_stream_route */
    void (*emit_stream)(gwc_writer_t *w, const gwc_plugin_t *plugin);
    const gwc_credential_rule_t *const *credentials; /* NULL-terminated */
    /* its credentials or consumers may also be in the store: store.h */
    bool uses_store;
    /* it logs requests with their entities */
    bool writes_records;
    /* NULL, or: with this config it shows them */
    bool (*shows_entities)(const void *config);
    /* NULL, or the host in this config, looked up at run time if a name;
       nothing, if there is none */
    gwc_text_t (*looks_up)(const void *config);
    /* NULL, or where requests go with this config instead of their service:
       a host, name of an upstream or nothing: that of the service; and a
       port, or 0; false: nowhere else */
    bool (*goes_to)(const void *config, gwc_text_t *host, int64_t *port);
    /* NULL, or: clients are asked for their certificates in handshakes; the
       authorities (gwc_ref_t) that they are told of, none when empty */
    gwc_list_t (*asks_clients)(const void *config);
    /* NULL, or the shared object of its own, loaded after ours when used */
    const char *module;
    /* NULL, or: this config has it verify certificates of servers; the
       directive "trusted" in http{} names those of
       lua_ssl_trusted_certificate */
    bool (*verifies)(const void *config);
    const char *trusted;
    /* method, path, query or host of what goes upstream are what it makes of
       them */
    bool rewrites;
    /* NULL, or: with this config requests end here, always */
    bool (*answers)(const void *config);
} gwc_plugin_rule_t;

/* generated from the feature list in config; NULL-terminated */
extern const gwc_plugin_rule_t *const gwc_plugin_rules[];

#endif
