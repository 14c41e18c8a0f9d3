# Copyright (C) the ngx_gateway authors
#
# response-validator: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080
  routes:
  - name: orders
    paths: [/orders]
  plugins:
  - name: response-validator
    config:
      body_schema: '{"type": "object", "required": ["id"]}'
      status: ["200", "201"]
      on_violation: log
--- conf
gateway_response_validator "body_schema={\"type\": \"object\", \"required\": [\"id\"]}" status=200 status=201 on_violation=log;



=== TEST 2: only a schema, and a size
--- yaml
_format_version: "3.0"
plugins:
- name: response-validator
  config:
    body_schema: "true"
    max_body_size: 1000
--- conf
gateway_response_validator body_schema=true max_body_size=1000;



=== TEST 3: a long schema comes in pieces
--- yaml eval
qq(_format_version: "3.0"
plugins:
- name: response-validator
  config:
    body_schema: '{"description":") . 'x' x 2500 . qq("}'
)
--- conf_like: "body_schema=\{\\"description\\":\\"x+" "body_schema=x+\\"\}";



=== TEST 4: no schema
--- yaml
_format_version: "3.0"
plugins:
- name: response-validator
  config:
    status: ["200"]
--- error_like: kong.yml:5:5: error: plugins\[0\]\.config.*body_schema



=== TEST 5: values that are none
--- yaml
_format_version: "3.0"
plugins:
- name: response-validator
  config:
    body_schema: '{"type":"text"}'
    status: ["299-200"]
    on_violation: drop
--- error_like: kong.yml:5:18: error: plugins\[0\]\.config\.body_schema: invalid schema: at "/type".*kong.yml:6:14: error: plugins\[0\]\.config\.status\[0\]: expected statuses.*kong.yml:7:19: error: plugins\[0\]\.config\.on_violation:



=== TEST 6: no JSON
--- yaml
_format_version: "3.0"
plugins:
- name: response-validator
  config:
    body_schema: '{"type":'
--- error_like: kong.yml:5:18: error: plugins\[0\]\.config\.body_schema: invalid JSON
