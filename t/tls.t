# Copyright (C) the ngx_gateway authors
#
# tls: which certificate a client gets, by the name it asks for.

use strict;
use warnings;

use lib 't/lib';
use Test::Gateway 'no_plan';

my $dir = `mktemp -d`;
chomp $dir;

sub pair {
    my ($cn, $type) = @_;
    my $key = $type eq 'ec' ? '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1'
                            : '-newkey rsa:2048';

    system("openssl req -x509 -nodes $key -days 60 -subj /CN=$cn"
           . " -keyout $dir/$cn.key -out $dir/$cn.crt 2>/dev/null") == 0
        or die "openssl cannot make a certificate for $cn";
}

sub slurp {
    open my $fh, '<', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$fh>;
}

pair('exact', 'rsa');
pair('left', 'rsa');
pair('right', 'rsa');
pair('star', 'rsa');
pair('dual', 'rsa');
pair('dual-ec', 'ec');

my $ssl = port(1);

# the subject that a client sees which asks for this name
sub subject {
    my ($port, $name, @more) = @_;
    my $sni = defined $name ? "-servername $name" : '-noservername';
    my $out = `openssl s_client -connect 127.0.0.1:$port $sni @more </dev/null 2>/dev/null | openssl x509 -noout -subject 2>/dev/null`;

    return $out =~ /CN\s*=\s*(\S+)/ ? $1 : 'none';
}

sub block {
    my ($text, $indent) = @_;
    return join '', map { (' ' x $indent) . "$_\n" } split /\n/, $text;
}

my $yaml = qq{_format_version: "3.0"\ncertificates:\n};

for my $c (['exact', 'a.example.com'], ['left', '*.example.com'],
           ['right', 'example.*'], ['star', '*'], ['dual', 'dual.test'])
{
    my ($cn, $sni) = @$c;
    $yaml .= "- cert: |\n" . block(slurp("$dir/$cn.crt"), 4)
             . "  key: |\n" . block(slurp("$dir/$cn.key"), 4);
    $yaml .= "  cert_alt: |\n" . block(slurp("$dir/dual-ec.crt"), 4)
             . "  key_alt: |\n" . block(slurp("$dir/dual-ec.key"), 4)
        if $cn eq 'dual';
    $yaml .= "  snis: [{name: \"$sni\"}]\n";
}

my $nginx = start_nginx(yaml => $yaml, compile_args =>
    "--set proxy_listen='127.0.0.1:" . port(0) . ", 127.0.0.1:$ssl ssl'");

is(subject($ssl, 'a.example.com'), 'exact', 'the name itself');
is(subject($ssl, 'A.Example.COM'), 'exact', 'whatever its case');
is(subject($ssl, 'b.example.com'), 'left', '* for the first label');
is(subject($ssl, 'a.b.example.com'), 'star', 'for one label only');
is(subject($ssl, 'example.org'), 'right', '* for the last label');
is(subject($ssl, 'example.com'), 'right',
   'a name of two labels has no first label to replace');
is(subject($ssl, 'other.test'), 'star', '* for all others');
is(subject($ssl, 'dual.test', '-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256'),
   'dual', 'RSA for a client of RSA');
is(subject($ssl, 'dual.test',
           '-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256'),
   'dual-ec', 'ECDSA for one of ECDSA');
isnt(subject($ssl, undef), 'star', 'the default for a client without a name');

unlike($nginx->error_log, qr/\[(error|crit|alert|emerg)\]/, 'nothing to log');

ok($nginx->reload, 'reload');
is(subject($ssl, 'a.example.com'), 'exact', 'and the same after it');

my $modes = join ' ', map { sprintf '%o', (stat $_)[2] & 0777 }
            glob($nginx->{root} . '/gateway.*/sni-*.key');
like($modes, qr/^600( 600)+$/, 'keys are for their owner only')
    if length $modes;

$nginx->stop;

# by hand

sub fails {
    my ($line, $pattern, $name) = @_;

    my $n = eval {
        start_nginx(may_fail => 1, http_config => <<"_EOC_", config => '');
    server {
        listen 127.0.0.1:$ssl ssl;
        ssl_certificate $dir/exact.crt;
        ssl_certificate_key $dir/exact.key;
        $line
    }
_EOC_
    };

    my $said = $@ || (ref $n ? $n->stderr . $n->error_log : '');
    like($said, $pattern, $name);
    $n->stop if ref $n;
}

fails("gateway_certificate $dir/left.crt $dir/right.key a.test;",
      qr/does not belong to/, 'a key of another certificate');
fails("gateway_certificate $dir/none.crt $dir/right.key a.test;",
      qr/cannot read/, 'a file that is not there');
fails("gateway_certificate $dir/left.crt $dir/left.key a.test A.test;",
      qr/duplicate name "a\.test"/, 'a name twice');

system('rm', '-rf', $dir);
