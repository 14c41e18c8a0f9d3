# Copyright (C) the ngx_gateway authors
#
# rate-limiting-advanced: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

# "config" of one global plugin
add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->plugin) {
        my $text = $block->plugin;
        $text =~ s/^/    /mg;
        $block->set_value('yaml', "_format_version: \"3.0\"\nplugins:\n"
                          . "- name: rate-limiting-advanced\n"
                          . "  config:\n$text");
    }
});

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
  - name: key-auth
  - name: rate-limiting-advanced
    config:
      limit: [10, 100]
      window_size: [60, 1800]
consumer_groups:
- name: gold
  plugins:
  - name: rate-limiting-advanced
    config:
      limit: [1000]
      window_size: [60]
consumers:
- username: bob
  keyauth_credentials:
  - key: bobs-secret
  groups:
  - name: gold
--- conf_like eval
[qr/^ +gateway_rate_limiting_advanced limit=10 limit=100 window_size=60 window_size=1800;/m,
 qr/gateway_consumer_group [^}]*gateway_rate_limiting_advanced limit=1000 window_size=60;/]



=== TEST 2: every field
--- plugin
limit: [5, 2.5]
window_size: [30, 10.0]
window_type: fixed
identifier: header
compound_identifier: [ip, header, consumer-group]
header_name: X-Tenant
path: /x
namespace: shop
strategy: redis
sync_rate: 0
disable_penalty: true
retry_after_jitter_max: 7
hide_client_headers: true
error_code: 403
error_message: no more
consumer_groups: [gold]
enforce_consumer_groups: true
dictionary_name: counters
lock_dictionary_name: locks
throttling:
  enabled: true
  interval: 1.5
  retry_times: 4
  queue_limit: 10
redis:
  host: 127.0.0.2
  port: 6380
  username: u
  password: p
  database: 3
  ssl: true
  ssl_verify: true
  server_name: redis.test
  connect_timeout: 100
  send_timeout: 300
  read_timeout: 200
  keepalive_pool_size: 5
  keepalive_backlog: 6
  cluster_max_redirections: 7
  connection_is_proxied: false
--- compile_args: --set lua_ssl_trusted_certificate=system
--- no_nginx_test
--- conf_like eval
qr/^\s*gateway_rate_limiting_advanced limit=5 limit=2\.5 window_size=30 window_size=10 window_type=fixed identifier=header compound_identifier=ip compound_identifier=header compound_identifier=consumer-group header_name=X-Tenant path=\/x namespace=shop strategy=redis sync_rate=0 disable_penalty=on retry_after_jitter_max=7 hide_client_headers=on error_code=403 "error_message=no more" throttling\.enabled=on throttling\.interval=1\.5 throttling\.retry_times=4 throttling\.queue_limit=10 redis\.host=127\.0\.0\.2 redis\.port=6380 redis\.timeout=300 redis\.username=u redis\.password=p redis\.database=3 redis\.ssl=on redis\.ssl_verify=on redis\.server_name=redis\.test;/m



=== TEST 3: what is the default is left out
--- plugin
limit: [5]
window_size: [30]
window_type: sliding
identifier: consumer
strategy: local
sync_rate: -1
disable_penalty: false
retry_after_jitter_max: 0
hide_client_headers: false
error_code: 429
consumer_groups: null
enforce_consumer_groups: false
dictionary_name: kong_rate_limiting_counters
lock_dictionary_name: kong_locks
throttling: {enabled: false, interval: 5, retry_times: 3, queue_limit: 5}
redis: {host: 127.0.0.1, port: 6379, timeout: 2000}
--- conf
gateway_rate_limiting_advanced limit=5 window_size=30;



=== TEST 4: sentinels, in the older form
--- plugin
limit: [5]
window_size: [30]
strategy: redis
sync_rate: 0
redis:
  sentinel_addresses: ["127.0.0.3:26380", "127.0.0.4"]
  sentinel_master: mymaster
  sentinel_role: master
--- conf
gateway_rate_limiting_advanced limit=5 window_size=30 strategy=redis sync_rate=0 redis.sentinel_nodes=127.0.0.3:26380 redis.sentinel_nodes=127.0.0.4:26379 redis.sentinel_master=mymaster;



=== TEST 5: a cluster, in both forms
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:8080
  plugins:
  - name: rate-limiting-advanced
    config:
      limit: [5]
      window_size: [30]
      strategy: redis
      sync_rate: 0
      redis: {cluster_addresses: ["127.0.0.3:7000"]}
plugins:
- name: rate-limiting-advanced
  config:
    limit: [5]
    window_size: [30]
    strategy: redis
    sync_rate: 0
    redis: {cluster_nodes: [{ip: 127.0.0.5}]}
--- conf_like eval
[qr/redis\.cluster_nodes=127\.0\.0\.3:7000;/,
 qr/redis\.cluster_nodes=127\.0\.0\.5:6379;/]



=== TEST 6: the older form next to the newer one
--- plugin
limit: [5]
window_size: [30]
strategy: redis
redis:
  cluster_nodes: [{ip: 127.0.0.5}]
  cluster_addresses: ["127.0.0.3:7000"]
--- error
kong.yml:10:26: error: plugins[0].config.redis.cluster_addresses: "cluster_addresses" cannot be set with its newer form



=== TEST 7: no port
--- plugin
limit: [5]
window_size: [30]
strategy: redis
redis:
  cluster_addresses: ["127.0.0.3:x"]
--- error
kong.yml:9:27: error: plugins[0].config.redis.cluster_addresses[0]: "127.0.0.3:x" has no valid port



=== TEST 8: other numbers of windows than of limits
--- plugin
limit: [5, 6]
window_size: [30]
--- error
kong.yml:5:12: error: plugins[0].config.limit: You must provide the same number of windows and limits



=== TEST 9: nothing
--- plugin
identifier: ip
--- error
kong.yml:5:5: error: plugins[0].config: required field missing: "limit"
kong.yml:5:5: error: plugins[0].config: required field missing: "window_size"



=== TEST 10: windows that are none
--- plugin
limit: [5, -6, 1]
window_size: [1.5, 0, 60]
--- error
kong.yml:5:16: error: plugins[0].config.limit[1]: value should be between 0 and 1000000000000, this is -6
kong.yml:6:24: error: plugins[0].config.window_size[1]: value should be between 1 and 315360000, this is 0



=== TEST 11: parts of seconds, and a window twice
--- plugin
limit: [5, 6, 1]
window_size: [1.5, 60, 60]
--- error
kong.yml:6:19: error: plugins[0].config.window_size[0]: a window has whole seconds
kong.yml:6:28: error: plugins[0].config.window_size[2]: there is a limit for 60 seconds already



=== TEST 12: what identifiers need
--- plugin
limit: [5]
window_size: [60]
compound_identifier: [path, header]
--- error
kong.yml:7:26: error: plugins[0].config.compound_identifier: "header_name" must be set to limit by "header"
kong.yml:7:26: error: plugins[0].config.compound_identifier: "path" must be set to limit by "path"



=== TEST 13: an identifier that there is not
--- plugin
limit: [5]
window_size: [60]
identifier: principal
--- error_like
config.identifier: expected one of: .*consumer-group.*; this is "principal"



=== TEST 14: rates
--- plugin
limit: [5]
window_size: [60]
strategy: redis
sync_rate: 0.01
--- error
kong.yml:8:16: error: plugins[0].config.sync_rate: Config option 'sync_rate' must not be a decimal between 0 and 0.02



=== TEST 15: a negative rate
--- plugin
limit: [5]
window_size: [60]
sync_rate: -2
--- error
kong.yml:7:16: error: plugins[0].config.sync_rate: sync_rate must be -1, 0 or more



=== TEST 16: a rate without Redis
--- plugin
limit: [5]
window_size: [60]
sync_rate: 0
--- error
kong.yml:7:16: error: plugins[0].config.sync_rate: sync_rate cannot be configured when using a local strategy
  fix: sync_rate: -1



=== TEST 17: cluster is Redis
--- plugin
limit: [5]
window_size: [60]
strategy: cluster
sync_rate: 0
redis: {host: 127.0.0.2}
--- stderr_like: there is no database for the strategy "cluster": counters are in Redis
--- conf
gateway_rate_limiting_advanced limit=5 window_size=60 strategy=redis sync_rate=0 redis.host=127.0.0.2;



=== TEST 18: cluster without Redis
--- plugin
limit: [5]
window_size: [60]
strategy: cluster
--- error
kong.yml:7:15: error: plugins[0].config.strategy: there is no database for the strategy "cluster": counters can be in Redis, which needs "redis.host"
  fix: strategy: redis, with redis: {host: 127.0.0.1}



=== TEST 19: groups that are not named
--- plugin
limit: [5]
window_size: [60]
enforce_consumer_groups: true
--- error
kong.yml:7:30: error: plugins[0].config.enforce_consumer_groups: "consumer_groups" must be set when "enforce_consumer_groups" is true



=== TEST 20: a proxy
--- plugin
limit: [5]
window_size: [60]
redis: {connection_is_proxied: true}
--- error_like
connection_is_proxied is not supported



=== TEST 21: throttling out of bounds
--- plugin
limit: [5]
window_size: [60]
throttling: {enabled: true, interval: 0.5}
--- error_like
config.throttling.interval: value should be between 1 and 1000000, this is 0.5



=== TEST 22: in batches
--- plugin
limit: [5]
window_size: [60]
strategy: redis
sync_rate: 0.5
--- conf
gateway_rate_limiting_advanced limit=5 window_size=60 strategy=redis sync_rate=0.5;
