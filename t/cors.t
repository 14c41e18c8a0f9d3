# Copyright (C) the ngx_gateway authors
#
# cors: preflights, origins, credentials, responses of all kinds.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        my $more = defined $block->location ? $block->location : '';
        $block->set_value('config', "location / {\n"
                          . "gateway_cors $args;\n$more\n$proxy}\n");
    }

    # "origin": one request for each line, an actual one
    if (defined $block->origin) {
        my @origins = map { $_ eq '-' ? '' : "Origin: $_" }
                      split /\n/, $block->origin;
        $block->set_value('request', [ map { 'GET /' } @origins ]);
        $block->set_value('error_code', [ map { 200 } @origins ]);
        $block->set_value('more_headers', \@origins);
    }

    # "preflight": the same with preflights
    if (defined $block->preflight) {
        my @origins = map { "Origin: $_\nAccess-Control-Request-Method: GET" }
                      split /\n/, $block->preflight;
        $block->set_value('request', [ map { 'OPTIONS /' } @origins ]);
        $block->set_value('error_code', [ map { 200 } @origins ]);
        $block->set_value('more_headers', \@origins);
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: all origins; a preflight
--- args: on
--- preflight
http://a.test
--- response_headers eval
["Access-Control-Allow-Origin: *\nAccess-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT\nContent-Length: 0\n!Vary\n!Access-Control-Allow-Headers\n!Access-Control-Max-Age\n!Access-Control-Allow-Credentials\n!Access-Control-Expose-Headers\n!Content-Type"]
--- response_body eval
[""]
--- no_error_log
[error]



=== TEST 2: all origins; actual requests
--- args: origins=*
--- origin
http://a.test
-
--- response_headers eval
[("Access-Control-Allow-Origin: *\n!Vary\n!Access-Control-Allow-Methods") x 2]



=== TEST 3: everything of a preflight
--- args: origins=a.test methods=GET methods=X headers=A headers=B exposed_headers=C max_age=23 credentials=on private_network=on
--- request
OPTIONS /
--- more_headers
Origin: http://evil.test
Access-Control-Request-Method: PUT
Access-Control-Request-Headers: C
Access-Control-Request-Private-Network: true
--- response_headers
Access-Control-Allow-Origin: a.test
Vary: Origin
Access-Control-Allow-Methods: GET,X
Access-Control-Allow-Headers: A,B
Access-Control-Max-Age: 23
Access-Control-Allow-Credentials: true
Access-Control-Allow-Private-Network: true
!Access-Control-Expose-Headers



=== TEST 4: requested headers are allowed when none are configured
--- args: private_network=on
--- request
OPTIONS /
--- more_headers
Origin: http://a.test
Access-Control-Request-Method: PUT
Access-Control-Request-Headers: C, d
--- response_headers
Access-Control-Allow-Headers: C, d
!Access-Control-Allow-Private-Network



=== TEST 5: what is no preflight goes on
--- args: exposed_headers=A exposed_headers=B
--- request eval
["OPTIONS /a", "OPTIONS /b", "OPTIONS /c", "GET /d"]
--- more_headers eval
["", "Origin: http://a.test", "Origin:\nAccess-Control-Request-Method: GET", "Origin: http://a.test\nAccess-Control-Request-Method: GET"]
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
[("Access-Control-Allow-Origin: *\nAccess-Control-Expose-Headers: A,B\n!Access-Control-Allow-Methods") x 4]
--- response_body_like eval
["^OPTIONS /a", "^OPTIONS /b", "^OPTIONS /c", "^GET /d"]



=== TEST 6: preflight_continue: no header at all, neither on other policies' answers
--- args: preflight_continue=on
--- preflight
http://a.test
--- raw_response_headers_unlike eval
["Access-Control"]
--- response_body_like eval
["^OPTIONS"]



=== TEST 7: allow_origin_absent=off
--- args: origins=http://a.test allow_origin_absent=off
--- origin
-
http://a.test
--- response_headers eval
["!Access-Control-Allow-Origin\n!Vary", "Access-Control-Allow-Origin: http://a.test"]



=== TEST 8: one literal is sent whatever comes
--- args: origins=http://a.test
--- origin
-
http://b.test
--- response_headers eval
[("Access-Control-Allow-Origin: http://a.test\nVary: Origin") x 2]



=== TEST 9: a regex for the host
--- args: "origins=foo\\.test"
--- origin
http://foo.test:80
http://foo.test.evil.test
http://evil-foo.test
https://foo.test:443
https://foo.test:444
-
--- response_headers eval
["Access-Control-Allow-Origin: http://foo.test\nVary: Origin",
 "!Access-Control-Allow-Origin\nVary: Origin",
 "!Access-Control-Allow-Origin",
 "Access-Control-Allow-Origin: https://foo.test",
 "Access-Control-Allow-Origin: https://foo.test:444",
 "!Access-Control-Allow-Origin\nVary: Origin"]



=== TEST 10: regexes for the whole origin
--- args: "origins=(.*[./])?foo\\.test:8000" "origins=^http://(.*[.])?bar\\.test(:(80|90))?$"
--- origin
https://foo.test:8000
https://sub.foo.test:8000
https://foo.test:8001
http://bar.test:8000
http://bar.test
http://x.bar.test:90
--- response_headers eval
["Access-Control-Allow-Origin: https://foo.test:8000",
 "Access-Control-Allow-Origin: https://sub.foo.test:8000",
 "!Access-Control-Allow-Origin",
 "!Access-Control-Allow-Origin",
 "Access-Control-Allow-Origin: http://bar.test",
 "Access-Control-Allow-Origin: http://x.bar.test:90"]



=== TEST 11: every branch of a regex has to match the whole origin
--- args: "origins=https://a\\.test|https://b\\.test"
--- origin
https://a.test.evil.test
https://a.test
https://b.test
--- response_headers eval
["!Access-Control-Allow-Origin", "Access-Control-Allow-Origin: https://a.test", "Access-Control-Allow-Origin: https://b.test"]



=== TEST 12: several literals
--- args: origins=http://my-site.test origins=https://my-other-site.test:9000 origins=https://port.test:443 origins=bare
--- origin
http://my-site.test
https://my-site.test
https://my-other-site.test:9000
https://port.test
http://bare
bare
-
--- response_headers eval
["Access-Control-Allow-Origin: http://my-site.test\nVary: Origin",
 "!Access-Control-Allow-Origin\nVary: Origin",
 "Access-Control-Allow-Origin: https://my-other-site.test:9000",
 "Access-Control-Allow-Origin: https://port.test",
 "!Access-Control-Allow-Origin",
 "Access-Control-Allow-Origin: bare",
 "!Access-Control-Allow-Origin\nVary: Origin"]



=== TEST 13: a star among several
--- args: origins=foo.bar origins=*
--- origin
http://a.test
-
--- response_headers eval
["Access-Control-Allow-Origin: *\nVary: Origin", "!Access-Control-Allow-Origin\nVary: Origin"]



=== TEST 14: credentials where all are allowed
--- args: credentials=on
--- origin
http://a.test:80
-
--- response_headers eval
["Access-Control-Allow-Origin: http://a.test:80\nVary: Origin\nAccess-Control-Allow-Credentials: true",
 "Access-Control-Allow-Origin: *\n!Vary\n!Access-Control-Allow-Credentials"]



=== TEST 15: credentials where the origin does not match
--- args: credentials=on origins=http://a.test origins=http://b.test
--- origin
http://c.test
http://b.test
--- response_headers eval
["!Access-Control-Allow-Origin\nAccess-Control-Allow-Credentials: true",
 "Access-Control-Allow-Origin: http://b.test\nAccess-Control-Allow-Credentials: true"]



=== TEST 16: what the upstream says is replaced; its Vary stays
--- args: origins=http://a.test origins=http://b.test exposed_headers=X-A
--- request
GET /
--- more_headers
Origin: http://c.test
X-Test-Header: access-control-allow-origin: *
X-Test-Header: Access-Control-Expose-Headers: Y
X-Test-Header: Vary: Accept-Encoding
--- response_headers
!Access-Control-Allow-Origin
Access-Control-Expose-Headers: X-A
--- raw_response_headers_like: Vary: Accept-Encoding\r\n(?s:.*)Vary: Origin\r\n



=== TEST 17: a preflight that does not match: 200 without the header
--- args: origins=http://a.test origins=http://b.test
--- preflight
http://c.test
http://a.test
--- response_headers eval
["!Access-Control-Allow-Origin\nVary: Origin\nAccess-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT",
 "Access-Control-Allow-Origin: http://a.test"]



=== TEST 18: before authentication and limits; their answers carry the headers
--- args: on
--- location
gateway_key_auth on;
gateway_rate_limiting day=1;
--- request eval
["OPTIONS /", "GET /"]
--- more_headers eval
["Origin: http://a.test\nAccess-Control-Request-Method: GET", "Origin: http://a.test"]
--- error_code eval
[200, 401]
--- response_headers eval
["Access-Control-Allow-Origin: *\n!X-RateLimit-Limit-Day", "Access-Control-Allow-Origin: *"]



=== TEST 19: an unreachable upstream; a missing file; no route
--- config
    gateway_cors on;
    gateway_no_route 404;
    gateway_service s host=127.0.0.1 port=80 {
        proxy_pass http://127.0.0.1:$TEST_NGINX_UNUSED_PORT;
    }
    gateway_route r service=s { paths /r; }
--- request eval
["GET /r", "GET /none"]
--- error_code eval
[502, 404]
--- response_headers eval
["Access-Control-Allow-Origin: *", "Access-Control-Allow-Origin: *"]



=== TEST 20: origins that are none
--- args: "origins=http://a\\.test" origins=http://b.test
--- origin
null
http://
http://user@b.test/path
http://[::1]:80
:80
--- response_headers eval
[("!Access-Control-Allow-Origin") x 2, "Access-Control-Allow-Origin: http://b.test", ("!Access-Control-Allow-Origin") x 2]



=== TEST 21: a bad regex
--- args: "origins=(a"
--- must_die
--- error_log
invalid regex "(a" in "gateway_cors"



=== TEST 22: an age that is none
--- args: max_age=1h
--- must_die
--- error_log
invalid parameter "max_age=1h" in "gateway_cors": expected a number of seconds



=== TEST 23: not for consumers
--- http_config
    gateway_consumer c { gateway_cors on; }
--- args: on
--- must_die
--- error_log
is not allowed in "gateway_consumer"



=== TEST 24: off below on
--- config eval
<<"_EOC_";
    gateway_cors on;
    location / {
        gateway_cors off;
$::proxy
    }
_EOC_
--- origin
http://a.test
--- raw_response_headers_unlike eval
["Access-Control"]



=== TEST 25: an empty Access-Control-Request-Method makes a preflight, too; ages as they are written
--- config eval
<<"_EOC_";
    location /a { gateway_cors max_age=0; $::proxy }
    location /b { gateway_cors max_age=1.5; $::proxy }
_EOC_
--- request eval
["OPTIONS /a", "OPTIONS /b"]
--- more_headers
Origin: http://a.test
Access-Control-Request-Method:
--- error_code eval
[200, 200]
--- response_headers eval
["Access-Control-Max-Age: 0\nAccess-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT", "Access-Control-Max-Age: 1.5"]



=== TEST 26: preflight_continue: what the upstream says stays; other requests get headers
--- args: preflight_continue=on credentials=on
--- request eval
["OPTIONS /", "GET /"]
--- more_headers eval
["Origin: http://a.test\nAccess-Control-Request-Method: GET\nX-Test-Header: Access-Control-Allow-Origin: its", "Origin: http://a.test"]
--- error_code eval
[200, 200]
--- response_headers eval
["Access-Control-Allow-Origin: its\n!Access-Control-Allow-Credentials\n!Vary",
 "Access-Control-Allow-Origin: http://a.test\nAccess-Control-Allow-Credentials: true\nVary: Origin"]



=== TEST 27: schemes and hosts are compared as they are written; null is an origin
--- args: origins=http://a.test origins=null "origins=(?i)https://b\\.test"
--- origin
HTTP://a.test
http://A.test
null
HTTPS://B.test
--- response_headers eval
["!Access-Control-Allow-Origin", "!Access-Control-Allow-Origin", "Access-Control-Allow-Origin: null", "Access-Control-Allow-Origin: HTTPS://B.test"]



=== TEST 28: answers of nginx itself, from a file
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - {name: r, paths: [/r]}
plugins:
- name: cors
- name: correlation-id
  config: {echo_downstream: true, generator: uuid}
--- raw_request eval
"TRACE /r HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- error_code: 405
--- response_headers_like
Access-Control-Allow-Origin: \*
Kong-Request-ID: [0-9a-f-]{36}



=== TEST 29: a target that is too long
--- yaml
_format_version: "3.0"
plugins:
- name: cors
- name: correlation-id
  config: {echo_downstream: true, generator: uuid}
--- raw_request eval
"GET /" . 'x' x 40000 . " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- error_code: 414
--- response_headers_like
Access-Control-Allow-Origin: \*
Kong-Request-ID: [0-9a-f-]{36}



=== TEST 30: no host
--- yaml
_format_version: "3.0"
plugins:
- name: cors
- name: correlation-id
  config: {echo_downstream: true, generator: uuid}
--- raw_request eval
"GET / HTTP/1.1\r\n\r\n"
--- error_code: 400
--- response_headers_like
Access-Control-Allow-Origin: \*
Kong-Request-ID: [0-9a-f-]{36}



=== TEST 31: preflights are not counted by limits, refused requests have the headers
--- args: on
--- location
gateway_rate_limiting day=1;
--- request eval
["OPTIONS /", "OPTIONS /", "GET /", "GET /"]
--- more_headers eval
[("Origin: http://a.test\nAccess-Control-Request-Method: GET") x 2, ("Origin: http://a.test") x 2]
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
[("!X-RateLimit-Limit-Day") x 2, ("Access-Control-Allow-Origin: *\nX-RateLimit-Limit-Day: 1") x 2]



=== TEST 32: over HTTP/2
--- args: origins=http://a.test origins=http://b.test credentials=on
--- http2
--- request eval
["OPTIONS /", "GET /"]
--- more_headers eval
["Origin: http://b.test\nAccess-Control-Request-Method: GET", "Origin: http://c.test"]
--- error_code eval
[200, 200]
--- response_headers eval
["access-control-allow-origin: http://b.test\naccess-control-allow-credentials: true\nvary: Origin\ncontent-length: 0",
 "!access-control-allow-origin\naccess-control-allow-credentials: true\nvary: Origin"]
