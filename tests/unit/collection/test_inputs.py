"""Rules of the text of a command: where it comes from, and that it arrives as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import Inputs, Payload
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import Command, CommandError

from dxansible.run.workspace import serve_on_socket

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("text", ["make test", "{{ 7*7 }}", "grün\n", "a\tb"])
def test_a_command_comes_from_the_variable_as_it_is(text: str) -> None:
    assert Inputs(variables={"dx_command": text}).command() == Command(text=text.encode())
    both = {"dx_command": "cat", "dx_stdin": f"{text}\0"}
    assert Inputs(variables=both).command() == Command(text=b"cat", stdin=f"{text}\0".encode())


def test_bytes_that_are_not_utf8_survive_a_variable() -> None:
    assert Inputs(variables={"dx_command": "\udcff"}).command().text == b"\xff"


def test_a_command_comes_from_the_socket_byte_for_byte(tmp_path: Path) -> None:
    text = bytes(range(1, 256)) * 1000

    head = b'{"summary": "make", "stdin": 0, "text": %d}\n' % len(text)
    with serve_on_socket(head + text, tmp_path / "text.sock"):
        command = Inputs(
            variables={"dx_command": "not this"}, payload=Payload(str(tmp_path / "text.sock"))
        ).command()
    assert command == Command(text=text, summary="make")


def test_standard_input_comes_before_the_command_and_neither_is_cut_short(tmp_path: Path) -> None:
    whole = b'{"summary": "x", "stdin": 6, "text": 3}\n\0data\0cat'
    with serve_on_socket(whole, tmp_path / "whole.sock"):
        command = Inputs(payload=Payload(str(tmp_path / "whole.sock"))).command()
    assert command == Command(text=b"cat", stdin=b"\0data\0", summary="x")
    for size in (0, 10, len(whole) - 4, len(whole) - 1):
        with (
            serve_on_socket(whole[:size], tmp_path / f"{size}.sock"),
            pytest.raises(CommandError, match="did not arrive whole"),
        ):
            Inputs(payload=Payload(str(tmp_path / f"{size}.sock"))).command()


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({}, "dx_command is missing; give it as a string"),
        ({"dx_command": None}, "dx_command is missing"),
        ({"dx_command": ["make", "test"]}, "dx_command is not a string; give it as a string"),
        ({"dx_command": "cat", "dx_stdin": 7}, "dx_stdin is not a string"),
        ({"dx_command": " \n"}, "dx_command is empty"),
        ({"dx_command": "a\0b"}, "dx_command has a NUL byte"),
    ],
)
def test_what_no_shell_can_run_is_no_command(variables: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        Inputs(variables=variables).command()
