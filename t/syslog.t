# Copyright (C) the ngx_gateway authors
#
# syslog: severity by status, to a daemon of the test.

use lib 't/lib';
use Test::Gateway 'no_plan';
use IO::Socket::UNIX;
use IO::Select;
use JSON::PP;
use File::Temp 'tempdir';
use Socket;

my $dir = tempdir(CLEANUP => 1);
my $path = "$dir/log";
my $server = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path)
    or die "no socket: $!";
chmod 0755, $dir;
chmod 0777, $path;

sub datagram {
    my ($seconds) = @_;
    return undef unless IO::Select->new($server)->can_read($seconds);
    $server->recv(my $text, 65536);
    return $text;
}

my $nginx = start_nginx(config => <<"_EOC_");
    gateway_syslog socket=unix:$path facility=local0
                   client_errors_severity=notice server_errors_severity=crit;
    location /200 { return 200; }
    location /404 { return 404; }
    location /500 { return 500; }
    location /some {
        gateway_syslog socket=unix:$path log_level=err
                       server_errors_severity=err;
        location /some/200 { return 200; }
        location /some/500 { return 500; }
    }
    location /none {
        gateway_syslog socket=unix:$dir/none;
        return 204;
    }
_EOC_

# 128: local0
for my $case ([200, 134], [404, 133], [500, 130]) {
    my ($status, $pri) = @$case;
    http_get("/$status");
    my $text = datagram(3) // '';
    like($text, qr/^<$pri>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d kong: \{/,
         "priority of $status");
    my ($json) = $text =~ /kong: (.*)/s;
    is(eval { decode_json($json)->{response}{status} }, $status, 'the record');
}

http_get('/some/200');
http_get('/some/500');
like(datagram(3) // '', qr/^<11>/, 'severe enough, facility user');
is(datagram(0.2), undef, 'and the other one was not');

is(http_get('/none')->status, 204, 'no daemon');
ok($nginx->wait_log(qr/syslog: "unix:.*" cannot be connected to/, 2),
   'the log tells of lost records');

# a daemon that starts again
close $server;
unlink $path;
http_get('/200');
$server = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path)
    or die "no socket: $!";
chmod 0777, $path;
ok(wait_until(sub { http_get('/200'); defined datagram(0.1) }, 3),
   'a daemon that starts again gets records');

is($nginx->stop, '', 'stops');

run_tests();

__DATA__

=== TEST 1: a socket that is none
--- config
    location / { gateway_syslog socket=/dev/log; }
--- must_die
--- error_log
needs "unix:"
