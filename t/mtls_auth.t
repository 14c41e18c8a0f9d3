# Copyright (C) the ngx_gateway authors
#
# mtls-auth: whose the certificate of a connection is.  Authorities, lists and
# responders are openssl's.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Pki;

my $pki = Test::Gateway::Pki->new;
my $ssl = port(1);
my ($web, $ocsp, $ocsp2, $ocsp3, $nobody, $proxy, $https)
    = map { port($_) } 2 .. 8;
my %id = (root => '00000000-0000-4000-8000-000000000001',
          other => '00000000-0000-4000-8000-000000000002',
          middle => '00000000-0000-4000-8000-000000000003',
          third => '00000000-0000-4000-8000-000000000004');

$pki->authority('root');
$pki->authority('other');
$pki->authority('third');
$pki->authority('middle', 'root');

$pki->certificate('alice', 'root');
$pki->certificate('number-7', 'root');
$pki->certificate('san', 'root', subject => '/O=Some/CN=nobody',
    san => 'DNS:none.example,email:bob@example.com,URI:spiffe://x/carol,IP:10.0.0.7');
$pki->certificate('both', 'root', san => 'DNS:bob', subject => '/CN=alice');
$pki->certificate('unknown', 'root', san => 'DNS:unknown.example,DNS:two.example',
    subject => '/O=Acme, Inc/CN=unknown');
$pki->certificate('named', 'root', subject => '/CN=shop');
$pki->certificate('othershop', 'other', subject => '/CN=shop');
$pki->certificate('print', 'root', subject => '/CN=print');
$pki->certificate('old', 'root', subject => '/CN=alice', expired => 1);
$pki->certificate('foreign', 'third', subject => '/CN=alice');
$pki->certificate('deep', 'middle', subject => '/CN=alice', chain => ['middle']);
$pki->certificate('gap', 'middle', subject => '/CN=alice');
$pki->certificate('server', 'root', subject => '/CN=alice', usage => 'serverAuth');
$pki->certificate('client', 'root', subject => '/CN=alice', usage => 'clientAuth');
$pki->run("openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=alice "
          . "-keyout self.key -out self.crt && cat self.crt self.key >self.pem");

my $crl = "http://127.0.0.1:$web/root.crl";
$pki->certificate('crlgood', 'root', subject => '/CN=alice', crl => $crl);
$pki->certificate('crlbad', 'root', subject => '/CN=alice', crl => $crl);
$pki->certificate('crlgone', 'root', subject => '/CN=alice',
    crl => "http://127.0.0.1:$web/missing.crl");
$pki->certificate('crlforeign', 'root', subject => '/CN=alice',
    crl => "http://127.0.0.1:$web/other.crl");
$pki->certificate('crlold', 'root', subject => '/CN=alice',
    crl => "http://127.0.0.1:$web/old.crl");
$pki->certificate('crlpem', 'root', subject => '/CN=alice',
    crl => "http://127.0.0.1:$web/root.crl.pem");
$pki->certificate('ocspgood', 'root', subject => '/CN=alice',
    ocsp => "http://127.0.0.1:$ocsp/");
$pki->certificate('ocspbad', 'root', subject => '/CN=alice',
    ocsp => "http://127.0.0.1:$ocsp");
$pki->certificate('ocspdead', 'root', subject => '/CN=alice',
    ocsp => "http://127.0.0.1:$nobody/");
$pki->certificate('ocspthencrl', 'root', subject => '/CN=alice',
    ocsp => "http://127.0.0.1:$nobody/", crl => $crl);
$pki->certificate('ocspforeign', 'root', subject => '/CN=alice',
    ocsp => "http://127.0.0.1:$ocsp2/");
$pki->certificate('delegate', 'root', usage => 'OCSPSigning');
$pki->certificate('notdelegate', 'root');
$pki->certificate('ocspdelegated', 'root', subject => '/CN=alice',
    ocsp => "http://127.0.0.1:$ocsp3/");
$pki->certificate('web', 'root', usage => 'serverAuth', san => 'IP:127.0.0.1');
$pki->certificate('crltls', 'root', subject => '/CN=alice',
    crl => "https://127.0.0.1:$https/root.crl");
$pki->certificate('slow', 'root', subject => '/CN=alice',
    crl => "http://127.0.0.1:$web/root.crl?slow");

$pki->crl('root', 'old.crl', '-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z');
$pki->revoke($_, 'root') for qw(crlbad ocspbad);
$pki->crl('root', 'root.crl');
$pki->crl('other', 'other.crl');

$pki->serve($web, 'web.log');
my $responder = $pki->responder('root', $ocsp);
$pki->responder('root', $ocsp2, 'third');
my $delegated = $pki->responder('root', $ocsp3, 'notdelegate');

start_echo();


# status, body and, where the echo answered, one of its header lines
sub ask {
    my ($cert, $path, @more) = @_;
    my $with = $cert ? '--cert ' . $pki->path("$cert.pem") : '';
    my $out = `curl -s -k --max-time 20 $with @more -w '\\n%{http_code}' https://127.0.0.1:$ssl$path 2>&1`;
    $out =~ s/\n(\d+)\z//;
    return ($1, $out);
}

sub header {
    my ($text, $name) = @_;
    return $text =~ /^\Q$name\E: (.*)$/mi ? $1 : undef;
}

sub status_is {
    my ($cert, $path, $status, $name, @more) = @_;
    my ($got, $body) = ask($cert, $path, @more);
    is($got, $status, $name);
    return $body;
}


my $yaml = qq{_format_version: "3.0"\nca_certificates:\n};

for my $ca (sort keys %id) {
    $yaml .= "- id: $id{$ca}\n  cert: |\n" . $pki->indent("$ca.crt", 4);
}

my $acl = {
    groups => '{allow: [unknown]}',
    always => '{allow: [unknown], always_use_authenticated_groups: true}',
    denied => '{deny: [unknown], always_use_authenticated_groups: true}',
    hidden => '{allow: [unknown], always_use_authenticated_groups: true, hide_groups_header: true}',
};

my %routes = (
    (map { $_ => "{ca_certificates: [$id{root}], skip_consumer_lookup: true, revocation_check_mode: SKIP}" } keys %$acl),
    (map { ("$_-keyed" => "{ca_certificates: [$id{root}], skip_consumer_lookup: true, revocation_check_mode: SKIP}") } keys %$acl),
    plain => "{ca_certificates: [$id{root}], revocation_check_mode: SKIP}",
    custom => "{ca_certificates: [$id{root}], consumer_by: [custom_id], revocation_check_mode: SKIP}",
    username => "{ca_certificates: [$id{root}], consumer_by: [username], revocation_check_mode: SKIP}",
    two => "{ca_certificates: [$id{root}, $id{other}], revocation_check_mode: SKIP}",
    default => "{ca_certificates: [$id{root}], default_consumer: guest, revocation_check_mode: SKIP}",
    anon => "{ca_certificates: [$id{root}], anonymous: nobody, revocation_check_mode: SKIP}",
    skip => "{ca_certificates: [$id{root}], skip_consumer_lookup: true, revocation_check_mode: SKIP}",
    dn => "{ca_certificates: [$id{root}], skip_consumer_lookup: true, authenticated_group_by: DN, revocation_check_mode: SKIP}",
    middle => "{ca_certificates: [$id{middle}], revocation_check_mode: SKIP}",
    partial => "{ca_certificates: [$id{middle}], allow_partial_chain: true, revocation_check_mode: SKIP}",
    nocache => "{ca_certificates: [$id{root}], cache_ttl: 0, cert_cache_ttl: 0}",
    # kept for longer than these tests may take
    ignore => "{ca_certificates: [$id{root}], cert_cache_ttl: 3600000}",
    strict => "{ca_certificates: [$id{root}], revocation_check_mode: STRICT, http_timeout: 10000, cert_cache_ttl: 3600000}",
    tunnel => "{ca_certificates: [$id{root}], revocation_check_mode: STRICT, https_proxy_host: 127.0.0.1, https_proxy_port: $proxy, cert_cache_ttl: 0}",
    proxied => "{ca_certificates: [$id{root}], revocation_check_mode: STRICT, http_proxy_host: 127.0.0.1, http_proxy_port: $proxy, cert_cache_ttl: 0}",
);

$yaml .= <<"_EOC_";
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
_EOC_

for my $name (sort keys %routes) {
    $yaml .= "  - name: $name\n    paths: [/$name]\n    plugins:\n"
             . "    - {name: mtls-auth, config: $routes{$name}}\n";
    my ($kind, $keyed) = $name =~ /^(\w+)(-keyed)?$/;
    $yaml .= "    - {name: key-auth}\n" if $keyed;
    $yaml .= "    - {name: acl, config: $acl->{$kind}}\n" if $acl->{$kind};
    $yaml .= "    - {name: acl, config: {allow: [unknown, \"O=Acme\\\\, Inc,CN=unknown\"]}}\n"
        if $name =~ /^(skip|dn)$/;
}

my $print = $pki->fingerprint('print');

$yaml .= <<"_EOC_";
consumers:
- {username: alice, id: 00000000-0000-4000-8000-00000000000a}
- {custom_id: number-7}
- {username: bob\@example.com}
- {username: bob}
- {username: guest}
- {username: keyed, keyauth_credentials: [{key: k1}], acls: [{group: staff}]}
- {username: keyed2, keyauth_credentials: [{key: k2}], acls: [{group: unknown}, {group: staff}]}
- {username: nobody}
- {username: any-shop, mtls_auth_credentials: [{id: 00000000-0000-4000-8000-0000000000c1, subject_name: shop}]}
- {username: other-shop, mtls_auth_credentials: [{subject_name: shop, ca_certificate: $id{other}}]}
- {username: printed}
mtls_auth_credentials:
- {consumer: printed, fingerprint: "$print"}
_EOC_

# who serves lists over TLS, and whom the gateway trusts there

$pki->serve_tls($https, 'web');
$ENV{SSL_CERT_FILE} = $pki->path('root.crt');

my $nginx = start_nginx(yaml => $yaml, compile_args =>
    "--set proxy_listen='127.0.0.1:" . port(0) . ", 127.0.0.1:$ssl ssl http2'");


# who it is

my ($status, $body) = ask('alice', '/plain');
is($status, 200, 'a common name that is a username');
is(header($body, 'X-Consumer-Username'), 'alice', 'its consumer');
is(header($body, 'X-Consumer-ID'), '00000000-0000-4000-8000-00000000000a', 'its id');
is(header($body, 'X-Client-Cert-Dn'), undef, 'no subject when a consumer is looked for');

$body = status_is('number-7', '/plain', 200, 'a common name that is a custom_id');
is(header($body, 'X-Consumer-Custom-ID'), 'number-7', 'its consumer');
status_is('number-7', '/custom', 200, 'consumer_by custom_id');
status_is('number-7', '/username', 401, 'consumer_by username does not look there');
status_is('alice', '/custom', 401, 'and the other way round');

$body = status_is('san', '/plain', 200, 'an alternative name');
is(header($body, 'X-Consumer-Username'), 'bob@example.com', 'its consumer');
$body = status_is('both', '/plain', 200, 'alternative names go first');
is(header($body, 'X-Consumer-Username'), 'bob', 'before the common name');

$body = status_is('named', '/two', 200, 'a credential of no authority');
is(header($body, 'X-Consumer-Username'), 'any-shop', 'its consumer');
is(header($body, 'X-Credential-Identifier'), '00000000-0000-4000-8000-0000000000c1', 'its id');
$body = status_is('othershop', '/two', 200, 'a credential of the authority');
is(header($body, 'X-Consumer-Username'), 'other-shop', 'goes before the other one');
$body = status_is('print', '/plain', 200, 'a fingerprint');
is(header($body, 'X-Consumer-Username'), 'printed', 'its consumer');

$body = status_is('unknown', '/plain', 401, 'nobody knows it');
like($body, qr/"message":"TLS certificate failed verification"/, 'and says so');
$body = status_is('unknown', '/default', 200, 'the default consumer');
is(header($body, 'X-Consumer-Username'), 'guest', 'is it');
is(header($body, 'X-Anonymous-Consumer'), undef, 'and not anonymous');
status_is(undef, '/default', 401, 'not without a certificate');
status_is('foreign', '/default', 401, 'nor with one that is not trusted');

$body = status_is(undef, '/plain', 401, 'no certificate');
like($body, qr/"message":"No required TLS certificate was sent"/, 'and says so');
$body = http_get('/plain');
is($body->status, 401, 'plain HTTP');
like($body->body, qr/"message":"No required TLS certificate was sent"/, 'has none');
is($body->header('WWW-Authenticate'), undef, 'there is no challenge');

for my $cert (undef, 'unknown', 'foreign', 'old') {
    $body = status_is($cert, '/anon', 200, 'anonymous: ' . ($cert // 'none'));
    is(header($body, 'X-Consumer-Username'), 'nobody', 'is nobody');
    is(header($body, 'X-Anonymous-Consumer'), 'true', 'and anonymous');
}

$body = status_is('alice', '/anon', 200, 'who is known is not anonymous');
is(header($body, 'X-Anonymous-Consumer'), undef, 'no header');


# chains

for my $cert (qw(old foreign self gap server)) {
    $body = status_is($cert, '/plain', 401, "refused: $cert");
    like($body, qr/"message":"TLS certificate failed verification"/, 'and says so');
}

status_is('client', '/plain', 200, 'for clients');
status_is('deep', '/plain', 200, 'with the intermediate');
status_is('deep', '/middle', 401, 'an authority that is not a root');
status_is('deep', '/partial', 200, 'allow_partial_chain');
status_is('gap', '/partial', 200, 'without what is above it');
status_is('alice', '/partial', 401, 'and nobody else');
status_is('alice', '/plain', 200, "the same again, $_") for 1, 2;
status_is('alice', '/nocache', 200, "without a cache, $_") for 1, 2;


# without consumers

$body = status_is('unknown', '/skip', 200, 'skip_consumer_lookup',
    "-H 'X-Client-Cert-Dn: CN=root' -H 'X_Client_Cert_San: root' "
    . "-H 'X-Consumer-Username: root' -H 'X-Authenticated-Groups: root'");
is(header($body, 'X-Client-Cert-Dn'), 'O=Acme\, Inc,CN=unknown', 'the subject');
is(header($body, 'X-Client-Cert-San'), 'unknown.example, two.example', 'the names');
is(header($body, 'X-Consumer-Username'), undef, 'no consumer');
is(header($body, 'X-Consumer-ID'), undef, 'at all');
is(header($body, 'X-Authenticated-Groups'), 'unknown', 'acl takes the common name');
unlike($body, qr/root/, 'nothing of the client');
status_is('alice', '/skip', 403, 'another group');
$body = status_is('unknown', '/dn', 200, 'the subject is one group');
is(header($body, 'X-Authenticated-Groups'), 'O=Acme\, Inc,CN=unknown', 'commas and all');

# groups of the certificate, and of the consumer that a key tells

$body = status_is('unknown', '/groups', 200, 'acl: no consumer: the certificate counts');
is(header($body, 'X-Authenticated-Groups'), 'unknown', 'acl: and is told');
is(header($body, 'X-Consumer-Groups'), undef, 'acl: with nothing else');
status_is('unknown', '/denied', 403, 'acl: deny');
status_is('alice', '/denied', 200, 'acl: deny of others');
$body = status_is('unknown', '/hidden', 200, 'acl: hide_groups_header',
    "-H 'X-Authenticated-Groups: evil' -H 'X-Consumer-Groups: evil'");
unlike($body, qr/Groups/i, 'acl: hides, and what the client sent too');

my ($k1, $k2) = ("-H 'apikey: k1'", "-H 'apikey: k2'");
status_is('unknown', '/groups-keyed', 403, 'acl: a consumer: its own groups count', $k1);
$body = status_is('alice', '/groups-keyed', 200, 'acl: whatever the certificate says', $k2);
is(header($body, 'X-Consumer-Groups'), 'unknown, staff', 'acl: they are told');
is(header($body, 'X-Authenticated-Groups'), undef, 'acl: those of the certificate are not');
$body = status_is('unknown', '/always-keyed', 200, 'acl: always_use_authenticated_groups', $k1);
is(header($body, 'X-Authenticated-Groups'), 'unknown', 'acl: are told');
is(header($body, 'X-Consumer-Groups'), undef, 'acl: and not those of the consumer');
is(header($body, 'X-Consumer-Username'), 'keyed', 'acl: who is still known');
status_is('alice', '/always-keyed', 403, 'acl: the groups of the consumer do not count', $k2);
status_is('unknown', '/denied-keyed', 403, 'acl: always, deny', $k1);
status_is('alice', '/denied-keyed', 200, 'acl: always, deny of others', $k2);
status_is('unknown', '/always-keyed', 401, 'acl: both methods are needed');

$body = status_is('alice', '/plain', 200, 'headers of the client',
    "-H 'X-Client-Cert-Dn: CN=evil' -H 'X-Client-Cert-San: evil'");
unlike($body, qr/evil/, 'never get through');
$body = status_is(undef, '/anon', 200, 'nor for the anonymous',
    "-H 'X-Client-Cert-Dn: CN=evil' -H 'x-client_cert-san: evil'");
unlike($body, qr/evil/, 'they are taken out');


# revocation

status_is('crlgood', '/ignore', 200, 'not on the list');
status_is('crlbad', '/ignore', 401, 'on the list');
status_is('crlbad', '/plain', 200, 'SKIP does not look');
status_is('crlgood', '/strict', 200, 'STRICT: not on the list');
status_is('crlbad', '/strict', 401, 'STRICT: on the list');
status_is('crlpem', '/strict', 200, 'a list in PEM');
status_is('alice', '/ignore', 200, 'it names nobody to ask');
status_is('alice', '/strict', 401, 'STRICT: which does not do');
status_is('crlgone', '/ignore', 200, 'there is no list');
status_is('crlgone', '/strict', 401, 'STRICT: refused');
status_is('crlforeign', '/strict', 401, 'STRICT: a list of another authority');
status_is('crlforeign', '/ignore', 200, 'which says nothing');
status_is('crlold', '/strict', 401, 'STRICT: a list that is too old');
status_is('ocspgood', '/ignore', 200, 'the responder knows it');
status_is('ocspbad', '/ignore', 401, 'and knows it as revoked');
status_is('ocspgood', '/strict', 200, 'STRICT: good');
status_is('ocspbad', '/strict', 401, 'STRICT: revoked');
status_is('ocspdead', '/ignore', 200, 'no responder');
status_is('ocspdead', '/strict', 401, 'STRICT: refused');
status_is('ocspthencrl', '/strict', 200, 'no responder, but a list');
status_is('ocspforeign', '/strict', 401, 'STRICT: signed by somebody else');
status_is('ocspforeign', '/ignore', 200, 'which says nothing');

status_is('ocspdelegated', '/nocache', 200, 'signed by whom the authority did not ask');
status_is('ocspdelegated', '/strict', 401, 'STRICT: refused');
$pki->stop($delegated);
$pki->responder('root', $ocsp3, 'delegate');
status_is('ocspdelegated', '/tunnel', 200, 'STRICT: by whom it did ask');

my @before = $pki->lines('web.log');
status_is('crlgood', '/ignore', 200, 'asked again');
is(scalar($pki->lines('web.log')), scalar(@before), 'kept');
status_is('crlgood', '/nocache', 200, 'cert_cache_ttl 0');
status_is('crlgood', '/nocache', 200, 'and again');
is(scalar($pki->lines('web.log')), @before + 2, 'asks each time');

$pki->stop($responder);
status_is('ocspgood', '/strict', 200, 'a status outlives its responder');

status_is('crlgood', '/proxied', 401, 'a proxy that is not there');
$pki->serve($proxy, 'proxy.log');
status_is('crlgood', '/proxied', 200, 'a proxy');
is(($pki->lines('proxy.log'))[-1], "GET $crl HTTP/1.1", 'is told the whole URL');

# over TLS, and through a proxy

status_is('crltls', '/tunnel', 200, 'a list over TLS through a proxy');
is(($pki->lines('proxy.log'))[-1], "CONNECT 127.0.0.1:$https HTTP/1.1", 'that knows no more');

# many at a time ask once

@before = $pki->lines('web.log');
my @pids;

for (1 .. 8) {
    my $pid = fork // die;

    if ($pid == 0) {
        my ($s) = ask('slow', '/strict');
        POSIX::_exit($s == 200 ? 0 : 1);
    }

    push @pids, $pid;
}

my $bad = grep { waitpid($_, 0); $? } @pids;
is($bad, 0, 'eight at a time');

# a client that goes away

$status = system('curl -s -k --max-time 0.01 --cert ' . $pki->path('crlgood.pem')
    . " https://127.0.0.1:$ssl/nocache >/dev/null 2>&1");
status_is('alice', '/plain', 200, 'a client that went away harms nobody');

# HTTP/2 on one connection

my $out = `curl -s -k --http2 --cert @{[$pki->path('alice.pem')]} -w '%{http_code} ' -o /dev/null https://127.0.0.1:$ssl/plain -o /dev/null https://127.0.0.1:$ssl/custom -o /dev/null https://127.0.0.1:$ssl/strict 2>/dev/null`;
is($out, '200 401 401 ', 'each request has its own policy');

unlike($nginx->error_log, qr/\[(error|crit|alert|emerg)\]/, 'nothing to log');
like($nginx->error_log, qr/certificate status: "http:\/\/127\.0\.0\.1:$nobody\/"/,
     'but who did not answer');

ok($nginx->reload, 'reload');
status_is('alice', '/plain', 200, 'and the same after it');
status_is('ocspgood', '/strict', 200, 'with what was known');
$nginx->stop;


# who is asked: by the names of routes

sub asked {
    my ($name) = @_;
    my $sni = defined $name ? "-servername $name" : '-noservername';
    my $text = `openssl s_client -connect 127.0.0.1:$ssl $sni -cert @{[$pki->path('alice.crt')]} -key @{[$pki->path('alice.key')]} -state </dev/null 2>&1`;
    return $text =~ /Acceptable client certificate CA names\n(\S.*?)\n/ ? "told $1"
         : $text =~ /No client certificate CA names sent/ && $text =~ /write client certificate/i ? 'asked'
         : 'not asked';
}

$yaml = qq{_format_version: "3.0"\nca_certificates:\n};

for my $ca (sort keys %id) {
    $yaml .= "- id: $id{$ca}\n  cert: |\n" . $pki->indent("$ca.crt", 4);
}

$yaml .= <<"_EOC_";
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - name: a
    protocols: [https]
    snis: [a.example]
    plugins: [{name: mtls-auth, config: {ca_certificates: [$id{root}], revocation_check_mode: SKIP}}]
  - name: b
    protocols: [https]
    snis: [b.example]
    plugins: [{name: mtls-auth, config: {ca_certificates: [$id{other}], send_ca_dn: true, revocation_check_mode: SKIP}}]
  - name: c
    protocols: [https]
    snis: [c.example]
consumers:
- {username: alice}
_EOC_

my $listen = "--set proxy_listen='127.0.0.1:" . port(0) . ", 127.0.0.1:$ssl ssl'";

$nginx = start_nginx(yaml => $yaml, compile_args => $listen);

is(asked('a.example'), 'asked', 'a name of a route with the plugin');
is(asked('b.example'), 'told CN = other', 'send_ca_dn');
is(asked('c.example'), 'not asked', 'a name of a route without it');
is(asked('d.example'), 'not asked', 'any other name');
is(asked(undef), 'not asked', 'none');

my $resolve = "--resolve a.example:$ssl:127.0.0.1 --cert " . $pki->path('alice.pem');
is(`curl -s -k $resolve -o /dev/null -w '%{http_code}' https://a.example:$ssl/`, '200',
   'it works for that name');
$nginx->stop;

$yaml =~ s/    protocols: \[https\]\n    snis: \[a.example\]/    paths: [\/]/;
$nginx = start_nginx(yaml => $yaml, compile_args => $listen);
is(asked('d.example'), 'asked', 'a route without snis has all names asked');
is(asked(undef), 'asked', 'and those without one');
$nginx->stop;


# by hand

sub fails {
    my ($http, $line, $pattern, $name) = @_;

    my $n = eval {
        start_nginx(may_fail => 1, http_config => $http,
                    config => "location /t { $line }");
    };

    my $said = $@ || (ref $n ? $n->stderr . $n->error_log : '');
    like($said, $pattern, $name);
    $n->stop if ref $n;
}

my $ca = "gateway_ca_certificate root " . $pki->path('root.crt') . ';';

$nginx = start_nginx(http_config => <<"_EOC_", config => '');
    $ca
    gateway_ca_certificate other @{[$pki->path('other.crt')]};

    gateway_consumer alice {
    }

    gateway_consumer store {
        gateway_mtls_auth_credential subject_name=shop ca=other;
        gateway_mtls_auth_credential fingerprint=$print;
    }

    server {
        listen 127.0.0.1:$ssl ssl;
        ssl_certificate @{[$pki->path('self.crt')]};
        ssl_certificate_key @{[$pki->path('self.key')]};
        gateway_client_certificate request;

        location / {
            gateway_mtls_auth ca_certificates=root ca_certificates=other
                              consumer_by=username revocation_check_mode=SKIP;
            proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};
        }
    }
_EOC_

$body = status_is('alice', '/', 200, 'by hand: a username', "-H 'X-Client-Cert-Dn: evil'");
unlike($body, qr/evil/, 'by hand: no header of the client');
$body = status_is('othershop', '/', 200, 'by hand: a credential');
is(header($body, 'X-Consumer-Username'), 'store', 'by hand: its consumer');
status_is('named', '/', 401, 'by hand: of another authority');
status_is('print', '/', 200, 'by hand: a fingerprint');
status_is(undef, '/', 401, 'by hand: no certificate');
$nginx->stop;

# consumers that are only in the store

$nginx = start_nginx(yaml => <<"_EOC_" . $pki->indent('root.crt', 4), compile_args =>
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes: [{name: echo, paths: [/]}]
plugins:
- name: mtls-auth
  config: {ca_certificates: [$id{root}], revocation_check_mode: SKIP}
consumers:
- {username: alice}
ca_certificates:
- id: $id{root}
  cert: |
_EOC_
    "--set proxy_listen='127.0.0.1:" . port(0) . ", 127.0.0.1:$ssl ssl'");

sub consumers {
    my (@args) = @_;
    my ($code, undef, $err) = run_tool($nginx->{prefix}, 'consumers', @args, '-p', '.');
    is($code, 0, "consumers @args") or diag($err);
}

status_is('san', '/', 401, 'store: there is none');
consumers('add', 'carol', '--custom-id', 'spiffe://x/carol');
ok(wait_until(sub { (ask('san', '/'))[0] == 200 }, $ENV{TEST_NGINX_USE_VALGRIND} ? 60 : 10), 'store: it is found');
$body = status_is('san', '/', 200, 'store: a custom_id');
is(header($body, 'X-Consumer-Username'), 'carol', 'store: its consumer');
is(header($body, 'X-Consumer-Custom-ID'), 'spiffe://x/carol', 'store: its names');
is(header($body, 'X-Credential-Identifier'), 'spiffe://x/carol', 'store: what was found');
consumers('add', 'nobody');
$body = status_is('san', '/', 200, 'store: the common name comes last');
is(header($body, 'X-Consumer-Username'), 'carol', 'store: after alternative names');
$body = status_is('alice', '/', 200, 'store: consumers of the file');
is(header($body, 'X-Consumer-Username'), 'alice', 'store: are known as always');
status_is('foreign', '/', 401, 'store: what is not trusted is not looked for');
consumers('revoke', 'carol');
$body = status_is('san', '/', 200, 'store: gone at once');
is(header($body, 'X-Consumer-Username'), 'nobody', 'store: the common name');
consumers('revoke', 'nobody');
status_is('san', '/', 401, 'store: and nobody is left');
$nginx->stop;

# failures are counted where auth-guard is

$nginx = start_nginx(yaml => <<"_EOC_" . $pki->indent('root.crt', 4), compile_args =>
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes: [{name: echo, paths: [/]}]
plugins:
- name: mtls-auth
  config: {ca_certificates: [$id{root}], revocation_check_mode: IGNORE_CA_ERROR}
- name: auth-guard
  config: {max_client_failures: 3}
consumers:
- {username: alice}
ca_certificates:
- id: $id{root}
  cert: |
_EOC_
    "--set proxy_listen='127.0.0.1:" . port(0) . ", 127.0.0.1:$ssl ssl'");

status_is(undef, '/', 401, 'guard: no certificate is no failure') for 1 .. 3;
status_is('foreign', '/', 401, 'guard: one that is not trusted');
status_is('unknown', '/', 401, 'guard: one of nobody');
status_is('alice', '/', 200, 'guard: one that does');
status_is('crlbad', '/', 401, 'guard: one that is revoked, after a wait');
$body = status_is('alice', '/', 429, 'guard: too many');
like($body, qr/Too many failed authentication attempts/, 'guard: says so');
$nginx->stop;

fails('', 'gateway_mtls_auth on;', qr/trusts nobody: name a gateway_ca_certificate/, 'no authority');
fails('', 'gateway_mtls_auth ca_certificates=x;', qr/unknown authority "x" in "gateway_mtls_auth" in/, 'an unknown authority');
fails($ca, 'gateway_mtls_auth ca_certificates=root default_consumer=x;', qr/default consumer "x" of "gateway_mtls_auth" in .* doesn't exist/, 'an unknown default consumer');
fails($ca, 'gateway_mtls_auth ca_certificates=root anonymous=x;', qr/anonymous consumer "x" of "gateway_mtls_auth" in .* doesn't exist/, 'an unknown anonymous consumer');
fails($ca, 'gateway_mtls_auth ca_certificates=root consumer_by=id;', qr/expects "username" or "custom_id"/, 'consumer_by');
fails($ca, 'gateway_mtls_auth ca_certificates=root revocation_check_mode=x;', qr/there is no such value/, 'a mode');
fails($ca, 'gateway_mtls_auth ca_certificates=root http_proxy_host=x;', qr/needs both "http_proxy_host" and "http_proxy_port"/, 'half a proxy');
fails("$ca $ca", '', qr/duplicate authority "root"/, 'an authority twice');
fails("gateway_ca_certificate a /nowhere.crt;", '', qr/cannot read a certificate from "\/nowhere\.crt" in/, 'a file that is not there');
fails("gateway_consumer a { gateway_mtls_auth_credential subject_name=x ca=y; }", '', qr/unknown authority "y" in/, 'a credential of an unknown authority');
fails("gateway_consumer a { gateway_mtls_auth_credential ca=y; }", '', qr/needs one of "subject_name" and "fingerprint"/, 'a credential of nobody');
fails("gateway_consumer a { gateway_mtls_auth_credential fingerprint=12:34; }", '', qr/has an invalid "fingerprint"/, 'a short fingerprint');
fails("gateway_consumer a { gateway_mtls_auth_credential subject_name=x; gateway_mtls_auth_credential subject_name=x; }", '', qr/duplicate credential/, 'a credential twice');
