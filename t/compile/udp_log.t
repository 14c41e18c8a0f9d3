# Copyright (C) the ngx_gateway authors
#
# udp-log: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: an address
--- yaml
_format_version: "3.0"
plugins:
- name: udp-log
  config:
    host: 127.0.0.1
    port: 9000
    timeout: 10000
--- conf
gateway_udp_log host=127.0.0.1 port=9000;
--- conf_unlike: resolver



=== TEST 2: a name needs a resolver; custom fields
--- yaml
_format_version: "3.0"
plugins:
- name: udp-log
  config:
    host: logs.example.com
    port: 9000
    timeout: 500
    custom_fields_by_lua:
      a.b: return nil
--- compile_args: --set dns_resolver=127.0.0.1
--- conf_like eval
[qr/gateway_udp_log host=logs\.example\.com port=9000 timeout=500 "custom_fields_by_lua\.a\.b=return nil";/,
 qr/^\s*resolver 127\.0\.0\.1/m]



=== TEST 3: no port
--- yaml
_format_version: "3.0"
plugins:
- name: udp-log
  config:
    host: 127.0.0.1
--- error_like: required field missing: "port"



=== TEST 4: a port out of range
--- yaml
_format_version: "3.0"
plugins:
- name: udp-log
  config:
    host: 127.0.0.1
    port: 65536
--- error_like: kong.yml:6:11: error: plugins\[0\]\.config\.port: 
