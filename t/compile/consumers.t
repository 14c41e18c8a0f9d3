# Copyright (C) the ngx_gateway authors
#
# The command "consumers", without nginx: t/credential_store.t has the rest.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::Gateway::Server;
use Test::More;
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX ();

my $dir = tempdir(CLEANUP => 1);
my @nginx = ('--nginx', Test::Gateway::Server::nginx_binary());
my $tool = Test::Gateway::Server::build_dir() . '/ngx-gateway';

sub put {
    my ($name, $text) = @_;
    Test::Gateway::Server::write_file("$dir/$name", $text);
    return $name;
}

sub slurp { return Test::Gateway::Server::read_file("$dir/$_[0]") }

sub consumers {
    my (@args) = @_;
    return run_tool($dir, 'consumers', @args, '-p', 'p');
}

# what goes wrong: the exit code and all messages
sub refused {
    my ($code, $text, $args, $what) = @_;
    my ($got, undef, $err) = consumers(@$args);
    is($got, $code, "$what: exit code");
    is($err, $text, "$what: messages");
}

sub works {
    my (@args) = @_;
    my ($code, $out, $err) = consumers(@args);
    is($code, 0, "consumers @args") or diag($err);
    return $out;
}

# the consumers of list --json by name
sub listed {
    my %by;
    for my $line (split /\n/, works('list', '--json', @_)) {
        my $c = decode_json($line);
        $by{ $c->{username} // $c->{custom_id} } = $c;
    }
    return \%by;
}

my $yaml = <<'_EOC_';
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths: [/]
  plugins:
  - name: key-auth
  - name: jwt
consumers:
- username: file
  custom_id: f-1
  acls: [{group: shop}]
  keyauth_credentials:
  - key: file-key
  basicauth_credentials:
  - {username: "fi le", password: pass}
  jwt_secrets:
  - {key: file-iss, secret: s}
  hmacauth_credentials:
  - {username: file-hmac, secret: s}
consumer_groups:
- name: gold
_EOC_

put('kong.yml', $yaml);
my ($code, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 'p',
                                  @nginx);
is($code, 0, 'compile') or diag($err);
ok(!-e "$dir/p/store/consumers.mdb", 'it makes no store');


# --- usage ---

refused(2, "ngx-gateway: unknown command consumers frob, see consumers "
           . "--help\n", ['frob'], 'a command that is none');
refused(2, "ngx-gateway: add needs one NAME, see consumers --help\n",
        ['add'], 'add without a name');
refused(2, "ngx-gateway: import needs FILE..., see consumers --help\n",
        ['import'], 'import without a file');
refused(2, "ngx-gateway: --format is json or csv, not xml, see consumers "
           . "--help\n", ['import', 'x', '--format', 'xml'], 'a format');
refused(2, "ngx-gateway: revoke needs a NAME, or which credential it is, see "
           . "consumers --help\n", ['revoke'], 'revoke without a name');
refused(2, "ngx-gateway: revoke needs --key=KEY, see consumers --help\n",
        ['revoke', '--key'], 'revoke without the key');
refused(2, "ngx-gateway: an option that is not of list, see consumers "
           . "--help\n", ['list', '--tag', 'x'], 'an option of add');
refused(2, "ngx-gateway: --ttl is no whole number of seconds: 1h, see "
           . "consumers --help\n", ['add', 'x', '--key', '--ttl', '1h'],
        'a ttl');
for my $case (['--ttl', '5', '--ttl needs --key'],
              ['--algorithm', 'HS256', '--algorithm needs --jwt'],
              ['--public-key', 'x.pem', '--public-key needs --jwt'],
              ['--format', 'csv', 'an option that is not of add'],
              ['--revoked', 'an option that is not of add'])
{
    my ($text, @args) = (pop @$case, @$case);
    refused(2, "ngx-gateway: $text, see consumers --help\n",
            ['add', 'x', @args], "add @args");
}
for my $option ('--basic', '--hmac', '--jwt', '--tag', '--credential') {
    refused(2, "ngx-gateway: $option needs a value, see consumers --help\n",
            ['add', 'x', $option], "$option before another option");
}
is((run_tool($dir, 'consumers'))[0], 2, 'without a command');
like((run_tool($dir, 'consumers', '--help'))[1], qr/^usage: .*import FILE/s,
     '--help');

($code, $out, $err) = run_tool($dir, 'consumers', 'list', '-p', '.');
is($code, 3, 'a directory of somebody else');
is($err, "ngx-gateway: error: \".\" is no directory that \"compile\" made\n",
   'is refused');
refused(3, "missing.jsonl: error: cannot be read: No such file or "
           . "directory\n", ['import', 'missing.jsonl'], 'no file');


# --- the file's ---

is(works('list'), "file\t" . listed()->{file}{id}
   . "\tfile\t1 key-auth, 1 basic-auth, 1 jwt, 1 hmac-auth\n",
   'list has the consumers of the file');
is(listed()->{file}{basicauth_credentials}[0]{username}, 'fi le',
   'with their credentials');
is(listed()->{file}{acls}[0]{group}, 'shop', 'and groups');
refused(1, "ngx-gateway: error: there is no consumer \"nobody\"\n",
        ['list', 'nobody'], 'nobody');

for my $name ('file', 'f-1', listed()->{file}{id}) {
    is(listed($name)->{file}{username}, 'file', "found as $name");
}


# --- add ---

$out = works('add', 'bob', '--custom-id', 'b-1', '--tag', 'x', '--tag', 'y',
             '--acl', 'shop', '--group', 'gold', '--key', '--ttl', '60',
             '--basic', 'bob', '--jwt', 'bob-iss', '--hmac', 'bob:given');
like($out, qr/^id: [0-9a-f-]{36}
key: [A-Za-z0-9]{32}
password: [A-Za-z0-9]{32}
secret: [A-Za-z0-9]{32}
\z/, 'what was made up is printed, what was given is not');

my $bob = listed()->{bob};
is_deeply([@$bob{qw(custom_id tags acls groups layer)}],
          ['b-1', ['x', 'y'], [{ group => 'shop' }], [{ name => 'gold' }],
           'store'], 'listed as it was added');
is($bob->{keyauth_credentials}[0]{expires_at},
   $bob->{keyauth_credentials}[0]{created_at} + 60, 'with its ttl');
is($bob->{jwt_secrets}[0]{key}, 'bob-iss', 'the key of a jwt');
is($bob->{hmacauth_credentials}[0]{username}, 'bob', 'a username');

my $all = works('list') . works('list', '--json');
for my $secret ($out =~ /: ([A-Za-z0-9]{32})$/mg, 'given', 'file-key') {
    unlike($all, qr/\Q$secret\E/, 'list shows no secret');
    unlike(slurp('p/store/consumers.mdb'), qr/\Q$secret\E/,
           'nor does the store have it');
}

is(sprintf('%04o', (stat "$dir/p/store/consumers.mdb")[2] & 07777), '0640',
   'the store is not for everybody');
is(sprintf('%04o', (stat "$dir/p/store/consumers.mdb-lock")[2] & 07777),
   '0660', 'nor its lock file');

my $added = decode_json(works('add', 'json', '--key', '--json'));
like($added->{key}, qr/^[A-Za-z0-9]{32}$/, 'add --json');

works('add', 'bob', '--acl', 'other');
is_deeply([@{ listed()->{bob} }{qw(custom_id acls)}],
          ['b-1', [{ group => 'other' }]],
          'add changes what it is told, and leaves the rest');

refused(1, "ngx-gateway: error: this custom_id is that of consumer \"bob\"\n",
        ['add', 'eve', '--custom-id', 'b-1'], 'a custom_id of another');
refused(1, "ngx-gateway: error: the file has another consumer of this name\n",
        ['add', 'file', '--id', 'c0a8f0de-0000-4000-8000-000000000000'],
        'a username of the file');
refused(1, "ngx-gateway: error: consumer \"file\" is in the file, which says "
           . "its names, tags and groups: only credentials can be added\n",
        ['add', 'file', '--acl', 'x'], 'groups of a consumer of the file');
refused(1, "ngx-gateway: error: this key is in the file already, of consumer "
           . "\"file\"\n", ['add', 'eve', '--key=file-key'],
        'a key of the file');
refused(1, "ngx-gateway: error: jwt credential \"file-iss\" is in the file "
           . "already, of consumer \"file\"\n",
        ['add', 'eve', '--jwt', 'file-iss:x'], 'a jwt of the file');
refused(1, "ngx-gateway: error: hmac-auth credential \"bob\" belongs to "
           . "consumer \"bob\" already\n", ['add', 'eve', '--hmac', 'bob:x'],
        'a username of the store');
refused(1, "ngx-gateway: error: \"id\" is no UUID\n",
        ['add', 'eve', '--id', '1'], 'an id that is none');
refused(1, "ngx-gateway: error: --group: the file has no consumer group "
           . "\"silver\"\n", ['add', 'eve', '--group', 'gold', '--group',
                               'silver'], 'a group that the file has not');
refused(1, "ngx-gateway: error: \"username\" is empty, too long or has "
           . "control characters\n", ['add', "e\nve"], 'a name');
refused(1, "ngx-gateway: error: jwt_secrets: \"algorithm\" is none of HS256, "
           . "HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512, PS256, "
           . "PS384, PS512 and EdDSA\n",
        ['add', 'eve', '--jwt', 'k:s', '--algorithm', 'none'],
        'an algorithm');
put('bad.pem', "no key\n");
refused(1, "ngx-gateway: error: jwt_secrets: \"rsa_public_key\" is no public "
           . "key in PEM\n", ['add', 'eve', '--jwt', 'k', '--algorithm',
                              'RS256', '--public-key', 'bad.pem'],
        'a public key');
ok(!listed()->{eve}, 'nothing of all that was kept');

works('add', 'dash', '--basic=-p', '--hmac=-p:x');
is(listed()->{dash}{basicauth_credentials}[0]{username}, '-p',
   'a value that begins as options do');
works('revoke', 'dash');
works('add', $_) for 'zoe', 'anna', 'moe';
is_deeply([map { (split /\t/)[0] } split /\n/, works('list')],
          [qw(anna bob file json moe zoe)], 'list has an order');
is_deeply([map { decode_json($_)->{username} }
           split /\n/, works('list', '--json')],
          [qw(anna bob file json moe zoe)], 'with --json too');
works('revoke', $_) for 'zoe', 'anna', 'moe';


# --- import ---

put('good.jsonl', "\xef\xbb\xbf" . <<'_EOC_');
{"username":"a","key":"ka","keyauth_credentials":[{"key":"ka2","id":"c0a8f0de-0000-4000-8000-000000000001","ttl":9,"created_at":1000,"tags":["t"]}]}

{"id":"c0a8f0de-0000-4000-8000-000000000002","username":"b","custom_id":"cb","created_at":7,"tags":null,"acls":[{"group":"g"},"h"]}
{"username":"c","basicauth_credentials":[{"username":"c","password":"p"}],"jwt_secrets":[{"key":"ic","secret":"s","algorithm":"HS384"}],"hmacauth_credentials":[{"username":"c","secret":"s"}]}
{"username":"file","key":"another"}
_EOC_
is(works('import', 'good.jsonl'), "imported: 4 consumers, 6 credentials\n",
   'import');
my $all_of = listed();
is(scalar(grep { $_->{id} eq 'c0a8f0de-0000-4000-8000-000000000001' }
          @{ $all_of->{a}{keyauth_credentials} }), 1, 'an id of a credential');
is_deeply([sort { $a <=> $b } map { $_->{expires_at} // 0 }
           @{ $all_of->{a}{keyauth_credentials} }], [0, 1009],
          'a time to live counts from created_at');
is($all_of->{b}{created_at}, 7, 'created_at of a consumer');
is_deeply($all_of->{b}{acls}, [{ group => 'g' }, { group => 'h' }],
          'groups in both forms');
is(scalar @{ $all_of->{file}{keyauth_credentials} }, 2,
   'a consumer of the file has another key');

is(works('import', 'good.jsonl'), "imported: 4 consumers, 6 credentials\n",
   'the same again');
is_deeply(listed(), $all_of, 'changes nothing');

put('less.jsonl', qq({"username":"b","id":"c0a8f0de-0000-4000-8000-000000000002"}\n));
works('import', 'less.jsonl');
ok(!exists listed()->{b}{custom_id}, 'a line is all of a consumer');
works('add', 'z', '--custom-id', 'cb');
is(listed()->{z}{custom_id}, 'cb', 'a custom_id that is free again');

put('bad.jsonl', <<'_EOC_');
{"username":"n1","key":"n1"}
{"username":"n2","kee":"n2"}
{"username":"n3","username":"n3"}
[1]
{"username":
{"key":"nobody"}
{"username":5}
{"username":"n8","acls":"x"}
{"username":"n9","acls":[1]}
{"username":"n10","keyauth_credentials":[{"key":""}]}
{"username":"n11","keyauth_credentials":[{"key":"k","ttl":0}]}
{"username":"n12","basicauth_credentials":[{"username":"n12"}]}
{"username":"n13","jwt_secrets":[{"key":"k"}]}
{"username":"n14","hmacauth_credentials":[{"secret":"k"}]}
{"username":"n15","hmacauth_credentials":[{"username":"x","secret":"k","x":1}]}
{"username":"n16","key":"file-key"}
{"username":"n17\u0001"}
{"username":"n18","key":"twice"}
{"username":"n19","key":"twice"}
{"username":"n20","id":"x"}
_EOC_
refused(1, <<'_EOC_', ['import', 'bad.jsonl'], 'bad lines');
bad.jsonl:2:1: error: unknown field "kee"; did you mean "key"?
bad.jsonl:3:1: error: a field is there twice
bad.jsonl:4:1: error: this is no object
bad.jsonl:5:1: error: this is no JSON, near column 0
bad.jsonl:6:1: error: a consumer needs a "username" or a "custom_id"
bad.jsonl:7:1: error: "username" is no string
bad.jsonl:8:1: error: "acls" is no array
bad.jsonl:9:1: error: "acls[0]" is no text without control characters, or there are too many
bad.jsonl:10:1: error: keyauth_credentials: "key" is missing or empty
bad.jsonl:11:1: error: "ttl" is no whole number above 0
bad.jsonl:12:1: error: basicauth_credentials: "password" is missing
bad.jsonl:13:1: error: jwt_secrets: "secret" is missing
bad.jsonl:14:1: error: hmacauth_credentials: "username" is missing or empty
bad.jsonl:15:1: error: unknown field "x" in "hmacauth_credentials"
bad.jsonl:16:1: error: this key is in the file already, of consumer "file"
bad.jsonl:17:1: error: "username" is empty, too long or has control characters
bad.jsonl:19:1: error: this key belongs to consumer "n18" already
bad.jsonl:20:1: error: "id" is no UUID
_EOC_
ok(!(grep { /^n\d/ } keys %{ listed() }), 'nothing was imported');

put('many.jsonl', "{}\n" x 1000);
($code, undef, $err) = consumers('import', 'many.jsonl');
is($code, 1, 'very many bad lines');
is(scalar(my @lines = $err =~ /\n/g), 50, 'are told up to a number');

put('good.csv', <<'_EOC_');
username,key,acls,custom_id,basic_username,basic_password
r1,k-r1,a;b,,,
"r ""2""","k,r2",,"two
lines",r2,"p;,"
r3,,,,,
_EOC_
refused(1, "good.csv:3:1: error: \"custom_id\" is empty, too long or has "
           . "control characters\n", ['import', 'good.csv'],
        'a line break where none may be');
put('good.csv', slurp('good.csv') =~ s/two\nlines/two/r =~ s/\n/\r\n/gr);
is(works('import', 'good.csv'), "imported: 3 consumers, 3 credentials\n",
   'import of CSV');
is_deeply([map { $_->{group} } @{ listed()->{r1}{acls} }], ['a', 'b'],
          'a list');
is(listed()->{'r "2"'}{custom_id}, 'two', 'quotes');
ok(!exists listed()->{r3}{acls}, 'empty fields are not given');

for my $case (
    ["username,kee\nx,y\n", 'bad.csv:1:1: error: unknown column "kee", did '
     . 'you mean "key"?: the first line names the columns'],
    ["username,key\nx\n", 'bad.csv:2:1: error: 1 fields, the first line has '
     . '2 columns'],
    ["username,key\nx,\"y\n", 'bad.csv:2:1: error: a quote is not closed'],
    ["username,key\nx,y\"\n", 'bad.csv:2:1: error: a quote in a field '
     . 'without quotes, or text behind a closing quote'],
    ["username,key,key_ttl\nx,y,z\n", 'bad.csv:2:1: error: "key_ttl" is no '
     . 'whole number above 0'],
    ["username,acls\nx,a;;b\n", 'bad.csv:2:1: error: "acls" has an empty '
     . 'text between ";", or one with control characters, or too many'],
    ['', 'bad.csv: error: there is no line that names columns'])
{
    put('bad.csv', $$case[0]);
    refused(1, "$$case[1]\n", ['import', 'bad.csv'], $$case[1]);
}

put('x.txt', "username\nfrom-text\n");
works('import', 'x.txt');
ok(listed()->{'from-text'}, 'what is no JSON is CSV');

# standard input, a pipe
sub piped {
    my ($text, @args) = @_;
    my $pid = open(my $to, '|-') // die "fork: $!";
    if (!$pid) {
        chdir $dir;
        open STDOUT, '>', "$dir/out";
        open STDERR, '>', "$dir/err";
        exec $tool, 'consumers', @args, '-p', 'p' or POSIX::_exit(127);
    }
    print $to $text;
    close $to;
    return $? >> 8;
}

is(piped(qq({"username":"piped","key":"piped"}\n), 'import', '-'), 0,
   'import of standard input');
is(slurp('out'), "imported: 1 consumer, 1 credential\n", 'works');
is(piped("{}\n", 'import', '-'), 1, 'and fails');
like(slurp('err'), qr/^<stdin>:1:1: error: /, 'with its lines');
is(piped("my-secret\n", 'add', 'in', '--hmac', 'in:-'), 0,
   'a secret from standard input');
is(piped('', 'add', 'in', '--hmac', 'in2:-'), 1, 'which has to be there');


# --- revoke, restore ---

refused(1, "ngx-gateway: error: there is nothing to revoke of \"nobody\"\n",
        ['revoke', 'nobody'], 'nobody');
refused(1, "ngx-gateway: error: there is nothing to revoke\n",
        ['revoke', '--key=nokey'], 'no such key');
refused(1, "ngx-gateway: error: --credential is no UUID\n",
        ['revoke', '--credential', 'x'], 'no id');

works('revoke', '--basic', 'fi le');
works('revoke', '--credential',
      listed()->{file}{jwt_secrets}[0]{id});
my $file = listed()->{file};
ok($file->{basicauth_credentials}[0]{revoked}
   && $file->{jwt_secrets}[0]{revoked}
   && !$file->{hmacauth_credentials}[0]{revoked}, 'two are revoked');

my %revoked = map { my $r = decode_json($_); ($r->{type} => $r) }
              split /\n/, works('list', '--revoked', '--json');
is_deeply([map { $revoked{$_}{name} } sort keys %revoked],
          ['fi le', 'file-iss'], 'list --revoked');
is($revoked{jwt_secrets}{consumer}, 'file', 'whose they are');
like(works('list', 'file'), qr/^file\t\S+\tfile\t2\ key-auth,\ 1\ basic-auth
     \ \(revoked\),\ 1\ jwt\ \(revoked\),\ 1\ hmac-auth\n\z/x,
     'list shows it');
works('revoke', '--key=file-key');
like(works('list', 'file'), qr/\t2 key-auth \(1 revoked\), /, 'one of two');
works('restore', '--key=file-key');

works('restore', 'file');
is(works('list', '--revoked'), '', 'both are restored');
refused(1, "ngx-gateway: error: there is nothing to restore of \"file\"\n",
        ['restore', 'file'], 'nothing is revoked');

works('revoke', 'c');
ok(!listed()->{c}, 'a consumer is gone');
works('add', 'other', '--basic', 'c:x', '--jwt', 'ic:x', '--hmac', 'c:x');
ok(listed()->{other}, 'what was its is free');

my $id = listed()->{a}{keyauth_credentials}[0]{id};
works('revoke', '--credential', $id);
is(scalar @{ listed()->{a}{keyauth_credentials} }, 1, 'one key by its id');
works('revoke', 'file');
is(scalar @{ listed()->{file}{keyauth_credentials} }, 1,
   'a consumer of the file loses what was added');


# --- with compile ---

my $before = (stat "$dir/p/store/consumers.mdb")[9];
works('restore', 'file');
utime 1000, 1000, "$dir/p/store/consumers.mdb";
($code) = run_tool($dir, 'compile', 'kong.yml', '-o', 'p', @nginx);
is((stat "$dir/p/store/consumers.mdb")[9], 1000,
   'compile does not write into a store without revocations');
is(listed()->{file}{layer}, 'file', 'the file has its layer');

# a username that the file has now
put('kong.yml', $yaml =~ s/^(?=consumer_groups)/- username: bob\n/mr);
run_tool($dir, 'compile', 'kong.yml', '-o', 'p', @nginx);
is(listed()->{bob}{layer}, 'file', 'a consumer of both is of the file');
is(scalar @{ listed()->{bob}{keyauth_credentials} }, 1,
   'and has the credentials that were added');

# without key-auth and the like nothing asks the store
run_tool($dir, 'compile', 'kong.yml', '-o', 'off', @nginx, '--set',
         'credential_store=off');
($code, undef, $err) = run_tool($dir, 'consumers', 'add', 'x', '-p', 'off');
is($code, 0, 'a store that nginx does not use');
is($err, "ngx-gateway: warning: the configuration in \"off\" does not use "
         . "the store: it has no plugin with credentials, or the setting "
         . "\"credential_store\" is off\n", 'is told');

# another secret
rename "$dir/p/secret", "$dir/p/secret.away";
put('p/secret', 'x' x 40);
($code, undef, $err) = consumers('list');
is($code, 3, 'under another secret');
is($err, "ngx-gateway: error: store in \"p/store\": made under another "
         . "secret\n", 'it is refused');
is((consumers('add', 'x'))[0], 3, 'to write, too');
rename "$dir/p/secret.away", "$dir/p/secret";

put('p/store/consumers.mdb', 'x' x 65536);
($code, undef, $err) = consumers('list');
is($code, 3, 'a damaged store');
like($err, qr/^ngx-gateway: error: store in "p\/store": cannot open: /,
     'is told');


run_tests();

__DATA__

=== TEST 1: with a plugin that has credentials the store is used
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  plugins:
  - name: key-auth
--- conf
gateway_secret_file secret;
gateway_credential_store store;

=== TEST 2: not without one
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  plugins:
  - name: ip-restriction
    config: {allow: [127.0.0.1]}
--- conf_unlike
gateway_credential_store

=== TEST 3: nor when it is disabled
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  plugins:
  - name: key-auth
    enabled: false
--- conf_unlike
gateway_credential_store

=== TEST 4: nor when the setting says so
--- yaml
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  plugins:
  - name: key-auth
--- compile_args: --set credential_store=off
--- conf_unlike
gateway_credential_store
