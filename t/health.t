# Copyright (C) the ngx_gateway authors
#
# upstream: health checks.  Targets are servers that are stopped, started and
# told what to answer while nginx runs.

use lib 't/lib';
use Test::Gateway 'no_plan';

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time sleep);

my @ports = map { port($_) } 1 .. 3;
my $dir = "/tmp/gateway-health-$$";
my $owner = $$;
my %server;

mkdir $dir or die "$dir: $!\n";

END {
    if ($$ == $owner) {
        my $status = $?;
        down($_) for keys %server;
        unlink glob("$dir/*");
        rmdir $dir;
        $? = $status;
    }
}


# what a server does: a status, "close" without an answer, "hang", or any
# line of text instead of the answer
sub says {
    my ($port, $what) = @_;
    open my $f, '>', "$dir/.new" or die;
    print $f $what;
    close $f;
    rename "$dir/.new", "$dir/$port" or die;
}

# the requests it got: their first lines and the headers asked for
sub asked {
    my ($port, $pattern) = @_;
    open my $f, '<', "$dir/$port.log" or return 0;
    local $/;
    my $text = <$f>;
    return scalar(() = $text =~ /$pattern/g);
}

sub up {
    my ($port, $what) = @_;
    says($port, $what // 200);
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
        LocalAddr => '127.0.0.1', LocalPort => $port)
        or die "port $port: $!\n";
    my $pid = fork // die;

    if ($pid) {
        $server{$port} = $pid;
        return;
    }

    open STDOUT, '>', '/dev/null';
    $SIG{TERM} = sub { POSIX::_exit(0) };
    my $select = IO::Select->new($listen);
    my %text;

    while (my @ready = $select->can_read) {
        for my $s (@ready) {
            if ($s == $listen) {
                $select->add(scalar $listen->accept // next);
                next;
            }
            if (!sysread $s, $text{$s}, 4096, length($text{$s} // '')) {
                $select->remove($s);
                delete $text{$s};
                close $s;
                next;
            }
            next unless $text{$s} =~ /\r\n\r\n/;
            my $text = delete $text{$s};

            open my $log, '>>', "$dir/$port.log";
            print $log $text;
            close $log;

            open my $f, '<', "$dir/$port";
            my $say = <$f>;
            close $f;
            next if $say eq 'hang';
            $say = "HTTP/1.0 $say Said\r\nContent-Length: "
                   . (length($port) + 1) . "\r\n\r\n$port\n"
                if $say =~ /^\d+$/;
            print $s $say unless $say eq 'close';
            $s->flush;
            $select->remove($s);
            close $s;
        }
    }

    POSIX::_exit(0);
}

sub down {
    my ($port) = @_;
    my $pid = delete $server{$port} or return;
    kill 'TERM', $pid;
    waitpid $pid, 0;
}


my ($a, $b, $c) = @ports;

sub gateway {
    my ($upstreams, %o) = @_;
    my $retries = $o{retries} // 0;
    my ($text, $services) = ('', '');

    for my $name (sort keys %$upstreams) {
        $text .= "gateway_upstream $name { $upstreams->{$name} }\n";
        $services .= <<"_EOC_";
    gateway_service $name upstream=$name retries=$retries {
        proxy_pass http://pool;
        proxy_read_timeout 150ms;
    }
    gateway_route r-$name service=$name { paths /$name; }
_EOC_
    }

    $o{more} //= '';

    return (
        %{ $o{start} // {} },
        http_config => "upstream pool { gateway_balancer; } $o{more} $text",
        config => <<"_EOC_" . $services);
    gateway_prometheus upstream_health_metrics=on;
    location = /metrics { gateway_prometheus_metrics; }
_EOC_
}

sub answer {
    my ($path) = @_;
    my $res = http_get($path) or return 'none';
    return $res->status if $res->status != 200;
    return $res->body =~ /^(\d+)$/ ? $1 : '?';
}

sub answers {
    my ($n, $path) = @_;
    return join ' ', map { answer($path) } 1 .. $n;
}

sub spread {
    my ($n, $path) = @_;
    my %seen;
    $seen{ answer($path) }++ for 1 .. $n;
    return join ' ', map { "$_=$seen{$_}" } sort keys %seen;
}

sub state_of {
    my ($upstream, $port) = @_;
    my $page = http_get('/metrics')->body;
    return join ' ', $page =~ /^kong_upstream_target_health\{
        upstream="$upstream",target="127\.0\.0\.1:$port",
        address="127\.0\.0\.1:$port",state="(\w+)",
        subsystem="http"\}\s1$/mgx;
}

sub transitions {
    my ($nginx, $upstream) = @_;
    return join ' ', $nginx->error_log =~
        /\[notice\].*gateway upstream "$upstream": .* is (\w+), /g;
}

sub clean {
    my ($nginx) = @_;
    unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'no alert');
    unlike($nginx->stop('QUIT') // '',
           qr/Sanitizer|runtime error|Invalid|uninitialised|gateway/,
           'clean exit');
}


# passive, one target each: what is counted

up($_) for @ports;

{
    my $nginx = start_nginx(gateway({
        four  => "target 127.0.0.1:$a; passive http_failures=2;",
        five  => "target 127.0.0.1:$a; passive http_failures=2 successes=1;",
        both  => "target 127.0.0.1:$a; passive http_failures=2 successes=2;",
        slow  => "target 127.0.0.1:$a; passive timeouts=2;",
        mixed => "target 127.0.0.1:$a;
                  passive http_failures=2 timeouts=2 tcp_failures=2;",
        list  => "target 127.0.0.1:$a; passive http_failures=1
                  unhealthy_statuses=404,500-502 healthy_statuses=none;",
        never => "target 127.0.0.1:$a; passive successes=1;",
        off   => "target 127.0.0.1:$a;
                  passive http_failures=0 tcp_failures=0 timeouts=0;",
    }));

    my $series = sub {
        my ($path, @say) = @_;
        return join ' ', map { says($a, $_); answer("/$path") } @say;
    };

    is($series->('four', 500, 200, 200, 500, 200), "500 $a $a 500 503",
       'failures add up while successes do not count');
    is(state_of('four', $a), 'unhealthy', 'the metric says so');
    is(transitions($nginx, 'four'), 'unhealthy', 'the log too');
    is($series->('four', 200, 200), '503 503', 'nothing brings it back');
    is(transitions($nginx, 'four'), 'unhealthy', 'logged once');

    is($series->('five', 500, 200, 500, 200), "500 $a 500 $a",
       'a success that counts clears failures');
    is($series->('five', 500, 500, 200), '500 500 503', 'two in a row do');

    is($series->('both', 500, 200, 500), "500 $a 500",
       'one success of two clears failures as well');
    is($series->('both', 200, 200, 500, 500, 200), "$a $a 500 500 503",
       'back to healthy, then two failures');

    is($series->('slow', 'hang', 500, 200, 'hang', 200),
       "504 500 $a 504 503", 'timeouts are counted for themselves');

    is($series->('mixed', 500, 'hang', 200), "500 504 $a",
       'each kind of failure has a counter of its own');
    is($series->('mixed', 500, 200), '500 503', 'the second of a kind');

    is($series->('list', 503, 429, 200, 501, 200), "503 429 $a 501 503",
       'own lists of statuses');
    is($series->('never', 500, 500, 500, 200), "500 500 500 $a",
       'successes alone check nothing');
    is(state_of('never', $a), 'healthchecks_off', 'which is off');
    is(state_of('off', $a), 'healthchecks_off', 'all 0 is off');
    clean($nginx);
}


# passive: refused connections, retries

{
    says($_, 200) for @ports;
    down($b);
    my $targets = "target 127.0.0.1:$a; target 127.0.0.1:$b;";
    my %upstreams = (
        six    => "$targets passive tcp_failures=1;",
        least  => "$targets algorithm least-connections;
                   passive tcp_failures=1;",
        hash   => "$targets hash_on header X; passive tcp_failures=1;",
        single => "target 127.0.0.1:$b; passive tcp_failures=2;",
    );
    my $nginx = start_nginx(gateway(\%upstreams, retries => 5));

    for my $name (qw(six least)) {
        is(spread(6, "/$name"), "$a=6", "$name: the dead one is retried");
        is(state_of($name, $b), 'unhealthy', "$name: and marked");
        is(state_of($name, $a), 'healthy', "$name: the other one is not");
        is(scalar(() = $nginx->error_log
                  =~ m{connect\(\) failed.*"GET /$name }g), 1,
           "$name: skipped from then on");
    }

    is(spread(4, '/hash'), "$a=4", 'a ring: whoever was chosen');
    is(answer('/single'), 503, 'the only one is marked during its retries');
    is(scalar(() = $nginx->error_log
              =~ m{connect\(\) failed.*"GET /single }g), 2, 'after two');
    clean($nginx);

    $nginx = start_nginx(gateway({
        seven => "target 127.0.0.1:$b; passive tcp_failures=1;",
        eight => "target 127.0.0.1:$b; passive tcp_failures=1
                  http_failures=1 unhealthy_statuses=502;",
    }));

    is(answers(3, '/seven'), '502 502 502',
       'without a retry a refused connection is a status that is not listed');
    is(state_of('seven', $b), 'healthy', 'never marked');
    is(answers(3, '/eight'), '502 503 503', 'unless it is');
    clean($nginx);

    up($b, 'hang');
    $nginx = start_nginx(gateway({
        slow => "$targets passive timeouts=1;",
        lost => "$targets passive tcp_failures=1;",
    }, retries => 5));

    is(spread(4, '/slow'), "$a=4", 'a timeout is retried');
    is(state_of('slow', $b), 'unhealthy', 'and marked');
    says($b, 'close');
    is(spread(4, '/lost'), "$a=4", 'a connection that ends is retried');
    is(state_of('lost', $b), 'unhealthy', 'and marked');
    clean($nginx);
}


# statuses that are retried, answers of our own

{
    says($a, 200);
    says($b, 503);
    my $nginx = start_nginx(gateway({
        next => "target 127.0.0.1:$a; target 127.0.0.1:$b;
                 passive http_failures=1 tcp_failures=1;",
        none => "target 127.0.0.1:$a;
                 passive http_failures=1 unhealthy_statuses=429,500-599;",
    }, retries => 5, more => <<'_EOC_'));
    proxy_next_upstream error timeout http_503;
    gateway_key_auth off;
_EOC_

    is(spread(4, '/next'), "$a=4", 'a status can be retried');
    is(state_of('next', $b), 'unhealthy', 'and counts as a status');
    like($nginx->error_log, qr/is unhealthy, HTTP failures: 1/, 'not as TCP');
    clean($nginx);
}


# threshold

{
    says($a, 200);
    says($b, 500);
    says($c, 200);
    my $checks = 'passive http_failures=1;';
    my $nginx = start_nginx(gateway({
        nine => "target 127.0.0.1:$a; target 127.0.0.1:$b;
                 threshold 50; $checks",
        ten => "target 127.0.0.1:$a weight=300; target 127.0.0.1:$b;
                threshold 50; $checks",
        less => "target 127.0.0.1:$a; target 127.0.0.1:$b;
                 threshold 49.9; $checks",
        zero => "target 127.0.0.1:$a; target 127.0.0.1:$b;
                 target 127.0.0.1:$c weight=0; threshold 50; $checks",
        full => "target 127.0.0.1:$a; threshold 100;",
        high => "target 127.0.0.1:$a; threshold 99.9;",
    }));

    my %after;
    for my $name (qw(nine ten less zero)) {
        wait_until(sub { answer("/$name") eq 500 }, 5);
        $after{$name} = spread(4, "/$name");
    }

    is($after{nine}, '503=4', 'half of the weight is not above 50 %');
    is(state_of('nine', $a), 'healthy', 'though one target is healthy');
    is($after{ten}, "$a=4", 'three quarters are');
    is($after{less}, "$a=4", 'half is above 49.9 %');
    is($after{zero}, '503=4', 'weight 0 does not count');
    is(state_of('zero', $c), 'healthchecks_off', 'and is not checked');
    is(answers(2, '/full'), '503 503', 'above 100 % is nothing');
    is(answers(2, '/high'), "$a $a", 'all is above 99.9 %');
    is(state_of('full', $a), 'healthchecks_off', 'a threshold is no check');
    clean($nginx);
}


# shared by workers, kept over reloads

{
    says($a, 200);
    says($b, 500);
    my $upstream = sub {
        "target 127.0.0.1:$a; target 127.0.0.1:$b; $_[0]"
    };
    my $checks = 'passive http_failures=3;';
    my @start = (start => { master => 1, workers => 3 },
                 more => 'gateway_upstream_zone 256k;');
    my $nginx = start_nginx(gateway({ u => $upstream->($checks) }, @start));

    ok(wait_until(sub { answer('/u'); transitions($nginx, 'u') }, 5),
       'marked by whichever worker');
    is(spread(30, '/u'), "$a=30", 'all workers know');
    says($b, 200);

    ok($nginx->reload, 'reload');
    is(spread(12, '/u'), "$a=12", 'new workers know');

    $nginx->reconfigure(gateway({ u => $upstream->('') }, @start));
    ok($nginx->reload, 'reload without checks');
    is(state_of('u', $b), 'healthchecks_off', 'checks are off');

    $nginx->reconfigure(gateway({ u => $upstream->($checks),
                                  v => $upstream->($checks) }, @start));
    ok($nginx->reload, 'reload with checks again');
    is(spread(12, '/u'), "$a=12", 'the state outlives that');
    like(spread(12, '/v'), qr/$a=\d+ $b=\d+/, 'another upstream has its own');
    is(transitions($nginx, 'u'), 'unhealthy', 'logged once');
    clean($nginx);
}


# active: http

sub probes {
    my ($port, $path) = @_;
    return asked($port, qr{^GET /\Q$path\E HTTP/1\.0\r$}m);
}

{
    says($_, 200) for @ports;
    my $t = "target 127.0.0.1:$a; target localhost:$b weight=10;
             target 127.0.0.1:$c weight=0;";
    my $nginx = start_nginx(gateway({
        both => "$t active path=/both healthy_interval=30ms
                 unhealthy_interval=30ms http_failures=2 tcp_failures=2
                 timeouts=1 successes=2 timeout=100ms
                 'header=X-One: 1' 'header=X-Two: a b';",
        host => "$t host_header api.example;
                 active path=/host healthy_interval=30ms;",
        own => "$t active path=/own 'header=Host: own.example'
                healthy_interval=30ms;",
        eleven => "$t active path=/eleven healthy_interval=30ms
                   http_failures=1 unhealthy_statuses=418;",
        twelve => "$t active path=/twelve healthy_interval=30ms
                   unhealthy_interval=30ms http_failures=1
                   unhealthy_statuses=418;",
        passive => "$t passive http_failures=1;
                    active path=/passive unhealthy_interval=30ms
                    successes=1;",
        late => "$t active path=/late healthy_interval=1h;",
    }));

    ok(wait_until(sub { probes($a, 'both') > 2 && probes($b, 'both') > 2 },
                  5), 'each address is probed');
    is(probes($c, 'both'), 0, 'not one of weight 0');
    my $block = sub {
        my ($port, $path, @lines) = @_;
        return asked($port, join '\r\n', "GET /$path HTTP/1.0", @lines,
                     '\r\n') > 0;
    };
    ok($block->($a, 'both', 'X-One: 1', 'X-Two: a b', 'Host: 127.0.0.1'),
       'with headers and the address as Host');
    ok($block->($b, 'both', 'X-One: 1', 'X-Two: a b', 'Host: localhost'),
       'or the name of the target');
    ok(wait_until(sub { probes($b, 'host') && probes($b, 'own') }, 5),
       'probed');
    ok($block->($b, 'host', 'Host: api.example'), 'or host_header');
    ok($block->($b, 'own', 'Host: own.example'), 'or what is configured');
    is(state_of('both', $a), 'healthy', 'healthy');

    for my $case (['stopped', sub { down($b) }, sub { up($b) }],
                  ['failing', sub { says($b, 503) }, sub { says($b, 200) }],
                  ['hanging', sub { says($b, 'hang') }, sub { says($b, 200) }],
                  ['silent', sub { says($b, 'close') }, sub { says($b, 302) }],
                  ['talking', sub { says($b, "no HTTP\r\n\r\n") },
                   sub { says($b, 200) }])
    {
        my ($name, $break, $mend) = @$case;
        my $seen = () = $nginx->error_log =~ /upstream "both".* is /g;

        $break->();
        ok(wait_until(sub {
            (() = $nginx->error_log =~ /upstream "both".* is /g) > $seen
        }, 5), "$name: noticed without requests");
        says($b, 200) if $name eq 'failing';
        is(spread(12, '/both'), "$a=12", "$name: gets none")
            if $name ne 'failing';
        $mend->();
        ok(wait_until(sub {
            (() = $nginx->error_log =~ /upstream "both".* is healthy/g)
            > $seen / 2
        }, 5), "$name: comes back");
    }

    is(transitions($nginx, 'both'),
       join(' ', ('unhealthy healthy') x 5), 'each change is logged once');
    is(spread(22, '/both'), "$a=20 $b=2", 'and has its weight again');

    says($b, 418);
    ok(wait_until(sub { transitions($nginx, 'eleven')
                        && transitions($nginx, 'twelve') }, 5),
       'marked by a status of the list');
    says($b, 200);
    my $n = probes($b, 'twelve');
    ok(wait_until(sub { probes($b, 'twelve') > $n + 3 }, 5),
       'an unhealthy one is probed too');
    is(transitions($nginx, 'twelve'), 'unhealthy',
       'which helps nothing when successes do not count');
    $n = probes($b, 'eleven');
    my $m = probes($a, 'eleven');
    ok(wait_until(sub { probes($a, 'eleven') > $m + 3 }, 5), 'on it goes');
    is(probes($b, 'eleven'), $n,
       'without unhealthy_interval there is no recovery');

    is(probes($a, 'passive'), 0, 'nor probes of healthy ones, without one');
    says($b, 500);
    wait_until(sub { answer('/passive') eq 500 }, 5);
    is(spread(11, '/passive'), "$a=11", 'passive checks take out');
    says($b, 200);
    ok(wait_until(sub { spread(11, '/passive') =~ /$b=/ }, 5),
       'active ones put in again');
    is(probes($a, 'late'), 0, 'the first probe comes after an interval');
    clean($nginx);
}


# active: https

SKIP: {
    my $tls = port(4);
    skip('no openssl', 1)
        if system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
                  . "-subj /CN=x -addext "
                  . "subjectAltName=DNS:good.example,IP:127.0.0.1 "
                  . "-keyout $dir/key -out $dir/crt 2>/dev/null");
    my $checks = 'active type=https healthy_interval=30ms tcp_failures=1
                  unhealthy_interval=30ms successes=1';
    my $trust = "trusted_certificate=$dir/crt";
    my $nginx = start_nginx(gateway({
        good => "target 127.0.0.1:$tls; host_header good.example;
                 $checks path=/good $trust;",
        sni => "target 127.0.0.1:$tls; host_header other.example;
                $checks path=/sni $trust sni=good.example;",
        address => "target 127.0.0.1:$tls; $checks path=/address $trust;",
        wrong => "target 127.0.0.1:$tls; host_header bad.example;
                  $checks path=/wrong $trust;",
        off => "target 127.0.0.1:$tls; host_header bad.example:443;
                $checks path=/off verify=off;",
        shown => "target 127.0.0.1:$tls; $checks path=/shown verify=off
                  certificate=$dir/crt certificate_key=$dir/key;",
        plain => "target 127.0.0.1:$a; $checks path=/plain verify=off
                  timeouts=1 timeout=200ms;",
    }, more => <<"_EOC_"));
    log_format probe '\$uri <\$ssl_server_name> <\$host> \$ssl_client_verify';
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $dir/crt;
        ssl_certificate_key $dir/key;
        ssl_verify_client optional_no_ca;
        access_log $dir/access probe;
        location / { return 200; }
    }
_EOC_
    my $seen = sub {
        open my $f, '<', "$dir/access" or return 0;
        local $/;
        return <$f> =~ $_[0];
    };

    for my $t ([qr{^/good <good.example> <good.example> NONE$}m,
                'SNI is Host'],
               [qr{^/sni <good.example> <other.example>}m, 'or what is given'],
               [qr{^/address <-?> <127.0.0.1>}m, 'an address is verified'],
               [qr{^/off <bad.example> <bad.example>}m, 'verify=off'],
               [qr{^/shown .* FAILED}m, 'a certificate is shown'])
    {
        ok(wait_until(sub { $seen->($t->[0]) }, 5), $t->[1]);
    }

    ok(wait_until(sub { transitions($nginx, 'wrong')
                        && transitions($nginx, 'plain') }, 5),
       'marked: a wrong name, and no TLS at all');
    ok(!$seen->(qr{^/wrong}m), 'nothing was sent to the wrong name');
    is(transitions($nginx, $_), '', "$_ is fine")
        for qw(good sni address off shown);
    clean($nginx);
}


# one worker probes, another one takes over

{
    my $checks = "active path=/lead healthy_interval=100ms
                  unhealthy_interval=100ms http_failures=1 successes=1
                  unhealthy_statuses=500;";
    says($_, 200) for @ports;
    my $nginx = start_nginx(gateway({
        u => "target 127.0.0.1:$a; target 127.0.0.1:$b; $checks" },
        start => { master => 1, workers => 3 }));
    my $leaders = sub {
        return $nginx->error_log =~ /\[info\] (\d+)#.*does health checks/g;
    };

    ok(wait_until(sub { probes($a, 'lead') > 2 }, 5), 'probed');
    my $n = probes($a, 'lead');
    my $time = time;
    wait_until(sub { probes($a, 'lead') >= $n + 10 }, 10);
    cmp_ok(time - $time, '>', 0.8, 'by one worker, not by each');
    is(scalar(my ($leader) = $leaders->()), 1, 'one leads');

    says($b, 500);
    wait_until(sub { transitions($nginx, 'u') }, 5);
    is(spread(12, '/u'), "$a=12", 'all workers know');

    kill 'KILL', $leader;
    ok(wait_until(sub { (() = $leaders->()) > 1 }, 10), 'another one takes over');
    says($b, 200);
    ok(wait_until(sub { transitions($nginx, 'u') eq 'unhealthy healthy' }, 5),
       'and goes on');
    $n = () = $leaders->();
    ok($nginx->reload, 'reload');
    ok(wait_until(sub { (() = $leaders->()) > $n }, 5), 'a new worker takes over');
    unlike($nginx->error_log, qr/open socket/, 'no connection is left');
    like($nginx->error_log, qr/exited on signal 9/, 'the one was killed');
    $nginx->stop('QUIT');
}


# concurrency

{
    says($a, 'hang');
    my $nginx = start_nginx(gateway({
        one => "target 127.0.0.1:$a; target localhost:$a;
                active path=/one healthy_interval=20ms timeout=400ms
                concurrency=1 timeouts=2;",
        two => "target 127.0.0.1:$a; target localhost:$a;
                active path=/two healthy_interval=20ms timeout=400ms
                timeouts=2;",
    }));
    ok(wait_until(sub { probes($a, 'one') == 1 }, 5), 'one probe');
    my $time = time;
    ok(wait_until(sub { probes($a, 'two') == 2 }, 5), 'two probes');
    ok(wait_until(sub { probes($a, 'one') == 2 }, 5), 'then the next');
    cmp_ok(time - $time, '>', 0.25, 'not at a time');
    ok(wait_until(sub { transitions($nginx, 'one') eq
                        'unhealthy unhealthy' }, 5), 'timeouts count');
    clean($nginx);
}


# from the declarative file

{
    says($a, 200);
    says($b, 500);
    my $nginx = start_nginx(yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: s
  host: u
  retries: 0
  routes:
  - name: r
    paths: [/]
upstreams:
- name: u
  targets:
  - target: 127.0.0.1:$a
  - target: 127.0.0.1:$b
  healthchecks:
    passive:
      unhealthy: {http_failures: 1}
    active:
      http_path: /yaml
      headers: {X-Probe: ["1"]}
      unhealthy: {interval: 0.05}
      healthy: {successes: 1}
_EOC_
    ok(wait_until(sub { answer('/') eq 500 }, 5), 'the file: a failure');
    is(spread(4, '/'), "$a=4", 'the file: taken out');
    says($b, 200);
    ok(wait_until(sub { spread(4, '/') =~ /$b/ }, 5), 'the file: back again');
    ok(asked($b, "GET /yaml HTTP/1.0\r\nX-Probe: 1\r\n"), 'by that probe');
    $nginx->stop;
}


# lines that are refused

for my $t (
    ['passive http_failures=256;', qr/"http_failures=256" in "passive" of "gateway_upstream": write 0 to 255/],
    ['passive http_failures;', qr/"http_failures" in "passive".*no such param/],
    ['passive failures=1;', qr/there is no such parameter/],
    ['passive timeouts=1 timeouts=2;', qr/"timeouts=2".* it is duplicate/],
    ['passive timeouts=1; passive timeouts=2;', qr/"passive" in "gateway_upstream" is duplicate/],
    ['passive healthy_statuses=99;', qr/write statuses between 100 and 999/],
    ['passive healthy_statuses=200,;', qr/write statuses between 100 and 999/],
    ['passive healthy_statuses=208-200;', qr/write statuses between/],
    ['active;', qr/"active" in "gateway_upstream" probes nothing/],
    ['active healthy_interval=x;', qr/"healthy_interval=x".*write a time/],
    ['active healthy_interval=1s concurrency=0;', qr/write a number above 0/],
    ['active healthy_interval=1s type=grpc;', qr/"type=grpc".*write http, https or tcp/],
    ['active healthy_interval=1s path=x;', qr/"path=x".*must begin with/],
    ['active healthy_interval=1s "path=/ x";', qr/"path=\/ x".*no spaces/],
    ['active healthy_interval=1s header=x;', qr/write "header=Name: value"/],
    ['active healthy_interval=1s "header=a b: c";', qr/invalid character in its name/],
    [qq(active healthy_interval=1s "header=a: b\nc: d";), qr/invalid character in its value/],
    ['active healthy_interval=1s verify=1;', qr/write on or off/],
    ['active healthy_interval=1s sni=;', qr/must not be empty/],
    ['active healthy_interval=1s type=https;', qr/nothing to verify certificates with/],
    ['active healthy_interval=1s type=https verify=off certificate=x;', qr/needs both/],
    ['active healthy_interval=1s; active healthy_interval=1s;', qr/is duplicate/],
    ['threshold 101;', qr/"threshold" in "gateway_upstream" has an invalid percentage/],
    ['threshold -1;', qr/invalid percentage/],
    ['threshold 1; threshold 2;', qr/"threshold" .*is duplicate/],
) {
    my $n = start_nginx(may_fail => 1, http_config => <<"_EOC_");
    gateway_upstream u { target 127.0.0.1:$a; $t->[0] }
_EOC_
    ok($n->{died}, "refused: $t->[0]");
    like($n->stderr . $n->error_log, $t->[1], 'and says why');
    $n->stop;
}

for my $t (['1x', qr/invalid zone size "1x"/],
           ['4k', qr/zone size "4k" is too small/],
           ['1m; gateway_upstream_zone 1m', qr/is duplicate/])
{
    my $n = start_nginx(may_fail => 1,
                        http_config => "gateway_upstream_zone $t->[0];");
    ok($n->{died}, "refused: zone $t->[0]");
    like($n->stderr . $n->error_log, $t->[1], 'and says why');
    $n->stop;
}

run_tests();

__DATA__
