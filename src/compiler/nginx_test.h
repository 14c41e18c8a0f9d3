/*
 * Copyright (C) the ngx_gateway authors
 *
 * What nginx says about our output, told of the lines it was made from.
 */

#ifndef GWC_NGINX_TEST_H
#define GWC_NGINX_TEST_H

#include "emit.h"

/*
 * nginx -t of the nginx.conf named conf in the prefix.  False when nginx
 * refuses it; errors and warnings go to diag.  asked: somebody wants to
 * know whether nginx can start here; else an address that this user may not
 * bind is a warning.
 */
bool gwc_nginx_test(const gwc_output_t *output, const char *prefix,
                    const char *conf, bool asked);

/* the same in a temporary directory, which is removed */
bool gwc_nginx_test_only(const gwc_output_t *output, bool asked);

#endif
