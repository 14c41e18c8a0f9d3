# Copyright (C) the ngx_gateway authors
#
# jwt with a real JOSE library: keys and tokens of each algorithm are made by
# jose, and verified with the public keys of credentials and of a key set.

use lib 't/lib';
use Test::Gateway;

use File::Temp 'tempdir';
use JSON::PP;
use Test::More;

if (my $why = no_node()) {
    plan skip_all => $why;
}

my $file = tempdir(CLEANUP => 1) . '/jose.json';
my $later = time + 3600;

my %keys = (
    (map { $_ => { alg => $_, secret => "the secret of $_ " . 'x' x 64 } }
         qw(HS256 HS384 HS512)),
    (map { $_ => { alg => $_ } }
         qw(RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512)),
    Ed25519 => { alg => 'EdDSA', crv => 'Ed25519' },
    Ed448 => { alg => 'EdDSA', crv => 'Ed448' },
);
my %spec = (keys => {}, tokens => {});

for my $name (keys %keys) {
    $spec{keys}{$name} = { %{ $keys{$name} }, kid => "kid-$name" };
    $spec{tokens}{$name} = {
        key => $name,
        claims => { iss => $name, sub => 'bob', exp => $later },
    };

    # the same claims of a consumer that no credential has
    $spec{tokens}{"set-$name"} = {
        key => $name,
        claims => { iss => 'the provider', sub => 'alice', exp => $later },
    };
    $spec{tokens}{"late-$name"} = {
        key => $name,
        claims => { iss => $name, exp => time - 1 },
    };
}

open(my $fh, '>', $file) or die "$file: $!";
print $fh encode_json(\%spec);
close $fh;

my ($code, $out, $err) = run_node('jose_sign.js', $file);
is($code, 0, 'jose makes keys and tokens') or diag($err);

my $made = decode_json($out);
start_echo();

my $credentials = join '', map {
    my $secret = $keys{$_}{secret};
    my $key = $secret ? "    secret: \"$secret\"\n"
              : "    rsa_public_key: |\n"
                . join('', map { "      $_\n" } split /\n/, $made->{pem}{$_});
    "  - key: $_\n    algorithm: $keys{$_}{alg}\n$key"
} sort keys %keys;
my $set = encode_json({ keys => [map { $made->{jwk}{$_} }
                                 sort keys %{ $made->{jwk} }] });

my $nginx = start_nginx(yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - name: credentials
    paths: [/credentials]
    plugins:
    - name: jwt
      config: {claims_to_verify: [exp]}
  - name: set
    paths: [/set]
    plugins:
    - name: jwt
      config:
        jwks: '$set'
        issuer: [the provider]
        claims_to_verify: [exp]
        claims_to_headers: {sub: X-Subject}
consumers:
- username: bob
  jwt_secrets:
$credentials
_EOC_

sub get {
    my ($path, $token) = @_;
    return http_get($path, headers => ["Authorization: Bearer $token"]);
}

# a signature of the same length, and of the same algorithm, that is wrong
sub spoil {
    my ($token) = @_;
    my ($head, $body, $signature) = split /\./, $token;
    my $at = int(length($signature) / 2);

    substr($signature, $at, 1) =~ tr/A-Za-y0-8/B-Zb-zA1-9/
        or substr($signature, $at, 1) = 'A';
    return "$head.$body.$signature";
}

for my $name (sort keys %keys) {
    my $res = get('/credentials', $made->{tokens}{$name});
    is($res->status, 200, "$name: a token with the key of a credential")
        or diag($res->body);
    like($res->body, qr/^X-Consumer-Username: bob$/m, "$name: its consumer");

    $res = get('/credentials', spoil($made->{tokens}{$name}));
    is($res->status, 401, "$name: another signature");
    is($res->body, '{"message":"Invalid signature"}', "$name: so it says");

    $res = get('/credentials', $made->{tokens}{"late-$name"});
    is($res->body, '{"exp":"token expired"}', "$name: one that is over");

    my $from_set = $made->{tokens}{"set-$name"};
    $res = get('/set', $from_set);

    if ($keys{$name}{secret}) {
        is($res->status, 401, "$name: no secret is in a key set");
        next;
    }

    is($res->status, 200, "$name: a token with a key of a set")
        or diag($res->body);
    like($res->body, qr/^X-Subject: alice$/m, "$name: its subject");
    is(get('/set', spoil($from_set))->status, 401,
       "$name: another signature, with the key of a set");
    is(get('/set', $from_set)->status, 200, "$name: the same token again");
}

$nginx->stop;
done_testing();
