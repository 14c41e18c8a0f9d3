# Copyright (C) the ngx_gateway authors
#
# service-protection: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

# "config" of one global plugin
add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->plugin) {
        my $text = $block->plugin;
        $text =~ s/^/    /mg;
        $block->set_value('yaml', "_format_version: \"3.0\"\nplugins:\n"
                          . "- name: service-protection\n"
                          . "  config:\n$text");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: of a service
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - {name: orders, paths: [/orders]}
  - {name: more, paths: [/more]}
  plugins:
  - name: service-protection
    config: {limit: [2], window_size: [200000000]}
--- request eval
["GET /orders", "GET /more", "GET /orders"]
--- error_code eval
[200, 200, 429]
--- response_headers eval
["RateLimit-Limit: 2", "RateLimit-Remaining: 0", "RateLimit-Remaining: 0"]



=== TEST 2: every field
--- plugin
limit: [5, 2.5]
window_size: [30, 10.0]
window_type: fixed
namespace: shop
strategy: redis
sync_rate: 0
disable_penalty: true
retry_after_jitter_max: 7
hide_client_headers: true
error_code: 403
error_message: no more
dictionary_name: counters
lock_dictionary_name: locks
redis:
  host: 127.0.0.2
  port: 6380
  connect_timeout: 100
  send_timeout: 300
  read_timeout: 200
--- no_nginx_test
--- conf_like eval
qr/^\s*gateway_service_protection limit=5 limit=2\.5 window_size=30 window_size=10 window_type=fixed namespace=shop strategy=redis sync_rate=0 disable_penalty=on retry_after_jitter_max=7 hide_client_headers=on error_code=403 "error_message=no more" redis\.host=127\.0\.0\.2 redis\.port=6380 redis\.timeout=300;/m



=== TEST 3: what is the default is left out
--- plugin
limit: [5]
window_size: [30]
window_type: sliding
strategy: local
sync_rate: -1
disable_penalty: false
retry_after_jitter_max: 0
hide_client_headers: false
error_code: 429
--- conf
gateway_service_protection limit=5 window_size=30;



=== TEST 4: as many limits as windows
--- plugin
limit: [5, 6]
window_size: [30]
--- error_like: plugins\[0\]\.config\.limit: You must provide the same number of windows and limits



=== TEST 5: both are needed
--- plugin
limit: [5]
--- error_like: plugins\[0\]\.config.*window_size



=== TEST 6: nobody in particular is limited
--- plugin
limit: [5]
window_size: [30]
identifier: consumer
--- error_like: unknown field "identifier"



=== TEST 7: nobody waits
--- plugin
limit: [5]
window_size: [30]
throttling: {enabled: true}
--- error_like: unknown field "throttling"



=== TEST 8: a cluster without Redis
--- plugin
limit: [5]
window_size: [30]
strategy: cluster
--- error_like: there is no database for the strategy "cluster"



=== TEST 9: local counters are not shared
--- plugin
limit: [5]
window_size: [30]
sync_rate: 10
--- error_like: sync_rate cannot be configured when using a local strategy



=== TEST 10: not for a route
--- yaml
_format_version: "3.0"
routes:
- name: orders
  paths: [/orders]
  plugins:
  - name: service-protection
    config: {limit: [2], window_size: [60]}
--- error_like: service-protection



=== TEST 11: not for a consumer
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: service-protection
    config: {limit: [2], window_size: [60]}
--- error_like: service-protection



=== TEST 12: it runs after other limits
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:9000
  routes: [{name: orders, paths: [/orders]}]
  plugins:
  - name: service-protection
    config: {limit: [2], window_size: [60]}
  - name: rate-limiting
    config: {minute: 5}
  - name: key-auth
--- cmd: explain kong.yml GET http://localhost/orders
--- stdout_like
(?s)key-auth .*rate-limiting .*service-protection 



=== TEST 13: "error_code" and so on
--- plugin
limit: [5]
window_size: [0.5]
error_code: 1000
--- error_like
(?s)config\.window_size.*config\.error_code
