# Copyright (C) the ngx_gateway authors
#
# Plain directives of nginx: where they go, what is refused, and what nginx
# says about them.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: tags of a service are in its block, those of a route in a block that routes share
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
  read_timeout: 5000
  tags: ["team:a", "nginx:proxy_read_timeout 7s", "nginx:client_max_body_size 1m;"]
  routes:
  - name: a
    paths: [/a]
  - name: b
    paths: [/b]
    tags: [&t "nginx:client_max_body_size 2m"]
  - name: c
    paths: [/c]
    tags: [*t]
--- conf_like eval
[
    qr/
        gateway_service[ ]orders[ ]id=\S+[ ][^{]* \{[ ]{2}\#[ ]kong\.yml:3
        \n[ ]+proxy_read_timeout[ ]7s;
        \n[ ]+client_max_body_size[ ]1m;
        \n[ ]+proxy_pass/x,
    qr/
        gateway_service[ ]orders\#nginx=([0-9a-f]{8})[ ]name=orders[ ][^{]* \{[ ]{2}\#[ ]kong\.yml:3
        \n[ ]+proxy_read_timeout[ ]7s;
        \n[ ]+client_max_body_size[ ]2m;
        \n[ ]+proxy_pass[^}]*\}
        (?!.*gateway_service)
        .*gateway_route[ ]a[ ]id=\S+[ ]service=orders[ ]
        .*gateway_route[ ]b[ ]id=\S+[ ]service=orders\#nginx=\1[ ]
        .*gateway_route[ ]c[ ]id=\S+[ ]service=orders\#nginx=\1[ ]/xs,
]



=== TEST 2: %2C, %2F and %25 in tags, numbers that order them
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
  tags:
  - nginx:10:deny all
  - nginx:9:allow 10.0.0.0%2F8
  - 'nginx:add_header X-A "a%2C %252F 100% %7E" always'
--- conf
add_header X-A "a, %2F 100% %7E" always;
allow 10.0.0.0/8;
deny all;
proxy_pass http://gateway_pool_http_1;



=== TEST 3: every block that --extra knows
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
  routes:
  - id: 8d8cd0ec-0b9b-4e8c-8f5c-2b0d4d3e2f10
    paths: [/a]
--- user_files
>>> extra.yml
main: [env FOO=bar]
events: [accept_mutex on]
http: |
  map $http_x $x {   # comment; {
      default 0;
      "~^a;}" 1;
  }
server: ["client_header_timeout 9s"]
location: [proxy_next_upstream_tries 3]
upstream: [keepalive 7]
status: ['allow 127.0.0.1', 'deny all;']
services:
  orders: [proxy_send_timeout 3s]
routes:
  8d8cd0ec-0b9b-4e8c-8f5c-2b0d4d3e2f10:
  - proxy_hide_header X-Powered-By
  - proxy_set_header X-Y "$x"
--- compile_args: --extra extra.yml
--- conf
env FOO=bar;
...
accept_mutex on;
--- conf_like eval
[
    qr/\n    accept_mutex on;\n\}/,
    qr/\nmap \$http_x \$x \{\n    default 0;\n    "~\^a;\}" 1;\n\}\n/,
    qr/\n    client_header_timeout 9s;\n/,
    qr/\n    gateway_balancer;\n    keepalive_requests \d+;\n    keepalive_timeout \w+;\n    keepalive 7;\n/,
    qr/\n    allow 127.0.0.1;\n    deny all;\n/,
    qr/
        \n[ ]+proxy_set_header[ ]Host[ ]\$gateway_upstream_headers;
        \n[ ]+proxy_set_header[ ]Connection[ ]"";
        \n[ ]+proxy_next_upstream_tries[ ]3;
        \n[ ]+proxy_send_timeout[ ]3s;
        \n[ ]+proxy_hide_header[ ]X-Powered-By;
        \n[ ]+proxy_set_header[ ]X-Y[ ]"\$x";
        \n[ ]+proxy_pass/x,
]



=== TEST 4: what the service writes itself gives way
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: https://127.0.0.1:9999
  tls_verify: false
  tls_verify_depth: 3
  read_timeout: 5000
  tags: [nginx:proxy_ssl_verify_depth 5, nginx:proxy_pass_header X-Accel-Expires]
  routes:
  - paths: [/a]
    response_buffering: false
    tags: [nginx:proxy_buffering on, nginx:proxy_read_timeout 1s]
--- conf
proxy_ssl_verify off;
proxy_pass_header Server;
proxy_pass_header Date;
proxy_ssl_verify_depth 5;
proxy_pass_header X-Accel-Expires;
proxy_buffering on;
proxy_read_timeout 1s;
proxy_pass https://gateway_pool_https_1;



=== TEST 5: connections made in another way have a pool of their own
--- yaml
_format_version: "3.0"
services:
- name: a
  url: http://127.0.0.1:9999
- name: b
  url: http://127.0.0.1:9999
  tags: [nginx:client_max_body_size 1m]
- name: c
  url: http://127.0.0.1:9999
  tags: [nginx:proxy_bind 127.0.0.2]
--- conf_like eval
[
    qr/gateway_service a [^}]* http:..gateway_pool_http_1;/,
    qr/gateway_service b [^}]* http:..gateway_pool_http_1;/,
    qr/gateway_service c [^}]* http:..gateway_pool_http_2;/,
]



=== TEST 6: headers of gRPC services
--- yaml
_format_version: "3.0"
services:
- name: a
  url: grpc://127.0.0.1:9999
  tags: [nginx:grpc_set_header X-A b, nginx:grpc_pass_header X-Accel-Expires]
--- conf_like eval
qr/
    gateway_service[ ]a[ ][^{]* \{[ ]{2}\#[ ]kong\.yml:3
    (\n[ ]+grpc_set_header[ ]:authority[ ]\S+;)?
    \n[ ]+grpc_set_header[ ]Host[ ]\S+;
    \n[ ]+grpc_pass_header[ ]Server;
    \n[ ]+grpc_pass_header[ ]Date;
    \n[ ]+grpc_set_header[ ]X-A[ ]b;
    \n[ ]+grpc_pass_header[ ]X-Accel-Expires;
    \n[ ]+grpc_pass[ ]grpc:/x



=== TEST 7: one directive is one directive
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
  tags:
  - "nginx:"
  - nginx:a b; c d
  - nginx:a b }
  - nginx:a b {
  - nginx:if ($x) { set $y 1;
  - nginx:if ($x) { set $y 1 }
  - nginx:add_header X "abc
  - nginx:add_header X "a"b
  - nginx:add_header X a\
  - nginx:{ set $x 1; }
  - nginx:9abc x
  - 'nginx:a # b'
--- error
kong.yml:6:5: error: services[0].tags[0]: expected a directive of nginx
kong.yml:7:5: error: services[0].tags[1]: expected one directive of nginx, this is more
kong.yml:8:5: error: services[0].tags[2]: unexpected "}" in directive "a"
kong.yml:9:5: error: services[0].tags[3]: a block is not closed by "}"
kong.yml:10:5: error: services[0].tags[4]: a block is not closed by "}"
kong.yml:11:5: error: services[0].tags[5]: unexpected "}" in directive "set"
kong.yml:12:5: error: services[0].tags[6]: a quote is not closed
kong.yml:13:5: error: services[0].tags[7]: unexpected "b" behind a quote
kong.yml:14:5: error: services[0].tags[8]: a "\" stands at the end
kong.yml:15:5: error: services[0].tags[9]: unexpected "{"
kong.yml:16:5: error: services[0].tags[10]: "9abc" is no name of a directive of nginx



=== TEST 8: what no tag can hold
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
  tags: [nginx:add_header a a/b]
--- error
kong.yml:5:10: error: services[0].tags[0]: invalid tag "nginx:add_header a a/b": expected printable characters except "," and "/"
  fix: write %2C for "," and %2F for "/"



=== TEST 9: what would break the gateway is refused or warned about
--- yaml
_format_version: "3.0"
consumers:
- username: joe
  tags: ["nginx:foo"]
services:
- name: orders
  url: http://127.0.0.1:9999
  tags:
  - nginx:location %2Fx { return 200; }
  - nginx:proxy_pass http:%2F%2Fx
  - nginx:if ($x) { proxy_pass http:%2F%2Fx; return 200; }
  - nginx:gateway_key_auth
  - nginx:rewrite ^ %2Fx
  - nginx:rewrite ^ %2Fx redirect
  - nginx:proxy_set_header host x
  - nginx:proxy_cache x
  - nginx:error_page 404 %2Fx
routes:
- name: nobody
  paths: [/x]
  tags: [nginx:allow all]
--- error
kong.yml:4:10: warning: consumers[0].tags[0]: has no meaning here: only services and routes carry directives of nginx
kong.yml:9:5: error: services[0].tags[0]: directive "location" is not possible here: routes are the locations
kong.yml:10:5: error: services[0].tags[1]: directive "proxy_pass" is not possible here: the host of the service decides where requests go
kong.yml:11:5: error: services[0].tags[2]: directive "proxy_pass" is not possible here: the host of the service decides where requests go
kong.yml:11:5: warning: services[0].tags[2]: directive "return": it answers before any plugin runs, those of authentication included
kong.yml:12:5: error: services[0].tags[3]: directive "gateway_key_auth" is not possible here: entities, plugins and settings say what the gateway does
kong.yml:13:5: error: services[0].tags[4]: directive "rewrite" is not possible here: what goes upstream is the route's and the service's path
  fix: the plugin request-transformer, replace.uri, changes it
kong.yml:14:5: warning: services[0].tags[5]: directive "rewrite": it answers before any plugin runs, those of authentication included
kong.yml:15:5: error: services[0].tags[6]: directive "proxy_set_header": the gateway writes the header Host itself
kong.yml:16:5: error: services[0].tags[7]: directive "proxy_cache" needs proxy_cache_key here: nginx's own key does not tell services apart
  fix: proxy_cache_key $gateway_route_id$scheme$host$request_uri
kong.yml:17:5: warning: services[0].tags[8]: directive "error_page": it replaces the error pages of the gateway here
kong.yml:21:10: error: routes[0].tags[0]: a route without a service has no place for directives of nginx



=== TEST 10: a file of --extra that is wrong
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
--- user_files
>>> extra.yml
htp: []
http:
- client_max_body_size 1m
- 7
- map $a $b {
    default 1;
    }
server: |
  location /x { return 200; }
  location @y { return 200; }

  listen 80;
main: {a: b}
services:
  order: []
routes: [x]
--- cmd: check kong.yml --extra extra.yml
--- error
extra.yml:1:1: error: htp: unknown field "htp", did you mean "http"?
extra.yml:4:3: error: http[1]: expected a directive of nginx, this is an integer
extra.yml:9:1: warning: server: no client reaches this location, routes decide; only internal redirects do, which "internal" says
extra.yml:12:1: error: server: directive "listen" is not possible here: the settings proxy_listen and status_listen say it
extra.yml:13:7: error: main: expected an array of directives of nginx, or a text of them; this is a map
extra.yml:15:3: error: services.order: there is no entry "order" in 'services', did you mean "orders"?
extra.yml:16:9: error: routes: expected a map of names, this is an array



=== TEST 11: what nginx says leads to the tag
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
  routes:
  - name: a
    paths: [/a]
    tags:
    - nginx:client_max_body_size 1m
    - nginx:frobnicate yes
--- cmd: check kong.yml
--- error
kong.yml:10:7: error: services[0].routes[0].tags[1]: nginx: unknown directive "frobnicate"



=== TEST 12: compile says the same and writes nothing
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
  tags: ["nginx:if ($http_a) { client_max_body_size 1x; }"]
--- cmd: compile kong.yml -o prefix
--- error_like: (?m)^kong\.yml:5:10: error: services\[0\]\.tags\[0\]: nginx: "client_max_body_size" directive is not allowed here$



=== TEST 13: and to a line of a text
--- yaml
_format_version: "3.0"
--- user_files
>>> extra.yml
server: |
  # one
  add_header a
             b;
  client_header_timeout
     oops;
--- cmd: check kong.yml --extra extra.yml
--- error
extra.yml:5:1: error: server: nginx: "client_header_timeout" directive invalid value



=== TEST 14: what nginx finds after all was read
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9999
  tags: [nginx:client_max_body_size 1m, nginx:limit_req zone=nope]
--- cmd: check kong.yml
--- error
kong.yml:5:41: error: services[0].tags[1]: nginx: zero size shared memory zone "nope"



=== TEST 15: settings are named; without directives in files nginx is asked with --test
--- yaml
_format_version: "3.0"
--- cmd: compile kong.yml -o prefix --test --set nginx_http_frobnicate=on
--- error_like: (?m)^ngx-gateway: error: setting "nginx_http_frobnicate" \(--set\): nginx: unknown directive "frobnicate"$



=== TEST 16: check --test
--- yaml
_format_version: "3.0"
--- user_files
>>> gateway.conf

nginx_proxy_client_header_timeout = 7x
--- cmd: check kong.yml --test --settings gateway.conf
--- error
ngx-gateway: error: setting "nginx_proxy_client_header_timeout" (gateway.conf:2): nginx: "client_header_timeout" directive invalid value



=== TEST 17: an extra file and a setting that say the same
--- yaml
_format_version: "3.0"
--- user_files
>>> extra.json
{"server": ["client_header_timeout 7s"]}
--- cmd: compile kong.yml -o prefix --extra extra.json --set nginx_proxy_client_header_timeout=7s
--- error_like: (?m)^extra\.json:1:13: error: server\[0\]: nginx: "client_header_timeout" directive is duplicate$



=== TEST 18: an empty file, and one that is not there
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --extra /dev/null --extra missing.yml
--- stderr_like: missing\.yml
--- exit_code: 3



=== TEST 19: the example of the README
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://orders.internal
  tags: ["nginx:proxy_socket_keepalive on"]
  routes:
  - name: upload
    paths: [/upload]
    tags:
    - nginx:client_max_body_size 2g
    - nginx:1:allow 10.0.0.0%2F8
    - nginx:2:deny all
--- user_files
>>> extra.yml
main: [env TZ]
events: [accept_mutex on]
http: |
  limit_req_zone $binary_remote_addr zone=slow:10m rate=1r/s;
  map $http_x_tier $tier { default free; "gold" gold; }
server: [client_header_timeout 10s]    # for clients
status: [allow 127.0.0.1, deny all]    # the server of status_listen
location: [proxy_next_upstream_tries 3]    # all services
upstream: [keepalive_timeout 10s]    # all pools
services:    # by name or id
  orders: [proxy_set_header X-Tier $tier]
routes:
  upload:
  - limit_req zone=slow burst=5
--- compile_args: --extra extra.yml
--- conf
proxy_socket_keepalive on;
proxy_set_header X-Tier $tier;
client_max_body_size 2g;
allow 10.0.0.0/8;
deny all;
limit_req zone=slow burst=5;
proxy_pass http://gateway_pool_http_1;
