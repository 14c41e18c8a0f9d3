# Copyright (C) the ngx_gateway authors
#
# tcp_log: lines over a connection that is kept.

use lib 't/lib';
use Test::Gateway 'no_plan';
use IO::Socket::INET;
use IO::Select;
use JSON::PP;
use File::Temp 'tempdir';
use IPC::Open2;

sub listener {
    return IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1',
                                 ReuseAddr => 1, @_) // die "no socket: $!";
}

sub accepted {
    my ($server, $seconds) = @_;
    return IO::Select->new($server)->can_read($seconds) ? scalar $server->accept
                                                        : undef;
}

my %rest;

# the next line of a connection, undef at its end or after seconds
sub line {
    my ($conn, $seconds) = @_;
    return undef unless $conn;
    $rest{$conn} //= '';
    my $end = time() + $seconds + 1;
    while ($rest{$conn} !~ /\n/) {
        return undef if time() > $end;
        next unless IO::Select->new($conn)->can_read(0.2);
        sysread($conn, $rest{$conn}, 65536, length $rest{$conn})
            or return undef;
    }
    $rest{$conn} =~ s/^(.*)\n//;
    return $1;
}

sub n { my $r = eval { decode_json($_[0]) }; $r && $r->{request}{querystring}{n} }

my $server = listener();
my $port = $server->sockport;
my $short = listener();
my $short_port = $short->sockport;
my $unused = $ENV{TEST_NGINX_UNUSED_PORT};

my $nginx = start_nginx(master => 1, config => <<"_EOC_");
    gateway_tcp_log host=127.0.0.1 port=$port;
    location /a { return 204; }
    location /short {
        gateway_tcp_log host=127.0.0.1 port=$short_port keepalive=100;
        return 204;
    }
    location /ever {
        gateway_tcp_log host=127.0.0.1 port=$short_port keepalive=0;
        return 204;
    }
    location /none {
        gateway_tcp_log host=127.0.0.1 port=$unused;
        return 204;
    }
_EOC_

http_get("/a?n=$_") for 1 .. 3;
my $conn = accepted($server, 3);
ok($conn, 'a connection');
is(n(line($conn, 3)), $_, "line $_") for 1 .. 3;
ok(!accepted($server, 0.2), 'only one');

# more than the socket takes, while nobody reads
http_get("/a?n=$_&" . 'x' x 3000) for 1 .. 300;
my $ok = 0;
for my $i (1 .. 300) {
    my $n = n(line($conn, 5));
    $ok++ if defined $n && $n == $i;
}
is($ok, 300, 'what waits goes out in order');

# the server closes
close $conn;
wait_until(sub { $nginx->error_log =~ /close http connection/ }, 1);
select undef, undef, undef, 0.1;
http_get('/a?n=7');
$conn = accepted($server, 3);
is(n(line($conn, 3)), 7, 'a new connection after the server closed one');

http_get('/short?n=1');
my $first = accepted($short, 3);
is(n(line($first, 3)), 1, 'short keepalive');
is(line($first, 3), undef, 'ends the connection');
http_get('/short?n=2');
is(n(line(accepted($short, 3), 3)), 2, 'and the next one has its own');

http_get('/ever?n=3');
my $ever = accepted($short, 3);
is(n(line($ever, 3)), 3, 'without an end');
http_get('/ever?n=4');
is(n(line($ever, 3)), 4, 'the connection stays');

is(http_get('/none')->status, 204, 'where nobody listens');
ok($nginx->wait_log(qr/tcp_log: "127\.0\.0\.1:\d+" cannot be connected to, 1 records are dropped/, 2),
   'the log tells of lost records');

ok($nginx->reload, 'reload');
is(line($conn, 5), undef, 'the old worker closes its idle connection');
is(line($ever, 5), undef, 'and those without an end');
http_get('/a?n=9');
is(n(line(accepted($server, 3), 3)), 9, 'the new one has its own');

is($nginx->stop('QUIT'), '', 'stops');

# ---- TLS -------------------------------------------------------------------

SKIP: {
    skip 'no openssl command', 3 unless `openssl version 2>/dev/null`;

    my $dir = tempdir(CLEANUP => 1);
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x"
           . " -keyout $dir/key -out $dir/crt >/dev/null 2>&1");

    my $free = listener();
    my $tls_port = $free->sockport;
    close $free;

    # it ends with its input
    my $pid = open2(my $out, my $in, 'exec openssl s_server -quiet'
                     . " -key $dir/key -cert $dir/crt"
                     . " -accept 127.0.0.1:$tls_port 2>/dev/null");

    ok(wait_until(sub {
        IO::Socket::INET->new(PeerAddr => "127.0.0.1:$tls_port")
    }, 5), 'a TLS server');

    $nginx = start_nginx(config => <<"_EOC_");
    gateway_tcp_log host=127.0.0.1 port=$tls_port tls=on tls_sni=logs.test;
    location /a { return 204; }
_EOC_

    http_get('/a?n=1');
    my $text = '';
    while ($text !~ /\}\n/ && IO::Select->new($out)->can_read(5)) {
        sysread($out, $text, 65536, length $text) or last;
    }
    my ($json) = $text =~ /^(\{.*\})$/m;
    is(n($json // ''), 1, 'a line over TLS');

    kill 'KILL', $pid;
    waitpid $pid, 0;
    is($nginx->stop, '', 'stops');
}


run_tests();

__DATA__

=== TEST 1: a host is required
--- config
    location / { gateway_tcp_log port=1; }
--- must_die
--- error_log
needs "host"



=== TEST 2: a name without a resolver
--- config
    location / { gateway_tcp_log host=logs.example.com port=1; }
--- must_die
--- error_log
"resolver" is needed
