# Copyright (C) the ngx_gateway authors
#
# Digests of credentials as the gateway makes them, under a secret that tests
# know.  Our own code, so that a mistake there does not go unnoticed here.

package Test::Gateway::Secret;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Exporter 'import';

our @EXPORT_OK = qw(secret credential_digest);


# what stands in the file
sub secret { return 'of the tests, 32 bytes and a few' }


# of one kind of credentials ("keyauth_credentials"), 64 hex digits
sub credential_digest {
    my ($kind, $data) = @_;

    return hmac_sha256_hex($data, hmac_sha256($kind, secret()));
}


1;
