# --- the output, as far as it is kept ---

size() { # file: sets $size, 0 if there is none
    size=0
    [ ! -s "$1" ] || size=$(($(wc -c 2>/dev/null <"$1") + 0))
}

offset_of() { # segment: sets $begin, the offset of its first byte
    begin=${1##*.}
    begin=${begin#"${begin%%[!0]*}"}
    case $begin in '' | *[!0-9]*) begin=0 ;; esac
}

copied() { # file, its size before, what dd said: sets $size, which it has now
    size=${3##*records out}
    size=${size%% byte*}
    size=${size##*[!0-9]}
    if [ -n "$size" ]; then size=$(($2 + size)); else size "$1"; fi # not every dd says so
}

disk_full() { # of bytes or of inodes: both streams stop, and what was kept in reserve is for the replies and the end
    mv -f "$dir/reserve.1" "$dir/full" 2>/dev/null || [ -e "$dir/full" ] || true >"$dir/full"
    rm -f "$dir"/reserve*
}

follow() { # $flow has read up to $out and $err, and comes again within $lease seconds: prints that
    clock
    printf '%s %s %s\n' $((now + lease * 100)) "$out" "$err"
}

total() { # out|err: sets $total, the bytes written to the stream so far, and $gap, those that are not kept, at its end
    total=0 gap=0
    { IFS=' ' read -r total gap <"$dir/$1.eof"; } 2>/dev/null && return
    total=0 gap=0
    for segment in "$dir/$1".0*; do :; done
    [ -e "$segment" ] || return 0
    offset_of "$segment"
    size "$segment"
    total=$((begin + size))
}

pending() { # out|err offset: is there a byte at or after it?
    total "$1"
    [ "$total" -gt "$2" ]
}

# Finds up to $chunk bytes from an offset and says where they begin and end. They are put aside, unless they are a
# whole stream that has come to its end, or there is no room: then they stay in their segments. A segment that is being
# trimmed reads as an empty one.
cut() { # out|err offset: sets $from, $upto and $total; $piece, the file that has the bytes, if there is one; $expired, if none are kept any more
    from=$2 upto=$2 asked=$2 stream=$1 piece='' complete=''
    [ ! -e "$dir/$1.eof" ] || complete=yes
    if ! pending "$1" "$2" || [ "$chunk" -eq 0 ]; then return 0; fi
    set -- "$dir/$stream".0*
    if [ "$complete" ] && [ ! -e "$1" ]; then from=$total upto=$total expired=yes; return; fi
    if [ "$complete" ] && [ $# -eq 1 ] && [ "$from" -eq 0 ] && [ "$total" -le "$chunk" ]; then upto=$total piece=$1; return; fi
    set --
    for segment in "$dir/$stream".0*; do
        offset_of "$segment"
        if [ "$begin" -le "$from" ]; then set -- "$segment"; else set -- "$@" "$segment"; fi
    done
    piece=$dir/.reply.$$.$stream
    { true >"$piece"; } 2>/dev/null
    for segment; do
        offset_of "$segment"
        if [ "$begin" -gt "$upto" ]; then # what is missing here belongs before a piece
            [ "$upto" -eq "$from" ] || break
            from=$begin upto=$begin
        fi
        room=yes
        { tail -c +$((upto - begin + 1)) "$segment" | head -c $((from + chunk - upto)) >>"$piece"; } 2>/dev/null || room=
        size "$piece"
        upto=$((from + size))
        [ "$room" ] || break
        [ "$size" -lt "$chunk" ] || break
    done
    if [ -z "$room" ]; then
        rm -f "$piece"
        piece='' from=$asked
        span "$@"
    fi
    [ "$total" -ge "$upto" ] || total=$upto
}

span() { # segment…: sets $from and $upto as cut does, from the sizes alone
    upto=$from
    for segment; do
        offset_of "$segment"
        size "$segment"
        if [ "$size" -eq 0 ] || [ $((begin + size)) -le "$upto" ]; then continue; fi
        if [ "$begin" -gt "$upto" ]; then
            [ "$upto" -eq "$from" ] || break
            from=$begin
        fi
        upto=$((begin + size))
        [ $((upto - from)) -lt "$chunk" ] || { upto=$((from + chunk)); break; }
    done
}

show_span() { # out|err from upto: prints what span has found; too little if it is trimmed meanwhile, and then the reply is no whole one
    at_byte=$2
    for segment in "$dir/$1".0*; do
        offset_of "$segment"
        [ "$begin" -lt "$3" ] || break
        size "$segment"
        if [ $((begin + size)) -le "$at_byte" ] || [ "$begin" -gt "$at_byte" ]; then continue; fi
        tail -c +$((at_byte - begin + 1)) "$segment" | head -c $(($3 - at_byte))
        at_byte=$((begin + size))
    done 2>/dev/null
}

# What an ended session says it has written, and nobody finds, will not come any more: it counts as missing.
cut_or_skip() { # out|err offset end: as cut; of a session that has ended it moves on, or says that this is the end
    for _ in 1 2; do # a segment may have gone meanwhile
        cut "$1" "$2"
        case $3 in *[!0-9]*) return ;; esac
        [ "$chunk" -gt 0 ] && [ "$upto" -eq "$2" ] && [ "$upto" -lt "$3" ] || return 0
    done
    from=$3 upto=$3 piece=''
}
