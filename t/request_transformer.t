# Copyright (C) the ngx_gateway authors
#
# request_transformer: requests changed on their way upstream.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->transform) {
        my $args = $block->transform;
        chomp $args;
        $block->set_value('config', "location / {\n"
                          . "gateway_request_transformer $args;\n"
                          . "$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: headers: remove, rename, replace, add, append
--- transform: remove.headers=x-gone rename.headers=X-Old:X-New replace.headers=x-there:2 replace.headers=x-absent:2 add.headers=X-Add:1 add.headers=x-there:no append.headers=X-Add:2 append.headers=x-there:3:4
--- request
GET /t
--- more_headers
X-Gone: 1
X-Old: a
X-Old: b
X-New: c
X-There: 1
--- response_body_like eval
qr/\nX-New: a\n(?:.*\n)*X-New: b\n/
--- response_body_unlike eval
qr/X-Gone|X-Old|X-New: c|x-absent|X-There: 1|no\n/i



=== TEST 2: the same, what is added
--- transform: replace.headers=x-there:2 add.headers=X-Add:1 append.headers=X-Add:2 append.headers=x-there:3:4
--- request
GET /t
--- more_headers
X-There: 1
--- response_body_like eval
qr/\nx-there: 2\n(?:.*\n)*X-Add: 1\n(?:.*\n)*X-Add: 2\n(?:.*\n)*x-there: 3:4\n/



=== TEST 3: only the case of a name
--- transform: rename.headers=x-case:X-CASE
--- request
GET /t
--- more_headers
x-case: 1
--- response_body_like: X-CASE: 1



=== TEST 4: host is replaced only
--- config
    location / {
        gateway_request_transformer add.headers=host:mark append.headers=Host:mark remove.headers=host rename.headers=host:x-host;
        proxy_set_header Host $http_host;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request
GET /t
--- response_body_like: Host: localhost
--- response_body_unlike: (?i)mark|x-host



=== TEST 5: the query string: byte for byte without operations
--- transform: add.headers=X-A:1
--- request
GET /t?b=%41&a=+x&&c
--- response_body_like eval
qr/^GET \/t\?b=%41&a=\+x&&c HTTP/



=== TEST 6: the query string: all operations, sorted and encoded
--- transform: remove.querystring=gone rename.querystring=old:new replace.querystring=r:2 replace.querystring=none:2 add.querystring=bare:no 'add.querystring=add:x y' append.querystring=l:3 append.querystring=n:1
--- request
GET /t?z=%7e&gone=1&old=o1&new=n&old=o2&r=1&r=1&bare&l=1&l=2
--- response_body_like eval
qr/^GET \/t\?add=x%20y&bare&l=1&l=2&l=3&n=1&new=o1&new=o2&r=2&z=~ HTTP/



=== TEST 7: the last argument removed
--- transform: remove.querystring=a
--- request
GET /t?a=1
--- response_body_like eval
qr/^GET \/t HTTP/



=== TEST 8: JSON body
--- transform: remove.body=gone rename.body=old:new replace.body=r:2 replace.body=f:2 add.body=f:3 add.body=add:x append.body=s:b append.body=l:c append.body=n:d
--- request
POST /t
{"gone":1, "old":1.0,"new":2,"r":{"a":[]},"f":false,"s":"a","l":[],"e":[]}
--- more_headers
Content-Type: Application/JSON; charset=utf-8
--- response_body_like eval
qr/\n\n\{"new":1\.0,"r":"2","f":"3","s":\["a","b"\],"l":\["c"\],"e":\[\],"add":"x","n":\["d"\]\}\n?$/
--- no_error_log
[error]



=== TEST 9: Content-Length follows
--- transform: remove.body=a
--- request
POST /t
{"a":1,"b":2}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/Content-Length: 7\n(?:.*\n)*\n\{"b":2\}/



=== TEST 10: malformed JSON, arrays, other types pass
--- transform: remove.body=a add.body=b:1
--- request eval
["POST /t\n{\"a\":", "POST /t\n[{\"a\":1}]"]
--- more_headers
Content-Type: application/json
--- response_body_like eval
[qr/\n\n\{"a":\n?$/, qr/\n\n\[\{"a":1\}\]\n?$/]



=== TEST 11: other types
--- transform: remove.body=a add.body=b:1
--- request
POST /t
a=1
--- more_headers
Content-Type: text/plain
--- response_body_like eval
qr/\n\na=1\n?$/



=== TEST 12: form body; others stay as they are
--- transform: remove.body=gone rename.body=old:new replace.body=r:2 'add.body=add:x&y' append.body=l:3
--- request
POST /t
z=%7e&gone=1&old=+&r=1&l=1
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body_like eval
qr/\n\nz=%7e&new=%20&r=2&l=1&add=x%26y&l=3\n?$/



=== TEST 13: multipart body; files stay, nothing is appended
--- transform: remove.body=gone rename.body=old:new replace.body=file:2 replace.body=r:2 add.body=add:x append.body=r:3
--- request eval
"POST /t\n" . CORE::join("\r\n", '--XX', 'Content-Disposition: form-data; name="gone"', '', '1',
 '--XX', 'Content-Disposition: form-data; name="old"', '', 'o',
 '--XX', 'Content-Disposition: form-data; name="file"; filename="a"', '', 'f',
 '--XX', 'Content-Disposition: form-data; name="r"', '', '1', '--XX--', '')
--- more_headers
Content-Type: multipart/form-data; boundary=XX
--- response_body_like eval
my $h = 'Content-Disposition: form-data; name=';
my $b = CORE::join("\r\n", '--XX', "$h\"new\"", '', 'o', '--XX', "$h\"file\"; filename=\"a\"", '', 'f',
  '--XX', "$h\"r\"", '', '2', '--XX', "$h\"add\"", '', 'x', '--XX--');
$b = CORE::join('\r?\n', map { quotemeta } split /\r\n/, $b);
qr/\n\n$b/



=== TEST 14: an incomplete multipart body passes
--- transform: remove.body=a
--- request eval
"POST /t\n" . CORE::join("\r\n", '--XX', 'Content-Disposition: form-data; name="a"', '', '1', '')
--- more_headers
Content-Type: multipart/form-data; boundary=XX
--- response_body_like: name="a"



=== TEST 15: GET to POST, a type, and a body made of nothing
--- transform: http_method=POST add.headers=Content-Type:application/json add.body=body:somecontent
--- request
GET /t
--- response_body_like eval
qr/^POST \/t HTTP(?:.*\n)*Content-Length: 22\n(?:.*\n)*\n\{"body":"somecontent"\}\n?$/



=== TEST 16: POST to GET, a form joins the query string
--- transform: http_method=GET
--- request
POST /t?a=1
hello=wor+ld&a=2
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body_like eval
qr/^GET \/t\?a=1&a=2&hello=wor%20ld HTTP/



=== TEST 17: GET to HEAD and HEAD to GET keep the client's framing
--- config
    location /head { gateway_request_transformer http_method=HEAD; proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT; }
    location /get { gateway_request_transformer http_method=GET; proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT; }
--- pipelined_requests eval
["GET /head", "HEAD /get", "GET /get"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["^\$", "^\$", "GET /get"]



=== TEST 18: templates see the request as it came
--- transform: "remove.headers=x-a" "remove.querystring=q" "add.headers=X-B:$(headers.X_A):$(headers['x-none'] or 'none')" "replace.headers=x-c:$(headers['X-C']:upper() .. '-' .. 1 + 2 * 3)" "add.querystring=q2:$(query_params.q)" 'add.headers=X-D:$("$(literal)")' "add.headers=X-E:#$(headers.nothing)$(query_params.bare)"
--- request
GET /t?q=a%20b&bare
--- more_headers
X-A: old
X-C: c
--- response_body_like eval
[qr/^GET \/t\?bare&q2=a%20b HTTP/]
--- response_body_unlike: X-A



=== TEST 19: what templates give
--- transform: "add.headers=X-B:$(headers.X_A):$(headers['x-none'] or 'none')" "replace.headers=x-c:$(headers['X-C']:upper() .. '-' .. 1 + 2 * 3)" 'add.headers=X-D:$("$(literal)")' "add.headers=X-E:#$(headers.nothing)$(query_params.bare)" "add.headers=X-F:$(type(headers.x_c))$(-(1/4))"
--- request
GET /t?q=a%20b&bare
--- more_headers
X-A: old
X-C: c
--- response_body_like eval
qr/\nx-c: C-7\nX-B: old:none\nX-D: \$\(literal\)\nX-E: #true\nX-F: string-0\.25\n/



=== TEST 20: a line end in a template
--- transform: "add.headers=X-B:$(query_params.q)"
--- request eval
["GET /t?q=a%0d%0aX-Evil:1", "GET /t?q=a%00", "GET /t?q=ab"]
--- error_code eval
[400, 400, 200]
--- no_error_log
[error]



=== TEST 21: a template that fails is named once
--- transform: "add.headers=X-B:$(10 * query_params.q)"
--- request eval
["GET /t?q=foo", "GET /t?q=foo", "GET /t?q=5"]
--- error_code eval
[500, 500, 200]
--- response_body_like eval
["An unexpected error occurred", "An unexpected error occurred", "X-B: 50"]
--- error_log
failed to render the template "$(10 * query_params.q)"



=== TEST 22: of a body that is not changed it does not matter
--- transform: "add.body=b:$(10 * query_params.q)"
--- request eval
["GET /t?q=foo", "POST /t?q=foo\n{}"]
--- more_headers eval
["X-A: 1", "Content-Type: application/json"]
--- error_code eval
[200, 500]



=== TEST 23: the path, in a location
--- transform: "replace.uri=/new/$(headers.x_p)"
--- request
GET /t?a=1
--- more_headers
X-P: a?b/../c d
--- response_body_like eval
qr/^GET \/new\/c%20d\?a=1 HTTP/



=== TEST 24: a path that does not begin with a slash, hidden dots
--- transform: "replace.uri=$(headers.x_p)"
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-P: a", "X-P: /a%2F..%2Fb", "X-P: /a%00b"]
--- error_code eval
[500, 400, 400]



=== TEST 25: max_body_size, a body from a file
--- config
    location / {
        client_body_buffer_size 1k;
        gateway_request_transformer remove.body=a max_body_size=20000;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["POST /t\n{\"a\":\"" . ('x' x 10000) . '","b":1}', "POST /t\n{\"a\":\"" . ('x' x 30000) . '"}']
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 413]
--- response_body_like eval
[qr/\n\n\{"b":1\}/, ""]



=== TEST 26: chunked request
--- transform: remove.body=a
--- raw_request eval
"POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n8\r\n1,\"b\":2}\r\n0\r\n\r\n"
--- response_body_like eval
qr/Content-Length: 7\n(?:.*\n)*\n\{"b":2\}/



=== TEST 27: configuration errors
--- config
    location / { gateway_request_transformer "add.headers=X A:1"; }
--- must_die
--- error_log
is not a valid header



=== TEST 28: no value
--- config
    location / { gateway_request_transformer add.body=a; }
--- must_die
--- error_log
key "a" in "gateway_request_transformer" has no value



=== TEST 29: framing
--- config
    location / { gateway_request_transformer rename.headers=a:transfer-encoding; }
--- must_die
--- error_log
cannot be set



=== TEST 30: an expression that is not supported
--- config
    location / { gateway_request_transformer "add.headers=a:x$(os.execute('x'))"; }
--- must_die
--- error_log
the expression at "$(os.execute('x'))" uses a name other than



=== TEST 31: a variable that there is not
--- config
    location / { gateway_request_transformer "add.headers=a:$no_such"; }
--- must_die
--- error_log
unknown "no_such" variable



=== TEST 32: a method in small letters
--- config
    location / { gateway_request_transformer http_method=get; }
--- must_die
--- error_log
not all capital letters



=== TEST 33: a boundary in a value
--- transform: "add.body=a:$(query_params.q)"
--- request eval
"POST /t?q=--XX\n" . CORE::join("\r\n", '--XX', 'Content-Disposition: form-data; name="r"', '', '1', '--XX--', '')
--- more_headers
Content-Type: multipart/form-data; boundary=XX
--- error_code: 400



=== TEST 34: more arguments than are looked at
--- transform: remove.body=a
--- request eval
"POST /t\n" . ('b&' x 5000)
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code: 400



=== TEST 35: the path, where proxy_pass has one of its own
--- config
    location /a/long/location/ {
        gateway_request_transformer replace.uri=/b;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT/c/;
    }
--- request
GET /a/long/location/t
--- response_body_like eval
qr{^GET \S*/b HTTP}



=== TEST 36: expressions switched off: values without one stay, others are 500
--- http_config
    gateway_request_transformer_expressions off;
--- config
    location / {
        gateway_request_transformer add.headers=X-A:plain;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /expression {
        gateway_request_transformer add.headers=X-A:plain "add.headers=X-B:$(headers.x_c)";
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /t", "GET /expression"]
--- error_code eval
[200, 500]
--- response_body_like eval
[qr/^X-A: plain$/m, qr/An unexpected error occurred/]
--- error_log
expressions are switched off



=== TEST 37: on is the default
--- http_config
    gateway_request_transformer_expressions on;
--- config
    location / {
        gateway_request_transformer "add.headers=X-B:$(headers.x_c)";
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request
GET /t
--- more_headers
X-C: seven
--- response_body_like chomp
X-B: seven



=== TEST 38: neither on nor off
--- http_config
    gateway_request_transformer_expressions maybe;
--- config
    location / { return 200; }
--- must_die
--- error_log
"gateway_request_transformer_expressions" directive



=== TEST 39: it may be repeated, as both plugins bring it
--- http_config
    gateway_request_transformer_expressions off;
    gateway_request_transformer_expressions off;
--- config
    location / {
        gateway_request_transformer_advanced "add.headers=X-B:$(headers.x_c)";
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request
GET /t
--- error_code: 500
--- error_log
expressions are switched off



=== TEST 40: not in a location
--- config
    location / { gateway_request_transformer_expressions off; }
--- must_die
--- error_log
"gateway_request_transformer_expressions" directive is not allowed here
