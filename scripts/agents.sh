#!/bin/sh
# agents.sh DIRECTORY: real coding agents from the npm registry, for the tests. Where they can't be had, the file
# DIRECTORY/missing says why, and the tests that want them say that they were skipped. Two test runs may do this at
# once: each installs into a directory of its own, and the first to be done gives it its name.
set -u
directory=$1
packages=${DX_AGENT_PACKAGES:-"opencode-ai@1.18.33 @anthropic-ai/claude-code@2.1.330 @openai/codex@0.169.0 @google/gemini-cli@0.61.0"}

mkdir -p "$directory"
trap 'rm -rf "$directory.$$"' EXIT
[ "$(cat "$directory/installed" 2>/dev/null)" != "$packages" ] || exit 0
command -v npm >/dev/null 2>&1 || "$(dirname "$0")/system-packages.sh" optional npm
if ! command -v npm >/dev/null 2>&1; then
    echo "there is no npm here" >"$directory/missing"
    exit 0
fi
# shellcheck disable=SC2086 # one word for each package
if npm install --loglevel=error --no-audit --no-fund --prefix "$directory.$$" $packages >"$directory/log" 2>&1; then
    chmod -R a+rX "$directory.$$"
    printf '%s\n' "$packages" >"$directory.$$/installed"
    [ "$(cat "$directory/installed" 2>/dev/null)" != "$packages" ] || exit 0
    mv "$directory" "$directory.$$.old"
    mv "$directory.$$" "$directory"
    rm -rf "$directory.$$.old"
else
    echo "npm could not install them; see $directory/log" >"$directory/missing"
fi
