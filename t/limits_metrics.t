# Copyright (C) the ngx_gateway authors
#
# Metrics of limits and of Redis on the page of prometheus.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;
use Test::Gateway::Server;

my $port = port(1);
my $dead = $ENV{TEST_NGINX_UNUSED_PORT};
my $redis = Test::Gateway::Redis->start($port);
my $at = "policy=redis redis.host=127.0.0.1 redis.port=$port";

start_echo();

my $pool = 'upstream gateway_pool_t { gateway_balancer; }';
my $config = <<"_EOC_";
    gateway_service orders host=127.0.0.1 port=$ENV{TEST_NGINX_ECHO_PORT} {
        proxy_pass http://gateway_pool_t;
    }
    gateway_prometheus status_code_metrics=on;
    location = /metrics { gateway_prometheus_metrics; }
    location = /bare {
        gateway_rate_limiting year=2;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }

    gateway_route local service=orders {
        paths /local;
        gateway_rate_limiting year=2;
    }
    gateway_route sliding service=orders {
        paths /sliding;
        gateway_rate_limiting year=2 window_type=sliding;
    }
    gateway_route dry service=orders {
        paths /dry;
        gateway_rate_limiting year=1 dry_run=on;
    }
    gateway_route held service=orders {
        paths /held;
        gateway_rate_limiting concurrency=5;
    }
    gateway_route asked service=orders {
        paths /asked;
        gateway_rate_limiting year=2 $at;
    }
    gateway_route synced service=orders {
        paths /synced;
        gateway_rate_limiting year=2 $at sync_rate=0.1;
    }
    gateway_route lost service=orders {
        paths /lost;
        gateway_rate_limiting year=2 policy=redis redis.host=127.0.0.1
                              redis.port=$dead;
    }
    gateway_route lost500 service=orders {
        paths /fails;
        gateway_rate_limiting year=2 policy=redis redis.host=127.0.0.1
                              redis.port=$dead fault_tolerant=off;
    }
    gateway_route amounts service=orders {
        paths /amounts;
        gateway_response_ratelimiting limits.video.year=3;
    }
    gateway_route strict service=orders {
        paths /strict;
        gateway_response_ratelimiting limits.video.year=1
                                      block_on_first_violation=on;
    }
    gateway_route advanced service=orders {
        paths /advanced;
        gateway_rate_limiting_advanced limit=2 window_size=200000000;
        gateway_rate_limiting year=100;
    }
    gateway_route free service=orders { paths /free; }
_EOC_

my $nginx = start_nginx(master => 1, workers => 2, http_config => $pool,
                        config => $config);

sub page { http_get('/metrics' . ($_[0] // ''))->body }

# a value of the page, whatever its help says
sub value {
    my ($page, $line) = @_;
    return $page =~ /^\Q$line\E (\S+)$/m ? $1 : undef;
}

sub outcomes {
    my ($page, $route, $name) = @_;
    my %outcome;

    $name //= 'rate_limiting';

    $outcome{$1} = $2 while $page =~
        /^gateway_${name}_requests_total\{service="[^"]*",route="$route",outcome="(\w+)"\} (\d+)$/mg;

    return \%outcome;
}

# ---- requests --------------------------------------------------------------

http_get($_) for (map { ("/$_") x 3 } qw(local sliding dry held asked synced
                                     advanced)),
                 ('/lost') x 2, ('/fails') x 2, ('/bare') x 3, '/free';

my $page = page();

is_deeply(outcomes($page, $_), { passed => 2, rejected => 1 },
          "$_: two pass, one is rejected") for qw(local sliding asked synced);
is_deeply(outcomes($page, 'dry'), { passed => 1, rejected_dry_run => 2 },
          'a dry run rejects nothing');
is_deeply(outcomes($page, 'held'), { passed => 3 },
          'requests at a time are counted too');
is_deeply(outcomes($page, $_), { failed => 2 }, "$_: without counters")
    for qw(lost lost500);
is_deeply(outcomes($page, ''), { passed => 2, rejected => 1 },
          'outside of routes labels are empty');
is_deeply(outcomes($page, 'advanced', 'rate_limiting_advanced'),
          { passed => 2, rejected => 1 }, 'of the other policy');
is_deeply(outcomes($page, 'advanced'), { passed => 2 },
          'which leaves less to this one');
is_deeply(outcomes($page, 'free'), {}, 'nothing where nothing is limited');

like($page, qr/^# HELP gateway_rate_limiting_requests_total \S.*\n# TYPE gateway_rate_limiting_requests_total counter\ngateway_rate_limiting_requests_total\{service="/m,
     'help and type');

for my $n (1 .. 3) {
    http_get($_, headers => ['X-Test-Header: X-Kong-Limit: video=2'])
        for '/amounts', '/strict';
}

$page = page();

is_deeply(outcomes($page, 'amounts', 'response_ratelimiting'),
          { passed => 2, response_rejected => 1 },
          'a response that is replaced');
is_deeply(outcomes($page, 'strict', 'response_ratelimiting'),
          { passed => 1, rejected => 2 }, 'requests that are refused');

# ---- Redis -----------------------------------------------------------------

my $server = qq({server="127.0.0.1:$port");
my $other = qq({server="127.0.0.1:$dead");

# three questions, and a question for each worker that synced at once
cmp_ok(value($page, "gateway_redis_commands_total$server}"), '>=', 4,
       'commands');
cmp_ok(value($page, qq(gateway_redis_command_duration_seconds_count$server})),
       '>=', 4, 'their answers are timed');
is(value($page, qq(gateway_redis_command_duration_seconds_bucket$server,le="+Inf"})),
   value($page, qq(gateway_redis_command_duration_seconds_count$server})),
   'buckets and count agree');
like($page, qr/^gateway_redis_command_duration_seconds_bucket\Q$server\E,le="0\.001"\} \d+$/m,
     'in seconds');
cmp_ok(value($page, qq(gateway_redis_workers$server,state="connected"})), '>=',
       1, 'workers are connected');
is(value($page, qq(gateway_redis_workers$server,state="down"})), 0,
   'none takes it to be down');
is(value($page, "gateway_redis_commands_in_flight$server}"), 0,
   'nothing is under way');
is(value($page, "gateway_redis_connections_opened_total$server}"),
   value($page, qq(gateway_redis_workers$server,state="connected"})),
   'each has connected once');
is(value($page, qq(gateway_redis_errors_total$server,kind="$_"})), undef,
   "no errors: $_") for qw(timeout connection reply);

cmp_ok(value($page, qq(gateway_redis_errors_total$other,kind="connection"})),
       '>=', 1, 'connections that are refused');
is(value($page, "gateway_redis_commands_failed_total$other}"), 4,
   'commands that failed');
is(value($page, "gateway_redis_commands_total$other}"), undef,
   'and were never sent');
# three failures in a row of one worker are enough
http_get('/lost') for 1 .. 8;
ok(wait_until(sub {
       (value(page(), qq(gateway_redis_workers$other,state="down"})) // 0) > 0
   }, 5), 'a worker gives it up');

# an answer that is an error
$redis->ask('SET', "ratelimit:bad", 1);
for my $name (@{ $redis->ask('KEYS', 'ratelimit:*:year') }) {
    $redis->ask('DEL', $name);
    $redis->ask('HSET', $name, 'a', 'b');
}
http_get('/asked') for 1 .. 2;
cmp_ok(value(page(), qq(gateway_redis_errors_total$server,kind="reply"})),
       '>=', 1, 'errors as answers');

# ---- both sets of names, promtool ------------------------------------------

my $other_names = page('?names=gateway');

like($other_names, qr/^gateway_rate_limiting_requests_total\{/m,
     'the same name in both sets');
cmp_ok(value($other_names, qq(gateway_zone_entries{zone="gateway_rate_limiting"})),
       '>', 0, 'entries of a zone');
cmp_ok(value($other_names, qq(gateway_zone_capacity_entries{zone="gateway_rate_limiting"})),
       '>', 100000, 'and what fits into it');
is(value($other_names, qq(gateway_zone_evictions_total{zone="gateway_rate_limiting"})),
   0, 'nothing was forgotten early');
cmp_ok(value($other_names, qq(gateway_zone_used_bytes{zone="gateway_rate_limiting"})),
       '<', value($other_names, qq(gateway_zone_size_bytes{zone="gateway_rate_limiting"})) / 4,
       'it is nearly empty');
unlike(page(), qr/^gateway_zone_/m, "zones are not among Kong's names");

SKIP: {
    my $promtool = `command -v promtool 2>/dev/null`;
    chomp $promtool;
    Test::More::skip('no promtool', 1) unless $promtool;

    Test::Gateway::Server::write_file("$nginx->{root}/page", $other_names);
    is(`$promtool check metrics < $nginx->{root}/page 2>&1`, '',
       'promtool finds nothing');
}

# ---- reload: counters stay, gauges are of workers that live ----------------

ok($nginx->reload(drained => 1), 'reload');
is_deeply(outcomes(page(), 'local'), { passed => 2, rejected => 1 },
          'counters survive it');
is(value(page(), qq(gateway_redis_workers$server,state="connected"})), 0,
   'workers that are gone are not connected');

$nginx->stop;

# ---- counts that are not sent yet ------------------------------------------

$nginx = start_nginx(http_config => $pool, config => <<"_EOC_");
    gateway_service orders host=127.0.0.1 port=$ENV{TEST_NGINX_ECHO_PORT} {
        proxy_pass http://gateway_pool_t;
    }
    gateway_prometheus status_code_metrics=on;
    location = /metrics { gateway_prometheus_metrics; }
    gateway_route synced service=orders {
        paths /synced;
        gateway_rate_limiting year=9 $at sync_rate=600 limit_by=header
                              header_name=X-Key;
    }
_EOC_
http_get('/synced', headers => ["X-Key: $_"]) for 'a' .. 'c', 'a';
is(value(page(), 'gateway_rate_limiting_unsent_keys'), 3,
   'clients whose counts are not sent yet');
$nginx->stop;
$redis->stop;

# ---- workers that were killed ----------------------------------------------

$nginx = start_nginx(master => 1, workers => 1, http_config => $pool,
                     config => <<"_EOC_");
    gateway_prometheus status_code_metrics=on;
    location = /metrics { gateway_prometheus_metrics; }
    location = /lost {
        gateway_rate_limiting year=2 policy=redis redis.host=127.0.0.1
                              redis.port=$dead;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }
_EOC_
http_get('/lost') for 1 .. 8;
ok(wait_until(sub {
       (value(page(), qq(gateway_redis_workers$other,state="down"})) // 0) == 1
   }, 5), 'the worker takes Redis to be down');
my ($killed) = $nginx->workers;
kill 'KILL', $killed;
ok(wait_until(sub { my @now = $nginx->workers;
                    @now == 1 && $now[0] != $killed }, 10),
   'another worker comes');
$page = page();
is(value($page, qq(gateway_redis_workers$other,state="down"})), 0,
   'which has not talked to Redis; nobody takes it to be down');
cmp_ok(value($page, "gateway_redis_commands_failed_total$other}"), '>=', 3,
       'counters of the one before stay');
$nginx->stop;

# ---- without prometheus nothing is counted, a full zone is no harm ---------

$nginx = start_nginx(http_config => $pool, config => <<"_EOC_");
    location = /metrics { gateway_prometheus_metrics; }
    location = /t {
        gateway_rate_limiting year=1;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }
_EOC_
is_deeply([map { http_get('/t')->status } 1 .. 2], [200, 429],
          'limits work without metrics');
unlike(page(), qr/^gateway_rate_limiting/m, 'which are not there');
$nginx->stop;

# ---- a zone of one page of entries -----------------------------------------

$nginx = start_nginx(http_config => 'gateway_rate_limiting_zone 32k;',
                     config => <<"_EOC_");
    location = /metrics { gateway_prometheus_metrics names=gateway; }
    location = /t {
        gateway_rate_limiting year=9 limit_by=header header_name=X-Key;
        proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
    }
_EOC_
http_get('/t', headers => ["X-Key: $_"]) for 1 .. 400;
cmp_ok(value(page(), qq(gateway_zone_evictions_total{zone="gateway_rate_limiting"})),
       '>', 0, 'entries forgotten before their time are counted');
$nginx->stop;
