# Copyright (C) the ngx_gateway authors
#
# rate_limiting under load, while Redis is killed, hangs, refuses, is full and
# comes back: every request is answered, and none is counted twice but those
# that were sent again.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Load;
use Test::Gateway::Redis;

my $port = port(1);
my $redis = Test::Gateway::Redis->start($port);
my $at = "year=100000000 policy=redis redis.host=127.0.0.1 redis.port=$port "
       . 'redis.timeout=1000 limit_by=header header_name=X-Key';

my $nginx = start_nginx(master => 1, workers => 2, log_level => 'notice',
                        config => <<"_EOC_");
    location = /asked {
        gateway_rate_limiting $at;
        root html;
        try_files /index.html =404;
    }
    location = /alone {
        gateway_rate_limiting $at fallback=local;
        root html;
        try_files /index.html =404;
    }
    location = /synced {
        gateway_rate_limiting $at sync_rate=0.1 fallback=local;
        root html;
        try_files /index.html =404;
    }
_EOC_

sub stored {
    my ($key) = @_;
    my ($name) = @{ $redis->ask('KEYS', "ratelimit:*:$key:*") };
    return $name ? $redis->ask('GET', $name) : 0;
}

sub load {
    return Test::Gateway::Load->start(map { {
        port => $ENV{TEST_NGINX_SERVER_PORT}, path => $_[0],
        headers => ["X-Key: $_[1]"]
    } } 1 .. 4);
}

sub counts {
    my ($path) = @_;
    my $res = http_get($path, headers => ['X-Key: probe']);
    return $res && $res->header('X-RateLimit-Limit-Year');
}

# what was counted before a restart is gone with it: Redis stores nothing here
sub fault {
    my ($name, $path, $what, $heal) = @_;
    my $load = load($path, $name);

    select undef, undef, undef, 0.3;
    $what->();
    select undef, undef, undef, 0.7;
    $heal->();
    ok(wait_until(sub { counts('/asked') }, 20), "$name: Redis is used again");
    select undef, undef, undef, 0.3;

    my $counts = $load->stop;
    ok($counts->{served} > 0, "$name: $counts->{served} requests");
    is(scalar @{ $counts->{lost} }, 0, "$name: each is answered")
        or diag(join "\n", @{ $counts->{lost} }[0 .. 3]);

    return $counts->{served};
}

for my $path ('/asked', '/alone', '/synced') {
    my $p = substr $path, 1;

    my $served = fault("steady-$p", $path, sub { }, sub { });
    ok(wait_until(sub { stored("steady-$p") == $served }, 10),
       'without faults each is counted once')
        or diag(stored("steady-$p"), " of $served");

    fault("killed-$p", $path, sub { $redis->kill }, sub { $redis->again });
    $served = fault("hangs-$p", $path, sub {
        $redis->pause;
        select undef, undef, undef, 1;
    }, sub { $redis->go_on });

    if ($path eq '/synced') {
        ok(wait_until(sub { stored("hangs-$p") >= $served }, 20),
           'what was counted meanwhile comes to Redis');
    }

    fault("cut-$p", $path, sub {
        for (1 .. 20) {
            $redis->try('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
            select undef, undef, undef, 0.02;
        }
    }, sub { });

    fault("full-$p", $path, sub { $redis->ask('CONFIG', 'SET', 'maxmemory',
                                              1000) },
          sub { $redis->ask('CONFIG', 'SET', 'maxmemory', 0) });

    fault("locked-$p", $path, sub {
        $redis->ask('CONFIG', 'SET', 'requirepass', 'x');
        $redis->{password} = 'x';
        $redis->ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }, sub {
        $redis->ask('CONFIG', 'SET', 'requirepass', '');
        delete $redis->{password};
    });

    my $load = load($path, "reload-$p");
    ok($nginx->reload, 'reload') for 1 .. 3;
    my $counts = $load->stop;
    $served = $counts->{served};
    ok($served > 0, "reloads: $served requests");

    # those that Redis is late for pass uncounted without a fallback

    if ($path ne '/asked') {
        ok(wait_until(sub { stored("reload-$p") >= $served }, 10),
           'none of them is forgotten')
            or diag(stored("reload-$p"), " of $served");
    }
}

ok(wait_until(sub { $nginx->children == 2 }, 10), 'two workers are left');
$nginx->stop('QUIT');
unlike($nginx->error_log, qr/\[(alert|crit|emerg)\]|open socket/,
       'nothing bad is logged');
