# Copyright (C) the ngx_gateway authors
#
# Plugin instances at the level of their scope, consumers and credentials.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: global, service, route; defaults are left out
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  plugins:
  - name: key-auth
    config: {key_names: [apikey], hide_credentials: true}
  routes:
  - name: r
    paths: [/]
    plugins:
    - name: rate-limiting
      config: {minute: 5, policy: local}
plugins:
- name: key-auth
  config: {key_names: [apikey], key_in_header: true}
--- compile_args: --set proxy_listen=127.0.0.1:2331
--- conf
gateway_no_route 404;
gateway_key_auth on;
--- conf_like eval
[
    qr/gateway_service s [^\n]*\n\s+gateway_key_auth hide_credentials=on;\n\s+proxy_pass/,
    qr/gateway_route r [^\n]*\n\s+paths \/;\n\s+gateway_rate_limiting minute=5;\n\s+\}/,
]



=== TEST 2: route and service together beat the route alone
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths: [/]
plugins:
- {name: rate-limiting, route: r, config: {minute: 1}}
- {name: rate-limiting, route: r, service: s, config: {minute: 2}}
--- compile_args: --set proxy_listen=127.0.0.1:2331
--- conf_like: gateway_rate_limiting minute=2 scope=route\+service;
--- conf_unlike: minute=1



=== TEST 3: consumers, and what narrows their instances
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths: [/]
consumers:
- username: bob
  custom_id: "b ob"
plugins:
- {name: rate-limiting, consumer: bob, config: {minute: 1}}
- {name: rate-limiting, consumer: bob, route: r, config: {minute: 2}}
- {name: rate-limiting, consumer: bob, service: s, config: {minute: 3}}
- {name: rate-limiting, consumer: bob, service: s, route: r, config: {minute: 4}}
--- compile_args: --set proxy_listen=127.0.0.1:2331
--- conf
gateway_consumer bob {  # kong.yml:9
id def4f7d3-9863-5ad2-8fa9-c949bf26f55e;
username bob;
custom_id "b ob";
gateway_rate_limiting minute=1;
gateway_rate_limiting minute=2 route=r;
gateway_rate_limiting minute=3 service=s;
gateway_rate_limiting minute=4 route=r service=s;
}



=== TEST 4: disabled instances are as if they were not there
--- yaml
_format_version: "3.0"
routes:
- name: r
  paths: [/]
  plugins:
  - name: key-auth
    enabled: false
plugins:
- {name: acl, enabled: false, config: {allow: [a]}}
--- compile_args: --set proxy_listen=127.0.0.1:2331
--- conf_unlike: gateway_key_auth|gateway_acl



=== TEST 5: credentials and groups are in a file of mode 0600
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  keyauth_credentials:
  - key: "se$cret;"
  acls:
  - group: staff
--- compile_args: --set proxy_listen=127.0.0.1:2331
--- conf_like eval
[
    qr/gateway_key_auth_credential id=\S+ key_digest=[0-9a-f]{64};/,
    qr/gateway_secret_file secret;/,
    qr/gateway_acl_group staff;/,
]
--- conf_unlike: se\$cret



=== TEST 6: an instance for a route of a disabled service
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  enabled: false
  routes:
  - name: r
    paths: [/]
consumers:
- username: bob
plugins:
- {name: rate-limiting, consumer: bob, route: r, config: {minute: 2}}
--- compile_args: --set proxy_listen=127.0.0.1:2331
--- conf_unlike: minute=2



=== TEST 7: a block of its own carries the service's instances too
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  plugins:
  - name: key-auth
  routes:
  - name: a
    paths: [/a]
  - name: b
    paths: [/b]
    response_buffering: false
--- compile_args: --set proxy_listen=127.0.0.1:2331
--- conf_like: (?s)gateway_key_auth on;.*s#unbuffered_response.*gateway_key_auth on;
