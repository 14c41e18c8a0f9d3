# Copyright (C) the ngx_gateway authors
#
# rate_limiting: counters in a redis-server: keys, windows, decisions, headers;
# two gateways hold one limit; what happens when Redis is not there.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Redis;

use IO::Socket::INET;
use Time::HiRes 'time';

my $port = port(1);
my $unused = $ENV{TEST_NGINX_UNUSED_PORT};
my $nil = '00000000-0000-0000-0000-000000000000';
my $redis = Test::Gateway::Redis->start($port);
my $at = "policy=redis redis.host=127.0.0.1 redis.port=$port";

start_echo();

my $http2 = port(2);
my $echo = "client_max_body_size 1m; proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";

sub get {
    my ($path, @headers) = @_;
    return http_get($path, headers => [@headers]);
}

# requests that a test counts must be in one window: the start of the minute
# that they are in is read before and after them
sub in_one_minute {
    my ($what) = @_;
    my @result;

    for (1 .. 3) {
        my $start = int(time / 60);
        $redis->ask('FLUSHALL');
        @result = $what->($start * 60000);
        last if $start == int(time / 60);
    }

    return @result;
}

sub headers {
    my ($res, @names) = @_;
    return [map { $res->header($_) } @names];
}

my $nginx = start_nginx(master => 1, workers => 2,
                        http_config => <<"_EOC_", config => <<"_EOC2_");
    gateway_consumer bob {
        id 11111111-1111-4111-8111-111111111111;
        gateway_key_auth_credential key=k1;
    }
    gateway_consumer eve {
        gateway_key_auth_credential key=k2;
        gateway_rate_limiting minute=1 $at error_code=403
                              "error_message=eve again";
    }
    server {
        listen 127.0.0.1:$http2 http2;
        location = /many {
            gateway_rate_limiting year=1000 $at;
            $echo
        }
    }
_EOC_
    location = /minute {
        gateway_rate_limiting minute=3 $at limit_by=header header_name=X-Key;
        $echo
    }
    location = /two {
        gateway_rate_limiting minute=2 hour=99 $at limit_by=ip;
        $echo
    }
    location = /all {
        gateway_rate_limiting second=9 minute=9 hour=9 day=9 month=9 year=9
                              $at limit_by=ip;
        $echo
    }
    location = /consumer {
        gateway_key_auth on;
        gateway_rate_limiting minute=5 $at;
        $echo
    }
    location = /ten {
        gateway_rate_limiting year=10 $at limit_by=header header_name=X-Key;
        $echo
    }
    location = /hidden {
        gateway_rate_limiting minute=1 $at hide_client_headers=on;
        $echo
    }
    location = /down {
        gateway_rate_limiting minute=1 policy=redis redis.host=127.0.0.1
                              redis.port=$unused;
        $echo
    }
    location = /down500 {
        gateway_rate_limiting minute=1 policy=redis redis.host=127.0.0.1
                              redis.port=$unused fault_tolerant=off;
        $echo
    }
_EOC2_


# a limit, its headers, its key

my ($start, @res) = in_one_minute(sub {
    my ($start) = @_;
    return ($start, map { get('/minute', 'X-Key: a') } 1 .. 5);
});

is_deeply([map { $_->status } @res], [200, 200, 200, 429, 429],
          'three pass, the fourth and the fifth do not');
is_deeply([map { headers($_, 'X-RateLimit-Limit-Minute',
                         'X-RateLimit-Remaining-Minute', 'RateLimit-Limit',
                         'RateLimit-Remaining') } @res],
          [[3, 2, 3, 2], [3, 1, 3, 1], [3, 0, 3, 0], [3, 0, 3, 0],
           [3, 0, 3, 0]], 'their headers');
like($res[0]->header('RateLimit-Reset'), qr/^([1-9]|[1-5][0-9]|60)$/,
     'the reset');
is($res[0]->header('Retry-After'), undef, 'no Retry-After when it passed');
is($res[3]->header('Retry-After'), $res[3]->header('RateLimit-Reset'),
   'Retry-After when it did not');
like($res[3]->body, qr/"message":"API rate limit exceeded"/, 'the message');
is_deeply([sort @{ $redis->ask('KEYS', '*') }],
          ["ratelimit:$nil:$nil:a:$start:minute"], 'the key');
is($redis->ask('GET', "ratelimit:$nil:$nil:a:$start:minute"), 5,
   'refused requests are counted');
my $ttl = $redis->ask('TTL', "ratelimit:$nil:$nil:a:$start:minute");
ok($ttl > 50 && $ttl <= 60, "it expires in $ttl seconds");


# several periods

($start, @res) = in_one_minute(sub {
    my ($start) = @_;
    return ($start, map { get('/two') } 1 .. 4);
});

is_deeply([map { $_->status } @res], [200, 200, 429, 429], 'two periods');
is_deeply([map { headers($_, 'X-RateLimit-Remaining-Minute',
                         'X-RateLimit-Remaining-Hour', 'RateLimit-Limit') }
               @res],
          [[1, 98, 2], [0, 97, 2], [0, 97, 2], [0, 96, 2]],
          'refused requests are counted in the other period, and not taken '
          . 'off its remaining ones');

$redis->ask('FLUSHALL');
is(get('/all')->status, 200, 'all periods');
my @time = gmtime;
my %ttl = (second => 1, minute => 60, hour => 3600, day => 86400,
           month => 2592000, year => 31536000);
my @keys = @{ $redis->ask('KEYS', '*') };
is(scalar(grep { !/:second$/ } @keys), 5, 'a key for each');
for my $key (grep { !/:second$/ } @keys) {
    like($key, qr/^ratelimit:$nil:$nil:127\.0\.0\.1:\d{13}:(\w+)$/,
         'its name');
    my ($period) = $key =~ /:(\w+)$/;
    my $left = $redis->ask('TTL', $key);
    ok($left <= $ttl{$period} && $left > $ttl{$period} - 20,
       "it expires after a $period");
}
my ($month) = map { /:(\d+):month$/ } @keys;
@time = gmtime($month / 1000);
is_deeply([@time[0 .. 3]], [0, 0, 0, 1], 'months begin on the first');


# who is counted

($start, @res) = in_one_minute(sub {
    my ($start) = @_;
    return ($start, map { get('/consumer', "apikey: $_") } qw(k1 k2 k1 k2 k9));
});
is_deeply([map { $_->status } @res], [200, 200, 200, 403, 401],
          'a consumer with limits of its own; no key, no count');
is($res[0]->header('X-RateLimit-Limit-Minute'), 5, 'the limit of bob');
is($res[1]->header('X-RateLimit-Limit-Minute'), 1, 'the limit of eve');
like($res[3]->body, qr/eve again/, 'her message');
is($redis->ask('GET', "ratelimit:$nil:$nil:11111111-1111-4111-8111-"
                      . "111111111111:$start:minute"), 2,
   'consumers are counted by id');

($start, @res) = in_one_minute(sub {
    my ($start) = @_;
    return ($start, map { get('/minute', "X-Key: $_") }
            'x' x 300, "a\xff\xfeb", '127.0.0.1', 'a:b c', "\$3");
});
@keys = sort map { /^ratelimit:$nil:$nil:(.*):$start:minute$/s ? $1 : $_ }
             @{ $redis->ask('KEYS', '*') };
is(scalar(grep { /^sha256:[0-9a-f]{64}$/ } @keys), 3,
   'long and strange identifiers are hashed, and addresses of others');
is_deeply([grep { !/^sha256:/ } @keys], ['$3', 'a:b c'],
          'ordinary ones are not');
is(scalar(grep { $_->status == 200 } @res), 5, 'each has its own count');

($start, @res) = in_one_minute(sub {
    my ($start) = @_;
    return ($start, map { get('/hidden') } 1 .. 2);
});
is_deeply([map { $_->status } @res], [200, 429], 'hidden headers');
unlike($_->raw_headers, qr/ratelimit|retry-after/i, 'none of them')
    for @res;


# requests with bodies, requests over HTTP/2, many at a time

my $body = join '', map { "line $_\n" } 1 .. 20000;
my $posted = http_request('POST', '/minute', headers => ['X-Key: post'],
                          body => $body);
is($posted->status, 200, 'a request with a body waits for Redis');
ok(index($posted->body, $body) > 0, 'all of the body arrives');

SKIP: {
    `curl -V` =~ /HTTP2/ or skip 'curl has no HTTP/2', 1;
    my $url = "http://127.0.0.1:$http2/many";
    my $heads = join '', map { `curl -s -I --http2-prior-knowledge $url` }
                         1 .. 5;
    my @passed = $heads =~ m{^HTTP/2 200}mg;
    is(scalar @passed, 5, 'requests over HTTP/2');
}

{
    my @pids = map {
        my $pid = fork();
        if (!$pid) {
            require POSIX;
            POSIX::_exit(scalar grep { get('/ten', 'X-Key: ten')->status
                                       == 200 } 1 .. 20);
        }
        $pid;
    } 1 .. 5;
    my $passed = 0;
    for (@pids) {
        waitpid $_, 0;
        $passed += $? >> 8;
    }
    is($passed, 10, 'five clients at a time share ten requests exactly');
}


# Redis is not there

for (1 .. 5) {
    my $res = get('/down');
    is($res->status, 200, 'without Redis it passes');
    unlike($res->raw_headers, qr/ratelimit/i, 'without headers');

    $res = get('/down500');
    is($res->status, 500, 'or fails');
    like($res->body, qr/"message":"An unexpected error occurred"/,
         'with the message');
    unlike($res->raw_headers, qr/ratelimit/i, 'and without headers');
}
ok($nginx->wait_log(qr/redis: "127\.0\.0\.1:$unused" is down/, 5),
   'after three failures it is taken to be down');


# it goes away and comes back

is(get('/minute', 'X-Key: b')->header('X-RateLimit-Remaining-Minute'), 2,
   'counted');
$redis->kill;
is(get('/minute', 'X-Key: b')->status, 200, 'it was killed') for 1 .. 8;
$redis->again;
ok(wait_until(sub {
       (get('/minute', 'X-Key: c')->header('X-RateLimit-Limit-Minute') // 0)
           == 3 }, 10), 'it is used again when it is back');
unlike($nginx->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing bad is logged');


# one that hangs

$redis->pause;
is(get('/minute', 'X-Key: d')->status, 200, 'it hangs: passes')
    for 1 .. 6;
my @late = $nginx->error_log =~ /does not answer in time/g;
ok(@late >= 1 && @late <= 2, 'only the first of each worker waits for it');

# clients that do not wait that long

sub leave {
    my ($key) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => "127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}") or die;
    print $socket "GET /minute HTTP/1.1\r\nHost: a\r\nX-Key: $key\r\n\r\n";
    $socket->flush;
    select undef, undef, undef, 0.05;
    close $socket;
}

leave("left$_") for 1 .. 5;
$redis->go_on;
ok(wait_until(sub {
       (get('/minute', 'X-Key: e0')->header('X-RateLimit-Limit-Minute') // 0)
           == 3 }, 10), 'it is back');
$redis->pause;
leave("gone$_") for 1 .. 5;
$redis->go_on;
ok(wait_until(sub {
       (get('/minute', 'X-Key: e')->header('X-RateLimit-Limit-Minute') // 0)
           == 3 }, 10), 'it is used again');

ok($nginx->reload(drained => 1), 'old workers end after a reload');
is(get('/minute', 'X-Key: f')->status, 200, 'it works after it');

$nginx->stop('QUIT');
unlike($nginx->error_log, qr/\[(alert|crit|emerg)\]|open socket/,
       'nothing bad is logged');


# the same from a file: keys have the ids of the plugin's scope

my %id = map { $_ => "$_$_$_$_$_$_$_$_-$_$_$_$_-4$_$_$_-8$_$_$_-"
                     . $_ x 12 } 1 .. 4;

$nginx = start_nginx(log_level => 'info', yaml => <<"_EOC_");
_format_version: "3.0"
services:
- id: $id{1}
  name: one
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - {name: a, paths: [/a]}
  - {name: b, paths: [/b]}
  plugins:
  - name: key-auth
  - name: rate-limiting
    config: {minute: 9, policy: redis, redis_host: localhost, redis_port: $port}
- id: $id{2}
  name: two
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - id: $id{3}
    name: c
    paths: [/c]
    plugins:
    - name: rate-limiting
      config:
        minute: 9
        policy: redis
        limit_by: service
        redis: {host: 127.0.0.1, port: $port, database: 1}
consumers:
- id: $id{4}
  username: bob
  keyauth_credentials: [{key: k1}]
_EOC_

($start, @res) = in_one_minute(sub {
    my ($start) = @_;
    return ($start, map { get($_, 'apikey: k1') } '/a', '/b', '/c');
});
is_deeply([map { $_->status } @res], [200, 200, 200], 'compiled');
is_deeply([map { $_->header('X-RateLimit-Remaining-Minute') } @res],
          [8, 7, 8], 'routes of a service count together');
is($redis->ask('GET', "ratelimit:$nil:$id{1}:$id{4}:$start:minute"), 2,
   'the key of a plugin on a service');

my $other = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
print $other "SELECT 1\r\nGET ratelimit:$id{3}:$nil:$id{2}:$start:minute\r\n";
$other->flush;
is(Test::Gateway::Redis::answer($other), 'OK', 'another database');
is(Test::Gateway::Redis::answer($other), 1, 'the key of one on a route');

$nginx->stop;
