# Copyright (C) the ngx_gateway authors
#
# The directory that compile writes.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;
use File::Temp qw(tempdir);

my $dir = tempdir(CLEANUP => 1);
my @args = ('--nginx', Test::Gateway::Server::nginx_binary());

sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die $!;
    print $fh $text;
    close $fh;
}

sub slurp {
    my ($name) = @_;
    open my $fh, '<', "$dir/$name" or die "$name: $!";
    local $/;
    return <$fh>;
}

sub mode {
    my ($name) = @_;
    return sprintf '%04o', (stat "$dir/$name")[2] & 07777;
}

sub generations { return map { s{.*/}{}r } sort glob "$dir/p/gateway.*" }

my $yaml = <<'_EOC_';
_format_version: "3.0"
services:
- name: s
  host: 127.0.0.1
  routes:
  - name: r
    paths: [/]
consumers:
- username: bob
  keyauth_credentials:
  - key: secret
_EOC_

umask 077;
put('kong.yml', $yaml);
my ($code, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 'p',
                                  @args);
is($code, 0, 'compile') or diag($err);
is($out, "p/nginx.conf\n", 'it says what to start');
my ($generation, @more) = generations();
is(scalar @more, 0, 'one generation');
like($generation, qr/^gateway\.[0-9a-f]{16}$/, 'named after its content');
is(mode('p/nginx.conf'), '0644', 'whatever the umask, readable');
is(mode("p/$generation/proxy.conf"), '0644', 'as are the other files');
is(mode("p/$generation"), '0755', 'and directories');
is(mode('p/logs'), '0755', 'the logs too');
is(mode("p/$generation/consumers.conf"), '0600', 'but no secrets');
is(mode('p/tls/default.key'), '0600', 'nor keys');
unlike(slurp("p/$generation/proxy.conf") . slurp('p/nginx.conf'),
       qr/credential/, 'which are nowhere else');
is(mode('p/secret'), '0600', 'the secret of digests');
like(slurp('p/secret'), qr/^[0-9a-f]{64}\n\z/, 'is there');

my $before = slurp('p/nginx.conf');
my $secret = slurp('p/secret');
my $key = slurp('p/tls/default.key');
($code) = run_tool($dir, 'compile', 'kong.yml', '-o', 'p', @args);
is($code, 0, 'again');
is(slurp('p/nginx.conf'), $before, 'the same bytes');
is(slurp('p/tls/default.key'), $key, 'the certificate stays');
is(slurp('p/secret'), $secret, 'the secret too');
is(join(' ', generations()), $generation, 'the generation too');

put("p/$generation/proxy.conf", "edited\n");
run_tool($dir, 'compile', 'kong.yml', '-o', 'p', @args);
unlike(slurp("p/$generation/proxy.conf"), qr/edited/,
       'an edited generation is written anew');

put('p/logs/access.log', "kept\n");
put('kong.yml', $yaml . "- username: eve\n");
($code) = run_tool($dir, 'compile', 'kong.yml', '-o', 'p', @args);
is($code, 0, 'another content');
my @two = generations();
is(scalar @two, 2, 'the former generation stays, it may be running');
put('kong.yml', $yaml . "- username: mallory\n");
run_tool($dir, 'compile', 'kong.yml', '-o', 'p', @args);
is(scalar(my @g = generations()), 2, 'the one before it goes');
ok(!-e "$dir/p/$generation", 'which was the first');
is(slurp('p/logs/access.log'), "kept\n", 'logs are not touched');

$before = slurp('p/nginx.conf');
put('kong.yml', $yaml . "  nonsense: 1\n");
($code, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 'p', @args);
is($code, 1, 'a bad file');
is(slurp('p/nginx.conf'), $before, 'changes nothing');

mkdir "$dir/foreign";
put('foreign/nginx.conf', "mine\n");
put('kong.yml', $yaml);
($code, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 'foreign',
                               @args);
is($code, 3, 'a directory of somebody else');
like($err, qr/"foreign" holds files that are not ours/, 'is refused');
is(slurp('foreign/nginx.conf'), "mine\n", 'and left alone');

($code, $out, $err) = run_tool($dir, 'compile', 'none.yml', '-o', 'q', @args);
is($code, 3, 'a file that is not there');
ok(!-e "$dir/q", 'no output');

# the secret of digests

mkdir "$dir/s";
put('s/secret', "x" x 40 . "\n");
($code, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 's', @args);
is($code, 0, 'a directory with nothing but a secret is taken') or diag($err);
is(slurp('s/secret'), "x" x 40 . "\n", 'with it');

sub consumers { return join '', map { slurp($_ =~ s{^\Q$dir\E/}{}r) }
                       glob "$dir/$_[0]/gateway.*/consumers.conf" }

unlike(consumers('s'), qr/key=secret/, 'there are digests only');
my ($one) = consumers('s') =~ /key_digest=([0-9a-f]{64})/;
put('other.yml', $yaml =~ s/bob/eve/r);
run_tool($dir, 'compile', 'other.yml', '-o', 's', @args);
like(consumers('s'), qr/gateway_consumer eve.*key_digest=$one/s,
     'equal under one secret');
run_tool($dir, 'compile', 'kong.yml', '-o', 'p', @args);
unlike(consumers('p'), qr/key_digest=$one/, 'different under another');

put('s/secret', "too short\n");
($code, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 's', @args);
is($code, 1, 'a secret of few bytes');
like($err, qr{"s/secret" is no secret: expected a file of 32 to 4096 bytes},
     'is refused');
unlike($err, qr/too short/, 'and not shown');

($code, $out, $err) = run_tool($dir, 'check', 'kong.yml', '--test', @args);
is($code, 0, 'check has a secret of its own') or diag($err);

put('none.yml', qq(_format_version: "3.0"\n));
($code) = run_tool($dir, 'compile', 'none.yml', '-o', 'n', @args);
ok(!-e "$dir/n/secret", 'without credentials there is none');
