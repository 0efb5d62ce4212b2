"""Rules of session ids, and of what an id is bound to."""

from __future__ import annotations

import base64
import json

from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import (
    Command,
    new_run_id,
    pack,
    session_id,
)


def test_two_names_of_one_machine_have_two_sessions() -> None:
    assert session_id("deploy_42", "epyc6") != session_id("deploy_42", "epyc")
    assert session_id("deploy_42", "epyc6") == session_id("deploy_42", "epyc6")


def test_a_new_id_is_never_one_that_was_given_before() -> None:
    assert len({new_run_id() for _ in range(1000)}) == 1000


def test_an_id_stands_for_the_bytes_of_the_command_and_for_where_programs_are_found() -> None:
    digest = Command(text=b"make").digest(["~/bin"])

    assert Command(text=b"make", summary="other words").digest(["~/bin"]) == digest
    assert Command(text=b"make ").digest(["~/bin"]) != digest
    assert Command(text=b"make").digest([]) != digest
    assert Command(text=b"make", stdin=b"x").digest(["~/bin"]) != digest
    assert Command(text=b"make").digest(["~/bin", "~/sbin"]) != digest


def test_what_a_vm_is_told_of_a_command_is_one_line_of_ascii() -> None:
    command = Command(text=b"a\nb", summary="grün\n")

    line = command.about("epyc6", [])

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert line.isascii()
    assert line.startswith(command.digest([]).encode() + b" {")


def test_any_bytes_fit_into_a_result() -> None:
    data = bytes(range(256))

    assert base64.b64decode(json.loads(json.dumps(pack(data)))) == data
