# Copyright (C) the ngx_gateway authors
#
# The status listener.

use lib 't/lib';
use Test::Gateway 'no_plan';

# draining is for all workers, and outlives a reload

my $nginx = start_nginx(workers => 2, master => 1, config => <<'_EOC_');
    location = /status/ready { gateway_status_ready; }
_EOC_

is(http_get('/status/ready')->status, 200, 'ready');
is(http_request('POST', '/status/ready', body => 'status=draining')->status,
   204, 'told to drain');

for (1 .. 6) {
    my $res = http_get('/status/ready');
    is($res->status . $res->body, '503{"message":"draining"}',
       'every worker drains');
}

ok($nginx->reload(drained => 1), 'reload');
is(http_get('/status/ready')->status, 503, 'still draining');
ok($nginx->wait_log('status: draining, not ready until a restart'), 'logged');
is($nginx->stop, '', 'stopped');

# the JSON as a program sees it

$nginx = start_nginx(workers => 2, master => 1,
    http_config => 'limit_req_zone $uri "zone=one\"two:1m" rate=1r/s;',
    config => 'location = /status { gateway_status; }');

# workers hear of each other by messages of the master
my $res;
wait_until(sub {
    $res = http_get('/status?unit=b');
    2 == (() = $res->body =~ /"pid"/g)
}, 5);
is($res->status, 200, 'status');

SKIP: {
    Test::More::skip('no JSON::PP', 6) unless eval { require JSON::PP };
    my $json = eval { JSON::PP->new->decode($res->body) };
    is(ref $json, 'HASH', 'it is JSON');
    is(scalar @{ $json->{memory}{workers_lua_vms} }, 2, 'two workers');
    is_deeply([map { $_->{pid} } @{ $json->{memory}{workers_lua_vms} }],
              [sort { $a <=> $b } $nginx->workers], 'with their pids');
    my ($zone) = values %{ $json->{memory}{lua_shared_dicts} };
    is($zone->{capacity}, 1024 * 1024, 'capacity of a zone in bytes');
    ok($zone->{allocated_slabs} > 0
       && $zone->{allocated_slabs} < $zone->{capacity}, 'and its use');
    is(join(' ', sort keys %{ $json->{server} }),
       'connections_accepted connections_active connections_handled '
       . 'connections_reading connections_waiting connections_writing '
       . 'total_requests', 'counters of nginx');
}

is($nginx->stop, '', 'stopped');

# what the compiler makes of status_listen

my %status = (port => $ENV{TEST_NGINX_STATUS_PORT});

start_echo();
$nginx = start_nginx(yaml => <<'_EOC_');
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: orders
    paths: [/orders]
plugins:
- name: prometheus
  config: {status_code_metrics: true}
_EOC_

is(http_get('/orders')->status, 200, 'a compiled route');
like(http_get('/status', %status)->body,
     qr/"configuration_hash":"(?!0{32})[0-9a-f]{32}"/,
     'its hash in the status');
is(http_get('/status/ready', %status)->body, '{"message":"ready"}', 'ready');
ok(wait_until(sub {
    http_get('/metrics', %status)->body
        =~ /^kong_http_requests_total\{service="orders",route="orders",code="200",source="service",workspace="default",consumer=""\} 1$/m
}, 3), 'its metrics');

for ([GET => '/nowhere', 404, 'Not found'],
     [GET => '/status/nowhere', 404, 'Not found'],
     [POST => '/nowhere', 404, 'Not found'],
     [GET => '/status/dns', 501, 'not implemented with the legacy DNS client'],
     [DELETE => '/status', 405, 'Method not allowed'],
     [DELETE => '/status/dns', 405, 'Method not allowed'],
     [POST => '/metrics', 405, 'Method not allowed'])
{
    my ($method, $path, $code, $message) = @$_;
    $res = http_request($method, $path, %status);
    is($res->status, $code, "$method $path");
    is($res->body, qq({"message":"$message"}), 'in the words of the contract');
    is($res->header('Content-Type'), 'application/json; charset=utf-8',
       'as JSON');
    like($res->header('Server'), qr{^ngx_gateway/}, 'signed');
    like($res->header('X-Kong-Admin-Latency'), qr/^\d+$/, 'timed');
}

is(http_get('/status')->status, 404, 'nothing of this for clients');
is($nginx->stop, '', 'stopped');

$nginx = start_nginx(yaml => qq(_format_version: "3.0"\n));
$res = http_get('/status/ready', %status);
is($res->status, 503, 'an empty file is not ready');
is($res->body, '{"message":"no configuration available (empty configuration '
               . 'present)"}', 'and says so');
is($nginx->stop, '', 'stopped');

run_tests();

__DATA__

=== TEST 1: sizes are in MiB with two digits unless told otherwise
--- http_config
    gateway_configuration_hash 0123456789abcdef0123456789abcdef;
    limit_req_zone $uri zone=one:1m rate=1r/s;
--- config
    location = /status { gateway_status; }
--- request
GET /status
--- response_headers
Content-Type: application/json; charset=utf-8
--- response_body_like chomp
^\{"memory":\{"workers_lua_vms":\[\{"pid":\d+,"http_allocated_gc":"\d+\.\d\d MiB"\}\],"lua_shared_dicts":\{"one":\{"allocated_slabs":"\d\.\d\d MiB","capacity":"1\.00 MiB"\}\}\},"server":\{"connections_accepted":\d+,"connections_active":\d+,"connections_handled":\d+,"connections_reading":\d+,"total_requests":\d+,"connections_waiting":\d+,"connections_writing":\d+\},"configuration_hash":"0123456789abcdef0123456789abcdef"\}$
--- no_error_log
[error]



=== TEST 2: other units and scales
--- http_config
    limit_req_zone $uri zone=one:1536k rate=1r/s;
--- config
    location = /status { gateway_status; }
--- request eval
["GET /status?unit=k", "GET /status?unit=G&scale=4", "GET /status?scale=0",
 "GET /status?unit=b", "GET /status?unit=M&scale=1"]
--- response_body_like eval
[qr{"capacity":"1536\.00 KiB"}, qr{"capacity":"0\.0015 GiB"},
 qr{"capacity":"2 MiB"}, qr{"capacity":1572864\}}, qr{"capacity":"1\.5 MiB"}]
--- error_code eval
[200, 200, 200, 200, 200]



=== TEST 3: bad units and scales
--- config
    location = /status { gateway_status; }
--- request eval
["GET /status?unit=t", "GET /status?unit=kb", "GET /status?scale=-1",
 "GET /status?scale=x"]
--- error_code eval
[400, 400, 400, 400]
--- response_body_like eval
[qr/^\{"message":"invalid unit /, qr/^\{"message":"invalid unit /,
 qr/^\{"message":"scale must be/, qr/^\{"message":"scale must be/]



=== TEST 4: the hash of no configuration is zeros
--- config
    location = /status { gateway_status; }
--- request
GET /status
--- response_body_like: "configuration_hash":"0{32}"\}$



=== TEST 5: methods
--- config
    location = /status { gateway_status; }
    location = /status/ready { gateway_status_ready; }
--- request eval
["POST /status\nabc", "DELETE /status/ready", "HEAD /status", "PUT /status"]
--- error_code eval
[405, 405, 200, 405]
--- response_body eval
['{"message":"Method not allowed"}', '{"message":"Method not allowed"}', "",
 '{"message":"Method not allowed"}']



=== TEST 6: a configuration by hand is ready
--- config
    location = /status/ready { gateway_status_ready; }
--- request
GET /status/ready
--- response_headers
Content-Type: application/json; charset=utf-8
--- response_body chomp
{"message":"ready"}



=== TEST 7: so is one with a hash
--- http_config
    gateway_configuration_hash 0123456789abcdef0123456789abcdef;
--- config
    location = /status/ready { gateway_status_ready; }
--- request
GET /status/ready
--- response_body chomp
{"message":"ready"}



=== TEST 8: an empty configuration is never ready
--- http_config
    gateway_configuration_hash 00000000000000000000000000000000;
--- config
    location = /status/ready { gateway_status_ready; }
--- request
GET /status/ready
--- error_code: 503
--- response_body chomp
{"message":"no configuration available (empty configuration present)"}



=== TEST 9: draining by a form
--- config
    location = /status/ready { gateway_status_ready; }
--- request eval
["POST /status/ready\na=b&status=draining", "GET /status/ready"]
--- error_code eval
[204, 503]
--- response_body eval
["", '{"message":"draining"}']
--- no_error_log
[error]



=== TEST 10: draining by JSON
--- config
    location = /status/ready { gateway_status_ready; }
--- request eval
["POST /status/ready\n{ \"status\": \"draining\" }", "GET /status/ready"]
--- error_code eval
[204, 503]



=== TEST 11: any other body is refused
--- config
    location = /status/ready { gateway_status_ready; }
--- request eval
["POST /status/ready\nstatus=ready", "POST /status/ready",
 "POST /status/ready\nxstatus=draining", "POST /status/ready\nstatus=drainingx",
 "POST /status/ready\n{\"status\":\"draining", "GET /status/ready"]
--- error_code eval
[400, 400, 400, 400, 400, 200]



=== TEST 12: a large body is refused
--- config
    location = /status/ready { gateway_status_ready; }
--- request eval
"POST /status/ready\nstatus=draining&x=" . ("y" x 100000)
--- error_code: 400



=== TEST 13: a POST leaves the connection usable
--- config
    location = /status/ready { gateway_status_ready; }
--- pipelined_requests eval
["POST /status/ready\nstatus=x", "GET /status/ready"]
--- error_code eval
[400, 200]



=== TEST 14: a bad hash
--- http_config
    gateway_configuration_hash 0123;
--- config
--- must_die
--- error_log
invalid hash "0123" in "gateway_configuration_hash": it must be 32 lower-case hex digits



=== TEST 15: a hash given twice
--- http_config
    gateway_configuration_hash 0123456789abcdef0123456789abcdef;
    gateway_configuration_hash 0123456789abcdef0123456789abcdef;
--- config
--- must_die
--- error_log
"gateway_configuration_hash" directive is duplicate


=== TEST 16: messages
--- config
    location = /a { gateway_status_message 501 "not here"; }
    location = /b { gateway_status_message 404 "Not found"; }
--- request eval
["GET /a", "POST /a\nabc", "GET /b", "POST /b\nabc"]
--- error_code eval
[501, 405, 404, 404]
--- response_body eval
['{"message":"not here"}', '{"message":"Method not allowed"}',
 '{"message":"Not found"}', '{"message":"Not found"}']



=== TEST 17: a message needs a status of errors
--- config
    location = /a { gateway_status_message 200 "fine"; }
--- must_die
--- error_log
invalid status "200" in "gateway_status_message": it must be from 400 to 599



=== TEST 18: a message is written as it is
--- config
    location = /a { gateway_status_message 404 "a\"b"; }
--- must_die
--- error_log
"gateway_status_message" does not take quotes, backslashes and control characters



=== TEST 19: the headers of this listener are settings
--- http_config
    gateway_headers x-kong-admin-latency;
--- config
    location = /status { gateway_status; }
--- request
GET /status
--- response_headers_like
X-Kong-Admin-Latency: ^\d+$
!Server:



=== TEST 20: and may be off
--- http_config
    gateway_headers x-kong-response-latency;
--- config
    location = /status { gateway_status; }
--- request
GET /status
--- response_headers_like
!X-Kong-Admin-Latency:
!Server:
