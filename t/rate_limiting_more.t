# Copyright (C) the ngx_gateway authors
#
# rate_limiting: what Kong does not have, with counters here and in Redis:
# sliding windows, GCRA, named limits, costs, requests at a time, dry runs,
# the headers of the IETF.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;

use Time::HiRes 'time';

my $port = port(1);
my $redis = Test::Gateway::Redis->start($port);
my $by = 'limit_by=header header_name=X-Key';
my $nil = '00000000-0000-0000-0000-000000000000';

start_echo();

my $echo = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";
my %at = (local => '', redis => "policy=redis redis.host=127.0.0.1 "
                                . "redis.port=$port");
$at{synced} = "$at{redis} sync_rate=0.05";
$at{alone} = 'policy=redis redis.host=127.0.0.1 fallback=local '
             . "redis.port=$ENV{TEST_NGINX_UNUSED_PORT}";
$at{alone_synced} = "$at{alone} sync_rate=0.05";

my %limit = (
    sliding => "year=5 window_type=sliding $by",
    sliding1 => "minute=10 window_type=sliding $by",
    gcra => "hour=3600 algorithm=gcra burst=3 $by",
    gcra_fast => "second=10 algorithm=gcra burst=2 $by",
    gcra_full => "day=2 algorithm=gcra $by",
    cost => "year=10 cost=\$http_x_cost $by",
    named => "year=4 $by limits.app.year=6 limits.app.limit_by=header "
             . 'limits.app.header_name=X-App limits.all.year=9 '
             . 'limits.all.limit_by=service',
    only => "limits.a.year=2 limits.a.limit_by=ip "
            . "limits.b.hour=3600 limits.b.algorithm=gcra limits.b.burst=1 "
            . "limits.b.limit_by=header limits.b.header_name=X-Key",
    ietf => "minute=5 year=7 ietf_headers=on $by",
    ietf_named => "year=7 ietf_headers=on $by limits.app.hour=36 "
                  . 'limits.app.algorithm=gcra limits.app.burst=4',
    dry => "year=2 dry_run=on $by",
    dry_more => "year=2 dry_run=on window_type=sliding $by",
);

# what these count by address and service is not to be that of others
sub own {
    my ($policy) = @_;
    return $policy =~ /^(local|redis)$/ ? '' : "_$policy";
}

my $config = '';
for my $policy (sort keys %at) {
    my $own = own($policy);

    for my $name (sort keys %limit) {
        my $limit = $limit{$name} =~ s/limits\.(\w+)/limits.$1$own/gr;
        $config .= <<"_EOC_";
    location = /$policy/$name {
        gateway_rate_limiting $limit $at{$policy};
        add_header X-Status "\$gateway_rate_limiting_status" always;
        $echo
    }
_EOC_
    }
}

my $nginx = start_nginx(master => 1, workers => 2, log_level => 'info',
                        config => $config . <<"_EOC_");
    location = /connections {
        stub_status;
    }
    location = /two {
        gateway_rate_limiting concurrency=2 $by;
        $echo
    }
    location = /two_and_five {
        gateway_rate_limiting concurrency=2 year=5 $by error_code=503;
        $echo
    }
_EOC_

my $key;

sub get {
    my ($path, @headers) = @_;
    return http_get($path, headers => ["X-Key: $key", @headers]);
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

for my $policy (sort keys %at) {

    # sliding windows; the last year is empty

    $key = "a$policy";
    is_deeply(statuses(7, "/$policy/sliding"),
              [(200) x 5, 429, 429], "$policy: a sliding window");
    is_header(get("/$policy/sliding"), 'X-RateLimit-Limit-Year' => 5,
              'X-RateLimit-Remaining-Year' => 0, 'RateLimit-Remaining' => 0,
              'X-Status' => 'REJECTED');

    # as if the window before had been used up half: it counts on, less with
    # each second

    $key = "b$policy";

    if ($policy eq 'redis') {
        my ($passed, $start, $elapsed);

        for (1 .. 3) {
            $start = int(time / 60) * 60;
            $redis->ask('SET', "ratelimit:$nil:$nil:$key:"
                        . ($start - 60) . '000:minute', 1000);
            my $res = get("/$policy/sliding1");
            $elapsed = time - $start;
            next if $elapsed > 58;

            is($res->status, 429, 'the window before counts on');
            my $reset = $res->header('Retry-After');

            # 1000 * (60 - e) / 60 <= 9
            ok($reset >= 59 - $elapsed && $reset <= 61 - $elapsed,
               "until $reset seconds after $elapsed");
            last;
        }
    }

    # GCRA: a burst, then one per second

    $key = "c$policy";
    my $start = time;
    my $res = get("/$policy/gcra");
    is($res->status, 200, "$policy: GCRA");
    is_header($res, 'X-RateLimit-Limit-Hour' => 3600,
              'X-RateLimit-Remaining-Hour' => 2,
              'RateLimit-Limit' => 3, 'RateLimit-Remaining' => 2);
    my $got = statuses(5, "/$policy/gcra");

    if ($policy eq 'redis' || $policy eq 'synced') {
        my $ttl;
        ok(wait_until(sub {
               $ttl = $redis->ask('TTL', "ratelimit:$nil:$nil:$key:gcra:hour");
               $ttl != -2 }, 2), "$policy: the key of GCRA");
        ok($ttl <= 4, 'lives as long as it means something');
    }

    my $passed = 1 + grep { $_ == 200 } @$got;
    my $most = 3 + int(time - $start + 1);
    ok($passed >= 3 && $passed <= $most, "$passed passed of a burst of 3");
    if (time - $start < 1) {
        $res = get("/$policy/gcra");
        is($res->header('Retry-After'), 1, 'the next in a second');
    }
    ok(wait_until(sub { get("/$policy/gcra")->status == 200 }, 10),
       'it passes again');

    $start = time;
    $passed = 0;
    while (time - $start < 1) {
        $passed++ if get("/$policy/gcra_fast")->status == 200;
    }
    $most = 2 + 10 * (time - $start) + 1;
    ok($passed <= $most, "$passed of at most $most in a second and a bit");
    ok($passed >= 3, 'more than the burst');
    is_deeply(statuses(3, "/$policy/gcra_full"), [200, 200, 429],
              'without a burst it is the limit');

    # costs

    $key = "d$policy";
    my $cost = sub { get("/$policy/cost", "X-Cost: $_[0]")->status };
    is($cost->(4), 200, "$policy: 4 of 10");
    is($cost->('junk'), 200, '5: what is no number costs one');
    is($cost->(-3), 200, '6: nor is what is negative');
    is($cost->(5), 429, '5 more are too much');
    is($cost->(4), 200, '4 more are not');
    is($cost->(0), 200, 'what costs nothing passes');
    is($cost->(1), 429, 'one more does not');
    is($cost->('99999999999999999999'), 429, 'nor a cost without end');

    # limits with names

    $key = "e$policy";
    $got = statuses(3, "/$policy/named", "X-App: 1$policy");
    $key = "f$policy";
    push @$got, @{ statuses(4, "/$policy/named", "X-App: 1$policy") };
    is_deeply($got, [(200) x 6, 429], "$policy: the limit of the app");
    push @$got, @{ statuses(2, "/$policy/named", "X-App: 2$policy") };
    is_deeply([@$got[7, 8]], [200, 429],
              'of the key, which has not counted what was refused');
    $key = "g$policy";
    is_deeply(statuses(4, "/$policy/named", "X-App: 3$policy"),
              [200, 200, 429, 429], 'of all');
    $res = get("/$policy/named", "X-App: 3$policy");
    is_header($res, 'X-RateLimit-Limit-Year' => 4,
              'X-RateLimit-Remaining-Year' => 2, 'RateLimit-Limit' => 9,
              'RateLimit-Remaining' => 0);

    $key = "h$policy";
    is_deeply(statuses(2, "/$policy/only"), [200, 429],
              "$policy: named ones alone");
    $key = "i$policy";
    is_deeply(statuses(2, "/$policy/only"), [200, 429], 'another key');
    $key = "j$policy";
    is_deeply(statuses(1, "/$policy/only"), [429], 'the address is used up');

    # headers of the IETF

    $key = "k$policy";
    $res = get("/$policy/ietf");
    is($res->header('RateLimit-Policy'),
       '"minute";q=5;w=60, "year";q=7;w=31536000', "$policy: RateLimit-Policy");
    like($res->header('RateLimit'),
         qr/^"minute";r=4;t=([1-9]|[1-5]\d|60), "year";r=6;t=\d+$/,
         'RateLimit');
    is($res->header('X-RateLimit-Remaining-Minute'), 4, 'and those of Kong');
    $res = get("/$policy/ietf_named");
    is($res->header('RateLimit-Policy'),
       '"year";q=7;w=31536000, "app' . own($policy) . '-hour";q=4;w=400',
       'with names');
    like($res->header('RateLimit'), qr/"app\w*-hour";r=3;t=\d+$/,
         'with names');

    # dry runs

    for my $dry ('dry', 'dry_more') {
        $key = "l$dry$policy";
        is_deeply(statuses(4, "/$policy/$dry"), [(200) x 4],
                  "$policy: a dry run refuses none");
        $res = get("/$policy/$dry");
        is_header($res, 'X-RateLimit-Limit-Year' => undef,
                  'RateLimit-Limit' => undef,
                  'X-Status' => 'REJECTED_DRY_RUN');
    }
}

like($nginx->error_log, qr/\[notice\] .*rate_limiting: limit exceeded, dry run/,
     'dry runs are logged');



# requests at a time

sub at_a_time {
    my ($n, $path) = @_;
    my @pids = map {
        my $pid = fork();
        if (!$pid) {
            my $res = get($path, 'X-Test-Delay: 3');
            require POSIX;
            POSIX::_exit($res ? $res->status == 200 ? 0 : 1 : 2);
        }
        $pid;
    } 1 .. $n;
    return @pids;
}

sub passed {
    return scalar grep { waitpid($_, 0); $? == 0 } @_;
}

$key = 'x';
is(passed(at_a_time(5, '/two')), 2, 'two at a time');
is(passed(at_a_time(2, '/two')), 2, 'two more afterwards');

# that many requests are under way, and the one that asks
sub under_way {
    my ($n) = @_;
    return wait_until(sub {
        my ($writing) = get('/connections')->body =~ /Writing: (\d+)/;
        $writing == $n + 1 }, 10);
}

$key = 'y';
my @pids = at_a_time(2, '/two_and_five');
ok(under_way(2), 'two are under way');
is(get('/two_and_five')->status, 503, 'with limits: the third is refused');
is(passed(@pids), 2, 'two were let in');
is_deeply(statuses(4, '/two_and_five'), [200, 200, 200, 503],
          'who was not let in was not counted');

$key = 'z';
@pids = at_a_time(2, '/two');
ok(under_way(2), 'two are under way');
is(get('/two')->status, 429, 'the third is refused');
kill 'KILL', $nginx->workers;
passed(@pids);
ok(wait_until(sub { my $res = get('/two'); $res && $res->status == 200 }, 10),
   'what killed workers held is free');

$nginx->stop('QUIT');
unlike($nginx->error_log, qr/\[(crit|emerg)\]|open socket/,
       'nothing bad is logged');
