# Copyright (C) the ngx_gateway authors
#
# response_validator: what conforms, what does not, and what is not looked at.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use IO::Compress::Gzip qw(gzip);
use IO::Socket::INET;
use POSIX ();

sub packed {
    my ($in) = @_;
    my $out;

    gzip(\$in, \$out) or die 'does not compress';
    return $out;
}

sub answer {
    my ($status, $type, $body, @headers) = @_;

    return join "\r\n", "HTTP/1.1 $status", "Content-Type: $type", @headers,
                'Content-Length: ' . length $body, 'Connection: close', '',
                $body;
}

my $json = 'application/json';
my $good = '{"id": "a"}';
my $bad = '{"id":7,"secret":"hunter2"}';
my @own = ('Set-Cookie: sid=secret', 'Cache-Control: max-age=60',
           'X-Internal: secret', 'ETag: "secret"', 'Location: /secret',
           'Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT',
           'Accept-Ranges: bytes');

my %answers = (
    '/good' => answer('200 OK', $json, $good, 'ETag: "e"', 'X-Own: 1'),
    '/created' => answer('201 Created', 'application/hal+json', $good),
    '/gzip' => answer('200 OK', $json, packed($good),
                      'Content-Encoding: gzip'),
    '/chunked' => "HTTP/1.1 200 OK\r\nContent-Type: $json\r\n"
                  . "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                  . "4\r\n{\"id\r\n7\r\n\": \"a\"}\r\n0\r\n\r\n",
    '/bad' => answer('200 OK', $json, $bad, @own),
    '/bad-charset' => answer('200 OK', 'Application/JSON; charset=utf-8',
                             $bad),
    '/bad-gzip' => answer('200 OK', $json, packed($bad),
                          'Content-Encoding: gzip'),
    '/bad-hal' => answer('202 Accepted', 'application/hal+json', $bad),
    '/missing' => answer('200 OK', $json, '{"a\nb":1}'),
    '/twice' => answer('200 OK', $json, '{"id":"a","id":"b"}'),
    '/none' => answer('200 OK', $json, 'secret'),
    '/empty' => answer('200 OK', $json, ''),
    '/br' => answer('200 OK', $json, $good, 'Content-Encoding: br'),
    '/corrupt' => answer('200 OK', $json, 'secret',
                         'Content-Encoding: gzip'),
    '/large' => answer('200 OK', $json, '{"id":"' . 'x' x 1000 . '"}'),
    '/large-eof' => "HTTP/1.1 200 OK\r\nContent-Type: $json\r\n"
                    . "Connection: close\r\n\r\n{\"id\":\"" . 'x' x 1000
                    . '"}',
    '/bomb' => answer('200 OK', $json, packed('{"id":"' . 'x' x 1000 . '"}'),
                      'Content-Encoding: gzip'),
    '/cut' => "HTTP/1.1 200 OK\r\nContent-Type: $json\r\n"
              . "Content-Length: 100\r\nConnection: close\r\n\r\n$good",
    '/404' => answer('404 Not Found', $json, $bad),
    '/html' => answer('200 OK', 'text/html', $bad),
    '/part' => answer('206 Partial Content', $json, $bad,
                      'Content-Range: bytes 0-26/100'),
    '/204' => "HTTP/1.1 204 No Content\r\nContent-Type: $json\r\n"
              . "Connection: close\r\n\r\n",
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
        my $answer = $answers{$path // ''}
                     // answer('200 OK', 'text/plain', $head);

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
my $schema = q('body_schema={"type":"object","required":["id"],')
             . q( 'body_schema="properties":{"id":{"type":"string"}},')
             . q( 'body_schema="additionalProperties":false}');

my $nginx = start_nginx(log_level => 'info', http_config => <<"_EOC_",
    proxy_http_version 1.1;
    server {
        listen 127.0.0.1:$http2 http2;
        gateway_response_validator $schema;
        location / { proxy_pass http://127.0.0.1:$port; }
    }
_EOC_
    config => <<"_EOC_");
    location ~ ^/. {
        gateway_response_validator $schema max_body_size=500;
        proxy_pass http://127.0.0.1:$port;
    }
    location ^~ /log/ {
        gateway_response_validator $schema on_violation=log max_body_size=500;
        proxy_pass http://127.0.0.1:$port/;
    }
    location ^~ /status/ {
        gateway_response_validator $schema status=404 status=500-599;
        proxy_pass http://127.0.0.1:$port/;
    }
    location ^~ /fixed/ {
        gateway_response_validator $schema;
        gateway_response_transformer replace.json=id:a remove.json=secret;
        proxy_pass http://127.0.0.1:$port/;
    }
    location ^~ /broken/ {
        gateway_response_validator $schema;
        gateway_response_transformer add.json=x:1 add.headers=X-Policy:1;
        proxy_pass http://127.0.0.1:$port/;
    }
_EOC_

my $problem = '{"type":"about:blank","title":"Bad Gateway","status":502,'
              . '"detail":"response body doesn\'t conform to schema"}';

for my $path (qw(/good /created /gzip /chunked)) {
    my ($status) = $answers{$path} =~ /(\d{3})/;
    my ($body) = $answers{$path} =~ /\r\n\r\n(.*)/s;
    my $res = http_get($path);

    is($res->status, $status, "$path passes");
    is($res->body, $path eq '/chunked' ? $good : $body, "$path as it came");
}

my $res = http_get('/good');
is($res->header('ETag'), '"e"', 'with its entity tag');
is($res->header('X-Own'), '1', 'headers');
is($res->header('Content-Length'), length $good, 'and length');
is(http_get('/gzip')->header('Content-Encoding'), 'gzip',
   'what came compressed goes so');

for my $path (qw(/bad /bad-charset /bad-gzip /bad-hal /missing /twice /none
                 /empty /br /corrupt /broken/good))
{
    $res = http_get($path);

    is($res->status, 502, "$path is refused");
    is($res->body, $problem, "$path with problem details");
    is($res->header('Content-Type'), 'application/problem+json',
       "$path of their type");
    is($res->header('Content-Length'), length $problem, "$path their length");
    unlike($res->raw_headers, qr/secret|max-age|Content-Encoding|Last-Mod|Own/i,
           "$path and no header of the upstream");
}

is(http_get('/broken/good')->header('X-Policy'), '1',
   'headers of policies stay');
is(http_get('/fixed/bad')->body, '{"id":"a"}',
   'what response_transformer makes of it counts');

for my $path (qw(/large /large-eof /bomb /cut)) {
    $res = http_get($path);
    is($res->status, 502, "$path gets 502");
    unlike($res->body, qr/xxx|"id"/, "$path does not get through");
}

for my $path (qw(/404 /html /part /status/bad)) {
    my ($answer) = $answers{$path =~ s{^/status}{}r};
    my ($status) = $answer =~ /(\d{3})/;

    $res = http_get($path);
    is($res->status, $status, "$path is not looked at");
    is($res->body, $bad, "$path stays as it is");
}

is(http_get('/204')->status, 204, 'no body');
is(http_request('HEAD', '/bad')->status, 200, 'HEAD');
is(http_get('/status/404')->status, 502, 'other statuses');
unlike(http_get('/x', headers => ['Accept-Encoding: br'])->body,
       qr/accept-encoding/i, 'upstreams are asked for no coding');

my $told = () = $nginx->error_log =~ /doesn't conform/g;

for my $path (qw(/good /bad /bad-gzip /missing /none /empty /br /corrupt
                 /large /bomb /html))
{
    my ($body) = $answers{$path} =~ /\r\n\r\n(.*)/s;

    $res = http_get("/log$path");
    is($res->status, 200, "$path passes with the log");
    is($res->body, $body, "$path as it is");
    is($res->header('Content-Length'), length $body, "$path with its length");
}

is(http_get('/log/chunked')->body, $good, 'chunks pass with the log');
is(() = $nginx->error_log =~ /doesn't conform/g, $told + 5,
   'what does not conform is told');

for my $what ('at "/id": it ', 'at "": it is no valid JSON',
              'a body in an unknown coding cannot be validated',
              'a compressed body is malformed', 'the body is not complete',
              'the body is larger than "max_body_size"',
              'larger than "max_body_size" when it is decompressed')
{
    ok($nginx->wait_log(qr/response validator: .*\Q$what\E/, 5),
       "told: $what");
}

unlike($nginx->error_log, qr/hunter2|x{20}/, 'values are not told');

SKIP: {
    my $curl = `curl --version 2>/dev/null` // '';
    skip 'curl with HTTP/2 is missing', 2 if $curl !~ /HTTP2/;

    my $url = "http://127.0.0.1:$http2";
    my @curl = ('curl', '-s', '--http2-prior-knowledge', '-w',
                "'%{http_code}'");

    is(`@curl $url/chunked`, "${good}200", 'over HTTP/2');
    is(`@curl $url/bad`, "${problem}502", 'a bad one');
}

is($nginx->stop, '', 'no sanitizer has a word');

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', "location / {\n"
        . 'gateway_response_validator ' . ($block->args =~ s/\n//r) . ";\n"
        . "return 200;\n}\n");
});

run_tests();

__DATA__

=== TEST 1: no schema
--- args: status=200
--- must_die
--- error_log
needs "body_schema" in



=== TEST 2: no JSON
--- args: 'body_schema={'
--- must_die
--- error_log
invalid JSON for "body_schema" in "gateway_response_validator"



=== TEST 3: no schema that is understood
--- args: 'body_schema={"type":"text"}'
--- must_die
--- error_log
invalid schema for "body_schema" in "gateway_response_validator": "/type"



=== TEST 4: no status
--- args: body_schema=true status=299-200
--- must_die
--- error_log
needs statuses as "200" or "200-299" in "status"



=== TEST 5: no violation
--- args: body_schema=true on_violation=drop
--- must_die
--- error_log
invalid parameter "on_violation=drop" in "gateway_response_validator"
