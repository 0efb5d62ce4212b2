# --- what is not kept for ever ---

clean() { # sessions that ended $age days ago; after one day their output, and what never arrived whole
    sweep
    (cd "$root/incoming" && find . ! -name . -prune ! -mtime -1 -exec rm -rf {} +) 2>/dev/null
    for entry in $(unchanged_sessions "$age" 2>/dev/null); do
        dir=$root/sessions/$entry
        ended || continue
        case ${entry#./} in *.*) [ "$state" = unstarted ] || continue ;; esac # turns stay until somebody asks
        rm -rf "$dir"
    done
    for entry in $(unchanged_sessions 1 2>/dev/null); do
        case ${entry#./} in *.*) continue ;; esac
        dir=$root/sessions/$entry
        [ ! -e "$dir/out.000000000000000000" ] || ! ended || rm -f "$dir"/out.0* "$dir"/err.0*
    done
}

unchanged_sessions() { # days: changes the directory
    cd "$root/sessions" && find . ! -name . -prune ! -name '.*' ! -name '*[!A-Za-z0-9._-]*' ! -mtime "-$1"
}

ended() { # for certain, with nothing left?
    state
    case $state in
        running | starting | scheduled) return 1 ;;
        lost) [ "$verified" != - ] || rebooted ;; # else its processes may still be there
        *) ;;
    esac
}

# Says of each session with turns or a worktree whether they went, all together, or why not; with $dry, whether they
# would go. A dry run decides as any other, and stops before the first thing that it would remove.
clean_turns() {
    for session in $(sessions_with_turns | LC_ALL=C sort -u); do
        work=$root/worktrees/$session
        set -- "$root/sessions/$session".* # not one that starts in the meantime
        if reason=$(all_ended "$session" && remove_worktree "$work" "dx/$session"); then
            [ -z "$dry" ] || { printf 'removable %s\n' "$session"; continue; }
            rm -rf "$@"
            printf 'removed %s\n' "$session"
        else
            printf 'kept %s %s\n' "$session" "$reason"
        fi
    done
}

sessions_with_turns() {
    for entry in "$root/sessions"/*.* "$root/worktrees"/*; do
        name=${entry##*/}
        case $name in .* | *[!A-Za-z0-9._-]*) continue ;; esac
        case $entry in "$root/sessions"/*) name=${name%%.*} ;; esac
        [ ! -d "$entry" ] || printf '%s\n' "$name"
    done
}

all_ended() { # session: and $age days ago? Else says why not
    for dir in "$root/sessions/$1" "$root/sessions/$1".*; do
        [ -d "$dir" ] || continue
        ended || { printf '%s is %s\n' "${dir##*/}" "$state"; return 1; }
    done
    set -- "$root/sessions/$1".*
    [ -d "$1" ] || set -- "$work"
    if [ "$age" -gt 0 ] && [ -n "$(find "$@" -prune -mtime "-$age" 2>/dev/null)" ]; then
        printf 'it changed in the last %s days\n' "$age"
        return 1
    fi
}
