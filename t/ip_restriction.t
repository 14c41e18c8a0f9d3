# Copyright (C) the ngx_gateway authors
#
# ip_restriction: allow, deny, real addresses.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
_EOC_

our $restricted = <<'_EOC_';
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - {name: r, paths: [/]}
plugins:
- name: ip-restriction
  config: {allow: [127.0.0.4]}
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        my $more = defined $block->location ? $block->location : <<'_EOC_';
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
_EOC_
        $block->set_value('config', "location / {\n"
                          . "gateway_ip_restriction $args;\n"
                          . "$more\n$proxy}\n");
    }

    # one request from each address
    if (defined $block->from) {
        my @from = split ' ', $block->from;
        $block->set_value('request', [ map { 'GET /' } @from ]);
        $block->set_value('more_headers', [ map { "X-Real-IP: $_" } @from ]);
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: allow, addresses and networks
--- args: allow=127.0.0.4 allow=10.0.0.0/8 allow=2001:db8::/32
--- from: 127.0.0.4 10.1.2.3 2001:db8::1 127.0.0.5 11.0.0.1 2001:db9::1
--- error_code eval
[200, 200, 200, 403, 403, 403]
--- response_body_like eval
["^GET", "^GET", "^GET",
 qr/^\{\n  "message":"IP address not allowed: 127\.0\.0\.5",\n  "request_id":"[0-9a-f]{32}"\n\}$/,
 "IP address not allowed: 11.0.0.1", "IP address not allowed: 2001:db9::1"]
--- no_error_log
[error]



=== TEST 2: deny
--- args: deny=127.0.0.3 deny=127.0.0.4
--- from: 127.0.0.4 127.0.0.5
--- error_code eval
[403, 200]



=== TEST 3: deny wins
--- args: deny=127.0.0.0/24 allow=127.0.0.4
--- from: 127.0.0.4
--- error_code eval
[403]



=== TEST 4: families are apart
--- args: deny=0.0.0.0/0
--- from: 1.2.3.4 ::1
--- error_code eval
[403, 200]



=== TEST 5: allow of the other family
--- args: allow=::1
--- from: 127.0.0.1 ::1
--- error_code eval
[403, 200]



=== TEST 6: status and message
--- args: deny=127.0.0.1 status=401 message=Forbidden
--- location
--- request
GET /
--- error_code: 401
--- response_body_like: "message":"Forbidden"



=== TEST 7: X-Forwarded-For, recursive
--- args: allow=127.0.0.4
--- location
set_real_ip_from 0.0.0.0/0;
real_ip_header X-Forwarded-For;
real_ip_recursive on;
--- request
GET /
--- more_headers
X-Forwarded-For: 127.0.0.4, 127.0.0.3



=== TEST 8: a header from a peer that is not trusted is ignored
--- args: allow=127.0.0.4
--- location
--- request
GET /
--- more_headers
X-Forwarded-For: 127.0.0.4
X-Real-IP: 127.0.0.4
--- error_code: 403
--- response_body_like: IP address not allowed: 127.0.0.1



=== TEST 9: after authentication; a consumer's own
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential key=bob;
        gateway_ip_restriction allow=127.0.0.1;
    }
    gateway_consumer eve {
        gateway_key_auth_credential key=eve;
    }
--- args: deny=127.0.0.1
--- location
gateway_key_auth on;
--- request eval
["GET /", "GET /?apikey=eve", "GET /?apikey=bob"]
--- error_code eval
[401, 403, 200]



=== TEST 10: off below on
--- config eval
<<"_EOC_";
    gateway_ip_restriction deny=127.0.0.1;
    location / {
        gateway_ip_restriction off;
$::proxy
    }
    location /x {
$::proxy
    }
_EOC_
--- request eval
["GET /", "GET /x"]
--- error_code eval
[200, 403]



=== TEST 11: a unix socket
--- config
    listen unix:$TEST_NGINX_SERVROOT/ip.sock;
    location / {
        gateway_ip_restriction allow=0.0.0.0/0 allow=::/0;
        return 200;
    }
    location /t {
        proxy_pass http://unix:$TEST_NGINX_SERVROOT/ip.sock:/x;
    }
    location /x {
        gateway_ip_restriction allow=0.0.0.0/0;
        root html;
    }
--- request
GET /t
--- error_code: 403
--- response_body_like: Cannot identify the client IP address, unix domain sockets are not supported\.



=== TEST 12: neither list
--- args: status=403
--- must_die
--- error_log
"gateway_ip_restriction" directive needs "allow", "deny", "allow_file" or "deny_file"



=== TEST 13: no address
--- args: allow=1.2.3
--- must_die
--- error_log
invalid address "1.2.3" in "gateway_ip_restriction"



=== TEST 14: networks that overlap, touch, and end where addresses do
--- args: allow=10.0.0.0/24 allow=10.0.0.128/25 allow=10.0.1.0/24 allow=10.0.3.7 allow=0.0.0.0/32 allow=255.255.255.254/31
--- from: 9.255.255.255 10.0.0.0 10.0.0.200 10.0.1.255 10.0.2.0 10.0.3.6 10.0.3.7 10.0.3.8 0.0.0.0 0.0.0.1 255.255.255.253 255.255.255.254
--- error_code eval
[403, 200, 200, 200, 403, 403, 200, 403, 200, 403, 403, 200]



=== TEST 15: the same of IPv6
--- args: allow=2001:db8::/64 allow=2001:db8:0:1::/64 allow=2001:db8::5 allow=::/128 allow=ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
--- from: 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8:: 2001:db8::ffff:ffff:ffff:ffff 2001:db8:0:1:: 2001:db8:0:1:ffff:ffff:ffff:ffff 2001:db8:0:2:: :: ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
--- error_code eval
[403, 200, 200, 200, 200, 403, 200, 403, 403, 200]



=== TEST 16: an IPv4 address in the form of IPv6 is one of IPv4
--- args: allow=192.0.2.1
--- from: ::ffff:192.0.2.1 ::ffff:192.0.2.2
--- error_code eval
[200, 403]



=== TEST 17: networks of networks, in any order
--- args: deny=10.1.2.3 deny=10.0.0.0/8 deny=10.200.0.0/16 deny=9.0.0.0/9
--- from: 10.0.0.1 10.255.0.1 11.0.0.0 9.127.1.1 9.128.0.0
--- error_code eval
[403, 403, 200, 403, 200]



=== TEST 18: settings say whose headers are believed: the last of the list
--- yaml eval: $::restricted
--- compile_args: --set trusted_ips=0.0.0.0/0 --set real_ip_header=X-Forwarded-For
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-Forwarded-For: 127.0.0.3, 127.0.0.4", "X-Forwarded-For: 127.0.0.4, 127.0.0.3"]
--- error_code eval
[200, 403]
--- response_body_like eval
["^GET", "IP address not allowed: 127.0.0.3"]



=== TEST 19: recursively: the last that is not trusted, else the first
--- yaml eval: $::restricted
--- compile_args: --set trusted_ips=127.0.0.0/8,10.0.0.0/8 --set real_ip_header=X-Forwarded-For --set real_ip_recursive=on
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["X-Forwarded-For: 127.0.0.4, 127.0.0.3", "X-Forwarded-For: 127.0.0.4, 1.2.3.4, 10.0.0.1", "X-Forwarded-For: 127.0.0.4, 10.0.0.1"]
--- error_code eval
[200, 403, 200]
--- response_body_like eval
["^GET", "IP address not allowed: 1.2.3.4", "^GET"]



=== TEST 20: X-Real-IP is the default; nobody is trusted by default
--- yaml eval: $::restricted
--- compile_args: --set trusted_ips=127.0.0.1
--- request eval
["GET /", "GET /"]
--- more_headers eval
["X-Real-IP: 127.0.0.4", "X-Forwarded-For: 127.0.0.4"]
--- error_code eval
[200, 403]



=== TEST 21: whom nobody trusts
--- yaml eval: $::restricted
--- compile_args: --set real_ip_header=X-Forwarded-For
--- request
GET /
--- more_headers
X-Forwarded-For: 127.0.0.4
--- error_code: 403
--- response_body_like: IP address not allowed: 127.0.0.1



=== TEST 22: the answer is negotiated, also for gRPC
--- args: deny=127.0.0.1
--- location
--- request eval
["GET /", "GET /", "POST /"]
--- more_headers eval
["Accept: text/plain", "Accept: application/xml", "Content-Type: application/grpc"]
--- error_code eval
[403, 403, 403]
--- response_headers eval
["Content-Type: text/plain; charset=utf-8", "Content-Type: application/xml; charset=utf-8", "grpc-status: 7\ngrpc-message: PermissionDenied"]
--- response_body_like eval
["^IP address not allowed: 127.0.0.1\nrequest_id: ", "<message>IP address not allowed: 127.0.0.1</message>", "^\$"]
