# Copyright (C) the ngx_gateway authors
#
# Syntax and scalars of YAML 1.1 and JSON.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: scalars that are no strings need quotes
--- yaml
_format_version: "3.0"
services:
- name: off
  host: a
- name: 0x1A2
  host: a
- name: 10:30
  host: a
- name: 1_000
  host: a
- name: 2e3
  host: a
- name: ~
  host: a
- name: y
  host: a
- name: 0o10
  host: a
- name: "on"
  host: a
--- error
kong.yml:3:9: error: services[0].name: expected a string, this is a boolean
  fix: put it in quotes: "off"
kong.yml:5:9: error: services[1].name: expected a string, this is an integer
  fix: put it in quotes: "0x1A2"
kong.yml:7:9: error: services[2].name: expected a string, this is an integer
  fix: put it in quotes: "10:30"
kong.yml:9:9: error: services[3].name: expected a string, this is an integer
  fix: put it in quotes: "1_000"
kong.yml:11:9: error: services[4].name: expected a string, this is a number
  fix: put it in quotes: "2e3"



=== TEST 2: numbers in their several forms
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
  port: 0x50
  retries: 0b11
  connect_timeout: 1_000
  write_timeout: 2e3
  read_timeout: 10:30
- name: b
  host: b
  port: 08
  retries: 017
--- stdout
ok: 2 services, 0 routes, 0 consumers, 0 upstreams, 0 plugins



=== TEST 3: the values of those numbers
--- yaml
_format_version: "3.0"
services:
- {name: a, host: a, port: 0x1ffff}
- {name: b, host: b, port: -0b1}
- {name: c, host: c, port: -010}
- {name: d, host: d, port: 100_000}
- {name: e, host: e, port: 7e4}
- {name: f, host: f, port: 100:30:00}
- {name: g, host: g, port: 80.5}
- {name: h, host: h, port: .inf}
- {name: i, host: i, port: 99999999999999999999}
--- error
kong.yml:3:28: error: services[0].port: value should be between 0 and 65535, this is 0x1ffff
kong.yml:4:28: error: services[1].port: value should be between 0 and 65535, this is -0b1
kong.yml:5:28: error: services[2].port: value should be between 0 and 65535, this is -010
kong.yml:6:28: error: services[3].port: value should be between 0 and 65535, this is 100_000
kong.yml:7:28: error: services[4].port: value should be between 0 and 65535, this is 7e4
kong.yml:8:28: error: services[5].port: value should be between 0 and 65535, this is 100:30:00
kong.yml:9:28: error: services[6].port: expected an integer, this is a number
kong.yml:10:28: error: services[7].port: expected an integer, this is a number
kong.yml:11:28: error: services[8].port: expected an integer, this is a number



=== TEST 4: duplicate keys
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a
  name: b
--- error
kong.yml:5:3: error: services[0].name: this key is given twice, first at kong.yml:3:3



=== TEST 5: a duplicate key at the top
--- yaml
_format_version: "3.0"
services: []
services: []
--- error
kong.yml:3:1: error: services: this key is given twice, first at kong.yml:2:1



=== TEST 6: anchors, aliases and merged maps
--- yaml
_format_version: "3.0"
_ignore:
- &defaults
  retries: 3
  host: example.com
services:
- <<: *defaults
  name: a
- <<: *defaults
  name: b
  retries: 1
- name: c
  retries: 99999
  <<: *defaults
--- stdout
ok: 3 services, 0 routes, 0 consumers, 0 upstreams, 0 plugins



=== TEST 7: a key after "<<" wins, "<<" after a key wins
--- yaml
_format_version: "3.0"
_ignore:
- &bad {retries: -1}
services:
- name: a
  host: a
  <<: *bad
  retries: 1
- name: b
  host: b
  retries: 1
  <<: *bad
--- error
kong.yml:3:18: error: _ignore[0].retries: value should be between 0 and 32767, this is -1



=== TEST 8: what "<<" takes
--- yaml
_format_version: "3.0"
services:
- <<: text
--- error
kong.yml:3:7: error: services[0]["<<"]: "<<" expects a map or a list of maps, this is a string



=== TEST 9: an alias without anchor
--- yaml
_format_version: "3.0"
services: *nothing
--- error
kong.yml:2:12: error: alias "*nothing" names no anchor written before it



=== TEST 10: an alias inside of its anchor
--- yaml
_format_version: "3.0"
services: &a [*a]
--- error
kong.yml:2:16: error: alias "*a" stands inside its own anchor



=== TEST 11: aliases that grow without bound
--- yaml
_format_version: "3.0"
_ignore:
- &a [x, x, x, x, x, x, x, x]
- &b [*a, *a, *a, *a, *a, *a, *a, *a]
- &c [*b, *b, *b, *b, *b, *b, *b, *b]
- &d [*c, *c, *c, *c, *c, *c, *c, *c]
- &e [*d, *d, *d, *d, *d, *d, *d, *d]
- &f [*e, *e, *e, *e, *e, *e, *e, *e]
- &g [*f, *f, *f, *f, *f, *f, *f, *f]
- &h [*g, *g, *g, *g, *g, *g, *g, *g]
- &i [*h, *h, *h, *h, *h, *h, *h, *h]
--- error
kong.yml:8:6: error: _ignore[5]: aliases repeat more than 2000000 values



=== TEST 12: broken syntax
--- yaml
_format_version: "3.0"
services: [a, b
routes: []
--- error
kong.yml:4:1: error: YAML syntax: flow sequence without a closing bracket



=== TEST 13: a tab as indentation
--- yaml
_format_version: "3.0"
services:
	- name: a
--- error
kong.yml:3:1: error: YAML syntax: tab character may not be used as indentation



=== TEST 14: only the first document is read
--- yaml
_format_version: "3.0"
services: []
---
this is: not looked at
--- stdout
ok: 0 services, 0 routes, 0 consumers, 0 upstreams, 0 plugins



=== TEST 15: an unknown tag
--- yaml
_format_version: "3.0"
services: !lua/table []
--- error
kong.yml:2:22: error: the tag is not known here: only YAML's own ones (!!str, !!int, ...) are



=== TEST 16: an empty file
--- yaml
--- error
kong.yml:1:1: error: expected an object (a map) at the top of the file, this is null



=== TEST 17: a list at the top
--- yaml
- services
--- error
kong.yml:1:1: error: expected an object (a map) at the top of the file, this is an array



=== TEST 18: JSON
--- yaml
_format_version: "3.0"
--- user_files
>>> kong.json
{
  "_format_version": "3.0",
  "services": [
    {"name": "a", "host": "h", "port": "80"},
    {"name": "b\u00e9", "host": "h", "port": 80, "name": "c"}
  ]
}
--- cmd
check kong.json
--- error
kong.json:4:40: error: services[0].port: expected an integer, this is a string
  fix: without quotes: 80
kong.json:5:50: error: services[1].name: this key is given twice, first at kong.json:5:6



=== TEST 19: broken JSON
--- yaml
_format_version: "3.0"
--- user_files
>>> kong.json
{
  "_format_version": "3.0",
  "services": [,]
}
--- cmd
check kong.json
--- error
kong.json:3:16: error: JSON syntax: a value was expected



=== TEST 20: another suffix
--- yaml
_format_version: "3.0"
--- user_files
>>> kong.conf
a: b
--- cmd
check kong.conf
--- error
kong.conf: error: the name of the file must end in .yaml, .yml or .json
