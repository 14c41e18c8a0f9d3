# Copyright (C) the ngx_gateway authors
#
# Listeners with TLS: versions, keys of both types, chains, HTTP/2, the PROXY
# protocol, hosts that are not the name of the handshake.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';

my $dir = `mktemp -d`;
chomp $dir;

my $binary = Test::Gateway::Server::nginx_binary();
my $plain = port(0);
my $h1 = port(1);
my $h2 = port(2);
my $proxied = port(3);

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

my $ec = 'ec -pkeyopt ec_paramgen_curve:P-256';

openssl("req -x509 -nodes -newkey $ec -days 60 -subj /CN=root -keyout root.key"
        . ' -out root.crt -addext basicConstraints=critical,CA:TRUE');

sub issue {
    my ($name, $ca, $type, $ext) = @_;

    open my $fh, '>', "$dir/ext" or die $!;
    print $fh "$ext\n";
    close $fh;

    openssl("req -nodes -newkey $type -subj /CN=$name -keyout $name.key"
            . " -out $name.csr");
    openssl("x509 -req -in $name.csr -CA $ca.crt -CAkey $ca.key"
            . " -CAcreateserial -days 60 -extfile ext -out $name.crt");
}

issue('middle', 'root', $ec, 'basicConstraints=critical,CA:TRUE');
issue('leaf-ec', 'middle', $ec,
      'subjectAltName=DNS:chain.test,DNS:*.chain.test');
issue('leaf-rsa', 'middle', 'rsa:2048', 'subjectAltName=DNS:chain.test');
issue('other', 'root', $ec, 'subjectAltName=DNS:other.test');

sub block {
    my (@names) = @_;
    return join '', map { "    $_\n" } split /\n/, join '', map { slurp($_) } @names;
}

my $yaml = qq{_format_version: "3.0"\ncertificates:\n}
    . "- cert: |\n" . block('leaf-rsa.crt', 'middle.crt')
    . "  key: |\n" . block('leaf-rsa.key')
    . "  cert_alt: |\n" . block('leaf-ec.crt', 'middle.crt')
    . "  key_alt: |\n" . block('leaf-ec.key')
    . "  snis: [{name: chain.test}, {name: '*.chain.test'}]\n"
    . "- cert: |\n" . block('other.crt')
    . "  key: |\n" . block('other.key')
    . "  snis: [{name: other.test}]\n"
    . <<'_EOC_';
services:
- name: echo
  host: 127.0.0.1
  port: $TEST_NGINX_ECHO_PORT
  routes:
  - {name: all, paths: [/]}
  - {name: sni, paths: [/sni], snis: [chain.test]}
  - {name: host, paths: [/host], hosts: [other.test]}
_EOC_

start_echo();
$yaml =~ s/\$TEST_NGINX_ECHO_PORT/$ENV{TEST_NGINX_ECHO_PORT}/;

my $nginx = start_nginx(yaml => $yaml, compile_args =>
    "--set proxy_listen='127.0.0.1:$plain, 127.0.0.1:$h1 ssl,"
    . " 127.0.0.1:$h2 ssl http2, 127.0.0.1:$proxied ssl proxy_protocol'"
    . " --set trusted_ips=127.0.0.1 --set real_ip_header=proxy_protocol"
    . " --set allow_debug_header=on");

# what openssl says about a handshake
sub client {
    my ($port, $name, @more) = @_;
    my $sni = defined $name ? "-servername $name" : '-noservername';

    return scalar `timeout 10 openssl s_client -connect 127.0.0.1:$port $sni -CAfile $dir/root.crt @more </dev/null 2>&1`;
}

for my $v ('-tls1_2', '-tls1_3') {
    my $said = client($h1, 'chain.test', $v, '-verify_hostname chain.test',
                      '-verify_return_error');

    like($said, qr/Verify return code: 0 \(ok\)/, "$v: the chain is sent");
    like($said, qr/subject=CN = leaf-ec$/m, "$v: ECDSA where both will do");
    like($said, $v eq '-tls1_2' ? qr/New, TLSv1\.2/ : qr/New, TLSv1\.3/, $v);
}

like(client($h1, 'chain.test', '-tls1_3 -sigalgs RSA-PSS+SHA256'),
     qr/subject=CN = leaf-rsa\n.*Verify return code: 0/s,
     'RSA for who asks for it, in TLS 1.3');
like(client($h1, 'chain.test', '-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256'),
     qr/subject=CN = leaf-rsa\n.*Verify return code: 0/s, 'and in TLS 1.2');
like(client($h1, 'chain.test', "-tls1_2 -cipher 'DHE-RSA-AES128-GCM-SHA256'"),
     qr/Server Temp Key: DH, 2048 bits/, 'the group of the preset');
like(client($h1, 'x.chain.test'), qr/subject=CN = leaf-ec$/m, 'a wildcard');
like(client($h1, 'other.test'), qr/subject=CN = other$/m, 'another one');
like(client($h1, undef), qr/subject=O = ngx_gateway, CN = localhost$/m,
     'no name');
like(client($h1, 'chain.test', "-tls1_1 -cipher 'DEFAULT:\@SECLEVEL=0'"),
     qr/alert protocol version/, 'no TLS 1.1');
like(client($h1, 'chain.test', '-tls1_3'), qr/Max Early Data: 0|^(?!.*Max Early Data)/s,
     'no early data');
like(client($h2, 'chain.test', '-alpn h2,http/1.1'),
     qr/ALPN protocol: h2$/m, 'HTTP/2 by ALPN');
like(client($h2, 'chain.test', '-alpn http/1.1'),
     qr/ALPN protocol: http\/1\.1$/m, 'or not');

SKIP: {
    # a listener without http2 on an nginx where it is a matter of servers
    skip 'http2 is a matter of servers', 1
        if `$binary -v 2>&1` !~ m{nginx/1\.2[0-4]\.};
    like(client($h1, 'chain.test', '-alpn h2,http/1.1'),
         qr/ALPN protocol: http\/1\.1$/m, 'a listener without http2');
}

# curl: what arrives

sub curl {
    my (@args) = @_;
    return scalar `curl -sk --max-time 10 @args`;
}

my $r = "--resolve chain.test:$h1:127.0.0.1 --resolve chain.test:$h2:127.0.0.1"
        . " --cacert $dir/root.crt";

like(`curl -s $r --max-time 10 https://chain.test:$h1/a`,
     qr/^GET \/a HTTP\/1\.1\n(?:.*\n)*X-Forwarded-Proto: https\n/i,
     'verified by curl, over HTTP/1.1');
like(`curl -s $r --max-time 10 --http2 -w '%{http_version}' https://chain.test:$h2/a`,
     qr/X-Forwarded-Proto: https.*2\z/is, 'and HTTP/2');
like(curl("-D - -o $dir/body -H 'Kong-Debug: 1' $r https://chain.test:$h1/sni"),
     qr/Kong-Route-Name: sni/i, 'a route by SNI');
like(curl("-D - -o $dir/body -H 'Kong-Debug: 1' https://127.0.0.1:$h1/sni"),
     qr/Kong-Route-Name: all/i, 'not without');

# a Host that is not the name of the handshake: as in Kong, a request for it
for my $c (['--http1.1', $h1], ['--http2', $h2]) {
    like(curl($c->[0], "-D - -o $dir/body -H 'Kong-Debug: 1' -H 'Host: other.test'",
              "$r https://chain.test:$c->[1]/host"),
         qr/\AHTTP\/\S+ 200.*Kong-Route-Name: host/is,
         "$c->[0]: another Host is served");
}

# a browser's habit: connections shared by certificate, here HTTP/2 with a
# host that has a certificate of its own
unlike(curl("-D - -o $dir/body --http2 -H 'Host: other.test'",
            "$r https://chain.test:$h2/"), qr/^HTTP\/2 421/m, 'no 421');

like(curl("--haproxy-protocol -H 'Kong-Debug: 1' --resolve"
          . " chain.test:$proxied:127.0.0.1 https://chain.test:$proxied/p"),
     qr/X-Forwarded-For: 127\.0\.0\.1/i, 'the PROXY protocol before TLS');
is(curl("-w '%{http_code}' -o $dir/body https://127.0.0.1:$proxied/p"), '000',
   'is not optional');
is(curl("-w '%{http_code}' -o $dir/body http://127.0.0.1:$h1/p"), '400',
   'plain HTTP to a port of TLS');
like(slurp('body'), qr/Bad request|400/i, 'is told so');

unlike($nginx->error_log, qr/\[(crit|alert|emerg)\]/, 'nothing alarming');
$nginx->stop;
system('rm', '-rf', $dir);
