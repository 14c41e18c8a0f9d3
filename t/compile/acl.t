# Copyright (C) the ngx_gateway authors
#
# acl and acls: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080
  routes:
  - name: orders
    paths: [/orders]
  plugins:
  - name: key-auth
  - name: acl
    config:
      allow: [admin]
consumers:
- username: bob
  keyauth_credentials:
  - key: bobs-secret
  acls:
  - group: staff
  - group: admin
--- conf_like eval
[qr/^ +gateway_acl allow=admin;/m,
 qr/^ +gateway_acl_group staff;\n +gateway_acl_group admin;/m]



=== TEST 2: every field; names with blanks; an empty list is no list
--- yaml
_format_version: "3.0"
plugins:
- name: acl
  config:
    allow: []
    deny: [a, "b c"]
    hide_groups_header: true
    always_use_authenticated_groups: true
acls:
- consumer: bob
  group: "b c"
consumers:
- username: bob
--- conf_like eval
[qr/gateway_acl deny=a "deny=b c" hide_groups_header=on always_use_authenticated_groups=on;/,
 qr/gateway_acl_group "b c";/]



=== TEST 3: both lists
--- yaml
_format_version: "3.0"
plugins:
- name: acl
  config:
    allow: [a]
    deny: [b]
--- error_like: kong.yml:6:11: error: plugins\[0\]\.config\.deny: only one of "allow" and "deny" may be set



=== TEST 4: no list
--- yaml
_format_version: "3.0"
plugins:
- name: acl
  config:
    hide_groups_header: true
--- error_like: kong.yml:5:5: error: plugins\[0\]\.config: one of "allow" and "deny" must be set



=== TEST 5: no config at all
--- yaml
_format_version: "3.0"
plugins:
- name: acl
--- error_like: kong.yml:3:3: error: plugins\[0\].* one of "allow" and "deny" must be set



=== TEST 6: a group without a name
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  acls:
  - tags: [x]
--- error_like: kong.yml:5:5: error: consumers\[0\]\.acls\[0\].*group



=== TEST 7: a group twice
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  acls:
  - group: a
  - group: a
--- error_like: kong.yml:6:12: error: consumers\[0\]\.acls\[1\]\.group: uniqueness violation



=== TEST 8: the compiled gateway keeps to it
--- yaml
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$TEST_NGINX_ECHO_PORT
  routes:
  - name: all
    paths: [/]
    strip_path: false
  plugins:
  - name: key-auth
  - name: acl
    config:
      allow: [admin]
consumers:
- username: bob
  keyauth_credentials:
  - key: bob
  acls:
  - group: staff
  - group: admin
- username: alice
  keyauth_credentials:
  - key: alice
  acls:
  - group: staff
--- request eval
["GET /t?apikey=bob", "GET /t?apikey=alice", "GET /t"]
--- more_headers
X-Consumer-Groups: admin
--- error_code eval
[200, 403, 401]
--- response_body_like eval
["\nX-Consumer-Groups: staff, admin\n", "You cannot consume this service", "No API key found"]
--- response_body_unlike eval
["X-Consumer-Groups: admin", "X", "X"]
