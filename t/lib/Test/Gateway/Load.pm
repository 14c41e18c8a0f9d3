# Copyright (C) the ngx_gateway authors
#
# Clients that keep a server busy and count what gets lost: each a process
# that sends one request after the other, on connections that it keeps for as
# long as the server lets it.
#
#   my $load = Test::Gateway::Load->start(
#       { port => 8000, path => '/' },
#       { port => 8443, path => '/', tls => 1 },
#       { port => 8000, path => '/', body => 'x' x 4096 });
#   ...
#   my $counts = $load->stop;     # served, lost (a list of texts), reused

package Test::Gateway::Load;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

sub start {
    my ($class, @clients) = @_;
    pipe my $end, my $alive or die "pipe: $!";
    my $self = bless { clients => [], alive => $alive }, $class;

    for my $client (@clients) {
        pipe my $reader, my $writer or die "pipe: $!";
        my $pid = fork // die "fork: $!";

        if (!$pid) {
            close $reader;
            close $alive;
            my $text = eval { run($client, $end) } // "served 0\nlost died: $@\n";
            syswrite $writer, $text;
            require POSIX;
            POSIX::_exit(0);
        }

        close $writer;
        push @{ $self->{clients} }, { pid => $pid, reader => $reader };
    }

    return $self;
}


# each client ends the request it is at
sub stop {
    my ($self) = @_;
    my %counts = (served => 0, reused => 0, lost => []);

    close delete $self->{alive};

    for my $client (@{ $self->{clients} }) {
        my $reader = $client->{reader};

        while (my $line = <$reader>) {
            chomp $line;
            my ($what, $value) = split / /, $line, 2;

            if ($what eq 'lost') {
                push @{ $counts{lost} }, $value;
            } else {
                $counts{$what} += $value;
            }
        }

        waitpid $client->{pid}, 0;
    }

    $self->{clients} = [];
    return \%counts;
}


sub DESTROY {
    my ($self) = @_;
    kill 'KILL', map { $_->{pid} } @{ $self->{clients} };
}


sub run {
    my ($o, $end) = @_;
    my ($served, $reused, @lost) = (0, 0);
    my $ends = IO::Select->new($end);
    my $body = $o->{body} // '';
    my $request = join "\r\n",
        (length $body ? 'POST' : 'GET') . " $o->{path} HTTP/1.1",
        'Host: ' . ($o->{host} // 'localhost'), @{ $o->{headers} // [] },
        (length $body ? 'Content-Length: ' . length $body : ()), '', $body;
    my $sock;

    local $SIG{PIPE} = 'IGNORE';

    # the pipe ends when our parent closes it, or is gone
    until ($ends->can_read(0)) {
        my $old = defined $sock;
        $sock //= connection($o);

        if (!$sock) {
            push @lost, "no connection: $!";
            select undef, undef, undef, 0.01;
            next;
        }

        my ($status, $close) = one($sock, $request);

        if ($status =~ /^2/) {
            $served++;
            $reused++ if $old;

        } else {
            push @lost, ($old ? 'kept' : 'new') . " connection: $status";
            $close = 1;
        }

        undef $sock if $close;
    }

    return join '', "served $served\n", "reused $reused\n",
           map { "lost $_\n" } @lost;
}


sub connection {
    my ($o) = @_;
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $o->{port}, Timeout => 10)
        or return undef;

    setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;

    if ($o->{tls}) {
        require IO::Socket::SSL;
        IO::Socket::SSL->start_SSL($sock, SSL_verify_mode => 0) or return undef;
    }

    return $sock;
}


# (status or what went wrong, whether the server closes)
sub one {
    my ($sock, $request) = @_;
    my $buf = '';
    my $at = 0;

    while ($at < length $request) {
        my $n = $sock->syswrite($request, length($request) - $at, $at);
        # there may still be an answer
        last unless $n;
        $at += $n;
    }

    while (1) {
        if ($buf =~ /^(.*?\r\n\r\n)/s) {
            my $head = $1;
            my ($length) = $head =~ /^Content-Length: (\d+)\r$/mi;

            return 'an answer without a length' unless defined $length;

            if (length $buf >= length($head) + $length) {
                my ($status) = $head =~ /^HTTP\S+ (\d+)/;
                return ($status, $head =~ /^Connection: close\r$/mi);
            }
        }

        my $n = $sock->sysread($buf, 16384, length $buf);
        return "$!" unless defined $n;
        return 'closed after ' . length($buf) . ' bytes' unless $n;
    }
}

1;
