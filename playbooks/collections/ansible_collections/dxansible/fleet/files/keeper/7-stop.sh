# --- ending a session's processes, and knowing that they ended ---

# for awk: ticks as they are; of what ps prints the seconds since the epoch
# shellcheck disable=SC2016 # awk's own
when='function when(birth, part, time, year, month) {
    if (split(birth, part, "_") < 5) return birth + 0
    split(part[4], time, ":")
    month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", part[2]) + 2) / 3
    year = part[5]
    if (month < 3) { month += 12; year-- }
    part[3] += 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * month - 457) / 5) - 719469
    return ((part[3] * 24 + time[1]) * 60 + time[2]) * 60 + time[3]
}'

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

# Processes that began no earlier than the command (nor later than $latest, if that is known), hang where orphans go,
# and carry no tag of ours: they may have slipped away from it (cleared environment, own session, parent gone). We don't
# touch what we can't attribute, and then we don't claim to have stopped everything either. Nobody can enter a process
# session that is there already, so those of an older one are strangers.
strays() { # needs $leader, $leader_birth, $latest, $oom, $place, and $reapers, where orphans of this session can be
    user=$(id -u)
    snapshot '' | awk -v born="$leader_birth" -v latest="$latest" -v reapers="$reapers" -v self="$$" "$when"'
        BEGIN { n = split(reapers, list, " "); for (i = 1; i <= n; i++) orphanage[list[i]] = 1 }
        { began[$1] = when($5) }
        ($2 in orphanage) && !$6 && began[$1] >= when(born) && (latest == "" || began[$1] <= latest) {
            words[$1] = $1 " " $2 " " $3
            session[$1] = $4
        }
        $1 == self { sees = 1 }
        END {
            if (!sees) print 0, 0, 0
            for (pid in words)
                if (!(session[pid] in began) || began[session[pid]] >= when(born)) print words[pid]
        }' | while IFS=' ' read -r stray reaper group; do
        excluded "$stray" "$reaper" "$group" || printf '%s\n' "$stray"
    done
    [ -z "$procfs" ] || hidden
}

# What a helper such as sudo starts for the command has another owner, whose environment we may not read. It has the
# command's OOM score, and stays in the command's cgroup and login session; a service, cron or somebody else's login has its
# own. Where nothing tells them apart it counts as the command's.
excluded() { # pid reaper group: can it not be the command's?
    [ "$1" -ne 0 ] || return 1
    if serves_connection "$1" "$2" || lacks_oom "$1"; then return 0; fi
    case $(owner "$1") in "$user" | '') return 1 ;; esac
    if [ -z "$procfs" ]; then [ "$1" = "$3" ]; return; fi # a service leads its group, a daemon does not
    if no_new_owners || is_supervisor "$1"; then return 0; fi
    its_place=$(place_of "$1")
    [ -n "$place" ] && [ -n "$its_place" ] && [ "${place#* }" != "$its_place" ]
}

serves_connection() { # pid reaper: where sshd is the first process, as in a container, its children look like orphans
    [ -n "$procfs" ] || return 1
    name_of "$1"
    child=$name
    name_of "$2"
    case $name/$child in sshd/sshd* | dropbear/dropbear) ;; *) return 1 ;; esac
}

lacks_oom() { # pid: only root gives a process a lower one
    [ -n "$oom" ] && { IFS= read -r its_oom <"/proc/$1/oom_score_adj"; } 2>/dev/null && [ "$its_oom" != "$oom" ]
}

is_supervisor() { # pid: of somebody else's session?
    case $(tr '\000' ' ' 2>/dev/null <"/proc/$1/cmdline") in *"/keeper"*".sh supervise "*) ;; *) return 1 ;; esac
}

no_new_owners() { # does the kernel give the command's processes no other owner?
    case $user/$place in 0/*) return 1 ;; */1\ *) ;; *) return 1 ;; esac
}

place_of() { # pid: prints its cgroup and its login session, which only root changes
    cat "/proc/$1/cgroup" "/proc/$1/sessionid" 2>/dev/null
}

find_place() { # [pid of the command, or its supervisor]: sets $place, the same after a 1 if it can't change its owner
    place=
    [ -n "$procfs" ] && [ $# -gt 0 ] || return 0
    place="$(sed -n 's/^NoNewPrivs:[^0-9]*//p' "/proc/$1/status" 2>/dev/null) $(place_of "$1")"
    [ "$place" != ' ' ] || place=
}

hidden() { # where /proc hides processes of others: pids of those in the command's cgroup that are younger; 0 if that can't be told
    if { IFS= read -r _ </proc/1/stat; } 2>/dev/null || no_new_owners; then return; fi
    list=$(in_cgroup) unseen=
    if [ -z "$list" ] || [ -z "$leader" ]; then echo 0; fi
    for one in $list; do
        [ "$one" -le "$leader" ] || look "$one" || unseen="$unseen $one"
    done
    [ -z "$unseen" ] || list=" $(in_cgroup | tr '\n' ' ')" # not those that have only ended meanwhile, as our own do
    for one in $unseen; do
        case $list in *" $one "*) printf '%s\n' "$one" ;; esac
    done
}

in_cgroup() { # pids of all processes in the command's cgroup, whoever may see them
    printf '%s\n' "${place#* }" | while IFS=: read -r _ controller below; do
        case $controller in
            '') set -- /sys/fs/cgroup /sys/fs/cgroup/unified ;;
            name=systemd) set -- /sys/fs/cgroup/systemd ;;
            *) continue ;;
        esac
        for top; do [ ! -r "$top$below/cgroup.procs" ] || cat "$top$below/cgroup.procs"; done
    done 2>/dev/null | awk '!seen[$1]++'
}

# A newborn of somebody else's session has no tag for a moment, and what hands over to another while we look is seen
# in the next look only: so it takes some looks until nothing is left that can't be explained.
no_strays() { # sets $remains to those that there are
    suspects=
    for moment in 0.02 0.05 0.1 0.2 0.3 0.5 0.8; do
        candidates=$(strays)
        suspects=
        [ -n "$candidates" ] || return 0
        nap "$moment"
        for pid in $candidates; do
            has_tag "$pid" || suspects="$suspects $pid"
        done
        [ -n "$suspects" ] || return 0
    done
    # shellcheck disable=SC2086 # a list of numbers
    identify $suspects
    return 1
}

has_tag() { # pid: of any session?
    [ -n "$procfs" ] || return 1
    tr '\000' '\n' 2>/dev/null <"/proc/$1/environ" | LC_ALL=C grep -q '^DX_SESSION_TAG='
}

identify() { # pid…: sets $remains, "pid:user:name,…" of the first few, with "-" for what nobody knows
    remains=
    for pid; do
        case $pid in -* | blind) continue ;; esac
        [ "${#remains}" -lt 200 ] || break
        owned=$(owner "$pid")
        if [ -n "$owned" ]; then
            known=$(LC_ALL=C awk -F: -v uid="$owned" '$3 == uid { print $1; exit }' /etc/passwd 2>/dev/null | safe)
            owned=${known:-$owned}
        fi
        name_of "$pid"
        remains=$remains,$pid:${owned:--}:${name:--}
    done
    remains=${remains#,}
    remains=${remains:--}
}

name_of() { # pid: sets $name, what its program is called
    if [ -n "$procfs" ]; then
        name=$(safe 2>/dev/null <"/proc/$1/comm")
    else
        name=$(LC_ALL=C ps -o comm= -p "$1" 2>/dev/null)
        name=$(printf '%s' "${name##*/}" | safe)
    fi
}

safe() { # standard input, without what could be taken for anything but a name
    LC_ALL=C tr -cd 'A-Za-z0-9._+-' | head -c 32
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

stop_tree() { # TERM, $grace seconds, KILL; leaves the answer in $verified, and in $remains who may be left
    verified=no remains=-
    # shellcheck disable=SC2086 # no word if there is none
    find_place $kin
    clock
    patience=$((now + grace * 100))
    give_up=$((patience + 200))
    # shellcheck disable=SC2046 # a list of numbers
    set -- $(members)
    send TERM "$@"
    send CONT "$@"
    until gone; do
        clock
        # shellcheck disable=SC2046
        [ "$now" -lt "$give_up" ] || { identify $(members); return; }
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
    ! no_strays || verified=yes
}
