/*
 * Copyright (C) the ngx_gateway authors
 *
 * The secret of an installation: DIR/secret, made with the first credential
 * that needs it and kept over compiles.  Credentials are written as digests
 * under it.
 */

#ifndef GWC_SECRET_H
#define GWC_SECRET_H

#include "gateway_digest.h"
#include "rule.h"

/* its name, relative to the prefix */
#define GWC_SECRET_FILE "secret"

/*
 * From here on digests are for this prefix; NULL: it has no secret yet.  It
 * is read, or drawn, when the first digest asks for it.
 */
void gwc_secret_begin(const char *prefix);

/* the key of a purpose; NULL after an error */
const gateway_digest_key_t *gwc_secret_key(const char *purpose);

/*
 * The HMAC of first and second as one text, in hex digits; first, which may
 * be empty, is of one length for all digests of the purpose.
 */
const char *gwc_secret_hex(const char *purpose, gwc_text_t first,
                           gwc_text_t second);

/*
 * In place of a secret that the file does not give: nobody knows it, and it
 * stays the same for this id.
 */
const char *gwc_secret_drawn(const char *id);

/* some digest was made, so nginx needs the file */
bool gwc_secret_is_used(void);

/* writes the file if it was drawn; the directory is locked */
bool gwc_secret_write(const char *directory);

#endif
