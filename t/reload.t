# Copyright (C) the ngx_gateway authors
#
# reload: what becomes of a worker's connections when it is told to quit.
# The blocks at the end are about the directive.
#
# GATEWAY_RELOADS sets how often the busy gateway is reloaded.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::Gateway::Load;
use Test::More;
use IO::Socket::INET;
use IO::Socket::SSL;

# a name in the test blocks below: run_tests is called there
my $valgrind = $ENV{TEST_NGINX_USE_VALGRIND};
my $patience = $valgrind ? 60 : 20;


# nginx by hand, one worker, in front of upstream()
sub nginx_with {
    my ($grace, %o) = @_;

    return start_nginx(
        master => 1, workers => $o{workers} // 1, log_level => 'info',
        main_config => $o{main} // '',
        http_config => defined $grace ? "gateway_reload_grace $grace;\n" : '',
        config => <<"_EOC_");
    listen 127.0.0.1:\$TEST_NGINX_PORT_1 ssl;
    ssl_certificate_key $o{dir}/key.pem;
    ssl_certificate $o{dir}/cert.pem;
    keepalive_timeout 60s;

    location /t {
        return 200 "pid \$pid\\n";
    }

    location /proxy/ {
        proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_2;
        proxy_http_version 1.1;
        proxy_buffering off;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection \$http_connection;
    }
_EOC_
}


sub client {
    my (%o) = @_;
    my $sock = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $o{tls} ? port(1) : $ENV{TEST_NGINX_SERVER_PORT})
        or die "connect: $!";

    $sock->blocking(1);
    IO::Socket::SSL->start_SSL($sock, SSL_verify_mode => 0)
        or die 'TLS: ' . IO::Socket::SSL::errstr() if $o{tls};
    return $sock;
}


# what comes until the text matches, or until the end
sub read_until {
    my ($sock, $pattern) = @_;
    my $buf = '';
    my $got;

    local $SIG{ALRM} = sub { die "alarm\n" };
    eval {
        alarm $patience;
        while ($buf !~ $pattern) {
            $got = $sock->sysread($buf, 4096, length $buf);
            last unless $got;
        }
    };
    alarm 0;
    return $@ ? "$buf<timeout>" : $got || $buf =~ $pattern ? $buf
                                                           : "$buf<end>";
}


sub ask {
    my ($sock, $path) = @_;
    local $SIG{PIPE} = 'IGNORE';

    $sock->syswrite("GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return read_until($sock, qr/\r\n\r\n.*\n\z/s);
}


sub ends { return read_until($_[0], qr/(?!)/) eq '<end>' }


# An upstream that a test leads by hand: requests come in, what it says goes
# out.
sub upstream {
    my $listener = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => port(2), Listen => 10,
        ReuseAddr => 1) or die "listen: $!";
    return $listener;
}


sub accepted {
    my ($listener) = @_;
    my $sock = $listener->accept or die "accept: $!";

    read_until($sock, qr/\r\n\r\n/);
    return $sock;
}


my $dir = Test::Gateway::Server::new_root();

system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost "
       . "-keyout $dir/key.pem -out $dir/cert.pem 2> $dir/openssl.log") == 0
    or die 'openssl: ' . Test::Gateway::Server::read_file("$dir/openssl.log");


# without the directive nginx closes what is idle; else there is no need for
# this module, and the tests below tell nothing

for my $grace (undef, 'off') {
    my $nginx = nginx_with($grace, dir => $dir);
    my $idle = client();

    like(ask($idle, '/t'), qr/^HTTP\/1.1 200.*Connection: keep-alive/s,
         'a request without a grace');
    ok($nginx->reload, 'reload');
    ok(ends($idle), 'the idle connection is closed');
    is($nginx->stop, '', 'nothing to complain about');
}


for my $tls (0, 1) {
    my $name = $tls ? 'TLS' : 'plain';
    my $nginx = nginx_with('60s', dir => $dir);
    my $idle = client(tls => $tls);
    my $silent = client(tls => $tls);
    my ($pid) = ask($idle, '/t') =~ /pid (\d+)/;

    # both are the old worker's before it quits
    like(ask($silent, '/t'), qr/pid $pid/, "$name: one worker");
    my $fresh = client(tls => $tls);
    like(ask(client(tls => $tls), '/t'), qr/pid $pid/, "$name: accepted");

    ok($nginx->reload, "$name: reload");
    my $answer = ask($idle, '/t');
    like($answer, qr/^HTTP\/1.1 200.*Connection: close\r\n.*pid $pid/s,
         "$name: the next request on an idle connection is answered");
    ok(ends($idle), "$name: then it is closed");
    like(ask($fresh, '/t'), qr/^HTTP\/1.1 200.*Connection: close\r\n.*pid/s,
         "$name: so is the first request of a new one");
    unlike(ask(client(tls => $tls), '/t'), qr/pid $pid\n/,
           "$name: others go to the new worker");
    is($nginx->stop, '', "$name: nothing to complain about");
}


{
    my $nginx = nginx_with('200ms', dir => $dir);
    # nginx accepts in this order
    my $silent = client();
    my @idle = map { client() } 1 .. 3;

    like(ask($_, '/t'), qr/keep-alive/, 'keep-alive') for @idle;
    ok($nginx->reload(drained => 1, timeout => $patience),
       'the old worker is gone after the grace');
    ok(ends($_), 'with its idle connection') for @idle;
    ok(ends($silent), 'and the one that said nothing');
    like($nginx->error_log,
         qr/reload: 4 idle connections and 0 responses are given 200 ms/,
         'it is in the log');
    is($nginx->stop, '', 'nothing to complain about');
}


{
    my $nginx = nginx_with('60s', dir => $dir);
    my $idle = client();
    my ($pid) = ask($idle, '/t') =~ /pid (\d+)/;

    ok($nginx->reload, 'reload');
    ok($nginx->reload, 'reload again, the first worker still there');
    ok((grep { $_ == $pid } $nginx->children), 'it is there');
    like(ask($idle, '/t'), qr/Connection: close\r\n.*pid $pid/s, 'and answers');
    ok(wait_until(sub { $nginx->children == 1 }, $patience),
       'workers without connections leave at once');
    is($nginx->stop, '', 'nothing to complain about');
}


# a response that promised keep-alive before the worker quit

my $listener = upstream();

for my $case ([ '60s', 'within the grace' ], [ '2s', 'after the grace' ]) {
    my ($grace, $name) = @$case;
    my $nginx = nginx_with($grace, dir => $dir);
    my $sock = client();

    $sock->syswrite("GET /proxy/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    my $up = accepted($listener);
    $up->syswrite("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  . "6\r\nfirst\n\r\n");
    like(read_until($sock, qr/first\n/), qr/Connection: keep-alive/,
         "$name: the response begins");
    my $idle = client();
    like(ask($idle, '/t'), qr/keep-alive/, "$name: another connection");

    ok($nginx->reload, "$name: reload");
    ok($nginx->wait_log('1 idle connections and 1 responses'),
       "$name: it is counted");
    $up->syswrite("7\r\nsecond\n\r\n");
    like(read_until($sock, qr/second\n/), qr/second/, "$name: it goes on");

    if ($grace eq '60s') {
        # told twice, it does the same
        my ($old) = $nginx->error_log =~ /(\d+)#\d+: gracefully/;
        kill 'QUIT', $old;
        ok($nginx->wait_log(qr/(?:$old#\d+: gracefully.*){2}/s, $patience),
           "$name: another QUIT");
        like(ask($idle, '/t'), qr/^HTTP\/1.1 200.*Connection: close/s,
             "$name: meanwhile nothing else is promised");
    } else {
        ok($nginx->wait_log('the grace ends, 1 responses go on', $patience),
           "$name: the grace ends");
    }

    ok(ends($idle), "$name: the other connection is closed");
    $up->syswrite("5\r\nlast\n\r\n0\r\n\r\n");
    like(read_until($sock, qr/\r\n0\r\n\r\n/), qr/last/, "$name: it ends");
    like(ask($sock, '/t'), qr/^HTTP\/1.1 200.*Connection: close/s,
         "$name: the next request on its connection is answered");
    ok(ends($sock), "$name: then it is closed");
    ok(wait_until(sub { $nginx->children == 1 }, $patience),
       "$name: the old worker is gone");
    close $up;
    is($nginx->stop, '', "$name: nothing to complain about");
}


{
    my $nginx = nginx_with('60s', dir => $dir);
    my $sock = client();

    $sock->syswrite("POST /proxy/ HTTP/1.1\r\nHost: localhost\r\n"
                    . "Content-Length: 6\r\n\r\n");
    $sock->syswrite("body:\n");
    my $up = accepted($listener);
    ok($nginx->reload, 'reload while the upstream thinks');
    $up->syswrite("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone\n");
    like(read_until($sock, qr/done/), qr/Connection: close/,
         'its answer promises nothing');
    ok(ends($sock), 'the connection is closed');
    close $up;
    is($nginx->stop, '', 'nothing to complain about');
}


# a client that breaks off what was promised

{
    my $nginx = nginx_with('60s', dir => $dir);
    my $sock = client();

    $sock->syswrite("GET /proxy/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    my $up = accepted($listener);
    $up->syswrite("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  . "6\r\nfirst\n\r\n");
    read_until($sock, qr/first\n/);
    ok($nginx->reload, 'reload');
    ok($nginx->wait_log('and 1 responses'), 'one response is promised');
    close $sock;
    ok(wait_until(sub { $nginx->children == 1 }, $patience),
       'the client breaks it off: the old worker is gone');
    close $up;
    is($nginx->stop, '', 'nothing to complain about');
}


# WebSocket and the like

for my $timeout ('', 'worker_shutdown_timeout 1s;') {
    my $nginx = nginx_with('100ms', dir => $dir, main => $timeout);
    my $sock = client();

    $sock->syswrite("GET /proxy/ HTTP/1.1\r\nHost: localhost\r\n"
                    . "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    my $up = accepted($listener);
    $up->syswrite("HTTP/1.1 101 Switching Protocols\r\n"
                  . "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    like(read_until($sock, qr/\r\n\r\n/), qr/^HTTP\/1.1 101/, 'upgraded');
    ok($nginx->reload, 'reload');

    if ($timeout) {
        ok(ends($sock), 'worker_shutdown_timeout ends it');
    } else {
        ok($nginx->reload, 'and another one');

        for my $text ("one\n", "two\n") {
            $sock->syswrite($text);
            is(read_until($up, qr/\n/), $text, 'it goes on to the upstream');
            $up->syswrite("re: $text");
            is(read_until($sock, qr/\n/), "re: $text", 'and back');
        }

        close $sock;
    }

    ok(wait_until(sub { $nginx->children == 1 }, $patience),
       'then the old worker is gone');
    close $up;
    is($nginx->stop, '', 'nothing to complain about');
}

close $listener;


# one process

{
    my $nginx = start_nginx(http_config => "gateway_reload_grace 2s;\n",
                            config => "location /t { return 200 'ok\n'; }\n");
    my $idle = client();

    like(ask($idle, '/t'), qr/ok/, 'one process serves');
    is($nginx->stop('QUIT'), '', 'and quits');
    ok(ends($idle), 'without a grace');
}


# a busy gateway

{
    my $reloads = $ENV{GATEWAY_RELOADS} // ($valgrind ? 2 : 5);
    my $port = $ENV{TEST_NGINX_SERVER_PORT};
    my $tls = port(1);
    my $routes = join '', map { "  - name: r$_\n    paths: [/r$_]\n" }
                          1 .. ($valgrind ? 100 : 2000);

    start_echo();
    my $nginx = start_nginx(workers => 2, log_level => 'info',
        compile_args => "--set 'proxy_listen=127.0.0.1:$port reuseport, "
                        . "127.0.0.1:$tls ssl reuseport'",
        yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:\$TEST_NGINX_ECHO_PORT
  routes:
$routes
_EOC_
    my $load = Test::Gateway::Load->start(
        map { ($_, $_) }
            { port => $port, path => '/r1' },
            { port => $tls, path => '/r1', tls => 1 },
            { port => $port, path => '/r1', body => 'x' x 5000 });

    my $good = grep { $nginx->reload(timeout => $patience) } 1 .. $reloads;
    is($good, $reloads, "$reloads reloads of a busy gateway");
    ok(wait_until(sub { $nginx->children == 2 }, $patience),
       'no old worker stays');

    my $counts = $load->stop;
    is_deeply($counts->{lost}, [], 'no request is lost');
    cmp_ok($counts->{served}, '>', 10 * $reloads, 'many are served');
    cmp_ok($counts->{reused}, '>', $counts->{served} / 2,
           'on connections that are kept');
    note("$counts->{served} served, $counts->{reused} on kept connections");
    is($nginx->stop, '', 'nothing to complain about');
}

run_tests();

__DATA__

=== TEST 1: a grace of nothing is refused
--- http_config
    gateway_reload_grace 0;
--- config
--- must_die
--- error_log
invalid time "0" in "gateway_reload_grace": expected more than 0, like "2s", or "off"



=== TEST 2: what is no time is refused
--- http_config
    gateway_reload_grace soon;
--- config
--- must_die
--- error_log
invalid time "soon" in "gateway_reload_grace"



=== TEST 3: twice is refused
--- http_config
    gateway_reload_grace 1s;
    gateway_reload_grace off;
--- config
--- must_die
--- error_log
"gateway_reload_grace" directive is duplicate



=== TEST 4: it stands in http only
--- config
    gateway_reload_grace 1s;
--- must_die
--- error_log
"gateway_reload_grace" directive is not allowed here
