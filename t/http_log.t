# Copyright (C) the ngx_gateway authors
#
# http_log: records by HTTP, from a queue.

use lib 't/lib';
use Test::Gateway 'no_plan';
use IO::Socket::INET;
use IO::Select;
use JSON::PP;

sub listener {
    return IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1',
                                 ReuseAddr => 1, @_) // die "no socket: $!";
}

# takes one request and answers it with a status; its head and body, or nothing
# when none came in so many seconds
sub take {
    my ($server, $status, $seconds) = @_;
    return unless IO::Select->new($server)->can_read($seconds // 3);
    my $conn = $server->accept or return;
    my $text = '';
    while (IO::Select->new($conn)->can_read(3)) {
        sysread($conn, $text, 65536, length $text) or last;
        my ($head, $body) = split /\r\n\r\n/, $text, 2;
        next unless defined $body;
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        next if length $body < $length;
        print $conn "HTTP/1.1 $status X\r\nContent-Length: 2\r\n\r\nok";
        close $conn;
        return { head => $head, body => $body, json => decode_json($body) };
    }
    return;
}

sub n { $_[0]{request}{querystring}{n} }

my $server = listener();
my $port = $server->sockport;
my $other = listener();
my $other_port = $other->sockport;
my $unused = $ENV{TEST_NGINX_UNUSED_PORT};

my $nginx = start_nginx(master => 1, config => <<"_EOC_");
    location /one {
        gateway_http_log http_endpoint=http://bob:se:cret\@127.0.0.1:$port/in?q=1;
        return 204;
    }
    location /put {
        gateway_http_log http_endpoint=http://127.0.0.1:$port method=PUT
            "content_type=application/json; charset=utf-8"
            headers.X-Token=abc "headers.X-More=d e";
        return 204;
    }
    location /batch {
        gateway_http_log http_endpoint=http://127.0.0.1:$port/batch
            queue.max_batch_size=3 queue.max_coalescing_delay=30;
        return 204;
    }
    location /batch2 {
        gateway_http_log http_endpoint=http://127.0.0.1:$port/batch
            queue.max_batch_size=3 queue.max_coalescing_delay=30;
        return 204;
    }
    location /delay {
        gateway_http_log http_endpoint=http://127.0.0.1:$other_port/delay
            queue.max_batch_size=3 queue.max_coalescing_delay=0.2;
        return 204;
    }
    location /none {
        gateway_http_log http_endpoint=http://127.0.0.1:$unused
            queue.max_retry_time=-1;
        return 204;
    }
    location /bytes {
        gateway_http_log http_endpoint=http://127.0.0.1:$port/bytes
            queue.max_bytes=10;
        return 204;
    }
    location /full {
        gateway_http_log http_endpoint=http://127.0.0.1:$other_port/full
            queue.max_entries=5 queue.max_batch_size=100
            queue.max_coalescing_delay=2;
        return 204;
    }
    location /free {
        gateway_http_log http_endpoint=http://127.0.0.1:$other_port/free
            queue.concurrency_limit=-1 queue.max_batch_size=5;
        return 204;
    }
_EOC_

# ---- the request ------------------------------------------------------------

is(http_get('/one?n=1')->status, 204, 'answered');
my $got = take($server, 200);
like($got->{head}, qr!^POST /in HTTP/1\.1\r!, 'path without the query');
like($got->{head}, qr!^Host: 127\.0\.0\.1:$port\r?$!m, 'host');
like($got->{head}, qr!^Authorization: Basic Ym9iOnNlOmNyZXQ=\r?$!m, 'user');
like($got->{head}, qr!^Content-Type: application/json\r?$!m, 'type');
is(ref $got->{json}, 'HASH', 'an object');
is(n($got->{json}), 1, 'the record');

http_get('/put?n=2');
$got = take($server, 201);
like($got->{head}, qr!^PUT / HTTP/1\.1\r!, 'method, no path');
like($got->{head}, qr!^Content-Type: application/json; charset=utf-8\r?$!m,
     'the other type');
like($got->{head}, qr!^X-Token: abc\r?$!m, 'a header');
like($got->{head}, qr!^X-More: d e\r?$!m, 'another one');
unlike($got->{head}, qr!^Authorization!m, 'no user');

# ---- batches ----------------------------------------------------------------

http_get("/batch?n=$_") for 1 .. 3;
$got = take($server, 200);
is(join(',', map { n($_) } @{$got->{json}}), '1,2,3', 'a full batch goes out');

http_get('/batch?n=4');
http_get('/batch2?n=5');
http_get('/batch?n=6');
$got = take($server, 200);
is(join(',', map { n($_) } @{$got->{json}}), '4,5,6',
   'equal instances share a queue');

http_get('/delay?n=7');
http_get('/batch?n=8');
$got = take($other, 200);
is(join(',', map { n($_) } @{$got->{json}}), '7',
   'an array of one after the delay, nothing of other instances');

http_get('/batch?n=9');
http_get('/batch?n=10');
$got = take($server, 200);
is(join(',', map { n($_) } @{$got->{json}}), '8,9,10', 'those of the other');

http_get("/free?n=$_") for 1 .. 2;
my @free = map { take($other, 200) } 1 .. 2;
is(join(',', sort map { n($_->{json}[0]) } @free), '1,2',
   'without a limit of concurrency each entry is sent alone');
is(ref $free[0]{json}, 'ARRAY', 'and as an array, as the batch size says');

# ---- failures ---------------------------------------------------------------

http_get('/one?n=11');
is(n(take($server, 500)->{json}), 11, 'a first answer, 500');
is(n(take($server, 302)->{json}), 11, 'again, 302');
is(n(take($server, 299)->{json}), 11, 'and again');
ok(!take($server, 200, 0.5), 'once it was taken, no more');
ok($nginx->wait_log(qr/http_log: queue "[^"]*\/in": handler could not process entries: returned status code 500/, 2),
   'the log tells');
unlike($nginx->error_log, qr/se:cret|Ym9iOnNl(?!OmNyZXQ)/, 'no secret in messages');

is(http_get('/none')->status, 204, 'nobody listens');
ok($nginx->wait_log(qr/could not send entries due to max_retry_time exceeded\. 1 queue entries were lost/, 3),
   'an entry is lost');

http_get('/bytes');
ok($nginx->wait_log(qr/longer \(\d+ bytes\) than the queue's max_bytes \(10 bytes\)/, 2),
   'an entry that is too long');
ok(!take($server, 200, 0.3), 'is not sent');

http_get("/full?n=$_") for 1 .. 8;
$got = take($other, 200, 5);
is(join(',', map { n($_) } @{$got->{json}}), '4,5,6,7,8',
   'the oldest give way');
like($nginx->error_log, qr/queue at 80% capacity/, 'warning');
ok($nginx->wait_log(qr/queue full, dropping old entries until processing is successful again/, 2),
   'error');

# ---- the end ----------------------------------------------------------------

http_get('/batch?n=20');
ok($nginx->reload, 'reload');
$got = take($server, 200, 5);
is(n($got->{json}[0]), 20, 'a worker that ends sends what waits');

http_get('/one?n=21');
is(n(take($server, 200)->{json}), 21, 'the new one sends');

http_get('/batch?n=22');
kill 'QUIT', $nginx->pid;
$got = take($server, 200, 5);
is(n($got->{json}[0]), 22, 'at the end too');
is($nginx->stop('QUIT'), '', 'stops');

run_tests();

__DATA__

=== TEST 1: an endpoint is required
--- config
    location / { gateway_http_log method=POST; }
--- must_die
--- error_log
needs "http_endpoint"



=== TEST 2: a method that is not for logs
--- config
    location / { gateway_http_log http_endpoint=http://127.0.0.1 method=GET; }
--- must_die
--- error_log
needs POST, PUT or PATCH



=== TEST 3: headers of ours
--- config
    location / {
        gateway_http_log http_endpoint=http://127.0.0.1 headers.host=x;
    }
--- must_die
--- error_log
Host, Content-Length and Content-Type cannot be set



=== TEST 4: two kinds of authorization
--- config
    location / {
        gateway_http_log http_endpoint=http://a:b@127.0.0.1
            headers.authorization=x;
    }
--- must_die
--- error_log
cannot have both a user



=== TEST 5: a limit that does not exist
--- config
    location / {
        gateway_http_log http_endpoint=http://127.0.0.1
            queue.concurrency_limit=0;
    }
--- must_die
--- error_log
needs 1 or -1



=== TEST 6: a type that does not exist
--- config
    location / {
        gateway_http_log http_endpoint=http://127.0.0.1 content_type=text/plain;
    }
--- must_die
--- error_log
in "content_type"
