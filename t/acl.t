# Copyright (C) the ngx_gateway authors
#
# acl: who may pass, and what the upstream is told about groups.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $consumers = <<'_EOC_';
    gateway_consumer admin {
        gateway_key_auth_credential key=admin;
        gateway_acl_group admin;
    }
    gateway_consumer none {
        gateway_key_auth_credential key=none;
    }
    gateway_consumer pro {
        gateway_key_auth_credential key=pro;
        gateway_acl_group pro;
        gateway_acl_group hello;
    }
    gateway_consumer free {
        gateway_key_auth_credential key=free;
        gateway_acl_group free hello;
    }
    gateway_consumer nobody {
        gateway_acl_group anonymous;
    }
    gateway_consumer lonely {
    }
_EOC_

# more groups than bits in a word
our $many = CORE::join('', map {
    "gateway_consumer c$_ { gateway_acl_group g$_ h$_;"
    . " gateway_key_auth_credential key=k$_; }\n"
} 0 .. 99);

our $proxy = <<'_EOC_';
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $consumers)
        unless defined $block->http_config;

    if (defined $block->acl) {
        my $args = $block->acl;
        chomp $args;
        my $more = defined $block->location ? $block->location
                                            : 'gateway_key_auth on;';
        $block->set_value('config', "location / {\n"
                          . "gateway_acl $args;\n$more\n$proxy}\n");
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: acl alone knows no one
--- acl: allow=admin
--- location
--- request
GET /t
--- error_code: 401
--- response_headers
!WWW-Authenticate
--- response_body_like eval
qr{^\{\n  "message":"Unauthorized",\n  "request_id":"[0-9a-f]{32}"\n\}$}



=== TEST 2: allow: a member passes, others and those without groups do not
--- acl: allow=admin
--- request eval
["GET /t?apikey=admin", "GET /t?apikey=pro", "GET /t?apikey=none"]
--- error_code eval
[200, 403, 403]
--- response_body_like eval
["\nX-Consumer-Groups: admin\n",
 "\"message\":\"You cannot consume this service\"",
 "\"message\":\"You cannot consume this service\""]
--- response_body_unlike eval
["X-Authenticated-Groups", "x", "x"]
--- raw_response_headers_unlike eval
[("WWW-Authenticate") x 3]



=== TEST 3: deny: a member is refused; the upstream sees all groups or none
--- acl: deny=admin
--- request eval
["GET /t?apikey=admin", "GET /t?apikey=pro", "GET /t?apikey=none"]
--- error_code eval
[403, 200, 200]
--- response_body_like eval
["You cannot consume this service", "\nX-Consumer-Groups: pro, hello\n", "\nX-Consumer-Groups: ?\n"]



=== TEST 4: deny without authentication
--- acl: deny=admin
--- location
--- request
GET /t
--- error_code: 401



=== TEST 5: one group of several is enough, to pass and to be refused
--- acl: allow=other allow=hello
--- request eval
["GET /t?apikey=pro", "GET /t?apikey=free", "GET /t?apikey=admin"]
--- error_code eval
[200, 200, 403]
--- response_body_like eval
["\nX-Consumer-Groups: pro, hello\n", "\nX-Consumer-Groups: free, hello\n", ""]



=== TEST 6: the same for deny
--- acl: deny=hello
--- request eval
["GET /t?apikey=pro", "GET /t?apikey=free", "GET /t?apikey=admin"]
--- error_code eval
[403, 403, 200]



=== TEST 7: group names are compared with case
--- acl: allow=Admin
--- request
GET /t?apikey=admin
--- error_code: 403



=== TEST 8: the groups of the anonymous consumer
--- acl: allow=anonymous
--- location
    gateway_key_auth anonymous=nobody;
--- request eval
["GET /t", "GET /t?apikey=admin"]
--- error_code eval
[200, 403]
--- response_body_like eval
["\nX-Consumer-Groups: anonymous\n", ""]



=== TEST 9: an anonymous consumer in other groups, or without one, with allow
--- config
    location /a {
        gateway_acl allow=admin;
        gateway_key_auth anonymous=nobody;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /b {
        gateway_acl allow=admin;
        gateway_key_auth anonymous=lonely;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /c {
        gateway_acl deny=admin;
        gateway_key_auth anonymous=lonely;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /a", "GET /b", "GET /c"]
--- error_code eval
[403, 401, 200]



=== TEST 10: hide_groups_header
--- acl: allow=admin hide_groups_header=on
--- request
GET /t?apikey=admin
--- response_body_unlike: Groups



=== TEST 11: what the client says about groups does not get through
--- http_config eval: $::consumers . "gateway_strip_identity_headers off;"
--- acl: allow=admin
--- request
GET /t?apikey=admin
--- more_headers
X-Consumer-Groups: root
X-Consumer-Groups: root
X-Authenticated-Groups: root
--- response_body_like: \nX-Consumer-Groups: admin\n
--- response_body_unlike: root



=== TEST 12: nor when our own header is hidden
--- http_config eval: $::consumers . "gateway_strip_identity_headers off;"
--- acl: allow=admin hide_groups_header=on
--- request
GET /t?apikey=admin
--- more_headers
X-Consumer-Groups: root
X-Authenticated-Groups: root
--- response_body_unlike: Groups



=== TEST 13: a client cannot bring its groups itself
--- acl: allow=admin always_use_authenticated_groups=on
--- request
GET /t?apikey=pro
--- more_headers
X-Authenticated-Groups: admin
X-Consumer-Groups: admin
--- error_code: 403



=== TEST 14: always_use_authenticated_groups without any uses the consumer's
--- acl: allow=admin always_use_authenticated_groups=on
--- request
GET /t?apikey=admin
--- response_body_like: \nX-Consumer-Groups: admin\n



=== TEST 15: many groups
--- http_config eval: $::many
--- acl: allow=h1 allow=g62 allow=h98
--- request eval
["GET /t?apikey=k1", "GET /t?apikey=k62", "GET /t?apikey=k98", "GET /t?apikey=k0", "GET /t?apikey=k31", "GET /t?apikey=k97", "GET /t?apikey=k99"]
--- error_code eval
[200, 200, 200, 403, 403, 403, 403]



=== TEST 16: group names with blanks
--- http_config
    gateway_consumer bob {
        gateway_key_auth_credential key=bob;
        gateway_acl_group "two words" other;
    }
--- acl: "allow=two words"
--- request
GET /t?apikey=bob
--- response_body_like: \nX-Consumer-Groups: two words, other\n



=== TEST 17: inherited, replaced as a whole, and switched off
--- config
    gateway_key_auth on;
    gateway_acl allow=admin hide_groups_header=on;
    location /a {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /b {
        gateway_acl deny=admin;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /c {
        gateway_acl off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /a?apikey=pro", "GET /b?apikey=pro", "GET /c?apikey=none", "GET /c"]
--- error_code eval
[403, 200, 200, 401]
--- response_body_unlike eval
["xyz", "xyz", "Groups", "xyz"]



=== TEST 18: both lists
--- acl: allow=admin deny=free
--- must_die
--- error_log
"gateway_acl" directive has both "allow" and "deny"



=== TEST 19: no list
--- acl: on
--- must_die
--- error_log
"gateway_acl" directive has neither "allow" nor "deny"



=== TEST 20: an empty group
--- acl: allow=
--- must_die
--- error_log
"gateway_acl" directive has an empty group



=== TEST 21: not for a single consumer
--- http_config
    gateway_consumer bob {
        gateway_acl allow=admin;
    }
--- config
--- must_die
--- error_log
is not allowed in "gateway_consumer"



=== TEST 22: a group twice
--- http_config
    gateway_consumer bob {
        gateway_acl_group a b;
        gateway_acl_group a;
    }
--- config
--- must_die
--- error_log
duplicate group "a" in "gateway_acl_group" of consumer "bob"



=== TEST 23: a group outside of a consumer
--- http_config
    gateway_acl_group a;
--- config
--- must_die
--- error_log
"gateway_acl_group" directive is not allowed here



=== TEST 24: in a service, with both of its headers kept from the client
--- config
    gateway_service echo {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        gateway_key_auth anonymous=nobody;
        gateway_acl deny=free;
    }
    gateway_route all service=echo { paths /; }
    gateway_route hidden service=echo {
        paths /hidden;
        gateway_acl allow=admin allow=anonymous hide_groups_header=on;
    }
--- request eval
["GET /t?apikey=pro", "GET /t?apikey=free", "GET /t", "GET /hidden?apikey=admin", "GET /hidden?apikey=pro"]
--- more_headers
X-Consumer-Groups: root
X-Authenticated-Groups: root
--- error_code eval
[200, 403, 200, 200, 403]
--- response_body_like eval
["\nX-Consumer-Groups: pro, hello\n", "You cannot", "\nX-Consumer-Groups: anonymous\n", "GET", "You cannot"]
--- response_body_unlike eval
["root", "root", "root", "Groups", "root"]
