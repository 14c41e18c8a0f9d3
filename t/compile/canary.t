# Copyright (C) the ngx_gateway authors
#
# canary: from the file to directives, and what is wrong with files.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $services = <<'_EOC_';
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT/api
  routes:
  - {name: orders, paths: [/orders]}
_EOC_

our $other = $ENV{TEST_NGINX_ECHO_PORT_2};

# "config" are the fields of an instance for everything
add_block_preprocessor(sub {
    my ($block) = @_;

    return unless defined $block->fields;

    my $fields = $block->fields;
    chomp $fields;

    $block->set_value('yaml', $services
                      . "plugins:\n- name: canary\n  config: {$fields}\n");
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT/api
  routes:
  - {name: orders, paths: [/orders]}
  plugins:
  - name: canary
    config:
      percentage: 10
      steps: 100
      upstream_host: orders-v2
      upstream_fallback: true
upstreams:
- name: orders-v2
  healthchecks:
    passive: {unhealthy: {http_failures: 3, tcp_failures: 2}}
  targets:
  - target: 127.0.0.1:9001
--- conf
gateway_canary percentage=10 steps=100 upstream_host=orders-v2 upstream_fallback=on;



=== TEST 2: every field
--- fields: percentage: 12.5, start: 1767225600, duration: 86400, steps: 24, hash: header, hash_header: X-User, groups: [beta, gold], canary_by_header_name: X-Canary, upstream_host: canary.example.com, upstream_port: 8080, upstream_uri: /v2, upstream_fallback: false
--- conf
gateway_canary percentage=12.5 start=1767225600 duration=86400 steps=24 hash=header hash_header=X-User groups=beta groups=gold canary_by_header_name=X-Canary upstream_host=canary.example.com upstream_port=8080 upstream_uri=/v2;



=== TEST 3: defaults are left out
--- fields: percentage: 0, duration: 3600, steps: 1000, hash: consumer, upstream_uri: /v2, upstream_fallback: false
--- conf
gateway_canary percentage=0 upstream_uri=/v2;



=== TEST 4: it runs: for everything, to another port and path
--- fields eval: "percentage: 100, upstream_port: $::other, upstream_uri: /v2"
--- request
GET /orders/7?x=1
--- response_headers eval
"X-Echo-Port: $::other"
--- response_body_like eval
qr{^GET /v2\?x=1 HTTP/1.1\n(?=.*Host: 127.0.0.1:$::other\n)}s



=== TEST 5: to the targets of an upstream, whatever the port is
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT/api
  routes:
  - name: orders
    paths: [/orders]
    plugins:
    - name: canary
      config: {percentage: 100, upstream_host: v2, upstream_port: 80}
  - name: others
    paths: [/others]
upstreams:
- name: v2
  host_header: v2.example.com
  targets:
  - target: 127.0.0.1:$TEST_NGINX_ECHO_PORT_2
--- request eval
["GET /orders/7", "GET /others/7"]
--- response_headers eval
["X-Echo-Port: $::other", "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"]
--- response_body_like eval
["GET /api/7 (?s).*Host: v2.example.com\n", "GET /api/7 "]



=== TEST 6: groups of acl and of consumers, without the plugin acl
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - {name: orders, paths: [/orders]}
  plugins:
  - name: key-auth
  - name: canary
    config:
      hash: allow
      groups: [beta, gold]
      upstream_port: $TEST_NGINX_ECHO_PORT_2
consumer_groups:
- name: gold
consumers:
- username: alice
  keyauth_credentials: [{key: alice}]
  acls: [{group: beta}]
- username: bob
  keyauth_credentials: [{key: bob}]
  groups: [{name: gold}]
- username: carol
  keyauth_credentials: [{key: carol}]
  acls: [{group: staff}]
--- request eval
["GET /orders?apikey=alice", "GET /orders?apikey=bob", "GET /orders?apikey=carol"]
--- response_headers eval
["X-Echo-Port: $::other", "X-Echo-Port: $::other",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"]



=== TEST 7: over TLS, the server is asked for by the canary's name
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: https://127.0.0.1:9443
  routes:
  - {name: orders, paths: [/orders]}
plugins:
- name: canary
  config: {percentage: 100, upstream_host: canary.example.com}
--- conf_like
proxy_ssl_name \$gateway_upstream_ssl_name;



=== TEST 8: nothing to go to
--- fields: percentage: 10
--- error_like: kong\.yml:9:11: error: plugins\[0\]\.config: at least one of "upstream_host", "upstream_port" and "upstream_uri" must be set



=== TEST 9: no header to hash
--- fields: percentage: 10, upstream_uri: /v2, hash: header
--- error_like: kong\.yml:9:53: error: plugins\[0\]\.config\.hash: "hash_header" must be set when "hash" is "header"



=== TEST 10: no groups to allow
--- fields: upstream_uri: /v2, hash: allow
--- error_like: plugins\[0\]\.config\.hash: "groups" must be set when "hash" is "allow"



=== TEST 11: an empty list of groups
--- fields: upstream_uri: /v2, hash: deny, groups: []
--- error_like: plugins\[0\]\.config\.hash: "groups" must be set when "hash" is "deny"



=== TEST 12: a fallback without an upstream's name
--- fields: percentage: 10, upstream_port: 80, upstream_fallback: true
--- error_like: plugins\[0\]\.config\.upstream_fallback: needs "upstream_host"



=== TEST 13: percentages
--- fields: percentage: 100.5, upstream_uri: /v2
--- error_like: plugins\[0\]\.config\.percentage: .*100



=== TEST 14: less than none
--- fields: percentage: -1, upstream_uri: /v2
--- error_like: plugins\[0\]\.config\.percentage: .*0



=== TEST 15: no steps
--- fields: percentage: 1, steps: 0, upstream_uri: /v2
--- error_like: plugins\[0\]\.config\.steps: 



=== TEST 16: durations
--- fields: duration: -1, upstream_uri: /v2
--- error_like: plugins\[0\]\.config\.duration: 



=== TEST 17: starts
--- fields: start: tomorrow, upstream_uri: /v2
--- error_like: plugins\[0\]\.config\.start: .*number



=== TEST 18: hashes
--- fields: percentage: 1, hash: cookie, upstream_uri: /v2
--- error_like: plugins\[0\]\.config\.hash: .*consumer



=== TEST 19: names of headers
--- fields: percentage: 1, hash: header, hash_header: "X User", canary_by_header_name: "a:b", upstream_uri: /v2
--- error_like
(?s)plugins\[0\]\.config\.hash_header: .*plugins\[0\]\.config\.canary_by_header_name: 



=== TEST 20: hosts
--- fields: percentage: 1, upstream_host: "http://example.com"
--- error_like: plugins\[0\]\.config\.upstream_host: 



=== TEST 21: ports
--- fields: percentage: 1, upstream_port: 65536
--- error_like: plugins\[0\]\.config\.upstream_port: 



=== TEST 22: a query is no path
--- fields: percentage: 1, upstream_uri: "/v2?x=1"
--- error_like: plugins\[0\]\.config\.upstream_uri: must be a path: it begins with "/" and has neither "\?" nor "#"



=== TEST 23: neither is a word
--- fields: percentage: 1, upstream_uri: v2
--- error_like: plugins\[0\]\.config\.upstream_uri: must be a path



=== TEST 24: an unknown field
--- fields: percentage: 1, upstream_uri: /v2, upstream_path: /x
--- error_like: plugins\[0\]\.config\.upstream_path: unknown field "upstream_path"



=== TEST 25: not for a consumer
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: canary
    config: {percentage: 1, upstream_uri: /v2}
--- error_like: canary



=== TEST 26: no start: it begins with each start of the gateway
--- fields: upstream_uri: /v2
--- conf
gateway_canary upstream_uri=/v2;
--- stderr_like: warning: plugins\[0\]\.config: without "start" and "percentage" the release begins each time that the gateway is started



=== TEST 27: too few steps
--- fields: percentage: 0.05, upstream_uri: /v2
--- conf
gateway_canary percentage=0.05 upstream_uri=/v2;
--- stderr_like: warning: plugins\[0\]\.config\.percentage: 0\.05 per cent of 1000 steps are less than one



=== TEST 28: a fallback from what is no upstream
--- fields: percentage: 10, upstream_host: canary.example.com, upstream_fallback: true
--- conf
gateway_canary percentage=10 upstream_host=canary.example.com upstream_fallback=on;
--- stderr_like: warning: plugins\[0\]\.config\.upstream_fallback: has no effect: there is no upstream "canary\.example\.com"



=== TEST 29: "test" answers for the canary, host or upstream
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://orders.internal:9000/api
  routes:
  - {name: orders, paths: [/orders]}
  - name: v2
    paths: [/v2]
    plugins:
    - {name: canary, config: {percentage: 100, upstream_host: v2}}
  - name: port
    paths: [/port]
    plugins:
    - {name: canary, config: {percentage: 100, upstream_port: 9001}}
  - name: host
    paths: [/host]
    plugins:
    - name: canary
      config:
        percentage: 100
        upstream_host: canary.internal
        upstream_uri: /elsewhere
upstreams:
- name: v2
  targets: [{target: "v2.internal:8080"}]
--- user_files
>>> tests.yaml
tests:
- request: {url: /orders/1}
  expect: {upstream: {target: "orders.internal:9000", url: /api/1}}
- request: {url: /v2/1}
  expect: {upstream: {target: "v2.internal:8080", url: /api/1}}
- request: {url: /port/1}
  expect: {upstream: {target: "orders.internal:9001", url: /api/1}}
- request: {url: /host/1?x=y}
  expect: {upstream: {target: "canary.internal:9000", url: "/elsewhere?x=y"}}
--- cmd: test kong.yml tests.yaml
--- stdout
TAP version 13
1..4
ok 1 - GET /orders/1
ok 2 - GET /v2/1
ok 3 - GET /port/1
ok 4 - GET /host/1?x=y
--- exit_code: 0



=== TEST 30: explain says that the canary may change it
--- fields: percentage: 10, upstream_uri: /v2
--- cmd: explain kong.yml GET http://localhost/orders/7
--- stdout_like
upstream +GET http://127\.0\.0\.1:\d+/api/7, Host: 127\.0\.0\.1:\d+ \(before canary\)
