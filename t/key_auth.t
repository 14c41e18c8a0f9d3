# Copyright (C) the ngx_gateway authors
#
# key_auth: where keys are looked for, what is refused and how, what reaches
# the upstream.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Test::Gateway::Secret qw(secret credential_digest);

our $digest = credential_digest('keyauth_credentials', 'kong');
our $secret = ">>> secret\n" . secret() . "\n";

our $consumers = <<'_EOC_';
    underscores_in_headers on;

    gateway_consumer bob {
        id 11111111-1111-4111-8111-111111111111;
        username bob;
        custom_id bob-1;
        gateway_key_auth_credential key=kong
            id=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa;
        gateway_key_auth_credential "key=with space+plus"
            id=bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb;
        gateway_key_auth_credential key=late ttl=100 created_at=1
            id=cccccccc-cccc-4ccc-8ccc-cccccccccccc;
        gateway_key_auth_credential key=fresh ttl=100
            id=cccccccc-cccc-4ccc-8ccc-cccccccccccd;
    }

    gateway_consumer alice {
        id 22222222-2222-4222-8222-222222222222;
        custom_id alice-1;
        gateway_key_auth_credential key=alices;
    }

    gateway_consumer nobody {
        id 33333333-3333-4333-8333-333333333333;
        username nobody;
    }
_EOC_

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

our $service = <<'_EOC_';
    gateway_service echo {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Host $gateway_upstream_headers;
        proxy_set_header Connection "";
        gateway_key_auth hide_credentials=on key_in_body=on;
    }
    gateway_route all service=echo { paths /; }
    gateway_route or service=echo {
        paths /or;
        gateway_key_auth anonymous=nobody;
    }
    gateway_route nothing { paths /nothing; gateway_key_auth on; }
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $consumers)
        unless defined $block->http_config;

    if (defined $block->key_auth) {
        my $args = $block->key_auth;
        chomp $args;
        my $more = defined $block->location ? $block->location : '';
        $block->set_value('config', "location / {\n"
                          . "gateway_key_auth $args;\n$more$proxy}\n");
    }
});

no_long_string();
master_on();
run_tests();

__DATA__

=== TEST 1: a key in the header is known, the upstream is told by whom
--- key_auth: on
--- request
GET /t
--- more_headers
apikey: kong
--- response_body_like eval
qr{^GET /t HTTP/1.1\n(?=.*^apikey: kong\n)(?=.*^X-Consumer-ID: 11111111-1111-4111-8111-111111111111\n)(?=.*^X-Consumer-Custom-ID: bob-1\n)(?=.*^X-Consumer-Username: bob\n)(?=.*^X-Credential-Identifier: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa\n)}ms
--- response_body_unlike: X-Anonymous-Consumer
--- response_headers
!WWW-Authenticate
!X-Consumer-ID
--- no_error_log
[error]
[alert]



=== TEST 2: header names are compared without case
--- key_auth: on
--- request
GET /t
--- more_headers
ApiKEY: kong
--- error_code: 200



=== TEST 3: a consumer without a username, a credential without an id
--- key_auth: on
--- request
GET /t
--- more_headers
apikey: alices
--- response_body_like eval
qr{(?=.*^X-Consumer-ID: 22222222-2222-4222-8222-222222222222\n)(?=.*^X-Consumer-Custom-ID: alice-1\n)(?=.*^X-Credential-Identifier: [0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n)}ms
--- response_body_unlike: X-Consumer-Username



=== TEST 4: without a key there is a 401 with a challenge and no redirect
--- key_auth: on
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Key
Content-Type: application/json; charset=utf-8
--- response_body_like eval
qr{^\{\n  "message":"No API key found in request",\n  "request_id":"[0-9a-f]{32}"\n\}$}



=== TEST 5: the realm is quoted
--- key_auth: 'realm=my "realm"'
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Key realm="my \"realm\""



=== TEST 6: a wrong key
--- key_auth: on
--- request
GET /t
--- more_headers
apikey: wrong
--- error_code: 401
--- response_headers
WWW-Authenticate: Key
--- response_body_like: "message":"Unauthorized"
--- log_level: info
--- error_log
key_auth: Unauthorized
--- no_error_log
wrong



=== TEST 7: an empty header ends the search
--- key_auth: on
--- raw_request eval
"GET /t?apikey=kong HTTP/1.1\r\nHost: localhost\r\napikey:\r\nConnection: close\r\n\r\n"
--- error_code: 401
--- response_body_like: "message":"No API key found in request"



=== TEST 8: a header given twice
--- key_auth: on
--- request
GET /t
--- more_headers
apikey: kong
apikey: kong
--- error_code: 401
--- response_headers
WWW-Authenticate: Key
--- response_body_like: "message":"Duplicate API key found"



=== TEST 9: the query string, its names and values are decoded
--- key_auth: on
--- request eval
["GET /t?apikey=kong", "GET /t?a=1&api%6Bey=k%6fng", "GET /t?apikey=with+space%2Bplus", "GET /t?ApiKey=kong"]
--- error_code eval
[200, 200, 200, 401]



=== TEST 10: an argument without a value, with an empty one, twice
--- key_auth: on
--- request eval
["GET /t?apikey", "GET /t?apikey=", "GET /t?apikey=kong&apikey=kong", "GET /t?apikey&apikey=kong"]
--- error_code eval
[401, 401, 401, 401]
--- response_body_like eval
["No API key found", "No API key found", "Duplicate API key found", "Duplicate API key found"]



=== TEST 11: a wrong header does not fall back to the query string
--- key_auth: on
--- request
GET /t?apikey=kong
--- more_headers
apikey: wrong
--- error_code: 401
--- response_body_like: "message":"Unauthorized"



=== TEST 12: key_in_header=off looks at the query string only
--- key_auth: key_in_header=off
--- request eval
["GET /t?apikey=kong", "GET /t"]
--- more_headers
apikey: wrong
--- error_code eval
[200, 401]



=== TEST 13: key_in_query=off
--- key_auth: key_in_query=off
--- request
GET /t?apikey=kong
--- error_code: 401
--- response_body_like: No API key found



=== TEST 14: no place at all
--- key_auth: key_in_query=off key_in_header=off key_in_body=off
--- request
POST /t?apikey=kong
apikey=kong
--- more_headers
apikey: kong
Content-Type: application/x-www-form-urlencoded
--- error_code: 401
--- response_body_like: No API key found



=== TEST 15: names are tried in their order, the first one found decides
--- key_auth: key_names=first key_names=second
--- request eval
["GET /t?second=kong", "GET /t?second=wrong&first=kong", "GET /t?second=kong&first=wrong", "GET /t?apikey=kong", "GET /t?first&second=kong"]
--- error_code eval
[200, 200, 401, 401, 200]



=== TEST 16: names with underscores, also written with hyphens
--- key_auth: key_names=api_key
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["api_key: kong", "api-key: kong"]
--- error_code eval
[200, 200]



=== TEST 17: bodies are not read unless they are asked for
--- key_auth: on
--- request
POST /t
apikey=kong
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code: 401



=== TEST 18: a form body
--- key_auth: key_in_body=on
--- request eval
["POST /t
a=1&api%6Bey=k%6Fng", "POST /t
apikey=kong&apikey=kong", "POST /t
apikey[]=kong&apikey[]=kong", "POST /t
apikey=", "POST /t
apikey=wrong", "POST /t"]
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
[200, 401, 401, 401, 401, 401]
--- response_body_like eval
["a=1&api%6Bey=k%6Fng\$", "Duplicate API key found", "No API key found", "No API key found", "Unauthorized", "No API key found"]



=== TEST 19: a JSON body
--- key_auth: key_in_body=on
--- request eval
['POST /t
{"a": [1, {"apikey": "wrong"}], "apikey" : "k\u006fng"}', 'POST /t
{"apikey":["kong","kong"]}', 'POST /t
{"apikey":"kong","apik\u0065y":"kong"}', 'POST /t
{"apikey":12}', 'POST /t
{"apikey":"kong"', 'POST /t
["apikey"]', 'POST /t
{"apikey":""}']
--- more_headers
Content-Type: application/json; charset=utf-8
--- error_code eval
[200, 401, 401, 401, 401, 401, 401]
--- response_body_like eval
["X-Consumer-Username: bob", "Duplicate", "Duplicate", "No API key", "No API key", "No API key", "No API key"]



=== TEST 20: a multipart body
--- key_auth: key_in_body=on
--- request eval
["POST /t
--xyz\r\nContent-Disposition: form-data; filename=\"apikey\"; name=\"a\"\r\n\r\nwrong\r\n--xyz\r\ncontent-disposition: form-data; name=\"apikey\"\r\n\r\nkong\r\n--xyz--\r\n", "POST /t
--xyz\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\nkong\r\n--xyz\r\nContent-Disposition: form-data; name=apikey\r\n\r\nkong\r\n--xyz--\r\n", "POST /t
--xyz\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\nkong\r\n", "POST /t
--xyz--\r\n"]
--- more_headers
Content-Type: multipart/form-data; boundary="xyz"
--- error_code eval
[200, 401, 401, 401]
--- response_body_like eval
["X-Consumer-Username: bob", "Duplicate", "No API key", "No API key"]



=== TEST 21: a body of another type holds no key
--- key_auth: key_in_body=on
--- request
POST /t
apikey=kong
--- more_headers
Content-Type: text/plain
--- error_code: 401
--- response_body_like: No API key found



=== TEST 22: header and query string before the body
--- key_auth: key_in_body=on
--- request
POST /t?apikey=wrong
apikey=kong
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code: 401
--- response_body_like: Unauthorized



=== TEST 23: hide_credentials takes the header and the argument out
--- key_auth: hide_credentials=on
--- request
GET /request?c=value1&b=value2&apikey=kong&a=value3
--- response_body_like eval
qr{^GET /request\?c=value1&b=value2&a=value3 HTTP/1.1\n}
--- response_body_unlike: apikey



=== TEST 24: what remains of the query string is normalised
--- key_auth: hide_credentials=on
--- request
GET /request?c=valu%651&b=value2&api%6B%65%79=kong&a=valu%653&d=%2f
--- response_body_like eval
qr{^GET /request\?c=value1&b=value2&a=value3&d=%2F HTTP/1.1\n}



=== TEST 25: the header is hidden together with the argument
--- key_auth: hide_credentials=on
--- request
GET /request?apikey=other
--- more_headers
X-Before: 1
apikey: kong
X-After: 2
--- response_body_like eval
qr{^GET /request HTTP/1.1\n(?=.*X-Before: 1\nX-After: 2\n)}ms
--- response_body_unlike: apikey



=== TEST 26: without hide_credentials nothing is touched
--- key_auth: on
--- request
GET /request?c=valu%651&apikey=kong
--- response_body_like eval
qr{^GET /request\?c=valu%651&apikey=kong HTTP/1.1\n}



=== TEST 27: a form body without the field
--- key_auth: hide_credentials=on key_in_body=on
--- request eval
["POST /t
apikey=kong&foo=b%61r", "POST /t
foo=bar&apikey=kong", "POST /t
apikey=kong"]
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body_like eval
[qr{^POST /t HTTP/1.1\n(?=.*^Content-Length: 9\n)(?=.*^Content-Type: application/x-www-form-urlencoded\n).*\n\nfoo=b%61r$}ms,
 qr{^(?=.*^Content-Length: 7\n).*\n\nfoo=bar$}ms,
 qr{^(?=.*^Content-Length: 0\n).*\n\n$}ms]



=== TEST 28: a JSON body keeps its numbers and the order of its members
--- key_auth: hide_credentials=on key_in_body=on
--- request eval
['POST /t
{"z": 1.10, "apikey": "kong", "a": {"apikey": [1e2, "}"]} }', 'POST /t
{"apikey":"kong"}', 'POST /t
{"x":"\\\\", "apikey":"kong"}']
--- more_headers
Content-Type: application/json
--- response_body_like eval
[qr/\n\n\Q{"z": 1.10,"a": {"apikey": [1e2, "}"]}}\E$/, qr/\n\n\{\}$/, qr/\n\n\{"x":"\\\\"\}$/]



=== TEST 29: a multipart body
--- key_auth: hide_credentials=on key_in_body=on
--- request eval
"POST /t
--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--xyz\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\nkong\r\n--xyz\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\ntwo\r\n--xyz--\r\n"
--- more_headers
Content-Type: multipart/form-data; boundary=xyz
--- response_body_like eval
qr{\n\n--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n--xyz\r\nContent-Disposition: form-data; name="b"\r\n\r\ntwo\r\n--xyz--}



=== TEST 30: a key in a header, and a field of that name in the body
--- key_auth: hide_credentials=on key_in_body=on
--- request
POST /t
apikey=other&a=1
--- more_headers
apikey: kong
Content-Type: application/x-www-form-urlencoded
--- response_body_like: \n\na=1$
--- response_body_unlike: apikey



=== TEST 31: a body that arrives late, in pieces
--- key_auth: hide_credentials=on key_in_body=on
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\n",
 {value => "apikey=k", delay_before => 0.1}, {value => "ong&a=bc", delay_before => 0.1}]
--- response_body_like: (?s)Content-Length: 4\n.*\n\na=bc$
--- no_error_log
[error]
[alert]



=== TEST 32: a chunked body; the upstream gets its length
--- key_auth: hide_credentials=on key_in_body=on
--- location
        proxy_request_buffering off;
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
 {value => "8\r\napikey=k\r\n", delay_before => 0.1}, {value => "8\r\nong&a=bc\r\n0\r\n\r\n", delay_before => 0.1}]
--- response_body_like: (?s)Content-Length: 4\n.*\n\na=bc$
--- response_body_unlike: Transfer-Encoding
--- no_error_log
[error]
[alert]



=== TEST 33: Expect: 100-continue
--- key_auth: key_in_body=on
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n",
 {value => "apikey=kong", delay_before => 0.1}]
--- error_code: 100
--- ignore_response
--- error_log
send 100 Continue
--- no_error_log
[alert]



=== TEST 34: a body in a temporary file
--- key_auth: hide_credentials=on key_in_body=on
--- location
        client_body_buffer_size 128;
--- request eval
"POST /t
a=" . ("x" x 5000) . "&apikey=kong&b=1"
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body_like: (?s)X-Consumer-Username: bob\n.*\n\na=x{5000}&b=1$



=== TEST 35: a body beyond a megabyte is not searched
--- key_auth: key_in_body=on
--- location
        client_max_body_size 2m;
        client_body_buffer_size 2m;
--- request eval
"POST /t
a=" . ("x" x 1100000) . "&apikey=kong"
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code: 401
--- response_body_like: No API key found
--- error_log
request body is too large to be searched



=== TEST 36: a chunked body beyond client_max_body_size
--- key_auth: key_in_body=on
--- location
        client_max_body_size 10;
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
 {value => "5\r\napike\r\n", delay_before => 0.1}, {value => "b\r\ny=kong&a=bc\r\n0\r\n\r\n", delay_before => 0.1}]
--- error_code: 413



=== TEST 37: a refused request with a body does not disturb the next one
--- key_auth: on
--- pipelined_requests eval
["POST /t\nGET /x?apikey=kong HTTP/1.1", "GET /t?apikey=kong"]
--- more_headers
Content-Type: text/plain
--- error_code eval
[401, 200]



=== TEST 38: what the client says of itself does not get through
--- key_auth: on
--- request
GET /t
--- more_headers
X-Consumer-ID: me
X-Consumer-ID: me
X-Consumer-Custom-ID: me
X-Consumer-Username: me
apikey: alices
X-Credential-Identifier: me
x-anonymous-consumer: true
--- response_body_unlike: (?i): me|anonymous|X-Consumer-Username



=== TEST 39: the same with strip_identity_headers off
--- http_config eval: $::consumers . "gateway_strip_identity_headers off;"
--- key_auth: on
--- request
GET /t
--- more_headers
X-Consumer-ID: me
X-Consumer-ID: me
X-Consumer-Custom-ID: me
X-Consumer-Username: me
apikey: alices
X-Credential-Identifier: me
x-anonymous-consumer: true
--- response_body_like: X-Consumer-Custom-ID: alice-1
--- response_body_unlike: (?i): me|anonymous|X-Consumer-Username



=== TEST 40: the anonymous consumer, by its username
--- key_auth: anonymous=nobody
--- request eval
["GET /t", "GET /t?apikey=wrong", "GET /t?apikey=kong&apikey=kong", "GET /t?apikey=kong"]
--- more_headers
X-Credential-Identifier: me
--- error_code eval
[200, 200, 200, 200]
--- raw_response_headers_unlike eval
[("WWW-Authenticate") x 4]
--- response_body_like eval
[qr{(?=.*^X-Consumer-ID: 33333333-3333-4333-8333-333333333333\n)(?=.*^X-Consumer-Username: nobody\n)(?=.*^X-Anonymous-Consumer: true\n)}ms,
 "X-Anonymous-Consumer: true", "X-Anonymous-Consumer: true", "X-Consumer-Username: bob"]
--- response_body_unlike eval
[(": me\n") x 4]



=== TEST 41: the anonymous consumer, by its id
--- key_auth: anonymous=33333333-3333-4333-8333-333333333333
--- request
GET /t
--- response_body_like: X-Consumer-Username: nobody



=== TEST 42: a ttl that is over, and one that is not
--- key_auth: on
--- request eval
["GET /t?apikey=late", "GET /t?apikey=fresh"]
--- error_code eval
[401, 200]
--- response_body_like eval
["\"message\":\"Unauthorized\"", "X-Consumer-Username: bob"]



=== TEST 43: OPTIONS is authenticated unless run_on_preflight is off
--- config
    location /on {
        gateway_key_auth on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /t {
        gateway_key_auth run_on_preflight=off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["OPTIONS /on", "OPTIONS /t", "GET /t"]
--- error_code eval
[401, 200, 401]



=== TEST 44: HEAD gets no body
--- key_auth: on
--- request
HEAD /t
--- error_code: 401
--- response_body:



=== TEST 45: the format of the answer follows Accept
--- key_auth: on
--- request
GET /t
--- more_headers
Accept: text/plain
--- error_code: 401
--- response_body_like: ^No API key found in request\nrequest_id: [0-9a-f]{32}\n$



=== TEST 46: off by default, and switched off again below
--- config
    location /a {
        return 200;
    }
    location /b {
        gateway_key_auth on;
        location /b/c {
            gateway_key_auth off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        }
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /a", "GET /b/c", "GET /b"]
--- error_code eval
[200, 200, 401]



=== TEST 47: inherited from http, replaced as a whole
--- http_config eval: $::consumers . "gateway_key_auth realm=outer hide_credentials=on;"
--- config
    location /a {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /b {
        gateway_key_auth key_names=k;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /a", "GET /b", "GET /b?k=kong&apikey=x", "GET /a?apikey=kong"]
--- error_code eval
[401, 401, 200, 200]
--- raw_response_headers_like eval
["realm=\"outer\"", "WWW-Authenticate: Key\r\n", "", ""]
--- response_body_like eval
["", "", "GET /b\\?k=kong&apikey=x HTTP", "GET /a HTTP"]



=== TEST 48: over HTTP/2, with a body
--- key_auth: hide_credentials=on key_in_body=on
--- http2
--- request
POST /t
apikey=kong&foo=bar
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body_like: (?s)X-Consumer-Username: bob\n.*\n\nfoo=bar$



=== TEST 49: many headers: the list has several parts, and one empties
--- key_auth: hide_credentials=on
--- request
GET /t
--- more_headers eval
CORE::join("\n", map({ "X-A$_: $_" } 1 .. 17), "apikey: kong", map({ "X-B$_: $_" } 1 .. 17))
--- response_body_like eval
my $all = CORE::join('', map({ "X-A$_: $_\n" } 1 .. 17), map({ "X-B$_: $_\n" } 1 .. 17));
qr/\Q$all\E/
--- response_body_unlike: apikey



=== TEST 50: keep-alive, pipelined with bodies that are searched
--- key_auth: key_in_body=on hide_credentials=on
--- pipelined_requests eval
["POST /a\napikey=kong&n=1", "POST /b\napikey=wrong&n=2", "POST /c\nn=3&apikey=kong"]
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
[200, 401, 200]
--- response_body_like eval
["\n\nn=1\$", "Unauthorized", "\n\nn=3\$"]



=== TEST 51: a bad name
--- key_auth: "key_names=a b"
--- must_die
--- error_log
invalid name "a b" in "key_names" of "gateway_key_auth"



=== TEST 52: an unknown parameter
--- key_auth: key_name=a
--- must_die
--- error_log
invalid parameter "key_name=a" in "gateway_key_auth": there is no such parameter



=== TEST 53: an unknown anonymous consumer is an error with file and line
--- key_auth: anonymous=ghost
--- must_die
--- error_log eval
qr/anonymous consumer "ghost" of "gateway_key_auth" in \S+nginx.conf:\d+ doesn't exist/



=== TEST 54: an empty anonymous consumer
--- key_auth: anonymous=
--- must_die
--- error_log
"gateway_key_auth" directive has an empty "anonymous"



=== TEST 55: not for a single consumer
--- http_config
    gateway_consumer bob {
        gateway_key_auth on;
    }
--- config
--- must_die
--- error_log
is not allowed in "gateway_consumer"



=== TEST 56: one key for two credentials; the key itself is not shown
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential key=same id=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa;
    }
    gateway_consumer alice {
        gateway_key_auth_credential key=same id=bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb;
    }
--- config
--- must_die
--- error_log
credential "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb" of consumer "alice" has the same key as credential "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa" of consumer "bob"
--- no_error_log
"same"



=== TEST 57: a credential outside of a consumer
--- http_config
    gateway_key_auth_credential key=same;
--- config
--- must_die
--- error_log
"gateway_key_auth_credential" directive is not allowed here



=== TEST 58: a credential without a key
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential ttl=1;
    }
--- config
--- must_die
--- error_log
"gateway_key_auth_credential" directive has no key



=== TEST 59: a credential with a bad id
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential key=a id=1;
    }
--- config
--- must_die
--- error_log
has an invalid "id"



=== TEST 60: a credential with a bad ttl
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential key=a ttl=0;
    }
--- config
--- must_die
--- error_log
has an invalid "ttl"



=== TEST 61: a misspelled parameter is not shown, it might be the key
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential kye=secret;
    }
--- config
--- must_die
--- error_log
has an unknown parameter
--- no_error_log
secret



=== TEST 62: credentials are in force after a reload
--- key_auth: on
--- reload
--- request
GET /t?apikey=kong



=== TEST 63: in a service: the route's target without the key
--- config eval: $::service
--- request
GET /request?c=valu%651&apikey=kong&a=%2fb
--- more_headers
X-Consumer-ID: me
X_Consumer_Username: me
X-Anonymous-Consumer: me
--- response_body_like eval
qr{^GET /request\?c=value1&a=%2Fb HTTP/1.1\n(?=.*^X-Consumer-ID: 11111111-1111-4111-8111-111111111111\n)(?=.*^X-Consumer-Custom-ID: bob-1\n)(?=.*^X-Consumer-Username: bob\n)(?=.*^X-Credential-Identifier: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa\n)}ms
--- response_body_unlike: apikey|: me
--- response_headers
Via: 1.1 ngx_gateway/0.1.0
--- no_error_log
[error]
[alert]



=== TEST 64: in a service: the only argument is the key
--- config eval: $::service
--- request
GET /request?apikey=kong
--- response_body_like: ^GET /request HTTP/1.1\n



=== TEST 65: in a service: a body that arrives late goes on to the upstream
--- config eval: $::service
--- raw_request eval
["POST /t?x=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\n",
 {value => "apikey=k", delay_before => 0.1}, {value => "ong&a=bc", delay_before => 0.1}]
--- response_body_like: (?s)^POST /t\?x=1 HTTP.*Content-Length: 4\n.*X-Consumer-Username: bob\n.*\n\na=bc$
--- no_error_log
[error]
[alert]



=== TEST 66: in a service: a late body without a key is answered once
--- config eval: $::service
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\n",
 {value => "apike", delay_before => 0.1}, {value => "=kong", delay_before => 0.1}]
--- error_code: 401
--- response_headers
WWW-Authenticate: Key
--- no_error_log
[error]
[alert]



=== TEST 67: a route replaces the instance of its service
--- config eval: $::service
--- request eval
["GET /or?apikey=kong", "GET /or"]
--- response_body_like eval
["^GET /\\?apikey=kong HTTP", "X-Anonymous-Consumer: true\n"]



=== TEST 68: a route without a service is authenticated first
--- config eval: $::service
--- request eval
["GET /nothing", "GET /nothing?apikey=kong"]
--- error_code eval
[401, 503]



=== TEST 69: a client that leaves while its body is awaited
--- config eval: $::service
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n",
 {value => "apike", delay_before => 0.1}]
--- abort
--- timeout: 0.3
--- ignore_response
--- no_error_log
[alert]



=== TEST 70: a chunked body that grows too large while it is awaited
--- config eval
(my $small = $::service) =~ s/proxy_pass/client_max_body_size 10; proxy_pass/;
$small . 'error_page 413 /gateway_error_page;
    location = /gateway_error_page { internal; gateway_error_page; }'
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
 {value => "5\r\napike\r\n", delay_before => 0.1}, {value => "b\r\ny=kong&a=bc\r\n0\r\n\r\n", delay_before => 0.1}]
--- error_code: 413
--- response_body_like: Payload too large
--- no_error_log
[alert]



=== TEST 71: nginx's own pointers to headers follow the removal
--- key_auth: key_names=x-first key_names=accept hide_credentials=on
--- location
        proxy_set_header X-Seen "$http_referer|$http_accept|$http_user_agent|$cookie_b|$http_x_forwarded_for|$http_range|$content_type";
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["Referer: r\nX-First: kong\nUser-Agent: ua\nCookie: a=1\nCookie: b=2\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2\nAccept: some\nRange: bytes=0-\nContent-Type: ct",
 "Referer: r\nAccept: kong\nUser-Agent: ua\nCookie: a=1\nCookie: b=2\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2\nRange: bytes=0-\nContent-Type: ct"]
--- response_body_like eval
['X-Seen: r\|some\|ua\|2\|1.1.1.1, 2.2.2.2\|bytes=0-\|ct\n', 'X-Seen: r\|\|ua\|2\|1.1.1.1, 2.2.2.2\|bytes=0-\|ct\n']



=== TEST 72: a header that nginx keeps a list of
--- key_auth: key_names=x-forwarded-for hide_credentials=on
--- location
        proxy_set_header X-Seen "$http_accept|$proxy_add_x_forwarded_for|$cookie_b";
--- request
GET /t
--- more_headers
Accept: some
X-Forwarded-For: kong
Cookie: a=1
Cookie: b=2
--- response_body_like: X-Seen: some\|127.0.0.1\|2\n



=== TEST 73: the digest of a key, under the secret of a file
--- user_files eval: $::secret
--- http_config eval
"gateway_secret_file html/secret;
gateway_consumer bob { username bob; gateway_key_auth_credential key_digest=$::digest; }
gateway_consumer eve { username eve; gateway_key_auth_credential key=eves; }"
--- key_auth: on
--- request eval
["GET /t?apikey=kong", "GET /t?apikey=kong", "GET /t?apikey=kon", "GET /t?apikey=eves", "GET /t?apikey=$::digest"]
--- error_code eval
[200, 200, 401, 200, 401]
--- response_body_like eval
[("X-Consumer-Username: bob\n") x 2, "Unauthorized", "X-Consumer-Username: eve\n", "Unauthorized"]



=== TEST 74: the same key as a digest and in plain text
--- user_files eval: $::secret
--- http_config eval
"gateway_secret_file html/secret;
gateway_consumer bob { gateway_key_auth_credential key_digest=$::digest; }
gateway_consumer eve { gateway_key_auth_credential key=kong; }"
--- config
--- must_die
--- error_log
duplicate key in "gateway_key_auth_credential"



=== TEST 75: a digest without the secret
--- http_config eval
"gateway_consumer bob { gateway_key_auth_credential key_digest=$::digest; }"
--- config
--- must_die
--- error_log
"gateway_key_auth_credential" directive has a "key_digest", which needs "gateway_secret_file" before it



=== TEST 76: a digest that is none
--- user_files eval: $::secret
--- http_config
    gateway_secret_file html/secret;
    gateway_consumer bob { gateway_key_auth_credential key_digest=12; }
--- config
--- must_die
--- error_log
has an invalid "key_digest": expected 64 hex digits



=== TEST 77: a key and a digest
--- user_files eval: $::secret
--- http_config eval
"gateway_secret_file html/secret;
gateway_consumer bob { gateway_key_auth_credential key=k key_digest=$::digest; }"
--- config
--- must_die
--- error_log
has a "key" and a "key_digest"



=== TEST 78: the secret comes too late
--- user_files eval: $::secret
--- http_config
    gateway_consumer bob { gateway_key_auth_credential key=k; }
    gateway_secret_file html/secret;
--- config
--- must_die
--- error_log
"gateway_secret_file" directive has to stand before all credentials



=== TEST 79: there is no such file
--- http_config
    gateway_secret_file html/nothing;
--- config
--- must_die
--- error_log eval
qr{cannot read "\S+/html/nothing" of "gateway_secret_file".*No such file}



=== TEST 80: a secret that is too short is not shown
--- user_files
>>> secret
short
--- http_config
    gateway_secret_file html/secret;
--- config
--- must_die
--- error_log eval
qr{"\S+/html/secret" of "gateway_secret_file" is no secret: expected a file of 32 to 4096 bytes}
--- no_error_log
short



=== TEST 81: two secrets
--- user_files eval: $::secret
--- http_config
    gateway_secret_file html/secret;
    gateway_secret_file html/secret;
--- config
--- must_die
--- error_log
"gateway_secret_file" directive is duplicate



=== TEST 82: more keys than a worker remembers digests of
--- http_config eval
"gateway_consumer bob { username bob;\n"
. CORE::join("", map { "gateway_key_auth_credential key=k$_;\n" } 1 .. 5000) . "}"
--- key_auth: on
--- pipelined_requests eval
[map { "GET /t?apikey=k$_" } 1 .. 300, 1 .. 300]
--- error_code eval
[(200) x 600]
