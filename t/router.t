# Copyright (C) the ngx_gateway authors
#
# router: which route wins, through a compiled file and a running nginx, and
# what explain says of the same.  The worked examples of single requests are
# in examples.t; here are the rules that need several requests, the command
# line, or a wire.

use lib 't/lib';
use Test::Gateway 'no_plan';

# "routes" are those of a service that echoes

my $head = <<'_EOC_';
_format_version: "3.0"
services:
- name: echo
  host: 127.0.0.1
  port: $TEST_NGINX_ECHO_PORT
  routes:
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;
    my $routes = $block->routes;

    return unless defined $routes;

    $routes =~ s/^/  /mg;
    $block->set_value('yaml', $head . $routes);

    return if defined $block->cmd;

    $block->set_value('compile_args', '--set allow_debug_header=on '
                      . ($block->compile_args // ''));
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: hosts: exact, with a port, wildcards on both sides
--- routes
- name: exact
  hosts: [a.example.com]
- name: ported
  hosts: ['b.example.com:81']
- name: listened
  hosts: ['c.example.com:$TEST_NGINX_SERVER_PORT']
- name: left
  hosts: ['*.example.com']
- name: left-ported
  hosts: ['*.example.com:82']
  paths: [/deep]
- name: right
  hosts: ['example.*']
--- request eval
['GET /', 'GET /', 'GET /', 'GET /', 'GET /', 'GET /', 'GET /', 'GET /deep',
 'GET /deep', 'GET /', 'GET /', 'GET /']
--- more_headers eval
[map { "Host: $_\r\nKong-Debug: 1" }
 'a.example.com', 'a.example.com:99', 'b.example.com:81', 'b.example.com:82',
 'c.example.com', 'c.example.com:80', 'x.y.example.com', 'x.example.com:82',
 'x.example.com:83', 'example.org', 'example.', 'example.com:1']
--- error_code eval
[(200) x 12]
--- response_headers eval
[map { "Kong-Route-Name: $_" }
 'exact', 'exact', 'ported', 'left', 'listened', 'left', 'left',
 'left-ported', 'left', 'right', 'right', 'right']
--- no_error_log
[error]



=== TEST 2: hosts that no route has
--- routes
- name: a
  hosts: [a.example.com, '*.example.com', 'example.*', '[::1]']
--- request eval
['GET /', 'GET /', 'GET /', 'GET /']
--- more_headers eval
[map { "Host: $_" } 'A.example.com.x', 'xexample.com', 'b.org', '[::1]:80']
--- error_code eval
[(404) x 4]



=== TEST 3: a request without a host reaches routes without hosts only
--- routes
- name: host
  hosts: ['*.com', 'x.*']
- name: path
  paths: [/p]
--- raw_request eval
"GET /p HTTP/1.0\r\nKong-Debug: 1\r\n\r\n"
--- response_headers
Kong-Route-Name: path



=== TEST 4: also when a route has any host
--- routes
- name: host
  hosts: ['*.com', 'x.*']
--- raw_request eval
"GET / HTTP/1.0\r\n\r\n"
--- error_code: 404



=== TEST 5: the parts of a route rank by themselves
--- routes
- name: multi
  paths: [/a, /long/prefix, '~/r/\d+$', '~/r/x']
- name: short
  paths: [/]
- name: middle
  paths: [/a/b, /long]
--- request eval
['GET /a/x', 'GET /a/b/x', 'GET /long/prefix/x', 'GET /long/p', 'GET /r/12',
 'GET /r/xy', 'GET /r/12/z', 'GET /lon']
--- more_headers
Kong-Debug: 1
--- error_code eval
[(200) x 8]
--- response_headers eval
[map { "Kong-Route-Name: $_" }
 'multi', 'middle', 'multi', 'middle', 'multi', 'multi', 'short', 'short']
--- response_body_like eval
[map { qr/^GET $_ HTTP/ }
 '/x', '/x', '/x', '/p', '/', '/y', '/r/12/z', '/lon']



=== TEST 6: the first path listed decides what is stripped
--- routes
- name: a
  paths: ['~/x/\w+', '~/x/\w+/y']
- name: b
  paths: ['~/z/\w+/y', '~/z/\w+']
--- request eval
['GET /x/1/y', 'GET /z/1/y', 'GET /z/1/w']
--- error_code eval
[200, 200, 200]
--- response_body_like eval
['^GET /y HTTP', '^GET / HTTP', '^GET /w HTTP']



=== TEST 7: worked example 30: a tie goes to the higher id
--- routes
- name: low
  id: 11111111-1111-4111-8111-111111111111
  methods: [GET]
- name: high
  id: 22222222-2222-4222-8222-222222222222
  hosts: ['domain.*']
--- request
GET /
--- more_headers
Host: domain.com
Kong-Debug: 1
--- response_headers
Kong-Route-Name: high



=== TEST 8: and not to the host
--- routes
- name: high
  id: 22222222-2222-4222-8222-222222222222
  methods: [GET]
- name: low
  id: 11111111-1111-4111-8111-111111111111
  hosts: ['domain.*']
--- request
GET /
--- more_headers
Host: domain.com
Kong-Debug: 1
--- response_headers
Kong-Route-Name: high



=== TEST 9: worked example 59: a port does not rank
--- routes
- name: noport
  hosts: [t.com]
- name: port
  hosts: ['t.com:8000']
--- request
GET /
--- more_headers
Host: t.com:8000
Kong-Debug: 1
--- response_headers
Kong-Route-Name: noport



=== TEST 10: worked example 60: nor does it help a wildcard
--- routes
- name: w
  hosts: ['*.t.com:8000']
- name: p
  hosts: [a.t.com]
--- request
GET /
--- more_headers
Host: a.t.com:8000
Kong-Debug: 1
--- response_headers
Kong-Route-Name: p



=== TEST 11: four kinds beat a plain host and a regex
--- routes
- name: plain
  hosts: [a.com]
  paths: ['~/.*']
- name: four
  hosts: ['*.com']
  paths: [/]
  methods: [GET]
  headers: {X-A: ['1']}
--- request eval
['GET /', 'GET /']
--- more_headers eval
["Host: a.com\r\nX-A: 1\r\nKong-Debug: 1", "Host: a.com\r\nKong-Debug: 1"]
--- error_code eval
[200, 200]
--- response_headers eval
['Kong-Route-Name: four', 'Kong-Route-Name: plain']



=== TEST 12: worked example 25: a plain host in the original calculation
--- routes
- name: w
  hosts: ['*.example.com']
  paths: [/p]
- name: p
  hosts: [api.example.com]
--- request
GET /p
--- more_headers
Host: api.example.com
Kong-Debug: 1
--- response_headers
Kong-Route-Name: p
--- response_body_like: ^GET /p HTTP



=== TEST 13: the documented calculation: more kinds
--- routes
- name: w
  hosts: ['*.example.com']
  paths: [/p]
- name: p
  hosts: [api.example.com]
--- compile_args: --set route_match_calculation=strict
--- request
GET /p
--- more_headers
Host: api.example.com
Kong-Debug: 1
--- response_headers
Kong-Route-Name: w
--- response_body_like: ^GET / HTTP



=== TEST 14: worked example 32 in the documented calculation
--- routes
- name: rx
  hosts: [h.com]
  paths: [~/foo]
- name: hpm
  hosts: [h.com]
  paths: [/]
  methods: [GET]
--- compile_args: --set route_match_calculation=strict
--- request eval
['GET /foo', "POST /foo"]
--- more_headers
Host: h.com
Kong-Debug: 1
--- error_code eval
[200, 200]
--- response_headers eval
['Kong-Route-Name: hpm', 'Kong-Route-Name: rx']



=== TEST 15: methods as they are, known to nginx or not
--- routes
- name: known
  methods: [PUT, PATCH]
- name: unknown
  methods: [PURGE]
--- request eval
["PUT /", "PATCH /", "PURGE /", "DELETE /", "PURG /"]
--- more_headers
Kong-Debug: 1
--- error_code eval
[200, 200, 200, 404, 404]
--- response_headers eval
['Kong-Route-Name: known', 'Kong-Route-Name: known',
 'Kong-Route-Name: unknown', '', '']



=== TEST 16: a header in several lines matches with any, a list in one does not
--- routes
- name: a
  headers: {X_Version: ['2', '~*^V3\.']}
--- request eval
['GET /', 'GET /', 'GET /', 'GET /', 'GET /']
--- more_headers eval
["X-Version: 1\r\nX-Version: 2", "x-version: v3.1\r\nx-version: 1",
 "X_VERSION: 2", "X-Version: 1, 2", "X-Version: v31"]
--- error_code eval
[200, 200, 200, 404, 404]



=== TEST 17: every header of a route, more of them first
--- routes
- name: one
  headers: {A: ['1']}
  paths: [/long/path]
- name: two
  headers: {A: ['1'], B: ['1', '2']}
  paths: [/]
--- request eval
['GET /long/path', 'GET /long/path', 'GET /x']
--- more_headers eval
["A: 1\r\nB: 2\r\nKong-Debug: 1", "A: 1\r\nB: 3\r\nKong-Debug: 1", "A: 1"]
--- error_code eval
[200, 200, 404]
--- response_headers eval
['Kong-Route-Name: two', 'Kong-Route-Name: one', '']



=== TEST 18: the host of HTTP/2
--- routes
- name: a
  hosts: [h2.example.com]
- name: b
  hosts: ['*.example.com']
--- http2
--- compile_args: --set 'proxy_listen=127.0.0.1:$TEST_NGINX_SERVER_PORT http2'
--- request
GET /x
--- more_headers
Host: h2.example.com
Kong-Debug: 1
--- response_headers
Kong-Route-Name: a



=== TEST 19: SNIs are looked at on TLS only
--- routes
- name: sni
  snis: [s.com, '*.t.com']
  paths: [/]
- name: other
  paths: [/]
--- compile_args: --set 'proxy_listen=127.0.0.1:$TEST_NGINX_SERVER_PORT, 127.0.0.1:$TEST_NGINX_SSL_PORT ssl'
--- curl eval
[map {
    $_ eq '-' ? '-s -i -H "Kong-Debug: 1" http://127.0.0.1:$TEST_NGINX_SERVER_PORT/'
    : "-ks -i -H 'Kong-Debug: 1' --resolve $_:\$TEST_NGINX_SSL_PORT:127.0.0.1 https://$_:\$TEST_NGINX_SSL_PORT/"
 } 's.com', 'x.y.t.com', 't.com', '-']
--- error_code eval
[200, 200, 200, 200]
--- response_headers_like eval
['Kong-Route-Name: ^sni$', 'Kong-Route-Name: ^sni$',
 'Kong-Route-Name: ^other$', 'Kong-Route-Name: ^sni$']



=== TEST 20: a regular expression that gives up fails the request only
--- routes
- name: bomb
  paths: ['~/(a+a+)+(a+)+b$']
- name: all
  paths: [/]
--- request eval
['GET /' . 'a' x 300 . '/b', 'GET /aaab', 'GET /b']
--- more_headers
Kong-Debug: 1
--- error_code eval
[500, 200, 200]
--- response_headers eval
['', 'Kong-Route-Name: bomb', 'Kong-Route-Name: all']
--- error_log
a regular expression gave up



=== TEST 21: 5000 routes
--- routes eval
CORE::join '', map {
    sprintf "- name: r%d\n  hosts: [h%d.example.com]\n  paths: [/p/%d]\n",
            $_, $_ % 50, $_
} 1 .. 5000
--- request eval
['GET /p/1234/x', 'GET /p/5000', 'GET /p/123', 'GET /p/5001', 'GET /p/1234']
--- more_headers eval
["Host: h34.example.com\r\nKong-Debug: 1",
 "Host: h0.example.com\r\nKong-Debug: 1",
 "Host: h23.example.com\r\nKong-Debug: 1",
 "Host: h1.example.com", "Host: h35.example.com"]
--- error_code eval
[200, 200, 200, 404, 404]
--- response_headers eval
['Kong-Route-Name: r1234', 'Kong-Route-Name: r5000', 'Kong-Route-Name: r123',
 '', '']



=== TEST 22: a bad regex is found by the tool
--- routes
- name: a
  paths: ['~/a(?=b)']
--- error_like: "~/a\(\?=b\)" uses look-around



=== TEST 23: a broken regex of a header as well
--- routes
- name: a
  headers: {X-A: ['~*(']}
--- error_like: missing closing parenthesis



=== TEST 24: explain: all that match, best first, and why the first wins
--- routes
- name: all
  paths: [/]
- name: host
  hosts: [h.com]
- name: two
  paths: [/foo, '~/f.+']
- name: four
  hosts: ['*.com']
  paths: [/]
  methods: [GET]
  headers: {A: ['1']}
- name: header
  headers: {A: ['1']}
- name: none
  paths: [/bar]
--- cmd: explain kong.yml http://h.com/foo -H 'A: 1'
--- stdout_like
^route     four \(kong.yml:\d+\) by path /
  before  host \(kong.yml:\d+\): four or more attribute kinds
  before  two \(kong.yml:\d+\): four or more attribute kinds
  before  header \(kong.yml:\d+\): four or more attribute kinds
  before  all \(kong.yml:\d+\): four or more attribute kinds
service   echo



=== TEST 25: explain: worked example 25 in the documented calculation
--- routes
- name: w
  hosts: ['*.example.com']
  paths: [/p]
- name: p
  hosts: [api.example.com]
--- cmd: explain kong.yml http://api.example.com/p --set route_match_calculation=strict
--- stdout_like
^route     w \(kong.yml:\d+\) by path /p
  before  p \(kong.yml:\d+\): more attribute kinds
--- stdout_unlike: no Route



=== TEST 26: explain: a tie
--- routes
- name: noport
  hosts: [t.com]
- name: port
  hosts: ['t.com:8000']
--- cmd: explain kong.yml http://t.com:8000/
--- stdout_like
^route     noport \(kong.yml:\d+\)
  before  port \(kong.yml:\d+\): higher id



=== TEST 27: explain: a host with a port, where the request has none
--- routes
- name: a
  hosts: ['a.com:8000']
--- cmd: explain kong.yml http://127.0.0.1:8000/ -H 'Host: a.com' --json
--- stdout_like: "name": "a",
