# The claim on an issue: a ref on the remote of the session's repository. It names the one session that may push the issue's work.
# What it needs is set before it, besides git.sh: session, issue, claim_ref, claim_host (this VM's name), and lease, in seconds.
# A push of ours names the claim that it replaces, so of any number of pushes at once the remote takes one. It never has the + of
# a forced push, which would defeat that, and always has a new value: git does not send a value that the remote has already.
# shellcheck shell=sh disable=SC2154 # set by the caller
held=refs/dx/held/$session # in the session's own repository: what it has claimed last

__dx_claim_field() { # name pattern: of the claim that was read last
    LC_ALL=C sed -n "s/^Dx-$1: \($2\)\$/\1/p" "$desk/claim" | head -n 1
}

__dx_read_claim() { # sets $claim_oid, empty where nobody has claimed it, and what it says; fails where git does
    claim_oid='' holder='' holder_host='' claim_state='' claim_left=0
    git -C "$tree" ls-remote origin "$claim_ref" >"$desk/found" 2>"$desk/said" </dev/null || return
    [ -s "$desk/found" ] || return 0
    git -C "$tree" -c gc.auto=0 -c maintenance.auto=false fetch --quiet --no-tags --no-recurse-submodules \
        origin "+${claim_ref}:refs/dx/seen/$session" >"$desk/said" 2>&1 </dev/null || return
    claim_oid=$(git -C "$tree" rev-parse -q --verify "refs/dx/seen/$session") || return
    git -C "$tree" cat-file commit "$claim_oid" >"$desk/claim" 2>/dev/null || : >"$desk/claim"
    git -C "$tree" update-ref -d "refs/dx/seen/$session"
    holder=$(__dx_claim_field Session '[A-Za-z0-9._:-]\{1,120\}') holder_host=$(__dx_claim_field Host '[A-Za-z0-9._:-]\{1,120\}')
    claim_state=$(__dx_claim_field State '[a-z]*')
    renewed=$(__dx_claim_field Renewed '[1-9][0-9]\{0,11\}') its_lease=$(__dx_claim_field Lease '[1-9][0-9]\{0,8\}')
    claim_left=$((${renewed:-0} + ${its_lease:-0} - $(date +%s)))
}

__dx_refuse_holder() { # [final]: gives up where another session has the claim; but for final, not once its lease has passed
    [ -n "$claim_oid" ] && [ "$holder" != "$session" ] || return 0
    [ -n "$1" ] || [ "$claim_state" != working ] || [ "$claim_left" -gt 0 ] || return 0
    who=${holder:+session $holder on ${holder_host:-another machine}}
    who=${who:-something that is not dx-dispatch}
    if git -C "$tree" rev-parse -q --verify "$held" >/dev/null; then
        __dx_give_up claim_lost "$who has taken over the claim on $issue, as the lease of this session had passed; nothing of this session is pushed, and its work stays in $root/worktrees/$session"
    fi
    by_hand="to have $issue worked on again, remove the claim: git push origin --delete $claim_ref"
    if [ "$claim_state" = finished ]; then
        __dx_give_up issue_claimed "$issue is finished by $who; $by_hand"
    elif [ "$claim_state" != working ]; then
        __dx_give_up issue_claimed "$issue is claimed by $who; $by_hand"
    elif [ "$claim_left" -gt 0 ]; then
        __dx_give_up issue_claimed "$issue is claimed by $who, for another $(((claim_left + 59) / 60)) min if it does not go on; wait for it, or leave out --claim"
    fi
    __dx_give_up issue_claimed "$issue is claimed by $who, whose lease has passed; a further prompt takes the claim over (dx-dispatch --session $session), then finalize again"
}

__dx_make_claim() { # working|finished: sets $claim_new
    claim_new=$(printf 'dx claim of %s\n\nDx-Session: %s\nDx-Host: %s\nDx-Renewed: %s\nDx-Lease: %s\nDx-State: %s\nDx-Nonce: %s\n' \
        "$issue" "$session" "$claim_host" "$(date +%s)" "$lease" "$1" "$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')" |
        GIT_AUTHOR_NAME=dx-dispatch GIT_AUTHOR_EMAIL=dx-dispatch@localhost GIT_COMMITTER_NAME=dx-dispatch GIT_COMMITTER_EMAIL=dx-dispatch@localhost \
            git -C "$tree" commit-tree "$(git -C "$tree" hash-object -w -t tree /dev/null)" 2>"$desk/said") ||
        __dx_give_up claim_failed "git can't make the claim on $issue in $tree: $(__dx_words)"
}

__dx_push_claim() { # what git says is kept, not shown: nobody asked for this push
    git -C "$tree" push --quiet --no-verify --recurse-submodules=no "--force-with-lease=${claim_ref}:$claim_oid" \
        origin "${claim_new}:$claim_ref" >"$desk/said" 2>&1 </dev/null
}

__dx_note_claim() {
    git -C "$tree" update-ref "$held" "$claim_new" 2>/dev/null </dev/null
}

__dx_take_claim() {
    git check-ref-format "$claim_ref" || __dx_give_up claim_failed "$claim_ref can't be the name of a ref"
    git -C "$tree" remote get-url origin >/dev/null 2>&1 || __dx_give_up claim_failed \
        "a claim is made on the remote origin, which the repository doesn't have; add it, or leave out --claim"
    refusals=0
    for _ in 1 2 3 4 5 6 7; do
        __dx_read_claim || __dx_give_up claim_failed \
            "the remote can't be read, so $issue can't be claimed: $(__dx_words); check git's login on this VM, or leave out --claim"
        __dx_refuse_holder ''
        [ "$holder $claim_state" != "$session finished" ] || return 0
        __dx_make_claim working
        if __dx_push_claim; then __dx_note_claim; return 0; fi
        said=$(__dx_words) before=$claim_oid
        __dx_read_claim || break
        if [ "$claim_oid" = "$claim_new" ]; then __dx_note_claim; return 0; fi # only the answer was lost
        [ "$claim_oid" = "$before" ] || continue # another was faster
        refusals=$((refusals + 1)) # or another is just about to be, and holds the ref's lock
        [ "$refusals" -lt 3 ] || break
        sleep 1
    done
    __dx_give_up claim_failed "the remote refuses the claim ${claim_ref}: $said; where it takes no such refs, set dx_claim_refs to refs/heads/dx-claims in the inventory of all who dispatch, or leave out --claim"
}

__dx_at_claim_desk() { # name command: runs it with a directory of its own; what it sets and exports ends with it
    (
        desk=$dir/$1
        shift
        rm -rf "$desk"
        (umask 077 && mkdir "$desk")
        __dx_let_git_ask_nothing
        "$@"
    )
    ended=$?
    rm -rf "${dir:?}/$1"
    return "$ended"
}

__dx_renew_claim() { # says on standard error if another has it; anything else is tried again later
    claim_oid=$(git -C "$tree" rev-parse -q --verify "$held") || return 0
    case $(git -C "$tree" cat-file commit "$claim_oid") in *'Dx-State: finished'*) return 0 ;; esac # it has no lease, and stays finished
    __dx_make_claim working
    if __dx_push_claim; then __dx_note_claim; return 0; fi
    __dx_read_claim || return 0
    if [ "$claim_oid" = "$claim_new" ]; then __dx_note_claim; fi
    [ -z "$claim_oid" ] || [ "$holder" = "$session" ] || printf '%s\n' "dx-dispatch: session $holder on $holder_host has taken over the claim on $issue; this session can't open its pull request" >&2
}

__dx_keep_claim() { # renews it in the background while this script lives; sets $renewer
    (
        pause=''
        trap 'kill $pause 2>/dev/null; exit 0' TERM
        while :; do
            sleep "$((lease / 4 + 1))" &
            pause=$!
            wait "$pause"
            kill -0 "$$" 2>/dev/null || exit 0
            __dx_at_claim_desk renewing __dx_renew_claim
        done
    ) >/dev/null 2>&1 </dev/null &
    renewer=$!
}

__dx_end_claim() { # the lease counts from the turn's end
    kill "$renewer" 2>/dev/null
    wait "$renewer" 2>/dev/null
    __dx_at_claim_desk renewing __dx_renew_claim
}
