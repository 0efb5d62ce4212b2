# How our scripts run git in a session's worktree, and quote what it says. What it needs is set before it, besides script.sh: tree,
# and desk, a directory of its own.
# shellcheck shell=sh disable=SC2154 # set by the caller

__dx_scrub() { # an address may hold a password; a private key has several lines, of which the client may see only some
    LC_ALL=C sed -e 's#://[^/@[:space:]]*@#://***@#g' -e 's/-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----/***/g' \
        -e '/-----BEGIN [A-Z0-9 ]*PRIVATE KEY/,/-----END [A-Z0-9 ]*PRIVATE KEY/s/.*/***/'
}

__dx_git() { # words: runs git, shows what it says, and keeps it for __dx_words
    git -C "$tree" "$@" >"$desk/said" 2>&1 </dev/null
    ended=$?
    __dx_scrub <"$desk/said" >&2
    return "$ended"
}

__dx_words() { # the lines that say most of what was said last, as one
    __dx_scrub <"$desk/said" | LC_ALL=C tr -d '\000-\010\013-\037\177' | grep -v '^hint:' | grep . >"$desk/lines"
    {
        grep -E '^!|GH[0-9][0-9][0-9]|fatal:|error:' "$desk/lines" | grep -v 'failed to push some refs' || tail -n 3 "$desk/lines"
    } | head -n 4 | tr '\n\t' '  ' | cut -c 1-500
}

__dx_let_git_ask_nothing() {
    export GIT_TERMINAL_PROMPT=0 GIT_EDITOR=true
    # ssh is left alone where it is set up in a way of its own
    [ -z "${GIT_SSH_COMMAND-}${GIT_SSH-}$(git -C "$tree" config core.sshCommand)" ] || return 0
    export GIT_SSH_COMMAND='ssh -o BatchMode=yes -o ServerAliveInterval=15'
}
