# Copyright (C) the ngx_gateway authors
#
# redirect: status, location, path and arguments.

use lib 't/lib';
use Test::Gateway 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        my $more = defined $block->location ? $block->location : '';
        $block->set_value('config', "location / {\n"
                          . "gateway_redirect $args;\n$more\n}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: 301 by default
--- args: location=https://example.com/x?y=z#f
--- request
GET /a?b=c
--- error_code: 301
--- response_headers
Location: https://example.com/x?y=z#f
Content-Length: 11
!Content-Type
--- response_body chop
redirecting
--- no_error_log
[error]



=== TEST 2: other statuses
--- config
    location /302 { gateway_redirect location=http://a status_code=302; }
    location /307 { gateway_redirect location=http://a status_code=307; }
    location /200 { gateway_redirect location=http://a status_code=200; }
--- request eval
["GET /302", "GET /307", "GET /200"]
--- error_code eval
[302, 307, 200]
--- response_headers eval
[("Location: http://a") x 3]



=== TEST 3: path and arguments of the request
--- args: location=https://example.com/x?old=1#f keep_incoming_path=on
--- request eval
["GET /status/200?keep=this", "GET /", "GET /a%20b%3Fc%25%C3%B8?x=%20"]
--- error_code eval
[301, 301, 301]
--- response_headers eval
["Location: https://example.com/status/200?keep=this#f",
 "Location: https://example.com/#f",
 "Location: https://example.com/a%20b%3Fc%25%C3%B8?x=%20#f"]



=== TEST 4: the same on a route: the normal form, escaped again
--- config
    gateway_route r {
        paths /;
        gateway_redirect location=https://example.com:8443 keep_incoming_path=on;
    }
--- request eval
["GET /x/../status/./200?keep=this", "GET /a%20b%3Fc%25%C3%B8%2Fd%7e", "GET //evil.test/%0d%0aX:y"]
--- error_code eval
[301, 301, 301]
--- response_headers eval
["Location: https://example.com:8443/status/200?keep=this",
 "Location: https://example.com:8443/a%20b%3Fc%25%C3%B8%2Fd~",
 "Location: https://example.com:8443/evil.test/%0D%0AX:y"]



=== TEST 5: after authentication and limits; for one consumer
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential key=bob;
    }
    gateway_consumer eve {
        gateway_key_auth_credential key=eve;
        gateway_redirect location=http://elsewhere;
    }
--- args: location=http://a
--- location
gateway_key_auth on;
gateway_rate_limiting day=1;
--- request eval
["GET /", "GET /?apikey=bob", "GET /?apikey=bob", "GET /?apikey=eve"]
--- error_code eval
[401, 301, 429, 301]
--- response_headers eval
["!Location", "Location: http://a", "!Location", "Location: http://elsewhere"]



=== TEST 6: the body of the request is dropped
--- args: location=http://a
--- pipelined_requests eval
["POST /\r\nabc", "POST /\r\nabc"]
--- error_code eval
[301, 301]



=== TEST 7: no location
--- args: status_code=302
--- must_die
--- error_log
"gateway_redirect" directive needs "location"



=== TEST 8: half a URL
--- args: location=/path
--- must_die
--- error_log
needs a whole URL in "location"



=== TEST 9: a URL with a line break
--- args: "location=http://a/\nX: y"
--- must_die
--- error_log
has blanks or control characters in "location"



=== TEST 10: a status out of range
--- args: location=http://a status_code=99
--- must_die
--- error_log
invalid parameter "status_code=99"



=== TEST 11: the normal form of scheme, host and port; the query escaped
--- config
    location /a {
        gateway_redirect location=HTTPS://Example.COM:443/x?q=1
                         keep_incoming_path=on;
    }
    location /b {
        gateway_redirect location=http://Me:Pw@HOST.test:80
                         keep_incoming_path=on;
    }
    location /c {
        gateway_redirect location=http://[2001:DB8::1]:8080
                         keep_incoming_path=on;
    }
    location /d { gateway_redirect location=HTTPS://Example.COM:443/x; }
    location /e {
        gateway_redirect location=http://a.test:443 keep_incoming_path=on;
    }
--- request eval
["GET /a?b=\"<>'%22", "GET /b?", "GET /c", "GET /d", "GET /e"]
--- error_code eval
[301, 301, 301, 301, 301]
--- response_headers eval
["Location: https://example.com/a?b=%22%3C%3E%27%22",
 "Location: http://Me:Pw\@host.test/b",
 "Location: http://[2001:db8::1]:8080/c",
 "Location: HTTPS://Example.COM:443/x",
 "Location: http://a.test:443/e"]



=== TEST 12: HEAD; requests that wait for 100 Continue
--- args: location=http://a status_code=302
--- request eval
["HEAD /", "POST /\r\nabc", "OPTIONS /"]
--- more_headers eval
["", "Expect: 100-continue", ""]
--- error_code eval
[302, 302, 302]
--- response_headers eval
[("Location: http://a\nContent-Length: 11") x 3]
--- response_body eval
["", "redirecting", "redirecting"]



=== TEST 13: a status that ends no request ends the connection
--- args: location=http://a status_code=100
--- raw_request eval
"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
--- error_code_like: ^$
--- response_body_like: ^HTTP/1\.1 100 \r\n(?s:.*)Connection: close\r\n(?s:.*)Location: http://a(?s:.*)\r\n\r\n$
--- response_body_unlike: Content-Length



=== TEST 14: gRPC
--- args: location=http://a
--- request
POST /
--- more_headers
Content-Type: application/grpc
--- error_code: 301
--- response_headers
Location: http://a
grpc-status: 2
grpc-message: redirecting
--- response_body
