# --- the command: where it is found, and how it is run ---

detach() { # runs its arguments as leader of a session of their own
    if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; fi
    exec perl -e 'use POSIX (); POSIX::setsid(); exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\n"' "$@"
}

with_path() { # puts directories, separated by colons, before PATH; "~/" is the home directory
    found=
    rest=$1:
    while [ -n "${rest#:}" ]; do
        entry=${rest%%:*}
        rest=${rest#*:}
        case $entry in '') continue ;; \~/*) entry=$HOME/${entry#??} ;; esac
        found=$found$entry:
    done
    PATH=$found$PATH
}

executable() { # file
    [ -f "$1" ] && [ -x "$1" ]
}

locate() { # program: prints its file; or, failing, the directories where it isn't
    cd "$HOME" 2>/dev/null || cd / # as the command will
    with_path "$path"
    case $1 in
        \~/*) file=$HOME/${1#??} rest= ;;
        */*) file=$1 rest= ;;
        *) file='' rest=$PATH: ;;
    esac
    # not "command -v": that finds what only a shell has, too, and our own functions
    until executable "$file"; do
        [ -n "$rest" ] || { printf '%s\n' "$PATH"; return 1; }
        file=${rest%%:*}
        file=${file:-.}/$1
        rest=${rest#*:}
    done
    printf '%s\n' "$file"
}

# The text of a command is read by the shell that runs it, and its errors name that shell, as those of "ssh host command" do.
# As an argument, others would see it. A short plain text costs no further process.
# shellcheck disable=SC2016 # that shell's own variables
read_whole='text=$(cat "$1" && echo x) || exit 127; shift 2; eval "unset text; ${text%x}"'
# shellcheck disable=SC2016 # as above
read_plain='text=; while IFS= read -r line; do text=$text$line$2; done <"$1" || exit 127; text=$text$line; shift 2; eval "unset text line; $text"'

is_shell() { # file: does it speak sh?
    case $1 in sh | bash | dash | zsh | ksh | ash | */sh | */bash | */dash | */zsh | */ksh | */ash) ;; *) return 1 ;; esac
}

choose_shell() { # sets $interpreter and its one $argument; and $shell, the name of one that is to read the text
    interpreter=/bin/sh argument='' first=''
    ! is_shell "${SHELL-}" || [ ! -x "$SHELL" ] || interpreter=$SHELL # the account's own, as ssh would use
    shell=$interpreter
    { IFS= read -r first <"$script"; } 2>/dev/null
    case $first in
        '#dx '*) shell='' ;; # a script of ours, which asks for its place
        '#!'*[!\ ]*)
            first=${first#'#!'}
            first=${first#"${first%%[!\ ]*}"}
            interpreter=${first%% *} argument=${first#"${first%% *}"}
            argument=${argument#"${argument%%[!\ ]*}"}
            shell=$interpreter
            case $argument in
                -*[nvx]*) shell='' ;; # it would show how the text is read
                '' | -*) ;;
                *) shell=$argument ;; # that of env
            esac
            ;;
    esac
    is_shell "$shell" || shell=
}

take_place() { # a program for another interpreter comes after lines of ours: where it is to run, and in what environment
    script=$dir/command first=
    { IFS= read -r first <"$script"; } 2>/dev/null
    case $first in
        '#!dx '[1-9]*) ;;
        *) return ;;
    esac
    lines=${first#'#!dx '}
    script=$dir/prompt
    (umask 077 && tail -n "+$((lines + 2))" "$dir/command" >"$script") || exit 127
    eval "$(head -n "$((lines + 1))" "$dir/command")"
}

run_command() { # becomes the user's command
    # shellcheck disable=SC2031 # the supervisor's own tag was set for another process
    export DX_SESSION="$id" DX_SESSION_TAG="[$id]"
    umask "$caller_umask"
    cd "$HOME" 2>/dev/null || cd /
    take_place
    choose_shell
    set -- "$interpreter" ${argument:+"$argument"}
    read_by=$read_whole
    [ -z "$plain" ] || read_by=$read_plain
    if [ -n "$shell" ]; then
        set -- "$@" -c "$read_by" "${shell##*/}" "$script" '
'
    else
        set -- "$@" "$script"
    fi
    # signals at their defaults: a shell starts its background jobs with SIGINT ignored
    # shellcheck disable=SC2016 # perl's own variables
    if [ -n "$resets" ] || env --default-signal >/dev/null 2>&1; then
        set -- env --default-signal "$@"
    elif command -v perl >/dev/null 2>&1; then
        set -- perl -e '$SIG{$_} = "DEFAULT" for keys %SIG; exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\n"' "$@"
    fi
    with_path "$path"
    detach "$@"
}
