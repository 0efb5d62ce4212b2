# What an agent's own events tell of its usage: tokens and cost, and that a usage limit is reached. Set before this, besides
# script.sh: rules and reader, which usage.awk describes; native_id, as far as it is known; longest_wait in seconds; and
# agent, the agent's name.
# shellcheck shell=sh disable=SC2154,SC2034 # set by the caller, and used by it
[ -z "${ZSH_VERSION-}" ] || emulate sh
attempt=0 limit='' usage='' waited=0 backoff=60

__dx_where() { # what every line about this turn ends with
    printf 'branch=%s directory=%s' "${branch:--}" "$directory"
}

__dx_await_output() { # until the VM keeps all that the agent has printed, for which a line of ours stands
    printf '\n\036dx-turn ended=%s %s\n' "$attempt" "$(__dx_where)"
    moment=0.01
    until __dx_newest_output | grep -q "^.dx-turn ended=$attempt "; do
        [ ! -e "$dir/full" ] || return 1
        sleep "$moment" 2>/dev/null || sleep 1
        case $moment in 0.01) moment=0.1 ;; *) moment=0.5 ;; esac
    done
}

__dx_newest_output() { # its end, which may be in two segments
    previous='' newest=''
    for segment in "$dir"/out.0*; do previous=$newest newest=$segment; done
    cat ${previous:+"$previous"} "$newest" 2>/dev/null | tail -c 8192
}

__dx_output_is_whole() { # is nothing of it missing?
    expected=0
    for segment in "$dir"/out.0*; do
        begin=${segment##*.}
        begin=${begin#"${begin%%[!0]*}"}
        [ "${begin:-0}" -eq "$expected" ] || return 1
        expected=$((expected + $(wc -c <"$segment")))
    done
}

__dx_see_usage() { # sets $limit, $resets_at, $usage and $native_id
    if [ -z "$rules" ] || ! __dx_await_output; then return 0; fi
    limit='' resets_at='' usage='' whole=yes
    __dx_output_is_whole || whole=
    # shellcheck disable=SC2013,SC2046 # words
    for word in $(cat "$dir"/out.0* | rules=$rules whole=$whole LC_ALL=C awk "$reader"); do
        case $word in
            limit=*) limit=${word#*=} ;;
            at=*) resets_at=${word#*=} ;;
            id=*) native_id=${native_id:-${word#*=}} ;;
            *=*[!0-9A-Za-z.+=-]*) ;;
            *) usage="$usage $word" ;;
        esac
    done
}

__dx_has_events() { # of the last attempt? As it is asked only after one that failed, its output may be read as it comes
    __dx_await_output && __dx_newest_output | LC_ALL=C awk -v begin="dx-turn attempt=$attempt " '
        index($0, begin) == 2 { began = 1; next }
        began && substr($0, 1, 1) == "{" { event = 1 }
        END { exit !(event || !began) }'
}

__dx_note_usage() { # for the keeper, which tells it with the session
    [ "$code" -ne 0 ] || limit=''
    told="${limit:+limited=$resets_at}$usage"
    # what was told at an earlier limit is over
    if [ -z "$told" ]; then rm -f "$dir/usage"; return; fi
    if (umask 077 && printf '%s\n' "$told" >"$dir/.usage") && mv -f "$dir/.usage" "$dir/usage"; then return; fi
    rm -f "$dir/.usage" "$dir/usage"
    return 1
}

__dx_await_reset() { # of the limit; fails if that takes too long. While the file waits is there, no time limit runs
    since=$(date +%s)
    now=$since
    if [ "$resets_at" -le "$now" ] && { [ "$resets_at" -eq 0 ] || [ "$attempt" -gt 1 ]; }; then
        resets_at=$((now + backoff)) # nobody knows when, or not as the agent says
        [ "$backoff" -ge 3600 ] || backoff=$((backoff * 2))
    fi
    [ $((waited + resets_at - now)) -le "$longest_wait" ] || return 1
    (umask 077 && printf '%s\n' "$resets_at" >"$dir/.waits") && mv -f "$dir/.waits" "$dir/waits" || return 1
    when=$(date -d "@$resets_at" '+%Y-%m-%d %H:%M:%S %Z' 2>/dev/null || date -r "$resets_at" '+%Y-%m-%d %H:%M:%S %Z')
    printf '! %s has reached its usage limit; the turn goes on at %s\n' "$agent" "$when"
    while [ "$now" -lt "$resets_at" ]; do
        step=$((resets_at - now))
        [ "$step" -le 20 ] || step=20
        sleep "$step"
        __dx_is_watched || exit 1
        now=$(date +%s)
    done
    waited=$((waited + now - since))
    printf '%s\n' "$waited" >"$dir/.waited" && mv -f "$dir/.waited" "$dir/waited"
    rm -f "$dir/waits"
}

__dx_is_watched() { # is the keeper still there? Without it, nobody enforces a limit, and the turn is lost
    if { IFS= read -r stat <"/proc/$$/stat"; } 2>/dev/null; then
        stat=${stat##*) ? }
        [ "${stat%% *}" = "$PPID" ]
    else
        [ "$(($(ps -o ppid= -p "$$")))" -eq "$PPID" ]
    fi
}
