# Copyright (C) the ngx_gateway authors
#
# basic_auth: which headers are understood, what is refused, what reaches the
# upstream.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Digest::SHA qw(sha1_hex);
use Test::Gateway::Secret qw(secret credential_digest);
use MIME::Base64 qw(encode_base64);

my $id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
my $bob = '11111111-1111-4111-8111-111111111111';

our $digest = credential_digest('basicauth_credentials', $id . 'kong');
our $secret = ">>> secret\n" . secret() . "\n";
our $sha1 = sha1_hex('old' . $bob);

our $consumers = <<"_EOC_";
    gateway_secret_file html/secret;

    gateway_consumer bob {
        gateway_basic_auth_credential username=bob id=\U$id\E
            password_digest=$digest;
        gateway_basic_auth_credential username=user321
            password=password:123;
        gateway_basic_auth_credential username=old password_sha1=$sha1;
        gateway_basic_auth_credential username=empty password=;
        id $bob;
        username bob;
        custom_id bob-1;
    }

    gateway_consumer nobody {
        id 33333333-3333-4333-8333-333333333333;
        username nobody;
    }
_EOC_

sub basic {
    return 'Basic ' . encode_base64($_[0], '');
}

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('user_files', $secret) unless defined $block->user_files;

    $block->set_value('http_config', $consumers)
        unless defined $block->http_config;

    if (defined $block->basic_auth) {
        my $args = $block->basic_auth;
        chomp $args;
        $block->set_value('config', "location / {\n"
                          . "gateway_basic_auth $args;\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a known user, the upstream is told by whom
--- basic_auth: on
--- request
GET /t
--- more_headers eval
"Authorization: " . main::basic("bob:kong") . "\nX-Consumer-ID: me\nX-Credential-Identifier: me"
--- response_body_like eval
qr{^GET /t HTTP/1.1\n(?=.*^Authorization: Basic )(?=.*^X-Consumer-ID: 11111111-1111-4111-8111-111111111111\n)(?=.*^X-Consumer-Custom-ID: bob-1\n)(?=.*^X-Consumer-Username: bob\n)(?=.*^X-Credential-Identifier: bob\n)}ms
--- response_body_unlike: X-Anonymous-Consumer|: me
--- response_headers
!WWW-Authenticate
--- no_error_log
[error]
[alert]



=== TEST 2: without a header there is a 401 with the default realm
--- basic_auth: on
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="service"
Content-Type: application/json; charset=utf-8
--- response_body_like eval
qr{^\{\n  "message":"Unauthorized",\n  "request_id":"[0-9a-f]{32}"\n\}$}



=== TEST 3: another realm
--- basic_auth: realm=my-realm
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="my-realm"



=== TEST 4: the forms of a header that are read
--- basic_auth: on
--- request eval
[("GET /t") x 7]
--- more_headers eval
["Authorization: " . main::basic("user321:password:123"),
 "Authorization: basic " . MIME::Base64::encode_base64("bob:kong", ""),
 "Authorization: Basic" . MIME::Base64::encode_base64("bob:kong", ""),
 "Authorization: some   Basic   " . MIME::Base64::encode_base64("bob:kong", ""),
 "Authorization: Basic Ym9iOmtvbmc",
 "Authorization: " . main::basic("old:old"),
 "Authorization: " . main::basic("empty:")]
--- error_code eval
[(200) x 7]
--- response_body_like eval
["X-Credential-Identifier: user321\n", ("X-Credential-Identifier: bob\n") x 4, "X-Credential-Identifier: old\n", "X-Credential-Identifier: empty\n"]



=== TEST 5: the forms that are not
--- basic_auth: on
--- request eval
[("GET /t") x 15]
--- more_headers eval
["Authorization: foobar", "Authorization: Basic Ym9i", "Authorization: Basic",
 "Authorization: Basic adXNlcjEyMzpwYXNzd29yZDEyMw==", "Authorization:",
 "Authorization: BASIC Ym9iOmtvbmc=", "Authorization: Basic !!!!",
 "Authorization: Basic Y", "Authorization: Basic ====",
 "Authorization: " . main::basic(":kong"), "Authorization: " . main::basic("bob:"),
 "Authorization: " . main::basic("bob:kon"), "Authorization: " . main::basic("bob:kongo"),
 "Authorization: " . main::basic("bob\0:kong"), "Authorization: " . main::basic("\xff\xfe:\xff")]
--- error_code eval
[(401) x 15]
--- no_error_log
[error]
[alert]



=== TEST 6: wrong passwords of all kinds of credentials, users nobody knows
--- basic_auth: on
--- request eval
[("GET /t") x 5]
--- more_headers eval
["Authorization: " . main::basic("old:kong"), "Authorization: " . main::basic("user321:password"),
 "Authorization: " . main::basic("empty:x"), "Authorization: " . main::basic("unknown:kong"),
 "Authorization: " . main::basic("Bob:kong")]
--- error_code eval
[(401) x 5]
--- response_body_like eval
[('"message":"Unauthorized"') x 5]
--- log_level: info
--- no_error_log
kong



=== TEST 7: a digest is no password
--- basic_auth: on
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["Authorization: " . main::basic("bob:$main::digest"), "Authorization: " . main::basic("old:$main::sha1")]
--- error_code eval
[401, 401]



=== TEST 8: Proxy-Authorization comes first, a known user there decides
--- basic_auth: on
--- request eval
[("GET /t") x 4]
--- more_headers eval
["Proxy-Authorization: " . main::basic("bob:kong"),
 "Proxy-Authorization: " . main::basic("unknown:x") . "\nAuthorization: " . main::basic("bob:kong"),
 "Proxy-Authorization: garbage\nAuthorization: " . main::basic("bob:kong"),
 "Proxy-Authorization: " . main::basic("bob:wrong") . "\nAuthorization: " . main::basic("old:old")]
--- error_code eval
[200, 200, 200, 401]



=== TEST 9: a second Authorization is refused by nginx or not looked at
--- basic_auth: on
--- request
GET /t
--- more_headers eval
"Authorization: " . main::basic("bob:wrong") . "\nAuthorization: " . main::basic("bob:kong")
--- error_code_like: ^40[01]$



=== TEST 10: hide_credentials removes what was looked at
--- basic_auth: hide_credentials=on
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["Authorization: " . main::basic("bob:kong"),
 "Proxy-Authorization: x\nAuthorization: " . main::basic("bob:kong"),
 "Proxy-Authorization: " . main::basic("bob:kong") . "\nAuthorization: other"]
--- response_body_like eval
["X-Consumer-Username: bob\n", "X-Consumer-Username: bob\n", "Authorization: other\n"]
--- response_body_unlike eval
[("Basic|Proxy-Authorization") x 3]



=== TEST 11: an anonymous consumer instead of the 401
--- basic_auth: anonymous=nobody
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Consumer-Custom-ID: me", "Authorization: " . main::basic("bob:wrong"), "Authorization: " . main::basic("bob:kong")]
--- response_body_like eval
[("(?s)X-Consumer-ID: 33333333-.*X-Consumer-Username: nobody\n.*X-Anonymous-Consumer: true\n") x 2, "X-Consumer-Username: bob\n"]
--- response_body_unlike eval
["X-Credential|X-Consumer-Custom-ID", "X-Credential", "X-Anonymous"]



=== TEST 12: OPTIONS is authenticated
--- basic_auth: on
--- request
OPTIONS /t
--- error_code: 401



=== TEST 13: over HTTP/2
--- basic_auth: on
--- http2
--- request
GET /t
--- more_headers eval
"Authorization: " . main::basic("bob:kong")
--- response_body_like: X-Consumer-Username: bob



=== TEST 14: a gRPC client gets its status
--- basic_auth: on
--- request
POST /t
--- more_headers
Content-Type: application/grpc
--- error_code: 401
--- response_headers
grpc-status: 16
WWW-Authenticate: Basic realm="service"



=== TEST 15: off by default, inherited, switched off below
--- config
    location /a {
        return 200;
    }
    location /b {
        gateway_basic_auth on;
        location /b/c {
            gateway_basic_auth off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        }
        location /b/d {
            proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        }
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /a", "GET /b/c", "GET /b", "GET /b/d"]
--- error_code eval
[200, 200, 401, 401]



=== TEST 16: in a service, with key_auth: one of the two will do
--- http_config eval
"$::consumers gateway_consumer carol { username carol; gateway_key_auth_credential key=k; }"
--- config
    gateway_service echo {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Host $gateway_upstream_headers;
        proxy_set_header Connection "";
        gateway_key_auth anonymous=nobody;
        gateway_basic_auth anonymous=nobody hide_credentials=on;
    }
    gateway_route all service=echo { paths /; }
--- request eval
["GET /t", "GET /t?apikey=k", "GET /t", "GET /t?apikey=k"]
--- more_headers eval
["Authorization: " . main::basic("bob:kong"), "A: b", "A: b", "Authorization: " . main::basic("bob:kong")]
--- response_body_like eval
["X-Consumer-Username: bob\n", "X-Consumer-Username: carol\n", "X-Consumer-Username: nobody\n", "(?s)Authorization: Basic .*X-Consumer-Username: carol\n"]
--- no_error_log
[error]
[alert]



=== TEST 17: in a service without anonymous: both, the last one is told
--- http_config eval
"$::consumers gateway_consumer carol { username carol; gateway_key_auth_credential key=k; }"
--- config
    gateway_service echo {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Host $gateway_upstream_headers;
        proxy_set_header Connection "";
        gateway_key_auth on;
        gateway_basic_auth on;
    }
    gateway_route all service=echo { paths /; }
--- request eval
["GET /t", "GET /t?apikey=k", "GET /t?apikey=k"]
--- more_headers eval
["Authorization: " . main::basic("bob:kong"), "A: b", "Authorization: " . main::basic("bob:kong")]
--- error_code eval
[401, 401, 200]
--- response_body_like eval
["No API key", "Unauthorized", "X-Consumer-Username: bob\n"]
--- response_body_unlike eval
[("carol") x 3]



=== TEST 18: credentials are in force after a reload, over many of them
--- http_config eval
"gateway_consumer bob { username bob;\n"
. CORE::join("", map { "gateway_basic_auth_credential username=u$_ password=p$_;\n" } 1 .. 200) . "}"
--- basic_auth: on
--- reload
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["Authorization: " . main::basic("u1:p1"), "Authorization: " . main::basic("u200:p200"), "Authorization: " . main::basic("u99:p98")]
--- error_code eval
[200, 200, 401]



=== TEST 19: two of the same username
--- http_config
    gateway_consumer bob { gateway_basic_auth_credential username=u password=secret; }
    gateway_consumer carol { gateway_basic_auth_credential username=u password=secret; }
--- config
--- must_die
--- error_log
duplicate credential "u" of consumer "carol": consumer "bob" has one of the same name
--- no_error_log
secret



=== TEST 20: no username
--- http_config
    gateway_consumer bob { gateway_basic_auth_credential password=secret; }
--- config
--- must_die
--- error_log
"gateway_basic_auth_credential" directive has no username



=== TEST 21: no password, or two
--- http_config
    gateway_consumer bob { gateway_basic_auth_credential username=u; }
--- config
--- must_die
--- error_log
needs one of "password=", "password_hash=", "password_digest=" and "password_sha1="



=== TEST 22: a bad digest
--- http_config
    gateway_consumer bob { gateway_basic_auth_credential username=u password_sha1=12; }
--- config
--- must_die
--- error_log
has an invalid "password_sha1"



=== TEST 23: a digest of no known salt
--- http_config eval
"gateway_consumer bob { gateway_basic_auth_credential username=u password_digest=$::digest; }"
--- config
--- must_die
--- error_log
has a "password_digest" without "id"



=== TEST 24: an invalid id
--- http_config
    gateway_consumer bob { gateway_basic_auth_credential id=1 username=u password=p; }
--- config
--- must_die
--- error_log
has an invalid "id": expected a UUID



=== TEST 25: a misspelled parameter is not shown
--- http_config
    gateway_consumer bob { gateway_basic_auth_credential username=u pasword=secret; }
--- config
--- must_die
--- error_log
"gateway_basic_auth_credential" directive has an unknown parameter
--- no_error_log
secret



=== TEST 26: an unknown anonymous consumer
--- basic_auth: anonymous=ghost
--- must_die
--- error_log eval
qr/anonymous consumer "ghost" of "gateway_basic_auth" in \S+nginx.conf:\d+ doesn't exist/



=== TEST 27: not for a single consumer
--- http_config
    gateway_consumer bob { gateway_basic_auth on; }
--- config
--- must_die
--- error_log
is not allowed in "gateway_consumer"



=== TEST 28: a digest without the secret
--- http_config eval
"gateway_consumer bob { gateway_basic_auth_credential id=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa username=u password_digest=$::digest; }"
--- config
--- must_die
--- error_log
has a "password_digest", which needs "gateway_secret_file" before it



=== TEST 29: a digest that is none
--- http_config
    gateway_secret_file html/secret;
    gateway_consumer bob { gateway_basic_auth_credential id=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa username=u password_digest=1; }
--- config
--- must_die
--- error_log
has an invalid "password_digest": expected 64 hex digits



=== TEST 30: a hash of no known kind is not shown
--- http_config
    gateway_consumer bob { gateway_basic_auth_credential username=u password_hash=$apr1$secret$x; }
--- config
--- must_die
--- error_log
invalid "password_hash" of username "u": expected one that begins with $2b$
--- no_error_log
apr1



=== TEST 31: a hash that is cut off
--- http_config
    gateway_consumer bob { gateway_basic_auth_credential username=u password_hash=$2y$10$abc; }
--- config
--- must_die
--- error_log
invalid "password_hash" of username "u": it is not complete, or malformed



=== TEST 32: bad parameters of hashing
--- http_config
    gateway_basic_auth_hashing active=0;
--- config
--- must_die
--- error_log
invalid parameter "active=0": expected



=== TEST 33: hashing twice
--- http_config
    gateway_basic_auth_hashing active=1 queue=0 cache=64k ttl=1m threads=default;
    gateway_basic_auth_hashing active=1;
--- config
--- must_die
--- error_log
"gateway_basic_auth_hashing" directive is duplicate



=== TEST 34: a pool of threads that does not exist
--- http_config
    gateway_basic_auth_hashing threads=nowhere;
    gateway_consumer bob { gateway_basic_auth_credential username=u
        password_hash=$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i; }
--- config
--- must_die
--- error_log
unknown thread pool "nowhere"

