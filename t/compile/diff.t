# Copyright (C) the ngx_gateway authors
#
# The command diff: its words, its JSON and its exit status.

use lib 't/lib';
use Test::Gateway 'no_plan';

run_tests();

__DATA__

=== TEST 1: nothing changes, whatever the order, ids and tags
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  tags: [x]
  routes:
  - paths: [/one]
  - name: two
    paths: [/two, /zwei]
consumers:
- username: alice
  keyauth_credentials: [{key: one}, {key: two}]
--- user_files
>>> new.yml
_format_version: "3.0"
consumers:
- username: alice
  keyauth_credentials: [{key: two}, {key: one}]
routes:
- name: two
  service: a
  paths: [/zwei, /two]
services:
- name: a
  url: http://a.internal
  routes:
  - paths: [/one]
--- cmd: diff kong.yml new.yml
--- stdout
nothing changes for traffic
--- exit_code: 0



=== TEST 2: services and routes: added, removed, changed
--- yaml
_format_version: "3.0"
services:
- name: orders
  host: orders.internal
  path: /v1
  tags: ["nginx:client_max_body_size 1m"]
  routes:
  - name: items
    paths: [/items, /articles]
    hosts: [a.example]
  - name: gone
    paths: [/gone]
    methods: [GET, POST]
- name: other
  host: other.internal
  routes:
  - name: moved
    paths: [/moved]
--- user_files
>>> new.yml
_format_version: "3.0"
services:
- name: orders
  host: orders2.internal
  path: /v1
  read_timeout: 5000
  tags: ["nginx:client_max_body_size 2m"]
  routes:
  - name: items
    paths: [/items, /things]
    hosts: [a.example]
    strip_path: false
  - name: moved
    paths: [/moved]
  - paths: [/nameless]
- name: other
  host: other.internal
--- cmd: diff kong.yml new.yml
--- stdout
services
  ~ orders    host: orders.internal -> orders2.internal
              read_timeout: 60000 -> 5000
              nginx: - client_max_body_size 1m; + client_max_body_size 2m;
              routes: items, moved, (/nameless)
routes
  ~ items        paths: - /articles + /things
                 strip_path: true -> false
  ~ moved        service: other -> orders
  + (/nameless)  /nameless -> orders
  - gone         GET,POST /gone -> orders
requests that another route gets
  ~ items      -> none: 404
               GET http://a.example/articles
               GET http://a.example/articles/x
  ~ none: 404  -> items
               GET http://a.example/things
               GET http://a.example/things/x
--- exit_code: 1



=== TEST 3: entities with ids keep them when they are renamed
--- yaml
_format_version: "3.0"
services:
- id: 0d3cbb9f-2b60-4f0a-8a4e-2f5d7c9b1a01
  name: before
  host: a.internal
--- user_files
>>> new.yml
_format_version: "3.0"
services:
- id: 0d3cbb9f-2b60-4f0a-8a4e-2f5d7c9b1a01
  name: after
  host: a.internal
--- cmd: diff kong.yml new.yml
--- stdout
services
  ~ after     name: before -> after
              routes: none
--- exit_code: 1



=== TEST 4: plugins as they act: by route, whatever scope they come from
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes:
  - name: one
    paths: [/one]
  - name: two
    paths: [/two]
    plugins:
    - name: rate-limiting
      config: {minute: 5}
plugins:
- name: rate-limiting
  config: {minute: 100}
- name: key-auth
--- user_files
>>> new.yml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  plugins:
  - name: rate-limiting
    config: {minute: 100}
  routes:
  - name: one
    paths: [/one]
  - name: two
    paths: [/two]
plugins:
- name: rate-limiting
  config: {minute: 100}
- name: cors
--- cmd: diff kong.yml new.yml
--- stdout
plugins as they act
  - key-auth       scope: global
                   routes: one, two
                   requests that match no route
  + cors           scope: global
                   routes: one, two
                   requests that match no route
  ~ rate-limiting  minute: 5 -> 100
                   scope: route -> service
                   routes: two
--- exit_code: 1



=== TEST 5: consumers, their credentials without secrets, and their own plugins
--- yaml
_format_version: "3.0"
consumers:
- username: alice
  keyauth_credentials:
  - key: hidden-one
  acls: [{group: admins}]
  plugins:
  - name: rate-limiting
    config: {minute: 1}
- username: bob
  basicauth_credentials:
  - {username: bob, password: hidden-two}
--- user_files
>>> new.yml
_format_version: "3.0"
consumers:
- username: alice
  keyauth_credentials:
  - key: hidden-three
  acls: [{group: users}]
  plugins:
  - name: rate-limiting
    config: {minute: 2}
- username: carol
--- cmd: diff kong.yml new.yml
--- stdout_like eval
[
    qr/^consumers\n  \+ carol\n  - bob\ncredentials\n/,
    qr/  ~ keyauth_credentials of alice  key: changed\n +id: [0-9a-f-]{36}\n/,
    qr/  \+ acls of alice +id: [0-9a-f-]{36}\n +group: users\n/,
    qr/  - acls of alice +id: [0-9a-f-]{36}\n +group: admins\n/,
    qr/  - basicauth_credentials of bob  id: [0-9a-f-]{36}\n +username: bob\n/,
    qr/plugins as they act\n  ~ rate-limiting  minute: 1 -> 2\n +scope: consumer\n +consumer: alice\n\z/,
    qr/\A(?!.*hidden-)/s,
]
--- exit_code: 1



=== TEST 6: upstreams, their targets and health checks
--- yaml
_format_version: "3.0"
services:
- name: a
  host: pool
upstreams:
- name: pool
  targets:
  - target: 10.0.0.1:80
  - target: 10.0.0.2:80
--- user_files
>>> new.yml
_format_version: "3.0"
services:
- name: a
  host: pool
upstreams:
- name: pool
  algorithm: least-connections
  healthchecks: {passive: {unhealthy: {http_failures: 3}}}
  targets:
  - target: 10.0.0.1:80
    weight: 5
  - target: 10.0.0.2:80
--- cmd: diff kong.yml new.yml
--- stdout
upstreams
  ~ pool      algorithm: round-robin -> least-connections
              healthchecks.passive.unhealthy.http_failures: 0 -> 3
              targets: - 10.0.0.1:80 weight=100 + 10.0.0.1:80 weight=5
              services: a
--- exit_code: 1



=== TEST 7: settings of two sets, and files of --extra
--- yaml
_format_version: "3.0"
--- user_files
>>> extra.yml
http: [client_header_timeout 7s]
server: ['add_header Authorization "Basic aGlkZGVu"']
--- cmd: diff kong.yml kong.yml --set log_level=info --old-set headers=off --extra extra.yml --old-extra /dev/null
--- stdout
settings
  ~ headers   off -> server_tokens, latency_tokens, x-kong-request-id
  ~ nginx     changed
--- exit_code: 1



=== TEST 8: requests that another route takes: longer path, host, method, header, regex
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes:
  - name: all
    paths: [/]
  - name: doc
    paths: ['~/doc/(?<id>[a-f0-9]{4})/(pdf|txt)$']
  - name: wild
    hosts: ["*.example.com"]
    paths: [/w]
--- user_files
>>> new.yml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes:
  - name: all
    paths: [/]
  - name: doc
    paths: ['~/doc/(?<id>[a-f0-9]{4})/(pdf|txt)$']
  - name: better-doc
    paths: ['~/doc/\w+/pdf$']
    regex_priority: 5
  - name: wild
    hosts: ["*.example.com"]
    paths: [/w]
  - name: canary
    hosts: ["www.example.com"]
    paths: [/w]
    headers: {X-Canary: ["yes"]}
--- cmd: diff kong.yml new.yml
--- stdout_like eval
[
    qr/requests that another route gets\n/,
    qr/  ~ doc +-> better-doc\n +GET \/doc\/aaaa\/pdf\n/,
    qr/  ~ wild +-> canary\n +GET http:..www\.example\.com\/w \(X-Canary: yes\)\n/,
    qr/  ~ all +-> better-doc\n +GET \/doc\/a\/pdf\n/,
]
--- exit_code: 1



=== TEST 9: JSON
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes:
  - name: all
    paths: [/]
--- user_files
>>> new.yml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes:
  - name: all
    paths: [/]
    methods: [GET]
    plugins:
    - name: key-auth
--- cmd: diff kong.yml new.yml --json
--- stdout
{
  "changed": true,
  "settings": [],
  "routes": {
    "added": [],
    "removed": [],
    "changed": [
      {
        "id": "ee406ca5-f375-5642-b717-d5ee48a72414",
        "name": "all",
        "matches": "GET /",
        "service": {
          "id": "72734e2a-702d-5711-b9ef-697178108ad8",
          "name": "a"
        },
        "plugins": [
          "key-auth"
        ],
        "changes": [
          {
            "field": "methods",
            "removed": [],
            "added": [
              "GET"
            ]
          }
        ]
      }
    ]
  },
  "effects": [
    {
      "plugin": "key-auth",
      "old": null,
      "new": {
        "id": "c8c6b790-b799-52f7-94d9-bd002f4dd71b",
        "scope": "route"
      },
      "changes": [],
      "routes": [
        {
          "id": "ee406ca5-f375-5642-b717-d5ee48a72414",
          "name": "all"
        }
      ],
      "no_route": false,
      "consumer": null,
      "consumer_group": null
    }
  ],
  "requests": [
    {
      "old": {
        "id": "ee406ca5-f375-5642-b717-d5ee48a72414",
        "name": "all"
      },
      "new": null,
      "examples": [
        {
          "method": "POST",
          "url": "/",
          "headers": []
        }
      ]
    }
  ]
}
--- exit_code: 1



=== TEST 10: JSON without changes
--- yaml
_format_version: "3.0"
--- cmd: diff kong.yml kong.yml --json
--- stdout
{
  "changed": false,
  "settings": [],
  "effects": [],
  "requests": []
}
--- exit_code: 0



=== TEST 11: problems of both files are told, and are no difference
--- yaml
_format_version: "3.0"
services:
- nam: x
--- user_files
>>> new.yml
_format_version: "3.0"
routes: 7
--- cmd: diff kong.yml new.yml
--- stdout:
--- stderr_like eval
[
    qr/^kong\.yml:3:3: error: services\[0\]\.nam: unknown field "nam"/m,
    qr/^new\.yml:2:9: error: routes: expected an array/m,
]
--- exit_code: 2



=== TEST 12: a file that is not there
--- yaml
_format_version: "3.0"
--- cmd: diff kong.yml missing.yml
--- stderr_like: missing\.yml
--- exit_code: 2



=== TEST 13: two files
--- yaml
_format_version: "3.0"
--- cmd: diff kong.yml
--- stderr_like: diff needs two files
--- exit_code: 2



=== TEST 14: headers that carry secrets are not shown
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes:
  - name: r
    paths: [/]
    plugins:
    - name: request-transformer
      config: {add: {headers: ["X-Plain:old", "Authorization:Basic hidden"]}}
--- user_files
>>> new.yml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes:
  - name: r
    paths: [/]
    plugins:
    - name: request-transformer
      config: {add: {headers: ["X-Plain:old", "Authorization:Basic hidden2"]}}
--- cmd: diff kong.yml new.yml
--- stdout
plugins as they act
  ~ request-transformer  add.headers: changed
                         scope: route
                         routes: r
--- exit_code: 1



=== TEST 15: fields that are not given in lists of records
--- yaml
_format_version: "3.0"
routes:
- name: r
  protocols: [tcp]
  destinations: [{port: 5}, {ip: 10.0.0.0/8}]
--- user_files
>>> new.yml
_format_version: "3.0"
routes:
- name: r
  protocols: [tcp]
  destinations: [{port: 6}, {ip: 10.0.0.0/8, port: 7}]
--- cmd: diff kong.yml new.yml --set stream_listen=127.0.0.1:5
--- stdout
routes
  ~ r         destinations: - {ip: 10.0.0.0/8}, - {port: 5} + {ip: 10.0.0.0/8, port: 7}, + {port: 6}
--- exit_code: 1
