# Copyright (C) the ngx_gateway authors
#
# opentelemetry: contexts of traces, sampling, and spans as the published
# definitions of OTLP decode them.

use lib 't/lib';
use Test::Gateway 'no_plan';

use JSON::PP;
use MIME::Base64;
use Test::Gateway::Server;
use Test::More;

my $why = no_node();
plan(skip_all => $why) if $why;

my $collector = port(1);
my $out = start_node('trace_collector.js', $collector);
my $echo = start_echo();
my $closed = port(2);
my $taken = 0;

my $trace = '0af7651916cd43dd8448eb211c80319c';
my $span = 'b7ad6b7169203331';

# the requests that the collector got since the last time, when there are n
sub sent {
    my ($n) = @_;
    my @lines;

    wait_until(sub {
        open(my $fh, '<', $out) or die;
        @lines = grep { /^\{.*\}$/ } <$fh>;
        return @lines >= $taken + $n;
    }, 10);

    my @new = map { decode_json($_) } @lines[$taken .. $#lines];
    $taken = @lines;
    return @new;
}

sub hex_id { my ($id) = @_; return defined $id ? unpack('H*', decode_base64($id)) : undef; }

sub spans_of {
    return map { @{$_->{spans}} } map { @{$_->{scopeSpans}} }
           map { @{$_->{body}{resourceSpans}} } @_;
}

sub spans { my ($n) = @_; return spans_of(sent($n)); }

sub named { my ($name, @spans) = @_; return (grep { $_->{name} eq $name } @spans)[0]; }

sub attributes {
    my ($of) = @_;
    return { map { $_->{key} => (values %{$_->{value}})[0] } @{$of->{attributes}} };
}

sub yaml {
    my ($config, $plugins) = @_;
    $plugins //= '';
    return <<"_EOC_";
_format_version: "3.0"
services:
- name: pool
  host: pool
  routes: [{name: pool, paths: [/pool]}]
- name: named
  url: http://localhost:$ENV{TEST_NGINX_ECHO_PORT}
  routes: [{name: named, paths: [/named]}]
- name: one
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - {name: one, paths: [/one, /two], strip_path: false}
  - name: canary
    paths: [/canary]
    plugins:
    - name: canary
      config: {percentage: 100, upstream_host: localhost,
               upstream_port: $ENV{TEST_NGINX_ECHO_PORT_2}}
upstreams:
- name: pool
  targets: [{target: "127.0.0.1:$closed", weight: 200}, {target: "127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}", weight: 100}]
plugins:
- name: opentelemetry
  config: {traces_endpoint: "http://127.0.0.1:$collector/v1/traces", $config}
$plugins
_EOC_
}

my $all = '--set tracing_instrumentations=all --set tracing_sampling_rate=1';
my $fast = 'queue: {max_batch_size: 200, max_coalescing_delay: 0.1}';

# without instrumentations: headers only

my $nginx = start_nginx(yaml => yaml('http_response_header_for_traceid: X-Trace, sampling_rate: 1'));
my $res = http_get('/one');
like($res->body, qr/^traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00$/m,
     'off: a trace begins, not sampled');
like($res->header('X-Trace'), qr/^[0-9a-f]{32}$/, 'its id for the client');
$res = http_get('/one', headers => ["traceparent: 00-$trace-$span-01"]);
like($res->body, qr/^traceparent: 00-$trace-(?!$span)[0-9a-f]{16}-00$/m,
     'off: the trace that came in goes on, not sampled');
is($res->header('X-Trace'), $trace, 'its id for the client');
$nginx->stop('QUIT');
is(scalar sent(0), 0, 'off: nothing is sent');

# everything

$nginx = start_nginx(compile_args => $all,
                     yaml => yaml($fast . ', headers: {X-Token: secret}, '
                                  . 'resource_attributes: {service.name: edge, team: shop}',
                                  '- {name: correlation-id, config: {echo_downstream: true}}'));

$res = http_get('/two?x=1', host => 'api.test',
                headers => ["traceparent: 00-$trace-$span-01"]);
my @requests = sent(1);
my @spans = spans_of(@requests);
is($requests[0]{url}, '/v1/traces', 'path');
is($requests[0]{headers}{'content-type'}, 'application/x-protobuf', 'type');
is($requests[0]{headers}{'x-token'}, 'secret', 'header');

my $resource = $requests[0]{body}{resourceSpans}[0];
my $attributes = attributes($resource->{resource});
is($attributes->{'service.name'}, 'edge', 'an attribute replaces a default');
is($attributes->{team}, 'shop', 'one more');
like($attributes->{'service.version'}, qr/^\d+\.\d+/, 'version');
like($attributes->{'service.instance.id'}, qr/^[0-9a-f-]{36}$/, 'node');
is($resource->{scopeSpans}[0]{scope}{name}, 'kong-internal', 'scope');
is($resource->{scopeSpans}[0]{scope}{version}, '0.1.0', 'its version');

is_deeply([sort map { $_->{name} } @spans],
          [sort qw(kong kong.router kong.balancer
                   kong.access.plugin.correlation-id
                   kong.access.plugin.opentelemetry
                   kong.header_filter.plugin.correlation-id
                   kong.header_filter.plugin.opentelemetry)], 'the spans');

my $root = named('kong', @spans);
is(hex_id($_->{traceId}), $trace, "trace of $_->{name}") for @spans;
is(hex_id($root->{parentSpanId}), $span, "the client's span is the parent");
is($root->{kind}, 'SPAN_KIND_SERVER', 'kind');
is($_->{parentSpanId}, $root->{spanId}, "parent of $_->{name}")
    for grep { $_ ne $root } @spans;
cmp_ok($_->{endTimeUnixNano}, '>=', $_->{startTimeUnixNano},
       "times of $_->{name}") for @spans;
cmp_ok(abs($root->{startTimeUnixNano} / 1e9 - time), '<', 60, 'now');

$attributes = attributes($root);
is($attributes->{'http.method'}, 'GET', 'method');
is($attributes->{'http.url'}, 'http://api.test/two?x=1', 'url');
is($attributes->{'http.host'}, 'api.test', 'host');
is($attributes->{'http.scheme'}, 'http', 'scheme');
is($attributes->{'http.flavor'}, '1.1', 'version');
is($attributes->{'http.client_ip'}, '127.0.0.1', 'client');
is($attributes->{'net.peer.ip'}, '127.0.0.1', 'peer');
is($attributes->{'kong.request.id'}, $res->header('X-Kong-Request-Id'), 'id');
is($attributes->{'http.status_code'}, 200, 'status');
is($attributes->{'http.route'}, '/one', 'first path of the route');
is((map { keys %{$_->{value}} } grep { $_->{key} eq 'http.status_code' }
    @{$root->{attributes}})[0], 'intValue', 'the status is an integer');

my $balancer = named('kong.balancer', @spans);
is($balancer->{kind}, 'SPAN_KIND_CLIENT', 'kind of the balancer');
$attributes = attributes($balancer);
is($attributes->{try_count}, 1, 'try');
is($attributes->{'net.peer.ip'}, '127.0.0.1', 'peer');
is($attributes->{'net.peer.port'}, $ENV{TEST_NGINX_ECHO_PORT}, 'port');
is($attributes->{'net.peer.name'}, '127.0.0.1', 'host of the service');
my $id = hex_id($balancer->{spanId});
like($res->body, qr/^traceparent: 00-$trace-$id-01$/m,
     "the upstream's parent is the balancer's span");

# a peer that fails, and B3

my @tries;

for (1 .. 40) {     # which one is tried first is not said
    $res = http_get('/pool', headers => ["x-b3-traceid: $trace",
                                         "x-b3-spanid: $span",
                                         'x-b3-sampled: 1']);
    @spans = spans(1);
    @tries = sort { attributes($a)->{try_count} <=> attributes($b)->{try_count} }
             grep { $_->{name} eq 'kong.balancer' } @spans;
    last if @tries > 1;
}

is($res->status, 200, 'another peer answers');
cmp_ok(scalar @tries, '>', 1, 'several tries');
is($tries[0]{status}{code}, 'STATUS_CODE_ERROR', 'the first failed');
is(attributes($tries[0])->{'http.status_code'}, 502, 'with 502');
is($tries[-1]{status}, undef, 'the last did not');
$id = hex_id($tries[-1]{spanId});
$root = hex_id(named('kong', @spans)->{spanId});
like($res->body, qr/^x-b3-traceid: $trace$/m, 'B3 in, B3 out');
like($res->body, qr/^x-b3-spanid: $id$/m, "the upstream's span");
like($res->body, qr/^x-b3-parentspanid: $root$/m, 'and its parent');
unlike($res->body, qr/^traceparent/m, 'no other format');

# names

is(http_get('/named')->status, 200, 'a service with a name');
@spans = spans(1);
$attributes = attributes(named('kong.dns', @spans));
is($attributes->{'dns.record.domain'}, 'localhost', 'the name');
is($attributes->{'dns.record.port'}, $ENV{TEST_NGINX_ECHO_PORT}, 'the port');
is($attributes->{'dns.record.ip'}, '127.0.0.1', 'the address');

is(http_get('/canary')->status, 200, 'a canary with a name');
@spans = spans(1);
$attributes = attributes(named('kong.dns', @spans));
is($attributes->{'dns.record.domain'}, 'localhost', "the canary's name");
is($attributes->{'dns.record.port'}, $ENV{TEST_NGINX_ECHO_PORT_2}, 'its port');
$attributes = attributes(named('kong.balancer', @spans));
is($attributes->{'net.peer.name'}, 'localhost', 'the same of the attempt');
is($attributes->{'net.peer.port'}, $ENV{TEST_NGINX_ECHO_PORT_2}, 'and its port');

# what is not sampled is not sent, what has no route is

http_get('/one', headers => ["traceparent: 00-$trace-$span-00"]);
is(http_get('/none')->status, 404, 'no route');
@spans = spans(1);
$attributes = attributes(named('kong', @spans));
is($attributes->{'http.status_code'}, 404, 'only that one comes');
is($attributes->{'http.route'}, '', 'it has no route');
is(named('kong', @spans)->{parentSpanId}, undef, 'and no parent');

# bytes that are no text, retries

http_get('/fail/1', port => $collector);
http_get("/none?\xff");
@requests = sent(2);
is_deeply([map { $_->{status} } @requests], [500, 200], 'sent again');
is_deeply($requests[0]{body}, $requests[1]{body}, 'the same');
like(attributes(named('kong', spans_of($requests[0])))->{'http.url'},
     qr/\x{fffd}$/, 'bytes that are no text');
$nginx->stop('QUIT');
sent(0);

# the rate decides by the id, read with the lowest byte first

$nginx = start_nginx(compile_args => $all, yaml => yaml("$fast, sampling_rate: 0.5",
    '- {name: key-auth, service: one}'));
is(http_get('/one', headers => ["traceparent: 00-00000000000000800000000000000001-$span-01"])->status,
   401, 'the higher half');
is(http_get('/one', headers => ["traceparent: 00-ffffffffffffff7e0000000000000001-$span-01"])->status,
   401, 'the lower half');
@spans = spans(1);
is(hex_id(named('kong', @spans)->{traceId}), 'ffffffffffffff7e0000000000000001',
   'the lower half is sampled, and sent though it was refused');
is(attributes(named('kong', @spans))->{'http.status_code'}, 401, 'with 401');
ok(named('kong.access.plugin.key-auth', @spans), 'who refused it');
$nginx->stop('QUIT');
is(scalar sent(0), 0, 'no more');

# only the request: its span is the upstream's parent

$nginx = start_nginx(compile_args => '--set tracing_instrumentations=request',
                     yaml => yaml("$fast, sampling_rate: 1, propagation: {extract: [datadog], "
                                  . 'clear: [x-datadog-trace-id, x-datadog-parent-id, x-datadog-sampling-priority], inject: [w3c]}'));
$res = http_get('/one', headers => ['x-datadog-trace-id: 11803532876627986230',
                                    'x-datadog-parent-id: 42',
                                    'x-datadog-sampling-priority: 1']);
@spans = spans(1);
is(scalar @spans, 1, 'one span');
$id = hex_id($spans[0]{spanId});
like($res->body, qr/^traceparent: 00-0{16}a3ce929d0e0e4736-$id-01$/m,
     'an id of 8 bytes is padded');
unlike($res->body, qr/^x-datadog/m, 'what came in is removed');
is(hex_id($spans[0]{parentSpanId}), '000000000000002a', 'the parent');
$nginx->stop('QUIT');
sent(0);

# zipkin and this one: the second joins the trace of the first

$nginx = start_nginx(compile_args => $all, yaml => yaml($fast,
    '- {name: zipkin, config: {sample_ratio: 1, header_type: ignore, default_header_type: w3c}}'));
$res = http_get('/one', headers => ["traceparent: 00-$trace-$span-01"]);
@spans = spans(1);
my ($new) = $res->body =~ /^traceparent: 00-([0-9a-f]{32})-/m;
isnt($new, $trace, 'zipkin begins a trace');
is(hex_id(named('kong', @spans)->{traceId}), $new, 'which goes on');
$nginx->stop;
