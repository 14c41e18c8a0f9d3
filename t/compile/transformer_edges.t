# Copyright (C) the ngx_gateway authors
#
# request-transformer and response-transformer through a compiled gateway:
# the cases that users of Kong rely on.

use lib 't/lib';
use Test::Gateway 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    my $name = defined $block->req ? 'request-transformer'
                                   : 'response-transformer';
    my $config = $block->req // $block->res;

    return unless defined $config;

    chomp $config;
    my $paths = $block->paths // '/';
    chomp $paths;

    $block->set_value('yaml', <<"_EOC_");
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:\$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    strip_path: false
    paths: ["$paths"]
  plugins:
  - name: $name
    config: $config
_EOC_
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: add: what is there stays, Host too
--- req: { add: { headers: ["h1:v1", "host:mark", "h2:p2:value:1"], querystring: ["q1:no", "q2:yes"] } }
--- request
GET /t?q1
--- more_headers
h1: old
--- response_body_like eval
qr/^GET \/t\?q1&q2=yes HTTP\/1\.1\nHost: 127\.0\.0\.1:\d+\n(?:.*\n)*h2: p2:value:1\n(?:.*\n)*h1: old\n/
--- response_body_unlike eval
qr/v1|mark/



=== TEST 2: append: one after the other
--- req: { add: { headers: ["x-added:a1"] }, append: { headers: ["h1:v1", "h1:v2", "x-added:a2"], querystring: ["q:1", "q:2"] } }
--- request
GET /t?q=0
--- response_body_like eval
qr/^GET \/t\?q=0&q=1&q=2 HTTP(?:.*\n)*x-added: a1\n(?:.*\n)*h1: v1\n(?:.*\n)*h1: v2\n(?:.*\n)*x-added: a2\n/



=== TEST 3: rename over what is there; replace only what is there
--- req: { rename: { headers: ["x-to-rename:x-is-renamed"], querystring: ["a:b"] }, replace: { headers: ["x-to-replace:false", "x-there:new"], querystring: ["none:1", "b:2"] } }
--- request
GET /t?a=1&b=0
--- more_headers
x-to-rename: one
x-is-renamed: two
x-there: old
--- response_body_like eval
qr/^GET \/t\?b=2 HTTP(?:.*\n)*x-there: new\n|^GET \/t\?b=2 HTTP(?:.*\n)*x-is-renamed: one\n/
--- response_body_unlike eval
qr/x-to-rename|two|x-to-replace|old/



=== TEST 4: the order is remove, rename, replace, add, append
--- req: { remove: { headers: [a], body: [a], querystring: [a] }, rename: { headers: ["b:a"], body: ["b:a"], querystring: ["b:a"] }, replace: { headers: ["a:2"], body: ["a:2"], querystring: ["a:2"] }, add: { headers: ["a:3", "c:4"], body: ["a:3", "c:4"], querystring: ["a:3", "c:4"] }, append: { headers: ["c:5"], body: ["c:5"], querystring: ["c:5"] } }
--- request
POST /t?a=0&b=1
{"a":0,"b":1}
--- more_headers
Content-Type: application/json
a: 0
b: 1
--- response_body_like eval
qr/^POST \/t\?a=2&c=4&c=5 HTTP(?:.*\n)*a: 2\nc: 4\nc: 5\n(?:.*\n)*\n\{"a":"2","c":\["4","5"\]\}$/



=== TEST 5: nothing is appended to multipart bodies
--- req: { append: { body: ["p1:v1"] } }
--- request eval
"POST /t\n--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--"
--- more_headers
Content-Type: multipart/form-data; boundary=x
--- response_body_like eval
qr/\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--$/



=== TEST 6: POST to GET: a form joins the query string
--- req: { http_method: GET }
--- request
POST /t?hello=earth
hello=world&a=1
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body_like eval
qr/^GET \/t\?a=1&hello=earth&hello=world HTTP(?:.*\n)*\nhello=world&a=1$/



=== TEST 7: GET to POST with a body of its own
--- req: { http_method: POST, add: { headers: ["Content-Type:application/json"], body: ["body:somecontent"] } }
--- request
GET /t
--- response_body_like eval
qr/^POST \/t HTTP(?:.*\n)*\n\{"body":"somecontent"\}$/



=== TEST 8: JSON that is none passes, an empty array stays one
--- req: { remove: { body: [a] }, add: { body: ["b:1"] } }
--- request eval
["POST /t\n{\"a\":", "POST /t\n{\"emptyarray\":[]}"]
--- more_headers
Content-Type: application/JSON; charset=utf-8
--- response_body_like eval
[qr/\n\{"a":$/, qr/\n\{"emptyarray":\[\],"b":"1"\}$/]



=== TEST 9: an optional group that did not match
--- paths: ~/requests(?<subpath>/[a-z]+)?/x$
--- req: { replace: { uri: '/api/v2$(uri_captures["subpath"])/$(uri_captures.user2 or "default")' } }
--- request eval
["GET /requests/abc/x?q=1", "GET /requests/x"]
--- response_body_like eval
[qr/^GET \/api\/v2\/abc\/default\?q=1 HTTP/, qr/^GET \/api\/v2\/default HTTP/]



=== TEST 10: arithmetic on what is no number
--- paths: ~/requests/user1/(?<user1>\\w+)
--- req: { replace: { uri: '/requests/user2/$(10 * uri_captures.user1)' } }
--- request eval
["GET /requests/user1/7", "GET /requests/user1/foo"]
--- error_code eval
[200, 500]
--- response_body_like eval
[qr/^GET \/requests\/user2\/70 HTTP/, qr/An unexpected error occurred/]



=== TEST 11: templates see what came
--- req: { remove: { querystring: [q1], headers: [x-a] }, add: { querystring: ["q2:$(query_params.q1)"], headers: ["x-b:$(headers['X-A'])", "x-c:$('$(literal)')", "x-d:$(headers.host:upper())"] } }
--- request
GET /t?q1=20
--- more_headers
X-A: a
--- response_body_like eval
qr/^GET \/t\?q2=20 HTTP(?:.*\n)*x-b: a\n(?:.*\n)*x-c: \$\(literal\)\n(?:.*\n)*x-d: LOCALHOST\n/



=== TEST 12: nothing configured
--- req: {}
--- request
POST /t?b=%41&a
{"a" :1 }
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/^POST \/t\?b=%41&a HTTP(?:.*\n)*\n\{"a" :1 \}$/



=== TEST 13: JSON of responses
--- res: { add: { json: ["p1:v1", 'p3:"v1"', "n:-1", "b:true", "f:yes", "bad:x"], json_types: [string, string, number, boolean, boolean, number] } }
--- request
GET /t
--- more_headers
X-Test-Type: application/json
X-Test-Body: {"p2":"v1","a":[]}
--- response_body chomp
{"p2":"v1","a":[],"p1":"v1","p3":"\"v1\"","n":-1,"b":true,"f":false}
--- response_headers
!Content-Length



=== TEST 14: replace, append, rename and remove
--- res: { remove: { json: [r] }, rename: { json: ["old:new"] }, replace: { json: ["none:1", "p2:5"], json_types: [string, number] }, append: { json: ["p1:v2", "l:x", "m:y"] } }
--- request
GET /t
--- more_headers
X-Test-Type: text/plain, application/json; charset=utf-8
X-Test-Body: {"p1":"v1","p2":"x","l":[],"r":1,"old":{"k":[]}}
--- response_body chomp
{"p1":["v1","v2"],"p2":5,"l":["x"],"new":{"k":[]},"m":["y"]}



=== TEST 15: text is left alone
--- res: { add: { json: ["a:1"] } }
--- request
GET /t
--- more_headers
X-Test-Type: text/html
X-Test-Body: {"a":0}
--- response_body chomp
{"a":0}
--- response_headers
Content-Length: 7



=== TEST 16: headers of responses: decisions are about those that came
--- res: { remove: { headers: [x-a] }, rename: { headers: ["x-b:x-r", "x-c:x-r"] }, replace: { headers: ["x-a:new", "x-none:1"] }, add: { headers: ["x-a:no", "x-d:1"] }, append: { headers: ["x-d:2"] } }
--- request
GET /t
--- more_headers
X-Test-Header: x-a: old
X-Test-Header: x-b: 1
X-Test-Header: x-c: 2
--- response_headers
x-a: new
x-r: 2
!x-b
!x-c
!x-none
--- raw_response_headers_like
x-d: 1\r\n(?:.*\n)*x-d: 2\r\n



=== TEST 17: what the gateway answers itself
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
  plugins:
  - name: request-termination
    config: { status_code: 200, content_type: application/json, body: '{"a":1}' }
  - name: response-transformer
    config: { add: { headers: ["x-a:1"], json: ["b:2"] } }
--- request
GET /t
--- response_headers
x-a: 1
--- response_body chomp
{"a":1,"b":"2"}
