# Copyright (C) the ngx_gateway authors
#
# request_transformer: what the advanced plugin has besides, expressions,
# variables of nginx.

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
                          . "gateway_request_transformer_advanced $args;\n"
                          . ($block->location // '') . "\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: paths into objects and arrays
--- transform: dots_in_keys=off remove.body=a.b remove.body=l[*].x remove.body=l[2] rename.body=o.k:kk replace.body=o.v:new add.body=made.up.here:1 append.body=o.list:2
--- request
POST /t
{"a":{"b":1,"c":2},"l":[{"x":1,"y":2},{"x":3},{"y":4}],"o":{"k":1,"v":2,"list":["1"]}}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\{"a":\{"c":2\},"l":\[\{"y":2\},\{"y":4\}\],"o":\{"kk":1,"v":"new","list":\["1","2"\]\},"made":\{"up":\{"here":"1"\}\}\}$/



=== TEST 2: with dots in names a path is a name
--- transform: remove.body=a.b add.body=c.d:1
--- request
POST /t
{"a":{"b":1},"a.b":2}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\{"a":\{"b":1\},"c\.d":"1"\}$/



=== TEST 3: types
--- transform: replace.body=a:1 replace.json_types=number add.body=b:true add.body=c:x add.body=d:2.50 add.body=e:nope add.json_types=boolean add.json_types=string add.json_types=number add.json_types=number append.body=f:-1 append.json_types=number
--- request
POST /t
{"a":"x","f":[0]}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\{"a":1,"f":\[0,-1\],"b":true,"c":"x","d":2\.5\}$/



=== TEST 4: types of what templates give
--- transform: "add.body=a:$(query_params.n)" "add.body=b:$(query_params.t)" "add.body=c:$(query_params.t)" add.json_types=number add.json_types=boolean add.json_types=number
--- request
POST /t?n=12&t=true
{}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\{"a":12,"b":true\}$/



=== TEST 5: allow: nothing else gets through, then the operations
--- transform: allow.body=a allow.body=b add.body=c:1
--- request eval
["POST /t\n{\"x\":1,\"a\":{\"y\":2},\"z\":[]}", "POST /t\n{\"a\" : 1}"]
--- more_headers
Content-Type: application/json
--- response_body_like eval
[qr/\n\{"a":\{"y":2\},"c":"1"\}$/, qr/\n\{"a":1,"c":"1"\}$/]



=== TEST 6: allow with paths
--- transform: dots_in_keys=off allow.body=a.b allow.body=l[*].id allow.body=**.keep
--- request
POST /t
{"a":{"b":{"c":1},"x":2},"l":[{"id":1,"x":2},{"id":2}],"n":{"m":{"keep":1,"x":2}},"s":1}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\{"a":\{"b":\{"c":1\}\},"l":\[\{"id":1\},\{"id":2\}\],"n":\{"m":\{"keep":1\}\}\}$/



=== TEST 7: allow: forms and multipart bodies, files too
--- transform: allow.body=a
--- request eval
["POST /t\na=1&b=2&a=3", "POST /t\n--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n2\r\n--x--\r\n"]
--- more_headers eval
["Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/form-data; boundary=x"]
--- response_body_like eval
[qr/\na=1&a=3$/, qr/\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--(\r\n)?$/]



=== TEST 8: deep, and elements of arrays
--- transform: dots_in_keys=off remove.body=**.secret rename.body=**.user_id:userId replace.body=list[2]:two add.body=list[4]:four append.body=list[1]:x
--- request
POST /t
{"secret":1,"user_id":1,"a":[{"secret":{"user_id":2}},[{"user_id":3,"secret":4}]],"list":["1","2","3"]}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\{"userId":1,"a":\[\{\},\[\{"userId":3\}\]\],"list":\[\["1","x"\],"two","3","four"\]\}$/



=== TEST 9: an array as the whole
--- transform: dots_in_keys=off remove.body=[*].x add.body=[*].y:1 remove.body=[3]
--- request
POST /t
 [ {"x":1}, {"y":2} , 3 ]
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\[\{"y":"1"\},\{"y":2\}\]$/



=== TEST 10: what is not touched stays byte for byte
--- transform: dots_in_keys=off remove.body=none.x replace.body=a.b[1]:x rename.body=z[1].a:b
--- request
POST /t
 { "a" : { "b" : { } , "c":1.50 } , "u":"\u00e9\/" }
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\{ "a" : \{ "b" : \{ \} , "c":1\.50 \} , "u":"\\u00e9\\\/" \}$/



=== TEST 11: not JSON: malformed, too deep, a scalar
--- transform: dots_in_keys=off remove.body=a add.body=b:1
--- request eval
["POST /t\n{\"a\":01}", "POST /t\n" . ("[" x 1001) . ("]" x 1001), "POST /t\n5", "POST /t\n{\"a\":\"\\x\"}", "POST /t\n{\"a\":1}x", "POST /t\n{\"a\":1,}", "POST /t\n{\"a\":tru}", "POST /t\n{\"a\" 1}", "POST /t\n{\"a\":\"\\u12\"}", "POST /t\n{\"a\":1.}", "POST /t\n{\"a\":-}", "POST /t\n[1 2]"]
--- more_headers
Content-Type: application/json
--- response_body_like eval
[qr/\n\{"a":01\}$/, qr/\n\[{1001}\]{1001}$/, qr/\n5$/, qr/\n\{"a":"\\x"\}$/, qr/\n\{"a":1\}x$/, qr/\n\{"a":1,\}$/, qr/\n\{"a":tru\}$/, qr/\n\{"a" 1\}$/, qr/\n\{"a":"\\u12"\}$/, qr/\n\{"a":1\.\}$/, qr/\n\{"a":-\}$/, qr/\n\[1 2\]$/]



=== TEST 12: as deep as it may be, and more members than are looked at
--- transform: dots_in_keys=off remove.body=**.a
--- location: client_max_body_size 2m; client_body_buffer_size 2m;
--- request eval
["POST /t\n" . ('{"b":' x 999) . '{"a":1}' . ('}' x 999), "POST /t\n[" . ('1,' x 262144) . "1]"]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 413]
--- response_body_like eval
[qr/(?:\{"b":){999}\{\}\}{999}$/, qr/Request Entity Too Large|exceed|too large/i]



=== TEST 13: names that are written with escapes
--- transform: remove.body=a/b rename.body=é:e replace.body=😀:x add.body=q"uote:1
--- request
POST /t
{"a\/b":1,"\u00e9":2,"\ud83d\ude00":3,"\u0061":4}
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/\n\{"e":2,"\\ud83d\\ude00":"x","\\u0061":4,"q\\"uote":"1"\}$/



=== TEST 14: both directives: the advanced one is first
--- config
    location / {
        gateway_request_transformer_advanced add.headers=X-A:adv append.headers=X-B:1;
        gateway_request_transformer add.headers=X-A:plain append.headers=X-B:2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request
GET /t
--- response_body_like eval
qr/\nX-A: adv\n(?:.*\n)*X-B: 1\n(?:.*\n)*X-B: 2\n/



=== TEST 15: variables of nginx
--- transform: "add.headers=X-A:$request_method ${arg_n}x" add.querystring=u:$remote_addr "add.headers=X-B:$(query_params.n .. '$arg_n')-$arg_n" "add.headers=X-C:$none$"
--- location: set $none "";
--- request
GET /t?n=5
--- response_body_like eval
qr/^GET \/t\?n=5&u=127\.0\.0\.1 HTTP(?:.*\n)*X-A: GET 5x\n(?:.*\n)*X-B: 5\$arg_n-5\n(?:.*\n)*X-C: \$\n/



=== TEST 16: expressions that people write
--- transform: "add.headers=X-1:$(headers.authorization and headers.authorization:gsub('^Bearer ', ''))" "add.headers=X-2:$((query_params.page or 1) + 1)" "add.headers=X-3:$(headers['x-multi'][2])" "add.headers=X-4:$(type(headers['x-multi']))" "add.headers=X-5:$(#(query_params.q or ''))" "add.headers=X-6:$(query_params.q == 'a' and 'first' or 'other')" "add.headers=X-7:$(string.format('%03d', query_params.page or 7))" "add.headers=X-8:$(headers.host:match('^[^:]+'))"
--- request
GET /t?q=a
--- more_headers
Host: example.com:8000
Authorization: Bearer t0ken
X-Multi: one
X-Multi: two
--- response_body_like eval
qr/X-1: t0ken\n(?:.*\n)*X-2: 2\n(?:.*\n)*X-3: two\n(?:.*\n)*X-4: table\n(?:.*\n)*X-5: 1\n(?:.*\n)*X-6: first\n(?:.*\n)*X-7: 007\n(?:.*\n)*X-8: example\.com\n/



=== TEST 17: what fails at run time gets 500, whatever else there is
--- transform: "add.headers=X:$(headers.none:upper())"
--- request
GET /t
--- error_code: 500
--- error_log
failed to render the template "$(headers.none:upper())": a function of texts with a value that is none



=== TEST 18: a pattern that takes too long
--- transform: "add.headers=X:$(headers.a:match('.-.-.-.-.-.-.-x'))"
--- request eval
"GET /t"
--- more_headers eval
"A: " . ("a" x 2000)
--- error_code: 500
--- error_log
a pattern that is malformed or takes too long



=== TEST 19: CR, LF and NUL cannot get into headers
--- transform: "add.headers=X:$(query_params.a)"
--- request eval
["GET /t?a=x%0d%0aY:1", "GET /t?a=x%0aY:1", "GET /t?a=x%00y", "GET /t?a=x%0dy"]
--- error_code eval
[400, 400, 400, 400]



=== TEST 20: a body that nginx has written to a file
--- transform: dots_in_keys=off replace.body=a.b:new
--- location: client_body_in_file_only clean;
--- request eval
"POST /t\n{\"a\":{\"b\":\"" . ("x" x 20000) . "\"}}"
--- more_headers
Content-Type: application/json
--- response_body_like eval
qr/Content-Length: 17\n(?:.*\n)*\n\{"a":\{"b":"new"\}\}$/



=== TEST 21: a malformed path
--- config
    location / { gateway_request_transformer_advanced dots_in_keys=off remove.body=a..b; }
--- must_die
--- error_log
"a..b" in "gateway_request_transformer_advanced" is a malformed path



=== TEST 22: a malformed path of allow
--- config
    location / { gateway_request_transformer_advanced dots_in_keys=off allow.body=a[0]; }
--- must_die
--- error_log
malformed path in "allow.body"



=== TEST 23: a type
--- config
    location / { gateway_request_transformer_advanced add.body=a:1 add.json_types=int; }
--- must_die
--- error_log
has "json_types" other than



=== TEST 24: off in a location within
--- config
    gateway_request_transformer_advanced add.headers=X-A:1;
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT; }
    location /off { gateway_request_transformer_advanced off; proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT; }
--- request eval
["GET /t", "GET /off"]
--- response_body_like eval
[qr/X-A: 1/, qr/^(?!.*X-A)/s]



=== TEST 25: HTTP/2
--- http2
--- transform: dots_in_keys=off replace.body=a.b:new "add.headers=X-A:$(headers['x-b']:upper())"
--- request
POST /t
{"a":{"b":1}}
--- more_headers
Content-Type: application/json
X-B: b
--- response_body_like eval
qr/X-A: B\n(?:.*\n)*\n\{"a":\{"b":"new"\}\}$/
