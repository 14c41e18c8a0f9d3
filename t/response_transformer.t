# Copyright (C) the ngx_gateway authors
#
# response_transformer: headers and JSON bodies of responses.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

# files come from a server of their own
our $files = <<'_EOC_';
    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;
        root $TEST_NGINX_HTML_DIR;
        types { application/json json; text/plain txt; }
        location /sub/ {
            sub_filter_types *;
            sub_filter nothing x;
            alias $TEST_NGINX_HTML_DIR/;
        }
    }
_EOC_

our $upstream = <<'_EOC_';
    default_type application/json;
    location /json { return 200 '{"a":"1", "n":1.50,"b":true, "f":false,"z":null,"e":[],"l":[1 ],"o":{"k":"v"}}'; }
    location /text { default_type text/plain; return 200 '{"a":"1"}'; }
    location /charset { default_type "application/json; charset=utf-8"; return 200 '{"a":"1"}'; }
    location /problem { default_type application/json-patch; return 200 '{"a":"1"}'; }
    location /bad { return 200 '{"a":'; }
    location /array { return 200 '[{"a":"1"}]'; }
    location /empty { return 200 ''; }
    location /none { return 204; }
    location /twice { return 200 '{"a":1,"\u0061":2,"b":3}'; }
    location /headers {
        add_header X-One 1;
        add_header X-Two a;
        add_header X-Two b;
        add_header ETag '"abc"';
        return 200 '{"a":"1"}';
    }
    location /range { add_header Accept-Ranges bytes; return 200 '{"a":"1"}'; }
    location /gzip { gzip on; gzip_min_length 1; gzip_types application/json; gzip_proxied any; return 200 '{"a":"1"}'; }
    location /forced { add_header Content-Encoding br; return 200 '{"a":"1"}'; }
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('upstream_config', $upstream)
        unless defined $block->upstream_config;

    if (defined $block->user_files) {
        $block->set_value('http_config', $files);
    }

    if (defined $block->transform) {
        my $args = $block->transform;
        chomp $args;
        $block->set_value('config', "location / {\n"
                          . "gateway_response_transformer $args;\n"
                          . ($block->location // '') . "\n$proxy}\n"
                          . "location /file/ {\n"
                          . "gateway_response_transformer $args;\n"
                          . ($block->location // '')
                          . "\nproxy_pass http://127.0.0.1:"
                          . "\$TEST_NGINX_PORT_1/;\n"
                          . "proxy_http_version 1.1; }\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: every operation on JSON, in order
--- transform: remove.json=a rename.json=b:c replace.json=n:x replace.json=none:x add.json=new:1 append.json=e:v append.json=l:v append.json=c:t
--- request
GET /json
--- response_body chomp
{"n":"x","c":["t"],"f":false,"z":null,"e":["v"],"l":[1,"v"],"o":{"k":"v"},"new":"1"}
--- response_headers
!Content-Length
Transfer-Encoding: chunked
--- no_error_log
[error]



=== TEST 2: types; false is absent; null and objects are there
--- transform: replace.json=n:-1 replace.json=z:true replace.json=f:x replace.json_types=number replace.json_types=boolean add.json=f:yes add.json=i:007 add.json=o:x 'add.json=q:"v"' add.json_types=boolean add.json_types=number append.json=a:2 append.json=o:x append.json=m:a:b
--- request
GET /json
--- response_body chomp
{"a":["1","2"],"n":-1,"b":true,"f":false,"z":true,"e":[],"l":[1 ],"o":{"k":"v"},"i":7,"q":"\"v\"","m":["a:b"]}



=== TEST 3: a value that is no number is left out
--- transform: add.json=a2:x add.json=b2:0x10 add.json=c2:12345678901234567890123 add.json_types=number add.json_types=number add.json_types=number
--- request
GET /text
--- response_body chomp
{"a":"1"}



=== TEST 4: numbers
--- transform: remove.json=a add.json=a2:x add.json=b2:0x10 add.json=c2:12345678901234567890123 add.json=d2:1.50 add.json_types=number add.json_types=number add.json_types=number add.json_types=number
--- request
GET /charset
--- response_body chomp
{"b2":16,"c2":12345678901234567890123,"d2":1.5}



=== TEST 5: other types of content keep body and length
--- transform: remove.json=a
--- request eval
["GET /text", "GET /problem", "GET /charset"]
--- response_body eval
['{"a":"1"}', '{"a":"1"}', '{}']
--- raw_response_headers_like eval
["Content-Length: 9", "Content-Length: 9", "Transfer-Encoding: chunked"]



=== TEST 6: what is no object stays as it is, with a warning
--- transform: remove.json=a add.json=b:1
--- request eval
["GET /bad", "GET /array", "GET /empty"]
--- response_body eval
['{"a":', '[{"a":"1"}]', '']
--- error_log
the body is no JSON object



=== TEST 7: members of the same name, escaped
--- transform: remove.json=a
--- request
GET /twice
--- response_body chomp
{"b":3}



=== TEST 8: HEAD, 204
--- transform: remove.json=a
--- request eval
["HEAD /json", "GET /none"]
--- error_code eval
[200, 204]
--- response_body eval
["", ""]
--- raw_response_headers_unlike eval
["Content-Length", "Transfer-Encoding"]



=== TEST 9: nothing changes without a member of that name
--- transform: remove.json=x rename.json=y:z replace.json=q:1
--- request
GET /json
--- response_body chomp
{"a":"1", "n":1.50,"b":true, "f":false,"z":null,"e":[],"l":[1 ],"o":{"k":"v"}}



=== TEST 10: headers
--- transform: remove.headers=x-two rename.headers=x-one:X-Uno replace.headers=X-Uno:no replace.headers=Content-Type:text/plain add.headers=X-New:a:b add.headers=X-One:no append.headers=X-New:c
--- request
GET /headers
--- response_headers
!X-Two
X-Uno: 1
!X-One
Content-Type: text/plain
--- raw_response_headers_like
X-New: a:b\r\nX-New: c
--- response_body chomp
{"a":"1"}



=== TEST 11: rename moves all values, over what is there
--- transform: rename.headers=X-Two:X-One
--- request
GET /headers
--- raw_response_headers_like
X-One: a\r\nX-One: b
--- raw_response_headers_unlike
X-One: 1



=== TEST 12: content type renamed away, etag weakened, no length
--- transform: rename.headers=Content-Type:X-Type remove.json=a
--- request
GET /headers
--- response_headers
!Content-Type
X-Type: application/json
ETag: W/"abc"
!Content-Length
--- response_body chomp
{}



=== TEST 13: headers alone leave the length
--- transform: add.headers=X-A:1 remove.headers=ETag
--- request
GET /headers
--- response_headers
Content-Length: 9
X-A: 1
!ETag



=== TEST 14: answers of the gateway are changed too
--- config
    location / {
        gateway_key_auth on;
        gateway_response_transformer remove.json=request_id add.json=a:1 add.headers=X-A:b;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
--- request
GET /t
--- error_code: 401
--- response_headers
X-A: b
--- response_body chomp
{"message":"No API key found in request","a":"1"}



=== TEST 15: the upstream is not asked for gzip
--- transform: remove.json=a add.json=b:1
--- request
GET /gzip
--- more_headers
Accept-Encoding: gzip
--- response_body chomp
{"b":"1"}



=== TEST 16: other operations leave Accept-Encoding alone
--- transform: add.headers=X-A:1
--- request
GET /gzip
--- more_headers
Accept-Encoding: gzip
--- response_headers
Content-Encoding: gzip



=== TEST 17: an encoded body stays, with a warning
--- transform: remove.json=a
--- request
GET /forced
--- response_headers
Content-Length: 9
Content-Encoding: br
--- error_log
a body encoded with "br" stays as it is



=== TEST 18: larger than max_body_size
--- transform: remove.json=a max_body_size=10
--- request eval
["GET /json", "GET /text", "GET /charset"]
--- error_code eval
[502, 200, 200]
--- response_body_unlike eval
["1\\.50", "x", "x"]
--- error_log
is larger than "max_body_size"



=== TEST 19: larger than max_body_size, chunked: the answer is not complete
--- transform: remove.json=a max_body_size=10
--- user_files
>>> t.json
{"a":"1","b":"2","c":"3"}
--- request
GET /file/sub/t.json
--- ignore_response
--- error_log
is larger than "max_body_size"



=== TEST 20: a large body, in many pieces
--- transform: remove.json=a
--- user_files eval
">>> t.json\n" . '{"a":"1","b":"' . ('x' x 200000) . '"}'
--- request
GET /file/t.json
--- response_body eval
'{"b":"' . ('x' x 200000) . '"}'
--- no_error_log
[error]



=== TEST 21: off, and inheritance
--- config
    gateway_response_transformer add.headers=X-A:1;
    location /a { gateway_response_transformer off; proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT/none; }
    location /b { proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT/none; }
    location /c { gateway_response_transformer add.headers=X-C:1; proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT/none; }
--- request eval
["GET /a", "GET /b", "GET /c"]
--- error_code eval
[204, 204, 204]
--- raw_response_headers_like eval
["204", "X-A: 1", "X-C: 1"]
--- raw_response_headers_unlike eval
["X-A", "X-C", "X-A"]



=== TEST 22: no header
--- config
    location / { gateway_response_transformer "add.headers=X A:1"; }
--- must_die
--- error_log
is not a valid header



=== TEST 23: a line end
--- config
    location / { gateway_response_transformer "add.headers=X-A:1\r\nSet-Cookie: a"; }
--- must_die
--- error_log
has a line end



=== TEST 24: framing headers
--- config
    location / { gateway_response_transformer add.headers=Content-Length:5; }
--- must_die
--- error_log
cannot be set



=== TEST 25: a type
--- config
    location / { gateway_response_transformer add.json=a:1 add.json_types=date; }
--- must_die
--- error_log
"json_types" other than



=== TEST 26: no colon
--- config
    location / { gateway_response_transformer add.json=a; }
--- must_die
--- error_log
expected "name:value"



=== TEST 27: unknown parameter
--- config
    location / { gateway_response_transformer replace.bodies=a; }
--- must_die
--- error_log
there is no such parameter



=== TEST 28: headers that nginx keeps apart
--- transform: replace.headers=Server:mine replace.headers=Date:today replace.headers=Last-Modified:never add.headers=Location:/x remove.headers=Content-Length
--- location: proxy_pass_header Server; proxy_pass_header Date;
--- user_files
>>> t.txt
hello
--- request
GET /file/t.txt
--- response_headers
Server: mine
Date: today
Last-Modified: never
Location: /x
!Content-Length
--- response_body
hello
