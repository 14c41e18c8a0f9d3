# Copyright (C) the ngx_gateway authors
#
# Requests that are wrong, or that two servers might read differently: each
# gets an answer or a closed connection, none crashes a worker, and none
# reaches an upstream, neither whole nor as what follows another one.

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


# an upstream that says 200 to anything, and writes down what it got

my $listen = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $ENV{TEST_NGINX_UPSTREAM_PORT},
    Listen => 64, ReuseAddr => 1) or die "cannot listen: $!\n";

my $pid = fork // die "fork: $!\n";

if (!$pid) {
    $SIG{TERM} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';
    open STDOUT, '>', '/dev/null';
    my $sel = IO::Select->new($listen);
    my %buf;

    while (1) {
        for my $s ($sel->can_read) {
            if ($s == $listen) {
                my $c = $listen->accept or next;
                $buf{$c} = '';
                $sel->add($c);
                next;
            }

            if (!sysread $s, $buf{$s}, 65536, length $buf{$s}) {
                $sel->remove($s);
                delete $buf{$s};
                close $s;
                next;
            }

            while ($buf{$s} =~ /\A(.*?\r\n\r\n)/s) {
                my $head = $1;
                my ($length) = $head =~ /^Content-Length: (\d+)/mi;
                my $all = length($head) + ($length // 0);
                last if length $buf{$s} < $all;
                if ($head =~ /^Transfer-Encoding: chunked/mi) {
                    # a request that is not whole has not arrived
                    last unless $buf{$s} =~ /\A.*?\r\n0\r\n\r\n/s;
                    $all = $+[0];
                }
                open my $log, '>>', $seen;
                print $log substr($buf{$s}, 0, $all, ''), "\n";
                close $log;
                syswrite $s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            }
        }
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
    compile_args => "--set log_level=info --set proxy_listen='127.0.0.1:$port"
                    . ", 127.0.0.1:$h2c http2'",
    yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: raw
  url: http://127.0.0.1:$ENV{TEST_NGINX_UPSTREAM_PORT}
  routes:
  - name: all
    paths: [/]
  - name: unbuffered
    paths: [/unbuffered]
    request_buffering: false
  - name: keys
    paths: [/keys]
    plugins:
    - name: key-auth
      config: {key_in_body: true}
  - name: sized
    paths: [/sized]
    plugins:
    - name: request-size-limiting
      config: {allowed_payload_size: 1, size_unit: kilobytes}
  - name: changed
    paths: [/changed]
    plugins:
    - name: request-transformer
      config:
        add: {headers: ["x-a:b"], querystring: ["q:1"], body: ["k:v"]}
consumers:
- username: alice
  keyauth_credentials: [{key: alice-key}]
_EOC_

my $worker = $nginx->pid;

sub seen {
    open my $fh, '<:raw', $seen or return '';
    local $/;
    return <$fh> // '';
}

# All that comes back for some bytes.  What is not complete, and what stays
# open, ends by closing our side; not earlier, for that aborts a request.
sub raw {
    my ($bytes, %o) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $o{port} // $port)
        or return 'no connection';
    local $SIG{PIPE} = 'IGNORE';
    my $buf = '';
    my $sel = IO::Select->new($s);
    my $deadline = time + 10;
    my $open = 1;

    while (length $bytes) {
        my $n = syswrite $s, $bytes;
        last unless defined $n;
        substr($bytes, 0, $n, '');
    }

    while (1) {
        my $wait = $o{incomplete} && $open ? 0
                   : length $buf && $open ? 0.1 : $deadline - time;

        if (!$sel->can_read($wait)) {
            return "$buf<timeout>" unless $open && ($o{incomplete}
                                                    || length $buf);
            shutdown $s, 1;
            $open = 0;
            next;
        }

        last unless sysread $s, $buf, 65536, length $buf;
    }

    return $buf;
}

# A request that gets the answer and goes nowhere.  What stands behind it
# would be a request of its own for whoever misread it.
sub refused {
    my ($name, $bytes, $like, %o) = @_;

    unlink $seen;

    for my $path ($o{path} // ('/x', '/unbuffered', '/keys', '/changed')) {
        (my $request = $bytes) =~ s{PATH}{$path}g;
        my $res = raw($request . ($o{no_more} ? ''
                      : "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"),
                      incomplete => $o{incomplete});
        like($res, $like, "$name, $path");
    }

    is(seen(), '', "$name: no upstream saw it");
}

my $bad = qr{\AHTTP/1\.1 400 (?!.*HTTP/1\.1 200)}s;


# where the body ends

my $post = "POST PATH HTTP/1.1\r\nHost: h\r\n";
my $chunked = "${post}Transfer-Encoding: chunked\r\n";

refused('a length and chunks',
        "${chunked}Content-Length: 5\r\n\r\n0\r\n\r\n", $bad);
refused('chunks and a length',
        "${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "0\r\n\r\n", $bad);
refused('two lengths', "${post}Content-Length: 3\r\nContent-Length: 5\r\n\r\n"
        . 'abc', $bad);
refused('the same length twice',
        "${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", $bad);

for ('-1', '+3', '3, 3', '3 3', '0x3', '3a', ' ', '1e1', "3\x0b",
     '99999999999999999999', '٣')
{
    my $value = $_;
    utf8::encode($value) if utf8::is_utf8($value);
    refused("a length of \"$value\"", "${post}Content-Length: $value\r\n\r\nabc",
            $bad);
}

for ('gzip, chunked', 'chunked, chunked', 'identity', 'xchunked', 'chunked;a',
     "chunked\x0b", 'chunk', '"chunked"')
{
    refused("Transfer-Encoding: $_",
            "${post}Transfer-Encoding: $_\r\n\r\n0\r\n\r\n",
            qr{\AHTTP/1\.1 (?:400|501) (?!.*HTTP/1\.1 200)}s);
}

refused('Transfer-Encoding twice',
        "${chunked}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", $bad);
refused('chunks in HTTP/1.0', "POST PATH HTTP/1.0\r\nHost: h\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", $bad);
refused('a space before the colon',
        "${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", $bad);
refused('a space before the colon of the length',
        "${post}Content-Length : 3\r\n\r\nabc", $bad);
refused('a folded Transfer-Encoding',
        "${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", $bad);
refused('a folded length', "${post}Content-Length: 3\r\n 0\r\n\r\nabc", $bad);

for ('x', '-1', '0x3', '+3', "3\n", ' 3', 'ffffffffffffffffff',
     'fffffffffffffffff0')
{
    refused('a chunk of "' . s/\n/\\n/r . '"', "$chunked\r\n$_\r\nabc\r\n"
            . "0\r\n\r\n", qr{\A(?:HTTP/1\.1 4\d\d |\z)(?!.*HTTP/1\.1 200)}s);
}

refused('a chunk longer than it says', "$chunked\r\n3\r\nabcd\r\n0\r\n\r\n",
        qr{\A(?:HTTP/1\.1 4\d\d |\z)(?!.*HTTP/1\.1 200)}s);
refused('a chunk that never ends', "$chunked\r\n5\r\nabc",
        qr{\A(?:HTTP/1\.1 4\d\d |\z)}, no_more => 1, incomplete => 1);
refused('a length that never comes', "${post}Content-Length: 10\r\n\r\nabc",
        qr{\A(?:HTTP/1\.1 400 |\z)}, no_more => 1, incomplete => 1,
        path => '/x');


# request lines

refused('no Host', "GET PATH HTTP/1.1\r\n\r\n", $bad);
refused('two of Host', "GET PATH HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", $bad);
refused('the same Host twice',
        "GET PATH HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", $bad);

for ('a b', 'a/b', "a\x00b", '..', 'a..b', 'a:80:80 c', "a\x01b")
{
    refused('Host "' . s/[\x00-\x1f]/?/gr . '"',
            "GET PATH HTTP/1.1\r\nHost: $_\r\n\r\n", $bad);
}

for ("GET\r\n\r\n", "GET  HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH HTTP/1.1 x\r\nHost: h\r\n\r\n",
     "GET PATH HTTP/1,1\r\nHost: h\r\n\r\n",
     "GET PATH HTTPS/1.1\r\nHost: h\r\n\r\n",
     "GET PATH http/1.1\r\nHost: h\r\n\r\n",
     "GET x HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET * HTTP/1.1\r\nHost: h\r\n\r\n",
     "get PATH HTTP/1.1\r\nHost: h\r\n\r\n",
     "G\x00T PATH HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET(PATH HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH/\x00 HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH/%00 HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH/%zz HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH/% HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH/../../.. HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH/%2e%2e/%2e%2e/%2e%2e HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH/a%2F..%2F..%2Fb HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET PATH/a%2f%2e%2e%2fb HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET http:// HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET http:///PATH HTTP/1.1\r\nHost: h\r\n\r\n",
     "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
     "TRACE PATH HTTP/1.1\r\nHost: h\r\n\r\n",
     "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 PATH\r\n\r\n")
{
    (my $name = $_) =~ s/[^\x20-\x7e].*//s;
    refused("\"$name\"", $_,
            qr{\A(?:HTTP/1\.1 4\d\d |<html>|\{|\z)(?!.*HTTP/1\.1 200)}s,
            no_more => 1);
}

# a later version than 1.1 of HTTP/1 is 1.1, others are not ours
refused('HTTP/2.0 in a line', "GET PATH HTTP/2.0\r\nHost: h\r\n\r\n",
        qr{\AHTTP/1\.1 505 }, no_more => 1);


# header lines

my $get = "GET PATH HTTP/1.1\r\nHost: h\r\n";

for (" X: leading space\r\n", "X\x00Y: 1\r\n", "X: a\x00b\r\n",
     "X: a\rb\r\n", "X Y: 1\r\n", "\tX: 1\r\n")
{
    (my $name = $_) =~ s/([\x00-\x1f])/sprintf '\\x%02x', ord $1/ge;
    refused("header \"$name\"", "$get$_\r\n", $bad);
}

refused('a name of 10,000 bytes', $get . 'x' x 10_000 . ": 1\r\n\r\n",
        qr{\AHTTP/1\.1 400 }, no_more => 1);
refused('a value of 40,000 bytes', "${get}X: " . 'x' x 40_000 . "\r\n\r\n",
        qr{\AHTTP/1\.1 400 .*Request header or cookie too large}s,
        no_more => 1);
refused('a cookie of 40,000 bytes',
        "${get}Cookie: a=" . 'x' x 40_000 . "\r\n\r\n",
        qr{\AHTTP/1\.1 400 .*Request header or cookie too large}s,
        no_more => 1);
refused('64 KB of target', 'GET PATH/' . 'x' x 65_536
        . " HTTP/1.1\r\nHost: h\r\n\r\n",
        qr{\AHTTP/1\.1 414 .*URI too long}s, no_more => 1);
refused('1,000 headers of 100 bytes',
        $get . join('', map { "X-$_: " . 'x' x 100 . "\r\n" } 1 .. 1000)
        . "\r\n", qr{\AHTTP/1\.1 400 }, no_more => 1);

# other servers take a line feed without CR for a part of the line

for (['request line', "GET PATH HTTP/1.1\nHost: h\r\n\r\n"],
     ['request line, with spaces', "GET PATH HTTP/1.1  \nHost: h\r\n\r\n"],
     ['header', "GET PATH HTTP/1.1\r\nHost: h\r\nX-A: b\nX-B: c\r\n\r\n"],
     ['last header', "GET PATH HTTP/1.1\r\nHost: h\r\nX-A: b\n\r\n"],
     ['empty header', "GET PATH HTTP/1.1\r\nHost: h\r\nX-A:\nX-B: c\r\n\r\n"],
     ['header, with spaces',
      "GET PATH HTTP/1.1\r\nHost: h\r\nX-A: b  \nX-B: c\r\n\r\n"],
     ['empty line', "GET PATH HTTP/1.1\r\nHost: h\r\n\n"],
     ['HTTP/1.0', "GET PATH HTTP/1.0\nHost: h\n\n"],
     ['long header', "GET PATH HTTP/1.1\r\nHost: h\r\nX-A: "
                     . 'x' x 3000 . "\nX-B: c\r\n\r\n"])
{
    refused("a bare line feed: $$_[0]", $$_[1], $bad);
}


# what is odd but clear passes, and once

sub passes {
    my ($name, $bytes, $like) = @_;

    unlink $seen;
    my $res = raw($bytes);
    like($res, qr{\AHTTP/1\.1 200 }, $name);
    my $got = seen();
    like($got, $like, "$name: as meant");
    is(() = $got =~ m{ HTTP/1\.1\r\n}g, 1, "$name: once");
}

passes('1,000 headers', "GET /x HTTP/1.1\r\nHost: h\r\n"
       . join('', map { "X-$_: 1\r\n" } 1 .. 990) . "\r\n",
       qr{^X-990: 1\r$}m);
passes('headers in several buffers', "GET /x HTTP/1.1\r\nHost: h\r\n"
       . join('', map { "X-$_: " . 'x' x $_ . " \r\n" } 1 .. 200) . "\r\n",
       qr{^X-200: x{200}\r$}m);
passes('spaces around values', "GET /x HTTP/1.1  \r\nHost:h \r\nX-A:\r\n"
       . "X-B:  \r\nX-C:  c  \r\n\r\n", qr{^X-C: c\r$}m);
passes('empty lines before a request', "\r\n\r\nGET /x HTTP/1.1\r\n"
       . "Host: h\r\n\r\n", qr{\AGET /x HTTP/1\.1\r\n});
passes('an absolute target with another Host',
       "GET http://h/x HTTP/1.1\r\nHost: other\r\n\r\n",
       qr{^X-Forwarded-Host: h\r$}m);
passes('bytes above 127', "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n"
       . "X-A: \xc3\xa4\r\n\r\n", qr{\AGET /%C3%A4 HTTP.*^X-A: \xc3\xa4\r$}ms);
passes('names with underscores', "GET /x HTTP/1.1\r\nHost: h\r\n"
       . "X_A: 1\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n",
       qr{\A(?!.*_(?:Length|Encoding)).*^X_A: 1\r$}ms);

for my $field ('Content-Length', 'Transfer-Encoding', 'Host') {
    passes("$field in Connection", "POST /x HTTP/1.1\r\nHost: h\r\n"
           . "Content-Length: 3\r\nConnection: close, $field\r\n\r\nabc",
           qr{^Host: 127.*^Content-Length: 3\r\n.*abc\n\z}ms);
}


# HTTP/0.9 has no header: the gateway finds no host and no route for some,
# and answers without a header

unlink $seen;
like(raw("GET /x\r\n"), qr{\A(?:HTTP/1\.1 200 OK\r\n.*)?(?:ok|\z)}s,
     'HTTP/0.9');


# HTTP/2: wrong frames end the connection

my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

unlink $seen;

for (['no settings', ''],
     ['a huge frame', "\xff\xff\xff\x00\x00\x00\x00\x00\x01" . 'x' x 100],
     ['data without a stream', "\x00\x00\x01\x00\x01\x00\x00\x00\x01x"],
     ['an even stream', "\x00\x00\x01\x01\x05\x00\x00\x00\x02\x82"],
     ['a bad table index', "\x00\x00\x01\x01\x05\x00\x00\x00\x01\xff"],
     ['index 0', "\x00\x00\x01\x01\x05\x00\x00\x00\x01\x80"],
     ['no path', "\x00\x00\x02\x01\x05\x00\x00\x00\x01\x82\x86"],
     ['a continuation without its start',
      "\x00\x00\x01\x09\x04\x00\x00\x00\x01\x82"],
     ['settings of 5 bytes', "\x00\x00\x05\x04\x00\x00\x00\x00\x00aaaaa"],
     ['an increment of 0',
      "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"],
     ['upper case in a name',
      "\x00\x00\x10\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01h"
      . "\x00\x03X-A\x01b\x00\x00"])
{
    my ($name, $frames) = @$_;
    my $settings = $name eq 'no settings' ? ''
                   : "\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    unlike(raw("$preface$settings$frames", port => $h2c,
               incomplete => 1), qr{<timeout>},
           "HTTP/2, $name: no one waits");
}

is(seen(), '', 'HTTP/2: no upstream saw any of it');


# afterwards everything works, in the same processes

like(raw("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
     qr{\AHTTP/1\.1 200 }, 'an ordinary request');
unlike($nginx->error_log, qr/\[(?:alert|crit|emerg)\]|exited on signal/,
       'nothing alarming');
