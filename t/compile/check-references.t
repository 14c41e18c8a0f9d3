# Copyright (C) the ngx_gateway authors
#
# References, nesting, uniqueness, scopes of plugins.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: ids, names, and maps of either
--- yaml
_format_version: "3.0"
services:
- name: my-service
  host: a
- id: 11111111-1111-4111-8111-11111111111a
  host: a
routes:
- {service: my-service, paths: [/1]}
- {service: 0855b320-0dd2-547d-891d-601e9b38647f, paths: [/2]}
- {service: {id: 11111111-1111-4111-8111-11111111111A}, paths: [/3]}
- {service: {name: my-service}, paths: [/4]}
- {service: null, paths: [/5]}
--- stdout
ok: 2 services, 5 routes, 0 consumers, 0 upstreams, 0 plugins



=== TEST 2: references that name nothing
--- yaml
_format_version: "3.0"
routes:
- {service: a, paths: [/1]}
- {service: {id: 11111111-1111-4111-8111-111111111111}, paths: [/2]}
- {service: {host: a}, paths: [/3]}
- {service: [a], paths: [/4]}
- {service: "", paths: [/5]}
plugins:
- name: acl
  route: r
  service: s
  consumer: c
  config: {allow: [a]}
keyauth_credentials:
- {consumer: c, key: x}
targets:
- {target: "a:1", upstream: u}
snis:
- {name: a.com, certificate: b}
--- error
kong.yml:3:13: error: routes[0].service: invalid reference 'service: a' (no such entry in 'services')
kong.yml:4:18: error: routes[1].service.id: invalid reference 'service: 11111111-1111-4111-8111-111111111111' (no such entry in 'services')
kong.yml:5:13: error: routes[2].service: expected a string, this is a map
kong.yml:6:13: error: routes[3].service: expected a string, this is an array
kong.yml:7:13: error: routes[4].service: length must be at least 1
kong.yml:10:10: error: plugins[0].route: invalid reference 'route: r' (no such entry in 'routes')
kong.yml:11:12: error: plugins[0].service: invalid reference 'service: s' (no such entry in 'services')
kong.yml:12:13: error: plugins[0].consumer: invalid reference 'consumer: c' (no such entry in 'consumers')
kong.yml:15:14: error: keyauth_credentials[0].consumer: invalid reference 'consumer: c' (no such entry in 'consumers')
kong.yml:17:29: error: targets[0].upstream: invalid reference 'upstream: u' (no such entry in 'upstreams')
kong.yml:19:30: error: snis[0].certificate: invalid reference 'certificate: b' (no such entry in 'certificates')



=== TEST 3: custom_id is no reference
--- yaml
_format_version: "3.0"
consumers:
- custom_id: bob
acls:
- {group: a, consumer: bob}
--- error
kong.yml:5:24: error: acls[0].consumer: invalid reference 'consumer: bob' (no such entry in 'consumers')



=== TEST 4: a nested entity may name its own parent only
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
  routes:
  - {name: r, service: a, paths: [/1]}
  - {name: s, service: b, paths: [/2]}
  - {name: t, service: nosuch, paths: [/3]}
- name: b
  host: a
--- error
kong.yml:7:24: error: services[0].routes[1].service: value must be null: this is nested in another of 'services'
kong.yml:8:24: error: services[0].routes[2].service: value must be null: this is nested in another of 'services'; invalid reference 'service: nosuch' (no such entry in 'services')



=== TEST 5: nested plugins may name other scopes
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
  routes:
  - name: r
    paths: [/]
  plugins:
  - name: rate-limiting
    consumer: bob
    config: {minute: 1}
  - name: rate-limiting
    route: r
    config: {minute: 1}
consumers:
- username: bob
  plugins:
  - name: rate-limiting
    config: {minute: 1}
--- stdout
ok: 1 service, 1 route, 1 consumer, 0 upstreams, 3 plugins



=== TEST 6: each name, id and unique field once
--- yaml
_format_version: "3.0"
services:
- {name: a, host: a}
- {name: a, host: a}
- {name: b, host: a, id: 11111111-1111-4111-8111-111111111111}
- {name: c, host: a, id: 11111111-1111-4111-8111-111111111111}
consumers:
- {username: a, custom_id: x}
- {username: a}
- {username: b, custom_id: x}
upstreams:
- name: a
  targets: [{target: "a:1"}, {target: "a:1"}]
--- error
kong.yml:4:10: error: services[1].name: uniqueness violation: 'services' entity with name set to 'a' already declared in kong.yml:3
kong.yml:6:26: error: services[3].id: uniqueness violation: 'services' entity with id set to '11111111-1111-4111-8111-111111111111' already declared in kong.yml:5
kong.yml:9:14: error: consumers[1].username: uniqueness violation: 'consumers' entity with username set to 'a' already declared in kong.yml:8
kong.yml:10:28: error: consumers[2].custom_id: uniqueness violation: 'consumers' entity with custom_id set to 'x' already declared in kong.yml:8
kong.yml:13:39: error: upstreams[0].targets[1].target: uniqueness violation: 'targets' entity with upstream and target set to 'a:1' already declared in kong.yml:13



=== TEST 7: ids are UUIDs
--- yaml
_format_version: "3.0"
services:
- {id: 1, host: a}
- {id: abc, host: a}
- {id: 11111111-1111-4111-8111-11111111111g, host: a}
--- error
kong.yml:3:8: error: services[0].id: expected a string, this is an integer
  fix: put it in quotes: "1"
kong.yml:4:8: error: services[1].id: expected a valid UUID, this is "abc"
kong.yml:5:8: error: services[2].id: expected a valid UUID, this is "11111111-1111-4111-8111-11111111111g"



=== TEST 8: one plugin once on a scope
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
  plugins:
  - {name: acl, config: {allow: [a]}}
plugins:
- {name: acl, service: a, config: {allow: [b]}}
- {name: acl, config: {allow: [b]}}
- {name: acl, config: {allow: [b]}, id: 11111111-1111-4111-8111-111111111111, enabled: false}
--- error
kong.yml:8:10: error: plugins[0].name: plugin "acl" is already set on the same scope in kong.yml:6
kong.yml:10:10: error: plugins[2].name: plugin "acl" is already set on the same scope in kong.yml:9



=== TEST 9: scopes that a plugin does not have
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: key-auth
plugins:
- {name: acl, consumer: bob, config: {allow: [b]}}
--- error
kong.yml:5:11: error: consumers[0].plugins[0].name: plugin "key-auth" cannot be set on a consumer
kong.yml:7:10: error: plugins[0].name: plugin "acl" cannot be set on a consumer



=== TEST 10: what is missing in the file may be what could not be read
--- yaml
_format_version: "3.0"
services:
- name: 1
  host: a
routes:
- {service: a, paths: [/]}
--- error
kong.yml:3:9: error: services[0].name: expected a string, this is an integer
  fix: put it in quotes: "1"



=== TEST 11: unnamed entities
--- yaml
_format_version: "3.0"
services:
- host: a
  routes: [{paths: [/1]}, {paths: [/2]}]
- host: a
  routes: [{paths: [/1]}, {paths: [/2]}]
consumers:
- custom_id: a
- custom_id: b
--- stdout
ok: 2 services, 4 routes, 2 consumers, 0 upstreams, 0 plugins
