# Copyright (C) the ngx_gateway authors
#
# gateway: answers in all formats, nginx's own errors, response headers,
# consumers and their instances, variables, bad directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $server = <<'_EOC_';
    gateway_no_route 404;
    error_page 494 =494 /gateway_error_page;
    error_page 400 404 405 408 411 412 413 414 417 500 502 503 504
               /gateway_error_page;
    location = /gateway_error_page { internal; gateway_error_page; }

    gateway_service echo {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_pass_header Server;
    }

    gateway_service dead {
        proxy_pass http://127.0.0.1:$TEST_NGINX_UNUSED_PORT;
    }

    gateway_route up service=echo { paths /up; }
    gateway_route dead service=dead { paths /dead; }
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', $server
                      . (defined $block->more_config ? $block->more_config
                                                     : ''))
        unless defined $block->config;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: Accept chooses the format
--- request eval
[map { "GET /none" } 1 .. 9]
--- more_headers eval
["Accept: */*", "Accept: text/html", "Accept: text/plain",
 "Accept: application/xml", "Accept: application/*", "Accept: image/png",
 "Accept: text/html;q=0.5, application/xml;q=0.9",
 "Accept: text/plain;q=0", "Accept: text/*;q=0.3,text/html;level=1;q=0.7"]
--- error_code eval
[map { 404 } 1 .. 9]
--- response_headers eval
["Content-Type: application/json; charset=utf-8",
 "Content-Type: text/html; charset=utf-8",
 "Content-Type: text/plain; charset=utf-8",
 "Content-Type: application/xml; charset=utf-8",
 "Content-Type: application/json; charset=utf-8",
 "Content-Type: application/json; charset=utf-8",
 "Content-Type: application/xml; charset=utf-8",
 "Content-Type: application/json; charset=utf-8",
 "Content-Type: text/html; charset=utf-8"]


=== TEST 2: the shapes
--- request eval
["GET /none", "GET /none", "GET /none"]
--- more_headers eval
["Accept: text/html", "Accept: text/plain", "Accept: application/xml"]
--- error_code eval
[404, 404, 404]
--- response_body_like eval
[qr{<h1>Error</h1>\s*<p>no Route matched with those values\.</p>\s*<p>request_id: [0-9a-f]{32}</p>},
 qr{\Ano Route matched with those values\nrequest_id: [0-9a-f]{32}\n\z},
 qr{\A<\?xml version="1\.0" encoding="UTF-8"\?>\n<error>\n  <message>no Route matched with those values</message>\n  <requestid>[0-9a-f]{32}</requestid>\n</error>\n\z}]


=== TEST 3: gRPC clients get a status and no body
--- request
POST /none
--- more_headers
Content-Type: application/grpc+proto
--- error_code: 404
--- response_headers
Content-Type: application/grpc
grpc-status: 5
grpc-message: NotFound
Content-Length: 0
--- response_body


=== TEST 4: HEAD has no body
--- request
HEAD /none
--- error_code: 404
--- response_headers
Content-Length: 103
--- response_body


=== TEST 5: a failed upstream is an error of nginx: plain without Accept
--- request eval
["GET /dead", "GET /dead", "POST /dead\nx"]
--- more_headers eval
["", "Accept: */*", "Content-Type: application/json"]
--- error_code eval
[502, 502, 502]
--- response_body_like eval
[qr{\AAn invalid response was received from the upstream server\nrequest_id: },
 qr{"message":"An invalid response was received from the upstream server"},
 qr{"message":"An invalid response was received from the upstream server"}]
--- response_headers_like eval
["X-Kong-Upstream-Latency: \\d+", "X-Kong-Proxy-Latency: \\d+", "Via: 1\\.1 ngx_gateway/.*"]


=== TEST 6: and the default type can be another
--- http_config
    gateway_error_default_type application/xml;
--- request
GET /dead
--- error_code: 502
--- response_body_like: <message>An invalid response


=== TEST 7: TRACE, a header too large, an upstream's own error
--- http_config
    large_client_header_buffers 1 1k;
--- request eval
["TRACE /up", "GET /up", "GET /up"]
--- more_headers eval
["", "X-Long: " . ("x" x 2000), "X-Test-Status: 404\nX-Test-Body: theirs"]
--- error_code eval
[405, 400, 404]
--- response_body_like eval
[qr{\AMethod not allowed\n}, qr{\ARequest header or cookie too large\n}, qr{\Atheirs}]


=== TEST 8: proxied answers say how long it took and where they came through
--- request
GET /up
--- more_headers
X-Test-Header: Via: 1.1 other
X-Test-Header: Server: theirs
X-Test-Header: X-Kong-Request-Id: theirs
--- response_headers_like
X-Kong-Upstream-Latency: ^\d+$
X-Kong-Proxy-Latency: ^\d+$
X-Kong-Request-Id: ^[0-9a-f]{32}$
Via: ^1\.1 other, 1\.1 ngx_gateway/[\d.]+$
Server: ^theirs$
!X-Kong-Response-Latency:
!X-Kong-Upstream-Status:


=== TEST 9: without an upstream's Server it is ours
--- request
GET /up
--- response_headers_like
Server: ^ngx_gateway/[\d.]+$


=== TEST 10: headers off
--- http_config
    gateway_headers off;
--- request eval
["GET /up", "GET /none"]
--- more_headers eval
["X-Test-Header: Via: 1.1 other", ""]
--- error_code eval
[200, 404]
--- response_headers eval
["Via: 1.1 other\n!Server\n!X-Kong-Proxy-Latency\n!X-Kong-Upstream-Latency\n!X-Kong-Request-Id",
 "!Via\n!Server\n!X-Kong-Response-Latency\n!X-Kong-Request-Id"]


=== TEST 11: one by one
--- http_config
    gateway_headers X-Kong-Upstream-Status Via;
--- request
GET /up
--- more_headers
X-Test-Status: 201
--- error_code: 201
--- response_headers_like
X-Kong-Upstream-Status: ^201$
Via: ^1\.1 ngx_gateway/[\d.]+
!Server:
!X-Kong-Request-Id:
!X-Kong-Proxy-Latency:


=== TEST 12: off counts in the first place only
--- http_config
    gateway_headers via off;
--- request
GET /up
--- response_headers_like
Via: ^1\.1 ngx_gateway/[\d.]+
!X-Kong-Request-Id:


=== TEST 13: no request id upstream
--- http_config
    gateway_headers_upstream off;
--- request
GET /up
--- more_headers
X-Kong-Request-Id: mine
--- response_body_like: X-Kong-Request-Id: mine


=== TEST 14: the id is in the error log
--- request
GET /dead
--- error_code: 502
--- error_log eval
qr{connect\(\) failed .*, request_id: "[0-9a-f]{32}"}


=== TEST 15: the unread body of a refused request is not the next one
--- pipelined_requests eval
["POST /none\nGET /up HTTP/1.1\r\nHost: evil\r\n\r\n", "GET /up?second"]
--- error_code eval
[404, 200]
--- response_body_like eval
[qr/no Route/, qr/\AGET \/\?second /]


=== TEST 16: a refused client that waits for 100 Continue gets the answer alone
--- raw_request eval
"POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
--- error_code: 404
--- response_headers
Connection: close


=== TEST 17: hop-by-hop headers of the upstream stay there
--- request
GET /up
--- more_headers
X-Test-Header: Connection: X-Hop
X-Test-Header: X-Hop: 1
X-Test-Header: X-Other: 1
--- response_headers
!X-Hop
X-Other: 1


=== TEST 18: templates of one's own
--- http_config
    gateway_error_template json html/error.json;
    gateway_error_template plain html/none.txt;
--- user_files
>>> error.json
{"code":"%%","text":"%s","id":"%s"}
--- request eval
["GET /none", "GET /none"]
--- more_headers eval
["", "Accept: text/plain"]
--- error_code eval
[404, 404]
--- response_body_like eval
[qr/\A\{"code":"%","text":"no Route matched with those values","id":"[0-9a-f]{32}"\}/,
 qr/\Ano Route matched/]


=== TEST 19: a template with too many slots
--- http_config
    gateway_error_template json html/error.json;
--- user_files
>>> error.json
%s %s %s
--- must_die
--- error_log
more than two "%s"
html/error.json" of "gateway_error_template": they are the message


=== TEST 20: an empty gateway answers 404
--- config
    gateway_no_route 404;
--- request
GET /
--- error_code: 404
--- response_body_like: no Route matched


=== TEST 21: other servers keep nginx's manners
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;
        location / { return 200 "plain\n"; }
    }
--- more_config
    gateway_service other { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }
    gateway_route other service=other { paths /other; }
--- request
GET /other
--- response_body
plain
--- response_headers_like
Server: ^ngx_gateway/[\d.]+


=== TEST 22: unknown tokens and addresses
--- http_config
    gateway_headers foo;
--- must_die
--- error_log
unknown token "foo" in "gateway_headers"


=== TEST 23: an address that is none
--- http_config
    gateway_trusted_ips 1.2.3.4.5;
--- must_die
--- error_log
invalid address "1.2.3.4.5" in "gateway_trusted_ips": expected an IP address, a CIDR or "unix:"


=== TEST 24: a port map that is none
--- http_config
    gateway_port_map 80;
--- must_die
--- error_log
invalid value "80" in "gateway_port_map": expected PUBLIC:LISTEN


=== TEST 25: a consumer's id is a UUID
--- http_config
    gateway_consumer bob { id 1; }
--- must_die
--- error_log
"id" directive expects a UUID


=== TEST 26: names become headers
--- http_config eval
"gateway_consumer bob { username \"a\rb\"; }"
--- must_die
--- error_log
"username" directive has a control character


=== TEST 27: variables
--- http_config
    log_format v "$gateway_route_id $gateway_service_id [$gateway_consumer_username] $gateway_source $gateway_request_id";
--- more_config
    access_log logs/access.log v;
--- request
GET /up
--- access_log eval
qr{[0-9a-f-]{36} [0-9a-f-]{36} \[-?\] service [0-9a-f]{32}}


=== TEST 28: HTTP/2
--- http2
--- request
GET /up/x
--- response_body_like eval
qr{\AGET /x HTTP/1\.1\n(?=.*^Via: 2 ngx_gateway/)}ms


=== TEST 29: the gateway's own headers and hop-by-hop ones of the upstream
--- http_config
    gateway_headers latency_tokens X-Kong-Upstream-Status;
--- request eval
["GET /up", "GET /up"]
--- more_headers eval
[CORE::join('', map("X-Test-Header: $_\n", 'X-Kong-Upstream-Latency: theirs',
              'X-Kong-Proxy-Latency: theirs', 'X-Kong-Upstream-Status: theirs',
              'Trailer: X-Sum', 'Upgrade: h2c')),
 "TE: trailers\nX-Test-Header: Trailer: X-Sum\n"
 . "X-Test-Header: X-Kong-Response-Latency: theirs"]
--- error_code eval
[200, 200]
--- response_headers_like eval
["X-Kong-Upstream-Latency: ^\\d+\$\nX-Kong-Proxy-Latency: ^\\d+\$\n"
 . "X-Kong-Upstream-Status: ^200\$\n!Trailer:\n!Upgrade:",
 "Trailer: ^X-Sum\$\nX-Kong-Response-Latency: ^theirs\$"]


=== TEST 90: text of the upstream gets a charset where it has none
--- http_config
    gateway_charset UTF-8;
--- request eval
["GET /up", "GET /up", "GET /up", "GET /none"]
--- more_headers eval
["X-Test-Type: text/plain", "X-Test-Type: text/html; charset=koi8-r",
 "X-Test-Type: image/png", ""]
--- error_code eval
[200, 200, 200, 404]
--- response_headers eval
["Content-Type: text/plain; charset=UTF-8",
 "Content-Type: text/html; charset=koi8-r",
 "Content-Type: image/png",
 "Content-Type: application/json; charset=utf-8"]


=== TEST 91: variables of consumers and latencies
--- http_config
    log_format w "$gateway_consumer_id|$gateway_consumer_username|$gateway_consumer_custom_id|$gateway_credential_identifier|$gateway_proxy_latency|$gateway_upstream_latency|";

    gateway_consumer bob {
        id 11111111-1111-4111-8111-111111111111;
        username bob;
        custom_id bob-1;
        gateway_key_auth_credential key=kong
            id=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa;
    }

    gateway_key_auth on;
--- more_config
    access_log logs/access.log w;
--- request
GET /up
--- more_headers
apikey: kong
--- access_log eval
qr{11111111-1111-4111-8111-111111111111\|bob\|bob-1\|aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa\|\d+\|\d+\|}


=== TEST 92: an invalid answer is not the service's
--- http_config
    log_format x "$gateway_source";
--- more_config
    access_log logs/access.log x;
--- request
GET /up
--- more_headers
X-Test-Header: X-Bad\x00: 1
X-Test-Reset: on
--- error_code: 502
--- access_log
gateway


=== TEST 93: HTTP/2 gets no header of an HTTP/1 connection, whoever wrote it
--- http2
--- http_config
    gateway_response_transformer add.headers=connection:x-gone
        add.headers=keep-alive:timeout=5
        add.headers=x-added:yes;
--- request eval
["GET /up/x", "GET /none"]
--- more_headers eval
["X-Test-Header: Proxy-Connection: keep-alive\nX-Test-Header: X-Own: 1", ""]
--- error_code eval
[200, 404]
--- response_headers eval
["X-Own: 1\nX-Added: yes\n!Connection\n!Keep-Alive\n!Proxy-Connection",
 "X-Added: yes\n!Connection\n!Keep-Alive\n!Proxy-Connection"]


=== TEST 94: quotes around a whole parameter are nginx's, others are of the value
--- config
    location /t {
        gateway_request_termination status_code=418 "message=a b";
    }
    location /q {
        gateway_request_termination status_code=418 content_type=application/json 'body="q"';
    }
--- request eval
["GET /t", "GET /q"]
--- error_code eval
[418, 418]
--- response_body_like eval
["a b", "^\"q\"\$"]



=== TEST 95: the second one is warned of
--- config
    location /q {
        gateway_request_termination status_code=418 body='q';
    }
--- request
GET /q
--- error_code: 418
--- error_log
[warn]
the quotes in "body" of "gateway_request_termination" are part of the value



=== TEST 96: the first one is not
--- config
    location /q {
        gateway_request_termination status_code=418 'body=it is';
    }
--- request
GET /q
--- error_code: 418
--- no_error_log
the quotes in



=== TEST 97: nginx makes the hash of all variables without a warning
--- config
--- request
GET /none
--- error_code: 404
--- no_error_log
variables_hash
