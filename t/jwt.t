# Copyright (C) the ngx_gateway authors
#
# jwt: where tokens are looked for, what is refused and how, all algorithms.
# The keys are made by openssl, and so are the signatures.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Test::Gateway::Token qw(b64);

my $tokens = Test::Gateway::Token->new;

# keys of ES* are named after the algorithm
my %keys = (rsa => 'rsa', rsa3k => 'rsa3k', ES256 => 'p256', ES384 => 'p384',
            ES512 => 'p521', ed25519 => 'ed25519', ed448 => 'ed448');

our %pem = map { $_ => $tokens->pem($keys{$_}) } keys %keys;

sub sign {
    my ($alg, $text, $key) = @_;
    return $tokens->signature($alg, $text, $keys{$key} // $key);
}

# a token of JSON texts
sub token {
    my ($alg, $claims, $key, $header) = @_;
    $key //= 'very-secret';
    return $tokens->sign($alg, $claims, $keys{$key} // $key, $header);
}

our $good = token('HS256', '{"iss":"bob"}');

our $consumers = <<"_EOC_";
    gateway_consumer bob {
        id 11111111-1111-4111-8111-111111111111;
        username bob;
        custom_id bob-1;
        gateway_jwt_secret key=bob secret=very-secret
            id=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa;
        gateway_jwt_secret key=hs384 algorithm=HS384 secret=very-secret;
        gateway_jwt_secret key=hs512 algorithm=HS512 secret=very-secret;
        gateway_jwt_secret key=b64 secret=dmVyeS1zZWNyZXQ+Pj8/;
        gateway_jwt_secret key=nob64 secret=!!;
_EOC_

for my $alg (qw(RS256 RS384 RS512 PS256 PS384 PS512)) {
    $consumers .= qq(gateway_jwt_secret key=$alg algorithm=$alg
        "rsa_public_key=$pem{rsa}";\n);
}

for my $alg (qw(ES256 ES384 ES512)) {
    $consumers .= qq(gateway_jwt_secret key=$alg algorithm=$alg
        "rsa_public_key=$pem{$alg}";\n);
}

for my $kind (qw(ed25519 ed448)) {
    $consumers .= qq(gateway_jwt_secret key=$kind algorithm=EdDSA
        "rsa_public_key=$pem{$kind}";\n);
}

$consumers .= <<"_EOC_";
        gateway_jwt_secret key=PS3k algorithm=PS256
            "rsa_public_key=$pem{rsa3k}";
    }
    gateway_consumer nobody {
        id 33333333-3333-4333-8333-333333333333;
        username nobody;
    }
_EOC_

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $consumers)
        unless defined $block->http_config;

    if (defined $block->jwt) {
        my $args = $block->jwt;
        chomp $args;
        $block->set_value('config', "location / {\n"
                          . "gateway_jwt $args;\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a token in the header, the upstream is told by whom and gets it
--- jwt: on
--- request
GET /t
--- more_headers eval
"Authorization: Bearer $main::good\nX-Consumer-ID: me"
--- response_body_like eval
qr{^GET /t HTTP/1.1\n(?=.*^Authorization: Bearer \Q$main::good\E\n)(?=.*^X-Consumer-ID: 11111111-1111-4111-8111-111111111111\n)(?=.*^X-Consumer-Custom-ID: bob-1\n)(?=.*^X-Consumer-Username: bob\n)(?=.*^X-Credential-Identifier: bob\n)}ms
--- response_body_unlike: : me
--- response_headers
!WWW-Authenticate
--- no_error_log
[error]
[alert]



=== TEST 2: no token
--- jwt: on
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer
Content-Type: application/json; charset=utf-8
--- response_body: {"message":"Unauthorized"}



=== TEST 3: the challenges with a realm
--- jwt: realm=test
--- request eval
["GET /t", "GET /t?jwt=a"]
--- error_code eval
[401, 401]
--- raw_response_headers_like eval
["WWW-Authenticate: Bearer realm=\"test\"\r\n", "WWW-Authenticate: Bearer realm=\"test\", error=\"invalid_token\"\r\n"]



=== TEST 4: all algorithms
--- jwt: on
--- request eval
[map({ "GET /t?jwt=" . main::token($_, "{\"iss\":\"" . CORE::lc($_) . "\"}") } qw(HS384 HS512)),
 map({ "GET /t?jwt=" . main::token($_, "{\"iss\":\"$_\"}", "rsa") } qw(RS256 RS384 RS512 PS256 PS384 PS512)),
 map({ "GET /t?jwt=" . main::token($_, "{\"iss\":\"$_\"}", $_) } qw(ES256 ES384 ES512)),
 map({ "GET /t?jwt=" . main::token("EdDSA", "{\"iss\":\"$_\"}", $_) } qw(ed25519 ed448))]
--- error_code eval
[(200) x 13]
--- no_error_log
[error]
[alert]



=== TEST 5: all algorithms, a signature over another text
--- jwt: on
--- request eval
[map { my ($h, undef, $s) = CORE::split(/\./, main::token(@$_));
       "GET /t?jwt=$h." . main::b64(CORE::substr($_->[1], 0, -1) . ",\"a\":1}") . ".$s" }
 ["HS256", "{\"iss\":\"bob\"}"], map({ [$_, "{\"iss\":\"$_\"}", "rsa"] } qw(RS256 RS384 RS512 PS256 PS384 PS512)),
 map({ [$_, "{\"iss\":\"$_\"}", $_] } qw(ES256 ES384 ES512)), map({ ["EdDSA", "{\"iss\":\"$_\"}", $_] } qw(ed25519 ed448))]
--- error_code eval
[(401) x 12]
--- response_body eval
[("{\"message\":\"Invalid signature\"}") x 12]
--- no_error_log
[error]
[alert]



=== TEST 6: signatures of a wrong size or form
--- jwt: on
--- request eval
my @t;
for (["HS256", "bob"], ["RS256", "RS256"], ["PS256", "PS256"], ["ES256", "ES256"], ["EdDSA", "ed25519"]) {
    my $text = main::b64("{\"alg\":\"$_->[0]\"}") . "." . main::b64("{\"iss\":\"$_->[1]\"}");
    push @t, map { "GET /t?jwt=$text." . main::b64($_) } "", "a", "\0" x 64, "\xff" x 64, "a" x 256, "a" x 1000;
}
[@t, "GET /t?jwt=" . main::token("PS256", '{"iss":"PS3k"}', "rsa3k")]
--- error_code eval
[(401) x 31]
--- response_body eval
[("{\"message\":\"Invalid signature\"}") x 31]
--- no_error_log
[error]
[alert]



=== TEST 7: the credential decides about the algorithm
--- jwt: on
--- request eval
["GET /t?jwt=" . main::token("RS256", '{"iss":"bob"}', "rsa"), "GET /t?jwt=" . main::token("HS256", '{"iss":"RS256"}', $::pem{rsa}),
 "GET /t?jwt=" . main::token("HS512", '{"iss":"bob"}'), "GET /t?jwt=" . main::token("PS256", '{"iss":"RS256"}', "rsa")]
--- error_code eval
[(401) x 4]
--- response_body eval
[("{\"message\":\"Invalid algorithm\"}") x 4]



=== TEST 8: none, and other values of alg
--- jwt: on
--- request eval
[map { "GET /t?jwt=" . main::b64($_) . "." . main::b64('{"iss":"bob"}') . "." }
 '{"alg":"none"}', '{"alg":"None"}', '{}', '{"alg":1}', '{"alg":null}', '{"alg":""}', '{"alg":"hs256"}', '{"alg":["HS256"]}', '"x"', '1', 'null', '[]']
--- error_code eval
[(401) x 12]
--- response_body eval
[("{\"message\":\"Bad token; invalid alg\"}") x 12]



=== TEST 9: what is no token
--- jwt: on
--- request eval
my $h = main::b64('{"alg":"HS256"}'); my $c = main::b64('{"iss":"bob"}');
[map { "GET /t?jwt=$_" } "a", "a.b", "a.b.c", "..", "...", "$h.$c", "$h..x", ".$c.x", "$h.!!.x", main::b64('{"alg":"HS256","alg":"HS256"}') . ".$c.x",
 "$h." . main::b64('{"iss":"bob","iss":"bob"}') . ".x", "$h." . main::b64('{"iss":"bob"') . ".x", "$h." . main::b64("{\"iss\":\"b\xff\"}") . ".x",
 "$h." . main::b64('{"iss":"b\u0000"}') . ".x", "$h=a.$c.x", "$h." . main::b64("[" x 3000) . ".x", "$h." . main::b64('{"a":1e999}') . ".x", "$h.$c%00.x"]
--- error_code eval
[(401) x 18]
--- response_body eval
[("{\"message\":\"Bad token; invalid JSON\"}") x 18]
--- no_error_log
[error]
[alert]



=== TEST 10: claims that are no object, signatures that are no base64
--- jwt: on
--- request eval
my $h = main::b64('{"alg":"HS256"}'); my $c = main::b64('{"iss":"bob"}');
["GET /t?jwt=$h." . main::b64("false") . ".x", "GET /t?jwt=$h." . main::b64('"bob"') . ".xx", "GET /t?jwt=$h." . main::b64("[]") . ".xx",
 "GET /t?jwt=$h.$c.x", "GET /t?jwt=$h.$c.xx.xx", "GET /t?jwt=$h.$c.!!"]
--- error_code eval
[(401) x 6]
--- response_body eval
["{\"message\":\"Bad token; invalid claims\"}", "{\"message\":\"Bad token; invalid claims\"}", "{\"message\":\"No mandatory 'iss' in claims\"}",
 ("{\"message\":\"Bad token; invalid signature\"}") x 3]



=== TEST 11: the claim that names the credential
--- jwt: on
--- request eval
[map { "GET /t?jwt=" . main::token("HS256", $_) } '{}', '{"iss":false}', '{"iss":""}', '{"iss":"carol"}', '{"iss":12345678901234567890}', '{"iss":["bob"]}']
--- error_code eval
[(401) x 6]
--- response_body eval
["{\"message\":\"No mandatory 'iss' in claims\"}", "{\"message\":\"No mandatory 'iss' in claims\"}", "{\"message\":\"Invalid 'iss' in claims\"}",
 ("{\"message\":\"No credentials found for given 'iss'\"}") x 3]



=== TEST 12: another claim, in the token's header or in its payload
--- jwt: key_claim_name=kid
--- request eval
["GET /t?jwt=" . main::token("HS256", '{"a":1}', undef, '{"alg":"HS256","kid":"bob"}'), "GET /t?jwt=" . main::token("HS256", '{"kid":"bob"}', undef, '{"alg":"HS256","kid":"carol"}'),
 "GET /t?jwt=$main::good"]
--- error_code eval
[200, 200, 401]
--- response_body_like eval
["bob", "bob", "No mandatory 'kid' in claims"]



=== TEST 13: the places where a token is looked for
--- jwt: uri_param_names=token cookie_names=silly cookie_names=crumble header_names=X-Token
--- request eval
["GET /t?a=1&tok%65n=$main::good", "GET /t?jwt=$main::good", "GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["A: b", "A: b", "Cookie: a=b; silly=$main::good; c=d", "Cookie: crumble=x$main::good", "x-token: bearer   $main::good", "Authorization: Bearer $main::good"]
--- error_code eval
[200, 401, 200, 401, 200, 401]
--- response_body_like eval
["bob", "Unauthorized", "bob", "{\"message\":\"Bad token; invalid JSON\"}", "bob", "Unauthorized"]



=== TEST 14: no place but one
--- jwt: uri_param_names= header_names=
--- request
GET /t?jwt=a
--- more_headers
Authorization: Bearer a
--- error_code: 401
--- response_body: {"message":"Unauthorized"}



=== TEST 15: forms of the header
--- jwt: on
--- request eval
[("GET /t") x 6]
--- more_headers eval
["Authorization: bearer $main::good", "Authorization: some Bearer\t $main::good", "Authorization: BEARER $main::good", "Authorization: Bearer$main::good", "Authorization: Bearer", "Authorization: $main::good"]
--- error_code eval
[200, 200, 401, 401, 401, 401]
--- response_body_like eval
["bob", "bob", ("Unauthorized") x 4]



=== TEST 16: one token in two places, two tokens, no value
--- jwt: on
--- request eval
["GET /t?jwt=$main::good", "GET /t?jwt=$main::good", "GET /t?jwt=$main::good&jwt=x", "GET /t?jwt=$main::good&jwt=$main::good", "GET /t?jwt", "GET /t?jwt&jwt", "GET /t?jwt&jwt=$main::good", "GET /t?jwt=&jwt=$main::good", "GET /t?jwt="]
--- more_headers eval
["Authorization: Bearer $main::good", "Authorization: Bearer invalid.jwt.token", ("A: b") x 7]
--- error_code eval
[200, 401, 401, 200, 401, 401, 401, 200, 401]
--- response_body_like eval
["bob", "{\"message\":\"Multiple tokens provided\"}", "Multiple tokens", "bob", "{\"message\":\"Unrecognizable token\"}", "Unrecognizable", "Multiple tokens", "bob", "Unauthorized"]



=== TEST 17: a header given twice: the first one counts
--- jwt: header_names=x-token
--- request
GET /t
--- more_headers eval
"X-Token: Bearer $main::good\nX-Token: Bearer other"
--- error_code: 200



=== TEST 18: secrets in base64; public keys are taken as they are
--- jwt: secret_is_base64=on
--- request eval
["GET /t?jwt=" . main::token("HS256", '{"iss":"b64"}', "very-secret>>??"), "GET /t?jwt=" . main::token("HS256", '{"iss":"b64"}', "dmVyeS1zZWNyZXQ+Pj8/"),
 "GET /t?jwt=" . main::token("HS256", '{"iss":"nob64"}', "!!"), "GET /t?jwt=" . main::token("HS256", '{"iss":"nob64"}', ""), "GET /t?jwt=" . main::token("RS256", '{"iss":"RS256"}', "rsa")]
--- error_code eval
[200, 401, 401, 401, 200]
--- response_body_like eval
["bob", "Invalid signature", "{\"message\":\"Invalid key/secret\"}", "Invalid key/secret", "bob"]



=== TEST 19: registered claims
--- jwt: claims_to_verify=exp claims_to_verify=nbf
--- request eval
my $now = time;
[map { "GET /t?jwt=" . main::token("HS256", "{\"iss\":\"bob\"$_}") }
 "", ",\"exp\":" . ($now + 100) . ",\"nbf\":" . ($now - 10), ",\"exp\":$now,\"nbf\":$now", ",\"exp\":\"x\",\"nbf\":" . ($now + 100), ",\"exp\":1e15,\"nbf\":-1.5", ",\"exp\":" . ($now - 0.5) . ",\"nbf\":null"]
--- error_code eval
[401, 200, 401, 401, 200, 401]
--- response_body_like eval
["^\{\"nbf\":\"must be a number\",\"exp\":\"must be a number\"\}\$", "bob", "^\{\"exp\":\"token expired\"\}\$",
 "^\{\"nbf\":\"token not valid yet\",\"exp\":\"must be a number\"\}\$", "bob", "^\{\"nbf\":\"must be a number\",\"exp\":\"token expired\"\}\$"]
--- raw_response_headers_like eval
["WWW-Authenticate: Bearer error=\"invalid_token\"\r\n", ("") x 5]



=== TEST 20: the longest time
--- jwt: claims_to_verify=exp maximum_expiration=300
--- request eval
my $now = time;
[map { "GET /t?jwt=" . main::token("HS256", "{\"iss\":\"bob\",\"exp\":$_}") } $now + 200, $now + 3600]
--- error_code eval
[200, 401]
--- response_body_like eval
["bob", "^\{\"exp\":\"exceeds maximum allowed expiration\"\}\$"]



=== TEST 21: a token that is too long
--- http_config eval
$::consumers . "large_client_header_buffers 4 64k;"
--- jwt: on
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["Authorization: Bearer " . main::token("HS256", '{"iss":"bob","a":"' . ("x" x 11000) . '"}'), "Authorization: Bearer " . main::token("HS256", '{"iss":"bob","a":"' . ("x" x 13000) . '"}')]
--- error_code eval
[200, 401]
--- response_body_like eval
["bob", "invalid JSON"]



=== TEST 22: OPTIONS
--- config
    location /on {
        gateway_jwt on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /t {
        gateway_jwt run_on_preflight=off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["OPTIONS /on", "OPTIONS /t", "GET /t"]
--- error_code eval
[401, 200, 401]
--- response_body_like eval
["{\"message\":\"Unauthorized\"}", "OPTIONS", "Unauthorized"]



=== TEST 23: an anonymous consumer instead of the 401
--- jwt: anonymous=nobody
--- request eval
["GET /t", "GET /t?jwt=x", "GET /t?jwt=$main::good"]
--- response_body_like eval
[("(?s)X-Consumer-Username: nobody\n.*X-Anonymous-Consumer: true\n") x 2, "X-Consumer-Username: bob\n"]
--- raw_response_headers_unlike eval
[("WWW-Authenticate") x 3]



=== TEST 24: in a service, over HTTP/2
--- http2
--- config
    gateway_service echo {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Host $gateway_upstream_headers;
        proxy_set_header Connection "";
        gateway_jwt cookie_names=c;
    }
    gateway_route all service=echo { paths /; }
--- request
GET /t
--- more_headers eval
"Cookie: a=b; c=$main::good"
--- response_body_like: X-Consumer-Username: bob
--- no_error_log
[error]
[alert]



=== TEST 25: secrets and tokens are not logged
--- jwt: on
--- request
GET /t
--- more_headers eval
"Authorization: Bearer " . main::token("HS256", '{"iss":"bob"}', "other")
--- error_code: 401
--- log_level: info
--- error_log
jwt: Invalid signature
--- no_error_log
very-secret



=== TEST 26: a gRPC client gets its status
--- jwt: on
--- request
POST /t
--- more_headers
Content-Type: application/grpc
--- error_code: 401
--- response_headers
grpc-status: 16



=== TEST 27: maximum_expiration without exp
--- jwt: maximum_expiration=10
--- must_die
--- error_log
which needs "claims_to_verify=exp"



=== TEST 28: an unknown claim
--- jwt: claims_to_verify=iat
--- must_die
--- error_log
has an invalid "claims_to_verify"



=== TEST 29: no key that could be used: none, garbage, of another kind
--- http_config
    gateway_consumer bob { gateway_jwt_secret key=a algorithm=RS256 secret=s; }
--- config
--- must_die
--- error_log
has no public key



=== TEST 30: a key that is none
--- http_config
    gateway_consumer bob { gateway_jwt_secret key=a algorithm=RS256 rsa_public_key=x; }
--- config
--- must_die
--- error_log
has an invalid "rsa_public_key"



=== TEST 31: a key of another kind
--- http_config eval
"gateway_consumer bob { gateway_jwt_secret key=a algorithm=ES256 \"rsa_public_key=$::pem{ES384}\"; }"
--- config
--- must_die
--- error_log
has an invalid "rsa_public_key"



=== TEST 32: no secret
--- http_config
    gateway_consumer bob { gateway_jwt_secret key=a; }
--- config
--- must_die
--- error_log
"gateway_jwt_secret" directive has no secret



=== TEST 33: an unknown algorithm
--- http_config
    gateway_consumer bob { gateway_jwt_secret key=a algorithm=none secret=s; }
--- config
--- must_die
--- error_log
has an unknown "algorithm"



=== TEST 34: no key, and the same key twice
--- http_config
    gateway_consumer bob { gateway_jwt_secret secret=very-secret; }
--- config
--- must_die
--- error_log
"gateway_jwt_secret" directive has no key
--- no_error_log
very-secret



=== TEST 35: the same key twice
--- http_config
    gateway_consumer bob { gateway_jwt_secret key=a secret=s; gateway_jwt_secret key=a secret=t; }
--- config
--- must_die
--- error_log
duplicate credential "a" of consumer "bob"



=== TEST 36: sizes of zones; a key set at a URL, where nobody is
--- http_config
    gateway_jwt_keys_zone 1m;
    gateway_jwt_cache 1m;
--- config
    location = /t {
        gateway_jwt jwks_uri=http://127.0.0.1:$TEST_NGINX_UNUSED_PORT/jwks;
        root html;
    }
--- request
GET /t
--- error_code: 401



=== TEST 37: without the cache
--- http_config
    gateway_jwt_cache off;
--- config
    location = /t {
        gateway_jwt on;
        root html;
    }
--- request
GET /t
--- error_code: 401



=== TEST 38: a size that is none
--- http_config
    gateway_jwt_cache much;
--- config
--- must_die
--- error_log
invalid zone size "much"



=== TEST 39: the same of the key sets
--- http_config
    gateway_jwt_keys_zone 1;
--- config
--- must_die
--- error_log
zone size "1" is too small



=== TEST 40: twice
--- http_config
    gateway_jwt_keys_zone 1m;
    gateway_jwt_keys_zone 1m;
--- config
--- must_die
--- error_log
"gateway_jwt_keys_zone" directive is duplicate
