# Copyright (C) the ngx_gateway authors
#
# request_validator: bodies, parameters, types, what the answers say.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $body = q('body_schema={"type":"object","required":["item"],"properties":)
    . q({"item":{"type":"string","minLength":1},"n":{"type":"integer",)
    . q("minimum":1}},"additionalProperties":false}');

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        $args =~ s/BODY/$main::body/;
        $block->set_value('config', "location / {\n"
            . "gateway_request_validator $args;\n"
            . ($block->more // '') . "\n"
            . "proxy_pass http://127.0.0.1:\$TEST_NGINX_ECHO_PORT;\n}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: bodies that conform reach the upstream as they came
--- args: BODY
--- request eval
["POST /\n{ \"item\" : \"a\", \"n\": 1.0 }", "PUT /\n{\"item\":\"\\u00e4\"}",
 "GET /"]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 200, 200]
--- response_body_like eval
['\{ "item" : "a", "n": 1\.0 \}$', '\{"item":"\\\\u00e4"\}$', '^GET']
--- no_error_log
[error]



=== TEST 2: and those that do not
--- args: BODY
--- request eval
["POST /\n{\"n\":1}", "POST /\n{\"item\":\"\"}", "POST /\n[]", "POST /\n{",
 "POST /\n{\"item\":\"a\",\"item\":\"b\"}", "POST /\n", "POST /\n\"a\"",
 "POST /\n{\"item\":\"a\",\"x\":1}", "POST /\n{\"item\":\"a\",\"n\":1.5}",
 "GET /\n{}", "POST /\n{\"item\":\"a\"} x"]
--- more_headers
Content-Type: application/json
--- error_code eval
[400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400]
--- response_body eval
[("{\"message\":\"request body doesn't conform to schema\"}") x 11]



=== TEST 3: the answer is JSON
--- args: BODY
--- request
POST /
{}
--- more_headers
Content-Type: application/json
--- error_code: 400
--- response_headers
Content-Type: application/json; charset=utf-8



=== TEST 4: verbose
--- args: BODY verbose_response=on
--- request eval
["POST /\n{\"item\":\"a\",\"n\":0}", "POST /\n{", "POST /\n{\"n\":1}",
 "POST /\n{\"item\":\"a\",\"item\":\"b\"}", "POST /"]
--- more_headers
Content-Type: application/json
--- error_code eval
[400, 400, 400, 400, 400]
--- response_body eval
["{\"message\":\"request body doesn't conform to schema\",\"errors\":[{\"pointer\":\"/n\",\"detail\":\"is less than 1\"}]}",
 "{\"message\":\"request body doesn't conform to schema\",\"errors\":[{\"pointer\":\"\",\"detail\":\"is no valid JSON\"}]}",
 "{\"message\":\"request body doesn't conform to schema\",\"errors\":[{\"pointer\":\"\",\"detail\":\"lacks the member \\\"item\\\"\"}]}",
 "{\"message\":\"request body doesn't conform to schema\",\"errors\":[{\"pointer\":\"\",\"detail\":\"has a member twice\"}]}",
 "{\"message\":\"request body doesn't conform to schema\",\"errors\":[{\"pointer\":\"\",\"detail\":\"is empty\"}]}"]



=== TEST 5: problem details
--- args: BODY problem_json=on
--- request
POST /
{"item":"a","n":0}
--- more_headers
Content-Type: application/json
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- response_body chop
{"type":"about:blank","title":"Bad Request","status":400,"detail":"request body doesn't conform to schema","errors":[{"pointer":"/n","detail":"is less than 1"}]}



=== TEST 6: names of the client stand in it escaped
--- args: 'body_schema={"additionalProperties":false}' verbose_response=on
--- request eval
"POST /\n{\"a\\u0022\\r\\n/~\":1}"
--- more_headers
Content-Type: application/json
--- error_code: 400
--- response_body chop
{"message":"request body doesn't conform to schema","errors":[{"pointer":"/a\"\r\n~1~0","detail":"is not allowed"}]}



=== TEST 7: and cut, not in the middle of a character
--- args: 'body_schema={"additionalProperties":false}' verbose_response=on
--- request eval
"POST /\n{\"" . ("\xc3\xa4" x 300) . "\":1}"
--- more_headers
Content-Type: application/json
--- error_code: 400
--- response_body_like: "errors":\[\{("pointer":"/\S+",)?"detail":"is not allowed"\}\]



=== TEST 8: types: the parameters have to be the same
--- args: BODY
--- request eval
[("POST /\n{\"item\":\"a\"}") x 4]
--- more_headers eval
["Content-Type: application/json; charset=utf-8", "Content-Type: text/plain",
 "Content-Type: Application/JSON", "X-None: 1"]
--- error_code eval
[400, 400, 200, 200]
--- response_body_like eval
["^\\{\"message\":\"specified Content-Type is not allowed\"\\}\$",
 "specified Content-Type is not allowed", "^POST", "^POST"]



=== TEST 9: unless they are not looked at
--- args: BODY content_type_parameter_validation=off
--- request eval
["POST /\n{\"item\":\"a\"}", "POST /\n{}"]
--- more_headers
Content-Type: application/json; charset=utf-8
--- error_code eval
[200, 400]



=== TEST 10: other types that are allowed
--- args: BODY allowed_content_types=text/plain "allowed_content_types=application/json; Charset=UTF-8" allowed_content_types=application/merge-patch+json
--- request eval
["POST /\n{", "POST /\n{}", "POST /\n{}", "POST /\n{\"item\":\"a\"}"]
--- more_headers eval
["Content-Type: text/plain", "Content-Type: application/json;charset=utf-8",
 "Content-Type: application/merge-patch+json",
 "Content-Type: application/json"]
--- error_code eval
[200, 400, 400, 400]



=== TEST 11: arguments
--- args: 'query.page={"type":"integer","maximum":9}' required=query.page 'query.q={"type":"string","maxLength":3}'
--- request eval
["GET /?page=7", "GET /?p%61ge=7&q=abc", "GET /?page=7&q=123", "GET /",
 "GET /?page=10", "GET /?page=x", "GET /?page", "GET /?page=7&page=8",
 "GET /?page=7&q=abcd", "GET /?page=7&q=%c3%a4%c3%b6%c3%bc",
 "GET /?page=7&q=%ff"]
--- error_code eval
[200, 200, 200, 400, 400, 400, 400, 400, 400, 200, 400]



=== TEST 12: what is wrong with them
--- args: 'query.page={"type":"integer"}' required=query.page 'header.X-N={"enum":[1,"two"]}' problem_json=on
--- request eval
["GET /", "GET /?page=x", "GET /?page=1&page=2", "GET /?page=1"]
--- more_headers eval
["X-A: 1", "X-A: 1", "X-A: 1", "X-N: three"]
--- error_code eval
[400, 400, 400, 400]
--- response_body_like eval
['"detail":"request param doesn\'t conform to schema","errors":\[\{"in":"query","parameter":"page","detail":"is missing"\}\]',
 '"parameter":"page","detail":"has the wrong type"',
 '"parameter":"page","detail":"has too many values"',
 '"in":"header","parameter":"X-N","detail":"is not one of the allowed values"']



=== TEST 13: headers
--- args: 'header.X-N={"enum":[1,"two"]}' 'header.X-L={"type":"array","items":{"type":"integer"},"maxItems":3}'
--- request eval
[("GET /") x 6]
--- more_headers eval
["X-n: 1", "X-N: two", "X-N: 2", "X-L: 1, 2,3", "X-L: 1\nX-L: 2",
 "X-L: 1,2,3,4"]
--- error_code eval
[200, 200, 400, 200, 200, 400]



=== TEST 14: arguments that are arrays
--- args: 'query.a={"type":"array","items":{"type":"integer"},"maxItems":2}' 'query.b={"type":"array","items":{"enum":["x","y"]}}' no_explode=query.b 'query.c={"type":"array","minItems":2}' style=query.c:pipeDelimited 'query.d={"type":"array","minItems":2}' style=query.d:spaceDelimited
--- request eval
["GET /?a=1&a=2", "GET /?a=1&a=2&a=3", "GET /?a=1,2", "GET /?b=x,y",
 "GET /?b=x,z", "GET /?c=1|2", "GET /?c=1,2", "GET /?d=1%202", "GET /?d=1"]
--- error_code eval
[200, 400, 400, 200, 400, 200, 400, 200, 400]



=== TEST 15: thousands of values end it
--- args: 'query.a={"type":"array"}' no_explode=query.a
--- request eval
"GET /?a=" . ("1," x 1500)
--- error_code: 400



=== TEST 16: parts of the path
--- config
    gateway_service s host=127.0.0.1 port=$TEST_NGINX_ECHO_PORT {
        gateway_request_validator 'path.id={"type":"integer"}' required=path.id;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    gateway_route r service=s {
        paths "~/users/(?<id>[^/]+)$";
    }
--- request eval
["GET /users/12", "GET /users/bob"]
--- error_code eval
[200, 400]



=== TEST 17: a body that is too large, and one that nginx spilled to disk
--- args: BODY max_body_size=40000
--- more: client_body_buffer_size 1k;
--- request eval
["POST /\n{\"item\":\"" . ("a" x 50000) . "\"}",
 "POST /\n{\"item\":\"" . ("a" x 30000) . "\"}",
 "POST /\n{\"item\":\"" . ("a" x 30000) . "\",\"n\":0}"]
--- more_headers
Content-Type: application/json
--- error_code eval
[413, 200, 400]



=== TEST 18: chunked
--- args: BODY
--- raw_request eval
"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
--- error_code: 400



=== TEST 19: HTTP/2
--- args: BODY
--- http2
--- request
POST /
{"item":"a"}
--- more_headers
Content-Type: application/json
--- response_body_like: "item"



=== TEST 20: deep bodies
--- args: 'body_schema={"items":{"$ref":"#"}}'
--- request eval
["POST /\n" . ("[" x 1000) . ("]" x 1000), "POST /\n" . ("[" x 100000),
 "POST /\n" . ("[" x 100) . ("]" x 100)]
--- more_headers
Content-Type: application/json
--- error_code eval
[400, 400, 200]



=== TEST 21: after authentication
--- args: BODY
--- more: gateway_key_auth on;
--- request
POST /
{}
--- error_code: 401



=== TEST 22: a schema in pieces
--- args: 'body_schema={"type":"obj' 'body_schema=ect"}' 'query.a={"type":' 'query.a="integer"}'
--- request eval
["POST /?a=1\n{}", "POST /?a=1\n[]", "POST /?a=b\n{}"]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 400, 400]



=== TEST 23: none
--- args: verbose_response=on
--- must_die
--- error_log
"gateway_request_validator" directive needs "body_schema" or a schema of a parameter



=== TEST 24: no JSON
--- args: 'body_schema={'
--- must_die
--- error_log
invalid JSON for "body_schema" in "gateway_request_validator"



=== TEST 25: no schema
--- args: 'query.a={"properties":{"b":{"type":"text"}}}'
--- must_die
--- error_log
invalid schema for "a" in "gateway_request_validator": "/properties/b/type"



=== TEST 26: required without a schema
--- args: 'query.a={}' required=query.b
--- must_die
--- error_log
"required=query.b" in "gateway_request_validator" has no schema



=== TEST 27: styles
--- args: 'header.a={"type":"array"}' style=header.a:form
--- must_die
--- error_log
invalid "style=header.a:form"



=== TEST 28: it runs from a file
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: orders
    paths: [/orders]
  plugins:
  - name: request-validator
    config:
      body_schema: '[{"item": {"type": "string", "required": true}}, {"n": {"type": "integer", "between": [1, 5]}}]'
      parameter_schema:
      - {name: page, in: query, required: true, style: form, schema: '{"type": "integer"}'}
--- request eval
["POST /orders?page=1\n{\"item\":\"a\"}", "POST /orders?page=1\n{\"n\":1}",
 "POST /orders\n{\"item\":\"a\"}", "POST /orders?page=1\n{\"item\":\"a\",\"n\":6}",
 "POST /orders?page=1\n{\"item\":\"a\",\"n\":null}", "POST /orders?page=1\n{\"item\":\"a\",\"x\":1}"]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 400, 400, 400, 200, 400]
