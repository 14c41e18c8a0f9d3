# Copyright (C) the ngx_gateway authors
#
# Connections that go elsewhere, and clients named by the PROXY protocol.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use IO::Socket::INET;

my $port = $ENV{TEST_NGINX_PORT_1};

sub started {
    return start_nginx(http_config => <<"_EOC_", config => <<'_EOC_');
    gateway_proxy_protocol_client $_[0];
    gateway_trusted_ips 203.0.113.0/24;
    set_real_ip_from 203.0.113.0/24;
    real_ip_header X-Real-IP;

    server {
        listen 127.0.0.1:$port proxy_protocol;
        location / {
            return 200 "\$remote_addr \$realip_remote_addr \$remote_port";
        }
    }
_EOC_
    location = /t { gateway_ip_restriction deny=198.51.100.7; }
_EOC_
}

# the bodies of two requests of a connection from there
sub from {
    my ($address, $header) = @_;
    my $family = $address =~ /:/ ? 'TCP6' : 'TCP4';
    my $to = $address =~ /:/ ? '::1' : '127.0.0.1';
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
    print $socket "PROXY $family $address $to 4711 80\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n$header\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    local $/;
    my $text = <$socket>;
    return [$text =~ /\r\n\r\n(.*?)(?=HTTP\/1|\z)/sg];
}

my $nginx = started('on');
is_deeply(from('192.0.2.7', ''), [('192.0.2.7 192.0.2.7 4711') x 2],
          'the address of the PROXY protocol is that of the connection');
is_deeply(from('2001:db8::7', ''), [('2001:db8::7 2001:db8::7 4711') x 2],
          'IPv6 too');
is_deeply(from('203.0.113.9', "X-Real-IP: 192.0.2.8\r\n")->[0],
          '192.0.2.8 203.0.113.9 ', 'the realip module believes it');
is_deeply(from('192.0.2.7', "X-Real-IP: 192.0.2.8\r\n")->[0],
          '192.0.2.7 192.0.2.7 4711', 'or does not');
unlike($nginx->error_log, qr/\[(?:alert|crit|emerg)\]/, 'nothing is wrong');
$nginx->stop;

$nginx = started('off');
like(from('192.0.2.7', '')->[0], qr/^127\.0\.0\.1 127\.0\.0\.1 /,
     'off: the peer');
$nginx->stop;

run_tests();

__DATA__

=== TEST 1: a name nobody knows, an address far away, and all others
--- http_config
    gateway_connect_to Api.invalid:80 127.0.0.1:$TEST_NGINX_ECHO_PORT;
    gateway_connect_to 192.0.2.1:8080 127.0.0.1:$TEST_NGINX_ECHO_PORT;
    gateway_connect_to [2001:db8::1]:80 127.0.0.1:$TEST_NGINX_ECHO_PORT;
    gateway_connect_to * 127.0.0.1:$TEST_NGINX_ECHO_PORT_2;

    upstream pool { gateway_balancer; keepalive 4; }
--- config
    proxy_set_header Host $gateway_upstream_host;
    proxy_http_version 1.1;
    add_header X-Upstream-Addr $upstream_addr;

    gateway_service name host=api.invalid port=80 { proxy_pass http://pool; }
    gateway_service ip host=192.0.2.1 port=8080 { proxy_pass http://pool; }
    gateway_service six host=[2001:db8::1] port=80 { proxy_pass http://pool; }
    gateway_service other host=192.0.2.1 port=80 { proxy_pass http://pool; }
    gateway_route name service=name { paths /name; }
    gateway_route ip service=ip { paths /ip; }
    gateway_route six service=six { paths /six; }
    gateway_route other service=other { paths /other; }
--- pipelined_requests eval
["GET /name", "GET /ip", "GET /six", "GET /other"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
[qr/^Host: api.invalid$/m, qr/^Host: 192.0.2.1:8080$/m,
 qr/^Host: \[2001:db8::1\]$/m, qr/^Host: 192.0.2.1$/m]
--- response_headers_like eval
["X-Echo-Port: ^$ENV{TEST_NGINX_ECHO_PORT}\$
X-Upstream-Addr: ^127.0.0.1:80\$",
 "X-Echo-Port: ^$ENV{TEST_NGINX_ECHO_PORT}\$
X-Upstream-Addr: ^192.0.2.1:8080\$",
 "X-Echo-Port: ^$ENV{TEST_NGINX_ECHO_PORT}\$",
 "X-Echo-Port: ^$ENV{TEST_NGINX_ECHO_PORT_2}\$"]
--- no_error_log
[error]


=== TEST 2: an address that is none
--- http_config
    gateway_connect_to a:80 nowhere;
--- must_die
--- error_log
invalid address "nowhere" in "gateway_connect_to": expected an IP address and a port


=== TEST 3: no UNIX sockets
--- http_config
    gateway_connect_to a:80 unix:/tmp/x;
--- must_die
--- error_log
invalid address "unix:/tmp/x" in "gateway_connect_to"


=== TEST 4: a target without a port
--- http_config
    gateway_connect_to a 127.0.0.1:80;
--- must_die
--- error_log
invalid target "a" in "gateway_connect_to": expected HOST:PORT or "*"


=== TEST 5: the same target twice
--- http_config
    gateway_connect_to a:80 127.0.0.1:80;
    gateway_connect_to A:80 127.0.0.1:81;
--- must_die
--- error_log
"gateway_connect_to" directive is duplicate

