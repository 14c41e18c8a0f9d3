# Copyright (C) the ngx_gateway authors
#
# The metrics of the prometheus policy.

use lib 't/lib';
use Test::Gateway 'no_plan';

my $pool = <<'_EOC_';
    upstream gateway_pool_t { gateway_balancer; }
_EOC_

# a page with the values that change from run to run taken out
sub page {
    my ($query) = @_;
    my $res = http_get('/metrics' . ($query // ''));
    return $res && $res->status == 200 ? $res->body : '';
}

sub value {
    my ($page, $sample) = @_;
    return $page =~ /^\Q$sample\E (\S+)$/m ? $1 : undef;
}

my $echo = "http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}";
my $service = <<"_EOC_";
    gateway_service orders host=127.0.0.1 port=$ENV{TEST_NGINX_ECHO_PORT} {
        proxy_pass http://gateway_pool_t;
    }
    gateway_service 8e4ef9f9-3a6e-4d1e-8f0b-0d3f1f0e3c11
            id=8e4ef9f9-3a6e-4d1e-8f0b-0d3f1f0e3c11
            host=127.0.0.1 port=$ENV{TEST_NGINX_UNUSED_PORT} retries=0 {
        proxy_pass http://gateway_pool_t;
    }
    location = /metrics { gateway_prometheus_metrics; }
_EOC_
my $all = 'status_code_metrics=on latency_metrics=on bandwidth_metrics=on';

start_echo();

# ---- counting -------------------------------------------------------------

my $nginx = start_nginx(http_config => $pool, workers => 2, master => 1,
                        config => $service . <<"_EOC_");
    gateway_prometheus $all;
    gateway_route get-orders service=orders { paths /orders; }
    gateway_route quoted"\\\\x service=orders { paths /quoted; }
    gateway_route dead service=8e4ef9f9-3a6e-4d1e-8f0b-0d3f1f0e3c11 {
        paths /dead;
    }
    gateway_route alone { paths /alone; }
    gateway_route quiet service=orders {
        paths /quiet;
        gateway_prometheus off;
    }
_EOC_

http_get('/orders/1') for 1 .. 5;
http_get('/orders/1', headers => ['X-Test-Status: 400']);
http_get('/quoted');
http_get('/dead');
http_get('/alone');
http_get('/quiet');
http_get('/none');

my $l = 'service="orders",route="get-orders"';
my $page;
wait_until(sub {
    $page = page();
    ($page =~ /route="alone"/) && ($page =~ /route="dead"/)
}, 3);

sub requests {
    my ($page, $service, $route, $code, $source, $consumer) = @_;
    return value($page, qq(kong_http_requests_total{service="$service",)
        . qq(route="$route",code="$code",source="$source",)
        . qq(workspace="default",consumer=") . ($consumer // '') . '"}');
}

is(requests($page, 'orders', 'get-orders', 200, 'service'), 5,
   'requests are counted over all workers');
is(requests($page, 'orders', 'get-orders', 400, 'service'), 1,
   'an error of the upstream is the service\'s');
is(requests($page, '127.0.0.1', 'dead', 502, 'kong'), 1,
   'a dead upstream is ours; an unnamed service has its host as label');
is(requests($page, '', 'alone', 503, 'kong'), 1,
   'a route without a service has an empty label');
like($page, qr/route="quoted\\"\\\\x"/, 'label values are escaped');
unlike($page, qr/route="quiet"/, 'a policy that is off counts nothing');
unlike($page, qr/code="404"/, 'requests without a route are not counted');

is(value($page, "kong_kong_latency_ms_count{$l,workspace=\"default\"}"), 6,
   'gateway latency');
is(value($page, "kong_request_latency_ms_count{$l,workspace=\"default\"}"), 6,
   'request latency');
is(value($page, "kong_upstream_latency_ms_count{$l,workspace=\"default\"}"), 6,
   'upstream latency');
is(value($page, "kong_kong_latency_ms_bucket{$l,workspace=\"default\","
                . 'le="+Inf"}'), 6, 'the last bucket holds all');
like($page, qr/^kong_kong_latency_ms_sum\{\Q$l\E,workspace="default"\} \d+$/m,
     'sum');
unlike($page, qr/kong_upstream_latency_ms_count\{service="",route="alone"/,
       'no upstream latency without an upstream');
is(join(' ', $page =~ /^kong_kong_latency_ms_bucket\{\Q$l\E,workspace="default",le="([^"]+)"/mg),
   '1 2 5 7 10 15 20 30 50 75 100 200 500 750 1000 3000 6000 +Inf',
   'buckets of the gateway latency');
is(join(' ', $page =~ /^kong_request_latency_ms_bucket\{\Q$l\E,workspace="default",le="([^"]+)"/mg),
   '25 50 80 100 250 400 700 1000 2000 5000 10000 30000 60000 +Inf',
   'buckets of the request latency');

my $request = length "GET /orders/1 HTTP/1.1\r\nHost: localhost\r\n"
                     . "Connection: close\r\n\r\n";
is(value($page, "kong_bandwidth_bytes{$l,direction=\"ingress\","
                . 'workspace="default",consumer=""}'),
   6 * $request + length("X-Test-Status: 400\r\n"), 'bytes in');
ok(value($page, "kong_bandwidth_bytes{$l,direction=\"egress\","
                . 'workspace="default",consumer=""}') > 600, 'bytes out');

is(value($page, 'kong_datastore_reachable'), 1, 'no datastore to miss');
is(value($page, 'kong_nginx_metric_errors_total'), 0, 'nothing dropped');
like($page, qr/^kong_node_info\{node_id="[0-9a-f-]{36}",version="0\.1\.0"\} 1$/m,
     'node_info');
like($page, qr/^kong_nginx_connections_total\{node_id="[0-9a-f-]{36}",subsystem="http",state="$_"\} \d+$/m,
     "connections $_")
    for qw(accepted active handled reading total waiting writing);
like($page, qr/^kong_memory_lua_shared_dict_total_bytes\{node_id="[^"]+",shared_dict="gateway_prometheus",kong_subsystem="http"\} 8388608$/m,
     'the zone has its default size');
ok(wait_until(sub {
    2 == (() = page() =~ /^kong_memory_workers_lua_vms_bytes\{/mg)
}, 5), 'both workers are there');
unlike($page, qr/kong_upstream_target_health/,
       'target health is off by default');

for my $name ($page =~ /^([a-z_]+)\{/mg) {
    (my $family = $name) =~ s/_(?:bucket|count|sum)$//;
    if ($page !~ /^# HELP \Q$family\E \S.*\n# TYPE \Q$family\E (?:counter|gauge|histogram)$/m)
    {
        fail("$name has HELP and TYPE");
        last;
    }
}

my $res = http_get('/metrics');
is($res->header('Content-Type'), 'text/plain; charset=UTF-8', 'content type');
is(http_request('POST', '/metrics')->status, 405, 'GET only');
is(http_request('POST', '/metrics')->body,
   '{"message":"Method not allowed"}', 'said as the status API does');
is(http_get('/metrics?names=foo')->status, 400, 'unknown names');
is(http_request('HEAD', '/metrics')->status, 200, 'HEAD');

# ---- the other names ------------------------------------------------------

my $other = page('?names=gateway');
like($other, qr/^gateway_http_requests_total\{service="orders",route="get-orders",code="200",source="service",workspace="default",consumer=""\} 5$/m,
     'names=gateway');
like($other, qr/^gateway_internal_latency_seconds_bucket\{\Q$l\E,workspace="default",le="0.001"\} /m,
     'seconds');
like($other, qr/^gateway_request_latency_seconds_bucket\{\Q$l\E,workspace="default",le="0.025"\} /m,
     'seconds');
unlike($other, qr/kong_/, 'none of the first');

SKIP: {
    my $promtool = `command -v promtool 2>/dev/null`;
    chomp $promtool;
    Test::More::skip('no promtool', 2) unless $promtool;

    Test::Gateway::Server::write_file("$nginx->{root}/page", $other);
    is(`$promtool check metrics < $nginx->{root}/page 2>&1`, '',
       'promtool finds nothing');

    Test::Gateway::Server::write_file("$nginx->{root}/page", $page);
    my $lint = `$promtool check metrics < $nginx->{root}/page 2>&1`;
    unlike($lint, qr/error while linting|parse/,
           'promtool reads Kong\'s names too');
}

# ---- reload, lost workers -------------------------------------------------

ok($nginx->reload(drained => 1), 'reload');
http_get('/orders/1') for 1 .. 5;
ok(wait_until(sub {
    requests(page(), 'orders', 'get-orders', 200, 'service') == 10
}, 3), 'counts survive a reload');

my %before = map { $_ => 1 } $nginx->workers;
kill 'KILL', keys %before;
ok(wait_until(sub {
    my @now = $nginx->workers;
    @now == 2 && !grep { $before{$_} } @now
}, 5), 'killed workers are replaced');
http_get('/orders/1') for 1 .. 5;
ok(wait_until(sub {
    (requests(page(), 'orders', 'get-orders', 200, 'service') // 0) == 15
}, 3), 'counts survive the end of workers');

is($nginx->stop, '', 'stopped');

# ---- consumers ------------------------------------------------------------

my $consumers = <<'_EOC_';
    gateway_consumer alice { username alice; gateway_key_auth_credential key=a; }
_EOC_

$nginx = start_nginx(http_config => $pool . $consumers,
                     config => $service . <<"_EOC_");
    gateway_prometheus status_code_metrics=on bandwidth_metrics=on;
    gateway_route plain service=orders {
        paths /plain;
        gateway_key_auth on;
    }
    gateway_route each service=orders {
        paths /each;
        gateway_key_auth on;
        gateway_prometheus status_code_metrics=on per_consumer=on;
    }
_EOC_

http_get($_, headers => ['apikey: a']) for qw(/plain /each);
http_get('/each');
wait_until(sub { ($page = page()) =~ /code="401"/ }, 3);

is(requests($page, 'orders', 'each', 200, 'service', 'alice'), 1,
   'per_consumer fills the label');
is(requests($page, 'orders', 'each', 401, 'kong'), 1,
   'nobody has an empty one');
is(requests($page, 'orders', 'plain', 200, 'service'), 1,
   'without it the label is empty');
unlike($page, qr/kong_bandwidth_bytes\{service="orders",route="each"/,
       'the most specific instance alone counts');
unlike($page, qr/_latency_ms/, 'a switch that is off shows nothing');
$nginx->stop;

# ---- targets --------------------------------------------------------------

$nginx = start_nginx(http_config => $pool . <<"_EOC_", config => $service . <<'_EOD_');
    gateway_upstream pets {
        target 127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
        target 127.0.0.1:$ENV{TEST_NGINX_UNUSED_PORT} weight=5;
    }
_EOC_
    gateway_route one service=orders {
        paths /one;
        gateway_prometheus upstream_health_metrics=on;
    }
_EOD_

$page = page();
for my $port (@ENV{qw(TEST_NGINX_ECHO_PORT TEST_NGINX_UNUSED_PORT)}) {
    my $t = qq(kong_upstream_target_health{upstream="pets",)
            . qq(target="127.0.0.1:$port",address="127.0.0.1:$port",state=);
    is(value($page, qq($t"healthchecks_off",subsystem="http"})), 1,
       'a target without health checks');
    is(value($page, qq($t"$_",subsystem="http"})), 0, "which is not $_")
        for qw(healthy unhealthy dns_error);
}
$nginx->stop;

# ---- a full zone ----------------------------------------------------------

my $routes = join '', map {
    sprintf "gateway_route %s-%d service=orders { paths /r%d; }\n",
            'x' x 900, $_, $_
} 1 .. 60;

$nginx = start_nginx(
    http_config => "$pool gateway_prometheus_zone 64k;",
    config => $service . "gateway_prometheus $all;" . $routes);

http_get("/r$_") for 1 .. 60;
ok(wait_until(sub {
    (value(page(), 'kong_nginx_metric_errors_total') // 0) > 0
}, 3), 'what does not fit is counted');
like($nginx->error_log, qr/\[warn\].*zone "gateway_prometheus" is full/,
     'and logged');
is(scalar(() = $nginx->error_log =~ /is full/g), 1, 'once');
is(http_get('/r60')->status, 200, 'requests are served as ever');
is($nginx->stop, '', 'stopped');

# ---- directives -----------------------------------------------------------

for my $t (
    ['gateway_prometheus_zone 1x;', '', qr/invalid zone size "1x"/],
    ['gateway_prometheus_zone 4k;', '', qr/zone size "4k" is too small, the least is 65536/],
    ['gateway_prometheus_zone 1m; gateway_prometheus_zone 1m;', '', qr/is duplicate/],
    ['', 'location = /m { gateway_prometheus_metrics names=x; }', qr/write "names=kong" or "names=gateway"/],
    ['gateway_prometheus status=on;', '', qr/"status=on"|"status"/],
    ['gateway_prometheus per_consumer=1;', '', qr/per_consumer/],
) {
    my $n = start_nginx(http_config => $t->[0], config => $t->[1],
                        may_fail => 1);
    ok($n->{died}, "refused: $t->[0]$t->[1]");
    like($n->stderr . $n->error_log, $t->[2], 'and says why');
    $n->stop;
}

# without any policy the page has what the node alone knows
$nginx = start_nginx(config => 'location = /metrics { gateway_prometheus_metrics names=gateway; }');
like(page(), qr/^gateway_node_info/m, 'a page without policies');
unlike(page(), qr/requests_total\{/, 'counts nothing');
$nginx->stop;
