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
