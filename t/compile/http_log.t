# Copyright (C) the ngx_gateway authors
#
# http-log: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

$ENV{LOG_TOKEN} = 'top secret';

run_tests();

__DATA__

=== TEST 1: defaults are left out
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config:
    http_endpoint: http://127.0.0.1:9000/logs
    method: POST
    content_type: application/json
    timeout: 10000
    keepalive: 60000
    queue: {max_batch_size: 1, concurrency_limit: 1}
--- conf
gateway_http_log http_endpoint=http://127.0.0.1:9000/logs;
--- conf_unlike: resolver



=== TEST 2: all fields
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config:
    http_endpoint: https://logs.example.com/in
    method: PATCH
    content_type: application/json; charset=utf-8
    timeout: 500
    keepalive: 100
    headers: {X-Token: "{vault://env/log-token}"}
    queue:
      max_batch_size: 10
      max_coalescing_delay: 0.5
      max_entries: 20
      max_bytes: 1000
      max_retry_time: -1
      initial_retry_delay: 0.001
      max_retry_delay: 2
      concurrency_limit: -1
    custom_fields_by_lua:
      route: return nil
--- conf_like eval
[qr/gateway_http_log http_endpoint=https:\/\/logs\.example\.com\/in method=PATCH/,
 qr/"headers\.X-Token=top secret"/, qr/queue\.max_batch_size=10/,
 qr/queue\.max_coalescing_delay=0\.5/, qr/queue\.max_entries=20/,
 qr/queue\.max_bytes=1000/, qr/queue\.max_retry_time=-1/,
 qr/queue\.initial_retry_delay=0\.001/, qr/queue\.max_retry_delay=2/,
 qr/queue\.concurrency_limit=-1/, qr/custom_fields_by_lua\.route=return nil/,
 qr/^\s*resolver /m]



=== TEST 3: older fields
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config:
    http_endpoint: http://127.0.0.1:9000/logs
    queue_size: 5
    flush_timeout: 3
    retry_count: 4
--- conf
gateway_http_log http_endpoint=http://127.0.0.1:9000/logs queue.max_batch_size=5 queue.max_coalescing_delay=3;
--- stderr_like: retry_count no longer works



=== TEST 4: an endpoint is required
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config: {}
--- error_like: required field missing: "http_endpoint"



=== TEST 5: headers that are ours
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config:
    http_endpoint: http://127.0.0.1
    headers: {content-TYPE: x}
--- error_like: kong.yml:6:15: error: .*cannot contain 'content-TYPE' header



=== TEST 6: user and header
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config:
    http_endpoint: http://a:b@127.0.0.1
    headers: {Authorization: x}
--- error_like: specifying both an 'Authorization' header and user info in 'http_endpoint' is not allowed



=== TEST 7: ranges of the queue
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config:
    http_endpoint: http://127.0.0.1
    queue: {max_batch_size: 0}
--- error_like: queue\.max_batch_size: 



=== TEST 8: a limit that does not exist
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config:
    http_endpoint: http://127.0.0.1
    queue: {concurrency_limit: 2}
--- error_like: expected one of: -1, 1



=== TEST 9: a method that is not for logs
--- yaml
_format_version: "3.0"
plugins:
- name: http-log
  config:
    http_endpoint: http://127.0.0.1
    method: GET
--- error_like: kong.yml:6:13: error: plugins\[0\]\.config\.method: 
