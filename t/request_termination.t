# Copyright (C) the ngx_gateway authors
#
# request_termination: answers, defaults, trigger, echo.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', <<'_EOC_') unless $block->http_config;
    gateway_consumer bob {
        gateway_key_auth_credential key=bob;
    }
    gateway_consumer gone {
        gateway_key_auth_credential key=gone;
        gateway_request_termination status_code=410 message=bye;
    }
_EOC_

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        my $more = defined $block->location ? $block->location : '';
        $block->set_value('config', "location / {\n"
                          . "gateway_request_termination $args;\n"
                          . "$more\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the default is 503
--- args: on
--- request
GET /
--- error_code: 503
--- response_headers
Content-Type: application/json; charset=utf-8
--- response_body chop
{"message":"Service unavailable"}
--- no_error_log
[error]



=== TEST 2: defaults of other statuses
--- config
    location /401 { gateway_request_termination status_code=401; }
    location /404 { gateway_request_termination status_code=404; }
    location /405 { gateway_request_termination status_code=405; }
    location /500 { gateway_request_termination status_code=500; }
    location /502 { gateway_request_termination status_code=502; }
    location /418 { gateway_request_termination status_code=418; }
    location /200 { gateway_request_termination status_code=200; }
--- request eval
[map { "GET /$_" } 401, 404, 405, 500, 502, 418, 200]
--- error_code eval
[401, 404, 405, 500, 502, 418, 200]
--- response_body eval
[(map { "{\"message\":\"$_\"}" } "Unauthorized", "Not found",
  "Method not allowed", "An unexpected error occurred", "Bad Gateway"), "", ""]



=== TEST 3: a message is escaped
--- args: status_code=200 "message=say \"hi\""
--- request
GET /
--- response_body chop
{"message":"say \"hi\""}



=== TEST 4: a body with its type
--- args: status_code=404 "body=<h1>gone</h1>" "content_type=text/html; charset=x"
--- request
GET /
--- error_code: 404
--- response_headers
Content-Type: text/html; charset=x
Content-Length: 13
--- response_body chop
<h1>gone</h1>



=== TEST 5: a body without a type
--- args: status_code=200 body=plain
--- request
GET /
--- response_headers
!Content-Type
--- response_body chop
plain



=== TEST 6: 204 has no body and no Content-Length
--- args: status_code=204
--- request
GET /
--- error_code: 204
--- response_headers
!Content-Length
!Content-Type
--- response_body



=== TEST 7: a trigger: header or argument, else the request passes
--- args: status_code=200 message=stop trigger=X-Stop
--- request eval
["GET /a", "GET /b", "GET /c?X-Stop", "GET /d?a=1&X-Stop=2", "GET /e?x-stop=1"]
--- more_headers eval
["", "x-stop: 1", "", "", ""]
--- error_code eval
[200, 200, 200, 200, 200]
--- response_body_like eval
["^GET /a", "^\\{\"message\":\"stop\"", "stop", "stop", "^GET /e"]



=== TEST 8: authentication and limits come first
--- args: on
--- location
gateway_key_auth on;
gateway_rate_limiting day=1;
--- request eval
["GET /", "GET /?apikey=bob", "GET /?apikey=bob"]
--- error_code eval
[401, 503, 429]
--- response_headers eval
["!X-RateLimit-Limit-Day", "X-RateLimit-Remaining-Day: 0", "X-RateLimit-Remaining-Day: 0"]



=== TEST 9: for one consumer only
--- config eval
"location / { gateway_key_auth on;\n$::proxy}"
--- request eval
["GET /?apikey=bob", "GET /?apikey=gone"]
--- error_code eval
[200, 410]



=== TEST 10: a route without a service; the body is dropped
--- config
    gateway_route r { paths /r; gateway_request_termination status_code=410; }
--- pipelined_requests eval
["POST /r\r\nhello", "POST /r\r\nhello"]
--- error_code eval
[410, 410]



=== TEST 11: off below on
--- config eval
<<"_EOC_";
    gateway_request_termination on;
    location / {
        gateway_request_termination off;
$::proxy
    }
    location /x {
$::proxy
    }
_EOC_
--- request eval
["GET /", "GET /x"]
--- error_code eval
[200, 503]



=== TEST 12: echo
--- config
    gateway_service s host=127.0.0.1 port=80 {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    gateway_route r service=s {
        paths /e;
        gateway_request_termination status_code=200 message=hi echo=on;
    }
--- request
POST /e/./x?a=1&a=2&b&c=%41
{"k":[1,"two"]}
--- more_headers
Content-Type: application/json
X-Two: 1
x-two: 2
X-Bad: aäb
--- response_headers
Content-Type: application/json; charset=utf-8
--- response_body_like eval
qr/^\{"message":"hi","kong":\{"node_id":"[0-9a-f-]{36}","worker_pid":\d+,"hostname":"[^"]+"\},"request":\{"scheme":"http","host":"[^"]+","port":\d+,"method":"POST","path":"\/e\/x","headers":\{.*"x-two":\["1","2"\].*\},"query":\{"a":\["1","2"\],"b":true,"c":"A"\},"raw_body":"\{\\"k\\":\[1,\\"two\\"\]\}","body":\{"k":\[1,"two"\]\},"uri_captures":\{"named":\{\},"unnamed":\[\]\}\},"matched_route":\{"id":"[0-9a-f-]{36}","name":"r",.*\},"matched_service":\{"id":"[0-9a-f-]{36}","name":"s",.*\}\}$/



=== TEST 13: echo of bytes that are no text, and without a body
--- args: status_code=200 echo=on
--- request eval
"GET /?a=%ff%00b"
--- response_body_like: "a":"�\\u0000b"\},"raw_body":"","body":null



=== TEST 14: message and body
--- args: message=a body=b
--- must_die
--- error_log
takes "message" or "body" and "content_type", not both



=== TEST 15: echo and body
--- args: echo=on body=b
--- must_die
--- error_log
takes "echo" or "body" and "content_type", not both



=== TEST 16: a type without a body
--- args: content_type=text/plain
--- must_die
--- error_log
needs "body" with "content_type"



=== TEST 17: a status out of range
--- args: status_code=600
--- must_die
--- error_log
invalid parameter "status_code=600"



=== TEST 18: HEAD
--- args: on
--- request
HEAD /
--- error_code: 503
--- response_body



=== TEST 19: echo of the groups of the route's expression, route and service
--- yaml
_format_version: "3.0"
services:
- name: old
  host: 127.0.0.1
  port: 9
  path: /x
  routes:
  - name: by-id
    paths: ['~/(?<kind>[a-z]+)/(\d+)(-(?<rest>.+))?/(end)', /plain]
    plugins:
    - name: request-termination
      config: {status_code: 200, echo: true}
--- request eval
['GET /items/42/end', 'GET /items/42-a/end', 'GET /plain']
--- response_body_like eval
[qr/"uri_captures":\{"named":\{"kind":"items"\},"unnamed":\["items","42",null,null,"end"\]\}.*"matched_route":\{(?=.*"paths":\[)(?=.*"name":"by-id").*"matched_service":\{.*"path":"\/x"/,
 qr/"uri_captures":\{"named":\{"kind":"items","rest":"a"\},"unnamed":\["items","42","-a","a","end"\]\}/,
 qr/"uri_captures":\{"named":\{\},"unnamed":\[\]\}/]



=== TEST 20: echo of the groups of an expression
--- yaml
_format_version: "3.0"
routes:
- name: by-id
  expression: 'http.path ~ "^/(?<kind>[a-z]+)/" && http.method ~ "^(?<first>.)"'
  plugins:
  - name: request-termination
    config: {status_code: 200, echo: true}
--- compile_args: --set router_flavor=expressions
--- request
GET /items/42
--- response_body_like: "uri_captures":\{"named":\{(?=.*"kind":"items")(?=.*"first":"G")



=== TEST 21: the trigger's name in headers is of any case, in arguments it is not; empty ones count
--- args: status_code=410 message=stop trigger=X-Stop
--- request eval
["GET /", "GET /?X%2DStop", "GET /?X-Stop=", "GET /?X-Stop=0", "GET /?a=X-Stop", "GET /?x-stop"]
--- more_headers eval
["X-STOP:", "", "", "", "", ""]
--- error_code eval
[410, 410, 410, 410, 200, 200]



=== TEST 22: Accept does not matter; HEAD has the length; who waits for 100 Continue gets the answer
--- args: on
--- request eval
["GET /", "HEAD /", "POST /\r\nabc"]
--- more_headers eval
["Accept: text/html", "", "Expect: 100-continue"]
--- error_code eval
[503, 503, 503]
--- response_headers eval
[("Content-Type: application/json; charset=utf-8\nContent-Length: 33") x 3]
--- response_body eval
["{\"message\":\"Service unavailable\"}", "", "{\"message\":\"Service unavailable\"}"]



=== TEST 23: a status that ends no request ends the connection
--- args: status_code=199 message=wait
--- raw_request eval
"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
--- error_code_like: ^$
--- response_body_like: ^HTTP/1\.1 199 \r\n(?s:.*)Connection: close\r\n(?s:.*)\r\n\r\n$
--- response_body_unlike: Content-Length



=== TEST 24: the echo of a form, of plain text; the trigger next to it
--- args: status_code=200 echo=on trigger=debug
--- request eval
["POST /?debug=1\r\na=1&b=2", "PUT /?debug=1\r\nraw", "GET /"]
--- more_headers eval
["Content-Type: application/x-www-form-urlencoded", "", ""]
--- response_body_like eval
[qr/"raw_body":"a=1&b=2","body":\{"a":"1","b":"2"\}/, qr/"raw_body":"raw","body":null/, qr/^GET/]
--- error_code eval
[200, 200, 200]



=== TEST 25: gRPC: what stands in the body is the message
--- config
    location /a { gateway_request_termination on; }
    location /b { gateway_request_termination status_code=418 "body=räw 5% of\nit"; }
    location /c { gateway_request_termination status_code=201; }
    location /d { gateway_request_termination status_code=418 body=raw content_type=text/x; }
--- request eval
["POST /a", "POST /b", "POST /c", "POST /d"]
--- more_headers
Content-Type: application/grpc
--- error_code eval
[503, 418, 201, 418]
--- response_headers eval
["grpc-status: 14\ngrpc-message: Service unavailable\nContent-Type: application/grpc\nContent-Length: 0",
 "grpc-status: 3\ngrpc-message: r%C3%A4w 5%25 of%0Ait\nContent-Type: application/grpc",
 "grpc-status: 0\ngrpc-message: OK",
 "!grpc-status\nContent-Type: text/x"]
--- response_body eval
["", "", "", "raw"]
