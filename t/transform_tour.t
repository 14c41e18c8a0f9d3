# Copyright (C) the ngx_gateway authors
#
# conf.d/transform.yaml does what its tour says.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;

my $echo = $ENV{TEST_NGINX_ECHO_PORT};

my $yaml = do {
    open(my $fh, '<', 'conf.d/transform.yaml') or die "transform.yaml: $!";
    local $/;
    <$fh>;
};

$yaml =~ s/127\.0\.0\.1:9080/127.0.0.1:$echo/g;

start_echo();

my $nginx = start_nginx(yaml => $yaml);
my ($res, $sent);

$res = http_get('/headers', headers => ['X-Internal: 1', 'X-Old: 2',
                                        'User-Agent: tour/1']);
like($res->body, qr/^X-New: 2$/m, 'a header is renamed');
like($res->body, qr{^X-Caller: tour/1$}m, 'and one filled in');
unlike($res->body, qr/X-Internal|X-Old/, 'and one hidden');
is($res->header('X-Served-By'), 'gateway', 'the response has another');

$res = http_get('/users/7/orders?q=shoes&page=3');
like($res->body, qr{^GET /v2/orders/7\?first=40&page=3&search=shoes HTTP},
     'path and query string');

$res = http_get('/users/7/orders');
like($res->body, qr{^GET /v2/orders/7\?first=0 HTTP}, 'without arguments');

$sent = '{"user":{"name":"Ann","password":"x"},"lines":[{"qty":1}]}';
$res = http_request('POST', '/body', body => $sent,
                    headers => ['Content-Type: application/json']);
like($res->body, qr/\n\{"user":\{"name":"Ann","role":"guest"\},
                    "lines":\[\{"quantity":1\}\],"version":2\}$/x,
     'a JSON body');

my $form = 'Content-Type: application/x-www-form-urlencoded';

$res = http_request('POST', '/form', body => 'password=x&name=Ann',
                    headers => [$form]);
like($res->body, qr/\npassword=hidden&name=Ann$/, 'a form');

$res = http_request('POST', '/method', body => 'a=1', headers => [$form]);
like($res->body, qr{^GET /\?a=1 HTTP}, 'a method');

$res = http_get('/closed');
is($res->status, 503, 'another status');
is($res->header('Retry-After'), 60, 'a header under a condition');
is($res->body, '{"message":"Back in a minute"}', 'a page');

$res = http_get('/closed', headers => ['Accept: text/html']);
is($res->body, '<p>Back in a minute</p>', 'and one of another type');

is($nginx->stop, '', 'no sanitizer has a word');
