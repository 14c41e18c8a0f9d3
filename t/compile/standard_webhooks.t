# Copyright (C) the ngx_gateway authors
#
# standard-webhooks: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
routes:
- name: hooks
  paths: [/hooks]
  plugins:
  - name: standard-webhooks
    config:
      secret_v1: the-shared-secret
--- conf
gateway_standard_webhooks secret_v1=the-shared-secret;



=== TEST 2: every field
--- yaml
_format_version: "3.0"
plugins:
- name: standard-webhooks
  config: {secret_v1: a b, tolerance_second: 0}
--- conf
gateway_standard_webhooks "secret_v1=a b" tolerance_second=0;



=== TEST 3: bad values; the secret is not shown
--- yaml
_format_version: "3.0"
plugins:
- name: standard-webhooks
  config: {tolerance_second: -1}
services:
- name: a
  url: http://127.0.0.1:1
  plugins:
  - name: standard-webhooks
    config: {secret_v1: [very-secret]}
--- error_like: ^(?!.*very-secret).*kong.yml:4:11: error: plugins\[0\]\.config: required field missing: "secret_v1".*kong.yml:4:30: error: .*tolerance_second.*kong.yml:10:\d+: error: 



=== TEST 4: not for consumers
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: standard-webhooks
    config: {secret_v1: a}
--- error_like: kong.yml:5:11: error: .*plugin "standard-webhooks" cannot be set on a consumer
