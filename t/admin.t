# Copyright (C) the ngx_gateway authors
#
# The listener for administration: what is configured, to be read.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Digest::SHA qw(sha1_hex);
use File::Temp qw(tempdir);
use JSON::PP;

my %admin = (port => $ENV{TEST_NGINX_PORT_9});
my $args = "--set admin_listen=127.0.0.1:$admin{port}";

start_echo();

my $echo = $ENV{TEST_NGINX_ECHO_PORT};
my $dir = tempdir(CLEANUP => 1);
my $ccid = '33333333-3333-4333-8333-333333333333';

my $yaml = <<"_EOC_";
_format_version: "3.0"
services:
- name: one
  url: http://a.example/x
  tags: [a, b]
  plugins: [{ name: key-auth, instance_name: keys }]
  routes:
  - name: first
    paths: [/first]
    tags: [a]
    headers: { x-a: [v, w] }
    plugins: [{ name: rate-limiting, config: { minute: 5 } }]
- { name: two, host: pool, routes: [{ name: pool, paths: [/pool] }] }
upstreams:
- name: pool
  healthchecks: { passive: { unhealthy: { http_failures: 1 } } }
  targets: [{ target: "127.0.0.1:$echo", tags: [t] }]
- { name: unchecked, targets: [{ target: "127.0.0.1:1" }] }
consumers:
- username: bob
  custom_id: b1
  tags: ["x y"]
  created_at: 1700000000
  keyauth_credentials: [{ key: k1 }]
  basicauth_credentials: [{ username: bobby, password: pw }]
  acls: [{ group: g }]
  jwt_secrets: [{ key: jk, secret: js }]
  hmacauth_credentials: [{ username: hb, secret: hs }]
- { username: "a/b c" }
vaults:
- { name: env, prefix: my, config: { prefix: X_ } }
_EOC_

my $nginx = start_nginx(yaml => $yaml, compile_args => $args, workers => 1,
    log_level => 'notice');

sub ask {
    my ($method, $path, %more) = @_;
    return http_request($method, $path, %admin, %more);
}

sub get {
    my ($path, $status) = @_;
    my $res = ask('GET', $path);
    is($res->status, $status // 200, "GET $path");
    is($res->header('Content-Type'), 'application/json; charset=utf-8',
       'as JSON');
    my $json = eval { decode_json($res->body) };
    ok($json, 'well-formed') or diag($res->body);
    return $json // {};
}

sub names { return map { $_->{name} } @{ get($_[0])->{data} } }


# the root

my $json = get('/');
is_deeply([sort keys %$json],
          [qw(configuration edition hostname lua_version node_id pids plugins
              tagline timers version)], 'its members');
is($json->{edition}, 'community', 'edition');
like($json->{node_id}, qr/^[0-9a-f-]{36}$/, 'id of the node');
is_deeply([sort @{ $json->{plugins}{enabled_in_cluster} }],
          ['key-auth', 'rate-limiting'], 'plugins in use');
is($json->{plugins}{available_on_server}{'key-auth'}{priority}, 1250,
   'plugins that there are');
is_deeply($json->{configuration}{admin_listen}, ["127.0.0.1:$admin{port}"],
          'settings: lists');
is($json->{configuration}{real_ip_recursive}, JSON::PP::false, 'switches');
is($json->{configuration}{upstream_keepalive_pool_size}, 512, 'numbers');
is($json->{configuration}{ssl_cert_key}, undef, 'unset ones');
ok($json->{pids}{master} && @{ $json->{pids}{workers} } == 1, 'processes');


# headers of all answers

for my $path ('/services', '/nowhere', '/status', '/upstreams/pool/health') {
    my $res = ask('GET', $path);
    is($res->header('Access-Control-Allow-Origin'), '*', "$path: any origin");
    ok(defined $res->header('X-Kong-Admin-Latency'), 'latency');
    like($res->header('Server'), qr/^ngx_gateway/, 'server');
    $res = ask('GET', $path, headers => ['Origin: http://ui.example']);
    is($res->header('Access-Control-Allow-Origin'), 'http://ui.example',
       'the one that asks');
}


# entities

$json = get('/services');
is(scalar @{ $json->{data} }, 2, 'all services');
is($json->{next}, undef, 'on one page');
ok(!exists $json->{offset}, 'without an offset');

my $one = get('/services/one');
my %expected = (name => 'one', protocol => 'http', host => 'a.example',
    port => 80, path => '/x', retries => 5, connect_timeout => 60000,
    write_timeout => 60000, read_timeout => 60000, tls_verify => undef,
    tls_verify_depth => undef, ca_certificates => undef,
    client_certificate => undef, enabled => JSON::PP::true,
    tags => ['a', 'b']);
is_deeply({ map { $_ => $one->{$_} } keys %expected }, \%expected,
          'all fields, with defaults');
ok(!exists $one->{url}, 'no shorthand');
cmp_ok(abs($one->{created_at} - time), '<', 60, 'made when it was loaded');
is($one->{updated_at}, $one->{created_at}, 'and changed');

is(get("/services/$one->{id}")->{name}, 'one', 'by id');
is(get('/services/' . uc $one->{id})->{name}, 'one', 'in upper case');
is_deeply(get('/services/none', 404), { message => 'Not found' }, 'none');
is(get('//services///one/')->{name}, 'one', 'more slashes');
is(get('/consumers/a%2Fb%20c')->{username}, 'a/b c', 'encoded');

my $first = get('/routes/first');
is_deeply($first->{service}, { id => $one->{id} }, 'a reference');
is_deeply($first->{headers}, { 'x-a' => ['v', 'w'] }, 'a map');
is_deeply($first->{protocols}, ['http', 'https'], 'a default list');
is($first->{https_redirect_status_code}, 426, 'a default number');
is($first->{hosts}, undef, 'nothing');

is_deeply([names('/services/one/routes')], ['first'], 'children');
is(get('/services/one/routes/first')->{name}, 'first', 'a child');
get('/services/two/routes/first', 404);
get('/services/none/routes', 404);
is(get('/routes/first/service')->{name}, 'one', 'a parent');
get('/plugins/keys/route', 404);
is_deeply([names('/services/one/plugins')], ['key-auth'], 'of a service');
is(get('/routes/first/plugins')->{data}[0]{config}{minute}, 5, 'of a route');
is(get('/plugins/keys')->{config}{key_names}[0], 'apikey',
   'a plugin by its instance, with defaults');
is_deeply(get('/consumers/bob/plugins')->{data}, [], 'of a consumer: none');

my $bob = get('/consumers/bob');
is($bob->{created_at}, 1700000000, 'a time of the file');

for (['key-auth', 'key-auths', 'key', 'k1'],
     ['basic-auth', 'basic-auths', 'username', 'bobby'],
     ['hmac-auth', 'hmac-auths', 'secret', 'hs'],
     ['jwt', 'jwts', 'secret', 'js'], ['acls', 'acls', 'group', 'g'])
{
    my ($nested, $all, $field, $value) = @$_;
    my $data = get("/consumers/bob/$nested")->{data};
    is($data->[0]{$field}, $value, "$nested of bob");
    is_deeply($data->[0]{consumer}, { id => $bob->{id} }, 'whose it is');
    ok(!exists $data->[0]{updated_at}, 'never changed');
    is(get("/$all")->{data}[0]{$field}, $value, "all $all");
}

is(get('/basic-auths/bobby')->{password}, sha1_hex("pw$bob->{id}"),
   'a password as Kong keeps it');
is_deeply(get("/$_")->{data}, [], "no $_")
    for qw(oauth2 oauth2_tokens keys key-sets certificates ca_certificates
           snis filter-chains consumer_groups);
is(get('/vaults/my')->{config}{prefix}, 'X_', 'a vault');
is(get('/upstreams/pool/')->{slots}, 10000, 'an upstream');
is(get('/upstreams/pool/targets')->{data}[0]{tags}[0], 't', 'its targets');
is(get('/upstreams/pool/health')->{data}[0]{health}, 'HEALTHY', 'its health');
get('/targets', 404);
get('/a/b/c/d/e/f', 404);


# pages and tags

$json = get('/services?size=1');
is(scalar @{ $json->{data} }, 1, 'a page');
is($json->{next}, "/services?offset=$json->{offset}&size=1", 'the next one');
my $next = get($json->{next});
isnt($next->{data}[0]{id}, $json->{data}[0]{id}, 'holds another');
is($next->{next}, undef, 'and is the last');

is_deeply([names('/services?tags=a,b')], ['one'], 'both tags');
is_deeply([names('/services?tags=a,z')], [], 'one is not there');
is_deeply([names('/services?tags=z/b')], ['one'], 'any tag');
is(get('/consumers?tags=x%20y')->{data}[0]{username}, 'bob', 'with a space');

is(get("/services?$$_[0]", 400)->{code}, $$_[1], "bad: $$_[0]")
    for ['size=0', 9], ['size=1001', 9], ['size=x', 9], ['offset=zz', 7],
        ['tags=a/b,c', 11], ['tags=', 11], ['tags=a,b,c,d,e,f', 11],
        ['tags=%01', 11];
is(get('/services?size=x', 400)->{message}, 'size must be a number', 'why');

is_deeply([sort map { "$_->{entity_name} $_->{tag}" }
           @{ get('/tags')->{data} }],
          ['consumers x y', 'routes a', 'services a', 'services b',
           'targets t'], 'all tags');
is_deeply([sort map { $_->{entity_name} } @{ get('/tags/a')->{data} }],
          ['routes', 'services'], 'who has one');


# nothing is written

for (['POST', '/routes', 'create', 'routes'],
     ['PUT', '/services/new', 'create or update', 'services'],
     ['PATCH', '/routes/first', 'update', 'routes'],
     ['DELETE', '/consumers/bob', 'remove', 'consumers'],
     ['POST', '/services/one/plugins', 'create', 'plugins'],
     ['POST', '/consumers/bob/key-auth', 'create', 'keyauth_credentials'],
     ['POST', '/upstreams/pool/targets', 'create', 'targets'])
{
    my ($method, $path, $verb, $kind) = @$_;
    my $res = ask($method, $path, body => '{}');
    is($res->status, 405, "$method $path");
    is_deeply(decode_json($res->body),
              { code => 12, name => 'operation unsupported',
                strategy => 'off', message => "cannot $verb '$kind' entities"
                                              . ' when not using a database' },
              'why');
}

for (['DELETE', '/services'], ['POST', '/services/one'], ['POST', '/'],
     ['PUT', '/tags'], ['POST', '/upstreams/pool/health'])
{
    my $res = ask(@$_);
    is($res->status . $res->body, '405{"message":"Method not allowed"}',
       "@$_");
}

is(ask('POST', '/config', body => '{}')->status, 501, 'no new configuration');

for (['/services', 'GET, HEAD, OPTIONS, POST'],
     ['/services/one', 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT'],
     ['/services/one/routes', 'GET, HEAD, OPTIONS, POST'],
     ['/routes/first/service', 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT'],
     ['/status', 'GET, HEAD, OPTIONS'], ['/', 'GET, HEAD, OPTIONS'])
{
    my $res = ask('OPTIONS', $$_[0]);
    is($res->status . $res->body, '204', "OPTIONS $$_[0]");
    is($res->header('Allow'), $$_[1], 'what is allowed');
    is($res->header('Access-Control-Allow-Origin'), '*', 'to anybody');
}

my $res = ask('HEAD', '/services');
is($res->status . $res->body, '200', 'HEAD');
cmp_ok($res->header('Content-Length'), '>', 100, 'with the length');


# documents

$json = get('/config');
like($json->{config}, qr/\A_format_version: '3\.0'\n_transform: false\n/,
     'the configuration as YAML');
open my $file, '>', "$dir/again.yml" or die "$dir/again.yml: $!";
print $file $json->{config};
close $file or die "$dir/again.yml: $!";
is((run_tool($dir, 'diff', 'again.yml', 'again.yml'))[0], 0, 'can be read');

is(scalar(grep { $_ eq '/services/{services}/routes' }
          @{ get('/endpoints')->{data} }), 1, 'endpoints');
is(get('/endpoints')->{data}[0], '/', 'in order');
is(get('/timers')->{worker}{count}, 1, 'timers');
is_deeply(get('/debug/node/log-level'), { message => 'log level: notice' },
          'log level');
ok((grep { $_ eq 'key-auth' } @{ get('/plugins/enabled')->{enabled_plugins} }),
   'plugins');
ok((grep { exists $_->{key_names} }
    @{ get('/plugins/schema/key-auth')->{fields} }), 'fields of a plugin');
is(get('/plugins/schema/none', 404)->{message}, "No plugin named 'none'",
   'none');
ok((grep { exists $_->{config} }
    @{ get('/schemas/plugins/key-auth')->{fields} }), 'schema of a plugin');
my ($port) = grep { exists $_->{port} } @{ get('/schemas/services')->{fields} };
is_deeply($port->{port}{between}, [0, 65535], 'schema of an entity');
is($port->{port}{default}, 80, 'with defaults');
get('/schemas/vaults/env');
is(get('/schemas/n%22x', 404)->{message}, q{No entity named 'n"x'},
   'no schema');
get('/cache/x', 404);
is(ask('DELETE', $_)->status, 204, "DELETE $_") for '/cache', '/cache/x';
$res = ask('PUT', '/debug/node/log-level/debug');
is($res->status . $res->body, '405{"message":"cannot change log level when '
                              . 'not using a database"}', 'log level stays');
is(ask('GET', '/status')->status, 200, 'status');
is(ask('GET', '/status/dns')->status, 501, 'names');
is(ask('GET', '/metrics')->status, 200, 'metrics');


# the health of targets

my $target = "/upstreams/pool/targets/127.0.0.1:$echo";

is(http_get('/pool')->status, 200, 'traffic');
is(ask('PUT', "$target/unhealthy", body => '{}')->status, 204, 'taken out');
is(http_get('/pool')->status, 503, 'no traffic');
is(get('/upstreams/pool/health')->{data}[0]{health}, 'UNHEALTHY', 'shown');
is(ask('PUT', "$target/127.0.0.1:$echo/healthy")->status, 204, 'put back');
is(http_get('/pool')->status, 200, 'traffic again');
ok($nginx->wait_log('is healthy, as asked for'), 'logged');

is(ask('PUT', $_)->status, 404, "PUT $_")
    for "$target/127.0.0.1:1/healthy", '/upstreams/none/targets/a:1/healthy',
        '/upstreams/pool/targets/127.0.0.9:1/healthy';
$res = ask('PUT', '/upstreams/unchecked/targets/127.0.0.1:1/healthy');
is($res->status . $res->body,
   '400{"message":"no healthchecker found for unchecked"}', 'not checked');
is(http_request('PUT', "$target/unhealthy",
                port => $ENV{TEST_NGINX_STATUS_PORT})->status, 404,
   'not by the listener for status');

unlike($nginx->error_log, qr/\[(?:alert|emerg|crit)\]/, 'no complaints');
is($nginx->stop, '', 'stopped');


# certificates; what the environment holds is not shown

system("openssl req -x509 -nodes -newkey ec -pkeyopt"
       . " ec_paramgen_curve:prime256v1 -days 60 -subj /CN=a -keyout"
       . " $dir/a.key -out $dir/a.crt >/dev/null 2>&1") == 0
    or die 'openssl cannot make a certificate';

sub slurp {
    my ($name) = @_;
    open my $in, '<', $name or die "$name: $!";
    local $/;
    return scalar <$in>;
}

$ENV{MY_KEY} = slurp("$dir/a.key");
(my $pem = slurp("$dir/a.crt")) =~ s/^/    /mg;

$nginx = start_nginx(yaml => $yaml . <<"_EOC_", compile_args => $args);
certificates:
- id: $ccid
  snis: [{ name: a.example }, { name: "*.b.example" }]
  cert: |
$pem
  key: "{vault://env/my-key}"
_EOC_

$json = get('/certificates/a.example');
is($json->{id}, $ccid, 'a certificate by a name that it is for');
is($json->{key}, '{vault://env/my-key}', 'a reference stays one');
is_deeply($json->{snis}, ['a.example', '*.b.example'], 'its names');
is(get('/snis/a.example')->{certificate}{id}, $ccid, 'whose name it is');
is(scalar @{ get("/certificates/$ccid/snis")->{data} }, 2, 'all names');
get('/certificates/other.example', 404);
is($nginx->stop, '', 'stopped');


# by hand, and what is wrong

run_tests();

__DATA__

=== TEST 1: a file that is something else
--- config
    gateway_admin_file nginx.conf;
--- must_die
--- error_log
"gateway_admin_file" directive names a file that is not one of ngx-gateway



=== TEST 2: no file
--- config
    location / { gateway_admin; }
--- must_die
--- error_log
"gateway_admin" directive needs "gateway_admin_file" before it



=== TEST 3: health can be written, or not
--- config
    location / { gateway_upstream_status all; }
--- must_die
--- error_log
invalid parameter "all", expected "writable"
