# Copyright (C) the ngx_gateway authors
#
# request-transformer-advanced and response-transformer-advanced: from the
# file to directives, and through them.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: every field of requests
--- yaml
_format_version: "3.0"
plugins:
- name: request-transformer-advanced
  config:
    http_method: POST
    remove: { headers: [a], querystring: [b], body: [c.d] }
    rename: { headers: ["a:b"], querystring: ["c:d"], body: ["e:f"] }
    replace: { headers: ["a:b"], querystring: ["c:d"], body: ["e:f"], json_types: [number], uri: /x }
    add: { headers: ["a:b"], querystring: ["c:d"], body: ["e:f"], json_types: [string] }
    append: { headers: ["a:b"], querystring: ["c:d"], body: ["e[1].f:g"], json_types: [boolean] }
    allow: { body: [g] }
    dots_in_keys: false
    max_body_size: 1000
--- conf_like eval
qr/gateway_request_transformer_advanced http_method=POST remove\.body=c\.d remove\.headers=a remove\.querystring=b rename\.body=e:f rename\.headers=a:b rename\.querystring=c:d replace\.body=e:f replace\.headers=a:b replace\.querystring=c:d replace\.json_types=number replace\.uri=\/x add\.body=e:f add\.headers=a:b add\.querystring=c:d add\.json_types=string append\.body=e\[1\]\.f:g append\.headers=a:b append\.querystring=c:d append\.json_types=boolean allow\.body=g dots_in_keys=off max_body_size=1000;/



=== TEST 2: every field of responses, and what decK exports of those that are empty
--- yaml
_format_version: "3.0"
plugins:
- name: response-transformer-advanced
  config:
    remove: { headers: ["a:/b/"], json: [c], if_status: ["200"] }
    rename: { headers: ["a:b"], json: ["c:d"], if_status: ["201"] }
    replace: { headers: ["a:b"], json: ["c:d"], json_types: [number], body: text, if_status: ["202"], status: ["404:410"] }
    add: { headers: ["a:b"], json: ["c:d"], json_types: [string], if_status: ["200-299", "404"] }
    append: { headers: ["a:b"], json: ["c:d"], json_types: [boolean], if_status: ["203"] }
    allow: { json: [g] }
    transform: { functions: [], json: [], if_status: [] }
    pages: ["500-599:text/plain:sorry"]
    redact: { json: [pass], values: ["\\d+"], with: x }
    dots_in_keys: false
    max_body_size: 1000
--- conf_like eval
qr/gateway_response_transformer_advanced remove\.json=c "?remove\.headers=a:\/b\/"? remove\.if_status=200 rename\.json=c:d rename\.headers=a:b rename\.if_status=201 replace\.json=c:d replace\.json_types=number replace\.headers=a:b replace\.if_status=202 replace\.status=404:410 replace\.body=text add\.json=c:d add\.json_types=string add\.headers=a:b add\.if_status=200-299 add\.if_status=404 append\.json=c:d append\.json_types=boolean append\.headers=a:b append\.if_status=203 allow\.json=g dots_in_keys=off max_body_size=1000 pages=500-599:text\/plain:sorry redact\.json=pass "?redact\.values=\\{1,2}d\+"? redact\.with=x;/



=== TEST 3: no config, defaults
--- yaml
_format_version: "3.0"
plugins:
- name: response-transformer-advanced
- name: request-transformer-advanced
  config: { dots_in_keys: true, max_body_size: 8388608 }
--- conf_like eval
[qr/gateway_response_transformer_advanced on;/,
 qr/gateway_request_transformer_advanced on;/]



=== TEST 4: errors of requests
--- yaml
_format_version: "3.0"
plugins:
- name: request-transformer-advanced
  config:
    add: { body: ["a:$(x)"], json_types: [int] }
    allow: { headers: [x] }
    dots_in_keys: false
--- error_like eval
[qr/add\.body\[0\]: value '\$\(x\)' is not in supported format, error:the expression at "\$\(x\)" uses a name .*, at "x\)"/,
 qr/json_types\[0\]/,
 qr/allow\.headers/]



=== TEST 5: errors of paths
--- yaml
_format_version: "3.0"
plugins:
- name: request-transformer-advanced
  config:
    remove: { body: ["a..b"] }
    rename: { body: ["a.b[0]:x"] }
    add: { body: ["**:x"] }
    allow: { body: ["a."] }
    dots_in_keys: false
- name: response-transformer-advanced
  config:
    remove: { json: ["a[x]"] }
    allow: { json: ["**.a.**.b"] }
    dots_in_keys: false
--- error_like eval
[qr/remove\.body\[0\]: 'a\.\.b' is no path/,
 qr/rename\.body\[0\]: 'a\.b\[0\]' is no path/,
 qr/add\.body\[0\]: '\*\*' is no path/,
 qr/allow\.body\[0\]: 'a\.' is no path/,
 qr/remove\.json\[0\]: 'a\[x\]' is no path/,
 qr/allow\.json\[0\]: '\*\*\.a\.\*\*\.b' is no path/]



=== TEST 6: errors of responses
--- yaml
_format_version: "3.0"
plugins:
- name: response-transformer-advanced
  config:
    remove: { headers: ["a:/(/", "b c"], if_status: ["4xx"] }
    replace: { status: ["404", "404:204", "404:99", "5-6:500"] }
    add: { if_status: ["500-400", "099", "200-"] }
    transform: { functions: ["return 1"] }
    pages: ["404:text", "x:text/plain:y", "404:text:y"]
    redact: { json: ["("] }
    no_such: 1
--- error_like eval
[qr/remove\.headers\[0\]: '\(' is no regex: .* at offset/,
 qr/remove\.headers\[1\]: 'b c' is not a valid header/,
 qr/remove\.if_status\[0\]: '4xx' is neither a status nor a range/,
 qr/status\[0\]: '404' does not map/,
 qr/status\[1\]: 204 has no body/,
 qr/status\[2\]: '404:99' does not map/,
 qr/status\[3\]: '5-6:500' does not map/,
 qr/add\.if_status\[0\]: '500-400' is neither/,
 qr/add\.if_status\[1\]: '099' is neither/,
 qr/add\.if_status\[2\]: '200-' is neither/,
 qr/functions\[0\]: functions in Lua are not supported/,
 qr/pages\[0\]: a page is/,
 qr/pages\[1\]: a page is/,
 qr/pages\[2\]: a page is/,
 qr/redact\.json\[0\]: '\(' is no regex/,
 qr/no_such/]



=== TEST 7: the plain plugins have none of these fields
--- yaml
_format_version: "3.0"
plugins:
- name: request-transformer
  config:
    dots_in_keys: false
    allow: { body: [a] }
    add: { json_types: [number] }
    max_body_size: 1
- name: response-transformer
  config:
    remove: { if_status: ["200"] }
    replace: { body: x, status: ["404:410"] }
    allow: { json: [a] }
    pages: []
    redact: {}
--- error_like eval
[qr/request-transformer.*|config\.dots_in_keys/, qr/config\.allow/, qr/add\.json_types/, qr/max_body_size/,
 qr/remove\.if_status/, qr/replace\.body/, qr/replace\.status/, qr/pages/, qr/redact/]



=== TEST 8: text with signs of nginx's variables stays text
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: request-transformer-advanced
    config:
      add:
        headers: ["X-A:$host ${uri} $ $1", "X-B:$(headers.host and '$host')$host", "X-C:cost: 5$"]
        querystring: ["$id:$args"]
  - name: response-transformer-advanced
    config:
      add: { headers: ["X-R:$host $(x) ${uri}$", "X-S:a$"] }
      replace: { headers: ["Content-Type:$x/y"] }
--- request
GET /t
--- response_body_like eval
qr/^GET \/t\?%24id=%24args HTTP(?:.*\n)*X-A: \$host \$\{uri\} \$ \$1\n(?:.*\n)*X-B: \$host\$host\n(?:.*\n)*X-C: cost: 5\$\n/
--- response_headers
X-R: $host $(x) ${uri}$
X-S: a$
Content-Type: $x/y



=== TEST 9: the same of the plain plugins
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: request-transformer
    config:
      add: { headers: ["X-A:$host"] }
      replace: { uri: "/$host/$(query_params.x)" }
  - name: response-transformer
    config:
      add: { headers: ["X-R:$host"], json: ["a:$host"] }
--- request
GET /t?x=y
--- response_body_like eval
qr/^GET \/\$host\/y\?x=y HTTP(?:.*\n)*X-A: \$host\n/
--- response_headers
X-R: $host



=== TEST 10: both plugins on one route, the advanced one first
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: request-transformer
    config: { add: { headers: ["X-A:plain", "X-B:plain"] } }
  - name: request-transformer-advanced
    config:
      add: { headers: ["X-A:advanced"], body: ["o.list[1]:x", "o.n:5"], json_types: [string, number] }
      dots_in_keys: false
--- request
POST /t
{"o":{"list":[]}}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/X-A: advanced\n(?:.*\n)*X-B: plain\n(?:.*\n)*\n\{"o":\{"list":\["x"\],"n":5\}\}$/



=== TEST 11: responses: a condition, a page, a path, redaction
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: response-transformer-advanced
    config:
      dots_in_keys: false
      add: { headers: ["X-Failed:1"], if_status: ["500-599"] }
      remove: { json: ["a.b"] }
      redact: { json: ["secret"] }
      pages: ["503:application/json:{\"sorry\":\"$status\"}"]
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["X-Test-Type: application/json\nX-Test-Body: {\"a\":{\"b\":1,\"c\":2},\"secret\":3}", "X-Test-Status: 503"]
--- error_code eval
[200, 503]
--- response_body eval
['{"a":{"c":2},"secret":"***"}', '{"sorry":"$status"}']
--- raw_response_headers_like eval
["200", "X-Failed: 1"]
--- raw_response_headers_unlike eval
["X-Failed", "X-None"]



=== TEST 12: what jwt has found is shared
--- yaml
_format_version: "3.0"
consumers:
- username: alice
  jwt_secrets: [{ key: iss, secret: secret }]
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: jwt
  - name: request-transformer
    config:
      add: { headers: ["X-Token:$(shared.authenticated_jwt_token)", "X-None:$(shared.none or 'none')"] }
--- request
GET /t
--- more_headers eval
use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(encode_base64url);
my $t = CORE::join '.', map { encode_base64url($_) } '{"alg":"HS256","typ":"JWT"}', '{"iss":"iss"}';
"Authorization: Bearer $t." . encode_base64url(hmac_sha256($t, 'secret'))
--- response_body_like eval
qr/X-Token: (\S+)\n(?:.*\n)*X-None: none\n(?:.*\n)*Authorization: Bearer \1\n/



=== TEST 13: untrusted_lua off: no expressions, text stays
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: text
    paths: [/text]
    plugins:
    - name: request-transformer
      config: { add: { headers: ["X-A:text"] } }
  - name: expression
    paths: [/expression]
    plugins:
    - name: request-transformer-advanced
      config: { add: { headers: ["X-A:$(headers.host)"] } }
--- compile_args: --set untrusted_lua=off
--- request eval
["GET /text", "GET /expression"]
--- error_code eval
[200, 500]
--- response_body_like eval
[qr/X-A: text/, qr/An unexpected error occurred/]
--- error_log
expressions are switched off



=== TEST 14: untrusted_lua, its default and another value
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: request-transformer
    config: { add: { headers: ["X-A:$(1 + 1)"] } }
--- compile_args: --set untrusted_lua=on
--- request
GET /
--- response_body_like: X-A: 2



=== TEST 15: what is too large gets an error like others of the gateway
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: response-transformer-advanced
    config: { max_body_size: 5, remove: { json: [a] } }
--- request
GET /
--- more_headers
X-Test-Type: application/json
X-Test-Body: {"a":1,"b":2}
Accept: application/json
--- error_code: 502
--- response_body_like eval
qr/^\{\n  "message":"An invalid response was received from the upstream server",\n  "request_id":"\w{32}"\n\}$/
--- raw_response_headers_like eval
qr/Server: ngx_gateway(?:.*\n)*X-Kong-Request-Id: |Via: (?:.*\n)*X-Kong-Request-Id: /
