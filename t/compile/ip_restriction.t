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
