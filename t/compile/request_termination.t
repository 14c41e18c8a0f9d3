# Copyright (C) the ngx_gateway authors
#
# request-termination: from the file to directives.

use lib 't/lib';
use Test::Gateway 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    if (defined $block->plugin) {
        my $text = $block->plugin;
        $text =~ s/^/    /mg;
        $block->set_value('yaml', "_format_version: \"3.0\"\nplugins:\n"
                          . "- name: request-termination\n  config:\n$text");
    }
});

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- yaml
_format_version: "3.0"
services:
- name: old
  url: http://127.0.0.1:8080
  routes:
  - name: old
    paths: [/v1]
  plugins:
  - name: request-termination
    config:
      status_code: 410
      message: use /v2/
--- conf
gateway_request_termination status_code=410 "message=use /v2/";



=== TEST 2: all defaults
--- yaml
_format_version: "3.0"
plugins:
- name: request-termination
--- conf
gateway_request_termination on;



=== TEST 3: a body and a trigger
--- plugin
status_code: 200
body: "{\"a\": \"$b\"}\n"
content_type: application/json
trigger: X-Stop
--- conf_like: gateway_request_termination status_code=200 content_type=application/json .*trigger=X-Stop;



=== TEST 4: echo
--- plugin
echo: true
--- conf
gateway_request_termination echo=on;



=== TEST 5: message and body
--- plugin
message: a
body: b
--- error_like: kong.yml:5:14: error: plugins\[0\]\.config\.message: "message" cannot be used with "body" or "content_type"



=== TEST 6: echo and body
--- plugin
echo: true
body: b
--- error_like: plugins\[0\]\.config\.echo: "echo" cannot be used with "body" or "content_type"



=== TEST 7: a type without a body
--- plugin
content_type: text/plain
--- error_like: plugins\[0\]\.config\.content_type: "content_type" requires a "body"



=== TEST 8: a status out of range
--- plugin
status_code: 600
--- error_like: kong.yml:5:18: error: plugins\[0\]\.config\.status_code: 



=== TEST 9: the echo shows routes and services, so they are written
--- yaml
_format_version: "3.0"
routes:
- paths: [/a]
  plugins:
  - {name: request-termination, config: {echo: true}}
--- conf_like: gateway_record .*protocols



=== TEST 10: other answers do not
--- yaml
_format_version: "3.0"
routes:
- paths: [/a]
  plugins:
  - {name: request-termination, config: {message: a}}
--- conf_unlike: gateway_record



=== TEST 11: statuses: the least, and below it
--- plugin
status_code: 100
--- conf
gateway_request_termination status_code=100;
--- stderr_like: kong.yml:5:18: warning: .*a status below 200 does not end a request



=== TEST 12: below the least
--- plugin
status_code: 99
--- error_like: kong.yml:5:18: error: plugins\[0\]\.config\.status_code: 



=== TEST 13: no header's name
--- plugin
trigger: X Stop
--- error_like: kong.yml:5:14: error: plugins\[0\]\.config\.trigger: 
