# Copyright (C) the ngx_gateway authors
#
# bot-detection: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference, running
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: r
    paths: [/]
plugins:
- name: bot-detection
  config:
    allow: [Googlebot]
    deny: ["^(curl|Wget)/"]
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["User-Agent: Googlebot/2.1", "User-Agent: curl/8", "User-Agent: bingbot/2.0"]
--- error_code eval
[200, 403, 403]



=== TEST 2: all defaults
--- yaml
_format_version: "3.0"
plugins:
- name: bot-detection
  config:
    allow: []
--- conf
gateway_bot_detection on;



=== TEST 3: a bad regex
--- yaml
_format_version: "3.0"
plugins:
- name: bot-detection
  config:
    deny: ["(a"]
--- error_like: kong.yml:5:12: error: plugins\[0\]\.config\.deny\[0\]: 
