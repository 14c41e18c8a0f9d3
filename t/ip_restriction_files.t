# Copyright (C) the ngx_gateway authors
#
# ip_restriction: files of addresses, read again when they change.

use lib 't/lib';
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::Gateway 'no_plan';
use Test::More;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;


# as documented: nobody sees half of a file
sub put {
    my ($name, $text) = @_;

    open(my $fh, '>', "$dir/$name.new") or die "$name: $!";
    print $fh $text;
    close $fh or die "$name: $!";
    chmod 0644, "$dir/$name.new";
    rename "$dir/$name.new", "$dir/$name" or die "$name: $!";
}


sub status {
    my ($from, $path) = @_;
    my $res = http_get($path // '/t', headers => ["X-Real-IP: $from"]);

    return $res ? $res->status : 'none';
}


# every worker has read it
sub becomes {
    my ($from, $status, $what, $path) = @_;
    my $same = 0;

    ok(wait_until(sub {
        $same = status($from, $path) == $status ? $same + 1 : 0;
        return $same >= 40;
    }, 20), $what);
}


sub conf {
    my ($args) = @_;

    return (
        master => 1, workers => 2, log_level => 'notice',
        http_config => "set_real_ip_from 127.0.0.1;\n",
        config => <<"_EOC_",
    location /t {
        gateway_ip_restriction $args;
        root html;
    }
    location /both {
        gateway_ip_restriction deny_file=$dir/deny deny=203.0.113.1
                               allow_file=$dir/allow allow=203.0.113.0/24;
        root html;
    }
_EOC_
    );
}


put('deny', <<"_EOC_");
# the first list

192.0.2.1
  192.0.2.16/28\t  # a comment behind it
2001:db8::/32\r
_EOC_
put('allow', "198.51.100.0/24");

my $nginx = start_nginx(conf("deny_file=$dir/deny"));

is(status('192.0.2.1'), 403, 'an address of the file');
is(status('192.0.2.17'), 403, 'a network of the file');
is(status('2001:db8::1'), 403, 'IPv6');
is(status('192.0.2.2'), 404, 'another one passes');

is(status('192.0.2.1', '/both'), 403, 'deny_file wins');
is(status('203.0.113.1', '/both'), 403, 'deny beside deny_file');
is(status('203.0.113.2', '/both'), 404, 'allow beside allow_file');
is(status('198.51.100.9', '/both'), 404, 'allow_file without last newline');
is(status('198.51.101.0', '/both'), 403, 'in neither allow');

put('deny', "192.0.2.2\n");
becomes('192.0.2.2', 403, 'a change acts without a reload');
is(status('192.0.2.1'), 404, 'what is gone from the file passes');
becomes('192.0.2.2', 403, 'another location with the same file', '/both');

put('deny', "192.0.2.3\n192.0.2.333\n");
ok($nginx->wait_log(qr{invalid address in \Q$dir\E/deny:2, }, 20),
   'an invalid line is reported');
ok($nginx->wait_log(qr{the last list of "\Q$dir\E/deny" stays in force}, 20),
   'so is what follows');
becomes('192.0.2.2', 403, 'the last list stays');
is(status('192.0.2.3'), 404, 'nothing of the invalid one acts');

unlink "$dir/deny";
becomes('192.0.2.2', 403, 'a file that is gone leaves its list');
my $gone = qr{\[warn\] .*"\Q$dir\E/deny" cannot be looked at, its last list stays in force \(2: };
ok(wait_until(sub { (() = $nginx->error_log =~ /$gone/g) == 2 }, 10),
   'each worker says so');

put('deny', "192.0.2.4\n");
becomes('192.0.2.4', 403, 'when it is back it is read');
is(scalar(() = $nginx->error_log =~ /$gone/g), 2, 'that it was gone is said once');
is(scalar(() = $nginx->error_log =~ m{ip_restriction: "\Q$dir\E/deny" is back}g), 2,
   'so is that it is back');

put('deny', '');
becomes('192.0.2.4', 404, 'an empty file denies nobody');

# a new worker starts with what the master knows, which is older
put('deny', "192.0.2.5\n");
becomes('192.0.2.5', 403, 'one more change');
kill 'KILL', $nginx->workers;
ok(wait_until(sub { my @w = $nginx->workers; @w == 2 }, 10), 'new workers');
becomes('192.0.2.5', 403, 'they read it too');

put('deny', join('', map { sprintf "10.%d.%d.%d/30\n", $_ >> 13 & 255,
                           $_ >> 5 & 255, ($_ & 31) * 8 } 0 .. 99_999));
becomes('10.1.0.3', 403, '100,000 networks');
becomes('10.12.52.251', 403, 'the last of them');
is(status('10.12.52.252'), 404, 'behind it');
is(status('10.1.0.4'), 404, 'between two of them');

$nginx->reconfigure(conf("deny_file=$dir/deny"));
ok($nginx->reload, 'a reload reads it too');
is(status('10.1.0.3'), 403, 'and it acts');

put('deny', "nonsense\n");
$nginx->reconfigure(conf("deny_file=$dir/deny"));
ok(!$nginx->reload, 'a reload with an invalid file is refused');
like($nginx->error_log, qr{\[emerg\] .*invalid address in \Q$dir\E/deny:1, },
     'with its place');
is(status('10.1.0.3'), 403, 'the old workers go on');

$nginx->stop;

unlink "$dir/deny";
$nginx = start_nginx(conf("deny_file=$dir/deny"), may_fail => 1);
ok(!$nginx || !$nginx->pid, 'no file, no start') or $nginx->stop;
