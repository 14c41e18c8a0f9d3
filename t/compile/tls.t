# Copyright (C) the ngx_gateway authors
#
# Settings of TLS, and what can be wrong with certificates and keys.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';

use MIME::Base64 ();

my $dir = `mktemp -d`;
chomp $dir;

my $binary = Test::Gateway::Server::nginx_binary();

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

sub spew {
    my ($name, $text) = @_;

    open my $fh, '>', "$dir/$name" or die "$name: $!";
    print $fh $text;
    close $fh or die;
}

my $ec = '-newkey ec -pkeyopt ec_paramgen_curve:P-256';

openssl("req -x509 -nodes $ec -days 60 -subj /CN=ec -keyout ec.key -out ec.crt"
        . ' -addext basicConstraints=critical,CA:FALSE');
openssl('req -x509 -nodes -newkey rsa:2048 -days 60 -subj /CN=rsa'
        . ' -keyout rsa.key -out rsa.crt');
openssl("req -x509 -nodes $ec -days 60 -subj /CN=ca -keyout ca.key -out ca.crt"
        . ' -addext basicConstraints=critical,CA:TRUE');
openssl("req -x509 -nodes $ec -days 10 -subj /CN=soon -keyout soon.key"
        . ' -out soon.crt');
openssl('req -x509 -nodes -newkey rsa:1024 -days 60 -subj /CN=weak'
        . ' -keyout weak.key -out weak.crt');
openssl('pkcs8 -topk8 -in ec.key -passout pass:x -out encrypted.key');
openssl('ec -in ec.key -out ec-old.key');
openssl('rsa -in rsa.key -traditional -aes128 -passout pass:x'
        . ' -out encrypted-old.key');
openssl('rsa -in rsa.key -pubout -out public.key');

# of the past and of the future
spew('x.cnf', "[ca]\ndefault_ca=x\n[x]\ndatabase=$dir/index\nserial=$dir/serial\n"
     . "new_certs_dir=$dir\ndefault_md=sha256\npolicy=any\nunique_subject=no\n"
     . "rand_serial=yes\n[any]\ncommonName=supplied\n"
     . "[ext]\nbasicConstraints=critical,CA:TRUE\n");
spew('index', '');

for my $c (['past', '20200101000000Z', '20210101000000Z'],
           ['future', '20400101000000Z', '20410101000000Z'])
{
    openssl("req -nodes $ec -subj /CN=$c->[0] -keyout $c->[0].key"
            . " -out $c->[0].csr");
    openssl("ca -batch -notext -config x.cnf -extensions ext -cert ca.crt"
            . " -keyfile ca.key -startdate $c->[1] -enddate $c->[2]"
            . " -in $c->[0].csr -out $c->[0].crt");
}

sub quoted {
    my ($text) = @_;

    $text =~ s/([\\"])/\\$1/g;
    $text =~ s/\n/\\n/g;
    $text =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;

    return qq{"$text"};
}

# a file of one certificate, checked: exit status and messages
sub check {
    my (%args) = @_;

    my $yaml = qq{_format_version: "3.0"\n};

    if ($args{ca}) {
        $yaml .= "ca_certificates:\n- cert: " . quoted($args{ca}) . "\n";

    } else {
        $yaml .= "certificates:\n- cert: " . quoted($args{cert}) . "\n"
                 . "  key: " . quoted($args{key}) . "\n";
        $yaml .= "  cert_alt: " . quoted($args{cert_alt}) . "\n"
                 . "  key_alt: " . quoted($args{key_alt}) . "\n"
            if $args{cert_alt};
    }

    spew('kong.yml', $yaml);

    my ($rc, $out, $err) = run_tool($dir, 'check', 'kong.yml',
                                    map { ('--set', $_) } @{$args{set} || []});

    return "$rc $err";
}

my $crt = slurp('ec.crt');
my $key = slurp('ec.key');

is(check(cert => $crt, key => $key), '0 ', 'a pair');
is(check(cert => $crt, key => slurp('ec-old.key')), '0 ', 'the older form');
is(check(cert => "some text\n$crt\n" . slurp('ca.crt'), key => $key), '0 ',
   'text around, and a chain');
is(check(cert => $crt . $key, key => $crt . $key), '0 ', 'both in each');
is(check(cert => $crt, key => $key, cert_alt => slurp('rsa.crt'),
         key_alt => slurp('rsa.key')), '0 ', 'a second pair');

sub fails {
    my ($name, $args, $place, $pattern) = @_;

    like(check(%$args),
         qr/^1 kong\.yml:$place: error: (?:ca_)?certificates\[0\]\.$pattern/,
         $name);
}

fails('a key in place of the certificate', { cert => $key, key => $key },
      '3:9', 'cert: invalid certificate: no start line: it holds "PRIVATE KEY"'
      . ', not "CERTIFICATE"');
fails('a certificate in place of the key', { cert => $crt, key => $crt },
      '4:8', 'key: invalid private key: no start line: it holds "CERTIFICATE"'
      . ', not "PRIVATE KEY"');
fails('a public key', { cert => $crt, key => slurp('public.key') }, '4:8',
      'key: invalid private key: no start line: it holds "PUBLIC KEY"');
fails('a request', { cert => slurp('past.csr'), key => $key }, '3:9',
      'cert: invalid certificate: no start line: it holds "CERTIFICATE REQUEST"');
fails('garbage', { cert => 'hello', key => $key }, '3:9',
      'cert: invalid certificate: no start line');
fails('a blank', { cert => " \n", key => $key }, '3:9',
      'cert: invalid certificate: it is empty');
fails('an encrypted key', { cert => $crt, key => slurp('encrypted.key') },
      '4:8', 'key: invalid private key: it is encrypted');
fails('the older form of it',
      { cert => slurp('rsa.crt'), key => slurp('encrypted-old.key') }, '4:8',
      'key: invalid private key: it is encrypted');
fails('another key', { cert => $crt, key => slurp('ca.key') }, '4:8',
      'key: the key does not belong to the certificate');
fails('a key of another type', { cert => $crt, key => slurp('rsa.key') },
      '4:8', 'key: the key does not belong to the certificate');
fails('a second pair of the same type',
      { cert => $crt, key => $key, cert_alt => slurp('ca.crt'),
        key_alt => slurp('ca.key') }, '5:13',
      'cert_alt: the alternative certificate must have a key of another type');
fails('a broken chain', { cert => $crt . substr(slurp('ca.crt'), 0, 200),
                          key => $key }, '3:9',
      'cert: invalid certificate: in the chain: bad end line');
fails('no end', { cert => substr($crt, 0, 300), key => $key }, '3:9',
      'cert: invalid certificate: bad end line');
fails('bad base64', { cert => $crt =~ s/\n(.)/\n*/r, key => $key }, '3:9',
      'cert: invalid certificate: bad base64 decode');
fails('a key that is cut', { cert => $crt, key => substr($key, 0, 80) },
      '4:8', 'key: invalid private key: ');
fails('a weak key', { cert => slurp('weak.crt'), key => slurp('weak.key') },
      '3:9', 'cert: OpenSSL refuses the certificate: ee key too small');
is(check(cert => slurp('weak.crt'), key => slurp('weak.key'),
         set => ['ssl_cipher_suite=old']), '0 ', 'which an old suite takes');
is(check(cert => slurp('weak.crt'), key => slurp('weak.key'),
         set => ['proxy_listen=127.0.0.1:1']), '0 ',
   'and who does not serve it');

fails('an authority that has ended', { ca => slurp('past.crt') }, '3:9',
      'cert: the certificate has expired on 2021-01-01');
fails('no authority', { ca => $crt }, '3:9',
      'cert: the certificate is not one of a CA');
fails('two authorities', { ca => slurp('ca.crt') x 2 }, '3:9',
      'cert: expected exactly one certificate');
fails('a key of an authority', { ca => slurp('ca.key') }, '3:9',
      'cert: invalid certificate: no start line: it holds');

like(check(cert => slurp('past.crt'), key => slurp('past.key')),
     qr/^0 kong.yml:3:9: warning: certificates\[0\]\.cert: the certificate has expired on 2021-01-01\n$/,
     'an old one is a warning');
like(check(cert => slurp('future.crt'), key => slurp('future.key')),
     qr/^0 .* warning: .*the certificate is not valid before 2040-01-01\n$/,
     'one of the future too');
like(check(cert => slurp('soon.crt'), key => slurp('soon.key')),
     qr/^0 .* warning: .*the certificate expires on \d{4}-\d\d-\d\d\n$/,
     'one that ends soon too');

# whatever happens to a pair: accepted or refused with a place, and never
# with a byte of the key

srand(42);
my $other = 0;

for my $n (1 .. 120) {
    my %pair = (cert => $crt, key => $key);
    my $which = $n % 2 ? 'cert' : 'key';
    my $at = int rand length $pair{$which};
    my $how = int rand 4;

    substr($pair{$which}, $at, 1) = chr(33 + int rand 90) if $how == 0;
    substr($pair{$which}, $at, 1 + int rand 20) = '' if $how == 1;
    substr($pair{$which}, $at, 0) = chr(int rand 256) x 3 if $how == 2;
    substr($pair{$which}, $at) = '' if $how == 3;

    my $said = check(%pair);

    next if $said =~ /\A0 / || $said =~ /\A1 kong\.yml:[34]:\d+: error: certificates\[0\]\.(?:cert|key): [ -~]+\n\z/
        || $said =~ /\A1 (?:kong\.yml:[34]:\d+: error: certificates\[0\]\.\w+: [ -~]+\n){2}\z/;
    diag("$n: $said");
    $other++;
}

is($other, 0, 'corrupted pairs');


# settings

sub compile {
    my (@set) = @_;

    system('rm', '-rf', "$dir/out");
    spew('kong.yml', qq{_format_version: "3.0"\nservices:\n- name: s\n}
         . qq{  url: https://127.0.0.1:1\n});

    my ($rc, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 'out',
        '--nginx', $binary, map { ('--set', $_) } 'proxy_listen=127.0.0.1:2303 ssl',
        'status_listen=127.0.0.1:2304 ssl', @set);

    my $conf = $rc ? '' : `cat $dir/out/gateway.*/*.conf`;

    return wantarray ? ($rc, $conf, $err) : "$rc $err";
}

sub directive {
    my ($conf, $name) = @_;

    return join '|', $conf =~ /^ *\Q$name\E (.*);$/mg;
}

my %presets = (
    modern       => ['TLSv1.3', 'off', qr/^$/],
    intermediate => ['TLSv1.2 TLSv1.3', 'off',
                     qr/^ECDHE-ECDSA-AES128-GCM-SHA256:.*:DHE-RSA-CHACHA20-POLY1305\|/],
    old          => ['TLSv1 TLSv1.1 TLSv1.2 TLSv1.3', 'on',
                     qr/:DES-CBC3-SHA:\@SECLEVEL=0\|/],
    fips         => ['TLSv1.2', 'on',
                     qr/^TLSv1\.2\+FIPS:kRSA\+FIPS:!eNULL:!aNULL\|/],
);

for my $suite (sort keys %presets) {
    my ($protocols, $prefer, $ciphers) = @{$presets{$suite}};
    my ($rc, $conf) = compile("ssl_cipher_suite=$suite");

    is($rc, 0, $suite);
    is(directive($conf, 'ssl_protocols'), "$protocols|$protocols",
       'its protocols');
    is(directive($conf, 'ssl_prefer_server_ciphers'), "$prefer|$prefer",
       'whose order');
    like(directive($conf, 'ssl_ciphers'), $ciphers, 'its ciphers');
    like(directive($conf, 'ssl_dhparam'),
         $suite eq 'intermediate' ? qr/ffdhe2048\.pem/ : qr/^$/, 'its group');
    like(directive($conf, 'proxy_ssl_protocols'),
         $suite eq 'old' ? qr/^TLSv1 / : qr/^TLSv1\.2 /, 'for services');
    is(system("$binary -t -q -p $dir/out -c nginx.conf 2>$dir/said"), 0,
       'nginx takes it') or diag(slurp('said'));
}

my ($rc, $conf) = compile('ssl_cipher_suite=custom',
                          'ssl_ciphers=ECDHE-RSA-AES128-GCM-SHA256',
                          'ssl_protocols=TLSv1.2',
                          'ssl_prefer_server_ciphers=off',
                          'ssl_dhparam=ffdhe3072',
                          'ssl_session_tickets=off', 'ssl_session_timeout=1h',
                          'ssl_session_cache_size=1m');
is($rc, 0, 'custom');
like($conf, qr/^ *ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256;$/m, 'ciphers');
like($conf, qr/^ *ssl_protocols TLSv1\.2;$/m, 'protocols');
like($conf, qr/^ *ssl_prefer_server_ciphers off;$/m, 'preference');
like($conf, qr/^ *ssl_dhparam gateway\.\w+\/ffdhe3072\.pem;$/m, 'a group');
like($conf, qr/^ *ssl_session_tickets off;$/m, 'no tickets');
like($conf, qr/^ *ssl_session_timeout 1h;$/m, 'timeout');
like($conf, qr/^ *ssl_session_cache shared:gateway_tls:1m;$/m, 'cache');
like($conf, qr/^ *ssl_session_cache shared:gateway_tls_status:1m;$/m,
     'another cache for operators');

($rc, $conf) = compile();
like($conf, qr/^ *ssl_session_timeout 1d;$/m, 'a day by default');
like($conf, qr/^ *ssl_session_cache shared:gateway_tls:10m;$/m, 'and 10m');

my $sum = `cd $dir/out/tls && cat *.crt | sha256sum`;
like(`ls $dir/out/tls`, qr/\Adefault-ecdsa.crt\ndefault-ecdsa.key\ndefault.crt\ndefault.key\n\z/,
     'default pairs of both types');
run_tool($dir, 'compile', 'kong.yml', '-o', 'out', '--nginx', $binary, '--set',
         'proxy_listen=127.0.0.1:2303 ssl');
is(`cd $dir/out/tls && cat *.crt | sha256sum`, $sum, 'made once');
is(sprintf('%o', (stat "$dir/out/tls/default.key")[2] & 0777), '600',
   'for their owner');

# pairs of settings: paths, PEM, base64

my $base64 = MIME::Base64::encode_base64($crt, '');

($rc, $conf) = compile("ssl_cert=$dir/rsa.crt,$base64",
                       "ssl_cert_key=$dir/rsa.key,$key",
                       'client_ssl=on', "client_ssl_cert=$crt",
                       "client_ssl_cert_key=$dir/ec.key");
is($rc, 0, 'all kinds of values');
like($conf, qr{ssl_certificate \Q$dir\E/rsa\.crt;\n\s*ssl_certificate_key \Q$dir\E/rsa\.key;\n\s*ssl_certificate gateway\.\w+/setting-1\.crt;\n\s*ssl_certificate_key gateway\.\w+/setting-2\.key;\n},
     'are files for nginx');
like($conf, qr{proxy_ssl_certificate gateway\.\w+/setting-1\.crt;\n\s*proxy_ssl_certificate_key \Q$dir\E/ec\.key;},
     'for services too');
is(system("$binary -t -q -p $dir/out -c nginx.conf 2>/dev/null"), 0,
   'nginx reads them');
is(sprintf('%o', (stat glob "$dir/out/gateway.*/setting-2.key")[2] & 0777),
   '600', 'the key is for its owner');

for my $c (
    ['ssl_cipher_suite=none', qr/setting "ssl_cipher_suite" .*"none": expected one of modern, intermediate, old, fips, custom/],
    ['ssl_cipher_suite=custom', qr/setting "ssl_cipher_suite" .*"custom" needs ssl_ciphers/],
    ['ssl_session_timeout=soon', qr/setting "ssl_session_timeout" .*"soon": expected a time/],
    ['ssl_session_cache_size=1k', qr/setting "ssl_session_cache_size" .*"1k": expected a size/],
    ['ssl_session_cache_size=10mm', qr/setting "ssl_session_cache_size" .*"10mm": expected a size/],
    ['ssl_protocols=TLSv1.4', qr/setting "ssl_protocols" .*"TLSv1\.4": expected some of/],
    ['ssl_session_tickets=maybe', qr/setting "ssl_session_tickets" .*expected on or off/],
    ['ssl_prefer_server_ciphers=1', qr/setting "ssl_prefer_server_ciphers" .*expected on or off/],
    ['ssl_dhparam=/nowhere', qr/setting "ssl_dhparam" .*cannot read "\/nowhere", expected a file, or one of ffdhe2048/, 'ssl_cipher_suite=old'],
    ["ssl_dhparam=$dir/ec.crt", qr/setting "ssl_dhparam" .*no parameters of Diffie-Hellman in/, 'ssl_cipher_suite=old'],
    ['ssl_ciphers=NOTHING', qr/setting "ssl_ciphers" .*"NOTHING": no cipher match/, 'ssl_cipher_suite=custom'],
    ['ssl_cert=/nowhere', qr/setting "ssl_cert" .*cannot read "\/nowhere"/, "ssl_cert_key=$dir/ec.key"],
    ["ssl_cert=$dir/ec.crt", qr/setting "ssl_cert_key" .*does not belong to the certificate of "ssl_cert"/, "ssl_cert_key=$dir/ca.key"],
    ["ssl_cert=$dir/ec.key", qr/setting "ssl_cert" .*no certificate in \Q$dir\E\/ec\.key: no start line: it holds "PRIVATE KEY"/, "ssl_cert_key=$dir/ec.key"],
    ["ssl_cert=$dir/ec.crt", qr/setting "ssl_cert_key" .*no private key in .*: it is encrypted/, "ssl_cert_key=$dir/encrypted.key"],
    ["ssl_cert=$dir/ec.crt,$dir/rsa.crt", qr/setting "ssl_cert_key" .*2 certificates .* need as many keys .*, not 1/, "ssl_cert_key=$dir/ec.key"],
    ["status_ssl_cert=$dir/ec.crt", qr/setting "status_ssl_cert_key" .*does not belong/, "status_ssl_cert_key=$dir/ca.key"],
    ["client_ssl_cert=$dir/ec.crt", qr/setting "client_ssl_cert_key" .*cannot read/, 'client_ssl_cert_key=/nowhere', 'client_ssl=on'],
) {
    my ($set, $pattern, @more) = @$c;

    like(scalar compile($set, @more), qr/^1 .*$pattern/s, $set);
}

# whom active health checks trust

my $checked = <<'_EOC_';
_format_version: "3.0"
upstreams:
- name: u
  healthchecks: {active: {type: https, healthy: {interval: 5}}}
  targets: [{target: "127.0.0.1:1"}]
services:
- name: s
  host: u
_EOC_

for my $c (
    ['system', qr{ trusted_certificate=/etc/ssl/certs/ca-certificates\.crt}, 0],
    ["$dir/ca.crt", qr{ trusted_certificate=gateway\.\w+/trusted\.crt}, 1],
    [MIME::Base64::encode_base64(slurp('ca.crt'), '') . ",$dir/rsa.crt",
     qr{ trusted_certificate=gateway\.\w+/trusted\.crt}, 2],
    ['/nowhere', qr/setting "lua_ssl_trusted_certificate" .*cannot read "\/nowhere"/],
    ["$dir/ec.key", qr/setting "lua_ssl_trusted_certificate" .*no certificate in .*: no start line: it holds "PRIVATE KEY"/],
) {
    my ($value, $pattern, $n) = @$c;

    spew('kong.yml', $checked);
    system('rm', '-rf', "$dir/out");

    my ($rc, $out, $err) = run_tool($dir, 'compile', 'kong.yml', '-o', 'out',
        '--nginx', $binary, '--set', "lua_ssl_trusted_certificate=$value",
        '--set', 'proxy_listen=127.0.0.1:2303', '--set', 'status_listen=off');

    like($rc ? $err : `cat $dir/out/gateway.*/upstreams.conf`, $pattern,
         'lua_ssl_trusted_certificate');
    next if !$n;
    is(() = slurp((glob "$dir/out/gateway.*/trusted.crt")[0] =~ s{^\Q$dir\E/}{}r)
            =~ /BEGIN CERTIFICATE/g, $n, "holds $n");
    is(system("$binary -t -q -p $dir/out -c nginx.conf 2>/dev/null"), 0,
       'nginx reads it');
}

like(scalar compile('ssl_protocols=TLSv1.3'),
     qr/^0 .*warning: setting "ssl_protocols" .*ignored, as in Kong/s,
     'a warning about what counts for custom only');
like(scalar compile("ssl_cert=$dir/soon.crt", "ssl_cert_key=$dir/soon.key"),
     qr/^0 .*warning: setting "ssl_cert" .*soon\.crt expires on/s,
     'one about a certificate that ends');

system('rm', '-rf', $dir);
