#!/bin/sh
# molecule.sh SCENARIO: runs a molecule scenario on a lab of its own.
# In the scenario "faults" macmini refuses connections and homedesktop-wsl refuses the key.
set -eu
scenario=$1
root=$(mktemp -d /tmp/dxmol-XXXXXX)
chmod 755 "$root"
export DXLAB_ROOT="$root/lab" MOLECULE_EPHEMERAL_DIRECTORY="$root/molecule"

python -m tests.lab up --root "$DXLAB_ROOT" >"$root/log" 2>&1 &
lab=$!
trap 'kill "$lab" 2>/dev/null || true; wait "$lab" || true; rm -rf "$root"' EXIT
tries=0
until python -m tests.lab status --root "$DXLAB_ROOT" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ] || ! kill -0 "$lab" 2>/dev/null; then
        cat "$root/log" >&2
        exit 1
    fi
    sleep 0.2
done
if [ "$scenario" = faults ]; then
    python -m tests.lab fault macmini refuse --root "$DXLAB_ROOT"
    python -m tests.lab fault homedesktop-wsl refuse_auth --root "$DXLAB_ROOT"
fi
molecule test --scenario-name "$scenario"
