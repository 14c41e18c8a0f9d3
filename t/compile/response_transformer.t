# Copyright (C) the ngx_gateway authors
#
# response-transformer: from the file to directives.

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
  - name: response-transformer
    config:
      remove:
        headers: [X-Powered-By]
        json: [internal_id]
      add:
        headers: ["X-Served-By:gateway"]
        json: ["version:2"]
        json_types: [number]
--- conf_like eval
qr/gateway_response_transformer remove\.json=internal_id remove\.headers=X-Powered-By add\.json=version:2 add\.json_types=number add\.headers=X-Served-By:gateway;/



=== TEST 2: every field, for a consumer
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: response-transformer
    config:
      rename: { headers: ["a:b"], json: ["c:d"] }
      replace: { headers: ["a:x y"], json: ["c:$d"], json_types: [string] }
      append: { headers: ["e:f"], json: ["g:true"], json_types: [boolean] }
--- conf_like eval
qr/gateway_response_transformer rename\.json=c:d rename\.headers=a:b "?replace\.json=c:\$\{gateway_dollar\}d"? replace\.json_types=string "replace\.headers=a:x y" append\.json=g:true append\.json_types=boolean append\.headers=e:f;/



=== TEST 3: no config
--- yaml
_format_version: "3.0"
plugins:
- name: response-transformer
--- conf_like: gateway_response_transformer on;



=== TEST 4: all errors are told
--- yaml
_format_version: "3.0"
plugins:
- name: response-transformer
  config:
    remove:
      headers: ["a b"]
    rename:
      headers: ["a:"]
    add:
      headers: ["a", "content-length:5"]
      json: ["x"]
      json_types: [date]
    allow: {}
--- error_like eval
[qr/'a b' is not a valid header/,
 qr/rename\.headers\[0\]: '' is not a valid header/,
 qr/add\.headers\[0\]: 'a' has no value/,
 qr/add\.headers\[1\]: header 'content-length' says where the body ends/,
 qr/add\.json\[0\]: 'x' has no value/,
 qr/json_types\[0\]/,
 qr/allow/]



=== TEST 5: the compiled gateway does it, and a field of the advanced plugin is refused
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: response-transformer
    config:
      replace: { json: ["a:2"], json_types: [number] }
      add: { headers: ["X-New:v"] }
--- request
GET /
--- more_headers
X-Test-Type: application/json
X-Test-Body: {"a":1,"b":2}
--- response_headers
X-New: v
--- response_body chomp
{"a":2,"b":2}
