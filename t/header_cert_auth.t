# Copyright (C) the ngx_gateway authors
#
# header-cert-auth: whose the certificate is that a proxy in front passes on.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Pki;

my $pki = Test::Gateway::Pki->new;
my $web = port(2);
my %id = (root => '00000000-0000-4000-8000-000000000001',
          other => '00000000-0000-4000-8000-000000000002');

$pki->authority('root');
$pki->authority('other');
$pki->authority('middle', 'root');
$pki->certificate('alice', 'root');
$pki->certificate('shop', 'other');
$pki->certificate('unknown', 'root', san => 'DNS:unknown.example');
$pki->certificate('old', 'root', subject => '/CN=alice', expired => 1);
$pki->certificate('foreign', 'middle', subject => '/CN=alice');
$pki->certificate('deep', 'middle', subject => '/CN=alice', chain => ['middle']);
$pki->certificate('bad', 'root', subject => '/CN=alice',
    crl => "http://127.0.0.1:$web/root.crl");
$pki->certificate('good', 'root', subject => '/CN=alice',
    crl => "http://127.0.0.1:$web/root.crl");
$pki->revoke('bad', 'root');
$pki->crl('root', 'root.crl');
$pki->serve($web, 'web.log');

start_echo();

my $yaml = qq{_format_version: "3.0"\nca_certificates:\n};

for my $ca (sort keys %id) {
    $yaml .= "- id: $id{$ca}\n  cert: |\n" . $pki->indent("$ca.crt", 4);
}

my $common = "ca_certificates: [$id{root}, $id{other}], certificate_header_name: X-Client-Cert";
my %routes = (
    url => "{$common, certificate_header_format: url_encoded}",
    base64 => "{$common, certificate_header_format: base64_encoded}",
    open => "{$common, certificate_header_format: url_encoded, secure_source: false}",
    anon => "{$common, certificate_header_format: url_encoded, anonymous: nobody}",
    default => "{$common, certificate_header_format: url_encoded, default_consumer: nobody}",
    skip => "{$common, certificate_header_format: url_encoded, skip_consumer_lookup: true}",
    cache => "{$common, certificate_header_format: url_encoded, skip_consumer_lookup: true}",
    or => "{$common, certificate_header_format: url_encoded, anonymous: nobody}",
    and => "{$common, certificate_header_format: url_encoded}",
    strict => "{$common, certificate_header_format: url_encoded, revocation_check_mode: STRICT}",
    partial => "{ca_certificates: [$id{root}], certificate_header_name: client_cert, certificate_header_format: url_encoded, allow_partial_chain: true, cache_ttl: 0, cert_cache_ttl: 0, consumer_by: [username], authenticated_group_by: DN, http_timeout: 1000}",
);

$yaml .= <<"_EOC_";
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
_EOC_

for my $name (sort keys %routes) {
    $yaml .= "  - name: $name\n    paths: [/$name]\n    plugins:\n"
             . "    - {name: header-cert-auth, config: $routes{$name}}\n";
    $yaml .= "    - {name: acl, config: {allow: [unknown]}}\n" if $name eq 'skip';
    $yaml .= "    - {name: key-auth, config: {anonymous: nobody}}\n"
             . "    - {name: mtls-auth, config: {ca_certificates: [$id{root}], anonymous: nobody}}\n"
        if $name eq 'or';
    $yaml .= "    - {name: key-auth}\n" if $name eq 'and';
    $yaml .= "    - {name: proxy-cache, config: {strategy: memory}}\n"
        if $name eq 'cache';
}

$yaml .= <<"_EOC_";
consumers:
- {username: alice}
- {username: nobody}
- {username: keyed, keyauth_credentials: [{key: k1}]}
- {username: store, mtls_auth_credentials: [{subject_name: shop, ca_certificate: $id{other}}]}
_EOC_

my $nginx = start_nginx(yaml => $yaml, compile_args => '--set trusted_ips=127.0.0.1');


sub url_encoded {
    my ($text, $safe) = @_;
    $safe //= '';
    $text =~ s/([^A-Za-z0-9_.~\-$safe])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

sub base64 {
    my ($data) = @_;
    require MIME::Base64;
    return MIME::Base64::encode_base64($data, '');
}

sub der {
    my ($name) = @_;
    my $file = $pki->path("$name.crt");
    return scalar `openssl x509 -in $file -outform DER`;
}

sub ask {
    my ($path, $value, %o) = @_;
    my @headers = defined $value ? (($o{name} // 'X-Client-Cert') . ": $value") : ();
    return http_get($path, headers => [@headers, @{$o{more} || []}]);
}

sub is_from {
    my ($res, $who, $name) = @_;
    is($res->status, 200, $name);
    like($res->body, qr/^X-Consumer-Username: \Q$who\E$/m, "$name: $who");
}

sub refused {
    my ($res, $name, $message) = @_;
    $message //= 'TLS certificate failed verification';
    is($res->status, 401, $name);
    like($res->body, qr/"message":"\Q$message\E"/, "$name: and says so");
}

my $none = 'No required TLS certificate was sent';
my %pem = map { $_ => $pki->slurp("$_.crt") } qw(alice shop unknown old foreign middle bad good deep);


is_from(ask('/url', url_encoded($pem{alice})), 'alice', 'url_encoded');
is_from(ask('/url', url_encoded($pem{alice}, '+=/')), 'alice', 'with the characters that some leave as they are');

my $form = url_encoded($pem{alice});
$form =~ s/%20/+/g;
is_from(ask('/url', $form), 'alice', 'as forms write it');
is_from(ask('/url', url_encoded($pem{shop})), 'store', 'a credential');
is_from(ask('/base64', base64(der('alice'))), 'alice', 'base64 of DER');
is_from(ask('/base64', base64($pem{alice})), 'alice', 'base64 of PEM');
is_from(ask('/url', url_encoded($pem{deep} . $pem{middle})), 'alice', 'a chain');
is_from(ask('/partial', url_encoded($pem{alice}), name => 'client_cert'), 'alice', 'a name with "_"') for 1, 2;
is_from(ask('/default', url_encoded($pem{unknown})), 'nobody', 'default_consumer');

refused(ask('/url', url_encoded($pem{unknown})), 'nobody knows it');
refused(ask('/url', url_encoded($pem{old})), 'expired');
refused(ask('/url', url_encoded($pem{foreign})), 'without what is between');
refused(ask('/url', undef), 'none', $none);
refused(ask('/url', ''), 'an empty one', $none);
refused(ask('/url', 'garbage'), 'garbage', $none);
refused(ask('/url', '%zz'), 'a wrong escape', $none);
refused(ask('/url', '%4'), 'half an escape', $none);
refused(ask('/url', substr(url_encoded($pem{alice}), 0, 300)), 'cut off', $none);
refused(ask('/url', base64(der('alice'))), 'of the other format', $none);
refused(ask('/base64', url_encoded($pem{alice})), 'and the other way round', $none);
refused(ask('/base64', base64('x' x 100)), 'base64 of nothing', $none);
refused(ask('/url', url_encoded($pem{alice}), more => ['X-Client-Cert: ' . url_encoded($pem{shop})]), 'two of them', $none);

my $res = ask('/anon', undef);
is_from($res, 'nobody', 'anonymous');
like($res->body, qr/^X-Anonymous-Consumer: true$/m, 'and says so');
is_from(ask('/anon', url_encoded($pem{foreign})), 'nobody', 'anonymous with a bad one');

$res = ask('/skip', url_encoded($pem{unknown}), more => ['X-Client-Cert-San: root', 'X-Client-Cert-Dn: root']);
is($res->status, 200, 'skip_consumer_lookup');
like($res->body, qr/^X-Client-Cert-Dn: CN=unknown$/m, 'the subject');
like($res->body, qr/^X-Client-Cert-San: unknown\.example$/m, 'the names');
like($res->body, qr/^X-Authenticated-Groups: unknown$/m, 'the group');
unlike($res->body, qr/root$/m, 'nothing of the client');
is(ask('/skip', url_encoded($pem{alice}))->status, 403, 'another group');

# what is stored is not shown to others

my @plain = (more => ['X-Test-Type: text/plain']);

for my $who ('alice', 'unknown') {
    is(ask('/cache', url_encoded($pem{$who}), @plain)->header('X-Cache-Status'),
       $_, "proxy-cache: $who: $_") for 'Miss', 'Hit';
}
like(ask('/cache', url_encoded($pem{unknown}), @plain)->body,
     qr/^X-Client-Cert-Dn: CN=unknown$/m, 'proxy-cache: its own');
is(ask('/cache', undef, @plain)->status, 401, 'proxy-cache: nobody');

# with other methods

is_from(ask('/or', url_encoded($pem{alice})), 'alice', 'or: the certificate');
is_from(ask('/or', url_encoded($pem{alice}), more => ['apikey: k1']), 'keyed', 'or: the key goes first');
$res = ask('/or', undef, more => ['apikey: k1', 'X-Client-Cert-Dn: evil', 'X_Client-Cert-San: evil']);
is_from($res, 'keyed', 'or: the key alone');
unlike($res->body, qr/evil/, 'or: what the client says of its certificate is taken out all the same');
is_from(ask('/or', undef), 'nobody', 'or: nothing');
is_from(ask('/and', url_encoded($pem{alice}), more => ['apikey: k1']), 'alice', 'and: the last one says who it is');
refused(ask('/and', undef, more => ['apikey: k1']), 'and: without a certificate', $none);
refused(ask('/and', url_encoded($pem{alice})), 'and: without a key', 'No API key found in request');

is_from(ask('/strict', url_encoded($pem{good})), 'alice', 'not revoked');
refused(ask('/strict', url_encoded($pem{bad})), 'revoked');
refused(ask('/strict', url_encoded($pem{alice})), 'nobody to ask');

unlike($nginx->error_log, qr/\[(error|crit|alert|emerg)\]/, 'nothing to log');
$nginx->stop;


# from where the header may come

$nginx = start_nginx(yaml => $yaml);
refused(ask('/url', url_encoded($pem{alice})), 'not trusted', $none);
is_from(ask('/open', url_encoded($pem{alice})), 'alice', 'secure_source: false');
$nginx->stop;

$nginx = start_nginx(yaml => $yaml, compile_args => '--set trusted_ips=10.0.0.0/8');
refused(ask('/url', url_encoded($pem{alice}), more => ['X-Forwarded-For: 10.0.0.1', 'X-Real-IP: 10.0.0.1']), 'who says to be trusted', $none);
$nginx->stop;


# consumers that are only in the store; nothing else here looks into it

my $alone = qq{_format_version: "3.0"\nca_certificates:\n- id: $id{root}\n  cert: |\n}
            . $pki->indent('root.crt', 4) . <<"_EOC_";
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
_EOC_

for my $by ('', ', consumer_by: [username]', ', consumer_by: [custom_id, username]', ', consumer_by: []', ', default_consumer: alice') {
    my ($name) = ($by =~ /(\w*)\]?$/);
    $name = $by =~ /\[custom_id/ ? 'custom' : $by =~ /\[\]/ ? 'none' : $name || 'url';
    $alone .= "  - name: $name\n    paths: [/$name]\n    plugins:\n"
              . "    - {name: header-cert-auth, config: {$common, certificate_header_format: url_encoded$by}}\n"
              =~ s/, $id{other}//r;
}

$alone .= "consumers:\n- {username: alice}\n";

$nginx = start_nginx(yaml => $alone, compile_args => '--set trusted_ips=127.0.0.1');

sub consumers {
    my (@args) = @_;
    my ($code, undef, $err) = run_tool($nginx->{prefix}, 'consumers', @args, '-p', '.');
    is($code, 0, "consumers @args") or diag($err);
}

my $unknown = url_encoded($pem{unknown});

refused(ask('/url', $unknown), 'no store');
consumers('add', 'unknown');
ok(wait_until(sub { ask('/url', $unknown)->status == 200 }, $ENV{TEST_NGINX_USE_VALGRIND} ? 60 : 10), 'the store is found');

$res = ask('/url', $unknown);
is_from($res, 'unknown', 'a username of the store');
like($res->body, qr/^X-Consumer-ID: [0-9a-f]{8}-[0-9a-f-]{27}$/m, 'its id');
like($res->body, qr/^X-Credential-Identifier: unknown$/m, 'the name that was found');
is_from(ask('/alice', $unknown), 'unknown', 'before the default consumer');
refused(ask('/none', $unknown), 'consumer_by: nothing');

consumers('add', 'by-san', '--custom-id', 'unknown.example');
$res = ask('/url', $unknown);
is_from($res, 'by-san', 'an alternative name goes first');
like($res->body, qr/^X-Consumer-Custom-ID: unknown\.example$/m, 'it is a custom_id');
is_from(ask('/username', $unknown), 'unknown', 'consumer_by username');

consumers('add', 'by-cn', '--custom-id', 'alice');
is_from(ask('/url', url_encoded($pem{alice})), 'alice', 'a username before a custom_id');
is_from(ask('/custom', url_encoded($pem{alice})), 'by-cn', 'in the order of consumer_by');

consumers('revoke', $_) for qw(unknown by-san);
refused(ask('/url', $unknown), 'who is gone');
is_from(ask('/alice', $unknown), 'alice', 'the default consumer');

my $store = "$nginx->{prefix}/store/consumers.mdb";
unlink $store or die $!;
mkdir $store or die $!;
ok(wait_until(sub { ask('/alice', $unknown)->status == 500 }, $ENV{TEST_NGINX_USE_VALGRIND} ? 60 : 10), 'a store that cannot be read');
is_from(ask('/url', url_encoded($pem{alice})), 'alice', 'whom the file has is known all the same');
is(ask('/url', undef)->status, 401, 'nobody asks it without a certificate');
rmdir $store;
$nginx->stop;


# by hand

my $ca = "gateway_ca_certificate root " . $pki->path('root.crt') . ';';

$nginx = start_nginx(http_config => <<"_EOC_", config => <<'_EOF_');
    $ca
    gateway_trusted_ips 127.0.0.1;
    gateway_consumer alice {
    }
_EOC_
    location /t {
        gateway_header_cert_auth ca_certificates=root
            certificate_header_name=X-Client-Cert
            certificate_header_format=url_encoded;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
_EOF_

is_from(ask('/t', url_encoded($pem{alice})), 'alice', 'by hand');
refused(ask('/t', undef), 'by hand: none', $none);
$nginx->stop;

sub fails {
    my ($line, $pattern, $name) = @_;

    my $n = eval {
        start_nginx(may_fail => 1, http_config => $ca, config => "location /t { $line }");
    };

    my $said = $@ || (ref $n ? $n->stderr . $n->error_log : '');
    like($said, $pattern, $name);
    $n->stop if ref $n;
}

fails('gateway_header_cert_auth ca_certificates=root;', qr/needs "certificate_header_name"/, 'no name');
fails('gateway_header_cert_auth ca_certificates=root "certificate_header_name=a b";', qr/has an invalid "certificate_header_name"/, 'a bad name');
fails('gateway_header_cert_auth ca_certificates=root certificate_header_name=a;', qr/needs "certificate_header_format"/, 'no format');
fails('gateway_header_cert_auth ca_certificates=root certificate_header_name=a certificate_header_format=hex;', qr/there is no such value/, 'a bad format');
