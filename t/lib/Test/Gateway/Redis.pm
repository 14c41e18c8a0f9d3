# Copyright (C) the ngx_gateway authors
#
# Servers of Redis for tests, each a redis-server in a directory of its own.
#
#   my $redis = Test::Gateway::Redis->start(port(1), 'requirepass' => 'x');
#   $redis->ask('GET', 'key');      # undef: nil; dies on an error
#   $redis->try('GET', 'key');      # undef then, too
#   $redis->pause; $redis->go_on; $redis->kill; $redis->stop; $redis->again;
#
# Arguments after the port are directives of redis.conf; "sentinel" as the
# first argument makes it a sentinel, "tls" serves TLS only.

package Test::Gateway::Redis;

use strict;
use warnings;

use File::Temp 'tempdir';
use IO::Socket::INET;
use POSIX ();

my @running;
my $owner = $$;

END {
    if ($$ == $owner) {
        my $status = $?;
        $_->kill for grep { $_->{pid} } @running;
        $? = $status;
    }
}


sub program {
    my ($found) = grep { -x } qw(/usr/bin/redis-server
                                 /usr/local/bin/redis-server
                                 /usr/bin/valkey-server);
    die "redis-server is not installed\n" if !$found;
    return $found;
}


sub start {
    my ($class, $port, @conf) = @_;
    my $mode = @conf && $conf[0] =~ /^(sentinel|tls)$/ ? shift @conf : '';
    my $dir = tempdir(CLEANUP => 1);
    my $self = bless { port => $port, dir => $dir, mode => $mode }, $class;

    open my $f, '>', "$dir/redis.conf" or die "$dir/redis.conf: $!";
    print $f "bind 127.0.0.1\ndir $dir\n";
    print $f $mode eq 'tls' ? "port 0\ntls-port $port\n" : "port $port\n";
    print $f "save \"\"\nappendonly no\n" if $mode ne 'sentinel';
    while (my ($name, $value) = splice @conf, 0, 2) {
        print $f "$name $value\n";
        ($self->{password} = $value) =~ tr/"//d if $name eq 'requirepass';
    }
    close $f;

    push @running, $self;

    return $self->again;
}


# (again) on the same port; waits until it answers
sub again {
    my ($self) = @_;
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log";
        open STDERR, '>&', \*STDOUT;
        exec program(), "$self->{dir}/redis.conf",
            $self->{mode} eq 'sentinel' ? '--sentinel' : ()
            or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    for (1 .. 400) {
        return $self if $self->{mode} eq 'tls' ? $self->connected
                                               : eval { $self->ask('PING') };
        select undef, undef, undef, 0.025;
    }

    die "redis-server does not answer: " . $self->log;
}


sub connected {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{port}, Timeout => 1);
}


sub log {
    my ($self) = @_;
    open my $f, '<', "$self->{dir}/log" or return '';
    local $/;
    return <$f>;
}


sub pause { CORE::kill('STOP', $_[0]{pid}) }
sub go_on { CORE::kill('CONT', $_[0]{pid}) }

sub end {
    my ($self, $signal) = @_;
    my $pid = delete $self->{pid} or return;

    CORE::kill('CONT', $pid);
    CORE::kill($signal, $pid);
    waitpid $pid, 0;
}

sub kill { $_[0]->end('KILL') }
sub stop { $_[0]->end('TERM') }


# a command, on a connection of its own
sub ask {
    my ($self, @words) = @_;
    my $socket = $self->connected or die "redis: $!\n";
    my @commands = (\@words);

    unshift @commands, ['AUTH', $self->{password}] if $self->{password};

    my $answer;
    for my $command (@commands) {
        print $socket '*' . @$command . "\r\n",
            map { '$' . length($_) . "\r\n$_\r\n" } @$command;
        $socket->flush;
        $answer = answer($socket);
    }

    return $answer;
}


# the same, undef on an error
sub try {
    my ($self, @words) = @_;
    return scalar eval { $self->ask(@words) };
}

# "master", "slave", or nothing
sub role { return ($_[0]->try('ROLE') // [''])->[0] }

# of a replica: it is connected to its master
sub follows { return (($_[0]->try('ROLE') // [])->[3] // '') eq 'connected' }


sub answer {
    my ($socket) = @_;
    my $line = <$socket> // die "redis: closed\n";

    $line =~ s/\r\n$//;
    my $type = substr $line, 0, 1, '';

    die "redis: $line\n" if $type eq '-';
    return $line if $type eq '+' || $type eq ':';
    return undef if $line < 0;
    return [map { scalar answer($socket) } 1 .. $line] if $type eq '*';

    my $text = '';
    while (length $text < $line + 2) {
        read $socket, $text, $line + 2 - length $text, length $text
            or die "redis: closed\n";
    }

    return substr $text, 0, $line;
}

1;
