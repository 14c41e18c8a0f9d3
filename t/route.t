# Copyright (C) the ngx_gateway authors
#
# route: by-hand services and routes, what happens before and after the
# policies, and the request that the upstream gets.  The worked examples of
# matching are in router.t.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $service = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection $gateway_upstream_connection;
        proxy_set_header Upgrade $gateway_upstream_upgrade;
        proxy_set_header TE $gateway_upstream_te;
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    return unless defined $block->routes;

    my $with = defined $block->service ? $block->service : '';
    chomp $with;
    my $more = defined $block->location ? $block->location : '';

    $block->set_value('config', "gateway_no_route 404;\n"
                      . "gateway_service echo $with {\n$service$more}\n"
                      . $block->routes);
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a route strips its prefix and adds the service's path
--- service: path=/api
--- routes
gateway_route a service=echo { paths /orders; }
--- request
GET /orders/7?x=%20y
--- response_body_like: ^GET /api/7\?x=%20y HTTP/1\.1\n
--- response_headers
Via: 1.1 ngx_gateway/0.1.0
--- no_error_log
[error]


=== TEST 2: nothing matches
--- routes
gateway_route a service=echo { paths /orders; }
--- request
GET /other
--- error_code: 404
--- response_body_like: ^\{\n  "message":"no Route matched with those values",\n  "request_id":"[0-9a-f]{32}"\n\}$
--- response_headers_like
Content-Type: ^application/json; charset=utf-8$
X-Kong-Response-Latency: ^\d+$
X-Kong-Request-Id: ^[0-9a-f]{32}$
Server: ^ngx_gateway/[\d.]+$
!Via: 
!X-Kong-Proxy-Latency: 
--- no_error_log
[error]


=== TEST 3: without gateway_no_route the server's locations stay
--- config
    gateway_route a { paths /orders; }
    location = /other { return 200 "mine\n"; }
--- request
GET /other
--- response_body
mine


=== TEST 4: a route without service is 503 after its policies
--- routes
gateway_route a { paths /orders; }
--- request
GET /orders
--- error_code: 503
--- response_body_like: "message":"no Service found with those values"


=== TEST 5: https only asks for an upgrade
--- routes
gateway_route a service=echo { paths /; protocols https; }
--- request
GET /x
--- error_code: 426
--- response_headers
Upgrade: TLS/1.2, HTTP/1.1
--- response_body_like: "message":"Please use HTTPS protocol"


=== TEST 6: https only redirects, the target as it came
--- routes
gateway_route a service=echo {
    paths /; protocols https; https_redirect_status_code 308;
}
--- raw_request eval
"GET /x/../x?q HTTP/1.1\r\nHost: h:8000\r\nConnection: close\r\n\r\n"
--- error_code: 308
--- response_headers
Location: https://h/x/../x?q
Content-Length: 0


=== TEST 7: a gRPC route refuses what is not gRPC, and HTTP/1
--- routes
gateway_route a service=echo { paths /; protocols grpc; }
--- request eval
["GET /x", "GET /x"]
--- more_headers eval
["", "Content-Type: application/grpc"]
--- error_code eval
[415, 426]
--- response_body_like eval
[qr/"message":"Non-gRPC request matched gRPC route"/,
 qr/"message":"Please use HTTP2 protocol"/]


=== TEST 8: forwarding headers
--- service: path=/s
--- routes
gateway_route a service=echo { paths /p; }
--- request
GET /p/x%2Fy?z
--- more_headers
Host: Example.COM:123
Via: 1.0 old
X-Forwarded-For: 9.9.9.9
X-Forwarded-Proto: https
X-Forwarded-Prefix: /evil
Proxy: http://evil
Proxy-Connection: keep-alive
X-Kong-Request-Id: mine
X-Real-IP: 8.8.8.8
--- response_body_like eval
qr{^GET /s/x%2Fy\?z HTTP/1\.1
(?=.*^X-Forwarded-For: 9\.9\.9\.9, 127\.0\.0\.1$)(?=.*^X-Real-IP: 127\.0\.0\.1$)(?=.*^X-Forwarded-Proto: http$)(?=.*^X-Forwarded-Host: example\.com$)(?=.*^X-Forwarded-Port: \d+$)(?=.*^X-Forwarded-Path: /p/x%2Fy$)(?=.*^X-Forwarded-Prefix: /p$)(?=.*^Via: 1\.0 old, 1\.1 ngx_gateway/0\.1\.0$)(?=.*^X-Kong-Request-Id: [0-9a-f]{32}$)(?=.*^Connection: keep-alive$)}ms
--- response_body_unlike eval
qr{evil|8\.8\.8\.8|mine|^Proxy}m


=== TEST 9: the same through $gateway_upstream_headers
--- config
    gateway_no_route 404;
    gateway_service echo host=127.0.0.1 port=1 path=/s headers=variable {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Host $gateway_upstream_headers;
        proxy_set_header Connection "";
    }
    gateway_route a service=echo { paths /p; }
--- request
GET /p/x%2Fy?z
--- more_headers
Via: 1.0 old
X-Forwarded-For: 9.9.9.9
X-Forwarded-Proto: https
X-Forwarded-Prefix: /evil
Proxy: http://evil
TE: trailers
X-Kong-Request-Id: mine
X-Real-IP: 8.8.8.8
--- response_body_like eval
qr{^GET /s/x%2Fy\?z HTTP/1\.1
(?=.*^X-Forwarded-For: 9\.9\.9\.9, 127\.0\.0\.1$)(?=.*^X-Real-IP: 127\.0\.0\.1$)(?=.*^X-Forwarded-Proto: http$)(?=.*^X-Forwarded-Port: \d+$)(?=.*^X-Forwarded-Path: /p/x%2Fy$)(?=.*^X-Forwarded-Prefix: /p$)(?=.*^TE: trailers$)(?=.*^Via: 1\.0 old, 1\.1 ngx_gateway/0\.1\.0$)(?=.*^X-Kong-Request-Id: [0-9a-f]{32}$)(?=.*^Connection: keep-alive$)}ms
--- response_body_unlike eval
qr{evil|8\.8\.8\.8|mine|^Proxy}m


=== TEST 10: trusted peers are believed
--- http_config
    gateway_trusted_ips 127.0.0.0/8;
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Real-IP;
--- routes
gateway_route a service=echo { paths /p; }
--- request
GET /p
--- more_headers
X-Forwarded-For: 9.9.9.9
X-Forwarded-Proto: https
X-Forwarded-Host: front.example
X-Forwarded-Port: 443
X-Forwarded-Path: /from/front
X-Forwarded-Prefix: /pre
X-Real-IP: 8.8.8.8
--- response_body_like eval
qr{(?=.*^X-Forwarded-For: 9\.9\.9\.9, 127\.0\.0\.1$)(?=.*^X-Real-IP: 8\.8\.8\.8$)(?=.*^X-Forwarded-Proto: https$)(?=.*^X-Forwarded-Host: front\.example$)(?=.*^X-Forwarded-Port: 443$)(?=.*^X-Forwarded-Path: /from/front$)(?=.*^X-Forwarded-Prefix: /pre$)}ms


=== TEST 11: https by a trusted peer's word
--- http_config
    gateway_trusted_ips 127.0.0.0/8;
--- routes
gateway_route a service=echo { paths /; protocols https; }
--- request
GET /x
--- more_headers
X-Forwarded-Proto: https
--- error_code: 200


=== TEST 12: and not by anyone's
--- routes
gateway_route a service=echo { paths /; protocols https; }
--- request
GET /x
--- more_headers
X-Forwarded-Proto: https
--- error_code: 426


=== TEST 13: identity headers of clients never pass, however spelled
--- http_config
    underscores_in_headers on;
--- routes
gateway_route a service=echo { paths /; }
--- request
GET /x
--- more_headers
X-Consumer-ID: evil
x_consumer_username: evil
X-Consumer-Custom-Id: evil
X-Consumer-Groups: evil
X-Credential-Identifier: evil
X-Anonymous-Consumer: evil
X_Authenticated-Groups: evil
X-Authenticated-Userid: evil
X-Other: good
--- response_body_like: X-Other: good
--- response_body_unlike: evil


=== TEST 14: unless told otherwise
--- http_config
    gateway_strip_identity_headers off;
--- routes
gateway_route a service=echo { paths /; }
--- request
GET /x
--- more_headers
X-Consumer-ID: mine
--- response_body_like: X-Consumer-ID: mine


=== TEST 15: headers named in Connection stay here
--- routes
gateway_route a service=echo { paths /; }
--- request
GET /x
--- more_headers
Connection: X-Secret, keep-alive, Host
X-Secret: evil
X-Other: good
--- response_body_like: Host: (?s:.*)X-Other: good
--- response_body_unlike: evil
--- no_wait_close


=== TEST 16: WebSocket upgrades pass, others do not
--- routes
gateway_route a service=echo { paths /; }
--- request eval
["GET /x", "GET /x"]
--- more_headers eval
["Connection: Upgrade\nUpgrade: WebSocket", "Connection: Upgrade\nUpgrade: h2c"]
--- response_body_like eval
[qr/^Connection: keep-alive, Upgrade$/m, qr/^Connection: keep-alive$/m]
--- error_code eval
[200, 200]
--- no_wait_close


=== TEST 17: a dot segment behind an encoded slash is refused
--- routes
gateway_route a service=echo { paths /; }
--- raw_request eval
"GET /a%2F..%2Fb HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
--- error_code: 400


=== TEST 18: or forwarded where that is wanted
--- http_config
    gateway_encoded_dot_segments forward;
--- routes
gateway_route a service=echo { paths /; }
--- raw_request eval
"GET /a%2F..%2Fb HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
--- response_body_like: ^GET /a%2F\.\.%2Fb 


=== TEST 19: dot segments do not climb out of the stripped prefix
--- service: path=/inner
--- routes
gateway_route a service=echo { paths /api; }
--- raw_request eval
"GET /api/../api/%2e%2e/api/z HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
--- response_body_like: ^GET /inner/z 


=== TEST 20: line ends in a path reach no header
--- routes
gateway_route a service=echo { paths ~/[^/]+; }
--- request
GET /a%0D%0AX-Evil:1/b
--- response_body_like: X-Forwarded-Prefix: /a%0D%0AX-Evil
--- response_body_unlike: ^X-Evil


=== TEST 21: the log keeps the client's request line
--- http_config
    log_format u "$request_uri|$gateway_route_name|$gateway_service_name|$gateway_source";
--- config
    access_log logs/access.log u;
    gateway_service echo path=/s {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    gateway_route a service=echo { paths /p; }
--- request
GET /p/x?y
--- access_log
/p/x?y|a|echo|service


=== TEST 22: body size is judged by the service's location
--- location
        client_max_body_size 4;
--- routes
gateway_route a service=echo { paths /; }
--- request
POST /x
12345
--- error_code: 413


=== TEST 23: debug headers on request
--- http_config
    gateway_allow_debug_header on;
--- service: id=0855b320-0dd2-547d-891d-601e9b38647f
--- routes
gateway_route a service=echo { paths /; }
--- request
GET /x
--- more_headers
Kong-Debug: 1
--- response_headers
Kong-Route-Name: a
Kong-Service-Name: echo
Kong-Service-Id: 0855b320-0dd2-547d-891d-601e9b38647f


=== TEST 24: ids are derived as Kong derives them
--- http_config
    gateway_allow_debug_header on;
--- routes
gateway_route my-route service=echo { paths /; }
--- request
GET /x
--- more_headers
Kong-Debug: 1
--- response_headers
Kong-Route-Id: 481a9539-f49c-51b6-b2e2-fe99ee68866c


=== TEST 25: the public port of a mapped one
--- http_config
    gateway_port_map 443:$TEST_NGINX_SERVER_PORT;
--- routes
gateway_route a service=echo { hosts example.com:443; }
--- request
GET /x
--- more_headers
Host: example.com
--- response_body_like: X-Forwarded-Port: 443


=== TEST 26: an unknown service
--- config
    gateway_route a service=none { paths /; }
--- must_die
--- error_log
invalid parameter "service=none" in "gateway_route": there is no such "gateway_service" before it in this server


=== TEST 27: a bad regular expression names its route
--- config
    gateway_route a { paths "~/a("; }
--- must_die
--- error_log
gateway_route "a":


=== TEST 28: a location inside a service
--- config
    gateway_service a { location / { } }
--- must_die
--- error_log
location "/" is outside location "a"


=== TEST 29: a directive of a location inside a route
--- config
    gateway_route a { paths /; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
"proxy_pass" directive is not allowed here


=== TEST 30: a service twice
--- config
    gateway_service a { }
    gateway_service a { }
--- must_die
--- error_log
duplicate service "a"


=== TEST 31: bad fields
--- config
    gateway_route a { paths /; https_redirect_status_code 303; }
--- must_die
--- error_log
"https_redirect_status_code" directive expects 426, 301, 302, 307 or 308


=== TEST 32: a path that is none
--- config
    gateway_route a { paths foo; }
--- must_die
--- error_log
invalid path "foo": it begins with "/" (prefix) or "~/" (regular expression)


=== TEST 33: strict calculation: a wildcard host and a path beat a plain host
--- http_config
    gateway_route_match_calculation strict;
    gateway_allow_debug_header on;
--- routes
gateway_route w service=echo { hosts *.example.com; paths /p; }
gateway_route p service=echo { hosts api.example.com; }
--- request
GET /p
--- more_headers
Host: api.example.com
Kong-Debug: 1
--- response_headers
Kong-Route-Name: w


=== TEST 34: original calculation: the plain host wins
--- http_config
    gateway_route_match_calculation original;
    gateway_allow_debug_header on;
--- routes
gateway_route w service=echo { hosts *.example.com; paths /p; }
gateway_route p service=echo { hosts api.example.com; }
--- request
GET /p
--- more_headers
Host: api.example.com
Kong-Debug: 1
--- response_headers
Kong-Route-Name: p


=== TEST 35: a path on its way to a gRPC service stays whole
--- service: protocol=grpc
--- routes
gateway_route a service=echo { paths /p; }
--- request
GET /p/Method?x
--- response_body_like: \AGET /p/Method\?x HTTP


=== TEST 36: HTTP/2 has no upgrade
--- http2
--- routes
gateway_route a service=echo { paths /; protocols https; }
--- request
GET /x
--- error_code: 426
--- response_headers
!Upgrade
--- response_body_like: "message":"Please use HTTPS protocol"


=== TEST 37: all Via lines received, before ours
--- routes
gateway_route a service=echo { paths /; }
--- request eval
["GET /x", "GET /x"]
--- more_headers eval
["Via: 1.0 a\nVia: 1.1 b, 1.1 c", "Via:"]
--- response_body_like eval
[qr{^Via: 1\.0 a, 1\.1 b, 1\.1 c, 1\.1 ngx_gateway/}m,
 qr{^Via: 1\.1 ngx_gateway/}m]
--- error_code eval
[200, 200]


=== TEST 38: the same through $gateway_upstream_headers
--- service: headers=variable
--- location
        proxy_set_header Host $gateway_upstream_headers;
        proxy_set_header Connection "";
--- routes
gateway_route a service=echo { paths /; }
--- request
GET /x
--- more_headers
Via: 1.0 a
Via: 1.1 b
--- response_body_like: Via: 1\.0 a, 1\.1 b, 1\.1 ngx_gateway/
--- response_body_unlike: (?s)Via:.*Via:


=== TEST 39: what the gateway says of the client has no twin spelled with _
--- http_config
    underscores_in_headers on;
--- routes
gateway_route a service=echo { paths /; }
--- request
GET /x
--- more_headers
X_Real_IP: evil
X-Real_IP: evil
X_Forwarded_For: evil
X_Forwarded-Proto: evil
X-Forwarded_Host: evil
X_FORWARDED_PORT: evil
X_Forwarded_Path: evil
X_Forwarded_Prefix: evil
Content_Length: evil
Transfer_Encoding: evil
X_Forwarded: good-1
X_Forwarded_Fox: good-2
Content_Type: good-3
X_Custom: good-4
--- response_body_like: (?s)good-1.*good-2.*good-3.*good-4
--- response_body_unlike: evil


=== TEST 40: unless Kong's ways are wanted
--- http_config
    underscores_in_headers on;
    gateway_strip_identity_headers off;
--- routes
gateway_route a service=echo { paths /; }
--- request
GET /x
--- more_headers
X_Real_IP: mine
--- response_body_like: X_Real_IP: mine
