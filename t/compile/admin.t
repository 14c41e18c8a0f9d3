# Copyright (C) the ngx_gateway authors
#
# The listener for administration: what is written for it.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: nothing without a listener
--- yaml
_format_version: "3.0"
services: [{ name: s, host: h }]
--- conf_unlike: gateway_admin



=== TEST 2: its server
--- yaml
_format_version: "3.0"
services: [{ name: s, host: h }]
--- compile_args: --set 'admin_listen=127.0.0.1:8001, 127.0.0.1:8444 ssl' --set nginx_admin_client_max_body_size=10m --set admin_access_log=off
--- conf
server {
    server_name gateway_admin;
    listen 127.0.0.1:8001;
    listen 127.0.0.1:8444 ssl;
    ssl_certificate tls/default.crt;
...
    ssl_session_cache shared:gateway_tls_status:1m;

    access_log off;
    error_log logs/error.log notice;
    charset off;
    client_max_body_size 10m;
    add_header Access-Control-Allow-Origin $gateway_admin_origin always;
...
    location = /status {
        gateway_status;
    }
...
    location ~ ^/upstreams/[^/]+/(health|targets(/.*)?)/?$ {
        gateway_upstream_status writable;
    }

    location / {
        gateway_admin;
    }
}



=== TEST 3: readiness is for the status listener
--- yaml
_format_version: "3.0"
--- compile_args: --set admin_listen=127.0.0.1:8001 --set status_listen=off
--- conf_unlike: gateway_status_ready



=== TEST 4: a bad address
--- yaml
_format_version: "3.0"
--- compile_args: --set admin_listen=unix:/x
--- error_like: setting "admin_listen" \(--set\): "unix:/x" is no address



=== TEST 5: a certificate without a key
--- yaml
_format_version: "3.0"
--- compile_args: --set 'admin_listen=127.0.0.1:8444 ssl' --set admin_ssl_cert=x.crt
--- error_like: setting "admin_ssl_cert_key" \(default\): 1 certificates \("admin_ssl_cert"\) need as many keys
