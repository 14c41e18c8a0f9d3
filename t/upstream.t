# Copyright (C) the ngx_gateway authors
#
# upstream: which target a request goes to, what it is sent as Host, and what
# happens when a target or a name fails.

use lib 't/lib';
use Test::Gateway 'no_plan';

use IO::Socket::INET;
use Time::HiRes qw(time sleep);

my $a = port(1);
my $b = port(2);
my $dead = $ENV{TEST_NGINX_UNUSED_PORT};
my $dns_port = port(3);
my $dir = "/tmp/gateway-dns-$$";


# A DNS server: names are files that hold addresses, "servfail" or "silent".
mkdir $dir or die "$dir: $!\n";

sub name_is {
    my ($name, @text) = @_;
    open my $f, '>', "$dir/.new" or die;
    print $f "@text";
    close $f;
    rename "$dir/.new", "$dir/$name" or die;
}

sub asked {
    my ($name) = @_;
    open my $f, '<', "$dir/.log" or return 0;
    return scalar grep { $_ eq "$name\n" } <$f>;
}

sub dns_answer {
    my ($query) = @_;
    my ($id, undef, undef) = unpack 'n3', $query;
    my ($pos, @labels) = (12);

    while (my $len = ord substr $query, $pos, 1) {
        push @labels, substr $query, $pos + 1, $len;
        $pos += $len + 1;
    }

    my $type = unpack 'n', substr $query, $pos + 1, 2;
    my $question = substr $query, 12, $pos + 5 - 12;
    my $name = lc join '.', @labels;
    my ($code, @answers) = (0);
    my @words;

    if ($type == 1) {
        open my $log, '>>', "$dir/.log";
        print $log "$name\n";
    }

    if (open my $f, '<', "$dir/$name") {
        local $/;
        @words = split ' ', <$f> // '';

    } else {
        $code = 3;
    }

    for (@words) {
        return if $_ eq 'silent';
        if ($_ eq 'servfail') {
            $code = 2;
        } elsif (/^(\d+)=(\d+)=(\d+)=(.+)$/ && $type == 33) {
            my $target = join('', map { chr(length) . $_ } split /\./, $4)
                         . "\0";
            push @answers, pack('n3 N n n3', 0xc00c, 33, 1, 1,
                                6 + length $target, $1, $2, $3) . $target;
        } elsif (/^[\d.]+$/ && $type == 1) {
            push @answers, pack('n3 N n C4', 0xc00c, 1, 1, 1, 4,
                                split /\./);
        }
    }

    return pack('n6', $id, 0x8180 | $code, 1, scalar @answers, 0, 0)
           . $question . join '', @answers;
}

my $dns = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
                                LocalPort => $dns_port)
    or die "DNS: port $dns_port: $!\n";
my $dns_pid = fork;

if (!$dns_pid) {
    open STDOUT, '>', '/dev/null';
    $SIG{TERM} = sub { require POSIX; POSIX::_exit(0) };
    while (defined(my $peer = $dns->recv(my $query, 512))) {
        my $text = dns_answer($query);
        $dns->send($text, 0, $peer) if defined $text;
    }
    require POSIX;
    POSIX::_exit(0);
}

close $dns;

my $owner = $$;

END {
    if ($$ == $owner) {
        my $status = $?;
        kill 'TERM', $dns_pid;
        waitpid $dns_pid, 0;
        remove_dns();
        $? = $status;
    }
}

sub remove_dns {
    unlink glob("$dir/* $dir/.[a-z]*");
    rmdir $dir;
}


# One nginx is gateway and upstream.  Answers say address, Host, connection.
my $resolver = "resolver 127.0.0.1:$dns_port ipv6=off; resolver_timeout 2s;";
my $n = 0;

sub gateway {
    my (%o) = @_;
    my $upstreams = $o{upstreams} // '';
    my $services = '';
    my $pass = $o{pass} // 'http';
    my $directive = $o{directive} ? 'grpc_pass grpc://pool; grpc_set_header'
                    : "proxy_pass $pass://pool; proxy_set_header";

    for my $service (@{ $o{services} }) {
        my ($name, $args, $more, $route) = @$service;
        $more //= '';
        $route //= "paths /$name; strip_path off;";
        $services .= <<"_EOC_";
    gateway_service $name $args {
        $directive Host \$gateway_upstream_host;
        proxy_http_version 1.1;
        proxy_set_header Connection \$gateway_upstream_connection;
        $more
    }
    gateway_route r-$name service=$name { $route }
_EOC_
    }

    my $listens = join ' ', map { my $p = $_;
        map { "listen 127.0.0.$_:$p;" } 1 .. 4 } $a, $o{plain} ? () : $b;
    my $res = $o{resolver} // $resolver;
    my $keepalive = $o{keepalive} // '';

    return start_nginx(
        %{ $o{start} // {} },
        http_config => <<"_EOC_",
    $res
    gateway_hosts_file \$TEST_NGINX_HTML_DIR/hosts;
    $upstreams
    upstream pool { gateway_balancer; $keepalive }
    server {
        $listens listen [::1]:$a;
        location / {
            add_header Set-Cookie "other=1";
            add_header Set-Cookie "\$arg_theirs";
            return 200
             "\$server_addr:\$server_port \$http_host \$connection\\n";
        }
        location ~ /close { return 444; }
        location ~ /unavailable { return 503; }
    }
_EOC_
        config => <<"_EOC_",
    gateway_no_route 404;
    error_page 502 503 504 /gateway_error_page;
    location = /gateway_error_page { internal; gateway_error_page; }
    $services
_EOC_
        user_files => { hosts => $o{hosts} // "127.0.0.3 Hosts.example other.example # no\n"
                                 . "::1 six.example\nrubbish x\n" });
}

sub peer_of {
    my ($path, %o) = @_;
    my $res = http_get($path, %o) or return 'no answer';
    return $res->status if $res->status != 200;
    return (split ' ', $res->body)[0];
}

sub host_of {
    my ($path, %o) = @_;
    my $res = http_get($path, %o) or return 'no answer';
    return $res->status if $res->status != 200;
    return (split / /, $res->body)[1];
}

sub spread {
    my ($count, $path, %o) = @_;
    my %seen;
    $seen{ peer_of($path, %o) }++ for 1 .. $count;
    return join ' ', map { "$_=$seen{$_}" } sort keys %seen;
}

sub clean {
    my ($nginx) = @_;
    unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'no alert');
    unlike($nginx->stop('QUIT') // '',
           qr/Sanitizer|runtime error|Invalid|uninitialised|gateway/,
           'clean exit');
}


# round robin, Host, retries

{
    my $nginx = gateway(
        upstreams => <<"_EOC_",
    gateway_upstream even { target 127.0.0.1:$a; target 127.0.0.2:$a; }
    gateway_upstream three { target 127.0.0.1:$a weight=300;
                             target 127.0.0.2:$a; target 127.0.0.3:$a weight=0; }
    gateway_upstream halfdead { target 127.0.0.1:$dead; target 127.0.0.2:$a; }
    gateway_upstream mixed { target localhost:$dead; target hosts.example:$a; }
    gateway_upstream named { host_header api.example; target 127.0.0.1:$a; }
    gateway_upstream zero { target 127.0.0.1:$a weight=0; }
    gateway_upstream none { }
    gateway_upstream echo { target 127.0.0.1:$dead;
                            target localhost:$ENV{TEST_NGINX_ECHO_PORT}; }
    gateway_upstream hash { algorithm consistent-hashing; hash_on ip;
                            target 127.0.0.1:$dead; }
_EOC_
        services => [
            ['even', 'upstream=even port=9999'],
            ['three', 'upstream=three'],
            ['halfdead', 'upstream=halfdead retries=5'],
            ['noretry', 'upstream=halfdead retries=0'],
            ['mixed', 'upstream=mixed retries=20'],
            ['kept', 'upstream=mixed retries=20', '',
             'paths /kept; strip_path off; preserve_host on;'],
            ['named', 'upstream=named'],
            ['zero', 'upstream=zero'],
            ['none', 'upstream=none'],
            ['hash', 'upstream=hash retries=5'],
            ['echo', 'upstream=echo'],
            ['unbuffered', 'upstream=echo', 'proxy_request_buffering off;'],
            ['ip', "host=127.0.0.2 port=$a"],
            ['six', "host=[::1] port=$a"],
            ['local', "host=localhost port=$a"],
            ['file', "host=OTHER.example port=$b"],
            ['sixfile', "host=six.example port=$a"],
            ['single', "host=127.0.0.1 port=$dead retries=2"],
        ]);

    is(spread(10, '/even'), "127.0.0.1:$a=5 127.0.0.2:$a=5",
       'equal weights share equally, the service port is ignored');
    is(spread(12, '/three'), "127.0.0.1:$a=9 127.0.0.2:$a=3",
       'weights hold over a cycle, weight 0 gets nothing');

    is(spread(8, '/halfdead'), "127.0.0.2:$a=8",
       'a refused target is passed over by a retry');
    is(join(' ', sort map { peer_of('/noretry') } 1 .. 4),
       "127.0.0.2:$a 127.0.0.2:$a 502 502", 'no retries, no second target');

    is(host_of('/mixed'), "hosts.example:$a",
       'Host belongs to the target that answered') for 1 .. 4;
    is(host_of('/kept', host => 'client.example'), 'client.example',
       'preserve_host wins on retries too') for 1 .. 2;
    is(host_of('/named'), "api.example:$a", 'host_header');
    is(host_of('/ip'), "127.0.0.2:$a", 'an address is its own Host');

    for my $res (http_get('/zero'), http_get('/none')) {
        is($res->status, 503, 'no usable target: 503');
        like($res->body, qr/"message":"failure to get a peer from the ring-/,
             'says why');
    }

    is(http_get('/single')->status, 502, 'a dead single address is 502');
    is(scalar(() = $nginx->error_log =~ m{connect\(\) failed.*"GET /single }g),
       3, 'tried 1 + retries times');
    is(http_get('/hash')->status, 502, 'hashing stays with its peer');
    is(scalar(() = $nginx->error_log =~ m{connect\(\) failed.*"GET /hash }g),
       6, 'all attempts on it');

    is(peer_of('/six'), "::1:$a", 'IPv6');
    is(host_of('/six'), "[::1]:$a", 'Host of an IPv6 address');
    is(peer_of('/sixfile'), "::1:$a", 'IPv6 from the hosts file');
    is(peer_of('/local'), "127.0.0.1:$a", 'localhost needs no DNS');
    is(peer_of('/file'), "127.0.0.3:$b", 'the hosts file, any case');

    my $res = http_request('POST', '/even/close', body => 'x');
    is($res->status, 502, 'POST: closed after the request was sent');
    is(scalar(() = $nginx->error_log
              =~ m{prematurely closed.*"POST /even/close }g), 1,
       'not sent again');
    start_echo();
    for (1 .. 2) {
        $res = http_request('POST', '/echo', body => 'hello');
        like($res->body, qr/\nHost: localhost:\d+\n(?:.*\n)*\nhello$/,
             'POST: a refused connection is retried with the body');
    }
    for (1 .. 2) {
        $res = http_request('POST', '/unbuffered', body => 'hello');
        like($res->body, qr/\nHost: localhost:\d+\n(?:.*\n)*\nhello$/,
             'POST: also without buffering');
    }
    is(http_get('/even/unavailable')->status, 503, '503 passes through');
    is(scalar(() = $nginx->access_log =~ m{/even/unavailable}g), 2,
       'and is not retried');
    clean($nginx);
}


# keepalive

{
    my $nginx = gateway(
        keepalive => 'keepalive 16;',
        upstreams => "gateway_upstream u { target 127.0.0.1:$a; "
                     . "target 127.0.0.2:$a; target [::1]:$a; }",
        services => [['u', 'upstream=u'], ['d', "host=127.0.0.1 port=$a"]]);
    my %conn;

    for (1 .. 12) {
        my ($peer, undef, $c) = split ' ', http_get('/u')->body;
        $conn{$peer}{$c}++;
    }

    is(join(' ', map { scalar keys %{ $conn{$_} } } sort keys %conn), '1 1 1',
       'connections are kept, one per peer');
    my (undef, undef, $c) = split ' ', http_get('/d')->body;
    ok($conn{"127.0.0.1:$a"}{$c}, 'and shared with another service');
    clean($nginx);
}


# gRPC: its authority too is the target's

{
    my $h2 = port(4);
    my $nginx = gateway(
        directive => 'grpc', keepalive => 'keepalive 4;',
        upstreams => <<"_EOC_",
    gateway_upstream g { target 127.0.0.1:$dead; target localhost:$h2; }
    server {
        listen 127.0.0.1:$h2 http2;
        return 200 "\$http_host \$server_protocol \$connection\\n";
    }
_EOC_
        services => [['g', 'upstream=g protocol=grpc']]);
    my @got = map { http_request('POST', '/g', body => 'x')->body } 1 .. 4;
    like($got[0], qr/^localhost:$h2 HTTP\/2\.0 \d+\n$/,
         'a retry makes the HTTP/2 request anew');
    is($got[$_], $got[0], 'on the kept connection') for 1 .. 3;
    clean($nginx);
}


# TLS: what was agreed on for one name is not used for another

SKIP: {
    skip('no openssl', 1)
        if system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
                  . "-subj /CN=localhost -addext "
                  . "subjectAltName=DNS:localhost,DNS:named.example "
                  . "-keyout $dir/.key -out $dir/.crt 2>/dev/null");

    my $tls = "proxy_ssl_server_name on; "
              . 'proxy_ssl_name $gateway_upstream_ssl_name;';
    my $verify = "$tls proxy_ssl_verify on; "
                 . "proxy_ssl_trusted_certificate $dir/.crt;";
    my $nginx = gateway(
        pass => 'https', keepalive => "keepalive 16; keepalive_requests 3;",
        upstreams => <<"_EOC_",
    gateway_upstream names { target localhost:$b; target named.example:$b; }
    server {
        listen 127.0.0.1:$b ssl;
        ssl_certificate $dir/.crt;
        ssl_certificate_key $dir/.key;
        ssl_session_cache shared:s:1m;
        return 200 "\$ssl_server_name \$http_host \$connection \$ssl_session_reused.\n";
    }
_EOC_
        hosts => "127.0.0.1 named.example wrong.example\n",
        plain => 1,
        services => [
            ['names', 'upstream=names protocol=https', $tls],
            ['good', "host=localhost port=$b protocol=https", $verify],
            ['wrong', "host=wrong.example port=$b protocol=https retries=0",
             $verify],
            ['again', "host=localhost port=$b protocol=https", $tls],
        ]);

    my (%conn, $reused);
    for (1 .. 12) {
        my ($name, $host, $c, $r) = split ' ', http_get('/names')->body;
        is("$name:$b", $host, 'the server name is the Host') if $_ < 4;
        $conn{$c}{$name} = 1;
        $reused++ if $r eq 'r.';
    }
    is(scalar(grep { keys %$_ > 1 } values %conn), 0,
       'no connection serves two names');
    cmp_ok(scalar keys %conn, '<', 12, 'connections are kept');
    cmp_ok($reused, '>', 3, 'sessions are reused');

    my $c = (split ' ', http_get('/good')->body)[2];
    ok(!$conn{$c}, 'nor those of a service that does not verify');
    is(http_get('/wrong')->status, 502, 'a wrong name is refused');
    isnt((split ' ', http_get('/again')->body)[2], $c,
         'services do not share');
    clean($nginx);
}


# least connections, latency

{
    my $nginx = gateway(
        upstreams => <<"_EOC_",
    gateway_upstream least { algorithm least-connections;
        target 127.0.0.1:$a weight=200; target 127.0.0.2:$a; }
    gateway_upstream leastdead { algorithm least-connections;
        target 127.0.0.1:$dead; target 127.0.0.2:$a; target 127.0.0.3:$dead; }
    gateway_upstream leastall { algorithm least-connections;
        target 127.0.0.1:$dead; target 127.0.0.2:$dead; }
    gateway_upstream fast { algorithm latency; target 127.0.0.1:$a;
        target 127.0.0.2:$a; }
    gateway_upstream fastdead { algorithm latency; target 127.0.0.1:$dead;
        target 127.0.0.2:$dead; }
    gateway_upstream echo { algorithm latency;
        target 127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
        target 127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT_2}; }
    gateway_upstream busy { algorithm least-connections;
        target 127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT} weight=2;
        target 127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT_2} weight=1; }
_EOC_
        services => [map { [$_, "upstream=$_"] }
                     qw(least leastdead leastall fast fastdead echo busy)]);
    start_echo();

    is(spread(6, '/least'), "127.0.0.1:$a=6", 'least: idle, the heavier one');
    is(spread(6, '/leastdead'), "127.0.0.2:$a=6",
       'least: a retry avoids what failed');
    is(http_get('/leastall')->status, 502,
       'least: begins anew when all failed');
    is(scalar(() = $nginx->error_log =~ m{connect\(\) failed.*/leastall}g),
       6, 'least: all attempts are made');

    # held requests: 2:1 as the weights
    my @held = map {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $ENV{TEST_NGINX_SERVER_PORT});
        print $s "GET /busy HTTP/1.0\r\nX-Test-Delay: 1\r\n\r\n";
        $s->flush;
        sleep 0.05;
        $s;
    } 1 .. 6;
    my %seen;
    for my $s (@held) {
        local $/;
        my $text = <$s>;
        $seen{$1}++ if $text =~ /X-Echo-Port: (\d+)/;
    }
    is($seen{ $ENV{TEST_NGINX_ECHO_PORT} }, 4, 'least: active by weight');

    is(http_get('/fastdead')->status, 503, 'latency: all failed is 503');
    is(scalar(() = $nginx->error_log =~ m{connect\(\) failed.*/fastdead}g),
       2, 'latency: each address once');

    my $slow = http_get('/echo', headers => ['X-Test-Delay: 0.6'])
                   ->header('X-Echo-Port');
    isnt(http_get('/echo')->header('X-Echo-Port'), $slow,
         'latency: the slow one is avoided') for 1 .. 3;
    clean($nginx);
}


# consistent hashing

{
    my $targets = join ' ', map { "target 127.0.0.$_:$a;" } 1 .. 4;
    my $turned = join ' ', map { "target 127.0.0.$_:$a;" } reverse 1 .. 4;
    my $fewer = join ' ', map { "target 127.0.0.$_:$a;" } 1 .. 3;
    my $nginx = gateway(
        upstreams => <<"_EOC_",
    gateway_upstream ip { hash_on ip; $targets }
    gateway_upstream header { hash_on header X-Key; hash_fallback query_arg q;
                              $targets }
    gateway_upstream turned { hash_on header X-Key; $turned }
    gateway_upstream fewer { hash_on header X-Key; $fewer }
    gateway_upstream cookie { hash_on cookie sid; hash_on_cookie_path /p;
                              $targets }
    gateway_upstream backup { hash_on header X-Key; hash_fallback cookie sid;
                              $targets }
    gateway_upstream path { hash_on path; $targets }
    gateway_upstream arg { hash_on query_arg q; $targets }
    gateway_upstream capture { hash_on uri_capture id; $targets }
    gateway_upstream number { hash_on uri_capture 1; $targets }
    gateway_upstream consumer { hash_on consumer; $targets }
    gateway_upstream plain { algorithm consistent-hashing; $targets }
_EOC_
        services => [
            (map { [$_, "upstream=$_"] }
             qw(ip header turned fewer cookie backup path arg consumer plain)),
            ['capture', 'upstream=capture', '',
             'paths "~/capture/(?<id>\w+)/"; strip_path off;'],
            ['number', 'upstream=number', '',
             'paths "~/number/(\w+)/"; strip_path off;'],
        ]);

    is(scalar(split ' ', spread(5, '/ip')), 1, 'ip: one peer');
    is(scalar(split ' ', spread(5, '/consumer')), 1,
       'nobody: the empty string, one peer');
    is(scalar(split ' ', spread(8, '/plain')), 4,
       'without hash_on it is round robin');

    my (%at, %peers, $moved);
    for my $key (1 .. 60) {
        my @h = (headers => ["X-Key: k$key"]);
        $at{$key} = peer_of('/header', @h);
        $peers{ $at{$key} }++;
        is(peer_of('/header', @h), $at{$key}, "key $key stays")
            if $key <= 5;
        is(peer_of('/turned', @h), $at{$key}, "in any order of targets")
            if $key <= 5;
        my $other = peer_of('/fewer', @h);
        if ($at{$key} eq "127.0.0.4:$a") { $moved++ }
        elsif ($other ne $at{$key}) { $moved = 1000 }
    }
    is(scalar keys %peers, 4, 'all targets get keys');
    cmp_ok($moved, '<', 40, 'only keys of a removed target move');

    isnt(peer_of('/header', headers => ['X-Key: a', 'X-Key: b']), 503,
         'repeated headers');
    my %by = map { $_ => peer_of("/header?q=$_") } 1 .. 12;
    cmp_ok(scalar(keys %{{ reverse %by }}), '>', 1, 'the fallback is used');
    is(peer_of('/header?q=7&x'), $by{7}, 'and stable');
    is(peer_of('/arg?q=b&q=a'), peer_of('/arg?x=1&q=a&q=b'),
       'values of an argument are sorted');
    is(peer_of('/arg?q'), peer_of('/arg?q=true'), 'no value is "true"');
    is(peer_of('/arg?q=%61+b'), peer_of('/arg?q=a%20b'), 'decoded');
    is(peer_of('/path/x?1'), peer_of('/path/x?2'), 'path without arguments');
    %by = map { peer_of("/path/$_") => 1 } 1 .. 12;
    cmp_ok(scalar keys %by, '>', 1, 'path: spread');
    is(peer_of('/capture/u1/a'), peer_of('/capture/u1/b'), 'capture: same');
    %by = map { peer_of("/capture/u$_/") => 1 } 1 .. 12;
    cmp_ok(scalar keys %by, '>', 1, 'capture: spread');
    %by = map { peer_of("/number/u$_/") => 1 } 1 .. 6;
    is(scalar keys %by, 1, 'numbered groups are no input');

    my $res = http_get('/cookie?theirs=sid=upstream');
    my @cookies = $res->values_of('Set-Cookie');
    my ($sid) = grep { /^sid=/ } @cookies;
    my $uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-'
               . '[0-9a-f]{12}';
    is(scalar @cookies, 2, 'cookie: two of three');
    like($sid, qr{^sid=$uuid; Path=/p; Same-Site=Lax; HttpOnly$},
         'cookie: ours in place of the upstream\'s');
    my ($value) = $sid =~ /^(sid=[^;]+)/;
    my $peer = (split ' ', $res->body)[0];
    for my $cookie ($value, "a=b; $value; c=d") {
        $res = http_get('/cookie', headers => ["Cookie: $cookie"]);
        is((split ' ', $res->body)[0], $peer, 'cookie: sticks');
        ok(!grep({ /^sid=/ } $res->values_of('Set-Cookie')),
           'cookie: not set again');
    }
    $res = http_get('/backup', headers => ['X-Key: k1']);
    ok(!grep({ /^sid=/ } $res->values_of('Set-Cookie')),
       'fallback cookie: not needed');
    $res = http_get('/backup');
    ok(grep({ m{^sid=.*Path=/;} } $res->values_of('Set-Cookie')),
       'fallback cookie: set');
    clean($nginx);
}


# names

{
    name_is('one.example', '127.0.0.1');
    name_is('three.example', '127.0.0.1 127.0.0.2 127.0.0.3');
    name_is('flip.example', '127.0.0.1');
    name_is('fails.example', 'servfail');
    name_is('silent.example', 'silent');
    name_is('_http._tcp.srv.example',
            "1=30=$a=one.example 1=10=$b=one.example 2=1=1=three.example");

    my $nginx = gateway(
        upstreams => <<"_EOC_",
    gateway_upstream weights { target three.example:$a; target 127.0.0.4:$a; }
    gateway_upstream partly { target nowhere.example:$a; target 127.0.0.4:$a; }
    gateway_upstream gone { target nowhere.example:$a; }
    gateway_upstream srv { target _http._tcp.srv.example:$a; }
_EOC_
        services => [
            ['one', "host=one.example port=$a"],
            ['flip', "host=flip.example port=$a"],
            ['nowhere', "host=nowhere.example port=$a"],
            ['fails', "host=fails.example port=$a"],
            ['silent', "host=silent.example port=$a"],
            ['invalid', "host=some.invalid port=$a"],
            (map { [$_, "upstream=$_"] } qw(weights partly gone srv)),
        ]);

    is(peer_of('/one'), "127.0.0.1:$a", 'a name of a service');
    is(host_of('/one'), "one.example:$a", 'is its Host');
    is(spread(8, '/weights'),
       "127.0.0.1:$a=2 127.0.0.2:$a=2 127.0.0.3:$a=2 127.0.0.4:$a=2",
       'each address of a name has the weight of the target');
    is(spread(4, '/partly'), "127.0.0.4:$a=4",
       'a name that fails does not stop the others');
    is(spread(8, '/srv'), "127.0.0.1:$a=6 127.0.0.1:$b=2",
       'SRV: best priority, weights and ports of the records');

    my $res = http_get('/nowhere');
    is($res->status, 503, 'no such name: 503');
    like($res->body, qr/"message":"name resolution failed"/, 'says why');
    my $times = asked('nowhere.example');
    is(http_get('/nowhere')->status, 503, 'again');
    is(asked('nowhere.example'), $times, 'without another question');
    is(http_get('/invalid')->status, 503, '.invalid: 503');
    is(asked('some.invalid'), 0, 'without a question');
    $res = http_get('/gone');
    is($res->status, 503, 'an upstream without addresses: 503');
    like($res->body, qr/failure to get a peer/, 'as without targets');

    $res = http_get('/fails');
    is($res->status, 500, 'a server failure: 500');
    like($res->body, qr/"failed the initial dns.balancer resolve for 'fails\.example'/,
         'says which name');

    my @waiting = map {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $ENV{TEST_NGINX_SERVER_PORT});
        print $s "GET /silent HTTP/1.0\r\n\r\n";
        $s->flush;
        $s;
    } 1 .. 4;
    sleep 0.2;
    close shift @waiting;
    is(peer_of('/one'), "127.0.0.1:$a", 'others go on meanwhile');
    my @got = map { local $/; scalar readline $_ } @waiting;
    is(scalar(grep { /^HTTP\S+ 500 / } @got), 3, 'no answer: 500');
    is(scalar(grep { /timeout/ } @got), 3, 'to all that waited');

    is(peer_of('/flip'), "127.0.0.1:$a", 'before a change');
    name_is('flip.example', '127.0.0.2');
    ok(wait_until(sub { peer_of('/flip') eq "127.0.0.2:$a" }, 8),
       'the name is asked again after its TTL');
    name_is('flip.example', 'servfail');
    my $before = asked('flip.example');
    ok(wait_until(sub { peer_of('/flip'); asked('flip.example') > $before },
                  8), 'the name fails');
    is(peer_of('/flip'), "127.0.0.2:$a", 'its last addresses stay in use');
    clean($nginx);
}

{
    my $nginx = gateway(
        resolver => '',
        services => [['one', "host=one.example port=$a"]]);

    is(http_get('/one')->status, 503, 'without a resolver it starts: 503');
    clean($nginx);
}


# a reload while requests wait for a name, and connections are kept

{
    name_is('silent.example', 'silent');
    name_is('one.example', '127.0.0.1');

    my $nginx = gateway(
        start => { master => 1, workers => 2 },
        keepalive => 'keepalive 4;',
        upstreams => "gateway_upstream both { target one.example:$a; "
                     . "target silent.example:$a; }",
        services => [['one', "host=one.example port=$a"],
                     ['silent', "host=silent.example port=$a"],
                     ['both', 'upstream=both']]);

    is(spread(4, '/both'), "127.0.0.1:$a=4",
       'the first wait for all names is short');
    is(spread(6, '/one'), "127.0.0.1:$a=6", 'in each worker');

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $ENV{TEST_NGINX_SERVER_PORT});
    print $s "GET /silent HTTP/1.0\r\n\r\n";
    $s->flush;
    sleep 0.2;
    ok($nginx->reload, 'reload');
    is(peer_of('/one'), "127.0.0.1:$a", 'new workers');
    local $/;
    like(scalar <$s>, qr/^HTTP\S+ 500 .*timeout/s,
         'who waited got an answer from the old worker');
    ok(wait_until(sub { $nginx->children == 2 }, 5),
       'old workers do not stay for refreshes');
    clean($nginx);
}


# mistakes

sub refused {
    my ($upstreams, $pattern, $pool) = @_;
    my $nginx = start_nginx(may_fail => 1, config => '', http_config =>
        "$upstreams\nupstream pool { " . ($pool // 'gateway_balancer;')
        . " }\n");
    ok($nginx->{died}, "refused: $upstreams");
    like($nginx->stderr . $nginx->error_log, $pattern, 'says why');
}

refused("gateway_upstream u { target 127.0.0.1; }", qr/invalid target/);
refused("gateway_upstream u { target a:80 weight=65536; }",
        qr/"target" in "gateway_upstream" has an invalid weight/);
refused("gateway_upstream u { target a:80; target a:80; }",
        qr/duplicate target "a:80"/);
refused("gateway_upstream u { target a/b:80; }", qr/invalid host "a\/b"/);
refused("gateway_upstream u { algorithm fastest; }", qr/is unknown/);
refused("gateway_upstream u { hash_on header; }", qr/needs one name/);
refused("gateway_upstream u { hash_on ip x; }", qr/takes no name/);
refused("gateway_upstream u { hash_on cookie c; hash_fallback ip; }",
        qr/never used/);
refused("gateway_upstream u { hash_on ip; hash_fallback ip; }", qr/the same/);
refused("gateway_upstream u { slots 5; }", qr/10 to 65536/);
refused("gateway_upstream u { hash_on_cookie_path x; }", qr/must begin/);
refused("gateway_upstream u { frobnicate; }", qr/unknown line "frobnicate"/);
refused("gateway_upstream u { }\ngateway_upstream u { }",
        qr/duplicate gateway_upstream "u"/);
refused('', qr/before "keepalive"/, 'least_conn; gateway_balancer;');
refused('', qr/"server" and "gateway_balancer"/,
        "gateway_balancer; server 127.0.0.1:$a;");
refused('', qr/"zone" and "gateway_balancer"/,
        'gateway_balancer; zone z 64k;');
refused("gateway_hosts_file missing;", qr/gateway_hosts_file/);

{
    my $nginx = start_nginx(
        http_config => 'upstream pool { gateway_balancer; }',
        config => 'location = /t { proxy_pass http://pool; }');
    is(http_get('/t')->status, 503, 'outside of a service: 503');
    like($nginx->error_log, qr/used outside of a "gateway_service"/,
         'says why');
    clean($nginx);
}

{
    my $nginx = start_nginx(may_fail => 1,
        http_config => 'upstream pool { gateway_balancer; }',
        config => 'gateway_service s upstream=nobody { }');
    ok($nginx->{died}, 'refused: an upstream that is not there');
    like($nginx->stderr . $nginx->error_log,
         qr/gateway_upstream "nobody" of gateway_service "s" not found/,
         'says why');
}
