# Copyright (C) the ngx_gateway authors
#
# proxy-cache: one request fetches what others wait for; whose entries are
# whose; zones without a size; metrics.

use lib 't/lib';
use Test::Gateway 'no_plan';

use POSIX ();

start_echo();

my $echo = $ENV{TEST_NGINX_ECHO_PORT};

# answers of requests at the same time: lines of status, X-Cache-Status and
# the X-Id that the upstream has seen
sub at_once {
    my ($n, $path, @headers) = @_;
    my (@pids, @pipes);

    for my $i (1 .. $n) {
        pipe my $from, my $to or die "pipe: $!";
        my $pid = fork() // die "fork: $!";

        if ($pid == 0) {
            my $res = http_get($path, headers => ["X-Id: $$", @headers],
                timeout => 15);
            my ($id) = $res ? $res->body =~ /^X-Id: (\d+)/m : ();
            print $to join ' ', $res ? $res->status : 0,
                $res && $res->header('X-Cache-Status') // '-', $id // '-';
            close $to;
            POSIX::_exit(0);
        }

        close $to;
        push @pids, $pid;
        push @pipes, $from;
    }

    my @lines = map { my $line = readline $_; $line } @pipes;
    waitpid $_, 0 for @pids;

    return map { [split ' ', $_] } @lines;
}

sub count {
    my (@answers) = @_;
    my %n;
    $n{$_->[1]}++ for @answers;
    return \%n;
}

my @plain = ('X-Test-Type: text/plain');

my $nginx = start_nginx(workers => 2, master => 1, yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$echo
  routes:
  - name: locked
    paths: [/locked]
    plugins:
    - name: proxy-cache
      config: { strategy: memory, lock: true, lock_timeout: 10 }
  - name: short
    paths: [/short]
    plugins:
    - name: proxy-cache
      config: { strategy: memory, lock: true, lock_timeout: 1, cache_ttl: 1,
                storage_ttl: 60 }
  - name: aged
    paths: [/aged]
    plugins:
    - name: proxy-cache
      config: { strategy: memory, lock: true, lock_age: 1,
                memory: { dictionary_name: other } }
  - name: free
    paths: [/free]
    plugins:
    - { name: proxy-cache, config: { strategy: memory } }
  - name: keyed
    paths: [/keyed]
    plugins:
    - { name: key-auth }
consumers:
- username: alice
  keyauth_credentials: [{ key: ka }]
  plugins:
  - { name: proxy-cache, config: { strategy: memory } }
- username: bob
  keyauth_credentials: [{ key: kb }]
  plugins:
  - name: proxy-cache
    config: { strategy: memory, response_headers: { X-Cache-Key: false } }
- username: carol
  keyauth_credentials: [{ key: kc }]
plugins:
- { name: prometheus, config: {} }
_EOC_

# one goes to the upstream

my @answers = at_once(8, '/locked/1', @plain, 'X-Test-Delay: 0.5');
is_deeply(count(@answers), { Miss => 1, Hit => 7 }, 'one asks the upstream');
is(scalar(keys %{ { map { $_->[2] => 1 } @answers } }), 1,
    'all have its answer');
is_deeply(count(at_once(3, '/free/1', @plain, 'X-Test-Delay: 0.5')),
    { Miss => 3 }, 'without a lock all do');

# what is not stored makes nobody wait

is_deeply(count(at_once(4, '/locked/2', 'X-Test-Type: text/html',
    'X-Test-Delay: 0.2')), { Bypass => 4 }, 'what is not stored');
is(http_get('/locked/2', headers => [@plain])->header('X-Cache-Status'),
    'Miss', 'it is when it may be');
is(http_get('/locked/2', headers => [@plain])->header('X-Cache-Status'),
    'Hit', 'and found');
is_deeply(count(at_once(4, '/locked/3', @plain, 'X-Test-Reset: on')),
    { Bypass => 4 }, 'an upstream that fails');

# other keys do not wait

my $pid = fork();
if ($pid == 0) {
    http_get('/locked/4', headers => [@plain, 'X-Test-Delay: 3']);
    POSIX::_exit(0);
}
is(http_get("/locked/$_", headers => [@plain])->header('X-Cache-Status'),
    'Miss', "another key: $_") for 5 .. 9;

# a client that goes away lets the next one ask

kill 'KILL', $pid;
waitpid $pid, 0;
is(http_get('/locked/4', headers => [@plain])->status, 200,
    'the client is gone');

# who has waited long enough asks too

@answers = at_once(3, '/short/1', @plain, 'X-Test-Delay: 2.5');
is(scalar(grep { $_->[0] == 200 } @answers), 3, 'all are answered');
cmp_ok(count(@answers)->{Miss} // 0, '>=', 2, 'lock_timeout');
ok(wait_until(sub {
    http_get('/short/1', headers => [@plain])->header('X-Cache-Status')
        eq 'Refresh'
}, 8), 'what is stale');
ok(wait_until(sub {
    my $n = count(at_once(4, '/short/1', @plain, 'X-Test-Delay: 0.3'));
    return ($n->{Refresh} // 0) == 1 && ($n->{Hit} // 0) == 3;
}, 20), 'is refreshed by one');

# a worker that is killed holds nobody up

$pid = fork();
if ($pid == 0) {
    http_get('/aged/1', headers => [@plain, 'X-Test-Delay: 3']);
    POSIX::_exit(0);
}
ok(wait_until(sub {
    my ($line) = http_get('/metrics', port => $ENV{TEST_NGINX_STATUS_PORT})
        ->body =~ /^kong_nginx_connections_total\S*state="writing"\S* (\d+)/m;
    return !defined $line || $line >= 2;
}, 5), 'it is under way');
kill 'KILL', $nginx->workers;
waitpid $pid, 0;
ok(wait_until(sub {
    my $res = http_get('/aged/1', headers => [@plain], timeout => 10);
    return $res && $res->status == 200;
}, 15), 'workers are killed');
is(http_get('/aged/1', headers => [@plain])->header('X-Cache-Status'), 'Hit',
    'then it is stored');

# instances of consumers

sub asked {
    my ($path, $key) = @_;
    return http_get($path, headers => [@plain, "apikey: $key"]);
}

is(asked('/keyed/1', 'ka')->header('X-Cache-Status'), 'Miss', 'of alice');
is(asked('/keyed/1', 'kb')->header('X-Cache-Status'), 'Miss', 'of bob');
is(asked('/keyed/1', 'ka')->header('X-Cache-Status'), 'Hit', 'alice has hers');
my $res = asked('/keyed/1', 'kb');
is($res->header('X-Cache-Status'), 'Hit', 'bob has his');
is($res->header('X-Cache-Key'), undef, 'with the configuration of his');
is(asked('/keyed/1', 'kc')->header('X-Cache-Status'), undef,
    'carol has none');
is(http_get('/keyed/1')->status, 401, 'nobody is refused');

# reload while somebody waits

$pid = fork();
if ($pid == 0) {
    http_get('/locked/r', headers => [@plain, 'X-Test-Delay: 1']);
    POSIX::_exit(0);
}
my $other = fork();
if ($other == 0) {
    my $r = http_get('/locked/r', headers => [@plain], timeout => 10);
    POSIX::_exit($r && $r->status == 200 ? 0 : 1);
}
ok($nginx->reload(drained => 1), 'a reload');
waitpid $pid, 0;
waitpid $other, 0;
is($?, 0, 'those who wait are answered');

# metrics

my $page = http_get('/metrics', port => $ENV{TEST_NGINX_STATUS_PORT})->body;

sub metric {
    my ($route, $status) = @_;
    my ($n) = $page =~ /^gateway_proxy_cache_requests_total\{
        service="echo",route="$route",status="$status"\}\ (\d+)$/mx;
    return $n;
}

is(metric('keyed', 'miss'), 2, 'misses are counted');
is(metric('keyed', 'hit'), 2, 'hits too');
is(metric('keyed', 'bypass'), undef, 'what there was not is not shown');
is(metric('free', 'miss'), 3, 'by route');
cmp_ok(metric('locked', 'bypass'), '>=', 8, 'and what is not stored');
cmp_ok(metric('short', 'refresh'), '>=', 1, 'and refreshed');

my ($used, $size) = map {
    $page =~ /^kong_memory_lua_shared_dict_$_\{[^}]*cache[^}]*\} (\d+)$/m
} 'bytes', 'total_bytes';
cmp_ok($used, '<', $size / 2, 'the zone is not full');

$nginx->stop('QUIT');
unlike($nginx->error_log, qr/\[(?:emerg|crit)\]|open socket/,
    'nothing bad is logged');

# one zone named by the setting, the other not

$nginx = start_nginx(yaml => <<"_EOC_",
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$echo
  routes:
  - name: a
    paths: [/a]
    plugins:
    - { name: proxy-cache, config: { strategy: memory } }
  - name: b
    paths: [/b]
    plugins:
    - name: proxy-cache
      config: { strategy: memory, memory: { dictionary_name: other } }
_EOC_
    compile_args =>
        "--set 'nginx_http_gateway_proxy_cache_zone=kong_db_cache 1m'");

for my $path ('/a', '/b') {
    is(http_get($path, headers => [@plain])->header('X-Cache-Status'), 'Miss',
        "$path is stored");
    is(http_get($path, headers => [@plain])->header('X-Cache-Status'), 'Hit',
        "$path is found");
}

$nginx->stop;

run_tests();

__DATA__

=== TEST 1: a zone that is only used has the default size
--- config
    location / {
        gateway_proxy_cache zone=nowhere content_type=*/*;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
--- upstream_config
    location / { return 200 "hello\n"; }
--- request eval
["GET /a", "GET /a"]
--- response_headers eval
["X-Cache-Status: Miss", "X-Cache-Status: Hit"]



=== TEST 2: lock by hand, over HTTP/2
--- config
    location / {
        gateway_proxy_cache content_type=*/* lock=on lock_timeout=2 lock_age=3;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
--- upstream_config
    location / { return 200 "hello\n"; }
--- http2
--- request eval
["GET /a", "GET /a"]
--- response_headers eval
["x-cache-status: Miss", "x-cache-status: Hit"]



=== TEST 3: times that are none
--- config
    location / { gateway_proxy_cache lock=on lock_timeout=0; }
--- must_die
--- error_log
invalid parameter "lock_timeout=0"
