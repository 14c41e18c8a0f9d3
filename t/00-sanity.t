# Copyright (C) the ngx_gateway authors
#
# The runner itself, against nginx without our modules.

use lib 't/lib';
use Test::Gateway 'no_plan';

repeat_each(2);
no_shuffle();
run_tests();

__DATA__

=== TEST 1: a response has a status, headers and a body
--- config
    location = /t {
        add_header X-Foo bar;
        add_header X-Two a;
        add_header X-Two b;
        return 200 "hello\n";
    }
--- request
GET /t
--- response_headers
X-Foo: bar
X-Two: a, b
!X-Bar
--- response_headers_like
Content-Length: \d+
--- raw_response_headers_like: X-Foo: bar\r\n
--- raw_response_headers_unlike: X-Bar
--- response_body
hello
--- no_error_log
[error]



=== TEST 2: error_code, and a body by pattern
--- config
    location = /t { return 404 "nothing here\n"; }
--- request
GET /t
--- error_code: 404
--- response_body_like: ^nothing\s
--- response_body_unlike: something



=== TEST 3: a body is sent with its length, chomp cuts the last newline
--- config
    location = /t {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_set_header Host upstream;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    }
--- request
POST /t?a=%2F
hello=1&b=2
--- more_headers
X-Foo: bar
Content-Type: text/x-foo
--- response_body chomp
POST /t?a=%2F HTTP/1.1
Host: upstream
Content-Length: 11
X-Foo: bar
Content-Type: text/x-foo

hello=1&b=2



=== TEST 4: several requests on connections of their own
--- config
    location /t { return 200 "$connection_requests $uri\n"; }
    location /u { return 503; }
--- request eval
["GET /t/a", "GET /u"]
--- error_code eval
[200, 503]
--- response_body_like eval
[qr{^1 /t/a$}m, qr{503 Service}]



=== TEST 5: pipelined requests share a connection
--- config
    location /t { return 200 "$connection_requests $request_method\n"; }
--- pipelined_requests eval
["GET /t/a", "PUT /t/b", "POST /t/c\nbody"]
--- more_headers eval
["X-A: 1", "X-A: 2", "X-A: 3"]
--- response_body eval
["1 GET\n", "2 PUT\n", "3 POST\n"]



=== TEST 6: raw requests go out as they are
--- config
    location /t { return 200 "$http_x_raw:$http_host\n"; }
--- raw_request eval
"GET /t HTTP/1.1\r\nhOST: x\r\nx-raw:  a\r\nConnection: close\r\n\r\n"
--- response_body
a:x



=== TEST 7: chunked answers are joined
--- config
    location = /t {
        proxy_http_version 1.1;
        proxy_buffering off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
        gzip off;
        sub_filter a b;
        sub_filter_types *;
        sub_filter_once off;
    }
--- upstream_config
    location / { default_type text/html; return 200 "aXa $request_uri\n"; }
--- request
GET /t
--- skip_eval: 2: `nginx -V 2>&1` !~ /http_sub_module/
--- response_headers
!Content-Length
Transfer-Encoding: chunked
--- response_body
bXb /t



=== TEST 8: two upstream servers
--- config
    location = /a { proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT; }
    location = /b { proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT_2; }
--- upstream_config
    location / { return 200 "one\n"; }
--- upstream_config2
    location / { return 200 "two\n"; }
--- request eval
["GET /a", "GET /b"]
--- response_body eval
["one\n", "two\n"]



=== TEST 9: a configuration that must not start
--- config
    no_such_directive on;
--- must_die
--- error_log
unknown directive "no_such_directive"



=== TEST 10: lines of the error log
--- config
    location = /t { alias /no/such/file; }
--- request
GET /t
--- error_code: 404
--- error_log eval
[qr/open\(\) "\/no\/such\/file" failed/, "[error]"]
--- no_error_log
[crit]



=== TEST 11: files under the html directory
--- config
    location = /sub/a.txt { root $TEST_NGINX_HTML_DIR; }
--- user_files
>>> sub/a.txt
one
two
--- request
GET /sub/a.txt
--- response_body
one
two



=== TEST 12: http_config and main_config
--- main_config
    worker_rlimit_nofile 1024;
--- http_config
    map $arg_x $mapped { default none; 1 one; }
--- config
    location = /t { return 200 "$mapped\n"; }
--- request
GET /t?x=1
--- response_body
one



=== TEST 13: HTTP/2 through curl
--- config
    location = /t { return 200 "$server_protocol $http_x_foo\n"; }
--- http2
--- request
GET /t
--- more_headers
X-Foo: bar
--- response_body
HTTP/2.0 bar



=== TEST 14: the default location serves files
--- config
--- request
GET /
--- response_body_like: It works!



=== TEST 15: HEAD has no body
--- config
    location = /t { return 200 "hello"; }
--- request
HEAD /t
--- response_headers
Content-Length: 5
--- response_body



=== TEST 16: a request in pieces
--- config
    location = /t {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
[["POST /t\nab", "cd"]]
--- response_body_like: \nabcd$



=== TEST 17: the echo upstream does as headers say
--- config
    location = /t { proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT_2; }
--- request
GET /t
--- more_headers
X-Test-Status: 503
X-Test-Header: X-Made: up
X-Test-Body: sorry
--- error_code: 503
--- response_headers
X-Made: up
X-Echo-Port: $TEST_NGINX_ECHO_PORT_2
--- response_body chomp
sorry



=== TEST 18: the access log
--- config
    location = /t { return 204; }
--- request
GET /t?find=me
--- error_code: 204
--- access_log
GET /t?find=me
--- no_access_log
GET /other
