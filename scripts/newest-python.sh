#!/bin/sh
# newest-python.sh: prints the newest supported Python that works here; one on PATH may be a shim without a Python.
set -eu
for version in 3.13 3.12 3.11; do
    for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version"; do
        if "$python" -c '' >/dev/null 2>&1; then
            printf '%s\n' "$python"
            exit
        fi
    done
done
echo python3
