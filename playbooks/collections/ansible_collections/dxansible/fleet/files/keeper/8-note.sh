# --- notes on a session: short texts, each written once and for good ---

note() { # $name: the text on standard input is the note, unless there is one; says what all notes are
    case $name in '' | *[!a-z-]*) fail "bad name" ;; esac
    [ "$length" -le 200 ] || fail "the note is too long"
    text=$(head -c "$length")
    case $text in '' | *[!A-Za-z0-9._\ -]*) fail "bad note" ;; esac
    [ "${#text}" -eq "$length" ] || fail "the note did not arrive whole"
    [ -d "$dir" ] || fail "there is no session $id"
    state=kept file=$dir/note.$name draft=$dir/.note.$name.$$
    if [ ! -e "$file" ]; then
        # read again, as a full disk may keep less than was written
        if printf '%s\n' "$text" >"$draft" && IFS= read -r line <"$draft" && [ "$line" = "$text" ]; then
            ! ln "$draft" "$file" || state=made
        fi 2>/dev/null
        rm -f "$draft"
    fi
    [ -f "$file" ] || fail "cannot write to $dir"
    printf '\n%s state=%s\n' "$mark" "$state"
    notes
    for name in $(printf '%s\n' "$notes" | tr , ' '); do
        line=
        { IFS= read -r line <"$dir/note.$name"; } 2>/dev/null
        case $line in *[!A-Za-z0-9._\ -]*) line= ;; esac
        [ "$name" = - ] || printf '%s %s\n' "$name" "$line"
    done
    printf '%s end\n' "$mark"
}

notes() { # sets $notes, the names of the session's notes with commas between them, or "-"
    notes=
    for file in "$dir"/note.*; do
        case ${file##*/note.} in *[!a-z-]*) continue ;; esac
        [ ! -f "$file" ] || notes=$notes,${file##*/note.}
    done
    notes=${notes#,}
    notes=${notes:--}
}
