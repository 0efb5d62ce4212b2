# --- the output, kept in bounded space ---

size() { # file: its bytes, 0 if there is none
    set -- "$(wc -c 2>/dev/null <"$1")"
    echo $((${1:-0}))
}

offset_of() { # segment: the offset of its first byte
    set -- "${1##*.}"
    while [ "${1#0}" != "$1" ] && [ "$1" != 0 ]; do set -- "${1#0}"; done
    echo "$1"
}

# Keeps a stream in segments named by their offset: the first half of the limit stays, then a window of the newest
# segments; what falls between is deleted, and the gap in the names says how much that was.
spool() { # out|err: standard input to segments
    part=$((limit / 8))
    [ "$part" -ge 4096 ] || part=4096
    start=0 head_end=0
    while :; do
        segment=$(printf '%s/%s.%018d' "$dir" "$1" "$start")
        filled=0
        : >"$segment" || break
        while [ "$filled" -lt "$part" ]; do
            dd bs=65536 count=$(((part - filled) / 65536 + 1)) 2>/dev/null >>"$segment" || : >"$dir/full"
            now=$(size "$segment")
            [ "$now" -gt "$filled" ] || break 2
            filled=$now
        done
        start=$((start + filled))
        if [ "$start" -le $((limit / 2)) ]; then head_end=$start; else trim "$1"; fi
    done
    cat >/dev/null # nothing is left, but after a full disk: then the command must not block
    : >"$dir/$1.eof"
}

trim() { # out|err: drops the oldest segments after the head, while the newer ones make up half the limit
    for old in "$dir/$1".0*; do
        begin=$(offset_of "$old")
        [ "$begin" -ge "$head_end" ] || continue
        [ $((start - begin - part)) -ge $((limit / 2)) ] || break
        rm -f "$old"
    done
}


last_segment() { # out|err: the newest segment, empty if there is none
    newest=
    for newest in "$dir/$1".0*; do :; done
    [ -e "$newest" ] || newest=
    printf '%s' "$newest"
}

total() { # out|err: bytes written to the stream so far
    newest=$(last_segment "$1")
    if [ -n "$newest" ]; then echo $(($(offset_of "$newest") + $(size "$newest"))); else echo 0; fi
}

pending() { # out|err offset: is there a byte at or after it?
    newest=
    for newest in "$dir/$1".0*; do :; done
    [ -s "$newest" ] || return 1
    [ "$2" -eq 0 ] || [ "$(total "$1")" -gt "$2" ]
}

# Puts up to $chunk bytes from an offset aside (a hard link keeps a segment that is being trimmed) and says where
# they begin and end.
cut() { # out|err offset: sets $from and $upto, fills "$dir/.reply.PID.STREAM"
    from=$2 upto=$2
    aside=$dir/.reply.$$.$1
    : >"$aside"
    for segment in "$dir/$1".0*; do
        begin=$(offset_of "$segment")
        ln "$segment" "$aside.pin" 2>/dev/null || continue
        end=$((begin + $(size "$aside.pin")))
        if [ "$end" -gt "$from" ]; then
            [ "$begin" -le "$from" ] || from=$begin
            tail -c +$((from - begin + 1)) "$aside.pin" | head -c "$chunk" >"$aside"
            upto=$((from + $(size "$aside")))
            rm -f "$aside.pin"
            return
        fi
        rm -f "$aside.pin"
    done
    from=$2
}
