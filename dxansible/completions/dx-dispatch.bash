# bash completion for dx-dispatch. The words go over a pipe: no process list shows a task.

_dx_dispatch() {
    local line lines=()
    while IFS= read -r line; do
        lines+=("$line")
    done < <(
        printf '%s\0%s' "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" |
            _DX_DISPATCH_COMPLETE=bash command dx-dispatch 2>/dev/null
    )
    COMPREPLY=()
    if [ "${lines[0]-}" = files ]; then
        compopt -o default 2>/dev/null
    elif [ "${#lines[@]}" -gt 1 ]; then
        COMPREPLY=("${lines[@]:1}") # quoted already, each as it has to stand in the line
    fi
}

complete -F _dx_dispatch dx-dispatch
