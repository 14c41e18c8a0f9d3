# Copyright (C) the ngx_gateway authors
#
# tls: OCSP stapling for certificates by name, from a responder of openssl's.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';

my $dir = `mktemp -d`;
chomp $dir;

my $plain = port(0);
my $ssl = port(1);
my $ocsp = port(2);

sub openssl {
    my (@args) = @_;

    system("cd $dir && openssl @args >/dev/null 2>&1") == 0
        or die "openssl @args failed";
}

sub slurp {
    my ($name) = @_;

    open my $fh, '<', $name or die "$name: $!";
    local $/;
    return scalar <$fh>;
}

open my $fh, '>', "$dir/ca.cnf" or die $!;
print $fh <<"_EOC_";
[ca]
default_ca = x
[x]
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir
default_md = sha256
default_days = 60
policy = any
unique_subject = no
[any]
commonName = supplied
[leaf]
authorityInfoAccess = OCSP;URI:http://127.0.0.1:$ocsp
_EOC_
close $fh;

system("touch $dir/index.txt; echo 01 > $dir/serial");

openssl('req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256'
        . ' -days 60 -subj /CN=ca -keyout ca.key -out ca.crt');

for my $c (['good', 'ec -pkeyopt ec_paramgen_curve:P-256'],
           ['rsa', 'rsa:2048'],
           ['revoked', 'ec -pkeyopt ec_paramgen_curve:P-256'],
           ['default', 'ec -pkeyopt ec_paramgen_curve:P-256'])
{
    my ($name, $key) = @$c;

    openssl("req -nodes -newkey $key -subj /CN=$name -keyout $name.key"
            . " -out $name.csr");
    openssl("ca -batch -config ca.cnf -extensions leaf -cert ca.crt"
            . " -keyfile ca.key -in $name.csr -out $name.pem -notext");
    system("cat $dir/$name.pem $dir/ca.crt > $dir/$name.crt");
}

openssl('ca -config ca.cnf -cert ca.crt -keyfile ca.key -revoke revoked.pem');

my $responder = fork;

if (!$responder) {
    chdir $dir;
    open STDOUT, '>', "$dir/ocsp.log";
    open STDERR, '>&', \*STDOUT;
    exec 'openssl', 'ocsp', '-index', 'index.txt', '-port', $ocsp,
         '-rsigner', 'ca.crt', '-rkey', 'ca.key', '-CA', 'ca.crt',
         '-nmin', '60';
    die;
}

ok(wait_until(sub {
    system("cd $dir && openssl ocsp -issuer ca.crt -cert good.pem -CAfile"
           . " ca.crt -url http://127.0.0.1:$ocsp >/dev/null 2>&1") == 0
}, 10), 'the responder runs');

sub staple {
    my ($name, @more) = @_;
    my $out = `timeout 10 openssl s_client -connect 127.0.0.1:$ssl -servername $name -status -CAfile $dir/ca.crt @more </dev/null 2>/dev/null`;
    my ($cn) = $out =~ /subject=CN\s*=\s*(\S+)/;

    return ($cn // 'nobody') . ': ' . ($out =~ /Cert Status: (\w+)/ ? $1 : 'none');
}

sub block {
    my ($text) = @_;
    return join '', map { "    $_\n" } split /\n/, $text;
}

sub yaml {
    my $yaml = qq{_format_version: "3.0"\ncertificates:\n};

    for my $c (['good', 'good.test'], ['revoked', 'revoked.test']) {
        $yaml .= "- cert: |\n" . block(slurp("$dir/$c->[0].crt"))
                 . "  key: |\n" . block(slurp("$dir/$c->[0].key"))
                 . "  snis: [{name: \"$c->[1]\"}]\n";
        $yaml .= "  cert_alt: |\n" . block(slurp("$dir/rsa.crt"))
                 . "  key_alt: |\n" . block(slurp("$dir/rsa.key"))
            if $c->[0] eq 'good';
    }

    return $yaml;
}

my $args = "--set proxy_listen='127.0.0.1:$plain, 127.0.0.1:$ssl ssl'"
           . " --set ssl_cert=$dir/default.crt"
           . " --set ssl_cert_key=$dir/default.key"
           . " --set nginx_http_resolver=127.0.0.1:1";

my $nginx = start_nginx(yaml => yaml(), compile_args =>
    "$args --set nginx_proxy_ssl_stapling=on");

my $rsa = '-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256';

# the first handshake only starts the request to the responder
ok(wait_until(sub { staple('good.test') eq 'good: good' }, 10),
   'a certificate by name');
ok(wait_until(sub { staple('good.test', $rsa) eq 'rsa: good' }, 10),
   'its pair of the other type has its own');
staple('revoked.test');
ok($nginx->wait_log(qr/certificate status "revoked" in the OCSP response/, 10),
   'a revoked one');
is(staple('revoked.test'), 'revoked: none', 'nginx staples good news only');
ok(wait_until(sub { staple('other.test') eq 'default: good' }, 10),
   'the default certificate');
is(staple('good.test'), 'good: good', 'each has its own');

ok($nginx->reload, 'reload');
ok(wait_until(sub { staple('good.test') eq 'good: good' }, 10),
   'and after it');
unlike($nginx->error_log, qr/\[(crit|alert|emerg)\]/, 'nothing alarming');
$nginx->stop;

# verified responses: with the authority as trusted, or not

$nginx = start_nginx(yaml => yaml(), compile_args =>
    "$args --set nginx_proxy_ssl_stapling=on"
    . " --set nginx_proxy_ssl_stapling_verify=on"
    . " --set nginx_proxy_ssl_trusted_certificate=$dir/ca.crt");
ok(wait_until(sub { staple('good.test') eq 'good: good' }, 10), 'verified');
$nginx->stop;

# no issuer: nginx warns and goes on

system("cp $dir/good.pem $dir/good.crt");
$nginx = start_nginx(yaml => yaml(), compile_args =>
    "$args --set nginx_proxy_ssl_stapling=on");
like($nginx->stderr . $nginx->error_log,
     qr/issuer certificate not found for certificate ".*sni-/, 'no issuer');
is(staple('good.test'), 'good: none', 'no staple');
$nginx->stop;
system("cat $dir/good.pem $dir/ca.crt > $dir/good.crt");

$nginx = start_nginx(yaml => yaml(), compile_args => $args);
staple('good.test');
is(staple('good.test'), 'good: none', 'off by default');
$nginx->stop;

kill 'TERM', $responder;
waitpid $responder, 0;
system('rm', '-rf', $dir);
