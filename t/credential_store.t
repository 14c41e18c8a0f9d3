# Copyright (C) the ngx_gateway authors
#
# Consumers and credentials that commands add and revoke while nginx runs.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::Gateway::Load;
use Test::Gateway::Server;
use Test::More;
use File::Temp qw(tempdir);
use Digest::SHA qw(hmac_sha256 hmac_sha512);
use MIME::Base64 qw(encode_base64 encode_base64url);
use POSIX qw(strftime);

my $tmp = tempdir(CLEANUP => 1);
my $tool = Test::Gateway::Server::build_dir() . '/ngx-gateway';
my $valgrind = $ENV{TEST_NGINX_USE_VALGRIND};
my $patience = $valgrind ? 60 : 10;

# two workers, each of which gets connections and says who it is
sub settings {
    return ('--set', 'nginx_proxy_add_header=X-Pid $pid always',
            '--set', "proxy_listen=127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT} "
                     . 'reuseport');
}

sub yaml {
    my (%o) = @_;
    my $consumers = $o{consumers} // '';
    my $plugins = $o{plugins} // "  - name: key-auth\n";

    return <<"_EOC_";
_format_version: "3.0"
services:
- name: s
  url: http://127.0.0.1:\$TEST_NGINX_ECHO_PORT
  routes:
  - name: r
    paths: [/]
  plugins:
$plugins
consumers:
- username: file
  keyauth_credentials:
  - key: file-key
$consumers
_EOC_
}

sub gateway {
    my (%o) = @_;
    return start_nginx(yaml => yaml(%o), workers => 2, master => 1,
                       log_level => 'info',
                       compile_args => join ' ', (map { qq("$_") } settings()),
                                       $o{main} // '');
}

sub put {
    my ($name, $text) = @_;
    open my $fh, '>:raw', "$tmp/$name" or die "$name: $!";
    print $fh $text;
    close $fh;
    return "$tmp/$name";
}

# in the prefix of a gateway; input is a text for standard input
sub consumers {
    my ($nginx, @args) = @_;
    my $input = ref $args[-1] ? ${ pop @args } : '';
    my ($in, $out, $err) = map { "$tmp/$_" } qw(stdin stdout stderr);

    put('stdin', $input);

    my $pid = fork // die "fork: $!";

    if (!$pid) {
        open STDIN, '<', $in;
        open STDOUT, '>', $out;
        open STDERR, '>', $err;
        exec $tool, 'consumers', @args, '-p', $nginx->{prefix}
            or POSIX::_exit(127);
    }

    waitpid $pid, 0;

    return ($? >> 8, map { Test::Gateway::Server::read_file($_) } $out, $err);
}

sub ok_consumers {
    my ($nginx, @args) = @_;
    my ($code, $out, $err) = consumers($nginx, @args);

    is($code, 0, "consumers $args[0]") or diag($err);
    return $out;
}

sub with_key {
    my ($key) = @_;
    return http_get('/', headers => ["apikey: $key"]);
}

# what each worker answers, on a new connection each time
sub all_workers {
    my ($nginx, $key) = @_;
    my %seen;

    wait_until(sub {
        my $res = with_key($key);
        $seen{ $res->header('X-Pid') } //= $res->status if $res;
        return keys %seen == 2;
    }, $patience);

    return join ' ', sort values %seen;
}

sub upstream_has {
    my ($res, %headers) = @_;

    for my $name (sort keys %headers) {
        my ($value) = $res->body =~ /^\Q$name\E: (.*)$/mi;
        is($value, $headers{$name}, "upstream gets $name");
    }
}

sub recompile {
    my ($nginx, %o) = @_;
    my $file = put('kong.yml', Test::Gateway::Server::expand(yaml(%o), 'x'));
    my ($code, undef, $err) = run_tool($tmp, 'compile', $file, '-o',
        $nginx->{prefix}, '--nginx', Test::Gateway::Server::nginx_binary(),
        '--set', "status_listen=127.0.0.1:$ENV{TEST_NGINX_STATUS_PORT}",
        settings());
    is($code, 0, 'compile again') or diag($err);
}

start_echo();


# --- add, revoke, restore ---

my $nginx = gateway();

is(all_workers($nginx, 'file-key'), '200 200', 'no store: the file holds');
is(with_key('x')->status, 401, 'and nobody else');

my $out = ok_consumers($nginx, 'add', 'bob', '--key', '--custom-id', 'c-1');
my ($id) = $out =~ /^id: ([0-9a-f-]{36})$/m;
my ($key) = $out =~ /^key: ([A-Za-z0-9]{32})$/m;

ok($id && $key, 'the id and a new key are printed');
ok(wait_until(sub { all_workers($nginx, $key) eq '200 200' }, $patience),
   'the store is found by all workers');

my $res = with_key($key);
upstream_has($res, 'X-Consumer-ID' => $id, 'X-Consumer-Username' => 'bob',
             'X-Consumer-Custom-ID' => 'c-1');
like($res->body, qr/^X-Credential-Identifier: [0-9a-f]{8}-/mi,
     'and the id of the credential');

ok_consumers($nginx, 'add', 'eve', '--key=eves-key');
is(all_workers($nginx, 'eves-key'), '200 200',
   'what is added to a store is there at once, in all workers');

ok_consumers($nginx, 'revoke', 'eve');
is(all_workers($nginx, 'eves-key'), '401 401', 'and gone at once');

ok_consumers($nginx, 'revoke', 'file');
is(all_workers($nginx, 'file-key'), '401 401',
   'a credential of the file is revoked');
ok_consumers($nginx, 'restore', 'file');
is(all_workers($nginx, 'file-key'), '200 200', 'and restored');

ok_consumers($nginx, 'revoke', '--key=-', \"file-key\n");
is(all_workers($nginx, 'file-key'), '401 401',
   'revoked by a key that standard input has');

ok_consumers($nginx, 'add', 'file', '--key=second-key');
$res = with_key('second-key');
upstream_has($res, 'X-Consumer-Username' => 'file');

my ($code, $stdout, $stderr) = consumers($nginx, 'add', 'x',
                                         '--key=file-key');
is($code, 1, 'the key of somebody else is refused');
is($stderr, "ngx-gateway: error: this key is in the file already, where it "
            . "was revoked, of consumer \"file\"\n", 'with these words');
($code, $stdout, $stderr) = consumers($nginx, 'add', 'x', "--key=$key");
is($code, 1, 'so is one of the store');
is($stderr, "ngx-gateway: error: this key belongs to consumer \"bob\" "
            . "already\n", 'with these');
($code) = consumers($nginx, 'list', 'x');
is($code, 1, 'and nothing of it was kept');


# --- over a restart, a reload, a compile ---

$nginx->stop;
$nginx->start;
is(all_workers($nginx, $key), '200 200', 'it is there after a restart');
is(all_workers($nginx, 'file-key'), '401 401', 'and the revocation too');

ok($nginx->reload, 'reload');
is(all_workers($nginx, $key), '200 200', 'after a reload');

recompile($nginx);
ok($nginx->reload, 'reload');
is(all_workers($nginx, 'file-key'), '401 401',
   'the revocation holds when the same file is compiled');

recompile($nginx, consumers => "- username: more\n");
ok($nginx->reload, 'reload');
is(all_workers($nginx, 'file-key'), '401 401', 'or another one that has it');

# without the key, not yet reloaded
my $with = \&yaml;
{
    no warnings 'redefine';
    local *yaml = sub { return $with->(@_) =~ s/file-key/other-key/r };
    recompile($nginx);
}
is(all_workers($nginx, 'file-key'), '401 401',
   'what still runs the old file keeps refusing it');
ok($nginx->reload, 'reload');
is(all_workers($nginx, 'file-key'), '401 401', 'nobody has it now');
is(all_workers($nginx, 'other-key'), '200 200', 'but this one');
like(ok_consumers($nginx, 'list', '--revoked'), qr/\bdropped\b/,
     'the file has dropped it');

recompile($nginx);
ok($nginx->reload, 'reload');
is(all_workers($nginx, 'file-key'), '200 200',
   'brought again by a later file, it is valid');
is(ok_consumers($nginx, 'list', '--revoked'), '', 'nothing is revoked');

unlike($nginx->error_log, qr/eves-key|file-key|second-key|\Q$key\E/,
       'no key is in the error log');
$nginx->stop;


# --- acl, consumer groups, limits ---

$nginx = gateway(plugins => <<'_EOC_', consumers => <<'_EOC2_');
  - name: key-auth
  - name: acl
    config: {allow: [shop, "a, b"], include_consumer_groups: true}
  - name: rate-limiting
    config: {minute: 2, limit_by: consumer, policy: local}
_EOC_
  acls: [{group: shop}]
consumer_groups:
- name: gold
  plugins:
  - name: rate-limiting
    config: {minute: 100, limit_by: consumer, policy: local}
_EOC2_

put('groups.jsonl', <<'_EOC_');
{"username":"in","key":"k-in","acls":[{"group":"other"},{"group":"shop"}]}
{"username":"one","key":"k-one","acls":["shop"]}
{"username":"comma","key":"k-comma","acls":["a, b"]}
{"username":"out","key":"k-out","acls":["other"]}
{"username":"none","key":"k-none"}
{"username":"golden","key":"k-gold","acls":["shop"],"groups":["gold","unknown"]}
{"custom_id":"only-custom","key":"k-custom","acls":["shop"]}
_EOC_
is(ok_consumers($nginx, 'import', "$tmp/groups.jsonl"),
   "imported: 7 consumers, 7 credentials\n", 'it says what it did');
ok($nginx->reload, 'new workers know the store');

$res = with_key('k-in');
is($res->status, 200, 'allowed by a group');
upstream_has($res, 'X-Consumer-Groups' => 'other, shop');
is(with_key('k-in')->status, 200, 'the second request of a minute');
is(with_key('k-in')->status, 429, 'the third one is too many');
is(with_key('k-one')->status, 200, 'others are counted by themselves');
is(with_key('k-comma')->status, 200, 'a group is a whole text');
is(with_key('k-out')->status, 403, 'no group of the list');
is(with_key('k-none')->status, 403, 'no group at all');

$res = with_key('k-gold');
is($res->header('RateLimit-Limit'), 100, 'a consumer group has its policies');
upstream_has($res, 'X-Consumer-Groups' => 'shop, gold');

$res = with_key('k-custom');
is($res->status, 200, 'a custom_id alone will do');
upstream_has($res, 'X-Consumer-Custom-ID' => 'only-custom',
             'X-Consumer-Username' => undef);

ok_consumers($nginx, 'add', 'out', '--acl', 'shop', '--acl', 'x');
$res = with_key('k-out');
is($res->status, 200, 'groups are changed at once');
upstream_has($res, 'X-Consumer-Groups' => 'shop, x');
$nginx->stop;


# --- basic-auth, jwt, hmac-auth ---

# by a header, as the first method of them that a credential suits
for my $plugin (
    ['basic-auth', 'one', sub {
        return 'Authorization: Basic ' . encode_base64("one:$_[0]", '') }],
    ['basic-auth', 'two', sub {
        return 'Authorization: Basic ' . encode_base64("two:$_[0]", '') }],
    ['jwt', 'hs', sub { return bearer('HS256', 'hs', $_[0]) }],
    ['jwt', 'h512', sub { return bearer('HS512', 'h512', $_[0]) }],
    ['hmac-auth', 'mac', \&signed])
{
    my ($name, $who, $header) = @$plugin;

    $nginx = gateway(plugins => "  - name: $name\n", main => join ' ',
        '--set', "'nginx_http_gateway_basic_auth_hashing=queue=9'");
    put('kinds.jsonl', <<'_EOC_');
{"username":"c","custom_id":"cc","basicauth_credentials":[{"username":"one","password":"pass:1"},{"username":"two","password_hash":"$6$rounds=1000$abcdefgh$qWKSZk7VTj1MqYmdZfbMQbxJI0zf1ZZYJtr5KOLa/RQvVUTIQwOk3fhA83cFjFUR4XPX6z2K5lC9gGT8r1VoW/"}],"jwt_secrets":[{"key":"hs","secret":"pass:1"},{"key":"h512","secret":"pass:1","algorithm":"HS512"}],"hmacauth_credentials":[{"username":"mac","secret":"pass:1"}]}
_EOC_
    put('kinds.jsonl', Test::Gateway::Server::read_file("$tmp/kinds.jsonl")
        =~ s/\$6\$rounds[^"]*/crypt('pass:1', '$6$rounds=1000$abcdefgh$')/er);
    ok_consumers($nginx, 'import', "$tmp/kinds.jsonl");
    ok($nginx->reload, 'new workers know the store');

    my $get = sub { return http_get('/', headers => [$header->(@_)]) };

    ok(wait_until(sub { $get->('pass:1')->status == 200 }, $patience),
       "$name: $who is let in");
    is($get->('pass:2')->status, 401, "$name: but not with something else");
    is($get->('pass:1')->status, 200, "$name: again");
    upstream_has($get->('pass:1'), 'X-Consumer-Username' => 'c',
                 'X-Consumer-Custom-ID' => 'cc',
                 'X-Credential-Identifier' => $who);

    my ($option) = $name =~ /^(\w+)/;
    ok_consumers($nginx, 'revoke', "--$option", $who);
    is($get->('pass:1')->status, 401, "$name: revoked");

    my ($code, undef, $err) = consumers($nginx, 'add', 'file', "--$option",
                                        "$who:pass:1");
    is($code, 0, "$name: added to a consumer of the file") or diag($err);

    if ($who ne 'h512') {
        my $res = $get->('pass:1');
        is($res->status, 200, "$name: who is let in");
        upstream_has($res, 'X-Consumer-Username' => 'file');
    }

    unlike($nginx->error_log, qr/pass:1/, "$name: no secret is in the log");
    $nginx->stop;
}

sub bearer {
    my ($alg, $iss, $secret) = @_;
    my $text = join '.', map { encode_base64url($_) }
               qq({"alg":"$alg","typ":"JWT"}), qq({"iss":"$iss"});
    my $mac = $alg eq 'HS256' ? hmac_sha256($text, $secret)
                              : hmac_sha512($text, $secret);
    return "Authorization: Bearer $text." . encode_base64url($mac);
}

sub signed {
    my ($secret) = @_;
    my $date = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime);
    my $mac = encode_base64(hmac_sha256("date: $date", $secret), '');
    return ("Date: $date", qq(Authorization: hmac username="mac", )
            . qq(algorithm="hmac-sha256", headers="date", signature="$mac"));
}

# a public key
$nginx = gateway(plugins => "  - name: jwt\n");
system("openssl ecparam -name prime256v1 -genkey -noout -out $tmp/ec.pem "
       . "2>$tmp/openssl && openssl ec -in $tmp/ec.pem -pubout "
       . "-out $tmp/pub.pem 2>>$tmp/openssl") == 0 or die 'openssl';
ok_consumers($nginx, 'add', 'ec', '--jwt', 'ec', '--algorithm', 'ES256',
             '--public-key', "$tmp/pub.pem");
my $text = join '.', map { encode_base64url($_) }
           '{"alg":"ES256","typ":"JWT"}', '{"iss":"ec"}';
put('text', $text);
my $der = `openssl dgst -sha256 -sign $tmp/ec.pem $tmp/text`;
my ($r, $s) = map { substr("\0" x 32 . $_, -32) } der_integers($der);
my $token = "$text." . encode_base64url($r . $s);
ok($nginx->reload, 'new workers know the store');
my $es = sub { return http_get('/', headers => ["Authorization: Bearer $_[0]"]) };
ok(wait_until(sub { $es->($token)->status == 200 }, $patience),
   'a token signed with a private key');
is($es->($token)->status, 200, 'again');
is($es->("$text." . encode_base64url($s . $r))->status, 401,
   'another signature');
ok_consumers($nginx, 'revoke', 'ec');
is($es->($token)->status, 401, 'revoked');
$nginx->stop;

# an issuer's key, a claim names the consumer
my $point = substr `openssl ec -in $tmp/ec.pem -pubout -outform DER 2>/dev/null`,
                   -64;
my ($x, $y) = map { encode_base64url($_) } unpack 'a32 a32', $point;
$nginx = gateway(plugins => <<"_EOC_");
  - name: jwt
    config:
      jwks: '{"keys":[{"kty":"EC","crv":"P-256","x":"$x","y":"$y"}]}'
      consumer_claim: iss
      consumer_by: [username, custom_id]
_EOC_
is($es->($token)->status, 401, 'an issuer\'s token, and no such consumer');
ok_consumers($nginx, 'add', 'ec', '--custom-id', 'ec-id');
ok($nginx->reload, 'new workers know the store');
ok(wait_until(sub { $es->($token)->status == 200 }, $patience),
   'the claim names one of the store');
upstream_has($es->($token), 'X-Consumer-Username' => 'ec',
             'X-Consumer-Custom-ID' => 'ec-id');
ok_consumers($nginx, 'revoke', 'ec');
is($es->($token)->status, 401, 'who is gone');
ok_consumers($nginx, 'add', 'other', '--custom-id', 'ec');
upstream_has($es->($token), 'X-Consumer-Username' => 'other');
$nginx->stop;

# the two integers of a sequence
sub der_integers {
    my ($der) = @_;
    my ($first, $rest) = unpack 'x3 C/a* a*', $der;
    my ($second) = unpack 'x C/a*', $rest;
    return ($first, $second);
}


# --- a store that is missing, damaged, or another ---

$nginx = gateway();
ok_consumers($nginx, 'add', 'bob', '--key=bobs-key');
ok(wait_until(sub { all_workers($nginx, 'bobs-key') eq '200 200' },
              $patience), 'a store');
my $store = "$nginx->{prefix}/store/consumers.mdb";
my $size = -s $store;

rename $store, "$store.away" or die $!;
ok(wait_until(sub { all_workers($nginx, 'bobs-key') eq '401 401' },
              $patience), 'taken away, nobody of it is known');
is(all_workers($nginx, 'file-key'), '200 200', 'the file is');

rename "$store.away", $store or die $!;
ok(wait_until(sub { all_workers($nginx, 'bobs-key') eq '200 200' },
              $patience), 'put back, it is read again');

for my $damage (
    ['cut', sub { truncate $store, 8192 }, qr/shorter than it was written/],
    ['overwritten', sub {
        put('garbage', 'x' x 65536);
        system('cp', '-p', "$tmp/garbage", "$store.bad");
        rename "$store.bad", $store;
    }, qr/cannot open: /],
    ['of another secret', sub {
        my $other = tempdir(CLEANUP => 1);
        Test::Gateway::Server::write_file("$other/kong.yml",
            Test::Gateway::Server::expand(yaml(), 'x'));
        run_tool($other, 'compile', 'kong.yml', '-o', 'p', '--nginx',
                 Test::Gateway::Server::nginx_binary());
        run_tool($other, 'consumers', 'add', 'eve', '--key=e', '-p', 'p');
        system('mv', "$other/p/store/consumers.mdb", "$store.bad");
        rename "$store.bad", $store;
    }, qr/made under another secret/],
    ['no file', sub { unlink $store; mkdir $store }, qr/no regular file/])
{
    my ($what, $do, $says) = @$damage;

    system('cp', '-p', $store, "$store.good");
    $do->();
    chmod 0644, $store if -f $store;

    ok(wait_until(sub { all_workers($nginx, 'file-key') eq '500 500' },
                  $patience), "$what: nobody is let in");
    is(with_key('bobs-key')->status, 500, "$what: whoever it is");
    is(http_get('/')->status, 401, "$what: without a key it is 401");
    like($nginx->error_log, qr/\[error\].*credential store in.*$says/,
         "$what: the log says why");

    ok($nginx->reload, "$what: a reload");
    is(with_key('file-key')->status, 500, "$what: does not change it");

    rmdir $store if -d $store;
    rename "$store.good", $store or die $!;
    ok(wait_until(sub { all_workers($nginx, 'bobs-key') eq '200 200' },
                  $patience), "$what: repaired");
}

# reading behind the end of a file that was cut ends a worker
unlike($nginx->error_log, qr/exited on signal (?!7)/, 'no worker crashed');
$nginx->stop;


# --- workers that hang on, writers that die ---

$nginx = gateway();

my $lines = join '', map { qq({"username":"u$_","key":"many-$_"}\n) }
            1 .. 200_000;
put('many.jsonl', $lines);
ok_consumers($nginx, 'add', 'bob', '--key=bobs-key');

# a file that is new is noticed a moment later
ok(wait_until(sub { all_workers($nginx, 'bobs-key') eq '200 200' },
              $patience), 'the workers know the new store');

for my $when (0.05, 0.3, 0.8) {
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        open STDOUT, '>', '/dev/null';
        exec $tool, 'consumers', 'import', "$tmp/many.jsonl", '-p',
            $nginx->{prefix} or POSIX::_exit(127);
    }

    select undef, undef, undef, $when;
    kill 'KILL', $pid;
    waitpid $pid, 0;

    # how far it came depends on the machine
    my $all = $? == 0;
    is(all_workers($nginx, 'bobs-key'), '200 200',
       'killed in the middle, what was there is there');
    is(with_key('many-1')->status, $all ? 200 : 401, 'and nothing of it is');
}

ok_consumers($nginx, 'import', "$tmp/many.jsonl");
is(all_workers($nginx, 'many-200000'), '200 200',
   'then it works: no lock is left behind');

# workers that are killed leave their places among the readers
kill 'KILL', $nginx->workers;
ok(wait_until(sub { my $r = with_key('many-7'); $r && $r->status == 200 },
              $patience), 'new workers read it');
ok_consumers($nginx, 'revoke', 'u7');
is(all_workers($nginx, 'many-7'), '401 401', 'and see what changes');

# writers at a time
my @pids = map {
    my $n = $_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', '/dev/null';
        for my $i (1 .. 10) {
            system($tool, 'consumers', 'add', "w$n-$i", "--key=w$n-$i", '-p',
                   $nginx->{prefix}) == 0 or POSIX::_exit(1);
        }
        POSIX::_exit(0);
    }
    $pid;
} 1 .. 4;
my $failed = 0;
for (@pids) { waitpid $_, 0; $failed ||= $? }
is($failed, 0, 'four writers at a time');
my %status;
$status{ with_key("w$$_[0]-$$_[1]")->status }++
    for map { my $n = $_; map { [$n, $_] } 1 .. 10 } 1 .. 4;
is_deeply(\%status, { 200 => 40 }, 'all that they added is there');


# --- under load ---

my $load = Test::Gateway::Load->start(
    map { { port => $ENV{TEST_NGINX_SERVER_PORT},
            path => "/?apikey=many-$_" } } 1 .. 4);

for my $i (1 .. 5) {
    ok_consumers($nginx, 'import', "$tmp/groups.jsonl");
    ok($nginx->reload, 'reload') if $i % 2;
    ok_consumers($nginx, 'revoke', 'in');
}

my $counts = $load->stop;
ok($counts->{served} > 0, "$counts->{served} requests were served meanwhile");
is_deeply($counts->{lost}, [], 'none was lost');
is(with_key('many-3')->status, 200, 'and all is well');

# a mapping that became too small for those who have it
put('short.csv', join '', "username,key\n",
    map { sprintf "%x,%x\n", $_, $_ } 0x10000 .. 0x10000 + 400_000);
ok_consumers($nginx, 'import', "$tmp/short.csv");
is(all_workers($nginx, '10000'), '200 200', 'it grows under its readers');
is(all_workers($nginx, 'many-200000'), '200 200', 'the rest is there too');

# but for those that were killed
unlike($nginx->error_log, qr/exited on signal (?!9)/, 'nothing crashed');
$nginx->stop;


run_tests();

__DATA__

=== TEST 1: the store needs a secret that lasts
--- http_config
    gateway_credential_store store;
--- config
    location = /t {
        gateway_key_auth on;
    }
--- must_die
--- error_log
"gateway_credential_store" needs "gateway_secret_file"

=== TEST 2: there is one store
--- http_config
    gateway_credential_store store;
    gateway_credential_store store;
--- config
    location = /t {
        return 200;
    }
--- must_die
--- error_log
"gateway_credential_store" directive is duplicate

=== TEST 3: a store by hand, which is not there
--- user_files
>>> secret
of the tests, 32 bytes and a few
--- http_config
    gateway_secret_file $TEST_NGINX_HTML_DIR/secret;
    gateway_credential_store $TEST_NGINX_SERVROOT/nowhere;

    gateway_consumer bob {
        gateway_key_auth_credential key=bobs-key;
    }
--- config
    location = /t {
        gateway_key_auth on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["GET /t?apikey=bobs-key", "GET /t?apikey=x"]
--- error_code eval
[200, 401]
--- no_error_log
[error]
