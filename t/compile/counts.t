# Copyright (C) the ngx_gateway authors
#
# The settings counts_path and counts_interval: counts that survive restarts.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::Gateway::Server;
use Test::More;
use File::Temp qw(tempdir);

my $tmp = tempdir(CLEANUP => 1);
chmod 0755, $tmp;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $plugins = $block->plugins // return;

    $block->set_value(yaml => <<"_EOC_") unless defined $block->yaml;
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:\$TEST_NGINX_ECHO_PORT
  routes:
  - name: r
    paths: [/]
plugins:
$plugins
_EOC_
});

# what a user does: compile, start, stop, start

sub same_day {
    my $now = time;
    sleep 86401 - $now % 86400 if $now % 86400 > 86400 - 240;
}

sub gateway {
    my (%o) = @_;
    return start_nginx(master => 1, workers => 2, log_level => 'notice',
                       compile_args => $o{args}, root => $o{root},
                       yaml => <<'_EOC_');
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - paths: [/]
  plugins:
  - name: key-auth
  - name: rate-limiting
    config: {day: 5, month: 50, year: 500}
  - name: response-ratelimiting
    config:
      limits:
        video: {day: 10}
consumers:
- username: bob
  keyauth_credentials: [{key: bobs}]
- username: eve
  keyauth_credentials: [{key: eves}]
_EOC_
}

sub get {
    my ($key, @more) = @_;
    return http_get('/', headers => ["apikey: $key", @more]);
}

same_day();
start_echo();

{
    my @o = (args => '--set counts_path=counts --set counts_interval=1h');
    my $nginx = gateway(@o);
    my $prefix = "$nginx->{root}/prefix";

    my $res = get('bobs', 'X-Test-Header: X-Kong-Limit: video=4');
    is($res->header('X-RateLimit-Remaining-Day'), 4, 'a request');
    is(get('bobs')->header('X-RateLimit-Remaining-Day'), 3, 'and another');
    is(get('eves')->header('X-RateLimit-Remaining-Year'), 499, 'somebody');

    $nginx->stop('QUIT');
    ok(-s "$prefix/counts/$_", "the file of $_")
        for qw(gateway_rate_limiting gateway_response_ratelimiting);
    is((stat "$prefix/secret")[2] & 0777, 0600, 'under a secret');

    $nginx = gateway(@o, root => $nginx->{root});
    $res = get('bobs');
    is($res->header('X-RateLimit-Remaining-Day'), 2, 'days go on');
    is($res->header('X-RateLimit-Remaining-Month'), 47, 'and months');
    is($res->header('X-RateLimit-Remaining-Year'), 497, 'and years');
    is($res->header('X-RateLimit-Remaining-Video-Day'), 6,
       'and what responses announced');
    is(get('eves')->header('X-RateLimit-Remaining-Day'), 3, 'for each');
    $nginx->stop;

    # the default is Kong's

    $nginx = gateway(args => '', root => $nginx->{root});
    is(get('bobs')->header('X-RateLimit-Remaining-Day'), 4,
       'without the setting a restart forgets them');
    $nginx->stop;
}

# tests of the tool do not count for the gateway

{
    my $dir = "$tmp/real";

    for ([kong => <<'_EOC_'], [tests => <<'_EOC_']) {
_format_version: "3.0"
services:
- url: http://example.com
  routes:
  - name: r
    paths: [/]
  plugins:
  - {name: rate-limiting, config: {day: 2}}
_EOC_
tests:
- name: each test begins anew
  window: day
  steps:
  - {request: {url: /}, expect: {status: 200}, repeat: 2}
  - {request: {url: /}, expect: {status: 429}}
- name: this one too
  window: day
  steps:
  - {request: {url: /}, expect: {status: 200}, repeat: 2}
_EOC_
        open my $fh, '>', "$tmp/$_->[0].yml" or die $!;
        print $fh $_->[1];
        close $fh;
    }

    for my $set ("counts_path=$dir",
                 "nginx_http_gateway_rate_limiting_zone=1m path=$dir")
    {
        my ($code, $out, $err) = run_tool($tmp, 'test', 'kong.yml',
                                          'tests.yml', '--set', $set);
        is($code, 0, "test passes with $set") or diag($out . $err);
        ok(!-e $dir, 'and leaves the directory of the gateway alone');
    }
}

run_tests();

__DATA__

=== TEST 1: nothing is kept unless it is asked for
--- plugins
- {name: rate-limiting, config: {day: 5}}
- {name: response-ratelimiting, config: {limits: {a: {day: 1}}}}
--- conf_unlike: _zone|gateway_secret_file



=== TEST 2: a directory for all
--- plugins
- {name: rate-limiting, config: {day: 5}}
- {name: response-ratelimiting, config: {limits: {a: {day: 1}}}}
--- compile_args: --set counts_path=counts
--- conf
gateway_rate_limiting_zone 12m path=counts interval=10s;
gateway_response_ratelimiting_zone 12m path=counts interval=10s;
...
gateway_secret_file secret;



=== TEST 3: another interval; blanks in the path
--- plugins
- {name: rate-limiting, config: {day: 5}}
--- compile_args: --set 'counts_path=all my counts' --set counts_interval=500ms
--- conf
gateway_rate_limiting_zone 12m "path=all my counts" interval=500ms;
...
gateway_secret_file secret;



=== TEST 4: plugins that share a zone
--- plugins
- {name: rate-limiting, config: {day: 5}}
- {name: rate-limiting-advanced, config: {limit: [5], window_size: [60], sync_rate: -1, strategy: local}}
--- compile_args: --set counts_path=counts
--- conf_like: gateway_rate_limiting_zone
--- conf_unlike: (?s)gateway_rate_limiting_zone.*gateway_rate_limiting_zone



=== TEST 5: without such plugins there is nothing to keep
--- plugins
- {name: cors}
--- compile_args: --set counts_path=counts
--- conf_unlike: _zone|gateway_secret_file



=== TEST 6: zones of their own
--- plugins
- {name: rate-limiting, config: {day: 5}}
--- compile_args: --set 'nginx_http_gateway_rate_limiting_zone=64m path=counts interval=1m'
--- conf
gateway_rate_limiting_zone 64m path=counts interval=1m;
...
gateway_secret_file secret;
--- conf_unlike: (?s)gateway_rate_limiting_zone.*gateway_rate_limiting_zone



=== TEST 7: a zone of its own that is not kept
--- plugins
- {name: rate-limiting, config: {day: 5}}
--- compile_args: --set counts_path=counts --set nginx_http_gateway_rate_limiting_zone=64m
--- conf
gateway_rate_limiting_zone 64m;
--- conf_unlike: path=
--- stderr_like: setting "counts_path" \(--set\): the setting "nginx_http_gateway_rate_limiting_zone" has no "path=", so its counts are not kept



=== TEST 8: off
--- plugins
- {name: rate-limiting, config: {day: 5}}
--- compile_args: --set counts_path=off
--- conf_unlike: _zone



=== TEST 9: a directory that has another use
--- plugins
- {name: rate-limiting, config: {day: 5}}
--- cmd: check kong.yml --set counts_path=logs/
--- error_like: setting "counts_path" \(--set\): "logs": expected a directory that is used for nothing else, like "counts"



=== TEST 10: an interval that is none
--- plugins
- {name: rate-limiting, config: {day: 5}}
--- cmd: check kong.yml --set counts_interval=often
--- error_like: setting "counts_interval" \(--set\): "often": expected



=== TEST 11: an interval switches nothing off
--- plugins
- {name: rate-limiting, config: {day: 5}}
--- cmd: check kong.yml --set counts_interval=off
--- error_like: setting "counts_interval" \(--set\): "off": expected a time of more than 0, like "10s"; "counts_path" switches it off
