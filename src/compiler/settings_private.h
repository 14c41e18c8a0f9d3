/*
 * Copyright (C) the ngx_gateway authors
 *
 * Between the parts of settings.c.
 */

#ifndef GWC_SETTINGS_PRIVATE_H
#define GWC_SETTINGS_PRIVATE_H

#include "settings.h"

typedef enum {
    GWC_SET_TEXT,   /* anything */
    GWC_SET_FLAG,   /* on or off */
    GWC_SET_NUMBER, /* at least 0 */
    GWC_SET_TIME,   /* "off", or more than 0: "500ms", "2s", "1m", "1h" */
    GWC_SET_ENUM,
    GWC_SET_LISTEN,
    GWC_SET_STREAMS, /* LISTEN with the flags of streams */
    GWC_SET_LIST,    /* separated by commas */
    GWC_SET_WORDS,   /* separated by commas or spaces */
    GWC_SET_ABSENT,  /* has no meaning here: a warning */
    GWC_SET_LATER    /* not supported yet: anything but "off" is an error */
} gwc_setting_type_t;

typedef struct {
    const char *name;
    gwc_setting_type_t type;
    const char *dflt;
    const char *const *one_of;
    size_t list; /* LISTEN, LIST, WORDS: offset in gwc_settings_t */
} gwc_setting_t;

/* settings_table.c */
extern const gwc_setting_t gwc_setting_table[];
extern const size_t gwc_setting_count;
const gwc_setting_t *gwc_setting_find(const char *name);
/* of a setting that exists */
size_t gwc_setting_index(const char *name);

/* settings_check.c: one value, which may fill a list of settings */
void gwc_setting_check(gwc_settings_t *settings, size_t i);
/* what needs more than one setting, or an item of a list */
void gwc_settings_check(gwc_settings_t *settings);

#endif
