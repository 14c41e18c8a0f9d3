# Copyright (C) the ngx_gateway authors
#
# proxy-cache: what is stored, found and removed.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use JSON::PP;

start_echo();

my $echo = $ENV{TEST_NGINX_ECHO_PORT};
my %admin = (port => $ENV{TEST_NGINX_PORT_9});
my $id = '11111111-1111-4111-8111-111111111111';
my $plain = '22222222-2222-4222-8222-222222222222';

# routes with configurations of their own
my %configs = (
    plain => '',
    short => 'cache_ttl: 1',
    stored => 'cache_ttl: 1, storage_ttl: 60',
    control => 'cache_control: true',
    kept => 'cache_control: true, storage_ttl: 60',
    folded => 'ignore_uri_case: true',
    params => 'vary_query_params: [foo, bar]',
    headers => 'vary_headers: [X-Tenant]',
    hidden => 'response_headers: { age: false, X-Cache-Status: false, '
        . 'X-Cache-Key: false }',
    some => 'response_headers: { X-Cache-Key: false }',
    any => 'content_type: ["*/*"]',
    typed => 'content_type: [nonsense, "text/html; charset=utf-8", '
        . '"image/*"]',
    posts => 'request_method: [POST], response_code: [201, 418]',
    small => 'max_body_size: 10',
    other => 'memory: { dictionary_name: other }',
);

my $yaml = <<"_EOC_";
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$echo
  routes:
_EOC_

for my $name (sort keys %configs) {
    my $more = $configs{$name} ? ", $configs{$name}" : '';
    my $ids = $name eq 'plain' ? "id: $id, " : '';
    my $route = $name eq 'plain' ? "id: $plain, " : '';
    $yaml .= "  - {${route} name: $name, paths: [/$name], plugins: "
        . "[{ ${ids}name: proxy-cache, "
        . "config: { strategy: memory$more } }] }\n";
}

$yaml .= <<'_EOC_';
  - name: keyed
    paths: [/keyed]
    plugins:
    - { name: key-auth }
    - { name: proxy-cache, config: { strategy: memory } }
  - name: limited
    paths: [/limited]
    plugins:
    - { name: rate-limiting, config: { minute: 100 } }
    - { name: response-transformer, config: { append: { headers: ["x-more:1"] } } }
    - { name: proxy-cache, config: { strategy: memory } }
  - name: ended
    paths: [/ended]
    plugins:
    - { name: proxy-cache, config: { strategy: memory } }
    - { name: request-termination, config: { status_code: 403 } }
  - name: answered
    paths: [/answered]
    plugins:
    - { name: proxy-cache, config: { strategy: memory } }
    - name: request-termination
      config: { status_code: 200, body: ours, content_type: text/plain }
  - name: moved
    paths: [/moved]
    plugins:
    - name: proxy-cache
      config: { strategy: memory, content_type: ["*/*"] }
    - { name: redirect, config: { location: "http://a.test" } }
consumers:
- { username: alice, keyauth_credentials: [{ key: ka }] }
- { username: bob, keyauth_credentials: [{ key: kb }] }
_EOC_

my $nginx = start_nginx(yaml => $yaml, workers => 2, master => 1,
    compile_args => "--set admin_listen=127.0.0.1:$admin{port} "
        . '--set headers=server_tokens,latency_tokens,X-Kong-Upstream-Status '
        . "--set 'nginx_http_gateway_proxy_cache_zone=kong_db_cache 1m other 1m'");

# the echo upstream says which of its requests it was
sub get {
    my ($path, %more) = @_;
    my @headers = ('X-Test-Type: text/plain', @{ $more{headers} || [] });
    return http_request($more{method} || 'GET', $path, headers => \@headers,
        $more{body} ? (body => $more{body}) : ());
}

sub is_cached {
    my ($expected, $what, $path, %more) = @_;
    my $res = get($path, %more);
    is($res->header('X-Cache-Status'), $expected, $what);
    return $res;
}

# Miss, then Hit

my $miss = is_cached('Miss', 'the first one', '/plain/1');
my $hit = is_cached('Hit', 'the second one', '/plain/1');
like($miss->header('X-Cache-Key'), qr/^[0-9a-f]{64}$/, 'a key');
is($hit->header('X-Cache-Key'), $miss->header('X-Cache-Key'), 'the same key');
is($hit->header('X-Cache-Key'),
    sha256_hex("$plain|GET|GET /plain/1||"), 'made as documented');
is($hit->body, $miss->body, 'the same body');
is($hit->status, 200, 'the same status');
is($hit->header('Content-Type'), $miss->header('Content-Type'),
    'the same type');
is($hit->header('X-Echo-Requests'), $miss->header('X-Echo-Requests'),
    'headers of the upstream');
like($hit->header('age'), qr/^\d$/, 'an age');
is($miss->header('age'), undef, 'only of hits');
is($hit->header('Content-Length'), length $hit->body, 'a length');
like($hit->header('Via'), qr/^1\.1 /, 'Via as of a proxied response');
isnt($hit->header('X-Kong-Proxy-Latency'), undef, 'latencies too');
is($hit->header('X-Kong-Response-Latency'), undef, 'not that of answers');
is(scalar(() = $hit->raw_headers =~ /^Date:/mgi), 1, 'one Date');
is($hit->header('X-Kong-Upstream-Status'), 200, 'the status it had');
is(scalar(() = $hit->raw_headers =~ /^X-Cache-Status:/mgi), 1,
    'one X-Cache-Status');

# methods

my $head = is_cached('Miss', 'HEAD is another request', '/plain/1',
    method => 'HEAD');
my $again = is_cached('Hit', 'which is stored', '/plain/1', method => 'HEAD');
is($again->body, '', 'without a body');
is($again->header('Content-Length'), $head->header('Content-Length'),
    'with its length');
is_cached('Hit', 'GET still has its body', '/plain/1');
my $post = is_cached('Bypass', 'POST', '/plain/1', method => 'POST');
is($post->header('X-Cache-Key'), undef, 'has no key');
is_cached('Miss', 'POST if configured', '/posts', method => 'POST',
    headers => ['X-Test-Status: 201'], body => 'a');
is_cached('Hit', 'POST from the cache', '/posts', method => 'POST',
    headers => ['X-Test-Status: 201'], body => 'a');
is_cached('Bypass', 'then GET is not', '/posts');

# statuses and types

is_cached('Bypass', 'another status', '/plain/s',
    headers => ['X-Test-Status: 418']);
is_cached('Miss', 'not found', '/plain/404', headers => ['X-Test-Status: 404']);
is(is_cached('Hit', 'not found again', '/plain/404')->status, 404, 'is replayed');

sub typed {
    my ($path, $type) = @_;
    return http_get($path, headers => ["X-Test-Type: $type"])
        ->header('X-Cache-Status');
}

is(typed('/plain/t1', 'application/json'), 'Miss', 'JSON');
is(typed('/plain/t2', 'application/json; charset=utf-8'), 'Bypass',
    'a parameter that is not configured');
is(typed('/plain/t3', 'text/html'), 'Bypass', 'another type');
is(typed('/plain/t4', 'text'), 'Bypass', 'an invalid type');
is(typed('/plain/t5', 'Text/PLAIN'), 'Miss', 'in any case');
is(typed('/typed/1', 'text/html; charset=utf-8'), 'Miss',
    'the same parameter');
is(typed('/typed/2', 'text/html;charset="utf-8"'), 'Miss', 'quoted');
is(typed('/typed/3', 'text/html'), 'Bypass', 'without it');
is(typed('/typed/4', 'text/html; charset=latin1'), 'Bypass',
    'another value of it');
is(typed('/typed/5', 'image/png'), 'Miss', 'any subtype');
is(typed('/typed/6', 'nonsense'), 'Bypass', 'what is invalid matches none');
is(typed('/any/1', 'video/mp4'), 'Miss', 'any type');

# what the key is made of

sub key { return get(@_)->header('X-Cache-Key') }

is(key('/plain/q?a=1&b=2'), key('/plain/q?b=2&a=1'), 'order of arguments');
is(key('/plain/q?a=1&b=2'), sha256_hex("$plain|GET|GET /plain/q|a=1:b=2|"),
    'arguments in the key');
is(key('/plain/q?a=2&a=1&c'), sha256_hex("$plain|GET|GET /plain/q|a=1,2:c|"),
    'repeated ones, and one without a value');
isnt(key('/plain/q?a=1'), key('/plain/q?a=2'), 'another value');
isnt(key('/plain/q?a=1&b=2'), key('/plain/q?a=1:b%3d2'),
    'separators in values');
isnt(key('/plain/q?a=1,2'), key('/plain/q?a=1&a=2'), 'a comma too');
isnt(key('/plain/Q'), key('/plain/q'), 'case of the path');
is(key('/folded/Q'), key('/folded/q'), 'unless it is ignored');
is_cached('Miss', 'some arguments', '/params?foo=1&x=1');
is_cached('Hit', 'others do not count', '/params?x=2&foo=1');
is_cached('Miss', 'those do', '/params?foo=2');
is_cached('Miss', 'a header', '/headers', headers => ['X-Tenant: a']);
is_cached('Hit', 'the same header', '/headers',
    headers => ['X-Tenant: a', 'X-Other: b']);
is_cached('Miss', 'another one', '/headers', headers => ['X-Tenant: b']);

is_cached('Miss', 'what the upstream varies by', '/plain/vary',
    headers => ['X-Foo: 1', 'X-Test-Header: Vary: X-Foo']);
is_cached('Hit', 'does not count', '/plain/vary', headers => ['X-Foo: 2']);
is_cached('Hit', 'nor do conditions without cache_control', '/plain/vary',
    headers => ["Cache-Control: $_"])
    for 'no-cache', 'no-store', 'max-age=0', 'min-fresh=999';
is(get('/plain/absent', headers => ['Cache-Control: only-if-cached'])->status,
    200, 'nor only-if-cached');

# what is not replayed

my @once = map { "$_: 1" } 'Keep-Alive', 'Proxy-Authenticate',
    'Proxy-Authorization', 'TE', 'Trailer', 'Trailers', 'Upgrade',
    'X-RateLimit-Remaining-Foo', 'ratelimit-remaining', 'Age',
    'X-Cache-Status';
my @always = map { "$_: 1" } 'X-RateLimit-Limit-Foo', 'Set-Cookie',
    'X-Other', 'Retry-After';
is_cached('Miss', 'headers', '/plain/head',
    headers => [map { "X-Test-Header: $_" } @once, @always]);
my $replay = is_cached('Hit', 'headers again', '/plain/head');
is($replay->header((split /:/)[0]), 1, "$_ is replayed") for @always;
isnt($replay->header((split /:/)[0]) // '', 1, "$_ is not") for @once;

# who asks

my $refused = get('/keyed');
is($refused->status, 401, 'no key');
is($refused->header('X-Cache-Status'), undef, 'no status then');
is($refused->header('X-Cache-Key'), undef, 'nor a key');
is_cached('Miss', 'alice', '/keyed', headers => ['apikey: ka']);
is_cached('Hit', 'alice again', '/keyed', headers => ['apikey: ka']);
is_cached('Miss', 'bob has his own', '/keyed', headers => ['apikey: kb']);
is(is_cached('Bypass', 'another policy has answered', '/ended')->status, 403,
    'its answer');

# headers that are shown

my $hidden = get('/hidden');
$hidden = get('/hidden');
is($hidden->header($_), undef, "$_ is hidden")
    for 'age', 'X-Cache-Status', 'X-Cache-Key';
$hidden = get('/hidden', headers => ['kong-debug: 1']);
isnt($hidden->header($_), undef, "$_ is forced")
    for 'age', 'X-Cache-Status', 'X-Cache-Key';
is(get('/some')->header('X-Cache-Key'), undef, 'one of them hidden');
is(get('/some')->header('X-Cache-Status'), 'Hit', 'the others not');

# Cache-Control of the upstream, and of clients

sub controlled {
    my ($path, $upstream, @headers) = @_;
    return get($path, headers => [
        map({ "X-Test-Header: $_" } @$upstream), @headers
    ])->header('X-Cache-Status');
}

is(controlled('/plain/c', ['Cache-Control: no-store']), 'Miss', 'ignored');
is(controlled('/plain/c', []), 'Hit', 'without cache_control');
for my $value ('max-age=0', 'private, max-age=9', 'no-store', 'no-cache',
    'max-age=60, s-maxage=0')
{
    is(controlled('/control/0', ["Cache-Control: $value"]), 'Bypass', $value)
        for 1, 2;
}
is(controlled('/control/none', []), 'Bypass', 'nothing that says fresh');
is(controlled('/control/1', ['Cache-Control: max-age=60']), 'Miss',
    'max-age');
is(controlled('/control/1', []), 'Hit', 'is stored');
is(controlled('/control/2', ['Cache-Control: max-age=0, s-maxage=60']),
    'Miss', 's-maxage goes first');
is(controlled('/control/3', ['Expires: Fri, 01 Jan 2100 00:00:00 GMT']),
    'Miss', 'Expires');
is(controlled('/control/3', []), 'Hit', 'is stored too');
is(controlled('/control/4', ['Expires: Sat, 01 Jan 2000 00:00:00 GMT']),
    'Bypass', 'Expires in the past');
is(controlled('/control/1', [], "Cache-Control: $_"), 'Bypass', "client: $_")
    for 'no-store', 'no-cache', 'NO-CACHE';
is(controlled('/control/1', [], 'Authorization: x'), 'Bypass',
    'Authorization');
my $only = get('/control/absent',
    headers => ['Cache-Control: only-if-cached']);
is($only->status, 504, 'only-if-cached, and it is not');
is($only->body, '', 'an empty body');
is(controlled('/control/1', [], 'Cache-Control: only-if-cached'), 'Hit',
    'only-if-cached, and it is');
is(controlled('/control/1', ['Cache-Control: max-age=60'],
    'Cache-Control: min-fresh=90'), 'Refresh', 'min-fresh');
is(controlled('/control/1', [], 'Cache-Control: min-fresh=10'), 'Hit',
    'which it has');

# time

is(controlled('/kept', ['Cache-Control: max-age=1']), 'Miss', 'for a second');
is_cached('Miss', 'short', '/short');
is_cached('Miss', 'fresh for a second, stored for longer', '/stored');
ok(wait_until(sub {
    get('/stored')->header('X-Cache-Status') eq 'Refresh'
}, 8), 'Refresh');
is_cached('Hit', 'stored anew', '/stored');
is_cached('Miss', 'gone', '/short');
ok(wait_until(sub {
    controlled('/kept', ['Cache-Control: max-age=1'],
        'Cache-Control: max-age=1') eq 'Refresh'
}, 8), 'older than the client wants');
ok(wait_until(sub {
    controlled('/kept', ['Cache-Control: max-age=1'],
        'Cache-Control: max-stale=0') eq 'Refresh'
}, 8), 'staler than the client wants');

# answers of other policies that end the request

is_cached('Miss', 'one of ours', '/answered');
is(is_cached('Hit', 'is stored as well', '/answered')->body, 'ours', 'so');
is(get('/moved')->header('X-Cache-Status'), undef,
    'who answers before is not looked at');

# other policies

my $first = is_cached('Miss', 'limited', '/limited');
my $second = is_cached('Hit', 'a hit counts', '/limited');
is($second->header('RateLimit-Remaining'),
    $first->header('RateLimit-Remaining') - 1, 'and tells so');
is(scalar(() = $second->raw_headers =~ /^RateLimit-Limit:/mgi), 1,
    'one limit');
is(scalar(() = $second->raw_headers =~ /^RateLimit-Reset:/mgi), 1,
    'one reset');

# size

is(get('/small')->header('X-Cache-Status'), 'Bypass', 'too large');

# entries by their keys

my $key = $miss->header('X-Cache-Key');

sub ask { return http_request($_[0], $_[1], %admin) }

my $entry = ask('GET', "/proxy-cache/$key");
is($entry->status, 200, 'an entry');
my $json = decode_json($entry->body);
is($json->{status}, 200, 'its status');
is($json->{body}, $miss->body, 'its body');
is($json->{ttl}, 300, 'its ttl');
is($json->{headers}{'Content-Type'}, 'text/plain', 'its type');
my $cookies = get('/plain/cookies', headers => ['X-Test-Header: Set-Cookie: a=1',
    'X-Test-Header: X-One: 1', 'X-Test-Header: set-cookie: b=2',
    'X-Test-Header: Set-Cookie: c=3']);
$json = decode_json(ask('GET', '/proxy-cache/'
    . $cookies->header('X-Cache-Key'))->body);
is_deeply([@{ $json->{headers} }{'Set-Cookie', 'X-One'}],
    [['a=1', 'b=2', 'c=3'], '1'], 'headers that repeat');
is(ask('GET', "/proxy-cache/$id/caches/$key")->status, 200, 'by instance');
is(ask('GET', "/proxy-cache/$plain/caches/$key")->status, 404,
    'no such instance');
is(ask('GET', '/proxy-cache/' . 'x' x 64)->status, 404, 'no key at all');
is(ask('GET', '/proxy-cache/' . '0' x 64)->status, 404, 'nobody has it');
is(ask('DELETE', '/proxy-cache/' . '0' x 64)->status, 404,
    'nothing to remove');
is(ask('DELETE', "/proxy-cache/$key")->status, 204, 'removed');
is(ask('GET', "/proxy-cache/$key")->status, 404, 'it is gone');
is_cached('Miss', 'for clients too', '/plain/1');
is(ask('DELETE', "/proxy-cache/$id/caches/$key")->status, 204,
    'removed by instance');
is(ask('DELETE', "/proxy-cache/$id/caches/$key")->status, 404, 'once');
is_cached('Miss', 'once more', '/plain/1');
my $kept = is_cached('Miss', 'in another zone', '/other');
is(ask('GET', '/proxy-cache/' . $kept->header('X-Cache-Key'))->status, 200,
    'all zones are searched');
is(ask('GET', "/proxy-cache/$id/caches/" . $kept->header('X-Cache-Key'))
    ->status, 404, 'or that of the instance');
is(ask('PUT', "/proxy-cache/$key")->status, 405, 'another method');
is(ask('GET', '/proxy-cache')->status, 405, 'no list');
is(ask('GET', '/proxy-cache/a/b')->status, 404, 'another path');
is(ask('OPTIONS', "/proxy-cache/$key")->header('Allow'),
    'DELETE, GET, HEAD, OPTIONS', 'what is allowed');
like(ask('GET', '/endpoints')->body, qr{/proxy-cache/\{cache_key\}},
    'among the endpoints');

# reload and flush

is_cached('Hit', 'before a reload', '/plain/1');
ok($nginx->reload, 'reload');
is_cached('Hit', 'and after it', '/plain/1');
is(ask('DELETE', '/proxy-cache')->status, 204, 'all is removed');
is_cached('Miss', 'from one zone', '/plain/1');
is_cached('Miss', 'and the other', '/other');

# the oldest give way

get("/plain/fill?$_", headers => ['X-Test-Body: ' . 'x' x 4000])
    for 1 .. 400;
is_cached('Hit', 'the last of many', '/plain/fill?400');
is_cached('Miss', 'the first of many', '/plain/fill?1');

# a worker is killed

kill 'KILL', $nginx->workers;
ok(wait_until(sub { my $r = get('/plain/fill?400'); $r && $r->status }, 5),
    'new workers');
is_cached('Hit', 'which find what was there', '/plain/fill?400');

unlike($nginx->error_log, qr/\[(?:error|emerg|crit)\]/, 'no errors');

$nginx->stop;

# bodies that break off, and such that come in pieces

my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5,
    ReuseAddr => 1) or die "listen: $!";
my $port = $server->sockport;
my $pid = fork();

if ($pid == 0) {
    my $n = 0;

    while (my $client = $server->accept) {
        my $request = <$client>;

        while (defined(my $line = <$client>)) {
            last if $line =~ /^\r?$/;
        }

        $n++;
        my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
            . "X-Number: $n\r\nConnection: close\r\n";

        if ($request =~ m{/length}) {
            print $client "${head}Content-Length: 100\r\n\r\nhello";

        } elsif ($request =~ m{/chunks}) {
            print $client "${head}Transfer-Encoding: chunked\r\n\r\n"
                . "5\r\nhello\r\n";

        } else {
            print $client "${head}Transfer-Encoding: chunked\r\n\r\n"
                . "5\r\nhello\r\n";
            $client->flush;

            # the rest follows when somebody has seen this part

            my $go = $server->accept;
            print $client "6\r\n world\r\n0\r\n\r\n";
            close $go;
        }

        close $client;
    }

    exit 0;
}

close $server;

$nginx = start_nginx(http_config => 'gateway_proxy_cache_zone pages 1m;',
    config => <<"_EOC_");
    location ~ ^/ {
        gateway_proxy_cache zone=pages;
        proxy_pass http://127.0.0.1:$port;
        proxy_http_version 1.1;
        proxy_buffering off;
    }
_EOC_

for my $path ('/length', '/chunks') {
    for (1, 2) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $ENV{TEST_NGINX_PORT}, Timeout => 5);
        print $socket "GET $path HTTP/1.1\r\nHost: a\r\n"
            . "Connection: close\r\n\r\n";
        my $answer = do { local $/; <$socket> };
        like($answer, qr/X-Cache-Status: Miss/, "$path broke off: $_");
    }
}

my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $ENV{TEST_NGINX_PORT}, Timeout => 5);
print $socket "GET /pieces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

my $seen = '';
while ($seen !~ /hello/ && sysread($socket, my $part, 4096)) {
    $seen .= $part;
}

like($seen, qr/hello/, 'the first piece is there before the last one');

my $go = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
while (sysread($socket, my $part, 4096)) {
    $seen .= $part;
}

like($seen, qr/ world/, 'then the last one');

my $whole = http_get('/pieces', host => 'a');
is($whole->header('X-Cache-Status'), 'Hit', 'pieces are stored');
is($whole->body, 'hello world', 'as one');
is($whole->header('Content-Length'), 11, 'with a length');

kill 'KILL', $pid;
waitpid $pid, 0;
$nginx->stop;

run_tests();

__DATA__

=== TEST 1: by hand, with the status in the access log
--- http_config
    gateway_proxy_cache_zone pages 1m;
    log_format cache "cache=$gateway_proxy_cache_status";
--- config
    access_log logs/access.log cache;
    location / {
        gateway_proxy_cache zone=pages content_type=*/*;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
--- upstream_config
    location / { return 200 "hello\n"; }
--- request eval
["GET /a", "GET /a", "POST /a"]
--- response_headers eval
["X-Cache-Status: Miss", "X-Cache-Status: Hit", "X-Cache-Status: Bypass"]
--- response_body eval
["hello\n", "hello\n", "hello\n"]
--- access_log eval
[qr/cache=Miss/, qr/cache=Hit/, qr/cache=Bypass/]



=== TEST 2: a condition of the client is met by what is stored
--- http_config
    gateway_proxy_cache_zone pages 1m;
--- config
    location / {
        gateway_proxy_cache zone=pages content_type=*/*;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
--- upstream_config
    location / {
        add_header ETag '"abc"';
        return 200 "hello\n";
    }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["X-A: b", "If-None-Match: \"abc\""]
--- error_code eval
[200, 304]



=== TEST 3: a zone that is too small
--- http_config
    gateway_proxy_cache_zone pages 1k;
--- config
    location / { gateway_proxy_cache zone=pages; }
--- must_die
--- error_log
invalid size "1k" of zone "pages"



=== TEST 4: a status that is none
--- http_config
    gateway_proxy_cache_zone pages 1m;
--- config
    location / { gateway_proxy_cache zone=pages response_code=99; }
--- must_die
--- error_log
needs numbers from 100 to 900 in "response_code"



=== TEST 5: a parameter that there is not
--- http_config
    gateway_proxy_cache_zone pages 1m;
--- config
    location / { gateway_proxy_cache zone=pages ttl=1; }
--- must_die
--- error_log
invalid parameter "ttl=1"
