# Copyright (C) the ngx_gateway authors
#
# The plugins that control traffic on one route: who answers first, and whose
# headers are on the answer; over HTTP/1.1 and HTTP/2, and after a reload.

use lib 't/lib';
use Test::Gateway 'no_plan';

start_echo();

my $echo = $ENV{TEST_NGINX_ECHO_PORT};
my $h2 = port(2);

my $plugins = <<'_EOC_';
    - { name: correlation-id, config: { echo_downstream: true } }
    - { name: bot-detection }
    - name: cors
      config: { origins: [http://a.test, http://b.test], credentials: true }
    - { name: key-auth }
    - { name: ip-restriction, config: { deny: [127.0.0.9] } }
    - name: request-size-limiting
      config: { allowed_payload_size: 5, size_unit: bytes }
    - { name: rate-limiting, config: { year: 20 } }
    - { name: response-ratelimiting, config: { limits: { v: { year: 3 } } } }
    - { name: proxy-cache, config: { strategy: memory } }
_EOC_

my $yaml = <<"_EOC_";
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$echo
  routes:
  - name: proxied
    paths: [/proxied]
    plugins:
$plugins
  - name: ended
    paths: [/ended]
    plugins:
$plugins
    - name: request-termination
      config: { status_code: 200, body: ended, content_type: text/plain }
  - name: moved
    paths: [/moved]
    plugins:
$plugins
    - { name: redirect, config: { location: "http://a.test/" } }
consumers:
- username: bob
  keyauth_credentials: [{ key: kb }]
- username: alice
  keyauth_credentials: [{ key: ka }]
  plugins:
  - { name: rate-limiting, config: { year: 2 } }
_EOC_

my $args = "--set 'proxy_listen=127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}, "
    . "127.0.0.1:$h2 http2' --set trusted_ips=127.0.0.1";

my $proto;

# an object as that of http_get()
sub ask {
    my ($method, $path, @headers) = @_;

    return http_request($method, $path, headers => \@headers)
        if $proto eq 'HTTP/1.1';

    my @curl = ('curl', '-s', '-i', '--http2-prior-knowledge', '-A', '',
        $method eq 'HEAD' ? '-I' : ('-X', $method),
        (map { ('-H', $_) } @headers), "http://127.0.0.1:$h2$path");
    open my $out, '-|', @curl or die "curl: $!";
    local $/;
    my ($head, $body) = split /\r\n\r\n/, scalar <$out>, 2;
    close $out;
    return bless { head => $head, body => $body }, 'Answer';
}

{
    package Answer;

    sub status { return (split ' ', $_[0]{head})[1] }
    sub body { return $_[0]{body} }

    sub header {
        my ($self, $name) = @_;
        return $self->{head} =~ /^\Q$name\E: ?(.*?)\r?$/mi ? $1 : undef;
    }
}

my %names = (
    origin => 'Access-Control-Allow-Origin',
    limit => 'X-RateLimit-Remaining-Year',
    used => 'X-RateLimit-Remaining-v-year',
    cache => 'X-Cache-Status',
    to => 'Location',
);

# the status, then the headers that there are; all answers have an id
sub is_told {
    my ($res, $what, $status, %headers) = @_;
    my %told = map { $_ => $res->header($names{$_}) } keys %names;

    delete $told{$_} for grep { !defined $told{$_} } keys %told;
    is($res->status, $status, "$proto: $what");
    is_deeply(\%told, \%headers, "$proto: $what: headers");
    like($res->header('Kong-Request-ID'), qr/^[0-9a-f-]{36}#\d+$/,
        "$proto: $what: id");
}

my $from = 'Origin: http://b.test';
my @origin = (origin => 'http://b.test');
my $bob = 'apikey: kb';
my @plain = ('X-Test-Type: text/plain');

SKIP: for my $name ('HTTP/1.1', 'HTTP/2') {
    $proto = $name;

    skip 'curl has no HTTP/2', 1 if $proto eq 'HTTP/2' && `curl -V` !~ /HTTP2/;

    my $nginx = start_nginx(yaml => $yaml, compile_args => $args,
        workers => 2, master => 1);

    is_told(ask('OPTIONS', '/proxied', $from,
        'Access-Control-Request-Method: GET'), 'a preflight', 200, @origin);
    is_told(ask('GET', '/proxied', $from, 'User-Agent: Googlebot/2.1', $bob),
        'a bot', 403, @origin);
    is_told(ask('GET', '/proxied', $from), 'nobody', 401, @origin);
    is_told(ask('GET', '/proxied', $from, 'X-Real-IP: 127.0.0.9'),
        'nobody from that address', 401, @origin);
    is_told(ask('GET', '/proxied', $from, $bob, 'X-Real-IP: 127.0.0.9'),
        'bob from there', 403, @origin);

    is_told(ask('GET', '/proxied', $from, $bob, @plain,
        'X-Test-Header: X-Kong-Limit: v=1'), 'the first one', 200, @origin,
        limit => 19, used => 2, cache => 'Miss');
    is_told(ask('GET', '/proxied', $from, $bob), 'from the cache', 200,
        @origin, limit => 18, used => 2, cache => 'Hit');
    is_told(ask('GET', '/proxied', 'Origin: http://evil.test', $bob),
        'for another origin', 200, limit => 17, used => 2, cache => 'Hit');
    is_told(ask('HEAD', '/proxied', $from, $bob, @plain), 'HEAD', 200,
        @origin, limit => 16, used => 2, cache => 'Miss');
    is_told(ask('DELETE', '/proxied', $from, $bob, @plain), 'DELETE', 200,
        @origin, limit => 15, used => 2, cache => 'Bypass');

    for my $cache ('Miss', 'Hit') {
        my $res = ask('GET', '/ended', $bob);
        is_told($res, 'an answer of ours', 200, used => 3, cache => $cache,
            limit => $cache eq 'Miss' ? 19 : 18);
        is($res->body, 'ended', "$proto: its body");
    }
    is_told(ask('GET', '/moved', $from, $bob), 'one that moved', 301, @origin,
        limit => 19, used => 3, to => 'http://a.test/');

    is_told(ask('GET', '/proxied', 'apikey: ka', @plain), 'alice', 200,
        limit => 1, used => 3, cache => 'Miss');
    is_told(ask('GET', '/proxied', 'apikey: ka'), 'alice again', 200,
        limit => 0, used => 3, cache => 'Hit');
    is_told(ask('GET', '/proxied', 'apikey: ka', $from),
        'alice over her limit', 429, @origin, limit => 0);

    # another limit: counts and entries stay

    (my $other = $yaml) =~ s/year: 20/year: 10/g;
    ok($nginx->reconfigure(yaml => $other, compile_args => $args)
        && $nginx->reload, "$proto: a reload");
    is_told(ask('GET', '/proxied', $from, $bob), 'after it', 200, @origin,
        limit => 4, used => 2, cache => 'Hit');

    $nginx->stop;
    unlike($nginx->error_log, qr/\[(?:error|alert|crit|emerg)\]/,
        "$proto: no errors");
}
