# Copyright (C) the ngx_gateway authors
#
# key-auth and keyauth_credentials: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Test::Gateway::Secret qw(secret credential_digest);

$ENV{GWC_TEST_KEY} = 'from-env';

# the written form of a key, and the secret for it
sub main::key {
    return 'key_digest=' . credential_digest('keyauth_credentials', $_[0]);
}

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('user_files', ">>> prefix/secret\n" . secret() . "\n")
        if defined $block->conf_like;
});

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
  - name: key-auth
    config:
      key_names: [x-api-key]
      hide_credentials: true
consumers:
- username: bob
  keyauth_credentials:
  - id: 3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1
    key: bobs-secret
--- conf_like eval
[qr/^ +gateway_key_auth key_names=x-api-key hide_credentials=on;/m,
 qr/^ +gateway_key_auth_credential id=3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1 @{[main::key('bobs-secret')]};/m]
--- conf_unlike: bobs-secret



=== TEST 2: nothing but defaults
--- yaml
_format_version: "3.0"
plugins:
- name: key-auth
- name: acl
  enabled: false
  config:
    allow: [a]
--- conf_like: (?m)^ +gateway_key_auth on;
--- conf_unlike: gateway_acl



=== TEST 3: every field
--- yaml
_format_version: "3.0"
plugins:
- name: key-auth
  config:
    key_names: [a, X-b_C]
    key_in_header: false
    key_in_query: false
    key_in_body: true
    hide_credentials: true
    anonymous: nobody
    run_on_preflight: false
    realm: my "realm" $x
consumers:
- username: nobody
--- conf_like eval
qr/^ +gateway_key_auth (?=.*key_names=a key_names=X-b_C)(?=.*hide_credentials=on)(?=.*anonymous=nobody)(?=.*key_in_header=off)(?=.*key_in_query=off)(?=.*key_in_body=on)(?=.*run_on_preflight=off)(?=.*"realm=my \\"realm\\" \$x").*;/m



=== TEST 4: credentials at the root and in consumers, with times
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  keyauth_credentials:
  - key: one
    ttl: 60
  - key: 'two "and" a half;'
- custom_id: c
  id: 22222222-2222-4222-8222-222222222222
keyauth_credentials:
- consumer: bob
  key: three
  ttl: 60
  created_at: 1700000000
  tags: [a]
- consumer: 22222222-2222-4222-8222-222222222222
  key: four
--- conf_like eval
[qr/gateway_key_auth_credential id=\S{36} @{[main::key('one')]} ttl=60;/,
 qr/gateway_key_auth_credential id=\S{36} @{[main::key('two "and" a half;')]};/,
 qr/gateway_key_auth_credential id=\S{36} @{[main::key('three')]} ttl=60 created_at=1700000000;/,
 qr/custom_id c;\s+gateway_key_auth_credential id=\S{36} @{[main::key('four')]};/]



=== TEST 5: a key from the environment
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  keyauth_credentials:
  - key: '{vault://env/gwc-test-key}'
--- conf_like eval
qr/gateway_key_auth_credential id=\S{36} @{[main::key('from-env')]};/
--- conf_unlike: from-env



=== TEST 6: the id of a credential is its place in the file, not its key
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  keyauth_credentials:
  - key: one
  - key: two
--- conf_like eval
qr/gateway_key_auth_credential id=(\S{36}) @{[main::key('one')]};\s+gateway_key_auth_credential id=(?!\1)\S{36} @{[main::key('two')]};/



=== TEST 7: bad fields
--- yaml
_format_version: "3.0"
plugins:
- name: key-auth
  config:
    key_name: [a]
    key_names: ["a b"]
    hide_credentials: 1
    realm: [x]
--- error_like eval
[qr/^kong.yml:5:5: error: plugins\[0\]\.config\.key_name: .*\n.*key_names/m,
 qr/^kong.yml:6:17: error: plugins\[0\]\.config\.key_names\[0\]: /m,
 qr/^kong.yml:7:23: error: plugins\[0\]\.config\.hide_credentials: /m,
 qr/^kong.yml:8:12: error: plugins\[0\]\.config\.realm: /m]



=== TEST 8: no names at all
--- yaml
_format_version: "3.0"
plugins:
- name: key-auth
  config:
    key_names: []
--- error_like: kong.yml:5:16: error: plugins\[0\]\.config\.key_names



=== TEST 9: a credential without a key, which would be told nobody
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  keyauth_credentials:
  - ttl: 5
--- conf_unlike: gateway_key_auth_credential
--- stderr_like: kong.yml:5:5: warning: consumers\[0\]\.keyauth_credentials\[0\]: without a "key" nobody can use this credential



=== TEST 10: one key for two consumers; it is not shown
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  keyauth_credentials:
  - key: very-secret
- username: alice
  keyauth_credentials:
  - key: very-secret
--- error_like eval
qr/^(?!.*very-secret).*kong.yml:8:10: error: consumers\[1\]\.keyauth_credentials\[0\]\.key/s



=== TEST 11: not for one consumer
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: key-auth
--- error_like: kong.yml:5:\d+: error: consumers\[0\]\.plugins\[0\].*consumer



=== TEST 12: bad ttl
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  keyauth_credentials:
  - key: a
    ttl: 0
  - key: b
    ttl: soon
--- error_like eval
[qr/^kong.yml:6:10: error: consumers\[0\]\.keyauth_credentials\[0\]\.ttl/m,
 qr/^kong.yml:8:10: error: consumers\[0\]\.keyauth_credentials\[1\]\.ttl/m]



=== TEST 13: the compiled gateway keeps to it
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
    strip_path: false
  plugins:
  - name: key-auth
    config:
      key_names: [api_key]
      hide_credentials: true
      realm: here
consumers:
- username: bob
  custom_id: bob-1
  keyauth_credentials:
  - id: 3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1
    key: bobs-secret
--- request eval
["GET /t?x=1", "GET /t?x=1", "GET /t?api_key=bobs-secret&x=%41"]
--- more_headers eval
["a: b", "api_key: bobs-secret", "X-Consumer-ID: me"]
--- error_code eval
[401, 200, 200]
--- raw_response_headers_like eval
["WWW-Authenticate: Key realm=\"here\"", "", ""]
--- response_body_like eval
["No API key found in request",
 qr{^GET /t\?x=1 HTTP/1.1\n(?=.*^X-Consumer-Username: bob\n)(?=.*^X-Consumer-Custom-ID: bob-1\n)(?=.*^X-Credential-Identifier: 3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1\n)}ms,
 qr{^GET /t\?x=A HTTP/1.1\n}]
--- response_body_unlike eval
["bobs", "api_key", ": me"]
