# Copyright (C) the ngx_gateway authors
#
# loggly: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: defaults are left out
--- yaml
_format_version: "3.0"
plugins:
- name: loggly
  config:
    key: some-key
    host: 127.0.0.1
    port: 514
    tags: [kong]
--- conf
gateway_loggly host=127.0.0.1 key=some-key;



=== TEST 2: the default host needs a resolver
--- yaml
_format_version: "3.0"
plugins:
- name: loggly
  config:
    key: some-key
    tags: [kong, a]
    server_errors_severity: crit
--- compile_args: --set dns_resolver=127.0.0.1
--- conf_like eval
[qr/gateway_loggly server_errors_severity=crit key=some-key tags=kong tags=a;/,
 qr/^\s*resolver 127\.0\.0\.1/m]



=== TEST 3: a key is required
--- yaml
_format_version: "3.0"
plugins:
- name: loggly
  config: {}
--- error_like: required field missing: "key"



=== TEST 4: a level that does not exist
--- yaml
_format_version: "3.0"
plugins:
- name: loggly
  config: {key: a, log_level: fatal}
--- error_like: kong.yml:4:31: error: plugins\[0\]\.config\.log_level: 
