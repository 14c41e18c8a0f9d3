# Copyright (C) the ngx_gateway authors
#
# hmac_auth: what is signed, what is refused and how, bodies and their digests.

use lib 't/lib';
use Test::Gateway 'no_plan';

use Digest::SHA;
use MIME::Base64 qw(encode_base64);
use POSIX ();

our $consumers = <<'_EOC_';
    underscores_in_headers on;

    gateway_consumer bob {
        id 11111111-1111-4111-8111-111111111111;
        username bob;
        custom_id bob-1;
        gateway_hmac_auth_credential username=bob secret=very-secret
            id=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa;
    }

    gateway_consumer nobody {
        id 33333333-3333-4333-8333-333333333333;
        username nobody;
    }
_EOC_

our $date = date(0);

sub date {
    my @t = gmtime(time + $_[0]);
    return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
        (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
        (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$t[4]],
        $t[5] + 1900, @t[2, 1, 0];
}

sub mac {
    my ($bits, $text, $secret) = @_;
    my %f = (1 => \&Digest::SHA::hmac_sha1, 256 => \&Digest::SHA::hmac_sha256,
             384 => \&Digest::SHA::hmac_sha384,
             512 => \&Digest::SHA::hmac_sha512);
    return encode_base64($f{$bits}->($text, $secret // 'very-secret'), '');
}

# the value of Authorization: headers, what they make, SHA bits
sub hmac {
    my ($headers, $text, $bits, $user) = @_;
    $bits //= 256;
    $user //= 'bob';
    return qq{hmac username="$user", algorithm="hmac-sha$bits", }
           . qq{headers="$headers", signature="} . mac($bits, $text) . '"';
}

# a whole good set of headers
sub good {
    my ($bits) = @_;
    return "Date: $date\nAuthorization: "
           . hmac('date', "date: $date", $bits);
}

sub digest {
    return 'Digest: SHA-256='
           . encode_base64(Digest::SHA::sha256($_[0]), '');
}

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $consumers)
        unless defined $block->http_config;

    if (defined $block->hmac_auth) {
        my $args = $block->hmac_auth;
        chomp $args;
        $block->set_value('config', "location / {\n"
                          . "gateway_hmac_auth $args;\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a signature over the date, the upstream is told by whom
--- hmac_auth: on
--- request
GET /t
--- more_headers eval
main::good() . "\nX-Consumer-ID: me"
--- response_body_like eval
qr{^GET /t HTTP/1.1\n(?=.*^Authorization: hmac )(?=.*^X-Consumer-ID: 11111111-1111-4111-8111-111111111111\n)(?=.*^X-Consumer-Custom-ID: bob-1\n)(?=.*^X-Consumer-Username: bob\n)(?=.*^X-Credential-Identifier: bob\n)}ms
--- response_body_unlike: : me
--- response_headers
!WWW-Authenticate
--- no_error_log
[error]
[alert]



=== TEST 2: no header at all
--- hmac_auth: on
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: hmac
Content-Type: application/json; charset=utf-8
--- response_body_like eval
qr{^\{\n  "message":"Unauthorized",\n  "request_id":"[0-9a-f]{32}"\n\}$}



=== TEST 3: a realm
--- hmac_auth: realm=my-realm
--- request
GET /t
--- more_headers eval
"Date: $main::date"
--- error_code: 401
--- response_headers
WWW-Authenticate: hmac realm="my-realm"



=== TEST 4: the four algorithms
--- hmac_auth: on
--- request eval
[("GET /t") x 5]
--- more_headers eval
[main::good(1), main::good(256), main::good(384), main::good(512), "Date: $main::date\nAuthorization: hmac username=\"bob\", algorithm=\"hmac-sha224\", headers=\"date\", signature=\"YQ==\""]
--- error_code eval
[200, 200, 200, 200, 401]
--- response_body_like eval
[("bob") x 4, "HMAC signature cannot be verified\""]



=== TEST 5: without a date nothing else is looked at
--- hmac_auth: on
--- request eval
[("GET /t") x 5]
--- more_headers eval
["Authorization: asd", "Authorization: asd\nDate: yesterday", "Authorization: asd\nX-Date: ",
 "Date: " . main::date(-400) . "\nAuthorization: " . main::hmac("date", "date: " . main::date(-400)),
 "X-Date: " . main::date(400) . "\nAuthorization: " . main::hmac("x-date", "x-date: " . main::date(400))]
--- error_code eval
[(401) x 5]
--- response_body_like eval
[("\"message\":\"HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication\"") x 5]



=== TEST 6: clock_skew
--- hmac_auth: clock_skew=10.5
--- request eval
[("GET /t") x 4]
--- more_headers eval
["Authorization: asd\nDate: " . main::date(-12), "Authorization: asd\nDate: " . main::date(60), "Authorization: asd\nDate: " . main::date(-5), "Authorization: asd\nDate: " . main::date(9)]
--- error_code eval
[(401) x 4]
--- response_body_like eval
["valid date", "valid date", "cannot be verified\"", "cannot be verified\""]



=== TEST 7: one good date of the two will do, and need not be signed
--- hmac_auth: on
--- request eval
[("GET /t") x 3]
--- more_headers eval
["X-Date: wrong date\nDate: $main::date\nAuthorization: " . main::hmac("x-date", "x-date: wrong date"),
 "Date: wrong date\nX-Date: $main::date\nAuthorization: " . main::hmac("date", "date: wrong date"),
 "Date: $main::date\nAuthorization: " . main::hmac("request-line", "GET /t HTTP/1.1")]
--- error_code eval
[200, 200, 200]



=== TEST 8: what is not understood
--- hmac_auth: on
--- request eval
[("GET /t") x 16]
--- more_headers eval
my $s = main::mac(256, "date: $main::date");
my @bad = ("asd", "hmac", "Hmac ", "hmac username=", "hmac username=\"", "hmac username=\"bob\"",
 "hmac username=\"\", algorithm=\"hmac-sha256\", headers=\"date\", signature=\"$s\"",
 "hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"\", signature=\"$s\"",
 "hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"date\", signature=\"\"",
 "hmac username=\"bob\", algorithm=\"hmac-sha256\", signature=\"$s\"",
 "hmac username=\"bob\", algorithm=\"hmac-sha256\" headers=\"date\", signature=\"$s\"",
 "hmac username=\"bob\", headers=\"date\", algorithm=\"hmac-sha256\", signature=\"$s\"",
 "hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"  date\", signature=\"$s\"",
 "hmac username=bob, algorithm=hmac-sha256, headers=date, signature=$s",
 "hmac username=\"carol\", algorithm=\"hmac-sha256\", headers=\"date\", signature=\"$s\"",
 "HMAC username=\"bob\", algorithm=\"hmac-sha256\", headers=\"date\", signature=\"$s\"");
[map { "Date: $main::date\nAuthorization: $_" } @bad]
--- error_code eval
[(401) x 16]
--- response_body_like eval
[("\"message\":\"HMAC signature cannot be verified\"") x 16]
--- no_error_log
[error]
[alert]



=== TEST 9: other ways to write it
--- hmac_auth: on
--- request eval
[("GET /t") x 3]
--- more_headers eval
my $s = main::mac(256, "date: $main::date");
["Date: $main::date\nAuthorization: Hmac username=\"bob\",algorithm=\"hmac-sha256\",headers=\"date\",signature=\"$s\"",
 "Date: $main::date\nAuthorization: x  hmacusername=\"bob\",   algorithm=\"hmac-sha256\",   headers=\"date\",   signature=\"$s\"",
 "Date: $main::date\nAuthorization: hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"date\", signature=\"$s\" more"]
--- error_code eval
[200, 200, 200]



=== TEST 10: other signatures do not match
--- hmac_auth: on
--- request eval
[("GET /t") x 5]
--- more_headers eval
["Date: $main::date\nAuthorization: " . main::hmac("date", "date:$main::date"),
 "Date: $main::date\nAuthorization: hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"date\", signature=\"!!!\"",
 "Date: $main::date\nAuthorization: hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"date\", signature=\"====\"",
 "Date: $main::date\nAuthorization: hmac username=\"bob\", algorithm=\"hmac-sha512\", headers=\"date\", signature=\"" . main::mac(256, "date: $main::date") . "\"",
 "Date: $main::date\nAuthorization: hmac username=\"bob\", algorithm=\"hmac-sha256\", headers=\"date\", signature=\"" . main::mac(256, "date: $main::date", "other") . "\""]
--- error_code eval
[(401) x 5]
--- response_body_like eval
[("\"message\":\"HMAC signature does not match\"") x 5]
--- log_level: info
--- no_error_log
very-secret



=== TEST 11: several headers in their order, names as they are spelled
--- hmac_auth: on
--- request
GET /t%20a/../b?x=%41&y
--- more_headers eval
"Date: $main::date\nX-Many: one\nX-Many: two\nX_Under: u\nEmpty:\nAuthorization: "
. main::hmac('Date @request-target X-Many missing x-under request-line Empty host',
    "Date: $main::date\n\@request-target: get /t%20a/../b?x=%41&y\nX-Many: one\nmissing:\n"
    . "x-under:\nGET /t%20a/../b?x=%41&y HTTP/1.1\nEmpty: \nhost: localhost")
--- error_code: 200



=== TEST 12: a signed target without the arguments that were sent
--- hmac_auth: on
--- request
GET /t?name=foo
--- more_headers eval
"Date: $main::date\nAuthorization: " . main::hmac("request-line", "GET /t HTTP/1.1")
--- error_code: 401
--- response_body_like: does not match



=== TEST 13: HTTP/1.0 in the request line
--- hmac_auth: on
--- raw_request eval
"GET /t HTTP/1.0\r\nDate: $main::date\r\nAuthorization: " . main::hmac("request-line date", "GET /t HTTP/1.0\ndate: $main::date") . "\r\n\r\n"
--- error_code: 200



=== TEST 14: over HTTP/2
--- hmac_auth: on
--- http2
--- request
POST /t?a=1
body
--- more_headers eval
"Date: $main::date\nAuthorization: " . main::hmac('request-line @request-target', "POST /t?a=1 HTTP/2.0\n\@request-target: post /t?a=1")
--- error_code: 200



=== TEST 15: Proxy-Authorization comes first, if it can be read
--- hmac_auth: on
--- request eval
[("GET /t") x 4]
--- more_headers eval
my $good = main::hmac("date", "date: $main::date");
my $bad = main::hmac("date", "date: x");
["Date: $main::date\nProxy-Authorization: $good", "Date: $main::date\nProxy-Authorization: asd\nAuthorization: $good",
 "Date: $main::date\nProxy-Authorization: $bad\nAuthorization: $good", "Date: $main::date\nProxy-Authorization: $good\nAuthorization: $bad"]
--- error_code eval
[200, 200, 401, 200]



=== TEST 16: hide_credentials removes the header that was used
--- hmac_auth: hide_credentials=on
--- request eval
[("GET /t") x 4]
--- more_headers eval
my $good = main::hmac("date", "date: $main::date");
[main::good(), "Date: $main::date\nProxy-Authorization: asd\nAuthorization: $good",
 "Date: $main::date\nProxy-Authorization: $good\nAuthorization: other",
 "Date: $main::date\nAuthorization: " . main::hmac("date authorization", "date: $main::date\nauthorization: x")]
--- error_code eval
[200, 200, 200, 401]
--- response_body_like eval
["bob", "Proxy-Authorization: asd\n", "Authorization: other\n", "does not match"]
--- response_body_unlike eval
[("hmac") x 4]



=== TEST 17: enforced headers have to be signed, as they are spelled
--- hmac_auth: enforce_headers=date enforce_headers=request-line
--- request eval
[("GET /t") x 4]
--- more_headers eval
["Date: $main::date\nAuthorization: " . main::hmac("request-line date", "GET /t HTTP/1.1\ndate: $main::date"),
 main::good(), "Date: $main::date\nAuthorization: " . main::hmac("request-line", "GET /t HTTP/1.1"),
 "Date: $main::date\nAuthorization: " . main::hmac("request-line Date", "GET /t HTTP/1.1\nDate: $main::date")]
--- error_code eval
[200, 401, 401, 401]
--- response_body_like eval
["bob", ("cannot be verified\"") x 3]



=== TEST 18: only some algorithms
--- hmac_auth: algorithms=hmac-sha1 algorithms=hmac-sha256
--- request eval
[("GET /t") x 3]
--- more_headers eval
[main::good(1), main::good(256), main::good(512)]
--- error_code eval
[200, 200, 401]
--- response_body_like eval
["bob", "bob", "cannot be verified\""]



=== TEST 19: the digest of the body
--- hmac_auth: validate_request_body=on
--- request eval
["POST /t
hello", "POST /t
hello", "POST /t
hello", "POST /t", "POST /t", "POST /t", "POST /t
hello"]
--- more_headers eval
[main::good() . "\n" . main::digest("hello"), main::good() . "\n" . main::digest("other"), main::good(),
 main::good(), main::good() . "\n" . main::digest(""), main::good() . "\n" . main::digest("x"),
 main::good() . "\nDigest: SHA-256="]
--- error_code eval
[200, 401, 401, 200, 200, 401, 401]
--- response_body_like eval
["\n\nhello\$", ("\"message\":\"HMAC signature does not match\"") x 2, "bob", "bob", ("does not match") x 2]



=== TEST 20: a body that arrives late, the header is hidden before
--- hmac_auth: validate_request_body=on hide_credentials=on
--- raw_request eval
my $h = main::good() . "\n" . main::digest("hello");
$h =~ s/\n/\r\n/g;
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$h\r\nContent-Length: 5\r\n\r\n",
 {value => "he", delay_before => 0.1}, {value => "llo", delay_before => 0.1}]
--- error_code: 200
--- response_body_like: (?s)X-Consumer-Username: bob\n.*\n\nhello$
--- response_body_unlike: hmac
--- no_error_log
[error]
[alert]



=== TEST 21: a late body that is another one
--- hmac_auth: validate_request_body=on
--- raw_request eval
my $h = main::good() . "\n" . main::digest("hello");
$h =~ s/\n/\r\n/g;
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$h\r\nTransfer-Encoding: chunked\r\n\r\n",
 {value => "3\r\nhel\r\n", delay_before => 0.1}, {value => "2\r\nl0\r\n0\r\n\r\n", delay_before => 0.1}]
--- error_code: 401
--- response_body_like: does not match
--- no_error_log
[error]
[alert]



=== TEST 22: a body on disk
--- http_config eval
$::consumers . "client_body_buffer_size 1k;"
--- hmac_auth: validate_request_body=on
--- request eval
"POST /t\n" . ("0123456789" x 10000)
--- more_headers eval
main::good() . "\n" . main::digest("0123456789" x 10000)
--- error_code: 200



=== TEST 23: more signed headers than are allowed
--- hmac_auth: on
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["Date: $main::date\nAuthorization: " . main::hmac(CORE::join(" ", ("a") x 64), CORE::join("\n", ("a:") x 64)),
 "Date: $main::date\nAuthorization: " . main::hmac(CORE::join(" ", ("a") x 65), CORE::join("\n", ("a:") x 65))]
--- error_code eval
[200, 401]



=== TEST 24: an anonymous consumer instead of the 401
--- hmac_auth: anonymous=nobody validate_request_body=on
--- request eval
["GET /t", "GET /t", "POST /t
hello", "GET /t"]
--- more_headers eval
["A: b", "Authorization: asd", main::good(), main::good()]
--- response_body_like eval
[("X-Consumer-Username: nobody\n(?s).*X-Anonymous-Consumer: true\n") x 3, "X-Consumer-Username: bob\n"]



=== TEST 25: in a service, behind key_auth that hides its argument
--- http_config eval
"$::consumers gateway_consumer carol { username carol; gateway_key_auth_credential key=k; }"
--- config
    gateway_service echo path=/up {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Host $gateway_upstream_headers;
        proxy_set_header Connection "";
        gateway_key_auth hide_credentials=on;
        gateway_hmac_auth hide_credentials=on;
    }
    gateway_route all service=echo { paths /a; }
--- request
GET /a/t?apikey=k&x=1
--- more_headers eval
"Date: $main::date\nAuthorization: " . main::hmac('@request-target', '@request-target: get /a/t?apikey=k&x=1')
--- response_body_like: (?s)^GET /up/t\?x=1 .*X-Consumer-Username: bob\n
--- response_body_unlike: apikey|hmac
--- no_error_log
[error]
[alert]



=== TEST 26: a gRPC client gets its status
--- hmac_auth: on
--- request
POST /t
--- more_headers
Content-Type: application/grpc
--- error_code: 401
--- response_headers
grpc-status: 16



=== TEST 27: bad parameters
--- hmac_auth: clock_skew=0
--- must_die
--- error_log
has an invalid "clock_skew"



=== TEST 28: an unknown algorithm
--- hmac_auth: algorithms=hmac-md5
--- must_die
--- error_log
has an invalid "algorithms"



=== TEST 29: a credential without a secret
--- http_config
    gateway_consumer bob { gateway_hmac_auth_credential username=u; }
--- config
--- must_die
--- error_log
"gateway_hmac_auth_credential" directive has no secret



=== TEST 30: a credential without a username
--- http_config
    gateway_consumer bob { gateway_hmac_auth_credential secret=very-secret; }
--- config
--- must_die
--- error_log
"gateway_hmac_auth_credential" directive has no username
--- no_error_log
very-secret



=== TEST 31: two of the same username
--- http_config
    gateway_consumer bob {
        gateway_hmac_auth_credential username=u secret=a;
        gateway_hmac_auth_credential username=u secret=b;
    }
--- config
--- must_die
--- error_log
duplicate credential "u" of consumer "bob"



=== TEST 32: not for a single consumer
--- http_config
    gateway_consumer bob { gateway_hmac_auth on; }
--- config
--- must_die
--- error_log
is not allowed in "gateway_consumer"



=== TEST 33: no algorithm at all, and switched off below
--- config
    location /a {
        gateway_hmac_auth algorithms=;
        location /a/b {
            gateway_hmac_auth off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        }
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /a", "GET /a/b"]
--- more_headers eval
[main::good(), "A: b"]
--- error_code eval
[401, 200]
