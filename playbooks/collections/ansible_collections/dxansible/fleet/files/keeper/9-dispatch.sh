# --- what is asked for ---

case $id in
    .* | *[!A-Za-z0-9._-]*) fail "bad id" ;;
esac
case $prefix in
    .* | *[!A-Za-z0-9._-]*) fail "bad prefix" ;;
esac
case $verb in
    start | poll | abort | note | supervise) [ -n "$id" ] || fail "no id" ;;
esac
case $token$flow in *[!A-Za-z0-9]*) fail "bad token" ;; esac
for number in "$length" "$input" "${deadline%.*}${deadline#*.}" "${idle%.*}${idle#*.}" \
    "$limit" "$lease" "$grace" "$wait" "$out" "$err" "$chunk" "$age"; do
    case $number in '' | *[!0-9]*) fail "bad number" ;; esac
done
case $verb in
    start) start ;;
    supervise) supervise ;;
    poll) await; reply ;;
    abort) abort ;;
    note) note ;;
    list) list ;;
    clean)
        [ "$turns" = yes ] || [ -n "$dry" ] || clean
        printf '\n%s state=ok\n' "$mark"
        [ "$turns" != yes ] || clean_turns
        printf '%s end\n' "$mark"
        ;;
    ping) ping ;;
    *) fail "unknown verb" ;;
esac
