# Copyright (C) the ngx_gateway authors
#
# A raw HTTP/1 client: sends bytes as given and takes answers apart, without
# hiding anything from the test.

package Test::Gateway::Client;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);


# one answer: status, reason, raw_headers, body, complete
package Test::Gateway::Response {
    # all values of a header joined as HTTP does, or undef
    sub header {
        my ($self, $name) = @_;
        my @values = map { $_->[1] }
                     grep { lc $_->[0] eq lc $name } @{ $self->{headers} };
        return @values ? join(', ', @values) : undef;
    }

    sub values_of {
        my ($self, $name) = @_;
        return map { $_->[1] }
               grep { lc $_->[0] eq lc $name } @{ $self->{headers} };
    }

    sub status { $_[0]{status} }
    sub body { $_[0]{body} }
    sub raw_headers { $_[0]{raw_headers} }
}


# Takes one answer off the front of $$buf.  undef: not even a header yet.
# complete says whether the body's end is known to have arrived; with eof
# an answer without a length ends there.
sub parse_response {
    my ($buf, $method, $eof) = @_;
    my $interim = '';

    while ($$buf =~ m{\A(HTTP/[\d.]+ 1(?!01)\d\d.*?\r?\n\r?\n)}s) {
        $interim .= $1;
        substr($$buf, 0, length $1, '');
    }

    if ($$buf !~ m{\A((HTTP/[\d.]+) (\d+) ?([^\r\n]*)\r?\n(?:.*?\r?\n)??\r?\n)}s) {
        $$buf = $interim . $$buf;
        return undef unless $eof && length $$buf;
        my $body = $$buf;
        $$buf = '';
        return bless { status => '', reason => '', raw_headers => '',
                       headers => [], body => $body, complete => 1 },
               'Test::Gateway::Response';
    }

    my ($head, $version, $status, $reason) = ($1, $2, $3, $4);
    my $rest = substr($$buf, length $head);
    (my $raw = $head) =~ s/\r?\n\r?\n\z/\r\n/;
    my @headers = map { /^([^:]+?)\s*:\s*(.*?)\s*$/ ? [$1, $2] : () }
                  (split /\r?\n/, $raw)[1 .. ($raw =~ tr/\n//) - 1];

    my $res = bless { status => $status, reason => $reason,
                      version => $version, raw_headers => $raw,
                      headers => \@headers, interim => $interim,
                      body => '', complete => 0 }, 'Test::Gateway::Response';

    my $length = $res->header('Content-Length');
    my $te = $res->header('Transfer-Encoding') // '';

    if ($method eq 'HEAD' || $status =~ /^(?:204|304|101)$/) {
        $res->{complete} = 1;

    } elsif ($te =~ /chunked/i) {
        while ($rest =~ s/\A([0-9a-fA-F]+)[^\r\n]*\r\n//) {
            my $n = hex $1;
            if ($n == 0) {
                if ($rest =~ s/\A((?:[^\r\n]+\r\n)*)\r\n//) {
                    $res->{trailers} = $1;
                    $res->{complete} = 1;
                }
                last;
            }
            last if length $rest < $n + 2;
            $res->{body} .= substr($rest, 0, $n);
            substr($rest, 0, $n + 2, '');
        }

    } elsif (defined $length) {
        if (length $rest >= $length) {
            $res->{body} = substr($rest, 0, $length, '');
            $res->{complete} = 1;

        } else {
            $res->{body} = $rest;
        }

    } else {
        $res->{body} = $rest;
        $rest = '' if $eof;
        $res->{complete} = $eof ? 1 : 0;
    }

    $$buf = $res->{complete} ? $rest : $interim . $$buf unless $eof;
    $$buf = $rest if $eof;
    return $res;
}


# Sends packets ({value, delay} each) and reads as many answers as methods
# say.  Waits for the peer's close when the last request asks for it: only
# then has nginx run its log phase.
sub exchange {
    my (%o) = @_;
    my @methods = @{ $o{methods} };
    my $deadline = time + $o{timeout};
    my $buf = '';
    my $eof = 0;
    my @responses;

    my $sock = IO::Socket::INET->new(
        PeerAddr => $o{addr} // '127.0.0.1', PeerPort => $o{port},
        Proto => 'tcp', Timeout => $o{timeout})
        or return (undef, "cannot connect to port $o{port}: $!");
    binmode $sock;
    local $SIG{PIPE} = 'IGNORE';

    for my $packet (@{ $o{packets} }) {
        # the delay is the test's subject, not a wait for something
        select(undef, undef, undef, $packet->{delay}) if $packet->{delay};
        my $data = $packet->{value};
        while (length $data) {
            my $n = syswrite($sock, $data);
            last unless defined $n;
            substr($data, 0, $n, '');
        }
    }

    shutdown($sock, 1) if $o{shutdown};
    my $sel = IO::Select->new($sock);

    my $need = 0;

    while (1) {
        while (@methods) {
            # do not take a long body apart again for each piece of it
            last if length $buf < $need && !$eof;
            my $res = parse_response(\$buf, $methods[0], $eof);
            $need = length($buf) + ($res->header('Content-Length') // 0)
                    - length $res->{body} if $res && !$res->{complete};
            last unless $res && ($res->{complete} || $eof);
            $need = 0;
            push @responses, $res;
            shift @methods;
            last if $eof && !length $buf;
        }

        last if $eof || (!@methods && !$o{wait_eof});
        my $left = $deadline - time;

        if ($left <= 0 || !$sel->can_read($left)) {
            my $res = @methods ? parse_response(\$buf, $methods[0], 1) : undef;
            push @responses, $res if $res;
            return (\@responses, 'timeout', $buf);
        }

        my $n = sysread($sock, $buf, 65536, length $buf);
        $eof = 1 if !$n;
    }

    close $sock;
    return (\@responses, undef, $buf);
}


# http_request(method, path, host =>, headers => [text lines], body =>,
#              port =>, timeout =>): the answer, or undef when there is none
sub http_request {
    my ($method, $path, %o) = @_;
    my @lines = ("$method $path HTTP/1.1");
    my @headers = @{ $o{headers} // [] };

    push @lines, 'Host: ' . ($o{host} // 'localhost')
        unless grep { /^host:/i } @headers;
    push @lines, 'Connection: close'
        unless grep { /^connection:/i } @headers;
    push @lines, @headers;
    push @lines, 'Content-Length: ' . length $o{body} if defined $o{body};
    my $text = join("\r\n", @lines, '', '') . ($o{body} // '');

    my ($res) = exchange(port => $o{port} // $ENV{TEST_NGINX_SERVER_PORT},
                         packets => [{ value => $text }],
                         methods => [$method],
                         timeout => $o{timeout} // 5,
                         wait_eof => scalar($text =~ /^Connection: close\r$/mi));
    return $res ? $res->[0] : undef;
}


sub http_get {
    my ($path, %o) = @_;
    return http_request('GET', $path, %o);
}

1;
