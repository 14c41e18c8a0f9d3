
/*
 * Copyright (C) the ngx_gateway authors
 *
 * UUIDs as the declarative format derives them (RFC 9562 version 5), in
 * plain C for the nginx modules and the tool.
 */


#ifndef _GATEWAY_UUID_H_INCLUDED_
#define _GATEWAY_UUID_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define GATEWAY_UUID_LEN  36


/* 0, or -1 when the text is no UUID; either case is read */
int gateway_uuid_parse(uint8_t uuid[16], const char *text, size_t len);

/* writes 36 lower-case characters, no terminator */
void gateway_uuid_format(char text[GATEWAY_UUID_LEN], const uint8_t uuid[16]);

/* version 5: SHA-1 of namespace and name */
void gateway_uuid_v5(uint8_t uuid[16], const uint8_t ns[16],
    const char *name, size_t len);

/*
 * The id of an entity without one: entity is the root key of the file
 * ("services", "routes", "consumers"), key as declarative-format.md 10.
 */
void gateway_uuid_entity(uint8_t uuid[16], const char *entity,
    const char *key, size_t len);


#endif /* _GATEWAY_UUID_H_INCLUDED_ */
