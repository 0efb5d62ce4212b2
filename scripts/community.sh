#!/bin/sh
# community.sh DIRECTORY: the callbacks of community.general, from PyPI's package "ansible", for the tests. Where they
# can't be had, the file DIRECTORY/missing says why, and the test that wants them says that it was skipped.
set -u
directory=$1
python=$(dirname "$0")/../.venv/bin/python
mkdir -p "$directory"
[ ! -d "$directory/ansible_collections/community/general/plugins/callback" ] || exit 0
rm -f "$directory/missing"
new=$directory/new.$$
trap 'rm -rf "$new"' EXIT
if "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$new" ansible \
    2>"$directory/log" && "$python" - "$new" 2>>"$directory/log" <<'EOF'; then
import pathlib, sys, zipfile
place = pathlib.Path(sys.argv[1])
(wheel,) = place.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    root = "ansible_collections/community/general/"
    wanted = (f"{root}plugins/callback/", f"{root}plugins/module_utils/", f"{root}meta/", f"{root}MANIFEST.json")
    archive.extractall(place, [each for each in archive.namelist() if each.startswith(wanted)])
EOF
    mv "$new/ansible_collections" "$directory" 2>/dev/null || true # another test run may have been first
else
    echo "pip could not get them; see $directory/log" >"$directory/missing"
fi
