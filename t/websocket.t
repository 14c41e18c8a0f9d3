# Copyright (C) the ngx_gateway authors
#
# WebSockets through ordinary routes: a client and a server of ws on both
# sides of a compiled gateway.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use JSON::PP;

my $why = no_node();

if ($why) {
    plan(skip_all => $why);
    exit;
}

my $port = $ENV{TEST_NGINX_SERVER_PORT};
my $plain = "ws://127.0.0.1:$port";
my $tls = "wss://127.0.0.1:$ENV{TEST_NGINX_SSL_PORT}";

my $server = start_node('ws_server.js', $ENV{TEST_NGINX_UPSTREAM_PORT});
start_echo();

sub server_log {
    open my $fh, '<', $server or die $!;
    local $/;
    return <$fh>;
}

my $nginx = start_nginx(
    compile_args => "--set proxy_listen='127.0.0.1:$port"
                    . ", 127.0.0.1:$ENV{TEST_NGINX_SSL_PORT} http2 ssl'",
    yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: ws
  url: http://127.0.0.1:$ENV{TEST_NGINX_UPSTREAM_PORT}
  routes:
  - name: open
    paths: [/open]
  - name: unbuffered
    paths: [/unbuffered]
    request_buffering: false
    response_buffering: false
  - name: keys
    paths: [/keys]
    plugins:
    - name: key-auth
  - name: changed
    paths: [/changed]
    plugins:
    - name: response-transformer
      config:
        add: {headers: ["x-added:yes"], json: ["a:b"]}
        remove: {json: [url]}
    - name: request-transformer
      config: {add: {headers: ["x-for-upstream:yes"]}}
    - name: correlation-id
      config: {header_name: X-Trace, echo_downstream: true}
    - name: cors
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - name: echo
    paths: [/echo]
consumers:
- username: alice
  keyauth_credentials: [{key: alice-key}]
_EOC_

my (@connections, @checks);

sub connection {
    my ($name, $url, $more, $check) = @_;

    push @connections, { url => $url, close => [1000, ''], %$more };
    push @checks, [$name, $check];
}


connection('texts', "$plain/open/chat?room=a%20b",
    { send => ['hi', 'there'], close => [4000, 'bye'],
      headers => { 'X-Consumer-Username' => 'root' } },
    sub {
        my ($r) = @_;
        my $h = $r->{request}{headers};

        is($r->{status}, 101, 'status');
        is(lc $r->{headers}{upgrade}, 'websocket', 'Upgrade');
        is(lc $r->{headers}{connection}, 'upgrade', 'Connection');
        is($r->{headers}{via}, '1.1 ngx_gateway/0.1.0', 'Via');
        like($r->{headers}{'x-kong-request-id'}, qr/^[0-9a-f]{32}$/, 'id');
        like($r->{headers}{'x-kong-proxy-latency'}, qr/^\d+$/, 'latency');
        is($r->{headers}{'content-length'}, undef, 'no length');
        is($r->{headers}{'transfer-encoding'}, undef, 'no chunks');
        is($r->{request}{url}, '/chat?room=a%20b', 'path and query');
        is($h->{upgrade}, 'websocket', 'Upgrade to the upstream');
        is($h->{connection}, 'keep-alive, Upgrade',
           'Connection to the upstream');
        is($h->{'x-forwarded-proto'}, 'http', 'scheme');
        is($h->{'x-forwarded-prefix'}, '/open', 'prefix');
        is($h->{'x-consumer-username'}, undef, 'no identity');
        is_deeply($r->{messages}, ['hi', 'there'], 'messages come back');
        is($r->{code}, 4000, 'close code comes back');
        is($r->{reason}, 'bye', 'with its reason');
    });

connection('binary, large and fragmented messages', "$plain/open",
    { send => [{ bytes => 3 }, { bytes => 5_000_000 },
               { parts => ['one ', 'two ', 'three'] }] },
    sub {
        is_deeply($_[0]{messages}, [3, 5_000_000, 'one two three'],
                  'all come back');
        is($_[0]{extensions}, '', 'nothing was negotiated');
    });

connection('compression', "$plain/open",
    { send => ['x' x 100_000, { bytes => 1_000_000 }], deflate => 1 },
    sub {
        is($_[0]{extensions}, 'permessage-deflate', 'is negotiated');
        is(length $_[0]{messages}[0], 100_000, 'text');
        is($_[0]{messages}[1], 1_000_000, 'binary');
    });

connection('pings', "$plain/open", { send => [{ ping => 'hello' }, 'ping'] },
    sub {
        is_deeply($_[0]{pongs}, ['hello'], "the client's is answered");
        is_deeply($_[0]{messages}, ['pong are you there'],
                  "the server's is answered");
    });

connection('subprotocols', "$plain/open",
    { protocols => ['v1.chat', 'v2.chat'], send => ['x'] },
    sub {
        is($_[0]{protocol}, 'v2.chat', 'the server chooses');
        is($_[0]{request}{headers}{'sec-websocket-protocol'},
           'v1.chat,v2.chat', 'from all');
    });

connection('the server closes', "$plain/open",
    { send => ['close 4321 enough said'], close => undef },
    sub {
        is($_[0]{code}, 4321, 'code');
        is($_[0]{reason}, 'enough said', 'reason');
    });

connection('the server ends without a word', "$plain/open",
    { send => ['drop'], close => undef },
    sub { is($_[0]{code}, 1006, 'so does the gateway') });

connection('TLS', "$tls/open", { send => ['secret', { bytes => 300_000 }] },
    sub {
        is_deeply($_[0]{messages}, ['secret', 300_000], 'messages');
        is($_[0]{request}{headers}{'x-forwarded-proto'}, 'https', 'scheme');
    });

connection('without buffering', "$plain/unbuffered", { send => ['x'] },
    sub { is_deeply($_[0]{messages}, ['x'], 'messages') });

connection('without a key', "$plain/keys", {},
    sub {
        is($_[0]{status}, 401, 'status');
        like($_[0]{body}, qr/"message":"No API key found in request"/,
             'message');
    });

connection('with a key', "$plain/keys?apikey=alice-key", { send => ['x'] },
    sub {
        is($_[0]{status}, 101, 'status');
        is_deeply($_[0]{messages}, ['x'], 'messages');
        is($_[0]{request}{headers}{'x-consumer-username'}, 'alice',
           'the consumer');
    });

connection('plugins that change requests and answers', "$plain/changed",
    { send => ['{"url":1}'], headers => { Origin => 'http://example.com' } },
    sub {
        is($_[0]{status}, 101, 'status');
        is($_[0]{headers}{'x-added'}, 'yes', 'headers of the answer');
        ok($_[0]{headers}{'x-trace'}, 'an id in it');
        is($_[0]{headers}{'access-control-allow-origin'}, '*', 'CORS');
        is($_[0]{request}{headers}{'x-for-upstream'}, 'yes',
           'headers of the request');
        is_deeply($_[0]{messages}, ['{"url":1}'], 'frames are no bodies');
    });

connection('no route', "$plain/none", {},
    sub { is($_[0]{status}, 404, 'status') });

connection('an upstream that does not upgrade', "$plain/echo", {},
    sub {
        is($_[0]{status}, 200, 'its answer passes');
        like($_[0]{body}, qr/^Upgrade: websocket$/m, 'it was asked');
    });

my ($code, $out, $err) = run_node('ws_client.js', encode_json(\@connections));

is($code, 0, 'the client came to its end') or diag($err);

my $results = eval { decode_json($out) } || [];

for my $i (0 .. $#checks) {
    my ($name, $check) = @{ $checks[$i] };

    subtest($name, sub {
        ok(ref $results->[$i], 'there is a result') or return;
        $check->($results->[$i]);
    });
}

ok(wait_until(sub { server_log() =~ /^closed 4000 bye$/m }, 5),
   'the server sees how the client closed');


# other upgrades are no business of upstreams

for my $upgrade ('h2c', 'TLS/1.2', 'websocket, h2c', 'foo') {
    my $res = http_get('/echo', headers => ['Connection: Upgrade, close',
                                            "Upgrade: $upgrade"]);

    is($res->status, 200, "Upgrade: $upgrade: status");
    unlike($res->body, qr/^Upgrade:/mi, "Upgrade: $upgrade: is removed");
    unlike($res->body, qr/^Connection:.*upgrade/mi,
           "Upgrade: $upgrade: so it is from Connection");
}

# a client of HTTP/2 cannot upgrade, its request is an ordinary one

my $curl = "curl -sk --http2 https://127.0.0.1:$ENV{TEST_NGINX_SSL_PORT}";

like(`$curl/open -w '%{http_version} %{http_code}' -o /dev/null`,
     qr/^2 426$/, 'HTTP/2: what the upstream says to a plain request');
like(`$curl/echo`, qr{\AGET / HTTP/1\.1\n(?!.*^Upgrade:)}ms,
     'HTTP/2: no upgrade');
