# --- the verbs ---

await() { # up to $wait seconds for news; after output a moment more, as the end often follows it
    clock
    began=$now heard=
    while :; do
        state
        case $state in starting | running) ;; *) return ;; esac
        [ -z "$flow" ] || put "flow.$flow" "$(follow)"
        flow=
        clock
        [ -n "$heard" ] || hear out "$out" || hear err "$err"
        [ -z "$heard" ] || [ $((now - heard)) -lt 5 ] || return
        [ $((now - began)) -lt $((wait * 100)) ] || return
        case $((now - began)) in ? | 1?) nap 0.01 ;; ??) nap 0.05 ;; *) nap 0.1 ;; esac
    done
}

hear() { # out|err offset: sets $heard if there is a byte at or after it; a full reply waits for nothing more
    pending "$1" "$2" || return 1
    heard=$now
    [ "$chunk" -eq 0 ] || [ $((total - $2)) -lt "$chunk" ] || heard=$((now - 5))
}

reply() {
    case $state in
        unknown | conflict)
            printf '\n%s state=%s token=-\n%s end\n' "$mark" "$state" "$mark"
            return
            ;;
    esac
    expired=no
    cut out "$out"
    out_from=$from out_upto=$upto out_total=$total out_piece=$piece
    cut err "$err"
    printf '\n%s state=%s code=%s verified=%s left=%s out_end=%s err_end=%s attached=%s' \
        "$mark" "$state" "$code" "$verified" "$left" "$out_end" "$err_end" "${attached-yes}"
    full=no
    [ ! -e "$dir/full" ] || full=yes
    word token
    printf ' token=%s full=%s expired=%s out_from=%s out_upto=%s out_total=%s' "$word" "$full" "$expired" "$out_from" "$out_upto" "$out_total"
    printf ' err_from=%s err_upto=%s err_total=%s' "$from" "$upto" "$total"
    printf ' out_cut=%s err_cut=%s\n' "$out_cut" "$err_cut"
    set -- ${out_piece:+"$out_piece"} ${piece:+"$piece"}
    [ $# -eq 0 ] || cat "$@" 2>/dev/null
    set -- "$dir/.reply.$$."*
    [ ! -e "$1" ] || rm -f "$@"
    printf '\n%s end\n' "$mark"
}

describe() { # what is known at the start, and goes with the session
    look "$$"
    printf '%s %s %s\n' "$$" "$birth" "$boot" >"$staged/claim" && date +%s >"$staged/began" || return 1
    [ -z "$token" ] || printf '%s\n' "$token" >"$staged/token" || return 1
    [ -z "$flow" ] || follow >"$staged/flow.$flow" || return 1
    if [ -n "$digest" ]; then
        printf '%s\n' "$digest" >"$staged/digest" && printf '%s\n' "$told" >"$staged/about" || return 1
    fi
    [ "$meta" != yes ] || head -n 1 "$staged/command" >"$staged/meta"
}

read_about() { # sets $digest and $told, which are never arguments: others see those
    digest='' told=''
    [ "$about" = yes ] || return 0
    IFS=' ' read -r digest told || fail "the command did not arrive whole"
    case $digest in '' | *[!0-9a-f]*) fail "bad digest" ;; esac
}

conflicts() { # does the session stand for something else? One that has no digest was settled, or is older than digests
    [ -n "$digest" ] && [ -f "$dir/digest" ] || return 1
    known=
    { IFS= read -r known <"$dir/digest"; } 2>/dev/null
    [ "$known" != "$digest" ]
}

reserve() { # space and inodes for the end record and for replies, given back when the disk is full
    printf '%65536s' '' >"$staged/reserve" && for name in 1 2 3 4; do true >"$staged/reserve.$name" || return; done
}

receive() { # standard input: what the command will read, if there is such, and after it the command
    arriving=$staged/command
    [ "$input" -eq 0 ] || arriving=$staged/input
    if ! report=$(LC_ALL=C dd bs=65536 2>&1 >"$arriving"); then
        cat >/dev/null # as in start
        fail "cannot write to $root: is the disk full?"
    fi
    copied "$arriving" 0 "$report"
    [ "$size" -eq $((input + length)) ] || fail "the command did not arrive whole"
    [ "$input" -gt 0 ] || return 0
    # from its end, since no tool can be trusted to take so many bytes from a pipe and to leave the rest there
    if ! tail -c "$length" "$arriving" >"$staged/command" ||
        ! dd if=/dev/null of="$arriving" bs=1 seek="$input" count=0 2>/dev/null; then
        fail "cannot write to $root: is the disk full?"
    fi
}

start() {
    attached=yes
    command -v setsid >/dev/null 2>&1 || command -v perl >/dev/null 2>&1 || fail "needs setsid or perl"
    read_about
    if [ ! -d "$dir" ]; then
        if [ -n "$need" ] && ! places=$(locate "$need"); then
            printf '\n%s state=missing message=%s\n%s end\n' "$mark" "$places" "$mark"
            return
        fi
        trap 'exit 1' HUP INT TERM
        stage
        receive
        if ! describe || ! reserve; then fail "cannot write to $root: is the disk full?"; fi
        trap ':' HUP INT TERM PIPE
        if publish; then
            attached=no flow=
            trap - EXIT
            launch
        fi
        [ -d "$dir" ] || fail "cannot write to $root"
    elif [ "$input" -gt 0 ]; then
        cat >/dev/null # who still sends would take our end for a broken connection
    fi
    if conflicts; then
        state=conflict
        reply
        return
    fi
    await
    reply
}

abort() { # a session that has not arrived yet is settled too: it can't start later
    read_about
    if [ ! -d "$dir" ]; then
        stage
        printf '%s\n' "$(never aborted)" >"$staged/supervisor"
        publish || [ -d "$dir" ] || fail "cannot write to $root"
    fi
    if conflicts; then
        state=conflict
        reply
        return
    fi
    settle aborted
    clock
    began=$now
    while [ "$state" = running ]; do
        kill -s USR1 "$known_pid" 2>/dev/null # again and again: a shell can lose a signal
        clock
        [ $((now - began)) -lt $((wait * 100)) ] || break
        nap 0.1
        state
    done
    [ "$state$verified" = lostyes ] || [ "$state" != lost ] || abort_lost
    reply
}

abort_lost() { # nobody watches the command any more: end it from here; nobody will know what became of it
    leader='' leader_birth=0 recorded_reaper=1 reapers='' code=- left=0 verified=yes
    forget_text
    if ! rebooted || [ -n "$(tagged "[$id]")" ]; then
        recall_leader
        for orphan in "$leader" $(tagged "<$id>"); do
            ! look "$orphan" || reapers="$reapers $parent"
        done
        reapers=${reapers:-$recorded_reaper}
        stop_tree
        drain
        # shellcheck disable=SC2046 # a list of numbers
        send KILL $(tagged "<$id>")
    fi
    rm -f "$dir/out" "$dir/err"
    conclude lost
    state
}

rebooted() { # since the supervisor began, as far as its record can be trusted
    { IFS=' ' read -r known_pid known_birth known_boot rest <"$dir/supervisor"; } 2>/dev/null || return 1
    case $known_pid$rest in '' | *[!0-9]*) return 1 ;; esac
    [ -n "$known_boot" ] && [ "$known_boot" != "$boot" ]
}

recall_leader() { # sets $leader, $leader_birth and $recorded_reaper, as far as the record can be trusted
    { IFS=' ' read -r known_pid known_birth known_reaper <"$dir/leader"; } 2>/dev/null || return 0
    case $known_pid$known_reaper in '' | *[!0-9]*) return 0 ;; esac
    [ -z "$known_reaper" ] || leader=$known_pid leader_birth=$known_birth recorded_reaper=$known_reaper
}
