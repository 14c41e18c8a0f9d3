# Copyright (C) the ngx_gateway authors
#
# HTTP/1.0, 1.1 and 2 through a compiled gateway to an upstream that says and
# sees raw bytes: framing, interim answers, streaming both ways, methods,
# trailers, hop-by-hop headers, aborts.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use File::Temp;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

my $port = $ENV{TEST_NGINX_SERVER_PORT};
my $h2c = $ENV{TEST_NGINX_PORT_1};
my $dir = File::Temp::tempdir(CLEANUP => 1);
my $seen = "$dir/seen";


# One connection of the upstream after the other.  Answers by path with what
# stands here, or with the request itself; writes what it reads to $seen, as
# it comes.
my %answers = (
    '/interim' => ["HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                   . "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    '/pieces' => ['HTT', "P/1.1 10", "2 Processing\r\nA: b\r\n", "\r",
                  "\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.", "1 200 ",
                  "OK\r\nContent-Length: 2\r\n\r\nok"],
    '/banner' => ["220 mail.example ESMTP\r\n\r\n"],
    '/banners' => ["SSH-2.0-x\r\n", "more\r\n\r\n"],
    '/interims' => ["HTTP/1.1 100 Continue\r\n\r\n" x 500],
    '/trailers' => ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                    . "Trailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n"
                    . "X-Sum: 42\r\n\r\n"],
    '/events' => ["HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                  . "Transfer-Encoding: chunked\r\n\r\n"
                  . "9\r\ndata: 1\n\n\r\n", 'wait',
                  "9\r\ndata: 2\n\n\r\n0\r\n\r\n"],
    '/204' => ["HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"],
    '/304' => ["HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n"
               . "Content-Length: 100\r\n\r\n"],
    '/gzip' => ["HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                . "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
                . "\x1f\x8b\x08\x00"],
    '/range' => ["HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n"
                 . "Content-Range: bytes 0-3/10\r\n\r\nabcd"],
    '/full' => ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n"
                . "Accept-Ranges: bytes\r\nETag: \"e\"\r\n\r\n0123456789"],
    '/close' => ["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nup to the end",
                 'close'],
    '/early' => ["HTTP/1.1 413 No\r\nContent-Length: 2\r\n"
                 . "Connection: close\r\n\r\nno", 'close'],
    '/vias' => ["HTTP/1.1 200 OK\r\nVia: 1.0 a\r\nVia: 1.1 b\r\n"
                . "Content-Length: 0\r\n\r\n"],
);

sub upstream {
    my ($c, $log) = @_;
    my $buf = '';

    while (1) {
        while ($buf !~ /\r\n\r\n/) {
            sysread($c, $buf, 65536, length $buf) or return;
        }

        my ($head) = $buf =~ /\A(.*?\r\n\r\n)/s;
        substr($buf, 0, length $head, '');
        syswrite $log, "head $head";
        my ($path) = $head =~ m{^\S+ ([^ ?]*)};
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        my $got = '';

        if ($path eq '/early') {
            # answers before it has read all

        } elsif ($head =~ /^Transfer-Encoding: chunked/mi) {
            syswrite $log, "body $buf" if length $buf;
            while ($buf !~ /(?:\A|\r\n)0\r\n\r\n\z/) {
                my $n = length $buf;
                sysread($c, $buf, 65536, $n) or return syswrite $log, 'abort';
                syswrite $log, 'body ' . substr($buf, $n);
            }
            $got = $buf;
            $buf = '';

        } elsif ($length) {
            my $n = length $buf;
            syswrite $log, 'body ' . substr($buf, 0, 100) if $n;
            while ($n < $length) {
                my $more = sysread($c, my $bytes, 65536)
                    or return syswrite $log, 'abort';
                $n += $more;
                syswrite $log, 'body ' . substr($bytes, 0, 100)
                    if $n < 100_000;
            }
            $got = "$n bytes";
            $buf = '';
        }

        if ($path eq '/large') {
            syswrite $c, "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n";
            for (1 .. 1600) {
                my $bytes = 'x' x 65536;
                while (length $bytes) {
                    my $n = syswrite $c, $bytes or return;
                    substr($bytes, 0, $n, '');
                }
            }
            next;
        }

        my $answer = $answers{$path} // do {
            my $text = $head . $got;
            my $n = length $text;
            $text = '' if $head =~ /^HEAD/;
            ["HTTP/1.1 200 OK\r\nContent-Length: $n\r\n\r\n$text"];
        };

        for my $piece (@$answer) {
            return if $piece eq 'close';
            if ($piece eq 'wait') {
                # for the test to have seen what came so far
                wait_until(sub { -e "$dir/go" }, 10);
                next;
            }
            syswrite $c, $piece or return;
            # pieces are to arrive as such
            select undef, undef, undef, 0.02 if @$answer > 1;
        }
    }
}

my $listen = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $ENV{TEST_NGINX_UPSTREAM_PORT},
    Listen => 64, ReuseAddr => 1) or die "cannot listen: $!\n";

my $pid = fork // die "fork: $!\n";

if (!$pid) {
    $SIG{CHLD} = 'IGNORE';
    $SIG{TERM} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';
    open STDOUT, '>', '/dev/null';
    while (1) {
        my $c = $listen->accept or next;
        my $child = fork;
        if (defined $child && !$child) {
            close $listen;
            open my $log, '>>', $seen or POSIX::_exit(1);
            upstream($c, $log);
            POSIX::_exit(0);
        }
        close $c;
    }
}

close $listen;

END {
    if ($pid) {
        my $status = $?;
        kill 'TERM', $pid;
        waitpid $pid, 0;
        $? = $status;
    }
}

my $nginx = start_nginx(
    compile_args => "--set log_level=notice --set proxy_listen='127.0.0.1:$port"
                    . ", 127.0.0.1:$h2c http2"
                    . ", 127.0.0.1:$ENV{TEST_NGINX_SSL_PORT} http2 ssl'",
    yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: raw
  url: http://127.0.0.1:$ENV{TEST_NGINX_UPSTREAM_PORT}
  routes:
  - name: buffered
    hosts: [buffered]
  - name: unbuffered
    hosts: [unbuffered]
    request_buffering: false
    response_buffering: false
- name: half
  host: half
  connect_timeout: 2000
  routes:
  - name: half
    hosts: [half]
    request_buffering: false
upstreams:
- name: half
  targets:
  - target: 127.0.0.1:$ENV{TEST_NGINX_UNUSED_PORT}
  - target: 127.0.0.1:$ENV{TEST_NGINX_UPSTREAM_PORT}
_EOC_



sub seen {
    open my $fh, '<:raw', $seen or return '';
    local $/;
    return <$fh> // '';
}

# the upstream's connections live on and hold it open
sub forget {
    open my $fh, '>', $seen or die $!;
    unlink "$dir/go";
}

sub connection {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        or die "cannot connect: $!\n";
    return $s;
}

# what comes until the pattern matches, or the end
sub until_like {
    my ($s, $like) = @_;
    my $sel = IO::Select->new($s);
    my $deadline = time + 10;
    my $buf = '';

    while ($buf !~ $like) {
        my $left = $deadline - time;
        last if $left <= 0 || !$sel->can_read($left);
        last unless sysread $s, $buf, 65536, length $buf;
    }

    return $buf;
}

# raw bytes, and all that comes back
sub raw {
    my ($bytes, %o) = @_;
    my $s = connection();
    syswrite $s, $bytes;
    return until_like($s, $o{until} // qr/\z.\A/s);
}

my $close = "Host: buffered\r\nConnection: close\r\n";


subtest 'HTTP/1.0' => sub {
    my $res = raw("GET /x HTTP/1.0\r\nHost: buffered\r\n\r\n");
    like($res, qr{\AHTTP/1\.1 200 }, 'status');
    like($res, qr{^Connection: close\r$}m, 'closes');
    like($res, qr{^GET /x HTTP/1\.1\r$}m, 'HTTP/1.1 upstream');
    like($res, qr{^Via: 1\.0 ngx_gateway/}m, 'Via');

    $res = raw("GET /x HTTP/1.0\r\nHost: buffered\r\n"
               . "Connection: keep-alive\r\n\r\n"
               . "GET /y HTTP/1.0\r\nHost: buffered\r\n\r\n");
    is(() = $res =~ m{^HTTP/1\.1 200}mg, 2, 'keep-alive');

    forget();
    open my $fh, '>', "$dir/go" or die $!;
    $res = raw("GET /events HTTP/1.0\r\nHost: buffered\r\n\r\n");
    like($res, qr{\r\n\r\ndata: 1\n\ndata: 2\n\n\z}, 'no chunks');
    unlike($res, qr{^Transfer-Encoding}m, 'and none announced');

    like(raw("GET /x HTTP/1.0\r\n\r\n"), qr{\AHTTP/1\.1 404 }, 'no Host');
};


subtest 'pipelined requests' => sub {
    my $res = raw("GET /a HTTP/1.1\r\nHost: buffered\r\n\r\n"
                  . "POST /b HTTP/1.1\r\nHost: buffered\r\n"
                  . "Content-Length: 3\r\n\r\nabc"
                  . "POST /c HTTP/1.1\r\nHost: none\r\n"
                  . "Content-Length: 3\r\n\r\nabc"
                  . "GET /d HTTP/1.1\r\n$close\r\n");
    is(join(' ', map { $_ // () }
                 $res =~ m{HTTP/1\.1 (\d\d\d) |(?:GET|POST) (/\w) }g),
       '200 /a 200 /b 404 200 /d', 'each gets its answer, in order');
};


subtest 'methods' => sub {
    for my $method (qw(OPTIONS PATCH PUT DELETE PROPFIND FOO)) {
        like(raw("$method /x HTTP/1.1\r\n$close\r\n"),
             qr{^$method /x HTTP/1\.1}m, "$method passes");
    }

    my $res = raw("HEAD /x HTTP/1.1\r\n$close\r\n");
    like($res, qr{\AHTTP/1\.1 200 }, 'HEAD: status');
    like($res, qr{^Content-Length: \d\d\d\r$}m, 'HEAD: length');
    like($res, qr{\r\n\r\n\z}, 'HEAD: no body');

    forget();

    for my $method (qw(TRACE CONNECT)) {
        like(raw("$method /x HTTP/1.1\r\n$close\r\n"),
             qr{\AHTTP/1\.1 (?:405 .*^Method not allowed$|400 )}ms,
             "$method is not allowed");
    }

    like(raw("OPTIONS * HTTP/1.1\r\n$close\r\n"), qr{\AHTTP/1\.1 400 },
         'OPTIONS *');
    is(seen(), '', 'none of these reaches an upstream');
};


subtest 'targets' => sub {
    like(raw("GET http://buffered/a?b HTTP/1.1\r\nHost: buffered\r\n"
             . "Connection: close\r\n\r\n"), qr{^GET /a\?b HTTP}m,
         'absolute');
    like(raw("GET http://buffered HTTP/1.1\r\n$close\r\n"),
         qr{^GET / HTTP.*^X-Forwarded-Path: /\r$}ms, 'absolute, no path');
    like(raw("GET http://buffered?a=b HTTP/1.1\r\n$close\r\n"),
         qr{^GET /\?a=b HTTP.*^X-Forwarded-Path: /\r$}ms,
         'absolute, a query alone');
};


subtest 'bodies of requests' => sub {
    like(raw("POST /x HTTP/1.1\r\n${close}Transfer-Encoding: chunked\r\n\r\n"
             . "3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n"),
         qr{^Content-Length: 7\r\n.*7 bytes\z}ms, 'chunks, buffered');

    my $s = connection();
    syswrite $s, "POST /x HTTP/1.1\r\n${close}Content-Length: 3\r\n"
                 . "Expect: 100-continue\r\n\r\n";
    like(until_like($s, qr/\r\n\r\n/), qr{\AHTTP/1\.1 100 Continue\r\n\r\n},
         '100 Continue');
    syswrite $s, 'abc';
    my $res = until_like($s, qr/\z.\A/s);
    like($res, qr{\AHTTP/1\.1 200 .*3 bytes\z}s, 'and the answer');
    unlike($res, qr{^Expect:}m, 'the upstream is not asked to');

    like(raw("POST /early HTTP/1.1\r\n${close}Content-Length: 3\r\n\r\nabc"),
         qr{\AHTTP/1\.1 413 No.*\r\n\r\nno\z}s, 'an early answer');
};


for my $host (qw(buffered unbuffered)) {
    my $streams = $host eq 'unbuffered';

    subtest "an upload in two parts, $host" => sub {
        for my $chunked (0, 1) {
            my $how = $chunked ? 'chunks' : 'a length';

            forget();
            my $s = connection();
            syswrite $s, "POST /x HTTP/1.1\r\nHost: $host\r\n"
                . "Connection: close\r\n"
                . ($chunked ? "Transfer-Encoding: chunked\r\n\r\n"
                              . "5\r\nfirst\r\n"
                            : "Content-Length: 10\r\n\r\nfirst");

            if ($streams) {
                ok(wait_until(sub { seen() =~ /^body.*first/ms }, 5),
                   "$how: the first part is there before the last is sent");

            } else {
                # time for it to be wrong
                select undef, undef, undef, 0.2;
                is(seen(), '', "$how: nothing goes before all is there");
            }

            syswrite $s, $chunked ? "6\r\nsecond\r\n0\r\n\r\n" : 'after';
            like(until_like($s, qr/\z.\A/s), qr{\AHTTP/1\.1 200 },
                 "$how: the answer");
        }
    };

    subtest "100 MB both ways, $host" => sub {
        my $s = connection();
        my $n = 104_857_600;
        my $bytes = 'y' x 65536;

        syswrite $s, "POST /x HTTP/1.1\r\nHost: $host\r\n"
                     . "Connection: close\r\nContent-Length: $n\r\n\r\n";
        for (1 .. 1600) {
            my $at = 0;
            while ($at < 65536) {
                $at += syswrite($s, $bytes, 65536 - $at, $at) // last;
            }
        }
        like(until_like($s, qr/\z.\A/s), qr{$n bytes\z}, 'up');

        $s = connection();
        syswrite $s, "GET /large HTTP/1.1\r\nHost: $host\r\n"
                     . "Connection: close\r\n\r\n";
        my $head = '';
        while ($head !~ /\r\n\r\n/) {
            sysread $s, $head, 1, length $head or last;
        }
        my $got = 0;
        while (my $k = sysread $s, my $buf, 262_144) {
            $got += $k;
        }
        is($got, $n, 'down');
    };

    subtest "an abort, $host" => sub {
        forget();
        my $s = connection();
        syswrite $s, "POST /x HTTP/1.1\r\nHost: $host\r\n"
                     . "Content-Length: 100000\r\n\r\nfirst";
        ok(wait_until(sub { seen() =~ /first/ }, 5), 'it has begun')
            if $streams;
        close $s;

        if ($streams) {
            ok(wait_until(sub { seen() =~ /abort/ }, 5),
               'the upstream notices');

        } else {
            like(raw("GET /x HTTP/1.1\r\n$close\r\n"), qr{^HTTP/1\.1 200 }m,
                 'life goes on');
            unlike(seen(), qr{POST}, 'the upstream never knew');
        }
    };
}


subtest 'server-sent events are not held back' => sub {
    for my $host (qw(buffered unbuffered)) {
        forget();
        my $s = connection();
        syswrite $s, "GET /events HTTP/1.1\r\nHost: $host\r\n"
                     . "Connection: close\r\n\r\n";
        my $res = until_like($s, qr/data: 1\n/);
        like($res, qr{data: 1\n}, "$host: the first, alone");
        unlike($res, qr{data: 2}, "$host: and not the second");
        open my $fh, '>', "$dir/go" or die $!;
        like(until_like($s, qr/\z.\A/s), qr{data: 2\n}, "$host: the second");
    }
};


subtest 'a dead target, without buffering' => sub {
    for (1 .. 4) {
        like(raw("POST /x HTTP/1.1\r\nHost: half\r\nConnection: close\r\n"
                 . "Content-Length: 3\r\n\r\nabc"),
             qr{\AHTTP/1\.1 200 .*3 bytes\z}s, 'another one gets the body');
    }
};


subtest 'interim answers' => sub {
    for my $path (qw(/interim /pieces)) {
        my $res = raw("GET $path HTTP/1.1\r\n$close\r\n");
        like($res, qr{\AHTTP/1\.1 200 OK\r\n.*\r\n\r\nok\z}s,
             "$path: the answer");
        unlike($res, qr{^Link:}m, "$path: and nothing of what came before");
    }

    like(raw("GET /interims HTTP/1.1\r\n$close\r\n"), qr{\AHTTP/1\.1 502 },
         'without end they are an error');

    # on one connection of the upstream
    is(() = raw("GET /interim HTTP/1.1\r\nHost: buffered\r\n\r\n"
                . "GET /interim HTTP/1.1\r\n$close\r\n")
       =~ m{HTTP/1\.1 200 OK\r\n}g, 2, 'twice');
};


subtest 'answers that are no HTTP' => sub {
    for my $path (qw(/banner /banners)) {
        my $res = raw("GET $path HTTP/1.1\r\n$close\r\n");
        like($res, qr{\AHTTP/1\.1 502 .*An invalid response was received}s,
             "$path: invalid");
        unlike($res, qr{ESMTP|SSH}, "$path: nothing of it");
        like($res, qr{^X-Kong-Upstream-Latency:}m, "$path: of the upstream");
    }
};


subtest 'answers' => sub {
    my $res = raw("GET /204 HTTP/1.1\r\n$close\r\n");
    like($res, qr{\AHTTP/1\.1 204 .*^X-A: b\r$}ms, 'status 204');
    like($res, qr{\r\n\r\n\z}, '204 has no body');
    unlike($res, qr{^(?:Content-Length|Transfer-Encoding):}m,
           '204 has no length');

    like(raw("GET /304 HTTP/1.1\r\n$close\r\n"),
         qr{\AHTTP/1\.1 304 .*^ETag: "x"\r\n.*\r\n\r\n\z}ms, 'status 304');

    like(raw("GET /gzip HTTP/1.1\r\n${close}Accept-Encoding: gzip\r\n\r\n"),
         qr{^Content-Encoding: gzip\r\n.*\r\n\r\n\x1f\x8b\x08\x00\z}ms,
         'gzip of the upstream is not touched');

    like(raw("GET /range HTTP/1.1\r\n${close}Range: bytes=0-3\r\n\r\n"),
         qr{\AHTTP/1\.1 206 .*^Content-Range: bytes 0-3/10\r\n.*abcd\z}ms,
         'ranges are the upstream\'s affair');
    like(raw("GET /x HTTP/1.1\r\n${close}Range: bytes=0-3\r\n\r\n"),
         qr{^Range: bytes=0-3\r$}m, 'it is asked for them');
    like(raw("GET /full HTTP/1.1\r\n${close}Range: bytes=0-3\r\n\r\n"),
         qr{\AHTTP/1\.1 200 .*0123456789\z}s, 'and may ignore that');

    like(raw("GET /close HTTP/1.1\r\n$close\r\n"),
         qr{^Transfer-Encoding: chunked\r\n.*up to the end}ms,
         'a body up to the end gets chunks');

    like(raw("GET /vias HTTP/1.1\r\n$close\r\n"),
         qr{^Via: 1\.0 a\r\n.*^Via: 1\.1 b, 1\.1 ngx_gateway/}ms,
         'Via after those of the upstream');
};


subtest 'trailers' => sub {
    my $version = `@{[ Test::Gateway::Server::nginx_binary() ]} -v 2>&1`;
    my ($minor, $patch) = $version =~ m{nginx/1\.(\d+)\.(\d+)};
    # nginx before 1.27.2 drops those of HTTP/1 upstreams
    my $last = $minor * 1000 + $patch < 27_002 ? "abc\r\n0\r\n"
                                               : "abc\r\n0\r\nX-Sum: 42\r\n";

    my $res = raw("GET /trailers HTTP/1.1\r\n$close\r\n");
    like($res, qr{\r\n\Q$last\E\r\n\z}, 'the end');
    unlike($res, qr{^Trailer:}m, 'not announced');

    $res = raw("GET /trailers HTTP/1.1\r\nHost: buffered\r\n"
               . "TE: trailers\r\nConnection: close, TE\r\n\r\n");
    like($res, qr{^Trailer: X-Sum\r$}m, 'announced to who asks for them');
    like($res, qr{\r\n\Q$last\E\r\n\z}, 'the end');

    like(raw("GET /x HTTP/1.1\r\n${close}TE: gzip, trailers;q=0.5\r\n\r\n"),
         qr{^TE: trailers\r$}m, 'the upstream is asked for nothing else');
    unlike(raw("GET /x HTTP/1.1\r\n${close}TE: gzip\r\n\r\n"), qr{^TE:}m,
           'nor without reason');
};


subtest 'HTTP/2' => sub {
    for (['h2c', "--http2-prior-knowledge http://127.0.0.1:$h2c"],
         ['h2', "-k --http2 https://127.0.0.1:$ENV{TEST_NGINX_SSL_PORT}"])
    {
        my ($name, $curl) = @$_;
        my $scheme = $name eq 'h2' ? 'https' : 'http';

        my $out = `curl -si $curl/x -H 'Host: buffered' -d abc`;
        like($out, qr{\AHTTP/2 200 }, "$name: status");
        like($out, qr{^via: 1\.1 ngx_gateway/}m, "$name: Via");
        unlike($out, qr{^(?:connection|keep-alive|transfer-encoding):}m,
               "$name: nothing of HTTP/1");
        like($out, qr{^POST /x HTTP/1\.1\r$}m, "$name: the request line");
        like($out, qr{^Via: 2 ngx_gateway/}m, "$name: Via upstream");
        like($out, qr{^X-Forwarded-Proto: $scheme\r$}m, "$name: scheme");
        like($out, qr{3 bytes\z}, "$name: body");

        $out = `curl -si $curl/x -H 'Host: none'`;
        like($out, qr{\AHTTP/2 404 .*"no Route matched}s, "$name: no route");

        $out = `curl -si $curl/x -H 'Host: buffered' -X TRACE`;
        like($out, qr{\AHTTP/2 405 }, "$name: TRACE");

        is(`head -c 3000000 /dev/zero | curl -s $curl/x -H 'Host: unbuffered' -H 'Content-Length:' -T - | tail -c 8`
           =~ /(?:0\r\n\r\n|bytes)\z/ ? 1 : 0, 1, "$name: upload of a stream");
    }
};


unlike($nginx->error_log, qr/\[(?:alert|crit|emerg)\]/, 'nothing alarming');
