# --- the verbs ---

await() { # up to $wait seconds for news; after output a moment more, as the end often follows it
    pause=0.01 until_time=$(($(date +%s) + wait)) patience=$(($(date +%s) + 3))
    while :; do
        state
        case $state in
            starting) [ "$(date +%s)" -lt "$patience" ] || [ -e "$dir/claim" ] || settle unstarted ;;
            running) ;;
            *) return ;;
        esac
        if pending out "$out" || pending err "$err"; then
            nap 0.03
            state
            return
        fi
        [ "$(date +%s)" -lt "$until_time" ] || return
        nap "$pause"
        case $pause in 0.01) pause=0.02 ;; 0.02) pause=0.05 ;; *) pause=0.1 ;; esac
    done
}

reply() {
    if [ "$state" = unknown ]; then
        printf '\n%s state=unknown\n%s end\n' "$mark" "$mark"
        return
    fi
    cut out "$out"
    out_from=$from out_upto=$upto
    cut err "$err"
    printf '\n%s state=%s code=%s verified=%s left=%s out_end=%s err_end=%s attached=%s' \
        "$mark" "$state" "$code" "$verified" "$left" "$out_end" "$err_end" "${attached-yes}"
    full=no
    [ ! -e "$dir/full" ] || full=yes
    printf ' full=%s out_from=%s out_upto=%s out_total=%s' "$full" "$out_from" "$out_upto" "$(total out)"
    printf ' err_from=%s err_upto=%s err_total=%s\n' "$from" "$upto" "$(total err)"
    cat "$dir/.reply.$$.out" "$dir/.reply.$$.err"
    printf '\n%s end\n' "$mark"
    rm -f "$dir/.reply.$$.out" "$dir/.reply.$$.err"
}

start() {
    mkdir -p "$root/sessions" "$root/incoming" || fail "cannot write to $root"
    attached=yes
    if [ ! -d "$dir" ]; then
        incoming=$root/incoming/$id.$$
        # shellcheck disable=SC2064 # the name is fixed now
        trap "rm -f '$incoming'" EXIT
        cat >"$incoming" || fail "cannot write to $root: is the disk full?"
        [ "$(size "$incoming")" -eq "$length" ] || fail "the command did not arrive whole"
        trap ':' HUP INT TERM PIPE
        if mkdir "$dir" 2>/dev/null; then
            attached=no
            printf '%s %s %s\n' "$$" "$(birth $$)" "$(boot)" | put claim || fail "cannot write to $root"
            mv "$incoming" "$dir/command"
            DX_KEEPER=$id
            export DX_KEEPER
            umask "$caller_umask"
            (detach "${DX_KEEPER_SH:-sh}" "$0" supervise "id=$id" "deadline=$deadline" "limit=$limit" "path=$path" \
                "grace=$grace" "age=$age") </dev/null >/dev/null 2>&1 &
            umask 077
        fi
        [ -d "$dir" ] || fail "cannot write to $root"
        rm -f "$incoming"
        trap - EXIT
    fi
    await
    reply
}

abort() { # a session that has not arrived yet is settled too: it can't start later
    mkdir -p "$root/sessions" || fail "cannot write to $root"
    ! mkdir "$dir" 2>/dev/null || settle aborted
    asked='' pause=0.02 until_time=$(($(date +%s) + wait))
    while state; do
        case $state in
            starting) ;;
            running)
                [ -n "$asked" ] || kill -s USR1 "$(sed 's/ .*//' "$dir/supervisor")" 2>/dev/null
                asked=yes
                ;;
            lost) abort_lost; state; break ;;
            *) break ;;
        esac
        [ "$(date +%s)" -lt "$until_time" ] || break
        nap "$pause"
        pause=0.1
    done
    reply
}

abort_lost() { # nobody watches the command any more: end it from here
    leader='' leader_birth='' code=- left=0 verified=yes
    rm -f "$dir/command"
    if [ "$(sed 's/.* //' "$dir/supervisor")" = "$(boot)" ]; then
        [ ! -e "$dir/leader" ] || read -r leader leader_birth <"$dir/leader"
        stop_tree
    fi
    conclude aborted
}

list() {
    for dir in "$root/sessions"/*; do
        [ -d "$dir" ] || continue
        state
        printf '%s state=%s code=%s out_total=%s err_total=%s\n' \
            "${dir##*/}" "$state" "$code" "$(total out)" "$(total err)"
    done
}

case $id in
    .* | *[!A-Za-z0-9._-]*) fail "bad id" ;;
esac
case $verb in
    start | poll | abort | supervise) [ -n "$id" ] || fail "no id" ;;
esac
case $verb in
    start) start ;;
    supervise) supervise ;;
    poll) await; reply ;;
    abort) abort ;;
    list) printf '\n%s state=ok\n' "$mark"; list; printf '%s end\n' "$mark" ;;
    clean) clean; printf '\n%s state=ok\n%s end\n' "$mark" "$mark" ;;
    ping) printf '\n%s state=ok\n%s end\n' "$mark" "$mark" ;;
    *) fail "unknown verb" ;;
esac
