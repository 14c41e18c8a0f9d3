# Copyright (C) the ngx_gateway authors
#
# jwt: what attackers send.  One gateway has a credential of each kind, the
# policy's key set and a credential's; each token is sent to a route of each,
# and nothing but a 401 of the gateway may come back.

use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Token qw(b64);

use Digest::SHA qw(hmac_sha256);
use Test::More;

my $tokens = Test::Gateway::Token->new;

my %pem = map { $_ => $tokens->pem($_) } qw(rsa p256 ed25519);
my $set = '{"keys":['
    . join(',', map { sprintf '{%s,"kid":"%s"}', $tokens->jwk($_), $_ }
                    qw(rsa p256 p384 p521 ed25519 ed448)) . ']}';

(my $indented = $set) =~ s/'/''/g;

sub yaml_pem {
    my ($name) = @_;
    (my $text = $pem{$name}) =~ s/^/      /mg;
    return $text;
}

my $echo = $ENV{TEST_NGINX_ECHO_PORT};

my $yaml = <<"_EOC_";
_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:$echo
  routes:
  - name: credential
    paths: [/credential]
    plugins:
    - name: jwt
      config: {cookie_names: [t]}
  - name: set
    paths: [/set]
    plugins:
    - name: jwt
      config:
        jwks: '$indented'
        issuer: [issuer]
        claims_to_verify: [exp]
        claims_to_headers: {sub: X-Subject, nested.a: X-Nested, list: X-List}
        groups_claim: groups
  - name: pinned
    paths: [/pinned]
    plugins:
    - name: jwt
      config:
        jwks: '$indented'
        algorithms: [RS256]
consumers:
- username: bob
  jwt_secrets:
  - {key: bob, secret: very-secret}
  - key: rsa
    algorithm: RS256
    rsa_public_key: |
@{[ yaml_pem('rsa') ]}
  - key: ec
    algorithm: ES256
    rsa_public_key: |
@{[ yaml_pem('p256') ]}
  - key: ed
    algorithm: EdDSA
    rsa_public_key: |
@{[ yaml_pem('ed25519') ]}
  - key: issuers
    jwks: '$indented'
  - key: issuers-es
    algorithm: ES256
    jwks: '$indented'
_EOC_

start_echo();

my $nginx = start_nginx(yaml => $yaml, master => 1, workers => 1);
my $later = time + 3600;

sub get {
    my ($path, $token, @headers) = @_;
    return http_get($path, headers => ["Authorization: Bearer $token",
                                       @headers]);
}

sub accepted {
    my ($path, $token, $what) = @_;
    my $res = get($path, $token);
    is($res->status, 200, $what) or diag($res->body);
    return $res;
}

sub refused {
    my ($path, $token, $what, $message) = @_;
    my $res = get($path, $token);
    is($res && $res->status, 401, $what);
    is($res->body, $message, "$what: message")
        if defined $message;
    like($res->header('WWW-Authenticate') // '',
         qr/^Bearer error="invalid_token"$/, "$what: challenge");
    unlike($res->raw_headers . $res->body, qr/X-Echo/, "$what: no upstream");
}

sub message {
    return qq({"message":"$_[0]"});
}

# what all the others would be like if they were right

my $claims = qq({"iss":"issuer","sub":"me","exp":$later});

my %kid = (RS256 => 'rsa', RS512 => 'rsa', PS256 => 'rsa', PS384 => 'rsa',
           ES256 => 'p256', ES384 => 'p384', ES512 => 'p521',
           EdDSA => 'ed25519');

for my $alg (sort keys %kid) {
    my $header = qq({"alg":"$alg","kid":"$kid{$alg}"});
    my $token = $tokens->sign($alg, $claims, $kid{$alg}, $header);
    accepted('/set', $token, "$alg of the set");
    my $text = qr/^X-Subject: me$/mi;
    like(accepted('/set', $token, "$alg again")->body, $text,
         "$alg: the subject");
}

accepted('/set', $tokens->sign('EdDSA', $claims, 'ed448',
                               '{"alg":"EdDSA","kid":"ed448"}'), 'Ed448');
accepted('/set', $tokens->sign('RS256', $claims, 'rsa'), 'no kid, one RSA key');
refused('/set', $tokens->sign('EdDSA', $claims, 'ed25519'),
        'no kid, two keys', message("No credentials found for given 'kid'"));

for (['bob', 'HS256', 'very-secret'], ['rsa', 'RS256', 'rsa'],
     ['ec', 'ES256', 'p256'], ['ed', 'EdDSA', 'ed25519'])
{
    my ($iss, $alg, $key) = @$_;
    accepted('/credential', $tokens->sign($alg, qq({"iss":"$iss"}), $key),
             "$alg of a credential");
}

accepted('/credential',
         $tokens->sign('ES384', '{"iss":"issuers"}', 'p384',
                       '{"alg":"ES384","kid":"p384"}'),
         'the set of a credential');

# no signature at all

for my $alg (qw(none None NONE nOnE), '', 'none ', 'NoNe\u0000', 'HS256 ') {
    for my $signature ('', '.', '.AAAA', '.' . b64(hmac_sha256('', ''))) {
        my $text = b64(qq({"alg":"$alg"})) . '.' . b64('{"iss":"bob"}');
        refused('/credential', "$text$signature", "alg \"$alg\", $signature",
                $signature eq '' || $alg =~ /u0000/
                ? message('Bad token; invalid JSON')
                : message('Bad token; invalid alg'));
    }
}

for my $iss (qw(bob rsa ec ed issuers)) {
    for my $alg (qw(HS256 RS256 ES256 EdDSA PS256)) {
        my $text = b64(qq({"alg":"$alg"})) . '.' . b64(qq({"iss":"$iss"}));
        refused('/credential', "$text.", "$alg without a signature for $iss");
    }
}

# a public key as the secret

for (['rsa', 'rsa'], ['ec', 'p256'], ['ed', 'ed25519']) {
    my ($iss, $key) = @$_;
    my $pem = $tokens->pem($key);

    for my $secret ($pem, $pem =~ s/\n\z//r, $pem =~ s/\n/\r\n/gr,
                    $pem =~ s/-----[^\n]*\n//gr =~ s/\n//gr)
    {
        refused('/credential', $tokens->sign('HS256', qq({"iss":"$iss"}),
                                             $secret),
                "HS256 with the key of $iss", message('Invalid algorithm'));
        refused('/set', $tokens->sign('HS256', $claims, $secret,
                                      qq({"alg":"HS256","kid":"$key"})),
                "HS256 with the key $key of the set",
                message('Invalid algorithm'));
    }
}

refused('/credential', $tokens->sign('HS256', '{"iss":"issuers"}', $pem{rsa},
                                     '{"alg":"HS256","kid":"rsa"}'),
        'HS256 with the key of a set', message('Invalid algorithm'));

# one key for another algorithm

refused('/credential', $tokens->sign('RS512', '{"iss":"rsa"}', 'rsa'),
        'RS512 for RS256', message('Invalid algorithm'));
refused('/credential', $tokens->sign('PS256', '{"iss":"rsa"}', 'rsa'),
        'PS256 for RS256', message('Invalid algorithm'));
refused('/credential', $tokens->sign('RS256', '{"iss":"bob"}', 'rsa'),
        'RS256 for HS256', message('Invalid algorithm'));
refused('/credential', $tokens->sign('RS256', '{"iss":"issuers-es"}', 'rsa',
                                     '{"alg":"RS256","kid":"rsa"}'),
        'RS256 for a set of ES256', message('Invalid algorithm'));
refused('/set', $tokens->sign('ES256', $claims, 'p256',
                              '{"alg":"ES256","kid":"rsa"}'),
        'the id of another kind of key', message('Invalid algorithm'));
refused('/set', $tokens->sign('ES384', $claims, 'p384',
                              '{"alg":"ES384","kid":"p256"}'),
        'the id of another curve', message('Invalid algorithm'));
refused('/pinned', $tokens->sign('ES256', $claims, 'p256',
                                 '{"alg":"ES256","kid":"p256"}'),
        'an algorithm that is not listed', message('Invalid algorithm'));
refused('/pinned', $tokens->sign('HS256', '{"iss":"bob"}', 'very-secret'),
        'of a credential either', message('Invalid algorithm'));

# keys that the token brings

my $attacker = Test::Gateway::Token->new;
my $own = '{' . $attacker->jwk('rsa') . ',"kid":"rsa"}';

for my $extra (qq("jwk":$own), '"jku":"http://127.0.0.1:1/"',
               '"x5u":"http://127.0.0.1:1/"', '"x5c":["MIIB"]',
               qq("jwk":$own,"jku":"http://127.0.0.1:1/","crit":["jwk"]))
{
    refused('/set', $attacker->sign('RS256', $claims, 'rsa',
                                    qq({"alg":"RS256","kid":"rsa",$extra})),
            "a token with $extra", message('Invalid signature'));
    refused('/credential', $attacker->sign('RS256', '{"iss":"rsa"}', 'rsa',
                                           qq({"alg":"RS256",$extra})),
            "for a credential, with $extra", message('Invalid signature'));
}

# ids that are no ids

for my $kid ('"../../../dev/null"', '"\' OR 1=1 --"', '"/etc/passwd"', '""',
             '"rsa\u0020"', '"RSA"', '"' . 'k' x 2000 . '"', '1', 'null',
             '["rsa"]', '{"a":"rsa"}', 'true', '"\u0009rsa"', '"rsa\r\nX: y"')
{
    refused('/set', $tokens->sign('RS256', $claims, 'rsa',
                                  qq({"alg":"RS256","kid":$kid})),
            'kid ' . substr($kid, 0, 20),
            message($kid =~ /\\r/ ? "No credentials found for given 'kid'"
                                  : "No credentials found for given 'kid'"));
}

refused('/set', $tokens->sign('RS256', $claims, 'rsa',
                              '{"alg":"RS256","kid":"rsa\u0000"}'),
        'kid with NUL', message('Bad token; invalid JSON'));

# signatures of ECDSA

for my $size (0, 1, 63, 64, 65, 70, 72, 96, 128, 132) {
    for my $byte ("\0", "\x01", "\xff") {
        my $text = b64('{"alg":"ES256"}') . '.' . b64('{"iss":"ec"}');
        refused('/credential', "$text." . b64($byte x $size),
                sprintf('ES256, %d times %02x', $size, ord $byte),
                message('Invalid signature'));
    }
}

{
    my $token = $tokens->sign('ES256', '{"iss":"ec"}', 'p256');
    my ($text) = $token =~ /^(.*)\./;
    Test::Gateway::Token::spew("$tokens->{dir}/in", $text);
    system("openssl dgst -sha256 -sign " . $tokens->key('p256')
           . " -out $tokens->{dir}/out $tokens->{dir}/in");
    refused('/credential',
            "$text." . b64(Test::Gateway::Token::slurp("$tokens->{dir}/out")),
            'a signature in DER', message('Invalid signature'));
}

# tokens that were changed

my $good = $tokens->sign('HS256', '{"iss":"bob"}', 'very-secret');
my ($head, $body, $mac) = split /\./, $good;

refused('/credential', "$head.$body." . b64('x' x 32), 'another MAC',
        message('Invalid signature'));
refused('/credential', "$head.$body." . substr($mac, 0, 42), 'a shorter MAC',
        message('Invalid signature'));
refused('/credential', "$head.$body.$mac.$mac", 'four parts',
        message('Bad token; invalid signature'));
refused('/credential', "$head." . b64('{"iss":"bob","admin":true}') . ".$mac",
        'other claims', message('Invalid signature'));
refused('/credential', b64('{"alg":"HS256","x":1}') . ".$body.$mac",
        'another header', message('Invalid signature'));

# the last character of a MAC has two bits that say nothing

my $twin = $good;
my $digits = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';
substr($twin, -1) = substr $digits, index($digits, substr $twin, -1) ^ 1, 1;
refused('/credential', $twin, 'the same MAC in another writing',
        message('Invalid signature'));

refused('/credential', "$head.$body." . $mac =~ s/.\z/+/r, 'plus sign',
        message('Bad token; invalid signature'));
refused('/credential', "$head.$body.$mac=", 'padding of a wrong length is none')
    if length($mac) % 4 != 3;
accepted('/credential', "$head.$body.$mac=", 'padding');

# JSON with two meanings, or none

for (['{"alg":"HS256","alg":"none"}', '{"iss":"bob"}', 'alg twice'],
     ['{"alg":"HS256"}', '{"iss":"bob","iss":"eve"}', 'iss twice'],
     ['{"alg":"HS256"}', '{"iss":"eve","\u0069ss":"bob"}', 'iss escaped'],
     ['{"alg":"HS256"}', '{"iss":"bob"}{"iss":"eve"}', 'two documents'],
     ['{"alg":"HS256"}', "{\"iss\":\"bob\"}\0", 'a NUL behind'],
     ['{"alg":"HS256"}', "\0{\"iss\":\"bob\"}", 'a NUL before'],
     ['{"alg":"HS256"}', "{\"iss\":\"bob\0\"}", 'a NUL inside'],
     ['{"alg":"HS256"}', '{"iss":"bob\u0000"}', 'an escaped NUL'],
     ['{"alg":"HS256"}', "{\"iss\":\"bob\",\"a\":\"\xff\xfe\"}",
      'no UTF-8'],
     ['{"alg":"HS256"}', "{\"iss\":\"bob\",\"a\":\"\xc0\xaf\"}",
      'overlong UTF-8'],
     ['{"alg":"HS256"}', "{\"iss\":\"bob\",\"a\":\"\xed\xa0\x80\"}",
      'a surrogate'],
     ['{"alg":"HS256"}', "\xef\xbb\xbf{\"iss\":\"bob\"}", 'a byte order mark'],
     ['{"alg":"HS256"}', '{"iss":"bob",}', 'a comma too many'],
     ['{"alg":"HS256"}', "{'iss':'bob'}", 'other quotes'],
     ['{"alg":"HS256"}', '{"iss":"bob","a":1e9999}', 'a number too large'],
     ['{"alg":"HS256"}', '{"iss":"bob","a":' . '[' x 3000 . ']' x 3000 . '}',
      'a deep list'])
{
    my ($header, $payload, $what) = @$_;
    refused('/credential', $tokens->sign('HS256', $payload, 'very-secret',
                                         $header),
            $what, message('Bad token; invalid JSON'));
}

for my $iss ('1', 'true', '["bob"]', '{"a":"bob"}', 'null') {
    refused('/credential', $tokens->sign('HS256', qq({"iss":$iss}),
                                         'very-secret'),
            "iss $iss", message("No credentials found for given 'iss'"));
}

refused('/credential', $tokens->sign('HS256', '{"iss":false}', 'very-secret'),
        'iss false', message("No mandatory 'iss' in claims"));

# long ones; nginx itself takes no line of more than 32k

for my $size (8_000, 16_000) {
    my $token = $tokens->sign('HS256', sprintf('{"iss":"bob","a":"%s"}',
                                               'x' x $size), 'very-secret');
    my $res = get('/credential', $token);
    ok($res && $res->status =~ /^(200|400|401|431|494)$/, "$size bytes");
}

# what becomes of claims

for (['{"sub":"a\r\nX-Admin: 1"}', 'a line break'],
     ['{"sub":"a\u0001"}', 'a control character'],
     ['{"sub":"a\u007f"}', 'DEL'], ['{"sub":{"a":1}}', 'an object'],
     ['{"sub":null}', 'null'], ['{"sub":""}', 'nothing'])
{
    my ($claim, $what) = @$_;
    my $payload = $claim =~ s/^\{/{"iss":"issuer","exp":$later,/r;
    my $res = http_get('/set', headers => [
        'Authorization: Bearer '
        . $tokens->sign('RS256', $payload, 'rsa',
                        '{"alg":"RS256","kid":"rsa"}'),
        'X-Subject: client', 'x_subject: client', 'X-List: client']);
    is($res->status, 200, "sub with $what");
    unlike($res->body, qr/X-Admin|^X.Subject|^X-List/mi,
           "no header of $what");
}

{
    my $payload = qq({"iss":"issuer","exp":$later,"sub":"J\xc3\xb6rg",)
        . '"nested":{"a":7},"list":["a","b, X-Admin","c\n",true,1.5,{},[]]}';
    my $res = accepted('/set', $tokens->sign('RS256', $payload, 'rsa',
                                             '{"alg":"RS256","kid":"rsa"}'),
                       'claims of all kinds');
    like($res->body, qr/^X-Subject: J\xc3\xb6rg$/mi, 'text');
    like($res->body, qr/^X-Nested: 7$/mi, 'a member of a member');
    like($res->body, qr/^X-List: a, true, 1\.5$/mi,
         'a list, without what could be taken for another');
}

# what a client sends is gone without a token too

my $res = http_get('/credential', headers => [
    'Authorization: Bearer ' . $good, 'X-Consumer-Username: admin',
    'X-Credential-Identifier: admin']);
unlike($res->body, qr/admin/, 'no identity of the client');

# one token in several places, and several tokens

$res = http_get("/credential?jwt=$good", headers => [
    "Authorization: Bearer $good", "Cookie: t=$good"]);
is($res->status, 200, 'the same token three times');

$res = http_get("/credential?jwt=$good", headers => ["Cookie: t=$twin"]);
is($res->status, 401, 'two tokens');
is($res->body, message('Multiple tokens provided'), 'which is told');

# nothing of it is in the log

my $log = $nginx->error_log;

unlike($log, qr/very-secret/, 'no secret in the log');
unlike($log, qr/jwt: [^,\n]*ey/, 'no token in the words of jwt');
unlike($log, qr/\[(alert|emerg|crit)\]/, 'nothing went wrong');

is($nginx->stop // '', '', 'no word of a sanitizer');
done_testing();
