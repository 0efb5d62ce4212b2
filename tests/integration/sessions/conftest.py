"""An inventory whose agent is the shell, so that a task is a script and ends as it is told to."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import IDENTITY, Work, on_vm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab import Lab, Vm

_AGENTS = """\
---
dx_agent: shell
dx_agents:
  absent: {start: [no-such-agent]}
  piped: {start: [sh]}
  vague: {start: [sh], resume: ['true', "{native_id}"], events: json, native_id: id}
  reader: {start: [sh, -c, 'cat >"$HOME/$DX_SESSION.prompt"']}
  bounded:
    start: &bounded
      - sh
      - -c
      - |
        prompt=$(cat)
        echo "$prompt" >>"$HOME/$DX_SESSION.prompts"
        echo '{"id": "c-1", "kind": "begin"}'
        case $prompt in
            "limit "*)
                at=$(($(date +%s) + ${prompt#limit }))
                printf '{"kind": "end", "ok": false, "at": %s}\\n' "$at"
                exit 1
                ;;
        esac
        echo '{"kind": "say", "text": "done"}'
        echo '{"kind": "end", "ok": true, "n": {"in": 3, "usd": 0.25}}'
    resume: *bounded
    events: json
    native_id: id
    text: {when: {kind: say}, show: text, message: true}
    finished: {kind: end, ok: true}
    failed: {when: {kind: end}}
    usage_limit: {when: {kind: end, ok: false}, resets_at: at}
    usage: {when: {kind: end, ok: true}, input: n.in, cost: n.usd}
  copier: {start: [sh, -c, 'cp "$1" "$HOME/$DX_SESSION.prompt"', sh, "{prompt_file}"], prompt: file}
"""


@pytest.fixture(scope="session")
def inventory(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's own, with agents that need no model."""
    directory = tmp_path_factory.mktemp("sessions") / "inventory"
    shutil.copytree(lab.inventory, directory)
    (directory / "group_vars").mkdir()
    (directory / "group_vars" / "all.yml").write_text(_AGENTS)
    return directory


@pytest.fixture
def work(epyc6: Vm) -> Iterator[Work]:
    """A task that goes on until it is told to end, which at the latest it is after the test."""
    task = Work(epyc6)
    yield task
    task.end()


@pytest.fixture
def project(lab: Lab, epyc6: Vm) -> Path:
    """A repository on the VM, whose remote is on another one, by an alias of ssh's."""
    server, client = lab.vms["macmini"], epyc6.host.client
    on_vm(server, "rm -rf acme; git init -q --bare -b main acme/api.git")
    place = epyc6.home / "forge"
    on_vm(epyc6, f"rm -rf forge; mkdir -m 700 {place}")
    for name, text in {
        "key": client.key.read_text(),
        "known": client.known_hosts.read_text(),
        "config": f"Host github-work\n HostName {server.address}\n Port {server.port}\n"
        f" User {server.user}\n IdentityFile {place}/key\n UserKnownHostsFile {place}/known\n",
    }.items():
        (place / name).write_text(text)
    owner = epyc6.home.stat()
    for path in place.iterdir():
        path.chmod(0o600)
        os.chown(path, owner.st_uid, owner.st_gid)
    on_vm(
        epyc6,
        "rm -rf project; git init -q -b main project; cd project; echo one >file; git add .;"
        f"git {IDENTITY} commit -qm first;"
        "git config user.name A; git config user.email a@b.example;"
        f"git config core.sshCommand 'ssh -F {place}/config -o BatchMode=yes';"
        "git remote add origin github-work:acme/api.git; git push -q origin main",
    )
    return epyc6.home / "project"
