# Copyright (C) the ngx_gateway authors
#
# deprecation: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
services:
- name: orders-v1
  url: http://127.0.0.1:9001
  routes:
  - name: orders-v1
    paths: [/v1/orders]
  plugins:
  - name: deprecation
    config:
      deprecation: 2026-06-01
      sunset: 2027-01-01
      gone_after_sunset: true
--- conf
gateway_deprecation deprecation=2026-06-01 sunset=2027-01-01 gone_after_sunset=on;



=== TEST 2: the other fields
--- yaml
_format_version: "3.0"
plugins:
- name: deprecation
  config:
    sunset: "2027-01-01T00:00:00Z"
    deprecation_link: https://example.com/a
    sunset_link: https://example.com/b
    successor_link: https://example.com/c
    message: use version 2
--- conf
gateway_deprecation sunset=2027-01-01T00:00:00Z deprecation_link=https://example.com/a sunset_link=https://example.com/b successor_link=https://example.com/c "message=use version 2";



=== TEST 3: neither date
--- yaml
_format_version: "3.0"
plugins:
- name: deprecation
  config:
    message: soon
--- error_like: kong.yml:5:5: error: plugins\[0\]\.config: at least one of "deprecation" and "sunset" must be set



=== TEST 4: no date
--- yaml
_format_version: "3.0"
plugins:
- name: deprecation
  config:
    deprecation: tomorrow
    sunset: 2026-02-30
--- error_like: kong.yml:5:18: error: plugins\[0\]\.config\.deprecation: "deprecation" is not a date: expected YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ.*kong.yml:6:13: error: plugins\[0\]\.config\.sunset: "sunset" is not a date



=== TEST 5: an end before the beginning, and none for 410
--- yaml
_format_version: "3.0"
plugins:
- name: deprecation
  config:
    deprecation: 2026-06-02
    sunset: 2026-06-01
services:
- name: a
  url: http://127.0.0.1:1
  plugins:
  - name: deprecation
    config: {deprecation: 2026-06-01, gone_after_sunset: true}
--- error_like: kong.yml:6:13: error: .*"sunset" must not be before "deprecation".*kong.yml:12:58: error: .*"gone_after_sunset" needs a "sunset"



=== TEST 6: a link that would end early
--- yaml
_format_version: "3.0"
plugins:
- name: deprecation
  config:
    sunset: 2026-06-01
    successor_link: "/v2>; rel=x"
--- error_like: kong.yml:6:21: error: .*"successor_link" must be a URL without blanks



=== TEST 7: not for consumers
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: deprecation
    config: {sunset: 2026-06-01}
--- error_like: kong.yml:5:11: error: .*plugin "deprecation" cannot be set on a consumer
