# Copyright (C) the ngx_gateway authors
#
# rate_limiting_advanced: windows of any length, with counters here and in
# Redis; who is counted; what refused requests cost; requests that wait; next
# to rate_limiting.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes 'time';

my $port = port(1);
my $redis = Test::Gateway::Redis->start($port);
my $by = 'identifier=header header_name=X-Key';
my $nil = '00000000-0000-0000-0000-000000000000';

# windows that do not end while the test runs, and began long ago
my ($long, $longer) = (200000000, 315360000);

start_echo();

my $echo = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";
my %at = (local => '', redis => "strategy=redis sync_rate=0 redis.port=$port");
$at{synced} = "strategy=redis sync_rate=0.05 redis.port=$port";
$at{alone} = 'strategy=redis sync_rate=0 '
             . "redis.port=$ENV{TEST_NGINX_UNUSED_PORT}";
$at{alone_synced} = $at{alone} =~ s/sync_rate=0/sync_rate=0.05/r;

my %limit = (
    fixed => "limit=3 window_size=$long window_type=fixed $by",
    sliding => "limit=3 window_size=$long $by",
    minute => "limit=10 window_size=60 $by",
    seven => "limit=7 limit=1 limit=2 limit=3 limit=4 limit=5 limit=6 "
             . "window_size=$longer window_size=100000001 "
             . 'window_size=100000002 window_size=100000003 '
             . 'window_size=100000004 window_size=100000005 '
             . "window_size=100000006 disable_penalty=on $by",
    penalty => "limit=2 limit=100 window_size=$long window_size=$longer $by",
    none => "limit=2 limit=100 window_size=$long window_size=$longer "
            . "disable_penalty=on $by",
    fixed_penalty => "limit=2 limit=100 window_size=$long "
            . "window_size=$longer window_type=fixed disable_penalty=on $by",
    other => "limit=100 limit=2 window_size=$long window_size=$longer $by",
    other_none => "limit=100 limit=2 window_size=$long window_size=$longer "
            . "disable_penalty=on $by",
    half => "limit=2.5 window_size=$long $by",
    zero => "limit=0 window_size=$long $by",
    both => "limit=5 window_size=$long "
            . 'compound_identifier=header compound_identifier=path '
            . 'header_name=X-Key path=/PLACE/both',
    space => "limit=3 window_size=$long namespace=shared $by",
    space_too => "limit=9 window_size=$long namespace=shared $by",
    code => "limit=1 window_size=$long $by error_code=403 "
            . '"error_message=No more" retry_after_jitter_max=1000000',
    hidden => "limit=1 window_size=$long $by hide_client_headers=on",
);

my $config = '';
for my $store (sort keys %at) {
    for my $name (sort keys %limit) {
        my $limit = $limit{$name} =~ s/PLACE/$store/r;
        $config .= <<"_EOC_";
    location = /$store/$name {
        gateway_rate_limiting_advanced $limit $at{$store};
        add_header X-Status "\$gateway_rate_limiting_advanced_status" always;
        $echo
    }
_EOC_
    }
}

my $nginx = start_nginx(master => 1, workers => 2, log_level => 'info',
                        config => $config . <<"_EOC_");
    location = /names {
        gateway_rate_limiting_advanced limit=2 limit=3 limit=4 limit=5 limit=6
            limit=7 limit=8 window_size=1 window_size=31536000
            window_size=2592000 window_size=86400 window_size=3600
            window_size=60 window_size=30;
        $echo
    }
    location = /two {
        gateway_rate_limiting_advanced limit=5 limit=9 window_size=60
            window_size=$long $by;
        gateway_rate_limiting minute=3 limit_by=header header_name=X-Key;
        $echo
    }
    location = /two_first {
        gateway_rate_limiting_advanced limit=1 window_size=$long $by;
        gateway_rate_limiting year=3 limit_by=header header_name=X-Key;
        $echo
    }
    location = /waits {
        gateway_rate_limiting_advanced limit=1 window_size=2 window_type=fixed
            $by throttling.enabled=on throttling.interval=1
            throttling.retry_times=20;
        $echo
    }
    location = /queue {
        gateway_rate_limiting_advanced limit=1 window_size=$long $by
            throttling.enabled=on throttling.interval=2
            throttling.retry_times=2 throttling.queue_limit=2;
        $echo
    }
    location = /connections {
        stub_status;
    }
    location = /lost {
        gateway_rate_limiting_advanced limit=1 window_size=$long
            strategy=cluster sync_rate=0 redis.host=127.0.0.1
            redis.port=$ENV{TEST_NGINX_UNUSED_PORT};
        $echo
    }
    location = /node {
        gateway_rate_limiting_advanced limit=2 window_size=$long $by
            strategy=redis sync_rate=-1
            redis.port=$ENV{TEST_NGINX_UNUSED_PORT};
        $echo
    }
_EOC_

my $key;

# others share their counters with "local" and "redis", or have none of them
sub get {
    my ($path, @headers) = @_;
    my $name = $path =~ m{^/(synced|alone|alone_synced)/} ? "$key.$1" : $key;
    return http_get($path, headers => ["X-Key: $name", @headers]);
}

sub statuses {
    my ($n, @request) = @_;
    return [map { get(@request)->status } 1 .. $n];
}

sub is_header {
    my ($res, %want) = @_;
    my %got = map { $_ => $res->header($_) } keys %want;
    is_deeply(\%got, \%want, join ' ', 'headers:', sort keys %want);
}

my $start = int(time / $long) * $long;

for my $store (sort keys %at) {
    for my $type ('fixed', 'sliding') {
        $key = $type;

        my $res = get("/$store/$type");
        is($res->status, 200, "$store: the first of three, $type");
        is_header($res, "X-RateLimit-Limit-$long" => 3,
                  "X-RateLimit-Remaining-$long" => 2,
                  'RateLimit-Limit' => 3, 'RateLimit-Remaining' => 2,
                  'Retry-After' => undef, 'X-Status' => 'PASSED');

        my $left = $start + $long - time;
        ok(abs($res->header('RateLimit-Reset') - $left) <= 2,
           'until the end of the window')
            or diag($res->header('RateLimit-Reset'), " of $left");

        is_deeply(statuses(3, "/$store/$type"), [200, 200, 429],
                  'two more pass');

        $res = get("/$store/$type", 'X-Test-Header: RateLimit-Limit: x');
        is_header($res, "X-RateLimit-Limit-$long" => 3,
                  "X-RateLimit-Remaining-$long" => 0,
                  'RateLimit-Limit' => 3, 'RateLimit-Remaining' => 0,
                  'X-Status' => 'REJECTED');
        is($res->header('Retry-After'), $res->header('RateLimit-Reset'),
           'Retry-After');
        like($res->body, qr/"message":"API rate limit exceeded"/, 'message');

        if ($type eq 'fixed') {
            ok(abs($res->header('Retry-After') - $left) <= 2,
               'until the window ends');

        } else {
            ok($res->header('Retry-After') > $left + 1000,
               'a sliding one lasts longer');
        }
    }

    # what the upstream says of the same is replaced

    $key = 'clean';
    my $res = get("/$store/sliding", 'X-Test-Header: RateLimit-Limit: x',
                  "X-Test-Header: x-ratelimit-remaining-$long: y");
    is_deeply([$res->values_of('RateLimit-Limit'),
               $res->values_of("X-RateLimit-Remaining-$long")], [3, 2],
              "headers of the upstream are replaced");

    # seven limits are two entries of the store: all or none count

    $key = 'seven';
    is_deeply(statuses(3, "/$store/seven"), [200, 429, 429],
              "$store: the least of seven limits");
    is_header(get("/$store/seven"), "X-RateLimit-Remaining-$longer" => 6,
              'X-RateLimit-Remaining-100000001' => 0,
              'X-RateLimit-Remaining-100000006' => 5,
              'RateLimit-Limit' => 1);

    # what is refused counts up to the limit that stops it, unless it shall
    # not: in the longer window only what passed the shorter one

    for ('penalty', 'none', 'fixed_penalty') {
        $key = $_;
        is_deeply(statuses(3, "/$store/$_"), [200, 200, 429],
                  "$store: two limits, $_");
        is(get("/$store/$_")->header("X-RateLimit-Remaining-$longer"),
           98, 'what is left of the longer one');
    }

    for ([other => 96], [other_none => 98]) {
        my ($name, $left) = @$_;
        $key = $name;
        is_deeply(statuses(3, "/$store/$name"), [200, 200, 429],
                  "$store: the longer one stops, $name");
        is_header(get("/$store/$name"), "X-RateLimit-Remaining-$long" => $left,
                  "X-RateLimit-Remaining-$longer" => 0);
    }

    $key = 'half';
    is_deeply(statuses(4, "/$store/half"), [200, 200, 429, 429],
              "$store: half a request");
    is_header(get("/$store/half"), "X-RateLimit-Limit-$long" => 2.5,
              "X-RateLimit-Remaining-$long" => 0);
    is_deeply(statuses(1, "/$store/zero"), [429], 'no request');

    # who is counted

    $key = 'a';
    is(get("/$store/both")->header('RateLimit-Remaining'), 4,
       "$store: by two things");
    is(get("/$store/both")->header('RateLimit-Remaining'), 3, 'the same two');
    $key = 'b';
    is(get("/$store/both")->header('RateLimit-Remaining'), 4, 'another one');

    $key = 'n';
    get("/$store/space");
    is(get("/$store/space_too")->header('RateLimit-Remaining'), 7,
       "$store: a namespace is shared by places and limits");

    # what is said

    $key = 'c';
    get("/$store/code");
    $res = get("/$store/code");
    is($res->status, 403, "$store: error_code");
    like($res->body, qr/No more/, 'error_message');
    my $late = $res->header('Retry-After') - $res->header('RateLimit-Reset');
    ok($late >= 1 && $late <= 1000000, "jitter of $late seconds");
    my %late = map { $_ => 1 }
               map { $_->header('Retry-After') - $_->header('RateLimit-Reset') }
               map { get("/$store/code") } 1 .. 4;
    ok(keys %late > 1, 'which differs');

    get("/$store/hidden");
    $res = get("/$store/hidden");
    is($res->status, 429, "$store: hidden");
    unlike($res->raw_headers, qr/ratelimit|retry-after/i, 'and not a word');
}

# the keys in Redis, and what they hold

my $place = "ratelimit-advanced:$nil:$nil";
my %stored = map { $_ => $redis->ask('GET', $_) }
             @{ $redis->ask('KEYS', 'ratelimit-advanced:*') };
is($stored{"$place:header=fixed:$start:$long"}, 5, 'a key of Redis');
is($stored{"$place:header=none:$start:$long"}, 2, 'without a penalty');
is($stored{"$place:header=penalty:$start:$long"}, 4, 'with one');
my ($after) = grep { /^\Q$place\E:header=penalty:\d+:$longer$/ } keys %stored;
is($stored{$after // ''}, 2, 'but not after the limit that stops');
is($stored{"ratelimit-advanced:shared:header=n:$start:$long"}, 2,
   'of a namespace');
ok(wait_until(sub {
       4 == grep { m{^\Q$place\E:sha256:[0-9a-f]{64}:$start:$long$} }
            @{ $redis->ask('KEYS', "$place:sha256:*") } }, 10),
   'of two identifiers, without batches and with them');
ok($redis->ask('TTL', "$place:header=fixed:$start:$long") > $long - 1000,
   'a fixed window lives as long as it lasts');
ok($redis->ask('TTL', "$place:header=sliding:$start:$long")
   > 2 * $long - 1000, 'a sliding one is looked at afterwards');

$key = "\x80\xff 127.0.0.1:x";
get('/redis/sliding');
is(scalar(grep { /^\Q$place\E:header=sha256:/ }
          @{ $redis->ask('KEYS', '*header=sha256*') }), 1,
   'bytes of clients are hashed');

# the window before

for (1 .. 3) {
    my $begin = int(time / 60) * 60;
    $key = "before$_";
    $redis->ask('SET', "$place:header=$key:" . ($begin - 60) . ':60', 1000);
    my $res = get('/redis/minute');
    my $elapsed = time - $begin;
    next if $elapsed > 57;

    is($res->status, 429, 'the window before counts on');

    # 1000 * (60 - e) / 60 + 1 + 1 <= 10
    my $reset = $res->header('Retry-After');
    ok($reset >= 59 - $elapsed && $reset <= 61 - $elapsed,
       "until $reset seconds after $elapsed");
    last;
}

# names of headers

is_header(http_get('/names'), 'X-RateLimit-Limit-Second' => 2,
          'X-RateLimit-Limit-Year' => 3, 'X-RateLimit-Limit-Month' => 4,
          'X-RateLimit-Limit-Day' => 5, 'X-RateLimit-Limit-Hour' => 6,
          'X-RateLimit-Limit-Minute' => 7, 'X-RateLimit-Limit-30' => 8,
          'X-RateLimit-Remaining-30' => 7, 'RateLimit-Limit' => 2);

# next to rate_limiting: each header once

$key = 'two';
my $res = get('/two');
for (['X-RateLimit-Limit-Minute', 3], ["X-RateLimit-Limit-$long", 9],
     ['RateLimit-Limit', 3], ['RateLimit-Remaining', 2])
{
    is_deeply([$res->values_of($_->[0])], [$_->[1]], "$_->[0] of two");
}

is_deeply(statuses(2, '/two_first'), [200, 429], 'ours refuses');
is_deeply([get('/two_first')->values_of('RateLimit-Limit')], [1],
          'and says so');

# Redis is not there

is_deeply([map { http_get('/lost')->status } 1 .. 2], [200, 429],
          'without Redis requests are counted here');
$key = 'node';
is_deeply(statuses(3, '/node'), [200, 200, 429],
          'sync_rate=-1 does not ask Redis');

# requests that wait

$key = 'w';
is_deeply(statuses(4, '/waits'), [(200) x 4], 'all pass, later');
is(get('/waits')->header('RateLimit-Remaining'), 0, 'with their headers');

$key = 'q';
is(get('/queue')->status, 200, 'one passes');

sub open_queue {
    my $socket = IO::Socket::INET->new(
        PeerAddr => "127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}") or die $!;
    print $socket "GET /queue HTTP/1.1\r\nHost: localhost\r\nX-Key: q\r\n"
                  . "Connection: close\r\n\r\n";
    return $socket;
}

sub waiting {
    return http_get('/connections')->body =~ /Reading: (\d+) Writing: (\d+)/
           ? $2 - 1 : -1;
}

my @wait = (open_queue(), open_queue());
ok(wait_until(sub { waiting() == 2 }, 10), 'two wait');
is(get('/queue')->status, 429, 'the third one is refused');
is(waiting(), 2, 'while they wait');

# one goes away: its place is free

close shift @wait;
ok(wait_until(sub { waiting() == 1 }, 10), 'one goes away');
push @wait, open_queue();
ok(wait_until(sub { waiting() == 2 }, 10), 'another one waits');

for (@wait) {
    local $/;
    like(scalar <$_>, qr{^HTTP/1.1 429 .*^retry-after: \d+\r$}msi,
         'who waited is refused in the end');
}

is(waiting(), 0, 'nobody waits');
my $again = open_queue();
ok(wait_until(sub { waiting() == 1 }, 10), 'and there is room');
ok($nginx->reload, 'a reload while one waits');
{
    local $/;
    like(scalar <$again>, qr{^HTTP/1.1 429 }, 'which is answered');
}

unlike($nginx->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing bad');
$nginx->stop('QUIT');

run_tests();

__DATA__

=== TEST 1: other numbers of windows than of limits
--- config
location /t { gateway_rate_limiting_advanced limit=1 window_size=1 window_size=2; }
--- must_die
--- error_log
needs the same number of "window_size" and "limit"



=== TEST 2: no window
--- config
location /t { gateway_rate_limiting_advanced limit=1; }
--- must_die
--- error_log
needs "limit" and "window_size"



=== TEST 3: a window of half a second
--- config
location /t { gateway_rate_limiting_advanced limit=1 window_size=0.5; }
--- must_die
--- error_log
invalid "window_size" "0.5" in "gateway_rate_limiting_advanced"



=== TEST 4: a limit that is none
--- config
location /t { gateway_rate_limiting_advanced limit=x window_size=5; }
--- must_die
--- error_log
invalid "limit" "x" in "gateway_rate_limiting_advanced"



=== TEST 5: a window twice
--- config
location /t { gateway_rate_limiting_advanced limit=1 limit=2 window_size=5 window_size=5; }
--- must_die
--- error_log
the "window_size" 5 is twice



=== TEST 6: a header without a name
--- config
location /t { gateway_rate_limiting_advanced limit=1 window_size=5 compound_identifier=ip compound_identifier=header; }
--- must_die
--- error_log
needs "header_name"



=== TEST 7: an identifier that there is not
--- config
location /t { gateway_rate_limiting_advanced limit=1 window_size=5 compound_identifier=nobody; }
--- must_die
--- error_log
invalid "compound_identifier" "nobody"



=== TEST 8: a rate between
--- config
location /t { gateway_rate_limiting_advanced limit=1 window_size=5 strategy=redis sync_rate=0.01; }
--- must_die
--- error_log
needs a "sync_rate" of -1, 0, or at least 0.02



=== TEST 9: no database
--- config
location /t { gateway_rate_limiting_advanced limit=1 window_size=5 strategy=cluster sync_rate=0; }
--- must_die
--- error_log
has no database for "strategy=cluster"



=== TEST 10: too many limits
--- config eval
"location /t { gateway_rate_limiting_advanced "
. CORE::join(' ', map { "limit=1 window_size=$_" } 1 .. 25) . "; }"
--- must_die
--- error_log
24 are the most



=== TEST 11: by consumer, credential, group, service, route and path
--- yaml eval
my $yaml = <<'_EOC_';
_format_version: "3.0"
consumer_groups:
- name: gold
  plugins:
  - name: rate-limiting-advanced
    config: {limit: [77], window_size: [200000000], identifier: consumer-group}
consumers:
- username: a
  keyauth_credentials: [{key: a1}, {key: a2}]
- username: b
  keyauth_credentials: [{key: b1}]
- username: g
  keyauth_credentials: [{key: g1}]
  groups: [{name: gold}]
- username: h
  keyauth_credentials: [{key: h1}]
  groups: [{name: gold}]
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
_EOC_
for (qw(consumer credential service route path)) {
    $yaml .= <<"_EOC_";
  - name: $_
    paths: [/$_]
    plugins:
    - name: key-auth
    - name: rate-limiting-advanced
      config:
        limit: [9]
        window_size: [200000000]
        identifier: $_
        namespace: $_
        path: /path
        consumer_groups: [gold]
        enforce_consumer_groups: true
_EOC_
}
$yaml
--- request eval
[map({ ("GET /$_?apikey=a1", "GET /$_?apikey=a2", "GET /$_?apikey=b1") }
     qw(consumer credential service route path)),
 "GET /path/x?apikey=a1", "GET /consumer?apikey=g1", "GET /route?apikey=h1"]
--- response_headers eval
["RateLimit-Remaining: 8", "RateLimit-Remaining: 7", "RateLimit-Remaining: 8",
 "RateLimit-Remaining: 8", "RateLimit-Remaining: 8", "RateLimit-Remaining: 8",
 "RateLimit-Remaining: 8", "RateLimit-Remaining: 7", "RateLimit-Remaining: 6",
 "RateLimit-Remaining: 8", "RateLimit-Remaining: 7", "RateLimit-Remaining: 6",
 "RateLimit-Remaining: 8", "RateLimit-Remaining: 7", "RateLimit-Remaining: 6",
 "RateLimit-Remaining: 8", "RateLimit-Remaining: 76",
 "RateLimit-Remaining: 75"]
--- error_code eval
[(200) x 18]
