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
