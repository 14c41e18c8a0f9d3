# Copyright (C) the ngx_gateway authors
#
# Several methods on one route.  Without "anonymous" each has to succeed, and
# the last one says who it is; with it, a method is passed over when somebody
# is known already.  Every pair of methods, each with and without "anonymous",
# with no, a good and a bad credential, is asked and compared with a few lines
# that say what is to come out.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';

use Digest::SHA qw(hmac_sha256);
use File::Temp qw(tempdir);
use IO::Socket::INET ();
use MIME::Base64 qw(encode_base64 encode_base64url);

my ($program) = grep { -x } qw(/usr/sbin/slapd /usr/local/libexec/slapd);
die "slapd is not installed\n" if !$program;

my $root = tempdir(CLEANUP => 1);
my $ldap = port(2);
my $owner = $$;
my $pid;

END {
    if ($$ == $owner && $pid) {
        my $status = $?;
        kill 'INT', $pid;
        waitpid $pid, 0;
        $? = $status;
    }
}

sub spew {
    my ($name, $text) = @_;
    open my $f, '>', "$root/$name" or die "$root/$name: $!\n";
    print $f $text;
    close $f;
}

spew('ldif', <<'_EOC_');
dn: dc=example,dc=com
objectClass: organization
objectClass: dcObject
o: example
dc: example

dn: cn=einstein,dc=example,dc=com
objectClass: person
sn: x
cn: einstein
userPassword: relativity

_EOC_
spew('conf', <<"_EOC_");
include /etc/ldap/schema/core.schema
pidfile $root/pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=com"
directory $root/db
maxsize 10485760
_EOC_
mkdir "$root/db" or die;
system("cd $root && $program -T add -f conf -l ldif >out 2>&1") == 0
    or die `cat $root/out`;

$pid = fork // die;

if (!$pid) {
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', "$root/log";
    open STDERR, '>&', \*STDOUT;
    exec $program, '-f', "$root/conf", '-d', '0', '-h', "ldap://127.0.0.1:$ldap/";
}

wait_until(sub { IO::Socket::INET->new("127.0.0.1:$ldap") }, 20)
    or die 'slapd does not start';

start_echo();


# the methods: by priority, what they say of whom they know, and a challenge

my %methods = (
    'jwt' => {
        priority => 1450, consumer => 'jason', identifier => 'jwt-key',
        challenge => 'Bearer', bad_challenge => 'Bearer error="invalid_token"',
    },
    'key-auth' => {
        priority => 1250, consumer => 'kate',
        identifier => '00000000-0000-4000-8000-00000000000a',
        challenge => 'Key',
    },
    'ldap-auth' => {
        priority => 1200, identifier => 'einstein', challenge => 'LDAP',
        config => "ldap_host: 127.0.0.1, ldap_port: $ldap, "
                  . 'base_dn: "dc=example,dc=com", attribute: cn',
    },
    'basic-auth' => {
        priority => 1100, consumer => 'bob', identifier => 'bob-login',
        challenge => 'Basic realm="service"',
    },
    'hmac-auth' => {
        priority => 1030, consumer => 'henry', identifier => 'henry-login',
        challenge => 'hmac',
    },
);

my @names = sort { $methods{$b}{priority} <=> $methods{$a}{priority} } keys %methods;

sub date {
    my @t = gmtime;
    return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
        (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
        (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$t[4]],
        $t[5] + 1900, @t[2, 1, 0];
}

my $date = date();

sub token {
    my ($secret) = @_;
    my $text = encode_base64url('{"alg":"HS256","typ":"JWT"}') . '.'
               . encode_base64url('{"iss":"jwt-key"}');
    return "$text." . encode_base64url(hmac_sha256($text, $secret));
}

# what a request carries: query and header lines
sub shows {
    my ($method, $good, $other) = @_;

    if ($method eq 'jwt') {
        return ('jwt=' . token($good ? 'jwt-secret' : 'other'));
    }

    return ('', 'apikey: ' . ($good ? 'kates-key' : 'other'))
        if $method eq 'key-auth';

    return ('', 'Proxy-Authorization: Basic '
                . encode_base64('bob-login:' . ($good ? 'secret' : 'other'), ''))
        if $method eq 'basic-auth';

    return ('', ($other eq 'hmac-auth' ? 'Proxy-' : '') . 'Authorization: ldap '
                . encode_base64('einstein:' . ($good ? 'relativity' : 'other'), ''))
        if $method eq 'ldap-auth';

    return ('', "Date: $date", 'Authorization: hmac username="henry-login", '
                . 'algorithm="hmac-sha256", headers="date", signature="'
                . encode_base64(hmac_sha256("date: $date", $good ? 'secret' : 'other'), '')
                . '"');
}


my $consumers = <<'_EOC_';
consumers:
- username: jason
  jwt_secrets: [{key: jwt-key, secret: jwt-secret}]
- username: kate
  keyauth_credentials: [{id: 00000000-0000-4000-8000-00000000000a, key: kates-key}]
- username: bob
  basicauth_credentials: [{username: bob-login, password: secret}]
- username: henry
  hmacauth_credentials: [{username: henry-login, secret: secret}]
- {username: one, id: 00000000-0000-4000-8000-000000000001}
- {username: two, id: 00000000-0000-4000-8000-000000000002, custom_id: second}
- username: closed
  plugins: [{name: request-termination, config: {status_code: 418, message: closed}}]
- {username: grouped, acls: [{group: guests}]}
_EOC_

sub plugin {
    my ($name, $anonymous, $more) = @_;
    my @config = grep { length } $methods{$name}{config} // '',
        ($anonymous ? "anonymous: $anonymous" : ''), $more // '';
    return "    - {name: $name, config: {" . join(', ', @config) . "}}\n";
}

my $yaml = <<"_EOC_";
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
_EOC_

# for who falls back, the first by name, the second by id
my @modes = (['and', undef, undef], ['or', 'one', '00000000-0000-4000-8000-000000000002'],
             ['first', 'one', undef], ['second', undef, '00000000-0000-4000-8000-000000000002']);
my @pairs;

for my $i (0 .. $#names) {
    push @pairs, map { [$names[$i], $names[$_]] } $i + 1 .. $#names;
}

for my $pair (@pairs) {
    for my $mode (@modes) {
        # the order in the file says nothing
        $yaml .= "  - name: $pair->[0]-$pair->[1]-$mode->[0]\n"
                 . "    paths: [/$pair->[0]-$pair->[1]-$mode->[0]]\n    plugins:\n"
                 . plugin($pair->[1], $mode->[2]) . plugin($pair->[0], $mode->[1]);
    }
}

my %routes = (
    all => join('', map { plugin($_, 'one') } @names),
    closed => plugin('key-auth', 'closed') . plugin('basic-auth', 'closed'),
    grouped => plugin('key-auth', 'grouped') . plugin('basic-auth', 'grouped')
               . "    - {name: acl, config: {allow: [guests]}}\n",
    hide => plugin('key-auth', 'one', 'hide_credentials: true')
            . plugin('basic-auth', 'one', 'hide_credentials: true'),
);

$yaml .= "  - name: $_\n    paths: [/$_]\n    plugins:\n$routes{$_}" for sort keys %routes;

my $nginx = start_nginx(yaml => $yaml . $consumers, log_level => 'info');


sub header {
    my ($text, $name) = @_;
    return $text =~ /^\Q$name\E: (.*)$/mi ? $1 : '';
}

# what is to come out: [status and challenge] or who is told to the upstream
sub expected {
    my (@steps) = @_;
    my ($consumer, $identifier, $anonymous) = ('', '', '');

    for my $step (@steps) {
        my ($name, $state, $fallback) = @$step;
        my $method = $methods{$name};

        next if $fallback && length $identifier;

        if ($state eq 'good') {
            ($consumer, $identifier, $anonymous)
                = ($method->{consumer} // '', $method->{identifier}, '');

        } elsif ($fallback) {
            ($consumer, $identifier, $anonymous)
                = ($fallback eq 'one' ? 'one' : 'two', '', 'true');

        } else {
            return '401 ' . ($state eq 'bad' && $method->{bad_challenge}
                             || $method->{challenge});
        }
    }

    return "200 consumer=$consumer credential=$identifier anonymous=$anonymous";
}

sub got {
    my ($path, $query, @lines) = @_;
    my $res = http_get("$path?$query", headers => [@lines,
        'X-Consumer-Username: evil', 'X-Consumer-Custom-ID: evil',
        'X-Credential-Identifier: evil', 'X-Anonymous-Consumer: evil']);

    return 'no answer' if !$res;
    return $res->status . ' ' . ($res->header('WWW-Authenticate') // '')
        if $res->status != 200;

    return '200 consumer=' . header($res->body, 'X-Consumer-Username')
           . ' credential=' . header($res->body, 'X-Credential-Identifier')
           . ' anonymous=' . header($res->body, 'X-Anonymous-Consumer')
           . ($res->body =~ /evil/ ? ' evil' : '');
}

for my $pair (@pairs) {
    my ($one, $two) = @$pair;

    for my $first (qw(none good bad)) {
        for my $second (qw(none good bad)) {

            my ($query, @lines) = ('');

            for ([$one, $first, $two], [$two, $second, $one]) {
                my ($name, $state, $other) = @$_;
                next if $state eq 'none';
                my ($q, @l) = shows($name, $state eq 'good', $other);
                $query .= $q;
                push @lines, @l;
            }

            for my $mode (@modes) {
                my ($name, $a, $b) = @$mode;

                is(got("/$one-$two-$name", $query, @lines),
                   expected([$one, $first, $a], [$two, $second, $b]),
                   "$one ($first), $two ($second): $name");
            }
        }
    }
}

# more than two

my ($query, @lines) = shows('jwt', 1, '');

is(got('/all', ''), '200 consumer=one credential= anonymous=true', 'none of five');
is(got('/all', $query), '200 consumer=jason credential=jwt-key anonymous=', 'the first of five');

(undef, @lines) = shows('hmac-auth', 1, '');
is(got('/all', '', @lines), '200 consumer=henry credential=henry-login anonymous=', 'the last of five');

my (undef, @key) = shows('key-auth', 1, '');
is(got('/all', '', @lines, @key),
   '200 consumer=kate credential=00000000-0000-4000-8000-00000000000a anonymous=',
   'the first that succeeds');

# the anonymous consumer has plugins and groups of its own

is(http_get('/closed')->status, 418, 'request-termination of the anonymous consumer');
is(http_get('/closed', headers => \@key)->status, 200, 'not for who is known');
my (undef, @basic) = shows('basic-auth', 1, '');
is(http_get('/closed', headers => \@basic)->status, 200, 'whichever method it is');
my (undef, @bad) = shows('basic-auth', 0, '');
is(http_get('/closed', headers => \@bad)->status, 418, 'a bad one is anonymous');

my $res = http_get('/grouped');
is($res->status, 200, 'acl: groups of the anonymous consumer');
is(header($res->body, 'X-Consumer-Groups'), 'guests', 'are told');
is(http_get('/grouped', headers => \@key)->status, 403, 'acl: who is known is in another one');

# a method that is passed over leaves its credentials alone

$res = http_get('/hide', headers => [@key, @basic]);
is(header($res->body, 'apikey'), '', 'hidden by the method that knew');
isnt(header($res->body, 'Proxy-Authorization'), '', 'left by the one that was passed over');
$res = http_get('/hide', headers => \@basic);
is(header($res->body, 'Proxy-Authorization'), '', 'hidden by the other one');

unlike($nginx->error_log, qr/\[(error|crit|alert|emerg)\]/, 'nothing to log');
$nginx->stop;


# who may be anonymous: checked when the file is compiled

my $head = qq{_format_version: "3.0"\nplugins:\n};
my $dir = tempdir(CLEANUP => 1);

sub compiles {
    my ($text) = @_;
    open my $f, '>', "$dir/kong.yml" or die;
    print $f $text;
    close $f;
    my ($code, $out, $err) = run_tool($dir, 'check', 'kong.yml');
    return $code == 0 ? 'ok' : $err;
}

for my $name (@names) {
    my $one = $head . plugin($name, 'one') =~ s/^    //mr;

    is(compiles($one . $consumers), 'ok', "$name: anonymous by username");
    is(compiles($one =~ s/anonymous: one/anonymous: 00000000-0000-4000-8000-000000000001/r . $consumers),
       'ok', "$name: by id");
    like(compiles($one =~ s/anonymous: one/anonymous: second/r . $consumers),
         qr/kong\.yml:3:\d+: error: plugins\[0\]\.config\.anonymous: "second" is no consumer: there is no such entry in 'consumers'/,
         "$name: not by custom_id");
    like(compiles($one =~ s/anonymous: one/anonymous: nobody/r . $consumers),
         qr/"nobody" is no consumer/, "$name: who does not exist");
}
