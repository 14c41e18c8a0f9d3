# Copyright (C) the ngx_gateway authors
#
# rate_limiting, response_ratelimiting: counts that survive restarts.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::Gateway::Server;
use Test::More;
use Digest::SHA qw(hmac_sha256);
use File::Temp qw(tempdir);
use POSIX ();

my $tmp = tempdir(CLEANUP => 1);
chmod 0755, $tmp;

my $patience = $ENV{TEST_NGINX_USE_VALGRIND} ? 60 : 10;

sub put {
    my ($path, $data) = @_;
    open my $fh, '>:raw', $path or die "$path: $!";
    print $fh $data;
    close $fh;
}

sub slurp {
    my ($path) = @_;
    open my $fh, '<:raw', $path or return;
    local $/;
    return <$fh>;
}

sub size_of { return (-s $_[0]) // 0 }

put("$tmp/secret", 'a secret of thirty-two characters, or more');
put("$tmp/other", 'another secret of thirty-two characters, or more');

my $dirs = 0;

sub counts_dir { return "$tmp/counts" . ++$dirs }

# the limits that are kept, and those of one request at a time
sub gateway {
    my ($dir, %o) = @_;
    my $secret = exists $o{secret} ? $o{secret} : "$tmp/secret";
    my $size = $o{size} // '1m';
    my $params = $o{params} // "path=$dir interval=" . ($o{interval} // '1h');
    my $limits = $o{limits} // 'day=5 month=50 year=500';
    my $access = $o{access} // '';
    my $http = defined $secret ? "gateway_secret_file $secret;\n" : '';

    return (
        master => 1, workers => 2, log_level => 'notice', %o,
        http_config => "$http    gateway_rate_limiting_zone $size $params;\n"
                       . ($o{http} // ''),
        config => $o{config} // <<"_EOC_",
    location = /t {
        gateway_rate_limiting $limits limit_by=header header_name=X-Key;
        alias \$TEST_NGINX_HTML_DIR/index.html;
        $access
    }
_EOC_
    );
}

sub hit {
    my ($key, $path) = @_;
    return http_get($path // '/t', headers => ["X-Key: $key"]);
}

# what is left of the day
sub left {
    my $res = hit(@_);
    return $res ? $res->header('X-RateLimit-Remaining-Day') : 'no answer';
}

sub complaints {
    my ($nginx) = @_;
    return join '', grep { /\[(warn|error|crit|alert|emerg)\]/ }
                    split /^/, $nginx->error_log;
}

# a machine that stops
sub kill_all {
    my ($nginx) = @_;
    my @children = $nginx->children;

    # nobody is started in place of others
    kill 'STOP', $nginx->pid;
    kill 'KILL', @children;
    $nginx->stop('KILL');
    ok(wait_until(sub { !grep { kill 0, $_ } @children }, $patience),
       'all is killed');
}

# tests of days begin anew at midnight
sub same_day {
    my $now = time;
    sleep 86401 - $now % 86400 if $now % 86400 > 86400 - 240;
}

same_day();

# a normal restart

{
    my $dir = counts_dir();
    my $nginx = start_nginx(gateway($dir));
    my $file = "$dir/gateway_rate_limiting";

    ok(wait_until(sub { -s $file }, $patience),
       'the file is written at once, which tells whether it can be');
    is((stat $file)[2] & 0777, 0600, 'for its owner only');
    is((stat $dir)[2] & 0777, 0700, 'and so is its directory');

    my $empty = -s $file;

    is(left('a'), 4, 'the first request');
    is(left('a'), 3, 'and the next');
    is(left('b'), 4, 'of somebody else');
    is(left('alice-who-is-counted'), 4, 'and of another one');

    $nginx->stop('QUIT');
    cmp_ok(-s $file, '>', $empty, 'counts are written in the end');
    is((stat $file)[2] & 0777, 0600, 'for its owner only');
    unlike(slurp($file), qr/alice-who-is-counted/, 'without who was counted');
    ok(!-e "$file.tmp", 'nothing else is left');

    $nginx = start_nginx(gateway($dir, root => $nginx->{root}));
    like($nginx->error_log, qr/ 3 counts of zone "gateway_rate_limiting" go on/,
         'they are read again');

    my $res = hit('a');
    is($res->header('X-RateLimit-Remaining-Day'), 2, 'the day goes on');
    is($res->header('X-RateLimit-Remaining-Month'), 47, 'so does the month');
    is($res->header('X-RateLimit-Remaining-Year'), 497, 'and the year');
    is(left('b'), 3, 'for others too');
    is(left('a'), 1, 'and');
    is(left('a'), 0, 'at last');
    is(hit('a')->status, 429, 'the limit is reached');

    $nginx->stop('TERM');
    $nginx = start_nginx(gateway($dir, root => $nginx->{root}));
    is(hit('a')->status, 429, 'it still is after a fast end');
    ok($nginx->reload, 'reload');
    is(hit('a')->status, 429, 'and after a reload');
    $nginx->reconfigure(gateway($dir, size => '2m'));
    ok($nginx->reload, 'reload with another size');
    is(hit('a')->status, 429, 'goes on with what the old zone had');
    is(left('b'), 2, 'up to the last request');
    is(complaints($nginx), '', 'without a complaint');
    $nginx->stop;
}

# everything is killed

{
    my $dir = counts_dir();
    my $file = "$dir/gateway_rate_limiting";
    my $nginx = start_nginx(gateway($dir, interval => '50ms'));

    ok(wait_until(sub { -s $file }, $patience), 'a file');
    my $before = (stat $file)[1];
    is(left('a'), 4, 'a request');
    ok(wait_until(sub { ((stat $file)[1] // $before) != $before }, $patience),
       'which is saved after a while');

    my $saved = (stat $file)[1];
    cmp_ok($nginx->children, '>=', 3, 'workers and who saves');
    kill_all($nginx);

    $nginx = start_nginx(gateway($dir, root => $nginx->{root}));
    is(left('a'), 3, 'nothing saved is lost');
    $nginx->stop;
}


# what the last run of a gateway left in the file of the zone
sub leave {
    my ($dir, $n, %o) = @_;
    my $nginx = start_nginx(gateway($dir, %o));
    hit('a') for 1 .. $n;
    $nginx->stop('QUIT');
    return "$dir/" . ($o{zone} // 'gateway_rate_limiting');
}

# killed at any moment, the file is whole

{
    my $dir = counts_dir();
    my $nginx = start_nginx(gateway($dir, limits => 'day=10000'));
    hit("k$_") for 1 .. 1000;
    $nginx->stop('QUIT');

    my $last = 10000;

    for my $round (1 .. 8) {
        $nginx = start_nginx(gateway($dir, interval => '1ms',
                                     limits => 'day=10000'));
        my ($n) = $nginx->error_log =~ /(\d+) counts of zone/;
        cmp_ok($n, '>=', 1000, "round $round: all entries are there");
        is(complaints($nginx), '', 'without a complaint');

        my $left = left('a');
        cmp_ok($left, '<=', $last, 'no count goes back');
        $last = $left;

        # saves follow each other
        hit('a') for 1 .. 1 + rand 20;
        kill_all($nginx);
    }

    leave($dir, 1);
    ok(!-e "$dir/gateway_rate_limiting.tmp", 'what was left is removed');
}

# only one process

{
    my $dir = counts_dir();
    my $file = "$dir/gateway_rate_limiting";
    my @one = (master => 0, workers => 1);
    my $nginx = start_nginx(gateway($dir, @one, interval => '50ms'));

    ok(wait_until(sub { -s $file }, $patience), 'without a master: a file');
    my $before = (stat $file)[1];
    is(left('a'), 4, 'a request');
    ok(wait_until(sub { ((stat $file)[1] // $before) != $before }, $patience),
       'is saved by the process that served it');
    kill_all($nginx);

    $nginx = start_nginx(gateway($dir, @one));
    is(left('a'), 3, 'and found again after a kill');
    $nginx->stop('QUIT');
    $nginx = start_nginx(gateway($dir, @one));
    is(left('a'), 2, 'or a normal end');
    is(complaints($nginx), '', 'without a complaint');
    $nginx->stop;
}

# files that are not what they should be

{
    my $whole;

    my @cases = (
        ['empty', sub { '' }, 'is no file of counts'],
        ['of something else', sub { "hello\n" x 100 }, 'is no file of counts'],
        ['cut in the header', sub { substr $_[0], 0, 100 }, 'is damaged'],
        ['cut behind it', sub { substr $_[0], 0, 230 }, 'is damaged'],
        ['cut at the end', sub { substr $_[0], 0, -1 }, 'is damaged'],
        ['too long', sub { $_[0] . "\0" }, 'is damaged'],
        ['of another version', sub { substr($_[0], 12, 1, "\x7f"); $_[0] },
         'was written by another version or another kind of machine'],
        ['of another machine',
         sub { substr($_[0], 8, 4, reverse substr $_[0], 8, 4); $_[0] },
         'was written by another version or another kind of machine'],
        ['with a changed count', sub { substr($_[0], -20, 1) ^= "\1"; $_[0] },
         'is damaged'],
        ['that claims to be longer',
         sub { substr($_[0], 31, 1, "\x7f"); $_[0] }, 'is damaged'],
        ['whose key was changed', sub { substr($_[0], 130, 1) ^= "\1"; $_[0] },
         'is damaged'],
    );

    for my $case (@cases) {
        my ($name, $change, $why) = @$case;
        my $dir = counts_dir();
        my $file = leave($dir, 2);
        my $changed = $change->(slurp($file));

        put($file, $changed);

        my $nginx = start_nginx(gateway($dir));
        my $log = $nginx->error_log;
        like($log, qr/\[warn\] .* "\Q$file\E" \Q$why\E: it is renamed to end in ".old", counts of zone "gateway_rate_limiting" begin anew/,
             "a file $name is told");
        is(left('a'), 4, 'counts begin anew');
        is(slurp("$file.old"), $changed, 'it is put aside');
        $nginx->stop('QUIT');

        $nginx = start_nginx(gateway($dir));
        is(left('a'), 3, 'and the new counts are kept');
        is(complaints($nginx), '', 'without a complaint');
        $nginx->stop;
    }

    my $dir = counts_dir();
    my $file = leave($dir, 2);
    my $foreign = slurp($file);
    my $nginx = start_nginx(gateway($dir, secret => "$tmp/other"));
    like($nginx->error_log,
         qr/\[warn\] .* "\Q$file\E" was written under another secret than that of "gateway_secret_file": it is renamed/,
         'a file under another secret is told');
    is(left('a'), 4, 'counts begin anew');
    is(slurp("$file.old"), $foreign, 'and it can be put back');
    $nginx->stop;

    $dir = counts_dir();
    $file = leave($dir, 2);
    my $limits = 'day=5 algorithm=gcra';
    my $more = leave($dir, 2, limits => $limits,
                     zone => 'gateway_rate_limiting_more');
    put($file, slurp($more));
    $nginx = start_nginx(gateway($dir));
    like($nginx->error_log,
         qr/\[warn\] .* "\Q$file\E" is of another zone or another version: it is renamed/,
         'a file of another zone is told');
    is(left('a'), 4, 'counts begin anew');
    $nginx->stop;

    # a file of tomorrow, with what the secret gives

    $dir = counts_dir();
    $file = leave($dir, 2);
    my $future = slurp($file);
    substr($future, 32, 8, pack 'q', time + 86400);
    my $key = hmac_sha256('counts of limits', slurp("$tmp/secret"));
    substr($future, 184, 32, hmac_sha256('head' . substr($future, 0, 184),
                                         $key));
    put($file, $future);
    $nginx = start_nginx(gateway($dir));
    like($nginx->error_log,
         qr/\[warn\] .* "\Q$file\E" was saved in the future, or the clock is wrong: it is renamed/,
         'a wrong clock is told');
    is(left('a'), 4, 'counts begin anew');
    is(slurp("$file.old"), $future, 'and they can be put back');
    $nginx->stop;

    # a test of the configuration changes nothing

    $dir = counts_dir();
    $file = leave($dir, 2);
    put($file, 'x');
    put("$tmp/nginx.conf", Test::Gateway::Server::nginx_conf(
        gateway($dir), root => $tmp) =~ s/\\?\$TEST_NGINX_HTML_DIR/$tmp/r);
    mkdir "$tmp/logs";
    my (undef, undef, $err) = Test::Gateway::Server::run_program(undef,
        Test::Gateway::Server::nginx_binary(), '-t', '-p', $tmp, '-c',
        "$tmp/nginx.conf");
    like($err, qr/"\Q$file\E" is no file of counts: it is ignored/,
         'a test of the configuration tells it');
    is(slurp($file), 'x', 'and leaves it where it is');
}

# a link does not lead elsewhere

{
    my $dir = counts_dir();
    my $file = leave($dir, 2);
    rename $file, "$tmp/elsewhere" or die $!;
    symlink "$tmp/elsewhere", $file or die $!;
    my $nginx = start_nginx(gateway($dir), may_fail => 1);
    like($nginx->stderr . $nginx->error_log,
         qr/\[emerg\] .* counts of zone "gateway_rate_limiting" cannot be kept in "\Q$file\E", which is no regular file/,
         'a link is an error');
    $nginx->stop;

    put("$tmp/precious", 'precious');
    unlink $file;
    symlink "$tmp/precious", "$file.tmp" or die $!;
    leave($dir, 2);
    is(slurp("$tmp/precious"), 'precious', 'no link is written through');
    ok(!-l "$file.tmp", 'it is removed');
    ok(-s $file, 'and the file is written');
}

# directories that cannot be used

for my $case (['a directory without a parent', "$tmp/none/counts",
               qr/mkdir\(\) "\Q$tmp\E\/none\/counts" failed/],
              ['a file', "$tmp/precious",
               qr/"\Q$tmp\E\/precious(?:\/gateway_rate_limiting)?"/])
{
    my ($name, $dir, $error) = @$case;
    my $nginx = start_nginx(gateway($dir), may_fail => 1);
    ok($nginx->{died}, "$name is refused at start");
    like($nginx->stderr . $nginx->error_log, qr/\[emerg\] .*$error/,
         'and named');
    $nginx->stop;
}

SKIP: {
    skip 'root may write everywhere', 1 if $> == 0;

    my $dir = counts_dir();
    mkdir $dir, 0500;
    my $nginx = start_nginx(gateway($dir), may_fail => 1);
    like($nginx->stderr . $nginx->error_log,
         qr/\[emerg\] .* counts of zone "gateway_rate_limiting" cannot be kept in "\Q$dir\E\/gateway_rate_limiting" \(13: /,
         'a directory of somebody else is named');
    $nginx->stop;
}

# workers of another user cannot reach the directory by its path

SKIP: {
    skip 'needs root', 1 if $> != 0;

    mkdir "$tmp/private", 0700 or die $!;
    my $dir = "$tmp/private/counts";
    my $file = "$dir/gateway_rate_limiting";
    my $nginx = start_nginx(gateway($dir, interval => '20ms'));

    ok(wait_until(sub { -s $file }, $patience),
       'a file in a directory that only root can enter');
    is(left('a'), 4, 'a request');
    ok(wait_until(sub { size_of($file) > 216 }, $patience), 'is saved there');
    is(complaints($nginx), '', 'without a complaint');
    kill_all($nginx);
    $nginx = start_nginx(gateway($dir));
    is(left('a'), 3, 'and found again');
    $nginx->stop;
}

# saving fails later

{
    my $dir = counts_dir();
    my $file = "$dir/gateway_rate_limiting";
    my $nginx = start_nginx(gateway($dir, interval => '20ms'));
    my $failed = qr/\[crit\] .* counts of zone "gateway_rate_limiting" cannot be saved to "\Q$file\E", a restart would forget them/;
    my $again = qr/\[notice\] .* counts of zone "gateway_rate_limiting" are saved to "\Q$file\E" again/;

    ok(wait_until(sub { -s $file }, $patience), 'a file');

    my $good;

    for my $round (1 .. 2) {
        ok(wait_until(sub { mkdir "$file.tmp" }, $patience),
           'something is in the way');
        is(left("r$round"), 4, 'counting goes on');
        ok(wait_until(sub { () = $nginx->error_log =~ /$failed/g; },
                      $patience), 'it is told');
        ok(wait_until(sub { (() = $nginx->error_log =~ /$failed/g) == $round },
                      $patience), 'once more');
        is(left("r$round"), 3, 'counting goes on');

        # so many attempts later
        my $until = time + 1;
        wait_until(sub { hit('x'); time > $until }, 3);
        is(() = $nginx->error_log =~ /$failed/g, $round, 'not again');

        rmdir "$file.tmp" or die $!;
        ok(wait_until(sub { (() = $nginx->error_log =~ /$again/g) == $round },
                      $patience), 'that it goes on is told too');
    }

    kill_all($nginx);
    $nginx = start_nginx(gateway($dir));
    is(left('r2'), 2, 'and nothing is lost');
    $nginx->stop;
}

# metrics of it

sub metric {
    my ($name) = @_;
    my $res = http_get('/metrics');
    return if !$res;
    my ($value) = $res->body =~ /^\Q$name\E\{zone="gateway_rate_limiting"\} (\S+)$/m;
    return $value;
}

{
    my $dir = counts_dir();
    my $file = "$dir/gateway_rate_limiting";
    my @metrics = (http => "    gateway_prometheus on;\n", config => <<'_EOC_');
    location = /t {
        gateway_rate_limiting day=5 limit_by=header header_name=X-Key;
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
    location = /metrics {
        gateway_prometheus_metrics names=gateway;
    }
_EOC_
    my $start = time;
    my $nginx = start_nginx(gateway($dir, interval => '20ms', @metrics));
    my ($saved, $failures) = ('gateway_zone_saved_timestamp_seconds',
                              'gateway_zone_save_failures_total');

    ok(wait_until(sub { (metric($saved) // 0) >= $start }, $patience),
       'a metric tells when counts were saved');
    is(metric($failures), 0, 'and another one that nothing failed');

    ok(wait_until(sub { mkdir "$file.tmp" }, $patience), 'it fails');
    ok(wait_until(sub { hit('a'); metric($failures) > 1 }, $patience),
       'which is counted each time');
    rmdir "$file.tmp" or die $!;

    my $now = time + 1;
    ok(wait_until(sub { metric($saved) >= $now }, $patience),
       'time goes on when all is saved, whether or not somebody counts');
    unlike(http_get('/metrics')->body,
           qr/^gateway_zone_save.*zone="(?!gateway_rate_limiting")/m,
           'zones that are not kept have no such metrics');
    $nginx->stop;
}

# a limit on the size of files, a full disk

SKIP: {
    skip 'needs prlimit', 1 if system('prlimit --version > /dev/null 2>&1');

    my $dir = counts_dir();
    my $binary = Test::Gateway::Server::nginx_binary();

    put("$tmp/limited", <<"_EOC_");
#!/bin/sh
exec prlimit --fsize=40000:unlimited $binary "\$@"
_EOC_
    chmod 0755, "$tmp/limited";

    my $nginx;

    {
        local $ENV{TEST_NGINX_BINARY} = "$tmp/limited";
        $nginx = start_nginx(gateway($dir, interval => '20ms',
                                     access => 'access_log off;'));
    }

    is(left('a'), 4, 'files may not become long');
    ok(wait_until(sub { my $file = slurp("$dir/gateway_rate_limiting");
                        defined $file && length $file > 260 }, $patience),
       'this one is short');
    my %old = map { $_ => 1 } $nginx->children;
    hit("k$_") for 1 .. 800;
    ok(wait_until(sub { hit('x');
                        $nginx->error_log =~ /cannot be saved to .*\(27: / },
                  $patience), 'that it is too long is told');
    is(left('a'), 3, 'counting goes on');
    is_deeply([ sort $nginx->children ], [ sort keys %old ],
              'it kills nobody');
    $nginx->stop('QUIT');

    $nginx = start_nginx(gateway($dir));
    ok(left('a') < 4, 'the last file that could be saved is there');
    $nginx->stop;
}

my $mounted;

END { system("umount $mounted") if $mounted }

SKIP: {
    my $dir = counts_dir();
    mkdir $dir;
    skip 'needs to mount', 1
        if $> != 0
           || system("mount -t tmpfs -o size=64k,mode=0700 none $dir 2>&-");

    $mounted = $dir;
    my $nginx = start_nginx(gateway($dir, interval => '20ms'));
    hit("k$_") for 1 .. 300;
    ok(wait_until(sub { size_of("$dir/gateway_rate_limiting") > 20000 }, $patience),
       'a small disk');
    my $good = slurp("$dir/gateway_rate_limiting");
    hit("k$_") for 301 .. 900;
    ok(wait_until(sub { hit('x');
                        $nginx->error_log =~ /cannot be saved to .*\(28: / },
                  $patience), 'that is full is told');
    cmp_ok(length(slurp("$dir/gateway_rate_limiting")), '>=', length $good,
           'the last file stays');
    is(left('k900'), 3, 'counting goes on');
    system("mount -o remount,size=1m $dir");
    ok(wait_until(sub { $nginx->error_log =~ /saved to .* again/ }, $patience),
       'and saving, when there is room');
    $nginx->stop('QUIT');
    $nginx = start_nginx(gateway($dir));
    is(left('k900'), 2, 'nothing is lost');
    $nginx->stop;
    is(system("umount $dir"), 0, 'the disk is given back');
    undef $mounted;
}

# reloads that change what is kept

{
    my $dir = counts_dir();
    my $other = counts_dir();
    my $nginx = start_nginx(gateway($dir, params => ''));
    is(left('a'), 4, 'a zone that is not kept');

    $nginx->reconfigure(gateway($dir));
    ok($nginx->reload(drained => 1), 'reload: now it is');
    is(left('a'), 3, 'with what it had');

    $nginx->reconfigure(gateway($other, secret => "$tmp/other"));
    ok($nginx->reload(drained => 1), 'reload: elsewhere, another secret');
    is(left('a'), 2, 'with what it had');
    $nginx->stop('QUIT');

    $nginx = start_nginx(gateway($other, secret => "$tmp/other"));
    is(left('a'), 1, 'which is there after a restart');

    # an invalid one

    $nginx->reconfigure(gateway("$tmp/none/counts"));
    ok(!$nginx->reload, 'a reload with a wrong directory is refused');
    is(left('a'), 0, 'what runs goes on');
    $nginx->stop('QUIT');
    $nginx = start_nginx(gateway($other, secret => "$tmp/other"));
    is(hit('a')->status, 429, 'and is saved');
    $nginx->stop;
}

# a zone that is smaller than its file

{
    my $dir = counts_dir();
    my $n = 1500;
    my $nginx = start_nginx(gateway($dir));
    hit("k$_") for 1 .. $n;
    $nginx->stop('QUIT');

    $nginx = start_nginx(gateway($dir, size => '64k'));
    my ($left) = $nginx->error_log =~ /\[warn\] .* zone "gateway_rate_limiting" is too small for the counts in "\Q$dir\E\/gateway_rate_limiting": (\d+) of them begin anew/;
    my ($loaded) = $nginx->error_log =~ /(\d+) counts of zone "gateway_rate_limiting" go on from/;
    cmp_ok($loaded, '>', 100, 'a small zone takes some');
    is($loaded + ($left // 0), $n, 'and tells how many it did not take');
    is(left('new'), 4, 'there is room for new ones');
    $nginx->stop('QUIT');

    $nginx = start_nginx(gateway($dir));
    like($nginx->error_log, qr/$loaded counts of zone/,
         'what it had is saved');
    $nginx->stop;
}

# months have up to 31 days, years 366

for my $case ([month => 31], [year => 366]) {
    my ($period, $days) = @$case;
    my $file = leave(counts_dir(), 1, limits => "$period=5");
    my $data = slurp($file);
    is(length $data, 216 + 72, 'one entry');
    my $left = unpack('L', substr($data, 216 + 16, 4)) - time;
    cmp_ok($left, '>', $days * 86400 - 600, "that of a $period lasts as long");
    cmp_ok($left, '<=', $days * 86400, 'and no longer');
}

# a start while the last save is under way waits for it

{
    my $dir = counts_dir();
    my $file = leave($dir, 3);
    rename $file, "$tmp/late" or die $!;
    pipe my $ready, my $tell or die $!;

    my $pid = fork // die $!;
    if (!$pid) {
        open my $fh, '<', $dir or POSIX::_exit(1);
        flock $fh, 2 or POSIX::_exit(2);
        syswrite $tell, 'x';
        select undef, undef, undef, 0.3;
        rename "$tmp/late", $file or POSIX::_exit(3);
        POSIX::_exit(0);
    }

    sysread $ready, my $byte, 1;
    my $nginx = start_nginx(gateway($dir));
    waitpid $pid, 0;
    is($?, 0, 'somebody saves');
    is(left('a'), 1, 'and is waited for');
    $nginx->stop;
}

# windows that have ended are not kept

{
    my $dir = counts_dir();
    my $nginx = start_nginx(gateway($dir, limits => 'second=5'));
    hit('a');
    my $second = time;
    wait_until(sub { time > $second + 1 }, 5);
    $nginx->stop('QUIT');
    $nginx = start_nginx(gateway($dir, limits => 'second=5'));
    like($nginx->error_log, qr/ 0 counts of zone "gateway_rate_limiting" go/,
         'a second that is over is not kept');
    $nginx->stop;
}

# other limits, requests at a time; responses; two directories

sub all {
    my ($dir, $other) = @_;

    return gateway($dir,
        http => "    gateway_response_ratelimiting_zone 1m "
                . "path=$other interval=1h;\n",
        config => <<'_EOC_');
    location = /t {
        gateway_rate_limiting day=5 limit_by=header header_name=X-Key;
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
    location = /sliding {
        gateway_rate_limiting year=5 window_type=sliding limit_by=header
                              header_name=X-Key;
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
    location = /gcra {
        gateway_rate_limiting day=5 algorithm=gcra limit_by=header
                              header_name=X-Key;
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
    location = /named {
        gateway_rate_limiting limits.a.month=3 limits.a.limit_by=header
                              limits.a.header_name=X-Key;
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
    location = /advanced {
        gateway_rate_limiting_advanced limit=3 window_size=864000
            window_type=fixed identifier=header header_name=X-Key;
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
    location = /busy {
        gateway_rate_limiting concurrency=1 limit_by=header header_name=X-Key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location = /video {
        gateway_response_ratelimiting limits.video.day=10;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
_EOC_
}

sub remaining {
    my ($path, $name, @headers) = @_;
    my $res = http_get($path, headers => ['X-Key: a', @headers]);
    return $res ? $res->header($name) // 'none' : 'no answer';
}

{
    my ($dir, $other) = (counts_dir(), counts_dir());
    start_echo();
    my $nginx = start_nginx(all($dir, $other));
    my @video = ('X-RateLimit-Remaining-video-day',
                 'X-Test-Header: X-Kong-Limit: video=3');

    # GCRA gives one back every few hours; all others nothing that soon
    my %first = map { $_ => remaining("/$_", 'RateLimit-Remaining') }
                qw(t sliding gcra named advanced);
    is_deeply(\%first, { t => 4, sliding => 4, gcra => 4, named => 2,
                         advanced => 2 }, 'all kinds of limits');
    remaining('/video', @video);
    is(hit('a', '/busy')->status, 200, 'and requests at a time');

    # the holder of one that never ended
    my $pid = fork // die;
    if (!$pid) {
        # the parent's may have been a moment earlier
        while (my $res = http_get('/busy', headers => ['X-Key: b',
                                                       'X-Test-Delay: 30']))
        {
            last if $res->status != 429;
        }
        POSIX::_exit(0);
    }
    ok(wait_until(sub { my $r = hit('b', '/busy'); $r && $r->status == 429 },
                  $patience), 'one is under way');

    kill 'KILL', $nginx->workers;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    $nginx->stop('TERM');

    ok(-s "$dir/gateway_rate_limiting", 'a zone');
    ok(-s "$dir/gateway_rate_limiting_more", 'and another in its directory');
    ok(-s "$other/gateway_response_ratelimiting", 'and one elsewhere');
    ok(!-e "$dir/gateway_response_ratelimiting", 'only there');

    $nginx = start_nginx(all($dir, $other));
    # /sliding and /gcra are one place, with one entry
    like($nginx->error_log,
         qr/ 3 counts of zone "gateway_rate_limiting_more" go on/,
         'requests at a time are not kept');
    my %second = map { $_ => remaining("/$_", 'RateLimit-Remaining') }
                 qw(t sliding gcra named advanced);
    is_deeply(\%second, { t => 3, sliding => 3, gcra => 3, named => 1,
                          advanced => 1 }, 'all go on');
    is(remaining('/video', @video), 4, 'what responses announced too');
    is(hit('b', '/busy')->status, 200, 'nothing is under way');
    is(complaints($nginx), '', 'without a complaint');
    $nginx->stop;
}

# another binary takes over

my @daemons;

END { kill 'KILL', @daemons if @daemons }

SKIP: {
    skip 'valgrind would not be executed again', 1
        if $ENV{TEST_NGINX_USE_VALGRIND};

    my $dir = counts_dir();
    my $root = "$tmp/upgrade";
    mkdir "$root$_" or die $! for '', '/logs', '/html';
    put("$root/html/index.html", 'hello');
    chmod 0644, "$root/html/index.html";
    put("$root/nginx.conf",
        Test::Gateway::Server::nginx_conf(
            gateway($dir, interval => '20ms'), root => $root)
        =~ s/\$TEST_NGINX_HTML_DIR/$root\/html/r);

    my @start = (Test::Gateway::Server::nginx_binary(), '-p', $root, '-c',
                 "$root/nginx.conf", '-e', "$root/logs/error.log");
    my $pid_of = sub { my ($pid) = (slurp("$root/logs/nginx.pid$_[0]") // '')
                                   =~ /(\d+)/; $pid };
    my $gone = sub { my ($pid) = @_;
                     @daemons = grep { $_ != $pid } @daemons;
                     ok(wait_until(sub { !kill 0, $pid }, $patience),
                        'it ends') };
    my $lines = sub { () = (slurp("$root/logs/error.log") // '')
                           =~ /start cache manager process/g };

    my ($code, undef, $err) = Test::Gateway::Server::run_program(undef,
                                                                 @start);
    is($code, 0, 'a daemon') or diag($err);
    my $old;
    ok(wait_until(sub { $old = $pid_of->('') }, $patience), 'has a pid');
    push @daemons, $old;
    is(left('a'), 4, 'it counts');
    ok(wait_until(sub { size_of("$dir/gateway_rate_limiting") > 216 }, $patience),
       'and saves');

    kill 'USR2', $old;
    my $new;
    ok(wait_until(sub { $new = $pid_of->('');
                        $new && $new != $old && $lines->() == 2 }, $patience),
       'another one starts beside it');
    push @daemons, $new;
    kill 'WINCH', $old;
    ok(wait_until(sub { slurp("/proc/$old/task/$old/children")
                        =~ /^$new *$/ }, $patience),
       'the workers of the old one end');
    is(left('a'), 3, 'the new one goes on');
    kill 'QUIT', $old;
    $gone->($old);
    is(left('a'), 2, 'alone');

    kill 'QUIT', $new;
    $gone->($new);
    is((Test::Gateway::Server::run_program(undef, @start))[0], 0,
       'after the next start');
    ok(wait_until(sub { $new = $pid_of->('') }, $patience), 'it is there');
    push @daemons, $new;
    is(left('a'), 1, 'the counts of the new one are kept');
    unlike(slurp("$root/logs/error.log"), qr/\[(crit|alert|emerg)\]/,
           'without a complaint');
    kill 'QUIT', $new;
    $gone->($new);
}

# directives that are wrong

for my $case (
    ['no secret', 'path=counts', undef,
     qr/"path" of "gateway_rate_limiting_zone" needs "gateway_secret_file": counts are found again by digests under it, in \S+nginx\.conf:\d+$/m],
    ['an unknown parameter', 'paths=counts', "$tmp/secret",
     qr/invalid parameter "paths=counts": expected "path=directory" and "interval=time", once in/],
    ['no directory', 'path=', "$tmp/secret", qr/invalid parameter "path="/],
    ['two directories', 'path=a path=b', "$tmp/secret",
     qr/invalid parameter "path=b"/],
    ['an interval that is none', 'path=a interval=often', "$tmp/secret",
     qr/invalid interval "often": write a time above 0 such as "10s" in/],
    ['no time', 'path=a interval=0', "$tmp/secret", qr/invalid interval "0"/],
    ['an interval alone', 'interval=1s', "$tmp/secret",
     qr/"gateway_rate_limiting_zone" directive has an "interval", which needs a "path" in/],
    ['too much', 'path=a interval=1s x', "$tmp/secret",
     qr/invalid number of arguments in "gateway_rate_limiting_zone"/])
{
    my ($name, $params, $secret, $error) = @$case;
    my $nginx = start_nginx(gateway(undef, params => $params,
                                    secret => $secret), may_fail => 1);
    like($nginx->stderr . $nginx->error_log, qr/\[emerg\] .*$error/, $name);
    $nginx->stop;
}
