# --- everything at a glance: no process for a session that has ended ---

load() { # sets $load, the number of processes that want to run
    load=
    { IFS=' ' read -r load _ </proc/loadavg; } 2>/dev/null || load=$(LC_ALL=C sysctl -n vm.loadavg 2>/dev/null)
    load=${load#\{ }
    load=${load%% *}
    case $load in '' | *[!0-9.]*) load=- ;; esac
}

# function: calls it with the $dir of each session, or with those whose names begin with $prefix, with turns=yes of
# turns only; with $id, that one's and what continues it after a dot
each_session() {
    call=$1
    if [ -n "$id" ]; then
        set -- "$root/sessions/$id" "$root/sessions/$id".*
    elif [ "$turns" = yes ]; then
        set -- "$root/sessions/$prefix"*.*
    elif [ -n "$prefix" ]; then
        set -- "$root/sessions/$prefix"*
    else
        set -- "$root/sessions"/*
    fi
    for dir; do
        case ${dir##*/} in .* | *[!A-Za-z0-9._-]*) continue ;; esac
        [ ! -d "$dir" ] || "$call"
    done
}

await_change() { # function: waits until it prints other than it did for $stamp, which it sets; fails after $wait seconds
    still=yes
    clock
    due=$((now + wait * 100)) known=$stamp before=
    while :; do
        found=.$("$1" 2>/dev/null)
        if [ "$found" != "$before" ]; then
            before=$found
            stamp=$(printf '%s\n' "$found" | cksum)
            stamp=${stamp%% *}
            [ "$stamp" = "$known" ] || break
        fi
        clock
        [ "$now" -lt "$due" ] || break
        nap 1
    done
    still=
    [ "$stamp" != "$known" ]
}

tell_sessions() {
    each_session describe_session
}

list() { # a line for each session; the size of what is kept of each that went well; and then all that
    lines='' sizes='' changed=yes
    [ "$wait" = 0 ] || await_change tell_sessions || changed=
    today=$(date +%s)
    load
    printf '\n%s state=ok load=%s now=%s stamp=%s\n' "$mark" "$load" "$today" "${stamp:--}"
    [ -z "$changed" ] || lines=$(each_session describe_session 2>/dev/null)
    if [ -n "$lines" ] && cd "$root/sessions"; then
        printf '%s\n' "$lines" | add_meta
        [ "$words" != yes ] || printf '%s\n' "$lines" | sed -n 's/^\([^ ]*\) state=running .* meta$/\1/p' | tell_words
        sizes=$(printf '%s\n' "$lines" | sed -n 's,^\([^ ]*\) .* last$,./\1/last,p' | measure)
        [ -z "$sizes" ] || printf '%s\n' "$sizes" | sed 's,\(.*\) ./\(.*\)/last,\2 last=\1,'
    fi
    printf '%s last\n' "$mark"
    [ -z "$sizes" ] || printf '%s\n' "$sizes" | sed 's/.* //' | xargs cat 2>/dev/null
    printf '\n%s end\n' "$mark"
}

describe_session() { # and says at the end which of its files there are
    state
    quiet=-
    case $still$state in starting | running) listen ;; esac
    if [ "$out_end" = - ]; then
        total out
        out_end=$total
        total err
        err_end=$total
    fi
    case $code$verified$left$out_end$err_end$out_cut$err_cut$at in
        *[!a-z0-9-]*) code=- verified=- left=- out_end=- err_end=- out_cut=- err_cut=- at=- ;;
    esac
    printf '%s state=%s code=%s verified=%s left=%s out_total=%s err_total=%s out_cut=%s err_cut=%s' \
        "${dir##*/}" "$state" "$code" "$verified" "$left" "$out_end" "$err_end" "$out_cut" "$err_cut"
    case $remains in - | *[!A-Za-z0-9._+:,-]*) ;; *) printf ' remains=%s' "$remains" ;; esac
    [ ! -e "$dir/full" ] || printf ' full=yes'
    [ ! -e "$dir/torn" ] || printf ' torn=yes'
    word began
    until_start
    until_reset
    printf ' %s starts=%s never=%s resumes=%s%s' "$usage" "$starts" "$never" "$resumes" "$tombstone"
    printf ' began=%s at=%s idle=%s' "$word" "$at" "$quiet"
    word token
    notes
    printf ' token=%s notes=%s' "$word" "$notes"
    if [ -f "$dir/meta" ]; then
        printf ' meta'
        [ "$state" != exited ] || [ ! -f "$dir/last" ] || printf ' last'
    elif [ -f "$dir/about" ]; then
        printf ' about'
    fi
    printf '\n'
}

listen() { # sets $quiet, the seconds since a running session's last output, "-" where date can't say
    for stream in out err; do
        for segment in "$dir/$stream".0*; do :; done
        written=$(date -r "$segment" +%s)
        case $written in '' | *[!0-9]*) continue ;; esac
        written=$((today - written))
        if [ "$quiet" = - ] || [ "$written" -lt "$quiet" ]; then quiet=$written; fi
    done
    [ "$quiet" = - ] || [ "$quiet" -ge 0 ] || quiet=0
}

add_meta() { # the lines of all sessions, here: with the kept first line of the command, or what was told about it
    LC_ALL=C awk '{
        file = sub(/ about$/, "") ? "about" : sub(/ meta( last)?$/, "") ? "meta" : ""
        if (file == "") { print; next }
        file = "./" $1 "/" file
        if ((getline meta <file) > 0 && length(meta) < 65536 && meta !~ /[^ -~]/)
            print $0 " meta=" meta
        else
            print
        close(file)
    }'
}

tell_words() { # names of running turns: the end of what each has printed, in one line
    while IFS= read -r name; do
        for segment in "./$name/out".0*; do :; done
        [ -f "$segment" ] || continue
        printf '%s said=' "$name"
        tail -c 2048 "$segment" | tr '\n' '\035'
        printf '\035\n' # so that no text makes this line look like one of ours
    done
}

measure() { # names of files: those that make sense, and together are no more than $chunk bytes, with their sizes
    xargs wc -c 2>/dev/null | awk -v chunk="$chunk" '
        $2 ~ /^\.\// && $1 <= 4096 && sum + $1 <= chunk { sum += $1; print $1, $2 }'
}
