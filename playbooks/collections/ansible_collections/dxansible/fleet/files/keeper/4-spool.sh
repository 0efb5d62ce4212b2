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
    ahead=$((limit / 2 - part - block - 65536)) # what the command's pipe holds has to have room, too
    [ "$ahead" -ge 0 ] || ahead=0
    start=0 head_end=0 gap=0 more=yes
    while [ -n "$more" ]; do
        hold "$1"
        padded=000000000000000000$start
        segment=$dir/$1.${padded#"${padded%??????????????????}"}
        size=0
        if ! true >"$segment" || ! fill; then
            disk_full
            break
        fi
        if [ "$start" -lt $((limit / 2)) ]; then head_end=$((start + size)); fi
        start=$((start + size))
        trim "$1"
    done
    [ -z "$more" ] || cat >/dev/null # the disk is full: the command must not block on us
    printf '%s %s\n' "$start" "$gap" >"$dir/$1.eof"
}

fill() { # standard input to $segment, until it has its size or the input ends, which empties $more
    while [ -n "$more" ] && [ "$size" -lt "$part" ]; do
        count=$(((part - size) / block + 1))
        if [ -e "$dir/full" ] || ! report=$(LC_ALL=C dd bs="$block" count="$count" 2>&1 >>"$segment"); then
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

disk_full() { # of bytes or of inodes: both streams stop, and what was kept in reserve is for the replies and the end
    mv -f "$dir/reserve.1" "$dir/full" 2>/dev/null || [ -e "$dir/full" ] || true >"$dir/full"
    rm -f "$dir"/reserve*
}

# A follower that wants every byte says with each call how far it has read. As long as it calls, the command waits for it,
# as it would on a pipe. Once the command has ended its last bytes have room.
hold() { # out|err: waits while a follower has more than $ahead bytes before it
    while [ "$start" -gt "$ahead" ] && [ -p "$dir/$1" ] && behind "$1"; do nap 0.05; done
}

behind() { # out|err: is there a follower for whom this is too fast?
    clock
    for follower in "$dir"/flow.*; do
        { IFS=' ' read -r expires out_read err_read <"$follower"; } 2>/dev/null || continue
        case $expires$out_read$err_read in '' | *[!0-9]*) continue ;; esac
        [ "$1" = out ] || out_read=$err_read
        if [ "$now" -lt "$expires" ] && [ $((start - out_read)) -gt "$ahead" ]; then return 0; fi
    done
    return 1
}

follow() { # $flow has read up to $out and $err, and comes again within $lease seconds: prints that
    clock
    printf '%s %s %s\n' $((now + lease * 100)) "$out" "$err"
}

trim() { # out|err: drops the oldest segments after the head, while the newer ones make up half the limit; sets $gap
    for old in "$dir/$1".0*; do
        offset_of "$old"
        [ "$begin" -ge "$head_end" ] || continue
        [ $((start - begin - part - block)) -ge $((limit / 2)) ] || break
        rm -f "$old"
    done
    [ "$begin" -le "$head_end" ] || gap=$((begin - head_end))
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
    piece=$dir/.reply.$$.$stream
    true >"$piece"
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
        if [ -z "$room" ] || [ "$size" -ge "$chunk" ]; then break; fi
    done
    [ "$room" ] || disk_full # what had no room is still there for the next call
    [ "$total" -ge "$upto" ] || total=$upto
}
