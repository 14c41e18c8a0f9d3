# Copyright (C) the ngx_gateway authors
#
# Routes.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: paths
--- yaml
_format_version: "3.0"
routes:
- paths:
  - foo
  - ""
  - //a
  - /a//b
  - /a/../b
  - /%7Eu
  - /a%2fb
  - /a%20b
  - /a%zz
  - /a b
  - /a%2Fb
  - /a+b
--- error
kong.yml:4:5: error: routes[0].paths[0]: "foo" should start with: / (fixed path) or ~/ (regex path)
kong.yml:5:5: error: routes[0].paths[1]: length must be at least 1
kong.yml:6:5: error: routes[0].paths[2]: "//a" must not have empty segments
kong.yml:7:5: error: routes[0].paths[3]: "/a//b" must not have empty segments
kong.yml:8:5: error: routes[0].paths[4]: "/a/../b" is not in normal form, no request would match
  fix: /b
kong.yml:9:5: error: routes[0].paths[5]: "/%7Eu" is not in normal form, no request would match
  fix: /~u
kong.yml:10:5: error: routes[0].paths[6]: "/a%2fb" is not in normal form, no request would match
  fix: /a%2Fb
kong.yml:11:5: error: routes[0].paths[7]: "/a%20b" is not in normal form, no request would match
  fix: /a b
kong.yml:12:5: error: routes[0].paths[8]: "/a%zz": "%" must be followed by two hexadecimal digits



=== TEST 2: regexes
--- yaml
_format_version: "3.0"
routes:
- paths:
  - ~/a(
  - ~/[z-a]
  - ~a
  - ~/a//b
  - ~/(?=x)
  - ~/(?!x)
  - ~/(?<=x)
  - ~/(?<!x)
  - ~/(a)\1
  - ~/(?<n>a)\k<n>
  - ~/(?>a)
  - ~/(?R)
  - ~/(?(1)a|b)
  - ~/(*ACCEPT)
  - ~/\C
  - ~/a++
  - ~/a%zz
  - ~/(?<n>\d+)(?:x|y)[(?=)]\(?=
--- error
kong.yml:4:5: error: routes[0].paths[0]: invalid regular expression "~/a(": missing closing parenthesis at offset 4
kong.yml:5:5: error: routes[0].paths[1]: invalid regular expression "~/[z-a]": range out of order in character class at offset 5
kong.yml:6:5: error: routes[0].paths[2]: "~a" should start with: / (fixed path) or ~/ (regex path)
kong.yml:7:5: error: routes[0].paths[3]: "~/a//b" must not have empty segments
kong.yml:8:5: error: routes[0].paths[4]: the regular expression "~/(?=x)" uses look-around, which the router does not have
kong.yml:9:5: error: routes[0].paths[5]: the regular expression "~/(?!x)" uses look-around, which the router does not have
kong.yml:10:5: error: routes[0].paths[6]: the regular expression "~/(?<=x)" uses look-around, which the router does not have
kong.yml:11:5: error: routes[0].paths[7]: the regular expression "~/(?<!x)" uses look-around, which the router does not have
kong.yml:12:5: error: routes[0].paths[8]: the regular expression "~/(a)\1" uses a back-reference, which the router does not have
kong.yml:13:5: error: routes[0].paths[9]: the regular expression "~/(?<n>a)\k<n>" uses a back-reference, which the router does not have
kong.yml:14:5: error: routes[0].paths[10]: the regular expression "~/(?>a)" uses an atomic group, which the router does not have
kong.yml:15:5: error: routes[0].paths[11]: the regular expression "~/(?R)" uses a kind of group, which the router does not have
kong.yml:16:5: error: routes[0].paths[12]: invalid regular expression "~/(?(1)a|b)": reference to non-existent subpattern at offset 4
kong.yml:17:5: error: routes[0].paths[13]: the regular expression "~/(*ACCEPT)" uses a verb, which the router does not have
kong.yml:18:5: error: routes[0].paths[14]: invalid regular expression "~/\C": using \C is disabled by the application at offset 4



=== TEST 3: hosts
--- yaml
_format_version: "3.0"
routes:
- hosts:
  - a.example.com
  - "*.example.com"
  - example.*
  - "*.example.com:80"
  - example.*:80
  - "*.example.*"
  - a.*.b
  - "*a.b"
  - "*"
  - a..b
  - a:b
  - a b
  - "[::1]:80"
--- error
kong.yml:8:5: error: routes[0].hosts[4]: "example.*:80": "name.*" cannot have a port
kong.yml:9:5: error: routes[0].hosts[5]: "*.example.*" has more than one "*"
kong.yml:10:5: error: routes[0].hosts[6]: "a.*.b": "*" may only be the whole first or last label, as in "*.example.com" or "example.*"
kong.yml:11:5: error: routes[0].hosts[7]: "*a.b": "*" may only be the whole first or last label, as in "*.example.com" or "example.*"
kong.yml:12:5: error: routes[0].hosts[8]: "*": "*" may only be the whole first or last label, as in "*.example.com" or "example.*"
kong.yml:13:5: error: routes[0].hosts[9]: "a..b" is no valid host name
kong.yml:14:5: error: routes[0].hosts[10]: "a:b" has no valid port
kong.yml:15:5: error: routes[0].hosts[11]: "a b" is no valid host name



=== TEST 4: methods, headers, snis, sources
--- yaml
_format_version: "3.0"
routes:
- methods: [GET, get, M-SEARCH]
  paths: [/]
- headers:
    Host: [a]
    "x y": [b]
    X-A: ["~*(", "~*(?=a)", "~*v[0-9]+"]
- headers: {X-A: a}
- snis: ["*.a.com", a.*, "*", 1.2.3.4, "a:443", "a.*.b"]
  protocols: [https]
- protocols: [tcp]
  sources: [{ip: 10.0.0.0/33}, {port: 65536}, {}, {ip: "::1/64"}, {ip: a}]
- paths: [/]
  sources: [{port: 1}]
- paths: [/]
  protocols: [http]
  snis: [a.com]
--- error
kong.yml:3:18: error: routes[0].methods[1]: invalid method "get": expected upper-case letters
kong.yml:3:23: error: routes[0].methods[2]: invalid method "M-SEARCH": expected upper-case letters
kong.yml:6:5: error: routes[1].headers.Host: "host" cannot be matched as a header, use "hosts"
kong.yml:7:5: error: routes[1].headers["x y"]: "x y" is no header name
kong.yml:8:11: error: routes[1].headers.X-A[0]: invalid regular expression "~*(": missing closing parenthesis at offset 3
kong.yml:8:18: error: routes[1].headers.X-A[1]: the regular expression "~*(?=a)" uses look-around, which the router does not have
kong.yml:9:18: error: routes[2].headers.X-A: expected an array, this is a string
kong.yml:10:31: error: routes[3].snis[3]: "1.2.3.4" must be a host name, without port
kong.yml:10:40: error: routes[3].snis[4]: "a:443" must be a host name, without port
kong.yml:10:49: error: routes[3].snis[5]: "a.*.b": "*" may only be the first or the last character
kong.yml:13:18: error: routes[4].sources[0].ip: "10.0.0.0/33" is no valid CIDR, expected ADDRESS/BITS with at most 32 bits
kong.yml:13:39: error: routes[4].sources[1].port: value should be between 0 and 65535, this is 65536
kong.yml:13:72: error: routes[4].sources[4].ip: "a" is no valid IP address or CIDR
kong.yml:15:12: error: routes[5].sources: cannot set "sources" on a route for HTTP or gRPC
kong.yml:18:9: error: routes[6].snis: "snis" needs https, grpcs, tls or tls_passthrough among the protocols



=== TEST 5: something to match by is needed
--- yaml
_format_version: "3.0"
routes:
- protocols: [https]
- protocols: [http]
  hosts: []
- protocols: [http]
  snis: [a.com]
- protocols: [grpcs]
- protocols: [grpc]
- protocols: [tcp]
- protocols: [tls_passthrough]
- {}
--- error
kong.yml:3:3: error: routes[0]: must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'
kong.yml:4:3: error: routes[1]: must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'
kong.yml:6:3: error: routes[2]: must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'
kong.yml:7:9: error: routes[2].snis: "snis" needs https, grpcs, tls or tls_passthrough among the protocols
kong.yml:8:3: error: routes[3]: must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'
kong.yml:9:3: error: routes[4]: must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'
kong.yml:10:3: error: routes[5]: must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp, tls or udp'
kong.yml:11:3: error: routes[6]: must set one of 'snis' when 'protocols' is 'tls_passthrough'
kong.yml:12:3: error: routes[7]: must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'



=== TEST 6: protocols of one family, and what goes with them
--- yaml
_format_version: "3.0"
routes:
- protocols: [http, grpc]
  paths: [/]
- protocols: [http, htp]
  paths: [/]
- protocols: []
  paths: [/]
- protocols: [tcp]
  paths: [/]
  methods: [GET]
  hosts: [a]
  headers: {a: [b]}
- protocols: [grpc]
  paths: [/]
  strip_path: true
  methods: [GET]
--- error
kong.yml:3:14: error: routes[0].protocols: "protocols" must be of one family: http and https, grpc and grpcs, tcp, tls and udp, or tls_passthrough
kong.yml:5:21: error: routes[1].protocols[1]: expected one of: http, https, grpc, grpcs, tcp, tls, udp, tls_passthrough; this is "htp"
kong.yml:7:14: error: routes[2].protocols: length must be at least 1
kong.yml:9:3: error: routes[3]: must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp, tls or udp'
kong.yml:10:10: error: routes[3].paths: cannot set "paths" on a route for streams (tcp, tls, udp)
kong.yml:11:12: error: routes[3].methods: cannot set "methods" on a route for streams (tcp, tls, udp)
kong.yml:12:10: error: routes[3].hosts: cannot set "hosts" on a route for streams (tcp, tls, udp)
kong.yml:13:12: error: routes[3].headers: cannot set "headers" on a route for streams (tcp, tls, udp)
kong.yml:16:15: error: routes[4].strip_path: "strip_path" cannot be true for gRPC routes
kong.yml:17:12: error: routes[4].methods: cannot set "methods" on a gRPC route



=== TEST 7: other fields
--- yaml
_format_version: "3.0"
routes:
- paths: [/]
  name: a/b
  https_redirect_status_code: 303
  path_handling: v2
  regex_priority: 1.5
  strip_path: null
  preserve_host: "false"
  pahts: [/x]
- paths: /x
- expression: 'http.path == "/"'
  priority: 1
--- error
kong.yml:4:9: error: routes[0].name: invalid name "a/b": expected letters, digits, ".", "-", "_" and "~"
kong.yml:5:31: error: routes[0].https_redirect_status_code: expected one of: 426, 301, 302, 307, 308
kong.yml:6:18: error: routes[0].path_handling: expected one of: v0, v1; this is "v2"
kong.yml:7:19: error: routes[0].regex_priority: expected an integer, this is a number
kong.yml:8:15: error: routes[0].strip_path: required field missing: "strip_path" is null
kong.yml:9:18: error: routes[0].preserve_host: expected a boolean, this is a string
  fix: without quotes: false
kong.yml:10:3: error: routes[0].pahts: unknown field "pahts", did you mean "paths"?
kong.yml:11:10: error: routes[1].paths: expected an array, this is a string
kong.yml:12:15: error: routes[2].expression: "expression" needs router_flavor expressions
  fix: --set router_flavor=expressions
kong.yml:13:13: error: routes[2].priority: "priority" belongs to "expression"; "regex_priority" orders regular expressions



=== TEST 8: what the traditional flavor takes, and does not
--- yaml
_format_version: "3.0"
routes:
- snis: [a.com, "*.b.com"]
  paths: ["~/(a)\\1", "~/(?<!x)/"]
  headers:
    x-a: ["~*(", "g"]
    x-b: ["~*("]
--- compile_args: --set router_flavor=traditional
--- error
kong.yml:3:17: error: routes[0].snis[1]: wildcard SNIs are not supported with router_flavor traditional
kong.yml:7:11: error: routes[0].headers.x-b[0]: invalid regular expression "~*(": missing closing parenthesis at offset 3
