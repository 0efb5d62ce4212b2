# What the scripts of all turns have in common. The texts that they need follow their exit in this very file, where no shell
# reads them; their places are set before this.
# shellcheck shell=sh disable=SC2034 # used by what follows
self=$0 dir=${0%/*} root=${0%/sessions/*} left_out=''

__dx_give_up() { # reason words: the turn can't begin
    words=$(printf %s "$2" | tr '\n' ' ')
    printf '%s\n' "$words" >&2
    printf '\n\036dx-turn problem=%s%s message=%s\n' "$1" "${left_out:+ left_out=$left_out}" "$words"
    exit 1
}

__dx_cut_text() { # offset size: that piece of this file
    tail -c "+$1" "$self" | head -c "$2"
}
