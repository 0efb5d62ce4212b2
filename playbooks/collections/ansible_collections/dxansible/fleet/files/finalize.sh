# The turn that makes a pull request of what a session has done. What it needs is set before it, besides claim.sh: session,
# repo, base (empty: the remote's default branch), and fork (the remote to push to; empty: origin), the places of the commit's
# message, of the rest of the request, of the labels and of the reviewers (size 0: none). What git and gh say goes to standard error.
# shellcheck shell=sh disable=SC2154,SC2034 # set by the caller
tree=$root/worktrees/$session desk=$dir/desk wanted=$base trouble='' gh=absent note='' url='' number='' pull_request_origin=''
tab=$(printf '\t')
again="then finalize again"
export GH_PROMPT_DISABLED=1 GH_NO_UPDATE_NOTIFIER=1 NO_COLOR=1
unset GH_FORCE_TTY GH_DEBUG DEBUG
trap 'rm -rf "$desk"' EXIT

__dx_check_worktree() { # sets $branch
    [ -n "$repo" ] || __dx_give_up repo_unusable \
        "this session was started without --repo, so it has no branch of its own; commit and push on the VM by hand"
    command -v git >/dev/null 2>&1 || __dx_give_up repo_unusable "git is not on this VM's PATH ($PATH)"
    [ -e "$tree/.git" ] || __dx_give_up repo_unusable \
        "the worktree $tree is missing; its commits are still on its branch in $repo. Send another prompt (dx-dispatch --session $session) to create the worktree, $again"
    __dx_git rev-parse --is-inside-work-tree 2>/dev/null || __dx_give_up repo_unusable "git can't use the worktree $tree: $(__dx_words)"
    branch=$(git -C "$tree" symbolic-ref -q --short HEAD) || __dx_give_up repo_unusable \
        "the worktree $tree is on no branch (detached head); put its commits on one (git switch -c NAME), $again"
    [ -z "$(git -C "$tree" ls-files -u | head -n 1)" ] || __dx_give_up repo_unusable \
        "$tree has unresolved merge conflicts; resolve them, $again"
    __dx_git remote get-url origin >/dev/null 2>&1 || __dx_give_up repo_unusable \
        "the repository has no remote called origin; add it there (git -C $tree remote add origin ADDRESS), $again"
}

__dx_real_host() { # alias: what the configuration makes of it, of the ssh that git uses
    case $1 in -*) return ;; esac
    command=${GIT_SSH_COMMAND:-$(git -C "$tree" config core.sshCommand)}
    # shellcheck disable=SC2016 # it is the inner shell's
    real=$(sh -c "${command:-ssh}"' -G "$1"' sh "$1" 2>/dev/null </dev/null | sed -n 's/^hostname //p' | head -n 1)
    printf %s "${real:-$1}"
}

__dx_read_remote() { # remote: sets $host and $repository; both empty where the address is of another kind
    address=$(git -C "$tree" remote get-url "$1" | head -n 1)
    case $address in
        *://*) place=$(printf %s "$address" | sed -n -E 's#^(ssh|git\+ssh|https?|git)://([^@/]*@)?([^/:@]+)(:[0-9]+)?/+(.+)$#\3 \5#p') ;;
        *) place=$(printf %s "$address" | sed -n -E 's#^([^@/:]+@)?([^/:@]+):/?([^/].*)$#\2 \3#p') ;;
    esac
    host=${place%% *} repository=${place#* }
    repository=${repository%/}
    repository=${repository%.git}
    case $address in http*://*) ;; *) [ -z "$host" ] || host=$(__dx_real_host "$host") ;; esac
    host=$(printf %s "$host" | tr '[:upper:]' '[:lower:]')
    case $host in ssh.github.com | www.github.com) host=github.com ;; esac
    printf '%s\n' "$repository" | grep -qxE '[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}' || host='' repository=''
}

__dx_read_remotes() { # sets $fork_owner, too; empty without a fork
    fork_owner=''
    if [ -n "$fork" ]; then
        __dx_git remote get-url "$fork" >/dev/null 2>&1 || __dx_give_up repo_unusable \
            "the repository has no remote called $fork; add your fork (git -C $tree remote add $fork ADDRESS), $again"
        __dx_read_remote "$fork"
        fork_owner=${repository%/*} fork_host=$host
    fi
    __dx_read_remote origin
    [ -z "$fork" ] || { [ -n "$fork_owner" ] && [ "$fork_host" = "$host" ]; } || __dx_give_up repo_unusable \
        "the remote $fork is no repository on the same server as origin; correct its address, $again"
}

__dx_read_base() { # sets $base to the remote's default branch, if none was asked for; or $trouble
    [ -z "$base" ] || return 0
    if git -C "$tree" ls-remote --symref origin HEAD >"$desk/found" 2>"$desk/said" </dev/null; then
        base=$(sed -n "s#^ref: refs/heads/\(.*\)${tab}HEAD\$#\1#p" "$desk/found")
    else
        trouble=$(__dx_words)
    fi
}

__dx_lines() { # of what git says with -z
    LC_ALL=C tr '\000\n' '\n?'
}

__dx_find_inside() { # [C]: repositories inside, and changes in submodules, which no commit here has; as lines "why path"
    git -C "$tree" status --porcelain=v2 -z --no-renames --untracked-files=all --ignore-submodules=none \
        >"$desk/found" 2>"$desk/said" </dev/null || __dx_give_up repo_unusable "git can't list the changes in $tree: $(__dx_words)"
    __dx_lines <"$desk/found" | sed -n -e 's#^? \(.*\)/$#nested_repository \1#p' \
        -e 's#^1 .. S.M. \([^ ]* \)\{5\}#submodule_changes #p' -e 's#^1 .. S..U \([^ ]* \)\{5\}#submodule_changes #p' \
        -e "s#^1 .. S${1:-M}.. \([^ ]* \)\{5\}#submodule_changes #p" >"$desk/left"
    # in the place of a submodule that is not checked out git sees nothing at all
    git -C "$tree" ls-files -s -z | __dx_lines | sed -n "s#^160000 [^$tab]*$tab##p" | while IFS= read -r part; do
        [ -e "$tree/$part/.git" ] || [ -z "$(ls -A "$tree/$part" 2>/dev/null)" ] || printf 'submodule_changes %s\n' "$part"
    done >>"$desk/left"
}

__dx_git_there() { # words: for the submodule in $place, as its own git would ask its remote
    (
        cd "$place" || exit
        command=$(git config core.sshCommand)
        if [ -n "$command" ]; then export GIT_SSH_COMMAND="$command"; fi
        exec git --git-dir="$desk/probe" "$@"
    ) >"$desk/said" 2>&1 </dev/null
}

__dx_ask_remote() { # commit: prints why the pull request can't name it; nothing where the remote of the submodule in $place has it
    rm -rf "$desk/probe"
    if ! [ -e "$place/.git" ] || ! git init -q --bare "$desk/probe" || ! address=$(git -C "$place" remote get-url origin); then
        echo submodule_unchecked
        return
    fi
    # into an empty repository: where the commit is, git asks no remote for it
    __dx_git_there fetch -q --depth=1 --filter=tree:0 --no-tags -- "$address" "$1" && return
    if ! __dx_git_there ls-remote -- "$address" HEAD; then
        __dx_scrub <"$desk/said" >&2
        echo submodule_unchecked
        return
    fi
    # an old server gives no commits but the tips of its branches
    __dx_git_there fetch -q --filter=tree:0 -- "$address" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
    __dx_git_there cat-file -e "$1^{commit}" || echo submodule_unpushed
}

__dx_find_unpushed() { # submodules' commits that the branch names, and nobody else can get; adds lines "why path"
    since=$(git -C "$tree" merge-base FETCH_HEAD HEAD || git -C "$tree" hash-object -t tree /dev/null)
    git -C "$tree" config --blob HEAD:.gitmodules -z --get-regexp '^submodule\..*\.path$' 2>/dev/null |
        LC_ALL=C tr '\n\000' "$tab\n" | cut -f 2- >"$desk/submodules"
    git -C "$tree" diff-tree -r -z --no-renames --ignore-submodules=none "$since" HEAD | __dx_lines | while read -r _ mode _ commit _ && IFS= read -r part; do
        [ "$mode" = 160000 ] || continue
        place=$tree/$part
        if grep -qxF -e "$part" "$desk/submodules"; then why=$(__dx_ask_remote "$commit"); else why=nested_repository; fi
        [ -z "$why" ] || printf '%s %s\n' "$why" "$part"
    done >>"$desk/left"
}

__dx_refuse_left() { # what becomes of the rest: names what the pull request would not have
    [ -s "$desk/left" ] || return 0
    # a listing of sessions reads our last line within the last 4096 bytes
    left_out=$(LC_ALL=C sed -e 's/%/%25/g' -e 's/,/%2C/g' -e 's/ /:/' -e 's/ /%20/g' "$desk/left" |
        LC_ALL=C tr '\001-\011\013-\037\177' '?' | tr '\n' , | head -c 2000)
    left_out=${left_out%,*}
    named=$(sed -n -e 's/^nested_repository \(.*\)/\1 (a nested repository)/p' -e 's/^submodule_changes \(.*\)/\1 (changes inside a submodule)/p' \
        -e "s/^submodule_unpushed \(.*\)/\1 (a commit that the submodule's remote doesn't have)/p" \
        -e "s/^submodule_unchecked \(.*\)/\1 (a commit, and the submodule's remote can't be checked for it)/p" "$desk/left" |
        head -n 10 | sed '$!s/$/, /' | tr -d '\n' | head -c 1000)
    more=$(($(grep -c . "$desk/left") - 10))
    [ "$more" -le 0 ] || named="$named, and $more more"
    remedy=''
    if grep -q ^submodule "$desk/left"; then remedy="commit and push it in the submodule (git submodule update --init, where it is not checked out)"; fi
    if grep -q ^nested "$desk/left"; then
        remedy="${remedy:+$remedy; }remove the .git of the nested repository, ignore it, or make it a submodule"
    fi
    __dx_give_up work_left_out "the pull request would not have all of the work: $named; $remedy, $again: $1"
}

__dx_commit() { # what is left
    [ -n "$(git -C "$tree" status --porcelain --untracked-files=normal | head -n 1)" ] || return 0
    kept="nothing is pushed, and the changes are still in $tree"
    __dx_git -c user.useConfigOnly=true var GIT_COMMITTER_IDENT >/dev/null 2>&1 || __dx_give_up commit_failed \
        "git on this VM has no name and e-mail address for commits; set them (git config --global user.name NAME, and user.email), $again: $kept"
    __dx_cut_text "$message_at" "$message_size" >"$desk/message"
    __dx_stage_and_commit && return 0
    # a hook that formats files fails the first time, and is content with what it has made of them
    if [ -n "$(git -C "$tree" diff --name-only | head -n 1)" ]; then
        __dx_stage_and_commit && return 0
    fi
    __dx_give_up commit_failed "git refused the commit: $(__dx_words); fix the cause (dx-dispatch --session $session), $again: $kept"
}

__dx_stage_and_commit() {
    __dx_git add --all || return
    ! git -C "$tree" diff --cached --quiet || return 0
    __dx_git commit --quiet --cleanup=whitespace -F "$desk/message"
}

__dx_compare() { # with the base, as the remote has it now
    kept="everything is committed on $branch in $tree"
    [ -z "$trouble" ] || __dx_give_up push_failed "the remote can't be read: $trouble; check git's login on this VM, $again: $kept"
    [ -n "$base" ] || __dx_give_up repo_unusable "the remote has no default branch; push one, or name another with --base: $kept"
    __dx_git fetch --quiet --no-tags origin "refs/heads/$base" || __dx_give_up repo_unusable \
        "the base branch $base can't be fetched: $(__dx_words); check it, or name another with --base: $kept"
    [ "$(git -C "$tree" rev-list --count FETCH_HEAD..HEAD)" -gt 0 ] || __dx_give_up no_changes \
        "there is nothing to commit, and $branch has no commits that are not in $base"
}

__dx_push() {
    if [ -n "$issue" ]; then
        __dx_push_with_claim && return
    else
        __dx_push_branch && return
    fi
    case $said in
        *non-fast-forward* | *'fetch first'*) remedy="the remote branch has other commits: integrate them (dx-dispatch --session $session \"git pull --rebase\")" ;;
        *GH013* | *'rule violations'*) remedy="a rule of the repository refuses $branch: use another branch (git switch -c NAME), or do what the rule asks for" ;;
        *rotected* | *GH006*) remedy="$branch is protected: use another branch (git switch -c NAME)" ;;
        *GH001* | *'exceeds GitHub'*) remedy="take the large file out of the commits" ;;
        *'without '*workflow*) remedy="the login of this VM may not change workflows: give it that permission (the scope workflow)" ;;
        *ermission*' to '*denied* | *'Write access'*) remedy="the login of this VM may not push there: push to a fork (--fork REMOTE), or give it access" ;;
        *'ermission'* | *denied* | *403* | *uthentication* | *'could not read'* | *'erification failed'*) remedy="check git's login on this VM" ;;
        *) remedy="fix the cause, perhaps a hook (dx-dispatch --session $session)" ;;
    esac
    __dx_give_up push_failed "the push was refused: $said; $remedy, $again: everything is committed on $branch in $tree"
}

__dx_push_branch() { # fails with $said
    __dx_git push --porcelain "$push_to" "HEAD:refs/heads/$branch" && return
    said=$(__dx_words)
    # only the answer may have been lost
    there=$(git -C "$tree" ls-remote "$push_to" "refs/heads/$branch" 2>/dev/null </dev/null) || return
    [ "${there%%"$tab"*}" = "$(git -C "$tree" rev-parse HEAD)" ]
}

__dx_push_with_claim() { # the remote takes both or neither; fails with $said
    if ! __dx_read_claim; then
        said=$(__dx_words)
        return 1
    fi
    __dx_refuse_holder final
    __dx_make_claim finished
    together=yes
    if [ -n "$fork" ]; then
        together=''
    elif __dx_git push --porcelain --atomic "--force-with-lease=${claim_ref}:$claim_oid" origin "HEAD:refs/heads/$branch" "${claim_new}:$claim_ref"; then
        __dx_note_claim
        return 0
    else
        said=$(__dx_words)
        case $said in *--atomic*) together='' ;; esac # it does not support that, git says in the user's language
    fi
    if [ -z "$together" ] && __dx_push_claim; then
        claim_oid=$claim_new
    else
        [ -n "$together" ] || said=$(__dx_words)
        __dx_read_claim || return 1
    fi
    if [ "$claim_oid" = "$claim_new" ]; then # taken, though the answer may have been lost
        __dx_note_claim
        [ -z "$together" ] || return 0
        __dx_push_branch # nobody takes over a finished claim, so the branch may follow
        return
    fi
    __dx_refuse_holder final
    return 1
}

__dx_api() { # words: asks GitHub through gh, and keeps what it complains of
    gh api --hostname "$host" -H 'Accept: application/vnd.github+json' -H 'X-GitHub-Api-Version: 2022-11-28' "$@" 2>"$desk/said" </dev/null
}

__dx_details() { # what GitHub says of each thing that is wrong; gh itself tells only the first message
    tr '{,' '[\n*]' <"$desk/found" | sed -n 's/^ *"message": *"\([^"]*\)".*/\1/p' | sed 1d | cut -c 1-300
}

__dx_find() { # sets $url to the pull request of this branch: one that is open, or was merged as the branch is now
    __dx_api --method GET "repos/$repository/pulls" -f state=all -f "head=${fork_owner:-${repository%/*}}:$branch" -f per_page=100 \
        --jq '.[]|[.state,(.merged_at!=null|tostring),.head.ref,.head.sha,.base.ref,(.number|tostring),.html_url]|@tsv' >"$desk/found" || return
    merged=
    while IFS=$tab read -r stands was_merged ref sha on no at; do
        [ "$ref" = "$branch" ] || continue
        [ -z "$wanted" ] || [ "$on" = "$wanted" ] || continue
        if [ "$stands" = open ]; then
            url=$at number=$no pull_request_origin=found
            return 0
        fi
        [ "$was_merged $sha" != "true $head" ] || [ -n "$merged" ] || merged=$at
    done <"$desk/found"
    [ -z "$merged" ] || url=$merged pull_request_origin=merged
}

__dx_create() {
    {
        printf '{"head":"%s","base":"%s",' "$(printf %s "${fork_owner:+$fork_owner:}$branch" | sed 's/"/\\&/g')" "$(printf %s "$base" | sed 's/"/\\&/g')"
        __dx_cut_text "$request_at" "$request_size"
    } >"$desk/request"
    if __dx_api --method POST "repos/$repository/pulls" --input "$desk/request" \
        --jq '[(.number|tostring),.html_url]|@tsv' >"$desk/found"; then
        IFS=$tab read -r number url <"$desk/found"
        pull_request_origin=created
        return 0
    fi
    said=$({ __dx_words; __dx_details; } | LC_ALL=C tr '\000-\037\177' '[ *]')
    for pause in 0 2; do # it may be there all the same
        sleep "$pause"
        __dx_find && [ -n "$url" ] && return 0
    done
    gh=failed note=$said
}

__dx_ask_reviewers() {
    [ "$reviewers_size" -gt 0 ] && [ -n "$number" ] || return 0
    __dx_cut_text "$reviewers_at" "$reviewers_size" >"$desk/reviewers"
    __dx_api --method POST "repos/$repository/pulls/$number/requested_reviewers" --input "$desk/reviewers" >/dev/null && return 0
    note=$(__dx_words) gh=no_reviewers
}

__dx_add_labels() {
    [ "$labels_size" -gt 0 ] && [ -n "$number" ] || return 0
    __dx_cut_text "$labels_at" "$labels_size" >"$desk/labels"
    __dx_api --method POST "repos/$repository/issues/$number/labels" --input "$desk/labels" >/dev/null && return 0
    note=$(__dx_words) gh=no_labels
}

__dx_open() { # the pull request, where gh is there and logged in; else the client does it
    [ -n "$host" ] && command -v gh >/dev/null 2>&1 || return 0
    if full=$(__dx_api "repos/$repository" --jq .full_name); then
        repository=$full # it may have been renamed
    elif [ $? -eq 4 ]; then
        gh=login
        return 0
    else
        gh=failed note=$(__dx_words)
        return 0
    fi
    gh=used
    __dx_find || { gh=failed note=$(__dx_words); return 0; }
    if [ -z "$url" ]; then __dx_create; fi
    if [ -n "$url" ]; then
        __dx_add_labels
        __dx_ask_reviewers
    fi
}

rm -rf "$desk"
(umask 077 && mkdir "$desk")
__dx_check_worktree
printf '\036dx-turn branch=%s directory=%s\n' "$branch" "$tree"
push_to=${fork:-origin}
__dx_let_git_ask_nothing
__dx_read_remotes
__dx_read_base
[ "$branch" != "$base" ] || __dx_give_up repo_unusable \
    "the worktree $tree is on the base branch $base, and a pull request needs another branch: create one (git switch -c NAME), $again"
__dx_find_inside
__dx_refuse_left "nothing is committed or pushed, and the changes are still in $tree"
__dx_commit
head=$(git -C "$tree" rev-parse HEAD)
__dx_find_inside C
rest="nothing is pushed, and everything else is committed on $branch in $tree"
__dx_refuse_left "$rest"
__dx_compare
__dx_find_unpushed
__dx_refuse_left "$rest"
__dx_push
__dx_open
printf '\n\036dx-turn code=0 host=%s repository=%s fork=%s base=%s head=%s gh=%s pull_request_origin=%s url=%s branch=%s message=%s directory=%s\n' \
    "${host:--}" "${repository:--}" "${fork_owner:--}" "$base" "$head" "$gh" "${pull_request_origin:--}" "${url:--}" "$branch" "$note" "$tree"
exit 0
