# Copyright (C) the ngx_gateway authors
#
# Which instance of a plugin acts: the worked examples of scope precedence,
# told by the limit in X-RateLimit-Limit-Minute.

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
consumers:
- username: c
  keyauth_credentials: [{key: secret}]
- username: anybody
plugins:
- name: key-auth
  config: {anonymous: anybody}
_EOC_

add_block_preprocessor(sub {
    my ($block) = @_;

    my $yaml = $head;

    for my $line (split /\n/, $block->instances) {
        my ($limit, $scope) = $line =~ /^(\d+)\s*(.*)$/ or next;
        $yaml .= "- {name: rate-limiting, config: {minute: $limit}"
                 . ($scope ? ", $scope" : '') . "}\n";
    }

    $block->set_value('yaml', $yaml);
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: service over global
--- instances
10
20 service: s
--- request eval
["GET /r", "GET /r2"]
--- response_headers eval
["X-RateLimit-Limit-Minute: 20", "X-RateLimit-Limit-Minute: 10"]
--- error_code eval
[200, 200]


=== TEST 2: route over service
--- instances
10
20 service: s
30 route: r
--- request eval
["GET /r", "GET /other"]
--- response_headers eval
["X-RateLimit-Limit-Minute: 30", "X-RateLimit-Limit-Minute: 20"]
--- error_code eval
[200, 200]


=== TEST 3: consumer over route
--- instances
30 route: r
40 consumer: c
--- request eval
["GET /r", "GET /r"]
--- more_headers eval
["apikey: secret", ""]
--- response_headers eval
["X-RateLimit-Limit-Minute: 40", "X-RateLimit-Limit-Minute: 30"]
--- error_code eval
[200, 200]


=== TEST 4: route and service together over consumer
--- instances
35 route: r, service: s
40 consumer: c
--- request eval
["GET /r", "GET /other"]
--- more_headers
apikey: secret
--- response_headers eval
["X-RateLimit-Limit-Minute: 35", "X-RateLimit-Limit-Minute: 40"]
--- error_code eval
[200, 200]


=== TEST 5: service and consumer over route and service
--- instances
35 route: r, service: s
50 service: s, consumer: c
--- request eval
["GET /r", "GET /r"]
--- more_headers eval
["apikey: secret", ""]
--- response_headers eval
["X-RateLimit-Limit-Minute: 50", "X-RateLimit-Limit-Minute: 35"]
--- error_code eval
[200, 200]


=== TEST 6: route and consumer over service and consumer
--- instances
50 service: s, consumer: c
60 route: r, consumer: c
--- request eval
["GET /r", "GET /other", "GET /r2"]
--- more_headers
apikey: secret
--- response_headers eval
["X-RateLimit-Limit-Minute: 60", "X-RateLimit-Limit-Minute: 50",
 "!X-RateLimit-Limit-Minute"]
--- error_code eval
[200, 200, 200]


=== TEST 7: all three over two
--- instances
60 route: r, consumer: c
70 route: r, service: s, consumer: c
--- request
GET /r
--- more_headers
apikey: secret
--- response_headers
X-RateLimit-Limit-Minute: 70


=== TEST 8: a disabled instance gives way to the next
--- instances
20 service: s
30 route: r, enabled: false
--- request
GET /r
--- response_headers
X-RateLimit-Limit-Minute: 20


=== TEST 9: and to nothing when there is none
--- instances
30 route: r, enabled: false
--- request
GET /r
--- response_headers
!X-RateLimit-Limit-Minute


=== TEST 10: a consumer's own instance is not for others
--- instances
40 consumer: c
--- request eval
["GET /r", "GET /r"]
--- more_headers eval
["", "apikey: secret"]
--- response_headers eval
["!X-RateLimit-Limit-Minute", "X-RateLimit-Limit-Minute: 40"]
--- error_code eval
[200, 200]


=== TEST 11: the anonymous consumer is one too
--- instances
10
40 consumer: anybody
--- request eval
["GET /r", "GET /r"]
--- more_headers eval
["", "apikey: secret"]
--- response_headers eval
["X-RateLimit-Limit-Minute: 40", "X-RateLimit-Limit-Minute: 10"]
--- error_code eval
[200, 200]


=== TEST 12: a service's counter is shared by its routes, a route's is not
--- instances
2 service: s
--- request eval
["GET /r", "GET /other", "GET /r"]
--- error_code eval
[200, 200, 429]


=== TEST 13: nothing acts where no route matched
--- instances
10
--- request
GET /none
--- error_code: 404
--- response_headers
!X-RateLimit-Limit-Minute
