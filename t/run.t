# Copyright (C) the ngx_gateway authors
#
# The command run: signals, reload, bad files, --watch; and reload, quit and
# stop from outside.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use File::Temp qw(tempdir);

my $dir = tempdir(CLEANUP => 1);
my $tool = build_dir() . '/ngx-gateway';
my $port = port();
my @common = ('--set', "proxy_listen=127.0.0.1:$port",
              '--set', 'status_listen=off',
              '--set', 'nginx_worker_processes=1',
              '--nginx', Test::Gateway::Server::nginx_binary());

chmod 0755, $dir;


sub write_config {
    my ($text) = @_;
    open my $fh, '>', "$dir/kong.yml.new" or die $!;
    print $fh $text;
    close $fh;
    rename "$dir/kong.yml.new", "$dir/kong.yml" or die $!;
}


# a route that redirects answers by itself
sub config_of {
    my ($code) = @_;
    return <<"_EOC_";
_format_version: "3.0"
routes:
- name: r
  paths: [/]
  protocols: [https]
  https_redirect_status_code: $code
_EOC_
}


sub start_run {
    my (@args) = @_;
    return spawn($tool, 'run', "$dir/kong.yml", '-p', "$dir/prefix", @common,
                 @args);
}


# in $dir, where relative prefixes begin
sub spawn {
    my (@command) = @_;
    unlink "$dir/stderr";
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        chdir $dir or die $!;
        open STDERR, '>', "$dir/stderr" or die $!;
        exec @command;
        die "exec: $!";
    }

    return $pid;
}


sub slurp {
    my ($path) = @_;
    open my $fh, '<', $path or return '';
    local $/;
    return scalar(<$fh>) // '';
}


sub write_pid {
    my ($pid) = @_;
    open my $fh, '>', "$dir/prefix/nginx.pid" or die $!;
    print $fh "$pid\n";
    close $fh;
}


# what does not run in the prefix is not signalled, and run starts
sub is_stale {
    my ($pid, $name) = @_;

    for my $command (qw(reload quit stop)) {
        write_pid($pid);
        my ($code, undef, $err) = run_tool($dir, $command, '-p',
                                           "$dir/prefix", @common[-2, -1]);
        is($code, 3, "$name: nothing to $command");
        like($err, qr/no nginx runs in/, "$name: which $command says");
    }

    write_pid($pid);
    my $run = start_run();
    ok(wait_until(sub { status() == 301 }, 10), "$name: run starts")
        or diag(stderr_text());
    kill TERM => $run;
    is(exit_code($run), 0, "$name: and ends");
}


# $pid is an nginx in the prefix that the tool did not start
sub is_running {
    my ($pid, $name) = @_;
    my $at = { 'by another name' => "$dir/link", 'relative' => 'prefix',
               'absolute' => "$dir/prefix" };

    ok(wait_until(sub { status() == 301 && -s "$dir/prefix/nginx.pid" }, 10),
       "$name: it serves") or diag(stderr_text());

    for my $how (sort keys %$at) {
        my ($code, undef, $err) = run_tool($dir, 'run', "$dir/kong.yml", '-p',
                                           $at->{$how}, @common);
        is($code, 3, "$name, $how: no second one starts");
        like($err, qr/nginx $pid already runs in/, "$name, $how: it says why");

        ($code, undef, $err) = run_tool($dir, 'reload', '-p', $at->{$how},
                                        @common[-2, -1]);
        is($code, 0, "$name, $how: reload") or diag($err);
    }

    my ($code, undef, $err) = run_tool($dir, 'stop', '-p', "$dir/prefix");
    is($code, 0, "$name: stop") or diag($err);
    is(exit_code($pid), 0, "$name: ends it");
}


sub status {
    my $res = http_get('/', timeout => 2);
    return $res ? $res->status : 0;
}


# for a moment after a reload the old workers accept connections too
sub settles {
    my ($code) = @_;

    return wait_until(sub {
        for (1 .. 20) {
            return 0 unless status() == $code;
            select undef, undef, undef, 0.01;
        }
        return 1;
    }, 10);
}


sub stderr_text {
    return slurp("$dir/stderr");
}


sub exit_code {
    my ($pid) = @_;
    my $code;
    wait_until(sub {
        return 0 if waitpid($pid, 1) == 0;
        $code = $? & 127 ? "signal $?" : $? >> 8;
        return 1;
    }, 10) or return 'still there';
    return $code;
}


write_config(config_of(301));
my $pid = start_run();
ok(wait_until(sub { status() == 301 }, 10), 'it serves') or diag(stderr_text());
my $where = "serves proxy_listen 127.0.0.1:$port";
ok(wait_until(sub {
    stderr_text() =~ /^ngx-gateway: nginx \d+ \Q$where\E$/m;
}, 10), 'and says where') or diag(stderr_text());

my ($code, $out, $err) = run_tool($dir, 'run', "$dir/kong.yml", '-p',
                                  "$dir/prefix", @common);
is($code, 3, 'a second one in the same directory does not start');
like($err, qr/already runs in/, 'and says why');

write_config(config_of(302));
kill HUP => $pid;
ok(settles(302), 'SIGHUP reads the file anew');

write_config(config_of(300));
kill HUP => $pid;
ok(wait_until(sub { stderr_text() =~ /stays as it was/ }, 10),
   'a bad file is refused');
like(stderr_text(), qr/kong\.yml:6:\d+: error: /, 'it says why');
ok(settles(302), 'and leaves what runs');

write_config(config_of(307));
($code, $out, $err) = run_tool($dir, 'compile', "$dir/kong.yml", '-o',
                               "$dir/prefix", @common);
is($code, 0, 'compile into the running directory') or diag($err);
is(status(), 302, 'changes nothing by itself');
($code, $out, $err) = run_tool($dir, 'reload', '-p', "$dir/prefix", @common);
is($code, 0, 'reload') or diag($err);
ok(settles(307), 'takes it over');

kill QUIT => $pid;
is(exit_code($pid), 0, 'SIGQUIT ends it');
is(status(), 0, 'and nginx');

write_config(config_of(308));
$pid = start_run('--watch');
ok(wait_until(sub { status() == 308 }, 10), 'it starts again, with --watch');
write_config(config_of(301));
ok(settles(301), 'a changed file is taken over');
write_config("services: [\n");
ok(wait_until(sub { stderr_text() =~ /stays as it was/ }, 10),
   'a broken one is not');
is(status(), 301, 'what was there goes on');

($code) = run_tool($dir, 'stop', '-p', "$dir/prefix");
is($code, 0, 'stop');
is(exit_code($pid), 0, 'ends run');
($code, $out, $err) = run_tool($dir, 'quit', '-p', "$dir/prefix");
is($code, 3, 'nothing is left to quit');
like($err, qr/no nginx runs in/, 'which it says');

write_config(config_of(301));
$pid = start_run();
ok(wait_until(sub { status() == 301 }, 10), 'a last time');
kill KILL => $pid;
exit_code($pid);
ok(wait_until(sub { status() == 0 }, 10),
   'nginx does not outlive a run that was killed');

write_config("nonsense\n");
$pid = start_run();
is(exit_code($pid), 1, 'a bad file at the start: exit status 1');

# what the pid file names
write_config(config_of(301));

my $sleeper = spawn($^X, '-e', 'sleep 1000', '--', '-p', "$dir/prefix", '-c',
                    'nginx.conf');
is_stale($sleeper, 'another program');
is(waitpid($sleeper, 1), 0, 'which was left alone');
kill KILL => $sleeper;
ok(wait_until(sub { slurp("/proc/$sleeper/stat") =~ /\) Z / }, 10),
   'a zombie');
is_stale($sleeper, 'a zombie');
waitpid $sleeper, 0;
is_stale($sleeper, 'a process that is gone');
is_stale(0, 'no number');
is_stale('-1', 'all processes');
is_stale($$, 'this test');

my $other_port = port(1);
my @other = ($tool, 'run', "$dir/kong.yml", '-p', "$dir/prefix two",
             '--set', "proxy_listen=127.0.0.1:$other_port",
             @common[2 .. $#common]);
my $other = spawn(@other);
ok(wait_until(sub { stderr_text() =~ / serves / }, 10), 'another prefix')
    or diag(stderr_text());
my $other_nginx = slurp("$dir/prefix two/nginx.pid") + 0;
is_stale($other_nginx, 'the nginx of another prefix');
my $worker;
ok(wait_until(sub {
    ($worker) = split ' ',
        slurp("/proc/$other_nginx/task/$other_nginx/children");
    return $worker && slurp("/proc/$worker/cmdline") =~ /^nginx: worker/;
}, 10), 'which has a worker');
is_stale($worker, 'a worker');
($code, $out, $err) = run_tool($dir, @other[1 .. $#other]);
is($code, 3, 'a prefix with a space is told from the one without');
like($err, qr/nginx $other_nginx already runs in/, 'also in the message');

my $taken = spawn(@other[0 .. 3], "$dir/prefix", @other[5 .. $#other]);
is(exit_code($taken), 1, 'a port that is taken: exit status 1');
like(stderr_text(), qr/^ngx-gateway: nginx did not start$/m, 'it says so');
unlike(stderr_text(), qr/ serves /, 'and nothing else');

kill TERM => $other;
is(exit_code($other), 0, 'the other prefix ends');

# started by hand
($code, $out, $err) = run_tool($dir, 'compile', "$dir/kong.yml", '-o',
                               "$dir/prefix", @common);
is($code, 0, 'compile') or diag($err);
symlink 'prefix', "$dir/link" or die $!;
my $nginx = Test::Gateway::Server::nginx_binary();

is_running(spawn($nginx, '-p', 'prefix', '-c', 'nginx.conf', '-g',
                 'daemon off;'), 'with a relative prefix');
is_running(spawn($nginx, '-qp./link/', '-c', 'nginx.conf', '-g',
                 'daemon off;'), 'over a link');
is_running(spawn($nginx, '-p', "$dir/prefix", '-c', 'nginx.conf', '-g',
                 'daemon off; master_process off;'), 'without a master');
