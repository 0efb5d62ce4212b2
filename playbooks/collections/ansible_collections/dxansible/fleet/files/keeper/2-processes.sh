# --- who is who: a process is a pid together with its start time, on one boot of the machine ---

boot=
{ IFS= read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null ||
    boot=$(sysctl -n kern.bootsessionuuid 2>/dev/null || echo unknown)

ps_environment=axeww
[ -n "$procfs" ] || [ "$(uname)" != Darwin ] || ps_environment=-axEww

look() { # pid: sets $birth, $parent, $run (Z for a zombie) and, with procfs, $sid; fails when there is no such process
    case $1 in '' | *[!0-9]*) return 1 ;; esac
    # shellcheck disable=SC2046,SC2086 # the fields are wanted apart
    if [ -n "$procfs" ]; then
        { IFS= read -r stat_line <"/proc/$1/stat"; } 2>/dev/null || return 1
        set -- ${stat_line##*) }
        run=$1 parent=$2 sid=$4 birth=${20}
    else
        set -- $(LC_ALL=C TZ=UTC0 ps -o stat= -o ppid= -o lstart= -p "$1" 2>/dev/null)
        [ $# -ge 7 ] || return 1
        run=$1 parent=$2 birth=$3_$4_$5_$6_$7
    fi
}

own_pid() { # sets $own_pid: of a subshell, which $$ doesn't tell
    if [ -n "$procfs" ]; then
        IFS=' ' read -r own_pid _ </proc/self/stat
    else
        own_pid=$(exec sh -c 'echo "$PPID"')
    fi
}

same() { # pid birth: is that very process still running?
    look "$1" && [ "$birth" = "$2" ] || return 1
    case $run in Z* | X*) return 1 ;; esac
}

alive() { # file with lines "pid birth boot": is one of those very processes still running?
    {
        while IFS=' ' read -r known_pid known_birth known_boot; do
            [ "$known_boot" != "$boot" ] || ! same "$known_pid" "$known_birth" || return 0
        done <"$1"
    } 2>/dev/null
    return 1
}

snapshot() { # text: every process but zombies: pid ppid pgid sid birth, and 1 if its tag begins with the text
    if [ -n "$procfs" ]; then
        {
            tagged "$1"
            cat /proc/[0-9]*/stat
        } 2>/dev/null | awk '
            NF == 1 { tag[$1] = 1; next }
            { pid = $1 }
            sub(/^[0-9]+ \(.*\) /, "") && $1 !~ /[ZX]/ { print pid, $2, $3, $4, $20, tag[pid] }'
    else # the text is apart from the name, or awk would find itself
        LC_ALL=C TZ=UTC0 ps "$ps_environment" -o pid= -o ppid= -o pgid= -o sess= -o stat= -o lstart= -o command= |
            awk -v name=DX_SESSION_TAG= -v text="$1" '
            $5 !~ /^Z/ {
                birth = $6 "_" $7 "_" $8 "_" $9 "_" $10
                print $1, $2, $3, $4, birth, (index($0, name text) > 0)
            }'
    fi
}

tagged() { # text: pids of the processes whose tag begins with it
    if [ -n "$procfs" ]; then
        # Not every grep reads on after a NUL. A text with the head of a file in it makes that come twice, and is not
        # believed: it may be a stranger's.
        head -c 4194304 /proc/[0-9]*/environ 2>/dev/null | tr '\000' '\n' | LC_ALL=C awk -v tag="DX_SESSION_TAG=$1" '
            /^==> \/proc\/[0-9]+\/environ <==$/ { split($2, part, "/"); pid = part[3]; heads[pid]++; next }
            index($0, tag) == 1 { has[pid] = 1 }
            END { for (pid in has) if (heads[pid] == 1) print pid }'
    else
        snapshot "$1" | awk '$6 { print $1 }'
    fi
}
