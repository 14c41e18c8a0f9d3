# Copyright (C) the ngx_gateway authors
#
# redirect: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
routes:
- name: old
  paths: [/old]
  plugins:
  - name: redirect
    config:
      location: https://example.com/new
      status_code: 308
--- conf
gateway_redirect status_code=308 location=https://example.com/new;



=== TEST 2: it runs
--- yaml
_format_version: "3.0"
routes:
- name: old
  paths: [/old]
  plugins:
  - name: redirect
    config:
      location: https://example.com/new?a=$b
      keep_incoming_path: true
--- request
GET /old/page?x=1
--- error_code: 301
--- response_headers
Location: https://example.com/old/page?x=1



=== TEST 3: no location
--- yaml
_format_version: "3.0"
plugins:
- name: redirect
  config:
    status_code: 302
--- error_like: plugins\[0\]\.config\.?.*location



=== TEST 4: no URL
--- yaml
_format_version: "3.0"
plugins:
- name: redirect
  config:
    location: /path
--- error_like: kong.yml:5:15: error: plugins\[0\]\.config\.location: 



=== TEST 5: statuses: the least, and below it
--- yaml
_format_version: "3.0"
routes:
- paths: [/a]
  plugins:
  - {name: redirect, config: {location: "http://a", status_code: 100}}
--- conf
gateway_redirect status_code=100 location=http://a;
--- stderr_like: kong.yml:5:66: warning: .*a status below 200 does not end a request



=== TEST 6: below the least, above the greatest
--- yaml
_format_version: "3.0"
routes:
- paths: [/a]
  plugins:
  - name: redirect
    config:
      location: "http://a"
      status_code: 99
- paths: [/b]
  plugins:
  - name: redirect
    config:
      location: "http://a"
      status_code: 600
--- error_like: kong.yml:8:20: error: .*status_code.*kong.yml:14:20: error: .*status_code
