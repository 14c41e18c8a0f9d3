# Copyright (C) the ngx_gateway authors
#
# Runs blocks in the format of Test::Nginx::Socket, and our own sections for
# compiled files.  The sections are listed in README.md.

package Test::Gateway::Socket;

use strict;
use warnings;

use Test::Base -base;
use Test::Builder ();
use Test::More ();
use Text::ParseWords qw(shellwords);

use Test::Gateway::Client ();
use Test::Gateway::Server ();

our @EXPORT = qw(
    run_tests run_test repeat_each workers master_on master_off
    master_process_enabled log_level worker_connections timeout
    no_shuffle no_long_string no_root_location no_diff env_to_nginx
    add_block_preprocessor add_cleanup_handler add_test_cleanup_handler
    add_response_body_check server_name server_addr server_port
    server_root html_dir bail_out is_str check_accum_error_log
);

my $repeat = 1;
my $workers = 1;
my $master = 0;
my $log_level;
my $connections = 128;
my $timeout = 5;
my $root_location = 1;
my $root;
my @env;
my @preprocessors;
my @cleanups;
my @body_checks;
my ($server, $server_key);      # the nginx of the last block
my ($upstream, $upstream_key);  # the second nginx, for upstream_config

# a block that has one of these is about the tool, not about a server
my @tool_sections = qw(conf conf_is conf_like conf_unlike error error_like
                       exit_code stdout stdout_like stderr_like cmd);


sub repeat_each { $repeat = shift if @_; return $ENV{TEST_NGINX_REPEAT} // $repeat }
sub workers { $workers = shift if @_; return $workers }
sub master_on { $master = 1 }
sub master_off { $master = 0 }
sub master_process_enabled { $master = $_[0] ? 1 : 0 if @_; return $master }
sub log_level { $log_level = shift if @_; return $log_level }
sub worker_connections { $connections = shift if @_; return $connections }
sub timeout { $timeout = shift if @_; return $timeout }
sub no_root_location { $root_location = 0 }
sub env_to_nginx { push @env, @_ }
sub server_addr { return '127.0.0.1' }
sub server_name { return 'localhost' }
sub server_port { return $ENV{TEST_NGINX_SERVER_PORT} }
sub server_root { return servroot() }
sub html_dir { return servroot() . '/html' }
sub is_str { return Test::More::is($_[0], $_[1], $_[2]) }
sub bail_out { Test::More::BAIL_OUT(@_) }
sub add_block_preprocessor { push @preprocessors, shift }
sub add_cleanup_handler { push @cleanups, shift }
sub add_test_cleanup_handler { push @cleanups, shift }
sub add_response_body_check { push @body_checks, shift }

# the original shuffles, shortens strings and diffs; we never do
sub no_shuffle { }
sub no_long_string { }
sub check_accum_error_log { }


sub servroot {
    $root //= Test::Gateway::Server::new_root();
    return $root;
}


sub run_tests () {
    my $tb = Test::Builder->new;

    for my $block (Test::Base::blocks()) {
        run_test($block);
    }

    stop_upstream();
    stop_server('end of file');
    $Test::Gateway::Server::failed = 1 if !$tb->is_passing;
}


sub run_test ($) {
    my ($block) = @_;
    my $name = $block->name;
    my $tb = Test::Builder->new;

    $_->($block) for @preprocessors;

    if (defined $block->skip_eval) {
        my ($n, $code) = $block->skip_eval =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out("$name - bad skip_eval");
        if (eval $code) {
            SKIP: { $tb->skip("$name - skip_eval") }
            return;
        }
    }

    my $before = failures();

    if (is_tool_block($block)) {
        run_tool_block($block);

    } else {
        run_server_block($block);
    }

    $_->() for splice @cleanups;

    if (failures() > $before && $server) {
        my @lines = split /\n/, $server->error_log;
        @lines = grep { /^\d{4}\/.* \[(?!debug)/ } @lines;
        splice @lines, 0, -20 if @lines > 20;
        $tb->diag("error log of \"$name\":\n", map { "  $_\n" } @lines);
    }
}


sub failures {
    return scalar grep { !$_ } Test::Builder->new->summary;
}


sub is_tool_block {
    my ($block) = @_;
    return 0 if defined $block->request || defined $block->raw_request
                || defined $block->pipelined_requests
                || defined $block->curl || defined $block->must_die;
    return scalar grep { defined $block->$_ } @tool_sections;
}


# the value of a section with $TEST_NGINX_... filled in; lists and regexes
# pass
sub text {
    my ($block, $section) = @_;
    my $value = $block->$section;
    return undef unless defined $value;
    return [map { Test::Gateway::Server::expand($_, $block->name) } @$value]
        if ref $value eq 'ARRAY';
    return Test::Gateway::Server::expand($value, $block->name);
}


sub parse_user_files {
    my ($value) = @_;
    return {} unless defined $value;

    if (ref $value eq 'ARRAY') {
        return { map { ref $_ eq 'HASH' ? %$_ : @$_ } @$value };
    }

    return $value if ref $value eq 'HASH';

    my (%files, $name);
    for my $line (split /(?<=\n)/, $value) {
        if ($line =~ /^>>>\s+(\S+)/) {
            $name = $1;
            $files{$name} = '';

        } elsif (defined $name) {
            $files{$name} .= $line;
        }
    }

    return \%files;
}


# ---- blocks about the tool ------------------------------------------------

sub run_tool_block {
    my ($block) = @_;
    my $name = $block->name;
    my $dir = File::Temp::tempdir('ngx_gateway_c_XXXXXX', TMPDIR => 1,
                                  CLEANUP => 1);
    my $files = parse_user_files($block->user_files);
    my $has_conf = grep { defined $block->$_ }
                   qw(conf conf_is conf_like conf_unlike);

    for my $file (keys %$files) {
        Test::Gateway::Server::write_file("$dir/$file",
            Test::Gateway::Server::expand($files->{$file}, $name));
    }

    Test::Gateway::Server::write_file("$dir/kong.yml", text($block, 'yaml'))
        if defined $block->yaml;

    my @args;
    if (defined $block->cmd) {
        @args = shellwords(text($block, 'cmd'));

    } elsif ($has_conf) {
        @args = ('compile', 'kong.yml', '-o', 'prefix', '--nginx',
                 Test::Gateway::Server::nginx_binary());

    } else {
        @args = ('check', 'kong.yml');
    }

    push @args, map { shellwords($_) }
                split /\n/, text($block, 'compile_args') // '';

    my ($code, $out, $err) = Test::Gateway::Server::run_tool($dir, @args);
    my $wants_error = defined $block->error || defined $block->error_like;
    my $want = $block->exit_code // ($wants_error ? 1 : 0);

    Test::More::is($code, $want, "$name - exit code")
        or Test::Builder->new->diag($err);

    Test::More::is($err, text($block, 'error'), "$name - stderr")
        if defined $block->error;
    matches($err, $block->error_like, "$name - stderr like")
        if defined $block->error_like;
    matches($err, $block->stderr_like, "$name - stderr like")
        if defined $block->stderr_like;
    Test::More::is($out, text($block, 'stdout'), "$name - stdout")
        if defined $block->stdout;
    matches($out, $block->stdout_like, "$name - stdout like")
        if defined $block->stdout_like;

    if ($code && $args[0] eq 'compile') {
        Test::More::ok(!-e "$dir/prefix/nginx.conf",
                       "$name - no output after an error");
    }

    return if $code || $args[0] ne 'compile' || !-e "$dir/prefix/nginx.conf";

    my $text = compiled_text("$dir/prefix");

    Test::More::is($text, text($block, 'conf_is'), "$name - whole output")
        if defined $block->conf_is;
    matches($text, $block->conf_like, "$name - output like")
        if defined $block->conf_like;
    matches($text, $block->conf_unlike, "$name - output unlike", 1)
        if defined $block->conf_unlike;

    if (defined $block->conf) {
        # parts parted by "..." lines stand in the output in this order
        my $hay = unindent($text);
        my $pos = 0;
        for my $part (split /^\s*\.\.\.[ \t]*\n/m, text($block, 'conf')) {
            my $needle = unindent($part);
            my $at = index("\n$hay", "\n$needle", $pos);
            Test::More::ok($at >= 0, "$name - output has the lines")
                or do {
                    Test::Builder->new->diag("not found:\n$part\nin:\n$text");
                    last;
                };
            $pos = $at + length($needle);
        }
    }

    return if defined $block->no_nginx_test;

    my $t = nginx_test("$dir/prefix");
    Test::More::is($t, '', "$name - nginx -t accepts the output");
}


# nginx.conf, then the files it includes, by name
sub compiled_text {
    my ($prefix) = @_;
    return join '', map { Test::Gateway::Server::read_file($_) }
                    "$prefix/nginx.conf", sort glob "$prefix/gateway.*/*.conf";
}


# '' or what nginx has against it
sub nginx_test {
    my ($prefix) = @_;
    mkdir "$prefix/logs";
    my ($code, $out, $err) = Test::Gateway::Server::run_program(
        undef, Test::Gateway::Server::nginx_binary(), '-t', '-q', '-p',
        "$prefix/", '-c', "$prefix/nginx.conf", '-e',
        "$prefix/logs/error.log");
    return $code ? "exit code $code\n$err" : '';
}


sub unindent {
    my ($s) = @_;
    $s =~ s/^[ \t]+//mg;
    $s =~ s/[ \t]+$//mg;
    $s =~ s/\n+/\n/g;
    $s =~ s/^\n//;
    return $s;
}


# like() for a pattern, a compiled regex or a list of them
sub matches {
    my ($got, $pattern, $name, $not) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $p (ref $pattern eq 'ARRAY' ? @$pattern : $pattern) {
        my $re = $p;
        if (!ref $re) {
            chomp $re;
            $re = qr/$re/s;
        }
        $not ? Test::More::unlike($got, $re, $name)
             : Test::More::like($got, $re, $name);
    }
}


# ---- blocks about a server ------------------------------------------------

sub run_server_block {
    my ($block) = @_;
    my $name = $block->name;
    my $must_die = $block->must_die;

    if (defined $block->init) {
        my $code = $block->init;
        eval $code;
        die "$name - init: $@" if $@;
    }

    start_upstream($block);
    start_server($block);

    if (defined $must_die) {
        Test::More::ok($server->{died}, "$name - nginx refuses to start");
        Test::More::is($server->{exit}, $1, "$name - exit code")
            if $must_die =~ /^\s*(\d+)/;
        check_log($block, $server->error_log . $server->stderr, 0);
        stop_server($name);
        return;
    }

    for (1 .. repeat_each()) {
        my $mark = length $server->error_log;
        $mark = 0 if $_ == 1;

        if (defined $block->reload) {
            Test::More::ok($server->reload, "$name - reload");
        }

        my @responses = run_requests($block);
        my $i = 0;
        my $many = @responses > 1;

        for my $res (@responses) {
            check_response($block, $res, $i++, $many);
        }

        if (defined $block->shutdown) {
            $server->stop('QUIT');
        }

        check_log($block, $server->error_log($mark), $mark);
    }
}


sub start_upstream {
    my ($block) = @_;
    my %conf;

    for my $i (1 .. 4) {
        my $section = $i == 1 ? 'upstream_config' : "upstream_config$i";
        $conf{$i} = text($block, $section) if defined $block->$section;
    }

    if (grep { defined && /TEST_NGINX_ECHO_PORT/ } map { flat($block->$_) }
        qw(config http_config main_config yaml upstream_config user_files
           compile_args))
    {
        Test::Gateway::Server::start_echo();
    }

    my $key = join "\0", map { ($_, $conf{$_}) } sort keys %conf;
    return if !%conf || ($upstream && $upstream_key eq $key);

    stop_upstream();
    my $dir = Test::Gateway::Server::new_root() unless $ENV{TEST_NGINX_SERVROOT};
    $dir //= "$ENV{TEST_NGINX_SERVROOT}/upstream";
    $upstream = Test::Gateway::Server::start_nginx(
        name => $block->name . ' - upstream', root => $dir,
        conf => Test::Gateway::Server::upstream_conf($dir, %conf));
    $upstream_key = $key;
}


sub flat {
    my ($v) = @_;
    return '' unless defined $v;
    return ref $v eq 'ARRAY' ? join('', map { flat($_) } @$v)
         : ref $v eq 'HASH' ? join('', map { flat($_) } values %$v) : $v;
}


sub stop_upstream {
    $upstream->stop if $upstream;
    undef $upstream;
}


sub start_server {
    my ($block) = @_;
    my $name = $block->name;
    my %o = (
        root => servroot(),
        name => $name,
        workers => $block->workers // $workers,
        master => $master || defined $block->reload
                  || ($block->workers // $workers) > 1,
        log_level => $block->log_level // $log_level,
        worker_connections => $connections,
        no_root_location => scalar(!$root_location
            || ($block->config // '') =~ m{location\s+/\s+\{}),
        no_module => defined $block->no_module,
        http2 => defined $block->http2 && defined $block->request,
        env => \@env,
        user_files => parse_user_files($block->user_files),
        may_fail => defined $block->must_die,
        map { defined $block->$_ ? ($_ => scalar $block->$_) : () }
            qw(config http_config main_config post_main_config stream_config
               yaml compile_args server_name),
    );

    chomp $o{log_level} if defined $o{log_level};
    my $key = join "\0", map { "$_=" . flat($o{$_}) } grep { $_ ne 'name' }
                         sort keys %o;

    # as in the original: a fresh nginx for each block unless told not to
    return if $server && $server_key eq $key && !$server->{died}
              && !($ENV{TEST_NGINX_FORCE_RESTART_ON_TEST} // 1)
              && !defined $block->must_die;

    stop_server($name);
    unlink "$o{root}/logs/error.log", "$o{root}/logs/stderr.log",
           "$o{root}/prefix/logs/error.log";
    $server = Test::Gateway::Server::start_nginx(%o);
    $server_key = $key;

    die "$name: no server to test: " . $server->stderr
        if $server->{died} && !defined $block->must_die;
}


sub stop_server {
    my ($name) = @_;
    return unless $server;

    my $said = $server->stop;
    Test::More::fail("$name - sanitizer reports:\n$said") if $said ne '';
    Test::More::fail("$name - nginx did not stop") if $server->{killed};
    my $log = $server->error_log;
    if ($log =~ /^(.*exited on signal \d+.*)$/m
        && ($server->{allow_crash} // 0) == 0 && $log !~ /exited on signal 9/)
    {
        Test::More::fail("$name - a worker crashed: $1");
    }
    undef $server;
}


# value of a section for request i; several requests need a list
sub indexed {
    my ($block, $section, $i, $many) = @_;
    my $value = text($block, $section);

    if ($many && ref $value ne 'ARRAY') {
        die $block->name . " - several requests: \"--- $section\" must be "
            . "a list (use eval)\n";
    }

    return ref $value eq 'ARRAY' ? $value->[$i] : $value;
}


# text of one request as it goes over the wire
sub build_request {
    my ($block, $text, $headers, $connection) = @_;
    my $chunked = $headers =~ /^Transfer-Encoding:\s*chunked/mi;

    $text =~ s/\A(?:\s*\#[^\n]*\n)*\s*//;
    my ($line, $body) = split /\n/, $text, 2;
    $line //= '';
    my ($method, $url, $version) = $line =~ /^(\S+)(?: +(\S.*?))?(?: +(HTTP\S+))?\s*$/
        or die $block->name . " - bad request line \"$line\"\n";
    $url //= '/';
    $version //= 'HTTP/1.1';
    $body //= '';

    $headers =~ s/\r?\n/\r\n/g;
    $headers .= "\r\n" if $headers ne '' && $headers !~ /\n\z/;

    if ($body ne '' && !$chunked && $headers !~ /^Content-Length:/mi) {
        $body =~ s/^\s+|\s+$//g;
        $headers .= 'Content-Length: ' . length($body) . "\r\n";
    }

    my $server_name = $block->server_name // 'localhost';
    chomp $server_name;
    my $top = '';
    $top .= "Host: $server_name\r\n" unless $headers =~ /^Host:/mi;
    $top .= "Connection: $connection\r\n" unless $headers =~ /^Connection:/mi;

    return ("$method $url $version\r\n$top$headers\r\n$body", $method);
}


# all requests of the block, in order; the answers
sub run_requests {
    my ($block) = @_;
    my $name = $block->name;
    my $t = $block->timeout // $timeout;
    my $headers = text($block, 'more_headers') // '';
    my $wait_eof = !defined $block->no_wait_close;

    $t =~ s/\s+//g;
    $t = $t / 1000 if $t =~ s/ms$//;
    $t =~ s/s$// if $t =~ /s$/;

    my $header_of = sub {
        my ($i) = @_;
        return $headers unless ref $headers eq 'ARRAY';
        return $headers->[$i] // die "$name - more_headers lacks entry $i\n";
    };

    if (defined $block->curl && $block->curl =~ /\S/) {
        return map { curl($block, $_, $t) }
               ref $block->curl eq 'ARRAY' ? @{ text($block, 'curl') }
                                           : text($block, 'curl');
    }

    if (defined $block->raw_request) {
        my $raw = text($block, 'raw_request');
        my @packets = map { ref $_ eq 'HASH' ? $_ : { value => $_ } }
                      ref $raw eq 'ARRAY' ? @$raw : $raw;
        my $all = join '', map { $_->{value} } @packets;
        # one method per request head found, as far as we can tell
        my @methods = $all =~ /^([A-Z]+) \S+(?: HTTP\/[\d.]+)?\r?$/mg;
        @methods = ('GET') unless @methods;
        return exchange($block, \@packets, \@methods, $t,
                        $all =~ /^Connection:\s*close/mi && $wait_eof);
    }

    if (defined $block->pipelined_requests) {
        my @reqs = @{ text($block, 'pipelined_requests') };
        my ($all, @methods) = ('');
        for my $i (0 .. $#reqs) {
            my ($data, $method) = build_request(
                $block, $reqs[$i], $header_of->($i),
                $i == $#reqs ? 'close' : 'keep-alive');
            $all .= $data;
            push @methods, $method;
        }
        return exchange($block, [{ value => $all }], \@methods, $t, $wait_eof);
    }

    return () unless defined $block->request;

    my $request = text($block, 'request');
    my @requests = ref $request eq 'ARRAY' ? @$request : $request;
    my @responses;

    for my $i (0 .. $#requests) {
        my $one = $requests[$i];
        my @packets = map { ref $_ eq 'HASH' ? { %$_ } : { value => $_ } }
                      ref $one eq 'ARRAY' ? @$one : $one;

        if (defined $block->http2 || defined $block->curl) {
            push @responses, curl_request($block, $one, $header_of->($i), $t);
            next;
        }

        # packets are cuts in the text: the head grows in the first one
        my $whole = join '', map { $_->{value} } @packets;
        my ($data, $method) = build_request($block, $whole, $header_of->($i),
                                            'close');
        if (@packets > 1) {
            my $rest = '';
            for my $p (reverse @packets[1 .. $#packets]) {
                $p->{value} = substr($data, -length($p->{value}),
                                     length $p->{value}, '');
            }
        }
        $packets[0]{value} = $data;

        my $close = $data =~ /^Connection:\s*close/mi
                    && $data !~ /^Connection:.*upgrade/mi;
        push @responses, exchange($block, \@packets, [$method], $t,
                                  $close && $wait_eof);
    }

    return @responses;
}


sub exchange {
    my ($block, $packets, $methods, $t, $wait_eof) = @_;
    my $n = @$methods;

    my ($responses, $error, $rest) = Test::Gateway::Client::exchange(
        port => $server->{port}, packets => $packets, methods => $methods,
        timeout => $t, wait_eof => $wait_eof,
        shutdown => defined $block->shutdown_write);

    return () if defined $block->ignore_response;

    my @got = $responses ? @$responses : ();

    if ($error && !defined $block->abort) {
        Test::More::fail($block->name . " - $error"
                         . (@got < $n ? '' : ' waiting for the close'));
    }

    push @got, undef while @got < $n && !defined $block->abort;
    return @got;
}


# curl's own command line
sub curl {
    my ($block, $args, $t) = @_;
    my ($code, $out, $err) = Test::Gateway::Server::run_program(
        servroot(), 'curl', '-sS', '-i', '--http1.1', '-m', $t,
        map { shellwords($_) } grep { /\S/ } split /\n/, $args);

    if (defined $block->curl_error) {
        matches($err, $block->curl_error, $block->name . ' - curl error');
        return ();
    }

    Test::More::is($code, 0, $block->name . ' - curl exit code')
        or Test::Builder->new->diag($err);

    my $method = $args =~ /(?:^|\s)(?:-I|--head)\b/ ? 'HEAD' : 'GET';
    # an answer to CONNECT or to Expect stands before the real one
    my $res = curl_response($out, $method);
    return $res;
}


sub curl_response {
    my ($out, $method) = @_;
    # curl has already taken chunks apart
    $out =~ s/\A((?:HTTP\S+ 1\d\d.*?\r\n\r\n)+)//s;
    my ($head, $body) = split /\r\n\r\n/, $out, 2;
    my $length = length($body // '');
    my $buf = ($head // '') . "\r\n\r\n";
    my $res = Test::Gateway::Client::parse_response(\$buf, 'HEAD', 1)
        or return undef;
    $res->{body} = $method eq 'HEAD' ? '' : $body;
    return $res;
}


# "--- request" sent by curl: with "--- http2" over HTTP/2 without TLS
sub curl_request {
    my ($block, $text, $headers, $t) = @_;
    my ($line, $body) = split /\n/, $text, 2;
    my ($method, $url) = split ' ', $line;
    my @args = ('-sS', '-i', '-m', $t, '-X', $method, '--path-as-is',
                defined $block->http2 ? '--http2-prior-knowledge'
                                      : '--http1.1');

    push @args, '-I' if $method eq 'HEAD';
    push @args, '-H', $_ for grep { /\S/ } split /\r?\n/, $headers;
    if (defined $body && $body =~ /\S/) {
        $body =~ s/^\s+|\s+$//g;
        push @args, '--data-binary', $body;
        push @args, '-H', 'Content-Type:' unless $headers =~ /^Content-Type/mi;
    }
    push @args, shellwords(text($block, 'curl_options'))
        if defined $block->curl_options;

    my $name = $block->server_name // 'localhost';
    chomp $name;
    push @args, '--resolve', "$name:$server->{port}:127.0.0.1",
         "http://$name:$server->{port}$url";

    my ($code, $out, $err) = Test::Gateway::Server::run_program(
        servroot(), 'curl', @args);
    Test::More::is($code, 0, $block->name . ' - curl exit code')
        or Test::Builder->new->diag($err);
    return curl_response($out, $method);
}


# ---- checks ---------------------------------------------------------------

sub check_response {
    my ($block, $res, $i, $many) = @_;
    my $name = $block->name . ($many ? " - request $i" : '');

    if (!$res) {
        Test::More::fail("$name - no response");
        return;
    }

    if (defined $block->error_code_like) {
        my $e = indexed($block, 'error_code_like', $i, $many);
        matches($res->status, $e, "$name - status code like");

    } else {
        my $e = defined $block->error_code
                ? indexed($block, 'error_code', $i, $many) : 200;
        $e =~ s/\s+//g;
        Test::More::is($res->status, $e, "$name - status code");
    }

    if (defined $block->raw_response_headers_like) {
        matches($res->raw_headers,
                indexed($block, 'raw_response_headers_like', $i, $many),
                "$name - raw headers like");
    }

    if (defined $block->raw_response_headers_unlike) {
        matches($res->raw_headers,
                indexed($block, 'raw_response_headers_unlike', $i, $many),
                "$name - raw headers unlike", 1);
    }

    if (defined $block->response_headers) {
        check_headers($res, indexed($block, 'response_headers', $i, $many),
                      $name, 0);
    }

    if (defined $block->response_headers_like) {
        check_headers($res,
                      indexed($block, 'response_headers_like', $i, $many),
                      $name, 1);
    }

    if (defined $block->response_body) {
        my $e = indexed($block, 'response_body', $i, $many);
        if (ref $e eq 'Regexp') {
            Test::More::like($res->body, $e, "$name - body like");

        } else {
            Test::More::is($res->body, $e, "$name - body");
        }
    }

    if (defined $block->response_body_like) {
        matches($res->body, indexed($block, 'response_body_like', $i, $many),
                "$name - body like");
    }

    if (defined $block->response_body_unlike) {
        matches($res->body,
                indexed($block, 'response_body_unlike', $i, $many),
                "$name - body unlike", 1);
    }

    $_->($block, $res->body, $i, 0, 0) for @body_checks;
}


# "Name: value" lines; "!Name" must be absent
sub check_headers {
    my ($res, $text, $name, $like) = @_;

    for my $line (grep { /\S/ } split /\r?\n/, $text // '') {
        if ($line =~ /^\s*!\s*([^\s:]+)/) {
            Test::More::is($res->header($1), undef, "$name - no header $1");
            next;
        }

        my ($key, $value) = $line =~ /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/
            or die "$name - bad header line \"$line\"\n";
        my $got = $res->header($key) // '';

        $like ? Test::More::like($got, qr/^$value$/, "$name - header $key like")
              : Test::More::is($got, $value, "$name - header $key");
    }
}


sub log_patterns {
    my ($block, $section) = @_;
    my $value = text($block, $section);
    return () unless defined $value;
    return grep { ref || /\S/ }
           map { ref $_ ? $_ : split /\n/, $_ }
           ref $value eq 'ARRAY' ? @$value : $value;
}


sub in_log {
    my ($log, $pattern) = @_;
    return ref $pattern ? $log =~ $pattern : index($log, $pattern) >= 0;
}


# a line may follow its response by a moment: wanted lines are waited for
sub check_log {
    my ($block, $log, $mark) = @_;
    my $name = $block->name;
    my $died = $server->{died};

    for my $p (log_patterns($block, 'error_log')) {
        my $found = in_log($log, $p) || (!$died
            && Test::Gateway::Server::wait_until {
                $log = $server->error_log($mark);
                in_log($log, $p);
            } $block->wait || 3);
        Test::More::ok($found, "$name - error log has \"$p\"");
    }

    for my $p (log_patterns($block, 'no_error_log')) {
        my ($line) = grep { in_log($_, $p) } split /\n/, $log;
        Test::More::ok(!defined $line, "$name - error log is without \"$p\"")
            or Test::Builder->new->diag($line);
    }

    if (defined $block->access_log) {
        for my $p (log_patterns($block, 'access_log')) {
            Test::More::ok(Test::Gateway::Server::wait_until(sub {
                in_log($server->access_log, $p);
            }, 3), "$name - access log has \"$p\"")
                or Test::Builder->new->diag($server->access_log);
        }
    }

    if (defined $block->no_access_log) {
        for my $p (log_patterns($block, 'no_access_log')) {
            Test::More::ok(!in_log($server->access_log, $p),
                           "$name - access log is without \"$p\"");
        }
    }

    if (defined $block->grep_error_log) {
        my $p = $block->grep_error_log;
        $p = qr/\Q$p\E/ unless ref $p;
        my @lines = $log =~ /($p)/g;
        my $want = $block->grep_error_log_out // '';
        $want = shift @$want if ref $want eq 'ARRAY';
        my $got = join '', map { "$_\n" } @lines;
        ref $want ? Test::More::like($got, $want, "$name - grep error log")
                  : Test::More::is($got, $want, "$name - grep error log");
    }
}

1;
