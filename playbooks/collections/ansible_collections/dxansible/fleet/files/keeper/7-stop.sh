# --- ending a session's processes, and knowing that they ended ---

# The session's processes: the leader's group and session, what carries the session's tag, and all their
# descendants. Prints what to signal: "pid", and "-pgid" for a group that has no stranger in it (one signal to a
# group can't be outrun by a fork). Who doesn't even see itself has seen nothing, and must not take that for an end.
members() { # needs $leader and $leader_birth
    snapshot "[$id]" | awk -v leader="$leader" -v born="$leader_birth" -v self="$$" '
        { pid[NR] = $1; parent[NR] = $2; group[NR] = $3; session[NR] = $4; tag[NR] = $6 }
        $1 == leader && born != "" && $5 != born { reused = 1 }
        $1 == self { sees = 1 }
        END {
            if (!sees) print "blind"
            for (i = 1; i <= NR; i++)
                if (tag[i] || (!reused && (pid[i] == leader || group[i] == leader || session[i] == leader)))
                    mine[pid[i]] = 1
            do {
                grown = 0
                for (i = 1; i <= NR; i++)
                    if (!(pid[i] in mine) && (parent[i] in mine)) { mine[pid[i]] = 1; grown = 1 }
            } while (grown)
            for (i = 1; i <= NR; i++) {
                if (pid[i] in mine) { print pid[i]; ours[group[i]] = 1 } else strangers[group[i]] = 1
            }
            for (g in ours) if (!(g in strangers) && g > 1) print "-" g
        }'
}

# Processes of this user that began no earlier than the command, hang where orphans go, and carry no tag of ours:
# they may have slipped away from it (cleared environment, own session, parent gone). We don't touch what we can't
# attribute, and then we don't claim to have stopped everything either.
strays() { # needs $leader_birth and $reapers, where orphans of this session can be
    snapshot '' | awk -v born="$leader_birth" -v reapers="$reapers" -v self="$$" '
        function when(birth, part, time) { # ticks as they are; what ps prints as a number that grows with time
            if (split(birth, part, "_") < 5) return birth + 0
            split(part[4], time, ":")
            part[2] = index("JanFebMarAprMayJunJulAugSepOctNovDec", part[2])
            return (((part[5] * 36 + part[2]) * 31 + part[3]) * 24 + time[1]) * 3600 + time[2] * 60 + time[3]
        }
        BEGIN { n = split(reapers, list, " "); for (i = 1; i <= n; i++) orphanage[list[i]] = 1 }
        ($2 in orphanage) && !$6 && when($5) >= when(born) { print $1 }
        $1 == self { sees = 1 }
        END { if (!sees) print self }
        ' | while IFS= read -r pid; do
        [ "$(owner "$pid")" != "$(id -u)" ] || printf '%s\n' "$pid"
    done
}

owner() { # pid: its user's number
    # not who owns its files in /proc: for what hides its environment, as ssh-agent does, that is root
    if [ -n "$procfs" ]; then
        sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null
    else
        ps -o uid= -p "$1" 2>/dev/null | tr -d ' '
    fi
}

send() { # signal, then what members printed
    signal=$1
    shift
    for target; do kill -s "$signal" -- "$target" 2>/dev/null; done
}

kill_group() { # the command's own group, at one blow; unless a stranger has the leader's pid by now
    [ -n "$leader" ] || return 0
    ! look "$leader" || [ "$birth" = "$leader_birth" ] || return 0
    kill -s KILL -- "-$leader" 2>/dev/null
}

gone() { # one look can miss a child that is born while it looks, so it takes several in a row
    [ -z "$(members)" ] || return 1
    for moment in 0.02 0.03 0.05; do
        nap "$moment"
        [ -z "$(tagged "[$id]")" ] || return 1
    done
    [ -z "$(members)" ]
}

stop_tree() { # TERM, $grace seconds, KILL; leaves the answer in $verified
    verified=no
    clock
    patience=$((now + grace * 100))
    give_up=$((patience + 200))
    # shellcheck disable=SC2046 # a list of numbers
    set -- $(members)
    send TERM "$@"
    send CONT "$@"
    until gone; do
        clock
        [ "$now" -lt "$give_up" ] || return 0
        [ "$now" -ge "$patience" ] || { nap 0.1; continue; }
        kill_group
        for _ in 1 2 3; do # a chain of short-lived processes is faster than a look at the table
            # shellcheck disable=SC2046
            send KILL $(tagged "[$id]")
        done
        # shellcheck disable=SC2046
        send KILL $(members)
    done
    kill_group
    [ -n "$(strays)" ] || verified=yes
}
