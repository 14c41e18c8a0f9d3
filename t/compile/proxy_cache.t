# Copyright (C) the ngx_gateway authors

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: all fields
--- yaml
_format_version: "3.0"
plugins:
- name: proxy-cache
  id: 11111111-1111-4111-8111-111111111111
  config:
    strategy: memory
    response_code: [200, 206]
    request_method: [GET, POST]
    content_type: ["text/html; charset=utf-8", "*/*"]
    cache_ttl: 10
    cache_control: true
    storage_ttl: 60
    ignore_uri_case: true
    vary_query_params: [a]
    vary_headers: [x-a]
    memory: { dictionary_name: mine }
    response_headers: { age: false, X-Cache-Status: false, X-Cache-Key: false }
    max_body_size: 1000
    lock: true
    lock_timeout: 2
    lock_age: 3
--- conf
gateway_proxy_cache_zone mine 128m;
...
gateway_proxy_cache id=11111111-1111-4111-8111-111111111111 zone=mine response_code=200 response_code=206 request_method=GET request_method=POST "content_type=text/html; charset=utf-8" content_type=*/* cache_ttl=10 storage_ttl=60 cache_control=on ignore_uri_case=on vary_query_params=a vary_headers=x-a response_headers.age=off response_headers.X-Cache-Status=off response_headers.X-Cache-Key=off max_body_size=1000 lock=on lock_timeout=2 lock_age=3;



=== TEST 2: defaults, and the size of the zone by a setting
--- yaml
_format_version: "3.0"
plugins:
- name: proxy-cache
  id: 11111111-1111-4111-8111-111111111111
  config: { strategy: memory }
--- compile_args: --set 'nginx_http_gateway_proxy_cache_zone=kong_db_cache 8m'
--- conf_like eval
[qr/gateway_proxy_cache_zone kong_db_cache 8m;/, qr/gateway_proxy_cache id=11111111-1111-4111-8111-111111111111 zone=kong_db_cache;/]
--- conf_unlike
128m



=== TEST 3: values that are wrong
--- yaml
_format_version: "3.0"
plugins:
- name: proxy-cache
  config:
    strategy: redis
    response_code: [99]
    request_method: [DELETE]
    cache_ttl: 0
    memory: { dictionary_name: "a b" }
    vary_headers: ["x y"]
    nothing: 1
--- error_like eval
[qr/kong.yml:5:\d+: error: .*strategy/, qr/kong.yml:6:\d+: error: .*response_code/, qr/kong.yml:7:\d+: error: .*request_method/, qr/kong.yml:8:\d+: error: .*cache_ttl/, qr/kong.yml:9:\d+: error: .*dictionary_name/, qr/kong.yml:10:\d+: error: .*vary_headers/, qr/kong.yml:11:\d+: error: .*nothing/]



=== TEST 4: the strategy is required, and codes may not be none
--- yaml
_format_version: "3.0"
plugins:
- name: proxy-cache
  config: { response_code: [] }
--- error_like eval
[qr/strategy/, qr/response_code/]
