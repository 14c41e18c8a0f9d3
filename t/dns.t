# Copyright (C) the ngx_gateway authors
#
# upstream: names at run time, with dnsmasq as the server: types and their
# order, SRV, aliases, search domains, long answers, TTLs, what happens when
# the server says no, or nothing.

use lib 't/lib';
use Test::Gateway 'no_plan';

use IO::Socket::INET;
use IO::Socket::IP;
use Time::HiRes qw(sleep);

my $a = port(1);
my $b = port(2);
my $dns = port(3);
my $mute = port(4);
my $other = port(5);
my $root = "/tmp/gateway-dnsmasq-$$";
my $pid;
my $has_ipv6 = IO::Socket::IP->new(Domain => AF_INET6, LocalHost => '::1',
                                   Listen => 1, LocalPort => port(6));

my ($dnsmasq) = grep { -x } qw(/usr/sbin/dnsmasq /usr/bin/dnsmasq);
die "dnsmasq is not installed\n" if !$dnsmasq;

mkdir $root or die "$root: $!\n";

my $owner = $$;

END {
    if ($$ == $owner) {
        my $status = $?;
        dns_stop();
        unlink glob "$root/*";
        rmdir $root;
        $? = $status;
    }
}


# starts the server anew with these lines; only "example" is its business
sub dns_is {
    my (@lines) = @_;

    dns_stop();

    open my $f, '>', "$root/conf" or die;
    print $f join "\n", "port=$dns", 'listen-address=127.0.0.1',
        'bind-interfaces', 'no-resolv', 'no-hosts', 'local=/example/',
        'user=', 'pid-file=', "log-facility=$root/log", 'log-queries',
        @lines, '';
    close $f;

    $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        exec $dnsmasq, '-k', '-C', "$root/conf" or die;
    }

    wait_until(sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $dns)
    }, 10) or die "dnsmasq does not start\n";
}


sub dns_stop {
    return if !$pid;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    undef $pid;
}


# how often a type of a name was asked for
sub asked {
    my ($type, $name) = @_;
    open my $f, '<', "$root/log" or return 0;
    return scalar grep { /query\[\Q$type\E\] \Q$name\E from/ } <$f>;
}


# upstreams: address, port, Host and TLS server name
my $files = $root;
my $listen6 = $has_ipv6 ? "listen [::1]:$a;" : '';

system("openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=x "
       . "-keyout $files/key -out $files/crt 2>$files/openssl") == 0
    or die "openssl failed\n";

start_nginx(conf => <<"_EOC_");
error_log \$TEST_NGINX_SERVROOT/logs/error.log;
pid \$TEST_NGINX_SERVROOT/logs/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path \$TEST_NGINX_SERVROOT/t1;
    proxy_temp_path \$TEST_NGINX_SERVROOT/t2;
    fastcgi_temp_path \$TEST_NGINX_SERVROOT/t3;
    uwsgi_temp_path \$TEST_NGINX_SERVROOT/t4;
    scgi_temp_path \$TEST_NGINX_SERVROOT/t5;
    server {
        listen $a;
        listen $b;
        $listen6
        listen $other ssl;
        ssl_certificate $files/crt;
        ssl_certificate_key $files/key;
        return 200 "\$server_addr:\$server_port \$http_host \$ssl_server_name";
    }
}
_EOC_


my %conf;

sub gateway {
    my (%o) = @_;
    my $yaml = qq(_format_version: "3.0"\nservices:\n);
    my $upstreams = '';

    for my $name (sort keys %{ $o{hosts} }) {
        my ($host, $port, $protocol) = split / /, $o{hosts}{$name};
        $port //= $a;
        $protocol //= 'http';
        $yaml .= "- { name: $name, host: '$host', port: $port, "
                 . "protocol: $protocol, routes: [{ name: $name, "
                 . "paths: [/$name] }] }\n";
    }

    for my $name (sort keys %{ $o{upstreams} // {} }) {
        my ($head, @targets) = @{ $o{upstreams}{$name} };
        $yaml .= "- { name: $name, host: $name.pool, protocol: "
                 . ($head =~ s/^https// ? 'https' : 'http')
                 . ", routes: [{ name: $name, paths: [/$name] }] }\n";
        $upstreams .= "- { name: $name.pool, $head targets: ["
                      . join(', ', map {
                            my ($t, $w) = split / /;
                            "{ target: '$t', weight: " . ($w // 100) . ' }'
                        } @targets) . "] }\n";
    }

    $yaml .= "upstreams:\n$upstreams" if $upstreams;

    return (yaml => $yaml, workers => 1, compile_args =>
            '--set dns_resolver=' . ($o{resolver} // "127.0.0.1:$dns")
            . ' ' . ($o{args} // ''));
}


sub start { return start_nginx(gateway(@_)) }

sub peer { my $r = http_get("/$_[0]"); $r ? $r->status == 200
           ? (split ' ', $r->body)[0] : $r->status : 'none' }
sub host { my $r = http_get("/$_[0]"); $r ? (split ' ', $r->body)[1] : '' }

sub spread {
    my ($n, $name) = @_;
    my %seen;
    $seen{ peer($name) }++ for 1 .. $n;
    return join ' ', map { "$_=$seen{$_}" } sort keys %seen;
}

sub clean {
    my ($nginx) = @_;
    is($nginx->stop, '', 'nothing to complain about');
    unlike($nginx->error_log, qr/\[(alert|emerg|crit)\](?!.*setrlimit)/, 'nor in the log');
}


# a server that takes questions and says nothing
my $deaf = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
                                 LocalPort => $mute)
    or die "port $mute: $!\n";


# types

my @records = (
    'local-ttl=300',
    'host-record=plain.example,127.0.0.2',
    'host-record=both.example,127.0.0.3,::1',
    'host-record=six.example,::1',
    'cname=alias.example,plain.example',
    'cname=second.example,alias.example',
    (map { "host-record=w$_.example,127.0.0.$_" } 4 .. 7),
    "srv-host=_http._tcp.weights.example,w4.example,$a,10,30",
    "srv-host=_http._tcp.weights.example,w5.example,$b,10,10",
    "srv-host=_http._tcp.weights.example,w6.example,$b,20,10",
    "srv-host=bare.example,w4.example,$b,1,0",
    "srv-host=bare.example,w7.example,$b,1,0",
    'host-record=bare.example,127.0.0.9',
    "srv-host=portless.example,w5.example,0,1,1",
    "srv-host=self.example,self.example,$b,1,1",
    'host-record=self.example,127.0.0.8',
    "srv-host=broken.example,nobody.example,$b,1,1",
    "srv-host=two.example,pair.example,$a,1,1",
    "srv-host=two.example,w4.example,$a,1,1",
    'host-record=pair.example,127.0.0.10',
    "addn-hosts=$root/hosts",
    'host-record=inner.search.example,127.0.0.11',
    'host-record=inner.example,127.0.0.12',
    'host-record=dotted.inner.search.example,127.0.0.13');

{
    open my $f, '>', "$root/hosts" or die;
    print $f "127.0.0.14 pair.example\n";
    print $f "127.0.1.$_ many.example\n" for 1 .. 100;
}

dns_is(@records);

{
    my %hosts = (plain => 'plain.example', both => 'both.example',
                 six => 'six.example', second => 'second.example',
                 bare => 'bare.example', portless => 'portless.example',
                 self => 'self.example', broken => 'broken.example',
                 srv => '_http._tcp.weights.example', many => 'many.example',
                 tls => "plain.example $other https",
                 nowhere => 'nowhere.example', refused => 'refused.test',
                 upper => 'PLAIN.Example');
    my $nginx = start(
        hosts => \%hosts,
        upstreams => {
            weights => ['', "_http._tcp.weights.example:1"],
            mixed => ['', "bare.example:1 50", "127.0.0.15:$a 2"],
            several => ['', "pair.example:$a 100", "127.0.0.15:$a 100"],
            share => ['', "two.example:1"],
            zero => ['', "bare.example:1 0", "plain.example:$a 100"],
            none => ['', "nowhere.example:$a"],
            partly => ['', "nowhere.example:$a", "plain.example:$a"],
            named => ["use_srv_name: true,", "bare.example:1"],
            fixed => ["use_srv_name: true, host_header: fixed.test,",
                      "bare.example:1"],
        });

    is(peer('plain'), "127.0.0.2:$a", 'A');
    is(peer('upper'), "127.0.0.2:$a", 'whatever the case');
    is(host('plain'), "plain.example:$a", 'Host is the name');
    is(peer('both'), "127.0.0.3:$a", 'A before AAAA');
    is(peer('second'), "127.0.0.2:$a", 'an alias of an alias');
    is(host('second'), "second.example:$a", 'Host is what was asked for');
    is(peer('six'), 503, 'no AAAA unless dns_order has it');
    is(asked('AAAA', 'six.example'), 0, 'it is not even asked for');
    is(spread(20, 'bare'), "127.0.0.4:$b=10 127.0.0.7:$b=10",
       'SRV of any name, before A; weight 0 is 1');
    is(host('bare'), "bare.example:$b", 'its port wins');
    is(spread(40, 'srv'), "127.0.0.4:$a=30 127.0.0.5:$b=10",
       'SRV: the best priority only, weights and ports');
    is(peer('portless'), "127.0.0.5:$a", 'port 0 is no port');
    is(peer('self'), "127.0.0.8:$a", 'SRV that leads to itself is none');
    is(peer('broken'), 503, 'SRV to a name that does not exist: 503');
    like(spread(100, 'many'), qr/^(127\.0\.1\.\d+:$a=1 ?){100}$/,
         'a long answer comes by TCP');
    like(http_get('/tls')->body, qr/^127\.0\.0\.2:$other .* plain\.example$/,
         'TLS with the name');

    is(spread(40, 'weights'), "127.0.0.4:$a=30 127.0.0.5:$b=10",
       'a target: weights of SRV replace its own');
    is(spread(40, 'mixed'), "127.0.0.15:$a=20 127.0.0.4:$b=10 "
       . "127.0.0.7:$b=10", 'next to others');
    is(spread(30, 'several'), "127.0.0.10:$a=10 127.0.0.14:$a=10 "
       . "127.0.0.15:$a=10", 'each address has the full weight');
    is(spread(40, 'share'), "127.0.0.10:$a=10 127.0.0.14:$a=10 "
       . "127.0.0.4:$a=20", 'those of a SRV record share it');
    is(spread(10, 'zero'), "127.0.0.2:$a=10", 'weight 0 is not picked');
    is(spread(10, 'partly'), "127.0.0.2:$a=10",
       'a name that does not exist is only left out');

    my %names;
    $names{ host('named') }++ for 1 .. 20;
    is_deeply(\%names, { "w4.example:$b" => 10, "w7.example:$b" => 10 },
              'use_srv_name: Host is the target of the record');
    is(host('fixed'), "fixed.test:$b", 'unless there is a host_header');

    my $res = http_get('/nowhere');
    is($res->status, 503, 'NXDOMAIN');
    like($res->body, qr/"message":"name resolution failed"/, 'its message');
    $res = http_get('/six');
    like($res->body, qr/"message":"name resolution failed"/,
         'an empty answer has the same');
    my $before = asked('A', 'nowhere.example');
    is(peer('nowhere'), 503, 'again');
    is(asked('A', 'nowhere.example'), $before, 'it is believed for a while');
    $res = http_get('/refused');
    is($res->status, 500, 'another error of the server');
    like($res->body, qr/"message":"failed the initial dns\/balancer resolve for 'refused\.test' with: dns server error: 5 refused"/,
         'its message');
    $res = http_get('/none');
    is($res->status, 503, 'no name of an upstream');
    like($res->body, qr/failure to get a peer from the ring-balancer/,
         'its message');
    is(peer('plain'), "127.0.0.2:$a", 'others go on');
    clean($nginx);
}


# order and search domains

{
    my $nginx = start(hosts => { bare => 'bare.example',
                                 both => 'both.example' },
                      args => '--set dns_order=LAST,A');

    is(peer('bare'), "127.0.0.9:$a", 'dns_order without SRV');
    is(peer('both'), "127.0.0.3:$a", 'and without AAAA');
    clean($nginx);
}

SKIP: {
    skip 'no IPv6 here', 4 if !$has_ipv6;

    my $nginx = start(hosts => { six => 'six.example',
                                 both => 'both.example' },
                      args => '--set dns_order=LAST,AAAA,A');

    is(peer('six'), "::1:$a", 'AAAA');
    is(peer('both'), "::1:$a", 'before A, in that order');
    clean($nginx);
}

{
    my $nginx = start(hosts => { bare => 'bare.example',
                                 plain => 'plain.example',
                                 srv => '_http._tcp.weights.example' },
                      args => '--set new_dns_client=on '
                              . "--set resolver_address=127.0.0.1:$dns");

    is(peer('bare'), "127.0.0.9:$a", 'new_dns_client: A of plain names');
    is(spread(40, 'srv'), "127.0.0.4:$a=30 127.0.0.5:$b=10",
       'SRV of _service._proto.name');
    clean($nginx);
}

{
    my $nginx = start(hosts => { inner => 'inner', dotted => 'dotted.inner',
                                 full => 'inner.example',
                                 final => 'inner.example.' },
                      args => '--set '
                              . "'nginx_http_gateway_dns=search=search.example,"
                              . "example ndots=1'");

    is(peer('inner'), "127.0.0.11:$a", 'the first search domain that has it');
    is(peer('dotted'), "127.0.0.13:$a",
       'with a dot: after the name itself');
    is(peer('full'), "127.0.0.12:$a", 'a full name');
    is(peer('final'), "127.0.0.12:$a", 'a final dot');
    is(asked('A', 'inner.example.search.example'), 0, 'they need no domains');
    clean($nginx);
}

{
    my $nginx = start(hosts => { full => 'inner.example' },
                      args => '--set '
                              . "'nginx_http_gateway_dns=search=search.example "
                              . "ndots=2'");

    is(peer('full'), "127.0.0.12:$a", 'ndots=2');
    is(asked('A', 'inner.example.search.example'), 1, 'domains come first');
    clean($nginx);
}

{
    open my $f, '>', "$root/own" or die;
    print $f "127.0.0.16 plain.example other # remark\n";
    close $f;

    my $nginx = start(hosts => { plain => 'plain.example',
                                 other => 'other', both => 'both.example' },
                      args => "--set dns_hostsfile=$root/own");
    my $before = asked('A', 'plain.example');

    is(peer('plain'), "127.0.0.16:$a", 'dns_hostsfile comes first');
    is(peer('other'), "127.0.0.16:$a", 'with all its names');
    is(peer('both'), "127.0.0.3:$a", 'others are asked for');
    is(asked('A', 'plain.example'), $before, 'these are not');
    clean($nginx);
}


# several servers

{
    my $dead = $ENV{TEST_NGINX_UNUSED_PORT};
    my $nginx = start(hosts => { plain => 'plain.example',
                                 both => 'both.example' },
                      resolver => "127.0.0.1:$dead,127.0.0.1:$dns");

    is(peer('plain'), "127.0.0.2:$a", 'the first server is not there');
    clean($nginx);

    $nginx = start(hosts => { plain => 'plain.example',
                              both => 'both.example' },
                   resolver => "127.0.0.1:$mute,127.0.0.1:$dns",
                   args => '--set '
                           . "'nginx_http_gateway_dns=timeout=200ms'");

    is(peer('plain'), "127.0.0.2:$a", 'the first server says nothing');
    clean($nginx);

    $nginx = start(hosts => { plain => 'plain.example' },
                   resolver => "127.0.0.1:$mute",
                   args => '--set '
                           . "'nginx_http_gateway_dns=timeout=100ms attempts=2'");

    my $res = http_get('/plain');
    is($res->status, 500, 'no server says anything');
    like($res->body, qr/'plain\.example' with: timeout/, 'its message');
    clean($nginx);
}


# changes

{
    my @short = ('local-ttl=1', 'neg-ttl=1');
    dns_is(@short, 'host-record=moves.example,127.0.0.2',
           "srv-host=scaled.example,moves.example,$a,1,1");

    my $nginx = start(hosts => { moves => 'moves.example',
                                 later => 'later.example',
                                 scaled => 'scaled.example' },
                      upstreams => { pool => ['', "moves.example:$a",
                                              "later.example:$a"] },
                      args => '--set dns_not_found_ttl=1');

    is(peer('moves'), "127.0.0.2:$a", 'before');
    is(spread(2, 'pool'), "127.0.0.2:$a=2", 'in an upstream');
    is(peer('scaled'), "127.0.0.2:$a", 'by SRV');
    is(peer('later'), 503, 'a name that is not there');

    dns_is(@short, 'host-record=moves.example,127.0.0.3',
           'host-record=later.example,127.0.0.4',
           "srv-host=scaled.example,later.example,$b,1,1");

    ok(wait_until(sub { peer('moves') eq "127.0.0.3:$a" }, 20),
       'another address after the TTL');
    ok(wait_until(sub { peer('later') eq "127.0.0.4:$a" }, 20),
       'the name appeared');
    ok(wait_until(sub { peer('scaled') eq "127.0.0.4:$b" }, 20),
       'another target and port');
    ok(wait_until(sub { spread(6, 'pool')
                        eq "127.0.0.3:$a=3 127.0.0.4:$a=3" }, 40),
       'both in the upstream');

    # the server goes away: the last addresses stay, also over reloads

    dns_stop();

    ok(wait_until(sub { peer('moves');
                        $nginx->error_log =~ /"moves\.example" could not/ },
                  30), 'the server is gone');
    is(peer('moves'), "127.0.0.3:$a", 'the last address stays');
    is(spread(2, 'pool'), "127.0.0.3:$a=1 127.0.0.4:$a=1",
       'those of the upstream');
    is(peer('plain'), 404, 'and the gateway answers');

    dns_is(@short, 'host-record=moves.example,127.0.0.5');

    ok(wait_until(sub { peer('moves') eq "127.0.0.5:$a" }, 60),
       'it is back, and knows better');
    ok(wait_until(sub { peer('later') eq '503' }, 60),
       'a name that was removed goes at once');
    clean($nginx);
}

{
    dns_is('local-ttl=1', 'host-record=moves.example,127.0.0.2');

    my $nginx = start(hosts => { moves => 'moves.example' },
                      args => '--set dns_stale_ttl=1 --set dns_error_ttl=1');

    is(peer('moves'), "127.0.0.2:$a", 'dns_stale_ttl');
    dns_stop();
    ok(wait_until(sub { peer('moves') eq '500' }, 60),
       'after that there is no address');
    clean($nginx);
}

{
    dns_is('local-ttl=1', 'host-record=moves.example,127.0.0.2');

    my $nginx = start(hosts => { moves => 'moves.example' },
                      args => '--set dns_valid_ttl=1000');

    is(peer('moves'), "127.0.0.2:$a", 'dns_valid_ttl');
    dns_is('local-ttl=1', 'host-record=moves.example,127.0.0.3');
    sleep 2.5;
    is(peer('moves'), "127.0.0.2:$a", 'is used in place of the TTL');
    clean($nginx);
}

{
    dns_is('local-ttl=0', 'host-record=each.example,127.0.0.2');

    my $nginx = start(hosts => { each => 'each.example' });

    is(peer('each'), "127.0.0.2:$a", 'TTL 0');
    my $before = asked('A', 'each.example');
    peer('each') for 1 .. 3;
    is(asked('A', 'each.example'), $before + 3, 'each request asks');
    dns_is('local-ttl=0', 'host-record=each.example,127.0.0.3');
    is(peer('each'), "127.0.0.3:$a", 'and goes by what it was told');
    clean($nginx);
}


# more names than are asked for at a time

{
    dns_is('local-ttl=300', 'address=/crowd.example/127.0.0.2');

    my $nginx = start(upstreams => {
        crowd => ['', map { "n$_.crowd.example:$a" } 1 .. 600] });
    my $left;

    ok(wait_until(sub {
        $left = () = join('', map {
            http_get("/upstreams/crowd.pool/health?size=300&offset=$_",
                     port => $ENV{TEST_NGINX_STATUS_PORT})->body
        } 0, 300) =~ /"health":"HEALTHCHECKS_OFF","data":/g;
        return $left == 600;
    }, 30), 'all names are found') or diag("$left of 600");
    is(peer('crowd'), "127.0.0.2:$a", 'and used');
    clean($nginx);
}


# a reload without a server: it starts, other names work

{
    dns_is(@records);

    my $nginx = start(hosts => { plain => 'plain.example',
                                 ip => '127.0.0.1' });

    is(peer('plain'), "127.0.0.2:$a", 'before');
    dns_stop();
    ok($nginx->reload, 'a reload without a server');
    is(peer('ip'), "127.0.0.1:$a", 'addresses work');
    is(peer('plain'), 500, 'the name fails its own request');
    dns_is(@records);
    ok(wait_until(sub { peer('plain') eq "127.0.0.2:$a" }, 20),
       'until there is a server again');
    clean($nginx);
}


run_tests();

__DATA__

=== TEST 1: what gateway_dns takes
--- http_config
    gateway_dns order=LAST,SRV,A,AAAA,CNAME search=a.example,b.example.
                ndots=3 valid=10s stale=1h not_found=5s error=2s
                timeout=500ms attempts=3 srv=any;
--- config
    location = /t { return 200; }
--- request
GET /t
--- error_code: 200


=== TEST 2: twice
--- http_config
    gateway_dns ndots=1;
    gateway_dns ndots=1;
--- config
--- must_die
--- error_log
is duplicate


=== TEST 3: an unknown type
--- http_config
    gateway_dns order=A,TXT;
--- config
--- must_die
--- error_log
types are LAST, SRV, A, AAAA and CNAME


=== TEST 4: no type with an address
--- http_config
    gateway_dns order=LAST,CNAME;
--- config
--- must_die
--- error_log
one of SRV, A and AAAA must be there


=== TEST 5: an unknown parameter
--- http_config
    gateway_dns nodts=1;
--- config
--- must_die
--- error_log
there is no such parameter


=== TEST 6: no value
--- http_config
    gateway_dns order;
--- config
--- must_die
--- error_log
write NAME=VALUE


=== TEST 7: numbers
--- http_config
    gateway_dns ndots=16;
--- config
--- must_die
--- error_log
it must be 0 to 15


=== TEST 8: attempts
--- http_config
    gateway_dns attempts=0;
--- config
--- must_die
--- error_log
it must be 1 to 100


=== TEST 9: times
--- http_config
    gateway_dns stale=long;
--- config
--- must_die
--- error_log
it must be a time in seconds


=== TEST 10: a time of 0
--- http_config
    gateway_dns timeout=0;
--- config
--- must_die
--- error_log
it must be a time above 0


=== TEST 11: an empty domain
--- http_config
    gateway_dns search=a.example,,b.example;
--- config
--- must_die
--- error_log
domains are names, with commas between them


=== TEST 12: srv
--- http_config
    gateway_dns srv=some;
--- config
--- must_die
--- error_log
it must be "any" or "named"


=== TEST 13: use_srv_name
--- http_config
    gateway_upstream u { use_srv_name maybe; target 127.0.0.1:80; }
--- config
--- must_die
--- error_log
"use_srv_name" in "gateway_upstream" must be "on" or "off"
