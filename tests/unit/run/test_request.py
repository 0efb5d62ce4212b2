"""Rules of a request."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from dxansible.run.request import PlayEnd, PlayRequest

REQUEST = PlayRequest(
    playbook=Path("run-command.yml"),
    inventory=(Path("hosts.yml"),),
    limit="all",
    secret_text=b"hunter2",
    runtime_dir=Path("/tmp"),
)


def test_the_text_of_a_command_stays_out_of_the_repr() -> None:
    assert "hunter2" not in repr(REQUEST)
    assert "hunter2" not in repr(PlayEnd(status="failed", output="hunter2"))


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        REQUEST.limit = "epyc6"  # type: ignore[misc]
