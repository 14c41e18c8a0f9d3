# Copyright (C) the ngx_gateway authors
#
# zipkin: spans as a collector gets them.

use lib 't/lib';
use Test::Gateway 'no_plan';

use JSON::PP;
use Test::Gateway::Server;
use Test::More;

my $why = no_node();
plan(skip_all => $why) if $why;

my $collector = port(1);
my $out = start_node('trace_collector.js', $collector);
my $echo = start_echo();
my $closed = port(2);
my $taken = 0;

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

sub spans {
    my ($n) = @_;
    return map { @{$_->{body}} } sent($n);
}

sub named { my ($name, @spans) = @_; return (grep { $_->{name} eq $name } @spans)[0]; }

sub yaml {
    my ($config, $more) = @_;
    $more //= '';
    return <<"_EOC_";
_format_version: "3.0"
services:
- name: echo
  host: pool
  routes: [{name: all, paths: [/]}]
upstreams:
- name: pool
  targets: [{target: "127.0.0.1:$closed", weight: 200}, {target: "127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}", weight: 100}]
- name: one
  targets: [{target: "127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}"}]
$more
plugins:
- name: zipkin
  config: {http_endpoint: "http://127.0.0.1:$collector/api/v2/spans", sample_ratio: 1, $config}
_EOC_
}

my $trace = '0af7651916cd43dd8448eb211c80319c';
my $span = 'b7ad6b7169203331';

# all of a request, with a peer that fails

my $nginx = start_nginx(yaml => yaml(
    'queue: {max_batch_size: 50, max_coalescing_delay: 0.1}, '
    . 'static_tags: [{name: team, value: shop}], default_service_name: dflt'));

# which peer is tried first is not said

my ($res, @requests, @spans);

for (1 .. 40) {
    $res = http_get('/a/b?q=1', host => 'api.test', headers => [
        "b3: $trace-$span-1-00f067aa0ba902b7",
        'Zipkin-Tags: foo=bar; a b=c; baz = q"x ; http.status_code=9; =1; lc=me',
        'Zipkin-Tags: n=' . "\xff",
    ]);
    @requests = sent(1);
    @spans = map { @{$_->{body}} } @requests;
    last if named('GET (balancer try 2)', @spans);
}

is($res->status, 200, 'the request is served');
is($requests[0]{url}, '/api/v2/spans', 'path of the collector');
is($requests[0]{headers}{'content-type'}, 'application/json', 'type');

my $server = named('GET', @spans);
my $proxy = named('GET (proxy)', @spans);
my $first = named('GET (balancer try 1)', @spans);
my $last = named('GET (balancer try ' . (@spans - 2) . ')', @spans);

is($server->{traceId}, $trace, 'the trace is the one that came in');
is($server->{id}, $span, 'B3: so is the span');
is($server->{parentId}, '00f067aa0ba902b7', 'and its parent');
is($server->{kind}, 'SERVER', 'kind of the request');
is($server->{localEndpoint}{serviceName}, 'kong', 'our name');
is($server->{remoteEndpoint}{serviceName}, 'dflt', 'the default name');
is($server->{remoteEndpoint}{ipv4}, '127.0.0.1', "client's address");
like($server->{remoteEndpoint}{port}, qr/^\d+$/, "client's port");
like($server->{timestamp}, qr/^\d{16}$/, 'microseconds');
cmp_ok(abs($server->{timestamp} / 1e6 - time), '<', 60, 'of now');
is_deeply([sort keys %{$server->{tags}}],
          [sort qw(lc http.method http.host http.path http.protocol team foo
                   baz n http.status_code kong.node.id)], 'its tags');
is($server->{tags}{'lc'}, 'me', 'a tag of the client');
is($server->{tags}{'http.status_code'}, '200', 'the status is ours');
is($server->{tags}{'http.host'}, 'api.test', 'host');
is($server->{tags}{'http.path'}, '/a/b', 'path');
is($server->{tags}{'http.protocol'}, 'HTTP/1.1', 'protocol');
is($server->{tags}{baz}, 'q"x', 'quotes are escaped');
is($server->{tags}{n}, "\x{fffd}", 'bytes that are no text');
is($server->{tags}{team}, 'shop', 'a static tag');
is_deeply([sort map { $_->{value} } @{$server->{annotations}}],
          [qw(krf krs)], 'annotations of the request');

is($proxy->{kind}, 'CLIENT', 'kind of the proxied part');
is($proxy->{parentId}, $span, 'its parent is the request');
is($proxy->{tags}{'kong.service_name'}, 'echo', 'service');
is($proxy->{tags}{'kong.route_name'}, 'all', 'route');
is($proxy->{tags}{'peer.hostname'}, 'pool', 'host of the service');
is($proxy->{remoteEndpoint}{serviceName}, 'echo', 'other end');
is($proxy->{remoteEndpoint}{port}, $ENV{TEST_NGINX_ECHO_PORT}, 'last peer');
is_deeply([sort map { $_->{value} } @{$proxy->{annotations}}],
          [qw(kaf kas kbf kbs khf khs)], 'annotations of the proxied part');
like($res->body, qr/^b3: $trace-$proxy->{id}-1-$span$/m,
     "the upstream's parent is the proxy's span");

cmp_ok(scalar @spans, '>', 3, 'a peer failed');
is($first->{parentId}, $span, 'tries belong to the request');
is($first->{tags}{error}, 'true', 'the first one failed');
is($first->{tags}{'kong.balancer.try'}, '1', 'its number');
is($first->{tags}{'kong.balancer.state'}, 'failed', 'its state');
is($first->{tags}{'http.status_code'}, '502', 'its status');
is($first->{remoteEndpoint}{port}, $closed, 'its peer');
is($last->{tags}{error}, undef, 'the last one did not');
like($nginx->error_log, qr/a tag in the header "zipkin-tags" is invalid/,
     'tags that are none are told');

# what says that it is not sampled is not sent

http_get('/', headers => ["b3: $trace-$span-0"]);
http_get('/', headers => ["b3: 1af7651916cd43dd8448eb211c80319c-$span-1"]);
is((spans(1))[0]{traceId}, '1af7651916cd43dd8448eb211c80319c',
   'only the sampled one comes');
$nginx->stop('QUIT');
spans(0);

# one by one, other names and flavors, W3C; refused ones are sent too

$nginx = start_nginx(yaml => yaml(
    'http_span_name: method_path, phase_duration_flavor: tags, '
    . 'local_service_name: edge, traceid_byte_count: 8', <<'_EOC_'));
consumers:
- {username: bob, id: 8ff7a24b-a4d4-4b15-8ff7-a24ba4d44b15, keyauth_credentials: [{key: k, id: 1f3a24b0-a4d4-4b15-8ff7-a24ba4d44b15}]}
_EOC_
http_get('/x', headers => ["traceparent: 00-$trace-$span-01"]);
$nginx->stop('QUIT');
my @one = sent(3);
is(scalar(grep { @{$_->{body}} == 1 } @one), scalar @one, 'one span a time');
@spans = map { @{$_->{body}} } @one;
$server = named('GET /x', @spans);
$proxy = named('GET /x (proxy)', @spans);
is($server->{parentId}, $span, 'W3C: the span that came in is the parent');
isnt($server->{id}, $span, 'and ours is a new one');
is($server->{localEndpoint}{serviceName}, 'edge', 'our name is another');
like($server->{tags}{'kong.rewrite.duration_ms'}, qr/^\d+$/, 'as a tag');
is($server->{annotations}, undef, 'no annotations');
like($proxy->{tags}{"kong.$_.duration_ms"}, qr/^\d+$/, "$_ as a tag")
    for qw(access header_filter body_filter);

# 401, consumers, no route, 8 bytes

my $auth = yaml('traceid_byte_count: 8, queue: {max_batch_size: 50, max_coalescing_delay: 0.1}') . <<'_EOC_';
- {name: key-auth, service: echo}
consumers:
- {username: bob, id: 8ff7a24b-a4d4-4b15-8ff7-a24ba4d44b15, keyauth_credentials: [{key: k, id: 1f3a24b0-a4d4-4b15-8ff7-a24ba4d44b15}]}
_EOC_
$auth =~ s/paths: \[\/\]/paths: [\/in]/;
$nginx = start_nginx(yaml => $auth);

is(http_get('/in')->status, 401, 'refused');
@spans = spans(1);
is(scalar @spans, 2, 'no try');
is(named('GET', @spans)->{tags}{'http.status_code'}, 401, 'sent with 401');
like(named('GET', @spans)->{traceId}, qr/^[0-9a-f]{16}$/, 'short ids');

is(http_get('/none')->status, 404, 'no route');
@spans = spans(1);
is(named('GET', @spans)->{tags}{'http.status_code'}, 404, 'sent with 404');
is(named('GET (proxy)', @spans)->{remoteEndpoint}, undef, 'no other end');

is(http_get('/in', headers => ['apikey: k'])->status, 200, 'let in');
$server = named('GET', spans(1));
is($server->{tags}{'kong.consumer'}, '8ff7a24b-a4d4-4b15-8ff7-a24ba4d44b15',
   'consumer');
is($server->{tags}{'kong.credential'},
   '1f3a24b0-a4d4-4b15-8ff7-a24ba4d44b15', 'credential');

# a collector that fails is asked again

http_get('/fail/2', port => $collector);
is(http_get('/none')->status, 404, 'while the collector fails');
@requests = sent(3);
is_deeply([map { $_->{status} } @requests], [500, 500, 200],
          'sent again until it works');
is_deeply($requests[0]{body}, $requests[2]{body}, 'the same');
is($requests[2]{connection}, $requests[0]{connection},
   'on the same connection');

# a worker that ends sends what it has

is(http_get('/none')->status, 404, 'one more');
$nginx->stop('QUIT');
is(scalar spans(1), 2, 'sent before the worker ends');

# a request of the canary

$nginx = start_nginx(yaml => yaml('queue: {max_batch_size: 50, max_coalescing_delay: 0.1}')
                     . "- {name: canary, config: {percentage: 100, upstream_host: one}}\n");
is(http_get('/c')->status, 200, 'the canary answers');
is((grep { $_->{kind} eq 'CLIENT' && $_->{tags}{'peer.hostname'} } spans(1))[0]
       ->{tags}{'peer.hostname'}, 'one', 'where it was sent');
$nginx->stop;

# nobody there

$auth =~ s/:$collector\//:$closed\//;
$auth =~ s/max_batch_size: 50/max_batch_size: 1, max_retry_time: -1/;
$nginx = start_nginx(yaml => $auth);
is(http_get('/none')->status, 404, 'requests do not care');
ok($nginx->wait_log(qr/could not send entries due to max_retry_time exceeded/,
                    5), 'spans are lost with a message');
like($nginx->error_log, qr/zipkin: queue "zipkin": handler could not process entries: it cannot be connected to \(111: Connection refused\) \(endpoint "127\.0\.0\.1:$closed"\)/,
     'which says to where');
$nginx->stop;
