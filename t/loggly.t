# Copyright (C) the ngx_gateway authors
#
# loggly: datagrams in the format of RFC 5424.

use lib 't/lib';
use Test::Gateway 'no_plan';
use IO::Socket::INET;
use IO::Select;
use JSON::PP;
use Sys::Hostname;

my $server = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    // die "no socket: $!";
my $port = $server->sockport;

sub datagram {
    IO::Select->new($server)->can_read($_[0] // 3) or return '';
    recv($server, my $text, 65536, 0);
    return $text;
}

my $nginx = start_nginx(config => <<"_EOC_");
    location /a {
        gateway_loggly host=127.0.0.1 port=$port key=some-key
            client_errors_severity=warning server_errors_severity=err;
        location = /a/404 { return 404; }
        location = /a/500 { return 500; }
        return 204;
    }
    location /tags {
        gateway_loggly host=127.0.0.1 port=$port key=k tags=kong 'tags=a"]b'
            log_level=err client_errors_severity=crit;
        location = /tags/404 { return 404; }
        return 204;
    }
_EOC_

my $host = quotemeta hostname();

http_get('/a?n=1');
my $text = datagram();
like($text, qr/^<14>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ $host kong - - \[some-key\@41058 tag="kong"\] \{.*\}$/,
     'format');
my ($json) = $text =~ /(\{.*\})$/;
is(decode_json($json)->{request}{querystring}{n}, 1, 'the record');

http_get('/a/404');
like(datagram(), qr/^<12>1 /, '404 is a warning');
http_get('/a/500');
like(datagram(), qr/^<11>1 /, '500 is an error');

http_get('/tags');
is(datagram(0.3), '', 'less severe than the level');
http_get('/tags/404');
like(datagram(), qr/^<10>1 .*\[k\@41058 tag="kong" tag="a\\"\\\]b"\] \{/,
     'several tags, escaped');

is($nginx->stop, '', 'stops');

run_tests();

__DATA__

=== TEST 1: a key is required
--- config
    location / { gateway_loggly host=127.0.0.1; }
--- must_die
--- error_log
needs "key"



=== TEST 2: a key that would end what it is in
--- config
    location / { gateway_loggly host=127.0.0.1 key=a]b; }
--- must_die
--- error_log
needs a "key" without
