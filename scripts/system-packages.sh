#!/bin/sh
# system-packages.sh required|optional PACKAGE…: installs what is missing of Debian's packages, as root or with sudo.
# Where that can't be done, one line says what to install; it is an error only if the packages are required.
set -eu
need=$1
shift

present() { # package: is what we want of it here?
    case $1 in
        openssh-server) [ -x /usr/sbin/sshd ] || command -v sshd ;;
        procps) command -v ps && command -v pkill ;;
        iproute2) command -v ip ;;
        python3-venv) false ;;
        *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

mask_receptor() { # Debian's package starts one that accepts work from every machine
    if command -v systemctl >/dev/null 2>&1 && [ ! -e /usr/lib/systemd/system/receptor.service ]; then
        $as_root systemctl mask receptor >/dev/null 2>&1 || true
    fi
}

missing=
for package; do present "$package" || missing="$missing $package"; done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    as_root=none
fi
if [ "$as_root" != none ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing:$missing" >&2
    $as_root apt-get update -qq >/dev/null 2>&1 || true # fails where another one runs, which does the same
    case $missing in *receptor*) mask_receptor ;; esac
    # shellcheck disable=SC2086 # one word for each package
    if $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >/dev/null; then
        exit 0
    fi
fi
if [ "$need" = required ]; then
    echo "please install (names as on Debian):$missing" >&2
    exit 1
fi
echo "going on without$missing (to have it, install it as root; the names are Debian's)" >&2
