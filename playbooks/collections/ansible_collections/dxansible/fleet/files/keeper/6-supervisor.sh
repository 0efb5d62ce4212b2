# --- the supervisor: one for each session, detached from whoever started it ---

detach() { # runs its arguments as leader of a session of their own
    if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; fi
    exec perl -e 'use POSIX (); POSIX::setsid(); exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\n"' "$@"
}

launch() { # hands the claim on to a supervisor that is nobody's child
    # shellcheck disable=SC2030 # for the supervisor only
    (
        export DX_SESSION_TAG="<$id>" # which also takes it out of a session whose command calls us
        umask "$caller_umask"
        (detach "${DX_KEEPER_SH:-sh}" "$0" supervise "id=$id" "deadline=$deadline" "limit=$limit" "path=$path" \
            "grace=$grace" "age=$age") </dev/null >/dev/null 2>&1 &
        umask 077
        ! look "$!" || put claim "$! $birth $boot"
    )
}

watch_clock() { # signals the supervisor at the deadline
    trap '[ "$!" = "$leader" ] || kill "$!" 2>/dev/null; exit 0' TERM
    sleep "$deadline" &
    wait "$!"
    while same "$$" "$self_birth"; do # again and again: a shell can lose a signal
        kill -s USR2 "$$"
        sleep 1 &
        wait "$!"
    done
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
    if env --default-signal true 2>/dev/null; then
        set -- env --default-signal "$@"
    elif command -v perl >/dev/null 2>&1; then
        set -- perl -e '$SIG{$_} = "DEFAULT" for keys %SIG; exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\n"' "$@"
    fi
    with_path "$path"
    detach "$@"
}

supervise() {
    ending='' verified=- code=- left=0
    look "$$"
    leader_birth=$birth self_birth=$birth
    # only assignments: in dash a signal that comes during a handler spoils the status of a command outside
    trap 'ending=${ending:-aborted}' USR1
    trap 'ending=${ending:-timeout}' USR2
    trap 'ending=${ending:-killed}' TERM INT HUP
    mkfifo "$dir/out" "$dir/err" || exit 1
    if ! put_first supervisor "$$ $birth $boot"; then # somebody settled that this session never starts
        rm -f "$dir/.supervisor.$$" "$dir/command" "$dir/out" "$dir/err"
        exit 1
    fi
    spool out <"$dir/out" >/dev/null 2>&1 &
    spool err <"$dir/err" >/dev/null 2>&1 &
    (run_command) </dev/null >"$dir/out" 2>"$dir/err" &
    leader=$!
    ! look "$leader" || leader_birth=$birth
    look "$$"
    put leader "$leader $leader_birth $parent"
    timer=
    if [ "$deadline" != 0 ]; then
        watch_clock </dev/null >/dev/null 2>&1 &
        timer=$!
    fi
    [ -n "$ending" ] || wait_for_command
    if [ -n "$ending" ]; then
        code=-
        look "$$"
        reapers=$parent # orphans of the command go where the supervisor itself went as one
        stop_tree
    fi
    true <>"$dir/out" <>"$dir/err" # a reader that still waits for its first writer sees the end
    rm -f "$dir/.supervisor.$$" "$dir/command" "$dir/out" "$dir/err"
    if [ -z "$ending" ]; then
        ending=exited
        count_left
        drain
        [ "$left" -eq 0 ] || count_left
    else
        drain || verified=no
    fi
    conclude "$ending"
    # a signal is lost on a shell that is just being forked: ask until the timer is gone
    while [ -n "$timer" ] && kill -s TERM "$timer" 2>/dev/null && look "$timer"; do
        case $run in Z*) break ;; esac
        nap 0.01
    done
    (clean)
    wait
}

wait_for_command() { # sets $code, unless a signal comes first
    wait "$leader"
    code=$?
    while [ -z "$ending" ]; do # zsh tells first how it was stopped and continued, one at a time
        wait "$leader"
        seen=$?
        case $seen in 127 | "$code") return ;; esac
        code=$seen
    done
}

count_left() { # sets $left: processes that a command has left behind
    # shellcheck disable=SC2046 # a list of numbers
    set -- $(tagged "[$id]")
    left=$#
    if [ "$left" -gt 0 ] || kill -s 0 -- "-$leader" 2>/dev/null; then left=$(members | grep -cv '^-'); fi
}

drain() { # a second for the streams to reach their end; a job left behind may hold them open for ever
    for moment in 0.01 0.01 0.02 0.05 0.1 0.1 0.2 0.2 0.3; do
        if [ -e "$dir/out.eof" ] && [ -e "$dir/err.eof" ]; then return 0; fi
        nap "$moment"
    done
    return 1
}
