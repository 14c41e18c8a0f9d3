# Copyright (C) the ngx_gateway authors
#
# prometheus: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the README
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080
  routes:
  - name: orders
    paths: [/orders]
plugins:
- name: prometheus
  config:
    status_code_metrics: true
    latency_metrics: true
    bandwidth_metrics: true
    per_consumer: false
--- conf_like eval
[qr/^\s*gateway_prometheus_zone 8m;$/m,
 qr/^\s*gateway_prometheus status_code_metrics=on latency_metrics=on bandwidth_metrics=on;$/m,
 qr/^\s*location = \/metrics \{\n\s*gateway_prometheus_metrics;\n\s*\}$/m]



=== TEST 2: all defaults
--- yaml
_format_version: "3.0"
plugins:
- name: prometheus
--- conf_like: gateway_prometheus on;\n



=== TEST 3: on a service, a route and a consumer
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080
  plugins:
  - name: prometheus
    config: {latency_metrics: true}
  routes:
  - name: orders
    paths: [/orders]
    plugins:
    - name: prometheus
      config: {upstream_health_metrics: true, wasm_metrics: true}
consumers:
- username: alice
  plugins:
  - name: prometheus
    config: {per_consumer: true, ai_metrics: true}
--- conf_like eval
[qr/gateway_prometheus latency_metrics=on;/,
 qr/gateway_prometheus upstream_health_metrics=on wasm_metrics=on;/,
 qr/gateway_prometheus per_consumer=on ai_metrics=on;/]



=== TEST 4: without the plugin there is no zone
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080
--- conf_unlike: gateway_prometheus_zone



=== TEST 5: another size of the zone
--- yaml
_format_version: "3.0"
plugins:
- name: prometheus
--- compile_args: --set nginx_http_gateway_prometheus_zone=32m
--- conf_like: gateway_prometheus_zone 32m;\n
--- conf_unlike: gateway_prometheus_zone 8m



=== TEST 6: a switch that is no boolean, and one that does not exist
--- yaml
_format_version: "3.0"
plugins:
- name: prometheus
  config:
    per_consumer: "yes"
    status_metrics: true
--- error_like eval
[qr/^kong\.yml:5:\d+: error: plugins\[0\]\.config\.per_consumer: /m,
 qr/^kong\.yml:6:\d+: error: plugins\[0\]\.config(?:\.status_metrics)?: /m]
