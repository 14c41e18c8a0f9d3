# Copyright (C) the ngx_gateway authors
#
# Settings: names, sources, checks, and what they become.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: an unknown setting is an error that names the nearest one
--- yaml
_format_version: "3.0"
--- cmd: compile kong.yml -o prefix --set proxy_listn=off
--- error_like: unknown setting "proxy_listn" \(--set\), did you mean "proxy_listen"\?
--- exit_code: 1



=== TEST 2: every bad value is reported, with its source
--- yaml
_format_version: "3.0"
--- user_files
>>> gateway.conf
log_level = loud
real_ip_recursive = yes
upstream_keepalive_pool_size = -1
--- cmd: check kong.yml --settings gateway.conf --set error_default_type=json
--- error_like eval
[
    qr/setting "log_level" \(gateway\.conf:1\): "loud": expected one of debug, info,/,
    qr/setting "real_ip_recursive" \(gateway\.conf:2\): "yes": expected on or off/,
    qr/setting "upstream_keepalive_pool_size" \(gateway\.conf:3\): "-1": expected a whole number/,
    qr/setting "error_default_type" \(--set\): "json": expected one of text\/plain,/,
]



=== TEST 3: what has no meaning here is a warning
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set database=off --set mem_cache_size=128m --set lua_max_uri_args=100 --set anonymous_reports=on --set pg_host=db --set nginx_http_lua_code_cache=on --set nginx_admin_gui_error_log=x
--- stderr_like eval
[
    qr/warning: setting "database" \(--set\) has no meaning here/,
    qr/warning: setting "mem_cache_size"/,
    qr/warning: setting "lua_max_uri_args"/,
    qr/warning: setting "anonymous_reports"/,
    qr/warning: setting "pg_host"/,
    qr/warning: setting "nginx_http_lua_code_cache"/,
    qr/warning: setting "nginx_admin_gui_error_log"/,
]



=== TEST 4: a file is read as kong.conf is, --set comes first
--- yaml
_format_version: "3.0"
--- user_files
>>> gateway.conf
# remarks, empty lines

log_level = info   # the rest of the line
proxy_listen = 127.0.0.1:2301
proxy_access_log = "off"
nginx_http_add_header = X-Hash a\#b
--- compile_args: --settings gateway.conf --set log_level=warn --set status_listen=off
--- conf
error_log logs/error.log warn;
...
add_header X-Hash a#b;
...
listen 127.0.0.1:2301;
...
access_log off;
--- conf_unlike: gateway_status;



=== TEST 5: settings given twice in a file
--- yaml
_format_version: "3.0"
--- user_files
>>> gateway.conf
log_level = info
log_level = warn
no value
--- cmd: check kong.yml --settings gateway.conf
--- error_like eval
[
    qr/gateway\.conf:2:1: error: setting "log_level" is given twice/,
    qr/gateway\.conf:3:1: error: expected "name = value"/,
]



=== TEST 6: flags of listen
--- yaml
_format_version: "3.0"
--- compile_args: --set 'proxy_listen=127.0.0.1:2301 proxy_protocol reuseport backlog=100, [::1]:2302 ipv6only=on deferred' --set real_ip_header=proxy_protocol --set trusted_ips=127.0.0.1,10.0.0.0/8,unix:
--- conf
gateway_trusted_ips 127.0.0.1 10.0.0.0/8 unix:;
...
listen 127.0.0.1:2301 proxy_protocol reuseport backlog=100;
listen [::1]:2302 ipv6only=on deferred;
...
set_real_ip_from 127.0.0.1;
set_real_ip_from 10.0.0.0/8;
set_real_ip_from unix:;
real_ip_header proxy_protocol;
real_ip_recursive off;



=== TEST 7: bad listeners
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set 'proxy_listen=localhost:8000, 127.0.0.1:8001 fast, unix:/x' --set real_ip_header=proxy_protocol
--- error_like eval
[
    qr/"localhost:8000" is no address/,
    qr/unknown flag "fast"/,
    qr/"unix:\/x" is no address/,
    qr/"real_ip_header" .*"proxy_protocol" needs that flag in proxy_listen/,
]



=== TEST 8: a listener with TLS shows the default pair of both kinds
--- yaml
_format_version: "3.0"
--- compile_args: --set 'proxy_listen=127.0.0.1:2303 ssl'
--- conf
listen 127.0.0.1:2303 ssl;
ssl_certificate tls/default.crt;
ssl_certificate_key tls/default.key;
ssl_certificate tls/default-ecdsa.crt;
ssl_certificate_key tls/default-ecdsa.key;
ssl_protocols TLSv1.2 TLSv1.3;



=== TEST 9: injected directives of each context, one replaces a default
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  port: 2304
  routes:
  - name: r
    paths: [/]
--- compile_args: --set nginx_main_worker_priority=1 --set nginx_events_accept_mutex=on --set nginx_http_charset=off --set nginx_proxy_proxy_next_upstream='error timeout http_503' --set nginx_location_proxy_buffer_size=8k --set nginx_upstream_keepalive_time=1h --set nginx_status_access_log=logs/s.log --set nginx_worker_processes=2
--- conf
worker_rlimit_nofile 16384;
pid nginx.pid;
worker_priority 1;
worker_processes 2;
...
multi_accept on;
accept_mutex on;
...
charset off;
...
proxy_next_upstream error timeout http_503;
...
access_log logs/s.log;
--- conf_like eval
[
    qr/proxy_buffer_size 8k;/,
    qr/keepalive_time 1h;/,
]
--- conf_unlike: charset UTF-8|access_log off



=== TEST 10: an injected value that would end its directive
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set 'nginx_http_charset=off; server { listen 1' --set nginx_foo=bar
--- error_like eval
[
    qr/setting "nginx_http_charset" \(--set\): expected the arguments of one nginx directive/,
    qr/setting "nginx_foo" \(--set\): expected nginx_<context>_<directive>/,
]



=== TEST 11: keepalive settings: 0 turns it off, or means no limit
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths: [/]
--- compile_args: --set upstream_keepalive_max_requests=0 --set upstream_keepalive_idle_timeout=0
--- conf
gateway_balancer;
keepalive 512;
keepalive_requests 1000000000;
keepalive_timeout 365d;



=== TEST 12: headers, as kong.conf spells them
--- yaml
_format_version: "3.0"
--- compile_args: --set 'headers=Server_Tokens, off, X-Kong-Upstream-Status' --set headers_upstream=off
--- conf
gateway_headers server_tokens x-kong-upstream-status;
gateway_headers_upstream off;



=== TEST 13: certificates need their keys
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set ssl_cert=a.crt --set client_ssl=on
--- error_like eval
[
    qr/setting "ssl_cert_key" .*1 certificates \("ssl_cert"\) need as many keys \("ssl_cert_key"\), not 0/,
    qr/setting "client_ssl" .*needs client_ssl_cert and client_ssl_cert_key/,
]



=== TEST 14: plugins that the setting leaves out
--- yaml
_format_version: "3.0"
plugins:
- name: key-auth
--- cmd: check kong.yml --set plugins=acl
--- error_like: kong\.yml:3:9: error: plugins\[0\]\.name: plugin 'key-auth' not enabled; add it to the 'plugins' configuration property



=== TEST 15: no daemon and no user line by itself
--- yaml
_format_version: "3.0"
--- compile_args:
--- conf
worker_processes auto;
--- conf_unlike: (?m)^\s*(?:daemon|user)\s



=== TEST 16: what does not work yet is an error
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set proxy_server=http://127.0.0.1:1
--- error_like: setting "proxy_server" \(--set\): not supported yet, expected "off"



=== TEST 17: a template that cannot be read leaves the built-in one
--- yaml
_format_version: "3.0"
--- user_files
>>> page.html
<p style="width: 50%%">%s</p>
--- compile_args: --set error_template_html=page.html --set error_template_json=none.json
--- conf_like: (?m)^\s*gateway_error_template html /.*/page\.html;$
--- conf_unlike: gateway_error_template json
--- stderr_like: warning: setting "error_template_json": cannot read "none\.json": No such file or directory; the built-in template is used



=== TEST 18: what templates may not hold
--- yaml
_format_version: "3.0"
--- user_files
>>> page.html
<p style="width: 50%">%s
%s %d %s</p>
%
--- cmd: compile kong.yml -o prefix --set error_template_html=page.html
--- error
page.html:1:20: error: a percent sign alone in "error_template_html"
  fix: %%
page.html:2:4: error: a percent sign alone in "error_template_html"
  fix: %%
page.html:2:7: error: the third "%s" of "error_template_html": there are two, the message and the request id
page.html:3:1: error: a percent sign alone in "error_template_html"
  fix: %%
