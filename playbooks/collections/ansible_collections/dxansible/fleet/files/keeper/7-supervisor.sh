# --- the supervisor: one for each session, detached from whoever started it ---

supervise() {
    ending='' verified=- code=- left=0 remains=- latest='' kin=$$
    clock
    launched=$now
    look "$$"
    leader_birth=$birth self_birth=$birth
    # only assignments: in dash a signal that comes during a handler spoils the status of a command outside
    trap 'ending=${ending:-aborted}' USR1
    trap 'ending=${ending:-timeout}' USR2
    trap 'ending=${ending:-idle}' ALRM
    trap 'ending=${ending:-killed}' TERM INT HUP
    [ "$delay" -eq 0 ] || await_start || exit 1
    if ! take; then # somebody settled that this session never starts
        forget_text "$dir/out" "$dir/err" "$dir/wake"
        exit 1
    fi
    (spool out) <"$dir/out" >/dev/null 2>&1 5>&- & # in parentheses, as dash keeps a copy of what it closes for a function
    (spool err) <"$dir/err" >/dev/null 2>&1 5>&- &
    input=/dev/null
    [ ! -f "$dir/input" ] || input=$dir/input
    set_oom_score
    (run_command) <"$input" >"$dir/out" 2>"$dir/err" 5>&- &
    leader=$!
    numbered=
    newest_process
    [ "$newest" -lt "$leader" ] || [ "$newest" -gt $((leader + 32)) ] || numbered=yes
    ! look "$leader" || leader_birth=$birth
    find_reaper
    # whoever reads it finds us dead first, so it need not appear whole
    noted=$parent
    printf '%s\n' "$leader $leader_birth $noted" "$oom" >"$dir/leader"
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
    look "$$"
    reapers=$parent # orphans of the command go where the supervisor itself went as one
    if [ "$noted" != "$reapers" ]; then
        { printf '%s\n' "$leader $leader_birth $reapers" "$oom" 1<>"$dir/leader"; } 2>/dev/null # needs no room on the disk
    fi
    if [ -n "$ending" ]; then
        code=-
        stop_tree
    else
        ending=exited
    fi
    true <>"$dir/out" <>"$dir/err" # a reader that still waits for its first writer sees the end
    for timer in $deadline_timer $idle_timer; do # they end while we go on; of one that was killed, what it waited for does
        ! ticks "$timer" || kill -s TERM "$timer" 2>/dev/null
    done
    [ "$ending" != exited ] || count_left
    tries=0
    until streams_ended || [ "$tries" -ge 100 ] || [ "$left" -gt 0 ]; do tries=$((tries + 1)); done # usually less than a process takes
    set -- "$dir"/reserve*
    streams_ended || set -- # a stream may still need what the end record has in reserve
    forget_text "$dir/wake" "$dir/out" "$dir/err" "$dir/waits" "$dir"/flow.* "$@"
    if [ "$ending" = exited ]; then
        for _ in 1 2 3 4 5; do # with nothing left, only we can be what is slow
            if drain || [ "$left" -gt 0 ]; then break; fi
        done
        [ "$left" -eq 0 ] || count_left
    else
        drain || verified=no
    fi
    conclude "$ending"
    [ -z "$waker" ] || { printf '\n' >&5; exec 5>&-; }
    for timer in $deadline_timer $idle_timer; do # a signal is lost on a shell that is just being forked: ask until it is gone
        while kill -s TERM "$timer" 2>/dev/null && look "$timer"; do
            case $run in Z*) break ;; esac
            nap 0.01
        done
    done
    wait
}

find_reaper() { # sets $parent to where orphans go, as we do once our launcher has ended
    look "$$"
    tries=0
    while [ "$parent" = "$launcher" ] && [ "$tries" -lt 500 ]; do
        tries=$((tries + 1))
        nap 0.01
        look "$$"
    done
}

await_start() { # until it is time; fails if the session is never to begin
    printf '%s\n' "$$ $birth $boot" >>"$dir/claim"
    printf '%s\n' "$$ $birth $boot" >"$dir/sleeper"
    due=$((now + delay * 100))
    while [ "$now" -lt "$due" ] && [ -z "$ending" ] && [ ! -e "$dir/supervisor" ]; do
        part=$((due - now))
        [ "$part" -le 6000 ] || part=6000 # a sleep does not count the time for which the machine itself sleeps
        pause "$part" || kill -s KILL "$!" 2>/dev/null
        clock
    done
    rm -f "$dir/sleeper"
    if [ -n "$ending" ] || [ -e "$dir/supervisor" ]; then
        settle unstarted
        forget_text
        return 1
    fi
    launched=$now
    rm -f "$dir/due"
    date +%s >"$dir/began"
}

wait_for_command() { # sets $code, unless a signal comes first
    # The end of a timer has to end "wait", too. In zsh another signal has to. Of bash we want no trap for CHLD: it can lose
    # the command's code by that, leave a function in the middle of it, or crash. Before 4.3 it has nothing else. As "sh" it
    # tells a code once only.
    any=
    # shellcheck disable=SC3040 # for bash only
    [ -z "${BASH_VERSION-}" ] || set +o posix
    case ${BASH_VERSION-} in [123].* | 4.[012].*) ;; ?*) any=-n ;; esac
    # shellcheck disable=SC2064 # it is the same later
    [ -n "${BASH_VERSION-}" ] || trap "rang=yes; ${ZSH_VERSION:+kill -s URG $$}" CHLD
    trap : URG
    while :; do
        rang=
        keep_timers || continue # until all are found alive, and none has gone meanwhile
        [ -z "$rang" ] || [ -z "$procfs" ] || continue # ps is a child, too
        rang=
        # shellcheck disable=SC2086 # numbers, or nothing
        wait $any "$leader" ${any:+$deadline_timer $idle_timer}
        code=$?
        [ -z "$ending" ] || break
        kill -s 0 "$leader" 2>/dev/null || break
    done
    trap - CHLD URG
    [ -z "$any" ] || code=127 # that may have been another's
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

take() { # the session, unless somebody has settled that it never starts
    printf '%s\n' "$$ $birth $boot" >>"$dir/claim" || return
    set -C
    { printf '%s\n' "$$ $birth $boot" >"$dir/supervisor"; } 2>/dev/null
    taken=$?
    set +C
    [ "$taken" -eq 0 ] || [ -s "$dir/supervisor" ] || rm -f "$dir/supervisor" # ours, but the disk is full
    return "$taken"
}

# Linux kills by this number when memory is short, by a thousandth earlier for each one more. All that the command starts
# has it, however it gets there: sudo, a cleared environment and a session of its own leave it as it is. Sessions that run
# beside each other mostly have different ones.
set_oom_score() { # sets $oom, up to 20 more than others have, unless there is no such number
    oom=
    [ -n "$procfs" ] && { IFS= read -r oom </proc/self/oom_score_adj; } 2>/dev/null || return 0
    case ${oom#-} in '' | *[!0-9]* | 9[89]? | 1000) oom= && return ;; esac
    oom=$((oom + 1 + $$ % 20))
    { printf '%s\n' "$oom" >/proc/self/oom_score_adj; } 2>/dev/null || oom=
}

newest_process() { # sets $newest, its pid; 0 if nobody knows
    newest=0
    [ -z "$procfs" ] || { read -r _ _ _ _ newest </proc/loadavg; } 2>/dev/null
    case $newest in '' | *[!0-9]*) newest=0 ;; esac
}

# Nothing is left of a short command if every process that is younger has ended, or belongs to a session that is older.
# What is born while we look is younger still. Of a long one, or where pids don't grow one by one, we can't tell that way.
all_gone() {
    clock
    [ -n "$numbered" ] && [ $((now - launched)) -lt 100 ] || return 1
    checked=$leader
    newest_process
    while [ "$checked" -lt "$newest" ] && [ "$newest" -lt $((leader + 100)) ]; do
        checked=$((checked + 1))
        if look "$checked" && [ "$sid" -ge "$leader" ]; then
            case $run in Z* | X*) ;; *) return 1 ;; esac
        fi
        [ "$checked" -lt "$newest" ] || newest_process
    done
    [ "$checked" -eq "$newest" ]
}

count_left() { # sets $left: processes that a command has left behind
    left=0
    ! all_gone || return 0
    # shellcheck disable=SC2046 # a list of numbers
    set -- $(tagged "[$id]")
    left=$#
    if [ "$left" -gt 0 ] || kill -s 0 -- "-$leader" 2>/dev/null; then left=$(members | grep -cv '^-'); fi
}

streams_ended() {
    [ -e "$dir/out.eof" ] && [ -e "$dir/err.eof" ]
}

drain() { # a second for the streams to reach their end; a job left behind may hold them open for ever
    for moment in 0.01 0.01 0.02 0.05 0.1 0.1 0.2 0.2 0.3; do
        ! streams_ended || return 0
        nap "$moment"
    done
    return 1
}

clean_is_due() { # once an hour, at the end of a session; $at is now
    hour=$((at / 3600)) cleaned=
    { IFS= read -r cleaned <"$root/cleaned"; } 2>/dev/null
    [ "$cleaned" != "$hour" ] && printf '%s\n' "$hour" >"$root/cleaned"
}

if [ "$verb" = supervise ]; then
    supervise
    clean_is_due || exit 0
fi
