# Copyright (C) the ngx_gateway authors
#
# What is said of a Redis that cannot be used, at the start and later; seen
# through rate_limiting.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;

use IO::Socket::INET;

my $unused = $ENV{TEST_NGINX_UNUSED_PORT};

sub limit {
    my ($name, $at, $more) = @_;
    $more //= '';

    return <<"_EOC_";
    location = /$name {
        gateway_rate_limiting minute=5 policy=redis $at redis.timeout=500
                              sync_rate=-1 $more;
        root html;
    }
_EOC_
}


# hosts that are none

for my $case (
    ['redis.host=127.0.0.1:21379', qr/invalid "redis\.host" "127\.0\.0\.1:21379" in \S+:\d+: write the port as "redis\.port"/],
    ['redis.host=redis.example:6379', qr/invalid "redis\.host" "redis\.example:6379" in \S+:\d+: write the port/],
    ['redis.host=[127.0.0.1:21379]', qr/invalid "redis\.host" "\[127\.0\.0\.1:21379\]" in \S+:\d+: write the port/],
    ['redis.host=::1::2', qr/invalid "redis\.host" "::1::2" in \S+:\d+/],
    ['redis.cluster_nodes=a:1:2', qr/invalid node "a:1:2" of Redis in \S+:\d+: write "host:port"/],
    ['redis.sentinel_master=m redis.sentinel_nodes=[a:b]:1',
     qr/invalid node "\[a:b\]:1" of Redis in \S+:\d+: write "host:port"/])
{
    my ($at, $error) = @$case;
    my $nginx = start_nginx(config => limit('t', $at), may_fail => 1);
    like($nginx->stderr . $nginx->error_log, qr/\[emerg\] .*$error/, $at);
    $nginx->stop;
}


# the others start; names that nobody can look up are said

my $nginx = start_nginx(master => 1, log_level => 'notice', config => join '',
    limit('address', "redis.host=127.0.0.1 redis.port=$unused"),
    limit('inet6', "redis.host=::1 redis.port=$unused"),
    limit('brackets', "redis.host=[::1] redis.port=$unused"),
    limit('local', "redis.host=localhost redis.port=$unused"),
    limit('master', 'redis.sentinel_master=my:master '
                    . "redis.sentinel_nodes=127.0.0.1:$unused"),
    limit('name', 'redis.host=redis.example', 'fault_tolerant=off'));

my $log = $nginx->stderr . $nginx->error_log;
like($log, qr/\[warn\] .*redis: "redis\.example:6379" in \S+:\d+ cannot be looked up: it is not in the hosts file, and "http" has no "resolver"/,
     'a name without a resolver');
unlike($log, qr/\[warn\] .*redis: "(?!redis\.example)/, 'no other');

is(http_get("/$_")->status, 404, "$_ passes") for qw(address local);
is(http_get('/name')->status, 500, 'or fails');

ok($nginx->wait_log(qr/redis: "127\.0\.0\.1:$unused" cannot be connected to \(111: Connection refused\)/, 5),
   'a connection that is refused');
ok($nginx->wait_log(qr/redis: "redis\.example:6379" cannot be looked up: no resolver is configured/, 5),
   'a name that is not looked up');
like($nginx->error_log, qr/rate_limiting: Redis gives no count, see "redis:" in the log, requests pass without limit/,
     'what follows');
unlike($nginx->error_log, qr/does not answer/, 'nobody was there to answer');
$nginx->stop;


# name servers that do not answer: the time is up while the name is looked up

my $silent = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    or die "no socket: $!";

$nginx = start_nginx(master => 1, log_level => 'notice',
    http_config => 'resolver 127.0.0.1:' . $silent->sockport
                   . ' ipv6=off; resolver_timeout 30s;',
    config => limit('name', 'redis.host=redis.example'));

unlike($nginx->stderr . $nginx->error_log, qr/\[warn\]/,
       'a name with a resolver');
is(http_get('/name')->status, 404, 'it passes');
ok($nginx->wait_log(qr/redis: "redis\.example:6379" cannot be looked up/, 5),
   'which is said');
$nginx->stop;
