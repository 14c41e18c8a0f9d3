# Copyright (C) the ngx_gateway authors
#
# The top of the file: version, unknown entities, several files.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: no version
--- yaml
services: []
--- error
kong.yml:1:1: error: required field missing: "_format_version"
  fix: _format_version: "3.0"



=== TEST 2: a version that is a number
--- yaml
_format_version: 3.0
--- error
kong.yml:1:18: error: _format_version: expected a string, this is a number
  fix: put it in quotes: "3.0"



=== TEST 3: an unknown version
--- yaml
_format_version: "4.0"
--- error
kong.yml:1:18: error: _format_version: expected one of: 1.1, 2.1, 3.0; this is "4.0"



=== TEST 4: unknown entities
--- yaml
_format_version: "3.0"
sevices: []
foo: []
rbac_roles: []
licenses: []
--- error
kong.yml:2:1: error: sevices: unknown field "sevices", did you mean "services"?
kong.yml:3:1: error: foo: unknown field "foo"
kong.yml:4:1: error: rbac_roles: unknown field "rbac_roles": it exists in Kong Enterprise only
kong.yml:5:1: error: licenses: unknown field "licenses": it exists in Kong Enterprise only



=== TEST 5: what belongs to deck
--- yaml
_format_version: "3.0"
_info:
  select_tags: [a]
_workspace: default
_konnect: {}
services: []
--- stdout
ok: 0 services, 0 routes, 0 consumers, 0 upstreams, 0 plugins
--- stderr_like eval
qr/^\Qkong.yml:2:1: warning: _info: "_info" is left out, it concerns deck only
kong.yml:4:1: warning: _workspace: "_workspace" is left out, it concerns deck only
kong.yml:5:1: warning: _konnect: "_konnect" is left out, it concerns deck only\E$/



=== TEST 6: deck's plugin configs are not followed
--- yaml
_format_version: "3.0"
_plugin_configs:
  a: {}
plugins:
- name: key-auth
  _config: a
--- error
kong.yml:2:1: error: _plugin_configs: "_plugin_configs" is deck's own: write each plugin's config where the plugin stands
kong.yml:6:3: error: plugins[0]._config: unknown field "_config", did you mean "config"?



=== TEST 7: empty entities
--- yaml
_format_version: "3.0"
services: {}
routes: null
plugins: []
--- stdout
ok: 0 services, 0 routes, 0 consumers, 0 upstreams, 0 plugins



=== TEST 8: entities are arrays of maps
--- yaml
_format_version: "3.0"
services: a
routes: {a: 1}
consumers: [a, null]
--- error
kong.yml:2:11: error: services: expected an array, this is a string
kong.yml:3:9: error: routes: expected an array, this is a map
kong.yml:4:13: error: consumers[0]: expected a record (a map), this is a string
kong.yml:4:16: error: consumers[1]: expected a record (a map), this is null



=== TEST 9: comments and ignored values
--- yaml
_format_version: "3.0"
_comment: text
_ignore: [1, {a: b}]
services:
- host: a
  _comment: text
  _ignore: []
--- stdout
ok: 1 service, 0 routes, 0 consumers, 0 upstreams, 0 plugins



=== TEST 10: their types
--- yaml
_format_version: "3.0"
_comment: 1
_transform: "yes"
services:
- host: a
  _comment: []
  _ignore: a
--- error
kong.yml:2:11: error: _comment: expected a string, this is an integer
kong.yml:3:13: error: _transform: expected a boolean, this is a string
kong.yml:6:13: error: services[0]._comment: expected a string, this is an array
kong.yml:7:12: error: services[0]._ignore: expected an array, this is a string



=== TEST 11: several files
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
--- user_files
>>> two.yml
_format_version: "3.0"
routes:
- name: r
  service: a
  paths: [/]
- paths: [/x]
>>> three.yml
_format_version: "3.0"
services:
- name: b
  host: a
routes:
- paths: [/y]
--- cmd
check kong.yml two.yml three.yml
--- stdout
ok: 2 services, 3 routes, 0 consumers, 0 upstreams, 0 plugins



=== TEST 12: each with its version, names once over all
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
--- user_files
>>> two.yml
services: []
>>> three.yml
_format_version: "3.0"
services:
- name: a
  host: a
--- cmd
check kong.yml two.yml three.yml
--- error
three.yml:3:9: error: services[0].name: uniqueness violation: 'services' entity with name set to 'a' already declared in kong.yml:3
two.yml:1:1: error: required field missing: "_format_version"
  fix: _format_version: "3.0"



=== TEST 13: 1.1: what is a regex becomes one, prefixes are normalised
--- yaml
_format_version: "1.1"
services:
- host: a
  routes:
  - paths: &p ["/a%2fb", "/x/../y", "/a+b", "/(a", "~/a*"]
  - paths: *p
--- error
kong.yml:5:45: error: services[0].routes[0].paths[3]: invalid regular expression "~/(a": missing closing parenthesis at offset 4
kong.yml:5:52: error: services[0].routes[0].paths[4]: "~~/a*" should start with: / (fixed path) or ~/ (regex path)



=== TEST 14: 3.0 takes paths as they are
--- yaml
_format_version: "3.0"
services:
- host: a
  routes:
  - paths: ["/a+b", "/(a", "/a%2fb"]
--- error
kong.yml:5:28: error: services[0].routes[0].paths[2]: "/a%2fb" is not in normal form, no request would match
  fix: /a%2Fb



=== TEST 15: every entity of the format
--- yaml
_format_version: "3.0"
vaults:
- {prefix: my-env, name: env, config: {prefix: APP_}}
workspaces:
- {name: default}
parameters:
- {key: a, value: b}
key_sets:
- name: ks
  keys:
  - {kid: a, jwk: '{"kid": "a", "kty": "oct", "k": "AA"}'}
keys:
- {kid: b, set: ks, jwk: '{"kid": "b", "kty": "oct", "k": "AA"}'}
upstreams:
- name: u
  targets: [{target: "127.0.0.1:80"}]
targets:
- {target: "[::1]:80", upstream: u, weight: 0}
services:
- {name: s, host: u, tags: [a, é]}
routes:
- {name: r, service: s, paths: [/], created_at: 1, updated_at: 2}
consumers:
- username: c
  custom_id: d
  basicauth_credentials: [{username: c, password: x}]
  hmacauth_credentials: [{username: c, secret: x}]
  jwt_secrets: [{key: c, secret: x}]
  keyauth_credentials: [{key: x}]
  acls: [{group: g}]
  oauth2_credentials:
  - name: c
    client_id: c
    client_secret: x
    redirect_uris: ["https://example.com/back"]
    oauth2_tokens: [{expires_in: 1, access_token: x}]
    oauth2_authorization_codes: [{code: x}]
sessions:
- session_id: x
  session_metadatas: [{sid: a}]
acme_storage:
- {key: a, value: b}
clustering_data_planes: []
plugins: []
--- stdout
ok: 1 service, 1 route, 1 consumer, 1 upstream, 0 plugins



=== TEST 16: a file of tests
--- yaml
tests:
- name: a
  request: GET /
--- cmd: check kong.yml
--- error_like: kong.yml:1:1: error: tests: unknown field "tests": a file of tests is for "ngx-gateway test"
--- exit_code: 1
