# Copyright (C) the ngx_gateway authors
#
# ip-restriction: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
plugins:
- name: ip-restriction
  config:
    allow: [10.0.0.0/8, "2001:db8::/32"]
    deny: [10.9.0.0/16]
--- conf
gateway_ip_restriction allow=10.0.0.0/8 allow=2001:db8::/32 deny=10.9.0.0/16;



=== TEST 2: every field
--- yaml
_format_version: "3.0"
plugins:
- name: ip-restriction
  config:
    allow: [127.0.0.1]
    status: 401
    message: go away
--- conf
gateway_ip_restriction allow=127.0.0.1 status=401 "message=go away";



=== TEST 3: neither list
--- yaml
_format_version: "3.0"
plugins:
- name: ip-restriction
  config:
    allow: []
--- error_like: kong.yml:5:5: error: plugins\[0\]\.config: at least one of "allow" and "deny" must be set



=== TEST 4: no address
--- yaml
_format_version: "3.0"
plugins:
- name: ip-restriction
  config:
    deny: [10.0.0.0/33]
--- error_like: kong.yml:5:12: error: plugins\[0\]\.config\.deny\[0\]: 



=== TEST 5: lists in files
--- yaml
_format_version: "3.0"
plugins:
- name: ip-restriction
  config:
    allow_file: /etc/hosts.allowed
    deny_file: /etc/hosts.denied
--- conf
gateway_ip_restriction allow_file=/etc/hosts.allowed deny_file=/etc/hosts.denied;
--- no_nginx_test



=== TEST 6: a relative path
--- yaml
_format_version: "3.0"
plugins:
- name: ip-restriction
  config:
    deny_file: denied.txt
--- error_like: kong.yml:5:16: error: plugins\[0\]\.config\.deny_file: "deny_file" must be an absolute path



=== TEST 7: a file for streams
--- yaml
_format_version: "3.0"
services:
- name: tcp
  url: tcp://127.0.0.1:1
  routes:
  - name: tcp
    protocols: [tcp]
    destinations: [{port: 1234}]
    plugins:
    - name: ip-restriction
      config:
        deny_file: /etc/denied
--- cmd: compile kong.yml -o prefix --set stream_listen=127.0.0.1:1234
--- error_like: kong.yml:12:20: error: .*"deny_file" does not work for streams
