# Copyright (C) the ngx_gateway authors
#
# rate-limiting: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

# "config" of one global plugin
add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->plugin) {
        my $text = $block->plugin;
        $text =~ s/^/    /mg;
        $block->set_value('yaml', "_format_version: \"3.0\"\nplugins:\n"
                          . "- name: rate-limiting\n  config:\n$text");
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
  - name: rate-limiting
    config:
      minute: 60
      day: 10000
      policy: local
consumers:
- username: bob
  keyauth_credentials:
  - key: bobs-secret
  plugins:
  - name: rate-limiting
    config:
      minute: 600
--- conf_like eval
[qr/^ +gateway_rate_limiting minute=60 day=10000;/m,
 qr/gateway_consumer [^}]*gateway_rate_limiting minute=600;/]



=== TEST 2: every field
--- plugin
second: 1.5
minute: 20
hour: 300
day: 4000
month: 50000
year: 600000
limit_by: header
header_name: X-Tenant
path: /x
policy: local
fault_tolerant: false
hide_client_headers: true
error_code: 403
error_message: no more
sync_rate: -1
--- conf
gateway_rate_limiting second=1.5 minute=20 hour=300 day=4000 month=50000 year=600000 limit_by=header header_name=X-Tenant path=/x fault_tolerant=off hide_client_headers=on error_code=403 "error_message=no more";



=== TEST 3: redis settings next to the local policy, in both forms
--- plugin
minute: 1
policy: local
redis:
  host: localhost
  port: 6380
  password: secret
redis_host: localhost
redis_port: 6380
redis_timeout: 100
redis_database: 1
redis_username: u
redis_password: secret
redis_ssl: true
redis_ssl_verify: true
redis_server_name: r
--- conf
gateway_rate_limiting minute=1;
--- conf_unlike: secret



=== TEST 4: no period
--- plugin
limit_by: ip
--- error_like: kong.yml:5:5: error: plugins\[0\]\.config: at least one of "second", "minute", "hour", "day", "month" and "year" must be set\n  fix: minute: 60



=== TEST 5: a longer period with a smaller limit
--- plugin
second: 20
minute: 10
--- error_like: kong.yml:6:13: error: plugins\[0\]\.config\.minute: The limit for minute\(10\.0\) cannot be lower than the limit for second\(20\.0\)



=== TEST 6: a limit of nothing
--- plugin
minute: 0
--- error_like: kong.yml:5:13: error: plugins\[0\]\.config\.minute: 



=== TEST 7: a limit that is no number
--- plugin
minute: ten
--- error_like: kong.yml:5:13: error: plugins\[0\]\.config\.minute: 



=== TEST 8: by header without its name
--- plugin
minute: 1
limit_by: header
--- error_like: kong.yml:6:15: error: plugins\[0\]\.config\.limit_by: "header_name" must be set when "limit_by" is "header"



=== TEST 9: by path without it
--- plugin
minute: 1
limit_by: path
--- error_like: kong.yml:6:15: error: plugins\[0\]\.config\.limit_by: "path" must be set when "limit_by" is "path"



=== TEST 10: redis
--- plugin
minute: 1
policy: redis
redis:
  host: 127.0.0.1
  port: 6380
  timeout: 100
  username: u
  password: secret
  database: 3
  ssl: true
  server_name: redis.example
--- conf
gateway_rate_limiting minute=1 policy=redis redis.host=127.0.0.1 redis.port=6380 redis.timeout=100 redis.username=u redis.password=secret redis.database=3 redis.ssl=on redis.server_name=redis.example;



=== TEST 11: cluster means redis, if there is one
--- plugin
minute: 1
policy: cluster
redis:
  host: localhost
--- conf
gateway_rate_limiting minute=1 policy=redis redis.host=localhost;
--- stderr_like: kong.yml:6:13: warning: plugins\[0\]\.config\.policy: there is no database for the policy "cluster": counters are in Redis



=== TEST 12: sync_rate is for redis
--- plugin
minute: 1
sync_rate: 1
--- error_like: plugins\[0\]\.config\.sync_rate: sync_rate can only be used with the redis policy



=== TEST 13: an unknown limit_by
--- plugin
minute: 1
limit_by: cookie
--- error_like: kong.yml:6:15: error: plugins\[0\]\.config\.limit_by: 



=== TEST 14: an unknown field, with the nearest one
--- plugin
minutes: 1
--- error_like: (?s)plugins\[0\]\.config.*minutes.*minute



=== TEST 15: a status out of range
--- plugin
minute: 1
error_code: 42
--- error_like: plugins\[0\]\.config\.error_code: 



=== TEST 16: a null period is none
--- plugin
second: null
hour: 5
--- conf
gateway_rate_limiting hour=5;



=== TEST 17: redis, in the form of older files
--- plugin
minute: 1
policy: redis
redis_host: localhost
redis_port: 6381
redis_timeout: 100
redis_database: 1
redis_username: u
redis_password: secret
redis_ssl: true
redis_ssl_verify: false
redis_server_name: r.example
--- conf
gateway_rate_limiting minute=1 policy=redis redis.host=localhost redis.port=6381 redis.timeout=100 redis.username=u redis.password=secret redis.database=1 redis.ssl=on redis.server_name=r.example;



=== TEST 18: both forms that differ
--- plugin
minute: 1
policy: redis
redis:
  host: localhost
redis_host: other
--- error_like: kong.yml:9:17: error: plugins\[0\]\.config\.redis_host: both deprecated and new field are used but their values mismatch: redis_host and redis.host



=== TEST 19: both forms that differ in a secret, which is not printed
--- plugin
minute: 1
redis:
  password: hush1
redis_password: hush2
--- error_like: ^(?!.*hush)(?s:.*)config\.redis_password: both deprecated and new



=== TEST 20: redis without a host
--- plugin
minute: 1
policy: redis
--- error_like: kong.yml:6:13: error: plugins\[0\]\.config\.policy: "redis.host" must be set when "policy" is "redis"



=== TEST 21: cluster without a redis
--- plugin
minute: 1
policy: cluster
--- error_like: kong.yml:6:13: error: plugins\[0\]\.config\.policy: there is no database for the policy "cluster": counters can be in Redis



=== TEST 22: a sync_rate that is too small
--- plugin
minute: 1
policy: redis
redis: {host: localhost}
sync_rate: 0.01
--- error_like: config\.sync_rate: sync_rate must be greater than 0\.02, or -1 to disable



=== TEST 23: verified certificates of redis
--- plugin
minute: 1
policy: redis
redis: {host: localhost, ssl: true, ssl_verify: true}
--- conf
gateway_redis_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
...
gateway_rate_limiting minute=1 policy=redis redis.host=localhost redis.ssl=on redis.ssl_verify=on;



=== TEST 24: redis in batches, and what happens without it
--- plugin
minute: 1
policy: redis
redis: {host: 127.0.0.1}
sync_rate: 0.5
fallback: local
limit_by: consumer-group
--- conf
gateway_rate_limiting minute=1 limit_by=consumer-group policy=redis redis.host=127.0.0.1 sync_rate=0.5 fallback=local;



=== TEST 25: local counters need no other ones
--- plugin
minute: 1
fallback: local
--- error_like: kong.yml:6:15: error: plugins\[0\]\.config\.fallback: fallback can only be used with the redis policy



=== TEST 26: sentinels
--- plugin
minute: 1
policy: redis
redis:
  sentinel_master: mymaster
  sentinel_role: master
  sentinel_nodes:
  - host: 10.0.0.1
    port: 26380
  - host: 10.0.0.2
  sentinel_username: watch
  sentinel_password: hush
--- conf
gateway_rate_limiting minute=1 policy=redis redis.sentinel_nodes=10.0.0.1:26380 redis.sentinel_nodes=10.0.0.2:26379 redis.sentinel_master=mymaster redis.sentinel_username=watch redis.sentinel_password=hush;



=== TEST 27: a cluster
--- plugin
minute: 1
policy: redis
redis:
  cluster_nodes:
  - ip: 10.0.0.1
    port: 7000
  - ip: 10.0.0.2
--- conf
gateway_rate_limiting minute=1 policy=redis redis.cluster_nodes=10.0.0.1:7000 redis.cluster_nodes=10.0.0.2:6379;



=== TEST 28: sentinels without the name of a master
--- plugin
minute: 1
policy: redis
redis:
  sentinel_nodes: [{host: 10.0.0.1}]
--- error_like: "sentinel_nodes" and "sentinel_master" need each other



=== TEST 29: a host and a cluster
--- plugin
minute: 1
policy: redis
redis:
  host: 10.0.0.1
  cluster_nodes: [{ip: 10.0.0.1}]
--- error_like: config\.redis\.host: "host" cannot be set with "cluster_nodes"



=== TEST 30: a cluster with a database
--- plugin
minute: 1
policy: redis
redis:
  database: 2
  cluster_nodes: [{ip: 10.0.0.1}]
--- error_like: config\.redis\.database: a cluster has no database but 0



=== TEST 31: limits that Kong does not have
--- plugin
minute: 60
window_type: sliding
cost: $http_x_cost
concurrency: 5
dry_run: true
ietf_headers: true
limits:
  burst:
    second: 10
    algorithm: gcra
    burst: 20
    limit_by: header
    header_name: X-App
  daily:
    day: 1000
    window_type: sliding
--- conf
gateway_rate_limiting minute=60 window_type=sliding limits.burst.second=10 limits.burst.limit_by=header limits.burst.header_name=X-App limits.burst.algorithm=gcra limits.burst.burst=20 limits.daily.day=1000 limits.daily.window_type=sliding cost=$http_x_cost concurrency=5 dry_run=on ietf_headers=on;



=== TEST 32: requests at a time need no period
--- plugin
concurrency: 5
--- conf
gateway_rate_limiting concurrency=5;



=== TEST 33: a burst without its algorithm
--- plugin
minute: 1
burst: 2
--- error_like: config\.burst: "burst" needs "algorithm: gcra"



=== TEST 34: a named limit without a period
--- plugin
limits: {a: {limit_by: ip}}
--- error_like: config\.limits\.a: at least one of "second"



=== TEST 35: a named limit by a header without a name
--- plugin
limits: {a: {minute: 1, limit_by: header}}
--- error_like: "header_name" must be set when "limit_by" is "header"



=== TEST 36: a name that is none
--- plugin
limits: {"a b": {minute: 1}}
--- error_like: the name of a limit has letters, digits, "-" and "_"



=== TEST 37: sliding windows in batches
--- plugin
minute: 1
window_type: sliding
policy: redis
redis: {host: localhost}
sync_rate: 1
fallback: local
cost: $http_x_cost
--- conf
gateway_rate_limiting minute=1 policy=redis redis.host=localhost sync_rate=1 fallback=local window_type=sliding cost=$http_x_cost;



=== TEST 38: the greatest limit, as it is written
--- plugin
second: 100000000000000
--- conf
gateway_rate_limiting second=100000000000000;



=== TEST 39: null is the default of the policy
--- plugin
minute: 1
policy: null
--- conf
gateway_rate_limiting minute=1;



=== TEST 40: each period holds at most what a longer one holds
--- plugin
hour: 5
day: 4
month: 6
year: 5
--- error_like: kong.yml:6:10: error: plugins\[0\]\.config\.day: The limit for day\(4\.0\) cannot be lower than the limit for hour\(5\.0\)



=== TEST 41: the shortest sync_rate
--- plugin
minute: 1
policy: redis
redis: {host: 127.0.0.1}
sync_rate: 0.02
--- conf_like: gateway_rate_limiting minute=1 policy=redis redis.host=127.0.0.1 .*sync_rate=0.02;



=== TEST 42: a shorter one
--- plugin
minute: 1
policy: redis
redis: {host: 127.0.0.1}
sync_rate: 0.01
--- error_like: kong.yml:8:16: error: plugins\[0\]\.config\.sync_rate: sync_rate must be greater than 0.02, or -1 to disable



=== TEST 43: a status that is none, a flag that is none, a header that is none
--- plugin
minute: 1
error_code: 0
fault_tolerant: maybe
hide_client_headers: 1
header_name: a b
--- error_like: (?s)kong.yml:6:17: error: .*error_code.*kong.yml:7:21: error: .*fault_tolerant.*kong.yml:8:26: error: .*hide_client_headers.*kong.yml:9:18: error: .*header_name



=== TEST 44: a cost that is no number
--- plugin
minute: 1
cost: "abc"
--- error_like: kong.yml:6:11: error: plugins\[0\]\.config\.cost: the cost must be a number from 0 to 1000000, or a text with variables



=== TEST 45: a cost that is too great
--- plugin
minute: 1
cost: "1000001"
--- error_like: kong.yml:6:11: error: plugins\[0\]\.config\.cost: the cost must be a number from 0 to 1000000, or a text with variables



=== TEST 46: a cost below 0
--- plugin
minute: 1
cost: "-1"
--- error_like: kong.yml:6:11: error: plugins\[0\]\.config\.cost: the cost must be a number from 0 to 1000000, or a text with variables



=== TEST 47: an empty cost
--- plugin
minute: 1
cost: ""
--- error_like: kong.yml:6:11: error: plugins\[0\]\.config\.cost: length must be at least 1



=== TEST 48: a cost without end
--- plugin
minute: 1
cost: "99999999999999999999"
--- error_like: kong.yml:6:11: error: plugins\[0\]\.config\.cost: the cost must be a number from 0 to 1000000, or a text with variables



=== TEST 49: a cost without variables
--- plugin
minute: 1
cost: "1000000"
--- conf
gateway_rate_limiting minute=1 cost=1000000;
