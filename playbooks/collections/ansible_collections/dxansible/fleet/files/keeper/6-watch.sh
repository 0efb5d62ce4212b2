# --- what ends a command that does not end by itself: a clock, and its silence ---

pause() { # seconds, in which the shell still answers signals
    sleep "$1" &
    wait "$!"
}

watch() { # signal, then what returns when it is due: sends it to the supervisor, which ends us with TERM
    others=$! # not ours, though a subshell inherits it
    trap '[ "$!" = "$others" ] || kill "$!" 2>/dev/null; exit 0' TERM
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

silence() { # returns when no byte has come for so many seconds, or when the supervisor is gone
    step=1 quiet=0
    [ "$1" -lt 100 ] || step=5
    before=$(heard)
    while [ "$quiet" -lt "$1" ] && kill -s 0 "$$" 2>/dev/null; do
        pause "$step"
        quiet=$((quiet + step))
        after=$(heard)
        [ "$after" = "$before" ] || quiet=0
        before=$after
    done
}
