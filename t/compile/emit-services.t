# Copyright (C) the ngx_gateway authors
#
# Services, routes, upstreams and pools as directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: one service, one route; nothing that has its default
--- yaml
_format_version: "3.0"
services:
- name: orders
  host: 127.0.0.1
  port: 2310
  routes:
  - name: all
    paths: [/]
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf
gateway_service orders id=580c8aca-d632-5804-b307-a24326e1e2d5 protocol=http host=127.0.0.1 port=2310 headers=variable {  # kong.yml:3
proxy_pass http://gateway_pool_http_1;
}
gateway_route all id=ee406ca5-f375-5642-b717-d5ee48a72414 service=orders {  # kong.yml:7
paths /;
}
...
upstream gateway_pool_http_1 {
gateway_balancer;
keepalive 512;
keepalive_requests 10000;
keepalive_timeout 60s;
}



=== TEST 2: every matcher and option of a route
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:2310/base
  retries: 2
  connect_timeout: 1500
  write_timeout: 61000
  routes:
  - name: r
    id: 11111111-1111-4111-8111-111111111111
    hosts: [a.com, "*.b.com"]
    paths: [/x, "~/y z/(?<id>\\d{2,})"]
    methods: [GET, POST]
    headers:
      X-Kind: [a, "~*^b;c"]
    snis: [a.com]
    protocols: [https]
    regex_priority: 7
    strip_path: false
    preserve_host: true
    https_redirect_status_code: 308
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf
proxy_connect_timeout 1500ms;
proxy_send_timeout 61s;
proxy_pass http://gateway_pool_http_1;
...
hosts a.com *.b.com;
paths /x "~/y z/(?<id>\\d{2,})";
methods GET POST;
header X-Kind a "~*^b;c";
snis a.com;
regex_priority 7;
protocols https;
strip_path off;
preserve_host on;
https_redirect_status_code 308;



=== TEST 3: routes that agree share a service block, others get their own
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: a
    paths: [/a]
  - name: b
    paths: [/b]
    request_buffering: false
  - name: c
    paths: [/c]
    response_buffering: false
    request_buffering: false
  - name: d
    paths: [/d]
    request_buffering: false
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf_like eval
[
    qr/gateway_service s id=\S+ protocol=http host=127\.0\.0\.1 port=80 headers=variable \{  # kong\.yml:3\n\s+proxy_pass http:\/\/gateway_pool_http_1;\n\s+\}/,
    qr/gateway_service s#unbuffered_request name=s id=\S+ .*\n\s+proxy_request_buffering off;\n\s+proxy_pass/,
    qr/gateway_service s#unbuffered name=s id=\S+ .*\n\s+proxy_request_buffering off;\n\s+proxy_buffering off;\n\s+proxy_pass/,
    qr/gateway_route a id=\S+ service=s \{/,
    qr/gateway_route b id=\S+ service=s#unbuffered_request \{/,
    qr/gateway_route c id=\S+ service=s#unbuffered \{/,
    qr/gateway_route d id=\S+ service=s#unbuffered_request \{/,
]



=== TEST 4: when no route is plain, the first block has the service's name
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: a
    paths: [/a]
    request_buffering: false
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf_like: gateway_service s id=\S+ .*\n\s+proxy_request_buffering off;
--- conf_unlike: s#



=== TEST 5: a disabled service is left out with its routes
--- yaml
_format_version: "3.0"
services:
- name: gone
  host: 127.0.0.1
  enabled: false
  routes:
  - name: gone
    paths: [/a]
- name: s
  host: 127.0.0.1
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf_like: gateway_service s
--- conf_unlike: gone



=== TEST 6: a route without a service
--- yaml
_format_version: "3.0"
routes:
- name: lonely
  hosts: [a.com]
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf_like: gateway_route lonely id=\S+ \{  # kong.yml:3\n\s+hosts a.com;\n\s+\}



=== TEST 7: upstreams
--- yaml
_format_version: "3.0"
services:
- name: s
  host: pool
- name: t
  host: lc
- name: u
  host: plain
upstreams:
- name: pool
  hash_on: header
  hash_on_header: X-User
  hash_fallback: ip
  host_header: inner.example
  targets:
  - target: 127.0.0.1:2312
  - target: "[::1]:2313"
    weight: 0
- name: lc
  algorithm: least-connections
  hash_on: ip
- name: plain
  algorithm: round-robin
- name: unused
  use_srv_name: true
--- compile_args: --set proxy_listen=127.0.0.1:2311 --set status_listen=off
--- conf
gateway_upstream pool {  # kong.yml:10
algorithm consistent-hashing;
hash_on header X-User;
hash_fallback ip;
slots 10000;
host_header inner.example;
target 127.0.0.1:2312;
target [::1]:2313 weight=0;
}
gateway_upstream lc {  # kong.yml:19
algorithm least-connections;
}
gateway_upstream plain {  # kong.yml:22
algorithm round-robin;
}
gateway_upstream unused {  # kong.yml:24
algorithm round-robin;
use_srv_name on;
}



=== TEST 8: connections to one place share a pool, whatever the service
--- yaml
_format_version: "3.0"
services:
- {name: a, host: 127.0.0.1, port: 2312}
- {name: b, host: 127.0.0.1, port: 2312, path: /b}
- {name: c, host: 127.0.0.1, port: 2313}
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf_like eval
[
    qr/gateway_service a .*\n\s+proxy_pass http:\/\/gateway_pool_http_1;/,
    qr/gateway_service b .* path=\/b .*\n\s+proxy_pass http:\/\/gateway_pool_http_1;/,
    qr/gateway_service c .*\n\s+proxy_pass http:\/\/gateway_pool_http_2;/,
]



=== TEST 9: connections of TLS are shared only within one identity
--- yaml
_format_version: "3.0"
services:
- {name: a, url: "https://127.0.0.1:2312"}
- {name: b, url: "https://127.0.0.1:2312", tls_verify: false}
- name: c
  url: https://127.0.0.1:2312
  routes:
  - {name: c1, paths: [/1]}
  - {name: c2, paths: [/2], hosts: [c.com], preserve_host: true}
  - {name: c3, paths: [/3], hosts: ["*.com"], preserve_host: true}
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf_like eval
[
    qr/proxy_ssl_server_name on;\n\s+proxy_ssl_name \$gateway_upstream_ssl_name;/,
    qr/gateway_service a .*\n\s+proxy_pass https:\/\/gateway_pool_https_1;/,
    qr/gateway_service b .*\n\s+proxy_ssl_verify off;\n\s+proxy_pass https:\/\/gateway_pool_https_2;/,
    qr/gateway_service c id.*\n\s+proxy_pass https:\/\/gateway_pool_https_1;/,
    qr/gateway_service c#host=c\.com name=c .*\n\s+proxy_pass https:\/\/gateway_pool_https_3;/,
    qr/gateway_service c#preserve_host name=c .*\n\s+proxy_pass https:\/\/gateway_pool_https_unshared;/,
    qr/upstream gateway_pool_https_unshared \{\n\s+gateway_balancer;\n(?:\s+keepalive 0;\n)?\}/,
]



=== TEST 10: gRPC
--- yaml
_format_version: "3.0"
services:
- name: g
  protocol: grpcs
  host: 127.0.0.1
  port: 2312
  read_timeout: 5000
  routes:
  - name: r
    protocols: [grpc, grpcs]
    paths: [/pkg.Service/]
--- compile_args: --set 'proxy_listen=127.0.0.1:2311 http2'
--- conf_like eval
[
    qr/grpc_set_header :authority \$gateway_upstream_host;/,
    qr/grpc_ssl_name \$gateway_upstream_ssl_name;/,
    qr/gateway_service g .*\n\s+grpc_read_timeout 5s;\n\s+grpc_pass grpcs:\/\/gateway_pool_grpcs_1;/,
    qr/protocols grpc grpcs;\n\s+strip_path off;/,
]



=== TEST 11: a resolver only where hosts have names
--- yaml
_format_version: "3.0"
services:
- {name: a, host: orders.internal}
--- compile_args: --set proxy_listen=127.0.0.1:2311 --set 'dns_resolver=127.0.0.1:5353 [::1]' --set dns_valid_ttl=7
--- conf
resolver 127.0.0.1:5353 [::1] valid=7s ipv6=off;



=== TEST 12: quoting
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths: ['~/a"b{2}\$;\d']
    headers:
      X-A: ['$host', "#1", "it's", "tab\tend"]
--- compile_args: --set proxy_listen=127.0.0.1:2311
--- conf
paths "~/a\"b{2}\\$;\\d";
header X-A $host "#1" "it's" "tab	end";



=== TEST 13: a value that nginx's buffer cannot hold
--- yaml eval
qq{_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths:
    - /@{['a' x 4200]}
}
--- cmd: compile kong.yml -o prefix
--- error_like: kong\.yml:6:\d+: error: services\[0\]\.routes\[0\]: a value of 4201 bytes is too long for nginx's configuration, which holds up to 4090 \("paths"\)



=== TEST 14: what only the traditional flavor reads
--- yaml
_format_version: "3.0"
routes:
- name: r
  paths: [/x]
  path_handling: v1
  created_at: 1700000001
--- compile_args: --set router_flavor=traditional
--- conf
gateway_router_flavor traditional;
...
paths /x;
created_at 1700000001;
path_handling v1;



=== TEST 15: the status listener shows ids, tags and times
--- yaml
_format_version: "3.0"
upstreams:
- name: pool
  id: 11111111-1111-4111-8111-111111111111
  targets:
  - target: 127.0.0.1:2312
    id: 22222222-2222-4222-8222-222222222222
    weight: 5
    tags: [a, "b c"]
    created_at: 1700000000
    updated_at: 1700000001
--- compile_args: --set proxy_listen=127.0.0.1:2311 --set new_dns_client=on
--- conf
location = /status/dns {
gateway_dns_status;
}
...
location /upstreams/ {
gateway_upstream_status;
}
...
gateway_upstream pool {  # kong.yml:3
id 11111111-1111-4111-8111-111111111111;
algorithm round-robin;
target 127.0.0.1:2312 weight=5 id=22222222-2222-4222-8222-222222222222 created_at=1700000000 updated_at=1700000001 tag=a "tag=b c";
}



=== TEST 16: names are resolved as dns_* say
--- yaml
_format_version: "3.0"
services:
- {name: s, host: backend.example}
--- compile_args: --set proxy_listen=127.0.0.1:2311 --set dns_resolver=127.0.0.1:5353,::1 --set dns_order=last,aaaa,a --set dns_stale_ttl=60 --set dns_not_found_ttl=5 --set dns_error_ttl=2 --set dns_valid_ttl=9
--- conf_like eval
[
    qr/^resolver 127\.0\.0\.1:5353 \[::1\] valid=9s;$/m,
    qr/^gateway_dns order=LAST,AAAA,A .*valid=9s stale=60s error=2s not_found=5s;$/m,
]



=== TEST 17: or as resolver_* say
--- yaml
_format_version: "3.0"
services:
- {name: s, host: backend.example}
--- compile_args: --set proxy_listen=127.0.0.1:2311 --set new_dns_client=on --set resolver_address=127.0.0.1 --set resolver_family=A --set resolver_stale_ttl=60
--- conf_like eval
[
    qr/^resolver 127\.0\.0\.1 ipv6=off;$/m,
    qr/^gateway_dns order=A .*stale=60s not_found=1s;$/m,
]



=== TEST 18: settings of names that are wrong
--- yaml
_format_version: "3.0"
services:
- {name: s, host: backend.example}
--- cmd: compile kong.yml -o prefix --set dns_resolver=names.example --set dns_order=A,TXT --set resolver_family=LAST --set dns_stale_ttl=-1
--- error
ngx-gateway: error: setting "dns_stale_ttl" (--set): "-1": expected a whole number of at least 0
ngx-gateway: error: setting "dns_resolver" (--set): "names.example": expected addresses of name servers, such as 10.0.0.2, 10.0.0.2:53 or [fd00::2]:53
ngx-gateway: error: setting "dns_order" (--set): "TXT": expected some of LAST, SRV, A, AAAA, CNAME
ngx-gateway: error: setting "resolver_family" (--set): "LAST": expected some of A, AAAA, SRV
