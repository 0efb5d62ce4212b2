"""Damaged state of one session on a VM reads as lost, and harms no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.sessions.work import await_end, begin, forget_sessions, on_vm, turn_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

HARMLESS = {
    "meta-text": "echo what is this >meta",
    "meta-binary": r"printf '\377\000\001#dx {' >meta",
    "meta-of-another-kind": "echo '#dx [1, 2]' >meta",
    "meta-of-wrong-types": """echo '#dx {"agent": 5, "task": 3, "beads": 4, "repo": 1}' >meta""",
    "meta-too-long": "head -c 200000 /dev/zero | tr '\\0' x >meta",
    "meta-a-directory": "rm meta; mkdir meta",
    "no-meta": "rm meta",
    "of-an-older-version": "rm -f began token meta last",
    "began-text": "echo soon >began",
    "began-huge": "echo 99999999999999999999999999 >began",
    "token-text": "echo '$(touch pwned) *' >token",
    "last-binary": "head -c 4096 /dev/urandom >last",
    "last-a-directory": "rm last; mkdir last",
    "no-output": "rm -f out.* err.*",
    "output-a-directory": "rm -f out.*; mkdir out.0000000000000000",
}
"""What is done to a session that went well, which still is known to have."""

LOST = {
    "end-empty": ": >end",
    "end-text": "echo 'state=running code=; $(touch pwned)' >end",
    "end-binary": "head -c 4096 /dev/urandom >end",
    "end-a-directory": "rm end; mkdir end",
    "no-end": "rm end",
    "no-end-and-supervisor-text": "rm end; echo 1 1 1 >supervisor",
    "no-end-and-supervisor-binary": "rm end; head -c 99 /dev/urandom >supervisor",
}
NOTHING = {
    "empty": "rm -rf ./* ./.[!.]*",
    "only-a-claim": "rm -f end supervisor; echo 1 1 1 >claim",
}
"""Neither well nor lost: what is settled never to run."""


def _name(kind: str) -> str:
    return f"ses_{kind.replace('-', '_')}-54150442"


def _damage(vm: Vm, model: str, kinds: dict[str, str]) -> None:
    lines = [
        f"cp -a {turn_directory(vm, model)} {turn_directory(vm, _name(kind))};"
        f"(cd {turn_directory(vm, _name(kind))} && {script})"
        for kind, script in kinds.items()
    ]
    on_vm(vm, "\n".join(lines))


@pytest.fixture
def model(user: Dispatcher, epyc6: Vm) -> Iterator[str]:
    """A session that went well, and is the only one on its machine."""
    forget_sessions(epyc6)
    session = begin(user, "echo hi")
    await_end(epyc6, session)
    yield session
    forget_sessions(epyc6)


def _listed(user: Dispatcher) -> dict[str, dict[str, Any]]:
    answer = user.run("--sessions", "epyc6", "--json")
    assert (answer.code, answer.document["errors"]) == (0, {}), answer.out
    return {each["session_id"]: each for each in answer.document["sessions"]}


def test_damaged_sessions_are_lost_or_left_out_and_the_others_work(
    user: Dispatcher, epyc6: Vm, model: str
) -> None:
    _damage(epyc6, model, HARMLESS | LOST | NOTHING)
    sessions = turn_directory(epyc6, model).parent
    on_vm(epyc6, f"cd {sessions}; echo x >stray; echo x >ses_file.1; cp -a {model}.1 {model}.01")
    listed = _listed(user)
    states = {session: each["state"] for session, each in listed.items()}
    expected = {_name(kind): "succeeded" for kind in HARMLESS}
    expected |= {_name(kind): "lost" for kind in LOST}
    expected |= {_name(kind): "failed" for kind in NOTHING}
    assert states == expected | {model: "succeeded"}
    assert listed[model]["turns"] == 1
    further = user.run("--session", model, "echo again", "--wait", "--json").result
    assert (further["outcome"], further["turn"]) == ("SUCCESS", 2)
    assert user.run("epyc6", "echo new", "--wait").out == b"new\n"
    assert not (epyc6.home / "pwned").exists()
    assert not (sessions / "pwned").exists()


def test_a_session_without_a_name_of_its_agent_can_be_followed(
    user: Dispatcher, epyc6: Vm, model: str
) -> None:
    _damage(epyc6, model, HARMLESS)
    for kind in ("meta-of-wrong-types", "of-an-older-version"):
        logs = user.run("--logs", _name(kind), "--raw")
        assert (logs.code, logs.out) == (0, b"hi\n"), logs.err


def test_a_lost_session_can_be_looked_at_and_taken_up_again(
    user: Dispatcher, epyc6: Vm, model: str
) -> None:
    _damage(epyc6, model, LOST)
    session = _name("end-binary")
    status = user.run("--status", session, "--json").document
    assert (status["session"]["state"], status["last_turn"]["reason"]) == ("lost", "lost")
    further = user.run("--session", session, "echo on", "--wait", "--json").result
    assert (further["outcome"], further["turn"], further["message"]) == ("SUCCESS", 2, "on\n")
    aborted = user.run("--abort", _name("end-empty"), "--json")
    assert (aborted.code, aborted.result["stop_verified"]) == (0, True)


def test_a_limit_that_is_no_number_harms_no_listing(
    user: Dispatcher, epyc6: Vm, model: str
) -> None:
    meta = '#dx {"agent": "shell", "timeout": "soon", "idle": [1]}'
    _damage(epyc6, model, {"limits": f"echo '{meta}' >meta"})
    assert _listed(user)[model]["state"] == "succeeded"
    logs = user.run("--logs", _name("limits"), "--raw")
    assert (logs.code, logs.out) == (0, b"hi\n"), logs.err
