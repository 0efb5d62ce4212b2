# --- what became of a session ---

state() { # sets $state and the fields of the end record
    code=- verified=- left=0 out_end=- err_end=-
    if [ ! -d "$dir" ]; then
        state=unknown
    elif read_end; then
        :
    elif [ -e "$dir/supervisor" ]; then
        state=running
        same "$(cat "$dir/supervisor")" || read_end || state=lost
    elif [ ! -e "$dir/claim" ] || same "$(cat "$dir/claim")"; then
        state=starting
    else
        settle unstarted
    fi
}

settle() { # state: makes sure that a session which has not begun never will; does nothing if it has
    state=starting
    mkdir "$dir/begun" 2>/dev/null || return 0
    rm -f "$dir/command"
    code=- verified=yes left=0
    conclude "$1"
    read_end
}

read_end() {
    [ -e "$dir/end" ] || return 1
    IFS= read -r record <"$dir/end"
    for field in $record; do
        case $field in
            state=*) state=${field#*=} ;;
            code=*) code=${field#*=} ;;
            verified=*) verified=${field#*=} ;;
            left=*) left=${field#*=} ;;
            out_end=*) out_end=${field#*=} ;;
            err_end=*) err_end=${field#*=} ;;
        esac
    done
}

conclude() { # state: writes the end record
    printf 'state=%s code=%s verified=%s left=%s out_end=%s err_end=%s\n' \
        "$1" "$code" "$verified" "$left" "$(total out)" "$(total err)" | put end
}

clean() { # what ended longer than $age days ago, and what never arrived whole
    find "$root/sessions" -name end -mtime +"$age" 2>/dev/null | while IFS= read -r ended; do
        rm -rf "${ended%/end}"
    done
    find "$root/incoming" -type f -mtime +0 -exec rm -f {} + 2>/dev/null
}
