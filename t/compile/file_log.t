# Copyright (C) the ngx_gateway authors
#
# file-log: from the file to directives, with the entities' records.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
plugins:
- name: file-log
  config:
    path: logs/requests.json
    custom_fields_by_lua:
      route: return nil
      client: return kong.request.get_header("User-Agent")
--- conf_like: gateway_file_log path=logs/requests\.json "?custom_fields_by_lua\.route=return nil"? .custom_fields_by_lua\.client=return kong\.request\.get_header\(



=== TEST 2: entities are written where something logs
--- yaml
_format_version: "3.0"
services:
- name: orders
  id: 11111111-1111-4111-8111-111111111111
  url: http://127.0.0.1:8080/x
  tags: [a, b]
  created_at: 1700000000
  routes:
  - name: get-orders
    id: 22222222-2222-4222-8222-222222222222
    paths: [/orders]
    headers: { x-a: [b] }
plugins:
- name: file-log
  config: { path: logs/requests.json }
consumers:
- username: bob
  id: 33333333-3333-4333-8333-333333333333
--- conf_like eval
[qr/gateway_record .\{\\?"id\\?":\\?"11111111-.*created_at\\?":1700000000,\\?"tags\\?":\[\\?"a\\?",\\?"b\\?"\].*\\?"retries\\?":5,/,
 qr/gateway_record .\{\\?"id\\?":\\?"22222222-.*\\?"headers\\?":\{\\?"x-a\\?":\[\\?"b\\?"\]\}.*\\?"service\\?":\{\\?"id\\?":\\?"11111111-/,
 qr/gateway_record .\{\\?"id\\?":\\?"33333333-.*\\?"username\\?":\\?"bob\\?"/]



=== TEST 3: and only there
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080/x
--- conf_unlike: gateway_record



=== TEST 4: a record that is longer than an argument may be
--- yaml eval
my $paths = CORE::join ", ", map { "/a-rather-long-path-of-many-bytes-$_" } 1 .. 300;
qq(_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080/x
  routes:
  - name: get-orders
    paths: [$paths]
plugins:
- name: file-log
  config: { path: logs/requests.json }
)
--- conf_like: gateway_record



=== TEST 5: Lua that is not understood
--- yaml
_format_version: "3.0"
plugins:
- name: file-log
  config:
    path: /tmp/file.log
    custom_fields_by_lua:
      a: return 1 + 1
--- error_like: kong.yml:7:10: error: plugins\[0\]\.config\.custom_fields_by_lua\.a: is not understood



=== TEST 6: a string that does not end
--- yaml
_format_version: "3.0"
plugins:
- name: file-log
  config:
    path: /tmp/file.log
    custom_fields_by_lua:
      a: return "x
--- error_like: custom_fields_by_lua\.a: has a string that does not end



=== TEST 7: no path
--- yaml
_format_version: "3.0"
plugins:
- name: file-log
--- error_like: kong.yml:3:3: error: plugins\[0\]: required field missing: "path"



=== TEST 8: characters that a path may not have
--- yaml
_format_version: "3.0"
plugins:
- name: file-log
  config:
    path: /tmp/`id`
--- error_like: kong.yml:5:11: error: plugins\[0\]\.config\.path: not a path
