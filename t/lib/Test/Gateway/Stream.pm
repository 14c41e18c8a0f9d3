# Copyright (C) the ngx_gateway authors
#
# Servers and clients of plain TCP, UDP and TLS, for tests of stream{}.

package Test::Gateway::Stream;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use POSIX ();

our @EXPORT = qw(serve serve_udp tcp udp tls open_tcp ask slow_hello
                 certificate);

my $owner = $$;
my @pids;

END {
    if ($$ == $owner) {
        my $status = $?;
        kill 'TERM', @pids if @pids;
        waitpid $_, 0 for @pids;
        $? = $status;
    }
}


# runs code in a process that ends with the test
sub background {
    my ($code) = @_;
    my $pid = fork // die "fork: $!\n";

    if ($pid) {
        push @pids, $pid;
        return $pid;
    }

    # not tied to the harness' pipe, or a crash would hang it
    open STDOUT, '>', '/dev/null';
    $SIG{TERM} = sub { POSIX::_exit(0) };
    eval { $code->(); 1 } or warn $@;
    POSIX::_exit(1);
}


# serve(port, name): answers "name: what it read"
sub serve {
    my ($port, $name) = @_;
    my $listen = IO::Socket::INET->new(
        Listen => 64, ReuseAddr => 1, LocalAddr => '127.0.0.1',
        LocalPort => $port) or die "port $port: $!\n";

    background(sub {
        my $select = IO::Select->new($listen);

        while (my @ready = $select->can_read) {
            for my $s (@ready) {
                if ($s == $listen) {
                    $select->add(scalar $listen->accept // next);
                    next;
                }
                if (sysread $s, my $text, 65536) {
                    syswrite $s, "$name: $text";
                    next;
                }
                $select->remove($s);
                close $s;
            }
        }
    });
    close $listen;
}


# the same by UDP
sub serve_udp {
    my ($port, $name) = @_;
    my $socket = IO::Socket::INET->new(
        Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => $port)
        or die "port $port: $!\n";

    background(sub {
        while (defined $socket->recv(my $text, 65536)) {
            $socket->send("$name: $text");
        }
    });
    close $socket;
}


sub open_tcp {
    my ($port, %o) = @_;
    return IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5,
        $o{from} ? (LocalAddr => '127.0.0.1', LocalPort => $o{from},
                    ReuseAddr => 1) : ())
        // die "cannot connect to port $port: $!\n";
}


# what comes back for the text; '' when the connection is closed
sub ask {
    my ($socket, $text) = @_;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $socket, $text if length $text;

    my $answer = '';
    if (IO::Select->new($socket)->can_read(10)) {
        sysread $socket, $answer, 65536;
    } else {
        $answer = 'nothing';
    }
    return $answer // '';
}


# tcp(port, text, from => port)
sub tcp {
    my ($port, $text, %o) = @_;
    my $socket = open_tcp($port, %o);
    my $answer = ask($socket, $text);

    # the side that closes first keeps the port for a while
    setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(),
               pack('ii', 1, 0) if $o{from};
    close $socket;
    return $answer;
}


sub udp {
    my ($port, $text) = @_;
    my $socket = IO::Socket::INET->new(
        Proto => 'udp', PeerAddr => '127.0.0.1', PeerPort => $port)
        or die "udp: $!\n";
    $socket->send($text);

    return 'nothing' unless IO::Select->new($socket)->can_read(10);
    my $answer;
    return defined $socket->recv($answer, 65536) ? $answer : "error: $!";
}


# (the subject's CN, what comes back) of a handshake for that name
sub tls {
    my ($port, $name, $text, @more) = @_;
    my $sni = $name ne '' ? "-servername $name" : '-noservername';

    my ($read, $write, $in, $out);

    pipe $in, $write or die;
    pipe $read, $out or die;

    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        close $write;
        close $read;
        open STDIN, '<&', $in or POSIX::_exit(1);
        open STDOUT, '>&', $out or POSIX::_exit(1);
        open STDERR, '>', '/dev/null';
        my @cmd = split ' ', "openssl s_client -connect 127.0.0.1:$port $sni"
                             . " -nocommands -ign_eof @more";
        exec(@cmd) or POSIX::_exit(1);
    }

    close $in;
    close $out;
    local $SIG{PIPE} = 'IGNORE';

    my $select = IO::Select->new($read);
    my ($all, $answer, $sent, $cn) = ('', '', 0, 'none');

    while ($select->can_read(10)) {
        sysread $read, my $part, 65536 or last;
        $all .= $part;

        # all that it says by itself ends so; TLS 1.3's tickets follow
        if (!$sent && $all =~ /^SSL handshake has read/m) {
            $cn = $1 if $all =~ /^subject=.*?CN\s*=\s*(\S+)/m;
            syswrite $write, $text if length $text;
            $sent = 1;
        }

        if ($all =~ /((?:one|two|three): [^\n]*|sni=[^\n]*)/
            && $sent && $cn ne 'none')
        {
            $answer = $1;
            last;
        }
    }

    kill 'TERM', $pid;
    waitpid $pid, 0;
    $answer =~ s/closed$//;
    return ($cn, $answer);
}


# a ClientHello in pieces; the type of the first record that comes back
sub slow_hello {
    my ($port, $name) = @_;
    my $sni = pack('n/a*', pack('n/a*', "\0" . pack('n/a*', $name)));
    my $extensions = pack('n', 0) . $sni
        . pack('n n/a*', 10, pack('n/a*', pack('n', 23)))
        . pack('n n/a*', 13, pack('n/a*', pack('n*', 0x0804, 0x0403, 0x0401)));
    my $hello = pack('n', 0x0303) . ('r' x 32) . "\0"
        . pack('n/a*', pack('n*', 0xc02b, 0xc02c)) . "\x01\0"
        . pack('n/a*', $extensions);
    my $text = "\x01" . substr(pack('N', length $hello), 1) . $hello;
    my $socket = open_tcp($port);

    # two records, each in small pieces
    my $half = int(length($text) / 2) + 40;
    for my $part (substr($text, 0, $half), substr($text, $half)) {
        my $record = "\x16\x03\x01" . pack('n/a*', $part);
        while (length $record) {
            syswrite $socket, substr($record, 0, 7, '');
            select undef, undef, undef, 0.002;
        }
    }

    my $answer = ask($socket, '');
    return length $answer ? ord $answer : 'closed';
}


sub certificate {
    my ($dir, $cn) = @_;
    system("openssl req -x509 -nodes -newkey ec -pkeyopt"
           . " ec_paramgen_curve:prime256v1 -days 30 -subj /CN=$cn"
           . " -addext subjectAltName=DNS:$cn.test"
           . " -keyout $dir/$cn.key -out $dir/$cn.crt 2>/dev/null") == 0
        or die "openssl cannot make a certificate for $cn\n";
}

1;
