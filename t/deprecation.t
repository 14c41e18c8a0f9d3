# Copyright (C) the ngx_gateway authors
#
# deprecation: headers, 410 after the sunset, and versions as the example in
# conf.d has them.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::More;

start_echo();

{
    open(my $fh, '<', 'conf.d/versions.yaml') or die "versions.yaml: $!";
    my $yaml = do { local $/; <$fh> };

    $yaml =~ s/127\.0\.0\.1:900[12]/127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}/g;

    my $nginx = start_nginx(yaml => $yaml);
    my $v1 = 'application/vnd.example.v1+json';
    my $v2 = 'application/vnd.example.v2+json';

    for my $case (
        ['/v1/orders', [], '/v1/orders'],
        ['/v2/orders', [], '/v2/orders'],
        ['/orders', [], '/v1/orders'],
        ['/orders', ['API-Version: 1'], '/v1/orders'],
        ['/orders', ['API-Version: 2'], '/v2/orders'],
        ['/orders', ["Accept: $v1"], '/v1/orders'],
        ['/orders', ["Accept: text/html, $v2;q=0.9"], '/v2/orders'],
        ['/orders', ['Accept: APPLICATION/VND.EXAMPLE.V2+JSON'], '/v2/orders'],
        ['/orders', ['API-Version: 3'], '/v1/orders'])
    {
        my ($path, $headers, $expected) = @$case;
        my $res = http_get($path, headers => $headers);
        my ($target) = $res->body =~ /^GET (\S+)/;
        my $what = join ' ', $path, @$headers;

        is($target, $expected, "$what: goes to $expected");
        is($res->header('Deprecation'),
           $expected =~ /v1/ ? '@1780272000' : undef, "$what: Deprecation");
    }

    $nginx->stop;
}

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->args) {
        my $args = $block->args;
        chomp $args;
        $block->set_value('config', "location / {\n"
            . "gateway_deprecation $args;\n"
            . ($block->more // '') . "\n"
            . "proxy_pass http://127.0.0.1:\$TEST_NGINX_ECHO_PORT;\n}\n");
    }
    if (!defined $block->request && !defined $block->must_die) {
        $block->set_value('request', 'GET /');
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: everything
--- args: deprecation=2026-06-01 sunset=2099-01-01T02:00:00+02:00 deprecation_link=https://example.com/a sunset_link=https://example.com/b successor_link=/v2/
--- response_headers
Deprecation: @1780272000
Sunset: Thu, 01 Jan 2099 00:00:00 GMT
Link: <https://example.com/a>; rel="deprecation", <https://example.com/b>; rel="sunset", </v2/>; rel="successor-version"
--- no_error_log
[error]



=== TEST 2: only a deprecation
--- args: deprecation=2099-06-01
--- response_headers
Deprecation: @4083955200
!Sunset
!Link



=== TEST 3: only a sunset, which is over; the API works on
--- args: sunset=2020-01-01
--- response_headers
!Deprecation
Sunset: Wed, 01 Jan 2020 00:00:00 GMT
!Link



=== TEST 4: one link
--- args: deprecation=2020-01-01 sunset_link=https://example.com/b
--- response_headers
Link: <https://example.com/b>; rel="sunset"



=== TEST 5: 410 after the sunset, with the headers
--- args: deprecation=2019-01-01 sunset=2020-01-01 gone_after_sunset=on
--- error_code: 410
--- response_headers
Deprecation: @1546300800
Sunset: Wed, 01 Jan 2020 00:00:00 GMT
Content-Type: application/json; charset=utf-8
--- response_body_like: ^\{\n  "message":"Gone",\n  "request_id":"[0-9a-f]{32}"\n\}$



=== TEST 6: with a message of its own
--- args: sunset=2020-01-01 gone_after_sunset=on "message=use version 2"
--- error_code: 410
--- response_body_like: "message":"use version 2"



=== TEST 7: not before
--- args: sunset=2099-01-01 gone_after_sunset=on
--- response_headers
Sunset: Thu, 01 Jan 2099 00:00:00 GMT



=== TEST 8: the upstream's headers are replaced, its links stay
--- args: deprecation=2020-01-01 sunset=2099-01-01 successor_link=/v2
--- more_headers
X-Test-Header: Deprecation: true
X-Test-Header: Sunset: never
X-Test-Header: Link: </next>; rel="next"
--- raw_response_headers_like: Link: </next>; rel="next"\r\n(.*\r\n)*Link: </v2>; rel="successor-version"
--- raw_response_headers_unlike: (Deprecation: true|Sunset: never)



=== TEST 9: errors of the upstream carry them
--- args: deprecation=2020-01-01
--- more_headers
X-Test-Status: 500
--- error_code: 500
--- response_headers
Deprecation: @1577836800



=== TEST 10: answers of other policies too, and nobody has to log in first
--- args: sunset=2020-01-01 gone_after_sunset=on
--- more: gateway_key_auth on;
--- error_code: 410



=== TEST 11: 401 of an API that lives
--- args: sunset=2099-01-01 gone_after_sunset=on
--- more: gateway_key_auth on;
--- error_code: 401
--- response_headers
Sunset: Thu, 01 Jan 2099 00:00:00 GMT



=== TEST 12: a preflight is answered, and browsers can read the 410
--- args: sunset=2020-01-01 gone_after_sunset=on
--- more: gateway_cors on;
--- request eval
["OPTIONS /", "GET /"]
--- more_headers
Origin: https://example.com
Access-Control-Request-Method: GET
--- error_code eval
[200, 410]
--- response_headers_like eval
["Access-Control-Allow-Origin: \\*", "Access-Control-Allow-Origin: \\*"]



=== TEST 13: off below on
--- config
    gateway_deprecation deprecation=2020-01-01;
    location / {
        gateway_deprecation off;
        return 204;
    }
--- error_code: 204
--- response_headers
!Deprecation



=== TEST 14: HTTP/2
--- args: deprecation=2020-01-01 successor_link=/v2
--- http2
--- response_headers
Deprecation: @1577836800
Link: </v2>; rel="successor-version"



=== TEST 15: neither date
--- args: successor_link=/v2
--- must_die
--- error_log
"gateway_deprecation" directive needs "deprecation" or "sunset"



=== TEST 16: no date
--- args: deprecation=2026-02-29
--- must_die
--- error_log
expected a date as "2026-11-29" or "2026-11-29T10:00:00Z"



=== TEST 17: an end before the beginning
--- args: deprecation=2026-03-01 sunset=2026-02-28
--- must_die
--- error_log
has a "sunset" before its "deprecation"



=== TEST 18: gone when
--- args: deprecation=2026-03-01 gone_after_sunset=on
--- must_die
--- error_log
needs "sunset" for "gone_after_sunset"



=== TEST 19: a link that would end early
--- args: deprecation=2026-03-01 "successor_link=/v2>; rel=x, <"
--- must_die
--- error_log
has a link with blanks
