# Copyright (C) the ngx_gateway authors
#
# The setting reload_grace, for an nginx with and without
# keepalive_min_timeout.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use File::Temp qw(tempdir);

my $dir = tempdir(CLEANUP => 1);
my $module = Test::Gateway::Server::module_path();

sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die $!;
    print $fh $text;
    close $fh;
}

# what goes into http{} for an nginx of that version, which is asked for its
# version and arguments only
sub compiled {
    my ($version, @args) = @_;
    my @modules;

    if (defined $module) {
        mkdir "$dir/modules";
        symlink $module, "$dir/modules/ngx_http_gateway_module.so";
        @modules = ('--modules', "$dir/modules");
    }

    put('nginx', "#!/bin/sh\necho 'nginx version: nginx/$version' >&2\n"
                 . "echo 'configure arguments: --add-module=x' >&2\n");
    chmod 0755, "$dir/nginx";
    my ($code, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 'p',
                                      '--nginx', "$dir/nginx", @modules,
                                      @args);
    is($code, 0, "compiled for $version") or diag($err);

    my ($generation) = Test::Gateway::Server::read_file("$dir/p/nginx.conf")
                       =~ m{include (gateway\.\w+)/};
    return Test::Gateway::Server::read_file("$dir/p/$generation/http.conf");
}

put('kong.yml', "_format_version: '3.0'\n");

my $http = compiled('1.27.3');
like($http, qr/^gateway_reload_grace 2s;$/m, 'two seconds by default');
unlike($http, qr/keepalive_min_timeout/, '1.27.3 has nothing of its own');

$http = compiled('1.27.4');
like($http, qr/^gateway_reload_grace 2s;$/m, '1.27.4: the same');
like($http, qr/^keepalive_min_timeout 2s;$/m, 'and what it has');

$http = compiled('1.31.5', '--set', 'reload_grace=500ms');
like($http, qr/^gateway_reload_grace 500ms;$/m, 'another time');
like($http, qr/^keepalive_min_timeout 500ms;$/m, 'for both');

$http = compiled('1.31.5', '--set', 'nginx_http_keepalive_min_timeout=5s');
like($http, qr/^gateway_reload_grace 2s;$/m, 'a minimum of its own');
is_deeply([ $http =~ /^keepalive_min_timeout (.*);$/mg ], ['5s'],
          'replaces ours');

$http = compiled('1.31.5', '--set', 'reload_grace=off');
like($http, qr/^gateway_reload_grace off;$/m, 'off');
unlike($http, qr/keepalive_min_timeout/, 'and nothing of nginx');

run_tests();

__DATA__

=== TEST 1: nginx takes it
--- yaml
_format_version: "3.0"
--- compile_args: --set reload_grace=10s
--- conf
gateway_reload_grace 10s;



=== TEST 2: what is no time is refused
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set reload_grace=soon
--- error_like: setting "reload_grace" \(--set\): "soon": expected "off" or a time of more than 0, like "2s" or "500ms"



=== TEST 3: so is no time at all
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set reload_grace=0s
--- error_like: setting "reload_grace" \(--set\): "0s": expected "off" or a time of more than 0



=== TEST 4: a time has a unit
--- yaml
_format_version: "3.0"
--- cmd: check kong.yml --set reload_grace=2
--- error_like: setting "reload_grace" \(--set\): "2": expected "off" or a time of more than 0
