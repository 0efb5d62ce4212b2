# --- ending a session's processes, and knowing that they ended ---

# The session's processes: the leader's group and session, what carries the session's tag, and all their
# descendants. Prints what to signal: "pid", and "-pgid" for a group that has no stranger in it (one signal to a
# group can't be outrun by a fork).
members() { # needs $leader and $leader_birth
    {
        tagged "DX_SESSION=$id" | sed 's/^/tag /'
        table | sed 's/^/process /'
    } | awk -v leader="$leader" -v born="$leader_birth" '
        $1 == "tag" { tag[$2] = 1 }
        $1 == "process" { n++; pid[n] = $2; parent[n] = $3; group[n] = $4; session[n] = $5
                          if ($2 == leader && born != "" && $6 != born) reused = 1 }
        END {
            for (i = 1; i <= n; i++)
                if ((pid[i] in tag) || (!reused && (pid[i] == leader || group[i] == leader || session[i] == leader)))
                    mine[pid[i]] = 1
            do {
                grown = 0
                for (i = 1; i <= n; i++)
                    if (!(pid[i] in mine) && (parent[i] in mine)) { mine[pid[i]] = 1; grown = 1 }
            } while (grown)
            for (i = 1; i <= n; i++) {
                if (pid[i] in mine) { print pid[i]; ours[group[i]] = 1 } else strangers[group[i]] = 1
            }
            for (g in ours) if (!(g in strangers) && g > 1) print "-" g
        }'
}

# Processes of this user that began after the leader, hang where orphans go, and carry no tag of ours: they may
# have slipped away from the command (cleared environment, own session, parent gone). We don't touch what we can't
# attribute, and then we don't claim to have stopped everything either.
strays() {
    [ -n "$procfs" ] || return 0
    [ -n "$leader_birth" ] || return 0
    for pid in $(table | awk -v born="$leader_birth" -v self="$$" '
        { parent[$1] = $2; since[$1] = $5 }
        END { for (p in parent)
                  if ((parent[p] == 1 || parent[p] == parent[self]) && since[p] + 0 >= born + 0) print p }'); do
        # not "-O": what hides its environment, as ssh-agent does, has its entries owned by root
        [ "$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null)" = "$(id -u)" ] || continue
        grep -qsF -e DX_KEEPER= -e DX_SESSION= "/proc/$pid/environ" || zombie "$pid" || [ ! -d "/proc/$pid" ] || echo "$pid"
    done
}

send() { # signal, then what members printed
    signal=$1
    shift
    for target; do kill -s "$signal" -- "$target" 2>/dev/null; done
}

gone() { # true when two looks, a moment apart, find nobody
    [ -z "$(members)" ] || return 1
    nap 0.05
    [ -z "$(members)" ]
}

stop_tree() { # TERM, $grace seconds, KILL; leaves the answer in $verified
    verified=no
    # shellcheck disable=SC2046 # a list of numbers
    send TERM $(members)
    # shellcheck disable=SC2046
    send CONT $(members)
    until_time=$(($(date +%s) + grace))
    while ! gone; do
        [ "$(date +%s)" -lt "$until_time" ] || break
        nap 0.1
    done
    tries=0
    while ! gone; do
        [ "$tries" -lt 25 ] || return 0
        tries=$((tries + 1))
        # shellcheck disable=SC2046
        send KILL $(members)
        nap 0.02
    done
    [ -z "$(strays)" ] && verified=yes
}
