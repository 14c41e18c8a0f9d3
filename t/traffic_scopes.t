# Copyright (C) the ngx_gateway authors
#
# Which instance of a plugin that controls traffic acts: each of them in all
# scopes, told by what only this instance does.

use lib 't/lib';
use Test::Gateway 'no_plan';

start_echo();

my $echo = $ENV{TEST_NGINX_ECHO_PORT};

# scopes, the one that wins first; the number of an instance is its place
my @scopes = (
    ['consumer: c, route: r, service: s', 'c r s'],
    ['consumer_group: g, service: s, route: r', 'g r s'],
    ['consumer: c, route: q', 'c q'],
    ['consumer: c, service: s', 'c s'],
    ['consumer_group: g, route: q', 'g q'],
    ['consumer_group: g, service: t', 'g t'],
    ['route: r, service: s', 'r s'],
    ['consumer: c', 'c'],
    ['consumer_group: g', 'g'],
    ['route: q', 'q'],
    ['service: s', 's'],
    [undef, ''],
);

# routes with their services, and who asks
my %routes = (r => 's', q => 's', o => 's', u => 't');
my %who = (c => { c => 1, g => 1 }, d => { g => 1 }, e => {}, '' => {});

# the number of the instance that acts; 0: none
sub expected {
    my ($route, $who, $skip) = @_;
    my %is = (%{ $who{$who} }, $route => 1, $routes{$route} => 1);

    for my $i (1 .. @scopes) {
        next if $skip->($i);
        my @needs = split ' ', $scopes[$i - 1][1];
        return $i unless grep { !$is{$_} } @needs;
    }

    return 0;
}

sub ask {
    my ($route, $who, %more) = @_;
    return http_request($more{method} // 'GET', "/$route",
        headers => [$who ? "apikey: $who" : (), @{ $more{headers} // [] }],
        $more{body} ? (body => $more{body}) : ());
}

# the configuration of instance n, and what tells that it has acted
my %plugins = (
    'rate-limiting' => [
        sub { "year: $_[0]000" },
        sub { (ask(@_)->header('X-RateLimit-Limit-Year') // 0) / 1000 },
    ],
    'response-ratelimiting' => [
        sub { "limits: { v: { year: $_[0]000 } }" },
        sub { (ask(@_)->header('X-RateLimit-Limit-v-year') // 0) / 1000 },
    ],
    'request-size-limiting' => [
        sub { "allowed_payload_size: ${\ ($_[0] * 10)}, size_unit: bytes" },
        sub {
            for my $n (1 .. @scopes) {
                return $n if ask(@_, method => 'POST',
                    body => 'x' x ($n * 10 + 1))->status == 413;
            }
            return 0;
        },
    ],
    'request-termination' => [
        sub { "status_code: ${\ (480 + $_[0])}" },
        sub { my $s = ask(@_)->status; $s > 480 ? $s - 480 : 0 },
    ],
    'ip-restriction' => [
        sub { "deny: [127.0.0.1], status: ${\ (480 + $_[0])}" },
        sub { my $s = ask(@_)->status; $s > 480 ? $s - 480 : 0 },
    ],
    'redirect' => [
        sub { "location: 'http://n/$_[0]'" },
        sub { my ($n) = (ask(@_)->header('Location') // '/0') =~ /(\d+)$/;
              $n },
    ],
    'proxy-cache' => [
        sub { "strategy: memory, content_type: [a/n$_[0]]" },
        sub {
            for my $n (1 .. @scopes) {
                return $n if (ask(@_, headers => ["X-Test-Type: a/n$n"])
                    ->header('X-Cache-Status') // '') =~ /Miss|Hit/;
            }
            return 0;
        },
    ],
    'correlation-id' => [
        sub { "header_name: X-Id-$_[0], echo_downstream: true" },
        sub {
            my $res = ask(@_);
            my @n = grep { $res->header("X-Id-$_") } 1 .. @scopes;
            return @n == 1 ? $n[0] : "@n" || 0;
        },
    ],
    'cors' => [
        sub { "origins: [n$_[0]]" },
        sub {
            my ($n) = (ask(@_)->header('Access-Control-Allow-Origin') // 'n0')
                =~ /(\d+)$/;
            return $n;
        },
    ],
    'bot-detection' => [
        sub { "deny: [agent$_[0]x]" },
        sub {
            for my $n (1 .. @scopes) {
                return $n if ask(@_, headers => ["User-Agent: agent${n}x"])
                    ->status == 403;
            }
            return 0;
        },
    ],
);

# who runs before authentication knows no consumer; two cannot be given one
my %early = map { $_ => 1 } 'correlation-id', 'cors', 'bot-detection';
my %unscoped = map { $_ => 1 } 'cors', 'bot-detection';

for my $plugin (sort keys %plugins) {
    my ($config, $acts) = @{ $plugins{$plugin} };

    # all scopes, and without those of consumers
    for my $without ('', 'consumer') {
        next if $without eq '' && $unscoped{$plugin};

        my $yaml = <<"_EOC_";
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:$echo
  routes:
  - {name: r, paths: [/r]}
  - {name: q, paths: [/q]}
  - {name: o, paths: [/o]}
- name: t
  url: http://127.0.0.1:$echo
  routes:
  - {name: u, paths: [/u]}
consumer_groups:
- {name: g}
consumers:
- {username: c, keyauth_credentials: [{key: c}], groups: [{name: g}]}
- {username: d, keyauth_credentials: [{key: d}], groups: [{name: g}]}
- {username: e, keyauth_credentials: [{key: e}]}
- {username: nobody}
plugins:
- {name: key-auth, config: {anonymous: nobody}}
_EOC_

        for my $i (1 .. @scopes) {
            my $scope = $scopes[$i - 1][0] // '';
            next if $without && $scope =~ /$without/;
            $yaml .= "- {name: $plugin, config: {${\ $config->($i)}}"
                . ($scope ? ", $scope" : '') . "}\n";
        }

        my $nginx = start_nginx(yaml => $yaml);
        my $skip = sub {
            my $scope = $scopes[$_[0] - 1][0] // '';
            return ($without || $early{$plugin}) && $scope =~ /consumer/;
        };

        for my $route (sort keys %routes) {
            is($acts->($route, $_), expected($route, $_, $skip),
                "$plugin" . ($without && ' without consumers')
                . ": /$route, " . ($_ || 'nobody')) for sort keys %who;
        }

        $nginx->stop;
    }
}
