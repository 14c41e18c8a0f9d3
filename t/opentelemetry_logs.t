# Copyright (C) the ngx_gateway authors
#
# opentelemetry: lines of the error log, as the published definitions of OTLP
# decode them.

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
my $closed = port(2);
my $taken = 0;

start_echo();

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

sub records_of {
    return map { @{$_->{logRecords}} } map { @{$_->{scopeLogs}} }
           map { @{$_->{body}{resourceLogs}} } grep { $_->{url} =~ /logs/ } @_;
}

sub attributes {
    my ($of) = @_;
    return { map { $_->{key} => (values %{$_->{value}})[0] } @{$of->{attributes}} };
}

sub text { return $_[0]{body}{stringValue} }

# records whose texts match
sub about { my ($pattern, @records) = @_; return grep { text($_) =~ $pattern } @records; }

my $fast = 'queue: {max_batch_size: 100, max_coalescing_delay: 0.1}';

sub yaml {
    my ($config) = @_;
    return <<"_EOC_";
_format_version: "3.0"
services:
- name: dead
  url: http://127.0.0.1:$closed
  retries: 0
  routes: [{name: dead, paths: [/dead]}]
- name: quiet
  url: http://127.0.0.1:$closed
  retries: 0
  routes: [{name: quiet, paths: [/quiet]}]
  plugins:
  - name: opentelemetry
    config: {traces_endpoint: "http://127.0.0.1:$collector/v1/traces"}
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes: [{name: echo, paths: [/echo]}]
plugins:
- name: opentelemetry
  config: {logs_endpoint: "http://127.0.0.1:$collector/v1/logs", $config}
_EOC_
}

# ---- logs alone -------------------------------------------------------------

my $nginx = start_nginx(log_level => 'warn', yaml => yaml("$fast, headers: {X-Token: abc}, resource_attributes: {service.name: edge}, http_response_header_for_traceid: X-Trace"));

my $res = http_get('/echo', headers => ['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01']);
like($res->body, qr/^traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01$/m,
     'without an endpoint for traces, headers stay as they came');
is($res->header('X-Trace'), undef, 'and there is no id of a trace');

$res = http_get("/dead?a=\xff");
is($res->status, 502, 'nobody there');
my @requests = sent(1);
is(scalar @requests, 1, 'a request that has no line sends nothing');
is($requests[0]{url}, '/v1/logs', 'path of the collector');
is($requests[0]{headers}{'content-type'}, 'application/x-protobuf', 'type');
is($requests[0]{headers}{'x-token'}, 'abc', 'a header');

my ($logs) = @{$requests[0]{body}{resourceLogs}};
is(attributes($logs->{resource})->{'service.name'}, 'edge', 'resource');
is($logs->{scopeLogs}[0]{scope}{name}, 'kong-internal', 'scope');

my @records = records_of(@requests);
my ($record) = about(qr/connect\(\) failed/, @records);
is($record->{severityText}, 'ERR', 'severity');
is($record->{severityNumber}, 'SEVERITY_NUMBER_ERROR', 'and its number');
like(text($record), qr/^connect\(\) failed \(111: Connection refused\) while connecting to upstream, /,
     'the text without time, level and process');
unlike(text($record), qr/\n/, 'nor a line feed');
like(text($record), qr/\x{fffd}/, 'bytes that are no text');
like($record->{timeUnixNano}, qr/^\d{19}$/, 'nanoseconds');
cmp_ok(abs($record->{timeUnixNano} / 1e9 - time), '<', 60, 'of now');
is($record->{observedTimeUnixNano}, $record->{timeUnixNano}, 'the same');
is_deeply([sort keys %{attributes($record)}], ['request.id'], 'attributes');
is(attributes($record)->{'request.id'}, $res->header('X-Kong-Request-Id'),
   'id of the request');
is($record->{traceId}, undef, 'no trace');
is($record->{spanId}, undef, 'no span');

http_get('/dead');
http_get('/dead');
my %ids = map { attributes($_)->{'request.id'} => 1 }
          about(qr/connect\(\) failed/, records_of(sent(1)));
is(scalar keys %ids, 2, 'two requests in a batch, each with its lines');

http_get('/quiet');
http_get('/dead');
is(scalar about(qr/connect\(\) failed/, records_of(sent(1))), 1,
   'lines of a route whose instance does not want them are not sent');

# a collector that fails: its lines go out with those of the next request

http_get('/fail/1', port => $collector);
http_get('/dead');
@requests = grep { $_->{url} =~ /logs/ } sent(2);
is_deeply([map { $_->{status} } @requests], [500, 200], 'sent again');
is_deeply($requests[0]{body}, $requests[1]{body}, 'the same');

http_get('/echo');
@records = records_of(sent(1));
is(scalar @records, 1, 'a line of the worker');
like(text($records[0]), qr/^opentelemetry:logs: queue "opentelemetry:logs": handler could not process entries: returned status code 500 \(endpoint "127\.0\.0\.1:\d+"\)/,
     'about the failure');
is($records[0]{severityText}, 'WARN', 'severity');
is_deeply(attributes($records[0]), {}, 'of no request');

# a connection that stays, and lines behind the request

is(scalar(grep { $_ == 502 } map { http_get('/dead')->status } 1 .. 3), 3,
   'more of them');
ok($nginx->wait_log(qr/(?:connect\(\) failed.*){9}/s, 5), 'the log has them all');
$nginx->stop('QUIT');
is(scalar about(qr/connect\(\) failed/, records_of(sent(1))), 3,
   'a worker that ends sends what it has');

# ---- with traces ------------------------------------------------------------

my $trace = '0af7651916cd43dd8448eb211c80319c';

$nginx = start_nginx(log_level => 'warn',
    compile_args => '--set tracing_instrumentations=request',
    yaml => yaml("$fast, sampling_rate: 1, traces_endpoint: \"http://127.0.0.1:$collector/v1/traces\""));

http_get('/dead', headers => ["traceparent: 00-$trace-b7ad6b7169203331-01"]);
@requests = sent(2);
my ($root) = map { @{$_->{spans}} } map { @{$_->{scopeSpans}} }
             map { @{$_->{body}{resourceSpans}} }
             grep { $_->{url} =~ /traces/ } @requests;
($record) = about(qr/connect\(\) failed/, records_of(@requests));
is(hex_id($record->{traceId}), $trace, 'the trace of the request');
is(hex_id($record->{spanId}), hex_id($root->{spanId}), 'and its span');
is($record->{flags}, 1, 'sampled');

http_get('/dead', headers => ["traceparent: 00-$trace-b7ad6b7169203331-00"]);
@requests = sent(1);
($record) = about(qr/connect\(\) failed/, records_of(@requests));
is(hex_id($record->{traceId}), $trace, 'the same when it is not sampled');
is($record->{spanId}, undef, 'without a span');
ok(!$record->{flags}, 'and not marked as sampled');
$nginx->stop;

# ---- attributes of the resource with expressions ----------------------------

sub resources {
    my ($what, @requests) = @_;
    return map { attributes($_->{resource}) } map { @{$_->{body}{$what}} }
           grep { $_->{body}{$what} } @requests;
}

my $attributes = q({service.name: "$(headers.x_tenant or 'nobody')-$(headers['x-none'] or 1 + 1)", plain: "a$b ${c} #d", who: "$(query_params.who)"});

$nginx = start_nginx(log_level => 'warn',
    compile_args => '--set tracing_instrumentations=request',
    yaml => yaml("$fast, sampling_rate: 1, traces_endpoint: \"http://127.0.0.1:$collector/v1/traces\", resource_attributes: $attributes"));

http_get("/dead?who=$_->[1]", headers => ["X-Tenant: $_->[0]"])
    for ['one', 'a'], ['one', 'a'], ['two', 'b'];
@requests = sent(2);

for my $what ('resourceSpans', 'resourceLogs') {
    my @of = resources($what, @requests);
    is(join(' ', map { $_->{'service.name'} } @of), 'one-2 two-2',
       "$what: requests with the same share a resource");
    is(join(' ', map { $_->{who} } @of), 'a b', 'with their own values');
    is($of[0]{plain}, 'a$b ${c} #d', 'other text stays');
    like($of[0]{'service.instance.id'}, qr/^[0-9a-f-]{36}$/, 'and defaults');
}

is(scalar(about(qr/connect\(\) failed/, records_of(@requests))), 3,
   'all lines are there');
$nginx->stop;

$nginx = start_nginx(log_level => 'error',
    yaml => yaml(qq($fast, resource_attributes: {good: "\$(headers.host)", bad: "\$(10 * headers.x)"})));
http_get('/dead', headers => ['X: ten']);
my ($one) = resources('resourceLogs', sent(1));
is($one->{bad}, '$(10 * headers.x)', 'when one fails, it is text');
is($one->{good}, '$(headers.host)', 'as are the others');
$nginx->stop;

$nginx = start_nginx(log_level => 'warn', compile_args => '--set untrusted_lua=off',
    yaml => yaml(qq($fast, resource_attributes: {good: "\$(headers.host)"})));
http_get('/dead');
($one) = resources('resourceLogs', sent(1));
is($one->{good}, '$(headers.host)', 'switched off, expressions are text');
ok($nginx->wait_log(qr/opentelemetry: resource attribute "good" failed: expressions are switched off/, 5),
   'which the log says');
$nginx->stop;
sent(0);

# ---- lines that are many ----------------------------------------------------

$nginx = start_nginx(log_level => 'debug', yaml => yaml(
    'queue: {max_batch_size: 5000, max_coalescing_delay: 0.1, max_entries: 5000}'));
$res = http_get('/dead?' . 'x=%41&' x 400);
is($res->status, 502, 'with everything in the log');
@records = grep { (attributes($_)->{'request.id'} // '') eq $res->header('X-Kong-Request-Id') }
           records_of(sent(1));
cmp_ok(scalar @records, '>', 50, 'lines for debugging are lines');
cmp_ok(scalar @records, '<=', 1000, 'but not any number');
ok((grep { $_->{severityText} eq 'DEBUG' && $_->{severityNumber} eq 'SEVERITY_NUMBER_DEBUG' } @records),
   'with their severity');
$nginx->stop;

# when the queue is full new lines give way

$nginx = start_nginx(log_level => 'error', yaml => yaml(
    'queue: {max_batch_size: 2, max_coalescing_delay: 3600, max_entries: 2}, max_retry_time: 60')
    =~ s/, max_retry_time: 60//r);
http_get('/fail/1000', port => $collector);
http_get("/dead?n=$_") for 1 .. 6;
sent(1);
http_get('/fail/0', port => $collector);
my %seen;
wait_until(sub {
    $seen{$_} = 1 for map { text($_) =~ /n=(\d)/ } about(qr/n=\d/, records_of(grep { $_->{status} == 200 } sent(0)));
    return keys %seen >= 4;
}, 10);
is(join(',', sort keys %seen), '1,2,3,4',
   'two under way and two that wait are the oldest ones');
unlike($nginx->error_log, qr/dropping old entries/, 'no old ones were dropped');
$nginx->stop;

# ---- HTTP/2, by hand --------------------------------------------------------

$nginx = start_nginx(log_level => 'warn', http2 => 1, config => <<"_EOC_");
    location /h2 {
        gateway_opentelemetry logs_endpoint=http://127.0.0.1:$collector/v1/logs
            queue.max_batch_size=100 queue.max_coalescing_delay=0.2;
        proxy_pass http://127.0.0.1:$closed;
    }
    location /plain {
        proxy_pass http://127.0.0.1:$closed;
    }
_EOC_

my $origin = "http://127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}";
my ($status, $printed) = run_node('http2_get.js', $origin, '/plain', 0, 'a');
like($printed, qr/502/, 'a stream that does not want them');
($status, $printed) = run_node('http2_get.js', $origin, '/h2', 0, 'b' .. 'k');
is(() = $printed =~ /502/g, 10, 'ten streams of one connection');
@records = about(qr/connect\(\) failed/, records_of(sent(1)));
is(scalar @records, 10, 'each sends its line');
is(scalar(grep { text($_) =~ /, request_id: "(\w+)"/
                 && $1 eq attributes($_)->{'request.id'} } @records), 10,
   'under its own id');
is($nginx->stop, '', 'stops');

run_tests();

__DATA__

=== TEST 1: one endpoint at least
--- config
    location / { gateway_opentelemetry sampling_rate=1; }
--- must_die
--- error_log
needs "traces_endpoint" or "logs_endpoint"



=== TEST 2: an endpoint that is no URL
--- config
    location / { gateway_opentelemetry logs_endpoint=127.0.0.1; }
--- must_die
--- error_log
needs a URL of http or https



=== TEST 3: an expression that is not supported
--- config
    location / {
        gateway_opentelemetry logs_endpoint=http://127.0.0.1/
            "resource_attributes.a=$(os.execute('x'))";
    }
--- must_die
--- error_log
resource attribute "a": the expression at "$(os.execute('x'))" uses a name other than



=== TEST 4: expressions are on or off
--- http_config
    gateway_opentelemetry_expressions perhaps;
--- config
    location / { return 200; }
--- must_die
--- error_log
is neither "on" nor "off"
