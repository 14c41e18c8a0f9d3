# Copyright (C) the ngx_gateway authors
#
# request-transformer: from the file to directives.

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
    paths: ["~/orders/(?<id>\\d+)"]
  plugins:
  - name: request-transformer
    config:
      replace:
        uri: /v2/$(uri_captures.id)
      remove:
        headers: [X-Internal]
      add:
        headers: ["X-Tenant:$(query_params.tenant or 'none')"]
--- conf_like eval
qr/gateway_request_transformer remove\.headers=X-Internal "?replace\.uri=\/v2\/\$\(uri_captures\.id\)"? "add\.headers=X-Tenant:\$\(query_params\.tenant or 'none'\)";/



=== TEST 2: all errors are told
--- yaml
_format_version: "3.0"
plugins:
- name: request-transformer
  config:
    http_method: get
    remove:
      headers: ["a b"]
    rename:
      headers: ["a:"]
      querystring: ["exist:"]
    replace:
      uri: /$(io.open)
      body: ["x"]
    add:
      headers: ["a", "content-length:5", "b:$(headers.x:gsub('a'))", "c:$(headers.x:dump())"]
    allow: {}
--- error_like eval
[qr/http_method: a method is all capital letters/,
 qr/'a b' is not a valid header/,
 qr/rename\.headers\[0\]: '' is not a valid header/,
 qr/querystring\[0\]: key 'exist' has no value/,
 qr/replace\.uri: value '.*' is not in supported format, error:the expression at "\$\(io\.open\)" uses a name/,
 qr/replace\.body\[0\]: key 'x' has no value/,
 qr/add\.headers\[0\]: key 'a' has no value/,
 qr/header 'content-length' says where the body ends/,
 qr/headers\[2\]: .*"\$\(headers\.x:gsub\('a'\)\)" has too few arguments/,
 qr/headers\[3\]: .* calls a method that strings do not have here, at "dump\(\)\)"/,
 qr/allow/]



=== TEST 3: the compiled gateway: path, host, query, headers
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT/base
  routes:
  - name: all
    paths: ["~/r/(?<user>[a-z]+)(/(?<sub>[a-z]+))?"]
  plugins:
  - name: request-transformer
    config:
      replace:
        uri: /v2/$(uri_captures.user)/$(uri_captures["sub"])
        headers: ["Host:other.example"]
      append: { headers: ["X-L:1", "X-L:2"] }
      add: { querystring: ["u:$(uri_captures[1])", "all:$(uri_captures[0])"] }
--- request eval
["GET /r/bob/x?z=1", "GET /r/bob?z=1"]
--- response_body_like eval
[qr{^GET /v2/bob/x\?all=%2Fr%2Fbob%2Fx&u=bob&z=1 HTTP(?:.*\n)*Host: other\.example\n(?:.*\n)*X-L: 1\n(?:.*\n)*X-L: 2\n}i,
 qr{^GET /v2/bob/\?all=%2Fr%2Fbob&u=bob&z=1 HTTP}]



=== TEST 4: an empty config changes nothing
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: request-transformer
    config: {}
--- request
GET /a?b=%41
--- response_body_like: ^GET /a\?b=%41 HTTP



=== TEST 5: the compiled gateway: method, type and body
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: request-transformer
    config:
      http_method: POST
      add: { headers: ["Content-Type:application/json"], body: ["body:some $(headers.x_a)"] }
      remove: { body: [a] }
--- request eval
["GET /t", "PUT /t\n{\"a\":1,\"b\":[]}"]
--- more_headers
X-A: content
--- response_body_like eval
[qr/^POST \/t HTTP(?:.*\n)*\n\{"body":"some content"\}/,
 qr/^POST \/t HTTP(?:.*\n)*\n\{"b":\[\],"body":"some content"\}/]
