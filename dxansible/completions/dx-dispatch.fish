# fish completion for dx-dispatch. The words go over a pipe: no process list shows a task.

function __dx_dispatch_complete
    set -l before (commandline -xpc 2>/dev/null; or commandline -opc)
    set -l typed (commandline -ct)
    set -l current (string unescape -- $typed 2>/dev/null; or printf '%s' $typed)
    set -l lines (
        printf '%s\0' $before[2..-1] |
            begin
                test (count $before) -gt 1; and cat
                printf '%s' "$current"
            end |
            _DX_DISPATCH_COMPLETE=fish command dx-dispatch 2>/dev/null
    )
    if test "$lines[1]" = files
        set -l option (string match -r -- '^--[a-z-]+=' $current)
        for path in (__fish_complete_path (string replace -- "$option" '' $current))
            printf '%s%s\n' "$option" $path
        end
    else
        printf '%s\n' $lines[2..-1]
    end
end

complete -c dx-dispatch -f -a '(__dx_dispatch_complete)'
