# Copyright (C) the ngx_gateway authors
#
# key-auth, basic-auth and hmac-auth from the file to the answer: every rule
# and edge of theirs, in one compiled gateway.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;

use Digest::SHA qw(hmac_sha1_base64 hmac_sha256_base64 hmac_sha384_base64
                   hmac_sha512_base64 sha256_base64 sha1_hex);
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);

my $routes = '';

# route(name, plugins...): one below /name
sub route {
    my ($name, @plugins) = @_;

    $routes .= "  - name: $name\n    paths: [/$name]\n    strip_path: false\n"
               . "    plugins:\n"
               . join '', map { "    - $_\n" } @plugins;
}

route('k', '{name: key-auth}');
route('k-realm', '{name: key-auth, config: {realm: my "realm"}}');
route('k-names', '{name: key-auth, config: {key_names: [api_key, x-Key, Q]}}');
route('k-body', '{name: key-auth, config: {key_in_body: true}}');
route('k-no', '{name: key-auth, config: {key_in_header: false, '
      . 'key_in_query: false}}');
route('k-query', '{name: key-auth, config: {key_in_header: false}}');
route('k-hide', '{name: key-auth, config: {hide_credentials: true, '
      . 'key_in_body: true}}');
route('k-options', '{name: key-auth, config: {run_on_preflight: false}}');
route('k-anon', '{name: key-auth, config: {anonymous: nobody}}');
route('k-anon-id', '{name: key-auth, config: {anonymous: '
      . '33333333-3333-4333-8333-333333333333}}');
route('b', '{name: basic-auth}');
route('b-realm', '{name: basic-auth, config: {realm: other}}');
route('b-hide', '{name: basic-auth, config: {hide_credentials: true}}');
route('b-anon', '{name: basic-auth, config: {anonymous: nobody}}');
route('h', '{name: hmac-auth}');
route('h-realm', '{name: hmac-auth, config: {realm: r}}');
route('h-hide', '{name: hmac-auth, config: {hide_credentials: true}}');
route('h-enforce', '{name: hmac-auth, config: {enforce_headers: '
      . '[date, request-line]}}');
route('h-algs', '{name: hmac-auth, config: {algorithms: '
      . '[hmac-sha1, hmac-sha256]}}');
route('h-body', '{name: hmac-auth, config: {validate_request_body: true}}');
route('h-skew', '{name: hmac-auth, config: {clock_skew: 1}}');
route('h-anon', '{name: hmac-auth, config: {anonymous: nobody}}');
route('and', '{name: key-auth}', '{name: basic-auth}');
route('or', '{name: key-auth, config: {anonymous: nobody}}',
      '{name: basic-auth, config: {anonymous: nobody, '
      . 'hide_credentials: true}}');

my $yaml = <<"_EOC_";
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:\$TEST_NGINX_ECHO_PORT
  routes:
$routes
consumers:
- id: 11111111-1111-4111-8111-111111111111
  username: bob
  custom_id: bob-1
  keyauth_credentials:
  - id: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa
    key: kong
  - {key: late, ttl: 1, created_at: 1600000000}
  basicauth_credentials:
  - {username: bob, password: kong}
  - {username: user321, password: "password:123"}
  - {username: none, password: ""}
  hmacauth_credentials:
  - {username: bob, secret: secret}
- {id: 22222222-2222-4222-8222-222222222222, custom_id: alice-1,
   keyauth_credentials: [{key: alices}]}
- {id: 33333333-3333-4333-8333-333333333333, username: nobody}
_EOC_

# an empty password is an error of the file, as in Kong
$yaml =~ s/  - \{username: none, password: ""\}\n//;

start_echo();
my $nginx = start_nginx(yaml => $yaml);

sub ask {
    my ($method, $path, @headers) = @_;
    my $body = ref $headers[-1] ? ${ pop @headers } : undef;

    return http_request($method, $path, headers => \@headers,
                        defined $body ? (body => $body) : ());
}

sub lines { return map { "$_\n" } split /\n/, $_[0]->body }

# passes(title, has => [patterns], has_not => [patterns], request...)
sub passes {
    my ($title, $has, $not, @request) = @_;
    my $res = ask(@request);

    is($res && $res->status, 200, $title) or diag($res && $res->body);
    return unless $res;
    like($res->body, $_, "$title: $_") for @$has;
    unlike($res->body, $_, "$title: not $_") for @$not;
}

sub refused {
    my ($title, $message, $challenge, @request) = @_;
    my $res = ask(@request);

    is($res && $res->status, 401, $title) or return;
    like($res->body,
         qr/^\{\n  "message":"\Q$message\E",\n  "request_id":"[0-9a-f]{32}"\n\}\z/,
         "$title: the body");
    is($res->header('WWW-Authenticate'), $challenge, "$title: the challenge");
    is($res->header('Content-Type'), 'application/json; charset=utf-8',
       "$title: its type");
}

my $bob = qr/^X-Consumer-Username: bob$/m;
my $nobody = qr/^X-Consumer-Username: nobody$/m;


# ---- key-auth

my $none = 'No API key found in request';
my $twice = 'Duplicate API key found';
my $no = 'Unauthorized';
my $form = 'Content-Type: application/x-www-form-urlencoded';
my $json = 'Content-Type: application/json';

passes('a key in a header',
       [$bob, qr/^X-Consumer-ID: 1{8}-/m, qr/^X-Consumer-Custom-ID: bob-1$/m,
        qr/^X-Credential-Identifier: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa$/m,
        qr/^apikey: kong$/mi],
       [qr/Anonymous/], 'GET', '/k', 'apikey: kong');
passes('the name in any case', [$bob], [], 'GET', '/k', 'APIKey: kong');
passes('a key in the query', [$bob, qr{^GET /k\?apikey=kong }], [], 'GET',
       '/k?apikey=kong');
passes('a consumer without a username', [qr/^X-Consumer-Custom-ID: alice-1$/m],
       [qr/X-Consumer-Username/], 'GET', '/k?apikey=alices',
       'X-Consumer-Username: root');
passes('headers that a client sends', [$bob],
       [qr/root/], 'GET', '/k?apikey=kong', 'X-Consumer-ID: root',
       'X-Consumer-Custom-ID: root', 'X-Consumer-Username: root',
       'X-Credential-Identifier: root', 'X-Anonymous-Consumer: root');
refused('no key', $none, 'Key', 'GET', '/k');
refused('no key, a realm', $none, 'Key realm="my \"realm\""', 'GET',
        '/k-realm');
refused('an empty header', $none, 'Key', 'GET', '/k', 'apikey:');
refused('a bare argument', $none, 'Key', 'GET', '/k?apikey');
refused('an empty argument', $none, 'Key', 'GET', '/k?apikey=');
refused('an argument twice', $twice, 'Key', 'GET',
        '/k?apikey=kong&apikey=kong');
refused('a header twice', $twice, 'Key', 'GET', '/k', 'apikey: kong',
        'apikey: kong');
refused('names of arguments have a case', $none, 'Key', 'GET',
        '/k?APIKEY=kong');
refused('a key nobody has', $no, 'Key', 'GET', '/k?apikey=wrong');
refused('a key that has expired', $no, 'Key', 'GET', '/k?apikey=late');
refused('wrong in the header, right in the query', $no, 'Key', 'GET',
        '/k?apikey=kong', 'apikey: wrong');
refused('an empty header ends the search', $none, 'Key', 'GET',
        '/k?apikey=kong', 'apikey:');
passes('without headers', [$bob], [], 'GET', '/k-query?apikey=kong',
       'apikey: wrong');
refused('nowhere to look', $none, 'Key', 'POST', '/k-no?apikey=kong',
        'apikey: kong', $form, \'apikey=kong');
passes('an underscore', [$bob], [], 'GET', '/k-names', 'api_key: kong');
passes('the second name', [$bob], [], 'GET', '/k-names', 'X-KEY: kong');
passes('the third name', [$bob], [], 'GET', '/k-names?Q=kong');
refused('the first name wins', $no, 'Key', 'GET', '/k-names', 'x-key: kong',
        'api_key: wrong');
passes('an encoded name', [$bob], [], 'GET', '/k?api%6B%65%79=kong');

for my $case (
    ['a form', $form, 'a=b&apikey=kong', ''],
    ['JSON', $json, '{"apikey": "kong"}', ''],
    ['multipart', 'Content-Type: multipart/form-data; boundary=x',
     "--x\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\nkong\r\n"
     . "--x--\r\n", ''],
    ['a form with brackets', $form, 'apikey[]=kong&apikey[]=kong', $none],
    ['a form, twice', $form, 'apikey=kong&apikey=kong', $twice],
    ['JSON, a list', $json, '{"apikey":["kong","kong"]}', $twice],
    ['JSON that is broken', $json, '{"apikey":', $none],
    ['another type', 'Content-Type: text/plain', 'apikey=kong', $none],
    ['a wrong key', $form, 'apikey=wrong', $no])
{
    my ($title, $type, $body, $message) = @$case;

    if ($message) {
        refused($title, $message, 'Key', 'POST', '/k-body', $type, \$body);

    } else {
        passes($title, [$bob, qr/\Q$body\E\z/], [], 'POST', '/k-body', $type,
               \$body);
    }
}

refused('a body is not looked at by default', $none, 'Key', 'POST', '/k',
        $form, \'apikey=kong');
refused('no header, wrong in the query, right in the body', $no, 'Key', 'POST',
        '/k-body?apikey=wrong', $form, \'apikey=kong');

passes('hidden in the query',
       [qr{^GET /k-hide\?c=value1&b=value2&a=value3 HTTP}], [qr/kong/],
       'GET', '/k-hide?c=value1&b=value2&apikey=kong&a=value3');
passes('hidden, the others normalised',
       [qr{^GET /k-hide\?c=value1&b=value2&a=value3 HTTP}], [qr/kong/],
       'GET', '/k-hide?c=valu%651&b=value2&api%6B%65%79=kong&a=valu%653');
passes('hidden in a header', [$bob], [qr/apikey|: kong/i], 'GET', '/k-hide',
       'apikey: kong');
passes('hidden wherever it is', [$bob, qr/^\{"a": *1\}\z/m],
       [qr/apikey|: kong|"kong/i], 'POST', '/k-hide?apikey=kong', 'apikey: kong',
       $json, \'{"apikey": "kong", "a": 1}');
passes('hidden in a form', [qr/^foo=bar\z/m, qr/^Content-Type: \S+urlencoded$/m],
       [qr/kong/], 'POST', '/k-hide', $form, \'apikey=kong&foo=bar');
refused('hidden, and wrong', $no, 'Key', 'GET', '/k-hide?apikey=wrong');

passes('OPTIONS, not asked', [], [qr/X-Consumer/], 'OPTIONS', '/k-options');
refused('GET is', $none, 'Key', 'GET', '/k-options');
refused('OPTIONS, asked', $none, 'Key', 'OPTIONS', '/k');

passes('anonymous, by name', [$nobody, qr/^X-Anonymous-Consumer: true$/m,
                              qr/^X-Consumer-ID: 3{8}-/m],
       [qr/X-Credential-Identifier|X-Consumer-Custom-ID/], 'GET',
       '/k-anon?apikey=wrong', 'X-Credential-Identifier: me');
passes('anonymous, by id', [$nobody], [], 'GET', '/k-anon-id');
passes('anonymous is not needed', [$bob], [qr/Anonymous/], 'GET',
       '/k-anon?apikey=kong', 'X-Anonymous-Consumer: true');
is(ask('GET', '/k-anon')->header('WWW-Authenticate'), undef,
   'there is no challenge then');


# ---- basic-auth

my $service = 'Basic realm="service"';

sub basic { return 'Basic ' . encode_base64($_[0], '') }

refused('neither header', $no, $service, 'GET', '/b');
refused('another realm', $no, 'Basic realm="other"', 'GET', '/b-realm');
refused('no scheme', $no, $service, 'GET', '/b', 'Authorization: foobar');
refused('no colon', $no, $service, 'GET', '/b', 'Authorization: Basic Ym9i');
refused('a byte before', $no, $service, 'GET', '/b',
        'Authorization: Basic adXNlcjEyMzpwYXNzd29yZDEyMw==');
refused('an empty username', $no, $service, 'GET', '/b',
        'Authorization: ' . basic(':kong'));
refused('an unknown one', $no, $service, 'GET', '/b',
        'Authorization: ' . basic('mallory:kong'));
refused('a wrong password', $no, $service, 'GET', '/b',
        'Authorization: ' . basic('bob:gong'));
refused('an empty password', $no, $service, 'GET', '/b',
        'Authorization: ' . basic('bob:'));
refused('a scheme in capitals', $no, $service, 'GET', '/b',
        'Authorization: BASIC Ym9iOmtvbmc=');
refused('OPTIONS is authenticated', $no, $service, 'OPTIONS', '/b');
passes('Authorization', [$bob, qr/^X-Credential-Identifier: bob$/m,
                         qr/^Authorization: Basic Ym9iOmtvbmc=$/m], [],
       'GET', '/b', 'Authorization: ' . basic('bob:kong'));
passes('a lower-case letter', [$bob], [], 'GET', '/b',
       'Authorization: basic Ym9iOmtvbmc=');
passes('no blank', [$bob], [], 'GET', '/b', 'Authorization: BasicYm9iOmtvbmc=');
passes('many blanks, and something before', [$bob], [], 'GET', '/b',
       'Authorization: x   Basic   Ym9iOmtvbmc=');
passes('a colon in the password', [qr/^X-Credential-Identifier: user321$/m],
       [], 'GET', '/b',
       'Authorization: Basic dXNlcjMyMTpwYXNzd29yZDoxMjM=');
passes('Proxy-Authorization', [$bob], [], 'GET', '/b',
       'Proxy-Authorization: Basic Ym9iOmtvbmc=');
passes('an unknown user there', [$bob], [], 'GET', '/b',
       'Proxy-Authorization: ' . basic('mallory:x'),
       'Authorization: ' . basic('bob:kong'));
passes('garbage there', [$bob], [], 'GET', '/b',
       'Proxy-Authorization: x', 'Authorization: ' . basic('bob:kong'));
refused('a known one and a wrong password', $no, $service, 'GET', '/b',
        'Proxy-Authorization: ' . basic('bob:x'),
        'Authorization: ' . basic('bob:kong'));
passes('hidden', [$bob], [qr/Authorization/i], 'GET', '/b-hide',
       'Proxy-Authorization: x', 'Authorization: ' . basic('bob:kong'));
passes('hidden, what was not looked at stays',
       [$bob, qr/^Authorization: mine$/m], [qr/Proxy-Authorization/i], 'GET',
       '/b-hide', 'Proxy-Authorization: ' . basic('bob:kong'),
       'Authorization: mine');
passes('anonymous', [$nobody, qr/^X-Anonymous-Consumer: true$/m], [], 'GET',
       '/b-anon', 'Authorization: ' . basic('bob:x'));

my $grpc = ask('POST', '/b', 'Content-Type: application/grpc', \'');
is($grpc->header('grpc-status'), 16, 'gRPC');
is($grpc->body, '', 'without a body');

my %accepts = (
    'text/html' => ['text/html; charset=utf-8', qr{<p>Unauthorized\.</p>}],
    'application/xml' => ['application/xml; charset=utf-8',
                          qr{<message>Unauthorized</message>}],
    'text/plain' => ['text/plain; charset=utf-8',
                     qr{^Unauthorized\nrequest_id: [0-9a-f]{32}\n\z}],
    '*/*' => ['application/json; charset=utf-8', qr{"message"}]);

for my $accept (sort keys %accepts) {
    my $res = ask('GET', '/b', "Accept: $accept");
    is($res->header('Content-Type'), $accepts{$accept}[0], "$accept: type");
    like($res->body, $accepts{$accept}[1], "$accept: body");
}


# ---- hmac-auth

my $cannot = 'HMAC signature cannot be verified';
my $differs = 'HMAC signature does not match';
my $no_date = 'HMAC signature cannot be verified, a valid date or x-date '
              . 'header is required for HMAC Authentication';
my %sign = ('hmac-sha1' => \&hmac_sha1_base64,
            'hmac-sha256' => \&hmac_sha256_base64,
            'hmac-sha384' => \&hmac_sha384_base64,
            'hmac-sha512' => \&hmac_sha512_base64);

sub padded { my ($b) = @_; return $b . '=' x ((4 - length($b) % 4) % 4) }
sub date { return strftime('%a, %d %b %Y %H:%M:%S GMT',
                           gmtime(time + ($_[0] // 0))) }

# auth(headers, text, algorithm, user, secret)
sub auth {
    my ($headers, $text, $alg, $user, $secret) = @_;
    $alg //= 'hmac-sha256';
    $user //= 'bob';
    my $signature = padded(($sign{$alg} // \&hmac_sha256_base64)
                           ->($text, $secret // 'secret'));

    return qq(hmac username="$user", algorithm="$alg", headers="$headers", )
           . qq(signature="$signature");
}

refused('no header', $no, 'hmac', 'GET', '/h');
refused('no header, a realm', $no, 'hmac realm="r"', 'GET', '/h-realm');
refused('no date', $no_date, 'hmac', 'GET', '/h', 'Authorization: asd');
refused('an old date', $no_date, 'hmac', 'GET', '/h', 'Date: ' . date(-400),
        'Authorization: ' . auth('date', 'date: ' . date(-400)));
refused('a date to come', $no_date, 'hmac', 'GET', '/h',
        'Date: ' . date(400),
        'Authorization: ' . auth('date', 'date: ' . date(400)));
refused('less skew', $no_date, 'hmac', 'GET', '/h-skew',
        'Date: ' . date(-60),
        'Authorization: ' . auth('date', 'date: ' . date(-60)));
refused('garbage', $cannot, 'hmac', 'GET', '/h', 'Date: ' . date(),
        'Authorization: asd');

my $date = date();
my $dated = "date: $date";

for my $alg (sort keys %sign) {
    passes($alg, [$bob, qr/^X-Credential-Identifier: bob$/m], [], 'GET', '/h',
           "Date: $date", 'Authorization: ' . auth('date', $dated, $alg));
}

passes('x-date', [$bob], [], 'GET', '/h', "X-Date: $date",
       'Authorization: ' . auth('x-date', "x-date: $date"));
passes('x-date is malformed', [$bob], [], 'GET', '/h', "Date: $date",
       'X-Date: wrong date',
       'Authorization: ' . auth('date x-date',
                                "$dated\nx-date: wrong date"));
passes('date is malformed', [$bob], [], 'GET', '/h', "X-Date: $date",
       'Date: wrong date',
       'Authorization: ' . auth('x-date date',
                                "x-date: $date\ndate: wrong date"));
passes('the date need not be signed', [$bob], [], 'GET', '/h', "Date: $date",
       'X-A: b', 'Authorization: ' . auth('x-a', 'x-a: b'));
passes('names as they are spelled', [$bob], [], 'GET', '/h', "Date: $date",
       'X-A: b', 'Authorization: ' . auth('X-a DATE', "X-a: b\nDATE: $date"));
passes('the first of several values', [$bob], [], 'GET', '/h', "Date: $date",
       'X-A: b', 'X-A: c', 'Authorization: ' . auth('x-a', 'x-a: b'));
passes('a header that is not there', [$bob], [], 'GET', '/h', "Date: $date",
       'Authorization: ' . auth('date x-none', "$dated\nx-none:"));
passes('the request target', [$bob], [], 'GET', '/h/a%20b?x=%41&y', "Date: $date",
       'Authorization: ' . auth('@request-target date',
           "\@request-target: get /h/a%20b?x=%41&y\n$dated"));
passes('the request line', [$bob], [], 'GET', '/h?x=1', "Date: $date",
       'Authorization: ' . auth('date request-line',
                                "$dated\nGET /h?x=1 HTTP/1.1"));
refused('the request line without the query', $differs, 'hmac', 'GET',
        '/h?x=1', "Date: $date",
        'Authorization: ' . auth('date request-line',
                                 "$dated\nGET /h HTTP/1.1"));
passes('a header of that name comes first', [$bob], [], 'GET', '/h',
       "Date: $date", 'request-line: mine',
       'Authorization: ' . auth('request-line', 'request-line: mine'));
refused('another text', $differs, 'hmac', 'GET', '/h', "Date: $date",
        'Authorization: ' . auth('date', 'date: x'));
refused('another secret', $differs, 'hmac', 'GET', '/h', "Date: $date",
        'Authorization: ' . auth('date', $dated, 'hmac-sha256', 'bob', 'x'));
refused('a signature that is no base64', $differs, 'hmac', 'GET', '/h',
        "Date: $date", 'Authorization: hmac username="bob", '
        . 'algorithm="hmac-sha256", headers="date", signature="!!"');
refused('an unknown user', $cannot, 'hmac', 'GET', '/h', "Date: $date",
        'Authorization: ' . auth('date', $dated, 'hmac-sha256', 'mallory'));
refused('an unknown algorithm', $cannot, 'hmac', 'GET', '/h', "Date: $date",
        'Authorization: ' . auth('date', $dated, 'hmac-sha224'));
refused('one that is not allowed', $cannot, 'hmac', 'GET', '/h-algs',
        "Date: $date",
        'Authorization: ' . auth('date', $dated, 'hmac-sha512'));
passes('one that is', [$bob], [], 'GET', '/h-algs', "Date: $date",
       'Authorization: ' . auth('date', $dated, 'hmac-sha1'));
refused('no headers listed', $cannot, 'hmac', 'GET', '/h', "Date: $date",
        'Authorization: ' . auth('', ''));
refused('another order', $cannot, 'hmac', 'GET', '/h', "Date: $date",
        'Authorization: ' . (auth('date', $dated)
            =~ s/(username="bob"), (algorithm="[^"]*")/$2, $1/r));
refused('a comma is missing', $cannot, 'hmac', 'GET', '/h', "Date: $date",
        'Authorization: ' . (auth('date', $dated) =~ s/, headers/ headers/r));
refused('the parameter headers is missing', $cannot, 'hmac', 'GET', '/h',
        "Date: $date",
        'Authorization: ' . (auth('date', $dated) =~ s/ headers="date",//r));
passes('no blanks', [$bob], [], 'GET', '/h', "Date: $date",
       'Authorization: ' . (auth('date', $dated) =~ s/, /,/gr));
passes('a capital', [$bob], [], 'GET', '/h', "Date: $date",
       'Authorization: ' . (auth('date', $dated) =~ s/^h/H/r));
passes('Proxy-Authorization', [$bob], [], 'GET', '/h', "Date: $date",
       'Proxy-Authorization: ' . auth('date', $dated));
passes('garbage there', [$bob], [], 'GET', '/h', "Date: $date",
       'Proxy-Authorization: asd', 'Authorization: ' . auth('date', $dated));
refused('a wrong one there decides', $differs, 'hmac', 'GET', '/h',
        "Date: $date", 'Proxy-Authorization: ' . auth('date', 'x'),
        'Authorization: ' . auth('date', $dated));
passes('hidden', [$bob], [qr/^Authorization/mi], 'GET', '/h-hide',
       "Date: $date", 'Authorization: ' . auth('date', $dated));
passes('hidden, the header that was used',
       [$bob, qr/^Authorization: mine$/m], [qr/^Proxy-Authorization/mi],
       'GET', '/h-hide', "Date: $date", 'Authorization: mine',
       'Proxy-Authorization: ' . auth('date', $dated));

refused('an enforced header is not listed', $cannot, 'hmac', 'GET',
        '/h-enforce', "Date: $date",
        'Authorization: ' . auth('date', $dated));
passes('enforced headers', [$bob], [], 'GET', '/h-enforce', "Date: $date",
       'Authorization: ' . auth('request-line date',
                                "GET /h-enforce HTTP/1.1\n$dated"));
refused('enforced, in another case', $cannot, 'hmac', 'GET', '/h-enforce',
        "Date: $date",
        'Authorization: ' . auth('request-line Date',
                                 "GET /h-enforce HTTP/1.1\nDate: $date"));

my $signed = 'Authorization: ' . auth('date', $dated);
my $digest = 'Digest: SHA-256=' . padded(sha256_base64('a=b'));
my $empty = 'Digest: SHA-256=' . padded(sha256_base64(''));

passes('no body, no digest', [$bob], [], 'GET', '/h-body', "Date: $date",
       $signed);
passes('no body, its digest', [$bob], [], 'GET', '/h-body', "Date: $date",
       $signed, $empty);
passes('a body and its digest', [$bob, qr/^a=b\z/m], [], 'POST', '/h-body',
       "Date: $date", $signed, $digest, \'a=b');
refused('a body without a digest', $differs, 'hmac', 'POST', '/h-body',
        "Date: $date", $signed, \'a=b');
refused('another body', $differs, 'hmac', 'POST', '/h-body', "Date: $date",
        $signed, $digest, \'a=c');
refused('another hash', $differs, 'hmac', 'POST', '/h-body', "Date: $date",
        $signed, 'Digest: ' . padded(sha256_base64('a=b')), \'a=b');
passes('a digest that is signed', [$bob], [], 'POST', '/h-body',
       "Date: $date", $digest,
       'Authorization: ' . auth('date digest',
                                "$dated\ndigest: " . ($digest =~ s/.*?: //r)),
       \'a=b');
my $large = 'x' x 200000;
passes('a body on disk', [$bob], [], 'POST', '/h-body', "Date: $date",
       $signed, 'Digest: SHA-256=' . padded(sha256_base64($large)), \$large);
passes('a body is not looked at by default', [$bob], [], 'POST', '/h',
       "Date: $date", $signed, \'a=b');
passes('anonymous', [$nobody, qr/^X-Anonymous-Consumer: true$/m],
       [qr/X-Credential-Identifier/], 'GET', '/h-anon');


# ---- several

refused('both are needed', $no, $service, 'GET', '/and?apikey=kong');
refused('both are needed, the first one fails', $none, 'Key', 'GET', '/and',
        'Authorization: ' . basic('bob:kong'));
passes('both, the last one is told',
       [$bob, qr/^X-Credential-Identifier: bob$/m], [qr/alice-1/], 'GET',
       '/and?apikey=alices', 'Authorization: ' . basic('bob:kong'));
passes('one of them will do', [qr/^X-Credential-Identifier: bob$/m],
       [qr/^Authorization/m, qr/Anonymous/], 'GET', '/or',
       'Authorization: ' . basic('bob:kong'));
passes('the first one, the second one does nothing',
       [qr/^X-Consumer-Custom-ID: alice-1$/m, qr/^Authorization/m],
       [qr/Anonymous/], 'GET', '/or?apikey=alices',
       'Authorization: ' . basic('bob:kong'));
passes('none of them', [$nobody], [], 'GET', '/or?apikey=wrong',
       'Authorization: ' . basic('bob:x'));

unlike($nginx->error_log, qr/\[(?:error|alert|emerg|crit)\]/,
       'no complaints in the log');
my @said = grep { /\[(?:info|notice|warn)\]/ } split /\n/, $nginx->error_log;
cmp_ok(scalar @said, '>', 20, 'refusals are logged');
unlike(join("\n", map { s/request: "[^"]*"//r } @said),
       qr/kong(?!_)|secret|password|Ym9i/, 'without secrets');
$nginx->stop;

run_tests();

__DATA__
