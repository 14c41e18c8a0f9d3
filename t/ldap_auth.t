# Copyright (C) the ngx_gateway authors
#
# ldap_auth: binds to Debian's slapd, by hand and compiled; what it logs tells
# which binds and connections there were.

use lib 't/lib';
use Test::Gateway 'no_plan';

use File::Temp 'tempdir';
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;

my ($program) = grep { -x } qw(/usr/sbin/slapd /usr/local/libexec/slapd);
die "slapd is not installed\n" if !$program;

my $plain = port(1);
my $tls = port(2);
my $mute = port(3);
my $h2 = port(4);
my $unused = $ENV{TEST_NGINX_UNUSED_PORT};
my $root = tempdir(CLEANUP => 1);
my $owner = $$;
my ($pid, $log);

END {
    if ($$ == $owner) {
        my $status = $?;
        slapd_stop();
        $? = $status;
    }
}


sub spew {
    my ($name, $text) = @_;
    open my $f, '>', "$root/$name" or die "$root/$name: $!\n";
    print $f $text;
    close $f;
}

sub shell {
    my ($command) = @_;
    system("cd $root && { $command; } >>$root/out 2>&1") == 0
        or die "$command failed: " . `cat $root/out`;
}


# an authority, a certificate for the address, one for another name

spew('san', "subjectAltName=IP:127.0.0.1\n");
spew('other', "subjectAltName=DNS:other.example\n");

shell("openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj '/CN=$_' "
    . "-keyout $_.key -out $_.crt") for qw(authority stranger);
shell("openssl req -newkey rsa:2048 -nodes -subj /CN=ldap -keyout ldap.key "
    . "-out ldap.csr");
shell("openssl x509 -req -in ldap.csr -CA authority.crt -CAkey authority.key "
    . "-CAcreateserial -days 3 -extfile $_ -out $_.crt") for qw(san other);


# users: the plain one, and names that mean something in a DN

my @users = (
    ['einstein', 'einstein', 'password'],
    ['Curie, Marie', 'Curie\, Marie', 'radium:226'],
    ['a+b="c";<d>\\e', 'a\+b\=\"c\"\;\<d\>\\\\e', 'special'],
    [' #spaced ', '\20#spaced\20', 'blanks'],
    ['#hash', '\#hash', 'hashed'],
    ["M\xc3\xbcller", "M\xc3\xbcller", "p\xc3\xa4ss"],
);

my $ldif = <<'_EOC_';
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: example
dc: example

dn: ou=scientists,dc=example,dc=com
objectClass: organizationalUnit
ou: scientists

dn: ou=robots,dc=example,dc=com
objectClass: organizationalUnit
ou: robots

dn: cn=admin,ou=robots,dc=example,dc=com
objectClass: person
cn: admin
sn: admin
userPassword: robot

_EOC_

for my $user (@users) {
    my ($cn, $dn, $password) = @$user;
    $ldif .= "dn:: "
        . encode_base64("cn=$dn,ou=scientists,dc=example,dc=com", '') . "\n"
        . "objectClass: person\nsn: x\n"
        . "cn:: " . encode_base64($cn, '') . "\n"
        . "userPassword:: " . encode_base64($password, '') . "\n\n";
}

spew('ldif', $ldif);

sub conf {
    my ($cert) = @_;
    spew('conf', <<"_EOC_");
include /etc/ldap/schema/core.schema
pidfile $root/pid
modulepath /usr/lib/ldap
moduleload back_mdb
allow bind_anon_dn bind_anon_cred
TLSCACertificateFile $root/authority.crt
TLSCertificateFile $root/$cert
TLSCertificateKeyFile $root/ldap.key
database mdb
suffix "dc=example,dc=com"
directory $root/db
maxsize 10485760
access to attrs=userPassword by anonymous auth by * none
access to * by * read
_EOC_
}

conf('san.crt');
mkdir "$root/db" or die;
shell("$program -T add -f conf -l ldif");

sub slapd_start {
    $log = "$root/log" . time() . rand();
    $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $log or die;
        open STDERR, '>&', \*STDOUT or die;
        exec $program, '-f', "$root/conf", '-d', 'stats', '-h',
            "ldap://127.0.0.1:$plain/ ldaps://127.0.0.1:$tls/" or die;
    }

    wait_until(sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $tls)
    }, 20) or die 'slapd does not start: ' . slurp();
}

sub slapd_stop {
    return if !$pid;
    kill 'INT', $pid;
    waitpid $pid, 0;
    undef $pid;
}

sub slurp {
    open my $f, '<', $log or return '';
    local $/;
    return scalar <$f>;
}

# how often slapd saw it
sub seen { my ($re) = @_; return scalar(() = slurp() =~ /$re/g) }
sub binds { return seen(qr/ BIND dn="[^"]*" method=128/) }
sub connections { return seen(qr/ ACCEPT /) }

sub credential {
    my ($user, $password, $scheme) = @_;
    return ($scheme // 'ldap') . ' ' . encode_base64("$user:$password", '');
}

# status of a request with this Authorization
sub get {
    my ($path, $value, @more) = @_;
    return http_get($path, headers =>
        [defined $value ? "Authorization: $value" : (), @more]);
}

sub status { my $res = get(@_); return $res ? $res->status : undef }

slapd_start();
start_echo();

my $at = 'base_dn=ou=scientists,dc=example,dc=com attribute=cn '
       . 'ldap_host=127.0.0.1';
my $echo = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";

my $nginx = start_nginx(master => 1, workers => 2,
                        http_config => <<"_EOC_", config => <<"_EOC2_");
    gateway_ldap_auth_trusted_certificate $root/authority.crt;
    gateway_ldap_auth_zone 256k;
    gateway_consumer nobody { id 11111111-1111-4111-8111-111111111111; }
    gateway_consumer keyed { gateway_key_auth_credential key=k1; }
_EOC_
    location = /plain {
        gateway_ldap_auth $at ldap_port=$plain cache_ttl=0;
        $echo
    }
    location = /cached {
        gateway_ldap_auth $at ldap_port=$plain;
        $echo
    }
    location = /hide {
        gateway_ldap_auth $at ldap_port=$plain hide_credentials=on;
        $echo
    }
    location = /basic {
        gateway_ldap_auth $at ldap_port=$plain header_type=Basic
                          "realm=a \\"lab\\"";
        $echo
    }
    location = /close {
        gateway_ldap_auth $at ldap_port=$plain cache_ttl=0 keepalive=0;
        $echo
    }
    location = /anonymous {
        gateway_ldap_auth $at ldap_port=$plain anonymous=nobody;
        $echo
    }
    location = /or {
        gateway_key_auth anonymous=nobody;
        gateway_ldap_auth $at ldap_port=$plain anonymous=nobody;
        $echo
    }
    location = /and {
        gateway_key_auth on;
        gateway_ldap_auth $at ldap_port=$plain;
        $echo
    }
    location = /stored {
        gateway_ldap_auth $at ldap_port=$plain;
        gateway_proxy_cache on;
        $echo
    }
    location = /acl {
        gateway_ldap_auth $at ldap_port=$plain;
        gateway_acl allow=scientists;
        $echo
    }
    location = /ldaps {
        gateway_ldap_auth $at ldap_port=$tls ldaps=on cache_ttl=0;
        $echo
    }
    location = /ldaps_verify {
        gateway_ldap_auth $at ldap_port=$tls ldaps=on cache_ttl=0
                          verify_ldap_host=on;
        $echo
    }
    location = /start_tls {
        gateway_ldap_auth $at ldap_port=$plain start_tls=on cache_ttl=0;
        $echo
    }
    location = /start_tls_verify {
        gateway_ldap_auth $at ldap_port=$plain start_tls=on cache_ttl=0
                          verify_ldap_host=on;
        $echo
    }
    location = /start_tls_ldaps_port {
        gateway_ldap_auth $at ldap_port=$tls cache_ttl=0 timeout=1000;
        $echo
    }
_EOC2_


# what is refused, and how

for my $case (
    ['nothing'],
    ['no scheme', 'einstein'],
    ['another scheme', credential('einstein', 'password', 'Basic')],
    ['a scheme that goes on', 'ldapx ' . encode_base64('einstein:password', '')],
    ['no blank', 'ldap' . encode_base64('einstein:password', '')],
    ['no base64', 'ldap a=b=c'],
    ['no colon', 'ldap ' . encode_base64('einstein', '')],
    ['nothing encoded', 'ldap '],
    ['no username', credential('', 'password')],
    ['an empty password', credential('einstein', '')],
    ['another password', credential('einstein', 'passwort')],
    ['another user', credential('bohr', 'password')],
    ['a colon more', credential('einstein', 'password:another')],
    ['a very long password', credential('einstein', 'x' x 4000)],
    ['a line break in the name', credential("einstein\r\nX-Admin: 1", 'password')],
    ['a zero byte in the name', credential("einstein\0", 'password')],
    ['a user elsewhere', credential('admin', 'robot')],
    ['more of a DN', credential('admin,ou=robots,dc=example,dc=com', 'robot')],
    ['more of a DN, its end commented out',
     credential('admin,ou=robots,dc=example,dc=com#', 'robot')],
    ['a pattern', credential('ein*', 'password')],
) {
    my ($what, $value) = @$case;
    my $res = get('/plain', $value);
    is($res->status, 401, "$what: 401");
    is($res->header('WWW-Authenticate'), 'LDAP', "$what: the challenge");
    like($res->body, qr/^\{\n  "message":"Unauthorized",\n  "request_id":/,
         "$what: the message");
}

is(seen(qr/BIND dn="cn=einstein,[^"]*" method=128\n.*\n?.*err=0 [^\n]*unauth/),
   0, 'no bind without a password');
ok(!seen(qr/dn="cn=admin,ou=robots/), 'nobody got out of the base');


# what passes

for my $user (@users) {
    my ($cn, undef, $password) = @$user;
    my $res = get('/plain', credential($cn, $password),
                  'X-Consumer-ID: forged', 'X-Consumer-Username: forged',
                  'X-Anonymous-Consumer: true',
                  'X-Credential-Identifier: forged');
    is($res->status, 200, "$cn passes");
    (my $shown = $cn) =~ s/^ +| +$//g;
    like($res->body, qr/^x-credential-identifier: *\Q$shown\E *$/mi,
         "$cn: the upstream is told");
    unlike($res->body, qr/forged|x-consumer|x-anonymous/i,
           "$cn: and nothing else");
    like($res->body, qr/^authorization: ldap /mi, 'with the credentials');
    is(status('/plain', credential($cn, "$password.")), 401,
       "$cn with another password");
}

is(status('/plain', credential('einstein', 'password', $_)), 200,
   "scheme \"$_\"") for 'LDAP', 'Ldap', '  ldap  ';

is(status('/plain', undef, 'Proxy-Authorization: '
                           . credential('einstein', 'password')), 200,
   'Proxy-Authorization');
is(status('/plain', credential('einstein', 'password'),
          'Proxy-Authorization: ' . credential('einstein', 'x')), 200,
   'Authorization when Proxy-Authorization is refused');
is(status('/plain', credential('einstein', 'x'),
          'Proxy-Authorization: ' . credential('einstein', 'password')), 200,
   'Proxy-Authorization comes first');
is(status('/plain', credential('einstein', 'x'),
          'Proxy-Authorization: nonsense'), 401, 'both refused');

my $res = http_request('POST', '/plain', body => 'x' x 100000, headers =>
    ['Authorization: ' . credential('einstein', 'password')]);
is($res->status, 200, 'a body waits');
like($res->body, qr/(?:x{10000}){10}/, 'and arrives whole');

$res = http_request('POST', '/plain', body => 'x' x 100000, headers =>
    ['Authorization: ' . credential('einstein', 'x')]);
is($res->status, 401, 'or does not');

$res = get('/hide', credential('einstein', 'password'),
           'Proxy-Authorization: nonsense');
is($res->status, 200, 'hide_credentials');
unlike($res->body, qr/authorization/i, 'hides both headers');

$res = get('/basic', credential('einstein', 'password', 'basic'));
is($res->status, 200, 'header_type');
$res = get('/basic', credential('einstein', 'password', 'ldap'));
is($res->status, 401, 'and no other one');
is($res->header('WWW-Authenticate'), 'Basic realm="a \"lab\""',
   'is the challenge as it is written, with the realm');


# several policies

$res = get('/anonymous');
is($res->status, 200, 'anonymous');
like($res->body, qr/^x-anonymous-consumer: *true$/mi, 'is told');
like($res->body, qr/^x-consumer-id: *11111111-/mi, 'and who it is');
is($res->header('WWW-Authenticate'), undef, 'without a challenge');

$res = get('/anonymous', credential('einstein', 'password'));
like($res->body, qr/^x-credential-identifier: *einstein$/mi,
     'not with a credential');
unlike($res->body, qr/x-anonymous|x-consumer/i, 'nothing of anonymous');

$res = get('/or', 'nonsense', 'apikey: k1');
like($res->body, qr/^x-consumer-username: *keyed$/mi, 'or: the key counts');
$res = get('/or', credential('einstein', 'password'));
like($res->body, qr/^x-credential-identifier: *einstein$/mi,
     'or: the user counts');
unlike($res->body, qr/x-consumer|x-anonymous/i, 'and no consumer');

is(status('/and', credential('einstein', 'password')), 401, 'and: no key');
is(status('/and', undef, 'apikey: k1'), 401, 'and: no user');
$res = get('/and', credential('einstein', 'password'), 'apikey: k1');
is($res->status, 200, 'and: both');
unlike($res->body, qr/x-consumer/i, 'and: the last one wins');

is(status('/acl', credential('einstein', 'password')), 403,
   'acl: a user without groups');
is(status('/acl', credential('einstein', 'x')), 401, 'acl: nobody');


# the cache: in all workers, of both outcomes, by the password

my $before = binds();
is(status('/cached', credential('Curie, Marie', 'radium:226')), 200,
   "cached: request $_") for 1 .. 6;
is(binds() - $before, 1, 'one bind for six requests');

$before = binds();
is(status('/cached', credential('Curie, Marie', 'polonium')), 401,
   "cached: wrong password $_") for 1 .. 6;
is(binds() - $before, 1, 'one bind for six of them');

$before = binds();
is(status('/plain', credential('Curie, Marie', 'radium:226')), 200,
   "not cached: request $_") for 1 .. 3;
is(binds() - $before, 3, 'cache_ttl=0: a bind each');

$before = binds();
ok($nginx->reload, 'reload');
is(status('/cached', credential('Curie, Marie', 'radium:226')), 200,
   'after a reload');
is(binds() - $before, 0, 'the cache is still there');


# connections

$before = connections();
is(status('/close', credential('einstein', 'password')), 200,
   "keepalive=0: request $_") for 1 .. 3;
is(connections() - $before, 3, 'a connection each');

is(status('/plain', credential('einstein', 'password')), 200,
   "kept: request $_") for 1 .. 8;
$before = connections();
is(status('/plain', credential('einstein', $_ % 2 ? 'password' : 'x')),
   $_ % 2 ? 200 : 401, "kept: request $_") for 1 .. 8;
cmp_ok(connections() - $before, '<=', 1, 'the connections of two workers');


# what proxy-cache stores is for who has asked for it

sub stored {
    my ($user, $password) = @_;
    return get('/stored', credential($user, $password),
        'X-Test-Type: text/plain')->header('X-Cache-Status');
}

is(stored('einstein', 'password'), $_, "stored: einstein: $_")
    for 'Miss', 'Hit';
is(stored('Curie, Marie', 'radium:226'), $_, "stored: Curie: $_")
    for 'Miss', 'Hit';
is(stored('einstein', 'wrong'), undef, 'stored: nobody');


# TLS

is(status($_, credential('einstein', 'password')), 200, "$_ passes"),
is(status($_, credential('einstein', 'x')), 401, "$_ refuses")
    for '/ldaps', '/ldaps_verify', '/start_tls', '/start_tls_verify';

cmp_ok(seen(qr/ STARTTLS/), '>=', 2, 'StartTLS was spoken');
is(status('/start_tls_ldaps_port', credential('einstein', 'password')), 500,
   'plain LDAP to a TLS port');


# many at a time, over every kind of connection, some of whose clients do not
# wait for the answer

sub sent {
    my ($path, $value) = @_;
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die "connect: $!\n";
    print $client "GET $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\nAuthorization: $value\r\n\r\n";
    return $client;
}

my %answers;

for my $path ('/plain', '/close', '/ldaps_verify', '/start_tls') {
    my @clients = map {
        [sent($path, credential('einstein', $_ % 2 ? 'password' : "x$_")),
         $_ % 2 ? 200 : 401]
    } 1 .. 40;

    for my $i (0 .. $#clients) {
        my ($client, $expected) = @{ $clients[$i] };

        if ($i % 5 == 4) {
            close $client;
            next;
        }

        my ($got) = join('', <$client>) =~ m{^HTTP/1.1 (\d+) };
        $answers{($got // 'none') == $expected ? 'right' : 'wrong'}++;
    }
}

is_deeply(\%answers, { right => 128 }, 'each gets its own answer');

slapd_stop();
conf('other.crt');
slapd_start();

is(status($_, credential('einstein', 'password')), 200,
   "$_: a certificate for another name is taken")
    for '/ldaps', '/start_tls';
$before = binds();
is(status($_, credential('einstein', 'password')), 500,
   "$_: a certificate for another name is not")
    for '/ldaps_verify', '/start_tls_verify';
is(binds() - $before, 0, 'no password was told');

slapd_stop();
conf('san.crt');
slapd_start();

$nginx->reconfigure(http_config => <<"_EOC_", config => <<"_EOC2_",
    gateway_ldap_auth_trusted_certificate $root/stranger.crt;
    gateway_ldap_auth_zone 256k;
    gateway_consumer nobody { id 11111111-1111-4111-8111-111111111111; }
_EOC_
    location = /ldaps_verify {
        gateway_ldap_auth $at ldap_port=$tls ldaps=on cache_ttl=0
                          verify_ldap_host=on;
        $echo
    }
    location = /start_tls_verify {
        gateway_ldap_auth $at ldap_port=$plain start_tls=on cache_ttl=0
                          verify_ldap_host=on;
        $echo
    }
    location = /plain {
        gateway_ldap_auth $at ldap_port=$plain cache_ttl=0;
        $echo
    }
    location = /nowhere {
        gateway_ldap_auth $at ldap_port=$unused;
        $echo
    }
    location = /mute {
        gateway_ldap_auth $at ldap_port=$mute timeout=300;
        $echo
    }
    location = /mute_tls {
        gateway_ldap_auth $at ldap_port=$mute timeout=300 ldaps=on;
        $echo
    }
    location = /mute_start_tls {
        gateway_ldap_auth $at ldap_port=$mute timeout=300 start_tls=on;
        $echo
    }
    location = /nowhere_anonymous {
        gateway_ldap_auth $at ldap_port=$unused anonymous=nobody;
        $echo
    }
    location = /patient {
        gateway_ldap_auth $at ldap_port=$mute timeout=60000;
        $echo
    }
    location = /crowd {
        gateway_ldap_auth $at ldap_port=$mute timeout=60000 keepalive=0;
        $echo
    }
_EOC2_
    master => 1, workers => 1);
ok($nginx->reload, 'another authority');

is(status($_, credential('einstein', 'password')), 500,
   "$_: a certificate of another authority")
    for '/ldaps_verify', '/start_tls_verify';


# outages

is(status('/plain', credential('einstein', 'password')), 200, 'before');
slapd_stop();
$res = get('/plain', credential('einstein', 'password'));
is($res->status, 500, 'the server is down: 500');
like($res->body, qr/An unexpected error occurred/, 'with no details');
slapd_start();
is(status('/plain', credential('einstein', 'password')), 200,
   'the server is back');
is(status('/plain', credential('einstein', 'password')), 200, 'and kept');
slapd_stop();
slapd_start();
is(status('/plain', credential('einstein', 'password')), 200,
   'a kept connection that the server closed is no failure');

is(status('/nowhere', credential('einstein', 'password')), 500,
   'nobody there');
is(status('/nowhere_anonymous', credential('einstein', 'password')), 500,
   'nobody there: which does not make the client anonymous');
is(status('/nowhere_anonymous'), 200, 'what it sends does');
is(status('/nowhere'), 401, 'which needs a credential to be found');

# a server that takes connections, and says nothing
my $listener = IO::Socket::INET->new(Listen => 50, ReuseAddr => 1,
    LocalAddr => '127.0.0.1', LocalPort => $mute) or die "listen: $!\n";

is(status($_, credential('einstein', 'password')), 500, "$_: 500")
    for '/mute', '/mute_tls', '/mute_start_tls';

$listener->accept for 1 .. 3;

# a client that goes away while it waits
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die;
print $client "GET /patient HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
    . credential('einstein', 'password') . "\r\n\r\n";
my $server = $listener->accept;
ok(IO::Select->new($server)->can_read(10), 'the bind is under way');
close $client;
like($nginx->wait_log(qr/client .*closed connection/, 10) // '', qr/./,
     'the client is gone, which is seen');

# invalidCredentials, as BER, for nobody
sysread $server, my $request, 4096;
my ($id) = $request =~ /^\x30.\x02\x01(.)/s;
syswrite $server, "\x30\x0c\x02\x01$id\x61\x07\x0a\x01\x31\x04\x00\x04\x00";
is(status('/plain', credential('einstein', 'password')), 200,
   'and the answer does no harm');

# half an answer, and no more
$client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die;
print $client "GET /mute HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    . 'Authorization: ' . credential('einstein', 'password') . "\r\n\r\n";
my $half = $listener->accept;
sysread $half, $request, 4096;
syswrite $half, "\x30\x0c\x02";
like(join('', <$client>), qr{^HTTP/1.1 500 }, 'half an answer: 500');

# nonsense
$client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die;
print $client "GET /mute HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    . 'Authorization: ' . credential('einstein', 'password') . "\r\n\r\n";
$half = $listener->accept;
sysread $half, $request, 4096;
syswrite $half, "HTTP/1.1 200 OK\r\n\r\n";
like(join('', <$client>), qr{^HTTP/1.1 500 }, 'no LDAP: 500');

# a server that is busy
$client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $ENV{TEST_NGINX_SERVER_PORT}) or die;
print $client "GET /mute HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    . 'Authorization: ' . credential('einstein', 'password') . "\r\n\r\n";
$half = $listener->accept;
sysread $half, $request, 4096;
($id) = $request =~ /^\x30.\x02\x01(.)/s;
syswrite $half, "\x30\x0c\x02\x01$id\x61\x07\x0a\x01\x33\x04\x00\x04\x00";
like(join('', <$client>), qr{^HTTP/1.1 500 }, 'busy: 500');

# a server that hangs: more than it may have at a time wait for it, and others
# are served
my @crowd = map { sent('/crowd', credential('einstein', "x$_")) } 1 .. 60;
my @hanging = map { scalar $listener->accept } 1 .. 16;
is(status('/plain', credential('einstein', 'password')), 200,
   'another server is asked all the same');
ok(!IO::Select->new($listener)->can_read(0), 'no more than 16 at a time');

# some of those that wait go away, the others get their turn
close $_ for @crowd[50 .. 59];
my %crowd;
my $turns = IO::Select->new($listener, @hanging);

while (keys %crowd < 50 && (my @ready = $turns->can_read(10))) {
    for my $socket (@ready) {
        if ($socket == $listener) {
            $turns->add(scalar $listener->accept);
            next;
        }

        if (!sysread $socket, $request, 4096) {
            $turns->remove($socket);
            close $socket;
            next;
        }

        # unbinds have no password in them
        my ($id, $n) = $request =~ /^\x30.\x02\x01(.).*x(\d+)$/s or next;
        $crowd{$n}++ if $n <= 50;
        syswrite $socket, "\x30\x0c\x02\x01$id\x61\x07\x0a\x01\x00\x04\x00"
            . "\x04\x00";
    }
}

is(scalar(grep { join('', <$_>) =~ m{^HTTP/1.1 200 } } @crowd[0 .. 49]), 50,
   'each has its turn');

close $server;
close $half;

my $errors = $nginx->error_log;
unlike($errors, qr/radium|polonium|robot(?!s)/, 'no password is logged');
my $outage = "ldap_auth: \"ldap://127.0.0.1:$unused\" gives no answer: Can't";
like($errors, qr/\[error\].*\Q$outage\E/, 'outages are');

is($nginx->stop // '', '', 'nothing else is wrong');


# where it was left out of the build

SKIP: {
    my $so = Test::Gateway::Server::module_path();
    skip 'modules are linked into nginx', 2 if !$so;

    mkdir "$root/modules";
    shell("cp $so modules/");
    spew('kong.yml', <<'_EOC_');
_format_version: "3.0"
plugins:
- name: ldap-auth
  config: { ldap_host: 127.0.0.1, base_dn: dc=example, attribute: cn }
_EOC_
    my ($code, undef, $err) = run_tool($root, 'compile', 'kong.yml', '-o',
                                       'prefix', '--modules', 'modules');
    is($code, 1, 'nothing is compiled without the module');
    like($err, qr/plugin "ldap-auth" needs ".*_ldap_auth_module\.so"/,
         'which is said');
}


# compiled

my $compiled = start_nginx(yaml => <<"_EOC_", compile_args => <<"_EOC2_");
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - name: plain
    paths: [/plain]
    plugins:
    - name: ldap-auth
      config:
        ldap_host: 127.0.0.1
        ldap_port: $plain
        base_dn: ou=scientists,dc=example,dc=com
        attribute: cn
        hide_credentials: true
        realm: lab
  - name: verified
    paths: [/verified]
    plugins:
    - name: ldap-auth
      config:
        ldap_host: 127.0.0.1
        ldap_port: $tls
        ldaps: true
        verify_ldap_host: true
        base_dn: ou=scientists,dc=example,dc=com
        attribute: cn
        header_type: basic
_EOC_
--set lua_ssl_trusted_certificate=$root/authority.crt
--set 'proxy_listen=127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}, 127.0.0.1:$h2 http2 ssl'
_EOC2_

$res = get('/plain', credential('einstein', 'password'));
is($res->status, 200, 'compiled: passes');
like($res->body, qr/^x-credential-identifier: *einstein$/mi,
     'compiled: the upstream is told');
unlike($res->body, qr/^authorization/mi, 'compiled: credentials are hidden');
$res = get('/plain', credential('einstein', 'x'));
is($res->status, 401, 'compiled: refuses');
is($res->header('WWW-Authenticate'), 'LDAP realm="lab"',
   'compiled: challenges');
is(status('/verified', credential('einstein', 'password', 'Basic')), 200,
   'compiled: over verified TLS');

# HTTP/2 streams wait each for itself
my $curl = 'curl -s -k --http2 --parallel -w "%{http_code} " '
         . "-o $root/h2_#1 https://127.0.0.1:$h2/plain?[1-10] 2>/dev/null -H 'Authorization: ";
is(`$curl @{[ credential('Curie, Marie', 'radium:226') ]}'`, '200 ' x 10,
   'HTTP/2: passes');
is(`$curl @{[ credential('Curie, Marie', 'radium') ]}'`, '401 ' x 10,
   'HTTP/2: refuses');

is($compiled->stop // '', '', 'compiled: nothing else is wrong');
