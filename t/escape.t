# Copyright (C) the ngx_gateway authors
#
# Plain directives of nginx from tags and from --extra, at work.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: tags of a service and of a route; what the gateway sends stays
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT/base
  tags:
  - nginx:proxy_set_header X-From "the%2C gateway"
  - nginx:add_header X-Level service
  routes:
  - name: plain
    paths: [/plain]
  - name: own
    paths: [/own]
    tags: ["nginx:add_header X-Level route"]
--- request eval
["GET /plain", "GET /own"]
--- error_code eval
[200, 200]
--- response_body_like eval
[
    qr!GET /base HTTP/1.1\n(?=.*^Host: 127\.0\.0\.1:\d+$)(?=.*^X-Forwarded-Path: /plain$)(?=.*^X-From: the, gateway$)!ms,
    qr!(?=.*^Host: 127\.0\.0\.1:\d+$)(?=.*^X-From: the, gateway$)!ms,
]
--- response_headers eval
["X-Level: service", "X-Level: route"]
--- no_error_log
[error]



=== TEST 2: a limit of a route; routes that agree share it, others do not
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: small
    paths: [/small]
    tags: ["nginx:client_max_body_size 4"]
  - name: small-too
    paths: [/too]
    tags: ["nginx:client_max_body_size 4;"]
  - name: large
    paths: [/large]
--- request eval
["POST /small\n12345", "POST /too\n12345", "POST /large\n12345", "POST /small\n1234"]
--- error_code eval
[413, 413, 200, 200]



=== TEST 3: numbers keep the order of what depends on it
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: local
    paths: [/local]
    tags: ["nginx:2:deny all", "nginx:1:allow 127.0.0.0%2F8"]
  - name: nobody
    paths: [/nobody]
    tags: ["nginx:1:deny all", "nginx:2:allow 127.0.0.0%2F8"]
--- request eval
["GET /local", "GET /nobody"]
--- error_code eval
[200, 403]



=== TEST 4: inside "if" the route's plugins and the upstream are the same
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT/base
  routes:
  - name: r
    paths: [/r]
    tags: ['nginx:if ($http_x_test = "a b") { add_header X-If yes; }']
    plugins:
    - name: key-auth
consumers:
- username: alice
  keyauth_credentials:
  - key: alice-key
--- request eval
["GET /r/x", "GET /r/x", "GET /r/x"]
--- more_headers eval
["X-Test: a b", "X-Test: a b\napikey: alice-key", "apikey: alice-key"]
--- error_code eval
[401, 200, 200]
--- response_headers eval
["X-If: ", "X-If: yes", "!X-If"]
--- response_body_like eval
[
    qr/No API key found/,
    qr!GET /base/x HTTP.*^X-Consumer-Username: alice$!ms,
    qr!GET /base/x HTTP.*^X-Consumer-Username: alice$!ms,
]



=== TEST 5: limit_except
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: r
    paths: [/r]
    tags: ['nginx:limit_except GET { deny all; }']
--- request eval
["GET /r", "DELETE /r"]
--- error_code eval
[200, 403]



=== TEST 6: a file of --extra: http, server, service and route
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: r
    paths: [/r]
  - name: limited
    paths: [/limited]
--- user_files
>>> extra.yml
http: |
  # what a client says becomes what it gets
  map $http_x_test $answer {
      default  none;
      "~^a;b"  "some {thing}";
  }
  limit_req_zone $server_name zone=one:64k rate=1r/m;
server:
- add_header X-Answer $answer always
- error_page 403 = @forbidden
- location @forbidden { return 451; }
services:
  echo:
  - if ($http_x_forbid) { return 403; }
routes:
  limited:
  - limit_req zone=one
--- compile_args: --extra $TEST_NGINX_SERVROOT/html/extra.yml
--- request eval
["GET /r", "GET /limited", "GET /limited", "GET /r"]
--- more_headers eval
["X-Test: a;b", "", "", "X-Forbid: 1"]
--- error_code eval
[200, 200, 503, 451]
--- response_headers eval
["X-Answer: some {thing}", "X-Answer: none", "X-Answer: none", "X-Answer: none"]
