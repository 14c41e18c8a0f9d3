# Copyright (C) the ngx_gateway authors
#
# rate_limiting: two gateways with two workers each that share one Redis and
# tell each other in batches what they counted; and gateways that count alone
# while Redis is away.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;

my $port = port(1);
my @ports = ($ENV{TEST_NGINX_SERVER_PORT}, port(2), port(3));
my $redis = Test::Gateway::Redis->start($port);
my $at = "policy=redis redis.host=127.0.0.1 redis.port=$port "
       . 'redis.timeout=1000 '
       . 'limit_by=header header_name=X-Key';

start_echo();

my $echo = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";

my @nginx = map {
    local $ENV{TEST_NGINX_SERVER_PORT} = $_;
    start_nginx(master => 1, workers => 2, config => <<"_EOC_");
    location = /synced {
        gateway_rate_limiting year=40 $at sync_rate=0.1;
        $echo
    }
    location = /slow {
        gateway_rate_limiting year=40 $at sync_rate=600;
        $echo
    }
    location = /sliding {
        gateway_rate_limiting $at sync_rate=600 limits.sliding.year=40
            limits.sliding.window_type=sliding limits.sliding.limit_by=header
            limits.sliding.header_name=X-Key;
        $echo
    }
    location = /asked {
        gateway_rate_limiting year=40 $at;
        $echo
    }
    location = /alone {
        gateway_rate_limiting year=40 $at fallback=local;
        $echo
    }
    location = /alone_synced {
        gateway_rate_limiting year=40 $at sync_rate=0.1 fallback=local;
        $echo
    }
    location = /synced500 {
        gateway_rate_limiting year=40 $at sync_rate=0.1 fault_tolerant=off;
        $echo
    }
_EOC_
} @ports[0, 1];

sub get {
    my ($gateway, $path, $key) = @_;
    return http_get($path, port => $ports[$gateway],
                    headers => ["X-Key: $key"]);
}

# how many of so many requests passed
sub passed {
    my ($n, @request) = @_;
    return scalar grep { get(@request)->status == 200 } 1 .. $n;
}

sub stored {
    my ($key) = @_;
    my ($name) = @{ $redis->ask('KEYS', "ratelimit:*:$key:*:year") };
    return $name ? $redis->ask('GET', $name) : 0;
}

# of a limit with a name
sub stored_of {
    my ($limit, $key) = @_;
    my ($name) = @{ $redis->ask('KEYS', "ratelimit/$limit:*:$key:*:year") };
    return $name ? $redis->ask('GET', $name) : 0;
}

sub comes {
    my ($key, $count, $what) = @_;
    ok(wait_until(sub { stored($key) == $count }, 10), $what)
        or diag("$key has " . stored($key));
}


# asked each time: two gateways hold one limit exactly

my ($a, $b) = (0, 0);
for (1 .. 30) {
    $a += passed(1, 0, '/asked', 'exact');
    $b += passed(1, 1, '/asked', 'exact');
}
is($a + $b, 40, 'without batches two gateways hold one limit');
ok($a >= 19 && $b >= 19, 'both served');


# in batches

my $res = get(0, '/synced', 'one');
is($res->status, 200, 'the first request');
is($res->header('X-RateLimit-Remaining-Year'), 39, 'is counted at once');
is(get(0, '/synced', 'one')->header('X-RateLimit-Remaining-Year'), 38,
   'so is the second');
comes('one', 2, 'their counts come to Redis');
is(get(1, '/synced', 'one')->header('X-RateLimit-Remaining-Year'), 37,
   'a gateway that has not seen the key asks Redis first');
comes('one', 3, 'and tells it too');

my $n = passed(60, 0, '/synced', 'one');
ok($n == 37 || $n == 38, "one gateway uses the limit up, with $n");
comes('one', 3 + $n, 'refused requests are not counted');
my ($name) = @{ $redis->ask('KEYS', 'ratelimit:*:one:*:year') };
ok($redis->ask('TTL', $name) > 31535000, 'the key expires');
$n = 0;
ok(wait_until(sub { get(1, '/synced', 'one')->status == 429 || !++$n }, 10),
   "the other one hears of it after $n more");

# over-admission: what the others admit between two batches.  Each gateway
# has its share before either can tell the other.

my $first = passed(1, 0, '/slow', 'bound') + passed(1, 1, '/slow', 'bound');
$a = passed(60, 0, '/slow', 'bound');
$b = passed(60, 1, '/slow', 'bound');
is($first + $a + $b, 80,
   'before a batch two gateways admit the limit each, and not more');

my $sum = 0;
for (1 .. 6) {
    $sum += passed(4, 0, '/synced', 'paced');
    comes('paced', $sum, "$sum are known");
    $sum += passed(4, 1, '/synced', 'paced');
    comes('paced', $sum, "$sum are known");
}
ok($sum >= 40 && $sum <= 44,
   "$sum of 40 admitted: at most what the other one had in one batch more");

for (1 .. 40) {
    passed(1, $_ % 2, '/synced', "k$_");
}
comes("k$_", 1, "one of many keys") for 1, 20, 40;


# Redis is away

is(passed(5, 0, '/synced', 'kept'), 5, 'counted');
comes('kept', 5, 'and known');
$redis->kill;
is(passed(10, 0, '/synced', 'kept'), 10,
   'a window that is known is counted without Redis');
is(get(0, '/synced', 'new')->status, 200, 'one that is not passes');
is(get(0, '/synced', 'new')->header('X-RateLimit-Limit-Year'), undef,
   'without headers');
is(get(0, '/synced500', 'new')->status, 500, 'or fails');
is(passed(60, 0, '/alone', 'away'), 40, 'fallback=local: the limit holds');
is(get(0, '/alone', 'away')->header('X-RateLimit-Remaining-Year'), 0,
   'with headers');
is(passed(60, 1, '/alone_synced', 'away2'), 40, 'with sync_rate too');
$redis->again;
comes('kept', 10, 'what was counted meanwhile comes to Redis');
comes('away', 40, 'of fallback=local too');
comes('away2', 40, 'and with sync_rate');
ok(wait_until(sub { get(1, '/alone', 'away')->status == 429 }, 10),
   'and holds at the other gateway');


# a worker that ends sends what it has

is(passed(7, 0, '/synced', 'last'), 7, 'counted');
ok($nginx[0]->reload, 'reload');
is(passed(1, 0, '/synced', 'last'), 1, 'counts survive it');
comes('last', 8, 'nothing is lost');

# it does not wait for the time of the next batch

is(passed(7, 0, '/slow', 'slow'), 7, 'counted, to be sent in ten minutes');
is(passed(2, 0, '/sliding', 'slow'), 2, 'also in sliding windows');
ok($nginx[0]->reload(drained => 1), 'old workers end all the same');
comes('slow', 7, 'and have sent it');
ok(wait_until(sub { stored_of('sliding', 'slow') == 2 }, 10),
   'of the others too');

# what it cannot send is sent by the next one, without another request

for my $down ('kill', 'pause') {
    is(passed(4, 0, '/slow', "$down-slow"), 4, 'to be sent in ten minutes');
    is(passed(4, 0, '/sliding', "$down-sliding"), 4, 'sliding, too');
    $redis->$down;
    is(passed(5, 0, '/alone', "$down-alone"), 5, "counted without Redis, $down");
    is(passed(6, 0, '/alone_synced', "$down-synced"), 6, 'with batches too');
    passed(1, 0, '/alone_synced', "$down-$_") for 1 .. 40;

    for (1, 2) {
        ok($nginx[0]->reload(drained => 1), 'workers end');
    }

    $down eq 'kill' ? $redis->again : $redis->go_on;

    my %least = (slow => 4, alone => 5, synced => 6, 1 => 1, 20 => 1, 40 => 1);
    for my $key (sort keys %least) {

        # a Redis that hangs may have been told before, and again

        ok(wait_until(sub { stored("$down-$key") >= $least{$key} }, 15),
           "$down-$key comes to Redis")
            or diag(stored("$down-$key"));
        is(stored("$down-$key"), $least{$key}, 'once') if $down eq 'kill';
    }

    ok(wait_until(sub { stored_of('sliding', "$down-sliding") >= 4 }, 15),
       'sliding windows, too');
}

# more than there is room for

{
    local $ENV{TEST_NGINX_SERVER_PORT} = $ports[2];
    my $small = start_nginx(master => 1,
                            http_config => 'gateway_rate_limiting_zone 32k;',
                            config => <<"_EOC_");
    location = /alone {
        gateway_rate_limiting year=40 $at fallback=local;
        $echo
    }
_EOC_
    $redis->kill;
    is((grep { passed(1, 2, '/alone', "small$_") == 1 } 1 .. 100), 100,
       'many clients, a small zone');
    ok($small->reload(drained => 1), 'reload');
    like($small->error_log, qr/\[warn\].* counts that were not sent are lost/,
         'what is lost is logged');
    $redis->again;
    ok(wait_until(sub {
           @{ $redis->ask('KEYS', 'ratelimit:*:small*') } >= 10 }, 10),
       'the others are sent');
    $small->stop('QUIT');
}

for my $worker ($nginx[1]->workers) {
    passed(3, 1, '/synced', 'killed');
    kill 'KILL', $worker;
}
ok(wait_until(sub { get(1, '/synced', 'killed')->status == 200 }, 10),
   'killed workers do not stop it');
ok(wait_until(sub {
       my $was = stored('killed');
       passed(1, 1, '/synced', 'killed');
       select undef, undef, undef, 0.2;
       stored('killed') > $was }, 20), 'and others send in their place');

$_->stop('QUIT') for @nginx;
unlike($_->error_log, qr/\[(alert|crit|emerg)\] (?!.*signal 9)|open socket/,
       'nothing bad is logged') for @nginx;
