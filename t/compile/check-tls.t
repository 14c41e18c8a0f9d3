# Copyright (C) the ngx_gateway authors
#
# Certificates, keys and CA certificates.

use lib 't/lib';
use Test::Gateway 'no_plan';

use File::Temp ();

# made for each run: NAME.crt and NAME.key
our $dir = File::Temp->newdir;

my %kinds = (
    rsa   => '-newkey rsa:2048 -addext basicConstraints=critical,CA:FALSE',
    ec    => '-newkey ec -pkeyopt ec_paramgen_curve:P-256'
             . ' -addext basicConstraints=critical,CA:FALSE',
    ca    => '-newkey ec -pkeyopt ec_paramgen_curve:P-256'
             . ' -addext basicConstraints=critical,CA:TRUE',
    other => '-newkey rsa:2048',
);

for my $name (keys %kinds) {
    system("openssl req -x509 -nodes -days 60 -subj /CN=$name $kinds{$name}"
           . " -keyout $dir/$name.key -out $dir/$name.crt 2>/dev/null") == 0
        or die "openssl failed";
}

# replaces @name.crt@ by the file as a quoted string
sub pem {
    my ($yaml) = @_;

    $yaml =~ s{\@([\w.]+)\@}{
        open my $fh, '<', "$dir/$1" or die "$1: $!";
        my $text = join '', <$fh>;
        $text =~ s/\n/\\n/g;
        qq{"$text"};
    }ge;

    return $yaml;
}

$ENV{T_KEY} = do { open my $fh, '<', "$dir/ec.key"; local $/; <$fh> };
delete $ENV{T_UNSET};

run_tests();

__DATA__

=== TEST 1: pairs of both types, names, references to the environment
--- yaml eval
main::pem(<<'_EOC_')
_format_version: "3.0"
certificates:
- id: 11111111-1111-4111-8111-111111111111
  cert: @rsa.crt@
  key: @rsa.key@
  cert_alt: @ec.crt@
  key_alt: "{vault://env/t-key}"
  snis:
  - name: example.com
  - name: "*.example.com"
  - name: example.*
  - name: "*"
- cert: @rsa.crt@
  key: @rsa.key@
- cert: @rsa.crt@
  key: @rsa.key@
ca_certificates:
- id: 11111111-1111-4111-8111-111111111112
  cert: @ca.crt@
services:
- name: a
  url: https://example.com
  client_certificate: 11111111-1111-4111-8111-111111111111
  ca_certificates: [11111111-1111-4111-8111-111111111112]
  tls_verify: true
  tls_verify_depth: 2
_EOC_
--- stdout
ok: 1 service, 0 routes, 0 consumers, 0 upstreams, 0 plugins



=== TEST 2: pairs that do not fit
--- yaml eval
main::pem(<<'_EOC_')
_format_version: "3.0"
certificates:
- cert: @rsa.crt@
  key: @ec.key@
- cert: @rsa.crt@
  key: @rsa.key@
  cert_alt: @ec.crt@
- cert: @rsa.crt@
  key: @rsa.key@
  cert_alt: @other.crt@
  key_alt: @other.key@
- cert: text
  key: @rsa.key@
- cert: @ec.crt@
  key: text
- cert: @ec.crt@
- cert: @ec.crt@
  key: "{vault://env/t-unset}"
_EOC_
--- error
kong.yml:4:8: error: certificates[0].key: the key does not belong to the certificate
kong.yml:5:3: error: certificates[1]: "cert_alt" and "key_alt" must be set together
kong.yml:10:13: error: certificates[2].cert_alt: the alternative certificate must have a key of another type
kong.yml:12:9: error: certificates[3].cert: invalid certificate: no start line
kong.yml:15:8: error: certificates[4].key: invalid private key: no start line
kong.yml:16:3: error: certificates[5]: required field missing: "key"
kong.yml:18:8: error: certificates[6].key: reference "{vault://env/t-unset}": environment variable T_UNSET is not set



=== TEST 3: names of servers
--- yaml eval
main::pem(<<'_EOC_')
_format_version: "3.0"
certificates:
- cert: @rsa.crt@
  key: @rsa.key@
  snis:
  - name: a.com
  - name: a.com
  - name: a.*.com
  - name: 10.0.0.1
  - name: a.com:443
  - b.com
snis:
- name: c.com
_EOC_
--- error
kong.yml:7:11: error: certificates[0].snis[1].name: uniqueness violation: 'snis' entity with name set to 'a.com' already declared in kong.yml:6
kong.yml:8:11: error: certificates[0].snis[2].name: "a.*.com": "*" may only be the first or the last character
kong.yml:9:11: error: certificates[0].snis[3].name: "10.0.0.1" must be a host name, without port
kong.yml:10:11: error: certificates[0].snis[4].name: "a.com:443" must be a host name, without port
kong.yml:11:5: error: certificates[0].snis[5]: expected a record (a map), this is a string
kong.yml:13:3: error: snis[0]: required field missing: "certificate"



=== TEST 4: CA certificates
--- yaml eval
main::pem(<<'_EOC_')
_format_version: "3.0"
ca_certificates:
- cert: @rsa.crt@
- cert: text
- {}
_EOC_
--- error
kong.yml:3:9: error: ca_certificates[0].cert: the certificate is not one of a CA (basic constraints)
kong.yml:4:9: error: ca_certificates[1].cert: invalid certificate: no start line
kong.yml:5:3: error: ca_certificates[2]: required field missing: "cert"



=== TEST 5: a CA certificate once, by its digest
--- yaml eval
main::pem(<<'_EOC_')
_format_version: "3.0"
ca_certificates:
- cert: @ca.crt@
- cert: @ca.crt@
_EOC_
--- error_like eval
qr/^kong\.yml:4:9: error: ca_certificates\[1\]\.cert: uniqueness violation: 'ca_certificates' entity with cert_digest set to '[0-9a-f]{64}' already declared in kong\.yml:3$/



=== TEST 6: keys
--- yaml eval
main::pem(<<'_EOC_')
_format_version: "3.0"
key_sets:
- name: a
  keys:
  - kid: a
    jwk: '{"kid": "b", "kty": "oct"}'
  - kid: b
    jwk: '{"kid": "b", "kty": "x"}'
  - kid: c
    jwk: '{'
  - kid: d
  - kid: e
    pem: {private_key: @rsa.key@}
  - kid: f
    pem: {private_key: text}
  - kid: g
    pem: {}
  - kid: h
    jwk: '{"kid": "h", "kty": "oct", "k": "AA"}'
    pem: {private_key: @rsa.key@}
_EOC_
--- error
kong.yml:6:10: error: key_sets[0].keys[0].jwk: "kid" in the JWK must be equal to the key's "kid"
kong.yml:8:10: error: key_sets[0].keys[1].jwk: the JWK has no known "kty"
kong.yml:10:10: error: key_sets[0].keys[2].jwk: the JWK is no JSON object
kong.yml:11:5: error: key_sets[0].keys[3]: exactly one of "jwk" and "pem" must be set
kong.yml:15:24: error: key_sets[0].keys[5].pem.private_key: invalid private key: no start line
kong.yml:17:10: error: key_sets[0].keys[6].pem: at least one of "public_key" and "private_key" must be set
kong.yml:18:5: error: key_sets[0].keys[7]: exactly one of "jwk" and "pem" must be set
