# Copyright (C) the ngx_gateway authors
#
# response_ratelimiting: what responses announce, with counters in shared
# memory and in a redis-server.  Limits are per year and day, so that no
# window ends in a test, but for those about windows.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;
use Test::More;
use POSIX 'strftime';
use Time::HiRes 'time';

my $port = port(1);
my $unused = $ENV{TEST_NGINX_UNUSED_PORT};
my $nil = '00000000-0000-0000-0000-000000000000';
my $redis = Test::Gateway::Redis->start($port);

start_echo();

my $echo = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";


# one request that announces; further headers of the request behind it
sub get {
    my ($path, $used, @headers) = @_;

    return http_get($path, headers => [
        (defined $used ? "X-Test-Header: X-Kong-Limit: $used" : ()),
        @headers]);
}


# what a client and the upstream are told
sub told {
    my ($res, $name, $period) = @_;
    my ($upstream) = $res->body =~ /^X-RateLimit-Remaining-$name: (\S+)/mi;

    return [$res->status, $upstream,
            $res->header("X-RateLimit-Limit-$name-$period"),
            $res->header("X-RateLimit-Remaining-$name-$period")];
}


sub location {
    my ($path, $at, $args, $more) = @_;
    my ($name) = $path =~ m{(\w+)};

    # counts belong to the service: the same names are counted apart
    return "gateway_service $name host=127.0.0.1"
        . " port=$ENV{TEST_NGINX_ECHO_PORT} {\n"
        . "gateway_response_ratelimiting $args $at;\n"
        . ($more // '') . "\n$echo\n}\n"
        . "gateway_route $name service=$name {\npaths $path;\n}\n";
}


sub config {
    my ($at) = @_;

    return join '',
        location('/video', $at, 'limits.video.year=6'),
        location('/two', $at, 'limits.video.day=3 limits.video.year=9'
                              . ' limits.image.year=4'),
        location('/block', $at,
                 'limits.video.year=3 limits.image.year=9'
                 . ' block_on_first_violation=on'),
        location('/hidden', $at,
                 'limits.video.year=2 hide_client_headers=on'),
        location('/named', $at, 'limits.video.year=5 header_name=X-Used'),
        location('/part', $at, 'limits.video.day=1.5'
                               . ' limits.video.year=2.25'),
        location('/ended', $at, 'limits.video.year=5',
                 'gateway_request_termination status_code=418'
                 . ' message=teapot;'),
        location('/refused', $at, 'limits.video.year=5',
                 'gateway_key_auth on;'),
        location('/who', $at, 'limits.video.year=4', 'gateway_key_auth on;'),
        location('/ip', $at, 'limits.video.year=4 limit_by=ip',
                 'gateway_key_auth on;');
}


for my $policy ('local', 'redis') {
    my $at = $policy eq 'local' ? ''
             : "policy=redis redis.host=127.0.0.1 redis.port=$port";
    my $nginx = start_nginx(master => 1, workers => 2,
        http_config => <<"_EOC_", config => config($at));
    gateway_consumer bob {
        gateway_key_auth_credential key=k1;
        gateway_key_auth_credential key=k2;
    }
    gateway_consumer eve {
        gateway_key_auth_credential key=k3;
        gateway_response_ratelimiting limits.video.year=1 $at;
    }
_EOC_
    my ($res, $n);

    # what responses announce is added to Redis after they were sent
    my $used = sub {
        my ($path, $name, $expected, @headers) = @_;
        ok(wait_until(sub {
            my $r = get($path, undef, @headers);
            my ($left) = $r->body =~ /^X-RateLimit-Remaining-$name: (\S+)/mi;
            return defined $left && $left == $expected;
        }, 10), "$policy: $path: $expected left of $name");
    };

    is_deeply(told(get('/video', undef), 'video', 'year'), [200, 6, 6, 6],
              "$policy: nothing announced, nothing used");
    is_deeply(told(get('/video', 'video=2'), 'video', 'year'), [200, 6, 6, 4],
              "$policy: two of six");
    $used->('/video', 'video', 4);
    $res = get('/video', ' video = 3 , image=7,junk,video2=1,=5');
    is_deeply(told($res, 'video', 'year'), [200, 4, 6, 1],
              "$policy: blanks; names that are none of ours");
    is($res->header('X-Kong-Limit'), undef, "$policy: the header is removed");
    $used->('/video', 'video', 1);

    for my $bad ('video', 'video=', 'video=x', 'video=-1', 'video=1.5',
                 'video=1=2', 'video=99999999999999999999999', 'Video=1',
                 "video=0", '')
    {
        is_deeply(told(get('/video', $bad), 'video', 'year'), [200, 1, 6, 1],
                  "$policy: \"$bad\" is skipped");
    }

    is_deeply(told(get('/video', 'video=5'), 'video', 'year'),
              [200, 1, 6, 0], "$policy: the last one may overshoot");
    $used->('/video', 'video', -4);
    $res = get('/video', 'video=1', 'X-Test-Header: Content-Encoding: gzip',
               'X-Test-Header: ETag: "a"', 'X-Test-Header: X-Mine: 1');
    is($res->status, 429, "$policy: nothing was left: 429");
    is($res->body, '', "$policy: without a body");
    is($res->header('Content-Length'), 0, "$policy: of no length");
    is($res->header('Content-Encoding'), undef, "$policy: not encoded");
    is($res->header('ETag'), undef, "$policy: without ETag");
    is($res->header('X-Mine'), 1, "$policy: other headers stay");
    is($res->header('X-RateLimit-Remaining-video-year'), 0,
       "$policy: nothing is left");
    is_deeply(told(get('/video', undef), 'video', 'year'), [200, -4, 6, 0],
              "$policy: a response that uses nothing passes; nothing counted");
    is(get('/video', 'image=1')->status, 200,
       "$policy: so does one that uses another limit");

    # two limits, two periods
    $res = get('/two', 'image=1', 'X-Test-Header: X-Kong-Limit: video=2');
    is_deeply(told($res, 'video', 'day'), [200, 3, 3, 1],
              "$policy: repeated headers combine, the least is told");
    is_deeply(told($res, 'video', 'year'), [200, 3, 9, 7],
              "$policy: each period is counted");
    is_deeply(told($res, 'image', 'year'), [200, 4, 4, 3],
              "$policy: each limit is counted");
    $used->('/two', 'video', 1);
    $used->('/two', 'image', 3);
    get('/two', 'video=1');
    $used->('/two', 'video', 0);
    is(get('/two', 'video=1')->status, 429, "$policy: a day that is over");
    is(get('/two', 'image=1')->status, 200, "$policy: the other limit is not");
    is(get('/two', 'video=1, video=0')->status, 200,
       "$policy: of a name that comes twice the last amount counts");

    # block_on_first_violation
    get('/block', 'video=3');
    ok(wait_until(sub { get('/block', undef)->status == 429 }, 10),
       "$policy: block_on_first_violation blocks what would use nothing");
    $res = get('/block', 'image=1');
    like($res->body, qr/"message":"API rate limit exceeded for 'video'"/,
         "$policy: its message");
    is($res->header('X-RateLimit-Limit-video-year'), undef,
       "$policy: without headers");

    # hidden, another name
    $res = get('/hidden', 'video=3');
    is($res->header('X-RateLimit-Limit-video-year'), undef,
       "$policy: hidden headers");
    ok(wait_until(sub { get('/hidden', 'video=1')->status == 429 }, 10),
       "$policy: the limit holds");
    $res = get('/named', 'video=3', 'X-Test-Header: X-Used: video=1');
    is_deeply(told($res, 'video', 'year'), [200, 5, 5, 4],
              "$policy: header_name");
    is($res->header('X-Used'), undef, "$policy: it is removed");
    is($res->header('X-Kong-Limit'), 'video=3', "$policy: no other one");

    # fractions
    is_deeply(told(get('/part', 'video=1'), 'video', 'day'),
              [200, 1.5, 1.5, 0.5], "$policy: a fraction of a limit");
    $used->('/part', 'video', 0.5);
    is_deeply(told(get('/part', 'video=1'), 'video', 'year'),
              [200, 0.5, 2.25, 0.25], "$policy: is one more");
    $used->('/part', 'video', -0.5);
    is(get('/part', 'video=1')->status, 429, "$policy: the last one");

    # answers of other policies
    is(get('/ended', 'video=1')->header('X-RateLimit-Remaining-video-year'),
       5, "$policy: an answer of a later policy");
    is(get('/refused', 'video=1')->header('X-RateLimit-Remaining-video-year'),
       undef, "$policy: an answer of an earlier policy");

    # clients and upstreams do not speak for us
    $res = get('/named', undef, 'X-RateLimit-Remaining-video: 100',
               'X-Test-Header: X-RateLimit-Remaining-video-year: 100');
    is_deeply([$res->body =~ /^X-RateLimit-Remaining-video: (\S+)/mig],
              [4], "$policy: the client's is replaced");
    is_deeply([$res->values_of('X-RateLimit-Remaining-video-year')], [4],
              "$policy: the upstream's is replaced");

    # identifiers
    get('/who', 'video=2', 'apikey: k1');
    $used->('/who', 'video', 2, 'apikey: k2');
    is_deeply(told(get('/who', 'video=1', 'apikey: k3'), 'video', 'year'),
              [200, 1, 1, 0], "$policy: a consumer with a limit of its own");
    get('/ip', 'video=3', 'apikey: k1');
    $used->('/ip', 'video', 1, 'apikey: k1');

    if ($policy eq 'local') {
        ok($nginx->reload, 'a reload');
        is_deeply(told(get('/who', undef, 'apikey: k1'), 'video', 'year'),
                  [200, 2, 4, 2], 'counts survive it');

    } else {
        my $year = strftime('%Y', gmtime);
        my $start = `date -u -d $year-01-01 +%s`;
        chomp $start;
        my ($key) = grep {
            /^response-ratelimit:$nil:[0-9a-f-]{36}:127\.0\.0\.1
             :${start}000:video:year$/x
        } @{ $redis->ask('KEYS', '*') };

        ok($key, 'keys are those of Kong')
            or diag(join "\n", @{ $redis->ask('KEYS', '*') });
        my $ttl = $redis->ask('TTL', $key);
        ok($ttl > 31535000 && $ttl <= 31536000, 'they expire');
    }

    unlike($nginx->error_log, qr/\[(error|alert|crit|emerg)\]/,
           "$policy: no error is logged");
    $nginx->stop;
}


# the second is over: all is left again
{
    my $nginx = start_nginx(config => location('/s', '',
                                               'limits.video.second=1'));
    my $over;

    get('/s', 'video=5');
    ok(wait_until(sub {
        $over = get('/s', undef);
        return $over->body =~ /^X-RateLimit-Remaining-video: 1$/mi;
    }, 10), 'a new second');
    $nginx->stop;
}


# Redis is not there
{
    my $at = "policy=redis redis.host=127.0.0.1 redis.port=$unused";
    my $nginx = start_nginx(config => join '',
        location('/open', $at, 'limits.video.year=1'),
        location('/closed', $at, 'limits.video.year=1 fault_tolerant=off'));
    my $res;

    for (1 .. 5) {
        $res = get('/open', 'video=1');
        is($res->status, 200, 'fault_tolerant: requests pass');
        is($res->header('X-RateLimit-Limit-video-year'), undef,
           'without headers');
        is($res->header('X-Kong-Limit'), undef, 'the announcement is removed');
    }

    $res = get('/closed', 'video=1');
    is($res->status, 500, 'else they fail');
    like($res->body, qr/"message":"An unexpected error occurred"/, 'so');
    like($nginx->error_log, qr/response_ratelimiting: the counters cannot be/,
         'it is logged');
    $nginx->stop;
}

# ---- locations are one place, names tell them apart --------------------------

{
    my $nginx = start_nginx(config => join '', map {
        "location = /$_->[0] {\n"
        . "gateway_response_ratelimiting limits.$_->[1].year=$_->[2];\n$echo\n}\n"
    } ['one', 'video', 9], ['other', 'video', 5], ['apart', 'clips', 5]);

    get('/one', 'video=2');
    is_deeply(told(get('/other'), 'video', 'year'), [200, 3, 5, 3],
              'two locations count together');
    is_deeply(told(get('/apart'), 'clips', 'year'), [200, 5, 5, 5],
              'another name is counted apart');
    $nginx->stop;
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: no limits
--- config
    gateway_response_ratelimiting limit_by=ip;
--- must_die
--- error_log
"gateway_response_ratelimiting" directive needs at least one "limits.<name>.<period>"



=== TEST 2: no period
--- config
    gateway_response_ratelimiting limits.video=1;
--- must_die
--- error_log
expected "limits.<name>.<period>=<number>"



=== TEST 3: another period
--- config
    gateway_response_ratelimiting limits.video.week=1;
--- must_die
--- error_log
the period must be second, minute, hour, day, month or year



=== TEST 4: a limit of nothing
--- config
    gateway_response_ratelimiting limits.video.day=0;
--- must_die
--- error_log
expected a number above 0



=== TEST 5: a name that cannot stand in a header
--- config
    gateway_response_ratelimiting "limits.a b.day=1";
--- must_die
--- error_log
names of limits consist of letters, digits



=== TEST 6: a longer period with a lower limit
--- config
    gateway_response_ratelimiting limits.video.second=20 limits.video.hour=10;
--- must_die
--- error_log
The limit for hour(10.0) cannot be lower than the limit for second(20.0)



=== TEST 7: Redis without a host
--- config
    gateway_response_ratelimiting limits.video.second=20 policy=redis;
--- must_die
--- error_log
needs "redis.host" with "policy=redis"



=== TEST 8: a zone of a page
--- http_config
    gateway_response_ratelimiting_zone 4k;
--- config
--- must_die
--- error_log
zone size "4k" is too small



=== TEST 9: twice
--- http_config
    gateway_response_ratelimiting_zone 1m;
    gateway_response_ratelimiting_zone 1m;
--- config
--- must_die
--- error_log
"gateway_response_ratelimiting_zone" directive is duplicate



=== TEST 10: the same period twice
--- config
    gateway_response_ratelimiting limits.video.second=20 limits.video.second=10;
--- must_die
--- error_log
is duplicate
