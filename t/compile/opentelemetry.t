# Copyright (C) the ngx_gateway authors
#
# opentelemetry, compiled.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: fields are parameters, settings are directives
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config:
    traces_endpoint: http://127.0.0.1:4318/v1/traces
    headers: {X-Token: secret}
    resource_attributes: {service.name: edge}
    sampling_rate: 0.5
    header_type: b3
    http_response_header_for_traceid: X-Trace
    connect_timeout: 1
    queue: {max_retry_time: 5}
--- compile_args: --set tracing_instrumentations=request,balancer --set tracing_sampling_rate=0.25
--- conf_like chomp
gateway_tracing_instrumentations request balancer;\s+gateway_tracing_sampling_rate 0\.25;[\s\S]*gateway_opentelemetry traces_endpoint=http://127\.0\.0\.1:4318/v1/traces headers\.X-Token=secret resource_attributes\.service\.name=edge queue\.max_retry_time=5 connect_timeout=1 header_type=b3 sampling_rate=0\.5 http_response_header_for_traceid=X-Trace;



=== TEST 2: names of before; without a queue batches are large
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config: {endpoint: "http://127.0.0.1:4318/v1/traces"}
--- conf_like chomp
gateway_opentelemetry traces_endpoint=http://127\.0\.0\.1:4318/v1/traces queue\.max_batch_size=200;



=== TEST 3: batch_span_count and batch_flush_delay
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config: {traces_endpoint: "http://127.0.0.1:4318/", batch_span_count: 7, batch_flush_delay: 2}
--- conf_like chomp
queue\.max_batch_size=7 queue\.max_coalescing_delay=2



=== TEST 4: at least one endpoint
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config: {sampling_rate: 1}
--- error_like eval
qr/kong.yml:4:.*at least one of these fields must be non-empty: "traces_endpoint", "logs_endpoint"/



=== TEST 5: what is not supported is said
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config:
    traces_endpoint: http://127.0.0.1:4318/
    logs_endpoint: 127.0.0.1/v1/logs
    resource_attributes: {a: "$(os.execute('x'))"}
    sampling_rate: 2
--- error_like eval
qr/(?=.*kong.yml:6:.*logs_endpoint: )(?=.*kong.yml:7:.*resource_attributes.*the expression at "\$\(os)(?=.*kong.yml:8:)/s



=== TEST 6: settings that are wrong
--- yaml
_format_version: "3.0"
--- compile_args: --set tracing_instrumentations=request,x --set tracing_sampling_rate=1.5
--- error_like eval
qr/(?=.*tracing_instrumentations.*"x": expected some of off, )(?=.*tracing_sampling_rate.*expected a number from 0 to 1)/s



=== TEST 7: certificates of servers are verified, their names looked up
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config:
    traces_endpoint: https://spans.example.com/v1/traces
--- conf_like eval
[qr{^gateway_opentelemetry_trusted_certificate /}m, qr{^resolver }m]



=== TEST 8: an endpoint for logs alone
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config: {logs_endpoint: "http://127.0.0.1:4318/v1/logs", queue: {max_batch_size: 3}}
--- conf_like chomp
gateway_opentelemetry logs_endpoint=http://127\.0\.0\.1:4318/v1/logs queue\.max_batch_size=3;
--- conf_unlike chomp
resolver |gateway_opentelemetry_trusted_certificate



=== TEST 9: the server for logs is looked up and verified too
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config: {traces_endpoint: "http://127.0.0.1:4318/v1/traces", logs_endpoint: "https://logs.example.com/v1/logs"}
--- conf_like eval
[qr{^gateway_opentelemetry_trusted_certificate /}m, qr{^resolver }m]



=== TEST 10: expressions in attributes, and switched off
--- yaml
_format_version: "3.0"
plugins:
- name: opentelemetry
  config:
    traces_endpoint: http://127.0.0.1:4318/v1/traces
    resource_attributes: {tenant: "$(headers.x_tenant)-$(query_params['a b'] or \"none\")"}
--- compile_args: --set untrusted_lua=off
--- conf_like eval
[qr{^\s*gateway_opentelemetry_expressions off;$}m, qr{resource_attributes\.tenant=\$\(headers\.x_tenant\)-}]
