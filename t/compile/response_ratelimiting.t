# Copyright (C) the ngx_gateway authors
#
# response-ratelimiting: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
services:
- name: media
  url: http://127.0.0.1:8080
  routes:
  - name: media
    paths: [/media]
  plugins:
  - name: response-ratelimiting
    config:
      limits:
        video: {minute: 10}
        image: {minute: 100, day: 1000}
--- conf
gateway_response_ratelimiting limits.video.minute=10 limits.image.minute=100 limits.image.day=1000;



=== TEST 2: every field
--- yaml
_format_version: "3.0"
plugins:
- name: response-ratelimiting
  config:
    limits:
      a.b-c_d: {second: 1, minute: 2, hour: 3, day: 4, month: 5, year: 6}
    header_name: X-Used
    limit_by: ip
    policy: redis
    fault_tolerant: false
    hide_client_headers: true
    block_on_first_violation: true
    redis:
      host: 127.0.0.1
      port: 6380
      timeout: 100
      database: 2
--- conf
gateway_response_ratelimiting limits.a.b-c_d.second=1 limits.a.b-c_d.minute=2 limits.a.b-c_d.hour=3 limits.a.b-c_d.day=4 limits.a.b-c_d.month=5 limits.a.b-c_d.year=6 header_name=X-Used limit_by=ip policy=redis fault_tolerant=off redis.host=127.0.0.1 redis.port=6380 redis.timeout=100 redis.database=2 hide_client_headers=on block_on_first_violation=on;



=== TEST 3: the older form of the redis fields; a database there is none
--- yaml
_format_version: "3.0"
plugins:
- name: response-ratelimiting
  config:
    limits:
      video: {minute: 2}
    policy: cluster
    redis_host: 127.0.0.1
    redis_port: 6380
--- conf
gateway_response_ratelimiting limits.video.minute=2 policy=redis redis.host=127.0.0.1 redis.port=6380;
--- stderr_like: kong.yml:7:13: warning: .*there is no database for the policy "cluster"



=== TEST 4: no limits
--- yaml
_format_version: "3.0"
plugins:
- name: response-ratelimiting
  config: {}
--- error_like: kong.yml:4:11: error: plugins\[0\]\.config: required field missing: "limits"



=== TEST 5: none in it, none in a limit
--- yaml
_format_version: "3.0"
plugins:
- name: response-ratelimiting
  config:
    limits: {}
services:
- name: a
  url: http://127.0.0.1:1
  plugins:
  - name: response-ratelimiting
    config:
      limits: {video: {}}
--- error_like: kong.yml:5:13: error: .*kong.yml:12:23: error: .*at least one of "second"



=== TEST 6: a longer period with a lower limit
--- yaml
_format_version: "3.0"
plugins:
- name: response-ratelimiting
  config:
    limits:
      video: {second: 20, hour: 10}
--- error_like: kong.yml:6:33: error: .*the limit for hour\(10.0\) cannot be lower than the limit for second\(20.0\)



=== TEST 7: numbers, names, periods
--- yaml
_format_version: "3.0"
plugins:
- name: response-ratelimiting
  config:
    limits:
      "a b": {second: 1}
      c: {second: 0}
      d: {week: 1}
--- error_like: kong.yml:6:7: error: .*the name of a limit stands in headers.*kong.yml:7:19: error: .*kong.yml:8:11: error: .*



=== TEST 8: redis without a host
--- yaml
_format_version: "3.0"
plugins:
- name: response-ratelimiting
  config:
    limits: {video: {second: 1.5}}
    policy: redis
--- error_like: kong.yml:6:13: error: .*"redis.host" must be set when "policy" is "redis"
