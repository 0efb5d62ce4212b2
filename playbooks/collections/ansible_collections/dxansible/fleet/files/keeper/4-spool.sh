# --- the output, kept in bounded space ---

size() { # file: sets $size, 0 if there is none
    size=0
    [ ! -s "$1" ] || size=$(($(wc -c 2>/dev/null <"$1") + 0))
}

copied() { # file, its size before, what dd said: sets $size, which it has now
    size=${3##*records out}
    size=${size%% byte*}
    size=${size##*[!0-9]}
    if [ -n "$size" ]; then size=$(($2 + size)); else size "$1"; fi # not every dd says so
}

offset_of() { # segment: sets $begin, the offset of its first byte
    begin=${1##*.}
    begin=${begin#"${begin%%[!0]*}"}
    case $begin in '' | *[!0-9]*) begin=0 ;; esac
}

# Keeps a stream in segments named by their offset: the first half of the limit stays, then a window of the newest
# segments; what falls between is deleted, and the gap in the names says how much that was.
spool() { # out|err: standard input to segments
    part=$((limit / 8))
    [ "$part" -ge 4096 ] || part=4096
    block=$((part / 4))
    [ "$block" -le 65536 ] || block=65536
    start=0 head_end=0 more=yes
    while [ -n "$more" ]; do
        padded=000000000000000000$start
        segment=$dir/$1.${padded#"${padded%??????????????????}"}
        true >"$segment" || break
        size=0
        fill || break
        if [ "$start" -lt $((limit / 2)) ]; then head_end=$((start + size)); fi
        start=$((start + size))
        trim "$1"
    done
    [ -z "$more" ] || cat >/dev/null # the disk is full: the command must not block on us
    printf '%s\n' "$start" >"$dir/$1.eof"
}

fill() { # standard input to $segment, until it has its size or the input ends, which empties $more
    while [ -n "$more" ] && [ "$size" -lt "$part" ]; do
        count=$(((part - size) / block + 1))
        if [ -e "$dir/full" ] || ! report=$(LC_ALL=C dd bs="$block" count="$count" 2>&1 >>"$segment"); then
            true >"$dir/full" # the other stream stops here too, and leaves us what was kept in reserve
            rm -f "$dir/reserve"
            size "$segment"
            start=$((start + size))
            return 1
        fi
        known=$size
        copied "$segment" "$known" "$report"
        [ "$size" -gt "$known" ] || more=
        # it says "FULL+PARTIAL records in": fewer than asked for is the end already
        report=${report%% records in*}
        report=${report##*[!0-9+]}
        case $report in *[0-9]+[0-9]*) [ $((${report%+*} + ${report#*+})) -eq "$count" ] || more= ;; esac
    done
}

trim() { # out|err: drops the oldest segments after the head, while the newer ones make up half the limit
    for old in "$dir/$1".0*; do
        offset_of "$old"
        [ "$begin" -ge "$head_end" ] || continue
        [ $((start - begin - part - block)) -ge $((limit / 2)) ] || break
        rm -f "$old"
    done
}

total() { # out|err: sets $total, the bytes written to the stream so far
    total=0
    { IFS= read -r total <"$dir/$1.eof"; } 2>/dev/null && return
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
# whole stream that has come to its end. A segment that is being trimmed reads as an empty one.
cut() { # out|err offset: sets $from, $upto and $total; $piece, the file that has the bytes, if there are any; $expired, if none are kept any more
    from=$2 upto=$2 stream=$1 piece='' complete=''
    [ ! -e "$dir/$1.eof" ] || complete=yes
    if ! pending "$1" "$2" || [ "$chunk" -eq 0 ]; then return 0; fi
    set -- "$dir/$stream".0*
    if [ "$complete" ] && [ ! -e "$1" ]; then
        from=$total upto=$total expired=yes
        return
    fi
    if [ "$complete" ] && [ $# -eq 1 ] && [ "$from" -eq 0 ] && [ "$total" -le "$chunk" ]; then
        upto=$total piece=$1
        return
    fi
    set --
    for segment in "$dir/$stream".0*; do
        offset_of "$segment"
        if [ "$begin" -le "$from" ]; then set -- "$segment"; else set -- "$@" "$segment"; fi
    done
    for segment; do
        offset_of "$segment"
        [ "$begin" -le "$from" ] || from=$begin upto=$begin
        piece=$dir/.reply.$$.$stream
        tail -c +$((from - begin + 1)) "$segment" 2>/dev/null | head -c "$chunk" >"$piece"
        size "$piece"
        upto=$((from + size))
        [ "$size" -eq 0 ] || break
    done
    [ "$total" -ge "$upto" ] || total=$upto
}
