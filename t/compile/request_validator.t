# Copyright (C) the ngx_gateway authors
#
# request-validator: from the file to directives.

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
  - name: request-validator
    config:
      version: draft4
      body_schema: '{"type": "object", "required": ["item"]}'
      parameter_schema:
      - {name: page, in: query, required: false, style: form, schema: '{"type": "integer"}'}
--- conf_like
gateway_request_validator "body_schema=\{\\"type\\":\\"object\\",\\"required\\":\[\\"item\\"\]\}" "query\.page=\{\\"type\\": \\"integer\\"\}";



=== TEST 2: every field
--- yaml
_format_version: "3.0"
plugins:
- name: request-validator
  config:
    version: draft7
    allowed_content_types: [text/plain, "application/json; charset=utf-8"]
    content_type_parameter_validation: false
    max_body_size: 1000
    verbose_response: true
    problem_json: true
    parameter_schema:
    - {name: tags, in: query, required: true, style: pipeDelimited, schema: '{"type": "array"}'}
    - {name: ids, in: query, required: false, style: form, explode: false, schema: '{"type": "array"}'}
    - {name: X-Tenant, in: header, required: true}
--- conf_like
gateway_request_validator "query\.tags=\{\\"type\\": \\"array\\"\}" required=query\.tags style=query\.tags:pipeDelimited "query\.ids=\{\\"type\\": \\"array\\"\}" no_explode=query\.ids "header\.X-Tenant=\{\}" required=header\.X-Tenant allowed_content_types=text/plain "allowed_content_types=application/json; charset=utf-8" content_type_parameter_validation=off max_body_size=1000 verbose_response=on problem_json=on;



=== TEST 3: Kong's language
--- yaml
_format_version: "3.0"
plugins:
- name: request-validator
  config:
    body_schema: |
      [{"name": {"type": "string", "required": true, "len_min": 1, "starts_with": "a."}},
       {"age": {"type": "integer", "between": [1, 150]}},
       {"tags": {"type": "set", "elements": {"type": "string", "one_of": ["x", "y"]}}},
       {"address": {"type": "record", "fields": [{"city": {"type": "string", "required": true}}]}},
       {"extra": {"type": "map", "keys": {"type": "string"}, "values": {"type": "number", "gt": 0}}}]
--- conf_like
\\"name\\":\{\\"type\\":\\"string\\",\\"minLength\\":1,\\"pattern\\":\\"\^a\\+\.\\"\},\\"age\\":\{\\"type\\":\\"integer\\",\\"minimum\\":1,\\"maximum\\":150,\\"nullable\\":true\}.*\\"uniqueItems\\":true,\\"items\\":\{\\"type\\":\\"string\\",\\"enum\\":\[\\"x\\",\\"y\\"\]\}.*\\"city\\":\{\\"type\\":\\"string\\"\}\},\\"additionalProperties\\":false,\\"required\\":\[\\"city\\"\].*\\"propertyNames\\":\{\\"type\\":\\"string\\"\},\\"additionalProperties\\":\{\\"type\\":\\"number\\",\\"exclusiveMinimum\\":0\}.*\\"required\\":\[\\"name\\"\]



=== TEST 4: neither schema
--- yaml
_format_version: "3.0"
plugins:
- name: request-validator
  config: {version: draft4}
--- error_like: kong.yml:4:11: error: .*at least one of "body_schema" and "parameter_schema" must be set



=== TEST 5: no JSON
--- yaml
_format_version: "3.0"
plugins:
- name: request-validator
  config: {version: draft4, body_schema: "{"}
--- error_like: kong.yml:4:42: error: .*config\.body_schema: invalid JSON:



=== TEST 6: a keyword that would not be obeyed
--- yaml
_format_version: "3.0"
plugins:
- name: request-validator
  config: {version: draft4, body_schema: '{"properties": {"a": {"tpye": "string"}}}'}
--- error_like: kong.yml:4:42: error: .*invalid schema: at "/properties/a/tpye": this keyword is not supported



=== TEST 7: a pattern of Lua; what is no list of fields
--- yaml
_format_version: "3.0"
plugins:
- name: request-validator
  config: {body_schema: '[{"a": {"type": "string", "match": "%d"}}]'}
services:
- name: a
  url: http://127.0.0.1:1
  plugins:
  - name: request-validator
    config: {body_schema: '{"type": "object"}'}
--- error_like: kong.yml:4:\d+: error: .*"match" of a string is not supported.*kong.yml:10:\d+: error: .*expected a list of fields



=== TEST 8: styles
--- yaml
_format_version: "3.0"
plugins:
- name: request-validator
  config:
    version: draft4
    parameter_schema:
    - {name: a, in: query, required: true, style: deepObject, schema: '{"type": "object"}'}
    - {name: b, in: header, required: true, style: form, schema: '{}'}
    - {name: c, in: query, required: true, schema: '{}'}
--- error_like: kong.yml:7:\d+: error: .*arguments may have the styles.*kong.yml:7:\d+: error: .*parameters that are objects.*kong.yml:8:\d+: error: .*style simple.*kong.yml:9:\d+: error: .*"style" and "schema" must be set together



=== TEST 9: a media type
--- yaml
_format_version: "3.0"
plugins:
- name: request-validator
  config:
    version: draft4
    body_schema: "{}"
    allowed_content_types: [json]
--- error_like: kong.yml:7:29: error: .*expected a media type
