# Copyright (C) the ngx_gateway authors
#
# cors: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
plugins:
- name: cors
  config:
    origins:
    - https://shop.example.com
    - https://.*\.partner\.example\.com
    credentials: true
    max_age: 3600
--- conf_like: gateway_cors origins=https://shop.example.com "?origins=https://\.\*\S+partner\S+com"? max_age=3600 credentials=on;



=== TEST 2: every field
--- yaml
_format_version: "3.0"
plugins:
- name: cors
  config:
    origins: ["*"]
    methods: [GET, PUT]
    headers: [X-A, X-B]
    exposed_headers: [X-C]
    max_age: -1
    credentials: true
    private_network: true
    preflight_continue: true
    allow_origin_absent: false
--- conf
gateway_cors origins=* headers=X-A headers=X-B exposed_headers=X-C methods=GET methods=PUT max_age=-1 credentials=on private_network=on preflight_continue=on allow_origin_absent=off;



=== TEST 3: a regex that reaches the gateway as written
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: r
    paths: [/]
plugins:
- name: cors
  config:
    origins: ['^http://(.*[.])?foo\.test(:(80|90))?$', 'x "y" {z}']
--- request
GET /
--- more_headers
Origin: http://a.foo.test:90
--- response_headers
Access-Control-Allow-Origin: http://a.foo.test:90



=== TEST 4: a bad regex
--- yaml
_format_version: "3.0"
plugins:
- name: cors
  config:
    origins: [a, "(b"]
--- error_like: kong.yml:5:18: error: plugins\[0\]\.config\.origins\[1\]: 



=== TEST 5: an unknown method
--- yaml
_format_version: "3.0"
plugins:
- name: cors
  config:
    methods: [GET, FETCH]
--- error_like: plugins\[0\]\.config\.methods\[1\]: 



=== TEST 6: not for consumers
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: cors
--- error_like: kong.yml:.* error: consumers\[0\]\.plugins\[0\]
