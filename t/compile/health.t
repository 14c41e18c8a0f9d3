# Copyright (C) the ngx_gateway authors
#
# healthchecks of upstreams as lines of gateway_upstream.

use lib 't/lib';
use Test::Gateway 'no_plan';

# "checks" of one upstream that a service uses
add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->checks) {
        my $text = $block->checks;
        $text =~ s/^/    /mg;
        # ids of targets are for the status listener
        $block->set_value('compile_args', join ' ', '--set status_listen=off',
                          $block->compile_args // ());
        $block->set_value('yaml', <<"_EOC_");
_format_version: "3.0"
services:
- name: s
  host: u
  routes:
  - name: r
    paths: [/]
upstreams:
- name: u
  targets:
  - target: 127.0.0.1:2410
  healthchecks:
$text
_EOC_
    }
});

run_tests();

__DATA__

=== TEST 1: the defaults check nothing
--- checks
threshold: 0
passive:
  type: http
  healthy: {successes: 0, http_statuses: [200, 201]}
  unhealthy: {http_failures: 0, tcp_failures: 0, timeouts: 0}
active:
  healthy: {interval: 0, successes: 2}
--- conf
gateway_upstream u {  # kong.yml:9
algorithm round-robin;
target 127.0.0.1:2410;
}



=== TEST 2: passive checks, what differs from the defaults
--- checks
threshold: 33.3
passive:
  healthy:
    successes: 1
    http_statuses: [200, 201, 202, 203, 204, 205, 206, 207, 208, 226,
                    308, 307, 306, 305, 304, 303, 302, 301, 300]
  unhealthy:
    http_failures: 2
    tcp_failures: 3
    timeouts: 255
    http_statuses: [503, 500, 501, 502, 404]
--- conf
gateway_upstream u {  # kong.yml:9
algorithm round-robin;
threshold 33.3;
passive successes=1 http_failures=2 tcp_failures=3 timeouts=255 unhealthy_statuses=404,500-503;
target 127.0.0.1:2410;
}



=== TEST 3: empty lists are no default
--- checks
passive:
  healthy: {http_statuses: []}
  unhealthy: {http_failures: 1, http_statuses: [100, 999]}
--- conf
passive http_failures=1 healthy_statuses=none unhealthy_statuses=100,999;



=== TEST 4: successes alone are no check
--- checks
passive:
  healthy: {successes: 3}
--- conf
algorithm round-robin;
target 127.0.0.1:2410;



=== TEST 5: a threshold without checks
--- checks
threshold: 100
--- conf
algorithm round-robin;
threshold 100;
target 127.0.0.1:2410;



=== TEST 6: active checks, the defaults left out
--- checks
active:
  healthy: {interval: 5, successes: 2}
  unhealthy: {interval: 0.5, http_failures: 3, tcp_failures: 1, timeouts: 1}
--- conf
active healthy_interval=5s unhealthy_interval=500ms successes=2 http_failures=3 tcp_failures=1 timeouts=1;
target 127.0.0.1:2410;



=== TEST 7: everything else of active checks
--- checks
active:
  type: http
  http_path: /health;x=1
  timeout: 1.5
  concurrency: 3
  headers:
    X-One: [a b, "$c"]
    Host: [own.example]
  healthy: {interval: 0.0001, http_statuses: [204]}
  unhealthy: {http_statuses: [500]}
passive:
  healthy: {successes: 3}
--- conf
passive successes=3;
active "path=/health;x=1" healthy_interval=1ms timeout=1500ms concurrency=3 healthy_statuses=204 unhealthy_statuses=500 "header=X-One: a b" "header=X-One: $c" "header=Host: own.example";
target 127.0.0.1:2410;



=== TEST 8: https verifies with the authorities of the system
--- checks
active:
  type: https
  https_sni: api.example
  healthy: {interval: 10, successes: 1}
--- conf
active type=https healthy_interval=10s successes=1 sni=api.example trusted_certificate=/etc/ssl/certs/ca-certificates.crt;



=== TEST 9: https without verification
--- checks
active:
  type: https
  https_verify_certificate: false
  unhealthy: {interval: 10}
--- conf
active type=https unhealthy_interval=10s verify=off;



=== TEST 10: a type that does not run for HTTP
--- checks
active:
  type: tcp
  healthy: {interval: 10, successes: 1}
--- conf
algorithm round-robin;
target 127.0.0.1:2410;
--- stderr_like
kong\.yml:14:13: warning: upstreams\[0\]\.healthchecks\.active\.type: left out: active checks of type tcp run for stream services only



=== TEST 11: a type that runs nowhere
--- checks
active:
  type: grpc
  healthy: {interval: 10, successes: 1}
--- conf
algorithm round-robin;
target 127.0.0.1:2410;
--- stderr_like: left out: there are no active checks of type "grpc"



=== TEST 12: it is not said about checks that are off
--- checks
active:
  type: tcp
--- conf
algorithm round-robin;
--- stderr_like eval
qr/^(?!.*left out)/s
