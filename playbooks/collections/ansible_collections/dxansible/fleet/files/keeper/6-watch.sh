# --- what ends a command that does not end by itself: a clock, and its silence ---

pause() { # hundredths of a second, in which the shell still answers signals; fails if they were cut short
    part=$((100 + $1 % 100))
    sleep "$(($1 / 100)).${part#1}" 2>/dev/null 5>&- &
    wait "$!"
    case $? in
        0) ;;
        1) # this sleep knows whole seconds only
            sleep "$(($1 / 100 + 1))" &
            wait "$!"
            ;;
        *) return 1 ;;
    esac
}

watch() { # signal, then what returns when it is due: sends it to the supervisor, which ends us with TERM
    others=$! # not ours, though a subshell inherits it
    # KILL, since TERM is lost on a process that is still the fork of a shell
    trap '[ "$!" = "$others" ] || kill -s KILL "$!" 2>/dev/null; exit 0' TERM
    signal=$1
    shift
    "$@"
    while same "$$" "$self_birth"; do # again and again: a shell can lose a signal
        kill -s "$signal" "$$"
        pause 100
    done
}

until_due() { # needs $now; a sleep that was cut short is followed by another
    if [ -n "$waker" ]; then # who started the command waits so long for its end alone, and then for its output, too
        [ $((due - now)) -le 10 ] || pause 10
        printf '\n' >&5
        exec 5>&-
        clock
    fi
    moved=0
    while :; do
        while [ "$now" -lt "$due" ]; do
            ! pause $((due - now)) || break # whatever somebody has set the clock to meanwhile
            clock
        done
        waits_for_reset || return 0
    done
}

waits_for_reset() { # has the turn waited for a usage limit, or does it now? Moves $due on by that time, which does not count
    if [ -f "$dir/waits" ]; then
        pause 500
        now=$due
        return 0
    fi
    word waited
    case $word in '' | *[!0-9]*) return 1 ;; esac
    [ "$word" -gt "$moved" ] || return 1
    due=$((due + (word - moved) * 100))
    moved=$word
    clock
}

keep_timers() { # starts those that there have to be, and once more what somebody has killed, and then fails
    killed=
    if [ "$due" -gt 0 ] && ! ticks "$deadline_timer"; then
        clock
        watch USR2 until_due </dev/null >/dev/null 2>&1 &
        deadline_timer=$!
    fi
    if [ "$quiet_limit" -gt 0 ] && ! ticks "$idle_timer"; then
        (watch ALRM silence "$quiet_limit") </dev/null >/dev/null 2>&1 5>&- &
        idle_timer=$!
    fi
    [ -z "$killed" ]
}

ticks() { # pid of a timer: is it still there? If it was killed, what it was waiting for goes as well
    [ -n "$1" ] || return 1
    if look "$1" && [ "$parent" = "$$" ]; then
        case $run in Z* | X*) ;; *) return 0 ;; esac
    fi
    killed=yes
    look "$$"
    reapers=$parent
    for orphan in $(tagged "<$id>"); do
        if [ "$orphan" != "$$" ] && look "$orphan" && [ "$parent" = "$reapers" ]; then
            kill -s KILL "$orphan" 2>/dev/null
        fi
    done
    return 1
}

heard() { # prints what changes with every byte of output
    for newest in "$dir"/out.0*; do :; done
    set -- "$newest"
    for newest in "$dir"/err.0*; do :; done
    wc -c "$1" "$newest" 2>/dev/null
}

progressed() { # is there a line that matches $progress among the whole ones after the offset $seen? moves that on
    chunk=$limit found=1
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do # all segments that there are at a time
        cut out "$seen"
        [ -n "$piece" ] || break
        lines=$(($(wc -l <"$piece")))
        seen=$((from + $(head -n "$lines" "$piece" | wc -c)))
        ! head -n "$lines" "$piece" | grep -qE -e "$progress" || found=0
        rm -f "$dir/.reply.$$.out"
        [ "$upto" -lt "$total" ] || break
        [ "$lines" -gt 0 ] || seen=$upto # a line that goes on in the next segment
    done
    return "$found"
}

stirs() { # since the last look
    [ -z "$progress" ] || { progressed; return; }
    before=$after
    after=$(heard)
    [ "$after" != "$before" ]
}

silence() { # returns when nothing has stirred for so many hundredths of a second, or when the supervisor is gone
    step=100 quiet=0 seen=0 after=
    [ "$1" -lt 10000 ] || step=500
    stirs
    while [ "$quiet" -lt "$1" ] && kill -s 0 "$$" 2>/dev/null; do
        clock
        slept=$now
        if pause "$step"; then
            slept=$step
        else
            clock
            slept=$((now - slept))
            [ "$slept" -ge 0 ] && [ "$slept" -le "$step" ] || slept=0 # the clock was set
        fi
        quiet=$((quiet + slept))
        if stirs || [ -f "$dir/waits" ]; then quiet=0; fi
    done
}
