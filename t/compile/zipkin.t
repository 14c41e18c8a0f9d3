# Copyright (C) the ngx_gateway authors
#
# zipkin, compiled.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: fields are parameters
--- yaml
_format_version: "3.0"
plugins:
- name: zipkin
  config:
    sample_ratio: 1
    traceid_byte_count: 8
    default_header_type: w3c
    http_response_header_for_traceid: X-Trace
    propagation:
      extract: [datadog, w3c]
      clear: [x-datadog-trace-id]
      inject: [preserve, w3c]
      default_format: jaeger
--- conf
gateway_zipkin propagation.extract=datadog propagation.extract=w3c propagation.clear=x-datadog-trace-id propagation.inject=preserve propagation.inject=w3c propagation.default_format=jaeger default_header_type=w3c sample_ratio=1 traceid_byte_count=8 http_response_header_for_traceid=X-Trace;



=== TEST 2: empty lists are not the same as none
--- yaml
_format_version: "3.0"
plugins:
- name: zipkin
  config:
    propagation: {extract: [], inject: []}
--- conf_like chomp
gateway_zipkin propagation\.extract=\s+propagation\.inject=;



=== TEST 3: formats that there are not
--- yaml
_format_version: "3.0"
plugins:
- name: zipkin
  config:
    traceid_byte_count: 12
    sample_ratio: 2
    header_type: x
    propagation: {extract: [b3-single], inject: [ignore], clear: ["a b"]}
--- error_like eval
qr/kong.yml:5:\d+.*expected 8 or 16/s



=== TEST 4: what spans are made of, and how they are sent
--- yaml
_format_version: "3.0"
plugins:
- name: zipkin
  config:
    http_endpoint: http://127.0.0.1:9411/api/v2/spans
    local_service_name: edge
    default_service_name: other
    include_credential: false
    tags_header: X-Tags
    static_tags: [{name: a, value: "b:c"}, {name: d, value: e}]
    http_span_name: method_path
    phase_duration_flavor: tags
    connect_timeout: 1
    send_timeout: 2
    read_timeout: 3
    queue: {max_batch_size: 2, max_coalescing_delay: 0.5, max_entries: 3, max_bytes: 4000, max_retry_time: -1, initial_retry_delay: 0.5, max_retry_delay: 2, concurrency_limit: -1}
--- conf_like chomp
gateway_zipkin http_endpoint=http://127\.0\.0\.1:9411/api/v2/spans local_service_name=edge default_service_name=other include_credential=off tags_header=X-Tags static_tags=a:b:c static_tags=d:e http_span_name=method_path phase_duration_flavor=tags connect_timeout=1 send_timeout=2 read_timeout=3 queue\.max_batch_size=2 queue\.max_coalescing_delay=0\.5 queue\.max_entries=3 queue\.max_bytes=4000 queue\.max_retry_time=-1 queue\.initial_retry_delay=0\.5 queue\.max_retry_delay=2 queue\.concurrency_limit=-1;



=== TEST 5: tags that are not one's own, and other mistakes
--- yaml
_format_version: "3.0"
plugins:
- name: zipkin
  config:
    http_endpoint: ftp://x/
    static_tags: [{name: lc, value: b}]
    queue: {concurrency_limit: 2}
--- error_like eval
qr/kong.yml:5:.*expected a URL of http or https.*kong.yml:6:.*must not be one of: error, .*kong.yml:7:.*expected one of: -1, 1/s



=== TEST 6: a tag twice
--- yaml
_format_version: "3.0"
plugins:
- name: zipkin
  config:
    static_tags: [{name: a, value: b}, {name: a, value: c}]
--- error_like eval
qr/kong.yml:5:.*repeated tags are not allowed: a/



=== TEST 7: certificates of servers are verified, their names looked up
--- yaml
_format_version: "3.0"
plugins:
- name: zipkin
  config:
    http_endpoint: https://spans.example.com/api/v2/spans
--- conf_like eval
[qr{^gateway_zipkin_trusted_certificate /}m, qr{^resolver }m]
