# Copyright (C) the ngx_gateway authors
#
# service_protection: what reaches a service as a whole, next to other limits.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;

my $port = port(1);
my $redis = Test::Gateway::Redis->start($port);
my $echo = $ENV{TEST_NGINX_ECHO_PORT};

# windows that do not end while the test runs, and began long ago
my ($long, $longer) = (200000000, 315360000);

start_echo();

my %limit = (
    plain => "limit=3 window_size=$long",
    two => "limit=5 limit=2 window_size=$longer window_size=$long",
    fixed => "limit=2 window_size=$long window_type=fixed disable_penalty=on",
    code => "limit=1 window_size=$long error_code=503 "
            . '"error_message=The service is busy" '
            . 'retry_after_jitter_max=1000000',
    hidden => "limit=1 window_size=$long hide_client_headers=on",
    redis => "limit=2 window_size=$long strategy=redis sync_rate=0 "
             . "redis.port=$port",
    space => "limit=2 window_size=$long strategy=redis sync_rate=0 "
             . "namespace=shop redis.port=$port",
    batch => "limit=2 window_size=$long strategy=redis sync_rate=0.05 "
             . "namespace=batch redis.port=$port",
    late => "limit=1 window_size=$long strategy=redis sync_rate=0 "
            . "redis.port=$ENV{TEST_NGINX_UNUSED_PORT}",
);

my $services = '';

for my $name (sort keys %limit) {
    $services .= <<"_EOC_";
    gateway_service $name host=127.0.0.1 port=$echo {
        gateway_service_protection $limit{$name};
        add_header X-Status "\$gateway_service_protection_status" always;
        proxy_pass http://pool;
    }
    gateway_route $name service=$name { paths /$name; }
    gateway_route $name-too service=$name { paths /too/$name; }
_EOC_
}

my $nginx = start_nginx(
    master => 1, workers => 2, log_level => 'info',
    http_config => <<'_EOC_', config => $services . <<"_EOC_");
    upstream pool { gateway_balancer; keepalive 4; }
    gateway_prometheus status_code_metrics=on;
    gateway_consumer alice { gateway_key_auth_credential key=alice; }
    gateway_consumer bob { gateway_key_auth_credential key=bob; }
    gateway_consumer carol { gateway_key_auth_credential key=carol; }
_EOC_
    gateway_service keyed host=127.0.0.1 port=$echo {
        gateway_key_auth on;
        gateway_rate_limiting year=2;
        gateway_service_protection limit=3 window_size=31536000;
        proxy_pass http://pool;
    }
    gateway_route keyed service=keyed { paths /keyed; }

    gateway_service advanced host=127.0.0.1 port=$echo {
        gateway_rate_limiting_advanced limit=9 limit=8 window_size=$long
                                       window_size=60 identifier=service;
        gateway_service_protection limit=2 window_size=$long;
        proxy_pass http://pool;
    }
    gateway_route advanced service=advanced { paths /advanced; }

    gateway_service free host=127.0.0.1 port=$echo {
        gateway_service_protection off;
        proxy_pass http://pool;
    }
    gateway_route free service=free { paths /free; }

    gateway_service narrow host=127.0.0.1 port=$echo {
        proxy_pass http://pool;
    }
    gateway_route narrow service=narrow {
        paths /narrow;
        gateway_service_protection limit=1 window_size=$long;
    }
    gateway_route wide service=narrow { paths /wide; }

    gateway_service one host=127.0.0.1 port=$echo { proxy_pass http://pool; }
    gateway_service other host=127.0.0.1 port=$echo { proxy_pass http://pool; }
    gateway_route one service=one { paths /one; }
    gateway_route other service=other { paths /other; }
    gateway_route none { paths /none; }

    gateway_service_protection limit=2 window_size=$long;

    location = /in-location { proxy_pass http://127.0.0.1:$echo; }
    location = /metrics { gateway_prometheus_metrics; }
_EOC_

sub statuses {
    return join ' ', map { http_get($_)->status } @_;
}

sub is_header {
    my ($res, %want) = @_;
    my %got = map { $_ => $res->header($_) } keys %want;
    is_deeply(\%got, \%want, join ' ', 'headers:', sort keys %want);
}

# all routes count together

my $res = http_get('/plain');
is($res->status, 200, 'the first of three');
is_header($res, "X-RateLimit-Limit-$long" => 3,
          "X-RateLimit-Remaining-$long" => 2, 'RateLimit-Limit' => 3,
          'RateLimit-Remaining' => 2, 'Retry-After' => undef,
          'X-Status' => 'PASSED');
is(statuses('/too/plain', '/plain', '/too/plain', '/plain'),
   '200 200 429 429', 'by whichever route');
$res = http_get('/plain');
like($res->body, qr/"message":"API rate limit exceeded"/, 'the message');
is_header($res, 'RateLimit-Remaining' => 0, 'X-Status' => 'REJECTED',
          'Retry-After' => $res->header('RateLimit-Reset'));

is(statuses(('/two') x 3), '200 200 429', 'several limits, the least stops');
is(http_get('/two')->header("X-RateLimit-Remaining-$longer"), 3,
   'what it refuses does not count for longer ones');
is(statuses(('/fixed') x 3), '200 200 429', 'a fixed window');

is(statuses('/code'), '200', 'one');
$res = http_get('/code');
is($res->status, 503, 'error_code');
like($res->body, qr/"message":"The service is busy"/, 'error_message');
cmp_ok($res->header('Retry-After'), '>', $res->header('RateLimit-Reset'),
       'jitter');

is(statuses('/hidden', '/hidden'), '200 429', 'without headers');
is_header(http_get('/hidden'), 'RateLimit-Limit' => undef,
          'RateLimit-Remaining' => undef, 'Retry-After' => undef,
          "X-RateLimit-Limit-$long" => undef);

# Redis

is(statuses(('/redis') x 3), '200 200 429', 'counters in Redis');
is(statuses(('/space') x 3), '200 200 429', 'a namespace');
sub keys_like { return CORE::join("\n", @{$redis->ask('keys', $_[0])}) }

like(keys_like('service-protection:*'),
     qr/service-protection:[0-9a-f-]{36}:[0-9a-f-]{36}:service=[0-9a-f-]{36}:/,
     'the key has the service');
like(keys_like('*shop*'), qr/service-protection:shop:service=/,
     'or the namespace');
unlike(keys_like('*'), qr/ratelimit-advanced/, 'none of others');
is(statuses(('/batch') x 3), '200 200 429', 'counted here, told in batches');
ok(wait_until(sub { keys_like('*batch*') =~ /^service-protection:batch:service=/ },
              5), 'Redis hears of it');
is(statuses(('/late') x 2), '200 429', 'Redis is away: counted here');

# beside other limits: what they refuse is not counted

is(statuses(map { "/keyed?apikey=$_" } qw(alice alice alice alice bob bob)),
   '200 200 429 429 200 429', 'the third that passes rate_limiting is the last');
$res = http_get('/keyed?apikey=carol');
is($res->status, 429, 'another one is too late');
is_header($res, 'X-RateLimit-Limit-Year' => 3,
          'X-RateLimit-Remaining-Year' => 0, 'RateLimit-Limit' => 3);
is(scalar(my @n = $res->values_of('RateLimit-Limit')), 1, 'each header once');

$res = http_get('/advanced');
is_header($res, "X-RateLimit-Limit-$long" => 2,
          "X-RateLimit-Remaining-$long" => 1, 'X-RateLimit-Limit-Minute' => 8,
          'RateLimit-Limit' => 2, 'RateLimit-Remaining' => 1);
is(scalar(@n = $res->values_of("X-RateLimit-Remaining-$long")), 1,
   'the last one that decides is the one that says it');
is(statuses(('/advanced') x 2), '200 429', 'counters of its own');

# scopes

is(statuses(('/free') x 3), '200 200 200', 'off');
is(statuses('/narrow', '/narrow', '/wide', '/wide', '/wide'),
   '200 429 200 200 429', 'of a route; the server counts by service');
is(statuses(('/one') x 3, ('/other') x 3), '200 200 429 200 200 429',
   'each service for itself');
is(statuses(('/none') x 3), '503 503 503', 'no service, no limit');
is(statuses(('/in-location') x 3), '200 200 200', 'nor in a location');

# metrics

like(http_get('/metrics')->body,
     qr/^gateway_service_protection_requests_total\{service="two",route="two",outcome="rejected"\} 2$/m,
     'a metric counts what is refused');

$nginx->stop;
$redis->stop;


for my $case (['limit=1', 'needs "limit" and "window_size"'],
              ['limit=1 window_size=1.5',
               'invalid "window_size" "1.5" in "gateway_service_protection"'],
              ['limit=x window_size=1',
               'invalid "limit" "x" in "gateway_service_protection"'],
              ['limit=1 window_size=1 identifier=ip', '"identifier=ip"'])
{
    my ($args, $message) = @$case;
    my $failed = start_nginx(may_fail => 1,
                             config => "gateway_service_protection $args;");

    like($failed->stderr, qr/\Q$message\E/, "refused: $args");
    $failed->stop;
}

my $failed = start_nginx(may_fail => 1, config => '', http_config =>
    'gateway_consumer bob { gateway_service_protection limit=1 window_size=1; }');
like($failed->stderr, qr/"gateway_service_protection"/, 'not for a consumer');
$failed->stop;
