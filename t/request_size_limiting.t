# Copyright (C) the ngx_gateway authors
#
# request_size_limiting: by Content-Length, and without one.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
_EOC_

our $chunked = "Host: localhost\r\nConnection: close\r\n"
               . "Transfer-Encoding: chunked\r\n\r\n";

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        my $more = defined $block->location ? $block->location : '';
        $block->set_value('config', "location / {\n"
                          . "gateway_request_size_limiting $args;\n"
                          . "$more\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: at the limit and above it; the connection stays usable
--- args: allowed_payload_size=5 size_unit=bytes
--- pipelined_requests eval
["POST /a\r\n12345", "POST /b\r\n123456", "GET /c", "POST /d\r\n1"]
--- error_code eval
[200, 413, 200, 200]
--- response_body_like eval
["^POST /a", qr/^\{\n  "message":"Request size limit exceeded",\n  "request_id":"[0-9a-f]{32}"\n\}$/, "^GET", "^POST /d"]
--- no_error_log
[error]



=== TEST 2: kilobytes
--- args: allowed_payload_size=1 size_unit=kilobytes
--- request eval
["POST /\r\n" . "a" x 1024, "POST /\r\n" . "a" x 1025]
--- error_code eval
[200, 413]



=== TEST 3: megabytes are the default
--- args: allowed_payload_size=1
--- location
client_max_body_size 10m;
--- request eval
["POST /\r\n" . "a" x 1048576, "POST /\r\n" . "a" x 1048577]
--- error_code eval
[200, 413]



=== TEST 4: Expect
--- args: allowed_payload_size=5 size_unit=bytes
--- request
POST /
123456
--- more_headers
Expect: 100-continue
--- error_code: 417
--- response_body_like: Request size limit exceeded



=== TEST 5: chunked, within the limit
--- args: allowed_payload_size=5 size_unit=bytes
--- raw_request eval
"POST / HTTP/1.1\r\n$::chunked" . "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
--- response_body_like: abcde



=== TEST 6: chunked, above the limit
--- args: allowed_payload_size=5 size_unit=bytes
--- raw_request eval
"POST / HTTP/1.1\r\n$::chunked" . "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
--- error_code: 413
--- response_body_like: Request size limit exceeded



=== TEST 7: chunked, above the limit, in a temporary file
--- args: allowed_payload_size=100 size_unit=kilobytes
--- location
client_body_buffer_size 1k;
client_max_body_size 0;
--- raw_request eval
"POST / HTTP/1.1\r\n$::chunked" . "19001\r\n" . "a" x 0x19001 . "\r\n0\r\n\r\n"
--- error_code: 413



=== TEST 8: chunked, at the limit, in a temporary file
--- args: allowed_payload_size=100 size_unit=kilobytes
--- location
client_body_buffer_size 1k;
client_max_body_size 0;
--- raw_request eval
"POST / HTTP/1.1\r\n$::chunked" . "19000\r\n" . "a" x 0x19000 . "\r\n0\r\n\r\n"
--- error_code: 200



=== TEST 9: chunked, in pieces
--- args: allowed_payload_size=5 size_unit=bytes
--- raw_request eval
["POST / HTTP/1.1\r\n$::chunked", "3\r\nabc\r\n", "3\r\ndef\r\n0\r\n\r\n"]
--- error_code: 413



=== TEST 10: require_content_length
--- args: require_content_length=on
--- request eval
["GET /", "POST /\r\nabc"]
--- error_code eval
[411, 200]
--- response_body_like eval
["\"message\":\"A valid Content-Length header is required\"", "^POST"]



=== TEST 11: require_content_length, chunked
--- args: require_content_length=on allowed_payload_size=5 size_unit=bytes
--- raw_request eval
"POST / HTTP/1.1\r\n$::chunked" . "3\r\nabc\r\n0\r\n\r\n"
--- error_code: 200



=== TEST 12: a request without a body
--- args: allowed_payload_size=0
--- request
GET /



=== TEST 13: a consumer's own limit; after authentication
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential key=bob;
        gateway_request_size_limiting allowed_payload_size=10 size_unit=bytes;
    }
--- args: allowed_payload_size=1 size_unit=bytes
--- location
gateway_key_auth on;
--- request eval
["POST /\r\n12345", "POST /?apikey=bob\r\n12345"]
--- error_code eval
[401, 200]



=== TEST 14: an unknown unit
--- args: size_unit=gigabytes
--- must_die
--- error_log
invalid parameter "size_unit=gigabytes"



=== TEST 15: a size that is none
--- args: allowed_payload_size=1.5
--- must_die
--- error_log
invalid parameter "allowed_payload_size=1.5" in "gateway_request_size_limiting": expected a whole number



=== TEST 16: 128 megabytes are the default
--- args: on
--- location
client_max_body_size 0;
--- raw_request eval
"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 134217729\r\n\r\n"
--- no_wait_close
--- error_code: 413
--- response_body_like: Request size limit exceeded



=== TEST 17: Expect in any case, with a chunked body; within the limit it is told to go on
--- args: allowed_payload_size=5 size_unit=bytes
--- raw_request eval
"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde"
--- error_code eval
[417, 200]
--- response_body_like eval
["Request size limit exceeded", "abcde"]



=== TEST 18: a chunked body that was too large is read to its end
--- args: allowed_payload_size=5 size_unit=bytes
--- raw_request eval
"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- error_code eval
[413, 200]
--- response_body_like eval
["Request size limit exceeded", "GET /next"]



=== TEST 19: require_content_length: 0 is one, HEAD has none
--- args: require_content_length=on
--- request eval
["GET /", "HEAD /"]
--- more_headers eval
["Content-Length: 0", ""]
--- error_code eval
[200, 411]



=== TEST 20: without buffering; the answer is negotiated
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: r
    paths: [/]
    request_buffering: false
    response_buffering: false
    plugins:
    - name: request-size-limiting
      config: {allowed_payload_size: 5, size_unit: bytes}
--- request eval
["POST /\r\n12345", "POST /\r\n123456"]
--- more_headers
Accept: text/html
--- error_code eval
[200, 413]
--- response_body_like eval
["12345", "<p>Request size limit exceeded\\.</p>"]



=== TEST 21: over HTTP/2, with a length and without one
--- args: allowed_payload_size=5 size_unit=bytes require_content_length=on
--- http2
--- request eval
["POST /\r\n12345", "GET /"]
--- error_code eval
[200, 411]
