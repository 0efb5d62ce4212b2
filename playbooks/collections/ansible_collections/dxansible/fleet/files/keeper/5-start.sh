# --- the verbs ---

await() { # up to $wait seconds for news; after output a moment more, as the end often follows it
    clock
    began=$now heard=
    # the fifo's end means the session's, or that of the supervisor; a line, that the command takes longer
    [ -z "$waker" ] || [ "$wait" -eq 0 ] || read -r _ <&4
    while :; do
        state
        case $state in
            starting | running) ;;
            scheduled) [ "$verb" != start ] || return ;;
            *) return ;;
        esac
        [ -z "$flow" ] || { follow >"$dir/.flow.$flow.$$" && mv -f "$dir/.flow.$flow.$$" "$dir/flow.$flow"; }
        flow=
        decided
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
    case $state in unknown | conflict) printf '\n%s state=%s token=-\n%s end\n' "$mark" "$state" "$mark"; return ;; esac
    expired=no full=no torn=no
    [ ! -e "$dir/full" ] || full=yes
    [ ! -e "$dir/torn" ] || torn=yes
    cut_or_skip out "$out" "$out_end"
    out_from=$from out_upto=$upto out_total=$total out_piece=$piece
    cut_or_skip err "$err" "$err_end"
    printf '\n%s state=%s code=%s verified=%s left=%s remains=%s stopped=%s out_end=%s err_end=%s attached=%s torn=%s' \
        "$mark" "$state" "$code" "$verified" "$left" "$remains" "${stopped-0}" "$out_end" "$err_end" "${attached-yes}" "$torn"
    until_start
    until_reset
    printf ' %s starts=%s never=%s resumes=%s%s' "$usage" "$starts" "$never" "$resumes" "$tombstone"
    word token
    printf ' token=%s full=%s expired=%s out_from=%s out_upto=%s out_total=%s' "$word" "$full" "$expired" "$out_from" "$out_upto" "$out_total"
    printf ' err_from=%s err_upto=%s err_total=%s out_cut=%s err_cut=%s\n' "$from" "$upto" "$total" "$out_cut" "$err_cut"
    show out "$out_piece" "$out_from" "$out_upto"
    show err "$piece" "$from" "$upto"
    set -- "$dir/.reply.$$."*
    [ ! -e "$1" ] || rm -f "$@"
    printf '\n%s end\n' "$mark"
}

show() { # out|err, file or nothing, from, upto: prints the file, or those bytes of the stream
    [ "$4" -gt "$3" ] || return 0
    [ -n "$2" ] || { show_span "$1" "$3" "$4"; return; }
    text=
    if [ $(($4 - $3)) -le 512 ]; then
        slurp <"$2"
        case $text in *[![:print:][:space:]]*) text= ;; esac # what a shell may not take as it is
        [ "${#text}" -ne $(($4 - $3)) ] || { printf %s "$text"; return; }
    fi 2>/dev/null
    cat "$2" 2>/dev/null
}

slurp() { # sets $text, which is standard input as far as the shell can read it
    text=
    while IFS= read -r line; do
        text=$text$line'
'
    done
    text=$text$line
}

describe() { # what is known at the start, and goes with the session
    look "$$"
    printf '%s %s %s\n' "$$" "$birth" "$boot" >"$staged/claim" || return 1
    [ -z "$token" ] || printf '%s\n' "$token" >"$staged/token" || return 1
    [ -z "$flow" ] || follow >"$staged/flow.$flow" || return 1
    if [ -n "$digest" ]; then
        printf '%s\n' "$digest" >"$staged/digest" && printf '%s\n' "$told" >"$staged/about" || return 1
    fi
    [ "$delay" -eq 0 ] || printf '%s\n' $(($(date +%s) + delay)) >"$staged/due" || return 1
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
    [ "$input" -eq 0 ] && [ "$length" -le 1024 ] || plain=
    if [ -n "$plain" ]; then
        slurp
        printf %s "$text" >"$arriving" || fail "cannot write to $root: is the disk full?"
        size=${#text}
    else
        report=$(LC_ALL=C dd bs=65536 2>&1 >"$arriving")
        copying=$?
        if [ "$copying" -ne 0 ]; then
            cat >/dev/null # as in start
            [ "$copying" -le 128 ] || fail "the command did not arrive whole: dd was killed on the VM; try again"
            fail "cannot write to $root: is the disk full?"
        fi
        copied "$arriving" 0 "$report"
    fi
    [ "$size" -eq $((input + length)) ] || fail "the command did not arrive whole"
    [ "$input" -gt 0 ] || return 0
    # from its end, since no tool can be trusted to take so many bytes from a pipe and to leave the rest there
    if ! tail -c "$length" "$arriving" >"$staged/command" ||
        ! dd if=/dev/null of="$arriving" bs=1 seek="$input" count=0 2>/dev/null; then
        fail "cannot write to $root: is the disk full?"
    fi
}

launch() { # shares the claim with a supervisor that is nobody's child
    [ "$deadline" = 0 ] || [ "$delay" -gt 0 ] || { waker=yes; exec 5<>"$dir/wake"; exec 4<"$dir/wake"; }
    # shellcheck disable=SC2030 # for the supervisor only
    (
        export DX_SESSION_TAG="<$id>" # which also takes it out of a session whose command calls us
        umask "$caller_umask"
        own_pid
        (detach "${DX_KEEPER_SH:-sh}" "$0" supervise "id=$id" "deadline=$deadline" "limit=$limit" "path=$path" \
            "grace=$grace" "age=$age" "idle=$idle" "progress=$progress" "resets=$resets" "plain=$plain" "waker=$waker" "delay=$delay" "launcher=$own_pid") </dev/null >/dev/null 2>&1 4<&- &
        umask 077
        ! look "$!" || printf '%s\n' "$! $birth $boot" >>"$dir/claim"
        exec date +%s >"$dir/began" 4<&- 5>&-
    )
    [ -z "$waker" ] || exec 5>&- # only the supervisor and its clock can write to it from now on
}

forgotten() { # an earlier start may have run, and left no trace on the disk: replies so, with further words, or returns 1
    [ "$since" -gt 0 ] && may_have_restarted || return 1
    printf '\n%s state=lost restarted=yes%s token=-\n%s end\n' "$mark" "${1-}" "$mark"
}

announce() { # that what is asked for may happen from now on, even if the caller gets no answer
    printf '\n%s\n' "$mark" || exit 1
}

start() {
    attached=yes
    command -v setsid >/dev/null 2>&1 || command -v perl >/dev/null 2>&1 || fail "needs setsid or perl"
    read_about
    [ ! -d "$dir" ] || announce
    if [ ! -d "$dir" ]; then
        if forgotten; then
            [ "$input" -eq 0 ] || cat >/dev/null # as below
            return
        fi
        if [ -n "$need" ] && ! places=$(locate "$need"); then
            printf '\n%s state=missing message=%s\n%s end\n' "$mark" "$places" "$mark"
            return
        fi
        trap 'exit 1' HUP INT TERM PIPE # PIPE: the connection is gone, and with it the reader of our complaint
        stage "$root/pattern"
        receive
        if ! describe || ! reserve; then fail "cannot write to $root: is the disk full?"; fi
        announce
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
        ! forgotten || return 0
    else
        await
    fi
    reply
}

case $verb in # a shell reads no further than it has to
    start) start; exit ;;
    poll) await; reply; exit ;;
esac
