# Copyright (C) the ngx_gateway authors
#
# stream: services and routes of tcp, tls, udp and tls_passthrough in files.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: a service and a route of tcp
--- yaml
_format_version: "3.0"
services:
- name: postgres
  protocol: tcp
  host: 10.0.0.1
  port: 5432
  retries: 2
  connect_timeout: 1500
  read_timeout: 30000
  write_timeout: 90000
  routes:
  - name: postgres
    protocols: [tcp, tls]
    sources: [{ip: 10.0.0.0/8}, {ip: 192.168.0.1, port: 7}]
    destinations: [{port: 2391}, {ip: "::1"}, {ip: "fe80::/10", port: 80}]
--- compile_args: --set proxy_listen=127.0.0.1:2390 --set "stream_listen=127.0.0.1:2391 reuseport backlog=128, [::1]:2392 ssl proxy_protocol" --set status_listen=off
--- conf
stream {
...
log_format basic '$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received '
                 '$session_time';
variables_hash_max_size 2048;

upstream gateway_stream_pool {
    gateway_stream_balancer;
}

server {
    listen 127.0.0.1:2391 reuseport backlog=128;
    listen [::1]:2392 ssl proxy_protocol;
    ssl_certificate tls/default.crt;
...
    ssl_session_cache shared:gateway_stream_tls:10m;

    access_log logs/access.log basic;
    error_log logs/error.log notice;

    gateway_stream_service postgres id=fef0baa0-8da0-50af-9e16-489bad81841a host=10.0.0.1 port=5432 retries=2 {  # kong.yml:3
        proxy_pass gateway_stream_pool;
        proxy_connect_timeout 1500ms;
        proxy_timeout 90s;
    }

    gateway_stream_route postgres id=ca576824-a049-559e-adfb-9dcbad03d4f0 service=postgres {  # kong.yml:12
        protocols tcp tls;
        sources 10.0.0.0/8 192.168.0.1:7;
        destinations :2391 ::1 [fe80::/10]:80;
    }
}



=== TEST 2: TLS to the service, and none when the connection is passed through
--- yaml
_format_version: "3.0"
services:
- name: vault
  protocol: tls
  host: vault
  tls_verify: false
  tls_verify_depth: 3
  routes:
  - name: vault
    protocols: [tls]
    snis: [vault.test, "*.vault.test"]
    preserve_host: true
  - name: through
    protocols: [tls_passthrough]
    snis: [through.test]
upstreams:
- name: vault
  targets: [{target: "10.0.0.1:8200"}]
--- compile_args: --set proxy_listen=127.0.0.1:2390 --set "stream_listen=127.0.0.1:2391 ssl" --set status_listen=off
--- conf
    proxy_ssl_server_name on;
    proxy_ssl_name $gateway_stream_upstream_host;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;

    gateway_stream_service vault id=ec7275e4-6ca0-5e9f-9fd7-fddd54a6c555 upstream=vault {  # kong.yml:3
        proxy_pass gateway_stream_pool;
        proxy_connect_timeout 60s;
        proxy_timeout 60s;
        proxy_ssl on;
        proxy_ssl_verify off;
        proxy_ssl_verify_depth 3;
    }

    gateway_stream_service vault#passthrough name=vault id=ec7275e4-6ca0-5e9f-9fd7-fddd54a6c555 upstream=vault {  # kong.yml:3
        proxy_pass gateway_stream_pool;
        proxy_connect_timeout 60s;
        proxy_timeout 60s;
    }
...
        protocols tls;
        snis vault.test *.vault.test;
        preserve_host on;
    }
...
        protocols tls_passthrough;
        snis through.test;
    }
--- conf_unlike: resolver



=== TEST 3: udp, names, settings, port maps, injected directives
--- yaml
_format_version: "3.0"
services:
- name: dns
  protocol: udp
  host: dns.internal
  port: 53
  routes:
  - name: dns
    protocols: [udp]
    destinations: [{port: 53}]
--- compile_args
--set proxy_listen=off --set status_listen=off --set port_maps=53:2391
--set "stream_listen=127.0.0.1:2391 udp reuseport" --set dns_resolver=127.0.0.9
--set proxy_stream_access_log=logs/stream.log --set proxy_stream_error_log=off
--set nginx_stream_tcp_nodelay=off --set nginx_sproxy_proxy_responses=1
--- conf
resolver 127.0.0.9 ipv6=off;
tcp_nodelay off;
gateway_stream_port_map 53:2391;

upstream gateway_stream_pool {
    gateway_stream_balancer;
}

server {
    listen 127.0.0.1:2391 udp reuseport;

    access_log logs/stream.log basic;
    error_log /dev/null emerg;
    proxy_responses 1;
...
        destinations :53;



=== TEST 4: certificates by SNI are for both kinds of listeners
--- yaml eval
my $pem = `openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 30 -subj /CN=a -keyout - 2>/dev/null`;
my ($key) = $pem =~ /(-----BEGIN PRIVATE.*?-----END PRIVATE KEY-----\n)/s;
my ($cert) = $pem =~ /(-----BEGIN CERT.*?-----END CERTIFICATE-----\n)/s;
s/^/    /mg for $key, $cert;
qq{_format_version: "3.0"
certificates:
- id: 8a4c1c4e-0000-4000-8000-000000000001
  cert: |
$cert
  key: |
$key
  snis: [{name: a.test}]
routes:
- name: nowhere
  protocols: [tls]
  snis: [a.test]
}
--- compile_args: --set "proxy_listen=127.0.0.1:2390 ssl" --set "stream_listen=127.0.0.1:2391 ssl" --set status_listen=off
--- conf_like eval
[
    qr/^    gateway_certificate (gateway\.\S+\.crt) \S+\.key a\.test;.*^    gateway_stream_certificate \1 \S+\.key a\.test;/ms,
    qr/^    gateway_stream_route nowhere id=\S+ \{.*\n        protocols tls;\n        snis a\.test;\n    \}/m,
]



=== TEST 5: ip-restriction, the best instance of each route
--- yaml
_format_version: "3.0"
plugins:
- name: ip-restriction
  config: {deny: [10.0.0.1]}
services:
- name: a
  protocol: tcp
  host: 10.0.0.1
  port: 1
  plugins:
  - name: ip-restriction
    config: {allow: [127.0.0.0/8, "::1"], deny: [127.0.0.9]}
  routes:
  - name: a
    protocols: [tcp]
    destinations: [{port: 2391}]
  - name: b
    protocols: [tcp]
    destinations: [{port: 2392}]
    plugins:
    - name: ip-restriction
      enabled: false
      config: {deny: [10.0.0.3]}
- name: c
  protocol: tcp
  host: 10.0.0.1
  port: 1
  routes:
  - name: c
    protocols: [tcp]
    destinations: [{port: 2393}]
--- compile_args: --set "stream_listen=127.0.0.1:2391" --set proxy_listen=127.0.0.1:2390 --set status_listen=off
--- conf
        destinations :2391;
        allow 127.0.0.0/8 ::1;
        deny 127.0.0.9;
    }
...
        destinations :2392;
        allow 127.0.0.0/8 ::1;
        deny 127.0.0.9;
    }
...
        destinations :2393;
        deny 10.0.0.1;
    }



=== TEST 6: plugins that would never run are errors
--- yaml
_format_version: "3.0"
plugins:
- name: file-log
  protocols: [http, tcp]
  config: {path: /tmp/x}
services:
- name: a
  protocol: tcp
  host: 10.0.0.1
  port: 1
  plugins:
  - name: ip-restriction
    protocols: [http]
    config: {deny: [10.0.0.3]}
  routes:
  - name: a
    protocols: [tcp]
    destinations: [{port: 2391}]
    plugins:
    - name: key-auth
--- cmd: check kong.yml --set stream_listen=127.0.0.1:2391
--- error_like eval
[
    qr/kong\.yml:4:14: error: plugins\[0\]\.protocols: plugin "file-log" does not run for streams yet/,
    qr/kong\.yml:12:11: error: services\[0\]\.plugins\[0\]\.name: plugin "ip-restriction" never runs here: it is none for streams, or its "protocols" lack them/,
    qr/kong\.yml:20:13: error: services\[0\]\.routes\[0\]\.plugins\[0\]\.name: plugin "key-auth" never runs here: it is none for streams$/m,
]



=== TEST 7: what the listeners do not have
--- yaml
_format_version: "3.0"
services:
- name: a
  protocol: tcp
  host: ring
  routes:
  - name: a
    protocols: [tls_passthrough]
    snis: [a.test]
  - name: b
    protocols: [udp]
    destinations: [{port: 1}]
  - name: c
    protocols: [tcp, udp]
    destinations: [{port: 1}]
- name: web
  host: 10.0.0.1
  routes:
  - name: w
    protocols: [tcp]
    destinations: [{port: 2}]
upstreams:
- name: ring
  hash_on: header
  hash_on_header: X
--- cmd: check kong.yml --set stream_listen=127.0.0.1:2391
--- stderr_like eval
[
    qr/:8:16: warning: services\[0\]\.routes\[0\]\.protocols: no connection comes to this route: stream_listen has no listener for its protocols/,
    qr/:11:16: warning: services\[0\]\.routes\[1\]\.protocols: no connection/,
    qr/:19:5: warning: services\[1\]\.routes\[0\]: connections go to a service of protocol "http" as they are/,
    qr/warning: upstreams\[0\]\.hash_on: streams have no "header": all sessions of stream services go to one target, use "ip"/,
]
--- stdout_like: ^ok: 2 services, 4 routes



=== TEST 8: without stream_listen they are left out
--- yaml
_format_version: "3.0"
services:
- name: a
  protocol: tcp
  host: a.internal
  routes:
  - name: a
    protocols: [tcp]
    destinations: [{port: 1}]
  - name: b
    protocols: [tcp]
    destinations: [{port: 2}]
--- compile_args: --set proxy_listen=127.0.0.1:2390 --set status_listen=off
--- stderr_like eval
[qr/(?m)^kong\.yml:7:5: warning: services\[0\]\.routes\[0\]: routes for streams are left out: the setting "stream_listen" is off\n(?!.*left out)/]
--- conf_unlike: stream \{|ngx_stream|gateway_stream|resolver



=== TEST 9: without such routes nothing is written
--- yaml
_format_version: "3.0"
services:
- name: a
  host: 10.0.0.1
  routes:
  - name: a
    paths: [/]
--- compile_args: --set proxy_listen=127.0.0.1:2390 --set status_listen=off --set stream_listen=127.0.0.1:2391
--- conf_unlike: stream \{|ngx_stream|gateway_stream



=== TEST 10: mixed families, and fields that streams do not have
--- yaml
_format_version: "3.0"
services:
- name: a
  protocol: tcp
  host: 10.0.0.1
  routes:
  - name: a
    protocols: [http]
    paths: [/]
  - name: b
    protocols: [tcp]
    expression: http.path == "/"
--- cmd: check kong.yml --set router_flavor=expressions
--- error_like eval
qr/:12:17: error: services\[0\]\.routes\[1\]\.expression: [^\n]*"http\.path"/



=== TEST 11: the flavor traditional has ranks of its own
--- yaml
_format_version: "3.0"
routes:
- name: a
  protocols: [tls]
  snis: [a.test]
- name: b
  protocols: [tls]
  sources: [{ip: 1.2.3.4, port: 1}]
  destinations: [{port: 2}]
--- compile_args: --set proxy_listen=127.0.0.1:2390 --set "stream_listen=127.0.0.1:2391 ssl" --set router_flavor=traditional --set status_listen=off
--- conf
        snis a.test;
        priority 320;
    }
...
        destinations :2;
        priority 562;
    }



=== TEST 12: bad listeners
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set "stream_listen=127.0.0.1:1 http2, 127.0.0.1:2 udp ssl, 127.0.0.1:3 deferred, here, 127.0.0.1:4 udp backlog=7"
--- error_like eval
[
    qr/setting "stream_listen" \(--set\): unknown flag "http2", expected some of ssl udp proxy_protocol bind/,
    qr/setting "stream_listen" \(--set\): "udp" stands with none of ssl, proxy_protocol, backlog and so_keepalive/,
    qr/setting "stream_listen" \(--set\): unknown flag "deferred"/,
    qr/setting "stream_listen" \(--set\): "here" is no address/,
]



=== TEST 13: active checks of type tcp, where streams use the upstream
--- yaml
_format_version: "3.0"
services:
- name: a
  protocol: tcp
  host: up
  routes:
  - name: a
    protocols: [tcp]
    destinations: [{port: 2391}]
upstreams:
- name: up
  targets: [{target: "10.0.0.1:1"}]
  healthchecks:
    active:
      type: tcp
      healthy: {interval: 5, successes: 1}
      unhealthy: {interval: 5, tcp_failures: 2, timeouts: 1}
--- compile_args: --set proxy_listen=127.0.0.1:2390 --set stream_listen=127.0.0.1:2391 --set status_listen=off
--- conf
gateway_upstream up {  # kong.yml:11
    algorithm round-robin;
    active type=tcp healthy_interval=5s unhealthy_interval=5s successes=1 tcp_failures=2 timeouts=1;
--- stderr_like: \A(?!.*left out)



=== TEST 14: HTTP to a service of streams
--- yaml
_format_version: "3.0"
services:
- name: a
  protocol: tcp
  host: 10.0.0.1
  routes:
  - name: a
    protocols: [http]
    paths: [/]
--- error_like: :7:5: error: services\[0\]\.routes\[0\]: a route for HTTP cannot go to a service of protocol "tcp"



=== TEST 15: expressions
--- yaml
_format_version: "3.0"
services:
- name: a
  protocol: tcp
  host: 10.0.0.1
  routes:
  - name: a
    protocols: [tcp]
    expression: net.dst.port == 2391 && net.src.ip in 10.0.0.0/8
    priority: 70368744177663
  - name: b
    protocols: [tls_passthrough]
    expression: tls.sni =^ ".b.test"
--- compile_args: --set proxy_listen=127.0.0.1:2390 --set "stream_listen=127.0.0.1:2391, 127.0.0.1:2392 ssl" --set router_flavor=expressions --set status_listen=off
--- conf
gateway_stream_route a id=f3ef8bde-817d-5a84-b4cd-13f35d3bbb53 service=a {  # kong.yml:7
    protocols tcp;
    expression "net.dst.port == 2391 && net.src.ip in 10.0.0.0/8";
    priority 70368744177663;
}
...
    protocols tls_passthrough;
    expression "tls.sni =^ \".b.test\"";
}
