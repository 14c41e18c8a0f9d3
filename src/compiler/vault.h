/*
 * Copyright (C) the ngx_gateway authors
 *
 * References to secrets: {vault://env/name/subkey?prefix=X#2}, and of ours
 * {vault://file/path?prefix=directory&member=name}.
 */

#ifndef GWC_VAULT_H
#define GWC_VAULT_H

#include "yaml.h"

/* by its looks; whether it can be resolved is another question */
bool gwc_vault_is_reference(gwc_text_t text);
/* replaces *value, the text of node; false after an error */
bool gwc_vault_resolve(const gwc_node_t *node, gwc_text_t *value);
/* makes an entity's prefix known; name: the vault's type; env_prefix: what
   goes before the names of variables, the directory of files, or empty */
void gwc_vault_add(gwc_text_t prefix, gwc_text_t name, gwc_text_t env_prefix);
/* forgets the entities */
void gwc_vault_reset(void);

#endif
