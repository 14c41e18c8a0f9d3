# Copyright (C) the ngx_gateway authors
#
# rate_limiting: sliding windows, GCRA, costs, named limits and windows of any
# length at two gateways with two workers each, that share one Redis in
# batches, and count alone while it is away.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;

use Time::HiRes 'time';

my $port = port(1);
my @ports = ($ENV{TEST_NGINX_SERVER_PORT}, port(2));
my $redis = Test::Gateway::Redis->start($port);
my $long = 200000000;

start_echo();

my $echo = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";

# of each 40 pass within the test; a unit of GCRA leaks in some hours
my $interval = 31536000 / 1000;

my %kind = (
    sliding => 'year=40 window_type=sliding',
    gcra => 'year=1000 algorithm=gcra burst=40',
    cost => 'year=80 cost=$http_x_cost',
    named => 'year=4000 limits.app.year=40 limits.app.window_type=sliding '
             . 'limits.app.limit_by=header limits.app.header_name=X-Key '
             . 'limits.all.hour=1000000 limits.all.limit_by=ip',
    advanced => "limit=40 limit=100000 window_size=$long "
                . 'window_size=300000000 disable_penalty=on',
    advanced_fixed => "limit=40 window_size=$long window_type=fixed",
);

my %how = (synced => 'sync_rate=0.1', slow => 'sync_rate=600', asked => '');

sub directive {
    my ($kind, $how) = @_;

    return "gateway_rate_limiting_advanced $kind{$kind} identifier=header "
         . "header_name=X-Key strategy=redis redis.port=$port "
         . 'redis.timeout=500 '
         . ($how{$how} || 'sync_rate=0')
        if $kind =~ /^advanced/;

    return "gateway_rate_limiting $kind{$kind} limit_by=header "
         . "header_name=X-Key policy=redis redis.host=127.0.0.1 "
         . "redis.port=$port redis.timeout=500 fallback=local $how{$how}";
}

my $config = <<"_EOC_";
    location = /strict {
        gateway_rate_limiting year=40 window_type=sliding limit_by=header
            header_name=X-Key policy=redis redis.host=127.0.0.1
            redis.port=$port sync_rate=0.1 fault_tolerant=off;
        $echo
    }
    location = /penalty {
        gateway_rate_limiting_advanced limit=5 window_size=$long
            identifier=header header_name=X-Key strategy=redis
            redis.port=$port sync_rate=0.1;
        $echo
    }
    location = /rolls {
        gateway_rate_limiting_advanced limit=1000 window_size=5
            identifier=header header_name=X-Key strategy=redis
            redis.port=$port sync_rate=1;
        $echo
    }
    location = /leaks {
        gateway_rate_limiting second=20 algorithm=gcra burst=5
            limit_by=header header_name=X-Key policy=redis
            redis.host=127.0.0.1 redis.port=$port sync_rate=0.1;
        $echo
    }
_EOC_

for my $kind (sort keys %kind) {
    $config .= "location = /$kind/$_ { " . directive($kind, $_)
             . "; $echo }\n" for sort keys %how;
}

my @nginx = map {
    local $ENV{TEST_NGINX_SERVER_PORT} = $_;
    start_nginx(master => 1, workers => 2, config => $config);
} @ports;

sub get {
    my ($gateway, $path, $key) = @_;
    return http_get($path, port => $ports[$gateway],
                    headers => ["X-Key: $key", 'X-Cost: 2']);
}

# how many of so many requests passed
sub passed {
    my ($n, @request) = @_;
    return scalar grep { get(@request)->status == 200 } 1 .. $n;
}

# requests that Redis knows of
sub stored {
    my ($kind, $key) = @_;
    my $pattern = $kind eq 'named' ? "ratelimit/app:*:$key:*:year"
                : $kind =~ /^advanced/ ? "ratelimit-advanced:*=$key:*:$long"
                : "ratelimit:*:$key:*:year";

    if ($kind eq 'gcra') {
        my ($name) = @{ $redis->ask('KEYS', "ratelimit:*:$key:gcra:year") };
        return 0 if !$name;
        my $left = $redis->ask('GET', $name) / 1000000 - time;
        return int($left / $interval + 0.5);
    }

    my ($name) = @{ $redis->ask('KEYS', $pattern) };
    my $count = $name ? $redis->ask('GET', $name) : 0;

    return $kind eq 'cost' ? $count / 2 : $count;
}

sub comes {
    my ($kind, $key, $count, $what) = @_;
    ok(wait_until(sub { stored($kind, $key) == $count }, 10), "$kind: $what")
        or diag("$key has " . stored($kind, $key) . ", expected $count");
}

for my $kind (sort keys %kind) {
    my $synced = "/$kind/synced";
    my $key = "one-$kind";

    # in batches

    is(passed(2, 0, $synced, $key), 2, "$kind: two requests");
    comes($kind, $key, 2, 'come to Redis');
    is(passed(1, 1, $synced, $key), 1, "$kind: one at the other gateway");
    comes($kind, $key, 3, 'comes to Redis too');
    is(get(0, "/$kind/asked", $key)->status, 200,
       "$kind: the same keys as without batches");
    comes($kind, $key, 4, 'which count on');

    # the one here is not heard of without a request, or while it is refused

    my $n = passed(60, 0, $synced, $key);
    ok($n >= 36 && $n <= 38, "$kind: one gateway uses the limit up, with $n");

    if ($kind ne 'advanced_fixed') {
        comes($kind, $key, 4 + $n, 'refused requests are not counted');
    }

    my $more = 0;
    ok(wait_until(sub { get(1, $synced, $key)->status == 429 || !++$more }, 10),
       "$kind: the other one hears of it, after $more more");
    is(get(1, "/$kind/asked", $key)->status, 429, "$kind: so does Redis");

    # over-admission: what the others admit between two batches

    $key = "bound-$kind";
    my $first = passed(1, 0, "/$kind/slow", $key)
              + passed(1, 1, "/$kind/slow", $key);
    my @share = map { passed(60, $_, "/$kind/slow", $key) } 0, 1;
    is($first + $share[0] + $share[1], 80,
       "$kind: before a batch each admits the limit, and not more");

    if ($kind ne 'advanced_fixed') {
        $key = "paced-$kind";
        my $sum = 0;

        for (1 .. 6) {
            for my $gateway (0, 1) {
                $sum += passed(4, $gateway, $synced, $key);
                comes($kind, $key, $sum, "$sum are known");
            }
        }

        ok($sum >= 40 && $sum <= 44, "$kind: $sum of 40: at most what the "
           . 'other one had in one batch more');
    }
}

# what is refused counts there as well, if it counts here

is(passed(8, 0, '/penalty', 'fine'), 5, 'five of eight pass');
comes('advanced', 'fine', 8, 'all of them count');
is(passed(1, 1, '/penalty', 'fine'), 0, 'at the other gateway, too');
comes('advanced', 'fine', 9, 'with one more');

# GCRA leaks meanwhile: in the end what both admit is the rate

my ($begin, $sum) = (time, 0);
while (time - $begin < 2) {
    $sum += passed(1, $_, '/leaks', 'leak') for 0, 1;
}
my $took = time - $begin;
my $most = 5 + 20 * $took;
ok($sum <= $most + 20 * 0.5 + 5, "$sum of $most pass at two gateways");
ok($sum >= 20 * 2 * 0.8, 'and not much less');

# the last counts of a window come to it when it is over

for my $try (1 .. 3) {
    my $key = "roll$try";
    my $left = 5 - (time - 5 * int(time / 5));
    select undef, undef, undef, $left > 0.4 ? $left - 0.4 : $left + 4.6;

    my $window = 5 * int(time / 5);
    passed(5, 0, '/rolls', $key);
    next if time >= $window + 5;

    wait_until(sub { time >= $window + 5.02 }, 5);
    is(get(0, '/rolls', $key)->status, 200, 'the window after');
    is(get(1, '/rolls', $key)->status, 200, 'at the other gateway, too');

    my $name = "ratelimit-advanced:*=$key:%d:5";
    my $of = sub {
        my ($found) = @{ $redis->ask('KEYS', sprintf($name, $_[0])) };
        return $found ? $redis->ask('GET', $found) : 0;
    };

    ok(wait_until(sub { $of->($window) == 5 && $of->($window + 5) == 2 }, 4),
       'both windows have what belongs to them')
        or diag(join ' ', $of->($window), $of->($window + 5));
    last;
}


# Redis is away

for my $kind (sort keys %kind) {
    is(passed(5, 0, "/$kind/synced", "kept-$kind"), 5, "$kind: counted");
    comes($kind, "kept-$kind", 5, 'and known');
    is(passed(3, 0, "/$kind/slow", "slow-$kind"), 3, "$kind: not sent");
}

is(get(0, '/strict', 'known')->status, 200, 'fault_tolerant=off');

for my $down ('kill', 'pause') {
    $redis->$down;

    for my $kind (sort keys %kind) {
        my $fixed = $kind eq 'advanced_fixed';

        is(passed(4, 0, "/$kind/synced", "kept-$kind"), 4,
           "$kind: what is known is counted without Redis, $down");
        is(passed(60, 0, "/$kind/synced", "new-$down-$kind"), 40,
           "$kind: what is not known is counted here");
        is(passed(60, 0, "/$kind/asked", "alone-$down-$kind"), 40,
           "$kind: the same without batches");
        is(get(0, "/$kind/asked", "alone-$down-$kind")
               ->header('RateLimit-Remaining'), 0, "$kind: with headers");
    }

    is(get(0, '/strict', "new-$down")->status, 500,
       'without a fallback it fails');

    $down eq 'kill' ? $redis->again : $redis->go_on;

    for my $kind (sort keys %kind) {
        next if $kind eq 'advanced_fixed';

        if ($down eq 'kill') {
            comes($kind, "kept-$kind", 4,
                  'what was counted meanwhile comes to Redis');

        } else {
            # a batch that was on its way when Redis hung may count twice

            ok(wait_until(sub { stored($kind, "kept-$kind") >= 8 }, 10),
               "$kind: what was counted meanwhile comes to Redis");
            cmp_ok(stored($kind, "kept-$kind"), '<=', 12,
                   "$kind: one batch at most comes twice");
        }

        comes($kind, "new-$down-$kind", 40, 'of new clients, too');

        # what Redis was asked before it was known to hang counts there, too

        ok(wait_until(sub { stored($kind, "alone-$down-$kind") >= 40 }, 10),
           "$kind: and without batches");
        cmp_ok(stored($kind, "alone-$down-$kind"), '<=',
               $down eq 'kill' ? 40 : 44, "$kind: not much twice");

        ok(wait_until(sub { get(1, "/$kind/asked", "alone-$down-$kind")
                                ->status == 429 }, 10),
           "$kind: and holds at the other gateway");
    }
}

# killed workers do not stop it

for my $worker ($nginx[1]->workers) {
    passed(3, 1, '/gcra/synced', 'killed');
    kill 'KILL', $worker;
}
ok(wait_until(sub { get(1, '/gcra/synced', 'killed')->status == 200 }, 10),
   'killed workers do not stop it');
ok(wait_until(sub {
       my $was = stored('gcra', 'killed');
       passed(1, 1, '/gcra/synced', 'killed');
       select undef, undef, undef, 0.2;
       stored('gcra', 'killed') > $was }, 20), 'and others send in their place');

$_->stop('QUIT') for @nginx;
unlike($_->error_log, qr/\[(alert|crit|emerg)\] (?!.*signal 9)|open socket/,
       'nothing bad is logged') for @nginx;
