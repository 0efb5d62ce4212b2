# --- what became of a session ---

# A session's directory appears whole, by one rename, with the command and the claim in it: who is about to start
# it. Then one file decides for ever: "supervisor" is made either by the supervisor before it runs anything, or by
# whoever makes sure that nothing will run. "end" has the last word. A session with a file "due" has not begun: its
# supervisor waits for that time.

stage() { # [pattern]: a directory to be published, empty or as the pattern is
    sweep
    staged=$root/incoming/$id.$$
    trap 'rm -rf "$staged"' EXIT
    if [ $# -gt 0 ] && [ -p "$1/wake" ] && [ -d "$root/sessions" ] && [ -d "$root/incoming" ] &&
        env --default-signal cp -R "$1" "$staged" 2>/dev/null && has_pipes "$staged"; then
        resets=yes # that is how the command can be run, too
        return
    fi
    mkdir -p "$root/sessions" "$staged" "$@" || fail "cannot write to $root"
    for place in ${1:+"$staged" "$1"}; do
        has_pipes "$place" || mkfifo "$place/out" "$place/err" "$place/wake" 2>/dev/null
    done
    [ $# -eq 0 ] || has_pipes "$staged" || fail "cannot write to $root"
}

has_pipes() { # directory
    [ -p "$1/out" ] && [ -p "$1/err" ] && [ -p "$1/wake" ]
}

sweep() { # what is left of a transfer whose process is gone
    for left in "$root/incoming"/* "$root"/.keeper.*; do
        [ ! -e "$left" ] || kill -s 0 "${left##*.}" 2>/dev/null || rm -rf "$left"
    done
}

publish() { # makes it the session's, if there is none yet
    mv -f "$staged" "$dir" 2>/dev/null
    astray=$dir/${staged##*/} # mv puts it inside a directory that is already there
    if [ -d "$astray" ]; then
        rm -rf "$astray"
        return 1
    fi
    [ ! -d "$staged" ]
}

state() { # sets $state and the fields of the end record
    code=- verified=- left=0 remains=- out_end=- err_end=- out_cut=0 err_cut=0 at=- settled=no unsettled=
    if [ ! -d "$dir" ]; then
        state=unknown
    elif recorded end; then
        :
    elif [ -e "$dir/supervisor" ]; then
        state=running
        if [ ! -s "$dir/supervisor" ] && alive "$dir/claim"; then
            state=starting
        else
            alive "$dir/supervisor" || recorded end || { recorded supervisor && settled=yes; } || state=lost
        fi
    elif alive "$dir/claim"; then
        state=starting
        [ ! -f "$dir/due" ] || state=scheduled
    else
        settle unstarted
    fi
}

never() { # state: the record of a session that ends before it begins
    printf 'state=%s code=- verified=yes left=0 out_end=0 err_end=0 at=%s' "$1" "$(date +%s)"
}

# A session from before a restart may have run: what its supervisor wrote is lost where the power was.
of_earlier_boot() {
    known_boot=
    { IFS=' ' read -r _ _ known_boot <"$dir/claim"; } 2>/dev/null
    [ "$known_boot" != "$boot" ] && [ "${#known_boot}" -eq "${#boot}" ] && [ ! -f "$dir/due" ]
}

settle() { # state: makes sure that a session which has not begun never will, and leaves one that has alone
    ! of_earlier_boot || set -- lost
    state=starting draft=$dir/.supervisor.$$
    record=$(never "$1")
    if [ ! -e "$dir/supervisor" ] && write "$draft" "$record" && ln "$draft" "$dir/supervisor" 2>/dev/null; then
        forget_text "$dir"/reserve* "$dir/out" "$dir/err" "$dir/wake"
    fi
    rm -f "$draft"
    if [ -e "$dir/supervisor" ]; then state; else unsettled=yes; fi
}

write() { # file text: the line, with what was kept in reserve if the disk is full
    { printf '%s\n' "$2" >"$1"; } 2>/dev/null && return
    rm -f "$dir"/reserve*
    { printf '%s\n' "$2" >"$1"; } 2>/dev/null
}

decided() { # fails the call where the disk has no room for the decision that a session never starts
    [ -z "$unsettled" ] || fail "cannot write to $dir: is the disk full?"
}

recorded() { # file: reads the end of the session from it, if it is there and makes sense
    { IFS= read -r record <"$dir/$1"; } 2>/dev/null || return 1
    case $record in
        state=exited\ code=[0-9]* | state=timeout\ * | state=idle\ * | state=aborted\ *) ;;
        state=killed\ * | state=unstarted\ * | state=lost\ *) ;;
        *) return 1 ;;
    esac
    for field in $record; do
        case ${field%%=*} in
            state | code | verified | left | remains | out_end | err_end | out_cut | err_cut | at) eval "${field%%=*}=\${field#*=}" ;;
        esac
    done
}

ended_at() { # sets $at; soon after the start that is told by the time that has passed since then
    at=
    clock
    [ -z "$launched" ] || [ -z "$procfs" ] || [ $((now - launched)) -ge 6000 ] || IFS= read -r at <"$dir/began"
    case $at in
        '' | *[!0-9]*) at=$(date +%s) ;;
        *) at=$((at + (now - launched) / 100)) ;;
    esac
}

keep_last() { # of the standard output, for those who list sessions; only the newest segment may be short
    previous='' newest=
    for segment in "$dir/out".0*; do previous=$newest newest=$segment; done
    if cat ${previous:+"$previous"} "$newest" 2>/dev/null | tail -c 4096 >"$dir/.last.$$"; then
        mv -f "$dir/.last.$$" "$dir/last"
    else
        rm -f "$dir/.last.$$"
    fi
}

conclude() { # state: writes the end record, which counts once its line is whole
    set -- "$1" "$dir"/reserve*
    [ ! -e "$2" ] || rm -f "$dir"/reserve*
    [ ! -f "$dir/meta" ] || keep_last
    total out
    out_end=$total out_cut=$gap
    total err
    ended_at
    err_end=$total err_cut=$gap
    end_record "$1"
    for moment in 0.05 0.1 0.2 0.5 1 1 2 2 4 4; do # on a full disk a reply may have what was kept in reserve
        ! printf '%s\n' "$record" 2>/dev/null >"$dir/end" || return 0
        nap "$moment"
    done
}

end_record() { # state: sets $record
    record="state=$1 code=$code verified=$verified left=$left remains=$remains out_end=$out_end err_end=$err_end"
    record="$record out_cut=$out_cut err_cut=$err_cut at=$at"
}

amend() { # writes the end record of an ended session again, with what is left of it now; the old one stays if that fails
    end_record "$state"
    if write "$dir/.end.$$" "$record"; then mv -f "$dir/.end.$$" "$dir/end"; else rm -f "$dir/.end.$$"; fi
}

forget_text() { # [file]…: what the command was told to do is its owner's business; and other files that go
    rm -rf "$dir/command" "$dir/input" "$dir/prompt" "$dir/verify" "$dir/desk" "$@"
}

seconds_until() { # moment: sets $seconds, at least 0; the moment itself where nothing may change with the time
    seconds=$1
    [ -z "$still" ] || return 0
    seconds=$((seconds - $(date +%s)))
    [ "$seconds" -ge 0 ] || seconds=0
}

until_start() { # sets $starts, the seconds until a scheduled session begins, and $never if it has not begun and never will
    starts=- never=no tombstone=
    [ "$state" != aborted ] || never=$settled
    # without a claim nobody knows whether it ever arrived: it may have ended, and been removed, before the abort
    [ "$never" = no ] || [ -e "$dir/claim" ] || never=no tombstone=' tombstone=yes'
    [ -f "$dir/due" ] || return 0
    case $state in
        scheduled)
            word due
            case $word in '' | *[!0-9]*) return ;; esac
            seconds_until "$word"
            starts=$seconds
            ;;
        unstarted) never=yes ;;
    esac
}

until_reset() { # sets $resumes, the seconds until a turn that waits for a usage limit goes on, and $usage, what its agent told
    resumes=- usage='' moment=
    if [ "$state" = running ] && { IFS= read -r moment <"$dir/waits"; } 2>/dev/null; then
        case $moment in
            '' | *[!0-9]*) ;;
            *)
                seconds_until "$moment"
                resumes=$seconds
                ;;
        esac
    fi
    [ ! -f "$dir/usage" ] || { IFS= read -r usage <"$dir/usage"; } 2>/dev/null
    case $usage in *[!a-z0-9_=.+\ -]*) usage= ;; esac
}

word() { # file of the session: sets $word, which is all that it says, or "-"
    word=-
    [ ! -f "$dir/$1" ] || { IFS= read -r word <"$dir/$1"; } 2>/dev/null
    case $word in '' | *[!A-Za-z0-9]*) word=- ;; esac
}
