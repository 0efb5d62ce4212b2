"""Rules of ``--model``, ``--plan`` and ``--attach``, with agents that only tell what they got."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import on_vm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

_AGENTS = """\
---
dx_agent: chooser
dx_agents:
  chooser:
    start:
      - sh
      - -c
      - 'printf "[%s]" "$0" "$@" "$MODE"; cat; [ -z "$DX_ATTACHMENTS" ] || cat "$DX_ATTACHMENTS"/*'
      - "{permissions}"
      - --model={model}
      - --read={attachments}
    permissions: [write, all]
    plan: [read]
    plan_environment: {MODE: plan}
"""


@pytest.fixture(scope="session")
def inventory(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's, with an agent that prints its arguments, its prompt and its files."""
    directory = tmp_path_factory.mktemp("choices") / "inventory"
    shutil.copytree(inventory, directory)
    (directory / "group_vars" / "all.yml").write_text(_AGENTS)
    return directory


def _said(user: Dispatcher, *arguments: str) -> tuple[str, str]:
    answer = user.run(*arguments, "--wait", "--json")
    assert answer.code == 0, (answer.out, answer.err)
    return answer.result["session_id"], answer.result["message"]


def test_a_session_keeps_its_model_and_plans_for_one_turn(user: Dispatcher) -> None:
    model = "a/b:c'$(id)"
    session, first = _said(user, "epyc6", "Look here", "--model", model, "--plan")
    assert first == f"[read][--model={model}][plan]Look here"
    assert _said(user, "--session", session, "do it")[1] == f"[write][all][--model={model}][]do it"
    assert _said(user, "--session", session, "again", "--model", "m")[1] == (
        "[write][all][--model=m][]again"
    )
    assert _said(user, "epyc6", "Plain one")[1] == "[write][all][]Plain one"


def test_files_go_to_the_agent_and_to_nobody_else(
    user: Dispatcher, epyc6: Vm, tmp_path: Path
) -> None:
    contents = {"spec.txt": b"spec\x00\xff\n", "-rf $(id)\n.txt": b"two", "..": b"three"}
    paths = []
    for number, (name, data) in enumerate(contents.items()):
        (tmp_path / str(number)).mkdir()
        path = tmp_path / str(number) / (name if name != ".." else "spec.txt")
        path.write_bytes(data)
        paths += ["--attach", str(path)]
    on_vm(epyc6, "rm -rf project; git init -q project; cd project; git -c user.name=A "
        "-c user.email=a@example.org commit -q --allow-empty -m 1")  # fmt: skip
    session, said = _said(user, "epyc6", "Look here", "--repo", "~/project", *paths)
    place = f"{epyc6.home}/.local/state/dxansible/sessions/{session}.1/attachments"
    named = [f"{place}/{name}" for name in ("3-spec.txt", "rf_id_.txt", "spec.txt")]
    listed = "\n- ".join(["", *named])
    assert said.startswith(f"[write][all][--read={place}][]Look here\n\nAttached files:{listed}\n")
    assert said.endswith("threetwospec\x00\ufffd\n")
    assert on_vm(epyc6, f"stat -c %a {place} {place}/*").split() == ["700", "600", "600", "600"]
    assert user.run("--diff", session).out == b""
    again = _said(user, "--session", session, "and now")[1]
    assert again == "[write][all][]and now"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "two words"], "can't be a model"),
        (["--model", "-x"], "can't be a model"),
        (["--attach", "/no/such"], "/no/such can't be read: No such file or directory"),
        (["--attach", "/dev/zero"], "more than 10 MiB"),
    ],
)
def test_what_no_agent_can_take_is_refused_here(
    user: Dispatcher, options: list[str], words: str
) -> None:
    answer = user.run("epyc6", "Look here", *options)
    assert (answer.code, answer.out) == (2, b"")
    assert words in answer.err.decode()


@pytest.mark.parametrize("option", [["--plan"], ["--model", "m"]])
def test_an_agent_without_a_way_is_not_started(user: Dispatcher, option: list[str]) -> None:
    result = user.run("epyc6", "echo begun", "--agent", "shell", *option, "--wait", "--json").result
    assert (result["outcome"], result["turn"]) == ("PREFLIGHT_FAILED", 1)
    assert f"shell can't be given {option[0]}" in result["error"]
