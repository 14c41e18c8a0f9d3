# Copyright (C) the ngx_gateway authors
#
# http_log: connections that are kept between batches.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Pki;
use IO::Socket::INET;
use IO::Select;
use JSON::PP;

# a server whose connections the test holds in its hands

sub listener {
    return IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1',
                                 ReuseAddr => 1) // die "no socket: $!";
}

sub ready { IO::Select->new($_[0])->can_read($_[1] // 5) }

sub connection {
    my ($server) = @_;
    return ready($server) ? scalar $server->accept : undef;
}

# the next request on a connection: its head and the n of its record
sub request {
    my ($conn) = @_;
    my $text = '';
    while (ready($conn)) {
        sysread($conn, $text, 65536, length $text) or return;
        my ($head, $body) = split /\r\n\r\n/, $text, 2;
        next unless defined $body;
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        next if length $body < $length;
        my $json = decode_json($body);
        $json = $json->[0] if ref $json eq 'ARRAY';
        return { head => $head, n => $json->{request}{querystring}{n} };
    }
    return;
}

sub n { my $got = request(@_); return $got && $got->{n} }

sub answer {
    my ($conn, $text) = @_;
    $text //= "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    syswrite($conn, $text);
}

# the other end has closed it
sub ended {
    my ($conn) = @_;
    return ready($conn) && !sysread($conn, my $byte, 1);
}

my $server = listener();
my $port = $server->sockport;
my $short = listener();
my $short_port = $short->sockport;
my $many = listener();
my $many_port = $many->sockport;
my $tls = $ENV{TEST_NGINX_SSL_PORT};

my $pki = Test::Gateway::Pki->new;
$pki->authority('ca');
$pki->certificate('server', 'ca', san => 'IP:127.0.0.1');
my ($cert, $key) = ($pki->path('server.crt'), $pki->path('server.key'));

my $nginx = start_nginx(master => 1, http_config => <<"_EOC_", config => <<"_EOC2_");
    log_format arrival '\$connection \$connection_requests \$status';

    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $cert;
        ssl_certificate_key $key;
        access_log logs/arrivals.log arrival;
        location / { return 200; }
    }
_EOC_
    location /log {
        gateway_http_log http_endpoint=http://127.0.0.1:$port/in keepalive=0
            queue.max_retry_time=-1;
        return 204;
    }
    location /other {
        gateway_http_log http_endpoint=http://127.0.0.1:$port/other
            keepalive=60000 headers.X-Other=1 queue.max_retry_time=-1;
        return 204;
    }
    location /short {
        gateway_http_log http_endpoint=http://127.0.0.1:$short_port
            keepalive=20;
        return 204;
    }
    location /many {
        gateway_http_log http_endpoint=http://127.0.0.1:$many_port
            queue.concurrency_limit=-1;
        return 204;
    }
    location /tls {
        gateway_http_log http_endpoint=https://127.0.0.1:$tls;
        return 204;
    }
_EOC2_

# ---- one connection after the other -----------------------------------------

http_get('/log?n=1');
my $conn = connection($server);
my $got = request($conn);
is($got->{n}, 1, 'a first record');
unlike($got->{head}, qr/^Connection:/mi, 'nobody asks for an end');
answer($conn);

http_get('/log?n=2');
is(n($conn), 2, 'a second one on the same connection');
answer($conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              . "2\r\nok\r\n0\r\n\r\n");

http_get('/log?n=3');
is(n($conn), 3, 'a third one behind an answer in chunks');
answer($conn, "HTTP/1.1 204 No Content\r\n\r\n");

http_get('/other?n=4');
$got = request($conn);
is($got->{n}, 4, 'another instance, the same host and port');
like($got->{head}, qr/^X-Other: 1\r?$/m, 'with its own headers');
like($got->{head}, qr!^POST /other !, 'and path');
answer($conn, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
$nginx->wait_log(qr/returned status code 500/, 5);

http_get('/log?n=5');
is(n($conn), 5, 'a bad status is no bad connection');

# ---- ends -------------------------------------------------------------------

answer($conn, "HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\n"
              . "Content-Length: 0\r\n\r\n");
ok(ended($conn), 'the server says that it closes');

http_get('/log?n=6');
$conn = connection($server);
is(n($conn), 6, 'the next record has a new connection');
answer($conn, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
ok(ended($conn), 'HTTP/1.0 has none that stay');

http_get('/log?n=7');
$conn = connection($server);
is(n($conn), 7, 'a new one');
answer($conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nand more");
ok(ended($conn), 'closed since something follows the answer');

http_get('/log?n=8');
$conn = connection($server);
is(n($conn), 8, 'a new one');
answer($conn, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
close $conn;

http_get('/log?n=9');
$conn = connection($server);
is(n($conn), 9, 'a new one behind an answer without a length');
answer($conn);

http_get('/log?n=10');
is(n($conn), 10, 'which stays');
answer($conn);
shutdown($conn, 1);
ok(ended($conn), 'what the server closes while it is idle is closed');

http_get('/log?n=11');
$conn = connection($server);
is(n($conn), 11, 'and the next record has a new one');
answer($conn);

http_get('/log?n=12');
is(n($conn), 12, 'the server gets a record');
close $conn;
$conn = connection($server);
is(n($conn), 12, 'closes without an answer, and gets it again');
close $conn;
ok($nginx->wait_log(qr/closed before the answer was complete/, 5),
   'but a new connection that breaks is a failure');
unlike($nginx->error_log, qr/handler could not process entries: (?!the connection was closed|returned status code 500)/,
       'the only one');

http_get('/log?n=13');
$conn = connection($server);
is(n($conn), 13, 'one is lost, the next one goes out');
answer($conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
http_get('/log?n=14');
is(n($conn), 14, 'and again on the same connection');
answer($conn);

# ---- how long, how many -----------------------------------------------------

http_get('/short?n=15');
my $idle = connection($short);
is(n($idle), 15, 'a connection that may be idle for 20 ms');
answer($idle);
ok(ended($idle), 'is closed when the time is over');
http_get('/short?n=16');
$idle = connection($short);
is(n($idle), 16, 'then there is a new one');
answer($idle);

http_get("/many?n=$_") for 1 .. 33;
my @conns = map { connection($many) } 1 .. 33;
is(scalar(grep { defined } @conns), 33, '33 records under way');
request($_) for @conns;
answer($_) for @conns;
my $select = IO::Select->new(@conns);
my $closed = 0;
while ($closed < 3 && (my @ready = $select->can_read(5))) {
    for my $c (@ready) {
        ok(!sysread($c, my $byte, 1), 'one too many is closed');
        $select->remove($c);
        $closed++;
    }
}
is($closed, 3, 'three are too many');

# each of the others takes one record, so 30 are there
http_get("/many?n=$_") for 34 .. 63;
my %open = map { $_ => $_ } $select->handles;
my $taken = 0;
while (%open && (my @ready = IO::Select->new(values %open)->can_read(5))) {
    for my $c (@ready) {
        $taken++ if defined n($c);
        delete $open{$c};
    }
}
is($taken, 30, 'thirty are kept');
ok(!ready($many, 0), 'no new one was needed');
answer($_) for $select->handles;

# ---- TLS --------------------------------------------------------------------

my $arrivals = $nginx->{prefix} . '/logs/arrivals.log';

sub arrivals {
    open my $fh, '<', $arrivals or return '';
    local $/;
    return <$fh> // '';
}

http_get('/tls?n=1');
ok(wait_until(sub { arrivals() =~ /^\d+ 1 200\n\z/ }, 5), 'over TLS');
for my $n (2, 3) {
    http_get("/tls?n=$n");
    ok(wait_until(sub { arrivals() =~ /^\d+ $n 200\n\z/m }, 5),
       "request $n on the same connection");
}

# ---- workers that end -------------------------------------------------------

ok($nginx->reload(drained => 1), 'an old worker does not wait for them');
ok(ended($conn), 'its connections are closed');
is(scalar(grep { ended($_) } $select->handles), 30, 'all of them');

http_get('/log?n=20');
$conn = connection($server);
is(n($conn), 20, 'the new worker has its own');
answer($conn);
http_get('/log?n=21');
is(n($conn), 21, 'and keeps it');
answer($conn);
is($nginx->stop('QUIT'), '', 'stops');
ok(ended($conn), 'and has closed it');
unlike($nginx->error_log, qr/open socket/, 'nothing was left open');
