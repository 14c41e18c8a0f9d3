# Copyright (C) the ngx_gateway authors
#
# Plugins and credentials in general.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: names
--- yaml
_format_version: "3.0"
plugins:
- name: aws-lambda
- name: rate-limting
- name: nosuch
- {}
- name: 1
--- error
kong.yml:3:9: error: plugins[0].name: plugin "aws-lambda" is not implemented yet
kong.yml:4:9: error: plugins[1].name: plugin 'rate-limting' not enabled: there is no such plugin, did you mean "rate-limiting"?
kong.yml:5:9: error: plugins[2].name: plugin 'nosuch' not enabled: there is no such plugin
kong.yml:6:3: error: plugins[3]: required field missing: "name"
kong.yml:7:9: error: plugins[4].name: expected a string, this is an integer
  fix: put it in quotes: "1"



=== TEST 2: those that are not implemented may be left out
--- yaml
_format_version: "3.0"
plugins:
- name: aws-lambda
  config: {}
--- cmd
check kong.yml --allow-unsupported
--- stdout
ok: 0 services, 0 routes, 0 consumers, 0 upstreams, 1 plugin
--- stderr_like eval
qr/^\Qkong.yml:3:9: warning: plugins[0].name: plugin "aws-lambda" is not implemented yet and is left out\E$/



=== TEST 3: fields
--- yaml
_format_version: "3.0"
plugins:
- name: key-auth
  config: null
- name: acl
  config: [a]
- name: rate-limiting
  config: {minuet: 5}
  enabled: "yes"
  protocols: [http, ftp]
  ordering: {}
  partials: a
  instance_name: a b
--- error
kong.yml:4:11: error: plugins[0].config: required field missing: "config" is null
kong.yml:6:11: error: plugins[1].config: expected a record (a map), this is an array
kong.yml:8:12: error: plugins[2].config.minuet: unknown field "minuet", did you mean "minute"?
kong.yml:9:12: error: plugins[2].enabled: expected a boolean, this is a string
kong.yml:10:21: error: plugins[2].protocols[1]: expected one of: http, https, grpc, grpcs, tcp, tls, udp, tls_passthrough; this is "ftp"
kong.yml:11:3: error: plugins[2].ordering: unknown field "ordering": it exists in Kong Enterprise only
kong.yml:12:3: error: plugins[2].partials: unknown field "partials": it exists in Kong Enterprise only
kong.yml:13:18: error: plugins[2].instance_name: invalid name "a b": expected letters, digits, ".", "-", "_" and "~"



=== TEST 4: Wasm filters are not supported
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
  filter_chains:
  - filters: []
--- error
kong.yml:6:5: error: services[0].filter_chains[0]: Wasm filters are not supported



=== TEST 5: a credential has its secret, which no message shows
--- yaml
_format_version: "3.0"
consumers:
- username: a
  type: a
  keyauth_credentials:
  - {}
  - key: 12345678
  - key: topsecret
  - key: topsecret
  basicauth_credentials:
  - username: a
  - username: a
    password: topsecret
  - password: topsecret
  hmacauth_credentials:
  - username: a
  jwt_secrets:
  - key: a
  - key: b
    algorithm: RS256
    secret: topsecret
  - key: c
    algorithm: none
    secret: topsecret
  oauth2_credentials:
  - client_id: a
    redirect_uris: [a, "http://a/#b"]
    client_type: x
  acls:
  - {}
--- error
kong.yml:4:3: error: consumers[0].type: unknown field "type": it exists in Kong Enterprise only
kong.yml:6:5: warning: consumers[0].keyauth_credentials[0]: without a "key" nobody can use this credential
kong.yml:7:10: error: consumers[0].keyauth_credentials[1].key: expected a string, this is an integer
  fix: put it in quotes
kong.yml:9:10: error: consumers[0].keyauth_credentials[3].key: uniqueness violation: 'keyauth_credentials' entity with key set to the same value already declared in kong.yml:8
kong.yml:11:5: error: consumers[0].basicauth_credentials[0]: required field missing: "password"
kong.yml:12:15: error: consumers[0].basicauth_credentials[1].username: uniqueness violation: 'basicauth_credentials' entity with username set to 'a' already declared in kong.yml:11
kong.yml:14:5: error: consumers[0].basicauth_credentials[2]: required field missing: "username"
kong.yml:16:5: warning: consumers[0].hmacauth_credentials[0]: without a "secret" nobody can use this credential
kong.yml:18:5: warning: consumers[0].jwt_secrets[0]: without a "secret" nobody can use this credential
kong.yml:19:5: error: consumers[0].jwt_secrets[1]: "rsa_public_key" is required for this algorithm
kong.yml:23:16: error: consumers[0].jwt_secrets[2].algorithm: expected one of: HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA; this is "none"
kong.yml:26:5: error: consumers[0].oauth2_credentials[0]: required field missing: "name"
kong.yml:27:21: error: consumers[0].oauth2_credentials[0].redirect_uris[0]: "a" is no URL, expected SCHEME://HOST...
kong.yml:27:24: error: consumers[0].oauth2_credentials[0].redirect_uris[1]: "http://a/#b" must not have a fragment
kong.yml:28:18: error: consumers[0].oauth2_credentials[0].client_type: expected one of: confidential, public; this is "x"
kong.yml:30:5: error: consumers[0].acls[0]: required field missing: "group"



=== TEST 6: a consumer has a name
--- yaml
_format_version: "3.0"
consumers:
- {}
- tags: [a]
- username: null
--- error
kong.yml:3:3: error: consumers[0]: at least one of "username" and "custom_id" must be set
kong.yml:4:3: error: consumers[1]: at least one of "username" and "custom_id" must be set
kong.yml:5:3: error: consumers[2]: at least one of "username" and "custom_id" must be set



=== TEST 7: tags
--- yaml
_format_version: "3.0"
consumers:
- username: a
  tags: ["a,b", "a/b", "a b", "\u00e9", 1, "a\tb"]
--- error
kong.yml:4:10: error: consumers[0].tags[0]: invalid tag "a,b": expected printable characters except "," and "/"
kong.yml:4:17: error: consumers[0].tags[1]: invalid tag "a/b": expected printable characters except "," and "/"
kong.yml:4:41: error: consumers[0].tags[4]: expected a string, this is an integer
  fix: put it in quotes: "1"
kong.yml:4:44: error: consumers[0].tags[5]: invalid tag "a\x09b": expected printable characters except "," and "/"
