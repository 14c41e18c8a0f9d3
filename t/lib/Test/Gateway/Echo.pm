# Copyright (C) the ngx_gateway authors
#
# An upstream that answers with exactly what it was sent: request line,
# headers and body as text.  Request headers steer it; README.md lists them.

package Test::Gateway::Echo;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;


# Opens the listening sockets; they are accepting when this returns.
sub listen_on {
    my (@ports) = @_;
    return map {
        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $_,
                              Proto => 'tcp', Listen => 128, ReuseAddr => 1)
            or die "echo upstream: cannot listen on port $_: $!\n";
    } @ports;
}


# Never returns.
sub serve {
    my (@listeners) = @_;
    my %conn;
    my $serial = 0;
    my $sel = IO::Select->new(@listeners);
    my %is_listener = map { fileno($_) => $_->sockport } @listeners;
    my @delayed;

    local $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $wait;
        @delayed = sort { $a->[0] <=> $b->[0] } @delayed;
        if (@delayed) {
            $wait = $delayed[0][0] - Time::HiRes::time();
            if ($wait <= 0) {
                my (undef, $c, $out, $close) = @{ shift @delayed };
                put($c, $out);
                drop($sel, \%conn, $c) if $close;
                next;
            }
        }

        for my $s ($sel->can_read($wait)) {
            my $fd = fileno $s;
            if (my $port = $is_listener{$fd}) {
                my $c = $s->accept or next;
                $conn{ fileno $c } = { buf => '', port => $port,
                                       serial => ++$serial, requests => 0 };
                $sel->add($c);
                next;
            }

            my $st = $conn{$fd};
            my $n = sysread($s, $st->{buf}, 65536, length $st->{buf});
            if (!$n) {
                @delayed = grep { $_->[1] != $s } @delayed;
                drop($sel, \%conn, $s);
                next;
            }

            while (my $req = take_request(\$st->{buf})) {
                $st->{requests}++;
                my ($out, $close, $delay) = answer($st, $req);
                if (defined $delay) {
                    push @delayed,
                         [Time::HiRes::time() + $delay, $s, $out, $close];
                    last;
                }
                put($s, $out);
                if ($close) {
                    drop($sel, \%conn, $s);
                    last;
                }
            }
        }
    }
}


sub put {
    my ($s, $data) = @_;
    while (length $data) {
        my $n = syswrite($s, $data);
        return unless defined $n;
        substr($data, 0, $n, '');
    }
}


sub drop {
    my ($sel, $conn, $s) = @_;
    $sel->remove($s);
    delete $conn->{ fileno $s };
    close $s;
}


sub take_request {
    my ($buf) = @_;
    return undef unless $$buf =~ /\A((.*?)\r\n((?:.*?\r\n)*?)\r\n)/s;
    my ($head, $line, $headers) = ($1, $2, $3);
    my $rest = substr($$buf, length $head);
    my $body = '';

    if ($headers =~ /^Transfer-Encoding:.*chunked/mi) {
        my $done = 0;
        while ($rest =~ s/\A([0-9a-fA-F]+)[^\r\n]*\r\n//) {
            my $n = hex $1;
            if ($n == 0) {
                $done = $rest =~ s/\A(?:[^\r\n]+\r\n)*\r\n//;
                last;
            }
            last if length $rest < $n + 2;
            $body .= substr($rest, 0, $n);
            substr($rest, 0, $n + 2, '');
        }
        return undef unless $done;

    } elsif ($headers =~ /^Content-Length:\s*(\d+)/mi) {
        return undef if length $rest < $1;
        $body = substr($rest, 0, $1, '');
    }

    $$buf = $rest;
    return { line => $line, headers => $headers, body => $body };
}


sub answer {
    my ($st, $req) = @_;
    my %h;
    my @add;

    for (split /\r\n/, $req->{headers}) {
        my ($name, $value) = /^([^:]+):\s*(.*)$/ or next;
        push @add, $value if lc $name eq 'x-test-header';
        $h{ lc $name } = $value;
    }

    my $status = $h{'x-test-status'} // 200;
    my $close = $h{'x-test-close'}
                || ($h{connection} // '') =~ /close/i
                || $req->{line} =~ m{HTTP/1\.0};

    return ('', 1, 0) if ($h{'x-test-reset'} // '') eq 'on';

    (my $text = "$req->{line}\n$req->{headers}") =~ s/\r\n/\n/g;
    my $body = $h{'x-test-body'} // "$text\n$req->{body}";
    my @lines = ("HTTP/1.1 $status Echo",
                 'Content-Type: ' . ($h{'x-test-type'} // 'text/plain'),
                 "X-Echo-Port: $st->{port}",
                 "X-Echo-Connection: $st->{serial}",
                 "X-Echo-Requests: $st->{requests}",
                 @add,
                 'Connection: ' . ($close ? 'close' : 'keep-alive'));

    if ($status =~ /^(?:204|304)$/) {
        $body = '';

    } else {
        push @lines, 'Content-Length: ' . length $body;
    }

    $body = '' if $req->{line} =~ /^HEAD /;
    return (join("\r\n", @lines, '', $body), $close, $h{'x-test-delay'});
}

1;
