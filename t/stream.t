# Copyright (C) the ngx_gateway authors
#
# stream: routes of tcp, tls, tls_passthrough and udp, against servers that
# answer with their own name and with what they were sent.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::More;

use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_REUSEADDR);
use Test::Gateway::Stream;

my $v = (Test::Gateway::Server::run_program(
    undef, Test::Gateway::Server::nginx_binary(), '-V'))[2];
my ($path) = $v =~ /--modules-path=(\S+)/;

if ($v !~ /--with-stream/
    || $v =~ /--with-stream=dynamic/ && !-e "$path/ngx_stream_module.so")
{
    plan(skip_all => 'needs the stream module of nginx');
}

my ($plain, $ssl, $udp, $other, $dead) = map { port($_) } 1 .. 5;
my ($one, $two, $three, $tls_a) = map { port($_) } 6 .. 9;
my $dir = tempdir(CLEANUP => 1);

chmod 0755, $dir;


# servers: "one: hello" for "hello"; the fourth is one with TLS
my %servers = (
    one => serve($one, 'one'), two => serve($two, 'two'),
    three => serve_udp($three, 'three'));

certificate($dir, $_) for qw(default a b upstream);


# a gateway with these lines in its server of stream{}, instead of the last
my $running;

sub gateway {
    my ($config, %o) = @_;

    $running->stop if $running && $running->pid;
    return $running = start_nginx(
        http_config => $o{http} // '',
        stream_config => <<"_EOC_", %{ $o{start} // {} });
    upstream pool { gateway_stream_balancer; }
    log_format test '\$gateway_stream_route \$gateway_stream_service '
                    '"\$gateway_stream_sni" \$status';
    access_log logs/stream.log test;
    @{[ $o{stream} // '' ]}

    server {
        listen 127.0.0.1:$plain;
        listen 127.0.0.1:$other;
        listen 127.0.0.1:$ssl ssl;
        listen 127.0.0.1:$udp udp;

        ssl_certificate $dir/default.crt;
        ssl_certificate_key $dir/default.key;
        gateway_stream_certificate $dir/a.crt $dir/a.key a.test;
        gateway_stream_certificate $dir/b.crt $dir/b.key *.b.test;
        proxy_connect_timeout 2s;
        proxy_timeout 10s;

        gateway_stream_service one host=127.0.0.1 port=$one {
            proxy_pass pool;
        }
        gateway_stream_service two host=localhost port=$two {
            proxy_pass pool;
        }
        gateway_stream_service three host=127.0.0.1 port=$three {
            proxy_pass pool;
        }
$config
    }
_EOC_
}


sub stream_log {
    my ($nginx) = @_;
    return Test::Gateway::Server::read_file("$nginx->{root}/logs/stream.log");
}


subtest 'tcp: by port of destination, by source, and by both' => sub {
    my $nginx = gateway(<<"_EOC_");
        gateway_stream_route plain service=one {
            protocols tcp;
            destinations :$plain;
        }
        gateway_stream_route both service=two {
            protocols tcp tls;
            sources 127.0.0.0/8:@{[ port(0) + 300 ]} 10.0.0.0/8;
            destinations 127.0.0.1:$plain;
        }
        gateway_stream_route elsewhere service=two {
            protocols tcp;
            sources 10.0.0.0/8 fe80::/10;
        }
_EOC_

    is(tcp($plain, 'hello'), 'one: hello', 'by its port');
    is(tcp($plain, 'hello', from => port(0) + 300), 'two: hello',
       'a source and a destination beat a destination');
    is(tcp($other, 'hello'), '', 'no route: closed');
    like($nginx->error_log, qr/\[error\] .*no Route found with those values/,
         'and said so');
    $nginx->stop;
    is((split /\n/, stream_log($nginx))[0], 'plain one "-" 200',
       'variables in the log');
    like(stream_log($nginx), qr/^- - "-" 500$/m, 'of no route, too');
};


subtest 'udp' => sub {
    my $nginx = gateway(<<"_EOC_");
        gateway_stream_route udp service=three {
            protocols udp;
            destinations :$udp;
        }
        gateway_stream_route tcp service=one {
            protocols tcp;
            destinations :$udp :$plain;
        }
_EOC_

    is(udp($udp, 'datagram'), 'three: datagram', 'there and back');
    is(udp($udp, 'again'), 'three: again', 'and again');
    is(tcp($plain, 'x'), 'one: x', 'tcp is another protocol');
};


subtest 'tls: certificates by SNI, routes by SNI' => sub {
    my $nginx = gateway(<<"_EOC_");
        gateway_stream_route a service=one {
            protocols tls;
            snis A.test.;
        }
        gateway_stream_route b service=two {
            protocols tls;
            snis *.b.test x.*;
        }
        gateway_stream_route rest service=two {
            protocols tls tcp;
            destinations :$ssl :$plain;
        }
_EOC_

    my %seen;
    for my $name (qw(a.test A.TEST x.b.test x.example c.test), '') {
        $seen{$name} = [tls($ssl, $name, 'hello')];
    }

    is_deeply($seen{'a.test'}, ['a', 'one: hello'], 'the first');
    is_deeply($seen{'A.TEST'}, ['a', 'one: hello'], 'in any case');
    is_deeply($seen{'x.b.test'}, ['b', 'two: hello'], 'a wildcard');
    is_deeply($seen{'x.example'}, ['default', 'two: hello'],
              'a wildcard at the end, without a certificate');
    is_deeply($seen{'c.test'}, ['default', 'two: hello'],
              'another name: by the port');
    is_deeply($seen{''}, ['default', 'two: hello'], 'no name: by the port');
    is(tcp($plain, 'hello'), 'two: hello', 'the same route without TLS');
    $nginx->stop;
    like(stream_log($nginx), qr/^a one "a.test" 200$/m, 'logged');
};


subtest 'tls_passthrough beside tls on one port' => sub {
    my $nginx = gateway(<<"_EOC_");
        gateway_stream_service secret host=127.0.0.1 port=$tls_a {
            proxy_pass pool;
        }
        gateway_stream_route through service=secret {
            protocols tls_passthrough;
            snis a.test;
        }
        gateway_stream_route terminated service=one {
            protocols tls;
            snis x.b.test;
        }
        gateway_stream_route tcp service=one {
            protocols tcp;
            destinations :$plain;
        }
_EOC_
    my $server = secret();

    is_deeply([tls($ssl, 'a.test', 'x')], ['upstream', 'sni=a.test'],
              "the service's own certificate");
    is_deeply([tls($ssl, 'x.b.test', 'x')], ['b', 'one: x'],
              "the gateway's");
    is_deeply([tls($ssl, 'c.test', 'x')], ['none', ''], 'another name');
    is_deeply([tls($ssl, '', 'x')], ['none', ''], 'no name');
    is(tcp($ssl, 'hello'), '', 'no TLS where TLS is spoken: closed');
    is(tcp($plain, 'hello'), 'one: hello', 'tcp');
    like($nginx->error_log, qr/no Route found with those values/, 'said so');

    # a name that comes in pieces
    is(slow_hello($ssl, 'a.test'), 22, 'ClientHello byte by byte');
    $server->stop;
};


# TLS to a service that tells what it was told
sub secret {
    return start_nginx(conf => <<"_EOC_");
@{[ Test::Gateway::Server::load_modules(1) ]}
worker_processes 1;
master_process off;
error_log \$TEST_NGINX_SERVROOT/logs/error.log info;
pid \$TEST_NGINX_SERVROOT/logs/nginx.pid;
events { worker_connections 64; }
stream {
    server {
        listen 127.0.0.1:$tls_a ssl;
        ssl_certificate $dir/upstream.crt;
        ssl_certificate_key $dir/upstream.key;
        ssl_client_certificate $dir/b.crt;
        ssl_verify_client optional_no_ca;
        return "sni=\$ssl_server_name\n";
    }
}
_EOC_
}


subtest 'TLS to services: name, verification, certificate' => sub {
    my $server = secret();
    my $nginx = gateway(<<"_EOC_", http => <<"_EOH_");
        proxy_ssl_server_name on;
        proxy_ssl_name \$gateway_stream_upstream_host;

        gateway_stream_service secret upstream=secret {
            proxy_pass pool;
            proxy_ssl on;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate $dir/upstream.crt;
        }
        gateway_stream_service wrong host=localhost port=$tls_a retries=0 {
            proxy_pass pool;
            proxy_ssl on;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate $dir/upstream.crt;
        }
        gateway_stream_service unsafe host=localhost port=$tls_a {
            proxy_pass pool;
            proxy_ssl on;
        }
        gateway_stream_route secret service=secret {
            protocols tcp;
            destinations :$plain;
        }
        gateway_stream_route wrong service=wrong {
            protocols tcp;
            destinations :$other;
        }
        gateway_stream_route unsafe service=unsafe {
            protocols tls;
            snis a.test;
        }
        gateway_stream_route preserved service=unsafe {
            protocols tls;
            snis x.b.test;
            preserve_host on;
        }
_EOC_
    gateway_upstream secret {
        host_header upstream.test;
        target 127.0.0.1:$tls_a;
    }
_EOH_

    is(tcp($plain, ''), "sni=upstream.test\n", 'host_header of the upstream');
    is(tcp($other, ''), '', 'a certificate for another name');
    like($nginx->error_log, qr/upstream SSL certificate does not match/,
         'said so');
    is((tls($ssl, 'a.test', ''))[1], 'sni=localhost', 'host of the service');
    is((tls($ssl, 'x.b.test', ''))[1], 'sni=x.b.test', 'preserve_host');
    $server->stop;
};


subtest 'priorities, and ties by the greater id' => sub {
    my $nginx = gateway(<<"_EOC_");
        gateway_stream_route sni service=one
            id=00000000-0000-4000-8000-000000000009
        {
            protocols tls;
            snis a.test;
        }
        gateway_stream_route ends service=two
            id=00000000-0000-4000-8000-000000000001
        {
            protocols tls;
            sources 127.0.0.1;
            destinations :$ssl;
        }
        gateway_stream_route cidr service=one
            id=00000000-0000-4000-8000-00000000000f
        {
            protocols tcp;
            destinations 127.0.0.0/8;
        }
        gateway_stream_route port service=two
            id=00000000-0000-4000-8000-000000000002
        {
            protocols tcp;
            destinations :$plain;
        }
        gateway_stream_route low service=one
            id=00000000-0000-4000-8000-000000000003
        {
            protocols udp;
            destinations :$udp;
        }
        gateway_stream_route high service=three
            id=00000000-0000-4000-8000-000000000004
        {
            protocols udp;
            destinations :$udp;
        }
_EOC_

    is((tls($ssl, 'a.test', 'x'))[1], 'two: x',
       'source and destination beat a name');
    is(tcp($plain, 'x'), 'two: x', 'a port beats a network');
    is(tcp($other, 'x'), 'one: x', 'the network');
    is(udp($udp, 'x'), 'three: x', 'the greater id');
};


subtest 'expressions: before all others, by priority' => sub {
    my $nginx = gateway(<<"_EOC_");
        gateway_stream_route old service=one {
            protocols tcp udp;
            sources 127.0.0.1;
            destinations :$plain :$udp;
        }
        gateway_stream_route low service=two {
            expression 'net.dst.port == $plain && net.src.ip in 127.0.0.0/8'
                       ' && net.protocol == "tcp"';
        }
        gateway_stream_route high service=one {
            protocols tcp;
            expression 'net.src.port == @{[ port(0) + 300 ]}';
            priority 70368744177663;
        }
        gateway_stream_route udp service=three {
            expression 'net.protocol == "udp" && net.dst.ip == 127.0.0.1';
        }
        gateway_stream_route regex service=one {
            protocols tls;
            expression 'tls.sni ~ r#"^[a-z]+[.]re[.]test\$"#';
        }
        gateway_stream_route end service=two {
            protocols tls;
            expression 'tls.sni =^ ".end.test" && net.protocol == "tls"';
        }
_EOC_

    is(tcp($plain, 'hello'), 'two: hello', 'an expression beats the rest');
    is(tcp($plain, 'hello', from => port(0) + 300), 'one: hello',
       'the greater priority');
    is(tcp($other, 'hello'), '', 'none of them');
    is(udp($udp, 'hello'), 'three: hello', 'udp');
    is((tls($ssl, 'a.re.test', 'hello'))[1], 'one: hello',
       'a regular expression');
    is((tls($ssl, 'b.end.test', 'hello'))[1], 'two: hello',
       'an end');
    isnt((tls($ssl, 'a9.re.test', 'hello'))[1] // '', 'one: hello',
         'neither');
    $nginx->stop;
};


subtest 'port map, allow and deny' => sub {
    my $nginx = gateway(<<"_EOC_", stream => <<"_EOS_");
        gateway_stream_route mapped service=one {
            protocols tcp;
            destinations :443;
        }
        gateway_stream_route closed service=two {
            protocols tcp;
            destinations :$other;
            deny 127.0.0.0/8;
        }
        gateway_stream_route half service=three {
            protocols udp;
            destinations :$udp;
            allow 127.0.0.1 ::1;
        }
_EOC_
    gateway_stream_port_map 443:$plain;
_EOS_

    is(tcp($plain, 'x'), 'one: x', 'as clients see the port');
    is(tcp($other, 'x'), '', 'denied');
    like($nginx->error_log, qr/ip_restriction: address not allowed/, 'said');
    is(udp($udp, 'x'), 'three: x', 'allowed');
    $nginx->stop;
    like(stream_log($nginx), qr/^- - "-" 403$/m, 'status of a denied session');
};


subtest 'retries, and passive health checks shared with http{}' => sub {
    my $nginx = gateway(<<"_EOC_", http => <<"_EOH_");
        gateway_stream_service all upstream=all retries=1 {
            proxy_pass pool;
        }
        gateway_stream_service dead host=127.0.0.1 port=$dead retries=2 {
            proxy_pass pool;
        }
        gateway_stream_service none upstream=none { proxy_pass pool; }
        gateway_stream_route all service=all {
            protocols tcp;
            destinations :$plain;
        }
        gateway_stream_route dead service=dead {
            protocols tcp;
            sources :@{[ port(0) + 301 ]};
            destinations :$other;
        }
        gateway_stream_route none service=none {
            protocols tcp;
            destinations :$other;
        }
_EOC_
    gateway_upstream all {
        target 127.0.0.1:$dead;
        target 127.0.0.1:$one;
        passive tcp_failures=2;
    }
    gateway_upstream none { }
_EOH_

    my %answers;
    $answers{ tcp($plain, 'x') }++ for 1 .. 8;
    is($answers{'one: x'} // 0, 8, 'the other target answers');
    like($nginx->error_log,
         qr/"all": 127.0.0.1:$dead \(.*\) is unhealthy, TCP failures: 2/,
         'the one that does not is left out');

    my $from = length $nginx->error_log;
    $answers{ tcp($plain, 'x') }++ for 1 .. 4;
    unlike($nginx->error_log($from), qr/connect\(\) failed/,
           'and not tried any more');

    is(tcp($other, 'x', from => port(0) + 301), '', 'all attempts fail');
    my $n = () = $nginx->error_log($from) =~ /connect\(\) failed/g;
    is($n, 3, 'which are 1 + retries');

    is(tcp($other, 'x'), '', 'an upstream without targets');
    like($nginx->error_log($from), qr/"none": no usable peer/, 'said so');
    $nginx->stop;
    like(stream_log($nginx), qr/^none none "-" 503$/m, 'its status');
};


subtest 'active checks that only connect' => sub {
    my $back = port(0) + 21;
    my $nginx = gateway(<<"_EOC_", http => <<"_EOH_");
        gateway_stream_service all upstream=all retries=0 {
            proxy_pass pool;
        }
        gateway_stream_route all service=all {
            protocols tcp;
            destinations :$plain;
        }
_EOC_
    gateway_upstream all {
        target 127.0.0.1:$back;
        target 127.0.0.1:$one;
        active type=tcp healthy_interval=50ms unhealthy_interval=50ms
               tcp_failures=1 successes=1;
    }
_EOH_

    ok(wait_until(sub { $nginx->error_log =~ /127.0.0.1:$back .* is unhealthy/
                      }, 10), 'nobody listens: unhealthy');
    my %answers;
    $answers{ tcp($plain, 'x') }++ for 1 .. 6;
    is_deeply(\%answers, { 'one: x' => 6 }, 'sessions go to the other');

    serve($back, 'back');
    ok(wait_until(sub { $nginx->error_log =~ /127.0.0.1:$back .* is healthy/
                      }, 10), 'somebody does: healthy');
    %answers = ();
    $answers{ tcp($plain, 'x') }++ for 1 .. 6;
    is_deeply(\%answers, { 'one: x' => 3, 'back: x' => 3 }, 'in turn again');
};


subtest 'consistent hashing by address, least connections' => sub {
    my $nginx = gateway(<<"_EOC_", http => <<"_EOH_");
        gateway_stream_service ring upstream=ring { proxy_pass pool; }
        gateway_stream_service least upstream=least { proxy_pass pool; }
        gateway_stream_route ring service=ring {
            protocols tcp;
            destinations :$plain;
        }
        gateway_stream_route least service=least {
            protocols tcp;
            destinations :$other;
        }
_EOC_
    gateway_upstream ring {
        algorithm consistent-hashing;
        hash_on ip;
        target 127.0.0.1:$one;
        target 127.0.0.1:$two;
    }
    gateway_upstream least {
        algorithm least-connections;
        target 127.0.0.1:$one;
        target 127.0.0.1:$two;
    }
_EOH_

    my %answers;
    $answers{ tcp($plain, 'x') }++ for 1 .. 10;
    is(scalar keys %answers, 1, 'one client, one target');

    my @held = map { open_tcp($other) } 1 .. 4;
    my %held;
    $held{ ask($_, 'x') }++ for @held;
    is_deeply(\%held, { 'one: x' => 2, 'two: x' => 2 },
              'sessions that are held count');
};


subtest 'sessions outlive a reload, new ones see the new routes' => sub {
    my $config = <<"_EOC_";
        gateway_stream_route r service=one {
            protocols tcp;
            destinations :$plain;
        }
_EOC_
    my $nginx = gateway($config, start => { master => 1 });
    my $held = open_tcp($plain);

    is(ask($held, 'before'), 'one: before', 'before');

    my $conf = Test::Gateway::Server::read_file($nginx->{conf});
    $conf =~ s/gateway_stream_route r service=one/gateway_stream_route r service=two/;
    Test::Gateway::Server::write_file($nginx->{conf}, $conf);
    ok($nginx->reload, 'reloaded');

    ok(wait_until(sub { tcp($plain, 'x') eq 'two: x' }, 10), 'the new route');
    is(ask($held, 'after'), 'one: after', 'the old session');
    close $held;
};


subtest 'configurations that nginx refuses' => sub {
    my @bad = (
        ['gateway_stream_route r service=nobody { snis a.test; }',
         qr/there is no such "gateway_stream_service" before it/],
        ['gateway_stream_route r service=one { protocols tcp; }',
         qr/needs "snis", "sources", "destinations" or an "expression"/],
        ["gateway_stream_route r { snis a.test; expression 'tls.sni == \"a\"'; }",
         qr/"r": "expression" goes with no "snis"/],
        ["gateway_stream_route r { expression 'http.path == \"/\"'; }",
         qr/"r": invalid expression, column 1: .*"http.path"/],
        ["gateway_stream_route r { expression 'tls.sni ~ \"(\"'; }",
         qr/"r": invalid expression, column 13: /],
        ["gateway_stream_route r { expression 'tls.sni == \"a\"'; "
         . 'priority 70368744177664; }',
         qr/expects a "priority" from 0 to 70368744177663/],
        ['gateway_stream_route r { protocols http; snis a.test; }',
         qr/"protocols" in "gateway_stream_route" expects tcp, udp, tls/],
        ['gateway_stream_route r { protocols tls tls_passthrough; snis a; }',
         qr/mixes tls_passthrough with others/],
        ['gateway_stream_route r { protocols tls_passthrough; sources :1; }',
         qr/needs "snis" for tls_passthrough/],
        ['gateway_stream_route r { snis a.*.test; }', qr/an invalid name/],
        ['gateway_stream_route r { sources 1.2.3; }',
         qr/invalid "1.2.3" in "sources": write an address/],
        ['gateway_stream_route r { sources 1.2.3.4:70000; }',
         qr/invalid "1.2.3.4:70000" in "sources"/],
        ['gateway_stream_route r { sources 1.2.3.4/33; }',
         qr/invalid "1.2.3.4\/33" in "sources"/],
        ['gateway_stream_route r { hosts a; }', qr/"hosts" in .* is unknown/],
        ['gateway_stream_route r { deny x; snis a; }',
         qr/invalid address "x" in "deny"/],
        ['gateway_stream_route r id=7 { snis a; }', qr/invalid id "7"/],
        ['gateway_stream_service one host=a port=1 { proxy_pass pool; }',
         qr/duplicate service "one"/],
        ['gateway_stream_service s host=a { proxy_pass pool; }',
         qr/needs "port" for its host/],
        ['gateway_stream_service s host=a port=0 { proxy_pass pool; }',
         qr/invalid parameter "port=0" .*: expected a number from 1/],
        ['gateway_stream_service s host=a port=1 { }',
         qr/"s" needs "proxy_pass"/],
        ['gateway_stream_service s upstream=nowhere { proxy_pass pool; }',
         qr/gateway_upstream "nowhere" of gateway_stream_service "s" not/],
        ['gateway_stream_service s host=a port=1 { proxy_pass pool; '
         . 'listen 127.0.0.1:1; }', qr/are not allowed in "gateway_stream_s/],
        ['gateway_stream_service s host=a port=1 { proxy_pass pool; '
         . 'ssl_protocols TLSv1.3; }', qr/group "ssl_" are not allowed/],
        ['gateway_stream_service s host=a_/ port=1 { proxy_pass pool; }',
         qr/invalid host of gateway_stream_service "s"/],
    );

    for my $case (@bad) {
        my ($config, $what) = @$case;
        my $nginx = gateway($config, start => { may_fail => 1 });

        ok($nginx->{died}, "refused: $config");
        like($nginx->stderr . $nginx->error_log, $what, 'says why');
    }

    my $zone = gateway('', stream => 'upstream z { gateway_stream_balancer; '
                                     . 'zone z 64k; }',
                       start => { may_fail => 1 });
    ok($zone->{died}, 'refused: a zone');
    like($zone->error_log . $zone->stderr,
         qr/"zone" and "gateway_stream_balancer" in one upstream/,
         'says why');

    my $nginx = gateway('', stream => 'gateway_stream_port_map 1:2 3;',
                        start => { may_fail => 1 });
    ok($nginx->{died}, 'refused: a port map');
    like($nginx->error_log . $nginx->stderr, qr/invalid "3" in "gateway_str/,
         'says why');
};


subtest 'names that do not resolve are errors of their sessions' => sub {
    my $nginx = gateway(<<"_EOC_");
        gateway_stream_service nowhere host=nowhere.invalid port=1 {
            proxy_pass pool;
        }
        gateway_stream_route nowhere service=nowhere {
            protocols tcp;
            destinations :$plain;
        }
        gateway_stream_route one service=one {
            protocols tcp;
            destinations :$other;
        }
        gateway_stream_route empty {
            protocols tls;
            snis a.test;
        }
_EOC_

    is(tcp($plain, 'x'), '', 'closed');
    like($nginx->error_log, qr/"nowhere.invalid" could not be resolved/,
         'said so');
    is(tcp($other, 'x'), 'one: x', 'others go on');
    is_deeply([tls($ssl, 'a.test', 'x')], ['none', ''], 'no service: closed');
    like($nginx->error_log, qr/no Service found with those values/,
         'said so');
};


subtest 'a declarative file, with names that DNS knows later' => sub {
    my ($dnsmasq) = grep { -x } qw(/usr/sbin/dnsmasq /usr/bin/dnsmasq);
    plan(skip_all => 'needs dnsmasq') if !$dnsmasq;

    my $dns = port(0) + 20;
    my ($cert, $key) = map { Test::Gateway::Server::read_file("$dir/$_") }
                       qw(a.crt a.key);
    s/^/    /mg for $cert, $key;

    $running->stop if $running->pid;
    my $nginx = $running = start_nginx(
        compile_args => <<"_EOA_", yaml => <<"_EOC_");
--set "stream_listen=127.0.0.1:$plain, 127.0.0.1:$ssl ssl, 127.0.0.1:$udp udp"
--set dns_resolver=127.0.0.1:$dns --set dns_error_ttl=1 --set dns_not_found_ttl=1
--set proxy_stream_access_log=logs/stream.log
_EOA_
_format_version: "3.0"
certificates:
- cert: |
$cert
  key: |
$key
  snis: [{name: a.test}]
services:
- name: tcp
  protocol: tcp
  host: tcp.example
  port: $one
  retries: 1
  routes:
  - name: tcp
    protocols: [tcp, tls]
    destinations: [{port: $plain}]
  - name: sni
    protocols: [tls]
    snis: [a.test]
- name: udp
  protocol: udp
  host: 127.0.0.1
  port: $three
  routes:
  - name: udp
    protocols: [udp]
    sources: [{ip: 127.0.0.0/8}]
- name: secret
  protocol: tls
  host: localhost
  port: $tls_a
  routes:
  - name: through
    protocols: [tls_passthrough]
    snis: [c.test]
  - name: secret
    protocols: [tls]
    snis: ["*.b.test"]
    preserve_host: true
_EOC_

    my $server = secret();

    is(tcp($plain, 'x'), '', 'no DNS server: closed');
    like($nginx->error_log, qr/"tcp.example" could not be resolved/, 'said');
    is(udp($udp, 'x'), 'three: x', 'udp');
    is_deeply([tls($ssl, 'c.test', 'x')], ['upstream', 'sni=c.test'],
              'passed through to a TLS service: one handshake only');
    is_deeply([(tls($ssl, 'x.b.test', 'x'))[1]], ['sni=x.b.test'],
              'terminated, and TLS to the service');

    my $pid = Test::Gateway::Stream::background(sub {
        exec $dnsmasq, '-k', '-C', '/dev/null', "--port=$dns",
             '--listen-address=127.0.0.1', '--bind-interfaces', '--user=',
             '--no-resolv', '--no-hosts', '--pid-file=', '--local-ttl=1',
             '--address=/tcp.example/127.0.0.1';
    });

    ok(wait_until(sub { tcp($plain, 'x') eq 'one: x' }, 15),
       'the name resolves when there is a server, without a reload');
    is_deeply([tls($ssl, 'a.test', 'x')], ['a', 'one: x'],
              'a certificate of the file');
    like(Test::Gateway::Server::read_file("$nginx->{prefix}/logs/stream.log"),
         qr/^127\.0\.0\.1 \[.*\] TCP 200 \d+ 1 [\d.]+$/m,
         'the log of sessions');
    $server->stop;
};
