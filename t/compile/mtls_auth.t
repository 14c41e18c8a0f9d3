# Copyright (C) the ngx_gateway authors
#
# mtls-auth and header-cert-auth: what is refused.  What they become runs in
# t/mtls_auth.t and t/header_cert_auth.t.

use lib 't/lib';
use Test::Gateway 'no_plan';
use Test::Gateway::Pki;

my $pki = Test::Gateway::Pki->new;
$pki->authority('root');

my $ca = "ca_certificates:\n- id: 00000000-0000-4000-8000-000000000001\n"
         . "  cert: |\n" . $pki->indent('root.crt', 4);
my $lines = () = $ca =~ /\n/g;

# the authority stands at the end, so that lines keep their numbers
add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value('yaml', $block->yaml . $ca);
});

run_tests();

__DATA__

=== TEST 1: every field, credentials, and what clients are asked
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes:
  - name: a
    protocols: [https]
    snis: [a.example, A.Example, "*.b.example"]
    plugins:
    - name: mtls-auth
      config:
        ca_certificates: [00000000-0000-4000-8000-000000000001]
        anonymous: nobody
        consumer_by: [custom_id]
        cache_ttl: 5
        skip_consumer_lookup: true
        allow_partial_chain: true
        authenticated_group_by: DN
        revocation_check_mode: STRICT
        http_timeout: 1000
        cert_cache_ttl: 2000
        http_proxy_host: proxy.internal
        http_proxy_port: 3128
        https_proxy_host: proxy.internal
        https_proxy_port: 3129
        default_consumer: nobody
        send_ca_dn: true
  - name: b
    paths: [/b]
    plugins:
    - name: header-cert-auth
      config:
        ca_certificates: [00000000-0000-4000-8000-000000000001]
        certificate_header_name: X-Client-Cert
        certificate_header_format: url_encoded
        secure_source: false
consumers:
- username: nobody
  mtls_auth_credentials:
  - id: 00000000-0000-4000-8000-0000000000c1
    subject_name: a b
    ca_certificate: 00000000-0000-4000-8000-000000000001
mtls_auth_credentials:
- consumer: nobody
  id: 00000000-0000-4000-8000-0000000000c2
  fingerprint: AA:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
--- compile_args: --set proxy_listen='127.0.0.1:18443 ssl'
--- conf_like eval
[qr/gateway_ca_certificate 00000000-0000-4000-8000-000000000001 \S*ca-00000000-0000-4000-8000-000000000001\.crt;/,
 qr/gateway_client_certificate request ca=\S*clients-1\.crt a\.example;\n +gateway_client_certificate request ca=\S*clients-2\.crt \*\.b\.example;\n/,
 qr/gateway_mtls_auth anonymous=nobody consumer_by=custom_id ca_certificates=00000000-0000-4000-8000-000000000001 cache_ttl=5 skip_consumer_lookup=on allow_partial_chain=on authenticated_group_by=DN revocation_check_mode=STRICT http_timeout=1000 cert_cache_ttl=2000 http_proxy_host=proxy\.internal http_proxy_port=3128 https_proxy_host=proxy\.internal https_proxy_port=3129 default_consumer=nobody;/,
 qr/gateway_header_cert_auth ca_certificates=00000000-0000-4000-8000-000000000001 certificate_header_name=X-Client-Cert certificate_header_format=url_encoded secure_source=off;/,
 qr/gateway_mtls_auth_credential id=00000000-0000-4000-8000-0000000000c1 "subject_name=a b" ca=00000000-0000-4000-8000-000000000001;/,
 qr/gateway_mtls_auth_credential id=00000000-0000-4000-8000-0000000000c2 fingerprint=AA:a+;/]



=== TEST 2: mtls-auth: fields that are wrong
--- yaml
_format_version: "3.0"
plugins:
- name: mtls-auth
  config:
    consumer_by: [id]
    authenticated_group_by: OU
    revocation_check_mode: "NO"
    http_timeout: 0
    http_proxy_port: 1
    anonymous: nobody
    default_consumer: nobody
    ca_certificates: [00000000-0000-4000-8000-000000000009]
--- error
kong.yml:5:19: error: plugins[0].config.consumer_by[0]: expected one of: username, custom_id; this is "id"
kong.yml:6:29: error: plugins[0].config.authenticated_group_by: expected one of: CN, DN; this is "OU"
kong.yml:7:28: error: plugins[0].config.revocation_check_mode: expected one of: SKIP, IGNORE_CA_ERROR, STRICT; this is "NO"
kong.yml:8:19: error: plugins[0].config.http_timeout: value should be between 1 and 2147483646, this is 0
kong.yml:10:16: error: plugins[0].config.anonymous: "nobody" is no consumer: there is no such entry in 'consumers'
kong.yml:11:23: error: plugins[0].config.default_consumer: "nobody" is no consumer: there is no such entry in 'consumers'
kong.yml:12:23: error: plugins[0].config.ca_certificates[0]: invalid reference 'ca_certificates: 00000000-0000-4000-8000-000000000009' (no such entry in 'ca_certificates')



=== TEST 3: what is missing, and what a consumer cannot have
--- yaml
_format_version: "3.0"
plugins:
- name: mtls-auth
- name: header-cert-auth
  config: {ca_certificates: []}
- name: mtls-auth
  consumer: a
  config: {ca_certificates: [00000000-0000-4000-8000-000000000001], http_proxy_host: a}
consumers:
- username: a
--- error_like eval
qr/^kong.yml:3:3: error: plugins\[0\]: required field missing: "ca_certificates"
kong.yml:5:11: error: plugins\[1\].config: required field missing: "certificate_header_name"
kong.yml:5:11: error: plugins\[1\].config: required field missing: "certificate_header_format"
kong.yml:5:29: error: plugins\[1\].config.ca_certificates: length must be at least 1
kong.yml:6:9: error: plugins\[2\].name: plugin "mtls-auth" cannot be set on a consumer
kong.yml:8:11: error: plugins\[2\].config: "http_proxy_host" and "http_proxy_port" belong together$/



=== TEST 4: credentials
--- yaml
_format_version: "3.0"
consumers:
- username: a
  mtls_auth_credentials:
  - {}
  - {fingerprint: "12:34"}
  - {fingerprint: "12", subject_name: a}
--- error
kong.yml:5:5: error: consumers[0].mtls_auth_credentials[0]: required field missing: "subject_name"
kong.yml:6:19: error: consumers[0].mtls_auth_credentials[1].fingerprint: expected a SHA-256: 64 hex digits, maybe with colons
kong.yml:7:19: error: consumers[0].mtls_auth_credentials[2].fingerprint: a certificate with a fingerprint needs no "subject_name" and no "ca_certificate"
kong.yml:7:19: error: consumers[0].mtls_auth_credentials[2].fingerprint: expected a SHA-256: 64 hex digits, maybe with colons



=== TEST 5: without a listener for TLS nobody is asked
--- yaml
_format_version: "3.0"
plugins:
- name: mtls-auth
  config: {ca_certificates: [00000000-0000-4000-8000-000000000001], revocation_check_mode: SKIP}
--- compile_args: --set proxy_listen=127.0.0.1:18000
--- conf_like: gateway_credential_store store;
--- conf_unlike: gateway_client_certificate



=== TEST 6: consumers are known after either of them: explain
--- yaml
_format_version: "3.0"
services:
- name: a
  host: a.internal
  routes: [{name: a, paths: [/]}]
plugins:
- name: header-cert-auth
  config: {ca_certificates: [00000000-0000-4000-8000-000000000001], certificate_header_name: a, certificate_header_format: base64_encoded}
- name: rate-limiting
  config: {minute: 1}
consumers:
- username: alice
  plugins: [{name: rate-limiting, config: {minute: 2}}]
--- cmd: explain kong.yml http://a/ --consumer alice
--- stdout_like eval
qr/header-cert-auth +global.*\n +rate-limiting +consumer /
