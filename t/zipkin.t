# Copyright (C) the ngx_gateway authors
#
# zipkin: contexts of traces in request headers, all formats.

use lib 't/lib';
use Test::Gateway 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        $block->set_value('config', "location / {\n"
                          . "gateway_zipkin $args;\n"
                          . "proxy_pass http://127.0.0.1:"
                          . "\$TEST_NGINX_ECHO_PORT;\n}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a trace begins: B3, not sampled at 0
--- args: sample_ratio=0
--- request
GET /
--- response_body_like eval
qr/(?=.*\nx-b3-traceid: [0-9a-f]{32}\n)(?=.*\nx-b3-spanid: [0-9a-f]{16}\n)(?=.*\nx-b3-parentspanid: [0-9a-f]{16}\n)(?=.*\nx-b3-sampled: 0\n)./si
--- no_error_log
[error]



=== TEST 2: sampled at 1
--- args: sample_ratio=1
--- request
GET /
--- response_body_like eval
qr/\nx-b3-sampled: 1\n/si



=== TEST 3: ids of 8 bytes are padded
--- args: traceid_byte_count=8 sample_ratio=1
--- request
GET /
--- response_body_like eval
qr/\nx-b3-traceid: 0{16}[0-9a-f]{16}\n/si



=== TEST 4: traceparent in, traceparent out with another span
--- args: sample_ratio=0
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01\n/si
--- response_body_unlike eval
qr/x-b3/i



=== TEST 5: what was not sampled stays so
--- args: sample_ratio=1
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00
--- response_body_like eval
qr/\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00\n/si



=== TEST 6: other bits of the flags are not sent on
--- args: on
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff
--- response_body_like eval
qr/\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01\n/si



=== TEST 7: no traceparent: 01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- args: on propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si
--- error_log
tracing: the header "traceparent" is invalid and ignored



=== TEST 8: no traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01
--- args: on propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si
--- error_log
tracing: the header "traceparent" is invalid and ignored



=== TEST 9: no traceparent: 00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01
--- args: on propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si
--- error_log
tracing: the header "traceparent" is invalid and ignored



=== TEST 10: no traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1
--- args: on propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si
--- error_log
tracing: the header "traceparent" is invalid and ignored



=== TEST 11: no traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-
--- args: on propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si
--- error_log
tracing: the header "traceparent" is invalid and ignored



=== TEST 12: no traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g
--- args: on propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si
--- error_log
tracing: the header "traceparent" is invalid and ignored



=== TEST 13: no traceparent: 00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01
--- args: on propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si
--- error_log
tracing: the header "traceparent" is invalid and ignored



=== TEST 14: no traceparent: garbage
--- args: on propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: garbage
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si
--- error_log
tracing: the header "traceparent" is invalid and ignored



=== TEST 15: two traceparents are none
--- args: propagation.extract=w3c propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 16: capital digits are read
--- args: on
--- request
GET /
--- more_headers
traceparent: 00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01
--- response_body_like eval
qr/\ntraceparent: (?-i:00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01)\n/si



=== TEST 17: B3: the span becomes the parent of the one that goes out
--- args: on
--- request
GET /
--- more_headers
x-b3-traceid: 0af7651916cd43dd8448eb211c80319c
x-b3-spanid: b7ad6b7169203331
x-b3-parentspanid: 00f067aa0ba902b7
x-b3-sampled: 1
--- response_body_like eval
qr/(?=.*\nx-b3-traceid: 0af7651916cd43dd8448eb211c80319c\n)(?=.*\nx-b3-spanid: (?!b7ad6b7169203331)[0-9a-f]{16}\n)(?=.*\nx-b3-parentspanid: b7ad6b7169203331\n)(?=.*\nx-b3-sampled: 1\n)./si



=== TEST 18: B3: 8 bytes stay 8 bytes
--- args: on
--- request
GET /
--- more_headers
x-b3-traceid: 463ac35c9f6413ad
x-b3-spanid: b7ad6b7169203331
x-b3-sampled: 0
--- response_body_like eval
qr/(?=.*\nx-b3-traceid: 463ac35c9f6413ad\n)(?=.*\nx-b3-parentspanid: b7ad6b7169203331\n)(?=.*\nx-b3-sampled: 0\n)./si



=== TEST 19: B3: true and false
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-b3-sampled: true
--- response_body_like eval
qr/\nx-b3-sampled: 1\n/si



=== TEST 20: B3: false
--- args: sample_ratio=1
--- request
GET /
--- more_headers
x-b3-sampled: false
--- response_body_like eval
qr/\nx-b3-sampled: 0\n/si



=== TEST 21: B3: an invalid decision is none
--- args: sample_ratio=1
--- request
GET /
--- more_headers
x-b3-sampled: maybe
--- response_body_like eval
qr/\nx-b3-sampled: 1\n/si



=== TEST 22: B3: the debug flag samples and is sent on
--- args: sample_ratio=0 propagation.extract=b3 propagation.inject=b3 propagation.inject=w3c
--- request
GET /
--- more_headers
x-b3-traceid: 0af7651916cd43dd8448eb211c80319c
x-b3-spanid: b7ad6b7169203331
x-b3-flags: 1
--- response_body_like eval
qr/(?=.*\nx-b3-flags: 1\n)(?=.*\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01\n)./si
--- response_body_unlike eval
qr/x-b3-sampled/i



=== TEST 23: B3: invalid ids are ignored, the decision is not
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-b3-traceid: 0af7651916cd43dd8448eb211c80319c0
x-b3-spanid: b7ad6b7169203331
x-b3-sampled: 1
--- response_body_like eval
qr/(?=.*\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n)(?=.*\nx-b3-sampled: 1\n)./si



=== TEST 24: B3: a span that is none makes all ids invalid
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-b3-traceid: 0af7651916cd43dd8448eb211c80319c
x-b3-spanid: xyz
x-b3-sampled: 1
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 25: B3 in one header
--- args: on
--- request
GET /
--- more_headers
b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1-00f067aa0ba902b7
--- response_body_like eval
qr/\nb3: 0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-1-b7ad6b7169203331\n/si
--- response_body_unlike eval
qr/x-b3/i



=== TEST 26: B3 in one header: 8 bytes, undecided
--- args: sample_ratio=0
--- request
GET /
--- more_headers
b3: 463ac35c9f6413ad-b7ad6b7169203331
--- response_body_like eval
qr/\nb3: 463ac35c9f6413ad-[0-9a-f]{16}-0-b7ad6b7169203331\n/si



=== TEST 27: B3 in one header: debug
--- args: sample_ratio=0
--- request
GET /
--- more_headers
b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-d
--- response_body_like eval
qr/\nb3: 0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-d-b7ad6b7169203331\n/si



=== TEST 28: B3 in one header: only 0
--- args: sample_ratio=0.5
--- request
GET /
--- more_headers
b3: 0
--- response_body_like eval
qr/\nb3: [0-9a-f]{32}-[0-9a-f]{16}-0-[0-9a-f]{16}\n/si



=== TEST 29: B3 in one header: only 1
--- args: sample_ratio=0.5
--- request
GET /
--- more_headers
b3: 1
--- response_body_like eval
qr/\nb3: [0-9a-f]{32}-[0-9a-f]{16}-1-[0-9a-f]{16}\n/si



=== TEST 30: B3 in one header: only d
--- args: sample_ratio=0.5
--- request
GET /
--- more_headers
b3: d
--- response_body_like eval
qr/\nb3: [0-9a-f]{32}-[0-9a-f]{16}-d-[0-9a-f]{16}\n/si



=== TEST 31: B3 in tracestate
--- args: on
--- request
GET /
--- more_headers
tracestate: b3=0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0
--- response_body_like eval
qr/\nb3: 0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-0-b7ad6b7169203331\n/si



=== TEST 32: another tracestate is no B3, and is sent on
--- args: on
--- request
GET /
--- more_headers
tracestate: vendor=1
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/(?=.*\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01\n)(?=.*\ntracestate: vendor=1\n)./si



=== TEST 33: no B3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-2
--- args: sample_ratio=0
--- request
GET /
--- more_headers
b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-2
--- response_body_like eval
qr/\nb3: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-[0-9a-f]{16}-0-[0-9a-f]{16}\n/si
--- error_log
tracing: the header "b3" is invalid and ignored



=== TEST 34: no B3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1-00f067aa0ba902b70
--- args: sample_ratio=0
--- request
GET /
--- more_headers
b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1-00f067aa0ba902b70
--- response_body_like eval
qr/\nb3: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-[0-9a-f]{16}-0-[0-9a-f]{16}\n/si
--- error_log
tracing: the header "b3" is invalid and ignored



=== TEST 35: no B3: 0af7651916cd43dd8448eb211c80319c-b7ad6b71692033311
--- args: sample_ratio=0
--- request
GET /
--- more_headers
b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b71692033311
--- response_body_like eval
qr/\nb3: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-[0-9a-f]{16}-0-[0-9a-f]{16}\n/si
--- error_log
tracing: the header "b3" is invalid and ignored



=== TEST 36: no B3: 0af7651916cd43dd8448eb211c80319c
--- args: sample_ratio=0
--- request
GET /
--- more_headers
b3: 0af7651916cd43dd8448eb211c80319c
--- response_body_like eval
qr/\nb3: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-[0-9a-f]{16}-0-[0-9a-f]{16}\n/si
--- error_log
tracing: the header "b3" is invalid and ignored



=== TEST 37: no B3: x
--- args: sample_ratio=0
--- request
GET /
--- more_headers
b3: x
--- response_body_like eval
qr/\nb3: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-[0-9a-f]{16}-0-[0-9a-f]{16}\n/si
--- error_log
tracing: the header "b3" is invalid and ignored



=== TEST 38: Jaeger
--- args: on
--- request
GET /
--- more_headers
uber-trace-id: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:00f067aa0ba902b7:1
--- response_body_like eval
qr/\nuber-trace-id: 0af7651916cd43dd8448eb211c80319c:(?!b7ad6b7169203331)[0-9a-f]{16}:b7ad6b7169203331:01\n/si



=== TEST 39: Jaeger: short ids are padded
--- args: on
--- request
GET /
--- more_headers
uber-trace-id: a2f:5:0:0
--- response_body_like eval
qr/\nuber-trace-id: 0{29}a2f:[0-9a-f]{16}:0{15}5:00\n/si



=== TEST 40: Jaeger: 8 bytes stay
--- args: on
--- request
GET /
--- more_headers
uber-trace-id: 463ac35c9f6413ad:b7ad6b7169203331:0:1
--- response_body_like eval
qr/\nuber-trace-id: 463ac35c9f6413ad:[0-9a-f]{16}:b7ad6b7169203331:01\n/si



=== TEST 41: Jaeger: baggage is escaped anew
--- args: on
--- request
GET /
--- more_headers
uber-trace-id: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1
uberctx-User: a%20b%0d%0aX-Evil:1
--- response_body_like eval
qr/\nuberctx-user: a%20b%0D%0AX-Evil%3A1\n/si
--- response_body_unlike eval
qr/\nX-Evil/i



=== TEST 42: no Jaeger: 0af7651916cd43dd8448eb211c80319c0:b7ad6b7169203331:0:1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
uber-trace-id: 0af7651916cd43dd8448eb211c80319c0:b7ad6b7169203331:0:1
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 43: no Jaeger: 0af7651916cd43dd8448eb211c80319c:b7ad6b71692033310:0:1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
uber-trace-id: 0af7651916cd43dd8448eb211c80319c:b7ad6b71692033310:0:1
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 44: no Jaeger: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:001
--- args: sample_ratio=0
--- request
GET /
--- more_headers
uber-trace-id: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:001
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 45: no Jaeger: 0:b7ad6b7169203331:0:1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
uber-trace-id: 0:b7ad6b7169203331:0:1
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 46: no Jaeger: 0af7651916cd43dd8448eb211c80319c:0:0:1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
uber-trace-id: 0af7651916cd43dd8448eb211c80319c:0:0:1
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 47: no Jaeger: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0
--- args: sample_ratio=0
--- request
GET /
--- more_headers
uber-trace-id: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 48: no Jaeger: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1:
--- args: sample_ratio=0
--- request
GET /
--- more_headers
uber-trace-id: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1:
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 49: OpenTracing, with baggage
--- args: on
--- request
GET /
--- more_headers
ot-tracer-traceid: 463ac35c9f6413ad
ot-tracer-spanid: b7ad6b7169203331
ot-tracer-sampled: true
ot-baggage-k: v+w
--- response_body_like eval
qr/(?=.*\not-tracer-traceid: 463ac35c9f6413ad\n)(?=.*\not-tracer-spanid: (?!b7ad6b7169203331)[0-9a-f]{16}\n)(?=.*\not-tracer-sampled: 1\n)(?=.*\not-baggage-k: v%20w\n)./si



=== TEST 50: OpenTracing: 16 bytes stay
--- args: on
--- request
GET /
--- more_headers
ot-tracer-traceid: 0af7651916cd43dd8448eb211c80319c
ot-tracer-spanid: b7ad6b7169203331
ot-tracer-sampled: 0
--- response_body_like eval
qr/(?=.*\not-tracer-traceid: 0af7651916cd43dd8448eb211c80319c\n)(?=.*\not-tracer-sampled: 0\n)./si



=== TEST 51: OpenTracing: 8 bytes for a new trace
--- args: propagation.inject=ot sample_ratio=1
--- request
GET /
--- response_body_like eval
qr/(?=.*\not-tracer-traceid: [0-9a-f]{16}\n)(?=.*\not-tracer-sampled: 1\n)./si



=== TEST 52: Datadog
--- args: on
--- request
GET /
--- more_headers
x-datadog-trace-id: 1234567890123456789
x-datadog-parent-id: 42
x-datadog-sampling-priority: 2
--- response_body_like eval
qr/(?=.*\nx-datadog-trace-id: 1234567890123456789\n)(?=.*\nx-datadog-parent-id: (?!42\n)[0-9]+\n)(?=.*\nx-datadog-sampling-priority: 1\n)./si



=== TEST 53: Datadog: the user rejects
--- args: sample_ratio=1
--- request
GET /
--- more_headers
x-datadog-trace-id: 1
x-datadog-sampling-priority: -1
--- response_body_like eval
qr/\nx-datadog-sampling-priority: 0\n/si



=== TEST 54: Datadog in, W3C out: an id of 8 bytes is padded
--- args: propagation.extract=datadog propagation.clear=X-Datadog-Trace-Id propagation.clear=x-datadog-parent-id propagation.inject=w3c sample_ratio=1
--- request
GET /
--- more_headers
x-datadog-trace-id: 11803532876627986230
x-datadog-parent-id: 67667974448284343
x-datadog-sampling-priority: 1
--- response_body_like eval
qr/\ntraceparent: 00-0{16}a3ce929d0e0e4736-[0-9a-f]{16}-01\n/si
--- response_body_unlike eval
qr/x-datadog-(trace|parent)/i



=== TEST 55: Datadog: a priority that is none
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-datadog-trace-id: 1
x-datadog-sampling-priority: 9
--- response_body_like eval
qr/\nx-b3-traceid: (?!0{31}1)[0-9a-f]{32}\n/si



=== TEST 56: Datadog: numbers that are none or too large
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-datadog-trace-id: 0x12
--- response_body_like eval
qr/\nx-b3-sampled: 0\n/si



=== TEST 57: Datadog: 129 bits
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-datadog-trace-id: 340282366920938463463374607431768211456
--- response_body_like eval
qr/\nx-b3-traceid: [0-9a-f]{32}\n/si



=== TEST 58: AWS
--- args: on
--- request
GET /
--- more_headers
x-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1
--- response_body_like eval
qr/\nx-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=(?!b7ad6b7169203331)[0-9a-f]{16};Sampled=1\n/si



=== TEST 59: AWS: other members and spaces
--- args: on
--- request
GET /
--- more_headers
x-amzn-trace-id: Self=1-x; Root=1-0af76519-16cd43dd8448eb211c80319c ;Sampled=0
--- response_body_like eval
qr/\nx-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=[0-9a-f]{16};Sampled=0\n/si



=== TEST 60: no AWS: Root=2-0af76519-16cd43dd8448eb211c80319c
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-amzn-trace-id: Root=2-0af76519-16cd43dd8448eb211c80319c
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 61: no AWS: Root=1-0af76519-16cd43dd8448eb211c80319z;Sampled=1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319z;Sampled=1
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 62: no AWS: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=1;Sampled=1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=1;Sampled=1
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 63: no AWS: Root=1-0af76519-16cd43dd8448eb211c80319c;Sampled=x
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Sampled=x
--- response_body_like eval
qr/\nx-b3-traceid: (?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}\n/si



=== TEST 64: GCP
--- args: on
--- request
GET /
--- more_headers
x-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c/66;o=1
--- response_body_like eval
qr/\nx-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c\/(?!66;)[0-9]+;o=1\n/si



=== TEST 65: GCP: without o it is not sampled
--- args: sample_ratio=1
--- request
GET /
--- more_headers
x-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c/66
--- response_body_like eval
qr/\nx-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c\/[0-9]+;o=0\n/si



=== TEST 66: no GCP: 0af7651916cd43dd8448eb211c80319c/x;o=1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c/x;o=1
--- response_body_like eval
qr/\nx-b3-sampled: 0\n/si



=== TEST 67: no GCP: 0af7651916cd43dd8448eb211c80319c/18446744073709551616;o=1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c/18446744073709551616;o=1
--- response_body_like eval
qr/\nx-b3-sampled: 0\n/si



=== TEST 68: no GCP: 0AF7651916CD43DD8448EB211C80319C/1;o=1
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-cloud-trace-context: 0AF7651916CD43DD8448EB211C80319C/1;o=1
--- response_body_like eval
qr/\nx-b3-sampled: 0\n/si



=== TEST 69: no GCP: 0af7651916cd43dd8448eb211c80319c/1;o=
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c/1;o=
--- response_body_like eval
qr/\nx-b3-sampled: 0\n/si



=== TEST 70: no GCP: 0af7651916cd43dd8448eb211c80319c
--- args: sample_ratio=0
--- request
GET /
--- more_headers
x-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c
--- response_body_like eval
qr/\nx-b3-sampled: 0\n/si



=== TEST 71: Instana
--- args: on
--- request
GET /
--- more_headers
x-instana-t: 0af7651916cd43dd8448eb211c80319c
x-instana-s: b7ad6b7169203331
x-instana-l: 1
--- response_body_like eval
qr/(?=.*\nx-instana-t: 0af7651916cd43dd8448eb211c80319c\n)(?=.*\nx-instana-s: (?!b7ad6b7169203331)[0-9a-f]{16}\n)(?=.*\nx-instana-l: 1\n)./si



=== TEST 72: Instana: without a level it is not sampled
--- args: sample_ratio=1
--- request
GET /
--- more_headers
x-instana-t: 463ac35c9f6413ad
x-instana-s: b7ad6b7169203331
--- response_body_like eval
qr/(?=.*\nx-instana-t: 463ac35c9f6413ad\n)(?=.*\nx-instana-l: 0\n)./si



=== TEST 73: the first format of extract that is there wins
--- args: propagation.extract=w3c propagation.extract=b3 propagation.inject=preserve
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
x-b3-traceid: 463ac35c9f6413ad
x-b3-spanid: b7ad6b7169203331
--- response_body_like eval
qr/(?=.*\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01\n)(?=.*\nx-b3-traceid: 463ac35c9f6413ad\n)(?=.*\nx-b3-spanid: b7ad6b7169203331\n)./si



=== TEST 74: header_type=preserve looks for B3 first
--- args: on
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
x-b3-traceid: 463ac35c9f6413ad
x-b3-spanid: b7ad6b7169203331
--- response_body_like eval
qr/(?=.*\nx-b3-traceid: 463ac35c9f6413ad\n)(?=.*\nx-b3-parentspanid: b7ad6b7169203331\n)(?=.*\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n)./si



=== TEST 75: header_type=ignore begins a trace of default_header_type
--- args: header_type=ignore default_header_type=w3c
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/\ntraceparent: 00-(?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-[0-9a-f]{16}-0[01]\n/si
--- response_body_unlike eval
qr/x-b3/i



=== TEST 76: header_type=jaeger adds it to what came in
--- args: header_type=jaeger
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/(?=.*\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01\n)(?=.*\nuber-trace-id: 0af7651916cd43dd8448eb211c80319c:[0-9a-f]{16}:[0-9a-f]{16}:01\n)./si



=== TEST 77: an empty extract begins a trace
--- args: propagation.extract= propagation.inject=w3c
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/\ntraceparent: 00-(?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-[0-9a-f]{16}-0[01]\n/si



=== TEST 78: an empty inject leaves the headers as they are
--- args: propagation.extract=w3c propagation.inject=
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n/si
--- response_body_unlike eval
qr/x-b3/i



=== TEST 79: default_format is what preserve writes for a new trace
--- args: propagation.extract=w3c propagation.inject=preserve propagation.default_format=gcp
--- request
GET /
--- response_body_like eval
qr/\nx-cloud-trace-context: [0-9a-f]{32}\/[0-9]+;o=0\n/si



=== TEST 80: all formats at once
--- args: propagation.extract=w3c propagation.inject=w3c propagation.inject=b3 propagation.inject=b3-single propagation.inject=jaeger propagation.inject=ot propagation.inject=datadog propagation.inject=aws propagation.inject=gcp propagation.inject=instana
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/(?=.*\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01\n)(?=.*\nx-b3-traceid: 0af7651916cd43dd8448eb211c80319c\n)(?=.*\nb3: 0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-1-[0-9a-f]{16}\n)(?=.*\nuber-trace-id: 0af7651916cd43dd8448eb211c80319c:[0-9a-f]{16}:[0-9a-f]{16}:01\n)(?=.*\not-tracer-traceid: 0af7651916cd43dd8448eb211c80319c\n)(?=.*\nx-datadog-trace-id: 9532127138774266268\n)(?=.*\nx-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=[0-9a-f]{16};Sampled=1\n)(?=.*\nx-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c\/[0-9]+;o=1\n)(?=.*\nx-instana-t: 0af7651916cd43dd8448eb211c80319c\n)./si



=== TEST 81: the id of the trace on the response
--- args: http_response_header_for_traceid=X-Trace-Id
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_headers
X-Trace-Id: 0af7651916cd43dd8448eb211c80319c



=== TEST 82: its 8 bytes
--- args: http_response_header_for_traceid=X-Trace-Id traceid_byte_count=8
--- request
GET /
--- response_headers_like
X-Trace-Id: ^[0-9a-f]{16}\z



=== TEST 83: a ratio above one
--- args: sample_ratio=1.5
--- must_die
--- error_log
invalid parameter "sample_ratio=1.5" in "gateway_zipkin"



=== TEST 84: ids of other sizes
--- args: traceid_byte_count=9
--- must_die
--- error_log
invalid parameter "traceid_byte_count=9"



=== TEST 85: no such format to extract
--- args: propagation.extract=b3-single
--- must_die
--- error_log
there is no format "b3-single" in "propagation.extract"



=== TEST 86: no such format to inject
--- args: propagation.inject=x
--- must_die
--- error_log
there is no format "x" in "propagation.inject"



=== TEST 87: a header that is none
--- args: propagation.clear=a:b
--- must_die
--- error_log
needs names of headers in "propagation.clear"



=== TEST 80: log records have the ids that were written
--- yaml eval
<<"_EOC_"
_format_version: "3.0"
services:
- url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes: [{name: a, paths: [/]}]
plugins:
- name: zipkin
  config: {propagation: {extract: [w3c], inject: [w3c, datadog, b3-single]}}
- name: file-log
  config: {path: logs/requests.json}
_EOC_
--- request
GET /
--- more_headers
traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
--- response_body_like eval
qr/\nb3: 0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-1-[0-9a-f]{16}\n/
--- no_error_log
[error]
