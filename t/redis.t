# Copyright (C) the ngx_gateway authors
#
# The Redis client: TLS, AUTH, databases, sentinels, clusters, and what servers
# do to it; seen through rate_limiting.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;

use File::Temp 'tempdir';

my $root = tempdir(CLEANUP => 1);
chmod 0755, $root;
my $down = $ENV{TEST_NGINX_UNUSED_PORT};

start_echo();

my $echo = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";

sub limit {
    my ($name, $at) = @_;

    return <<"_EOC_";
    location = /$name {
        gateway_rate_limiting year=1000000 day=1000000 policy=redis $at
                              limit_by=header header_name=X-Key
                              redis.timeout=500;
        $echo
    }
_EOC_
}

my $n = 0;

# the request was counted in Redis
sub counted {
    my ($path, $key) = @_;
    my $res = http_get($path, headers => ['X-Key: ' . ($key // $n++)])
        or return 0;
    return $res->status == 200 && $res->header('X-RateLimit-Limit-Year');
}

sub works {
    my ($path, $what) = @_;
    ok(wait_until(sub { counted($path) }, 15), $what);
}


# certificates

sub shell {
    my ($command) = @_;
    system("cd $root && { $command; } >>$root/out 2>&1") == 0
        or die "$command failed: " . `cat $root/out`;
}

sub spew {
    my ($name, $text) = @_;
    open my $f, '>', "$root/$name" or die "$root/$name: $!\n";
    print $f $text;
    close $f;
}

spew('ip', "subjectAltName=IP:127.0.0.1\n");
spew('name', "subjectAltName=DNS:redis.example\n");
shell("openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=ca "
    . "-keyout ca.key -out ca.crt");
shell("openssl req -newkey rsa:2048 -nodes -subj /CN=redis -keyout redis.key "
    . "-out redis.csr");
shell("openssl x509 -req -in redis.csr -CA ca.crt -CAkey ca.key "
    . "-CAcreateserial -days 3 -extfile $_ -out $_.crt") for qw(ip name);

my @tls = (1 .. 2);
@tls = map {
    my ($port, $cert) = @$_;
    Test::Gateway::Redis->start($port, 'tls',
        'tls-cert-file' => "$root/$cert.crt",
        'tls-key-file' => "$root/redis.key",
        'tls-ca-cert-file' => "$root/ca.crt",
        'tls-auth-clients' => 'no');
} [port(1), 'ip'], [port(2), 'name'];

my $auth = Test::Gateway::Redis->start(port(3), requirepass => '"pass word"',
    user => 'limiter on >a\\b ~* +@all');

my $full = Test::Gateway::Redis->start(port(4), maxmemory => '4mb',
                                       'maxmemory-policy' => 'noeviction');

my $unix = Test::Gateway::Redis->start(port(5),
                                       unixsocket => "$root/redis.sock",
                                       unixsocketperm => '777');

my $at = 'redis.host=127.0.0.1';

my $nginx = start_nginx(master => 1, workers => 2, log_level => 'notice',
                        http_config => "gateway_redis_trusted_certificate "
                                     . "$root/ca.crt;", config => join '',
    limit('tls', "$at redis.port=" . port(1) . ' redis.ssl=on'),
    limit('tls_ip', "$at redis.port=" . port(1)
                    . ' redis.ssl=on redis.ssl_verify=on'),
    limit('tls_name', "$at redis.port=" . port(2)
                      . ' redis.ssl=on redis.ssl_verify=on '
                      . 'redis.server_name=redis.example'),
    limit('tls_other', "$at redis.port=" . port(2)
                       . ' redis.ssl=on redis.ssl_verify=on'),
    limit('tls_plain', "$at redis.port=" . port(1)),
    limit('plain_tls', "$at redis.port=" . port(5) . ' redis.ssl=on'),
    limit('auth', "$at redis.port=" . port(3) . ' "redis.password=pass word"'),
    limit('user', "$at redis.port=" . port(3)
                  . ' redis.username=limiter "redis.password=a\\\\b"'),
    limit('wrong', "$at redis.port=" . port(3) . ' redis.password=hush-hush'),
    limit('nobody', "$at redis.port=" . port(3)),
    limit('full', "$at redis.port=" . port(4)),
    limit('database', "$at redis.port=" . port(5) . ' redis.database=5'),
    limit('database99', "$at redis.port=" . port(5) . ' redis.database=99'),
    limit('unix', "redis.host=unix:$root/redis.sock"),
    limit('name', 'redis.host=localhost redis.port=' . port(5)));

ok(counted("/$_"), "$_ works")
    for qw(tls tls_ip tls_name auth user database unix name);

for my $path (qw(tls_other tls_plain plain_tls wrong nobody database99)) {
    ok(!counted("/$path"), "$path does not");
    is(http_get("/$path")->status, 200, 'but lets requests pass');
}

is($unix->ask('DBSIZE'), 4, 'what belongs to no database is in the first');
like($nginx->error_log, qr/not to be trusted/, 'a certificate for another');
like($nginx->error_log, qr/does not let us in: "WRONGPASS/,
     'a wrong password is said');
unlike($nginx->error_log, qr/hush-hush|pass word/,
       'but not told');
like($nginx->error_log, qr/refused a command: "NOAUTH|not let us in: "NOAUTH/,
     'a missing one, too');

# memory full: errors of the script

my $i = 0;
for my $size (20000, 1000, 10) {
    1 while $full->try('SET', 'filler' . $i++, 'x' x $size);
}
ok(!counted('/full'), 'memory full: not counted');
is(http_get('/full')->status, 200, 'but it passes');
like($nginx->error_log, qr/refused a command: ".*OOM/, 'which is said');
$full->ask('FLUSHALL');
ok(counted('/full'), 'it counts again at once');

# scripts that are forgotten

$full->ask('SCRIPT', 'FLUSH');
ok(counted('/full'), 'a server without the script gets it');
is($full->ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes') > 0, 1,
   'connections are closed');
ok(counted('/full'), 'another one is made') for 1 .. 4;

$nginx->stop('QUIT');
unlike($nginx->error_log, qr/\[(alert|crit|emerg)\]|open socket/,
       'nothing bad is logged');
$_->kill for @tls, $auth, $full, $unix;


# sentinels: a master, a replica, three sentinels

my ($m, $s, @q) = map { port($_) } 1 .. 5;

my $master = Test::Gateway::Redis->start($m);
my $replica = Test::Gateway::Redis->start($s, replicaof => "127.0.0.1 $m");
my @sentinel = map {
    Test::Gateway::Redis->start($_, 'sentinel',
        'sentinel monitor' => "limits 127.0.0.1 $m 2",
        'sentinel down-after-milliseconds' => 'limits 1500',
        'sentinel failover-timeout' => 'limits 3000')
} @q;

ok(wait_until(sub {
       my %state = @{ $sentinel[0]->try('SENTINEL', 'MASTER', 'limits')
                      // [] };
       ($state{'num-slaves'} // 0) == 1 && $state{'num-other-sentinels'} == 2 }, 30),
   'sentinels know each other');

my $sentinels = join ' ', map { "redis.sentinel_nodes=127.0.0.1:$_" } $down, @q;

$nginx = start_nginx(master => 1, workers => 2, log_level => 'notice', config =>
    limit('master', "$sentinels redis.sentinel_master=limits")
    . limit('unknown', "$sentinels redis.sentinel_master=others"));

works('/master', 'sentinels say where the master is');
ok(!counted('/unknown'), 'of another name they say nothing');

$master->kill;
is(http_get('/master')->status, 200, 'without a master requests pass')
    for 1 .. 10;
ok(wait_until(sub { $replica->role eq 'master' }, 30), 'failover');
works('/master', 'the new master is found');

$master->again;
$master->ask('REPLICAOF', '127.0.0.1', $s);
ok(wait_until(sub { $master->follows }, 30), 'the old one is a replica now');
$sentinel[0]->kill;
ok(wait_until(sub { $sentinel[1]->try('SENTINEL', 'FAILOVER', 'limits') },
              60), 'failover by hand');
ok(wait_until(sub { $master->role eq 'master' }, 30), 'done');
works('/master', 'it is followed');

$master->pause;
ok(wait_until(sub { $replica->role eq 'master' }, 60),
   'failover from one that hangs');
works('/master', 'it is followed');
$master->go_on;

$nginx->stop('QUIT');
unlike($nginx->error_log, qr/\[(alert|crit|emerg)\]|open socket/,
       'nothing bad is logged');
$_->kill for $master, $replica, @sentinel;


# a cluster: three masters, and a replica of the first

my @port = map { port($_) } 1 .. 4;
my @bus = map { port($_) } 5 .. 8;
my @node = map {
    Test::Gateway::Redis->start($port[$_], 'cluster-enabled' => 'yes',
                                'cluster-config-file' => 'nodes.conf',
                                'cluster-node-timeout' => 1000,
                                'cluster-port' => $bus[$_],
                                'cluster-require-full-coverage' => 'no')
} 0 .. 3;

for my $k (0 .. 2) {
    my @range = ([0, 5460], [5461, 10922], [10923, 16383]);
    $node[$k]->ask('CLUSTER', 'ADDSLOTSRANGE', @{ $range[$k] });
    $node[$k]->ask('CLUSTER', 'SET-CONFIG-EPOCH', $k + 1);
}
$node[0]->ask('CLUSTER', 'MEET', '127.0.0.1', $port[$_], $bus[$_])
    for 1 .. 3;

my @id = map { $_->ask('CLUSTER', 'MYID') } @node;

sub agreed {
    my ($count) = @_;
    return !grep {
        my $info = $_->try('CLUSTER', 'INFO') // '';
        $info !~ /cluster_state:ok/ || $info !~ /cluster_known_nodes:$count/
    } @node;
}

ok(wait_until(sub { agreed(4) }, 30), 'a cluster');
ok(wait_until(sub {
       $node[3]->try('CLUSTER', 'REPLICATE', $id[0]) }, 30),
   'with a replica');
ok(wait_until(sub { $node[3]->follows }, 30),
   'that is connected');

$nginx = start_nginx(master => 1, workers => 2, log_level => 'notice', config =>
    limit('cluster', "redis.cluster_nodes=127.0.0.1:$down "
                     . "redis.cluster_nodes=127.0.0.1:$port[1]")
    . <<"_EOC_");
    location = /batches {
        gateway_rate_limiting year=9 window_type=sliding limits.app.year=9
            limits.app.algorithm=gcra limits.app.limit_by=header
            limits.app.header_name=X-Key policy=redis sync_rate=0.1
            redis.cluster_nodes=127.0.0.1:$port[1] limit_by=header
            header_name=X-Key;
        gateway_rate_limiting_advanced limit=9 window_size=200000000
            identifier=header header_name=X-Key strategy=redis sync_rate=0.1
            redis.cluster_nodes=127.0.0.1:$port[1];
        $echo
    }
_EOC_

works('/cluster', 'nodes say where slots are');
my @counted = grep { counted('/cluster', "key$_") } 1 .. 60;
is(scalar @counted, 60, 'many keys');
my @size = map { $_->ask('DBSIZE') } @node;
ok(!(grep { $_ == 0 } @size[0 .. 2]), "on all nodes: @size");
is($size[0] + $size[1] + $size[2] >= 120, 1, 'two windows of each');

# in batches all windows of a limit are on one node as well

is(scalar(grep { http_get('/batches', headers => ["X-Key: batch$_"])->status
                 == 200 } 1 .. 20), 20, 'other limits, in batches');
for my $name ('ratelimit:*:year', 'ratelimit/app:*:gcra:year',
              'ratelimit-advanced:*')
{
    ok(wait_until(sub {
           20 == grep { /batch/ } map { @{ $_->ask('KEYS', $name) } }
                 @node[0 .. 2] }, 10), "$name is told on all nodes");
}

# a slot moves, with a key in it; "{...}" of the key decides

my ($key) = grep { /\{[^}]*:key7\}/ } map { @{ $_->ask('KEYS', '*') } }
            @node[0 .. 2];
my $slot = $node[0]->ask('CLUSTER', 'KEYSLOT', $key);
my ($from) = grep { $node[$_]->try('EXISTS', $key) } 0 .. 2;
my $to = ($from + 1) % 3;
my @keys = @{ $node[$from]->ask('CLUSTER', 'GETKEYSINSLOT', $slot, 10) };
my $was = $node[$from]->ask('GET', $keys[0]);

$node[$to]->ask('CLUSTER', 'SETSLOT', $slot, 'IMPORTING', $id[$from]);
$node[$from]->ask('CLUSTER', 'SETSLOT', $slot, 'MIGRATING', $id[$to]);
ok(counted('/cluster', 'key7'), 'a slot begins to move');
$node[$from]->ask('MIGRATE', '127.0.0.1', $port[$to], $keys[0], 0, 1000);
(undef) = http_get('/cluster', headers => ['X-Key: key7']);
$node[$from]->ask('MIGRATE', '127.0.0.1', $port[$to], $_, 0, 1000)
    for @keys[1 .. $#keys];
ok(counted('/cluster', 'key7'), 'its keys have moved: ASK');
$node[$_]->ask('CLUSTER', 'SETSLOT', $slot, 'NODE', $id[$to])
    for $to, $from, 3 - $to - $from;
ok(counted('/cluster', 'key7'), 'it has moved: MOVED') for 1 .. 4;
ok($node[$to]->ask('GET', $keys[0]) >= $was + 5, 'all were counted');

# failover, by hand and by force

is($node[3]->ask('CLUSTER', 'FAILOVER'), 'OK', 'failover by hand');
ok(wait_until(sub { $node[3]->role eq 'master' }, 30), 'done');
is(scalar(grep { counted('/cluster', "key$_") } 1 .. 60), 60,
   'all keys are counted');

ok(wait_until(sub { $node[0]->follows }, 30),
   'the old master is a replica');
$node[3]->kill;
is(scalar(grep { http_get('/cluster', headers => ["X-Key: key$_"])->status
                 == 200 } 1 .. 60), 60, 'a master is gone: requests pass');
ok(wait_until(sub { $node[0]->role eq 'master' }, 60), 'failover');
ok(wait_until(sub { 60 == grep { counted('/cluster', "key$_") } 1 .. 60 }, 30),
   'all keys are counted again');

$nginx->stop('QUIT');
unlike($nginx->error_log, qr/\[(alert|crit|emerg)\]|open socket/,
       'nothing bad is logged');
