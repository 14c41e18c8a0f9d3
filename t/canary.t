# Copyright (C) the ngx_gateway authors
#
# canary: which requests go elsewhere, and as what.  The port in the answer
# of the echo upstream tells where a request went.

use lib 't/lib';
use Test::Gateway 'no_plan';

use IO::Socket::INET;
use JSON::PP ();

my $primary = $ENV{TEST_NGINX_ECHO_PORT};
my $canary = $ENV{TEST_NGINX_ECHO_PORT_2};
my $dead = $ENV{TEST_NGINX_UNUSED_PORT};

our $http = <<'_EOC_';
    gateway_hosts_file $TEST_NGINX_HTML_DIR/hosts;

    upstream pool {
        gateway_balancer;
        keepalive 8;
    }

    gateway_upstream second {
        target 127.0.0.1:$TEST_NGINX_ECHO_PORT_2;
    }

    gateway_upstream empty {
    }

    gateway_upstream gone {
        target nowhere.invalid:80;
    }

    gateway_consumer alice {
        id 11111111-0000-0000-0000-000000000001;
        gateway_key_auth_credential key=alice;
        gateway_acl_group staff beta;
    }

    gateway_consumer bob {
        id 11111111-0000-0000-0000-000000000002;
        gateway_key_auth_credential key=bob;
        groups gold;
    }

    gateway_consumer carol {
        id 11111111-0000-0000-0000-000000000003;
        gateway_key_auth_credential key=carol;
        gateway_acl_group staff;
    }

    gateway_consumer_group gold {
    }

    log_format canary "canary=$gateway_canary";
_EOC_

our $proxy = <<'_EOC_';
        proxy_pass http://pool;
        proxy_http_version 1.1;
        proxy_set_header Host       $gateway_upstream_host;
        proxy_set_header Connection $gateway_upstream_connection;
_EOC_

our $hosts = <<'_EOC_';
>>> hosts
127.0.0.1 canary.test
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('user_files', $hosts) unless defined $block->user_files;

    if (defined $block->canary) {
        my $args = $block->canary;
        chomp $args;
        my $more = defined $block->more ? $block->more : '';
        my $service = defined $block->service
                      ? $block->service
                      : 'host=127.0.0.1 port=$TEST_NGINX_ECHO_PORT path=/api';
        my $route = defined $block->route ? $block->route : '';
        my $inner = defined $block->inner ? $block->inner : '';
        chomp $service;

        $block->set_value('http_config', $http);
        $block->set_value('config', <<_EOC_);
    access_log logs/access.log canary;
    gateway_service s $service {
        gateway_canary $args;
        $more
        $proxy
    }
    gateway_route r service=s { paths /t; $route $inner }
_EOC_
    }
});

no_long_string();
run_tests();


my $config = <<"_EOC_";
    gateway_service s host=127.0.0.1 port=$primary retries=0 {
        \%s
        $proxy
    }
    gateway_route r service=s { paths /t; }
_EOC_

sub where {
    my ($path, @more) = @_;

    my $res = http_get($path, @more);
    return 'no answer' unless defined $res;
    return $res->status if $res->status != 200;
    return $res->header('X-Echo-Port') == $canary ? 'canary' : 'primary';
}

sub http_config {
    my ($text) = @_;

    $text =~ s/gateway_hosts_file .*?;/gateway_hosts_file off;/;
    $text =~ s/\$(TEST_NGINX_\w+)/$ENV{$1}/g;
    return $text;
}

sub start {
    my ($directive, @more) = @_;

    return start_nginx(http_config => http_config($http),
                       config => sprintf($config, $directive), @more);
}


# shares: who is sent where depends on nothing but who it is

sub sent {
    my ($n) = @_;

    return { map { ($_ => where('/t', headers => ["X-User: user$_"])) }
             1 .. $n };
}

sub share {
    my ($sent) = @_;

    return scalar grep { $_ eq 'canary' } values %$sent;
}

{
    my $by = "gateway_canary hash=header hash_header=X-User"
             . " upstream_port=$canary";

    my $nginx = start("$by percentage=50;", master => 1);
    my $half = sent(200);
    my $n = share($half);

    cmp_ok($n, '>', 60, "50 per cent of users, $n of 200");
    cmp_ok($n, '<', 140, "and not more");
    is_deeply(sent(200), $half, 'they stay where they are');
    ok($nginx->reload, 'reload');
    is_deeply(sent(200), $half, 'over a reload');
    $nginx->stop;

    $nginx = start("$by percentage=50;", workers => 2, master => 1);
    is_deeply(sent(200), $half, 'another process, the same users');

    $nginx->reconfigure(config => sprintf($config, "$by percentage=80;"),
                        http_config => http_config($http));
    ok($nginx->reload, 'reload with more');
    my $most = sent(200);

    cmp_ok(share($most), '>', $n, 'a greater share has more users');
    is(scalar(grep { $half->{$_} eq 'canary' && $most->{$_} ne 'canary' }
              keys %$half), 0, 'nobody goes back');
    $nginx->stop;
}


# requests that nothing tells apart are counted, by all workers together

for my $case ([2, 50, 10, 5], [10, 30, 20, 6], [1000, 12.5, 80, 10],
              [7, 43, 14, 6], [100, 29, 100, 29])
{
    my ($steps, $percentage, $requests, $expected) = @$case;

    my $nginx = start("gateway_canary hash=none steps=$steps"
                      . " percentage=$percentage upstream_port=$canary;",
                      workers => 2, master => 1);
    my $n = grep { where('/t') eq 'canary' } 1 .. $requests;

    if ($requests % $steps) {
        cmp_ok(abs($n - $expected), '<=', 1,
               "$percentage per cent of $requests are about $expected: $n");

    } else {
        is($n, $expected,
           "$percentage per cent in $steps steps: $expected of $requests");
    }

    $nginx->stop;
}


# time

for my $case (['in an hour', 3600, 3600, 'primary'],
              ['an hour ago', -3601, 3600, 'canary'],
              ['in this very moment, at once', -1, 0, 'canary'])
{
    my ($name, $offset, $duration, $expected) = @$case;

    my $start = time + $offset;
    my $nginx = start("gateway_canary start=$start duration=$duration"
                      . " upstream_port=$canary;");

    is(where('/t'), $expected, "a release that starts or ended $name");
    $nginx->stop;
}

{
    # the middle of a release that takes years does not move while we look
    my $start = time - 50_000_000;
    my $nginx = start("gateway_canary start=$start duration=100000000"
                      . " steps=10 hash=none upstream_port=$canary;");

    is(scalar(grep { where('/t') eq 'canary' } 1 .. 20), 10,
       'half of the time, half of the requests');
    $nginx->stop;
}

{
    # 99 of 100 steps are done after 99.5 per cent of the time
    my $start = time - 99_500_000;
    my $nginx = start("gateway_canary start=$start duration=100000000"
                      . " steps=100 hash=none upstream_port=$canary;");

    is(scalar(grep { where('/t') eq 'canary' } 1 .. 100), 99,
       'steps are whole ones');
    $nginx->stop;
}

{
    # without a start it begins when it is loaded, once
    my $by = "gateway_canary duration=3 steps=1 upstream_port=$canary";
    my $nginx = start("$by;", master => 1);

    is(where('/t'), 'primary', 'a release without a start begins now');
    ok($nginx->reload, 'reload');
    ok(wait_until(sub { where('/t') eq 'canary' }, 10), 'it ends');
    ok($nginx->reload, 'reload');
    is(where('/t'), 'canary', 'a reload does not begin it again');
    $nginx->stop;
}


# the fallback to where the service is

{
    my $by = "gateway_canary percentage=100 upstream_host=v2";
    my $checked = "target 127.0.0.1:$dead; passive http_failures=1 unhealthy_statuses=502;";

    my $with = sub {
        my ($more, $lines) = @_;

        return start_nginx(
            http_config => http_config($http)
                           . "gateway_upstream v2 { $lines }\n",
            config => sprintf($config, "$by $more;"));
    };

    my $nginx = $with->('upstream_fallback=on', $checked);
    is(where('/t'), 502, 'a target that is healthy as far as we know');
    is(where('/t'), 'primary', 'none is healthy: the service itself');
    $nginx->stop;

    $nginx = $with->('upstream_fallback=off', $checked);
    is(where('/t'), 502, 'without the fallback');
    is(where('/t'), 503, 'none is healthy: that is what is said');
    $nginx->stop;

    $nginx = $with->('upstream_fallback=on canary_by_header_name=X-Canary',
                     $checked);
    is(where('/t'), 502, 'once more');
    is(where('/t', headers => ['X-Canary: always']), 503,
       'who asks for the canary gets it, whatever its health');
    is(where('/t'), 'primary', 'others do not');
    $nginx->stop;

    $nginx = $with->('upstream_fallback=on',
                     "target 127.0.0.1:$dead; target 127.0.0.1:$canary;"
                     . " threshold 60; passive http_failures=1 unhealthy_statuses=502;");
    like(join(' ', map { where('/t') } 1 .. 5),
         qr/^(canary )?502( primary)+$/,
         'less than the threshold is healthy: the service itself');
    $nginx->stop;

    $nginx = $with->('upstream_fallback=on', "target 127.0.0.1:$canary;");
    is(where('/t'), 'canary', 'an upstream without checks');
    $nginx->stop;
}


# the log record

{
    my $nginx = start_nginx(yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$primary/api
  retries: 1
  routes: [{name: orders, paths: [/orders]}]
  plugins:
  - name: canary
    config:
      percentage: 100
      upstream_host: v2
      upstream_uri: /v2
  - {name: file-log, config: {path: logs/file.json}}
upstreams:
- name: v2
  hash_on: header
  hash_on_header: X-None
  targets: [{target: "127.0.0.1:$canary"}]
_EOC_

    is(where('/orders/7?a=b'), 'canary', 'with a log');

    my ($record, $line);
    ok(wait_until(sub {
        open my $f, '<', "$nginx->{root}/prefix/logs/file.json" or return 0;
        $line = <$f>;
        return defined $line;
    }, 5), 'there is a record');

    $record = JSON::PP->new->decode($line);
    is($record->{upstream_uri}, '/v2?a=b', 'the path sent');
    is($record->{service}{name}, 'orders', 'the service is the same');
    is(scalar @{$record->{tries}}, 1, 'one attempt');
    is("$record->{tries}[0]{ip}:$record->{tries}[0]{port}",
       "127.0.0.1:$canary", 'to the canary');
    $nginx->stop;
}


# metrics: both sides, by class of status

{
    my $nginx = start_nginx(http_config => http_config($http)
                            . "gateway_prometheus status_code_metrics=on;",
                            workers => 2, master => 1, config => <<"_EOC_");
    gateway_service s host=127.0.0.1 port=$primary {
        gateway_key_auth on;
        gateway_canary percentage=0 canary_by_header_name=X-Canary
                       upstream_host=second;
        $proxy
    }
    gateway_route r service=s { paths /t; }
    gateway_service none host=127.0.0.1 port=$primary {
        gateway_canary percentage=100 upstream_host=empty;
        $proxy
    }
    gateway_route none service=none { paths /none; }
    location = /metrics { gateway_prometheus_metrics; }
_EOC_

    my $send = sub {
        my ($n, @headers) = @_;
        http_get('/t?apikey=bob', headers => [@headers]) for 1 .. $n;
    };

    $send->(3);
    $send->(2, 'X-Canary: always');
    $send->(4, 'X-Canary: always', 'X-Test-Status: 503');
    $send->(1, 'X-Test-Status: 404');
    http_get('/t') for 1 .. 2;
    http_get('/none');

    my $page = http_get('/metrics')->body;
    my @lines = sort $page =~ /^gateway_canary_(\w+\{.*)$/mg;

    is_deeply(\@lines, [
        'other_requests_total{service="s",route="r",class="2xx"} 3',
        'other_requests_total{service="s",route="r",class="4xx"} 1',
        'requests_total{service="none",route="none",class="5xx"} 1',
        'requests_total{service="s",route="r",class="2xx"} 2',
        'requests_total{service="s",route="r",class="5xx"} 4'],
        'counters of both sides');
    $nginx->stop;
}


# names: looked up at run time, in the background when there is a fallback

{
    my $dns_port = port(3);
    my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
                                       LocalPort => $dns_port)
        or die "port $dns_port: $!";

    # answers SERVFAIL until the file is there
    my $flag = "/tmp/gateway-canary-$$";
    my $pid = fork;
    die unless defined $pid;

    if ($pid == 0) {
        while (defined $socket->recv(my $query, 512)) {
            my ($id) = unpack 'n', $query;
            my $question = substr $query, 12;
            my $pos = 0;
            $pos += 1 + ord substr $question, $pos, 1
                while ord substr $question, $pos, 1;
            my $type = unpack 'n', substr $question, $pos + 1, 2;
            $question = substr $question, 0, $pos + 5;

            if (!-e $flag) {
                $socket->send(pack('n6', $id, 0x8182, 1, 0, 0, 0) . $question);

            } elsif ($type == 1) {
                $socket->send(pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question
                              . pack('n3Nn', 0xc00c, 1, 1, 60, 4)
                              . pack('C4', 127, 0, 0, 1));

            } else {
                $socket->send(pack('n6', $id, 0x8180, 1, 0, 0, 0) . $question);
            }
        }

        exit 0;
    }

    my $nginx = start_nginx(
        http_config => http_config($http)
                       . "resolver 127.0.0.1:$dns_port ipv6=off;\n"
                       . "gateway_upstream v2 { target v2.test:$canary; }\n",
        config => sprintf($config, "gateway_canary percentage=100"
                          . " upstream_host=v2 upstream_fallback=on;")
                  . "gateway_service plain host=127.0.0.1 port=$primary {"
                  . " gateway_canary percentage=100 upstream_host=v2.test"
                  . " upstream_port=$canary; $proxy }"
                  . " gateway_route plain service=plain { paths /plain; }");

    is(where('/t'), 'primary', 'a name that fails: the service itself');
    is(where('/plain'), 500, 'a host that fails is no reason to fall back');

    open my $f, '>', $flag or die;
    close $f;

    ok(wait_until(sub { where('/t') eq 'canary' }, 10),
       'the name is asked for all the same, and found');
    ok(wait_until(sub { where('/plain') eq 'canary' }, 10),
       'the host too');

    $nginx->stop;
    unlink $flag;
    kill 'TERM', $pid;
    waitpid $pid, 0;
}


__DATA__

=== TEST 1: all requests, to another port; the path and Host are the canary's
--- canary: percentage=100 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request
GET /t/x?a=b
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"
--- response_body_like eval
qr{^GET /api/x\?a=b HTTP/1.1\n(?=.*^Host: 127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT_2}\n)}sm
--- access_log
canary=1



=== TEST 2: no requests
--- canary: percentage=0 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request
GET /t/x
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"
--- access_log
canary=0



=== TEST 3: another host, by name, with the port of the service
--- canary: percentage=100 upstream_host=canary.test
--- request
GET /t/x
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"
--- response_body_like eval
qr{^Host: canary\.test:$ENV{TEST_NGINX_ECHO_PORT}\n}m



=== TEST 4: another host and port
--- canary: percentage=100 upstream_host=canary.test upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request
GET /t/x
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"
--- response_body_like eval
qr{^GET /api/x HTTP/1.1\n(?=.*^Host: canary\.test:$ENV{TEST_NGINX_ECHO_PORT_2}\n)}sm



=== TEST 5: an upstream, whose targets have their own ports
--- canary: percentage=100 upstream_host=second upstream_port=1
--- request
GET /t/x
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"



=== TEST 6: another port of a service with an upstream changes nothing
--- service: upstream=second
--- canary: percentage=100 upstream_port=1
--- request
GET /t/x
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"
--- access_log
canary=1



=== TEST 7: another host for a service with an upstream
--- service: upstream=second port=$TEST_NGINX_ECHO_PORT
--- canary: percentage=100 upstream_host=127.0.0.1
--- request
GET /t/x
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"



=== TEST 8: another path: it replaces the whole, the query stays
--- canary: percentage=100 upstream_uri=/v2/here
--- request
GET /t/x?a=b
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"
--- response_body_like: ^GET /v2/here\?a=b HTTP/1.1\n
--- access_log
canary=1



=== TEST 9: the path in its normal form, encoded again where it has to be
--- canary: percentage=100 "upstream_uri=/a/../v 2/%7Ex"
--- request
GET /t/x
--- response_body_like: ^GET /v%202/~x HTTP/1.1\n



=== TEST 10: preserve_host keeps the client's Host
--- canary: percentage=100 upstream_host=canary.test upstream_port=$TEST_NGINX_ECHO_PORT_2
--- route: preserve_host on;
--- request
GET /t/x
--- more_headers
Host: api.example.com
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"
--- response_body_like: (?m)^Host: api\.example\.com$



=== TEST 11: what request-transformer makes of Host and path
--- canary: percentage=100 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- more
gateway_request_transformer replace.uri=/transformed replace.headers=Host:other.test;
--- request
GET /t/x
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"
--- response_body_like: (?s)^GET /transformed HTTP/1.1\n.*Host: other\.test\n



=== TEST 12: a path of the canary comes last
--- canary: percentage=100 upstream_uri=/v2
--- more
gateway_request_transformer replace.uri=/transformed;
--- request
GET /t/x
--- response_body_like: ^GET /v2 HTTP/1.1\n



=== TEST 13: always and never, as clients ask for
--- canary: percentage=0 canary_by_header_name=X-Canary upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Canary: always", "X-Canary: never", "X-Canary: ALWAYS", "X-Canary: yes",
 "X-Other: always"]
--- response_headers eval
["X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 map { "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}" } 1 .. 4]



=== TEST 14: never, where all others go
--- canary: percentage=100 canary_by_header_name=x-canary upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Canary: never", "X-Canary: sometimes", ""]
--- response_headers eval
["X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"]



=== TEST 15: allow: members of a group, by acl or as a consumer group
--- canary: hash=allow groups=beta groups=gold upstream_port=$TEST_NGINX_ECHO_PORT_2
--- more: gateway_key_auth on;
--- request eval
["GET /t?apikey=alice", "GET /t?apikey=bob", "GET /t?apikey=carol"]
--- response_headers eval
["X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"]



=== TEST 16: deny: all but members
--- canary: hash=deny groups=staff upstream_port=$TEST_NGINX_ECHO_PORT_2
--- more: gateway_key_auth on;
--- request eval
["GET /t?apikey=alice", "GET /t?apikey=bob", "GET /t?apikey=carol"]
--- response_headers eval
["X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"]



=== TEST 17: allow, for who is nobody
--- canary: hash=allow groups=beta upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"



=== TEST 18: deny, for who is nobody
--- canary: hash=deny groups=beta upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"



=== TEST 19: groups do not look at percentage and time
--- canary: hash=allow groups=beta percentage=0 start=99999999999 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- more: gateway_key_auth on;
--- request
GET /t?apikey=alice
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"



=== TEST 20: by consumer: CRC-32 of the id, 72, 506 and 772 of 1000 here
--- canary: percentage=50.7 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- more: gateway_key_auth on;
--- request eval
["GET /t?apikey=alice", "GET /t?apikey=bob", "GET /t?apikey=carol"]
--- response_headers eval
["X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"]



=== TEST 21: the same, one step less
--- canary: percentage=50.6 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- more: gateway_key_auth on;
--- request eval
["GET /t?apikey=alice", "GET /t?apikey=bob", "GET /t?apikey=carol"]
--- response_headers eval
["X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"]



=== TEST 22: the instance of the route replaces that of the service
--- canary: percentage=100 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- inner: gateway_canary percentage=100 upstream_uri=/route;
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"
--- response_body_like: ^GET /route HTTP/1.1\n



=== TEST 23: off
--- canary: percentage=100 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- inner: gateway_canary off;
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"
--- access_log
canary=0



=== TEST 24: for the whole server: each service has its own port
--- http_config eval: $::http
--- config eval
<<"_EOC_";
    gateway_canary percentage=100 upstream_host=canary.test upstream_uri=/v2;
    gateway_service one host=127.0.0.1 port=$ENV{TEST_NGINX_ECHO_PORT} { $::proxy }
    gateway_service two host=127.0.0.1 port=$ENV{TEST_NGINX_ECHO_PORT_2} { $::proxy }
    gateway_route one service=one { paths /one; }
    gateway_route more service=one { paths /more; }
    gateway_route two service=two { paths /two; }
    gateway_route none { paths /none; }
    location /plain { proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}; }
_EOC_
--- request eval
["GET /one", "GET /two", "GET /more", "GET /none", "GET /plain"]
--- error_code eval
[200, 200, 200, 503, 200]
--- response_body_like eval
["^GET /v2 (?s).*Host: canary.test:$ENV{TEST_NGINX_ECHO_PORT}\n",
 "^GET /v2 (?s).*Host: canary.test:$ENV{TEST_NGINX_ECHO_PORT_2}\n",
 "^GET /v2 (?s).*Host: canary.test:$ENV{TEST_NGINX_ECHO_PORT}\n",
 "no Service found with those values", "^GET /plain "]



=== TEST 25: in a location, for the variable
--- http_config eval: $::http
--- config
    location /a {
        gateway_canary percentage=100 upstream_uri=/v2;
        proxy_set_header X-Canary $gateway_canary;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /b {
        gateway_canary percentage=0 upstream_uri=/v2;
        proxy_set_header X-Canary $gateway_canary;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /a", "GET /b"]
--- response_body_like eval
["^GET /a (?s).*X-Canary: 1\n", "^GET /b (?s).*X-Canary: 0\n"]



=== TEST 26: no target at all, no health checks: the fallback holds too
--- canary: percentage=100 upstream_host=empty upstream_fallback=on
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"
--- access_log
canary=0



=== TEST 27: names of targets that do not exist
--- canary: percentage=100 upstream_host=gone upstream_fallback=on
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"



=== TEST 28: no target, no fallback
--- canary: percentage=100 upstream_host=empty
--- request
GET /t
--- error_code: 503
--- response_body_like: failure to get a peer from the ring-balancer
--- error_log
gateway upstream "empty": no usable peer



=== TEST 29: a retry stays with the canary
--- service: host=127.0.0.1 port=$TEST_NGINX_ECHO_PORT retries=2
--- canary: percentage=100 upstream_port=$TEST_NGINX_UNUSED_PORT
--- request
GET /t
--- error_code: 502
--- error_log eval
qr{(?s)(connect\(\) failed.*){3}}



=== TEST 30: over HTTP/2
--- canary: percentage=100 upstream_port=$TEST_NGINX_ECHO_PORT_2 upstream_uri=/v2
--- http2
--- request
GET /t/x?a=b
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"
--- response_body_like: ^GET /v2\?a=b HTTP/1.1\n



=== TEST 31: hash by header, without the header: by consumer, then by address
--- canary: hash=header hash_header=X-User percentage=60 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- more: gateway_key_auth on;
--- request eval
["GET /t?apikey=alice", "GET /t?apikey=bob", "GET /t?apikey=bob",
 "GET /t?apikey=carol", "GET /t?apikey=carol"]
--- more_headers eval
["", "X-User: ", "X-User: user1", "X-User: user20", ""]
--- response_headers eval
["X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}",
 "X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"]



=== TEST 32: hash by address
--- canary: hash=ip steps=10 percentage=30 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"



=== TEST 33: the same, one step less
--- canary: hash=ip steps=10 percentage=20 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT}"



=== TEST 34: by consumer, without one: by address
--- canary: hash=consumer steps=10 percentage=30 upstream_port=$TEST_NGINX_ECHO_PORT_2
--- request
GET /t
--- response_headers eval
"X-Echo-Port: $ENV{TEST_NGINX_ECHO_PORT_2}"



=== TEST 35: nowhere to go
--- canary: percentage=50
--- must_die
--- error_log
"gateway_canary" directive needs at least one of "upstream_host", "upstream_port" and "upstream_uri"



=== TEST 36: a header without a name
--- canary: hash=header percentage=50 upstream_port=1
--- must_die
--- error_log
"gateway_canary" directive needs "hash_header" with "hash=header"



=== TEST 37: no groups
--- canary: hash=deny upstream_port=1
--- must_die
--- error_log
"gateway_canary" directive needs "groups" with "hash=allow" and "hash=deny"



=== TEST 38: a fallback from nowhere
--- canary: percentage=50 upstream_port=1 upstream_fallback=on
--- must_die
--- error_log
"gateway_canary" directive needs "upstream_host" with "upstream_fallback"



=== TEST 39: an URI that is no path
--- canary: percentage=50 upstream_uri=/v2?x=1
--- must_die
--- error_log
"gateway_canary" directive has an "upstream_uri" that is no path



=== TEST 40: an URI that is no path either
--- canary: percentage=50 upstream_uri=v2
--- must_die
--- error_log
"gateway_canary" directive has an "upstream_uri" that is no path



=== TEST 41: more than all
--- canary: percentage=101 upstream_port=1
--- must_die
--- error_log
invalid parameter "percentage=101"



=== TEST 42: no steps
--- canary: percentage=10 steps=0 upstream_port=1
--- must_die
--- error_log
invalid parameter "steps=0"



=== TEST 43: an unknown hash
--- canary: percentage=10 hash=cookie upstream_port=1
--- must_die
--- error_log
invalid parameter "hash=cookie"



=== TEST 44: a host that cannot be
--- canary: percentage=10 "upstream_host=a b"
--- must_die
--- error_log
invalid host "a b"



=== TEST 45: a service that has no balancer
--- http_config eval: $::http
--- config
    gateway_service s {
        gateway_canary percentage=50 upstream_port=1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    gateway_route r service=s { paths /t; }
--- must_die
--- error_log
another host or port for gateway_service "s"



=== TEST 46: not for consumers
--- http_config
    gateway_consumer bob { gateway_canary percentage=50 upstream_uri=/v2; }
--- config
--- must_die
--- error_log
gateway_canary
