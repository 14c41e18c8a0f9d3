# Copyright (C) the ngx_gateway authors
#
# Starts, reloads and stops what a test needs: nginx from a configuration,
# nginx from a compiled kong.yml, upstreams.  Everything listens on
# 127.0.0.1, lives in a directory of its own and ends with the test.

package Test::Gateway::Server;

use strict;
use warnings;

use Cwd qw(abs_path);
use Encode ();
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Text::ParseWords qw(shellwords);
use Time::HiRes qw(time);

use Test::Gateway::Echo ();

my $owner = $$;
my @running;
my $echo_pid;
my @node_pids;
my @roots;
our $failed;            # set by the runner: keep the directories


# Ports of this test: a base from TEST_NGINX_PORT, else a free stretch, so
# that any number of tests run side by side.
sub setup_env {
    return if $ENV{TEST_NGINX_UPSTREAM_PORT} && $ENV{_TEST_GATEWAY_PID}
              && $ENV{_TEST_GATEWAY_PID} == $$;

    $ENV{_TEST_GATEWAY_PID} = $$;
    my $base = $ENV{TEST_NGINX_PORT} || free_base();
    $ENV{TEST_NGINX_PORT} = $base;
    $ENV{TEST_NGINX_SERVER_PORT} = $base;
    $ENV{"TEST_NGINX_PORT_$_"} = $base + $_ for 1 .. 9;
    $ENV{TEST_NGINX_SSL_PORT} = $base + 10;
    $ENV{TEST_NGINX_STATUS_PORT} = $base + 11;
    $ENV{TEST_NGINX_UNUSED_PORT} = $base + 12;

    for my $i (1 .. 4) {
        my $n = $i == 1 ? '' : "_$i";
        $ENV{"TEST_NGINX_UPSTREAM_PORT$n"} = $base + 12 + $i;
        $ENV{"TEST_NGINX_ECHO_PORT$n"} = $base + 16 + $i;
    }

    $ENV{GATEWAY_BUILD} = abs_path($ENV{GATEWAY_BUILD} // 'build') // 'build';
}


# 20 ports below the range that the system hands out for outgoing sockets
sub free_base {
    for my $try (0 .. 200) {
        my $base = 10000 + (($$ + $try * 7) % 800) * 25;
        my @held;
        for my $p ($base .. $base + 20) {
            my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                          LocalPort => $p, Listen => 1,
                                          ReuseAddr => 1) or last;
            push @held, $s;
        }
        return $base if @held == 21;
    }
    die "no free ports\n";
}


sub port {
    my ($n) = @_;
    return $n ? $ENV{"TEST_NGINX_PORT_$n"} : $ENV{TEST_NGINX_SERVER_PORT};
}


sub build_dir { return $ENV{GATEWAY_BUILD} }


# undef: not built, or linked into the binary
sub module_path {
    my $so = "$ENV{GATEWAY_BUILD}/modules/ngx_http_gateway_module.so";
    return -e $so ? $so : undef;
}


# ours of http{}, after it those with libraries of their own that the text
# needs, and what stream{} needs besides, in order: nginx's own, and ours
sub load_modules {
    my ($stream, $text) = @_;
    my $so = module_path();
    my @load = $so // ();

    for my $own (qw(ldap_auth body_conversion)) {
        if (defined $so && ($text // '') =~ /\bgateway_$own/) {
            push @load, "$ENV{GATEWAY_BUILD}/modules/"
                . "ngx_http_gateway_${own}_module.so";
        }
    }

    if ($stream) {
        my $v = (run_program(undef, nginx_binary(), '-V'))[2];
        my ($path) = $v =~ /--modules-path=(\S+)/;
        unshift @load, "$path/ngx_stream_module.so"
            if $v =~ /--with-stream=dynamic/;
        my $ours = "$ENV{GATEWAY_BUILD}/modules/ngx_stream_gateway_module.so";
        push @load, $ours if defined $so && -e $ours;
    }

    return join '', map { "load_module $_;\n" } @load;
}


sub nginx_binary {
    return $ENV{TEST_NGINX_BINARY} if $ENV{TEST_NGINX_BINARY};
    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin') {
        return "$dir/nginx" if -x "$dir/nginx";
    }
    die "no nginx found, set TEST_NGINX_BINARY\n";
}


# workers may run as another user, so others may enter
sub new_root {
    my $dir = $ENV{TEST_NGINX_SERVROOT};

    # under the original runner that one is its own
    if ($dir && !$ENV{TEST_NGINX_ORIGINAL}) {
        remove_tree($dir) if -e "$dir/.ngx_gateway_test";
        make_path($dir);

    } else {
        $dir = File::Temp::tempdir('ngx_gateway_t_XXXXXX', TMPDIR => 1);
    }

    chmod 0755, $dir;
    write_file("$dir/.ngx_gateway_test", '');
    push @roots, $dir;
    return $dir;
}


sub write_file {
    my ($path, $data, $mode) = @_;
    make_path(dirname($path));
    open my $fh, '>:raw', $path or die "cannot write $path: $!\n";
    print $fh utf8::is_utf8($data) ? Encode::encode_utf8($data) : $data;
    close $fh;
    chmod $mode, $path if defined $mode;
}


sub read_file {
    my ($path) = @_;
    open my $fh, '<:raw', $path or return '';
    local $/;
    return <$fh> // '';
}


# True as soon as the sub is; asks again every few milliseconds.
sub wait_until(&;$) {
    my ($code, $seconds) = @_;
    my $deadline = time + ($seconds // 5);

    while (1) {
        my $r = $code->();
        return $r if $r;
        return $r if time > $deadline;
        select(undef, undef, undef, 0.003);
    }
}


sub expand {
    my ($text, $name) = @_;
    return $text if !defined $text || ref $text;
    $text =~ s{\$(?:\{(TEST_NGINX_[A-Z0-9_]+)\}|(TEST_NGINX_[A-Z0-9_]+))}{
        my $v = $1 // $2;
        $ENV{$v} // die "$name: no environment variable $v\n"
    }ge;
    return $text;
}


# fork and exec; output goes to file
sub spawn {
    my ($out, @cmd) = @_;
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $out or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        exec { $cmd[0] } @cmd or POSIX::_exit(127);
    }

    return $pid;
}


# Runs a program to its end: (exit code, stdout, stderr).
sub run_program {
    my ($dir, @cmd) = @_;
    my $tmp = File::Temp::tempdir('ngx_gateway_o_XXXXXX', TMPDIR => 1,
                                  CLEANUP => 1);
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        chdir $dir if defined $dir;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$tmp/out" or POSIX::_exit(126);
        open STDERR, '>', "$tmp/err" or POSIX::_exit(126);
        exec { $cmd[0] } @cmd or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    my $code = WIFEXITED($?) ? WEXITSTATUS($?) : 128 + WTERMSIG($?);
    my @r = ($code, read_file("$tmp/out"), read_file("$tmp/err"));
    remove_tree($tmp);
    return @r;
}


# ngx-gateway with these arguments, in dir
sub run_tool {
    my ($dir, @args) = @_;
    return run_program($dir, "$ENV{GATEWAY_BUILD}/ngx-gateway", @args);
}


# start_echo(): the text upstream on its four ports, once per test file
sub start_echo {
    return if $echo_pid;
    my @listeners = Test::Gateway::Echo::listen_on(
        map { $ENV{"TEST_NGINX_ECHO_PORT$_"} } '', '_2', '_3', '_4');

    my $parent = $$;
    $echo_pid = fork // die "fork: $!\n";
    if (!$echo_pid) {
        $SIG{TERM} = 'DEFAULT';
        # not tied to the harness' pipe, or a crash would hang it
        open STDOUT, '>', '/dev/null';
        eval { Test::Gateway::Echo::serve(@listeners) };
        warn $@ if $@;
        POSIX::_exit(1);
    }

    close $_ for @listeners;
}


# Where scripts/test puts the packages of t/lib/node; undef: not there.
sub node_modules {
    for my $dir ($ENV{GATEWAY_NODE_MODULES} // (),
                 "$ENV{GATEWAY_BUILD}/node/node_modules")
    {
        return $dir if -d $dir;
    }
    return undef;
}


# Why scripts of t/lib/node cannot run here; undef: they can.
sub no_node {
    return 'needs node' unless grep { -x "$_/node" } split /:/, $ENV{PATH};
    return 'needs the packages of t/lib/node, which scripts/test installs'
        unless defined node_modules();
    return undef;
}


# start_node(script, args ...): a server of t/lib/node, which has said
# "ready"; returns the file with its output.
sub start_node {
    my ($script, @args) = @_;
    my $out = new_root() . "/$script.log";

    local $ENV{NODE_PATH} = node_modules();
    my $pid = spawn($out, 'node', "t/lib/node/$script", @args);
    push @node_pids, $pid;

    wait_until(sub { read_file($out) =~ /^ready$/m
                     || waitpid($pid, WNOHANG) }, 20);
    die "$script did not start:\n" . read_file($out)
        unless read_file($out) =~ /^ready$/m;

    return $out;
}


# run_node(script, args ...): a script of t/lib/node to its end
sub run_node {
    my ($script, @args) = @_;
    local $ENV{NODE_PATH} = node_modules();
    return run_program(undef, 'node', "t/lib/node/$script", @args);
}


# A configuration around the parts that a test gives.
sub nginx_conf {
    my (%o) = @_;
    my $root = $o{root};
    my $load = $o{no_module} ? '' : load_modules(defined $o{stream_config},
        join "\n", map { $o{$_} // () } qw(http_config config));
    my $root_location = $o{no_root_location} ? ''
        : "location / { root $root/html; index index.html index.htm; }";
    my $stream = defined $o{stream_config}
        ? "stream {\n$o{stream_config}\n}\n" : '';
    my $workers = $o{workers} // 1;
    my $master = $o{master} ? 'on' : 'off';
    my $level = $o{log_level} // $ENV{TEST_NGINX_LOG_LEVEL} // 'debug';
    my $connections = $o{worker_connections} // 128;
    my $http2 = $o{http2} ? ' http2' : '';
    my $env = join '', map { "env $_;\n" } @{ $o{env} // [] };
    my $temp = join "\n    ", map { "${_}_temp_path $root/${_}_temp;" }
               qw(client_body proxy), temp_modules();
    my $name = $o{server_name} // 'localhost';
    my $main = $o{main_config} // '';
    my $http = $o{http_config} // '';
    my $config = $o{config} // '';
    my $post = $o{post_main_config} // '';

    return <<"_EOC_";
worker_processes $workers;
master_process $master;
error_log $root/logs/error.log $level;
pid $root/logs/nginx.pid;
$env
$load$main

http {
    access_log $root/logs/access.log;
    $temp
    default_type text/plain;
    keepalive_timeout 68s;

$http

    server {
        listen 127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}$http2;
        server_name '$name';
        client_max_body_size 30M;

$config

        $root_location
    }
}

$stream
events {
    worker_connections $connections;
}
$post
_EOC_
}


# temp paths that exist in this nginx
{
    my @modules;
    my $seen;

    sub temp_modules {
        return @modules if $seen++;
        my $v = (run_program(undef, nginx_binary(), '-V'))[2];
        @modules = grep { $v !~ /--without-http_${_}_module/ }
                   qw(fastcgi uwsgi scgi);
        return @modules;
    }
}


# A server-level configuration for the upstreams of a test.
sub upstream_conf {
    my ($root, %servers) = @_;
    my $temp = join "\n    ", map { "${_}_temp_path $root/${_}_temp;" }
               qw(client_body proxy), temp_modules();
    my $servers = join '', map {
        my $p = $_ == 1 ? 'TEST_NGINX_UPSTREAM_PORT'
                        : "TEST_NGINX_UPSTREAM_PORT_$_";
        "    server {\n        listen 127.0.0.1:$ENV{$p};\n$servers{$_}\n    }\n"
    } sort keys %servers;

    return <<"_EOC_";
worker_processes 1;
master_process off;
error_log $root/logs/error.log info;
pid $root/logs/nginx.pid;
events { worker_connections 256; }
http {
    access_log $root/logs/access.log;
    $temp
    default_type text/plain;
    keepalive_requests 100000;
$servers}
_EOC_
}


# start_nginx(config => ..., http_config => ..., main_config => ...,
#             yaml => ..., compile_args => ..., workers => N, master => 1,
#             user_files => {path => text}, conf => whole file)
# A running nginx, or with may_fail one whose {died} is set.  Dies with
# nginx's own words otherwise.
sub start_nginx {
    my (%o) = @_;
    my $root = $o{root} // new_root();
    my $self = bless { root => $root, prefix => $root, died => 0 },
               'Test::Gateway::Process';
    local $ENV{TEST_NGINX_SERVROOT} = $root;
    local $ENV{TEST_NGINX_SERVER_ROOT} = $root;
    local $ENV{TEST_NGINX_HTML_DIR} = "$root/html";
    my $name = $o{name} // 'start_nginx';

    make_path("$root/logs", "$root/html", "$root/conf");
    write_file("$root/html/index.html",
               "<html><head><title>It works!</title></head>"
               . "<body>It works!</body></html>\n")
        unless -e "$root/html/index.html";

    my $files = $o{user_files} // {};
    for my $file (keys %$files) {
        my $path = $file =~ m{^/} ? $file : "$root/html/$file";
        write_file($path, expand($files->{$file}, $name));
    }

    my $conf;

    if (defined $o{yaml}) {
        $conf = $self->compile($name, %o) or return $self;
        $self->{port} = $ENV{TEST_NGINX_SERVER_PORT};

    } else {
        for (qw(config http_config main_config post_main_config
                stream_config conf))
        {
            $o{$_} = expand($o{$_}, $name) if defined $o{$_};
        }
        $conf = "$root/conf/nginx.conf";
        write_file($conf, $o{conf} // nginx_conf(%o, root => $root));
        $self->{port} = $ENV{TEST_NGINX_SERVER_PORT};
    }

    $self->{conf} = $conf;
    $self->{name} = $name;
    $self->start;

    if ($self->{died} && !$o{may_fail}) {
        $failed = 1;
        die "$name: nginx did not start:\n" . $self->stderr
            . $self->error_log . "\n";
    }

    return $self;
}


sub stop_nginx { $_[0]->stop }

sub reload_nginx { $_[0]->reload }


# On a signal the children must go too: exit runs END.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

END {
    if ($$ == $owner) {
        my $status = $?;
        $_->stop for grep { $_->{pid} } @running;

        if ($echo_pid) {
            kill 'TERM', $echo_pid;
            waitpid $echo_pid, 0;
        }

        for my $pid (@node_pids) {
            kill 'TERM', $pid;
            waitpid $pid, 0;
        }

        if ($failed || $status || $ENV{TEST_NGINX_NO_CLEAN}) {
            print STDERR "# kept: $_\n" for grep { -d } @roots;

        } else {
            remove_tree(@roots);
        }

        $? = $status;
    }
}


package Test::Gateway::Process;

use POSIX qw(:sys_wait_h);
use Text::ParseWords qw(shellwords);

# kong.yml to a prefix; undef after an error, which is then in stderr
sub compile {
    my ($self, $name, %o) = @_;
    my $root = $self->{root};
    my $prefix = "$root/prefix";
    my $yaml = Test::Gateway::Server::expand($o{yaml}, $name);
    my @args = map { Test::Gateway::Server::expand($_, $name) }
               map { chomp(my $a = $_); shellwords($a) }
               split /\n/, $o{compile_args} // '';
    my $given = join ' ', @args;
    my @set;

    push @set, '--set', "proxy_listen=127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}"
        unless $given =~ /proxy_listen=/;
    push @set, '--set', "status_listen=127.0.0.1:$ENV{TEST_NGINX_STATUS_PORT}"
        unless $given =~ /status_listen=/;
    push @set, '--set', 'nginx_worker_processes=' . ($o{workers} // 1)
        unless $given =~ /nginx_worker_processes=/;
    push @set, '--set', 'log_level=' . ($o{log_level} // 'debug')
        unless $given =~ /log_level=/;
    push @set, '--nginx', Test::Gateway::Server::nginx_binary()
        unless $given =~ /--nginx/;
    push @set, '--modules', $ENV{GATEWAY_MODULES} if $ENV{GATEWAY_MODULES};

    Test::Gateway::Server::write_file("$root/kong.yml", $yaml);
    my ($code, $out, $err) = Test::Gateway::Server::run_tool(
        $root, 'compile', 'kong.yml', '-o', $prefix, @set, @args);

    $self->{prefix} = $prefix;
    $self->{tool_stderr} = $err;
    $self->{compile_opts} = { name => $name, %o };

    if ($code) {
        $self->{died} = 1;
        return undef if $o{may_fail};
        $Test::Gateway::Server::failed = 1;
        die "$name: ngx-gateway compile exited with $code:\n$err";
    }

    return "$prefix/nginx.conf";
}


sub start {
    my ($self) = @_;
    my $nginx = Test::Gateway::Server::nginx_binary();
    my @pid_files = map { "$self->{prefix}/$_" }
                    qw(logs/nginx.pid nginx.pid pids/nginx.pid);
    my @cmd = ($nginx, '-p', "$self->{prefix}/", '-c', $self->{conf},
               '-e', $self->error_log_path, '-g', 'daemon off;');

    if ($ENV{TEST_NGINX_USE_VALGRIND}) {
        # workers may end with connections open: those are "possibly" lost
        unshift @cmd, '/usr/bin/valgrind', '-q', '--leak-check=full',
                '--show-leak-kinds=definite',
                '--suppressions=t/lib/valgrind.supp',
                split(' ', $ENV{TEST_NGINX_USE_VALGRIND} =~ /^-/
                           ? $ENV{TEST_NGINX_USE_VALGRIND} : '');
    }

    unlink @pid_files;
    mkdir "$self->{prefix}/logs";
    $self->{stderr_file} = "$self->{root}/logs/stderr.log";
    $self->{pid} = Test::Gateway::Server::spawn($self->{stderr_file}, @cmd);
    push @running, $self;

    # the pid file is written when all sockets listen
    my $up = Test::Gateway::Server::wait_until {
        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            $self->{died} = 1;
            $self->{exit} = WIFEXITED($?) ? WEXITSTATUS($?)
                                          : 128 + WTERMSIG($?);
            delete $self->{pid};
            return 1;
        }
        return grep {
            Test::Gateway::Server::read_file($_) =~ /^$self->{pid}\n/
        } @pid_files;
    } ($ENV{TEST_NGINX_USE_VALGRIND} ? 30 : 10);

    if (!$up) {
        $Test::Gateway::Server::failed = 1;
        die "$self->{name}: nginx does not come up:\n", $self->error_log;
    }
}


sub error_log_path { return "$_[0]{prefix}/logs/error.log" }

sub access_log_path { return "$_[0]{prefix}/logs/access.log" }


sub error_log {
    my ($self, $from) = @_;
    my $text = Test::Gateway::Server::read_file($self->error_log_path);
    $from //= 0;
    return $from > length $text ? '' : substr($text, $from);
}


sub access_log {
    my ($self) = @_;
    return Test::Gateway::Server::read_file($self->access_log_path);
}


# what nginx, and a sanitizer in it, wrote to its stderr
sub stderr {
    my ($self) = @_;
    return ($self->{tool_stderr} // '')
           . Test::Gateway::Server::read_file($self->{stderr_file} // '');
}


sub pid { return $_[0]{pid} }


# pids of the workers that serve; empty with master_process off
sub workers {
    my ($self) = @_;
    my @kids;

    for my $f (glob "/proc/$self->{pid}/task/*/children") {
        push @kids, split ' ', Test::Gateway::Server::read_file($f);
    }

    # valgrind keeps the titles to itself; the log has the same at "notice"
    if ($ENV{TEST_NGINX_USE_VALGRIND}) {
        my $log = $self->error_log;
        my %is = map { $_ => 1 } $log =~ /start worker process (\d+)/g;

        delete @is{$log =~ /(\d+)#\d+: gracefully shutting down/g};
        return grep { $is{$_} } @kids;
    }

    return grep {
        my $title = Test::Gateway::Server::read_file("/proc/$_/cmdline");
        $title =~ /worker process/ && $title !~ /shutting down/
    } @kids;
}


# all children, old workers that still drain included
sub children {
    my ($self) = @_;
    return map { split ' ', Test::Gateway::Server::read_file($_) }
           glob "/proc/$self->{pid}/task/*/children";
}


# Replaces the configuration: config parts or yaml as for start_nginx().
# Call reload() afterwards.
sub reconfigure {
    my ($self, %o) = @_;
    local $ENV{TEST_NGINX_SERVROOT} = $self->{root};
    local $ENV{TEST_NGINX_SERVER_ROOT} = $self->{root};
    local $ENV{TEST_NGINX_HTML_DIR} = "$self->{root}/html";

    if (defined $o{yaml}) {
        return $self->compile($self->{name}, %{ $self->{compile_opts} // {} },
                              %o);
    }

    for (qw(config http_config main_config stream_config conf)) {
        $o{$_} = Test::Gateway::Server::expand($o{$_}, $self->{name})
            if defined $o{$_};
    }

    Test::Gateway::Server::write_file($self->{conf}, $o{conf}
        // Test::Gateway::Server::nginx_conf(%o, root => $self->{root}));
}


# HUP, then waits until only new workers serve.  False when nginx refused
# the configuration or was too slow.  Needs master => 1 or a compiled conf.
sub reload {
    my ($self, %o) = @_;

    # the port is open a moment before the first worker is there
    Test::Gateway::Server::wait_until { $self->workers > 0 } 2;

    my %old = map { $_ => 1 } $self->workers;
    my $mark = length $self->error_log;
    my $want = keys %old;

    die "reload needs a master process\n" unless $want;
    kill 'HUP', $self->{pid};

    my $r = Test::Gateway::Server::wait_until {
        return -1 if $self->error_log($mark) =~ /\[emerg\]/;
        my @now = $self->workers;
        return @now && !grep { $old{$_} } @now;
    } ($o{timeout} // 10);

    return 0 if !$r || $r < 0;
    return 1 unless $o{drained};

    return Test::Gateway::Server::wait_until {
        !grep { $old{$_} } $self->children;
    } ($o{timeout} // 10);
}


# Returns what a sanitizer or valgrind had to say, '' normally.
sub stop {
    my ($self, $signal) = @_;
    @running = grep { $_ != $self } @running;

    if (my $pid = delete $self->{pid}) {
        kill $signal // 'TERM', $pid;
        my $gone = Test::Gateway::Server::wait_until {
            waitpid($pid, WNOHANG) != 0
        } 5;

        # nginx without a master may miss one that comes just before it waits
        # for events: nothing wakes it then but another one

        if (!$gone) {
            kill $signal // 'TERM', $pid;
            $gone = Test::Gateway::Server::wait_until {
                waitpid($pid, WNOHANG) != 0
            } 10;
        }

        if (!$gone) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
            $self->{killed} = 1;
        }
    }

    return join "\n", grep {
        /(?:AddressSanitizer|LeakSanitizer|runtime error:|^==\d+== )/
    } split /\n/, $self->stderr;
}


# waits for a line; true when it came
sub wait_log {
    my ($self, $pattern, $seconds) = @_;
    return Test::Gateway::Server::wait_until {
        ref $pattern ? $self->error_log =~ $pattern
                     : index($self->error_log, $pattern) >= 0;
    } $seconds // 5;
}

1;
