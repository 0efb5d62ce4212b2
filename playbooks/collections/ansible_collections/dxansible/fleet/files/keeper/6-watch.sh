# --- what ends a command that does not end by itself: a clock, and its silence ---

pause() { # seconds, in which the shell still answers signals
    sleep "$1" &
    wait "$!"
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
        pause 1
    done
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

silence() { # returns when nothing has stirred for so many seconds, or when the supervisor is gone
    step=1 quiet=0 seen=0 after=
    [ "$1" -lt 100 ] || step=5
    stirs
    while [ "$quiet" -lt "$1" ] && kill -s 0 "$$" 2>/dev/null; do
        pause "$step"
        quiet=$((quiet + step))
        ! stirs || quiet=0
    done
}
