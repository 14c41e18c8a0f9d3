# Copyright (C) the ngx_gateway authors
#
# The entry point of every test file.  Runs the blocks on our own small
# runner (Test::Gateway::Socket, needs only libtest-base-perl), or with
# TEST_NGINX_ORIGINAL=1 on an installed Test::Nginx::Socket.  See README.md.

package Test::Gateway;

use strict;
use warnings;

use Test::Gateway::Server ();
use Test::Gateway::Client ();

# usable in both modes, for files that do more than blocks
my @api = qw(
    start_nginx stop_nginx reload_nginx start_echo wait_until
    http_get http_request run_tool build_dir port
    no_node start_node run_node
);


sub import {
    my ($class, @args) = @_;
    my $caller = caller;
    my $engine = $ENV{TEST_NGINX_ORIGINAL} ? 'Test::Nginx::Socket'
                                           : 'Test::Gateway::Socket';

    Test::Gateway::Server::setup_env();
    (my $file = "$engine.pm") =~ s{::}{/}g;

    if ($ENV{TEST_NGINX_ORIGINAL}) {
        my $so = Test::Gateway::Server::module_path();
        $ENV{TEST_NGINX_LOAD_MODULES} //= $so if defined $so;
        # it makes and removes this directory itself
        $ENV{TEST_NGINX_SERVROOT} //=
            Test::Gateway::Server::new_root() . '/servroot';
        $ENV{TEST_NGINX_HTML_DIR} = "$ENV{TEST_NGINX_SERVROOT}/html";
    }

    require $file;

    {
        no strict 'refs';
        for my $name (@api) {
            *{"${caller}::$name"} = Test::Gateway::Server->can($name)
                                    || Test::Gateway::Client->can($name);
        }
    }

    adapt_original() if $ENV{TEST_NGINX_ORIGINAL};

    @_ = ($engine, @args);
    goto &{ $engine->can('import') };
}


# what our own sections mean to the original runner
sub adapt_original {
    my $version = (Test::Gateway::Server::run_program(
        undef, Test::Gateway::Server::nginx_binary(), '-v'))[2];
    my ($minor, $patch) = $version =~ m{nginx/1\.(\d+)\.(\d+)};
    my $has_http2 = ($minor // 99) * 1000 + ($patch // 0) >= 25_001;

    Test::Nginx::Socket::add_block_preprocessor(sub {
        my $block = shift;

        # these need our runner; "http2" writes a directive of nginx 1.25.1
        if (grep { defined $block->$_ } qw(yaml cmd reload no_module curl)
            or defined $block->http2 && !$has_http2)
        {
            $block->set_value(request => 'GET /');
            $block->set_value(skip_eval => '1: 1');
            return;
        }

        # sections in which it leaves variables alone
        for my $name (qw(more_headers response_headers response_headers_like
                         error_log))
        {
            my $value = $block->$name;
            $block->set_value($name => Test::Gateway::Server::expand(
                $value, $block->name)) if defined $value && !ref $value;
        }

        # our runner adds its default location only beside no other
        no warnings 'once';
        $Test::Nginx::Util::NoRootLocation
            = ($block->config // '') =~ m{location\s+/\s+\{} ? 1 : 0;

        my $http = '';
        for my $i (1 .. 4) {
            my $name = $i == 1 ? 'upstream_config' : "upstream_config$i";
            next unless defined $block->$name;
            my $p = $i == 1 ? 'TEST_NGINX_UPSTREAM_PORT'
                            : "TEST_NGINX_UPSTREAM_PORT_$i";
            $http .= "server { listen 127.0.0.1:$ENV{$p};\n"
                     . $block->$name . "\n}\n";
        }

        $block->set_value(http_config => ($block->http_config // '') . $http)
            if $http ne '';

        start_echo() if grep { defined && /TEST_NGINX_ECHO_PORT/ }
                        map { scalar $block->$_ }
                        qw(config http_config main_config);
    });
}

*start_echo = \&Test::Gateway::Server::start_echo;

1;
