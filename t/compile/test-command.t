# Copyright (C) the ngx_gateway authors
#
# The command test: requests and expectations against the compiled gateway.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use TAP::Parser;

my $root = getcwd();
my $dir = tempdir(CLEANUP => 1);
my @args = ('--nginx', Test::Gateway::Server::nginx_binary());

push @args, '--modules', $ENV{GATEWAY_MODULES} if $ENV{GATEWAY_MODULES};

# what a run leaves behind is seen
$ENV{TMPDIR} = "$dir/tmp";
$ENV{TEST_KEY} = 'alice-secret';
mkdir $ENV{TMPDIR};
chmod 0755, $dir, $ENV{TMPDIR};

sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die $!;
    print $fh $text;
    close $fh;
}

sub slurp {
    my ($name) = @_;
    open my $fh, '<', $name or return '';
    local $/;
    return <$fh>;
}

# (exit code, stdout, stderr) of the tests
sub try {
    my ($tests, @more) = @_;
    put('tests.yaml', $tests);
    return run_tool($dir, 'test', 'kong.yml', 'tests.yaml', @args, @more);
}

sub passes {
    my ($tests, $name, @more) = @_;
    my ($code, $out, $err) = try($tests, @more);
    is("$code $err", '0 ', $name) or diag($out);
    is_deeply([glob "$ENV{TMPDIR}/*"], [], "$name: nothing is left");
    return $out;
}

# TAP as its parser understands it: names of those that passed and failed
sub tap {
    my ($text) = @_;
    my $parser = TAP::Parser->new({ tap => $text });
    my (@ok, @not);
    while (my $r = $parser->next) {
        push @{ $r->is_ok ? \@ok : \@not }, $r->description =~ s/^- //r
            if $r->is_test;
    }
    is_deeply([$parser->parse_errors], [], 'it is TAP');
    return (\@ok, \@not);
}

put('kong.yml', <<'_EOC_');
_format_version: "3.0"
services:
- name: orders
  url: http://orders.internal:9000/api
  read_timeout: 300
  retries: 1
  routes:
  - name: orders
    paths: [/orders]
    methods: [GET, HEAD]
  - name: limited
    paths: [/limited]
    plugins:
    - name: rate-limiting
      config: {second: 2}
  - name: office
    paths: [/office]
    plugins:
    - name: ip-restriction
      config: {allow: [203.0.113.0/24, "2001:db8::/32"]}
  - name: private
    paths: [/private]
    plugins:
    - name: key-auth
  - name: host
    hosts: [shop.example.com]
- name: secure
  url: https://secure.internal/base
  tls_verify: true
  routes:
  - name: secure
    paths: [/secure]
- name: rpc
  url: grpcs://rpc.internal:50051
  routes:
  - name: rpc
    protocols: [grpcs]
    paths: [/pkg.Service]
- name: pool
  host: pool
  retries: 3
  routes:
  - name: pool
    paths: [/pool]
upstreams:
- name: pool
  healthchecks:
    active:
      healthy: {interval: 1}
      unhealthy: {interval: 1, tcp_failures: 1}
    passive:
      unhealthy: {http_failures: 1}
  targets:
  - target: 192.0.2.1:8080
  - target: two.invalid:8081
consumers:
- username: alice
  keyauth_credentials:
  - key: alice-secret
plugins:
- name: tcp-log
  config: {host: 192.0.2.9, port: 1234}
- name: udp-log
  config: {host: log.internal, port: 1234}
_EOC_


# what is expected comes true

my $out = passes(<<'_EOC_', 'requests and what becomes of them');
tests:
- name: 'one # of several \ things'
  request:
    url: https://api.example.com/orders/7?a=%2F&b
    headers: {X-Many: [a, b], X-Empty: "", X-Forwarded-For: 198.51.100.7}
  upstream:
    status: 201
    headers: {X-Up: "yes", Set-Cookie: [a=1, b=2]}
    json: {id: 7, list: [1, {x: null}], more: true}
  expect:
    status: [200, 201]
    route: orders
    service: {matches: ^ord}
    consumer: null
    source: service
    headers:
      x-up: "yes"
      Set-Cookie: [a=1, b=2]
      X-Kong-Upstream-Latency: {matches: '^\d+$'}
      X-None: null
    body: {contains: '"id":7'}
    json: {id: 7, list: [1, {x: null}]}
    upstream:
      count: 1
      method: GET
      url: /api/7?a=%2F&b
      service: orders
      target: orders.internal:9000
      scheme: http
      http: 1.1
      sni: null
      headers:
        Host: orders.internal:9000
        X-Many: [a, b]
        X-Empty: ""
        X-Forwarded-Port: 8443
        X-Forwarded-Proto: https
        User-Agent: null
        Accept: null
- name: what is sent arrives
  request: {url: /office, from: 203.0.113.9, json: {a: [1, 2.5, "é"]}}
  expect:
    status: 200
    upstream:
      method: POST
      headers: {Content-Type: application/json, X-Real-IP: 203.0.113.9}
      body: '{"a":[1,2.5,"é"]}'
      json: {a: [1, 2.5, "é"]}
- request: {url: /office, from: "2001:db8::7"}
  expect: {status: 200, upstream: {headers: {X-Real-IP: "2001:db8::7"}}}
- request: {url: /office, from: 203.0.114.9}
  expect: {status: 403, source: gateway, upstream: null}
- name: a key
  request: {url: /private, headers: {apikey: "{vault://env/test-key}"}}
  expect: {status: 200, consumer: alice}
- name: no key
  request: {url: /private}
  expect: {status: 401, consumer: null, upstream: null}
- name: a host
  request: {url: "http://shop.example.com:8000/x"}
  expect: {route: host, upstream: {url: /api/x}}
- name: HTTP/2
  request: {url: "https://a/orders", http: 2}
  expect: {status: 200, upstream: {http: 1.1}}
- name: HTTP/1.0
  request: {url: /orders, http: 1.0}
  expect: {status: 200}
- name: HEAD
  request: {url: /orders, method: HEAD}
  upstream: {body: text}
  expect: {status: 200, headers: {Content-Length: 4}, body: ""}
- name: certificates of upstreams are verified
  request: {url: /secure/x}
  expect:
    status: 200
    upstream: {url: /base/x, scheme: https, sni: secure.internal,
               client_certificate: null, headers: {Host: secure.internal}}
- name: gRPC
  request: {url: "https://g/pkg.Service/Do", http: 2, method: POST,
            headers: {Content-Type: application/grpc, TE: trailers},
            body: "\0\0\0\0\x02hi"}
  upstream: {body: "\0\0\0\0\x02ho", trailers: {grpc-status: 5}}
  expect:
    status: 200
    headers: {grpc-status: 5}
    body: "\0\0\0\0\x02ho"
    upstream: {http: 2, sni: rpc.internal, body: "\0\0\0\0\x02hi",
               headers: {te: trailers}}
- name: an attempt after a failure
  request: {url: /orders}
  upstream: [{fail: close}, {body: second}]
  expect: {status: 200, body: second, upstream: {count: 2}}
- name: answers by target
  steps:
  - request: {url: /pool}
    upstream:
    - {target: "192.0.2.1:8080", status: 500}
    - {target: "two.invalid:8081", body: two}
    repeat: 2
    expect: {status: [200, 500]}
  - request: {url: /pool}
    upstream: {target: "two.invalid:8081", body: two}
    repeat: 4
    expect: {status: 200, body: two, upstream: {target: "two.invalid:8081"}}
- name: an upstream that takes its time
  request: {url: /orders}
  upstream: {delay: 30}
  expect: {status: 504, upstream: {count: 2}}
- name: limits of a second
  window: second
  steps:
  - request: {url: /limited}
    repeat: 2
    expect: {status: 200}
  - request: {url: /limited}
    expect: {status: 429, upstream: {count: 0}}
- name: "one # TODO"
  request: {url: "http://localhost:8007/status/ready"}
- name: the status listener
  request: {url: "http://localhost:8007/status/ready"}
  expect: {status: 200, json: {message: ready}}
_EOC_

my ($ok, $not) = tap($out);
is(scalar @$ok, 18, 'all are there');
is($ok->[0], 'one # of several \\ things', 'with their names');


# the example

{
    my ($code, $out, $err) = run_tool($root, 'test', 'conf.d/gateway.yaml',
                                      'conf.d/tests.yaml', @args);
    is("$code $err", '0 ', 'the example passes') or diag($out);
}


# what does not

my ($code, $err);

($code, $out, $err) = try(<<'_EOC_', '--junit', 'j.xml');
tests:
- name: it passes
  request: {url: /orders}
- name: an <answer> & more
  request: {url: /private, headers: {apikey: alice-secret}}
  upstream: {headers: {X-A: "1"}, json: {a: [1, {b: 2}]}}
  expect:
    status: 404
    route: orders
    consumer: null
    headers:
      X-A: "2"
      X-B: {matches: "^x"}
      Content-Type: null
    json: {a: [1, {b: 3}], c: {d: 1}}
    upstream: {url: /x, count: 2}
- name: steps
  steps:
  - request: {url: /orders}
  - request: {url: /orders}
    repeat: 3
    expect: {status: 201}
_EOC_

is($code, 1, 'a test failed');
is($out, <<'_EOC_', 'and why');
TAP version 13
1..3
ok 1 - it passes
not ok 2 - an <answer> & more
  ---
  at: tests.yaml:4:3
  request: GET /private HTTP/1.1
  failures:
  - what: status
    at: tests.yaml:8:13
    expected: 404
    got: 200
  - what: route
    at: tests.yaml:9:12
    expected: "orders"
    got: "private"
  - what: consumer
    at: tests.yaml:10:15
    expected: nothing
    got: "alice"
  - what: header X-A
    at: tests.yaml:12:12
    expected: "2"
    got: "1"
  - what: header X-B
    at: tests.yaml:13:12
    expected: a match of "^x"
    got: nothing
  - what: header Content-Type
    at: tests.yaml:14:21
    expected: nothing
    got: "application/json"
  - what: json.a[1].b
    at: tests.yaml:15:23
    expected: 3
    got: 2
  - what: json.c
    at: tests.yaml:15:31
    expected: {"d":1}
    got: nothing
  - what: upstream count
    at: tests.yaml:16:32
    expected: 2
    got: 1
  - what: upstream url
    at: tests.yaml:16:21
    expected: "/x"
    got: "/api"
  ...
not ok 3 - steps
  ---
  at: tests.yaml:17:3
  step: 2
  repetition: 1
  request: GET /orders HTTP/1.1
  failures:
  - what: status
    at: tests.yaml:22:22
    expected: 201
    got: 200
  ...
# 2 of 3 tests failed
_EOC_

(undef, $not) = tap($out);
is_deeply($not, ['an <answer> & more', 'steps'], 'TAP names them');

is(system("xmllint --noout $dir/j.xml"), 0, 'JUnit is XML');
my $junit = slurp("$dir/j.xml");
like($junit, qr/<testsuite name="tests.yaml" tests="3" failures="2" errors/,
     'JUnit counts');
like($junit, qr/name="an &lt;answer&gt; &amp; more"/, 'names are escaped');
like($junit, qr/<failure message="status: expected 404, got 200">/,
     'the first failure');
like($junit, qr/tests.yaml:22:22: status: expected 201, got 200/,
     'and all of them');

($code, $out, $err) = try(slurp("$dir/tests.yaml"), '--filter', 'passes');
is($code, 0, 'only some');
is($out, "TAP version 13\n1..1\nok 1 - it passes\n", 'are run');
($code, $out, $err) = try(slurp("$dir/tests.yaml"), '--filter', 'nope');
is($code, 2, 'no test of that name');
is($err, "ngx-gateway: no test has such a name\n", 'is an error');


# what makes no sense

($code, $out, $err) = try(<<'_EOC_');
tests:
- requests: {url: /}
- request: {url: /a}
  upstream: {status: 101, fail: often}
  window: week
  steps: []
_EOC_
is($code, 2, 'a bad file');
is($out, '', 'runs nothing');
is($err, <<'_EOC_', 'and is told why');
tests.yaml:2:3: error: tests[0].requests: unknown field "requests", did you mean "request"?
tests.yaml:5:11: error: tests[1].window: expected one of: second, minute, hour, day; this is "week"
tests.yaml:6:10: error: tests[1].steps: length must be at least 1
_EOC_

($code, $out, $err) = try(<<'_EOC_');
tests:
- request: {url: ftp://x/, http: 3, headers: [a]}
- request: {url: /a, body: a, json: b, from: me, tls: {sni: x}}
  expect:
    status: 20
    headers: {A: {match: x}, B: {matches: "("}}
    upstream: {uri: x}
- request: {url: /a}
  upstream: {status: 101, fail: often}
- name: nothing
- request: {url: /a}
  steps: [{request: {url: /b, body_file: nope}}]
_EOC_
is($code, 2, 'bad values');
is($err, <<'_EOC_', 'and what is bad about them');
tests.yaml:2:18: error: tests[0].request.url: expected http://HOST/PATH, https://HOST/PATH or /PATH
tests.yaml:2:34: error: tests[0].request.http: expected 1.0, 1.1 or 2
tests.yaml:2:46: error: tests[0].request.headers: expected a map of headers, not an array
tests.yaml:3:12: error: tests[1].request: only one of body, body_file and json can be given
tests.yaml:3:46: error: tests[1].request.from: expected an IP address
tests.yaml:3:55: error: tests[1].request.tls: needs a URL of https
tests.yaml:5:13: error: tests[1].expect.status: expected a status, several in a list, or null for no answer
tests.yaml:6:18: error: tests[1].expect.headers.A: expected a text, null, {matches: REGEX} or {contains: TEXT}
tests.yaml:6:43: error: tests[1].expect.headers.B.matches: bad regex: missing closing parenthesis at position 1
tests.yaml:7:16: error: tests[1].expect.upstream.uri: unknown field "uri", did you mean "url"?
tests.yaml:9:22: error: tests[2].upstream.status: value should be between 200 and 999, this is 101
tests.yaml:9:33: error: tests[2].upstream.fail: expected one of: close, reset, timeout; this is "often"
tests.yaml:10:3: error: tests[3]: needs a request, or steps
tests.yaml:12:10: error: tests[4].steps: a test with steps has request, upstream, expect and repeat in its steps only
tests.yaml:12:42: error: tests[4].steps[0].request.body_file: cannot read "nope"
_EOC_

{
    my ($code, $out, $err) = run_tool($dir, 'test', 'kong.yml', @args);
    is($code, 2, 'no tests');
    is($err, qq{ngx-gateway: error: no file has "tests": the last FILE is to have\n},
       'is an error');
}

put('bad.yml', qq{_format_version: "3.0"\nservice: []\n});
put('tests.yaml', "tests:\n- request: {url: /}\n");
($code, $out, $err) = run_tool($dir, 'test', 'bad.yml', 'tests.yaml', @args);
is($code, 2, 'a bad configuration');
like($err, qr/^bad.yml:2:1: error: /, 'has its place');

($code, $out, $err) = try("tests:\n- request: {url: /}\n",
                          '--set', 'nginx_http_nonsense=on');
is($code, 2, 'a configuration that nginx refuses');
like($err, qr/\[emerg\] .*unknown directive "nonsense"/, 'in its words');
is_deeply([glob "$ENV{TMPDIR}/*"], [], 'nothing is left');


# ends

sub children {
    my ($parent) = @_;
    return grep { slurp("/proc/$_/stat") =~ /\) \S (\d+) / && $1 == $parent }
           map { m{/(\d+)$} } glob '/proc/[0-9]*';
}

sub start {
    put('tests.yaml', <<'_EOC_');
tests:
- request: {url: /secure}
  upstream: {delay: 50}
- request: {url: /secure}
_EOC_
    my $pid = fork();
    if ($pid == 0) {
        chdir $dir;
        open STDOUT, '>', 'out';
        open STDERR, '>', 'err';
        exec "$ENV{GATEWAY_BUILD}/ngx-gateway", 'test', 'kong.yml',
            'tests.yaml', @args or POSIX::_exit(127);
    }
    my ($master, @workers);
    ok(wait_until(sub {
        ($master) = map { slurp($_) =~ /(\d+)/ }
                    glob "$ENV{TMPDIR}/*/nginx.pid";
        @workers = $master ? children($master) : ();

        # one that stays, not what nginx asks before it starts
        select undef, undef, undef, 0.2;
        return @workers && "@workers" eq join ' ', children($master);
    }, 20), 'a test runs');
    return ($pid, $master, @workers);
}

my ($pid, $master, $worker) = start();
kill 'INT', $pid;
waitpid $pid, 0;
is($? >> 8, 2, 'interrupted');
like(slurp("$dir/out"), qr/^Bail out! interrupted$/m, 'as TAP has it');
ok(wait_until(sub { !kill 0, $master }, 10), 'nginx is gone');
is_deeply([glob "$ENV{TMPDIR}/*"], [], 'and its directory');

($pid, $master, $worker) = start();
kill 'KILL', $worker;
waitpid $pid, 0;
is($? >> 8, 1, 'a worker died');
like(slurp("$dir/out"),
     qr/^not ok 1.*expected: no alert in its log\n.*signal 9.*^ok 2/ms,
     'which fails its test, not the next one');

# without a test that is kept
($code, $out, $err) = try("tests:\n- request: {url: /orders}\n", '--keep');
is($code, 0, 'kept');
like($err, qr/^ngx-gateway: kept "\Q$ENV{TMPDIR}\E/, 'and where');
is(scalar(() = glob "$ENV{TMPDIR}/*/logs/error.log"), 1, 'with its logs');
