# Copyright (C) the ngx_gateway authors
#
# syslog: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
plugins:
- name: syslog
  config:
    server_errors_severity: err
    facility: daemon
--- conf
gateway_syslog server_errors_severity=err facility=daemon;



=== TEST 2: all defaults, one spelt out
--- yaml
_format_version: "3.0"
plugins:
- name: syslog
  config:
    log_level: info
--- conf
gateway_syslog on;



=== TEST 3: an unknown level
--- yaml
_format_version: "3.0"
plugins:
- name: syslog
  config:
    log_level: warn
--- error_like: kong.yml:5:16: error: plugins\[0\]\.config\.log_level: 
