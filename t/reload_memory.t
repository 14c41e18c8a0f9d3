# Copyright (C) the ngx_gateway authors
#
# Reloads give back the memory of the configuration that they replace, in the
# master and so in the workers.
#
# GATEWAY_RELOADS sets how many.

use lib 't/lib';
use strict;
use warnings;
use Test::Gateway 'no_plan';
use Test::More;

if ($ENV{TEST_NGINX_USE_VALGRIND} || build_dir() =~ /-sanitize/) {
    SKIP: { skip 'memory is no measure in valgrind and sanitizers', 1 }
    exit;
}

# resident, in KB
sub memory {
    my ($pid) = @_;
    my ($kb) = Test::Gateway::Server::read_file("/proc/$pid/status")
               =~ /^VmRSS:\s+(\d+)/m;
    return $kb // 0;
}

my $reloads = $ENV{GATEWAY_RELOADS} // 50;
my $routes = 2000;
my $yaml = "_format_version: '3.0'\nservices:\n";

for my $i (0 .. $routes - 1) {
    $yaml .= "- name: s$i\n  url: http://127.0.0.1:1\n  routes:\n"
        if $i % 20 == 0;
    $yaml .= "  - name: r$i\n    hosts: [h" . $i % 100 . ".example.com]\n"
             . "    paths: ['/p$i', '~/r$i/\\d+']\n";
}

# what allocates when the configuration is read, and outlives it
$yaml .= <<'_EOC_';
consumers:
- username: alice
  keyauth_credentials:
  - key: one
plugins:
- name: key-auth
- name: rate-limiting
  config: {minute: 10, policy: local}
- name: prometheus
- name: cors
- name: ip-restriction
  config: {deny: [10.0.0.0/8]}
- name: bot-detection
- name: request-transformer
  config: {add: {headers: ['x-a:$(headers.b)']}}
_EOC_

my $nginx = start_nginx(yaml => $yaml, log_level => 'notice', workers => 1);
my @master;
my @worker;

for (1 .. $reloads) {
    $nginx->reload(drained => 1, timeout => 30) or last;
    my ($worker) = $nginx->workers;
    push @master, memory($nginx->pid);
    push @worker, memory($worker);
}

is(scalar @master, $reloads, "$reloads reloads") or BAIL_OUT('no reload');

# two configurations live at a time; what the allocator keeps of the old one
# varies by about 1 MB.  The configuration itself takes more than 10 MB.
my $from = int($reloads / 5);
my $slack = 3000;

note("master @master[0, $from, -1] KB, worker @worker[0, $from, -1] KB");
cmp_ok($master[-1] - $master[$from], '<', $slack,
       'the master is no larger at the end than after a few');
cmp_ok($worker[-1] - $worker[$from], '<', $slack, 'nor is a worker');
is($nginx->stop, '', 'nothing to complain about');
