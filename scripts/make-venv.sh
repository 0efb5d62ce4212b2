#!/bin/sh
# make-venv.sh PYTHON DIRECTORY: a virtual environment, or one line that says what is missing.
set -eu
python=$1 directory=$2
[ ! -x "$directory/bin/pip" ] || exit 0
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "$python is missing or older than 3.11; install Python 3.11 or newer, or: make PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$(dirname "$0")/system-packages.sh" required python3-venv
fi
"$python" -m venv "$directory"
