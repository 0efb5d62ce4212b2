# --- the output, kept in bounded space ---

# Keeps a stream in segments named by their offset: the first half of the limit stays, then a window of the newest
# segments; what falls between is deleted, and the gap in the names says how much that was.
spool() { # out|err: standard input to segments
    part=$((limit / 8))
    [ "$part" -ge 4096 ] || part=4096
    newer=$part # each segment is a process: smaller ones would slow the command down
    [ "$newer" -ge 262144 ] || newer=262144
    ahead=$((limit / 2 - newer - 131072)) # a block, and what the command's pipe holds, have to have room, too
    [ "$ahead" -ge 0 ] || ahead=0
    start=0 head_end=0 gap=0 more=yes
    while [ -n "$more" ]; do
        hold "$1"
        [ "$start" -lt $((limit / 2)) ] || part=$newer
        block=$((part / 4))
        [ "$block" -le 65536 ] || block=65536
        segment_at "$1" "$start"
        size=0
        if ! true >"$segment" || ! fill; then
            disk_full
            break
        fi
        if [ "$start" -lt $((limit / 2)) ]; then head_end=$((start + size)); fi
        start=$((start + size))
        trim "$1"
    done
    # the disk is full: the command must not block on us, nor lose its reader
    while [ -n "$more" ]; do
        cat >/dev/null
        [ $? -gt 128 ] || more=
    done
    [ -e "$dir/full" ] || shorten "$1"
    printf '%s %s\n' "$start" "$gap" >"$dir/$1.eof"
}

segment_at() { # out|err offset: sets $segment
    padded=000000000000000000$2
    segment=$dir/$1.${padded#"${padded%??????????????????}"}
}

# What the newer segments keep beyond a small limit goes at the end, unless somebody is still reading it. Without room for
# the shorter copy it stays.
shorten() { # out|err: leaves the last half of the limit after the head, at least 4 KiB; sets $gap
    ahead=0 half=$((limit / 2))
    [ "$half" -ge 4096 ] || half=4096
    [ "$newer" -gt $((limit / 8)) ] && [ $((start - half)) -gt "$head_end" ] && ! behind "$1" || return 0
    segment_at "$1" $((start - half))
    last=$segment
    if ! { cat "$dir/$1".0* | tail -c "$half" >"$dir/.$1" && mv -f "$dir/.$1" "$last"; } 2>/dev/null; then
        rm -f "$dir/.$1"
        return
    fi
    for segment in "$dir/$1".0*; do
        offset_of "$segment"
        if [ "$begin" -ge "$head_end" ] && [ "$segment" != "$last" ]; then rm -f "$segment"; fi
    done
    gap=$((start - half - head_end))
}

fill() { # standard input to $segment, until it has its size or the input ends, which empties $more
    while [ -n "$more" ] && [ "$size" -lt "$part" ]; do
        count=$(((part - size) / block + 1))
        copying=1
        if [ ! -e "$dir/full" ]; then
            report=$(LC_ALL=C dd bs="$block" count="$count" 2>&1 >>"$segment")
            copying=$?
        fi
        if [ "$copying" -gt 128 ]; then # killed, perhaps with a block in its hands: nobody knows
            mv -f "$dir/reserve.2" "$dir/torn" 2>/dev/null || [ -e "$dir/torn" ] || true >"$dir/torn"
            size "$segment"
            continue
        elif [ "$copying" -ne 0 ]; then
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

trim() { # out|err: drops the oldest segments after the head, while the newer ones make up half the limit; sets $gap
    for old in "$dir/$1".0*; do
        offset_of "$old"
        [ "$begin" -ge "$head_end" ] || continue
        [ $((start - begin - part - block)) -ge $((limit / 2)) ] || break
        rm -f "$old"
    done
    [ "$begin" -le "$head_end" ] || gap=$((begin - head_end))
}
