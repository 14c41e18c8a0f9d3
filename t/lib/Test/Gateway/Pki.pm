package Test::Gateway::Pki;

# Copyright (C) the ngx_gateway authors
#
# Authorities made by openssl, and what they publish: certificates, revocation
# lists and an OCSP responder, served on ports of 127.0.0.1.

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET ();
use POSIX ();

my $owner = $$;
my @children;

END {
    if ($$ == $owner) {
        my $status = $?;
        kill 'KILL', @children;
        waitpid $_, 0 for @children;
        $? = $status;
    }
}


sub new {
    my ($class) = @_;
    return bless { dir => File::Temp::tempdir(CLEANUP => 1) }, $class;
}


sub path { return "$_[0]{dir}/$_[1]" }


sub slurp {
    my ($self, $name) = @_;
    open my $f, '<', $self->path($name) or die "$name: $!\n";
    local $/;
    return scalar <$f>;
}


sub spew {
    my ($self, $name, $text) = @_;
    open my $f, '>', $self->path($name) or die "$name: $!\n";
    print $f $text;
    close $f;
}


sub run {
    my ($self, $command) = @_;
    system("cd $self->{dir} && { $command; } >>out 2>&1") == 0
        or die "$command failed: " . `tail -5 $self->{dir}/out`;
}


# an authority that signs itself, or that another one signed
sub authority {
    my ($self, $name, $issuer) = @_;

    mkdir $self->path("$name.d") or die $!;
    $self->spew("$name.d/index.txt", '');
    $self->spew("$name.d/index.txt.attr", "unique_subject = no\n");
    $self->spew("$name.d/serial", sprintf "%02X00\n", ord $name);
    $self->spew("$name.d/crlnumber", "01\n");
    $self->spew("$name.cnf", <<"_EOC_");
[ca]
default_ca = me
[me]
database = $self->{dir}/$name.d/index.txt
new_certs_dir = $self->{dir}/$name.d
serial = $self->{dir}/$name.d/serial
crlnumber = $self->{dir}/$name.d/crlnumber
certificate = $self->{dir}/$name.crt
private_key = $self->{dir}/$name.key
default_md = sha256
default_days = 90
default_crl_days = 30
policy = any
email_in_dn = no
[any]
commonName = optional
organizationName = optional
_EOC_
    $self->spew("$name.ca", "basicConstraints = critical,CA:TRUE\n"
                . "keyUsage = critical,keyCertSign,cRLSign\n"
                . "subjectKeyIdentifier = hash\n");

    $self->run("openssl req -new -newkey ec -pkeyopt "
               . "ec_paramgen_curve:prime256v1 -nodes -subj '/CN=$name' "
               . "-keyout $name.key -out $name.csr");

    if (defined $issuer) {
        $self->run("openssl ca -batch -config $issuer.cnf -in $name.csr "
                   . "-notext -out $name.crt -extfile $name.ca");
    } else {
        $self->run("openssl x509 -req -in $name.csr -signkey $name.key "
                   . "-days 90 -extfile $name.ca -out $name.crt");
    }

    return $name;
}


# NAME.crt and NAME.key, NAME.pem with both and with the files of "chain"
sub certificate {
    my ($self, $name, $issuer, %o) = @_;
    my $subject = $o{subject} // "/CN=$name";
    my $ext = "basicConstraints = CA:FALSE\n";
    my $dates = '';

    $ext .= "subjectAltName = $o{san}\n" if $o{san};
    $ext .= "authorityInfoAccess = OCSP;URI:$o{ocsp}\n" if $o{ocsp};
    $ext .= "crlDistributionPoints = URI:$o{crl}\n" if $o{crl};
    $ext .= "extendedKeyUsage = $o{usage}\n" if $o{usage};

    $dates = '-startdate 20200101000000Z -enddate 20200201000000Z'
        if $o{expired};

    $self->spew("$name.ext", $ext);
    $self->run("openssl req -new -newkey ec -pkeyopt "
               . "ec_paramgen_curve:prime256v1 -nodes -utf8 -subj '$subject' "
               . "-keyout $name.key -out $name.csr");
    $self->run("openssl ca -batch -utf8 -config $issuer.cnf -in $name.csr "
               . "-notext -out $name.crt -extfile $name.ext $dates");

    $self->spew("$name.pem", CORE::join '', $self->slurp("$name.crt"),
                (map { $self->slurp("$_.crt") } @{$o{chain} || []}),
                $self->slurp("$name.key"));

    return $name;
}


sub revoke {
    my ($self, $name, $issuer) = @_;
    $self->run("openssl ca -batch -config $issuer.cnf -revoke $name.crt");
}


# the list of an authority, as DER
sub crl {
    my ($self, $issuer, $file, $options) = @_;
    $options //= '';
    $self->run("openssl ca -batch -config $issuer.cnf -gencrl $options "
               . "-out $file.pem && "
               . "openssl crl -in $file.pem -outform DER -out $file");
}


sub fingerprint {
    my ($self, $name) = @_;
    my $out = `openssl x509 -in $self->{dir}/$name.crt -noout -fingerprint -sha256`;
    return $out =~ /=(\S+)/ ? $1 : die;
}


sub indent {
    my ($self, $name, $n) = @_;
    return join '', map { ' ' x $n . "$_\n" } split /\n/, $self->slurp($name);
}


sub _child {
    my ($code) = @_;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        $SIG{TERM} = 'DEFAULT';
        eval { $code->() };
        POSIX::_exit(0);
    }

    push @children, $pid;

    return $pid;
}


sub stop {
    my ($self, $pid) = @_;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    @children = grep { $_ != $pid } @children;
}


# openssl's responder, with a key of its own or of the authority
sub responder {
    my ($self, $issuer, $port, $signer) = @_;
    my $dir = $self->{dir};

    $signer //= $issuer;
    $self->spew("ocsp-$port.log", '');

    my $pid = _child(sub {
        open STDOUT, '>>', "$dir/ocsp-$port.log";
        open STDERR, '>&', \*STDOUT;
        exec 'openssl', 'ocsp', '-index', "$dir/$issuer.d/index.txt", '-port',
             $port, '-rsigner', "$dir/$signer.crt", '-rkey',
             "$dir/$signer.key", '-CA', "$dir/$issuer.crt", '-nmin', '5',
             '-ignore_err';
    });

    # it spins on a connection that is closed without a request

    for (1 .. 400) {
        return $pid if $self->slurp("ocsp-$port.log") =~ /waiting for/;
        select undef, undef, undef, 0.05;
    }

    die "no responder on $port\n";
}


# files of the directory by HTTP; a proxy too.  Lines of requests go to LOG.
sub serve {
    my ($self, $port, $log) = @_;
    my $dir = $self->{dir};

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 16, ReuseAddr => 1)
        or die "port $port: $!\n";

    $self->spew($log, '');

    my $pid = _child(sub {
        while (my $c = $listen->accept) {
            my ($line) = my @head = _head($c);
            next unless defined $line;

            open my $f, '>>', "$dir/$log" or die;
            print $f "$line\n";
            close $f;

            if ($line =~ m{^CONNECT (\S+) HTTP/1\.1$}) {
                _tunnel($c, $1);
                next;
            }

            my ($target) = $line =~ m{^\w+ (?:http://[^/]+)?/([^?\s]*)};
            my $body;

            if (defined $target && open my $in, '<', "$dir/$target") {
                local $/;
                binmode $in;
                $body = <$in>;
            }

            print $c defined $body
                ? "HTTP/1.1 200 OK\r\nContent-Length: " . length($body)
                  . "\r\nConnection: close\r\n\r\n$body"
                : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                  . "Connection: close\r\n\r\n";
            close $c;
        }
    });

    close $listen;

    return $pid;
}


# both ways, until one end closes
sub _tunnel {
    my ($c, $to) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => $to) or return;

    syswrite $c, "HTTP/1.1 200 OK\r\n\r\n";

    for (;;) {
        my ($in, $data) = ('');
        vec($in, fileno $_, 1) = 1 for $c, $s;
        select $in, undef, undef, 10 or return;

        for ([$c, $s], [$s, $c]) {
            next unless vec($in, fileno $_->[0], 1);
            sysread $_->[0], $data, 65536 or return;
            syswrite $_->[1], $data;
        }
    }
}


# the same files over TLS
sub serve_tls {
    my ($self, $port, $cert) = @_;
    my $dir = $self->{dir};

    my $pid = _child(sub {
        chdir $dir;
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'openssl', 's_server', '-accept', "127.0.0.1:$port", '-cert',
             "$cert.crt", '-key', "$cert.key", '-WWW';
    });

    for (1 .. 400) {
        return $pid if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
        select undef, undef, undef, 0.05;
    }

    die "nobody listens on $port\n";
}


sub _head {
    my ($c) = @_;
    my @lines;

    while (defined(my $line = <$c>)) {
        $line =~ s/\r?\n$//;
        last if $line eq '';
        push @lines, $line;
    }

    return @lines;
}


sub lines {
    my ($self, $log) = @_;
    return split /\n/, $self->slurp($log);
}

1;
