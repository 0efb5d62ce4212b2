# --- the end that somebody asks for ---

abort() { # a session that has not arrived yet is settled too, by a tombstone: it can't start later
    read_about
    if [ ! -d "$dir" ]; then
        stage
        printf '%s\n' "$(never aborted)" >"$staged/supervisor"
        publish || [ -d "$dir" ] || fail "cannot write to $root"
    fi
    [ -f "$dir/claim" ] && ! conflicts || ! forgotten ' verified=yes' || return 0 # what ran ended with the machine
    if conflicts; then state=conflict; reply; return; fi
    if [ -n "$settle" ]; then state; reply; return; fi # what has arrived is only asked about
    settle aborted
    ! alive "$dir/sleeper" || kill -s USR1 "$known_pid" 2>/dev/null
    clock
    began=$now
    while [ "$state" = running ] || [ "$state" = starting ]; do
        [ "$state" = starting ] || kill -s USR1 "$known_pid" 2>/dev/null # again and again: a shell can lose a signal
        clock
        [ $((now - began)) -lt $((wait * 100)) ] || break
        nap 0.1
        state
    done
    stopped=0
    case $state$verified in
        *yes) ;;
        lost*) abort_lost ;;
        exited* | timeout* | idle* | aborted* | killed*) [ "$remnants" != yes ] || abort_left ;;
        *) decided ;;
    esac
    reply
}

abort_lost() { # nobody watches the command any more: end it from here; nobody will know what became of it
    code=- left=0 latest=''
    forget_text
    recall_leader
    stop_rest
    [ -z "$reapers" ] || drain
    # shellcheck disable=SC2046 # a list of numbers
    send KILL $(tagged "<$id>")
    rm -f "$dir/out" "$dir/err" "$dir/wake"
    conclude lost
    state
}

abort_left() { # of a session that has ended: what it has left behind ends, and its outcome stays
    latest=''
    clock
    case $at in
        '' | *[!0-9]*) ;;
        *) if [ -n "$procfs" ]; then latest=$((now + (at - $(date +%s) + 2) * 100)); else latest=$((at + 2)); fi ;;
    esac
    recall_leader
    is_leaders || leader=
    before=$(remaining)
    stop_rest
    left=$(remaining)
    stopped=$((before - left))
    amend
}

remaining() { # prints how many processes the session has
    members | grep -c '^[0-9]'
}

is_leaders() { # does the leader's number still stand for its group and session? A number is free for others once both are empty
    [ -n "$leader" ] && snapshot "[$id]" | awk -v leader="$leader" -v latest="$latest" "$when"'
        ($3 == leader || $4 == leader) && (latest == "" || when($5) <= latest) { found = 1 }
        END { exit !found }'
}

stop_rest() { # from here, without a supervisor; leaves the answer in $verified and $remains
    verified=yes remains=- reapers='' kin=
    if ! rebooted || [ -n "$(tagged "[$id]")" ]; then
        for orphan in "$leader" $(tagged "[$id]") $(tagged "<$id>"); do
            if look "$orphan"; then reapers="$reapers $parent" kin=${kin:-$orphan}; fi
        done
        reapers=${reapers:-$recorded_reaper}
        stop_tree
    fi
}

rebooted() { # since the supervisor began, as far as its record can be trusted
    { IFS=' ' read -r known_pid known_birth known_boot rest <"$dir/supervisor"; } 2>/dev/null || return 1
    case $known_pid$rest in '' | *[!0-9]*) return 1 ;; esac
    [ -n "$known_boot" ] && [ "$known_boot" != "$boot" ]
}

recall_leader() { # sets $leader, $leader_birth, $recorded_reaper and $oom, as far as the record can be trusted
    leader='' leader_birth=0 recorded_reaper=1 oom=
    { IFS=' ' read -r known_pid known_birth known_reaper && { IFS= read -r oom || :; }; } 2>/dev/null <"$dir/leader" || return 0
    case ${oom#-} in *[!0-9]*) oom= ;; esac
    case $known_pid$known_reaper in '' | *[!0-9]*) return 0 ;; esac
    [ -z "$known_reaper" ] || leader=$known_pid leader_birth=$known_birth recorded_reaper=$known_reaper
}
