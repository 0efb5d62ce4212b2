# --- the end that somebody asks for ---

abort() { # a session that has not arrived yet is settled too, by a tombstone: it can't start later
    read_about
    if [ ! -d "$dir" ]; then
        stage
        printf '%s\n' "$(never aborted)" >"$staged/supervisor"
        publish || [ -d "$dir" ] || fail "cannot write to $root"
    fi
    if conflicts; then state=conflict; reply; return; fi
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
    rm -f "$dir/out" "$dir/err" "$dir/wake"
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
