# Copyright (C) the ngx_gateway authors
#
# gRPC on the wire: a client and a server of @grpc/grpc-js on both sides of
# a compiled gateway, without TLS and with it.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use File::Temp;
use JSON::PP;

my $why = no_node();

if ($why) {
    plan(skip_all => $why);
    exit;
}

my $plain = "127.0.0.1:$ENV{TEST_NGINX_PORT_1}";
my $tls = "127.0.0.1:$ENV{TEST_NGINX_SSL_PORT}";
my $upstream = "127.0.0.1:$ENV{TEST_NGINX_UPSTREAM_PORT}";
my $upstream_tls = "127.0.0.1:$ENV{TEST_NGINX_UPSTREAM_PORT_2}";

my $pair = File::Temp::tempdir(CLEANUP => 1);

system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x"
       . " -keyout $pair/key.pem -out $pair/cert.pem 2>/dev/null") == 0
    or die "openssl failed\n";

start_node('grpc_server.js', $ENV{TEST_NGINX_UPSTREAM_PORT});
start_node('grpc_server.js', $ENV{TEST_NGINX_UPSTREAM_PORT_2},
           "$pair/cert.pem", "$pair/key.pem");

my $nginx = start_nginx(
    compile_args => "--set proxy_listen='127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}"
                    . ", $plain http2, $tls http2 ssl'",
    yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: plain
  url: grpc://$upstream
  routes:
  - name: both
    hosts: [both.test]
    paths: [/test.Echo/]
    protocols: [grpc, grpcs]
  - name: secure
    hosts: [secure.test]
    protocols: [grpcs]
  - name: http
    hosts: [http.test]
    headers: {x-tenant: [blue]}
  - name: kept
    hosts: [kept.test]
    protocols: [grpc]
    preserve_host: true
  - name: keys
    hosts: [keys.test]
    protocols: [grpc, grpcs]
    plugins:
    - name: key-auth
      config: {hide_credentials: true}
  - name: closed
    hosts: [closed.test]
    protocols: [grpc]
    plugins:
    - name: request-termination
      config: {status_code: 503, message: closed today}
  - name: limited
    hosts: [limited.test]
    protocols: [grpc]
    plugins:
    - name: rate-limiting
      config: {hour: 1}
- name: tls
  url: grpcs://$upstream_tls
  routes:
  - name: to-tls
    hosts: [to-tls.test]
    protocols: [grpc, grpcs]
- name: nobody
  url: grpc://127.0.0.1:$ENV{TEST_NGINX_UNUSED_PORT}
  routes:
  - name: nobody
    hosts: [nobody.test]
    protocols: [grpc]
- name: slow
  url: grpc://$upstream
  read_timeout: 200
  retries: 0
  routes:
  - name: slow
    hosts: [slow.test]
    protocols: [grpc]
plugins:
- name: response-transformer
  config: {add: {headers: ["x-added:yes", "connection:x-gone"]}}
consumers:
- username: alice
  keyauth_credentials: [{key: alice-key}]
_EOC_

my (@calls, @checks);

# call(name, authority, method, {more of the call}, check of its result)
sub call {
    my ($name, $authority, $method, $more, $check) = @_;

    push @calls, { target => $plain, authority => $authority,
                   method => $method, %$more };
    push @checks, [$name, $check];
}


call('unary', 'both.test', 'Unary',
    { messages => [{ text => 'hi', bytes => 10, size => 5 }],
      metadata => { 'x-a' => '1', 'x-kong-request-id' => 'mine',
                    'x-consumer-username' => 'root',
                    'x-consumer_username' => 'root' } },
    sub {
        my ($r) = @_;
        my $reply = $r->{replies}[0];
        my $m = $reply->{metadata};

        is($r->{code}, 0, 'it is OK');
        is("$reply->{text} $reply->{size} $reply->{data}", 'hi 10 5',
           'messages pass both ways');
        is($reply->{path}, '/test.Echo/Unary', 'the path is whole');
        is($reply->{authority}, $upstream, 'the authority is the target');
        is($m->{'x-a'}, 1, 'metadata passes');
        is($m->{'x-forwarded-for'}, '127.0.0.1', 'forwarding headers');
        is($m->{'x-forwarded-proto'}, 'http', 'the scheme is http');
        is($m->{'x-forwarded-path'}, '/test.Echo/Unary', 'the path too');
        is($m->{via}, '2 ngx_gateway/0.1.0', 'Via of the request');
        like($m->{'x-kong-request-id'}, qr/^[0-9a-f]{32}$/, 'its own id');
        is(join(',', grep { /consumer/ } keys %$m), '', 'no identity');
        is($r->{initial}{'x-initial'}, 'start', 'initial metadata');
        is($r->{initial}{via}, '2 ngx_gateway/0.1.0', 'Via of the answer');
        is($r->{initial}{'x-added'}, 'yes', 'plugins see the answer');
        is($r->{initial}{connection}, undef, 'but cannot break HTTP/2');
        like($r->{initial}{'x-kong-upstream-latency'}, qr/^\d+$/, 'latency');
        is_deeply($r->{trailing}, { 'x-trailing' => 'end',
                                    'x-bytes-bin' => '00ff0a' },
                  'trailers pass');
    });

call('unary over TLS', 'both.test', 'Unary', { target => $tls, tls => 1 },
    sub {
        is($_[0]{code}, 0, 'it is OK');
        is($_[0]{replies}[0]{metadata}{'x-forwarded-proto'}, 'https',
           'the scheme is https');
    });

call('client streaming', 'both.test', 'Collect',
    { messages => [{ text => 'a' }, { text => 'b', bytes => 100_000 }] },
    sub {
        is($_[0]{code}, 0, 'it is OK');
        is($_[0]{replies}[0]{text}, 'a,b', 'all messages arrive');
        is($_[0]{replies}[0]{size}, 100_000, 'with all their bytes');
    });

call('server streaming', 'both.test', 'Repeat',
    { messages => [{ text => 'r', count => 3 }] },
    sub {
        is($_[0]{code}, 0, 'it is OK');
        is(join(',', map { $_->{text} } @{ $_[0]{replies} }), 'r0,r1,r2',
           'all replies arrive');
        is($_[0]{trailing}{'x-trailing'}, 'end', 'and trailers');
    });

# each message waits for the reply to the one before: buffering would hang
call('both streaming in turns', 'both.test', 'Chat',
    { messages => [map { { text => $_ } } 1 .. 5], deadline => 20_000 },
    sub {
        is($_[0]{code}, 0, 'it is OK');
        is(join(',', map { $_->{text} } @{ $_[0]{replies} }), '1,2,3,4,5',
           'nothing is held back');
    });

call('the same over TLS on both sides', 'to-tls.test', 'Chat',
    { messages => [map { { text => $_ } } 1 .. 3], deadline => 20_000,
      target => $tls, tls => 1 },
    sub {
        is(join(',', map { $_->{text} } @{ $_[0]{replies} }), '1,2,3',
           'nothing is held back');
        is($_[0]{replies}[0]{authority}, $upstream_tls, 'authority');
    });

call("the upstream's failure", 'both.test', 'Unary',
    { metadata => { 'x-fail' => 7, 'x-details' => 'no way' } },
    sub {
        is($_[0]{code}, 7, 'its status');
        is($_[0]{details}, 'no way', 'its message');
        is($_[0]{trailing}{'x-bytes-bin'}, '00ff0a', 'its trailers');
    });

call('a failure after replies', 'both.test', 'Repeat',
    { messages => [{ text => 'r', count => 2 }],
      metadata => { 'x-fail' => 9, 'x-details' => 'half' } },
    sub {
        is($_[0]{code}, 9, 'its status');
        is($_[0]{details}, 'half', 'its message');
        is(scalar @{ $_[0]{replies} }, 2, 'after its replies');
    });

call('a deadline', 'both.test', 'Unary',
    { metadata => { 'x-delay' => 10_000 }, deadline => 300 },
    sub { is($_[0]{code}, 4, 'the client gives up') });

call('a deadline that holds', 'both.test', 'Unary', { deadline => 20_000 },
    sub {
        is($_[0]{code}, 0, 'it is OK');
        is($_[0]{replies}[0]{deadline} ? 1 : 0, 1,
           'the server knows of the deadline');
    });

call('10 MB both ways', 'both.test', 'Unary',
    { messages => [{ bytes => 10_000_000, size => 10_000_000 }] },
    sub {
        is($_[0]{code}, 0, 'it is OK');
        is($_[0]{replies}[0]{size}, 10_000_000, 'up');
        is($_[0]{replies}[0]{data}, 10_000_000, 'down');
    });

call('a cancelled stream', 'both.test', 'Chat',
    { messages => [{ text => 1 }, { text => 2 }], cancel => 1 },
    sub { is($_[0]{code}, 1, 'is cancelled') });

call('preserve_host', 'kept.test', 'Unary', {},
    sub { is($_[0]{replies}[0]{authority}, 'kept.test', 'authority') });

call('headers that have to match', 'http.test', 'Unary',
    { metadata => { 'x-tenant' => 'blue' } },
    sub { is($_[0]{code}, 0, 'an http route serves gRPC too') });

call('headers that do not match', 'http.test', 'Unary',
    { metadata => { 'x-tenant' => 'red' } },
    sub {
        is($_[0]{code}, 5, 'no route is NOT_FOUND');
        is($_[0]{details}, 'NotFound', 'by its name');
    });

call('no key', 'keys.test', 'Unary', {},
    sub {
        is($_[0]{code}, 16, 'UNAUTHENTICATED');
        is($_[0]{details}, 'Unauthenticated', 'by its name');
        is($_[0]{trailing}{'content-type'}, 'application/grpc', 'type');
    });

call('a key in the metadata', 'keys.test', 'Unary',
    { metadata => { apikey => 'alice-key' } },
    sub {
        my $m = $_[0]{replies}[0]{metadata};

        is($_[0]{code}, 0, 'it is OK');
        is($m->{'x-consumer-username'}, 'alice', 'the consumer is known');
        is($m->{apikey}, undef, 'the key is hidden');
    });

call('termination', 'closed.test', 'Unary', {},
    sub {
        is($_[0]{code}, 14, 'UNAVAILABLE');
        is($_[0]{details}, 'closed today', 'with the message');
    });

call('the first of an hour', 'limited.test', 'Unary', {},
    sub { is($_[0]{code}, 0, 'it is OK') });

call('the second of an hour', 'limited.test', 'Unary', {},
    sub { is($_[0]{code}, 8, 'RESOURCE_EXHAUSTED') });

call('grpcs only, without TLS', 'secure.test', 'Unary', {},
    sub {
        is($_[0]{code}, 1, 'CANCELLED');
        is($_[0]{details}, 'gRPC request matched gRPCs route', 'and why');
    });

call('grpcs only, with TLS', 'secure.test', 'Unary',
    { target => $tls, tls => 1 },
    sub { is($_[0]{code}, 0, 'it is OK') });

call('TLS to the upstream', 'to-tls.test', 'Unary', {},
    sub { is($_[0]{code}, 0, 'it is OK') });

call('a dead upstream', 'nobody.test', 'Unary', {},
    sub {
        is($_[0]{code}, 13, 'INTERNAL');
        is($_[0]{details}, 'An invalid response was received from the '
           . 'upstream server', 'with the message of the error page');
    });

call('an upstream that is too slow', 'slow.test', 'Unary',
    { metadata => { 'x-delay' => 10_000 } },
    sub {
        is($_[0]{code}, 4, 'DEADLINE_EXCEEDED');
        is($_[0]{details}, 'The upstream server is timing out', 'and why');
    });

my ($code, $out, $err) = run_node('grpc_client.js', encode_json(\@calls));

is($code, 0, 'the client came to its end') or diag($err);

my $results = eval { decode_json($out) } || [];

for my $i (0 .. $#checks) {
    my ($name, $check) = @{ $checks[$i] };

    subtest($name, sub {
        ok(ref $results->[$i], 'there is a result') or return;
        $check->($results->[$i]);
    });
}


# what is no gRPC, on routes for gRPC

my $res = http_get('/test.Echo/Unary', host => 'both.test');
is($res->status, 415, 'not gRPC: status');
like($res->body, qr/"message":"Non-gRPC request matched gRPC route"/,
     'not gRPC: message');

$res = http_get('/test.Echo/Unary', host => 'both.test',
                headers => ['Content-Type: application/grpc']);
is($res->status, 426, 'gRPC over HTTP/1: status');
like($res->body, qr/"message":"Please use HTTP2 protocol"/,
     'gRPC over HTTP/1: message');
is($res->header('Upgrade'), 'HTTP/2', 'gRPC over HTTP/1: Upgrade');
like($res->header('Connection'), qr/Upgrade/, 'gRPC over HTTP/1: Connection');

unlike($nginx->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing alarming');


# what the file cannot say

my $dir = File::Temp::tempdir(CLEANUP => 1);

for ([ 'path: /x', qr/services\[0\]\.path: a service with protocol "grpc" cannot have a path/ ],
     [ 'routes: [{protocols: [grpc], strip_path: true, paths: [/]}]',
       qr/strip_path/ ])
{
    my ($more, $like) = @$_;

    open my $fh, '>', "$dir/kong.yml" or die $!;
    print $fh <<"_EOC_";
_format_version: "3.0"
services:
- name: g
  protocol: grpc
  host: h
  $more
_EOC_
    close $fh;

    ($code, $out, $err) = run_tool($dir, 'check', 'kong.yml');
    is($code, 1, "refused: $more");
    like($err, $like, "with its reason: $more");
}
