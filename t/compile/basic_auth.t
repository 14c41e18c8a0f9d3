# Copyright (C) the ngx_gateway authors
#
# basic-auth and basicauth_credentials: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Digest::SHA qw(sha1_hex);
use Test::Gateway::Secret qw(secret credential_digest);

our $digest = credential_digest('basicauth_credentials',
                    '3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1bobs-secret');
our $sha1 = sha1_hex('kong11111111-1111-4111-8111-111111111111');

our $bcrypt =
    '$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i';

$ENV{GWC_TEST_PASSWORD} = 'from-env';
$ENV{GWC_TEST_HASH} = $bcrypt;

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
  - name: basic-auth
    config:
      hide_credentials: true
consumers:
- username: bob
  basicauth_credentials:
  - id: 3F5B2A60-53a7-4b4e-9d3a-5a52a4f2f2f1
    username: bob
    password: bobs-secret
--- conf_like eval
[qr/^ +gateway_basic_auth hide_credentials=on;/m,
 qr/^ +gateway_basic_auth_credential id=3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1 username=bob password_digest=$::digest;/m]
--- conf_unlike: bobs-secret



=== TEST 2: nothing but defaults
--- yaml
_format_version: "3.0"
plugins:
- name: basic-auth
--- conf_like: (?m)^ +gateway_basic_auth on;



=== TEST 3: every field
--- yaml
_format_version: "3.0"
plugins:
- name: basic-auth
  config:
    hide_credentials: true
    anonymous: nobody
    realm: my realm
consumers:
- username: nobody
--- conf_like eval
qr/^ +gateway_basic_auth (?=.*hide_credentials=on)(?=.*anonymous=nobody)(?=.*"realm=my realm").*;/m



=== TEST 4: passwords that are digests already
--- yaml eval
"_format_version: '3.0'
_transform: false
consumers:
- id: 11111111-1111-4111-8111-111111111111
  username: bob
basicauth_credentials:
- consumer: 11111111-1111-4111-8111-111111111111
  username: bob
  password: $::sha1
"
--- conf_like eval
qr/gateway_basic_auth_credential id=\S{36} username=bob password_sha1=$::sha1;/



=== TEST 5: what is no digest, where digests are said to be
--- yaml
_format_version: "3.0"
_transform: false
consumers:
- username: bob
  basicauth_credentials:
  - username: bob
    password: kong
--- error_like eval
qr/^(?!.*"kong").*kong.yml:7:15: error: consumers\[0\]\.basicauth_credentials\[0\]\.password: .*SHA-1/s



=== TEST 6: fields that are missing or wrong
--- yaml
_format_version: "3.0"
plugins:
- name: basic-auth
  config:
    hide_credential: true
    realm: 1
consumers:
- username: bob
  basicauth_credentials:
  - username: bob
  - password: very-secret
--- error_like eval
[qr/^kong.yml:5:5: error: plugins\[0\]\.config\.hide_credential: .*hide_credentials/m,
 qr/^kong.yml:6:12: error: plugins\[0\]\.config\.realm: /m,
 qr/^kong.yml:10:5: error: consumers\[0\]\.basicauth_credentials\[0\].*password/m,
 qr/^kong.yml:11:5: error: consumers\[0\]\.basicauth_credentials\[1\].*username/m]



=== TEST 7: one username for two consumers
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  basicauth_credentials:
  - username: u
    password: a
- username: carol
  basicauth_credentials:
  - username: u
    password: b
--- error_like: kong.yml:9:15: error: consumers\[1\]\.basicauth_credentials\[0\]\.username



=== TEST 8: not for one consumer
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: basic-auth
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
  - name: basic-auth
    config:
      hide_credentials: true
consumers:
- username: bob
  custom_id: bob-1
  basicauth_credentials:
  - username: bob
    password: 'k "o" n$g'
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["Authorization: Basic Ym9iOmsgIm8iIG4kZw==", "Authorization: Basic Ym9iOms="]
--- error_code eval
[200, 401]
--- response_body_like eval
["(?s)X-Consumer-ID: .*X-Consumer-Custom-ID: bob-1\n.*X-Credential-Identifier: bob\n", "Unauthorized"]
--- response_body_unlike eval
["Authorization", "X-Consumer"]



=== TEST 10: a hash, also beside digests of Kong
--- yaml eval
"_format_version: '3.0'
_transform: false
consumers:
- username: bob
  basicauth_credentials:
  - username: bob
    password_hash: '$::bcrypt'
"
--- conf_like eval
qr/gateway_basic_auth_credential id=\S{36} username=bob password_hash=\Q$::bcrypt\E;/
--- conf_unlike: gateway_secret_file



=== TEST 11: password and hash from the environment
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  basicauth_credentials:
  - id: 3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1
    username: bob
    password: '{vault://env/gwc-test-password}'
  - username: eve
    password_hash: '{vault://env/gwc-test-hash}'
--- conf_like eval
[qr/username=bob password_digest=@{[main::credential_digest('basicauth_credentials', '3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1from-env')]};/,
 qr/username=eve password_hash=\Q$::bcrypt\E;/]
--- conf_unlike: from-env



=== TEST 12: neither a password nor a hash, and both
--- yaml eval
"_format_version: '3.0'
consumers:
- username: bob
  basicauth_credentials:
  - username: bob
  - username: eve
    password: a
    password_hash: '$::bcrypt'
"
--- error_like eval
[qr/^kong.yml:5:5: error: consumers\[0\]\.basicauth_credentials\[0\]: required field missing: "password"$/m,
 qr/^kong.yml:8:20: error: consumers\[0\]\.basicauth_credentials\[1\]\.password_hash: there is a "password" too, one of them has to go$/m]



=== TEST 13: what is no hash, and is not shown
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  basicauth_credentials:
  - username: a
    password_hash: plain-text
  - username: b
    password_hash: $2y$10$shorter
  - username: c
    password_hash: $2y$20$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i
  - username: d
    password_hash: $5$salt$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1
--- error_like eval
[qr/^kong.yml:6:20: error: \S+\[0\]\.password_hash: this is no hash of a password that is known: expected one that begins with \$2b\$/m,
 qr/^kong.yml:8:20: error: \S+\[1\]\.password_hash: .*: it is not complete, or malformed$/m,
 qr/^kong.yml:10:20: error: \S+\[2\]\.password_hash: .*: its cost is above 16/m,
 qr/^kong.yml:12:20: error: \S+\[3\]\.password_hash: .*: expected one/m,
 qr/^(?!.*(?:plain-text|shorter|If6b|Gcm6))/s]



=== TEST 14: a password that looks like a hash is a password
--- yaml eval
"_format_version: '3.0'
consumers:
- username: bob
  basicauth_credentials:
  - id: 3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1
    username: bob
    password: '$::bcrypt'
"
--- conf_like eval
qr/password_digest=@{[main::credential_digest('basicauth_credentials', "3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1$::bcrypt")]};/
--- stderr_like: kong.yml:7:15: warning: \S+\.password: this looks like a hash, but is taken for the password itself



=== TEST 15: a hash in the compiled gateway
--- yaml eval
"_format_version: '3.0'
services:
- name: echo
  url: http://127.0.0.1:\$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: basic-auth
consumers:
- username: bob
  basicauth_credentials:
  - username: bob
    password_hash: '$::bcrypt'
"
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["Authorization: Basic Ym9iOmFiYw==", "Authorization: Basic Ym9iOmFiYw==", "Authorization: Basic Ym9iOmFiYg==", "Authorization: Basic Ym9jOmFiYw=="]
--- error_code eval
[200, 200, 401, 401]
