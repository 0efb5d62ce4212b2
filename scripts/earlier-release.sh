#!/bin/sh
# Installs the release of a commit into a virtual environment: earlier-release.sh PYTHON COMMIT DIRECTORY
# Its ansible-core is the oldest that is supported, with which every release works.
set -eu
python=$1 commit=$2 directory=$3
[ ! -e "$directory/ready-$commit" ] || exit 0
rm -rf "$directory"
mkdir -p "$directory/tree"
git archive "$commit" | tar -x -C "$directory/tree"
"$python" -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check "$directory/tree" 'ansible-core==2.19.*'
touch "$directory/ready-$commit"
