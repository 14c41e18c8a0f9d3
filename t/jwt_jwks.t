# Copyright (C) the ngx_gateway authors
#
# jwt: key sets that are fetched: what the server of the keys may answer, how
# often it is asked, what happens while it is down, TLS, and the worker that
# fetches dies.

use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Token qw(b64);

use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep);

if (my $why = no_node()) {
    plan skip_all => $why;
}

my $server = port(1);
my $secure = port(2);
my $dir = tempdir(CLEANUP => 1);

# authorities: "ca" issued the server's certificate, "other" did not

for my $ca (qw(ca other)) {
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$ca "
           . "-keyout $dir/$ca.key -out $dir/$ca.crt 2>/dev/null") == 0
        or die "openssl failed";
}

Test::Gateway::Token::spew("$dir/ext", "subjectAltName=DNS:localhost\n");
system("openssl req -newkey rsa:2048 -nodes -subj /CN=x -keyout "
       . "$dir/server.key -out $dir/server.csr 2>/dev/null && "
       . "openssl x509 -req -in $dir/server.csr -CA $dir/ca.crt -CAkey "
       . "$dir/ca.key -CAcreateserial -days 2 -extfile $dir/ext -out "
       . "$dir/server.crt 2>/dev/null") == 0 or die "openssl failed";

start_node('keys_server.js', $server, $secure, "$dir/server.crt",
           "$dir/server.key");

my $tokens = Test::Gateway::Token->new;

# a set of keys by their ids; two RSA keys are one key under two ids
sub set {
    return '{"keys":[' . join(',', map {
        my ($kid, $key) = /(.*)=(.*)/;
        '{' . $tokens->jwk($key) . qq(,"kid":"$kid"});
    } @_) . ']}';
}

my %alg = (rsa => 'RS256', p256 => 'ES256', ed25519 => 'EdDSA');

sub token {
    my ($kid, $key) = @_;
    return $tokens->sign($alg{$key}, '{"iss":"i","sub":"s"}', $key,
                         qq({"alg":"$alg{$key}","kid":"$kid"}));
}

sub control {
    my $res = http_request(@_ ? 'POST' : 'GET', '/control', port => $server,
                           timeout => 10,
                           @_ ? (body => encode_json({ @_ })) : ());
    return decode_json($res->body);
}

sub get {
    my ($path, $token) = @_;
    my $res = http_get($path, timeout => 30,
                       headers => ["Authorization: Bearer $token"]);
    return $res ? $res->status : 'nothing';
}

my $a = token('a', 'rsa');
my $b = token('b', 'p256');
my $c = token('c', 'ed25519');

start_echo();

sub location {
    my ($path, $parameters) = @_;
    return <<"_EOC_";
        location $path {
            gateway_jwt $parameters;
            proxy_pass http://127.0.0.1:\$TEST_NGINX_ECHO_PORT;
        }
_EOC_
}

my $url = "http://127.0.0.1:$server";


# the start does not need the server, which is down at first

control(mode => 'reset');

my $nginx = start_nginx(master => 1, workers => 2, log_level => 'info',
    config => location('/t', "jwks_uri=$url/jwks jwks_min_age=1"));

my $res = http_get('/t', headers => ["Authorization: Bearer $a"],
                   timeout => 30);
is($res->status, 503, 'no keys yet: nobody can say that a token is wrong');
is($res->body, '{"message":"The keys of tokens cannot be had at present"}',
   'which is told');
is($res->header('WWW-Authenticate'), undef, 'without a challenge');
is(get('/t', 'e30.e30.'), 401, 'what is no token needs no keys');
is(http_get('/t')->status, 401, 'nor does a request without one');

control(body => set('a=rsa'));

ok(wait_until(sub { get('/t', $a) == 200 }, 20), 'keys come by themselves');
is(get('/t', $a), 200, 'and stay') for 1 .. 10;

my $log = $nginx->error_log;
is(() = $log =~ /no keys from/g, 1, 'the failure is told once')
    or diag(grep { /no keys/ } split /^/, $log);
like($log, qr{1 keys from "http://127}, 'and so is the success');


# both workers have the keys of one fetch

is(control()->{count}, 1, 'one worker fetched');
is(control()->{headers}{accept}, 'application/jwk-set+json, application/json',
   'it says what it wants');
is(control()->{headers}{host}, "127.0.0.1:$server", 'and of whom');
is(control()->{url}, '/jwks', 'and where');


# new keys, while the old ones are fresh

control(body => set('a=rsa', 'b=p256'));
is(get('/t', $b), 200, 'a new key is fetched when it is needed');
is(get('/t', $a), 200, 'the old one is still there');
is(control()->{count}, 1, 'by one fetch');

control(body => set('b=p256'));
is(get('/t', $a), 200, 'a key that was withdrawn is used until a fetch');
is(get('/t', $c), 401, 'a key that is not there');
is(get('/t', $a), 401, 'and now the withdrawn one is not any more');
is(get('/t', $b), 200, 'the other is');


# tokens with ids that do not exist: the server is not asked for each

control(body => set('b=p256'));
my $before = time;

my @clients = map {
    my $token = $tokens->sign('RS256', '{}', 'rsa',
                              qq({"alg":"RS256","kid":"x$_"}));
    my $sock = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $ENV{TEST_NGINX_SERVER_PORT})
        or die;
    print $sock "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . "Authorization: Bearer $token\r\n\r\n";
    $sock;
} 1 .. 40;

# some do not wait for an answer
close $_ for splice @clients, 0, 10;

my %status;
for my $sock (@clients) {
    local $/;
    my ($status) = (<$sock> // '') =~ m{^HTTP/1.1 (\d+)};
    $status{ $status // 'nothing' }++;
}

is_deeply(\%status, { 401 => 30 }, 'all are refused in the end');

my $seconds = time - $before + 1;
cmp_ok(control()->{count}, '<=', $seconds + 1,
       "40 unknown ids in $seconds seconds: a fetch per second at the most");
is(control()->{most}, 1, 'and one at a time');

$before = control()->{count};
is(get('/t', $tokens->sign('RS256', '{}', 'rsa',
                           '{"alg":"RS256","kid":"x40"}')), 401,
   'an id that was not there') for 1 .. 20;
cmp_ok(control()->{count}, '<=', $before + 2,
       'is not looked for again at once');


# the server is down: what is known stays

control(mode => 'reset');
is(get('/t', $b), 200, 'a known key');
# not one that was looked for in vain: a worker remembers those for a while
is(get('/t', $tokens->sign('RS256', '{}', 'rsa',
                           '{"alg":"RS256","kid":"never asked for"}')), 503,
   'a key that may be there');
is(get('/t', $b), 200, 'still a known key');
ok($nginx->reload, 'reload');
is(get('/t', $b), 200, 'the same after a reload');

control(body => set('a=rsa', 'b=p256'));
ok(wait_until(sub { get('/t', $a) == 200 }, 20), 'up again');
like($nginx->error_log, qr/those from before stay in use/,
     'which the log told');


# a fetch that hangs, and its worker dies: another one goes on

control(mode => 'silent');

my $hanging = IO::Socket::INET->new(
    PeerAddr => '127.0.0.1', PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die;
print $hanging "GET /t HTTP/1.1\r\nHost: localhost\r\n"
    . "Authorization: Bearer $c\r\n\r\n";

ok(wait_until(sub { control()->{count} > 0 }, 20), 'a fetch hangs');
kill 'KILL', $nginx->workers;
ok(wait_until(sub { $nginx->workers == 2 }, 20), 'all workers were killed');
close $hanging;

control(body => set('a=rsa', 'b=p256', 'c=ed25519'));
is(get('/t', $b), 200, 'the keys are still there');
ok(wait_until(sub { get('/t', $c) == 200 }, 30), 'and another worker fetches');

is($nginx->stop // '', '', 'nothing to complain about');


# what the server may answer

my $large = '{"keys":[],"x":"' . 'x' x 300_000 . '"}';

my @answers = (
    [chunked => 200, { mode => 'chunked' }],
    [interim => 200, { mode => 'interim' }],
    [until => 200, { mode => 'until' }],
    [drip => 200, { mode => 'drip' }],
    [late => 200, { delay => 300 }],
    [fresh => 200, { headers => { 'Cache-Control' => 'max-age=60' } }],
    [status => 503, { status => 500 }, 'the answer has status 500'],
    [missing => 503, { status => 404 }, 'the answer has status 404'],
    [redirect => 200, { location => "$url/other" }],
    ['redirect-path' => 200, { location => '/other?x=1#y' }],
    ['redirect-host' => 200, { location => "//127.0.0.1:$server/other" }],
    ['redirect-loop' => 503, { location => '/redirect-loop' },
     'the answer has status 302'],
    ['redirect-relative' => 503, { location => 'other' },
     'it must begin with'],
    ['redirect-ftp' => 503, { location => 'ftp://127.0.0.1/' },
     'it must begin with'],
    [moved => 503, { status => 302 }, 'the answer has status 302'],
    [short => 503, { mode => 'short' }, 'closed before the answer was'],
    [reset => 503, { mode => 'reset' }, 'closed before the answer was'],
    [garbage => 503, { mode => 'garbage' }, 'the answer is no HTTP'],
    [silent => 503, { mode => 'silent' }, 'no complete answer came in time'],
    [large => 503, { body => $large }, 'the answer is too long'],
    [chunks => 503, { body => $large, mode => 'chunked' },
     'the answer is too long'],
    [header => 503, { headers => { 'X-Large' => 'x' x 20000 } },
     'the head of the answer is too long'],
    [html => 503, { body => '<html>' }, 'it is no JSON'],
    [empty => 503, { body => '' }, 'it is no JSON'],
    [none => 503, { body => '{"keys":[]}' }, 'no key of use in it'],
    [oct => 503, { body => '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' },
     'symmetric keys are not taken'],
    [private => 503, { body => set('a=rsa') =~ s/"kid"/"d":"AQAB","kid"/r },
     'it is a private key'],
    [broken => 200, { body => set('a=rsa')
                              =~ s/\[/[{"kty":"RSA","n":"A","e":"AQAB"},/r },
     'a key from ".*" is not used: key 1'],
);

for my $answer (@answers) {
    my ($name, $status, $state, $words) = @$answer;

    control(body => set('a=rsa'), %$state);

    my $one = start_nginx(log_level => 'info', config => location('/t',
        "jwks_uri=$url/$name jwks_min_age=1 jwks_timeout=2500"));

    is(get('/t', $a), $status, "answer: $name");
    like($one->error_log, qr/gateway jwt: .*$words/, "$name: told")
        if $words;
    unlike($one->error_log, qr/\[(alert|emerg)\]/, "$name: no alert");
    is($one->stop // '', '', "$name: nothing to complain about");
}


# how long they are fresh

control(body => set('a=rsa'), headers => { 'Cache-Control' => 'max-age=0' });
$nginx = start_nginx(master => 1, workers => 2, config => location('/t',
    "jwks_uri=$url/often jwks_min_age=1 jwks_max_age=3000"));
ok(wait_until(sub { control()->{count} >= 3 }, 30),
   'stale keys are fetched again, without any request');
control(body => set('b=p256'), headers => { 'Cache-Control' => 'no-store' });
ok(wait_until(sub { get('/t', $a) == 401 }, 20), 'so a withdrawn key goes');
control(body => set('b=p256'),
        headers => { 'Cache-Control' => 'public, max-age=5000' });
ok(wait_until(sub { control()->{count} >= 1 }, 20), 'fresh at last');
$before = control()->{count};
get('/t', $b) for 1 .. 20;
is(control()->{count}, $before, 'then it is left alone');
$nginx->stop;

control(body => set('a=rsa'),
        headers => { 'Cache-Control' => 'max-age=5000' });
$nginx = start_nginx(config => location('/t',
    "jwks_uri=$url/bound jwks_min_age=1 jwks_max_age=1"));
ok(wait_until(sub { control()->{count} >= 3 }, 30),
   'jwks_max_age is the bound of max-age');
$nginx->stop;


# TLS

control(body => set('a=rsa'), location => "http://localhost:$server/");

for (['verified', "https://localhost:$secure/", 200, 'ca', ''],
     ['another name', "https://127.0.0.1:$secure/", 503, 'ca', '',
      'certificate does not match "127.0.0.1"'],
     ['another authority', "https://localhost:$secure/", 503, 'other', '',
      'certificate verify error'],
     ['authorities of the system', "https://localhost:$secure/", 503, '', '',
      'certificate verify error'],
     ['a redirect out of TLS', "https://localhost:$secure/redirect", 503,
      'ca', '', 'a redirect leaves TLS'],
     ['not verified', "https://127.0.0.1:$secure/", 200, 'other',
      'jwks_tls_verify=off'],
     ['no TLS', "https://127.0.0.1:$server/", 503, 'ca', '',
      'the TLS handshake failed'])
{
    my ($what, $uri, $status, $ca, $more, $words) = @$_;
    my $trusted = $ca && "gateway_jwt_trusted_certificate $dir/$ca.crt;";

    my $one = start_nginx(log_level => 'info', http_config => $trusted,
        config => location('/t', "jwks_uri=$uri jwks_min_age=1 $more"));

    is(get('/t', $a), $status, "TLS: $what");
    like($one->error_log, qr/no keys from ".*": .*\Q$words/, "$what: told")
        if $words;
    is($one->stop // '', '', "$what: nothing to complain about");
}


# what was fetched without verification is not for those who verify

control(body => set('a=rsa'));
$nginx = start_nginx(log_level => 'info',
    http_config => "gateway_jwt_trusted_certificate $dir/other.crt;",
    config => location('/off', "jwks_uri=https://localhost:$secure/ "
                               . 'jwks_tls_verify=off jwks_min_age=1')
              . location('/on', "jwks_uri=https://localhost:$secure/ "
                                . 'jwks_min_age=1'));
is(get('/off', $a), 200, 'not verified');
is(get('/on', $a), 503, 'verified');
$nginx->stop;


# names, and where connections really go

control(body => set('a=rsa'));
Test::Gateway::Token::spew("$dir/hosts", "127.0.0.1 keys.example\n");

for (['the hosts file', "http://keys.example:$server/", 200,
      "gateway_hosts_file $dir/hosts;"],
     ['no resolver', "http://absent.example:$server/", 503,
      "gateway_hosts_file $dir/hosts;", 'no resolver is configured'],
     ['gateway_connect_to', 'http://absent.example/', 200,
      "gateway_connect_to absent.example:80 127.0.0.1:$server;"],
     ['nobody listens', "http://127.0.0.1:$ENV{TEST_NGINX_UNUSED_PORT}/", 503,
      '', 'cannot be connected to (111: Connection refused)'])
{
    my ($what, $uri, $status, $http, $words) = @$_;

    my $one = start_nginx(log_level => 'info', http_config => $http,
        config => location('/t', "jwks_uri=$uri jwks_min_age=1"));

    is(get('/t', $a), $status, "address: $what");
    like($one->error_log, qr/no keys from ".*": .*\Q$words/, "$what: told")
        if $words;
    is($one->stop // '', '', "$what: nothing to complain about");
}

is(control()->{headers}{host}, 'absent.example', 'Host is that of the URL');


# a fetch under way when the worker ends or reloads

control(body => set('a=rsa'), mode => 'silent');
$nginx = start_nginx(master => 1, log_level => 'info',
    config => location('/t', "jwks_uri=$url/end"));
ok(wait_until(sub { control()->{count} == 1 }, 20), 'a fetch is under way');
control(body => set('a=rsa'));
ok($nginx->reload(drained => 1), 'a reload does not wait for it');
ok(wait_until(sub { get('/t', $a) == 200 }, 20), 'the new worker has keys');
control(mode => 'silent');
unlike($nginx->error_log, qr/\[(alert|emerg)\]|no keys from/,
       'and nothing was wrong');
is($nginx->stop('QUIT') // '', '', 'nothing to complain about');


# a request that waits when its worker ends gracefully

control(body => set('a=rsa'));
$nginx = start_nginx(master => 1, workers => 1, log_level => 'info',
    config => location('/t', "jwks_uri=$url/grace jwks_min_age=1"));
ok(wait_until(sub { get('/t', $a) == 200 }, 20), 'keys');
control(body => set('a=rsa', 'b=p256'), delay => 500);

my $waiting = IO::Socket::INET->new(
    PeerAddr => '127.0.0.1', PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die;
print $waiting "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    . "Authorization: Bearer $b\r\n\r\n";
ok(wait_until(sub { control()->{count} == 1 }, 20), 'a request waits');
ok($nginx->reload, 'its worker is told to end');
{
    local $/;
    like(<$waiting> // '', qr{^HTTP/1.1 200}, 'and answers it before');
}
$nginx->stop;


# keys of a set and the cache of signatures: a key under another id

control(body => set('a=rsa'));
$nginx = start_nginx(log_level => 'info',
    config => location('/t', "jwks_uri=$url/cache jwks_min_age=1"));
is(get('/t', $a), 200, 'a token, verified') for 1 .. 3;
control(body => set('b=p256'));
ok(wait_until(sub { get('/t', $c); get('/t', $a) == 401 }, 20),
   'a token that was verified is refused when its key has gone');
$nginx->stop;

done_testing();
