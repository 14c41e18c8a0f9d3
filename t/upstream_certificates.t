# Copyright (C) the ngx_gateway authors
#
# upstream: which certificate the gateway shows to a target: the service's,
# else the upstream's, else that of all (client_ssl).

use lib 't/lib';
use Test::Gateway 'no_plan';

my $tls = port(1);
my $dir = "/tmp/gateway-certificates-$$";
my %pem;

mkdir $dir or die "$dir: $!\n";

END { system 'rm', '-rf', $dir if $dir && -d $dir; }

for my $name (qw(server service upstream everyone)) {
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=$name "
           . "-keyout $dir/$name.key -out $dir/$name.crt 2>$dir/log") == 0
        or die "openssl failed\n";

    for my $kind (qw(crt key)) {
        open my $f, '<', "$dir/$name.$kind" or die;
        local $/;
        $pem{"$name.$kind"} = <$f> =~ s/^/    /gmr;
    }
}

start_nginx(conf => <<"_EOC_");
error_log \$TEST_NGINX_SERVROOT/logs/error.log;
pid \$TEST_NGINX_SERVROOT/logs/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path \$TEST_NGINX_SERVROOT/t1;
    proxy_temp_path \$TEST_NGINX_SERVROOT/t2;
    fastcgi_temp_path \$TEST_NGINX_SERVROOT/t3;
    uwsgi_temp_path \$TEST_NGINX_SERVROOT/t4;
    scgi_temp_path \$TEST_NGINX_SERVROOT/t5;
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $dir/server.crt;
        ssl_certificate_key $dir/server.key;
        ssl_verify_client optional_no_ca;
        return 200 "\$ssl_client_s_dn";
    }
}
_EOC_

my $yaml = <<"_EOC_";
_format_version: "3.0"
certificates:
- id: 11111111-1111-4111-8111-111111111111
  cert: |
$pem{'service.crt'}
  key: |
$pem{'service.key'}
- id: 22222222-2222-4222-8222-222222222222
  cert: |
$pem{'upstream.crt'}
  key: |
$pem{'upstream.key'}
services:
- name: both
  host: with
  protocol: https
  client_certificate: 11111111-1111-4111-8111-111111111111
  routes: [{ paths: [/both] }]
- { name: pool, host: with, protocol: https, routes: [{ paths: [/pool] }] }
- { name: none, host: without, protocol: https, routes: [{ paths: [/none] }] }
upstreams:
- name: with
  client_certificate: 22222222-2222-4222-8222-222222222222
  targets: [{ target: "127.0.0.1:$tls" }]
- name: without
  targets: [{ target: "127.0.0.1:$tls" }]
_EOC_

for (['', ''],
     ["--set client_ssl=on --set client_ssl_cert=$dir/everyone.crt "
      . "--set client_ssl_cert_key=$dir/everyone.key", 'CN=everyone'])
{
    my ($args, $none) = @$_;
    my $nginx = start_nginx(yaml => $yaml, compile_args => $args);

    for (1 .. 2) {
        is(http_get('/both')->body, 'CN=service', "the service's");
        is(http_get('/pool')->body, 'CN=upstream', "the upstream's");
        is(http_get('/none')->body, $none, $none ? 'that of all' : 'none');
    }

    is($nginx->stop, '', 'stopped');
}

