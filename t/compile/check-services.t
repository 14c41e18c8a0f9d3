# Copyright (C) the ngx_gateway authors
#
# Services and upstreams.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: fields, types and ranges
--- yaml
_format_version: "3.0"
services:
- name: a b
  hots: x
  host: "x:80"
  port: 70000
  retries: "5"
  protocol: htp
  connect_timeout: 0
  read_timeout: 2147483647
  tls_sans: {}
- name: b
- name: c
  host: null
  retries: null
- host: ""
- host: -1
--- error
kong.yml:3:9: error: services[0].name: invalid name "a b": expected letters, digits, ".", "-", "_" and "~"
kong.yml:4:3: error: services[0].hots: unknown field "hots", did you mean "host"?
kong.yml:5:9: error: services[0].host: "x:80" must be a host name or IP address without port
kong.yml:6:9: error: services[0].port: value should be between 0 and 65535, this is 70000
kong.yml:7:12: error: services[0].retries: expected an integer, this is a string
  fix: without quotes: 5
kong.yml:8:13: error: services[0].protocol: expected one of: http, https, grpc, grpcs, tcp, tls, udp, tls_passthrough; this is "htp"
kong.yml:9:20: error: services[0].connect_timeout: value should be between 1 and 2147483646, this is 0
kong.yml:10:17: error: services[0].read_timeout: value should be between 1 and 2147483646, this is 2147483647
kong.yml:11:3: error: services[0].tls_sans: unknown field "tls_sans": it exists in Kong Enterprise only
kong.yml:12:3: error: services[1]: required field missing: "host"
  fix: host: example.com, or url: http://example.com/
kong.yml:14:9: error: services[2].host: required field missing: "host" is null
kong.yml:16:9: error: services[3].host: length must be at least 1
kong.yml:17:9: error: services[4].host: expected a string, this is an integer
  fix: put it in quotes: "-1"



=== TEST 2: hosts
--- yaml
_format_version: "3.0"
services:
- host: a..b
- host: a-.b
- host: .a
- host: a.
- host: 1.2.3
- host: 1.2.3.4
- host: "::1"
- host: "[::1]"
- host: a_b
- host: a b
--- error
kong.yml:3:9: error: services[0].host: "a..b" is no valid host name or IP address
kong.yml:4:9: error: services[1].host: "a-.b" is no valid host name or IP address
kong.yml:5:9: error: services[2].host: ".a" is no valid host name or IP address
kong.yml:7:9: error: services[4].host: "1.2.3" is no valid host name or IP address
kong.yml:12:9: error: services[9].host: "a b" is no valid host name or IP address



=== TEST 3: url
--- yaml
_format_version: "3.0"
services:
- url: http://a
- url: https://user:word@a:8443/p/q?x=y#z
- url: //a:443/p
- url: "http://[::1]:8080/"
- url: a/p
- url: a:443/p
- url: ftp://a
- url: http://a:99999
- url: http:///p
- url: http://a//p
- url: grpc://a/p
--- error
kong.yml:7:8: error: services[4].url: "a/p" is no URL, expected PROTOCOL://HOST[:PORT][/PATH]
kong.yml:8:8: error: services[5].url: "a:443/p" is no URL, expected PROTOCOL://HOST[:PORT][/PATH]
kong.yml:9:8: error: services[6].url: unknown protocol "ftp" in the URL
kong.yml:10:8: error: services[7].url: "http://a:99999" has no valid port
kong.yml:11:8: error: services[8].url: "http:///p" has no host
kong.yml:12:8: error: services[9].url: "//p" must not have empty segments
kong.yml:13:8: error: services[10].url: a service with protocol "grpc" cannot have a path



=== TEST 4: paths
--- yaml
_format_version: "3.0"
services:
- {host: a, path: /a%20b}
- {host: a, path: a}
- {host: a, path: /a//b}
- {host: a, path: /a b}
- {host: a, path: /a%2}
- {host: a, path: /a, protocol: tcp}
--- error
kong.yml:4:19: error: services[1].path: "a" should start with "/"
kong.yml:5:19: error: services[2].path: "/a//b" must not have empty segments
kong.yml:6:19: error: services[3].path: "/a b" has a character that is not allowed in paths (RFC 3986); percent-encode it
kong.yml:7:19: error: services[4].path: "/a%2": "%" must be followed by two hexadecimal digits
kong.yml:8:19: error: services[5].path: a service with protocol "tcp" cannot have a path



=== TEST 5: TLS fields need a protocol with TLS
--- yaml
_format_version: "3.0"
services:
- host: a
  tls_verify: true
  tls_verify_depth: 1
  ca_certificates: [11111111-1111-4111-8111-111111111111]
  client_certificate: 11111111-1111-4111-8111-111111111111
--- error
kong.yml:4:15: error: services[0].tls_verify: "tls_verify" is for protocol https or tls
kong.yml:5:21: error: services[0].tls_verify_depth: "tls_verify_depth" is for protocol https or tls
kong.yml:6:20: error: services[0].ca_certificates: "ca_certificates" is for protocol https or tls
kong.yml:6:21: error: services[0].ca_certificates[0]: invalid reference 'ca_certificates: 11111111-1111-4111-8111-111111111111' (no such entry in 'ca_certificates')
kong.yml:7:23: error: services[0].client_certificate: "client_certificate" is for protocol https or tls
kong.yml:7:23: error: services[0].client_certificate: invalid reference 'client_certificate: 11111111-1111-4111-8111-111111111111' (no such entry in 'certificates')



=== TEST 6: upstreams
--- yaml
_format_version: "3.0"
upstreams:
- name: 1.2.3.4
- name: a:80
- name: b
  slots: 5
  algorithm: sticky-sessions
  hash_on: cookies
- {}
--- error
kong.yml:3:9: error: upstreams[0].name: "1.2.3.4" must be a name, this is an IP address
kong.yml:4:9: error: upstreams[1].name: "a:80" must be a name without port
kong.yml:6:10: error: upstreams[2].slots: value should be between 10 and 65536, this is 5
kong.yml:7:14: error: upstreams[2].algorithm: expected one of: round-robin, consistent-hashing, least-connections, latency; this is "sticky-sessions"
kong.yml:8:12: error: upstreams[2].hash_on: expected one of: none, consumer, ip, header, cookie, path, query_arg, uri_capture; this is "cookies"
kong.yml:9:3: error: upstreams[3]: required field missing: "name"



=== TEST 7: hash inputs and their fields
--- yaml
_format_version: "3.0"
upstreams:
- {name: a, hash_on: header}
- {name: b, hash_on: cookie}
- {name: c, hash_on: query_arg, hash_fallback: uri_capture}
- {name: d, hash_on: uri_capture, hash_on_uri_capture: x, hash_fallback: header}
- {name: e, hash_on: cookie, hash_on_cookie: x, hash_fallback: ip}
- {name: f, hash_fallback: ip}
- {name: g, hash_on: ip, hash_fallback: ip}
- {name: h, hash_on: header, hash_on_header: x, hash_fallback: header, hash_fallback_header: x}
- {name: i, hash_on: consumer, hash_fallback: path}
- {name: j, hash_on: header, hash_on_header: a b}
- {name: k, hash_on: cookie, hash_on_cookie: "a;b"}
--- error
kong.yml:3:3: error: upstreams[0]: "hash_on_header" is required for hashing by header
kong.yml:4:3: error: upstreams[1]: "hash_on_cookie" is required for hashing by cookie
kong.yml:5:3: error: upstreams[2]: "hash_on_query_arg" is required for hashing by query_arg
kong.yml:5:3: error: upstreams[2]: "hash_fallback_uri_capture" is required for hashing by uri_capture
kong.yml:6:3: error: upstreams[3]: "hash_fallback_header" is required for hashing by header
kong.yml:7:64: error: upstreams[4].hash_fallback: "hash_fallback" must be none when "hash_on" is cookie
kong.yml:8:28: error: upstreams[5].hash_fallback: "hash_fallback" must be none when "hash_on" is none
kong.yml:9:41: error: upstreams[6].hash_fallback: "hash_fallback" must differ from "hash_on"
kong.yml:10:94: error: upstreams[7].hash_fallback_header: the fallback's header must differ from the first
kong.yml:12:46: error: upstreams[9].hash_on_header: "a b" is no header name, expected letters, digits, "-" and "_"
kong.yml:13:46: error: upstreams[10].hash_on_cookie: "a;b" is no cookie name



=== TEST 8: health checks
--- yaml
_format_version: "3.0"
upstreams:
- name: a
  healthchecks:
    threshold: 101
    active:
      type: icmp
      timeout: -1
      concurrency: 0
      http_path: x
      https_verify_certificate: 1
      headers: {a b: [c]}
      healthy: {interval: 65536, successes: 256, http_statuses: [99, 200]}
      unhealthy: {http_statuses: 500}
    passive:
      healthy: {interval: 1}
      unhealthy: {timeouts: 1.5}
--- error
kong.yml:5:16: error: upstreams[0].healthchecks.threshold: value should be between 0 and 100, this is 101
kong.yml:7:13: error: upstreams[0].healthchecks.active.type: expected one of: tcp, http, https, grpc, grpcs; this is "icmp"
kong.yml:8:16: error: upstreams[0].healthchecks.active.timeout: value should be between 0 and 65535, this is -1
kong.yml:9:20: error: upstreams[0].healthchecks.active.concurrency: value should be between 1 and 2147483648, this is 0
kong.yml:10:18: error: upstreams[0].healthchecks.active.http_path: "x" should start with "/"
kong.yml:11:33: error: upstreams[0].healthchecks.active.https_verify_certificate: expected a boolean, this is an integer
kong.yml:12:17: error: upstreams[0].healthchecks.active.headers["a b"]: "a b" is no header name, expected letters, digits, "-" and "_"
kong.yml:13:27: error: upstreams[0].healthchecks.active.healthy.interval: value should be between 0 and 65535, this is 65536
kong.yml:13:45: error: upstreams[0].healthchecks.active.healthy.successes: value should be between 0 and 255, this is 256
kong.yml:13:66: error: upstreams[0].healthchecks.active.healthy.http_statuses[0]: value should be between 100 and 999, this is 99
kong.yml:14:34: error: upstreams[0].healthchecks.active.unhealthy.http_statuses: expected an array, this is an integer
kong.yml:16:17: error: upstreams[0].healthchecks.passive.healthy.interval: unknown field "interval"
kong.yml:17:29: error: upstreams[0].healthchecks.passive.unhealthy.timeouts: expected an integer, this is a number



=== TEST 9: targets
--- yaml
_format_version: "3.0"
upstreams:
- name: a
  targets:
  - target: h:80
  - target: "[::1]:80"
  - target: h:99999
  - target: h:x
  - target: a b:80
  - target: "[::1]80"
  - target: h:81
    weight: 65536
  - target: h:80
  - {}
targets:
- target: h:80
--- error
kong.yml:7:13: error: upstreams[0].targets[2].target: "h:99999" has no valid port
kong.yml:8:13: error: upstreams[0].targets[3].target: "h:x" has no valid port
kong.yml:9:13: error: upstreams[0].targets[4].target: "a b" is no valid host name or IP address
kong.yml:10:13: error: upstreams[0].targets[5].target: "[::1]80" has no valid port
kong.yml:12:13: error: upstreams[0].targets[6].weight: value should be between 0 and 65535, this is 65536
kong.yml:13:13: error: upstreams[0].targets[7].target: uniqueness violation: 'targets' entity with upstream and target set to 'h:80' already declared in kong.yml:5
kong.yml:14:5: error: upstreams[0].targets[8]: required field missing: "target"
kong.yml:16:3: error: targets[0]: required field missing: "upstream"



=== TEST 10: a target without port gets 8000
--- yaml
_format_version: "3.0"
upstreams:
- name: a
  targets:
  - target: example.com
  - target: "[::1]"
--- stdout
ok: 0 services, 0 routes, 0 consumers, 1 upstream, 0 plugins
--- stderr_like eval
qr/^\Qkong.yml:5:13: warning: upstreams[0].targets[0].target: the target "example.com" has no port, 8000 is assumed
kong.yml:6:13: warning: upstreams[0].targets[1].target: the target "[::1]" has no port, 8000 is assumed\E$/



=== TEST 12: the name for probes over TLS is no address
--- yaml
_format_version: "3.0"
upstreams:
- name: u
  healthchecks: {active: {https_sni: 10.0.0.1}}
- name: v
  healthchecks: {active: {https_sni: api.example}}
--- error
kong.yml:4:38: error: upstreams[0].healthchecks.active.https_sni: "10.0.0.1" must be a name, this is an IP address
