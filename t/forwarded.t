# Copyright (C) the ngx_gateway authors
#
# Forwarding headers of compiled gateways: who is trusted, where the client's
# address comes from, and which port is public.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use IO::Socket::INET;

my $port = $ENV{TEST_NGINX_SERVER_PORT};
my $behind = $ENV{TEST_NGINX_PORT_1};

start_echo();

# subtest(name, settings, sub): a gateway with these settings
sub with {
    my ($name, $settings, $code) = @_;

    my $nginx = start_nginx(
        compile_args => "--set proxy_listen='127.0.0.1:$port, "
                        . "127.0.0.1:$behind proxy_protocol' "
                        . join(' ', map { "--set '$_'" } @$settings),
        yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - name: prefix
    paths: [/api]
  - name: secure
    paths: [/secure]
    protocols: [https]
    https_redirect_status_code: 301
  - name: public
    hosts: ["public.test:80"]
  - name: root
    paths: [/]
_EOC_

    subtest($name, $code);
    $nginx->stop;
}

# the headers that the echo upstream got
sub sent {
    my ($path, @headers) = @_;
    return http_get($path, host => 'Client.test:1234',
                    headers => \@headers)->body;
}

# the same behind a line of the PROXY protocol
sub proxied {
    my ($line, $path, @headers) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $behind)
        or die "cannot connect: $!\n";
    print $s "$line\r\nGET $path HTTP/1.1\r\nHost: client.test\r\n"
             . "Connection: close\r\n", map({ "$_\r\n" } @headers), "\r\n";
    local $/;
    return (<$s> // '') =~ s/\r//gr;
}

sub has {
    my ($text, $name, $value, $what) = @_;
    my @values = $text =~ /^\Q$name\E: (.*)$/mg;
    is(join(' | ', @values), $value, "$what: $name");
}

my @forwarded = ('X-Forwarded-Proto: https', 'X-Forwarded-Host: outer.test',
                 'X-Forwarded-Port: 444', 'X-Forwarded-Path: /outer/api/x',
                 'X-Forwarded-Prefix: /outer', 'X-Forwarded-For: 8.8.8.8',
                 'X-Real-IP: 9.9.9.9');


with('nobody is trusted', [], sub {
    my $text = sent('/api/%2e/x//y?q');
    has($text, 'X-Forwarded-For', '127.0.0.1', 'none received');
    has($text, 'X-Real-IP', '127.0.0.1', 'none received');
    has($text, 'X-Forwarded-Proto', 'http', 'none received');
    has($text, 'X-Forwarded-Host', 'client.test', 'none received');
    has($text, 'X-Forwarded-Port', $port, 'none received');
    has($text, 'X-Forwarded-Path', '/api/%2e/x//y', 'none received');
    has($text, 'X-Forwarded-Prefix', '/api', 'none received');

    has(sent('/x'), 'X-Forwarded-Prefix', '', 'nothing stripped');

    $text = sent('/api/x', @forwarded, 'X-Forwarded-For: 7.7.7.7');
    has($text, 'X-Forwarded-For', '8.8.8.8, 127.0.0.1', 'received');
    has($text, 'X-Real-IP', '127.0.0.1', 'received');
    has($text, 'X-Forwarded-Proto', 'http', 'received');
    has($text, 'X-Forwarded-Host', 'client.test', 'received');
    has($text, 'X-Forwarded-Port', $port, 'received');
    has($text, 'X-Forwarded-Path', '/api/x', 'received');
    has($text, 'X-Forwarded-Prefix', '/api', 'received');

    my $res = http_get('/secure?q', host => 'Client.test:1234',
                       headers => \@forwarded);
    is($res->status, 301, 'https is not believed');
    is($res->header('Location'), 'https://client.test/secure?q',
       'neither is the host');
});


with('a trusted peer', ['trusted_ips=127.0.0.0/8,::1'], sub {
    my $text = sent('/api/x', @forwarded, 'X-Forwarded-Host: second.test');
    has($text, 'X-Forwarded-For', '8.8.8.8, 127.0.0.1', 'received');
    has($text, 'X-Real-IP', '9.9.9.9', 'received');
    has($text, 'X-Forwarded-Proto', 'https', 'received');
    has($text, 'X-Forwarded-Host', 'outer.test', 'the first');
    has($text, 'X-Forwarded-Port', '444', 'received');
    has($text, 'X-Forwarded-Path', '/outer/api/x', 'received');
    has($text, 'X-Forwarded-Prefix', '/outer', 'received');

    $text = sent('/api/x', 'X-Real-IP: 9.9.9.9');
    has($text, 'X-Forwarded-For', '9.9.9.9', 'the address after realip');
    has($text, 'X-Forwarded-Prefix', '/api', 'none received');

    $text = sent('/secure', @forwarded);
    like($text, qr{^GET / HTTP}, 'https is believed');

    # trust is judged by who connects, not by what he says
    $text = sent('/api/x', 'X-Real-IP: 9.9.9.9',
                 'X-Forwarded-Proto: https');
    has($text, 'X-Forwarded-Proto', 'https', 'the connecting address counts');
});


with('somebody else is trusted', ['trusted_ips=10.0.0.0/8'], sub {
    my $text = sent('/api/x', @forwarded);
    has($text, 'X-Real-IP', '127.0.0.1', 'a stranger');
    has($text, 'X-Forwarded-Proto', 'http', 'a stranger');
    has($text, 'X-Forwarded-For', '8.8.8.8, 127.0.0.1', 'a stranger');

    $text = sent('/api/x', 'X-Real-IP: 10.0.0.1', 'X-Forwarded-Proto: https');
    has($text, 'X-Forwarded-Proto', 'http', 'who says he is trusted');
});


my @for = ('X-Forwarded-For: 6.6.6.6, 8.8.8.8, 127.0.0.9');

with('X-Forwarded-For, its last address',
     ['trusted_ips=127.0.0.0/8', 'real_ip_header=X-Forwarded-For'], sub {
    my $text = sent('/api/x', @for);
    has($text, 'X-Real-IP', '127.0.0.9', 'the last');
    has($text, 'X-Forwarded-For', '6.6.6.6, 8.8.8.8, 127.0.0.9, 127.0.0.1',
        'appended to');
});


with('X-Forwarded-For, the last one not trusted',
     ['trusted_ips=127.0.0.0/8', 'real_ip_header=X-Forwarded-For',
      'real_ip_recursive=on'], sub {
    has(sent('/api/x', @for), 'X-Real-IP', '8.8.8.8', 'recursive');
});


with('the PROXY protocol',
     ['trusted_ips=127.0.0.0/8', 'real_ip_header=proxy_protocol'], sub {
    my $text = proxied('PROXY TCP4 5.5.5.5 1.2.3.4 1111 443', '/api/x',
                       'X-Real-IP: 9.9.9.9');
    has($text, 'X-Real-IP', '5.5.5.5', 'by its line');
    has($text, 'X-Forwarded-For', '5.5.5.5', 'by its line');
    has($text, 'X-Forwarded-Port', $behind, 'the listening port');

    $text = proxied('PROXY TCP6 2001:db8::1 2001:db8::2 1111 443', '/api/x');
    has($text, 'X-Real-IP', '2001:db8::1', 'IPv6');

    $text = proxied('PROXY UNKNOWN', '/api/x');
    has($text, 'X-Real-IP', '127.0.0.1', 'unknown');

    is(proxied('NOPROXY', '/api/x'), '', 'without its line there is nothing');

    has(sent('/api/x', 'X-Real-IP: 9.9.9.9'), 'X-Real-IP', '127.0.0.1',
        'other listeners go on');
});


with('the PROXY protocol of a stranger',
     ['trusted_ips=10.0.0.0/8', 'real_ip_header=proxy_protocol'], sub {
    has(proxied('PROXY TCP4 5.5.5.5 1.2.3.4 1111 443', '/api/x'),
        'X-Real-IP', '127.0.0.1', 'is not believed');
});


with('public ports', ["port_maps=80:$port,443:$behind"], sub {
    has(sent('/api/x'), 'X-Forwarded-Port', '80', 'mapped');
    has(proxied('PROXY UNKNOWN', '/api/x'), 'X-Forwarded-Port', '443',
        'another');
    has(http_get('/x', host => 'public.test')->body, 'X-Forwarded-Prefix',
        '', 'routes see it too');
});


with('debug headers', ['allow_debug_header=on'], sub {
    my $res = http_get('/api/x', headers => ['Kong-Debug: 1']);
    is($res->header('Kong-Route-Name'), 'prefix', 'route');
    is($res->header('Kong-Service-Name'), 'echo', 'service');
    like($res->header('Kong-Route-Id'), qr/^[0-9a-f-]{36}$/, 'its id');
    like($res->header('Kong-Service-Id'), qr/^[0-9a-f-]{36}$/, 'its id');
    is(http_get('/api/x')->header('Kong-Route-Name'), undef, 'only on demand');
});


with('no debug headers', [], sub {
    my $res = http_get('/api/x', headers => ['Kong-Debug: 1']);
    is($res->header('Kong-Route-Name'), undef, 'unless allowed');
});
