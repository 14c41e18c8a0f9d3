# Copyright (C) the ngx_gateway authors
#
# hmac-auth and hmacauth_credentials: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Digest::SHA;
use MIME::Base64 qw(encode_base64);

$ENV{GWC_TEST_SECRET} = 'from-env';

our $date = do {
    my @t = gmtime;
    sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
        (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
        (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$t[4]],
        $t[5] + 1900, @t[2, 1, 0];
};

our $signature = encode_base64(Digest::SHA::hmac_sha256(
    "date: $date\nGET /t?x=1 HTTP/1.1", 'bobs "s" $x'), '');

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
  - name: hmac-auth
    config:
      enforce_headers: [date, "@request-target"]
      validate_request_body: true
consumers:
- username: bob
  hmacauth_credentials:
  - id: 3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1
    username: bob
    secret: bobs-secret
--- conf_like eval
[qr/^ +gateway_hmac_auth validate_request_body=on enforce_headers=date enforce_headers=\@request-target;/m,
 qr/^ +gateway_hmac_auth_credential id=3f5b2a60-53a7-4b4e-9d3a-5a52a4f2f2f1 username=bob secret=bobs-secret;/m]



=== TEST 2: nothing but defaults
--- yaml
_format_version: "3.0"
plugins:
- name: hmac-auth
--- conf_like: (?m)^ +gateway_hmac_auth on;



=== TEST 3: every field
--- yaml
_format_version: "3.0"
plugins:
- name: hmac-auth
  config:
    hide_credentials: true
    clock_skew: 0.5
    anonymous: nobody
    validate_request_body: true
    enforce_headers: [date]
    algorithms: [hmac-sha256, hmac-sha512]
    realm: my realm
consumers:
- username: nobody
--- conf_like eval
qr/^ +gateway_hmac_auth (?=.*hide_credentials=on)(?=.*clock_skew=0\.5)(?=.*anonymous=nobody)(?=.*validate_request_body=on)(?=.*enforce_headers=date)(?=.*algorithms=hmac-sha256 algorithms=hmac-sha512)(?=.*"realm=my realm").*;/m



=== TEST 4: an empty list is not the default
--- yaml
_format_version: "3.0"
plugins:
- name: hmac-auth
  config:
    algorithms: []
    enforce_headers: []
--- conf_like: (?m)^ +gateway_hmac_auth algorithms=;



=== TEST 5: bad fields
--- yaml
_format_version: "3.0"
plugins:
- name: hmac-auth
  config:
    clock_skew: 0
    algorithms: [hmac-sha224]
    enforce_header: [date]
--- error_like eval
[qr/^kong.yml:5:17: error: plugins\[0\]\.config\.clock_skew: /m,
 qr/^kong.yml:6:18: error: plugins\[0\]\.config\.algorithms\[0\]: /m,
 qr/^kong.yml:7:5: error: plugins\[0\]\.config\.enforce_header: .*enforce_headers/m]



=== TEST 6: credentials: missing fields, one username twice
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  hmacauth_credentials:
  - username: u
  - secret: very-secret
--- error_like eval
[qr/^kong.yml:5:5: warning: consumers\[0\]\.hmacauth_credentials\[0\]: without a "secret"/m,
 qr/^kong.yml:6:5: error: consumers\[0\]\.hmacauth_credentials\[1\].*username/m]



=== TEST 7: a secret from the environment
--- yaml
_format_version: "3.0"
consumers:
- username: bob
hmacauth_credentials:
- consumer: bob
  username: u
  secret: '{vault://env/gwc-test-secret}'
--- conf_like: gateway_hmac_auth_credential id=\S{36} username=u secret=from-env;



=== TEST 8: not for one consumer
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: hmac-auth
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
  - name: hmac-auth
consumers:
- username: bob
  hmacauth_credentials:
  - username: bob
    secret: 'bobs "s" $x'
--- request eval
["GET /t?x=1", "GET /t?x=2"]
--- more_headers eval
[("Date: $::date\nAuthorization: hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"date request-line\", signature=\"$::signature\"") x 2]
--- error_code eval
[200, 401]
--- response_body_like eval
["X-Credential-Identifier: bob\n", "HMAC signature does not match"]



=== TEST 20: a secret that is not given is drawn, and stays the same
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  hmacauth_credentials:
  - username: u
--- conf_like: gateway_hmac_auth_credential id=\S{36} username=u secret=[0-9a-f]{64};
--- stderr_like: kong.yml:5:5: warning: consumers\[0\]\.hmacauth_credentials\[0\]: without a "secret" nobody can use this credential
