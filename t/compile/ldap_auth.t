# Copyright (C) the ngx_gateway authors
#
# ldap-auth: from the file to directives, and the directives' own errors.

use lib 't/lib';
use Test::Gateway 'no_plan';

# undef where modules are linked into nginx
our $module = Test::Gateway::Server::module_path();

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
  - name: ldap-auth
    config:
      ldap_host: ldap.example.com
      start_tls: true
      verify_ldap_host: true
      base_dn: ou=people,dc=example,dc=com
      attribute: uid
      header_type: basic
--- compile_args
--set lua_ssl_trusted_certificate=/etc/ssl/certs/ca-certificates.crt
--- conf_like eval
[$::module ? qr{^load_module \S*/ngx_http_gateway_module\.so;\nload_module \S*/ngx_http_gateway_ldap_auth_module\.so;}m : qr//,
 qr/^ +gateway_ldap_auth ldap_host=ldap\.example\.com start_tls=on verify_ldap_host=on base_dn=ou=people,dc=example,dc=com attribute=uid header_type=basic;/m,
 qr/^gateway_ldap_auth_trusted_certificate \S+;/m]



=== TEST 2: nothing but what is required
--- yaml
_format_version: "3.0"
plugins:
- name: ldap-auth
  config:
    ldap_host: 127.0.0.1
    base_dn: dc=example
    attribute: cn
--- conf_like: (?m)^ +gateway_ldap_auth ldap_host=127.0.0.1 base_dn=dc=example attribute=cn;
--- conf_unlike: gateway_ldap_auth_trusted_certificate



=== TEST 3: every field
--- yaml
_format_version: "3.0"
plugins:
- name: ldap-auth
  config:
    ldap_host: "::1"
    ldap_port: 636
    ldaps: true
    start_tls: false
    verify_ldap_host: false
    base_dn: "ou=a b,dc=example"
    attribute: cn
    cache_ttl: 0.5
    hide_credentials: true
    timeout: 2000
    keepalive: 30000
    anonymous: nobody
    header_type: Basic
    realm: my "realm"
consumers:
- username: nobody
--- conf_like eval
qr/^ +gateway_ldap_auth ldap_host=::1 ldap_port=636 ldaps=on "base_dn=ou=a b,dc=example" attribute=cn cache_ttl=0\.5 hide_credentials=on timeout=2000 keepalive=30000 anonymous=nobody header_type=Basic "realm=my \\"realm\\"";/m



=== TEST 4: who does not use it does not load it
--- yaml
_format_version: "3.0"
plugins:
- name: ldap-auth
  enabled: false
  config:
    ldap_host: 127.0.0.1
    base_dn: dc=example
    attribute: cn
    ldaps: true
    verify_ldap_host: true
--- conf_unlike: ldap_auth



=== TEST 5: fields that are missing
--- yaml
_format_version: "3.0"
plugins:
- name: ldap-auth
  config: {}
--- error_like eval
[qr/^kong.yml:4:11: error: plugins\[0\]\.config\S*: .*ldap_host/m,
 qr/^kong.yml:4:11: error: plugins\[0\]\.config\S*: .*base_dn/m,
 qr/^kong.yml:4:11: error: plugins\[0\]\.config\S*: .*attribute/m]



=== TEST 6: fields that are wrong
--- yaml
_format_version: "3.0"
plugins:
- name: ldap-auth
  config:
    ldap_host: "ldap.example.com:389"
    ldap_port: 65536
    ldaps: 1
    start_tls: "yes"
    verify_ldap_host: 2
    base_dn: ""
    attribute: [cn]
    cache_ttl: -1
    hide_credentials: "on"
    timeout: 0
    keepalive: -1
    anonymous: 1
    header_type: "a\nb"
    realm: "a\rb"
    ldap_hosts: x
--- error_like eval
[qr/^kong.yml:5:16: error: plugins\[0\]\.config\.ldap_host: /m,
 qr/^kong.yml:6:16: error: plugins\[0\]\.config\.ldap_port: /m,
 qr/^kong.yml:7:12: error: plugins\[0\]\.config\.ldaps: /m,
 qr/^kong.yml:8:16: error: plugins\[0\]\.config\.start_tls: /m,
 qr/^kong.yml:9:23: error: plugins\[0\]\.config\.verify_ldap_host: /m,
 qr/^kong.yml:10:14: error: plugins\[0\]\.config\.base_dn: /m,
 qr/^kong.yml:11:16: error: plugins\[0\]\.config\.attribute: /m,
 qr/^kong.yml:12:16: error: plugins\[0\]\.config\.cache_ttl: /m,
 qr/^kong.yml:13:23: error: plugins\[0\]\.config\.hide_credentials: /m,
 qr/^kong.yml:14:14: error: plugins\[0\]\.config\.timeout: /m,
 qr/^kong.yml:15:16: error: plugins\[0\]\.config\.keepalive: /m,
 qr/^kong.yml:16:16: error: plugins\[0\]\.config\.anonymous: /m,
 qr/^kong.yml:17:18: error: plugins\[0\]\.config\.header_type: /m,
 qr/^kong.yml:18:12: error: plugins\[0\]\.config\.realm: /m,
 qr/^kong.yml:19:5: error: plugins\[0\]\.config\.ldap_hosts: .*ldap_host/m]



=== TEST 7: ldaps and start_tls
--- yaml
_format_version: "3.0"
plugins:
- name: ldap-auth
  config:
    ldap_host: 127.0.0.1
    base_dn: dc=example
    attribute: cn
    ldaps: true
    start_tls: true
--- error_like: ^kong.yml:9:16: error: plugins\[0\]\.config\.start_tls: 'ldaps' and 'start_tls' cannot be enabled simultaneously



=== TEST 8: it is about who the consumer is, not for one
--- yaml
_format_version: "3.0"
consumers:
- username: bob
  plugins:
  - name: ldap-auth
    config:
      ldap_host: 127.0.0.1
      base_dn: dc=example
      attribute: cn
--- error_like: ^kong.yml:5:\d+: error: consumers\[0\]\.plugins\[0\]\S* .*ldap-auth



=== TEST 9: a certificate to verify, but no TLS
--- yaml
_format_version: "3.0"
plugins:
- name: ldap-auth
  config:
    ldap_host: 127.0.0.1
    base_dn: dc=example
    attribute: cn
    verify_ldap_host: true
--- stderr_like: (?m)^kong.yml:8:23: warning: plugins\[0\]\.config\.verify_ldap_host: .*plain text
--- conf_unlike: gateway_ldap_auth_trusted_certificate



=== TEST 10: by hand: no server
--- config
    location = /t { gateway_ldap_auth base_dn=dc=example attribute=cn; }
--- must_die
--- error_log
has no server



=== TEST 11: by hand: no directory
--- config
    location = /t { gateway_ldap_auth ldap_host=127.0.0.1 attribute=cn; }
--- must_die
--- error_log
has no directory



=== TEST 12: by hand: no attribute
--- config
    location = /t { gateway_ldap_auth ldap_host=127.0.0.1 base_dn=dc=example; }
--- must_die
--- error_log
has no attribute



=== TEST 13: by hand: ldaps and start_tls
--- config
    location = /t {
        gateway_ldap_auth ldap_host=127.0.0.1 base_dn=dc=example attribute=cn
                          ldaps=on start_tls=on;
    }
--- must_die
--- error_log
which exclude each other



=== TEST 14: by hand: more than a host
--- config
    location = /t {
        gateway_ldap_auth ldap_host=a/b base_dn=dc=example attribute=cn;
    }
--- must_die
--- error_log
invalid "ldap_host"



=== TEST 15: by hand: an empty header_type
--- config
    location = /t {
        gateway_ldap_auth ldap_host=a base_dn=dc=example attribute=cn
                          header_type=;
    }
--- must_die
--- error_log
empty "header_type"



=== TEST 16: by hand: nothing to verify with
--- config
    location = /t {
        gateway_ldap_auth ldap_host=a base_dn=dc=example attribute=cn
                          ldaps=on verify_ldap_host=on;
    }
--- must_die
--- error_log
needs a gateway_ldap_auth_trusted_certificate



=== TEST 17: by hand: certificates that are not there
--- http_config
    gateway_ldap_auth_trusted_certificate /nonexistent;
--- config
    location = /t {
        gateway_ldap_auth ldap_host=a base_dn=dc=example attribute=cn
                          ldaps=on verify_ldap_host=on;
    }
--- must_die
--- error_log
cannot load trusted certificates from "/nonexistent"



=== TEST 18: by hand: sizes of the zone
--- http_config
    gateway_ldap_auth_zone 1k;
--- must_die
--- error_log
zone size "1k" is too small



=== TEST 19: by hand: an anonymous consumer that is not there
--- config
    location = /t {
        gateway_ldap_auth ldap_host=a base_dn=dc=example attribute=cn
                          anonymous=nobody;
    }
--- must_die
--- error_log
anonymous consumer "nobody" of "gateway_ldap_auth"



=== TEST 20: by hand: a port that is none
--- config
    location = /t {
        gateway_ldap_auth ldap_host=a base_dn=dc=example attribute=cn
                          ldap_port=65536;
    }
--- must_die
--- error_log
ldap_port
