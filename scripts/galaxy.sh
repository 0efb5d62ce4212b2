#!/bin/sh
# galaxy.sh TOOLS: what Ansible Galaxy and ansible-core check of a collection: its changelog, galaxy-importer, and
# ansible-test's sanity tests. TOOLS is the directory of an environment with galaxy-importer and antsibull-changelog.
set -eu
tools=$(cd "$1/bin" && pwd)
project=$(cd "$(dirname "$0")/.." && pwd)
source=$project/playbooks/collections/ansible_collections/dxansible/fleet
work=$(mktemp -d "${TMPDIR:-/tmp}/dxgalaxy-XXXXXX")
trap 'rm -rf "$work"' EXIT
PATH=$tools:$PATH
export PATH

cd "$source"
antsibull-changelog lint
cp -RL "$source" "$work/fleet"
find "$work/fleet" -name __pycache__ -prune -exec rm -rf {} +
cd "$work/fleet"
antsibull-changelog generate
diff -u "$source/CHANGELOG.md" CHANGELOG.md

# galaxy-importer wants an address of the repository, and the project has no public one
echo 'repository: https://example.com/dxansible' >>galaxy.yml
ansible-galaxy collection build --output-path "$work" >/dev/null
cd "$work"
# ansible-lint has seen the same files: make lint runs it on the whole project
export GALAXY_IMPORTER_RUN_ANSIBLE_LINT=false
python -m galaxy_importer.main dxansible-fleet-*.tar.gz >importer.log 2>&1 || { cat importer.log >&2; exit 1; }
# "found ignore-….txt" says only that the files exist; the role needs no meta/main.yml
if grep -E '^(WARNING|ERROR)' importer.log | grep -vE 'Ignore files skip|no role metadata' >&2; then exit 1; fi

mkdir -p "$work/collections"
ansible-galaxy collection install --offline -p "$work/collections" dxansible-fleet-*.tar.gz >/dev/null 2>&1
export HOME="$project/.cache/galaxy/home" LC_ALL=C.UTF-8
python "$project/scripts/ansible_test_pip.py"
cd "$work/collections/ansible_collections/dxansible/fleet"
ansible-test sanity --color no --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" \
    >"$work/sanity.log" 2>&1 || { cat "$work/sanity.log" >&2; exit 1; }
echo "changelog, galaxy-importer and ansible-test sanity: passed"
