# Copyright (C) the ngx_gateway authors
#
# file_log: the log record, in lines of a file.

use lib 't/lib';
use Test::Gateway 'no_plan';
use JSON::PP;

my $echo = $ENV{TEST_NGINX_ECHO_PORT};
my $unused = $ENV{TEST_NGINX_UNUSED_PORT};

my $json = JSON::PP->new->utf8;

sub slurp {
    my ($name) = @_;
    open my $fh, '<', $name or return '';
    local $/;
    return scalar <$fh>;
}

my $nginx;

sub file { return $nginx->{root} . "/logs/$_[0]" }

# the records of a file, when there are n of them
sub records {
    my ($name, $n) = @_;
    my @lines;
    wait_until(sub {
        @lines = split /\n/, slurp(file($name));
        return @lines >= $n;
    }, 3);
    return map { my $r = eval { $json->decode($_) };
                 ok(defined $r, 'a line is JSON') or diag($_);
                 $r // {} } @lines;
}

start_echo();

$nginx = start_nginx(http_config => <<"_EOC_", config => <<"_EOC2_");
    upstream gateway_pool_t { gateway_balancer; }
    gateway_upstream two {
        target 127.0.0.1:$unused;
        target 127.0.0.1:$echo;
    }
    gateway_consumer bob {
        id 33333333-3333-4333-8333-333333333333;
        custom_id b-1;
        gateway_key_auth_credential id=44444444-4444-4444-8444-444444444444
                                    key=secret-of-bob;
    }
    gateway_consumer eve {
        gateway_record '{"id":"5","tags"' ':["x"]}';
        gateway_key_auth_credential key=secret-of-eve;
    }
_EOC_
    gateway_file_log path=logs/all.json;
    gateway_correlation_id on;
    gateway_service orders id=11111111-1111-4111-8111-111111111111
                    host=127.0.0.1 port=$echo path=/base {
        proxy_pass http://gateway_pool_t;
    }
    gateway_service two id=11111111-1111-4111-8111-111111111112
                    host=two port=80 upstream=two {
        gateway_record '{"id":"two","created_at":1}';
        proxy_pass http://gateway_pool_t;
    }
    gateway_route get-orders service=orders
                  id=22222222-2222-4222-8222-222222222222 { paths /orders; }
    gateway_route keyed service=orders {
        paths /keyed;
        gateway_key_auth on;
        gateway_file_log path=logs/keyed.json;
    }
    gateway_route tries service=two {
        paths /tries;
        gateway_file_log path=logs/tries.json;
    }
    gateway_route reopen service=orders {
        paths /reopen;
        gateway_file_log path=logs/reopen.json reopen=on;
    }
    gateway_route custom service=orders {
        paths /custom;
        gateway_file_log path=logs/custom.json
            "custom_fields_by_lua.route=return nil"
            'custom_fields_by_lua.request.headers.host=return nil'
            'custom_fields_by_lua.my.field=return "a\\\\"b"'
            'custom_fields_by_lua.my.agent=return kong.request.get_header("X-A")'
            'custom_fields_by_lua.my\\.dot=return kong.request.get_query_arg("q")'
            'custom_fields_by_lua.type=return kong.response.get_header("Content-Type")'
            'custom_fields_by_lua.client_ip.x=return "no"'
            'custom_fields_by_lua.none=return kong.request.get_header("None")';
    }
    gateway_route off service=orders { paths /off; gateway_file_log off; }
    location /plain {
        gateway_file_log path=logs/plain.json;
        proxy_pass http://127.0.0.1:$echo/to;
    }
    location /own {
        gateway_file_log path=logs/own.json;
        return 204;
    }
_EOC2_

# ---- the fields ------------------------------------------------------------

my $before = int(time() * 1000) - 1500;

http_get('/orders/1?a=1&b&a=%C3%A9&c=%ff&n%00=x', host => 'api.test:81',
         headers => ['Authorization: Basic c2VjcmV0', "X-Two: 1", "X-Two: \"\\\t2",
                     "Proxy-Authorization: c2VjcmV0"]);

my ($r) = records('all.json', 1);

is($r->{request}{uri}, '/orders/1?a=1&b&a=%C3%A9&c=%ff&n%00=x', 'uri');
is($r->{request}{url},
   'http://api.test:' . port() . '/orders/1?a=1&b&a=%C3%A9&c=%ff&n%00=x',
   'url, with the port of the listener');
is($r->{request}{method}, 'GET', 'method');
like($r->{request}{id}, qr/^[0-9a-f]{32}$/, 'id');
is_deeply($r->{request}{querystring},
          { a => ['1', "\x{e9}"], b => JSON::PP::true, c => "\x{fffd}",
            "n\x{fffd}" => 'x' },
          'arguments: repeated, without a value, not UTF-8');
is($r->{request}{headers}{authorization}, 'REDACTED', 'redacted');
is($r->{request}{headers}{'proxy-authorization'}, 'REDACTED', 'this, too');
is_deeply($r->{request}{headers}{'x-two'}, ['1', "\"\\\t2"],
          'a repeated header, escaped');
ok($r->{request}{size} > 100, 'size');
ok(!exists $r->{request}{tls}, 'no TLS');
is($r->{upstream_uri}, '/base/1?a=1&b&a=%C3%A9&c=%ff&n%00=x', 'upstream_uri');
is($r->{upstream_status}, '200', 'upstream_status');
is($r->{response}{status}, 200, 'status');
ok($r->{response}{headers}{'x-echo-port'}, 'response headers');
ok($r->{response}{size} > 100, 'bytes sent');
is(join(' ', sort keys %{ $r->{latencies} }), 'kong proxy receive request',
   'latencies');
ok($r->{latencies}{proxy} >= 0, 'proxied');
is(scalar @{ $r->{tries} }, 1, 'one try');
is($r->{tries}[0]{ip}, '127.0.0.1', 'its address');
is($r->{tries}[0]{port}, $echo, 'its port');
ok(!exists $r->{tries}[0]{state}, 'that did not fail');
ok($r->{tries}[0]{balancer_start} >= $before, 'its time');
ok(!exists $r->{authenticated_entity}, 'nobody authenticated');
is($r->{route}{id}, '22222222-2222-4222-8222-222222222222', 'route');
is($r->{route}{name}, 'get-orders', 'its name');
is($r->{route}{service}{id}, $r->{service}{id}, 'its service');
is($r->{service}{name}, 'orders', 'service');
ok(!exists $r->{consumer}, 'no consumer');
is($r->{client_ip}, '127.0.0.1', 'client');
ok($r->{started_at} >= $before, 'started_at');
is($r->{source}, 'upstream', 'source');
is($r->{workspace_name}, 'default', 'workspace');
like($r->{correlation_id}, qr/#1$/, 'correlation id');
unlike(slurp(file('all.json')), qr/c2VjcmV0/, 'no secret in the file');

# ---- refused, authenticated ------------------------------------------------

http_get('/keyed');
http_get('/keyed', headers => ['apikey: secret-of-bob']);
http_get('/keyed', headers => ['apikey: secret-of-eve']);

my @r = records('keyed.json', 3);

is($r[0]{response}{status}, 401, 'a refused request');
is($r[0]{source}, 'kong', 'its answer is ours');
is($r[0]{latencies}{proxy}, -1, 'no upstream');
is($r[0]{upstream_uri}, '', 'nor its URI');
is($r[0]{upstream_status}, '', 'nor its status');
ok(!exists $r[0]{tries}, 'nor tries');
ok($r[0]{service}, 'but the service');
is_deeply($r[1]{authenticated_entity},
          { id => '44444444-4444-4444-8444-444444444444',
            consumer_id => '33333333-3333-4333-8333-333333333333' },
          'authenticated entity');
is_deeply($r[1]{consumer}, { id => '33333333-3333-4333-8333-333333333333',
                             custom_id => 'b-1' }, 'consumer');
is($r[1]{request}{headers}{'x-consumer-custom-id'}, 'b-1',
   'headers that policies wrote');
my @times = map { delete $r[2]{consumer}{$_} } qw(created_at updated_at);
is(scalar(grep { abs($_ - time) < 60 } @times), 2, 'loaded when it was loaded');
is_deeply($r[2]{consumer}, { id => '5', tags => ['x'] },
          'an entity as gateway_record has it');

# ---- tries -----------------------------------------------------------------

http_get('/tries');
http_get('/tries');
@r = records('tries.json', 2);

my ($two) = grep { @{ $_->{tries} // [] } == 2 } @r;
ok($two, 'a request was tried twice');
is($two->{tries}[0]{state}, 'failed', 'the first try failed');
is($two->{tries}[0]{code}, 502, 'with this code');
is($two->{tries}[0]{port}, $unused, 'there');
is($two->{tries}[1]{port}, $echo, 'the other did not');
is($two->{upstream_status}, '502, 200', 'as upstream_status says');
is($two->{service}{created_at}, 1, 'a time that was given');
cmp_ok($two->{service}{updated_at}, '>', 1, 'one that was not');

# ---- custom fields ---------------------------------------------------------

http_get('/custom?q=%41', headers => ['X-A: agent', 'X-Test-Type: text/x']);
($r) = records('custom.json', 1);

ok(!exists $r->{route}, 'nil removes');
ok(!exists $r->{request}{headers}{host}, 'at any depth');
is($r->{my}{field}, 'a"b', 'a literal in an object of its own');
is($r->{my}{agent}, 'agent', 'a request header');
is($r->{'my.dot'}, 'A', 'an argument, a dot in the name');
is($r->{type}, 'text/x', 'a response header');
is($r->{client_ip}, '127.0.0.1', 'what is no object is left');
ok(!exists $r->{none}, 'what is not there');
ok($nginx->wait_log(qr/custom field "client_ip\.x" is left out/, 1),
   'and the log says so');

# ---- files -----------------------------------------------------------------

http_get('/reopen');
records('reopen.json', 1);
rename(file('reopen.json'), file('old.json'));
http_get('/reopen');
is(scalar(() = records('reopen.json', 1)), 1, 'a rotated file');

http_get('/off');
http_get('/plain?x=1');
($r) = records('plain.json', 1);
is($r->{upstream_uri}, '/to?x=1', 'a location without a service');
ok(!exists $r->{route} && !exists $r->{tries}, 'has no entities');

http_get('/own');
($r) = records('own.json', 1);
is($r->{response}{status}, 204, 'an answer of nginx');

unlike(slurp(file('all.json')), qr{"uri":"/(off|plain|own|keyed)},
       'one instance acts at most');
is((stat file('all.json'))[2] & 0777, 0644, 'mode');

is($nginx->stop, '', 'stops');

# ---- a worker that may not open the file -----------------------------------

SKIP: {
    skip 'workers of another user need root', 3 if $> != 0;

    $nginx = start_nginx(config => <<'_EOC_', main_config => 'user nobody nogroup;', master => 1);
    location /reopen {
        gateway_file_log path=logs/denied.json reopen=on;
        return 204;
    }
_EOC_

    http_get('/reopen');
    is(scalar(() = records('denied.json', 1)), 1, 'it is written all the same');
    ok($nginx->wait_log(qr/file_log: open\(\) to ".*denied\.json" failed/, 1),
       'and the log says so');
    is($nginx->stop, '', 'stops');
}

run_tests();

__DATA__

=== TEST 1: a path is required
--- config
    location / { gateway_file_log on; }
--- must_die
--- error_log
needs "path"



=== TEST 2: characters that a path may not have
--- config
    location / { gateway_file_log path=/tmp/a&b; }
--- must_die
--- error_log
that is not allowed



=== TEST 3: Lua that is not understood
--- config
    location / {
        gateway_file_log path=/dev/null "custom_fields_by_lua.a=return 1";
    }
--- must_die
--- error_log
is not understood



=== TEST 4: a record that is no JSON
--- http_config
    gateway_consumer bob { gateway_record '{"a":'; }
--- must_die
--- error_log
is no JSON object



=== TEST 5: a record where there is no entity
--- config
    location / { gateway_record '{}'; }
--- must_die
--- error_log
is allowed in



=== TEST 6: a full disk
--- config
    location / {
        gateway_file_log path=/dev/full;
        return 204;
    }
--- request
GET /
--- error_code: 204
--- error_log
file_log: write() to "/dev/full" failed
