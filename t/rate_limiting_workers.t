# Copyright (C) the ngx_gateway authors
#
# rate_limiting: counts are shared by workers, survive a reload, and the
# counters stay usable when workers are killed.

use lib 't/lib';
use Test::Gateway 'no_plan';

sub config {
    my ($limit, $zone) = @_;

    return (
        master => 1, workers => 4, log_level => 'notice',
        http_config => $zone ? "gateway_rate_limiting_zone $zone;\n" : '',
        config => <<"_EOC_",
    location = /t {
        gateway_rate_limiting $limit limit_by=header header_name=X-Key;
        root html;
    }
_EOC_
    );
}

sub statuses {
    my ($n, $key) = @_;
    my %n;

    for (1 .. $n) {
        my $res = http_get("/t", headers => ["X-Key: $key"]);
        $n{ $res ? $res->status : 'none' }++;
    }

    return \%n;
}

my $nginx = start_nginx(config('day=50'));

is_deeply(statuses(60, 'a'), { 404 => 50, 429 => 10 },
          'four workers share one count');

ok($nginx->reload, 'reload');
is_deeply(statuses(1, 'a'), { 429 => 1 }, 'the count survives it');

$nginx->reconfigure(config('day=60'));
ok($nginx->reload, 'reload with another limit');
is_deeply(statuses(11, 'a'), { 404 => 10, 429 => 1 },
          'the count survives that too');

for my $round (1 .. 5) {
    my @pids = map {
        my $pid = fork();
        if (!$pid) {
            statuses(200, "k$round$_");
            require POSIX;
            POSIX::_exit(0);
        }
        $pid;
    } 1 .. 2;

    for (1 .. 8) {
        my @workers = $nginx->workers;
        kill 'KILL', $workers[rand @workers] if @workers;
        select(undef, undef, undef, 0.02);
    }

    waitpid($_, 0) for @pids;
}

ok(wait_until(sub { my @w = $nginx->workers; @w == 4 }, 5),
   'killed workers are replaced');
is_deeply(statuses(3, 'a'), { 429 => 3 }, 'counts outlive the killed ones');
is_deeply(statuses(61, 'b'), { 404 => 60, 429 => 1 }, 'new keys are counted');

# a second, then the next one

$nginx->reconfigure(config('second=1'));
ok($nginx->reload, 'reload with a limit of a second');
ok(wait_until(sub { statuses(2, 'c')->{429} }, 5), 'it is reached');
ok(wait_until(sub { statuses(1, 'c')->{404} }, 5), 'and over');

$nginx->reconfigure(config('day=60', '1m'));
ok($nginx->reload, 'reload with another size of the zone');
is_deeply(statuses(61, 'a'), { 404 => 60, 429 => 1 },
          'makes a new zone with new counts');

unlike($nginx->error_log, qr/\[(crit|emerg)\]/, 'nothing critical is logged');

$nginx->stop;
