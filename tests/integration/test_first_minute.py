"""The first minute, as the documents show it: each transcript with ``--init`` is replayed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.shown_calls import DOCUMENTS, blocks

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

SHOWN = [
    pytest.param(block, id=document.name)
    for document in DOCUMENTS
    for block in blocks(document.read_text(), "console")
    if "dx-dispatch --init" in block
]
INSTALLED = re.compile(r"pipx install \S+")
"""What needs an index of packages: the tests' own environment is one where it is done."""
VM = re.compile(r"(\w+)@(192\.0\.2\.\d+)")
SECONDS = re.compile(r"\d+\.\d\d s")
LOG = re.compile(r"(?m)^[a-z_]+ host=.*\n")
"""Documents leave the log out."""


def _steps(transcript: str) -> list[tuple[str, str]]:
    """The commands, and what each prints."""
    steps: list[tuple[str, str]] = []
    for line in transcript.splitlines():
        if line.startswith("$ "):
            steps.append((re.sub(r"\s+#.*$", "", line[2:]), ""))
        else:
            command, shown = steps.pop()
            steps.append((command, f"{shown}{line}\n"))
    return steps


def test_a_document_shows_the_first_minute() -> None:
    assert SHOWN


@pytest.mark.newcomer
@pytest.mark.parametrize("transcript", SHOWN)
def test_what_a_document_shows_is_what_happens(
    user: Dispatcher, epyc6: Vm, transcript: str
) -> None:
    scripts = Path(sys.executable).parent
    client = epyc6.host.client
    del user.environment["DX_INVENTORY"]
    user.environment |= {
        "PATH": f"{scripts}{os.pathsep}{user.environment['PATH']}",
        # what a user has in ~/.ssh, which ssh looks for in the home of the password file
        "ANSIBLE_PRIVATE_KEY_FILE": str(client.key),
        "ANSIBLE_SSH_COMMON_ARGS": f"-F {client.config}",
        "XDG_CONFIG_HOME": "",
    }
    steps = _steps(VM.sub(f"{epyc6.user}@{epyc6.address}:{epyc6.port}", transcript))

    assert [step for step, _ in steps if "--init" in step]
    assert [step for step, _ in steps if "--exec" in step]
    for command, shown in steps:
        if INSTALLED.fullmatch(command):
            continue
        answer = subprocess.run(
            ["/bin/sh", "-c", command],
            env=user.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        said = LOG.sub("", answer.stdout + answer.stderr)
        assert SECONDS.sub("… s", said) == SECONDS.sub("… s", shown)
