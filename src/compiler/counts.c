/*
 * Copyright (C) the ngx_gateway authors
 */

#include "counts.h"

#include <string.h>

#include "gateway_counts.h"
#include "secret.h"


static bool
gwc_counts_has(const gwc_writer_t *w, const char *directive)
{
    gwc_text_t name = { directive, strlen(directive) };
    size_t i;

    for (i = 0; i + name.len < w->buf.len; i++) {
        if (memcmp(w->buf.data + i, name.data, name.len) == 0
            && w->buf.data[i + name.len] == ' ')
        {
            return true;
        }
    }

    return false;
}


void
gwc_counts_emit_zone(gwc_writer_t *w, const gwc_settings_t *settings,
                     const char *directive)
{
    const char *injected =
        gwc_settings_injected(settings, GWC_CONTEXT_HTTP, directive);
    const char *path = gwc_settings_get(settings, "counts_path");

    if (injected != NULL) {
        /* it stands in place of ours */
        if (strstr(injected, "path=") != NULL) {
            (void) gwc_secret_key(GATEWAY_COUNTS_PURPOSE);

        } else if (path != NULL && strcmp(path, "off") != 0) {
            gwc_settings_warning(settings, "counts_path",
                                 "the setting \"nginx_http_%s\" has no "
                                 "\"path=\", so its counts are not kept",
                                 directive);
        }

        return;
    }

    if (path == NULL || strcmp(path, "off") == 0
        || gwc_counts_has(w, directive)
        || gwc_secret_key(GATEWAY_COUNTS_PURPOSE) == NULL)
    {
        return;
    }

    gwc_begin(w, directive);
    gwc_arg(w, "12m");
    gwc_argf(w, "path=%s", path);
    gwc_argf(w, "interval=%s", gwc_settings_get(settings, "counts_interval"));
    gwc_end(w);
}
