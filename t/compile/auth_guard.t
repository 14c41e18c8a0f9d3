# Copyright (C) the ngx_gateway authors
#
# auth-guard: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080
  routes:
  - name: orders
    paths: [/orders]
plugins:
- name: basic-auth
- name: auth-guard
  config:
    max_client_failures: 5
    max_credential_failures: 50
    window_size: 60
    block_duration: 300
    ipv6_prefix: 64
    exempt: [10.0.0.0/8]
--- conf_like: (?m)^ +gateway_auth_guard max_client_failures=5 max_credential_failures=50 exempt=10\.0\.0\.0/8;



=== TEST 2: nothing but defaults
--- yaml
_format_version: "3.0"
plugins:
- name: auth-guard
--- conf_like: (?m)^ +gateway_auth_guard on;



=== TEST 3: every field
--- yaml
_format_version: "3.0"
plugins:
- name: auth-guard
  config:
    max_client_failures: 0
    max_credential_failures: 1
    window_size: 1
    block_duration: 86400
    ipv6_prefix: 128
    exempt: [127.0.0.1, 2001:db8::/32]
--- conf_like: (?m)^ +gateway_auth_guard max_client_failures=0 max_credential_failures=1 window_size=1 block_duration=86400 ipv6_prefix=128 exempt=127.0.0.1 exempt=2001:db8::/32;



=== TEST 4: bad fields
--- yaml
_format_version: "3.0"
plugins:
- name: auth-guard
  config:
    max_client_failures: -1
    max_credential_failures: 1000001
    window_size: 0
    block_duration: 86401
    ipv6_prefix: 129
    exempt: [here]
    limit: 1
--- error_like eval
[qr/^kong.yml:5:26: error: plugins\[0\]\.config\.max_client_failures: /m,
 qr/^kong.yml:6:30: error: plugins\[0\]\.config\.max_credential_failures: /m,
 qr/^kong.yml:7:18: error: plugins\[0\]\.config\.window_size: /m,
 qr/^kong.yml:8:21: error: plugins\[0\]\.config\.block_duration: /m,
 qr/^kong.yml:9:18: error: plugins\[0\]\.config\.ipv6_prefix: /m,
 qr/^kong.yml:10:14: error: plugins\[0\]\.config\.exempt\[0\]: /m,
 qr/^kong.yml:11:5: error: plugins\[0\]\.config\.limit: /m]



=== TEST 5: nothing is limited
--- yaml
_format_version: "3.0"
plugins:
- name: auth-guard
  config:
    max_client_failures: 0
--- error_like: ^kong.yml:5:26: error: plugins\[0\]\.config\.max_client_failures: nothing is limited



=== TEST 6: not for one consumer
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: auth-guard
--- error_like: kong.yml:5:\d+: error: consumers\[0\]\.plugins\[0\].*consumer



=== TEST 7: the compiled gateway keeps to it
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
plugins:
- name: key-auth
- name: auth-guard
  config:
    max_client_failures: 2
consumers:
- username: bob
  keyauth_credentials:
  - key: kong
--- request eval
["GET /t?apikey=a", "GET /t?apikey=kong", "GET /t?apikey=b", "GET /t?apikey=kong"]
--- error_code eval
[401, 200, 401, 429]
