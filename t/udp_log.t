# Copyright (C) the ngx_gateway authors
#
# udp_log: datagrams, one per request.

use lib 't/lib';
use Test::Gateway 'no_plan';
use IO::Socket::INET;
use IO::Select;
use JSON::PP;

my $server = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    or die "no socket: $!";
my $port = $server->sockport;
my $gone = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1');
my $nobody = $gone->sockport;
close $gone;

sub datagram {
    my ($seconds) = @_;
    return undef unless IO::Select->new($server)->can_read($seconds);
    $server->recv(my $text, 65536);
    return $text;
}

my $nginx = start_nginx(master => 1, config => <<"_EOC_");
    gateway_udp_log host=127.0.0.1 port=$port;
    location /a { return 204; }
    location /local {
        gateway_udp_log host=localhost port=$port
                        "custom_fields_by_lua.mine=return 'x'";
        return 204;
    }
    location /none {
        gateway_udp_log host=127.0.0.1 port=$nobody;
        return 204;
    }
    location /off { gateway_udp_log off; return 204; }
_EOC_

for my $i (1 .. 3) {
    is(http_get("/a?n=$i")->status, 204, "request $i");
    my $text = datagram(3) // '';
    unlike($text, qr/\n/, 'one line without its end');
    is(eval { decode_json($text)->{request}{querystring}{n} }, $i,
       'is the record');
}

http_get('/local');
is(eval { decode_json(datagram(3))->{mine} }, 'x', 'localhost');

http_get('/off');
is(http_get('/none')->status, 204, 'where nobody listens') for 1 .. 4;
is(datagram(0.2), undef, 'nothing else comes');
unlike($nginx->error_log, qr/\[(alert|crit)\]/, 'nothing serious is logged');

ok($nginx->reload, 'reload');
http_get('/a?n=9');
is(eval { decode_json(datagram(3))->{request}{querystring}{n} }, 9,
   'after a reload');

is($nginx->stop, '', 'stops');

run_tests();

__DATA__

=== TEST 1: a host is required
--- config
    location / { gateway_udp_log port=1; }
--- must_die
--- error_log
needs "host"



=== TEST 2: a port is required
--- config
    location / { gateway_udp_log host=127.0.0.1; }
--- must_die
--- error_log
needs "port"



=== TEST 3: a name without a resolver
--- config
    location / { gateway_udp_log host=logs.example.com port=1; }
--- must_die
--- error_log
"resolver" is needed
