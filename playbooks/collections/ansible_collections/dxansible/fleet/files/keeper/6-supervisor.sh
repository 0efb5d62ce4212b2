# --- the supervisor: one for each session, detached from whoever started it ---

detach() { # runs its arguments as leader of a session (or at least a group) of their own, signals at their defaults
    if command -v setsid >/dev/null 2>&1; then
        if env --default-signal=INT true 2>/dev/null; then
            exec env --default-signal=HUP,INT,QUIT,PIPE,TERM setsid "$@"
        fi
        exec setsid "$@"
    fi
    # shellcheck disable=SC2016 # perl's own variables
    exec perl -e 'use POSIX (); $SIG{$_} = "DEFAULT" for qw(HUP INT QUIT PIPE TERM);
        POSIX::setsid(); exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\n"' "$@"
}

stop_as() { # the work of a signal handler; whichever came first counts
    interrupted=yes
    [ -z "$ending" ] || return 0
    ending=$1
    [ -z "$leader" ] || stop_tree
}

watch_clock() { # signals the supervisor at the deadline
    trap '[ "$!" = "$leader" ] || kill "$!" 2>/dev/null; exit 0' TERM
    sleep "$deadline" &
    wait "$!"
    same "$self" && kill -s USR2 "${self%% *}"
}

command_shell() { # the account's shell where it speaks sh, as ssh would use
    case ${SHELL-} in
        */sh | */bash | */dash | */zsh | */ksh | */ash) [ -x "$SHELL" ] && echo "$SHELL" && return ;;
    esac
    echo /bin/sh
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

run_command() { # becomes the user's command
    unset DX_KEEPER
    DX_SESSION=$id
    export DX_SESSION
    with_path "$path"
    umask "$caller_umask"
    cd "$HOME" 2>/dev/null || cd /
    detach "$(command_shell)" "$dir/command"
}

supervise() {
    leader='' leader_birth='' ending='' interrupted='' verified=- code=-
    self="$$ $(birth $$) $(boot)"
    trap 'stop_as aborted' USR1
    trap 'stop_as timeout' USR2
    trap 'stop_as killed' TERM INT HUP
    mkfifo "$dir/out" "$dir/err" || exit 1
    spool out <"$dir/out" >/dev/null 2>&1 &
    spool err <"$dir/err" >/dev/null 2>&1 &
    printf '%s\n' "$self" | put supervisor
    mkdir "$dir/begun" || exit 1 # somebody settled that this session never starts
    (run_command) </dev/null >"$dir/out" 2>"$dir/err" &
    leader=$!
    leader_birth=$(birth "$leader")
    printf '%s %s\n' "$leader" "$leader_birth" | put leader
    clock=
    if [ "$deadline" != 0 ]; then
        watch_clock </dev/null >/dev/null 2>&1 &
        clock=$!
    fi
    [ -z "$ending" ] || stop_tree
    while :; do
        interrupted=
        wait "$leader"
        seen=$?
        [ "$seen" -eq 127 ] && [ "$code" != - ] || code=$seen
        [ -n "$interrupted" ] || break
        ! same "$leader $leader_birth" || break
    done
    rm -f "$dir/command" "$dir/out" "$dir/err"
    drain
    left=0
    if [ -z "$ending" ]; then
        ending=exited
        left=$(members | grep -cv '^-')
    else
        code=-
        [ -n "$drained" ] || verified=no
    fi
    conclude "$ending"
    # a signal is lost on a shell that is just being forked: ask until the clock is gone
    while [ -n "$clock" ] && kill -s TERM "$clock" 2>/dev/null && ! zombie "$clock"; do nap 0.01; done
    clean
    wait
}

drain() { # a second for the streams to reach their end; a job left behind may hold them open for ever
    drained=
    for pause in 0.01 0.02 0.02 0.05 0.1 0.1 0.2 0.2 0.3; do
        if [ -e "$dir/out.eof" ] && [ -e "$dir/err.eof" ]; then
            drained=yes
            return
        fi
        nap "$pause"
    done
}
