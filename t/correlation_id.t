# Copyright (C) the ngx_gateway authors
#
# correlation_id: generators, kept ids, the echo on responses.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
_EOC_

our $uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        my $more = defined $block->location ? $block->location : '';
        $block->set_value('config', "location / {\n"
                          . "gateway_correlation_id $args;\n$more\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a counter behind the worker's UUID; no echo
--- args: on
--- request eval
["GET /", "GET /"]
--- error_code eval
[200, 200]
--- response_body_like eval
["\nKong-Request-ID: $::uuid#1\n", "\nKong-Request-ID: $::uuid#2\n"]
--- raw_response_headers_unlike eval
["Kong-Request-ID", "Kong-Request-ID"]
--- no_error_log
[error]



=== TEST 2: UUIDs, on the response too
--- args: generator=uuid echo_downstream=on header_name=X-Id
--- request
GET /
--- response_headers_like eval
"X-Id: $::uuid"
--- response_body_like eval
"\nX-Id: $::uuid\n"



=== TEST 3: tracker
--- args: generator=tracker echo_downstream=on
--- request eval
["GET /", "GET /"]
--- error_code eval
[200, 200]
--- response_headers_like eval
[("Kong-Request-ID: 127\\.0\\.0\\.1-\\d+-\\d+-\\d+-1-\\d{10}\\.\\d{3}") x 2]



=== TEST 4: the client's id is kept and repeated; an empty one is not
--- args: echo_downstream=on
--- request eval
["GET /", "GET /"]
--- more_headers eval
["kong-request-id: foobar", "Kong-Request-ID:  "]
--- error_code eval
[200, 200]
--- response_headers_like eval
["Kong-Request-ID: foobar", "Kong-Request-ID: $::uuid#1"]
--- response_body_like eval
["(?i)\nkong-request-id: foobar\n", "(?s)^(?!.*Kong-Request-ID: *\n).*\nKong-Request-ID: $::uuid#1\n"]



=== TEST 5: the upstream's header is replaced
--- args: echo_downstream=on
--- request
GET /
--- more_headers
Kong-Request-ID: mine
X-Test-Header: kong-request-id: its
--- response_headers
Kong-Request-ID: mine



=== TEST 6: other policies' answers carry it
--- args: echo_downstream=on generator=uuid
--- location
gateway_key_auth on;
gateway_request_termination on;
--- request
GET /
--- error_code: 401
--- response_headers_like eval
"Kong-Request-ID: $::uuid"



=== TEST 7: an unreachable upstream, too
--- config
    gateway_correlation_id echo_downstream=on;
    error_page 502 /e;
    location = /e { internal; gateway_error_page; }
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_UNUSED_PORT;
    }
--- request
GET /
--- more_headers
Kong-Request-ID: foobar
--- error_code: 502
--- response_headers
Kong-Request-ID: foobar



=== TEST 8: a request without a route
--- config
    gateway_no_route 404;
    gateway_correlation_id echo_downstream=on generator=uuid;
    gateway_route r { paths /r; }
--- request
GET /
--- error_code: 404
--- response_headers_like eval
"Kong-Request-ID: $::uuid"



=== TEST 9: the variable
--- args: generator=uuid
--- location
add_header X-Var $gateway_correlation_id;
--- request
GET /
--- response_headers_like eval
"X-Var: $::uuid"



=== TEST 10: off by default and below
--- config eval
<<"_EOC_";
    gateway_correlation_id on;
    location / {
        gateway_correlation_id off;
        add_header X-Var "v\$gateway_correlation_id";
$::proxy
    }
_EOC_
--- request
GET /
--- response_headers
X-Var: v
--- response_body_unlike: Kong-Request-ID



=== TEST 11: an unknown generator
--- args: generator=serial
--- must_die
--- error_log
invalid parameter "generator=serial" in "gateway_correlation_id"



=== TEST 12: a name that is none
--- args: "header_name=X Id"
--- must_die
--- error_log
needs a header's name in "header_name"



=== TEST 13: of two the first is told, both go on
--- args: echo_downstream=on
--- request
GET /
--- more_headers
Kong-Request-ID: a
Kong-Request-ID: b
--- response_headers
Kong-Request-ID: a
--- response_body_like: (?s)Kong-Request-ID: a\n.*Kong-Request-ID: b\n



=== TEST 14: an upstream that is late
--- config
    gateway_correlation_id echo_downstream=on;
    error_page 504 /e;
    location = /e { internal; gateway_error_page; }
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_read_timeout 100ms;
    }
--- request
GET /
--- more_headers
Kong-Request-ID: foobar
X-Test-Delay: 1
--- error_code: 504
--- response_headers
Kong-Request-ID: foobar



=== TEST 15: requests in one packet have ids of their own
--- args: echo_downstream=on
--- raw_request eval
"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- error_code eval
[200, 200]
--- response_headers_like eval
["Kong-Request-ID: $::uuid#1", "Kong-Request-ID: $::uuid#2"]



=== TEST 16: bots that are refused, over HTTP/2
--- args: echo_downstream=on header_name=X-Correlation
--- location
gateway_bot_detection on;
--- http2
--- request eval
["GET /", "GET /"]
--- more_headers eval
["User-Agent: Googlebot/2.1\nX-Correlation: mine", "User-Agent: Googlebot/2.1"]
--- error_code eval
[403, 403]
--- response_headers_like eval
["x-correlation: mine", "x-correlation: $::uuid#1"]
