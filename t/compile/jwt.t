# Copyright (C) the ngx_gateway authors
#
# jwt and jwt_secrets: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(encode_base64);

sub b64 {
    my $s = encode_base64($_[0], '');
    $s =~ tr{+/=}{-_}d;
    return $s;
}

my $text = b64('{"alg":"HS256"}') . '.' . b64('{"iss":"bob \"x\""}');

our $token = "$text." . b64(hmac_sha256($text, 'bobs "s" $x'));
our $pem = `openssl genpkey -algorithm ED25519 | openssl pkey -pubout`;
our $ec = `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \\
           | openssl pkey -pubout`;

(our $indented = $pem) =~ s/^/      /mg;

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080
  routes:
  - name: orders
    paths: [/orders]
  plugins:
  - name: jwt
    config:
      claims_to_verify: [exp]
      maximum_expiration: 3600
consumers:
- username: bob
  jwt_secrets:
  - id: 3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1
    key: bob
    secret: bobs-secret
--- conf_like eval
[qr/^ +gateway_jwt claims_to_verify=exp maximum_expiration=3600;/m,
 qr/^ +gateway_jwt_secret id=3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1 key=bob secret=bobs-secret;/m]



=== TEST 2: nothing but defaults
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
--- conf_like: (?m)^ +gateway_jwt on;



=== TEST 3: every field
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
  config:
    uri_param_names: [a, b]
    cookie_names: [c]
    header_names: []
    key_claim_name: kid
    secret_is_base64: true
    claims_to_verify: [exp, nbf]
    maximum_expiration: 0.5
    anonymous: nobody
    run_on_preflight: false
    realm: my realm
consumers:
- username: nobody
--- conf_like eval
qr/^ +gateway_jwt (?=.*uri_param_names=a uri_param_names=b)(?=.*cookie_names=c)(?=.*header_names= )(?=.*key_claim_name=kid)(?=.*secret_is_base64=on)(?=.*claims_to_verify=exp claims_to_verify=nbf)(?=.*maximum_expiration=0\.5)(?=.*anonymous=nobody)(?=.*run_on_preflight=off)(?=.*"realm=my realm").*;/m



=== TEST 4: a public key; the secret that it does not need is left out
--- yaml eval
"_format_version: '3.0'
consumers:
- username: bob
  jwt_secrets:
  - key: bob
    algorithm: EdDSA
    secret: not-used
    rsa_public_key: |
$::indented"
--- conf_like eval
qr/gateway_jwt_secret id=\S{36} key=bob algorithm=EdDSA "rsa_public_key=\Q$::pem\E";/
--- conf_unlike: not-used



=== TEST 5: bad fields
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
  config:
    claims_to_verify: [iat]
    maximum_expiration: 31536001
    header_name: [a]
--- error_like eval
[qr/^kong.yml:5:24: error: plugins\[0\]\.config\.claims_to_verify\[0\]: /m,
 qr/^kong.yml:6:25: error: plugins\[0\]\.config\.maximum_expiration: /m,
 qr/^kong.yml:7:5: error: plugins\[0\]\.config\.header_name: .*header_names/m]



=== TEST 6: a longest time without the claim
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
  config:
    claims_to_verify: [nbf]
    maximum_expiration: 10
--- error_like: kong.yml:6:25: error: plugins\[0\]\.config\.maximum_expiration: .*claims_to_verify



=== TEST 7: bad credentials
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  jwt_secrets:
  - key: a
  - key: b
    algorithm: RS256
    secret: very-secret
  - key: c
    algorithm: RS256
    rsa_public_key: garbage
  - key: d
    algorithm: none
    secret: very-secret
  - secret: very-secret
--- error_like eval
[qr/^kong.yml:5:5: error: consumers\[0\]\.jwt_secrets\[0\].*secret/m,
 qr/^kong.yml:6:5: error: consumers\[0\]\.jwt_secrets\[1\].*rsa_public_key/m,
 qr/^kong.yml:11:21: error: consumers\[0\]\.jwt_secrets\[2\]\.rsa_public_key: /m,
 qr/^kong.yml:13:16: error: consumers\[0\]\.jwt_secrets\[3\]\.algorithm: /m,
 qr/^kong.yml:15:5: error: consumers\[0\]\.jwt_secrets\[4\].*key/m]



=== TEST 8: not for one consumer
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: jwt
--- error_like: kong.yml:5:\d+: error: consumers\[0\]\.plugins\[0\].*consumer



=== TEST 9: the compiled gateway keeps to it
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: jwt
consumers:
- username: bob
  jwt_secrets:
  - key: 'bob "x"'
    secret: 'bobs "s" $x'
--- request eval
["GET /t?jwt=$::token", "GET /t?jwt=${\ substr($::token, 0, -3)}"]
--- error_code eval
[200, 401]
--- response_body_like eval
["X-Credential-Identifier: bob \"x\"\n", "Invalid signature"]
