# --- a sign of life, and a program's version ---

ping() {
    took=
    if [ "$wait" != 0 ]; then
        clock
        began=$now
        await_change tell_running
        took=$(tell_time)
    fi
    load
    printf '\n%s state=ok load=%s running=' "$mark" "$load"
    tell_running
    printf ' stamp=%s%s' "${stamp:--}" "$took"
    if [ -n "$program" ]; then
        if file=$(locate "$program"); then
            printf ' found=yes'
            [ -z "$version" ] || tell_version
        else
            printf ' found=no'
        fi
    fi
    printf '\n%s end\n' "$mark"
}

tell_running() {
    running=0
    each_session count_running
    printf '%s' "$running"
}

tell_version() { # and how long that took
    clock
    began=$now
    told=$(ask_version "$file" "$version")
    tell_time
    printf ' message=%s' "$told"
}

tell_time() { # hundredths of a second since $began
    clock
    took=$((now - began))
    [ -n "$procfs" ] || took=- # date only knows seconds
    printf ' took=%s' "$took"
}

count_running() {
    [ ! -s "$dir/end" ] || return 0 # saves a look at what ended
    state
    case $state in starting | running) running=$((running + 1)) ;; esac
}

ask_version() { # program argument: prints the first line of what it says within five seconds, and leaves nothing behind
    id=ping.$$
    stage
    trap 'exit 1' HUP INT TERM
    (run_version "$@") </dev/null >"$staged/out" 2>"$staged/err" &
    leader=$! leader_birth=0
    ! look "$leader" || leader_birth=$birth
    clock
    give_up=$((now + 500))
    while same "$leader" "$leader_birth" && [ "$now" -lt "$give_up" ]; do
        nap 0.05
        clock
        size "$staged/out"
        [ "$size" -lt 65536 ] || break # it says something else
    done
    kill_group
    for _ in 1 2 3 4 5 6 7 8 9; do
        # shellcheck disable=SC2046 # a list of numbers
        set -- $(tagged "[$id]")
        [ $# -gt 0 ] || break
        send KILL "$@"
        nap 0.02
    done
    line=
    IFS= read -r line <"$staged/out"
    [ -n "$line" ] || IFS= read -r line <"$staged/err"
    printf '%s\n' "$line"
}

run_version() { # becomes the program
    # shellcheck disable=SC2031 # the tag was set for another process
    export DX_SESSION_TAG="[$id]"
    cd "$HOME" 2>/dev/null || cd /
    umask "$caller_umask"
    with_path "$path"
    detach "$@"
}
