# What a session has done in its worktree, as a patch against the commit where it began: commits, what is in none, and new
# files. Set before it: session, and width, the columns of a summary by file (empty: the patch). It changes nothing there:
# the index is a copy, and new files are only named in it. Exit codes: dxansible/run/diff.py.
# shellcheck shell=sh disable=SC2154 # set by the caller
dir=${0%/*} root=${0%/sessions/*}
tree=$root/worktrees/$session

__dx_git() {
    git -c core.fsmonitor=false -c core.hooksPath=/dev/null -c core.quotePath=true -c diff.orderFile=/dev/null -c advice.addEmbeddedRepo=false "$@"
}

__dx_find_tree() {
    [ -d "$root/sessions/$session.1" ] || exit 3
    if [ ! -e "$tree/.git" ]; then
        grep -q '"repo":"' "$root/sessions/$session.1/meta" 2>/dev/null || exit 4
        exit 5
    fi
    cd "$tree" && __dx_git rev-parse --is-inside-work-tree >/dev/null || exit
}

__dx_find_base() { # where the session began, or a later commit of the remote's default branch that it has taken in since
    head=$(__dx_git rev-parse -q --verify HEAD)
    taken=$(__dx_git merge-base HEAD refs/remotes/origin/HEAD 2>/dev/null)
    number=1 # of the turn that has made the worktree first
    while [ -d "$root/sessions/$session.$number" ] && [ ! -e "$root/sessions/$session.$number/base" ]; do
        number=$((number + 1))
    done
    if [ -e "$root/sessions/$session.$number/base" ]; then
        base='' # stays so where there was no commit yet
        { IFS= read -r base; } <"$root/sessions/$session.$number/base"
        [ -n "$base" ] || base=$(__dx_git hash-object -t tree /dev/null)
    else # begun before sessions noted it
        there=$(__dx_git --git-dir="$(__dx_git rev-parse --git-common-dir)" rev-parse -q --verify HEAD)
        base=$(__dx_git merge-base HEAD "$there" 2>/dev/null || __dx_git hash-object -t tree /dev/null)
    fi
    if [ -n "$taken" ] && [ "$taken" != "$head" ] && __dx_git merge-base --is-ancestor "$base" "$taken" 2>/dev/null; then
        base=$taken
    fi
}

__dx_run_no_filters() { # of the repository's own configuration: git before 2.31 runs them all the same
    count=0
    mkdir -p "$dir/desk" || exit
    __dx_git config --local --includes --name-only --get-regexp '^filter\..*\.(clean|process|smudge)$' >"$dir/desk/filters"
    while IFS= read -r key; do
        for set in "$key=" "${key%.*}.required=false"; do
            export "GIT_CONFIG_KEY_$count=${set%%=*}" "GIT_CONFIG_VALUE_$count=${set#*=}"
            count=$((count + 1))
        done
        printf 'the filter %s of the repository is not run: files are shown as they are\n' "${key%.*}" >&2
    done <"$dir/desk/filters"
    export GIT_CONFIG_COUNT="$count"
}

__dx_name_inside_submodules() { # what has no commit there can't be part of a patch
    __dx_git status --porcelain=v2 --ignore-submodules=none --untracked-files=no | while IFS= read -r line; do
        case $line in
            [12]\ ??\ S?M?\ * | [12]\ ??\ S??U\ *) # kind, states, submodule, three modes, two hashes, path
                path=${line#* * * * * * * * }
                printf 'the submodule %s has changes without a commit: they are not part of the patch\n' "$path" >&2
                ;;
        esac
    done
}

__dx_name_new_files() { # in a copy of the index; what git writes goes to a place of its own
    index=$(__dx_git rev-parse --git-path index)
    GIT_ALTERNATE_OBJECT_DIRECTORIES=$(cd "$(__dx_git rev-parse --git-path objects)" && pwd)
    mkdir -p "$dir/desk/objects" || exit
    [ ! -e "$index" ] || cp "$index" "$dir/desk/index" || exit
    export GIT_INDEX_FILE="$dir/desk/index" GIT_OBJECT_DIRECTORY="$dir/desk/objects" GIT_ALTERNATE_OBJECT_DIRECTORIES
    __dx_git add --intent-to-add --ignore-errors -- . >/dev/null
}

__dx_find_tree
trap 'rm -rf "$dir/desk"' EXIT
__dx_run_no_filters
__dx_find_base
__dx_name_new_files
__dx_name_inside_submodules
set -- --no-color --no-ext-diff --no-textconv --find-renames --ignore-submodules=dirty --submodule=short
if [ -n "$width" ]; then
    set -- "$@" "--stat=$width"
else
    set -- "$@" --patch --binary --full-index --unified=3 --inter-hunk-context=0 --src-prefix=a/ --dst-prefix=b/
fi
__dx_git --no-pager diff "$@" "$base" --
