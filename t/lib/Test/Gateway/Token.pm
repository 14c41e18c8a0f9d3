# Copyright (C) the ngx_gateway authors
#
# Tokens for tests, signed by openssl, of any JSON texts:
#
#   my $tokens = Test::Gateway::Token->new;
#   $tokens->pem('rsa');                             # a public key
#   $tokens->sign('RS256', '{"iss":"bob"}', 'rsa');  # a token
#   $tokens->sign('HS256', $claims, 'secret', $header);
#
# Keys are rsa, rsa3k, p256, p384, p521, ed25519 and ed448, and for HS* the
# secret itself; they are made when they are needed.

package Test::Gateway::Token;

use strict;
use warnings;

use Digest::SHA;
use File::Temp qw(tempdir);
use MIME::Base64 qw(encode_base64);

use Exporter qw(import);

our @EXPORT_OK = qw(b64);

my %kinds = (
    rsa => 'RSA -pkeyopt rsa_keygen_bits:2048',
    rsa3k => 'RSA -pkeyopt rsa_keygen_bits:3072',
    p256 => 'EC -pkeyopt ec_paramgen_curve:P-256',
    p384 => 'EC -pkeyopt ec_paramgen_curve:P-384',
    p521 => 'EC -pkeyopt ec_paramgen_curve:P-521',
    ed25519 => 'ED25519',
    ed448 => 'ED448',
);

sub new {
    return bless { dir => tempdir(CLEANUP => 1) }, shift;
}


sub b64 {
    my $s = encode_base64($_[0], '');
    $s =~ tr{+/=}{-_}d;
    return $s;
}


sub slurp {
    open my $fh, '<', $_[0] or die "$_[0]: $!";
    binmode $fh;
    local $/;
    return scalar <$fh>;
}


sub spew {
    open my $fh, '>', $_[0] or die "$_[0]: $!";
    binmode $fh;
    print $fh $_[1];
    close $fh;
}


# the file of a private key
sub key {
    my ($self, $name) = @_;
    my $file = "$self->{dir}/$name";

    if (!-e "$file.key") {
        system("openssl genpkey -algorithm $kinds{$name} -out $file.key"
               . " 2>/dev/null && openssl pkey -in $file.key -pubout"
               . " -out $file.pub") == 0 or die "openssl failed";
    }

    return "$file.key";
}


sub pem {
    my ($self, $name) = @_;
    my $file = $self->key($name);
    $file =~ s/key$/pub/;
    return slurp($file);
}


# a signature in the form of JWS
sub signature {
    my ($self, $alg, $text, $key) = @_;
    my ($bits) = $alg =~ /(\d+)$/;
    my $dir = $self->{dir};

    if ($alg =~ /^HS/) {
        my %f = (256 => \&Digest::SHA::hmac_sha256,
                 384 => \&Digest::SHA::hmac_sha384,
                 512 => \&Digest::SHA::hmac_sha512);
        return $f{$bits}->($text, $key);
    }

    my $file = $self->key($key);
    spew("$dir/in", $text);

    if ($alg eq 'EdDSA') {
        system("openssl pkeyutl -sign -rawin -inkey $file"
               . " -in $dir/in -out $dir/out") == 0 or die "openssl failed";
        return slurp("$dir/out");
    }

    my $opt = $alg =~ /^PS/
        ? '-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1' : '';
    system("openssl dgst -sha$bits -sign $file $opt"
           . " -out $dir/out $dir/in") == 0 or die "openssl failed";

    my $sig = slurp("$dir/out");
    return $alg =~ /^ES/ ? raw($sig, {256 => 32, 384 => 48, 512 => 66}->{$bits})
                         : $sig;
}


# the two integers of a DER signature, each of a fixed size
sub raw {
    my ($der, $size) = @_;
    my $at = ord(substr $der, 1, 1) & 0x80 ? 3 : 2;
    my $raw = '';
    for (1, 2) {
        my $len = ord substr $der, $at + 1, 1;
        my $int = substr $der, $at + 2, $len;
        $int =~ s/^\0+//;
        $raw .= ("\0" x ($size - length $int)) . $int;
        $at += 2 + $len;
    }
    return $raw;
}


# a token of JSON texts; the header names the algorithm unless it is given
sub sign {
    my ($self, $alg, $claims, $key, $header) = @_;
    $header //= qq({"typ":"JWT","alg":"$alg"});
    my $text = b64($header) . '.' . b64($claims);
    return $text . '.' . b64($self->signature($alg, $text, $key));
}


# the members of the key as a JWK, without the braces
sub jwk {
    my ($self, $name) = @_;
    my $file = $self->key($name);

    if ($name =~ /^rsa/) {
        my ($n) = `openssl rsa -in $file -noout -modulus` =~ /=([0-9A-F]+)/;
        return '"kty":"RSA","e":"AQAB","n":"' . b64(pack 'H*', $n) . '"';
    }

    my $der = `openssl pkey -in $file -pubout -outform DER`;

    if ($name =~ /^ed/) {
        my %size = (ed25519 => 32, ed448 => 57);
        return sprintf '"kty":"OKP","crv":"%s","x":"%s"', ucfirst $name,
                       b64(substr $der, -$size{$name});
    }

    my %size = (p256 => 32, p384 => 48, p521 => 66);
    my $size = $size{$name};
    (my $curve = $name) =~ s/p/P-/;
    return sprintf '"kty":"EC","crv":"%s","x":"%s","y":"%s"', $curve,
                   b64(substr $der, -2 * $size, $size),
                   b64(substr $der, -$size);
}

1;
