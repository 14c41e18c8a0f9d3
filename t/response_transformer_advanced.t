# Copyright (C) the ngx_gateway authors
#
# response_transformer: what the advanced plugin has besides: conditions on
# the status, paths, allowed members, whole bodies, values of headers; and
# what is only here: other statuses, pages, redaction, variables.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $upstream = <<'_EOC_';
    default_type application/json;
    location /json { return 200 '{"a":"1","o":{"k":"v","deep":{"id":1}},"l":[{"id":1,"x":2},{"id":2}]}'; }
    location /404 { return 404 '{"a":"1"}'; }
    location /500 { return 500 '{"a":"1"}'; }
    location /503 { add_header Retry-After 5 always; return 503 '{"a":"1"}'; }
    location /text { default_type text/plain; add_header ETag '"e"'; return 200 'text'; }
    location /204 { return 204; }
    location /array { return 200 '[ {"x":1,"y":2}, 3 ]'; }
    location /secrets { return 200 '{"password":"p","user":{"name":"Ann","ssn":"123-45-6789","Passwords":["a","b"]},"note":"card 4111111111111111 and 4222222222222222","card":4111111111111111,"n":12,"t":true}'; }
    location /cookies {
        add_header Set-Cookie "JSESSIONID=1; Path=/";
        add_header Set-Cookie "other=2";
        add_header X-A one;
        add_header X-A two;
        return 200 '{}';
    }
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('upstream_config', $upstream)
        unless defined $block->upstream_config;

    if (defined $block->transform) {
        my $args = $block->transform;
        chomp $args;
        $block->set_value('config', "location / {\n"
                          . "gateway_response_transformer_advanced $args;\n"
                          . ($block->location // '') . "\n"
                          . "proxy_pass http://127.0.0.1:"
                          . "\$TEST_NGINX_UPSTREAM_PORT;\n"
                          . "proxy_http_version 1.1;\n"
                          . "proxy_set_header Connection \"\"; }\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: conditions on the status, headers
--- transform: remove.headers=Content-Type remove.if_status=404 add.headers=X-A:1 add.if_status=500-599 add.if_status=404 append.headers=X-B:1 append.if_status=200
--- request eval
["GET /json", "GET /404", "GET /503"]
--- error_code eval
[200, 404, 503]
--- raw_response_headers_like eval
["X-B: 1", "X-A: 1", "X-A: 1"]
--- raw_response_headers_unlike eval
["X-A", "X-B|Content-Type", "X-B"]



=== TEST 2: conditions on the status, JSON
--- transform: remove.json=a remove.if_status=500 rename.json=a:b rename.if_status=400-499 add.json=x:1 add.if_status=503
--- request eval
["GET /404", "GET /500", "GET /503", "GET /json"]
--- error_code eval
[404, 500, 503, 200]
--- response_body eval
["{\"b\":\"1\"}", "{}", "{\"a\":\"1\",\"x\":\"1\"}", "{\"a\":\"1\",\"o\":{\"k\":\"v\",\"deep\":{\"id\":1}},\"l\":[{\"id\":1,\"x\":2},{\"id\":2}]}"]



=== TEST 3: what does not act on the status leaves the length
--- transform: remove.json=a remove.if_status=500
--- request
GET /404
--- error_code: 404
--- response_headers
Content-Length: 9



=== TEST 4: paths
--- transform: dots_in_keys=off remove.json=o.k rename.json=l[*].id:key replace.json=l[1].x:9 replace.json_types=number add.json=o.deep.new:true add.json_types=boolean append.json=o.list:1
--- request
GET /json
--- response_body chomp
{"a":"1","o":{"deep":{"id":1,"new":true},"list":["1"]},"l":[{"key":1,"x":9},{"key":2}]}



=== TEST 5: names with dots
--- transform: remove.json=o.k add.json=x.y:1
--- request
GET /404
--- error_code: 404
--- response_body chomp
{"a":"1","x.y":"1"}



=== TEST 6: deep rename
--- transform: dots_in_keys=off rename.json=**.id:identifier
--- request
GET /json
--- response_body chomp
{"a":"1","o":{"k":"v","deep":{"identifier":1}},"l":[{"identifier":1,"x":2},{"identifier":2}]}



=== TEST 7: an array as the whole
--- transform: dots_in_keys=off remove.json=[*].x
--- request
GET /array
--- response_body chomp
[{"y":2},3]



=== TEST 8: allowed members
--- transform: dots_in_keys=off allow.json=o.deep allow.json=l[*].id add.json=v:2
--- request
GET /json
--- response_body chomp
{"o":{"deep":{"id":1}},"l":[{"id":1},{"id":2}],"v":"2"}



=== TEST 9: allowed members, names
--- transform: allow.json=a allow.json=none
--- request
GET /json
--- response_body chomp
{"a":"1"}



=== TEST 10: the whole body, whatever its type
--- transform: replace.body=new
--- request eval
["GET /text", "GET /json", "HEAD /text"]
--- response_body eval
["new", "new", ""]
--- response_headers eval
["Content-Length: 3\n!ETag", "Content-Length: 3", "Content-Length: 3"]



=== TEST 11: the whole body, for some statuses, with operations on it
--- transform: "replace.body={\"error\":\"no\"}" replace.if_status=500-599 add.json=code:7 add.json_types=number add.if_status=500-599
--- request eval
["GET /503", "GET /404"]
--- error_code eval
[503, 404]
--- response_body eval
['{"error":"no","code":7}', '{"a":"1"}']
--- response_headers eval
["Content-Length: 23", "Content-Length: 9"]



=== TEST 12: an empty body; none where there may be none
--- transform: replace.body=
--- request eval
["GET /text", "GET /204"]
--- error_code eval
[200, 204]
--- response_body eval
["", ""]



=== TEST 13: values of headers: exactly, and by regex
--- transform: remove.headers=Set-Cookie:/^JSESSIONID=/ remove.headers=X-A:two remove.headers=X-None:/x/ remove.headers=Content-Type:text/plain
--- request
GET /cookies
--- raw_response_headers_like eval
qr/Content-Type: application\/json\r\n(?:.*\n)*X-A: one\r\n/
--- raw_response_headers_unlike eval
qr/JSESSIONID|X-A: two/
--- response_headers
Set-Cookie: other=2



=== TEST 14: the plain directive does not look at the value, as Kong's does not
--- config
    location / {
        gateway_response_transformer remove.headers=X-A:two;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
--- request
GET /cookies
--- response_headers
!X-A



=== TEST 15: other statuses; conditions are about those that came
--- transform: replace.status=404:410 replace.status=500-599:502 add.headers=X-A:1 add.if_status=404
--- request eval
["GET /404", "GET /503", "GET /json", "GET /204"]
--- error_code eval
[410, 502, 200, 204]
--- raw_response_headers_like eval
["410 Gone(?:.*\\n)*X-A: 1", "502 Bad Gateway", "200 OK", "204"]



=== TEST 16: pages, by status and type
--- transform: "pages=500-599:application/json:{\"error\":true}" "pages=500-599:text/html; charset=utf-8:<p>Sorry</p>" "pages=404:text/plain:none"
--- request eval
["GET /503", "GET /503", "GET /503", "GET /503", "GET /404", "GET /json", "HEAD /404"]
--- more_headers eval
["", "Accept: text/html", "Accept: application/json;q=0.1, text/*;q=0.5", "Accept: image/png", "Accept: text/html", "", ""]
--- error_code eval
[503, 503, 503, 503, 404, 200, 404]
--- response_body_like eval
[qr/^\{"error":true\}$/, qr/^<p>Sorry<\/p>$/, qr/^<p>Sorry<\/p>$/, qr/^\{"error":true\}$/, qr/^none$/, qr/^\{"a"/, qr/^$/]
--- response_headers eval
["Content-Type: application/json\nContent-Length: 14\nRetry-After: 5", "Content-Type: text/html; charset=utf-8\nContent-Length: 12", "Content-Type: text/html; charset=utf-8", "Content-Type: application/json", "Content-Type: text/plain\nContent-Length: 4", "Content-Type: application/json", "Content-Length: 4"]



=== TEST 17: a page for the status that is sent
--- transform: replace.status=404:410 "pages=410:text/plain:gone" "pages=404:text/plain:not found"
--- request
GET /404
--- error_code: 410
--- response_body chomp
gone



=== TEST 18: pages and operations on answers of the gateway
--- config
    location / {
        gateway_key_auth on;
        gateway_response_transformer_advanced "pages=401:text/html:<h1>Log in</h1>" replace.status=401:403 remove.headers=WWW-Authenticate "pages=403:text/plain:log in";
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
--- request
GET /t
--- error_code: 403
--- response_headers
Content-Type: text/plain
--- response_body chomp
log in



=== TEST 19: a page when no upstream answers
--- config
    location / {
        gateway_response_transformer_advanced "pages=502:application/json:{\"down\":true}";
        proxy_pass http://127.0.0.1:$TEST_NGINX_UNUSED_PORT;
    }
--- request
GET /t
--- error_code: 502
--- response_body chomp
{"down":true}



=== TEST 20: redaction by path and by value
--- transform: "redact.json=(?i)(^|\.)passwords?$" redact.json=^user\.ssn$ "redact.values=\b4\d{15}\b"
--- request
GET /secrets
--- response_body chomp
{"password":"***","user":{"name":"Ann","ssn":"***","Passwords":"***"},"note":"card *** and ***","card":"***","n":12,"t":true}



=== TEST 21: redaction with something else, before the other operations
--- transform: "redact.values=\d" redact.with=# append.json=note:4 rename.json=password:p
--- request
GET /secrets
--- response_body chomp
{"p":"p","user":{"name":"Ann","ssn":"###-##-####","Passwords":["a","b"]},"note":["card ################ and ################","4"],"card":"#","n":"#","t":true}



=== TEST 22: a value that is too costly to look at is not shown
--- transform: "redact.values=(x+)+[yz]"
--- upstream_config eval
"default_type application/json; location / { return 200 '{\"a\":\"" . ("x" x 1000) . "\",\"b\":\"xy\"}'; }"
--- request
GET /
--- response_body chomp
{"a":"***","b":"***"}



=== TEST 23: variables of nginx, by hand
--- transform: "add.headers=X-A:$request_method-${status}$" "add.json=m:$request_method" "add.json=n:$arg_n" add.json_types=string add.json_types=number "append.headers=X-B:$arg_none"
--- request eval
["GET /404?n=5", "GET /404?n=x"]
--- error_code eval
[404, 404]
--- raw_response_headers_like eval
["X-A: GET-404\\\$", "X-A: GET"]
--- raw_response_headers_unlike eval
["X-B", "X-B"]
--- response_body eval
['{"a":"1","m":"GET","n":5}', '{"a":"1","m":"GET"}']



=== TEST 24: a line end in a variable does not get into a header
--- transform: "add.headers=X-A:$bad" "add.headers=X-C:1"
--- location eval
"set \$bad \"a\nX-Evil: 1\";"
--- request
GET /json
--- response_headers
!X-A
!X-Evil
X-C: 1
--- error_log
has a line end, it is left out



=== TEST 25: variables in bodies
--- transform: "replace.body=you asked for $uri"
--- request
GET /text
--- response_body chomp
you asked for /text



=== TEST 26: ranges are not offered, and not made, of what is changed
--- transform: replace.body=0123456789
--- request
GET /text
--- more_headers
Range: bytes=0-1
--- response_body chomp
0123456789
--- response_headers
!Accept-Ranges



=== TEST 27: both directives
--- config
    location / {
        gateway_response_transformer add.json=p:1 add.headers=X-A:plain;
        gateway_response_transformer_advanced remove.json=a add.headers=X-A:advanced;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
    }
--- request
GET /404
--- error_code: 404
--- response_body chomp
{"p":"1"}



=== TEST 28: a status
--- config
    location / { gateway_response_transformer_advanced add.headers=a:b add.if_status=4xx; }
--- must_die
--- error_log
has an "if_status" that is neither



=== TEST 29: a range the wrong way round
--- config
    location / { gateway_response_transformer_advanced add.headers=a:b add.if_status=500-400; }
--- must_die
--- error_log
has an "if_status" that is neither



=== TEST 30: a status to map to
--- config
    location / { gateway_response_transformer_advanced replace.status=404:204; }
--- must_die
--- error_log
to a status without a body



=== TEST 31: a status without another
--- config
    location / { gateway_response_transformer_advanced replace.status=404; }
--- must_die
--- error_log
has a "replace.status" that is not like



=== TEST 32: a page without a type
--- config
    location / { gateway_response_transformer_advanced pages=404:text; }
--- must_die
--- error_log
has "pages" that are not like



=== TEST 33: a regex
--- config
    location / { gateway_response_transformer_advanced "redact.json=("; }
--- must_die
--- error_log
invalid regex "(" in "gateway_response_transformer_advanced"



=== TEST 34: a regex of a header
--- config
    location / { gateway_response_transformer_advanced "remove.headers=A:/(/"; }
--- must_die
--- error_log
invalid regex "("



=== TEST 35: a path
--- config
    location / { gateway_response_transformer_advanced dots_in_keys=off remove.json=a.; }
--- must_die
--- error_log
"a." in "gateway_response_transformer_advanced" is a malformed path



=== TEST 36: a path of allow
--- config
    location / { gateway_response_transformer_advanced dots_in_keys=off allow.json=**; }
--- must_die
--- error_log
has a malformed path in "allow.json"
