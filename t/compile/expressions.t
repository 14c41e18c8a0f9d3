# Copyright (C) the ngx_gateway authors
#
# Expressions in files: what is written, what is refused and where.

use lib 't/lib';
use Test::Gateway 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('compile_args', '--set router_flavor=expressions '
                      . ($block->compile_args // ''));
});

run_tests();

__DATA__

=== TEST 1: what a route becomes
--- yaml
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:2310
  routes:
  - name: a
    expression: 'http.host == "a.com" && http.path ~ r#"^/\d+"#'
    priority: 12
    protocols: [https]
    strip_path: false
  - name: b
    expression: http.method == "GET"
    priority: 0
  - name: c
    paths: [/c]
    sources: [{ip: 10.0.0.0/8}, {ip: "::1", port: 1}, {port: 2}, {ip: 1.2.3.4, port: 3}]
    destinations: [{ip: "fd00::/8"}]
--- conf
gateway_router_flavor expressions;
...
gateway_route a id=f3ef8bde-817d-5a84-b4cd-13f35d3bbb53 service=s {  # kong.yml:6
expression "http.host == \"a.com\" && http.path ~ r#\"^/\\d+\"#";
priority 12;
protocols https;
strip_path off;
}
gateway_route b id=5123265e-4054-5bf7-96de-0e935c0916b9 service=s {  # kong.yml:11
expression "http.method == \"GET\"";
}
gateway_route c id=810c7208-a1ec-52f3-93db-2f227cd6be92 service=s {  # kong.yml:14
paths /c;
sources 10.0.0.0/8 [::1]:1 :2 1.2.3.4:3;
destinations fd00::/8;
}



=== TEST 2: one that is longer than nginx's tokens
--- yaml eval
"_format_version: '3.0'\nroutes:\n- name: a\n  expression: |\n"
. CORE::join("    ||\n", map { "    http.path == \"/\\n" . 'x' x 50 . "$_\"\n" } 1 .. 200)
--- conf_like eval
qr/expression "http\.path == [^;]{1990,3000}" "[^;]+" "[^;]+";\n/



=== TEST 3: errors stand where they are, whatever the style of the text
--- yaml
_format_version: "3.0"
routes:
- expression: http.path = "/a"
- expression: 'http.path == "it''s" && http.pth == "/a"'
- expression: "http.path == \"\u00e4\" && http.host"
- expression: "http.path == \"a\" &&
    http.method == 7"
- expression: |
    http.path == "/a"
      && net.src.ip == 10.0.0.0/8
- expression: >-
    http.path == "/a"
    && lower(net.src.port) == 3
- expression: http.path ~ "a(b"
- expression: 'http.path ~ "\\d\\q"'
- expression: http.path == "ä" && (
- expression: http.path == "/"
    || upper(http.path) == "/"
- {expression: "\thttp.path in \"x\""}
--- error
kong.yml:3:25: error: routes[0].expression: expected an operator (==, !=, ~, ^=, =^, >, >=, <, <=, in, not in or contains), this is "=", equality is "=="
kong.yml:4:40: error: routes[1].expression: "http.pth" is no field
  fix: http.path
kong.yml:5:52: error: routes[2].expression: expected an operator (==, !=, ~, ^=, =^, >, >=, <, <=, in, not in or contains), this is the end
kong.yml:7:20: error: routes[3].expression: this is a number, but the field is a text: write it in double quotes
kong.yml:10:24: error: routes[4].expression: this is a network, but the field is an address: write "in" or "not in"
kong.yml:13:8: error: routes[5].expression: lower() is for texts, "net.src.port" is a number
kong.yml:14:31: error: routes[6].expression: invalid regex: missing closing parenthesis
kong.yml:15:32: error: routes[7].expression: invalid regex: unknown escape sequence
kong.yml:16:36: error: routes[8].expression: expected a field as http.path, "(" or "!(", this is the end
kong.yml:18:8: error: routes[9].expression: unknown function "upper", there are lower() and any()
kong.yml:19:29: error: routes[10].expression: "in" is for addresses, this field is a text



=== TEST 4: what does not go together
--- yaml
_format_version: "3.0"
routes:
- expression: http.path == "/"
  paths: [/]
- expression: http.path == "/"
  regex_priority: 1
- paths: [/]
  priority: 1
- paths: [/]
  priority: 0
  regex_priority: 1
- expression: http.path == "/"
  priority: 70368744177664
- expression: http.path == "/"
  priority: -1
- expression: ""
- {}
- sources: [{ip: 1.2.3.4}]
- protocols: [tcp]
  expression: http.path == "/"
--- error
kong.yml:3:15: error: routes[0].expression: cannot set "expression" with "methods", "hosts", "paths", "headers", "snis", "sources" or "destinations"
kong.yml:6:19: error: routes[1].regex_priority: cannot set "regex_priority" with "expression", whose order is "priority"
kong.yml:8:13: error: routes[2].priority: cannot set "priority" with "methods", "hosts", "paths", "headers", "snis", "sources" or "destinations": it orders expressions
kong.yml:13:13: error: routes[4].priority: value should be between 0 and 70368744177663, this is 70368744177664
kong.yml:15:13: error: routes[5].priority: value should be between 0 and 70368744177663, this is -1
kong.yml:16:15: error: routes[6].expression: length must be at least 1
kong.yml:17:3: error: routes[7]: must set one of 'methods', 'hosts', 'headers', 'paths', 'snis', 'expression' when 'protocols' is 'https'
kong.yml:18:3: error: routes[8]: must set one of 'methods', 'hosts', 'headers', 'paths', 'snis', 'expression' when 'protocols' is 'https'
kong.yml:20:15: error: routes[9].expression: "http.path" is no field of stream routes



=== TEST 5: what is likely another thing than was meant
--- yaml
_format_version: "3.0"
routes:
- expression: http.path == "/a" || http.path == "/b" && net.port == 3
- expression: lower(http.path) == "/A"
--- cmd: check kong.yml --set router_flavor=expressions
--- stdout
ok: 0 services, 2 routes, 0 consumers, 0 upstreams, 0 plugins
--- stderr_like chomp
kong\.yml:3:15: warning: routes\[0\]\.expression: "\|\|" binds tighter than "&&" here: say with parentheses what is meant
kong\.yml:3:57: warning: routes\[0\]\.expression: "net\.port" is the old name of "net\.dst\.port"
kong\.yml:4:35: warning: routes\[1\]\.expression: lower\(\) gives lower case
