# Copyright (C) the ngx_gateway authors
#
# Rules that hold between entities, and values that must not pass although
# their type is right.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the consumer of "anonymous" exists, by username or id
--- yaml
_format_version: "3.0"
consumers:
- username: bob
- id: 11111111-1111-4111-8111-111111111111
  custom_id: guest
services:
- name: a
  host: h
  plugins:
  - name: key-auth
    config: {anonymous: bob}
- name: b
  host: h
  plugins:
  - name: key-auth
    config: {anonymous: 11111111-1111-4111-8111-111111111111}
- name: c
  host: h
  plugins:
  - name: key-auth
    config: {anonymous: guest}
- name: d
  host: h
  plugins:
  - name: basic-auth
    config: {anonymous: 22222222-2222-4222-8222-222222222222}
--- error
kong.yml:21:25: error: services[2].plugins[0].config.anonymous: "guest" is no consumer: there is no such entry in 'consumers'
kong.yml:26:25: error: services[3].plugins[0].config.anonymous: "22222222-2222-4222-8222-222222222222" is no consumer: there is no such entry in 'consumers'



=== TEST 2: what goes into headers has no control characters
--- yaml
_format_version: "3.0"
consumers:
- username: "a\r\nX-Admin: yes"
- username: "tab\tbed"
- custom_id: "del\x7f"
- username: "spaces and é are fine"
  acls:
  - group: "a\nb"
--- error
kong.yml:3:13: error: consumers[0].username: "a\x0d\nX-Admin: yes" must not have control characters
kong.yml:4:13: error: consumers[1].username: "tab\x09bed" must not have control characters
kong.yml:5:14: error: consumers[2].custom_id: "del\x7f" must not have control characters
kong.yml:8:12: error: consumers[3].acls[0].group: "a\nb" must not have control characters



=== TEST 3: a group, a target and a key once under one parent, whatever their ids
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  acls:
  - group: a
  - group: a
acls:
- consumer: bob
  group: a
  id: 11111111-1111-4111-8111-111111111111
- consumer: {username: bob}
  group: b
upstreams:
- name: u
  targets: [{target: "h:80"}]
- name: v
  targets: [{target: "h:80"}]
targets:
- upstream: u
  target: h:80
key_sets:
- name: set
  keys:
  - {kid: k, jwk: '{"kid": "k", "kty": "oct"}'}
keys:
- {set: set, kid: k, jwk: '{"kid": "k", "kty": "oct"}'}
- {kid: k, jwk: '{"kid": "k", "kty": "oct"}'}
- {kid: k, jwk: '{"kid": "k", "kty": "oct"}'}
--- error
kong.yml:6:12: error: consumers[0].acls[1].group: uniqueness violation: 'acls' entity with consumer and group set to 'a' already declared in kong.yml:5
kong.yml:9:10: error: acls[0].group: uniqueness violation: 'acls' entity with consumer and group set to 'a' already declared in kong.yml:5
kong.yml:20:11: error: targets[0].target: uniqueness violation: 'targets' entity with upstream and target set to 'h:80' already declared in kong.yml:15
kong.yml:26:19: error: keys[0].kid: uniqueness violation: 'keys' entity with set and kid set to 'k' already declared in kong.yml:24
kong.yml:28:9: error: keys[2].kid: uniqueness violation: 'keys' entity with set and kid set to 'k' already declared in kong.yml:27



=== TEST 4: an id that another entity's name leads to
--- yaml
_format_version: "3.0"
services:
- name: other
  host: h
  id: 0855b320-0dd2-547d-891d-601e9b38647f
- name: my-service
  host: h
--- error
kong.yml:6:3: error: services[1]: uniqueness violation: 'services' entity with id set to '0855b320-0dd2-547d-891d-601e9b38647f' already declared in kong.yml:3



=== TEST 5: in a map with "id" a name is none
--- yaml
_format_version: "3.0"
services:
- name: s
  host: h
  id: 11111111-1111-4111-8111-111111111111
routes:
- {paths: [/a], service: {id: 11111111-1111-4111-8111-111111111111}}
- {paths: [/b], service: {name: s}}
- {paths: [/c], service: {id: s}}
- {paths: [/d], service: {id: 11111111-1111-4111-8111-111111111111, name: s}}
--- error
kong.yml:9:31: error: routes[2].service.id: invalid reference 'service: s' (no such entry in 'services')



=== TEST 6: regexes of the router's dialect, in paths and headers
--- yaml
_format_version: "3.0"
routes:
- paths:
  - "~/a(?<n>b)(?P<m>c)(?:d)(?i)e"
  - "~/\\d+\\x{41}\\p{L}[[:alpha:]]$"
  - "~/a++"
  - "~/(?=a)"
  - "~/(?<!a)"
  - "~/(?>a)"
  - "~/(a)\\1"
  - "~/(?P<n>a)(?P=n)"
  - "~/\\h"
  - "~/\\Qa.b\\E"
  - "~/(?#x)"
  - "~/(?|a|b)"
  - "~/(*ACCEPT)"
  - "~/[a[b]]"
  - "~/("
  - "~/[b-a]"
- headers:
    x-a: ["~*^v[0-9]+$", "~*(?=a)", "~*(", "~* "]
    Host: [a]
    "a b": [c]
--- error
kong.yml:7:5: error: routes[0].paths[3]: the regular expression "~/(?=a)" uses look-around, which the router does not have
kong.yml:8:5: error: routes[0].paths[4]: the regular expression "~/(?<!a)" uses look-around, which the router does not have
kong.yml:9:5: error: routes[0].paths[5]: the regular expression "~/(?>a)" uses an atomic group, which the router does not have
kong.yml:10:5: error: routes[0].paths[6]: the regular expression "~/(a)\1" uses a back-reference, which the router does not have
kong.yml:11:5: error: routes[0].paths[7]: the regular expression "~/(?P<n>a)(?P=n)" uses a back-reference, which the router does not have
kong.yml:12:5: error: routes[0].paths[8]: invalid regex "~/\h": unknown escape sequence at 2
kong.yml:13:5: error: routes[0].paths[9]: invalid regex "~/\Qa.b\E": unknown escape sequence at 2
kong.yml:14:5: error: routes[0].paths[10]: the regular expression "~/(?#x)" uses a kind of group, which the router does not have
kong.yml:15:5: error: routes[0].paths[11]: the regular expression "~/(?|a|b)" uses a kind of group, which the router does not have
kong.yml:16:5: error: routes[0].paths[12]: the regular expression "~/(*ACCEPT)" uses a verb, which the router does not have
kong.yml:17:5: error: routes[0].paths[13]: invalid regex "~/[a[b]]": sets of characters do not nest at 2
kong.yml:18:5: error: routes[0].paths[14]: invalid regular expression "~/(": missing closing parenthesis at offset 3
kong.yml:19:5: error: routes[0].paths[15]: invalid regular expression "~/[b-a]": range out of order in character class at offset 5
kong.yml:21:26: error: routes[1].headers.x-a[1]: the regular expression "~*(?=a)" uses look-around, which the router does not have
kong.yml:21:37: error: routes[1].headers.x-a[2]: invalid regular expression "~*(": missing closing parenthesis at offset 3
kong.yml:22:5: error: routes[1].headers.Host: "host" cannot be matched as a header, use "hosts"
kong.yml:23:5: error: routes[1].headers["a b"]: "a b" is no header name



=== TEST 7: paths that are not normal, and how to write them
--- yaml
_format_version: "3.0"
routes:
- paths:
  - "/a%20b"
  - "/%C3%A9"
  - "/a%2f/b"
  - "/a/./b/../c/"
  - "/%1B[31m"
  - "/a%FFb"
--- error
kong.yml:4:5: error: routes[0].paths[0]: "/a%20b" is not in normal form, no request would match
  fix: /a b
kong.yml:5:5: error: routes[0].paths[1]: "/%C3%A9" is not in normal form, no request would match
  fix: /é
kong.yml:6:5: error: routes[0].paths[2]: "/a%2f/b" is not in normal form, no request would match
  fix: /a%2F/b
kong.yml:7:5: error: routes[0].paths[3]: "/a/./b/../c/" is not in normal form, no request would match
  fix: /a/c/
kong.yml:8:5: error: routes[0].paths[4]: "/%1B[31m" is not in normal form, no request would match
kong.yml:9:5: error: routes[0].paths[5]: "/a%FFb" is not in normal form, no request would match



=== TEST 8: ports are digits, brackets are for IPv6
--- yaml
_format_version: "3.0"
services:
- url: "http://h:+80/"
- url: "http://h: 80/"
- url: "http://h:0x50/"
- url: http://h:65536/
- url: http://[::1]:80/
- url: http://h:0/
upstreams:
- name: u
  targets:
  - target: "h:+80"
  - target: "h: 80"
  - target: "h:0"
  - target: "[h]:80"
  - target: "::1"
  - target: "[::1]:80"
--- error
kong.yml:3:8: error: services[0].url: "http://h:+80/" has no valid port
kong.yml:4:8: error: services[1].url: "http://h: 80/" has no valid port
kong.yml:5:8: error: services[2].url: "http://h:0x50/" has no valid port
kong.yml:6:8: error: services[3].url: "http://h:65536/" has no valid port
kong.yml:12:13: error: upstreams[0].targets[0].target: "h:+80" has no valid port
kong.yml:13:13: error: upstreams[0].targets[1].target: "h: 80" has no valid port
kong.yml:14:13: error: upstreams[0].targets[2].target: "h:0" has no valid port
kong.yml:15:13: error: upstreams[0].targets[3].target: "[h]:80": only IPv6 addresses stand in brackets
kong.yml:16:13: error: upstreams[0].targets[4].target: "::1": an IPv6 address needs brackets and a port, as in "[::1]:80"



=== TEST 9: the password in a URL is not shown
--- yaml
_format_version: "3.0"
services:
- url: http://user:SECRET@h:99999/
- url: http://user:SECRET@/
- url: user:SECRET@h/
--- error
kong.yml:3:8: error: services[0].url: the value has no valid port
kong.yml:4:8: error: services[1].url: the value has no host
kong.yml:5:8: error: services[2].url: the value is no URL, expected PROTOCOL://HOST[:PORT][/PATH]



=== TEST 10: credentials have what their kind needs
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  oauth2_credentials:
  - {name: a, client_id: a}
  - {name: b, client_id: b, client_type: public}
  - {name: c, client_id: c, client_secret: s}
  jwt_secrets:
  - {key: a, algorithm: RS256}
  - {key: b, algorithm: ES256}
  - {key: c, algorithm: RS256, rsa_public_key: SECRET}
  - key: d
    algorithm: RS256
    rsa_public_key: |
      -----BEGIN PUBLIC KEY-----
      AAAA
      -----END PUBLIC KEY-----
  - key: e
    algorithm: ES256
    rsa_public_key: |
      -----BEGIN PUBLIC KEY-----
      MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZEFyoOtCZcgKrXRTxR9g82igX0i4
      JdgQE5q47/X0Kole/ZObkufFmw005ol2CjuZ+IcCLOaTiymthOfikMWFDQ==
      -----END PUBLIC KEY-----
--- error
kong.yml:9:5: error: consumers[0].jwt_secrets[0]: "rsa_public_key" is required for this algorithm
kong.yml:10:5: warning: consumers[0].jwt_secrets[1]: without "rsa_public_key" no token can be verified: all of them are refused
kong.yml:11:48: error: consumers[0].jwt_secrets[2].rsa_public_key: invalid key: expected a public key in PEM
kong.yml:14:5: error: consumers[0].jwt_secrets[3].rsa_public_key: invalid key: expected a public key in PEM



=== TEST 11: a plugin's protocols are those it works with
--- yaml
_format_version: "3.0"
plugins:
- name: key-auth
  protocols: [http, tcp, tls]
- name: prometheus
  protocols: [http, tcp]
- name: acl
  protocols: []
  config: {allow: [a]}
--- error
kong.yml:4:21: error: plugins[0].protocols[1]: expected one of: grpc, grpcs, http, https; this is "tcp"
kong.yml:4:26: error: plugins[0].protocols[2]: expected one of: grpc, grpcs, http, https; this is "tls"
kong.yml:8:14: error: plugins[2].protocols: length must be at least 1



=== TEST 12: times are whole seconds, but of targets
--- yaml
_format_version: "3.0"
services:
- {host: h, created_at: 1700000000, updated_at: 1700000000.5}
- {host: h, created_at: yesterday}
- {host: h, created_at: -1}
upstreams:
- name: u
  targets: [{target: "h:80", created_at: 1700000000.25}]
consumers:
- username: bob
  keyauth_credentials:
  - {key: a, created_at: 1700000000, updated_at: 1700000000}
--- error
kong.yml:3:49: error: services[0].updated_at: expected an integer, this is a number
kong.yml:4:25: error: services[1].created_at: expected a number, this is a string
kong.yml:5:25: error: services[2].created_at: value should be between 0 and 1000000000000000, this is -1
kong.yml:12:50: error: consumers[0].keyauth_credentials[0].updated_at: unknown field "updated_at"



=== TEST 13: one wrong field does not hide the others
--- yaml
_format_version: "3.0"
routes:
- paths: /a
  protocols: [ftp]
  https_redirect_status_code: 303
  headers:
    Host: a
    "a b": [x]
--- error
kong.yml:3:10: error: routes[0].paths: expected an array, this is a string
kong.yml:4:15: error: routes[0].protocols[0]: expected one of: http, https, grpc, grpcs, tcp, tls, udp, tls_passthrough; this is "ftp"
kong.yml:5:31: error: routes[0].https_redirect_status_code: expected one of: 426, 301, 302, 307, 308
kong.yml:7:11: error: routes[0].headers.Host: expected an array, this is a string
kong.yml:8:5: error: routes[0].headers["a b"]: "a b" is no header name



=== TEST 14: vaults of Kong Enterprise
--- yaml
_format_version: "3.0"
vaults:
- {prefix: my-vault, name: hcv}
- {prefix: other, name: none}
--- error
kong.yml:3:28: error: vaults[0].name: vault "hcv" exists in Kong Enterprise only
kong.yml:4:25: error: vaults[1].name: expected one of: env, file; this is "none"



=== TEST 15: nested in a map of another kind
--- yaml
_format_version: "3.0"
services:
- host: h
  consumers: []
  targets: []
routes:
- paths: [/a]
  routes: []
consumers:
- username: bob
  services: []
--- error
kong.yml:4:3: error: services[0].consumers: unknown field "consumers"
kong.yml:5:3: error: services[0].targets: unknown field "targets", did you mean "tags"?
kong.yml:8:3: error: routes[0].routes: unknown field "routes", did you mean "hosts"?
kong.yml:11:3: error: consumers[0].services: unknown field "services"



=== TEST 16: null is no value where one is required
--- yaml
_format_version: "3.0"
services:
- {host: null}
- {host: h, protocol: null, port: null, enabled: null}
- {host: h, retries: null, connect_timeout: null, path: null, tags: null, tls_verify: null}
routes:
- {paths: [/a], strip_path: null}
- {paths: [/a], preserve_host: null, protocols: null}
- {paths: [/b], https_redirect_status_code: null, request_buffering: null, response_buffering: null}
- {paths: [/c], service: null, hosts: null, headers: null, regex_priority: null, path_handling: null}
consumers:
- {username: null, custom_id: null}
plugins:
- {name: null}
- {name: key-auth, enabled: null, protocols: null, service: null}
upstreams:
- {name: null}
- {name: u, slots: null, algorithm: null, healthchecks: null, targets: [{target: null}, {target: "h:1", weight: null}]}
--- error
kong.yml:3:10: error: services[0].host: required field missing: "host" is null
kong.yml:4:23: error: services[1].protocol: required field missing: "protocol" is null
kong.yml:4:35: error: services[1].port: required field missing: "port" is null
kong.yml:4:50: error: services[1].enabled: required field missing: "enabled" is null
kong.yml:7:29: error: routes[0].strip_path: required field missing: "strip_path" is null
kong.yml:8:32: error: routes[1].preserve_host: required field missing: "preserve_host" is null
kong.yml:8:49: error: routes[1].protocols: required field missing: "protocols" is null
kong.yml:9:45: error: routes[2].https_redirect_status_code: required field missing: "https_redirect_status_code" is null
kong.yml:9:70: error: routes[2].request_buffering: required field missing: "request_buffering" is null
kong.yml:9:96: error: routes[2].response_buffering: required field missing: "response_buffering" is null
kong.yml:12:3: error: consumers[0]: at least one of "username" and "custom_id" must be set
kong.yml:14:10: error: plugins[0].name: required field missing: "name" is null
kong.yml:15:29: error: plugins[1].enabled: required field missing: "enabled" is null
kong.yml:15:46: error: plugins[1].protocols: required field missing: "protocols" is null
kong.yml:17:10: error: upstreams[0].name: required field missing: "name" is null
kong.yml:18:82: error: upstreams[1].targets[0].target: required field missing: "target" is null



=== TEST 17: dangling references at all levels
--- yaml
_format_version: "3.0"
services:
- host: h
  client_certificate: 11111111-1111-4111-8111-111111111111
  protocol: https
  ca_certificates: [22222222-2222-4222-8222-222222222222, name]
  routes:
  - paths: [/a]
    plugins:
    - name: prometheus
      consumer: nobody
upstreams:
- name: u
  client_certificate: 33333333-3333-4333-8333-333333333333
--- error
kong.yml:4:23: error: services[0].client_certificate: invalid reference 'client_certificate: 11111111-1111-4111-8111-111111111111' (no such entry in 'certificates')
kong.yml:6:21: error: services[0].ca_certificates[0]: invalid reference 'ca_certificates: 22222222-2222-4222-8222-222222222222' (no such entry in 'ca_certificates')
kong.yml:6:59: error: services[0].ca_certificates[1]: invalid reference 'ca_certificates: name' (no such entry in 'ca_certificates')
kong.yml:11:17: error: services[0].routes[0].plugins[0].consumer: invalid reference 'consumer: nobody' (no such entry in 'consumers')
kong.yml:14:23: error: upstreams[0].client_certificate: invalid reference 'client_certificate: 33333333-3333-4333-8333-333333333333' (no such entry in 'certificates')
