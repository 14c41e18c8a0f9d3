# Copyright (C) the ngx_gateway authors
#
# rate_limiting, response_ratelimiting: counts that survive restarts.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::Gateway::Server;
use Test::More;
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
    my $http = defined $secret ? "gateway_secret_file $secret;\n" : '';

    return (
        master => 1, workers => 2, log_level => 'notice', %o,
        http_config => "$http    gateway_rate_limiting_zone $size $params;\n"
                       . ($o{http} // ''),
        config => $o{config} // <<"_EOC_",
    location = /t {
        gateway_rate_limiting $limits limit_by=header header_name=X-Key;
        alias \$TEST_NGINX_HTML_DIR/index.html;
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
    return join '', grep { /\[(warn|error|crit|alert|emerg)\]/
                           && !/variables_hash/ }
                    split /^/, $nginx->error_log;
}

# tests of days begin anew at midnight
sub same_day {
    my $now = time;
    sleep 61 - $now % 60 if $now % 86400 > 86400 - 90;
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

    $nginx->stop('QUIT');
    cmp_ok(-s $file, '>', $empty, 'counts are written in the end');
    is((stat $file)[2] & 0777, 0600, 'for its owner only');
    unlike(slurp($file), qr/X-Key|\ba\b.*\bb\b/s, 'without who was counted');
    ok(!-e "$file.tmp", 'nothing else is left');

    $nginx = start_nginx(gateway($dir, root => $nginx->{root}));
    like($nginx->error_log, qr/2 counts of zone "gateway_rate_limiting" go on/,
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
    my @pids = ($nginx->pid, $nginx->children);
    cmp_ok(@pids, '>=', 4, 'master, workers and who saves');
    kill 'KILL', @pids;
    ok(wait_until(sub { !grep { kill 0, $_ } @pids[1 .. $#pids] }, $patience),
       'all are killed');
    eval { $nginx->stop };

    $nginx = start_nginx(gateway($dir, root => $nginx->{root}));
    is(left('a'), 3, 'nothing saved is lost');
    $nginx->stop;
}

