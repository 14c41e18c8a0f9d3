# Copyright (C) the ngx_gateway authors
#
# upstream: what the status listener tells about upstreams and names.

use lib 't/lib';
use Test::Gateway 'no_plan';

use JSON::PP;

my $dead = $ENV{TEST_NGINX_UNUSED_PORT};
my %status = (port => $ENV{TEST_NGINX_STATUS_PORT});

start_echo();

my $echo = $ENV{TEST_NGINX_ECHO_PORT};
my $up = '11111111-1111-4111-8111-111111111111';
my $nginx = start_nginx(yaml => <<"_EOC_", compile_args => '--set new_dns_client=on', workers => 1);
_format_version: "3.0"
services:
- { name: pool, host: pool, retries: 0, routes: [{ paths: [/pool] }] }
- { name: name, host: nowhere.invalid, routes: [{ paths: [/name] }] }
upstreams:
- name: pool
  id: $up
  healthchecks:
    passive: { unhealthy: { http_failures: 1, http_statuses: [502, 503] } }
  targets:
  - { target: "127.0.0.1:$echo", weight: 10, tags: [one, "two words"],
      created_at: 1700000001 }
  - { target: "127.0.0.1:$dead", weight: 30, created_at: 1700000002 }
  - { target: "127.0.0.2:$dead", weight: 0, created_at: 1700000003 }
  - { target: "nowhere.invalid:80", created_at: 1700000004 }
- name: unchecked
  targets:
  - { target: "[::1]:80" }
  - { target: "nowhere.invalid:80" }
- name: empty
- name: broken
  healthchecks: { threshold: 100 }
  targets: [{ target: "127.0.0.1:1" }]
_EOC_

sub get {
    my ($path) = @_;
    my $res = http_get($path, %status);
    is($res->status, 200, "GET $path");
    is($res->header('Content-Type'), 'application/json; charset=utf-8',
       'as JSON');
    my $json = eval { decode_json($res->body) };
    ok($json, 'well-formed') or diag($res->body);
    return $json // {};
}

sub health { return map { ($_->{target} => $_->{health}) } @{ $_[0]{data} } }


# refusals are answers, too

for (['POST', 'health'], ['DELETE', 'targets/all'], ['GET', 'targets?size=0'],
     ['GET', 'health?offset=x'])
{
    my ($method, $path) = @$_;
    my $res = http_request($method, "/upstreams/pool/$path", %status);
    is($res->status, $method eq 'GET' ? 400 : 405, "$method $path");
    unlike($nginx->error_log, qr/header already sent/, 'once');
}


# targets

my $all = get('/upstreams/pool/targets');
my @names = ("nowhere.invalid:80", "127.0.0.2:$dead", "127.0.0.1:$dead",
             "127.0.0.1:$echo");
is_deeply([map { $_->{target} } @{ $all->{data} }], \@names,
          'targets, the newest first');
is($all->{next}, undef, 'no next page');

my $target = $all->{data}[3];
is_deeply($target,
          { id => $target->{id}, target => "127.0.0.1:$echo", weight => 10,
            upstream => { id => $up }, tags => ['one', 'two words'],
            created_at => 1700000001, updated_at => $target->{updated_at} },
          'a target');
like($target->{id}, qr/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'its id');
is($all->{data}[0]{tags}, undef, 'no tags');

is_deeply(get("/upstreams/$up/targets"), $all, 'the same by id');
is_deeply([map { $_->{target} } @{ get('/upstreams/pool/targets/all')
                                   ->{data} }], [reverse @names],
          'targets/all');

is_deeply(get("/upstreams/pool/targets/127.0.0.1:$echo"), $target,
          'a target by its name');
is_deeply(get("/upstreams/$up/targets/$target->{id}/"), $target,
          'by its id, with a final slash');
is(get('/upstreams/unchecked/targets/%5B::1%5D:80')->{target}, '[::1]:80',
   'an IPv6 address');
is_deeply(get('/upstreams/empty/targets')->{data}, [], 'no targets');

my $page = get('/upstreams/pool/targets?size=3');
is(scalar @{ $page->{data} }, 3, 'a page');
is($page->{next}, "/upstreams/pool/targets?offset=3", 'the next one');
is($page->{offset}, '3', 'its offset');
$page = get("$page->{next}&size=3");
is($page->{data}[0]{target}, $names[3], 'is the rest');
is($page->{next}, undef, 'and the last');


# health

my $h = get('/upstreams/pool/health');
like($h->{node_id}, qr/^[0-9a-f-]{36}$/, 'id of the node');
is_deeply({ health($h) },
          { "127.0.0.1:$echo" => 'HEALTHY', "127.0.0.1:$dead" => 'HEALTHY',
            "127.0.0.2:$dead" => 'HEALTHCHECKS_OFF',
            'nowhere.invalid:80' => 'DNS_ERROR' }, 'health at first');

http_get('/pool') for 1 .. 40;

$h = get('/upstreams/pool/health/');
is_deeply({ health($h) },
          { "127.0.0.1:$echo" => 'HEALTHY', "127.0.0.1:$dead" => 'UNHEALTHY',
            "127.0.0.2:$dead" => 'HEALTHCHECKS_OFF',
            'nowhere.invalid:80' => 'DNS_ERROR' }, 'after failures');
is_deeply($h->{data}[2]{data},
          { host => '127.0.0.1', port => $dead, dns => 'A', nodeWeight => 30,
            weight => { total => 30, unavailable => 30, available => 0 },
            addresses => [{ ip => '127.0.0.1', port => $dead, weight => 30,
                            health => 'UNHEALTHY' }] }, 'in detail');
is_deeply($h->{data}[0]{data},
          { host => 'nowhere.invalid', port => 80, nodeWeight => 100,
            dns => 'dns server error: 3 name error', addresses => [],
            weight => { total => 0, unavailable => 0, available => 0 } },
          'a name without addresses');

$h = get('/upstreams/pool/health?balancer_health=1');
is($h->{data}{health}, 'HEALTHY', 'the balancer');
is($h->{data}{balancer_health}, 'HEALTHY', 'in both fields');
is($h->{data}{id}, $up, 'its id');
is_deeply($h->{data}{details}{weight},
          { total => 40, unavailable => 30, available => 10 }, 'its weights');
is($h->{data}{details}{healthy}, JSON::PP::true, 'is healthy');
is_deeply($h->{data}{details}{hosts}[1]{addresses},
          [{ ip => '127.0.0.1', port => $dead, weight => 30,
             healthy => JSON::PP::false }], 'its hosts');

is_deeply({ health(get('/upstreams/unchecked/health')) },
          { '[::1]:80' => 'HEALTHCHECKS_OFF',
            'nowhere.invalid:80' => 'DNS_ERROR' },
          'an upstream that no service uses, without checks');
$h = get('/upstreams/unchecked/health?balancer_health=1')->{data};
is("$h->{health} $h->{balancer_health}", 'HEALTHCHECKS_OFF HEALTHY',
   'its balancer');
$h = get('/upstreams/empty/health?balancer_health=1')->{data};
is($h->{balancer_health}, 'UNHEALTHY', 'without targets it is not');
$h = get('/upstreams/broken/health?balancer_health=1')->{data};
is($h->{balancer_health}, 'UNHEALTHY', 'nor with a threshold of 100');


# what is not there

for ('/upstreams', '/upstreams/', '/upstreams/pool', '/upstreams/pool/',
     '/upstreams/nope/health', '/upstreams/pool/nope',
     '/upstreams/pool/targets/nope', '/upstreams/pool/targets/all/nope',
     '/upstreams/pool/healthy', '/upstreams//health')
{
    my $res = http_get($_, %status);
    is($res->status, 404, "GET $_");
    is($res->body, '{"message":"Not found"}', 'in the words of the contract');
}

for ([POST => 'health'], [PUT => "targets/127.0.0.1:$echo"],
     [DELETE => 'targets'])
{
    my ($method, $path) = @$_;
    my $res = http_request($method, "/upstreams/pool/$path", %status,
                           body => 'x');
    is($res->status, 405, "$method $path");
    is($res->body, '{"message":"Method not allowed"}', 'message');
}

is(http_request('POST', '/upstreams/nope', %status, body => 'x')->status, 404,
   'POST to what is not there');
is(http_request('HEAD', '/upstreams/pool/health', %status)->status, 200,
   'HEAD');

for ('size=0', 'size=1001', 'size=x', 'offset=-1') {
    is(http_get("/upstreams/pool/targets?$_", %status)->status, 400, $_);
}


# names, and final slashes everywhere

is(http_get('/name')->status, 503, 'a name');
my $dns = get('/status/dns/');
is($dns->{worker}{count}, 1, 'workers');
ok($dns->{stats}{'nowhere.invalid'}{runs} >= 2, 'lookups of a name');
is($dns->{stats}{'nowhere.invalid'}{query_fail},
   $dns->{stats}{'nowhere.invalid'}{runs}, 'all in vain');
is($dns->{stats}{'nowhere.invalid'}{query_succ}, 0, 'indeed');

for ('/status/', '/status/ready/') {
    is(http_get($_, %status)->status, 200, "GET $_");
}

is(http_request('POST', '/status/ready/', %status, body => 'status=draining')
   ->status, 204, 'POST /status/ready/');
is(http_get('/status/ready', %status)->body, '{"message":"draining"}',
   'draining');

ok($nginx->reload, 'reload');
is_deeply({ health(get('/upstreams/pool/health')) }->{"127.0.0.1:$dead"},
          'UNHEALTHY', 'health outlasts it');
is(http_get('/status/ready', %status)->status, 503, 'draining too');
is($nginx->stop, '', 'stopped');
unlike($nginx->error_log, qr/\[(alert|emerg|crit)\](?!.*setrlimit)/, 'nothing in the log');

run_tests();

__DATA__

=== TEST 1: parameters of a target
--- http_config
    gateway_upstream u {
        id abc;
        target 127.0.0.1:80 weight=5 id=def "tag=a b" tag=c created_at=1
               updated_at=2;
    }
--- config
    location /upstreams/ { gateway_upstream_status; }
--- request
GET /upstreams/u/targets
--- response_body chomp
{"data":[{"id":"def","target":"127.0.0.1:80","weight":5,"upstream":{"id":"abc"},"created_at":1,"updated_at":2,"tags":["a b","c"]}],"next":null}


=== TEST 2: names
--- config
    location /dns { gateway_dns_status; }
--- request
GET /dns
--- response_body chomp
{"worker":{"id":0,"count":1},"stats":{}}


=== TEST 3: an unknown parameter
--- http_config
    gateway_upstream u { target 127.0.0.1:80 wieght=5; }
--- config
--- must_die
--- error_log
"target" in "gateway_upstream" has an invalid parameter: write weight=


=== TEST 4: a bad time
--- http_config
    gateway_upstream u { target 127.0.0.1:80 created_at=now; }
--- config
--- must_die
--- error_log
has an invalid time: write seconds
