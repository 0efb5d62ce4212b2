# --- the supervisor: one for each session, detached from whoever started it ---

launch() { # shares the claim with a supervisor that is nobody's child
    # shellcheck disable=SC2030 # for the supervisor only
    (
        export DX_SESSION_TAG="<$id>" # which also takes it out of a session whose command calls us
        umask "$caller_umask"
        (detach "${DX_KEEPER_SH:-sh}" "$0" supervise "id=$id" "deadline=$deadline" "limit=$limit" "path=$path" \
            "grace=$grace" "age=$age" "idle=$idle" "progress=$progress") </dev/null >/dev/null 2>&1 &
        umask 077
        ! look "$!" || printf '%s\n' "$! $birth $boot" >>"$dir/claim"
    )
}

supervise() {
    ending='' verified=- code=- left=0
    look "$$"
    leader_birth=$birth self_birth=$birth
    # only assignments: in dash a signal that comes during a handler spoils the status of a command outside
    trap 'ending=${ending:-aborted}' USR1
    trap 'ending=${ending:-timeout}' USR2
    trap 'ending=${ending:-idle}' ALRM
    trap 'ending=${ending:-killed}' TERM INT HUP
    mkfifo "$dir/out" "$dir/err" || exit 1
    if ! put_first supervisor "$$ $birth $boot"; then # somebody settled that this session never starts
        rm -f "$dir/.supervisor.$$" "$dir/command" "$dir/input" "$dir/out" "$dir/err"
        exit 1
    fi
    spool out <"$dir/out" >/dev/null 2>&1 &
    spool err <"$dir/err" >/dev/null 2>&1 &
    input=/dev/null
    [ ! -f "$dir/input" ] || input=$dir/input
    (run_command) <"$input" >"$dir/out" 2>"$dir/err" &
    leader=$!
    ! look "$leader" || leader_birth=$birth
    look "$$"
    # whoever reads it finds us dead first, so it need not appear whole
    printf '%s\n' "$leader $leader_birth $parent" >"$dir/leader"
    deadline_timer='' idle_timer='' due=0
    hundredths "$idle"
    quiet_limit=$hundredths
    if [ "$deadline" != 0 ]; then
        hundredths "$deadline"
        clock
        due=$((now + hundredths))
        [ -n "$procfs" ] || due=$((due + 99)) # the clock has only told the second
    fi
    [ -n "$ending" ] || wait_for_command
    if [ -n "$ending" ]; then
        code=-
        look "$$"
        reapers=$parent # orphans of the command go where the supervisor itself went as one
        stop_tree
    fi
    true <>"$dir/out" <>"$dir/err" # a reader that still waits for its first writer sees the end
    for timer in $deadline_timer $idle_timer; do # they end while we go on; of one that was killed, what it waited for does
        ! ticks "$timer" || kill -s TERM "$timer" 2>/dev/null
    done
    forget_text "$dir/.supervisor.$$" "$dir/out" "$dir/err" "$dir"/flow.*
    if [ -z "$ending" ]; then
        ending=exited
        count_left
        for _ in 1 2 3 4 5; do # with nothing left, only we can be what is slow
            if drain || [ "$left" -gt 0 ]; then break; fi
        done
        [ "$left" -eq 0 ] || count_left
    else
        drain || verified=no
    fi
    conclude "$ending"
    for timer in $deadline_timer $idle_timer; do # a signal is lost on a shell that is just being forked: ask until it is gone
        while kill -s TERM "$timer" 2>/dev/null && look "$timer"; do
            case $run in Z*) break ;; esac
            nap 0.01
        done
    done
    clean_hourly
    wait
}

wait_for_command() { # sets $code, unless a signal comes first
    # The end of a timer has to end "wait", too. In bash it does so in POSIX mode; in zsh another signal has to.
    # shellcheck disable=SC3040 # for bash only
    [ -z "${BASH_VERSION-}" ] || set -o posix
    # shellcheck disable=SC2064 # it is the same later
    trap "rang=yes; ${ZSH_VERSION:+kill -s URG $$}" CHLD
    trap : URG
    while :; do
        rang=
        keep_timers || continue # until all are found alive, and none has gone meanwhile
        [ -z "$rang" ] || [ -z "$procfs" ] || continue # ps is a child, too
        rang=
        wait "$leader"
        code=$?
        [ -z "$ending" ] || break
        kill -s 0 "$leader" 2>/dev/null || break
    done
    trap - CHLD URG
    told=
    while [ -z "$ending" ]; do # zsh tells first how it was stopped and continued, one at a time
        wait "$leader"
        seen=$?
        case $seen in
            "$told") return ;;
            127) break ;; # that is its code, or there is no more to tell
        esac
        code=$seen told=$seen
    done
    [ -z "$told" ] && [ -n "$rang" ] || return 0
    # 128 and the number of CHLD or URG: all shells but dash say so before they tell the code
    case $code in 144 | 145 | 146 | 148 | 149 | 151) ! PATH='' command -v '[[' >/dev/null || code=127 ;; esac
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
