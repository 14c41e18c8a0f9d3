# Copyright (C) the ngx_gateway authors
#
# Consumer groups: which instance acts for their members, told by the limit in
# X-RateLimit-Limit-Minute, and what the upstream hears of them.

use lib 't/lib';
use Test::Gateway 'no_plan';

our $head = <<'_EOC_';
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - {name: r, paths: [/r]}
  - {name: other, paths: [/other]}
- name: s2
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - {name: r2, paths: [/r2]}
consumer_groups:
- name: gold
- name: silver
- name: zinc
consumers:
- username: c
  keyauth_credentials: [{key: secret}]
  groups: [{name: silver}, {name: gold}]
- username: d
  keyauth_credentials: [{key: other}]
- username: anybody
plugins:
- name: key-auth
  config: {anonymous: anybody}
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    return unless defined $block->instances;

    my $yaml = $head;

    for my $line (split /\n/, $block->instances) {
        my ($limit, $scope) = $line =~ /^(\d+)\s*(.*)$/ or next;
        $yaml .= "- {name: rate-limiting, config: {minute: $limit}"
                 . ($scope ? ", $scope" : '') . "}\n";
    }

    $block->set_value('yaml', $yaml);
});

our $http = <<'_EOC_';
    gateway_consumer alice {
        gateway_key_auth_credential key=alice;
        groups silver gold;
        gateway_acl_group staff gold;
    }

    gateway_consumer bob {
        gateway_key_auth_credential key=bob;
        groups gold;
    }

    gateway_consumer carol {
        gateway_key_auth_credential key=carol;
    }

    gateway_consumer_group gold {
        gateway_request_termination status_code=201 message=gold;
    }

    gateway_consumer_group silver {
        id 11111111-2222-3333-4444-555555555555;
    }
_EOC_

no_long_string();
run_tests();

__DATA__

=== TEST 1: a group over a route, a service and global
--- instances
10
20 service: s
30 route: r
40 consumer_group: gold
--- request eval
["GET /r", "GET /other", "GET /r2", "GET /r", "GET /other", "GET /r2", "GET /r"]
--- more_headers eval
["apikey: secret", "apikey: secret", "apikey: secret", "apikey: other", "apikey: other", "apikey: other", ""]
--- response_headers eval
["X-RateLimit-Limit-Minute: 40", "X-RateLimit-Limit-Minute: 40", "X-RateLimit-Limit-Minute: 40",
 "X-RateLimit-Limit-Minute: 30", "X-RateLimit-Limit-Minute: 20", "X-RateLimit-Limit-Minute: 10",
 "X-RateLimit-Limit-Minute: 30"]
--- error_code eval
[200, 200, 200, 200, 200, 200, 200]



=== TEST 2: a consumer over its group
--- instances
40 consumer_group: gold
50 consumer: c
--- request
GET /r
--- more_headers
apikey: secret
--- response_headers
X-RateLimit-Limit-Minute: 50



=== TEST 3: route and service together over consumer and over group
--- instances
35 route: r, service: s
40 consumer_group: gold
50 consumer: c
--- request eval
["GET /r", "GET /other"]
--- more_headers
apikey: secret
--- response_headers eval
["X-RateLimit-Limit-Minute: 35", "X-RateLimit-Limit-Minute: 50"]
--- error_code eval
[200, 200]



=== TEST 4: group and service over route and service
--- instances
35 route: r, service: s
45 service: s, consumer_group: gold
--- request eval
["GET /r", "GET /other", "GET /r2", "GET /r"]
--- more_headers eval
["apikey: secret", "apikey: secret", "apikey: secret", "apikey: other"]
--- response_headers eval
["X-RateLimit-Limit-Minute: 45", "X-RateLimit-Limit-Minute: 45", "!X-RateLimit-Limit-Minute",
 "X-RateLimit-Limit-Minute: 35"]
--- error_code eval
[200, 200, 200, 200]



=== TEST 5: group and route over group and service
--- instances
45 service: s, consumer_group: gold
47 route: r, consumer_group: gold
--- request eval
["GET /r", "GET /other"]
--- more_headers
apikey: secret
--- response_headers eval
["X-RateLimit-Limit-Minute: 47", "X-RateLimit-Limit-Minute: 45"]
--- error_code eval
[200, 200]



=== TEST 6: consumer and service over group and route
--- instances
47 route: r, consumer_group: gold
55 service: s, consumer: c
--- request
GET /r
--- more_headers
apikey: secret
--- response_headers
X-RateLimit-Limit-Minute: 55



=== TEST 7: consumer and route over consumer and service
--- instances
55 service: s, consumer: c
57 route: r, consumer: c
--- request
GET /r
--- more_headers
apikey: secret
--- response_headers
X-RateLimit-Limit-Minute: 57



=== TEST 8: group, route and service over consumer and route
--- instances
57 route: r, consumer: c
60 route: r, service: s, consumer_group: gold
--- request eval
["GET /r", "GET /other"]
--- more_headers
apikey: secret
--- response_headers eval
["X-RateLimit-Limit-Minute: 60", "!X-RateLimit-Limit-Minute"]
--- error_code eval
[200, 200]



=== TEST 9: consumer, route and service over all
--- instances
60 route: r, service: s, consumer_group: gold
70 route: r, service: s, consumer: c
--- request
GET /r
--- more_headers
apikey: secret
--- response_headers
X-RateLimit-Limit-Minute: 70



=== TEST 10: of several groups the first by name, whatever the order of the file
--- instances
42 consumer_group: silver
41 consumer_group: gold
43 consumer_group: zinc
--- request
GET /r
--- more_headers
apikey: secret
--- response_headers
X-RateLimit-Limit-Minute: 41



=== TEST 11: the more specific one of a later group over an earlier group
--- instances
41 consumer_group: gold
46 consumer_group: silver, service: s
--- request
GET /r
--- more_headers
apikey: secret
--- response_headers
X-RateLimit-Limit-Minute: 46



=== TEST 12: a disabled one does not count
--- instances
41 consumer_group: gold, enabled: false
42 consumer_group: silver
--- request
GET /r
--- more_headers
apikey: secret
--- response_headers
X-RateLimit-Limit-Minute: 42



=== TEST 13: who is in no group gets none of theirs
--- instances
41 consumer_group: gold
--- request eval
["GET /r", "GET /r"]
--- more_headers eval
["apikey: other", ""]
--- response_headers eval
["!X-RateLimit-Limit-Minute", "!X-RateLimit-Limit-Minute"]
--- error_code eval
[200, 200]



=== TEST 14: every way to say who belongs to a group; plugins in the group
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes: [{name: r, paths: [/]}]
  plugins: [{name: key-auth}]
consumer_groups:
- name: gold
  consumers:
  - username: a
  - b
  - {custom_id: number-c}
  consumer_group_consumers:
  - consumer: d
  plugins:
  - name: rate-limiting
    config: {minute: 7}
consumers:
- {username: a, keyauth_credentials: [{key: a}]}
- {username: b, keyauth_credentials: [{key: b}]}
- {custom_id: number-c, keyauth_credentials: [{key: c}]}
- {username: d, keyauth_credentials: [{key: d}]}
- {username: e, keyauth_credentials: [{key: e}], groups: [gold]}
- {username: f, keyauth_credentials: [{key: f}]}
- {username: g, keyauth_credentials: [{key: g}]}
consumer_group_consumers:
- {consumer: f, consumer_group: gold}
--- request eval
[map { "GET /?apikey=$_" } 'a' .. 'g']
--- response_headers eval
[("X-RateLimit-Limit-Minute: 7") x 6, "!X-RateLimit-Limit-Minute"]
--- error_code eval
[(200) x 7]
--- response_body_like eval
[("\nX-Consumer-Groups: gold\n") x 6, "GET"]
--- response_body_unlike eval
[("gold, gold") x 6, "Groups"]



=== TEST 15: the upstream hears of groups, and of no copy that the client sent
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes: [{name: r, paths: [/]}]
  plugins: [{name: key-auth, config: {anonymous: nobody}}]
consumer_groups:
- name: two words
- name: a
- name: guests
consumers:
- {username: x, keyauth_credentials: [{key: x}], groups: [two words, a]}
- {username: y, keyauth_credentials: [{key: y}]}
- {username: nobody, groups: [guests]}
--- request eval
["GET /?apikey=x", "GET /?apikey=y", "GET /"]
--- more_headers
X-Consumer-Groups: root
X_Consumer_Groups: root
X-Authenticated-Groups: root
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["\nX-Consumer-Groups: a, two words\n", "\nX-Consumer-Username: y\n", "\nX-Consumer-Groups: guests\n"]
--- response_body_unlike eval
["root", "root|Groups", "root"]



=== TEST 16: of two methods the last one's consumer tells its groups
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes: [{name: r, paths: [/]}]
  plugins: [{name: key-auth}, {name: basic-auth}]
consumer_groups:
- name: gold
- name: silver
consumers:
- {username: x, keyauth_credentials: [{key: x}], groups: [gold]}
- {username: y, basicauth_credentials: [{username: y, password: y}], groups: [silver]}
- {username: z, basicauth_credentials: [{username: z, password: z}]}
--- request eval
["GET /?apikey=x", "GET /?apikey=x"]
--- more_headers eval
["Authorization: Basic eTp5", "Authorization: Basic ejp6"]
--- error_code eval
[200, 200]
--- response_body_like eval
["\nX-Consumer-Groups: silver\n", "\nX-Consumer-Username: z\n"]
--- response_body_unlike eval
["gold", "gold|Groups"]



=== TEST 17: acl: consumer groups count when it says so
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: without
    paths: [/without]
    plugins: [{name: acl, config: {allow: [gold]}}]
  - name: with
    paths: [/with]
    plugins: [{name: acl, config: {allow: [gold], include_consumer_groups: true}}]
  - name: denies
    paths: [/denies]
    plugins: [{name: acl, config: {deny: [gold], include_consumer_groups: true}}]
  - name: hidden
    paths: [/hidden]
    plugins: [{name: acl, config: {allow: [gold], include_consumer_groups: true, hide_groups_header: true}}]
  - name: open
    paths: [/open]
    plugins: [{name: acl, config: {deny: [nobody]}}]
  plugins: [{name: key-auth}]
consumer_groups:
- name: gold
- name: silver
consumers:
- {username: g, keyauth_credentials: [{key: g}], groups: [silver, gold]}
- {username: b, keyauth_credentials: [{key: b}], groups: [gold], acls: [{group: gold}, {group: staff}]}
- {username: s, keyauth_credentials: [{key: s}], groups: [silver], acls: [{group: staff}]}
- {username: n, keyauth_credentials: [{key: n}]}
--- request eval
["GET /without?apikey=g", "GET /without?apikey=b",
 "GET /with?apikey=g", "GET /with?apikey=b", "GET /with?apikey=s", "GET /with?apikey=n",
 "GET /denies?apikey=g", "GET /denies?apikey=s", "GET /denies?apikey=n",
 "GET /hidden?apikey=g", "GET /open?apikey=g", "GET /open?apikey=b"]
--- more_headers
X-Consumer-Groups: root
--- error_code eval
[403, 200, 200, 200, 403, 403, 403, 200, 200, 200, 200, 200]
--- response_body_like eval
["You cannot consume this service", "\nX-Consumer-Groups: gold, staff\n",
 "\nX-Consumer-Groups: gold, silver\n", "\nX-Consumer-Groups: gold, staff\n", "You cannot", "You cannot",
 "You cannot", "\nX-Consumer-Groups: staff, silver\n", "\nX-Consumer-Groups: ?\n",
 "GET", "\nX-Consumer-Groups: ?\n", "\nX-Consumer-Groups: gold, staff\n"]
--- response_body_unlike eval
[("root") x 9, "Groups", ("root|silver") x 2]



=== TEST 18: by hand: groups and acl in a location
--- http_config eval: $::http
--- config
    location /acl {
        gateway_key_auth on;
        gateway_acl allow=silver allow=x include_consumer_groups=on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /acl?apikey=bob", "GET /acl?apikey=carol", "GET /acl"]
--- error_code eval
[403, 403, 401]
--- response_body_like eval
["You cannot consume this service", "You cannot consume this service", "No API key found"]



=== TEST 19: by hand: the policy of a group acts, the variable tells groups
--- http_config eval
$::http . <<'_EOC_'
    log_format groups '$request_uri [$gateway_consumer_groups]';
_EOC_
--- config
    access_log logs/access.log groups;
    location / {
        gateway_key_auth on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /?apikey=alice", "GET /?apikey=bob", "GET /?apikey=carol"]
--- more_headers
X-Consumer-Groups: root
--- error_code eval
[201, 201, 200]
--- response_body_like eval
["gold", "gold", "\nX-Consumer-Username: carol\n"]
--- response_body_unlike eval
["root", "root", "root|Groups"]
--- access_log
/?apikey=alice [gold, silver]
/?apikey=bob [gold]
/?apikey=carol [-]



=== TEST 20: "off" in a group
--- http_config
    gateway_consumer alice {
        gateway_key_auth_credential key=alice;
        groups gold;
    }
    gateway_consumer_group gold {
        gateway_request_termination off;
    }
--- config
    location / {
        gateway_key_auth on;
        gateway_request_termination status_code=403;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request
GET /?apikey=alice
--- response_body_like: \nX-Consumer-Groups: gold\n



=== TEST 21: a group without a block
--- http_config
    gateway_consumer alice {
        groups gold;
    }
--- config
--- must_die
--- error_log
unknown consumer group "gold" in



=== TEST 22: two blocks of one name
--- http_config
    gateway_consumer_group gold {
    }
    gateway_consumer_group gold {
    }
--- config
--- must_die
--- error_log
duplicate consumer group "gold", the other one is in



=== TEST 23: a consumer twice in one group
--- http_config
    gateway_consumer_group gold {
    }
    gateway_consumer alice {
        groups gold;
        groups gold;
    }
--- config
--- must_die
--- error_log
duplicate group "gold" of consumer "alice"



=== TEST 24: a policy that consumers cannot have
--- http_config
    gateway_consumer_group gold {
        gateway_key_auth on;
    }
--- config
--- must_die
--- error_log
"gateway_key_auth" directive is not allowed in "gateway_consumer_group"



=== TEST 25: a credential in a group
--- http_config
    gateway_consumer_group gold {
        gateway_key_auth_credential key=a;
    }
--- config
--- must_die
--- error_log
"gateway_key_auth_credential" directive is not allowed here



=== TEST 26: an instance that names no route
--- http_config
    gateway_consumer_group gold {
        gateway_request_termination route=nowhere;
    }
--- config
--- must_die
--- error_log
unknown route "nowhere" in "gateway_request_termination" in



=== TEST 27: the same scope twice
--- http_config
    gateway_consumer_group gold {
        gateway_request_termination on;
        gateway_request_termination status_code=404;
    }
--- config
--- must_die
--- error_log
"gateway_request_termination" directive is duplicate



=== TEST 28: names that would break a header, ids that are none
--- http_config eval
"gateway_consumer_group \"a\tb\" { }"
--- config
--- must_die
--- error_log
a control character in the name of a group



=== TEST 29: an id that is no UUID
--- http_config
    gateway_consumer_group gold {
        id 7;
    }
--- config
--- must_die
--- error_log
"id" directive expects a UUID
