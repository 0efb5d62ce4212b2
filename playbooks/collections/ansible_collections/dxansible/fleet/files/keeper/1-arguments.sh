#!/bin/sh
# The keeper: starts a command on this machine exactly once, keeps its output, ends it at its deadline
# and says what became of it. POSIX sh; runs under dash, bash, zsh and busybox. See docs/keeper.md.
# The verbs and their options are in docs/keeper.md, too. Parts that start and poll don't need come after them, unread.
set -u
key='' caller_umask=
{ read -r _ && read -r key caller_umask; } 2>/dev/null </proc/self/status
[ "$key" = Umask: ] || caller_umask=$(umask)
umask 077

id='' length=0 input=0 deadline=0 limit=4194304 path='' grace=2 wait=0 out=0 err=0 chunk=524288 age=7 mark=dx
idle=0 token='' meta='' about='' prefix='' need='' turns='' dry='' program='' version='' progress='' name=''
words='' flow='' lease=20 plain='' resets='' waker='' launched='' delay=0 stamp='' still='' settle='' remnants='' since=0 launcher=''
verb=${1-}
[ $# -eq 0 ] || shift
options=' id length input deadline idle limit path grace wait out err chunk age mark token meta about prefix need turns dry program version progress name'
options="$options words flow lease plain resets waker delay stamp settle remnants since launcher "
for argument; do
    key=${argument%%=*}
    case $key in *[!a-z]*) continue ;; esac
    case $options in *" $key "*) eval "$key=\${argument#*=}" ;; esac
done
root=${XDG_STATE_HOME:-$HOME/.local/state}/dxansible
dir=$root/sessions/$id
procfs=
[ "${DX_KEEPER_PROCFS-auto}" = off ] || [ ! -r /proc/self/environ ] || procfs=yes

fail() { # one line to the caller: the VM can't do it
    printf '\n%s state=error message=%s\n%s end\n' "$mark" "$*" "$mark"
    exit 1
}

nap() {
    sleep "$1" 2>/dev/null || sleep 1
}

clock() { # sets $now, in hundredths of a second
    if [ -n "$procfs" ] && { IFS=' ' read -r now _ </proc/uptime; } 2>/dev/null; then
        now=${now%.*}${now#*.}
    else
        now=$(date +%s)00
    fi
}

may_have_restarted() { # in the last $since seconds, as far as anybody can say
    up=
    if [ -n "$procfs" ]; then
        { IFS=' ' read -r up _ </proc/uptime; } 2>/dev/null
        up=${up%%.*}
    else
        booted=$(sysctl -n kern.boottime 2>/dev/null) # { sec = 1764547200, usec = 0 } …
        booted=${booted#*sec = }
        booted=${booted%%,*}
        case $booted in '' | *[!0-9]*) ;; *) up=$(($(date +%s) - booted)) ;; esac
    fi
    case $up in '' | *[!0-9]*) return 0 ;; esac
    [ "$up" -lt "$since" ]
}

hundredths() { # of a second in seconds, perhaps with a fraction: sets $hundredths, rounded up
    whole=${1%%.*} part=00
    case $1 in *.*) part=${1#*.}00 ;; esac
    whole=${whole#"${whole%%[!0]*}"}
    hundredths=$((${whole:-0} * 100 + 1${part%"${part#??}"} - 100))
    case $part in ??*[1-9]*) hundredths=$((hundredths + 1)) ;; esac
}

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
    "$limit" "$lease" "$delay" "$grace" "$wait" "$out" "$err" "$chunk" "$age" \
    "$since"; do
    case $number in '' | *[!0-9]*) fail "bad number" ;; esac
done
