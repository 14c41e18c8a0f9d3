# Copyright (C) the ngx_gateway authors
#
# TLS towards services: which certificate is shown, what is verified, which
# connections are shared.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';

my $dir = `mktemp -d`;
chomp $dir;

my $plain = port(5);
my $open = port(1);       # a certificate of ours
my $other = port(2);      # one of somebody else
my $mutual = port(3);     # asks for one
my $deep = port(4);       # below two intermediates
my $grpc = port(6);       # asks for one
my $h2 = port(7);

sub openssl {
    my (@args) = @_;

    system("cd $dir && openssl @args >/dev/null 2>&1") == 0
        or die "openssl @args failed";
}

sub slurp {
    my ($name) = @_;

    open my $fh, '<', "$dir/$name" or die "$name: $!";
    local $/;
    return scalar <$fh>;
}

my $ec = '-newkey ec -pkeyopt ec_paramgen_curve:P-256';

sub ca {
    my ($name) = @_;

    openssl("req -x509 -nodes $ec -days 60 -subj /CN=$name -keyout $name.key"
            . " -out $name.crt -addext basicConstraints=critical,CA:TRUE");
}

sub issue {
    my ($name, $ca, $ext) = @_;

    open my $fh, '>', "$dir/ext" or die $!;
    print $fh "$ext\n";
    close $fh;

    openssl("req -nodes $ec -subj /CN=$name -keyout $name.key"
            . " -out $name.csr");
    openssl("x509 -req -in $name.csr -CA $ca.crt -CAkey $ca.key"
            . " -CAcreateserial -days 60 -extfile ext -out $name.crt");
}

ca('ca');
ca('stranger');
issue('server', 'ca', 'subjectAltName=DNS:localhost,DNS:a.test,DNS:b.test');
issue('foreign', 'stranger', 'subjectAltName=DNS:localhost');
issue('middle1', 'ca', 'basicConstraints=critical,CA:TRUE');
issue('middle2', 'middle1', 'basicConstraints=critical,CA:TRUE');
issue('deep', 'middle2', 'subjectAltName=DNS:localhost');
issue($_, 'ca', 'basicConstraints=CA:FALSE') for qw(one two fallback);

system("cd $dir && cat deep.crt middle2.crt middle1.crt > chain.crt");

my $says = 'return 200 "$ssl_server_name|$http_host|$ssl_client_s_dn|'
           . '$ssl_session_reused|$connection\n";';

my $upstream = start_nginx(config => '', http_config => <<"_EOC_");
    ssl_protocols TLSv1.2 TLSv1.3;
    server {
        listen 127.0.0.1:$open ssl;
        ssl_certificate $dir/server.crt;
        ssl_certificate_key $dir/server.key;
        location / { $says }
    }
    server {
        listen 127.0.0.1:$other ssl;
        ssl_certificate $dir/foreign.crt;
        ssl_certificate_key $dir/foreign.key;
        location / { $says }
    }
    server {
        listen 127.0.0.1:$mutual ssl;
        ssl_certificate $dir/server.crt;
        ssl_certificate_key $dir/server.key;
        ssl_verify_client optional;
        ssl_client_certificate $dir/ca.crt;
        location / { $says }
    }
    server {
        listen 127.0.0.1:$grpc ssl http2;
        ssl_certificate $dir/server.crt;
        ssl_certificate_key $dir/server.key;
        ssl_verify_client optional;
        ssl_client_certificate $dir/ca.crt;
        default_type application/grpc;
        location / { $says }
    }
    server {
        listen 127.0.0.1:$deep ssl;
        ssl_certificate $dir/chain.crt;
        ssl_certificate_key $dir/deep.key;
        location / { $says }
    }
_EOC_

sub block {
    my ($text) = @_;
    return join '', map { "    $_\n" } split /\n/, $text;
}

my $uuid = '00000000-0000-4000-8000-00000000000';
my $yaml = qq{_format_version: "3.0"\ncertificates:\n};
my $n = 0;

for my $name (qw(one two)) {
    $n++;
    $yaml .= "- id: $uuid$n\n  cert: |\n" . block(slurp("$name.crt"))
             . "  key: |\n" . block(slurp("$name.key"));
}

$yaml .= "ca_certificates:\n";

for my $name (qw(ca stranger)) {
    $n++;
    $yaml .= "- id: $uuid$n\n  cert: |\n" . block(slurp("$name.crt"));
}

my ($one, $two, $ca, $stranger) = map { "$uuid$_" } 1 .. 4;

my @services = (
    # name, port, what is set
    ['plain', $open, ''],
    ['unverified', $other, 'tls_verify: false'],
    ['good', $open, "tls_verify: true\n  ca_certificates: [$ca]"],
    ['both', $other, "tls_verify: true\n  ca_certificates: [$ca, $stranger]"],
    ['bad', $other, "tls_verify: true\n  ca_certificates: [$ca]"],
    ['system', $open, 'tls_verify: true'],
    ['depth', $deep, "tls_verify: true\n  ca_certificates: [$ca]"],
    ['depth1', $deep, "tls_verify: true\n  tls_verify_depth: 1\n"
                      . "  ca_certificates: [$ca]"],
    ['depth2', $deep, "tls_verify: true\n  tls_verify_depth: 2\n"
                      . "  ca_certificates: [$ca]"],
    ['none', $mutual, ''],
    ['one', $mutual, "client_certificate: $one"],
    ['two', $mutual, "client_certificate: $two"],
);

$yaml .= "services:\n";

for my $s (@services) {
    $yaml .= "- name: $s->[0]\n  url: https://localhost:$s->[1]\n"
             . ($s->[2] ? "  $s->[2]\n" : '')
             . "  routes: [{name: $s->[0], paths: [/$s->[0]]}]\n";
}

# names: by address the name is not in the certificate; by upstreams the
# certificate of the service goes first

$yaml .= <<"_EOC_";
- name: address
  url: https://127.0.0.1:$open
  tls_verify: true
  ca_certificates: [$ca]
  routes: [{name: address, paths: [/address]}]
- name: named
  host: named
  protocol: https
  tls_verify: true
  ca_certificates: [$ca]
  routes: [{name: named, paths: [/named]}]
- name: misnamed
  host: misnamed
  protocol: https
  tls_verify: true
  ca_certificates: [$ca]
  routes: [{name: misnamed, paths: [/misnamed]}]
- name: preserved
  url: https://localhost:$open
  tls_verify: true
  ca_certificates: [$ca]
  routes: [{name: preserved, paths: [/preserved], preserve_host: true}]
- name: canary
  host: named
  protocol: https
  tls_verify: true
  ca_certificates: [$ca]
  routes:
  - name: canary
    paths: [/canary]
    plugins:
    - name: canary
      config: {percentage: 0, canary_by_header_name: X-Canary,
               upstream_host: second}
  - name: wrong
    paths: [/wrong]
    plugins:
    - name: canary
      config: {percentage: 100, upstream_host: misnamed}
- name: up
  host: up
  protocol: https
  routes: [{name: up, paths: [/up]}]
- name: up-own
  host: up
  protocol: https
  client_certificate: $two
  routes: [{name: up-own, paths: [/own-up]}]
- name: grpcs
  host: gup
  protocol: grpcs
  routes:
  - {name: grpcs, protocols: [grpc], paths: [/g.Good]}
  - name: grpcs-canary
    protocols: [grpc]
    paths: [/g.Canary]
    plugins:
    - name: canary
      config: {percentage: 100, upstream_host: gsecond}
- name: grpcs-none
  url: grpcs://localhost:$grpc
  routes: [{name: grpcs-none, protocols: [grpc], paths: [/g.None]}]
upstreams:
- name: named
  host_header: a.test
  targets: [{target: "127.0.0.1:$open"}]
- name: second
  host_header: b.test
  targets: [{target: "127.0.0.1:$open"}]
- name: misnamed
  host_header: c.test
  targets: [{target: "127.0.0.1:$open"}]
- name: gsecond
  host_header: a.test
  targets: [{target: "127.0.0.1:$grpc"}]
- name: gup
  client_certificate: $two
  host_header: b.test
  targets: [{target: "127.0.0.1:$grpc"}]
- name: up
  client_certificate: $one
  targets: [{target: "127.0.0.1:$mutual"}]
_EOC_

my $args = "--set proxy_listen='127.0.0.1:$plain, 127.0.0.1:$h2 http2'";

my $nginx = start_nginx(yaml => $yaml, compile_args => $args);

# status, or the fields of the body
sub get {
    my ($path, @more) = @_;
    my $res = http_get($path, port => $plain, @more);

    return $res ? $res->status : 'nobody' if !$res || $res->status != 200;
    return $res->body =~ s/\|[^|]*\|[^|]*\n\z//r;
}

is(get('/plain'), "localhost|localhost:$open|", 'the name is the Host');
is(get('/unverified'), "localhost|localhost:$other|", 'not verified');
is(get('/good'), "localhost|localhost:$open|", 'verified');
is(get('/both'), "localhost|localhost:$other|", 'by any of its authorities');
is(get('/bad'), 502, 'of another authority');
like($nginx->error_log, qr/upstream SSL certificate verify error/, 'is told');
is(get('/system'), 502, 'the system does not know it');
is(get('/depth'), 502, 'a chain that is too long by default');
is(get('/depth1'), 502, 'and by its number');
is(get('/depth2'), "localhost|localhost:$deep|", 'or not');
is(get('/none'), "localhost|localhost:$mutual|", 'no certificate');
is(get('/one'), "localhost|localhost:$mutual|CN=one", 'the one of the service');
is(get('/two'), "localhost|localhost:$mutual|CN=two", 'another one');
is(get('/one'), "localhost|localhost:$mutual|CN=one", 'kept apart');
is(get('/none'), "localhost|localhost:$mutual|", 'from none, too');
is(get('/address'), 502, 'an address that the certificate does not have');
is(get('/named'), "a.test|a.test:$open|", 'host_header is the name');
is(get('/misnamed'), 502, 'which the certificate must have');
is(get('/preserved', host => 'b.test'), 'b.test|b.test|',
   'so must the Host of the client');
is(get('/preserved', host => 'c.test'), 502, 'whatever it is');
is(get('/preserved', host => 'b.test'), 'b.test|b.test|', 'each time');
is(get('/canary'), "a.test|a.test:$open|", 'a service that has a canary');
is(get('/canary', headers => ['X-Canary: always']), "b.test|b.test:$open|",
   'the canary is asked for by its own name');
is(get('/canary'), "a.test|a.test:$open|", 'each by its own');
is(get('/wrong'), 502, 'which the certificate of the canary must have');
is(get('/up'), "|127.0.0.1:$mutual|CN=one", 'the certificate of the upstream');
is(get('/own-up'), "|127.0.0.1:$mutual|CN=two", 'the one of the service wins');

sub grpc {
    my ($path) = @_;
    my $out = `curl -s --http2-prior-knowledge -X POST -d x -H 'Content-Type: application/grpc' -H 'TE: trailers' -w '%{http_code}' http://127.0.0.1:$h2$path`;

    return $out =~ /\A([^|]*)\|[^|]*\|([^|]*)\|/ ? "$1|$2" : $out;
}

is(grpc('/g.Good/x'), 'b.test|CN=two', 'grpcs: of the upstream');
is(grpc('/g.None/x'), 'localhost|', 'grpcs: none');
is(grpc('/g.Canary/x'), 'a.test|CN=two', 'grpcs: the canary');

# connections: used again for the same identity, never for another

sub connection {
    my ($path, @more) = @_;
    my $res = http_get($path, port => $plain, @more);

    return $res && $res->body =~ /\|(\d+)\n\z/ ? $1 : 'none';
}

for my $path ('/one', '/two', '/none', '/good') {
    my $first = connection($path);

    ok((grep { connection($path) eq $first } 1 .. 3), "$path: is kept");
}

my %names;
$names{connection('/canary', headers => [$_])}{$_}++
    for ('X-Canary: always', 'X-Canary: never') x 4;
is((scalar grep { keys %$_ > 1 } values %names), 0,
   'no connection served two names');

my %seen;
$seen{connection($_)}{$_}++ for (qw(/one /two /none)) x 4;
is((scalar grep { keys %$_ > 1 } values %seen), 0,
   'no connection served two identities');

unlike($nginx->error_log, qr/\[(crit|alert|emerg)\]/, 'nothing alarming');
$nginx->stop;


# what kong.conf says for all

$nginx = start_nginx(yaml => $yaml, compile_args => "$args --set client_ssl=on"
    . " --set client_ssl_cert=$dir/fallback.crt"
    . " --set client_ssl_cert_key=$dir/fallback.key");
is(get('/none'), "localhost|localhost:$mutual|CN=fallback", 'client_ssl');
is(get('/one'), "localhost|localhost:$mutual|CN=one", 'the service goes first');
is(get('/up'), "|127.0.0.1:$mutual|CN=one", 'and the upstream');
is(grpc('/g.None/x'), 'localhost|CN=fallback', 'for grpcs too');
$nginx->stop;

$nginx = start_nginx(yaml => $yaml, compile_args => $args
    . " --set nginx_proxy_proxy_ssl_verify=on"
    . " --set nginx_proxy_proxy_ssl_trusted_certificate=$dir/ca.crt");
is(get('/plain'), "localhost|localhost:$open|", 'verified by injection');
is(get('/system'), "localhost|localhost:$open|",
   'whose authorities count for tls_verify');
is(get('/unverified'), "localhost|localhost:$other|", 'tls_verify: false says no');
is(get('/both'), "localhost|localhost:$other|",
   'ca_certificates of the service go first');
is(get('/depth'), 502, 'the depth is one');
$nginx->stop;

for my $name (qw(ca stranger)) {
    $nginx = start_nginx(yaml => $yaml, compile_args => $args
        . " --set nginx_proxy_grpc_ssl_verify=on"
        . " --set nginx_proxy_grpc_ssl_trusted_certificate=$dir/$name.crt");
    is(grpc('/g.None/x'), $name eq 'ca' ? 'localhost|' : 502,
       "grpcs by injection: $name");
    $nginx->stop;
}

$nginx = start_nginx(yaml => $yaml, compile_args => $args
    . " --set nginx_proxy_proxy_ssl_verify=on"
    . " --set nginx_proxy_proxy_ssl_trusted_certificate=$dir/stranger.crt");
is(get('/plain'), 502, 'refused by injection');
is(get('/good'), "localhost|localhost:$open|", 'the service knows better');
$nginx->stop;

$upstream->stop;
system('rm', '-rf', $dir);
