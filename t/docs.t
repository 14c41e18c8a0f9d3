# Copyright (C) the ngx_gateway authors
#
# Directives, variables and fields stand in the code and in the README of
# their module, or in neither.

use strict;
use warnings;

use Test::More;

sub slurp {
    my ($name) = @_;

    open my $fh, '<', $name or die "$name: $!";
    local $/;
    return scalar <$fh>;
}

my %readme = map { $_ => slurp("$_/README.md") }
             grep { -f "$_/README.md" } glob('modules/*');

for my $dir (glob('modules/*')) {
    ok(defined $readme{$dir}, "$dir has a README.md");
}

my $docs = join "\n", values %readme;

my (%directives, %in_module, %variables);

for my $file (glob('modules/*/*.c'), glob('src/*.c')) {
    my $code = slurp($file);

    # command tables: a name with a setter two lines on
    while ($code =~ /\{ ngx_string\("([a-z0-9_]+)"\),\s*\n\s*(?:NGX_|\|)/g) {
        my $name = $1;
        my ($dir) = $file =~ m{^(modules/[^/]+)};
        next unless $name =~ /^gateway_/;
        $directives{$name} = $file;
        $in_module{$dir}{$name} = 1 if $dir;
    }

    # tables of variables: a name with NULL for its set handler
    while ($code =~ /\{ ngx_string\("(gateway_[a-z0-9_]+)"\),\s*NULL,/g) {
        $variables{$1} = $file;
    }
}

cmp_ok(scalar keys %directives, '>', 10, 'directives are found');
cmp_ok(scalar keys %variables, '>', 10, 'variables are found');

for my $name (sort keys %directives) {
    my ($dir) = $directives{$name} =~ m{^(modules/[^/]+)};
    my $text = $dir ? $readme{$dir} : $docs;

    like($text // '', qr/^\#\#\# $name$/m, "directive $name has its section");
    like($text // '', qr/^\s*Syntax:\s+$name\b/m, "and its syntax");
}

for my $name (sort keys %variables) {
    like($docs, qr/`\$$name`/, "variable \$$name is documented");
}

# the other way round: what a README describes exists

for my $dir (sort keys %readme) {
    while ($readme{$dir} =~ /^\#\#\# (gateway_[a-z0-9_]+)$/mg) {
        ok($directives{$1}, "$1 in $dir/README.md is a directive");
    }

    while ($readme{$dir} =~ /`\$(gateway_[a-z0-9_]+)`/g) {
        ok($variables{$1}, "\$$1 in $dir/README.md is a variable");
    }
}

# each field of a plugin's table is a word of its README

for my $file (glob('modules/*/*_plugin.c')) {
    my ($dir) = $file =~ m{^(modules/[^/]+)};
    my $code = slurp($file);

    while ($code =~ /\.name = "([a-z0-9_]+)"/g) {
        my $field = $1;
        like($readme{$dir} // '', qr/\b$field\b/,
             "field $field of $file is documented");
    }
}

done_testing();
