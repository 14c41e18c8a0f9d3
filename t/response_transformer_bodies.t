# Copyright (C) the ngx_gateway authors
#
# response_transformer: bodies as upstreams send them: compressed, chunked,
# cut off, too large, in parts, by files and the gateway itself.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use IO::Compress::Deflate qw(deflate);
use IO::Compress::Gzip qw(gzip);
use IO::Compress::RawDeflate qw(rawdeflate);
use IO::Socket::INET;
use IO::Uncompress::Gunzip qw(gunzip);

my $text = '{"a":"1","b":"' . 'x' x 50 . '"}';
my $result = '{"b":"' . 'x' x 50 . '"}';

sub packed {
    my ($how, $in) = @_;
    my $out;

    $how->(\$in, \$out) or die 'does not compress';
    return $out;
}

sub answer {
    my ($body, @headers) = @_;

    return join "\r\n", 'HTTP/1.1 200 OK', 'Content-Type: application/json',
                @headers, 'Content-Length: ' . length $body,
                'Connection: close', '', $body;
}

sub chunked {
    my ($body, $size, @headers) = @_;
    my $out = join "\r\n", 'HTTP/1.1 200 OK',
                   'Content-Type: application/json', @headers,
                   'Transfer-Encoding: chunked', 'Connection: close', '', '';

    while (length $body) {
        my $piece = substr $body, 0, $size, '';
        $out .= sprintf "%x\r\n%s\r\n", length $piece, $piece;
    }

    return "${out}0\r\n\r\n";
}

my $gz = packed(\&gzip, $text);
my $bomb = packed(\&gzip, '{"a":"' . 'x' x 3_000_000 . '"}');

my %answers = (
    '/gzip' => answer($gz, 'Content-Encoding: gzip', 'ETag: "e"',
                      'Accept-Ranges: bytes', 'Last-Modified: Thu, 01 Jan '
                      . '2026 00:00:00 GMT'),
    '/x-gzip' => answer($gz, 'Content-Encoding: X-GZIP'),
    '/deflate' => answer(packed(\&deflate, $text),
                         'Content-Encoding: deflate'),
    '/raw' => answer(packed(\&rawdeflate, $text),
                     'Content-Encoding: deflate'),
    '/identity' => answer($text, 'Content-Encoding: identity'),
    '/members' => answer(packed(\&gzip, substr $text, 0, 20)
                         . packed(\&gzip, substr $text, 20),
                         'Content-Encoding: gzip'),
    '/gzip-chunked' => chunked($gz, 7, 'Content-Encoding: gzip'),
    '/chunked' => chunked($text, 3),
    '/corrupt' => answer('x' . substr($gz, 1), 'Content-Encoding: gzip'),
    '/half' => answer(substr($gz, 0, -10), 'Content-Encoding: gzip'),
    '/br' => answer($text, 'Content-Encoding: br'),
    '/bomb' => answer($bomb, 'Content-Encoding: gzip'),
    '/large' => chunked('{"a":"' . 'x' x 2_000_000 . '"}', 10_000),
    '/cut' => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
              . "Content-Length: 1000\r\nConnection: close\r\n\r\n{\"a\":1",
    '/cut-chunked' => substr(chunked($text, 10), 0, -20),
    '/eof' => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
              . "Connection: close\r\n\r\n$text",
    '/part' => "HTTP/1.1 206 Partial Content\r\n"
               . "Content-Type: application/json\r\n"
               . "Content-Range: bytes 0-8/100\r\nContent-Length: 9\r\n"
               . "Connection: close\r\n\r\n" . '{"a":"1"}',
    '/304' => "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n"
              . "Content-Type: application/json\r\nConnection: close\r\n\r\n",
    '/204' => "HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n"
              . "Connection: close\r\n\r\n",
    '/empty' => answer(''),
    '/many' => answer('[' . '1,' x 262144 . '1]'),
    '/html' => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
               . "Content-Length: 5\r\nETag: \"e\"\r\nConnection: close"
               . "\r\n\r\n<p>a\n",
);

my $listen = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "cannot listen: $!";
my $port = $listen->sockport;

my $pid = fork // die "cannot fork: $!";

if ($pid == 0) {
    $SIG{PIPE} = 'IGNORE';

    while (my $c = $listen->accept) {
        my $head = '';

        while ($head !~ /\r\n\r\n/) {
            sysread($c, $head, 4096, length $head) or last;
        }

        my ($path) = $head =~ m{^\S+ (\S+)};
        my $answer = $answers{$path // ''} // answer('{"a":0}');

        $answer =~ s/\r\n\r\n.*/\r\n\r\n/s if $head =~ /^HEAD/;

        while (length $answer) {
            my $n = syswrite $c, $answer or last;
            substr $answer, 0, $n, '';
        }

        close $c;
    }

    POSIX::_exit(0);
}

END {
    my $status = $?;
    kill 'KILL', $pid if $pid;
    waitpid $pid, 0 if $pid;
    $? = $status;
}

my $http2 = $ENV{TEST_NGINX_PORT_2};

my $nginx = start_nginx(log_level => "info", http_config => <<"_EOC_",
    gateway_response_transformer remove.json=a max_body_size=1048576;
    server {
        listen 127.0.0.1:$http2 http2;
        location / { proxy_pass http://127.0.0.1:$port; }
    }
_EOC_
    config => <<"_EOC_");
    location ~ ^/. {
        proxy_pass http://127.0.0.1:$port;
        proxy_http_version 1.1;
    }
    location = /many {
        gateway_response_transformer_advanced dots_in_keys=off remove.json=[*].x;
        proxy_pass http://127.0.0.1:$port;
        proxy_http_version 1.1;
    }
    location = /both {
        gateway_response_transformer_advanced add.json=c:2 dots_in_keys=off
                                              max_body_size=1048576;
        proxy_pass http://127.0.0.1:$port/chunked;
    }
    location = /page {
        error_page 502 /sorry;
        proxy_pass http://127.0.0.1:$port/large;
    }
    location = /sorry {
        default_type text/plain;
        return 200 "sorry\\n";
    }
    location = /unbuffered {
        proxy_buffering off;
        proxy_pass http://127.0.0.1:$port/chunked;
        proxy_http_version 1.1;
    }
    location = /zip {
        gzip on;
        gzip_min_length 1;
        gzip_types application/json;
        proxy_pass http://127.0.0.1:$port/gzip;
    }
_EOC_

for my $path (qw(/gzip /x-gzip /deflate /raw /identity /members
                 /gzip-chunked /chunked /eof /unbuffered))
{
    my $res = http_get($path);

    is($res->status, 200, "$path is answered");
    is($res->body, $result, "$path is changed");
    ok(($res->header('Content-Encoding') // 'identity') eq 'identity',
       "$path is plain");
    is($res->header('Content-Length'), undef, "$path is without length");
    is($res->header('Accept-Ranges'), undef, "$path is without ranges");
}

my $res = http_get('/gzip');
is($res->header('ETag'), 'W/"e"', 'the entity tag is a weak one');
ok($res->header('Last-Modified'), 'Last-Modified stays');

$res = http_get('/zip', headers => ['Accept-Encoding: gzip']);
is($res->header('Content-Encoding'), 'gzip', 'nginx compresses it again');
{
    my ($in, $out) = ($res->body, undef);
    gunzip(\$in, \$out);
    is($out, $result, 'and what it compresses is the new body');
}

$res = http_get('/both');
is($res->body, '{"b":"' . 'x' x 50 . '","c":"2"}',
   'two directives collect it one after the other');

# what cannot be read stays as it is

for my $path (qw(/corrupt /half /br)) {
    my ($body) = $answers{$path} =~ /\r\n\r\n(.*)/s;

    $res = http_get($path);
    is($res->status, 200, "$path is answered");
    is($res->body, $body, "$path stays as it is");
    ok($res->header('Content-Encoding'), "$path says how it is encoded");
}

ok($nginx->wait_log(qr/a compressed body is malformed/, 5), 'and is told');

$res = http_get('/part');
is($res->status, 206, 'a part stays one');
is($res->body, '{"a":"1"}', 'and as it is');
is($res->header('Content-Length'), 9, 'with its length');

$res = http_get('/html');
is($res->body, "<p>a\n", 'other types stay');
is($res->header('Content-Length'), 5, 'with their length');
is($res->header('ETag'), '"e"', 'and entity tag');

# no body

for my $path (qw(/304 /204)) {
    $res = http_get($path);
    is($res->status, substr($path, 1), "$path passes");
    is($res->body // '', '', "$path has no body");
}

$res = http_get('/empty');
is($res->status, 200, 'an empty body passes');
is($res->body, '', 'and stays empty');

$res = http_request('HEAD', '/gzip');
is($res->status, 200, 'HEAD passes');
is($res->header('Content-Length'), undef, 'without the length of another');

# too large: a clean 502, however the length is told

for my $path (qw(/large /bomb /many)) {
    $res = http_get($path);
    is($res->status, 502, "$path gets 502");
    unlike($res->body, qr/xxxx|1,1/, "$path does not get through");
}

ok($nginx->wait_log(qr/is larger than "max_body_size" when/, 5), 'it is told');
ok($nginx->wait_log(qr/too many members/, 5), 'and that');

$res = http_get('/page');
is($res->status, 502, 'error_page works then');
is($res->body, "sorry\n", 'with its text');

# cut off: 502, not half an answer

for my $path (qw(/cut /cut-chunked)) {
    $res = http_get($path);
    is($res && $res->status, 502, "$path gets 502");
    unlike($res ? $res->body : '', qr/"a"/, "$path does not get through");
}

ok($nginx->wait_log(qr/the body is not complete/, 5), 'it is told');

# HTTP/2

SKIP: {
    my $curl = `curl --version 2>/dev/null` // '';
    skip 'curl with HTTP/2 is missing', 4 if $curl !~ /HTTP2/;

    my $url = "http://127.0.0.1:$http2";
    my @curl = ('curl', '-s', '--http2-prior-knowledge', '-w', '%{http_code}');

    for my $path (qw(/gzip /chunked)) {
        my $out = `@curl $url$path`;
        is($out, "${result}200", "$path over HTTP/2");
    }

    like(`@curl $url/large`, qr/502$/, 'too large over HTTP/2');
    like(`@curl $url/cut`, qr/502$/, 'cut off over HTTP/2');
}

is($nginx->stop, '', 'no sanitizer has a word');
