# Copyright (C) the ngx_gateway authors
#
# basic_auth with slow hashes of passwords: what is right, what is remembered,
# and what happens when more is asked than can be hashed.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;

use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);

# published vectors, one of each kind; then what crypt() makes here
my %users = (
    bcrypt => ['abc',
        '$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i'],
    sha512 => ['Hello world!',
        '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjn'
        . 'QJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1'],
    argon => ['password',
        '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ'
        . '$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
    yescrypt => ['k:o n$g', crypt('k:o n$g', '$y$j75$abcdefgh')],
    bcrypt_y => ['y', crypt('y', '$2y$04$abcdefghijklmnopqrstuu')],
    bcrypt_b => ['', crypt('', '$2b$04$abcdefghijklmnopqrstuu')],
    rounds => ["\xff\xfe", crypt("\xff\xfe", '$6$rounds=1000$x')],
);

# takes about as long as a request may
my $slow = crypt('slow', '$2b$12$abcdefghijklmnopqrstuu');

sub credentials {
    my (%more) = @_;
    my %all = (%users, %more);

    return join '', map {
        "gateway_basic_auth_credential username=$_ "
        . "\"password_hash=$all{$_}[1]\";\n" } sort keys %all;
}

sub http_config {
    my ($hashing, %more) = @_;

    return "$hashing\ngateway_consumer bob { username bob;\n"
           . credentials(%more) . "}\n"
           . "gateway_consumer nobody { username nobody; }\n";
}

my $config = <<'_EOC_';
    location /t {
        gateway_basic_auth on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location = /open { return 204; }
    location = /any {
        gateway_basic_auth anonymous=nobody hide_credentials=on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
_EOC_

sub authorization {
    my ($user, $password) = @_;
    return 'Authorization: Basic ' . encode_base64("$user:$password", '');
}

sub status {
    my ($user, $password, @more) = @_;
    my $res = http_get('/t', headers => [authorization($user, $password)],
                       @more);
    return $res ? $res->status : 'nothing';
}

sub start {
    my ($user, $password) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                     PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die $@;
    print $socket "GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                  . authorization($user, $password) . "\r\n\r\n";
    return $socket;
}

sub answer {
    my ($socket) = @_;
    local $/;
    my $text = <$socket>;
    return ($text =~ m{^HTTP/1.1 (\d+)}) ? $1 : "no answer";
}

start_echo();


# all kinds

my $nginx = start_nginx(http_config => http_config(''), config => $config);

for my $user (sort keys %users) {
    my $password = $users{$user}[0];

    is(status($user, $password), 200, "$user: the password");
    is(status($user, $password), 200, 'once more');
    is(status($user, $password . 'x'), 401, 'another one');
    is(status($user, "$password\0"), 401, 'with a zero byte');
    is(status($user, "$password\0x"), 401, 'and more');
    is(status($user, $users{$user}[1]), 401, 'the hash is no password');
}

is(status('argon', 'x' x 3000), 401, 'a long password');
is(status('sha512', 'x' x 511), 401, 'the longest for crypt()');
is(status('sha512', 'x' x 512), 401, 'a longer one');
is(status('sha512', 'x' x 3000), 401, 'and much longer');

my $wrong = http_get('/t', headers => [authorization('bcrypt', 'x')]);
my $unknown = http_get('/t', headers => [authorization('nobody', 'abc')]);
is($unknown->status, 401, 'a user nobody knows');
is($unknown->body =~ s/[0-9a-f]{32}/ID/r, $wrong->body =~ s/[0-9a-f]{32}/ID/r,
   'the same body as for a wrong password');
is($unknown->header('WWW-Authenticate'), 'Basic realm="service"',
   'the same challenge');

my $res = http_get('/any', headers => [authorization('argon', 'password'),
                                       'X-Consumer-Username: eve']);
like($res->body, qr/^X-Consumer-Username: bob$/m, 'the upstream is told');
like($res->body, qr/^X-Credential-Identifier: argon$/m, 'by whose password');
unlike($res->body, qr/^Authorization|eve/m, 'but not which');
$res = http_get('/any', headers => [authorization('argon', 'wrong')]);
like($res->body, qr/^X-Consumer-Username: nobody$/m, 'or that it is nobody');

# several at a time, one password and different ones
my @sockets = map { start('bcrypt', $_ % 2 ? 'abc' : "x$_") } 1 .. 20;
is(join(' ', map { answer($_) } @sockets), join(' ', ('200', '401') x 10),
   'many at a time');

# clients that leave
for (1 .. 5) {
    my $socket = start('bcrypt', "gone$_");
    close $socket;
}
is(status('bcrypt', 'abc'), 200, 'others are served');

unlike($nginx->error_log, qr/\[(?:error|alert|emerg)\]/, 'no complaints');
is($nginx->stop, '', 'it ends') if defined $nginx;


# over HTTP/2, and streams that are reset

SKIP: {
    skip 'there is no node', 3 if `node --version 2>&1` !~ /^v\d/;

    $nginx = start_nginx(http_config => http_config(''), http2 => 1,
                         config => $config);

    my $h2 = sub {
        my ($reset, @pairs) = @_;
        my @values = map { authorization(@$_) =~ s/^Authorization: //r }
                     @pairs;
        open my $fh, '-|', 'node', 't/lib/node/http2_get.js',
            "http://127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}", '/t', $reset,
            @values or die $!;
        chomp(my $line = <$fh> // '');
        return $line;
    };

    is($h2->(0, map { $_ % 2 ? ['bcrypt', 'abc'] : ['bcrypt', "x$_"] }
                1 .. 12),
       join(' ', ('200', '401') x 6), 'HTTP/2');
    is($h2->(6, (map { ['bcrypt', "y$_"] } 1 .. 6), ['bcrypt', 'abc'],
             ['bcrypt', 'y6']),
       '200 401', 'streams that are reset, others go on');
    unlike($nginx->error_log, qr/\[(?:error|alert|emerg)\]/, 'no complaints');
    $nginx->stop;
}


# no more than may wait

$nginx = start_nginx(
    http_config => http_config('gateway_basic_auth_hashing active=1 queue=0;',
                               slow => ['slow', $slow]),
    config => $config);

is(status('slow', 'slow'), 200, 'verified');

my $busy = start('slow', 'wrong');
is(status('slow', 'slow'), 200, 'a password that is known needs no hash');
$res = http_get('/t', headers => [authorization('slow', 'other')]);
is($res->status, 503, 'one that is not known, and no place to wait');
is($res->header('Retry-After'), '1', 'it may be tried again');
like($res->body, qr/"message":"Service unavailable"/, 'it says so');
is(status('bcrypt', 'abc'), 503, 'whoever it is');
is(status('nobody', 'x'), 503, 'or is not');
is(http_get('/open')->status, 204, 'the worker is not held up');

my $same = start('slow', 'wrong');
ok(!IO::Select->new($busy, $same)->can_read(0), 'the hash still runs');
is(answer($busy), 401, 'until it is done');
is(answer($same), 401, 'who asked for the same has the answer too');
is(status('bcrypt', 'abc'), 200, 'the next one is hashed');

like($nginx->error_log, qr/\[warn\].*basic_auth: more passwords to hash than/,
     'the operator is told');
$nginx->stop;


# a queue

$nginx = start_nginx(
    http_config => http_config('gateway_basic_auth_hashing active=1 queue=2;',
                               slow => ['slow', $slow]),
    config => $config);

@sockets = map { start('slow', $_) } qw(a b c);
ok(wait_until(sub { status('slow', 'd') == 503 }, 5), 'two wait, no more');
close $sockets[1];
close $sockets[2];
my $place;
ok(wait_until(sub {
    $place = start('bcrypt', 'abc');
    return 1 if !IO::Select->new($place)->can_read(0.05);
    my $status = answer($place);
    return $status eq '200' if $status ne '503';
    return 0;
}, 5), 'who leaves makes room');
is(answer($sockets[0]), 401, 'the first one was hashed');
$nginx->stop;


# reload: what was verified stays so, what was changed does not

$nginx = start_nginx(
    http_config => http_config('gateway_basic_auth_hashing active=1 queue=0;',
                               slow => ['slow', $slow]),
    config => $config, master => 1);

is(status('slow', 'slow'), 200, 'verified');
is(status('bcrypt', 'abc'), 200, 'this one too');

my @old = @{ $users{bcrypt} };
$users{bcrypt} = ['new', crypt('new', '$2b$04$abcdefghijklmnopqrstuu')];
$nginx->reconfigure(
    http_config => http_config('gateway_basic_auth_hashing active=1 queue=0;',
                               slow => ['slow', $slow]),
    config => $config, master => 1);
ok($nginx->reload, 'another password, and a reload');

$busy = start('slow', 'wrong');
ok(wait_until(sub { status('argon', 'password') == 503 }, 5),
   'the hash runs in the new worker');
is(status('slow', 'slow'), 200, 'what was verified needs no hash');
is(answer($busy), 401, 'it is done');
is(status('bcrypt', 'abc'), 401, 'the old password is wrong');
is(status('bcrypt', 'new'), 200, 'the new one is right');
$nginx->stop;

run_tests();

__DATA__
