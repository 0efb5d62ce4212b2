# One turn of an agent's session. What it needs is set before it, besides script.sh: session, repo, branch, the places of the
# texts, the functions __dx_agent, __dx_resume, __dx_restart, __dx_directory_of and __dx_keep_files, and for an issue that is
# to be claimed, claim.sh.
# shellcheck shell=sh disable=SC2154,SC2317 # set by the caller; and called by what it has set
directory=$HOME tree='' base='' changes='' verify=- renewer='' attachments=$dir/attachments

__dx_choose_directory() { # that of --dir
    case $chosen in
        /*) directory=$chosen ;;
        \~) ;;
        \~/*) directory=$HOME/${chosen#??} ;;
        *) directory=$HOME/$chosen ;;
    esac
    [ -d "$directory" ] || __dx_give_up directory_unusable "$directory is not a directory on this VM; name an existing one with --dir, in quotes if it begins with ~"
}

__dx_find_directory() { # that of a conversation that was begun by hand: the first one that its record has
    directory=$(__dx_directory_of 2>/dev/null </dev/null | LC_ALL=C awk '
        match($0, /"(directory|cwd)": *"([^"\\]|\\.)*"/) {
            found = substr($0, RSTART, RLENGTH)
            sub(/^"[a-z]*": *"/, "", found)
            print substr(found, 1, length(found) - 1)
            exit
        }' | sed 's,\\\(["\\/]\),\1,g')
    [ -n "$directory" ] || __dx_give_up no_conversation "$agent has no conversation $begun_by_hand on this VM, or no record of its directory; check the id, or name the directory with --dir PATH"
    [ -d "$directory" ] || __dx_give_up directory_unusable "the directory of the conversation $begun_by_hand no longer exists: $directory; choose another with --dir PATH"
}

__dx_make_worktree() { # sets $tree; a branch that is in use elsewhere gives way to one of this session's name
    tree=$root/worktrees/$session
    [ ! -e "$tree/.git" ] || return 0
    (umask 077 && mkdir -p "$root/worktrees")
    lock=$root/worktrees/.lock locked='' # git itself would let two sessions race for one branch
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        if mkdir "$lock" 2>/dev/null; then
            locked=yes
            break
        fi
        sleep 1
        [ -z "$(find "$lock" -prune -mmin +1 2>/dev/null)" ] || rmdir "$lock" # its owner was killed
    done
    git -C "$repo" worktree prune
    said=$(git -C "$repo" worktree add -b "$branch" "$tree" 2>&1) ||
        said=$(git -C "$repo" worktree add "$tree" "$branch" 2>&1) ||
        said=$(git -C "$repo" worktree add -b "$branch-$session" "$tree" 2>&1)
    made=$?
    [ -z "$locked" ] || rmdir "$lock" 2>/dev/null
    [ "$made" -eq 0 ] || __dx_give_up repo_unusable "git can't make a worktree of $repo: $said"
    (umask 077 && git -C "$tree" rev-parse -q --verify HEAD >"$dir/base") # for diff.sh
    return 0
}

__dx_enter_repo() {
    case $repo in \~) repo=$HOME ;; \~/*) repo=$HOME/${repo#??} ;; esac
    command -v git >/dev/null 2>&1 || __dx_give_up repo_unusable "git is not on this VM's PATH ($PATH)"
    [ -d "$repo" ] || __dx_give_up repo_unusable "$repo is not a directory on this VM; name a git repository there with --repo, in quotes if it begins with ~"
    inside=$(git -C "$repo" rev-parse --show-prefix 2>&1) || __dx_give_up repo_unusable "$repo: $inside"
    if [ -n "$issue" ]; then
        tree=$repo # a session that is refused gets no worktree
        __dx_at_claim_desk claiming __dx_take_claim || exit
    fi
    __dx_make_worktree
    base=$(git -C "$tree" rev-parse -q --verify HEAD)
    directory=$tree/$inside
    directory=${directory%/}
    [ -d "$directory" ] || __dx_give_up repo_unusable "$inside is not in any commit of the branch; commit it first"
}

__dx_branch_now() {
    branch=
    [ -z "$tree" ] || branch=$(git -C "$tree" symbolic-ref -q --short HEAD)
}

__dx_see_changes() { # since the turn began
    [ -n "$tree" ] && [ -e "$tree/.git" ] || return 0
    head=$(git -C "$tree" rev-parse -q --verify HEAD)
    commits=$(git -C "$tree" rev-list --count "${base:+$base..}HEAD" 2>/dev/null)
    base=${base:-$(git -C "$tree" hash-object -t tree /dev/null)} # a repository without a commit
    files=$({
        git -C "$tree" diff --name-only "$base"
        git -C "$tree" ls-files --others --exclude-standard
    } | sort -u | wc -l)
    dirty=no
    [ -z "$(git -C "$tree" status --porcelain | head -n 1)" ] || dirty=yes
    changes="commits=${commits:-0} files=$((files)) dirty=$dirty head=$head"
}

__dx_keep_file() { # name offset size: for the agent, where nobody else reads it and git doesn't see it
    export DX_ATTACHMENTS="$attachments"
    (umask 077 && mkdir -p "$attachments" && __dx_cut_text "$2" "$3" >"$attachments/$1") ||
        __dx_give_up directory_unusable "can't keep the attached file $1 in $attachments: is the disk full?"
}

__dx_prompt() {
    __dx_cut_text "$prompt_at" "$prompt_size"
    [ -z "$names_files" ] || { printf '\n\nAttached files:\n' && printf -- '- %s\n' "$attachments"/*; }
}

__dx_begin_attempt() {
    attempt=$((attempt + 1))
    printf '\036dx-turn attempt=%s %s\n' "$attempt" "$(__dx_where)"
}

__dx_give() { # agent program argument...: gives the agent what the program prints; sets $code
    given_to=$1
    shift
    if [ -n "$prompt_in_file" ]; then
        (umask 077 && "$@" >"$dir/prompt")
        "$given_to" </dev/null
        code=$?
        rm -f "$dir/prompt"
    else
        "$@" | "$given_to"
        code=$?
    fi
}

__dx_kept_nothing() { # did the agent refuse to go on, as nothing was kept of its conversation?
    [ -n "$restarts" ] && [ "$code" -ne 0 ] && ! __dx_has_events
}

__dx_go_on() { # after a usage limit. An agent that has kept nothing of its first prompt gets that once more
    __dx_begin_attempt
    again=__dx_agent
    if [ -n "$native_id" ] || [ -z "$needs_id" ]; then
        __dx_give __dx_resume printf 'Continue.'
        __dx_kept_nothing || return 0
        __dx_begin_attempt
        again=__dx_restart
    fi
    __dx_give "$again" __dx_prompt
}

__dx_keep_files
if [ -n "$repo" ]; then
    __dx_enter_repo
elif [ -n "$chosen" ]; then
    __dx_choose_directory
elif [ -n "$begun_by_hand" ]; then
    __dx_find_directory
fi
cd "$directory" || __dx_give_up directory_unusable "can't enter the directory $directory on this VM"
__dx_branch_now
__dx_begin_attempt
[ -z "$issue" ] || __dx_keep_claim
__dx_give __dx_agent __dx_prompt
if [ -n "$resumed" ] && __dx_kept_nothing; then
    printf '! %s could not go on with its conversation; where none was kept, it begins again\n' "$agent"
    __dx_begin_attempt
    __dx_give __dx_restart __dx_prompt
fi
__dx_see_usage
while [ "$on_limit" = wait ] && [ -n "$limit" ] && [ "$code" -ne 0 ] && __dx_note_usage && __dx_await_reset; do
    __dx_go_on
    __dx_see_usage
done
__dx_note_usage
if [ "$code" -eq 0 ] && [ "$verify_size" -gt 0 ]; then
    (umask 077 && __dx_cut_text "$verify_at" "$verify_size" >"$dir/verify")
    sh "$dir/verify" </dev/null >&2
    verify=$?
    rm -f "$dir/verify"
fi
[ -z "$renewer" ] || __dx_end_claim
__dx_see_changes
__dx_branch_now
printf '\n\036dx-turn code=%s verify=%s %s %s\n' "$code" "$verify" "$changes" "$(__dx_where)"
[ "$code" -ne 0 ] || [ "$verify" = - ] || code=$verify
exit "$code"
