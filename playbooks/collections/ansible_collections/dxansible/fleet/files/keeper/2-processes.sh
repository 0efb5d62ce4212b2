# --- who is who: a process is a pid together with its start time ---

birth() { # pid: its start time, zombies included; fails when there is no such process
    if [ -n "$procfs" ]; then
        { IFS= read -r stat_line <"/proc/$1/stat"; } 2>/dev/null || return 1
        # shellcheck disable=SC2086 # the fields are wanted apart
        set -- ${stat_line##*) }
        printf '%s\n' "${20}"
    else
        ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_' | grep .
    fi
}

boot() {
    cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime 2>/dev/null | tr ' ' '_' || echo unknown
}

same() { # "pid birth [boot]": is that very process still here?
    # shellcheck disable=SC2086
    set -- $1
    [ $# -ge 2 ] || return 1
    [ $# -lt 3 ] || [ "$3" = "$(boot)" ] || return 1
    [ "$(birth "$1")" = "$2" ] && ! zombie "$1"
}

zombie() {
    if [ -n "$procfs" ]; then
        { IFS= read -r stat_line <"/proc/$1/stat"; } 2>/dev/null || return 1
        stat_line=${stat_line##*) }
        [ "${stat_line%% *}" = Z ]
    else
        case $(ps -o stat= -p "$1" 2>/dev/null) in Z*) return 0 ;; esac
        return 1
    fi
}

table() { # every process but zombies: pid ppid pgid sid birth uid
    if [ -n "$procfs" ]; then
        cat /proc/[0-9]*/stat 2>/dev/null |
            sed -n 's/^\([0-9][0-9]*\) (.*) \([A-Za-z]\) /\1 \2 /p' |
            awk '$2 != "Z" && $2 != "X" { print $1, $3, $4, $5, $21 }'
    else
        ps -A -o pid= -o ppid= -o pgid= -o sess= -o stat= -o lstart= 2>/dev/null |
            awk '$5 !~ /^Z/ { print $1, $2, $3, $4, "" $6 "_" $7 "_" $8 "_" $9 "_" $10 }'
    fi
}

tagged() { # text: pids of processes that have it in their environment
    if [ -n "$procfs" ]; then
        grep -lsF -e "$1" /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n'
    else
        # shellcheck disable=SC2009 # pgrep doesn't look at environments
        ps axeww -o pid= -o command= 2>/dev/null | grep -e "[${1%"${1#?}"}]${1#?}" | awk '{ print $1 }'
    fi
}
