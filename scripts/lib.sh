# shellcheck shell=bash
# Copyright (C) the ngx_gateway authors
#
# Shared by the scripts next to it, which source it first.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=scripts/$(basename "$0")
# perl and the compilers sort and print the same everywhere
export LC_ALL=C.UTF-8


fail()
{
    printf '%s: error: %s\n' "$me" "$1" >&2
    shift
    if [ $# -gt 0 ]; then
        printf '  %s\n' "$@" >&2
    fi
    exit 1
}


usage_error()
{
    printf '%s: error: %s\n' "$me" "$1" >&2
    printf '  see %s --help\n' "$me" >&2
    exit 2
}


say()
{
    printf '%s\n' "$*"
}


# the comment at the top of a script, below its first empty "#", is its help
print_help()
{
    sed -n '/^#$/,/^$/ { s/^# \{0,1\}//; p }' "$0" | sed '1d;$d'
}


# runs a command as root: directly, or through sudo
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        return 1
    fi
}


# need_packages PACKAGE...: installs those that are missing
need_packages()
{
    local missing=() package

    if ! command -v dpkg-query >/dev/null; then
        # not Debian: configure and make name what they lack
        return 0
    fi

    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" \
                2>/dev/null)" != installed ]
        then
            missing+=("$package")
        fi
    done

    if [ ${#missing[@]} = 0 ]; then
        return 0
    fi

    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        fail "missing Debian packages, and neither root nor sudo to get them" \
             "run as root: apt-get install ${missing[*]}"
    fi

    say "installing Debian packages: ${missing[*]}"

    if ! install_packages "${missing[@]}"; then
        # no package lists yet, or old ones
        if ! as_root apt-get -qq update >&2 \
           || ! install_packages "${missing[@]}"
        then
            fail "cannot install Debian packages (see above)" \
                 "run as root: apt-get install ${missing[*]}"
        fi
    fi
}


install_packages()
{
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        --no-install-recommends "$@" >&2
}


# the words of the feature list in config
features()
{
    if [ -n "${GATEWAY_FEATURES:-}" ]; then
        printf '%s\n' "$GATEWAY_FEATURES" | xargs -n1
    else
        sed -n '/^ngx_gateway_list="/,/"/p' "$root/config" \
            | tr '"' '\n' | sed 1d | xargs -n1
    fi
}


find_nginx()
{
    command -v nginx || { [ -x /usr/sbin/nginx ] && echo /usr/sbin/nginx; }
}


# "1.22.1" of an nginx binary
nginx_version()
{
    "$1" -v 2>&1 | sed -n 's,^nginx version: [^/]*/\([0-9.]*\).*,\1,p'
}
