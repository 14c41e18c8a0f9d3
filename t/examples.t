# Copyright (C) the ngx_gateway authors
#
# Examples of routing, each asked twice: "ngx-gateway explain" has to say
# what the running gateway does.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use File::Temp qw(tempdir);
use JSON::PP;

my $port = $ENV{TEST_NGINX_SERVER_PORT};
my $tls_port = $ENV{TEST_NGINX_SSL_PORT};

# number, routes, request, winner, upstream URI or answer
#   a route is a list: what the file says, with svc => path of its service;
#   request: host, path, method, headers (list), tls => SNI or ''
my @examples = (
    [1, { a => { paths => ['/foo'] } }, { path => '/foo/bar' }, 'a', '/bar'],
    [2, { a => { paths => ['/foo'] } }, { path => '/foobar' }, 'a', '/bar'],
    [3, { a => { paths => ['/foo'] } }, { path => '/foo' }, 'a', '/'],
    [4, { a => { paths => ['/foo'], svc => '/svc' } },
        { path => '/foo/' }, 'a', '/svc/'],
    [5, { a => { paths => ['/foo'], svc => '/svc/' } },
        { path => '/foo' }, 'a', '/svc'],
    [6, { a => { paths => ['/foo'], ns => 1, svc => '/svc' } },
        { path => '/foo/x?q=1' }, 'a', '/svc/foo/x?q=1'],
    [7, { a => { paths => ['/foo/'] } }, { path => '/foo' }, undef, 404],
    [8, { short => { paths => ['/a'] }, long => { paths => ['/a/b'] } },
        { path => '/a/b/c' }, 'long', '/c'],
    [9, { multi => { paths => ['/a', '/bbbbbbb'] },
          ab => { paths => ['/a/b'] } },
        { path => '/a/b/c' }, 'ab', '/c'],
    [10, { pre => { paths => ['/users/12345/profile'] },
           re => { paths => ['~/users/\d+'] } },
        { path => '/users/12345/profile' }, 're', '/profile'],
    [11, { lo => { paths => ['~/s/\d+'] },
           hi => { paths => ['~/s/.+'], regex_priority => 5 } },
        { path => '/s/42' }, 'hi', '/'],
    [12, { p6 => { paths => ['/pre'], regex_priority => 6 },
           r0 => { paths => ['~/pref'] } },
        { path => '/prefix' }, 'r0', '/ix'],
    [13, { a => { paths => ['~/users/(\d+)/profile'] } },
        { path => '/users/7/profile/pic' }, 'a', '/pic'],
    [14, { a => { paths => ['~/v1/?$'] } }, { path => '/v1/x' }, undef, 404],
    [15, { a => { paths => ['~/users'] } },
        { path => '/x/users' }, undef, 404],
    [16, { a => { paths => ['~/aa|/bb'], ns => 1 } },
        { path => '/zz/bb' }, 'a', '/zz/bb'],
    [17, { a => { hosts => ['example.com'] } },
        { host => 'example.com:9999', path => '/' }, 'a', '/'],
    [18, { a => { hosts => ["example.com:$port"] } },
        { host => 'example.com:9999', path => '/' }, undef, 404],
    [19, { a => { hosts => ["example.com:$port"] } },
        { host => 'example.com', path => '/' }, 'a', '/'],
    [20, { a => { hosts => ['example.com:80'] } },
        { host => 'example.com', path => '/' }, undef, 404],
    [21, { a => { hosts => ['*.example.com'] } },
        { host => 'x.y.example.com', path => '/' }, 'a', '/'],
    [22, { a => { hosts => ['*.example.com'] } },
        { host => 'example.com', path => '/' }, undef, 404],
    [23, { a => { hosts => ['example.*'] } },
        { host => 'example.co.uk', path => '/' }, 'a', '/'],
    [24, { w => { hosts => ['*.example.com'] },
           p => { hosts => ['api.example.com'] } },
        { host => 'api.example.com', path => '/' }, 'p', '/'],
    [25, { w => { hosts => ['*.example.com'], paths => ['/p'] },
           p => { hosts => ['api.example.com'] } },
        { host => 'api.example.com', path => '/p' }, 'p', '/p'],
    [26, { h => { hosts => ['h.com'] },
           p => { paths => ['/very/long/path'] } },
        { host => 'h.com', path => '/very/long/path' }, 'h',
        '/very/long/path'],
    [27, { h => { hosts => ['*.com'] }, p => { paths => ['/foo'] } },
        { host => 'h.com', path => '/foo' }, 'p', '/'],
    [28, { h => { headers => { 'X-A' => ['1'] } },
           p => { paths => ['/foo'] } },
        { path => '/foo', headers => ['X-A: 1'] }, 'h', '/foo'],
    [29, { m => { methods => ['GET'] }, p => { paths => ['/foo'] } },
        { path => '/foo' }, 'p', '/'],
    [31, { hp => { hosts => ['h.com'], paths => ['/foo'] },
           mp => { methods => ['GET'], paths => ['/foo/bar/baz'] } },
        { host => 'h.com', path => '/foo/bar/baz' }, 'hp', '/bar/baz'],
    [32, { rx => { hosts => ['h.com'], paths => ['~/foo'] },
           hpm => { hosts => ['h.com'], paths => ['/'],
                    methods => ['GET'] } },
        { host => 'h.com', path => '/foo' }, 'rx', '/'],
    [33, { h2 => { headers => { A => ['1'], B => ['2'] }, paths => ['/'] },
           h1 => { headers => { A => ['1'] }, paths => ['/long/path'] } },
        { path => '/long/path', headers => ['A: 1', 'B: 2'] }, 'h2',
        '/long/path'],
    [34, { a => { headers => { 'X-V' => ['1', '2'] } } },
        { path => '/', headers => ['X-V: 2'] }, 'a', '/'],
    [35, { a => { headers => { A => ['1'], B => ['2'] } } },
        { path => '/', headers => ['A: 1'] }, undef, 404],
    [36, { a => { headers => { 'X-V' => ['Beta'] } } },
        { path => '/', headers => ['X-V: BETA'] }, 'a', '/'],
    [37, { a => { headers => { 'X-V' => ['beta'] } } },
        { path => '/', headers => ['X-V: beta2'] }, undef, 404],
    [38, { a => { headers => { 'X-V' => ['~*v[0-9]+'] } } },
        { path => '/', headers => ['X-V: release-V12'] }, 'a', '/'],
    [39, { a => { headers => { 'X-V' => ['2'] } } },
        { path => '/', headers => ['X-V: 1', 'X-V: 2'] }, 'a', '/'],
    [40, { a => { paths => ['/foo/bar'], ns => 1 } },
        { path => '/foo/x/../bar' }, 'a', '/foo/bar'],
    [41, { a => { paths => ['/foo/bar'] } },
        { path => '//foo//bar//z' }, 'a', '/z'],
    [42, { a => { paths => ['/hello'], ns => 1 } },
        { path => '/h%65llo/%7Ebob' }, 'a', '/hello/~bob'],
    [43, { a => { paths => ['/a'], ns => 1 } },
        { path => '/a/b%2fc%3a' }, 'a', '/a/b%2Fc%3A'],
    [44, { a => { paths => ['/a'] } },
        { path => '/a/cat%20dog' }, 'a', '/cat%20dog'],
    [45, { a => { paths => ['~/a b$'], ns => 1 } },
        { path => '/a%20b' }, 'a', '/a%20b'],
    [46, { a => { paths => ['/route'], svc => '/service' } },
        { path => '/route../req' }, 'a', '/service/req'],
    [47, { a => { paths => ['/foo'] } }, { path => '/foo/x?' }, 'a', '/x?'],
    [48, { a => { paths => ['/foo'], svc => '/s' } },
        { path => '/foo?a=b%20c&a=&b' }, 'a', '/s?a=b%20c&a=&b'],
    [49, { a => { snis => ['s.com'], paths => ['/'] } },
        { path => '/' }, 'a', 426, { protocols => ['https'] }],
    [50, { a => { snis => ['s.com'], paths => ['/'] } },
        { path => '/', tls => 't.com' }, undef, 404],
    [51, { a => { snis => ['*.s.com'], paths => ['/'] } },
        { path => '/', tls => 'x.s.com' }, 'a', '/'],
    [52, { a => { paths => ['/'], protocols => ['http'] } },
        { path => '/x', tls => 'h' }, 'a', '/x'],
    [53, { a => { paths => ['/x'], protocols => ['https'] } },
        { path => '/x' }, 'a', 426],
    [54, { a => { paths => ['/x'], protocols => ['https'],
                  https_redirect_status_code => 308 } },
        { path => '/x/../x?q', host => "h:$port" }, 'a', 308],
    [55, { all => { paths => ['/'] }, foo => { paths => ['/foo'] } },
        { path => '/bar' }, 'all', '/bar'],
    [56, { a => { hosts => ['example.com'] } },
        { host => 'Example.COM', path => '/' }, undef, 404],
    [57, { a => { paths => ['/Foo'] } }, { path => '/foo' }, undef, 404],
    [58, { alpha => { paths => ['/dup'] }, beta => { paths => ['/dup'] } },
        { path => '/dup' }, 'alpha', '/'],
    [61, { a => { paths => ['/r'], svc => '/s', path_handling => 'v1' } },
        { path => '/rx' }, 'a', '/s/x'],
    [62, { s => { hosts => ['h'], svc => undef } },
        { host => 'h', path => '/' }, 's', 503],
    [63, { d => { paths => ['/d'], off => 1 }, all => { paths => ['/'] } },
        { path => '/d' }, 'all', '/d'],
    [64, { a => { paths => ['/x'] }, b => { hosts => ['q.com'] } },
        { host => 'z.com', path => '/y' }, undef, 404],
    [59, { noport => { hosts => ['t.com'] },
           port => { hosts => ['t.com:8000'] } },
        { host => 't.com:8000', path => '/' }, 'noport', '/'],
    [60, { w => { hosts => ['*.t.com:8000'] }, p => { hosts => ['a.t.com'] } },
        { host => 'a.t.com:8000', path => '/' }, 'p', '/'],
);

# where router_flavor=traditional decides differently
my @traditional = (
    [16, { a => { paths => ['~/aa|/bb'], ns => 1 } },
        { path => '/zz/bb' }, undef, 404],
    [19, { a => { hosts => ["example.com:$port"] } },
        { host => 'example.com', path => '/' }, undef, 404],
    [23, { a => { hosts => ['*.example.com'] } },
        { host => '.example.com', path => '/' }, undef, 404],
    [27, { h => { hosts => ['*.com'] }, p => { paths => ['/foo'] } },
        { host => 'h.com', path => '/foo' }, 'h', '/foo'],
    [30, { m => { methods => ['GET'] }, w => { hosts => ['domain.*'] } },
        { host => 'domain.com', path => '/' }, 'w', '/'],
    [58, { alpha => { paths => ['/dup'], created_at => 1700000002 },
           beta => { paths => ['/dup'], created_at => 1700000001 } },
        { path => '/dup' }, 'beta', '/'],
    [59, { noport => { hosts => ['t.com'] },
           port => { hosts => ["t.com:8000"] } },
        { host => "t.com:8000", path => '/' }, 'port', '/'],
    [60, { w => { hosts => ['*.t.com:8000'] }, p => { hosts => ['a.t.com'] } },
        { host => 'a.t.com:8000', path => '/' }, 'w', '/'],
    [61, { a => { paths => ['/r'], svc => '/s', path_handling => 'v1' } },
        { path => '/rx' }, 'a', '/sx'],
    ['wildcard host, header',
        { h => { headers => { 'X-A' => ['1'] } }, w => { hosts => ['*.com'] } },
        { host => 'h.com', path => '/', headers => ['X-A: 1'] }, 'w', '/'],
    ['header, regex',
        { h => { headers => { 'X-A' => ['1'] } }, r => { paths => ['~/f'] } },
        { path => '/f', headers => ['X-A: 1'] }, 'h', '/f'],
    ['method, SNI',
        { m => { methods => ['GET'] }, s => { snis => ['s.com'] } },
        { path => '/', tls => 's.com' }, 'm', '/'],
    ['port 80 of a wildcard',
        { w => { hosts => ['*.t.com:80'] } },
        { host => 'a.t.com', path => '/' }, 'w', '/'],
    ['look-behind and back-reference',
        { r => { paths => ['~/(a|b)/\\1(?<!x)$'] } },
        { path => '/b/b' }, 'r', '/'],
    ['an SNI without TLS counts as no condition and no kind',
        { u => { paths => ['/a'] },
          s => { snis => ['s.com'], paths => ['/a'] } },
        { path => '/a' }, 'u', '/'],
    ['regex among several header values',
        { h => { headers => { 'X-A' => ['~*^f', 'g'] } } },
        { path => '/', headers => ['X-A: foo'] }, undef, 404],
);


# the declarative file, as JSON, which is YAML too
sub file_of {
    my ($routes) = @_;
    my (@services, @alone);

    for my $name (sort keys %$routes) {
        my %route = (name => $name, %{ $routes->{$name} });
        my $off = delete $route{off};
        my $has_service = !exists $route{svc} || defined $route{svc};
        my $svc = delete $route{svc};

        $route{strip_path} = JSON::PP::false if delete $route{ns};

        if (!$has_service) {
            push @alone, \%route;
            next;
        }

        push @services, {
            name => "service-$name",
            host => '127.0.0.1',
            port => $ENV{TEST_NGINX_ECHO_PORT} + 0,
            path => $svc // '/',
            enabled => $off ? JSON::PP::false : JSON::PP::true,
            routes => [\%route],
        };
    }

    return JSON::PP->new->canonical->pretty->encode({
        _format_version => '3.0',
        services => \@services,
        routes => \@alone,
    });
}


sub slurp {
    my ($path) = @_;
    open my $fh, '<', $path or die "$path: $!";
    local $/;
    return <$fh>;
}


# (status, route, upstream URI, Location) as the running gateway has it
sub ask_gateway {
    my ($req) = @_;

    if (defined $req->{tls}) {
        my $dir = tempdir(CLEANUP => 1);
        my $code = system('curl', '-ks', '--path-as-is', '-o', "$dir/body",
                          '-D', "$dir/head", '-H', 'Kong-Debug: 1',
                          '--resolve', "$req->{tls}:$tls_port:127.0.0.1",
                          "https://$req->{tls}:$tls_port$req->{path}");
        return ("curl $code") if $code;
        my $head = slurp("$dir/head");
        my $body = slurp("$dir/body");
        my ($status) = $head =~ m{^HTTP/\S+ (\d+)};
        my ($route) = $head =~ m{^kong-route-name: (\S+)\r?$}mi;
        my ($uri) = $body =~ m{^\S+ (\S+) HTTP/};
        return ($status, $route, $uri, undef);
    }

    my $res = http_get($req->{path}, host => $req->{host} // 'none.invalid',
                       headers => ['Kong-Debug: 1', @{ $req->{headers} // [] }])
        or return ('no answer');
    my ($uri) = $res->body =~ m{^\S+ (\S+) HTTP/};

    return ($res->status, $res->header('Kong-Route-Name'), $uri,
            $res->header('Location'));
}


sub ask_explain {
    my ($dir, $req, $flavor) = @_;
    my $url = defined $req->{tls}
              ? "https://$req->{tls}:$tls_port$req->{path}"
              : "http://127.0.0.1:$port$req->{path}";
    my @args = ('explain', "$dir/kong.yml", 'GET', $url, '--json',
                '--set', "router_flavor=$flavor");

    push @args, '-H', 'Host: ' . ($req->{host} // 'none.invalid')
        unless defined $req->{tls};
    push @args, '-H', $_ for @{ $req->{headers} // [] };

    my ($code, $out, $err) = run_tool($dir, @args);
    die "explain: exit code $code\n$err" if $code;

    my $json = decode_json($out);

    return ($json->{answer} ? $json->{answer}{status} : 200,
            $json->{route} ? $json->{route}{name} : undef,
            $json->{upstream} ? $json->{upstream}{uri} : undef,
            $json->{answer} ? $json->{answer}{location} : undef);
}


sub run_examples {
    my ($flavor, @list) = @_;
    my $nginx;

    for my $example (@list) {
        my ($n, $routes, $req, $winner, $want) = @$example;
        my $status = $want =~ /^\d/ ? $want : 200;
        my $uri = $want =~ m{^/} ? $want : undef;
        my $text = file_of($routes);
        my $what = "$flavor, example $n";

        # without TLS the SNI is not looked at, and https asks for TLS
        $text = file_of({ a => { snis => ['s.com'], paths => ['/'],
                                 protocols => ['https'] } }) if $n eq 49;

        if ($nginx) {
            $nginx->reconfigure(yaml => $text);
            ok($nginx->reload, "$what: reload");

        } else {
            $nginx = start_nginx(
                yaml => $text, master => 1,
                compile_args => "--set allow_debug_header=on "
                    . "--set router_flavor=$flavor --set "
                    . "'proxy_listen=127.0.0.1:$port, "
                    . "127.0.0.1:$tls_port ssl'");
        }

        my $dir = tempdir(CLEANUP => 1);
        open my $fh, '>', "$dir/kong.yml" or die $!;
        print $fh $text;
        close $fh;

        my @said = ask_explain($dir, $req, $flavor);
        my @done = ask_gateway($req);

        is($said[0], $status, "$what: explain says the status");
        is($said[1], $winner, "$what: explain says the route");
        is($said[2], $uri, "$what: explain says the upstream URI");
        is($done[0], $status, "$what: status");
        is($done[2], $uri, "$what: upstream URI");
        is($done[1], $winner, "$what: route") if $status == 200;
        is($done[3], $said[3], "$what: Location");
    }

    $nginx->stop;
}


start_echo();

run_examples('traditional_compatible', @examples);
run_examples('traditional', @traditional);
