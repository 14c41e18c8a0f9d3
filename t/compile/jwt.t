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
[qr/^kong.yml:5:5: warning: consumers\[0\]\.jwt_secrets\[0\]: without a "secret"/m,
 qr/^kong.yml:6:5: error: consumers\[0\]\.jwt_secrets\[1\].*rsa_public_key/m,
 qr/^kong.yml:11:21: error: consumers\[0\]\.jwt_secrets\[2\]\.rsa_public_key: /m,
 qr/^kong.yml:13:16: error: consumers\[0\]\.jwt_secrets\[3\]\.algorithm: /m,
 qr/^kong.yml:15:5: warning: consumers\[0\]\.jwt_secrets\[4\]: without a "key"/m]



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



=== TEST 20: key sets, rules and what is made of claims
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
  config:
    jwks_uri: https://id.example.com/jwks
    jwks_max_age: 600
    jwks_min_age: 10
    jwks_timeout: 3000
    algorithms: [RS256, ES256]
    issuer: [https://id.example.com]
    audience: [orders, "urn:x y"]
    required_claims: {scope: orders.read, tenant: ""}
    claims_to_headers: {sub: X-Subject, realm.roles: X-Roles}
    groups_claim: realm.roles
    consumer_claim: sub
    consumer_by: [id, custom_id]
    consumer_optional: true
    leeway: 30
--- conf_like eval
[qr{gateway_jwt jwks_uri=https://id.example.com/jwks jwks_max_age=600 jwks_min_age=10 jwks_timeout=3000 algorithms=RS256 algorithms=ES256 issuer=https://id.example.com audience=orders "audience=urn:x y" required_claims.scope=orders.read required_claims.tenant= claims_to_headers.sub=X-Subject claims_to_headers.realm.roles=X-Roles groups_claim=realm.roles consumer_claim=sub consumer_by=id consumer_by=custom_id consumer_optional=on leeway=30;},
 qr{^gateway_jwt_trusted_certificate /}m,
 qr{^resolver }m]



=== TEST 21: defaults of key sets are left out
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
  config:
    jwks_uri: http://10.0.0.1/jwks
    jwks_tls_verify: true
    jwks_max_age: 3600
    jwks_min_age: 5
    jwks_timeout: 5000
    consumer_by: [username, custom_id]
    consumer_optional: false
    leeway: 0
--- conf_like
gateway_jwt jwks_uri=http://10.0.0.1/jwks;
--- conf_unlike eval
[qr/gateway_jwt_trusted_certificate/, qr/resolver/]



=== TEST 22: without verification nobody has to be trusted
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
  config: {jwks_uri: "https://localhost/jwks", jwks_tls_verify: false}
--- conf_like
jwks_tls_verify=off;
--- conf_unlike
gateway_jwt_trusted_certificate



=== TEST 23: key sets of credentials
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
consumers:
- username: issuer
  jwt_secrets:
  - {key: "https://id.example.com", jwks_uri: "https://id.example.com/jwks"}
  - key: inline
    algorithm: ES256
    jwks: >-
      {"keys":[{"kty":"EC","crv":"P-256","kid":"a",
      "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}
--- conf_like eval
[qr{gateway_jwt_secret id=\S+ key=https://id.example.com jwks_uri=https://id.example.com/jwks;},
 qr/key=inline algorithm=ES256 "jwks=\{/,
 qr{^gateway_jwt_trusted_certificate /}m,
 qr{^resolver }m]



=== TEST 24: what cannot be a key set
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
  config:
    jwks_uri: ftp://x/
    jwks: '{"keys":[]}'
    algorithms: [none]
    consumer_by: [name]
    claims_to_headers: {a: Host, b: "X Y", c: X-Consumer-ID}
    jwks_min_age: 20
    jwks_max_age: 10
    leeway: -1
consumers:
- username: bob
  jwt_secrets:
  - {key: a, jwks_uri: "https://u:p@x/"}
  - {key: b, jwks: '{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}'}
  - {key: c, jwks: '{"kty":"oct","k":"x"}', secret: x}
  - {key: d, jwks_uri: "https://x/", algorithm: HS256}
--- error_like eval
[qr/kong.yml:5:15: error: .*config.jwks_uri: invalid URL: expected https/,
 qr/kong.yml:6:11: error: .*config.jwks: invalid key set: no key of use/,
 qr/kong.yml:7:18: error: /,
 qr/kong.yml:8:19: error: /,
 qr/kong.yml:9:28: error: .*this header cannot be set from a claim/,
 qr/kong.yml:9:37: error: .*names of headers have letters/,
 qr/kong.yml:9:47: error: .*this header cannot be set from a claim/,
 qr/kong.yml:12:13: error: /,
 qr/kong.yml:16:24: error: .*invalid URL/,
 qr/kong.yml:17:20: error: .*key 1: "n" is no modulus of 2048/,
 qr/kong.yml:18:5: error: .*only one of "secret"/,
 qr/kong.yml:19:49: error: .*does not work with public keys/]



=== TEST 25: fields that exclude each other
--- yaml
_format_version: "3.0"
plugins:
- name: jwt
  config:
    jwks_uri: https://x/
    jwks: >-
      {"kty":"OKP","crv":"Ed25519",
      "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    jwks_min_age: 20
    jwks_max_age: 10
--- error_like eval
[qr/kong.yml:6:5: error: .*only one of "jwks" and "jwks_uri" may be set/,
 qr/kong.yml:9:19: error: .*"jwks_min_age" must not be above "jwks_max_age"/]



=== TEST 26: a key that the algorithm cannot use
--- yaml eval
qq{_format_version: "3.0"
consumers:
- username: bob
  jwt_secrets:
  - key: a
    algorithm: RS256
    rsa_public_key: |
$::indented}
--- error_like
kong.yml:7:5: error: .*invalid key: it is of no use for RS256
