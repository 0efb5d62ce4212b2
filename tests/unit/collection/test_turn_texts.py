"""Rules of the texts that a turn gets: the task, and the check after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import Inputs, Payload
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import CommandError

from dxansible.run.workspace import serve_on_socket

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("variables", "texts"),
    [
        ({"dx_task": "{{ 7*7 }} grün\n"}, ("{{ 7*7 }} grün\n".encode(), b"")),
        ({"dx_task": "a", "dx_verify": "\udcff"}, (b"a", b"\xff")),
        ({"dx_task": "a", "dx_verify": None}, (b"a", b"")),
    ],
)
def test_the_texts_come_from_the_variables_as_they_are(
    variables: dict[str, Any], texts: tuple[bytes, bytes]
) -> None:
    assert Inputs(variables=variables).turn_texts() == texts


@pytest.mark.parametrize("verify", [b"", b"make test\n", bytes(range(1, 256)) * 1000])
def test_the_texts_come_from_the_socket_byte_for_byte(tmp_path: Path, verify: bytes) -> None:
    task = b"12\n" + bytes(range(1, 256)) * 1000
    sent = b"%d\n%b%b" % (len(verify), verify, task)

    with serve_on_socket(sent, tmp_path / "text.sock"):
        payload = Payload(str(tmp_path / "text.sock"))
        inputs = Inputs(variables={"dx_task": "not this"}, payload=payload)
        assert inputs.turn_texts() == (task, verify)
        assert inputs.turn_texts() == (task, verify)


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({}, "dx_task is missing or empty; give it as a string"),
        ({"dx_task": None}, "dx_task is missing or empty"),
        ({"dx_task": ["a"]}, "dx_task is not a string; give it as a string"),
        ({"dx_task": "a", "dx_verify": 1}, "dx_verify is not a string"),
        ({"dx_task": " \n", "dx_verify": "true"}, "dx_task is missing or empty"),
        ({"dx_task": "a\0b"}, "has a NUL byte, which no agent accepts"),
        ({"dx_task": "a", "dx_verify": "\0"}, "dx_task or dx_verify has a NUL byte"),
    ],
)
def test_what_no_agent_can_take_is_no_task(variables: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        Inputs(variables=variables).turn_texts()
