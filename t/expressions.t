# Copyright (C) the ngx_gateway authors
#
# The router flavor "expressions" on the wire: fields and operators with real
# requests, order, what the upstream gets, protocols as a condition, and
# routes written by hand.  The language itself is tested in
# t/unit/expression_test.c.

use lib 't/lib';
use Test::Gateway 'no_plan';

# "routes" are those of a service that echoes

my $head = <<'_EOC_';
_format_version: "3.0"
services:
- name: echo
  host: 127.0.0.1
  port: $TEST_NGINX_ECHO_PORT
  path: /svc
  routes:
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;
    my $routes = $block->routes;

    return unless defined $routes;

    $routes =~ s/^/  /mg;
    $block->set_value('yaml', $head . $routes);
    $block->set_value('compile_args', '--set router_flavor=expressions '
                      . '--set allow_debug_header=on '
                      . ($block->compile_args // ''));
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: host, path, method, header, query and segments of a request
--- routes
- name: host
  expression: http.host == "a.com" && http.path ^= "/h"
- name: suffix
  expression: http.host =^ ".b.com"
- name: method
  expression: http.method == "DELETE"
- name: header
  expression: any(lower(http.headers.x_role)) == "admin"
- name: query
  expression: http.queries.q == "a b" && http.queries.r != "1"
- name: segments
  expression: http.path.segments.0 == "api" && http.path.segments.1_2 == "v1/users" && http.path.segments.len == 3
- name: regex
  expression: 'http.path ~ r#"^/items/\d+$"#'
- name: contains
  expression: http.path contains "/needle/"
- name: port
  expression: 'net.dst.port == 4711'
--- request eval
['GET /h', 'GET /', 'DELETE /', 'GET /', 'GET /?q=a%20b&r=2', 'GET /?q=a+b&r',
 'GET /api/v1/users/', 'GET /items/42', 'GET /x/needle/y', 'GET /']
--- more_headers eval
[map { "Kong-Debug: 1\r\n$_" }
 'Host: a.com:81', 'Host: x.b.com', 'Host: h', "Host: h\r\nX-Role: user\r\nX-Role: ADMIN",
 'Host: h', 'Host: h', 'Host: h', 'Host: h', 'Host: h', 'Host: h:4711']
--- error_code eval
[(200) x 10]
--- response_headers eval
[map { "Kong-Route-Name: $_" }
 qw(host suffix method header query query segments regex contains port)]
--- no_error_log
[error]



=== TEST 2: what none of them matches
--- routes
- name: host
  expression: http.host == "a.com" && http.path ^= "/h"
- name: all-values
  expression: http.headers.x_role == "admin"
- name: no-value
  expression: http.headers.x_other != "1" || http.queries.q != "1"
- name: len
  expression: http.path.segments.len > 2
--- request eval
['GET /x', 'GET /h', 'GET /', 'GET /a/b/']
--- more_headers eval
['Host: a.com', 'Host: A.com', "Host: h\r\nX-Role: admin\r\nX-Role: user", 'Host: h']
--- error_code eval
[(404) x 4]



=== TEST 3: addresses of the client and of the listener
--- routes
- name: here
  expression: net.src.ip in 127.0.0.0/8 && net.dst.ip == 127.0.0.1 && net.src.port > 0 && http.path == "/a"
- name: real
  expression: net.src.ip in 2001:db8::/32 && http.path == "/b"
  priority: 1
- name: not
  expression: net.src.ip not in 127.0.0.0/8 && http.path ^= "/"
--- compile_args: --set trusted_ips=127.0.0.1
--- request eval
['GET /a', 'GET /b', 'GET /c', 'GET /c']
--- more_headers eval
[map { "Kong-Debug: 1\r\n$_" } 'X-Other: 1', 'X-Real-IP: 2001:db8::9', 'X-Real-IP: 10.0.0.1', 'X-Other: 1']
--- error_code eval
[200, 200, 200, 404]
--- response_headers eval
['Kong-Route-Name: here', 'Kong-Route-Name: real', 'Kong-Route-Name: not', '!Kong-Route-Name']



=== TEST 4: priority, then id; expressions before all others
--- routes
- name: low
  expression: http.path ^= "/"
  id: 00000000-0000-4000-8000-000000000001
- name: high
  expression: http.path ^= "/a"
  priority: 70368744177663
- name: one
  expression: http.path ^= "/b"
  id: 00000000-0000-4000-8000-000000000002
- name: two
  expression: http.path ^= "/b"
  id: 00000000-0000-4000-8000-000000000003
- name: classic
  paths: ['~/z$']
  hosts: [h]
  methods: [GET]
  headers: {x-a: ['1']}
  regex_priority: 9
--- request eval
['GET /a', 'GET /b', 'GET /z']
--- more_headers eval
[map { "Kong-Debug: 1\r\nHost: h\r\nX-A: 1" } 1 .. 3]
--- response_headers eval
[map { "Kong-Route-Name: $_" } qw(high two low)]



=== TEST 5: what is cut from the path, and its header
--- routes
- name: prefix
  expression: http.path ^= "/pre"
- name: kept
  expression: http.path ^= "/kept"
  strip_path: false
- name: regex
  expression: http.path ~ r#"^/re/(?<id>\d+)"#
- name: other
  expression: http.host == "other"
- name: exact
  expression: http.path == "/exact"
--- request eval
['GET /pre/x?q=1', 'GET /kept/x', 'GET /re/42/x', 'GET /o/x', 'GET /exact', 'GET /pre/%2F%41']
--- more_headers eval
['Host: h', 'Host: h', 'Host: h', 'Host: other', 'Host: h', 'Host: h']
--- response_body_like eval
['^GET /svc/x\?q=1 HTTP(?s:.*)X-Forwarded-Prefix: /pre\n',
 '^GET /svc/kept/x HTTP(?!(?s:.*)X-Forwarded-Prefix)',
 '^GET /svc/x HTTP(?s:.*)X-Forwarded-Prefix: /re/42\n',
 '^GET /svc/o/x HTTP(?!(?s:.*)X-Forwarded-Prefix)',
 '^GET /svc HTTP(?s:.*)X-Forwarded-Prefix: /exact\n',
 '^GET /svc/%2FA HTTP']



=== TEST 6: captures of the regexes of any field
--- routes
- name: a
  expression: 'http.host ~ "^(?<tenant>\\w+)\\." && http.path ~ r#"^/u/(?<id>\d+)"# && lower(http.headers.x_up) ~ "^(?<low>.)"'
  plugins:
  - name: request-transformer
    config:
      add:
        headers:
        - X-Tenant:$(uri_captures.tenant)
        - X-Id:$(uri_captures.id)
        - X-Low:$(uri_captures.low)
        - X-None:$(uri_captures.other or 'none')
--- request
GET /u/42/x
--- more_headers
Host: shop.example.com
X-Up: ABC
--- response_body_like eval
qr{(?=.*^X-Tenant: shop$)(?=.*^X-Id: 42$)(?=.*^X-Low: a$)(?=.*^X-None: none$)}sm



=== TEST 7: protocols are a condition, except https alone
--- routes
- name: http
  protocols: [http]
  paths: [/http]
- name: https
  protocols: [https]
  paths: [/https]
- name: expression
  protocols: [http]
  expression: http.path == "/x" || http.path == "/y"
- name: over-tls
  expression: net.protocol == "https" && tls.sni == "s.com" && http.path == "/tls"
--- compile_args: --set 'proxy_listen=127.0.0.1:$TEST_NGINX_SERVER_PORT, 127.0.0.1:$TEST_NGINX_SSL_PORT ssl'
--- curl eval
[map { "-ks -i --resolve s.com:\$TEST_NGINX_SSL_PORT:127.0.0.1 --resolve s.com:\$TEST_NGINX_SERVER_PORT:127.0.0.1 $_" }
 map { ("http://s.com:\$TEST_NGINX_SERVER_PORT$_", "https://s.com:\$TEST_NGINX_SSL_PORT$_") }
 qw(/http /https /x /y /tls)]
--- error_code eval
[qw(200 404 426 200 200 404 200 404 404 200)]



=== TEST 8: sources and destinations of routes that are no expressions
--- routes
- name: here
  paths: [/a]
  sources: [{ip: 10.0.0.0/8}, {ip: 127.1.2.3/8}]
- name: elsewhere
  paths: [/b]
  sources: [{ip: 10.0.0.0/8}, {ip: "::1"}]
- name: port
  paths: [/c]
  destinations: [{ip: 127.0.0.1, port: $TEST_NGINX_SERVER_PORT}]
- name: other-port
  paths: [/d]
  destinations: [{port: 1}]
--- request eval
['GET /a', 'GET /b', 'GET /c', 'GET /d']
--- error_code eval
[200, 404, 200, 404]



=== TEST 9: a regex that gives up fails the request, not the worker
--- routes
- name: a
  expression: http.path ~ "^/(a+)+(a+)+[bc]$"
- name: b
  paths: [/]
--- request eval
["GET /" . 'a' x 200, 'GET /x']
--- error_code eval
[500, 200]
--- error_log eval
qr/a regular expression gave up/



=== TEST 10: written by hand, in pieces, with policies
--- http_config
    gateway_router_flavor expressions;
--- upstream_config
    location / { return 200 "$request_uri\n"; }
--- config
    gateway_service s host=127.0.0.1 port=$TEST_NGINX_UPSTREAM_PORT {
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
    gateway_route a service=s {
        expression 'http.path ^= "/a"'
                   ' && http.queries.q == "1"';
        priority 5;
    }
    gateway_route b service=s {
        expression 'http.path ^= "/a"';
        gateway_request_termination status_code=418 message=b;
    }
    gateway_route c service=s {
        paths /c;
        sources 127.0.0.1:1 [::1]:2 10.0.0.0/8 fd00::/8 :3;
        destinations 127.0.0.1;
    }
--- request eval
['GET /a/x?q=1', 'GET /a/x?q=2', 'GET /c']
--- error_code eval
[200, 418, 404]



=== TEST 11: an expression that is wrong names its route, line and column
--- http_config
    gateway_router_flavor expressions;
--- config
    gateway_route a {
        expression 'http.path == 1';
    }
--- must_die
--- error_log eval
qr/gateway_route "a": invalid expression, column 14: this is a number, but the field is a text.* in .*nginx\.conf:\d+/



=== TEST 12: an expression needs the flavor
--- config
    gateway_route a {
        expression 'http.path == "/"';
    }
--- must_die
--- error_log
an expression needs the router flavor "expressions"



=== TEST 13: so do sources
--- config
    gateway_route a {
        paths /;
        sources 127.0.0.1;
    }
--- must_die
--- error_log
sources and destinations need the router flavor "expressions"



=== TEST 14: an expression stands alone
--- http_config
    gateway_router_flavor expressions;
--- config
    gateway_route a {
        expression 'http.path == "/"';
        hosts a.com;
    }
--- must_die
--- error_log
an expression goes with no other condition



=== TEST 15: bad priority
--- http_config
    gateway_router_flavor expressions;
--- config
    gateway_route a {
        priority 70368744177664;
    }
--- must_die
--- error_log
"priority" directive expects a whole number from 0 to 70368744177663



=== TEST 16: bad source
--- config
    gateway_route a {
        sources 127.0.0.1:x;
    }
--- must_die
--- error_log
invalid "127.0.0.1:x" in "sources"



=== TEST 17: expressions twice
--- config
    gateway_route a {
        expression a;
        expression b;
    }
--- must_die
--- error_log
"expression" directive is duplicate



=== TEST 18: an empty expression
--- config
    gateway_route a {
        expression "";
    }
--- must_die
--- error_log
"expression" directive is empty



=== TEST 19: explain: the expression, its priority and the others
--- routes
- name: a
  expression: |
    http.path ^= "/api"
    && http.queries.q == "1"
  priority: 7
- name: b
  expression: http.path ^= "/api"
  priority: 3
- name: c
  paths: [/api]
- name: d
  expression: net.src.ip == ::1 && net.src.port == 5
  priority: 9
--- cmd: explain kong.yml --set router_flavor=expressions 'http://h/api/x?q=1' --from 10.0.0.1
--- stdout_like chomp
^route     a \(kong\.yml:8\) by expression of priority 7: http\.path \^= "/api" && http\.queries\.q == "1"
  before  b \(kong\.yml:13\): higher priority
  before  c \(kong\.yml:16\): expressions come first
service   echo \(kong\.yml:3\)
plugins   none
upstream  GET http://127\.0\.0\.1:\d+/svc/x\?q=1, Host:



=== TEST 20: explain: the address of the client, as JSON
--- routes
- name: a
  expression: net.src.ip == ::1 && net.src.port == 5
  priority: 9
--- cmd: explain kong.yml --set router_flavor=expressions http://h/ --from [::1]:5 --json
--- stdout_like
"name": "a",
(?s:.*)"path": null,
    "expression": "net.src.ip == ::1 && net.src.port == 5",
    "priority": 9
