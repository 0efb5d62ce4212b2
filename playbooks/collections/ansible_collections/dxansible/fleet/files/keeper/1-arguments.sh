#!/bin/sh
# The keeper: starts a command on this machine exactly once, keeps its output, ends it at its deadline
# and says what became of it. POSIX sh; runs under dash, bash, zsh and busybox. See docs/keeper.md.
#
#   keeper.sh start id=ID length=BYTES [deadline=S] [idle=S] [limit=BYTES] [path=DIRS] [grace=S]
#                   [token=T] [meta=yes] [about=yes] [need=PROGRAM] [progress=ERE] [flow=NAME lease=S]
#                   [input=BYTES] <input-and-command-text
#   keeper.sh poll  id=ID [wait=S] [out=OFFSET] [err=OFFSET] [chunk=BYTES] [flow=NAME lease=S]
#   keeper.sh abort id=ID [wait=S] [about=yes]
#   keeper.sh note  id=ID name=NAME length=BYTES <text
#   keeper.sh list  [id=ID] [prefix=TEXT] [turns=yes] [chunk=BYTES]
#   keeper.sh clean [age=DAYS] [turns=yes [dry=yes]]
#   keeper.sh ping  [program=NAME [path=DIRS] [version=ARGUMENT]]
#
# With about=yes a line "DIGEST TEXT" comes before the text: what the id stands for, and what a listing says of it.
# start and abort end as poll does. A reply is one line "MARK key=value …", the bytes of both streams, "MARK end".
set -u
caller_umask=$(umask)
umask 077

id='' length=0 input=0 deadline=0 limit=4194304 path='' grace=2 wait=0 out=0 err=0 chunk=524288 age=7 mark=dx
idle=0 token='' meta='' about='' prefix='' need='' turns='' dry='' program='' version='' progress='' name=''
flow='' lease=20
verb=${1-}
[ $# -eq 0 ] || shift
for argument; do
    case $argument in
        id=*) id=${argument#*=} ;;
        length=*) length=${argument#*=} ;;
        input=*) input=${argument#*=} ;;
        deadline=*) deadline=${argument#*=} ;;
        limit=*) limit=${argument#*=} ;;
        path=*) path=${argument#*=} ;;
        grace=*) grace=${argument#*=} ;;
        wait=*) wait=${argument#*=} ;;
        out=*) out=${argument#*=} ;;
        err=*) err=${argument#*=} ;;
        chunk=*) chunk=${argument#*=} ;;
        age=*) age=${argument#*=} ;;
        idle=*) idle=${argument#*=} ;;
        token=*) token=${argument#*=} ;;
        meta=*) meta=${argument#*=} ;;
        about=*) about=${argument#*=} ;;
        prefix=*) prefix=${argument#*=} ;;
        need=*) need=${argument#*=} ;;
        progress=*) progress=${argument#*=} ;;
        turns=*) turns=${argument#*=} ;;
        dry=*) dry=${argument#*=} ;;
        program=*) program=${argument#*=} ;;
        version=*) version=${argument#*=} ;;
        name=*) name=${argument#*=} ;;
        flow=*) flow=${argument#*=} ;;
        lease=*) lease=${argument#*=} ;;
        mark=*) mark=${argument#*=} ;;
    esac
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

hundredths() { # of a second in seconds, perhaps with a fraction: sets $hundredths, rounded up
    whole=${1%%.*} part=00
    case $1 in *.*) part=${1#*.}00 ;; esac
    whole=${whole#"${whole%%[!0]*}"}
    hundredths=$((${whole:-0} * 100 + 1${part%"${part#??}"} - 100))
    case $part in ??*[1-9]*) hundredths=$((hundredths + 1)) ;; esac
}

put() { # file text: written whole or not at all
    printf '%s\n' "$2" >"$dir/.$1.$$" && mv -f "$dir/.$1.$$" "$dir/$1"
}

put_first() { # file text: the same, where only the first writer succeeds; leaves ".FILE.PID" behind
    printf '%s\n' "$2" >"$dir/.$1.$$" && ln "$dir/.$1.$$" "$dir/$1" 2>/dev/null
}
