# Copyright (C) the ngx_gateway authors
#
# The command explain: its words and its JSON.  That it agrees with the
# running gateway is the business of examples.t.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: route, runners-up, service, plugins and upstream
--- yaml
_format_version: "3.0"
services:
- name: orders
  host: orders.internal
  port: 8080
  path: /v1
  routes:
  - name: all
    paths: [/]
  - name: items
    paths: [/items]
    plugins:
    - name: rate-limiting
      config: {minute: 5}
plugins:
- name: key-auth
- name: rate-limiting
  config: {minute: 100}
--- cmd: explain kong.yml http://shop.example/items/7?q=1
--- stdout
route     items (kong.yml:10) by path /items
  before  all (kong.yml:8): longer prefix
service   orders (kong.yml:3)
plugins   in this order:
          key-auth                 global                 kong.yml:16
          rate-limiting            route                  kong.yml:13
upstream  GET http://orders.internal:8080/v1/7?q=1, Host: orders.internal:8080



=== TEST 2: no route: global plugins only
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/a]
plugins:
- name: prometheus
--- cmd: explain kong.yml GET /b
--- stdout
route     none
plugins   in this order (global ones only, and not their access part):
          prometheus               global                 kong.yml:6
answer    404 no Route matched with those values



=== TEST 3: a route without a service
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/a]
--- cmd: explain kong.yml /a
--- stdout
route     a (kong.yml:3) by path /a
plugins   none
answer    503 no Service found with those values (after the plugins)



=== TEST 4: https only: 426, and a redirect
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/a]
  protocols: [https]
--- cmd: explain kong.yml http://h/a
--- stdout_like: answer    426 Please use HTTPS protocol



=== TEST 5: the redirect keeps the target as it was sent
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/x]
  protocols: [https]
  https_redirect_status_code: 308
--- cmd: explain kong.yml http://H:8000/x/../x?q
--- stdout_like: answer    308 Location: https://h/x/\.\./x\?q



=== TEST 6: headers, method and TLS
--- yaml
_format_version: "3.0"
routes:
- name: a
  methods: [POST]
  headers: {x-kind: [one]}
  snis: [a.com]
  protocols: [https]
--- cmd: explain kong.yml POST https://a.com/ -H 'X_Kind: ONE'
--- stdout_like: route     a \(kong\.yml:3\)\n



=== TEST 7: consumers count for plugins after authentication
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths: [/]
plugins:
- name: key-auth
- name: rate-limiting
  config: {minute: 1}
  route: r
- name: rate-limiting
  config: {minute: 2}
  consumer: bob
consumers:
- username: bob
--- cmd: explain kong.yml /x --consumer bob
--- stdout_like: rate-limiting            consumer               kong\.yml:13



=== TEST 8: JSON
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths: [/a]
    preserve_host: true
--- cmd: explain kong.yml /a/b%2fc -H 'Host: x.com:81' --json
--- stdout
{
  "route": {
    "name": "r",
    "id": "da7ba03a-f1be-52d4-8a7e-c8f32640689a",
    "source": "kong.yml:6",
    "path": "/a"
  },
  "runners_up": [],
  "service": {
    "name": "s",
    "id": "b268827a-8f7f-551f-8769-e6bceb2f3ec6",
    "source": "kong.yml:3"
  },
  "plugins": [],
  "upstream": {
    "uri": "/b%2Fc",
    "protocol": "http",
    "host": "127.0.0.1",
    "host_header": "x.com:81",
    "port": 80
  },
  "answer": null
}



=== TEST 9: a target that hides a dot segment
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/]
--- cmd: explain kong.yml /a%2F..%2Fb
--- stdout_like: answer    400 Bad request



=== TEST 10: bad usage
--- yaml
_format_version: "3.0"
--- cmd: explain kong.yml nonsense
--- error_like: "nonsense": expected http://host/path
--- exit_code: 2



=== TEST 11: a gRPC route
--- yaml
_format_version: "3.0"
services:
- name: g
  protocol: grpc
  host: 127.0.0.1
  port: 9000
  routes:
  - name: r
    protocols: [grpc, grpcs]
    paths: [/pkg.S/]
--- cmd: explain kong.yml POST /pkg.S/Get -H 'Content-Type: application/grpc+proto'
--- stdout_like: upstream  POST grpc://127.0.0.1:9000/pkg.S/Get



=== TEST 12: and a client that speaks something else
--- yaml
_format_version: "3.0"
routes:
- name: r
  protocols: [grpc]
  paths: [/pkg.S/]
--- cmd: explain kong.yml POST /pkg.S/Get -H 'Content-Type: text/plain'
--- stdout_like: answer    415 Non-gRPC request matched gRPC route



=== TEST 13: forwarding headers of a trusted client
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:9000
  routes:
  - name: a
    paths: [/a]
    protocols: [https]
    https_redirect_status_code: 301
--- compile_args: --set trusted_ips=10.0.0.0/8
--- cmd: explain kong.yml http://h/a -H 'X-Forwarded-Proto: https' --from 10.1.1.1
--- stdout
route     a (kong.yml:6) by path /a
service   s (kong.yml:3)
plugins   none
upstream  GET http://127.0.0.1:9000/, Host: 127.0.0.1:9000



=== TEST 14: those of anybody else
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/a]
  protocols: [https]
--- compile_args: --set trusted_ips=10.0.0.0/8
--- cmd: explain kong.yml http://h/a -H 'X-Forwarded-Proto: https' --from 11.1.1.1
--- stdout_like: answer    426 



=== TEST 15: those of a client that has no address
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/a]
  protocols: [https]
--- compile_args: --set trusted_ips=0.0.0.0/0
--- cmd: explain kong.yml http://h/a -H 'X-Forwarded-Proto: https'
--- stdout_like: answer    426 



=== TEST 16: the host of a redirect
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/a]
  protocols: [https]
  https_redirect_status_code: 308
--- compile_args: --set trusted_ips=10.0.0.0/8
--- cmd: explain kong.yml http://h/a?q -H 'X-Forwarded-Host: public.example' --from 10.0.0.1
--- stdout_like: answer    308 Location: https://public\.example/a\?q\n



=== TEST 17: https of a trusted client that says http
--- yaml
_format_version: "3.0"
routes:
- name: a
  paths: [/a]
  protocols: [https]
--- compile_args: --set trusted_ips=10.0.0.1
--- cmd: explain kong.yml https://h/a -H 'X-Forwarded-Proto: http' --from 10.0.0.1
--- stdout_like: answer    426 



=== TEST 18: the client's address behind a trusted one
--- yaml
_format_version: "3.0"
routes:
- name: a
  expression: net.src.ip == 2.2.2.2 && net.src.port == 81
--- compile_args: --set router_flavor=expressions --set trusted_ips=10.0.0.0/8 --set real_ip_header=X-Forwarded-For
--- cmd: explain kong.yml http://h/a -H 'X-Forwarded-For: 1.1.1.1, 2.2.2.2:81' --from 10.0.0.1:5
--- stdout_like: ^route     a 



=== TEST 19: the last one that is not trusted
--- yaml
_format_version: "3.0"
routes:
- name: a
  expression: net.src.ip == 1.1.1.1
--- compile_args: --set router_flavor=expressions --set trusted_ips=10.0.0.0/8 --set real_ip_header=X-Forwarded-For --set real_ip_recursive=on
--- cmd: explain kong.yml http://h/a -H 'X-Forwarded-For: 8.8.8.8, 1.1.1.1, 10.0.0.9' --from 10.0.0.1:5
--- stdout_like: ^route     a 



=== TEST 20: long names, and plugins that change what goes upstream
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:9000
  routes:
  - name: r
    paths: [/a]
plugins:
- name: key-auth
- name: request-transformer-advanced
- name: request-transformer
--- cmd: explain kong.yml /a
--- stdout
route     r (kong.yml:6) by path /a
service   s (kong.yml:3)
plugins   in this order:
          key-auth                     global                 kong.yml:9
          request-transformer-advanced global                 kong.yml:10
          request-transformer          global                 kong.yml:11
upstream  GET http://127.0.0.1:9000/, Host: 127.0.0.1:9000 (before request-transformer-advanced, request-transformer)



=== TEST 21: the same as JSON
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:9000
  routes:
  - name: r
    paths: [/a]
plugins:
- name: request-transformer
- name: request-termination
--- cmd: explain kong.yml /a --json
--- stdout_like: "answered_by": "request-termination",\s+"before": \[\s+"request-transformer"\s+\]



=== TEST 22: a plugin that answers
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:9000
  routes:
  - name: r
    paths: [/a]
    plugins:
    - name: redirect
      config: {location: "https://example.com/"}
plugins:
- name: request-termination
- name: request-transformer
--- cmd: explain kong.yml /a
--- stdout_like: 127\.0\.0\.1:9000 \(not reached: redirect answers\)\n\z



=== TEST 23: and one that may let the request pass
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:9000
  routes:
  - name: r
    paths: [/a]
plugins:
- name: request-termination
  config: {trigger: x-stop}
--- cmd: explain kong.yml /a
--- stdout_like: Host: 127\.0\.0\.1:9000\n\z



=== TEST 24: without a URL
--- yaml
_format_version: "3.0"
--- cmd: explain kong.yml
--- error_like: ngx-gateway: explain needs a FILE and a URL, see --help
--- exit_code: 2
