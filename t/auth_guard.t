# Copyright (C) the ngx_gateway authors
#
# auth_guard: failed authentications are counted by client and by credential,
# and refused when there are too many.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Pki;

use Digest::SHA qw(hmac_sha1_base64 hmac_sha256);
use MIME::Base64 qw(encode_base64 encode_base64url);
use POSIX qw(strftime);

our $consumers = <<'_EOC_';
    real_ip_header X-Real-IP;
    set_real_ip_from 127.0.0.1;

    gateway_consumer bob {
        username bob;
        gateway_key_auth_credential key=kong;
        gateway_basic_auth_credential username=bob password=kong;
        gateway_basic_auth_credential username=eve password=kong;
        gateway_hmac_auth_credential username=bob secret=kong;
        gateway_jwt_secret key=bob secret=kong algorithm=HS256;
    }

    gateway_consumer nobody { username nobody; }
_EOC_

sub basic {
    my ($user, $password, $from) = @_;

    return 'Authorization: Basic ' . encode_base64("$user:$password", '')
           . (defined $from ? "\nX-Real-IP: $from" : '');
}

sub signed {
    my ($user, $secret) = @_;
    my $date = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime);
    my $signature = hmac_sha1_base64("date: $date", $secret) . '=';

    return qq(Date: $date\nAuthorization: hmac username="$user", )
           . qq(algorithm="hmac-sha1", headers="date", )
           . qq(signature="$signature");
}

sub token {
    my ($key, $secret) = @_;
    my $signed = encode_base64url('{"alg":"HS256","typ":"JWT"}') . '.'
                 . encode_base64url(qq({"iss":"$key"}));

    return "Authorization: Bearer $signed."
           . encode_base64url(hmac_sha256($signed, $secret));
}

my $pki = Test::Gateway::Pki->new;
$pki->authority('root');
$pki->certificate('bob', 'root');
$pki->certificate('stranger', 'root');
$pki->certificate('old', 'root', subject => '/CN=bob', expired => 1);

our $certs = $consumers . '    gateway_trusted_ips 127.0.0.1;
    gateway_ca_certificate root ' . $pki->path('root.crt') . ";\n";

our $cert_auth = 'gateway_header_cert_auth ca_certificates=root '
                 . 'certificate_header_name=X-Cert '
                 . 'certificate_header_format=base64_encoded '
                 . 'revocation_check_mode=SKIP;';

sub cert {
    my ($name, $from) = @_;

    return 'X-Cert: ' . encode_base64($pki->slurp("$name.crt"), '')
           . (defined $from ? "\nX-Real-IP: $from" : '');
}

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $consumers . ($block->zone // ''))
        unless defined $block->http_config || defined $block->yaml;

    if (defined $block->guard) {
        (my $guard = $block->guard) =~ s/\n//;
        my $auth = $block->auth // 'gateway_basic_auth on;';
        $block->set_value('config',
            "location / {\ngateway_auth_guard $guard;\n$auth\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: an address that fails too often is refused, also when it is right
--- guard: max_client_failures=3
--- request eval
[("GET /t") x 6]
--- more_headers eval
[main::basic("bob", "kong"), (map { main::basic("bob", "x$_") } 1 .. 3), main::basic("bob", "kong"), main::basic("bob", "kong", "10.0.0.2")]
--- error_code eval
[200, 401, 401, 401, 429, 200]
--- response_body_like eval
["Username: bob", ("Unauthorized") x 3, qr{^\{\n  "message":"Too many failed authentication attempts",\n  "request_id":"[0-9a-f]{32}"\n\}$}, "Username: bob"]
--- no_error_log
[error]
[alert]



=== TEST 2: the answer says when to come back
--- guard: max_client_failures=1 block_duration=300
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
[main::basic("bob", "x"), main::basic("bob", "kong")]
--- error_code eval
[401, 429]
--- response_headers_like eval
["WWW-Authenticate: Basic.*", "Retry-After: (?:300|299|298)"]
--- error_log
auth_guard: client is refused for 300 seconds, after 1 failed authentications
--- no_error_log
bob



=== TEST 3: requests without a credential are no failures
--- guard: max_client_failures=1
--- request eval
[("GET /t") x 5]
--- more_headers eval
["A: b", "Authorization: foobar", "Authorization: Basic Ym9i", main::basic("bob", "kong"), "A: b"]
--- error_code eval
[401, 401, 401, 200, 401]



=== TEST 4: by the name of the credential, from wherever
--- guard: max_client_failures=0 max_credential_failures=2
--- request eval
[("GET /t") x 6]
--- more_headers eval
[main::basic("bob", "x", "10.0.0.1"), main::basic("bob", "x", "10.0.0.2"), main::basic("bob", "kong", "10.0.0.3"),
 main::basic("eve", "kong", "10.0.0.1"), main::basic("eve", "x", "10.0.0.1"), main::basic("eve", "kong", "10.0.0.1")]
--- error_code eval
[401, 401, 429, 200, 401, 200]
--- error_log
auth_guard: credential is refused for 300 seconds, after 2 failed authentications



=== TEST 5: a name that nobody has is counted like others
--- guard: max_client_failures=0 max_credential_failures=2
--- request eval
[("GET /t") x 4]
--- more_headers eval
[(map { main::basic("mallory", "x", "10.0.0.$_") } 1 .. 3), main::basic("bob", "kong")]
--- error_code eval
[401, 401, 429, 200]



=== TEST 6: keys
--- guard: max_client_failures=2 max_credential_failures=1
--- auth: gateway_key_auth on;
--- request eval
["GET /t", "GET /t?apikey=a", "GET /t?apikey=kong", "GET /t?apikey=b", "GET /t?apikey=kong"]
--- error_code eval
[401, 401, 200, 401, 429]



=== TEST 7: signatures
--- guard: max_client_failures=0 max_credential_failures=2
--- auth: gateway_hmac_auth on;
--- request eval
[("GET /t") x 5]
--- more_headers eval
[main::signed("bob", "kong"), main::signed("bob", "x"), main::signed("bob", "y"), main::signed("bob", "kong"), main::signed("eve", "kong")]
--- error_code eval
[200, 401, 401, 429, 401]



=== TEST 8: tokens
--- guard: max_client_failures=0 max_credential_failures=2
--- auth: gateway_jwt on;
--- request eval
[("GET /t") x 6]
--- more_headers eval
["A: b", main::token("bob", "kong"), main::token("bob", "x"), main::token("bob", "y"), main::token("bob", "kong"), main::token("eve", "kong")]
--- error_code eval
[401, 200, 401, 401, 429, 401]



=== TEST 9: names of different policies are different
--- guard: max_client_failures=0 max_credential_failures=1
--- auth: gateway_basic_auth anonymous=nobody; gateway_hmac_auth anonymous=nobody;
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
[main::basic("bob", "x"), main::signed("bob", "kong"), main::basic("bob", "kong")]
--- error_code eval
[200, 200, 429]
--- response_body_like eval
["Username: nobody", "Username: bob", "Too many"]



=== TEST 10: failures that an anonymous consumer stands in for, counted once
--- guard: max_client_failures=2
--- auth: gateway_key_auth anonymous=nobody; gateway_basic_auth anonymous=nobody;
--- request eval
["GET /t", "GET /t?apikey=x", "GET /t?apikey=x", "GET /t"]
--- error_code eval
[200, 200, 200, 429]



=== TEST 11: addresses that are exempt
--- guard: max_client_failures=1 exempt=10.0.0.0/8 exempt=2001:db8::/32
--- request eval
[("GET /t") x 6]
--- more_headers eval
[main::basic("bob", "x", "10.1.2.3"), main::basic("bob", "kong", "10.1.2.3"), main::basic("bob", "x", "2001:db8::1"),
 main::basic("bob", "kong", "2001:db8::1"), main::basic("bob", "x", "11.1.2.3"), main::basic("bob", "kong", "11.1.2.3")]
--- error_code eval
[401, 200, 401, 200, 401, 429]



=== TEST 12: of an IPv6 address the network counts
--- guard: max_client_failures=1
--- request eval
[("GET /t") x 3]
--- more_headers eval
[main::basic("bob", "x", "2001:db8:0:1::1"), main::basic("bob", "kong", "2001:db8:0:1:ffff::2"), main::basic("bob", "kong", "2001:db8:0:2::1")]
--- error_code eval
[401, 429, 200]



=== TEST 13: or more of it, and a mapped one is that of IPv4
--- guard: max_client_failures=1 ipv6_prefix=126
--- request eval
[("GET /t") x 5]
--- more_headers eval
[main::basic("bob", "x", "2001:db8::1"), main::basic("bob", "kong", "2001:db8::2"), main::basic("bob", "kong", "2001:db8::4"),
 main::basic("bob", "x", "::ffff:10.0.0.1"), main::basic("bob", "kong", "10.0.0.1")]
--- error_code eval
[401, 429, 200, 401, 429]



=== TEST 14: locations count together, each with its limits
--- config eval
"location /a { gateway_auth_guard max_client_failures=3; gateway_basic_auth on; $::proxy }
location /b { gateway_auth_guard max_client_failures=1; gateway_basic_auth on; $::proxy }
location /c { gateway_basic_auth on; $::proxy }"
--- request eval
["GET /c", "GET /a", "GET /a", "GET /b", "GET /a", "GET /c"]
--- more_headers eval
[(map { main::basic("bob", "x") } 1 .. 4), (map { main::basic("bob", "kong") } 1 .. 2)]
--- error_code eval
[401, 401, 401, 401, 429, 200]



=== TEST 15: all workers count together
--- workers: 4
--- guard: max_client_failures=5
--- request eval
[("GET /t") x 8]
--- more_headers eval
[map { main::basic("bob", "x") } 1 .. 8]
--- error_code eval
[(401) x 5, (429) x 3]



=== TEST 16: off further in
--- config eval
"gateway_auth_guard max_client_failures=1;
location /a { gateway_basic_auth on; $::proxy }
location /b { gateway_auth_guard off; gateway_basic_auth on; $::proxy }"
--- request eval
["GET /b", "GET /b", "GET /a", "GET /a", "GET /b"]
--- more_headers eval
[(map { main::basic("bob", "x") } 1 .. 3), (map { main::basic("bob", "kong") } 1 .. 2)]
--- error_code eval
[401, 401, 401, 429, 200]



=== TEST 17: many addresses in little memory
--- zone
gateway_auth_guard_zone 32k;
--- guard: max_client_failures=2
--- request eval
[("GET /t") x 1203]
--- more_headers eval
[(map { main::basic("bob", "x", "10.0." . ($_ >> 8) . "." . ($_ & 255)) } 1 .. 1200), (map { main::basic("bob", "x", "11.0.0.1") } 1 .. 3)]
--- error_code eval
[(401) x 1202, 429]
--- no_error_log
[alert]



=== TEST 18: limits nothing
--- guard: max_client_failures=0
--- must_die
--- error_log
"gateway_auth_guard" directive limits nothing



=== TEST 19: a bad limit
--- guard: max_client_failures=-1
--- must_die
--- error_log
max_client_failures



=== TEST 20: a bad address
--- guard: exempt=10.0.0
--- must_die
--- error_log
invalid address "10.0.0" in "exempt" of "gateway_auth_guard"



=== TEST 21: not for a consumer
--- http_config
    gateway_consumer bob { gateway_auth_guard on; }
--- config
--- must_die
--- error_log
is not allowed in "gateway_consumer"



=== TEST 22: a zone that is too small
--- http_config
    gateway_auth_guard_zone 1k;
--- config
--- must_die
--- error_log
zone size "1k" is too small



=== TEST 23: a gRPC client gets its status
--- guard: max_client_failures=1
--- request eval
["POST /t", "POST /t"]
--- more_headers eval
[main::basic("bob", "x") . "\nContent-Type: application/grpc", main::basic("bob", "kong") . "\nContent-Type: application/grpc"]
--- error_code eval
[401, 429]
--- response_headers_like eval
["grpc-status: 16", "grpc-status: 8"]



=== TEST 24: metrics, under one name in both sets
--- config eval
"location /t { gateway_auth_guard max_client_failures=2; gateway_basic_auth on; gateway_prometheus on; $::proxy }
location /metrics { gateway_prometheus_metrics; }
location /names { gateway_prometheus_metrics names=gateway; }"
--- request eval
["GET /metrics", "GET /t", "GET /t", "GET /t", "GET /t", "GET /metrics", "GET /names"]
--- more_headers eval
["A: b", (map { main::basic("bob", "x") } 1 .. 4), "A: b", "A: b"]
--- error_code eval
[200, 401, 401, 429, 429, 200, 200]
--- response_body_like eval
["kong_node_info", ".", ".", ".", ".",
 (qr/^# HELP gateway_auth_failures_total \S.*\n# TYPE gateway_auth_failures_total counter\ngateway_auth_failures_total\{policy="basic_auth"\} 2\n(?s:.*)^gateway_auth_guard_blocked_total\{by="client"\} 1\n(?s:.*)^gateway_auth_guard_refused_total\{by="client"\} 2\n/m) x 2]
--- response_body_unlike eval
["gateway_auth_(?:failures|guard_(?:blocked|refused))", ("%%") x 4, ("by=\"credential\"") x 2]



=== TEST 25: certificates, by address
--- http_config eval
$::certs
--- guard: max_client_failures=2
--- auth eval
$::cert_auth
--- request eval
[("GET /t") x 7]
--- more_headers eval
["A: b", "X-Cert: x", main::cert("bob"), main::cert("old"), main::cert("bob"), main::cert("stranger"), main::cert("bob")]
--- error_code eval
[401, 401, 200, 401, 200, 401, 429]
--- error_log
auth_guard: client is refused for 300 seconds, after 2 failed authentications



=== TEST 26: certificates, by digest: others of the same name are not refused
--- http_config eval
$::certs
--- guard: max_client_failures=0 max_credential_failures=2
--- auth eval
$::cert_auth
--- request eval
[("GET /t") x 6]
--- more_headers eval
[(map { main::cert("old", "10.0.0.$_") } 1 .. 3), main::cert("bob"), main::cert("stranger"), main::cert("old")]
--- error_code eval
[401, 401, 429, 200, 401, 429]
--- error_log
auth_guard: credential is refused for 300 seconds, after 2 failed authentications



=== TEST 27: certificates of whose status nobody says are no failures
--- http_config eval
$::certs
--- guard: max_client_failures=1
--- auth eval
$::cert_auth =~ s/SKIP/STRICT/r
--- request eval
[("GET /t") x 4]
--- more_headers eval
[main::cert("bob"), main::cert("bob"), main::cert("old"), main::cert("bob")]
--- error_code eval
[401, 401, 401, 429]



=== TEST 28: certificates that an anonymous consumer stands in for, counted once
--- http_config eval
$::certs
--- guard: max_client_failures=2
--- auth eval
$::cert_auth =~ s/SKIP/SKIP anonymous=nobody/r
--- request eval
[("GET /t") x 5]
--- more_headers eval
["A: b", main::cert("old"), main::cert("bob"), main::cert("stranger"), main::cert("bob")]
--- error_code eval
[200, 200, 200, 200, 429]
--- response_body_like eval
["Username: nobody", "Username: nobody", "Username: bob", "Username: nobody", "Too many"]



=== TEST 29: where two methods are needed, one that was right has not failed
--- guard: max_client_failures=1
--- auth: gateway_key_auth on; gateway_basic_auth on;
--- request eval
[("GET /t?apikey=kong") x 4]
--- more_headers eval
["A: b", main::basic("bob", "kong"), main::basic("bob", "x"), main::basic("bob", "kong")]
--- error_code eval
[401, 200, 401, 429]
