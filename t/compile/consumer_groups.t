# Copyright (C) the ngx_gateway authors
#
# consumer_groups: from the file to directives, and to explain and diff.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: blocks, members and narrowed plugins
--- yaml
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:8080
  routes:
  - name: orders
    paths: [/orders]
consumer_groups:
- name: silver
  id: 11111111-2222-3333-4444-555555555555
  tags: [a]
- name: two words
  consumers: [bob]
  plugins:
  - name: rate-limiting
    config: {minute: 5}
  - name: rate-limiting
    route: orders
    config: {minute: 6}
plugins:
- name: rate-limiting
  consumer_group: silver
  service: orders
  route: orders
  config: {minute: 7}
consumers:
- username: alice
  groups: [{name: two words}, {name: silver}, silver]
- username: bob
  groups: [two words]
- username: carol
--- conf_like eval
[qr/gateway_consumer_group silver \{.*\n +id 11111111-2222-3333-4444-555555555555;\n +gateway_rate_limiting minute=7 route=orders service=orders;.*\n\}/,
 qr/gateway_consumer_group "two words" \{.*\n +id [0-9a-f-]{36};\n +gateway_rate_limiting minute=5;.*\n +gateway_rate_limiting minute=6 route=orders;.*\n\}/,
 qr/gateway_consumer alice \{.*\n.*\n.*\n +groups silver "two words";/,
 qr/gateway_consumer bob \{.*\n.*\n.*\n +groups "two words";/]
--- conf_unlike eval
qr/username carol;\n +groups/



=== TEST 2: fields that are no such ones
--- yaml
_format_version: "3.0"
consumer_groups:
- name: gold
  consumers:
  - {name: a, color: red}
- {}
- name: "a\tb"
--- error_like eval
qr/^kong.yml:5:5: error: consumer_groups\[0\].consumers\[0\]: expected a string, this is a map
kong.yml:6:3: error: consumer_groups\[1\]: required field missing: "name"
kong.yml:7:9: error: consumer_groups\[2\].name: .*control character/



=== TEST 3: members that do not exist
--- yaml
_format_version: "3.0"
consumer_groups:
- name: gold
  consumers:
  - {username: nobody}
  - {custom_id: nothing}
- name: gold
consumers:
- username: alice
  groups: [{name: platinum}]
consumer_group_consumers:
- consumer: alice
- consumer_group: gold
--- error
kong.yml:5:16: error: consumer_groups[0].consumers[0].username: invalid reference 'consumers: nobody' (no such entry in 'consumers')
kong.yml:6:17: error: consumer_groups[0].consumers[1].custom_id: invalid reference 'consumers: nothing' (no such entry in 'consumers')
kong.yml:7:9: error: consumer_groups[1].name: uniqueness violation: 'consumer_groups' entity with name set to 'gold' already declared in kong.yml:3
kong.yml:10:19: error: consumers[0].groups[0].name: invalid reference 'consumer_groups: platinum' (no such entry in 'consumer_groups')
kong.yml:12:3: error: consumer_group_consumers[0]: required field missing: "consumer_group"
kong.yml:13:3: error: consumer_group_consumers[1]: required field missing: "consumer"



=== TEST 4: plugins: scopes
--- yaml
_format_version: "3.0"
consumer_groups:
- name: gold
  plugins:
  - name: key-auth
  - name: rate-limiting
    consumer: alice
    config: {minute: 5}
- name: silver
plugins:
- {name: rate-limiting, consumer_group: silver, config: {minute: 5}}
- {name: rate-limiting, consumer_group: silver, config: {minute: 6}}
- {name: rate-limiting, consumer_group: bronze, config: {minute: 6}}
consumers:
- username: alice
--- error
kong.yml:5:11: error: consumer_groups[0].plugins[0].name: plugin "key-auth" cannot be set on a consumer group
kong.yml:6:11: error: consumer_groups[0].plugins[1].name: only one of "consumer" and "consumer_group" may be set
kong.yml:12:10: error: plugins[1].name: plugin "rate-limiting" is already set on the same scope in kong.yml:11
kong.yml:13:41: error: plugins[2].consumer_group: invalid reference 'consumer_group: bronze' (no such entry in 'consumer_groups')



=== TEST 5: explain: of several groups the first by name
--- yaml
_format_version: "3.0"
services:
- name: orders
  host: orders.internal
  routes:
  - name: items
    paths: [/items]
consumer_groups:
- name: silver
  plugins: [{name: rate-limiting, config: {minute: 2}}]
- name: gold
  plugins: [{name: rate-limiting, config: {minute: 1}}]
consumers:
- {username: alice, groups: [silver, gold]}
plugins:
- name: key-auth
- name: rate-limiting
  config: {minute: 100}
--- cmd: explain kong.yml http://shop.example/items --consumer alice
--- stdout_like eval
qr/key-auth +global +kong.yml:16\n +rate-limiting +consumer_group +kong.yml:12\n/



=== TEST 6: diff: members and what a group's plugin does
--- yaml
_format_version: "3.0"
consumer_groups:
- name: gold
  plugins: [{name: rate-limiting, config: {minute: 1}}]
- name: silver
- name: bronze
consumers:
- {username: alice, groups: [silver, gold]}
- {username: bob, groups: [gold]}
--- user_files
>>> new.yml
_format_version: "3.0"
consumer_groups:
- name: gold
  consumers: [bob, alice]
  plugins: [{name: rate-limiting, config: {minute: 3}}]
- name: silver
- name: lead
consumers:
- username: alice
- username: bob
--- cmd: diff kong.yml new.yml
--- stdout_like eval
[qr/consumer_groups\n  \+ lead\n  - bronze\n/,
 qr/consumers\n  ~ alice +consumer_groups: - silver\n/,
 qr/rate-limiting +minute: 1 -> 3\n +scope: consumer_group\n +consumer group: gold\n/]
--- exit_code: 1



=== TEST 7: acl: consumer groups count
--- yaml
_format_version: "3.0"
plugins:
- name: acl
  config: {allow: [gold], include_consumer_groups: true}
--- conf_like: gateway_acl allow=gold include_consumer_groups=on;



=== TEST 8: what Kong Enterprise has and this gateway has not
--- yaml
_format_version: "3.0"
consumer_group_plugins: []
--- error
kong.yml:2:1: error: consumer_group_plugins: unknown field "consumer_group_plugins": it exists in Kong Enterprise only
