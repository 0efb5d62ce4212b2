# --- git worktrees of sessions: removed where that loses nothing ---

remove_worktree() { # directory branch: with its branch, unless it is a dry run; says why if it stays
    [ -d "$1" ] || return 0
    command -v git >/dev/null 2>&1 || { echo 'its worktree stays: git is missing'; return 1; }
    (
        unset GIT_DIR GIT_COMMON_DIR GIT_WORK_TREE GIT_INDEX_FILE
        export GIT_OPTIONAL_LOCKS=0
        if ! find_repository "$1"; then
            echo 'its worktree stays: its repository is gone'
            exit 1
        fi
        nothing_to_lose "$private" && git_would_remove "$private" || exit 1
        [ -z "$dry" ] || exit 0
        head=$(git symbolic-ref -q HEAD)
        cd "$common" || exit 1
        said=$(git --git-dir="$common" worktree remove "$1" 2>&1) || {
            printf 'its worktree stays: %s\n' "$(printf '%s\n' "$said" | head -n 1)"
            exit 1
        }
        for branch in "$head" "refs/heads/$2"; do
            case $branch in refs/heads/dx/*) ;; *) continue ;; esac
            ! only=$(commits_only_on "$branch") || [ -n "$only" ] ||
                git --git-dir="$common" branch -q -D "${branch#refs/heads/}" >/dev/null
        done
    ) </dev/null 2>/dev/null
}

find_repository() { # worktree: goes there, and sets $common, the repository, and $private, its part for the worktree
    [ -f "$1/.git" ] || return 1 # git would look for one further up
    cd "$1" && private=$(git rev-parse --git-dir) && cd "$(git rev-parse --git-common-dir)" || return 1
    common=$(pwd -P)
    cd "$1" || return
}

nothing_to_lose() { # git-dir: in the worktree in which we are? Else says what there is
    for operation in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD BISECT_LOG rebase-merge rebase-apply sequencer \
        index.lock; do
        [ ! -e "$1/$operation" ] || { echo "its worktree has an operation in progress ($operation)"; return 1; }
    done
    if ! changes=$(git status --porcelain --untracked-files=normal --ignore-submodules=none) ||
        ! only=$(commits_only_on HEAD); then
        echo 'its worktree stays: git cannot tell whether it has work in it'
        return 1
    fi
    [ -z "$changes" ] || { echo 'its worktree has changes that are in no commit'; return 1; }
    [ -z "$only" ] || { echo 'its worktree has commits that are on no other branch'; return 1; }
}

git_would_remove() { # git-dir: the worktree in which we are? Else says why not; it has no dry run of its own
    [ ! -e "$1/locked" ] || { echo 'its worktree stays: it is a locked working tree'; return 1; }
    if [ -d "$1/modules" ] || git ls-files -s | grep -q '^160000 '; then
        echo 'its worktree stays: it has submodules'
        return 1
    fi
}

commits_only_on() { # ref: prints one that is neither on a remote nor on a branch that isn't a session's
    # --exclude is for the next --branches only, where names go without refs/heads/
    git rev-list -n 1 "$1" --not --remotes --exclude='dx/*' --branches --
}
