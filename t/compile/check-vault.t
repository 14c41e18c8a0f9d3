# Copyright (C) the ngx_gateway authors
#
# References to the environment and to files.

use lib 't/lib';
use Test::Gateway 'no_plan';

BEGIN {
    @ENV{qw(T_SECRET T_EMPTY T_SLASH_A APP_KEY APQ_KEY)}
        = ('one', '', 'two', 'three', 'four');
    $ENV{T_JSON} = '{"password": "topsecret", "number": 5}';
    $ENV{T_BAD} = 'topsecret';
    $ENV{T_VERSION_PREVIOUS} = 'five';
    delete $ENV{T_UNSET};
}

run_tests();

__DATA__

=== TEST 1: references that can be resolved
--- yaml
_format_version: "3.0"
vaults:
- {prefix: my-env, name: env, config: {prefix: app_}}
consumers:
- username: a
  keyauth_credentials:
  - key: "{vault://env/t-secret}"
  - key: "{vault://env/t-json/password}"
  - key: "{vault://env/t-slash-a/}"
  - key: "{vault://my-env/key}"
  - key: "{vault://my-env/key?prefix=APQ_}"
  - key: "{vault://env/t-version#2}"
--- stdout
ok: 0 services, 0 routes, 1 consumer, 0 upstreams, 0 plugins



=== TEST 2: references that cannot
--- yaml
_format_version: "3.0"
consumers:
- username: a
  keyauth_credentials:
  - key: "{vault://env/t-unset}"
  - key: "{vault://env/t-empty}"
  - key: "{vault://env/t-json/none}"
  - key: "{vault://env/t-json/number}"
  - key: "{vault://env/t-bad/password}"
  - key: "{vault://env/}"
  - key: "{vault://hcv/a}"
  - key: "{vault://my-env/key}"
--- error
kong.yml:5:10: error: consumers[0].keyauth_credentials[0].key: reference "{vault://env/t-unset}": environment variable T_UNSET is not set
kong.yml:6:10: error: consumers[0].keyauth_credentials[1].key: reference "{vault://env/t-empty}": environment variable T_EMPTY is empty
kong.yml:7:10: error: consumers[0].keyauth_credentials[2].key: reference "{vault://env/t-json/none}": environment variable T_JSON has no such member
kong.yml:8:10: error: consumers[0].keyauth_credentials[3].key: reference "{vault://env/t-json/number}": environment variable T_JSON has a member that is not a non-empty string
kong.yml:9:10: error: consumers[0].keyauth_credentials[4].key: reference "{vault://env/t-bad/password}": environment variable T_BAD does not hold a JSON object
kong.yml:10:10: error: consumers[0].keyauth_credentials[5].key: reference "{vault://env/}" names no secret, expected {vault://env/<name>}
kong.yml:11:10: error: consumers[0].keyauth_credentials[6].key: vault type "hcv" exists in Kong Enterprise only, "env" and "file" are supported
kong.yml:12:10: error: consumers[0].keyauth_credentials[7].key: reference "{vault://my-env/key}" names no vault: neither "env", "file" nor the prefix of an entity in "vaults"



=== TEST 3: two that stand for one secret
--- yaml
_format_version: "3.0"
consumers:
- username: a
  keyauth_credentials:
  - key: "{vault://env/t-bad}"
  - key: topsecret
--- error
kong.yml:6:10: error: consumers[0].keyauth_credentials[1].key: uniqueness violation: 'keyauth_credentials' entity with key set to the same value already declared in kong.yml:5



=== TEST 4: only whole strings, only where secrets are expected
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
  path: /{vault://env/t-unset}
consumers:
- username: "{vault://env/t-unset}"
  keyauth_credentials:
  - key: "x{vault://env/t-unset}"
--- error
kong.yml:5:9: error: services[0].path: "/{vault://env/t-unset}" has a character that is not allowed in paths (RFC 3986); percent-encode it



=== TEST 5: vault entities
--- yaml
_format_version: "3.0"
vaults:
- {prefix: a, name: env}
- {prefix: env, name: env}
- {prefix: A-b, name: env}
- {prefix: ab-, name: env}
- {prefix: ab, name: hcv}
- {prefix: ac, name: env, config: {prefix: 1a}}
- {prefix: ad, name: env, config: {ttl: 1}}
- {prefix: ae, name: env}
- {prefix: ae, name: env}
- {}
--- error
kong.yml:3:12: error: vaults[0].prefix: invalid prefix "a": expected lower-case letters, digits and "-", at least two, beginning with a letter, and not the name of a vault
kong.yml:4:12: error: vaults[1].prefix: invalid prefix "env": expected lower-case letters, digits and "-", at least two, beginning with a letter, and not the name of a vault
kong.yml:5:12: error: vaults[2].prefix: invalid prefix "A-b": expected lower-case letters, digits and "-", at least two, beginning with a letter, and not the name of a vault
kong.yml:6:12: error: vaults[3].prefix: invalid prefix "ab-": expected lower-case letters, digits and "-", at least two, beginning with a letter, and not the name of a vault
kong.yml:7:22: error: vaults[4].name: vault "hcv" exists in Kong Enterprise only
kong.yml:8:44: error: vaults[5].config.prefix: "1a" cannot begin the name of a variable
kong.yml:9:36: error: vaults[6].config.ttl: unknown field "ttl"
kong.yml:11:12: error: vaults[8].prefix: uniqueness violation: 'vaults' entity with prefix set to 'ae' already declared in kong.yml:10
kong.yml:12:3: error: vaults[9]: required field missing: "prefix"
kong.yml:12:3: error: vaults[9]: required field missing: "name"



=== TEST 6: secrets in files
--- user_files
>>> secrets/key
one

>>> secrets/a-b/c%
two
>>> secrets/json
{"password": "topsecret", "number": 5}
>>> html
--- yaml
_format_version: "3.0"
vaults:
- {prefix: my-files, name: file, config: {prefix: secrets}}
- {prefix: no-prefix, name: file}
consumers:
- username: a
  keyauth_credentials:
  - key: "{vault://my-files/key}"
  - key: "{vault://my-files/a%2Db/c%25}"
  - key: "{vault://my-files/json?member=password}"
  - key: "{vault://file/key?prefix=secrets}x"
  - key: "{vault://my-files/html?prefix=.}"
--- error
kong.yml:12:10: error: consumers[0].keyauth_credentials[4].key: reference "{vault://my-files/html?prefix=.}": cannot read "./html": it is empty



=== TEST 7: files that cannot be read
--- user_files eval
">>> secrets/json\n" . '{"a": 1}' . "\n>>> secrets/large\n" . 'x' x 65537
--- yaml
_format_version: "3.0"
vaults:
- {prefix: my-files, name: file, config: {prefix: secrets}}
consumers:
- username: a
  keyauth_credentials:
  - key: "{vault://file/nowhere/key}"
  - key: "{vault://my-files/key}"
  - key: "{vault://my-files/.}"
  - key: "{vault://my-files/large}"
  - key: "{vault://my-files/json?member=a}"
  - key: "{vault://my-files/json?member=b}"
  - key: "{vault://my-files/large?member=b&prefix=nowhere}"
--- error
kong.yml:7:10: error: consumers[0].keyauth_credentials[0].key: reference "{vault://file/nowhere/key}": cannot read "/nowhere/key": No such file or directory
kong.yml:8:10: error: consumers[0].keyauth_credentials[1].key: reference "{vault://my-files/key}": cannot read "secrets/key": No such file or directory
kong.yml:9:10: error: consumers[0].keyauth_credentials[2].key: reference "{vault://my-files/.}": cannot read "secrets/.": it is no file
kong.yml:10:10: error: consumers[0].keyauth_credentials[3].key: reference "{vault://my-files/large}": cannot read "secrets/large": it has more than 65536 bytes
kong.yml:11:10: error: consumers[0].keyauth_credentials[4].key: reference "{vault://my-files/json?member=a}": "secrets/json" has a member that is not a non-empty string
kong.yml:12:10: error: consumers[0].keyauth_credentials[5].key: reference "{vault://my-files/json?member=b}": "secrets/json" has no such member
kong.yml:13:10: error: consumers[0].keyauth_credentials[6].key: reference "{vault://my-files/large?member=b&prefix=nowhere}": cannot read "nowhere/large": No such file or directory



=== TEST 8: all fields of credentials that are secret, none in clear but where it is needed
--- user_files
>>> prefix/secret
of the tests, 32 bytes and a few
>>> s/key
file-key
>>> s/password
file-password
>>> s/hash
$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i
>>> s/hmac
file-hmac
>>> s/jwt
file-jwt
--- yaml
_format_version: "3.0"
vaults:
- {prefix: my-files, name: file, config: {prefix: s}}
consumers:
- username: a
  keyauth_credentials:
  - key: "{vault://my-files/key}"
  basicauth_credentials:
  - username: a
    password: "{vault://my-files/password}"
  - username: b
    password_hash: "{vault://my-files/hash}"
  hmacauth_credentials:
  - username: a
    secret: "{vault://my-files/hmac}"
  jwt_secrets:
  - key: a
    secret: "{vault://my-files/jwt}"
--- conf_like eval
[qr/gateway_key_auth_credential id=\S+ key_digest=[0-9a-f]{64};/,
 qr/gateway_basic_auth_credential id=\S+ username=a password_digest=[0-9a-f]{64};/,
 qr/gateway_basic_auth_credential id=\S+ username=b password_hash=\$2a\$06\$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i;/,
 qr/gateway_hmac_auth_credential id=\S+ username=a secret=file-hmac;/,
 qr/gateway_jwt_secret id=\S+ key=a secret=file-jwt[ ;]/]
--- conf_unlike: vault:|file-key|file-password



=== TEST 9: messages about what a reference stands for do not show it
--- user_files
>>> s/hash
not-a-hash-but-a-secret
>>> s/sha1
not-a-digest-but-a-secret
--- yaml
_format_version: "3.0"
_transform: false
vaults:
- {prefix: my-files, name: file, config: {prefix: s}}
consumers:
- username: a
  basicauth_credentials:
  - username: a
    password_hash: "{vault://my-files/hash}"
  - username: b
    password: "{vault://my-files/sha1}"
--- error_like eval
[qr/^kong.yml:9:20: error: /m, qr/^kong.yml:11:15: error: /m, qr/^(?!.*but-a-secret)/s]
