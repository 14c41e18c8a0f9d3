# Copyright (C) the ngx_gateway authors
#
# correlation-id: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
plugins:
- name: correlation-id
  config:
    header_name: X-Correlation-ID
    generator: uuid
    echo_downstream: true
--- conf
gateway_correlation_id header_name=X-Correlation-ID generator=uuid echo_downstream=on;



=== TEST 2: all defaults, spelt out
--- yaml
_format_version: "3.0"
plugins:
- name: correlation-id
  config:
    header_name: Kong-Request-ID
    generator: uuid#counter
    echo_downstream: false
--- conf
gateway_correlation_id on;



=== TEST 3: an unknown generator
--- yaml
_format_version: "3.0"
plugins:
- name: correlation-id
  config:
    generator: serial
--- error_like: kong.yml:5:16: error: plugins\[0\]\.config\.generator: 



=== TEST 4: a name that is none
--- yaml
_format_version: "3.0"
plugins:
- name: correlation-id
  config:
    header_name: X Id
--- error_like: kong.yml:5:18: error: plugins\[0\]\.config\.header_name: 
