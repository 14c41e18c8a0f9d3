
/*
 * Copyright (C) the ngx_gateway authors
 *
 * Headers that cannot be made of claims: they carry the request, or the
 * identity that was found.  For the module and the tool.
 */


#ifndef _GATEWAY_JWT_HEADERS_H_INCLUDED_
#define _GATEWAY_JWT_HEADERS_H_INCLUDED_


#include <stddef.h>
#include <string.h>
#include <strings.h>


/* NULL, or what is wrong with the name */
static inline const char *
gateway_jwt_header_problem(const char *name, size_t len)
{
    size_t  i, n;

    static const char  *reserved[] = {
        "host", "connection", "content-length", "transfer-encoding",
        "upgrade", "te", "trailer", "expect", "keep-alive",
        "proxy-connection", "authorization", "proxy-authorization", "cookie",
        NULL
    };

    static const char  *prefixes[] = {
        "x-consumer-", "x-credential-", "x-anonymous-", "x-authenticated-",
        "x-forwarded-", "x-real-ip", "x-kong-", NULL
    };

    if (len == 0) {
        return "a header has a name";
    }

    for (i = 0; i < len; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789-_", name[i])
            == NULL || name[i] == '\0')
        {
            return "names of headers have letters, digits, \"-\" and \"_\"";
        }
    }

    for (i = 0; reserved[i] != NULL; i++) {
        if (strlen(reserved[i]) == len
            && strncasecmp(name, reserved[i], len) == 0)
        {
            return "this header cannot be set from a claim";
        }
    }

    for (i = 0; prefixes[i] != NULL; i++) {
        n = strlen(prefixes[i]);

        if (len >= n && strncasecmp(name, prefixes[i], n) == 0) {
            return "this header cannot be set from a claim";
        }
    }

    return NULL;
}


#endif /* _GATEWAY_JWT_HEADERS_H_INCLUDED_ */
