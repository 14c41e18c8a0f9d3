# Copyright (C) the ngx_gateway authors
#
# statsd and datadog: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

# where the agent is when the file does not say it
$ENV{KONG_DATADOG_AGENT_HOST} = '127.0.0.9';

run_tests();

__DATA__

=== TEST 1: defaults
--- yaml
_format_version: "3.0"
plugins:
- name: statsd
- name: datadog
--- conf_like eval
[qr/gateway_statsd on;/, qr/gateway_datadog host=127\.0\.0\.9;/]



=== TEST 2: fields
--- yaml
_format_version: "3.0"
plugins:
- name: statsd
  config:
    host: 127.0.0.1
    allow_status_codes: [200-299, 400-404]
    udp_packet_size: 500
    queue: {max_batch_size: 2}
    metrics:
    - {name: latency, stat_type: gauge, sample_rate: 0.5, service_identifier: service_id}
--- conf_like eval
[qr/host=127\.0\.0\.1 allow_status_codes=200-299 allow_status_codes=400-404 udp_packet_size=500/,
 qr/queue\.max_batch_size=2/,
 qr/"?metrics=latency\|gauge\|sample_rate=0\.5\|service_identifier=service_id"?;/]



=== TEST 3: a counter needs a rate
--- yaml
_format_version: "3.0"
plugins:
- name: statsd
  config:
    metrics: [{name: latency, stat_type: counter}]
--- error_like: sample_rate: required field missing



=== TEST 4: a range that is none
--- yaml
_format_version: "3.0"
plugins:
- name: statsd
  config:
    allow_status_codes: [2xx]
--- error_like: kong.yml:5:26: error: .*expected a range as 200-299



=== TEST 5: a tag that ends with a colon
--- yaml
_format_version: "3.0"
plugins:
- name: datadog
  config:
    metrics: [{name: latency, stat_type: timer, tags: ["a:"]}]
--- error_like: a tag must not end with



=== TEST 6: datadog has fewer metrics
--- yaml
_format_version: "3.0"
plugins:
- name: datadog
  config:
    metrics: [{name: unique_users, stat_type: set}]
--- error_like: metrics\[0\]\.name: expected one of
