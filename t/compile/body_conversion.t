# Copyright (C) the ngx_gateway authors
#
# body-conversion: from the file to directives.

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
  - name: body-conversion
    config:
      request: json_to_xml
      response: xml_to_json
--- conf
gateway_body_conversion request=json_to_xml response=xml_to_json;
--- conf_like: load_module \S*ngx_http_gateway_body_conversion_module\.so;



=== TEST 2: every field
--- yaml
_format_version: "3.0"
plugins:
- name: body-conversion
  config:
    request: none
    response: json_to_xml
    root: doc-1.x
    max_body_size: 1000
--- conf
gateway_body_conversion response=json_to_xml root=doc-1.x max_body_size=1000;



=== TEST 3: without the plugin its module is not loaded
--- yaml
_format_version: "3.0"
services:
- name: a
  url: http://127.0.0.1:8080
  routes:
  - paths: [/]
--- conf_unlike: body_conversion



=== TEST 4: nothing to convert
--- yaml
_format_version: "3.0"
plugins:
- name: body-conversion
  config:
    response: none
--- error_like: kong.yml:5:5: error: plugins\[0\]\.config: at least one of "request" and "response" must be "xml_to_json" or "json_to_xml"



=== TEST 5: values that are none
--- yaml
_format_version: "3.0"
plugins:
- name: body-conversion
  config:
    request: xml
    root: 1a
    max_body_size: 0
--- error_like: kong.yml:5:14: error: plugins\[0\]\.config\.request: .*kong.yml:6:11: error: plugins\[0\]\.config\.root: expected the name of an element.*kong.yml:7:20: error: plugins\[0\]\.config\.max_body_size:



=== TEST 6: a field that there is not
--- yaml
_format_version: "3.0"
plugins:
- name: body-conversion
  config:
    request: xml_to_json
    attributes: "@"
--- error_like: kong.yml:6:5: error: .*attributes
