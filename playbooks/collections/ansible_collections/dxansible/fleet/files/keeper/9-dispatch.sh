# --- what else is asked for ---

case $verb in
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
    supervise) clean ;;
    *) fail "unknown verb" ;;
esac
