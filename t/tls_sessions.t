# Copyright (C) the ngx_gateway authors
#
# tls: sessions that clients resume, and those that they must not.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';

my $dir = `mktemp -d`;
chomp $dir;

my $plain = port(0);
my $ssl = port(1);
my $other = port(2);

sub slurp {
    my ($name) = @_;

    open my $fh, '<', $name or die "$name: $!";
    local $/;
    return scalar <$fh>;
}

sub openssl {
    my (@args) = @_;

    system("cd $dir && openssl @args 2>/dev/null") == 0
        or die "openssl @args failed";
}

openssl("req -x509 -nodes -newkey rsa:2048 -days 60 -subj /CN=$_"
        . " -keyout $_.key -out $_.crt") for qw(one two);
openssl('req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256'
        . ' -days 60 -subj /CN=ca -keyout ca.key -out ca.crt');
openssl('req -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256'
        . ' -subj /CN=client -keyout client.key -out client.csr');
openssl('x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial'
        . ' -days 60 -out client.crt');

# "new", "reused" or "failed", and the status of the answer
sub handshake {
    my ($port, $name, @more) = @_;
    my $host = defined $name ? $name : 'none.test';
    my $sni = defined $name ? "-servername $name" : '-noservername';

    for my $arg (@more) {
        $host = $1 if $arg =~ s/^host=(\S+)$//;
    }

    open my $fh, '>', "$dir/request" or die $!;
    print $fh "GET / HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n";
    close $fh;

    my $out = `timeout 10 openssl s_client -connect 127.0.0.1:$port $sni @more -ign_eof <$dir/request 2>/dev/null`;

    my ($status) = $out =~ m{^HTTP/1\.1 (\d+)}m;

    return ($out =~ /^Reused, TLSv1/m ? 'reused'
            : $out =~ /^New, TLSv1/m ? 'new' : 'failed',
            $status // 0);
}

sub session {
    my ($port, $name, @more) = @_;

    unlink "$dir/session";
    my ($rc) = handshake($port, $name, "-sess_out $dir/session", @more);

    return $rc;
}

sub resume {
    my ($port, $name, @more) = @_;

    return 'no session' if !-s "$dir/session";
    return (handshake($port, $name, "-sess_in $dir/session", @more))[0];
}

my %kinds = (
    'TLS 1.3'              => '-tls1_3',
    'tickets of TLS 1.2'   => '-tls1_2',
    'sessions of TLS 1.2'  => '-tls1_2 -no_ticket',
);


# what is compiled

sub block {
    my ($text) = @_;
    return join '', map { "    $_\n" } split /\n/, $text;
}

my $yaml = qq{_format_version: "3.0"\ncertificates:\n};

for my $c (['one', '*.one.test'], ['two', 'two.test']) {
    $yaml .= "- cert: |\n" . block(slurp("$dir/$c->[0].crt"))
             . "  key: |\n" . block(slurp("$dir/$c->[0].key"))
             . "  snis: [{name: \"$c->[1]\"}]\n";
}

my $nginx = start_nginx(yaml => $yaml, master => 1, workers => 4,
    compile_args => "--set proxy_listen='127.0.0.1:$plain, 127.0.0.1:$ssl ssl,"
                    . " 127.0.0.1:$other ssl'");

for my $kind (sort keys %kinds) {
    my @args = $kinds{$kind};

    is(session($ssl, 'a.one.test', @args), 'new', "$kind: a session");

    my @seen = map { resume($ssl, 'a.one.test', @args) } 1 .. 6;
    is("@seen", join(' ', ('reused') x 6), "$kind: any worker resumes it");

    is(resume($ssl, 'A.One.test', @args), 'reused', "$kind: names have no case");
    is(resume($ssl, 'b.one.test', @args), 'new',
       "$kind: not for another name, even of the same certificate");
    is(resume($ssl, 'two.test', @args), 'new', "$kind: nor certificate");
    is(resume($ssl, undef, @args), 'new', "$kind: nor without a name");
    is(resume($other, 'a.one.test', @args), 'new', "$kind: nor address");
}

for my $kind (sort keys %kinds) {
    is(session($ssl, 'two.test', $kinds{$kind}), 'new', "$kind: a session");
    ok($nginx->reload, 'reload');
    is(resume($ssl, 'two.test', $kinds{$kind}), 'reused',
       "$kind: it outlives a reload");
}

unlike($nginx->error_log, qr/\[(error|crit|alert|emerg)\]/, 'nothing to log');
$nginx->stop;


# by hand: keys of tickets that change

sub server {
    my ($listen, $more) = @_;

    return <<"_EOC_";
    server {
        listen $listen;
        server_name default.test;
        ssl_certificate $dir/one.crt;
        ssl_certificate_key $dir/one.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:sessions:1m;
        location / {
            return 200 "\$ssl_client_verify \$ssl_client_s_dn\\n";
        }
        $more
    }
_EOC_
}

$nginx = start_nginx(config => '', http_config =>
    "gateway_session_tickets zone=tickets rotate=1s;\n"
    . server("127.0.0.1:$ssl ssl", ''));

is(session($ssl, 'a.test', '-tls1_3'), 'new', 'a session');
ok(wait_until(sub { resume($ssl, 'a.test', '-tls1_3') eq 'new' }, 20),
   'old tickets become worthless');
is(session($ssl, 'a.test', '-tls1_3'), 'new', 'new ones are made');
ok(grep({ $_ eq 'reused' } map { session($ssl, 'a.test', '-tls1_3');
                                 resume($ssl, 'a.test', '-tls1_3') } 1 .. 3),
   'and accepted');
$nginx->stop;


# certificates of clients

my $pair = "-cert $dir/client.crt -key $dir/client.key";
my $self = "-cert $dir/two.crt -key $dir/two.key";

$nginx = start_nginx(config => '', http_config =>
    server("127.0.0.1:$ssl ssl",
           "gateway_client_certificate request asked.test *.asked.test;\n"
           . "gateway_client_certificate require ca=$dir/ca.crt"
           . " required.test;\n")
    . server("127.0.0.1:$other ssl", ''));

sub said {
    my ($port, $name, @more) = @_;

    open my $fh, '>', "$dir/request" or die $!;
    print $fh "GET / HTTP/1.1\r\nHost: $name\r\nConnection: close\r\n\r\n";
    close $fh;

    my $out = `timeout 10 openssl s_client -connect 127.0.0.1:$port -servername $name @more -ign_eof <$dir/request 2>/dev/null`;

    return $out =~ /^(NONE|SUCCESS|FAILED:.*?) ?(\S*)\r?$/m ? "$1 $2" : 'failed';
}

for my $v ('-tls1_3', '-tls1_2') {
    is(said($ssl, 'free.test', $v, $pair), 'NONE ', "$v: not asked for");
    is(said($ssl, 'asked.test', $v), 'NONE ', "$v: asked for, may be missing");
    like(said($ssl, 'asked.test', $v, $pair), qr/^FAILED:.* CN=client$/,
         "$v: asked for, not judged");
    like(said($ssl, 'a.asked.test', $v, $self), qr/^FAILED:.* CN=two$/,
         "$v: of anybody");
    is(said($ssl, 'required.test', $v, $pair), 'SUCCESS CN=client',
       "$v: required and verified");
    is(said($ssl, 'required.test', $v), 'failed', "$v: required and missing");
    is(said($ssl, 'required.test', $v, $self), 'failed',
       "$v: required, but of somebody else");
}

my $acceptable = `timeout 10 openssl s_client -connect 127.0.0.1:$ssl -servername required.test </dev/null 2>/dev/null`;
like($acceptable, qr/Acceptable client certificate CA names\nCN = ca$/m,
     'clients are told whose certificates are accepted');

for my $kind (sort keys %kinds) {
    my @args = $kinds{$kind};

    session($ssl, 'asked.test', @args, $pair);
    unlike(resume($ssl, 'asked.test', @args, $pair), qr/reused/,
           "$kind: with a certificate no session is resumed");
    session($ssl, 'required.test', @args, $pair);
    unlike(resume($ssl, 'required.test', @args), qr/reused/,
           "$kind: nor when it was required");
    session($ssl, 'free.test', @args);
    unlike(resume($ssl, 'required.test', @args), qr/reused/,
           "$kind: nor one of another name");
    session($other, 'required.test', @args);
    unlike(resume($ssl, 'required.test', @args), qr/reused/,
           "$kind: nor one of a server that does not ask");
    is(session($ssl, 'free.test', @args), 'new', "$kind: others");
    is(resume($ssl, 'free.test', @args), 'reused', "$kind: are");
}

is((handshake($ssl, 'free.test', 'host=required.test'))[1], 421,
   'a host that requires one is refused on a connection for another');
is((handshake($ssl, 'required.test', $pair, 'host=free.test'))[1], 200,
   'not the other way round');
is((handshake($ssl, 'free.test', 'host=asked.test'))[1], 200,
   'nor where it is only asked for');
is((handshake($other, 'required.test'))[1], 200, 'nor on another server');

unlike($nginx->error_log, qr/\[(alert|emerg)\]/, 'nothing alarming');
$nginx->stop;


# what is wrong

sub refused {
    my ($line, $pattern, $name) = @_;

    my $n = eval {
        start_nginx(may_fail => 1, config => '',
                    http_config => server("127.0.0.1:$ssl ssl", $line));
    };

    like($@ || (ref $n ? $n->stderr . $n->error_log : ''), $pattern, $name);
    $n->stop if ref $n;
}

refused("gateway_client_certificate maybe;", qr/expects "request" or "require"/,
        'a mode');
refused("gateway_client_certificate require a.test;", qr/needs "ca"/,
        'require without ca');
refused("gateway_client_certificate require ca=$dir/one.key;",
        qr/cannot read a certificate/, 'ca of a key');
refused("gateway_client_certificate request a.test A.test.;",
        qr/duplicate name "a\.test"/, 'a name twice');
refused("gateway_client_certificate request;\n"
        . "gateway_client_certificate request;", qr/is duplicate/,
        'all names twice');
refused("gateway_client_certificate request depth=x;", qr/expects a number/,
        'depth');

system('rm', '-rf', $dir);
