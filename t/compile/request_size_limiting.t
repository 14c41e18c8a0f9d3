# Copyright (C) the ngx_gateway authors
#
# request-size-limiting: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
plugins:
- name: request-size-limiting
  config:
    allowed_payload_size: 64
    size_unit: kilobytes
--- conf
gateway_request_size_limiting allowed_payload_size=64 size_unit=kilobytes;



=== TEST 2: all defaults, spelt out
--- yaml
_format_version: "3.0"
plugins:
- name: request-size-limiting
  config:
    allowed_payload_size: 128
    size_unit: megabytes
    require_content_length: false
--- conf
gateway_request_size_limiting on;



=== TEST 3: a body larger than nginx's own default passes
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: r
    paths: [/]
plugins:
- name: request-size-limiting
  config:
    allowed_payload_size: 2
    require_content_length: true
--- request eval
["POST /\r\n" . "a" x 2097152, "POST /\r\n" . "a" x 2097153, "GET /"]
--- error_code eval
[200, 413, 411]



=== TEST 4: an unknown unit
--- yaml
_format_version: "3.0"
plugins:
- name: request-size-limiting
  config:
    size_unit: gigabytes
--- error_like: kong.yml:5:16: error: plugins\[0\]\.config\.size_unit: 



=== TEST 5: a size that is no whole number
--- yaml
_format_version: "3.0"
plugins:
- name: request-size-limiting
  config:
    allowed_payload_size: 1.5
--- error_like: plugins\[0\]\.config\.allowed_payload_size: 
