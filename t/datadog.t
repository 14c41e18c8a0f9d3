# Copyright (C) the ngx_gateway authors
#
# datadog: lines of metrics with tags.

use lib 't/lib';
use Test::Gateway 'no_plan';
use IO::Socket::INET;
use IO::Select;

my $server = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    // die "no socket: $!";
my $port = $server->sockport;

sub datagrams {
    my @all;
    while (IO::Select->new($server)->can_read(@all ? 0.3 : 2)) {
        recv($server, my $text, 65536, 0);
        push @all, $text;
    }
    return @all;
}

start_echo();

my $nginx = start_nginx(yaml => <<"_EOC_");
_format_version: "3.0"
consumers:
- username: bobby
  custom_id: bob
  id: 7c1d1fa6-1d0a-4f0e-a3c5-2b9ae1a1f0a1
  keyauth_credentials: [{key: bob}]
services:
- name: my.svc
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - paths: [/all]
    plugins:
    - name: datadog
      config: {host: 127.0.0.1, port: $port}
    - name: key-auth
  - paths: [/more]
    plugins:
    - name: datadog
      config:
        host: 127.0.0.1
        port: $port
        prefix: pre
        service_name_tag: svc
        status_tag: code
        consumer_tag: who
        metrics:
        - {name: latency, stat_type: distribution, sample_rate: 0.5, consumer_identifier: consumer_id, tags: ["a:b", c]}
    - name: key-auth
_EOC_

http_get('/all', headers => ['apikey: bob']);
my @lines = datagrams();
my $tags = '|#name:my_svc,status:200,consumer:bob,app:kong';
is(scalar @lines, 6, 'six metrics');
is($lines[0], "kong.request.count:1|c$tags", 'count');
like($lines[$_->[0]], qr/^kong\.\Q$_->[1]\E:\d+\|ms\Q$tags\E$/, $_->[1])
    for [1, 'latency'], [2, 'request.size'], [3, 'response.size'],
        [4, 'upstream_latency'], [5, 'kong_latency'];

http_get('/all');
@lines = datagrams();
is($lines[0], 'kong.request.count:1|c|#name:my_svc,status:401,app:kong',
   'refused, no consumer');

http_get('/more', headers => ['apikey: bob']);
like(join(',', datagrams()),
     qr/^pre\.latency:\d+\|d\|\@0\.5\|#svc:my_svc,code:200,who:7c1d1fa6_1d0a_4f0e_a3c5_2b9ae1a1f0a1,a:b,c$/,
     'other names');

is($nginx->stop, '', 'stops');

# ---- an agent whose name is not found at first ------------------------------

my $names = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    // die "no socket: $!";

# answers one question about a name: with an address, or that there is none
sub answer_name {
    my ($address) = @_;
    IO::Select->new($names)->can_read(5) or return;
    my $from = recv($names, my $question, 512, 0);
    my $text = substr($question, 0, 2)
        . pack('n5', $address ? 0x8180 : 0x8183, 1, $address ? 1 : 0, 0, 0)
        . substr($question, 12);
    $text .= pack('n3Nn', 0xc00c, 1, 1, 60, 4) . pack('C4', split /\./, $address)
        if $address;
    send($names, $text, 0, $from);
    return 1;
}

my $dns = $names->sockport;

$nginx = start_nginx(http_config => "resolver 127.0.0.1:$dns ipv6=off;",
                     config => <<"_EOC_");
    location /named {
        gateway_datadog host=agent.test port=$port
            metrics=request_count|counter|sample_rate=1
            queue.max_retry_delay=0.1;
        return 204;
    }
_EOC_

http_get('/named');
ok(answer_name(), 'the name is looked up');
ok($nginx->wait_log(qr/datadog: queue "agent\.test:$port": handler could not process entries: "agent\.test:$port" cannot be looked up/, 5),
   'and is not there');
ok(answer_name(), 'it is looked up again');
ok(answer_name('127.0.0.1'), 'and again');
is(join(',', datagrams()), 'kong.request.count:1|c|#name:,status:204',
   'then the line goes out');

is($nginx->stop, '', 'stops');

run_tests();

__DATA__

=== TEST 1: a metric that datadog does not have
--- config
    location / { gateway_datadog metrics=unique_users|set; }
--- must_die
--- error_log
there is no metric of this name
