# Copyright (C) the ngx_gateway authors
#
# statsd: lines of metrics.

use lib 't/lib';
use Test::Gateway 'no_plan';
use IO::Socket::INET;
use IO::Select;
use Sys::Hostname;

my $server = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    // die "no socket: $!";
my $port = $server->sockport;
my $tcp = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1')
    // die "no socket: $!";
my $tcp_port = $tcp->sockport;

# the datagrams until none comes any more
sub datagrams {
    my @all;
    while (IO::Select->new($server)->can_read(@all ? 0.3 : 2)) {
        recv($server, my $text, 65536, 0);
        push @all, $text;
    }
    return @all;
}

my $host = hostname() =~ s/\./_/gr;
my $plugin = "host: 127.0.0.1, port: $port";

start_echo();

my $nginx = start_nginx(yaml => <<"_EOC_");
_format_version: "3.0"
consumers:
- username: bobby
  custom_id: "b|o:b"
  keyauth_credentials: [{key: bob}]
- username: nobody
plugins:
- name: statsd
  config: {$plugin, metrics: [{name: request_count, stat_type: counter, sample_rate: 1}, {name: upstream_latency, stat_type: timer}]}
services:
- name: my.svc
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - id: 7c1d1fa6-1d0a-4f0e-a3c5-2b9ae1a1f0a1
    name: all
    paths: [/all]
    plugins:
    - name: statsd
      config: {$plugin}
    - name: key-auth
      config: {anonymous: nobody}
  - paths: [/codes]
    plugins:
    - name: statsd
      config: {$plugin, allow_status_codes: ["200-204"]}
  - paths: [/packet]
    plugins:
    - name: statsd
      config: {$plugin, udp_packet_size: 100}
  - paths: [/rate]
    plugins:
    - name: statsd
      config: {$plugin, prefix: pre, hostname_in_prefix: true, metrics: [{name: latency, stat_type: gauge, sample_rate: 0.5, service_identifier: service_host}]}
  - paths: [/tcp]
    plugins:
    - name: statsd
      config: {host: 127.0.0.1, port: $tcp_port, use_tcp: true, metrics: [{name: status_count, stat_type: counter, sample_rate: 1}, {name: request_count, stat_type: counter, sample_rate: 1}]}
@{[ join '', map { "  - name: $_
    paths: [/$_]
    plugins:
    - name: statsd
      config: {$plugin, tag_style: $_, workspace_identifier_default: workspace_name, metrics: [{name: request_count, stat_type: counter, sample_rate: 0.5}, {name: status_count, stat_type: counter, sample_rate: 1}]}
" } qw(dogstatsd influxdb librato signalfx) ]}
_EOC_

# ---- the default metrics ----------------------------------------------------

http_get('/all', headers => ['apikey: bob']);
my @lines = datagrams();
my %line = map { $_ => 1 } @lines;
my $ws = '0dc6f45b-8f8d-40d2-a504-473544ee190b';

for my $want ('kong.service.my_svc.request.count:1|c',
              'kong.service.my_svc.status.200:1|c',
              'kong.service.my_svc.user.uniques:b_o_b|s',
              'kong.service.my_svc.user.b_o_b.request.count:1|c',
              'kong.service.my_svc.user.b_o_b.status.200:1|c',
              "kong.service.my_svc.workspace.$ws.status.200:1|c",
              'kong.route.7c1d1fa6-1d0a-4f0e-a3c5-2b9ae1a1f0a1.user.b_o_b.status.200:1|c')
{
    ok($line{$want}, $want);
}

for my $want (qr/^kong\.service\.my_svc\.latency:\d+\|ms$/,
              qr/^kong\.service\.my_svc\.upstream_latency:\d+\|ms$/,
              qr/^kong\.service\.my_svc\.kong_latency:\d+\|ms$/,
              qr/^kong\.service\.my_svc\.request\.size:[1-9]\d*\|c$/,
              qr/^kong\.service\.my_svc\.response\.size:[1-9]\d*\|c$/,
              qr/^kong\.node\.$host\.shdict\.\w+\.free_space:\d+\|g$/,
              qr/^kong\.node\.$host\.shdict\.\w+\.capacity:\d+\|g$/)
{
    ok(scalar(grep { $_ =~ $want } @lines), "$want");
}

ok(!(grep { /\n/ } @lines), 'one line in each datagram');

http_get('/all');
@lines = datagrams();
ok(!(grep { /\.user\./ } @lines), 'no consumer with that id, no users');
ok(!(grep { /shdict/ } @lines), 'zones are told of once a minute');

# ---- options ------------------------------------------------------------------

http_get('/codes', headers => ['X-Test-Status: 500']);
is(join(',', datagrams()), '', 'a status that is not allowed');
http_get('/codes');
ok(scalar(grep { $_ eq 'kong.service.my_svc.status.200:1|c' } datagrams()),
   'one that is');

http_get('/packet');
@lines = datagrams();
ok(scalar(grep { /^kong[^\n]+\nkong[^\n]+$/ } @lines), 'lines share datagrams');
ok(!(grep { /\n/ && length > 100 } @lines), 'of that size');

http_get('/rate');
like(join(',', datagrams()),
     qr/^pre\.node\.$host\.service\.127_0_0_1\.latency:\d+\|g\|\@0\.5$/,
     'rate, prefix with the host, service by host');

http_get('/nothing');
is(join(',', datagrams()), 'kong.global.unmatched.request.count:1|c',
   'no route, no latency');

my %want = (
    dogstatsd => 'kong.request.count:1|c|@0.5|#service:my.svc,route:dogstatsd,workspace:default,node:HOST,status:200',
    influxdb => 'kong.request.count,service=my.svc,route=influxdb,workspace=default,node=HOST,status=200:1|c|@0.5',
    librato => 'kong.request.count#service=my.svc,route=librato,workspace=default,node=HOST,status=200:1|c|@0.5',
    signalfx => 'kong.request.count[service=my.svc,route=signalfx,workspace=default,node=HOST,status=200]:1|c|@0.5',
);

for my $style (sort keys %want) {
    http_get("/$style");
    is(join(',', datagrams()), $want{$style} =~ s/HOST/$host/r, $style);
}

http_get('/tcp');
ok(IO::Select->new($tcp)->can_read(3), 'a connection');
my $conn = $tcp->accept;
my $text = '';
while ($text !~ /count:1\|c\n/ && IO::Select->new($conn)->can_read(3)) {
    sysread($conn, $text, 65536, length $text) or last;
}
is($text, "kong.service.my_svc.status.200:1|c\nkong.service.my_svc.request.count:1|c\n",
   'lines over TCP');

# ---- a server that is not there ---------------------------------------------

is($nginx->stop, '', 'stops');

my $later = port(5);
my $metrics = 'metrics: [{name: request_count, stat_type: counter, sample_rate: 1}]';

$nginx = start_nginx(master => 1, yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: svc
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - paths: [/again]
    plugins:
    - name: statsd
      config: {host: 127.0.0.1, port: $later, use_tcp: true, $metrics, queue: {max_retry_delay: 0.05}}
  - paths: [/once]
    plugins:
    - name: statsd
      config: {host: 127.0.0.1, port: $later, use_tcp: true, $metrics, queue: {max_retry_time: -1}}
  - paths: [/each]
    plugins:
    - name: statsd
      config: {host: 127.0.0.1, port: $later, use_tcp: true, $metrics, queue: {concurrency_limit: -1, max_retry_delay: 0.05}}
_EOC_

is(http_get('/once')->status, 200, 'requests do not care');
ok($nginx->wait_log(qr/statsd: queue "127\.0\.0\.1:$later": handler could not process entries: "127\.0\.0\.1:$later" cannot be connected to/, 5),
   'the log says so');
ok($nginx->wait_log(qr/could not send entries due to max_retry_time exceeded\. 1 queue entries were lost/, 5),
   'without retries lines are lost');

http_get('/again') for 1 .. 2;
http_get('/each') for 1 .. 3;
ok($nginx->wait_log(qr/(?:cannot be connected to.*){2}/s, 5), 'asked again');
unlike($nginx->error_log, qr/records are dropped/, 'nothing was dropped');

my $back = IO::Socket::INET->new(Listen => 5, LocalPort => $later,
    LocalAddr => '127.0.0.1', ReuseAddr => 1) // die "no socket: $!";

# a connection of each instance, whichever comes first
my $all = '';
my $readers = IO::Select->new($back);
while (($all =~ tr/\n//) < 5 && (my @ready = $readers->can_read(5))) {
    for my $fh (@ready) {
        if ($fh == $back) {
            $readers->add(scalar $back->accept);
        } elsif (!sysread($fh, $all, 65536, length $all)) {
            $readers->remove($fh);
        }
    }
}
is($all, "kong.service.svc.request.count:1|c\n" x 5,
   'when the server is back all lines arrive, once');

close $back;
$readers->remove($_), close $_ for $readers->handles;
http_get('/again');
ok($nginx->reload(drained => 1), 'a worker that ends does not wait for ever');
ok($nginx->wait_log(qr/queue entries were lost since the worker ends/, 5),
   'and says what is lost');

is($nginx->stop, '', 'stops');

run_tests();

__DATA__

=== TEST 1: a metric that does not exist
--- config
    location / { gateway_statsd metrics=nothing|counter; }
--- must_die
--- error_log
there is no metric of this name



=== TEST 2: ranges
--- config
    location / { gateway_statsd allow_status_codes=2xx; }
--- must_die
--- error_log
needs ranges as



=== TEST 3: a type is needed
--- config
    location / { gateway_statsd metrics=latency; }
--- must_die
--- error_log
a metric needs a type
