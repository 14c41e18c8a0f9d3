# Copyright (C) the ngx_gateway authors
#
# rate_limiting: windows, identifiers, scopes, headers and answers.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

our $consumers = <<'_EOC_';
    gateway_consumer bob {
        gateway_key_auth_credential key=bob;
        gateway_key_auth_credential key=bob2;
    }
    gateway_consumer alice {
        gateway_key_auth_credential key=alice;
    }
    gateway_consumer gold {
        gateway_key_auth_credential key=gold;
        gateway_rate_limiting day=5;
    }
    gateway_consumer free {
        gateway_key_auth_credential key=free;
        gateway_rate_limiting off;
    }
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $consumers)
        unless defined $block->http_config;

    if (defined $block->limit) {
        my $args = $block->limit;
        chomp $args;
        my $more = defined $block->location ? $block->location : '';
        $block->set_value('config', "location / {\n"
                          . "gateway_rate_limiting $args;\n$more\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the limit, then 429, with all headers
--- limit: day=2
--- request eval
["GET /a", "GET /b", "GET /c", "GET /d"]
--- error_code eval
[200, 200, 429, 429]
--- response_headers_like eval
["X-RateLimit-Limit-Day: 2\nX-RateLimit-Remaining-Day: 1\nRateLimit-Limit: 2\nRateLimit-Remaining: 1\nRateLimit-Reset: \\d{1,5}\n!Retry-After",
 "X-RateLimit-Remaining-Day: 0\nRateLimit-Remaining: 0\n!Retry-After",
 "X-RateLimit-Limit-Day: 2\nX-RateLimit-Remaining-Day: 0\nRateLimit-Limit: 2\nRateLimit-Remaining: 0\nRateLimit-Reset: \\d{1,5}\nRetry-After: \\d{1,5}",
 "X-RateLimit-Remaining-Day: 0"]
--- response_body_like eval
["^GET /a", "^GET /b",
 qr/^\{\n  "message":"API rate limit exceeded",\n  "request_id":"[0-9a-f]{32}"\n\}$/,
 "API rate limit exceeded"]
--- no_error_log
[error]



=== TEST 2: off without the directive, and nothing goes upstream
--- config eval
"location / {\n$::proxy}\nlocation /on {\ngateway_rate_limiting day=3;\n$::proxy}"
--- request eval
["GET /a", "GET /on"]
--- error_code eval
[200, 200]
--- raw_response_headers_unlike eval
["(?i)ratelimit", "Retry-After"]
--- response_body_unlike eval
["(?i)ratelimit", "(?i)ratelimit"]



=== TEST 3: several periods: the smallest remaining is selected
--- limit: day=2 month=99999
--- request eval
["GET /", "GET /", "GET /", "GET /"]
--- error_code eval
[200, 200, 429, 429]
--- response_headers eval
["X-RateLimit-Limit-Day: 2\nX-RateLimit-Limit-Month: 99999\nX-RateLimit-Remaining-Day: 1\nX-RateLimit-Remaining-Month: 99998\nRateLimit-Limit: 2\nRateLimit-Remaining: 1",
 "X-RateLimit-Remaining-Day: 0\nX-RateLimit-Remaining-Month: 99997\nRateLimit-Limit: 2",
 "X-RateLimit-Remaining-Day: 0\nX-RateLimit-Remaining-Month: 99997\nRateLimit-Limit: 2\nRateLimit-Remaining: 0",
 "X-RateLimit-Remaining-Day: 0\nX-RateLimit-Remaining-Month: 99997"]



=== TEST 4: on equal remaining the longer period is selected
--- limit: second=1000 minute=1000 hour=1000 day=1000 month=1000 year=1000
--- request
GET /
--- response_headers_like
X-RateLimit-Remaining-Second: 999
X-RateLimit-Remaining-Minute: 999
X-RateLimit-Remaining-Hour: 999
X-RateLimit-Remaining-Day: 999
X-RateLimit-Remaining-Month: 999
X-RateLimit-Remaining-Year: 999
RateLimit-Limit: 1000
RateLimit-Remaining: 999
RateLimit-Reset: \d{3,8}
--- raw_response_headers_like: X-RateLimit-Limit-Second: 1000\r\nX-RateLimit-Remaining-Second: 999\r\nX-RateLimit-Limit-Minute:[^z]*RateLimit-Limit: 1000\r\nRateLimit-Remaining: 999\r\nRateLimit-Reset:



=== TEST 5: a period that stops ends the request; the others are not counted
--- limit: hour=1 day=2 year=3
--- request eval
["GET /", "GET /", "GET /"]
--- error_code eval
[200, 429, 429]
--- response_headers eval
["X-RateLimit-Remaining-Hour: 0\nX-RateLimit-Remaining-Day: 1\nX-RateLimit-Remaining-Year: 2",
 "X-RateLimit-Remaining-Hour: 0\nX-RateLimit-Remaining-Day: 1\nX-RateLimit-Remaining-Year: 2",
 "X-RateLimit-Remaining-Hour: 0\nX-RateLimit-Remaining-Day: 1\nX-RateLimit-Remaining-Year: 2"]



=== TEST 6: status and message of the answer
--- limit: day=1 error_code=404 "error_message=Fake Not Found"
--- request eval
["GET /", "GET /"]
--- error_code eval
[200, 404]
--- response_headers eval
["X-RateLimit-Remaining-Day: 0", "X-RateLimit-Limit-Day: 1\nRateLimit-Remaining: 0"]
--- response_body_like eval
["^GET", "\"message\":\"Fake Not Found\""]



=== TEST 7: hide_client_headers hides all of them, on 429 too
--- limit: day=1 hide_client_headers=on
--- request eval
["GET /", "GET /"]
--- error_code eval
[200, 429]
--- raw_response_headers_unlike eval
["(?i)ratelimit|retry-after", "(?i)ratelimit|retry-after"]



=== TEST 8: the answer's format is negotiated
--- limit: day=1
--- request eval
["GET /", "GET /"]
--- more_headers
Accept: text/plain
--- error_code eval
[200, 429]
--- response_headers_like eval
["X-RateLimit-Limit-Day: 1", "Content-Type: text/plain.*"]



=== TEST 9: fractions count as whole requests, and are shown as written
--- limit: day=0.5 month=1.25
--- request eval
["GET /", "GET /"]
--- error_code eval
[200, 429]
--- response_headers eval
["X-RateLimit-Limit-Day: 0.5\nX-RateLimit-Limit-Month: 1.25\nX-RateLimit-Remaining-Day: 0\nX-RateLimit-Remaining-Month: 0.25",
 "X-RateLimit-Remaining-Month: 0.25"]



=== TEST 10: by consumer: each has a count of its own, over all its keys
--- limit: day=1
--- location: gateway_key_auth key_names=apikey;
--- request eval
["GET /?apikey=bob", "GET /?apikey=alice", "GET /?apikey=bob2", "GET /?apikey=none"]
--- error_code eval
[200, 200, 429, 401]
--- raw_response_headers_unlike eval
["x{9}", "x{9}", "x{9}", "(?i)ratelimit"]



=== TEST 11: by credential: each key has a count of its own
--- limit: day=1 limit_by=credential
--- location: gateway_key_auth on;
--- request eval
["GET /?apikey=bob", "GET /?apikey=bob2", "GET /?apikey=bob"]
--- error_code eval
[200, 200, 429]



=== TEST 12: a consumer's own limit, or none at all
--- limit: day=1
--- location: gateway_key_auth on;
--- request eval
["GET /?apikey=gold", "GET /?apikey=gold", "GET /?apikey=free", "GET /?apikey=free", "GET /?apikey=bob", "GET /?apikey=bob"]
--- error_code eval
[200, 200, 200, 200, 200, 429]
--- response_headers eval
["X-RateLimit-Limit-Day: 5\nX-RateLimit-Remaining-Day: 4", "X-RateLimit-Remaining-Day: 3",
 "!X-RateLimit-Limit-Day", "!X-RateLimit-Limit-Day",
 "X-RateLimit-Limit-Day: 1", "X-RateLimit-Limit-Day: 1"]



=== TEST 13: by header; without it by address
--- limit: day=1 limit_by=header header_name=X-Tenant
--- request eval
["GET /", "GET /", "GET /", "GET /", "GET /"]
--- more_headers eval
["X-Tenant: a", "x-tenant: b", "X-Tenant: a", "", ""]
--- error_code eval
[200, 200, 429, 200, 429]



=== TEST 14: a header that spells an address does not spend the address's
--- limit: day=1 limit_by=header header_name=X-Tenant
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers eval
["X-Tenant: 127.0.0.1", "", "X-Tenant: 127.0.0.1"]
--- error_code eval
[200, 200, 429]



=== TEST 15: by path; others share the count of their address
--- limit: day=1 limit_by=path path=/a
--- request eval
["GET /a?x=1", "GET /b", "GET /c", "GET /a?x=2"]
--- error_code eval
[200, 200, 429, 429]



=== TEST 16: by address as the realip module finds it
--- limit: day=1 limit_by=ip
--- location
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
--- request eval
["GET /", "GET /", "GET /", "GET /", "GET /"]
--- more_headers eval
["X-Real-IP: 10.0.0.1", "X-Real-IP: 10.0.0.2", "X-Real-IP: 10.0.0.1", "X-Real-IP: 2001:db8::1", "X-Real-IP: 2001:db8::1"]
--- error_code eval
[200, 200, 429, 200, 429]



=== TEST 17: a route's limit counts per route, a service's over its routes
--- config eval
<<"_EOC_";
    gateway_service s1 host=127.0.0.1 port=80 {
        gateway_rate_limiting day=2;
$::proxy
    }
    gateway_route r1 service=s1 { paths /r1; }
    gateway_route r2 service=s1 { paths /r2; }
    gateway_route r3 service=s1 { paths /r3; gateway_rate_limiting day=1; }
    gateway_route r4 service=s1 { paths /r4; gateway_rate_limiting day=1; }
    gateway_route r5 service=s1 { paths /r5; gateway_rate_limiting off; }
_EOC_
--- request eval
["GET /r1", "GET /r2", "GET /r1", "GET /r2", "GET /r3", "GET /r4", "GET /r3", "GET /r5"]
--- error_code eval
[200, 200, 429, 429, 200, 200, 429, 200]



=== TEST 18: limit_by=service under a limit of the whole server
--- config eval
<<"_EOC_";
    gateway_rate_limiting day=1 limit_by=service;
    gateway_service s1 host=127.0.0.1 port=80 {
$::proxy
    }
    gateway_service s2 host=127.0.0.1 port=80 {
$::proxy
    }
    gateway_route r1 service=s1 { paths /r1; }
    gateway_route r2 service=s1 { paths /r2; }
    gateway_route r3 service=s2 { paths /r3; }
_EOC_
--- request eval
["GET /r1", "GET /r2", "GET /r3", "GET /r3"]
--- error_code eval
[200, 429, 200, 429]



=== TEST 19: inheritance: http, server and location
--- http_config
    gateway_rate_limiting day=100;
--- config eval
<<"_EOC_";
    location / {
$::proxy
    }
    location /own {
        gateway_rate_limiting month=7;
$::proxy
    }
    location /off {
        gateway_rate_limiting off;
$::proxy
    }
_EOC_
--- request eval
["GET /", "GET /own", "GET /off"]
--- error_code eval
[200, 200, 200]
--- response_headers eval
["X-RateLimit-Limit-Day: 100\n!X-RateLimit-Limit-Month",
 "X-RateLimit-Limit-Month: 7\n!X-RateLimit-Limit-Day",
 "!X-RateLimit-Limit-Day\n!RateLimit-Limit"]



=== TEST 20: the headers stay on errors of the upstream and of nginx
--- config
    error_page 502 503 504 /gateway_error_page;
    location = /gateway_error_page {
        internal;
        gateway_error_page;
    }
    gateway_rate_limiting day=10;
    location /refused {
        proxy_pass http://127.0.0.1:$TEST_NGINX_UNUSED_PORT;
    }
    location /503 {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /file {
        root html;
    }
--- request eval
["GET /refused", "GET /503", "GET /file"]
--- more_headers eval
["", "X-Test-Status: 503", ""]
--- error_code eval
[502, 503, 404]
--- response_headers eval
["X-RateLimit-Remaining-Day: 9\nRateLimit-Remaining: 9", "X-RateLimit-Remaining-Day: 8", "X-RateLimit-Remaining-Day: 7"]



=== TEST 21: the upstream's headers of the same names are replaced
--- limit: day=10
--- request
GET /
--- more_headers
X-Test-Header: x-ratelimit-limit-day: 4711
X-Test-Header: RateLimit-Reset: 4711
X-Test-Header: RateLimit: stays
X-Test-Header: X-RateLimit-Limit-Hour: 4711
--- response_headers
X-RateLimit-Limit-Day: 10
X-RateLimit-Limit-Hour: 4711
RateLimit: stays
--- raw_response_headers_unlike: (?s)(x-ratelimit-limit-day.*x-ratelimit-limit-day|RateLimit-Reset: 4711)



=== TEST 22: a refused request keeps the connection usable, body and all
--- limit: day=1
--- pipelined_requests eval
["POST /a\r\nhello", "POST /b\r\nhello", "POST /c\r\nhello"]
--- error_code eval
[200, 429, 429]



=== TEST 23: HTTP/2
--- limit: day=1
--- http2
--- request
GET /
--- response_headers
x-ratelimit-limit-day: 1
ratelimit-remaining: 0



=== TEST 24: no period
--- limit: limit_by=ip
--- must_die
--- error_log
"gateway_rate_limiting" directive needs at least one of "second"



=== TEST 25: a longer period with a smaller limit
--- limit: second=20 minute=10
--- must_die
--- error_log
The limit for minute(10.0) cannot be lower than the limit for second(20.0)



=== TEST 26: a limit of nothing
--- limit: minute=0
--- must_die
--- error_log
invalid "minute" in "gateway_rate_limiting": the limit must be above 0



=== TEST 27: redis without a host
--- limit: minute=1 policy=redis
--- must_die
--- error_log
needs "redis.host" with "policy=redis"



=== TEST 28: nor is there a database for cluster
--- limit: minute=1 policy=cluster
--- must_die
--- error_log
has no database for "policy=cluster": counters can be in Redis, which needs "redis.host"



=== TEST 29: an unknown policy
--- limit: minute=1 policy=memory
--- must_die
--- error_log
invalid parameter "policy=memory" in "gateway_rate_limiting"



=== TEST 30: sync_rate is for redis
--- limit: minute=1 sync_rate=1
--- must_die
--- error_log
sync_rate can only be used with the redis policy



=== TEST 31: local and the default of sync_rate may be spelt out
--- limit: day=1 policy=local sync_rate=-1 fault_tolerant=off
--- request
GET /



=== TEST 32: limit_by=header without a name
--- limit: minute=1 limit_by=header
--- must_die
--- error_log
needs "header_name" with "limit_by=header"



=== TEST 33: limit_by=path without a path
--- limit: minute=1 limit_by=path
--- must_die
--- error_log
needs "path" with "limit_by=path"



=== TEST 34: a path without a slash
--- limit: minute=1 limit_by=path path=a
--- must_die
--- error_log
needs a "path" that starts with "/"



=== TEST 35: a status out of range
--- limit: minute=1 error_code=42
--- must_die
--- error_log
invalid parameter "error_code=42"



=== TEST 36: an unknown parameter
--- limit: minutes=1
--- must_die
--- error_log
invalid parameter "minutes=1"



=== TEST 37: an unknown limit_by
--- limit: minute=1 limit_by=cookie
--- must_die
--- error_log
invalid parameter "limit_by=cookie"



=== TEST 38: a zone of its own size
--- http_config
    gateway_rate_limiting_zone 64k;
--- limit: day=1
--- request eval
["GET /", "GET /"]
--- error_code eval
[200, 429]



=== TEST 39: a zone that is too small
--- http_config
    gateway_rate_limiting_zone 8k;
--- limit: day=1
--- must_die
--- error_log
zone size "8k" is too small



=== TEST 40: a size that is none
--- http_config
    gateway_rate_limiting_zone many;
--- limit: day=1
--- must_die
--- error_log
invalid zone size "many"



=== TEST 41: the zone twice
--- http_config
    gateway_rate_limiting_zone 64k;
    gateway_rate_limiting_zone 64k;
--- limit: day=1
--- must_die
--- error_log
"gateway_rate_limiting_zone" directive is duplicate



=== TEST 42: full: the client that was away longest is forgotten, not others
--- http_config
    gateway_rate_limiting_zone 32k;
--- limit: day=1 limit_by=header header_name=X-Tenant
--- request eval
[map { "GET /" } 0 .. 882]
--- more_headers eval
["X-Tenant: hot", "X-Tenant: old",
 (map { ($_ % 10 ? () : "X-Tenant: hot", "X-Tenant: flood$_") } 0 .. 799),
 "X-Tenant: old"]
--- error_code eval
[200, 200, (map { ($_ % 10 ? () : 429, 200) } 0 .. 799), 200]



=== TEST 43: fallback is for redis
--- limit: minute=1 fallback=local
--- must_die
--- error_log
fallback can only be used with the redis policy



=== TEST 44: consumer groups, all members together
--- http_config
    gateway_consumer_group gold {
        gateway_rate_limiting day=3 limit_by=consumer-group;
    }
    gateway_consumer_group silver { }
    gateway_consumer bob {
        groups gold;
        gateway_key_auth_credential key=bob;
    }
    gateway_consumer alice {
        groups silver gold;
        gateway_key_auth_credential key=alice;
    }
    gateway_consumer eve {
        groups silver;
        gateway_key_auth_credential key=eve;
    }
    gateway_consumer mallory {
        gateway_key_auth_credential key=mallory;
    }
--- config eval
"    location = /t {
        gateway_key_auth on;
        gateway_rate_limiting day=2 limit_by=consumer-group;
$::proxy    }
"
--- request eval
["GET /t?apikey=bob", "GET /t?apikey=alice", "GET /t?apikey=bob",
 "GET /t?apikey=alice", "GET /t?apikey=eve", "GET /t?apikey=eve",
 "GET /t?apikey=eve", "GET /t?apikey=mallory"]
--- error_code eval
[200, 200, 200, 429, 200, 200, 429, 200]



=== TEST 45: sentinels without a master
--- limit: minute=1 policy=redis redis.sentinel_nodes=a:1
--- must_die
--- error_log
"redis.sentinel_nodes" and "redis.sentinel_master" need each other



=== TEST 46: two ways to Redis
--- limit: minute=1 policy=redis redis.host=a redis.cluster_nodes=b
--- must_die
--- error_log
only one of "redis.host", "redis.sentinel_nodes" and "redis.cluster_nodes" can be used



=== TEST 47: a cluster with databases
--- limit: minute=1 policy=redis redis.cluster_nodes=b redis.database=1
--- must_die
--- error_log
a cluster has no "redis.database" but 0



=== TEST 48: a node without a host
--- limit: minute=1 policy=redis redis.cluster_nodes=:6379
--- must_die
--- error_log
invalid node ":6379" of Redis in



=== TEST 49: a node with a bad port
--- limit: minute=1 policy=redis redis.cluster_nodes=a:70000
--- must_die
--- error_log
invalid node "a:70000" of Redis in



=== TEST 50: certificates that nothing can verify
--- limit: minute=1 policy=redis redis.host=a redis.ssl=on redis.ssl_verify=on
--- must_die
--- error_log
needs a "gateway_redis_trusted_certificate" in "http"



=== TEST 51: a negative timeout
--- limit: minute=1 policy=redis redis.host=a redis.timeout=-1
--- must_die
--- error_log
invalid parameter "redis.timeout=-1"



=== TEST 52: a burst without GCRA
--- limit: minute=1 burst=2
--- must_die
--- error_log
needs "algorithm=gcra" with "burst"



=== TEST 53: a named limit with a burst without GCRA
--- limit: limits.a.minute=1 limits.a.burst=2
--- must_die
--- error_log
needs "algorithm=gcra" with "burst"



=== TEST 54: a named limit without a period
--- limit: limits.a.limit_by=ip
--- must_die
--- error_log
the limit "a" of "gateway_rate_limiting" has no period



=== TEST 55: a limit without a name
--- limit: limits..minute=1
--- must_die
--- error_log
expected "limits.NAME.minute" and the like



=== TEST 56: a name with other letters
--- limit: limits.a:b.minute=1
--- must_die
--- error_log
the name of a limit has letters, digits, "-" and "_"



=== TEST 57: an unknown field of a limit
--- limit: limits.a.fortnight=1
--- must_die
--- error_log
there is no such field of a limit



=== TEST 58: an unknown value of one
--- limit: limits.a.limit_by=cookie
--- must_die
--- error_log
there is no such value



=== TEST 59: a limit of nothing
--- limit: limits.a.minute=0
--- must_die
--- error_log
expected a number above 0



=== TEST 60: a named limit by header
--- limit: limits.a.minute=1 limits.a.limit_by=header
--- must_die
--- error_log
needs "header_name" with "limit_by=header"



=== TEST 61: sliding windows in batches without Redis
--- limit: minute=1 sync_rate=1 window_type=sliding
--- must_die
--- error_log
sync_rate can only be used with the redis policy



=== TEST 62: limits by several keys in a cluster
--- limit: policy=redis redis.cluster_nodes=127.0.0.1 limits.a.minute=1 limits.a.limit_by=ip limits.b.minute=1
--- must_die
--- error_log
in a cluster needs the same "limit_by" for all



=== TEST 63: no concurrency
--- limit: concurrency=0
--- must_die
--- error_log
invalid parameter "concurrency=0"



=== TEST 64: too many limits
--- limit: limits.l0.second=1 limits.l0.minute=2 limits.l0.hour=3 limits.l0.day=4 limits.l0.year=5 limits.l1.second=1 limits.l1.minute=2 limits.l1.hour=3 limits.l1.day=4 limits.l1.year=5 limits.l2.second=1 limits.l2.minute=2 limits.l2.hour=3 limits.l2.day=4 limits.l2.year=5 limits.l3.second=1 limits.l3.minute=2 limits.l3.hour=3 limits.l3.day=4 limits.l3.year=5 limits.l4.second=1 limits.l4.minute=2 limits.l4.hour=3 limits.l4.day=4 limits.l4.year=5
--- must_die
--- error_log
has too many limits, 24 are the most



=== TEST 65: an unknown variable in a cost
--- limit: minute=1 cost=$nothing
--- must_die
--- error_log
unknown "nothing" variable



=== TEST 66: over the limit: gRPC; what Retry-After says
--- limit: day=1
--- request eval
["POST /", "POST /", "GET /"]
--- more_headers eval
["Content-Type: application/grpc", "Content-Type: application/grpc", ""]
--- error_code eval
[200, 429, 429]
--- response_headers_like eval
["X-RateLimit-Remaining-Day: 0", "grpc-status: 8\ngrpc-message: ResourceExhausted\nX-RateLimit-Remaining-Day: 0\nRetry-After: \\d+", ""]
--- raw_response_headers_like eval
["", "", qr/RateLimit-Reset: (\d+)\r\n(?s:.*)Retry-After: \1\r\n/]



=== TEST 67: the path is that of the router: escapes and dots do not matter; arguments neither
--- config eval
<<"_EOC_";
    gateway_route r {
        paths /;
        gateway_rate_limiting day=1 limit_by=path path=/a/b;
        gateway_request_termination status_code=418;
    }
_EOC_
--- request eval
["GET /a/./%62?x", "GET /a//b", "GET /a", "GET /a/b/", "GET /a/b?y"]
--- error_code eval
[418, 429, 418, 429, 429]



=== TEST 68: of two headers the first counts; an empty one is one of its own
--- limit: day=1 limit_by=header header_name=X-Tenant
--- request eval
[("GET /") x 7]
--- more_headers eval
["X-Tenant: c\nX-Tenant: d", "X-Tenant: c", "X-Tenant: d", "X-Tenant: c\nX-Tenant: e", "X-Tenant:", "", "X-Tenant:"]
--- error_code eval
[200, 429, 200, 429, 200, 200, 429]



=== TEST 69: answers of later policies are counted; HEAD and OPTIONS too
--- config eval
<<"_EOC_";
    location / {
        gateway_rate_limiting day=3;
        gateway_request_termination status_code=418;
    }
_EOC_
--- request eval
["HEAD /", "OPTIONS /", "GET /", "HEAD /"]
--- error_code eval
[418, 418, 418, 429]
--- response_headers eval
["X-RateLimit-Remaining-Day: 2", "X-RateLimit-Remaining-Day: 1", "X-RateLimit-Remaining-Day: 0", "RateLimit-Remaining: 0"]



=== TEST 70: any status of a refusal
--- config eval
<<"_EOC_";
    location /200 { gateway_rate_limiting day=1 error_code=200; $::proxy }
    location /599 { gateway_rate_limiting month=1 error_code=599; $::proxy }
_EOC_
--- request eval
["GET /200", "GET /200", "GET /599", "GET /599"]
--- error_code eval
[200, 200, 200, 599]
--- response_body_like eval
["^GET", "API rate limit exceeded", "^GET", "API rate limit exceeded"]



=== TEST 71: a limit of all: over all services; a reload keeps counts, another limit is in force
--- yaml
_format_version: "3.0"
services:
- name: s1
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes: [{name: r1, paths: [/r1]}, {name: r2, paths: [/r2]}]
- name: s2
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes: [{name: r3, paths: [/r3]}]
plugins:
- name: rate-limiting
  config: {year: 3}
--- request eval
["GET /r1", "GET /r2", "GET /r3", "GET /r1"]
--- error_code eval
[200, 200, 200, 429]



=== TEST 72: the anonymous consumer is one; by credential those without one have their address
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: consumer
    paths: [/consumer]
    plugins:
    - {name: key-auth, config: {anonymous: anybody}}
    - {name: rate-limiting, config: {year: 1}}
  - name: credential
    paths: [/credential]
    plugins:
    - {name: key-auth, config: {anonymous: anybody}}
    - {name: rate-limiting, config: {year: 1, limit_by: credential}}
consumers:
- username: bob
  keyauth_credentials: [{key: k1}, {key: k2}]
- username: anybody
--- compile_args: --set trusted_ips=127.0.0.1
--- request eval
[("GET /consumer") x 5, ("GET /credential") x 5]
--- more_headers eval
["", "X-Real-IP: 10.0.0.1", "apikey: k1", "apikey: k2", "X-Real-IP: 10.0.0.2",
 "", "X-Real-IP: 10.0.0.1", "apikey: k1", "apikey: k2", "X-Real-IP: 10.0.0.1"]
--- error_code eval
[200, 429, 200, 429, 429, 200, 200, 200, 200, 429]



=== TEST 73: limits of consumers and groups count over all routes, or those of a service
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes: [{name: a, paths: [/a]}, {name: b, paths: [/b]}]
- name: t
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes: [{name: c, paths: [/c]}]
consumer_groups:
- name: g
consumers:
- {username: bob, keyauth_credentials: [{key: bob}]}
- {username: al, keyauth_credentials: [{key: al}]}
- {username: one, keyauth_credentials: [{key: one}], groups: [{name: g}]}
- {username: two, keyauth_credentials: [{key: two}], groups: [{name: g}]}
plugins:
- name: key-auth
- {name: rate-limiting, consumer: bob, config: {year: 2}}
- {name: rate-limiting, consumer: al, service: s, config: {year: 2}}
- {name: rate-limiting, consumer_group: g, config: {year: 2}}
--- request eval
[map { my ($who, $paths) = split /=/; map { "GET /$_?apikey=$who" } split //, $paths }
 "bob=abc", "al=abacc", "one=abc", "two=cab"]
--- error_code eval
[200, 200, 429, 200, 200, 429, 200, 200, 200, 200, 429, 200, 200, 429]



=== TEST 74: by service where there is none
--- config
    gateway_route r {
        paths /;
        gateway_rate_limiting day=1 limit_by=service;
        gateway_request_termination status_code=418;
    }
--- request eval
["GET /", "GET /"]
--- error_code eval
[418, 429]



=== TEST 75: a cost that is no number
--- limit: minute=1 cost=abc
--- must_die
--- error_log
needs a "cost" that is a number from 0 to 1000000, or has variables



=== TEST 76: a cost that is too great
--- limit: minute=1 cost=1000001
--- must_die
--- error_log
needs a "cost" that is a number from 0 to 1000000, or has variables



=== TEST 77: a cost below 0
--- limit: minute=1 cost=-1
--- must_die
--- error_log
needs a "cost" that is a number from 0 to 1000000, or has variables



=== TEST 78: a cost without variables
--- limit: day=5 cost=2
--- request eval
["GET /a", "GET /b", "GET /c"]
--- error_code eval
[200, 200, 429]



=== TEST 79: locations are one place, but limits with names are apart
--- config eval
<<"_EOC_";
    location /api {
        gateway_rate_limiting day=100;
        $main::proxy
    }
    location /login {
        gateway_rate_limiting day=2;
        $main::proxy
    }
    location /named {
        gateway_rate_limiting limits.named.day=1;
        $main::proxy
    }
_EOC_
--- request eval
["GET /api", "GET /api", "GET /login", "GET /named", "GET /named"]
--- error_code eval
[200, 200, 429, 200, 429]



=== TEST 80: a header that cannot be
--- limit: minute=1 limit_by=header header_name=X:App
--- must_die
--- error_log
"gateway_rate_limiting" directive has a "header_name" that no header can have



=== TEST 81: quotes within a parameter, which nginx keeps
--- limit: minute=1 limit_by=header header_name="X-App"
--- must_die
--- error_log
the quotes in "header_name" of "gateway_rate_limiting" are part of the value: quote the parameter as a whole, as in "name=value", if they should not be
"gateway_rate_limiting" directive has a "header_name" that no header can have



=== TEST 82: "return" answers before policies
--- config
    location / {
        gateway_rate_limiting day=1;
        return 200 returned;
    }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[200, 200]
--- response_headers_like eval
["!RateLimit-Limit", "!RateLimit-Limit"]
