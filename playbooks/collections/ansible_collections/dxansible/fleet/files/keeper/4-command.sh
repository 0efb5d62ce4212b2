# --- the command: where it is found, and how it is run ---

detach() { # runs its arguments as leader of a session of their own
    if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; fi
    exec perl -e 'use POSIX (); POSIX::setsid(); exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\n"' "$@"
}

with_path() { # puts directories, separated by colons, before PATH; "~/" is the home directory
    found=
    rest=$1:
    while [ -n "${rest#:}" ]; do
        entry=${rest%%:*}
        rest=${rest#*:}
        case $entry in '') continue ;; \~/*) entry=$HOME/${entry#??} ;; esac
        found=$found$entry:
    done
    PATH=$found$PATH
}

executable() { # file
    [ -f "$1" ] && [ -x "$1" ]
}

locate() { # program: prints its file; or, failing, the directories where it isn't
    cd "$HOME" 2>/dev/null || cd / # as the command will
    with_path "$path"
    case $1 in
        \~/*) file=$HOME/${1#??} rest= ;;
        */*) file=$1 rest= ;;
        *) file='' rest=$PATH: ;;
    esac
    # not "command -v": that finds what only a shell has, too, and our own functions
    until executable "$file"; do
        [ -n "$rest" ] || { printf '%s\n' "$PATH"; return 1; }
        file=${rest%%:*}
        file=${file:-.}/$1
        rest=${rest#*:}
    done
    printf '%s\n' "$file"
}

run_command() { # becomes the user's command
    # shellcheck disable=SC2031 # the supervisor's own tag was set for another process
    export DX_SESSION="$id" DX_SESSION_TAG="[$id]"
    umask "$caller_umask"
    cd "$HOME" 2>/dev/null || cd /
    set -- /bin/sh "$dir/command"
    case ${SHELL-} in # the account's shell where it speaks sh, as ssh would use
        */sh | */bash | */dash | */zsh | */ksh | */ash) [ ! -x "$SHELL" ] || set -- "$SHELL" "$dir/command" ;;
    esac
    # signals at their defaults: a shell starts its background jobs with SIGINT ignored
    # shellcheck disable=SC2016 # perl's own variables
    if [ -n "$resets" ] || env --default-signal >/dev/null 2>&1; then
        set -- env --default-signal "$@"
    elif command -v perl >/dev/null 2>&1; then
        set -- perl -e '$SIG{$_} = "DEFAULT" for keys %SIG; exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\n"' "$@"
    fi
    with_path "$path"
    detach "$@"
}
