# Copyright (C) the ngx_gateway authors
#
# standard_webhooks: signatures, timestamps, what is missing.

use lib 't/lib';
use strict;
use warnings;
use Digest::SHA 'hmac_sha256_base64';
use Test::Gateway 'no_plan';
use Test::More;

start_echo();

my $secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $nginx = start_nginx(yaml => <<"_EOC_");
_format_version: "3.0"
services:
- name: echo
  url: http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT}
  routes:
  - name: hooks
    paths: [/hooks]
    plugins:
    - name: standard-webhooks
      config: {secret_v1: $secret}
  - name: strict
    paths: [/strict]
    plugins:
    - name: standard-webhooks
      config: {secret_v1: $secret, tolerance_second: 5}
_EOC_

sub sign {
    my ($id, $time, $body, $key) = @_;
    my $mac = hmac_sha256_base64("$id.$time.$body", $key // $secret);
    return 'v1,' . $mac . '=' x (-length($mac) % 4);
}

# status of a webhook; what is undef is not sent
sub post {
    my (%o) = @_;
    my $time = exists $o{time} ? $o{time} : time;
    my $body = $o{body} // '{"a":1}';
    my $id = exists $o{id} ? $o{id} : 'msg_1';
    my $signature = exists $o{signature} ? $o{signature}
                    : sign($id // '', $o{signed} // $time // '', $body);
    my @headers = (
        (defined $id ? "webhook-id: $id" : ()),
        (defined $time ? "webhook-timestamp: $time" : ()),
        (defined $signature ? "webhook-signature: $signature" : ()),
        @{ $o{more} // [] });
    my $res = http_request($o{method} // 'POST', $o{path} // '/hooks',
                           headers => \@headers,
                           $o{method} ? () : (body => $body));

    return $res;
}

is(post()->status, 200, 'a webhook that is signed');
like(post()->body, qr/\{"a":1\}$/, 'its body arrives');
is(post(body => 'x' x 100_000)->status, 200, 'a long one');
is(post(id => 'b.c')->status, 200, 'an id with a dot');

my $res = post(signature => sign('msg_1', time, 'other'));
is($res->status, 400, 'another body');
like($res->body, qr/^\{\n  "message":"Bad request",\n  "request_id":"\w+"\n\}$/,
     'its answer');

is(post(signature => sign('msg_2', time, '{"a":1}'))->status, 400,
   'another id');
is(post(signature => sign('msg_1', time - 1, '{"a":1}'))->status, 400,
   'another time');
is(post(signature => sign('msg_1', time, '{"a":1}', 'x'))->status, 400,
   'another secret');
is(post(signature => sign('msg_1', time, '{"a":1}') =~ s/v1/v2/r)->status,
   400, 'another version');
is(post(signature => '')->status, 400, 'an empty signature');
is(post(signature => substr(sign('msg_1', time, '{"a":1}'), 3))->status, 400,
   'no version');

is(post(signature => 'v1,x ' . sign('msg_1', time, '{"a":1}') . ' v1a,y')
       ->status, 200, 'one of several');

is(post(id => undef)->status, 400, 'no id');
is(post(time => undef)->status, 400, 'no timestamp');
is(post(signature => undef)->status, 400, 'no signature');
is(post(id => 'x' x 2000)->status, 400, 'an id without end');

is(post(time => time - 295)->status, 200, 'nearly too old');
is(post(time => time - 302)->status, 400, 'too old');
is(post(time => time + 10_000)->status, 200, 'from the future, as in Kong');
is(post(time => 'soon', signed => 0)->status, 400, 'no number');
is(post(time => '9' x 40, signed => 0)->status, 400, 'no number that we know');
is(post(time => -5)->status, 400, 'before 1970');
is(post(time => '00' . time, signed => time)->status, 200,
   'it is signed as a number');
is(post(time => time - 20, path => '/strict')->status, 400,
   'another tolerance');
is(post(path => '/strict')->status, 200, 'within it');

is(post(body => '')->status, 400, 'an empty body');
is(post(method => 'GET')->status, 400, 'no body');
is(post(more => ['webhook-signature: v1,x', 'webhook-id: other'])->status,
   200, 'of repeated headers the first counts');

unlike($nginx->error_log, qr/whsec/, 'the secret is not logged');
$nginx->stop;

no_long_string();
run_tests();

__DATA__

=== TEST 1: by hand
--- config
    location / {
        gateway_standard_webhooks secret_v1=a;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
    location /off {
        gateway_standard_webhooks off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
["POST /\n{}", "POST /off\n{}"]
--- error_code eval
[400, 200]
--- no_error_log
[error]



=== TEST 2: a body that is too large
--- config
    location / {
        gateway_standard_webhooks secret_v1=a;
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
    }
--- request eval
"POST /\n" . ("a" x 8_388_609)
--- more_headers eval
"webhook-id: a\nwebhook-signature: v1,x\nwebhook-timestamp: " . time
--- error_code: 413



=== TEST 3: no secret
--- config
    gateway_standard_webhooks tolerance_second=5;
--- must_die
--- error_log
"gateway_standard_webhooks" directive needs "secret_v1"
