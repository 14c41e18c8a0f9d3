# Copyright (C) the ngx_gateway authors
#
# jwt with a real OpenID provider: its tokens are accepted, what they say is
# used, and its keys change while requests go on.

use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Load;

use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More;

if (my $why = no_node()) {
    plan skip_all => $why;
}

my $provider = port(1);
my $log = start_node('oidc_server.js', $provider);

sub control {
    my ($method, $query) = @_;
    my $res = http_request($method, '/control' . ($query // ''),
                           port => $provider, timeout => 10);
    return decode_json($res->body);
}

sub issue {
    my $res = http_request('POST', '/token', port => $provider, timeout => 10,
        headers => ['Content-Type: application/x-www-form-urlencoded',
                    'Authorization: Basic '
                    . encode_base64('shop:shops-secret', '')],
        body => 'grant_type=client_credentials&scope=read');
    return decode_json($res->body)->{access_token};
}

start_echo();

my $echo = $ENV{TEST_NGINX_ECHO_PORT};

my $yaml = <<"_EOC_";
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$echo
  routes:
  - name: orders
    paths: [/orders]
    plugins:
    - name: jwt
      config:
        jwks_uri: http://127.0.0.1:$provider/jwks
        jwks_min_age: 1
        issuer: ["http://127.0.0.1:$provider"]
        audience: [orders]
        required_claims: {tenant: acme, scope: read}
        claims_to_verify: [exp]
        claims_to_headers: {sub: X-Subject, tenant: X-Tenant}
        groups_claim: groups
    - name: acl
      config: {allow: [staff], always_use_authenticated_groups: true}
  - name: named
    paths: [/named]
    plugins:
    - name: jwt
      config:
        jwks_uri: http://127.0.0.1:$provider/jwks
        jwks_min_age: 1
        consumer_claim: client_id
  - name: other
    paths: [/other]
    plugins:
    - name: jwt
      config:
        jwks_uri: http://127.0.0.1:$provider/jwks
        jwks_min_age: 1
        audience: [other]
  - name: credential
    paths: [/credential]
    plugins:
    - name: jwt
consumers:
- username: shop
  custom_id: shop-1
- username: provider
  jwt_secrets:
  - key: http://127.0.0.1:$provider
    jwks_uri: http://127.0.0.1:$provider/jwks
_EOC_

(my $without = $yaml) =~ s/^- username: provider.*//ms;

my $nginx = start_nginx(yaml => $without, master => 1, workers => 2);

my $token = issue();

sub get {
    my ($path, $token, @headers) = @_;
    return http_get($path, headers => ["Authorization: Bearer $token",
                                       @headers], timeout => 20);
}

my $res = get('/orders/1', $token, 'X-Subject: admin', 'X_Tenant: other',
              'X-Consumer-Username: admin');

is($res->status, 200, 'a token of the provider is accepted');
like($res->body, qr/^X-Subject: shop$/mi, 'its subject is a header');
like($res->body, qr/^X-Tenant: acme$/mi, 'and its tenant');
unlike($res->body, qr/admin|other/, 'what the client sent is gone');
like($res->body, qr/^X-Credential-Identifier: shop$/mi,
     'the subject identifies the credential');
like($res->body, qr/^X-Authenticated-Groups: shop, staff$/mi,
     'its groups are those that acl looked at');

$res = get('/named/1', $token);
is($res->status, 200, 'a consumer by a claim');
like($res->body, qr/^X-Consumer-Username: shop$/mi, 'by its username');
like($res->body, qr/^X-Consumer-Custom-ID: shop-1$/mi, 'with its fields');

$res = get('/other/1', $token);
is($res->status, 401, 'not for this audience');
is($res->body, '{"aud":"not accepted"}', 'which is told');

$res = get('/credential/1', $token);
is($res->status, 401, 'no keys of the policy, no credential');

$nginx->reconfigure(yaml => $yaml);

my $before = control('GET')->{asked};

ok($nginx->reload, 'reload');

$res = get('/credential/1', $token);
is($res->status, 200, 'the credential of the issuer has its keys');
like($res->body, qr/^X-Consumer-Username: provider$/mi, 'and its consumer');
like($res->body, qr{^X-Credential-Identifier: http://127}mi, 'and its key');

is(control('GET')->{asked}, $before, 'keys outlive the reload');

# a key of every kind, one after the other, while requests go on

my (%seen, @failed);
my $n = 0;

for my $alg (qw(ES256 PS256 EdDSA RS512 ES384 PS512 ES512 RS256)) {
    control('POST', "?alg=$alg");

    my @tokens = ($token, issue());
    $token = $tokens[1];

    # four clients find the new key at once
    my $load = Test::Gateway::Load->start(
        map { { port => $ENV{TEST_NGINX_SERVER_PORT},
                path => "/orders/1?jwt=$token" } } 1 .. 4);

    my ($header) = split /\./, $token;
    $header =~ tr{-_}{+/};
    $seen{ decode_json(MIME::Base64::decode($header))->{alg} }++;

    # the one before is good as long as its key is published
    for my $t (@tokens, reverse @tokens) {
        $res = get('/orders/1', $t);
        $n++;
        push @failed, ($res ? $res->status . ' ' . $res->body : 'none')
            unless $res && $res->status == 200;
    }

    my $counts = $load->stop;
    $n += $counts->{served};
    push @failed, @{ $counts->{lost} };
}

is_deeply([sort keys %seen], [sort qw(ES256 PS256 EdDSA RS512 ES384 PS512
                                      ES512 RS256)],
          'the provider signed with each kind of key');
is_deeply(\@failed, [], "keys change without a failed request of $n");

cmp_ok(control('GET')->{asked} - $before, '<=', 2 * 8,
       'and are not asked for more often than they change');

$nginx->stop;
done_testing();
