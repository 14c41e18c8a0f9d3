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
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        open STDERR, '>', "$dir/stderr" or die $!;
        exec $tool, 'run', "$dir/kong.yml", '-p', "$dir/prefix", @common,
             @args;
        die "exec: $!";
    }

    return $pid;
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
    open my $fh, '<', "$dir/stderr" or return '';
    local $/;
    return scalar <$fh>;
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
