"""Rules of the agents' records: ours, and those that an inventory adds or changes."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.dxansible.fleet.plugins.plugin_utils import agents as module
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agent_record import AgentError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import (
    Agent,
    author,
    choose,
    chosen_id,
    load_agents,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

VALUES = {
    "directory": "/srv/site",
    "session": "dx-1",
    "native_id": "abc",
    "prompt_file": "/run/prompt",
}


def words(arguments: Sequence[str]) -> list[str]:
    """Return a command line without choices, as the VM gets it."""
    return [word.format(**VALUES) for word in arguments]


EXAMPLE: dict[str, Any] = {
    "start": ["aider", "--json", "--message-file", "{prompt_file}"],
    "prompt": "file",
    "events": "json",
    "native_id": "id",
    "text": [{"when": {"type": "say"}, "show": "text", "message": True}],
    "finished": {"type": "end"},
    "failed": [{"when": {"type": "bad"}, "message": ["a", "b.c"]}],
    "needs_input": [{"stderr": "y/n"}, {"when": {"type": "ask"}, "path": "question"}],
    "progress": '"type":"(say|run)"',
}


def changed(**changes: object) -> dict[str, dict[str, Any]]:
    return {"aider": {**EXAMPLE, **changes}}


def test_the_agents_that_need_no_inventory() -> None:
    assert list(load_agents()) == ["opencode", "claude", "codex", "gemini", "shell"]
    assert load_agents({}) == load_agents(None) == load_agents()


@pytest.mark.parametrize("agent", load_agents().values(), ids=lambda agent: agent.name)
def test_every_argument_of_ours_can_be_filled_in(agent: Agent) -> None:
    for arguments in (agent.command(resumed=False), agent.command(resumed=True), agent.version):
        assert not any("{" in word for word in words(arguments))
    assert agent.directory_of[-1:] in {(), ("{native_id}",)}


@pytest.mark.parametrize("agent", load_agents().values(), ids=lambda agent: agent.name)
def test_a_choice_has_a_way_or_is_refused(agent: Agent) -> None:
    for resumed in (False, True):
        plain = agent.command(resumed=resumed)
        if agent.name == "shell":
            for choice in ({"plan": True}, {"model": True}):
                with pytest.raises(AgentError, match="shell can't be given --"):
                    agent.command(resumed=resumed, **choice)
            continue
        chosen = agent.command(resumed=resumed, plan=True, model=True)
        assert "--model={model}" in chosen
        assert not set(agent.permissions) - set(agent.plan) & set(chosen)
        assert set(plain) - set(chosen) <= set(agent.permissions)


def test_how_ours_are_started_and_resumed() -> None:
    ours = load_agents()

    assert words(ours["opencode"].command(resumed=False)) == (
        ["opencode", "run", "--format", "json", "--auto", "--dir", "/srv/site", "--title", "dx-1"]
    )
    assert words(ours["opencode"].command(resumed=True))[-2:] == ["--session", "abc"]
    assert words(ours["claude"].command(resumed=False))[-4:] == (
        ["--permission-mode", "bypassPermissions", "--session-id", "abc"]
    )
    assert words(ours["codex"].command(resumed=True))[-5:] == [
        "-C",
        "/srv/site",
        "resume",
        "abc",
        "-",
    ]
    assert words(ours["gemini"].command(resumed=True))[-3:] == ["--skip-trust", "--resume", "abc"]
    assert words(ours["shell"].command(resumed=False)) == ["sh", "/run/prompt"]
    assert not ours["shell"].resume
    assert [agent.program for agent in ours.values()][:2] == ["opencode", "claude"]
    assert {name for name, agent in ours.items() if not agent.reports_end} == {"shell"}


def test_the_id_of_a_conversation_is_a_uuid_and_always_the_same() -> None:
    assert chosen_id("dx-1") == chosen_id("dx-1") != chosen_id("dx-2")
    assert uuid.UUID(chosen_id("dx-1")).version == 5


def test_a_prompt_that_looks_like_a_command_of_the_agent_is_escaped() -> None:
    ours = load_agents()

    assert ours["claude"].prompt_bytes(b"/help") == b" /help"
    assert ours["claude"].prompt_bytes(b"help /") == b"help /"
    assert ours["opencode"].prompt_bytes(b"/help") == b"/help"


def test_an_inventory_adds_an_agent() -> None:
    agent = load_agents(changed())["aider"]

    assert agent.program == "aider"
    assert agent.failed[0].message == ("a", "b.c")
    assert agent.progress == '"type":"(say|run)"'
    assert [plea.path for plea in agent.needs_input] == [None, "question"]
    assert load_agents({"tiny": {"start": ["tiny"]}})["tiny"].events == "text"


def test_an_inventory_changes_single_keys_of_ours() -> None:
    changes = {
        "start": ["/opt/claude", "{native_id}"],
        "environment": {"A": 1, "DISABLE_AUTOUPDATER": None},
        "resume": None,
    }
    agent = load_agents({"claude": changes})["claude"]

    assert (agent.program, agent.resume) == ("/opt/claude", ())
    assert agent.environment == {"A": "1"}
    assert agent.text == load_agents()["claude"].text
    assert load_agents()["claude"].environment == {"DISABLE_AUTOUPDATER": "1"}


def test_entries_of_a_mapping_are_added_to_ours() -> None:
    changes = {"environment": {"A": "b"}, "exit_codes": {"3": "busy"}}
    agent = load_agents({"gemini": changes})["gemini"]

    assert agent.environment == {"GEMINI_CLI_NO_RELAUNCH": "true", "A": "b"}
    assert {3, 41} <= agent.exit_codes.keys()


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"a b": {}}, "dx_agents: 'a b' is not a valid name"),
        ({"aider": None}, "dx_agents: aider: must be a mapping of keys; see docs/agents.md"),
        ({"aider": {1: 2}}, "dx_agents: aider: must be a mapping of keys"),
        ({"aider": {}}, "dx_agents: aider.start: is missing; write for example"),
        ({"aider": {"strat": ["a"]}}, "aider.strat: there is no such key; did you mean 'start'?"),
        ({"aider": {"zzzzzz": ["a"]}}, "aider.zzzzzz: there is no such key; known: chosen_id, "),
        ({"aider": {"name": "b"}}, "aider.name: there is no such key"),
        ({"aider": {"start": "aider --yes"}}, "aider.start: must be a list of arguments"),
        ({"aider": {"start": []}}, "aider.start: must be a list of arguments"),
        ({"aider": {"start": ["aider", 5]}}, "aider.start: 5 is not an argument; put it in quotes"),
        ({"aider": {"start": ["aider", ""]}}, "aider.start: '' is not an argument"),
        ({"aider": {"start": ["{session}"]}}, "aider.start: the first word is the program"),
        (
            {"aider": {"start": ["a", "{directry}"]}},
            "aider.start: there is no placeholder {directry}; did you mean 'directory'?",
        ),
        ({"aider": {"start": ["a", "{zz}"]}}, "there is no placeholder {zz}; known: attachments, "),
        (changed(prompt="argument"), "aider.prompt: must be stdin or file, not 'argument'"),
        (changed(prompt="stdin"), "aider.start: can't have {prompt_file} without prompt: file"),
        (changed(start=["a"]), "aider.start: needs {prompt_file}, because prompt is file"),
        (changed(resume=["a"]), "aider.resume: needs {prompt_file}, because prompt is file"),
        (changed(chosen_id=True), "aider.chosen_id: contradicts native_id"),
        (changed(chosen_id=1), "aider.chosen_id: must be true or false, not 1"),
        (changed(native_id=None, chosen_id=True), "aider.start: needs {native_id}"),
        (
            changed(start=["a", "{native_id}", "{prompt_file}"]),
            "aider.start: can't have {native_id} without chosen_id: true",
        ),
        (
            changed(native_id=None, resume=["a", "{native_id}", "{prompt_file}"]),
            "aider.resume: has {native_id}, so write native_id or chosen_id",
        ),
        (changed(version=["a", "{session}"]), "aider.version: can't have placeholders"),
        (changed(directory_of=["a", "{directory}"]), "aider.directory_of: can have only"),
        (changed(native_id="a..b"), "aider.native_id: 'a..b' is not a path; write it with dots"),
        (changed(events="xml"), "aider.events: must be text or json, not 'xml'"),
        (changed(events="text"), "aider.native_id: needs events: json"),
        (
            {"aider": {"start": ["a"], "needs_input": EXAMPLE["needs_input"]}},
            "aider.needs_input: can have only stderr",
        ),
        (changed(text=[5]), "aider.text[1]: must be a mapping"),
        (changed(text=[{"show": "a"}]), "aider.text[1].when: must map paths to values"),
        (changed(text=[{"when": {"a": 1}}]), "aider.text[1].show: is missing"),
        (changed(text=[{"when": {"a": 1}, "show": 5}]), "aider.text[1].show: 5 is not a path"),
        (
            changed(text=[{"when": {"a": 1}, "show": "b", "prefix": 5}]),
            "aider.text[1].prefix: must be text, not 5",
        ),
        (
            changed(text=[{"when": {"a": 1}, "show": "b", "mesage": True}]),
            "aider.text[1].mesage: there is no such key; did you mean 'message'?",
        ),
        (
            changed(text=[{"when": {"a": 1}, "show": "b", "before": "$ "}]),
            "aider.text[1].before: there is no such key; known: joined, message, prefix, quiet",
        ),
        (changed(finished={}), "aider.finished: must map paths to values"),
        (changed(finished={"a": {}}), "aider.finished: a needs a text, a number, true, false"),
        (changed(finished={"a": []}), "aider.finished: a needs a text"),
        (changed(failed=[{}]), "aider.failed[1].when: write either when or stderr"),
        (
            changed(failed=[{"stderr": "a", "message": "b"}]),
            "aider.failed[1].message: does nothing with stderr",
        ),
        (
            changed(needs_input=[{"stderr": "a", "until": {"b": 1}}]),
            "aider.needs_input[1].until: does nothing with stderr",
        ),
        (changed(needs_input=[{}]), "aider.needs_input[1].when: write either when"),
        (changed(needs_input=[{"stderr": "("}]), "aider.needs_input[1].stderr: is not a regular"),
        (
            changed(needs_input=[{"stderr": "a", "path": "b"}]),
            "aider.needs_input[1].path: does nothing with stderr",
        ),
        (changed(progress="("), "aider.progress: is not a regular expression"),
        (changed(progress="a\nb"), "aider.progress: must be a regular expression in one line"),
        (changed(environment=["A=b"]), "aider.environment: must be a mapping"),
        (changed(environment={"A": True}), "aider.environment: A must be text; put it in quotes"),
        (changed(environment={"A": "\0"}), "aider.environment: A must be text"),
        (changed(environment={"A-B": "c"}), "aider.environment: 'A-B' is not a variable name"),
        (changed(exit_codes={"x": "y"}), "aider.exit_codes: 'x' is not an exit code"),
        (changed(exit_codes={True: "y"}), "aider.exit_codes: True is not an exit code"),
        (changed(exit_codes={300: "y"}), "aider.exit_codes: 300 is not an exit code"),
        (changed(exit_codes={3: 4}), "aider.exit_codes: 3 must be a text"),
    ],
)
def test_a_wrong_record_is_refused_with_what_to_write(
    overrides: dict[str, Any], complaint: str
) -> None:
    agents = load_agents(overrides)
    (wrong,) = overrides

    with pytest.raises(AgentError) as caught:
        choose(agents, wrong)

    assert complaint in str(caught.value)
    assert complaint in author(agents, wrong).fault
    assert choose(agents, "codex") == choose(load_agents(), "codex")
    assert list(agents) == list(dict.fromkeys([*load_agents(), wrong]))


def test_an_author_that_is_unknown_counts_as_a_shell() -> None:
    for name in ("gone", None, 5):
        assert author(load_agents(changed(start=5)), name) == load_agents()["shell"]


def test_an_unknown_agent_is_refused_with_the_nearest_one() -> None:
    agents = load_agents()

    assert choose(agents, "claude").name == "claude"
    with pytest.raises(AgentError, match=r"no agent 'opncode'; did you mean 'opencode'\?; known:"):
        choose(agents, "opncode")
    with pytest.raises(AgentError, match="no agent None"):
        choose(agents, None)


def test_every_key_is_in_the_document() -> None:
    text = (Path(__file__).parents[3] / "docs" / "agents.md").read_text()

    keys = [
        *Agent.__dataclass_fields__.keys() - {"name", "fault"},
        *module.Rule.__dataclass_fields__,
        *module.NeedsInputRule.__dataclass_fields__,
    ]
    assert [key for key in keys if f"`{key}`" not in text] == []
    for agent in load_agents():
        assert f"`{agent}`" in text


def test_the_example_in_the_document_is_a_record() -> None:
    text = (Path(__file__).parents[3] / "docs" / "agents.md").read_text()
    blocks = [block.partition("```")[0] for block in text.split("```yaml\n")[1:]]
    examples = [yaml.safe_load(block) for block in blocks if "dx_agents:" in block]

    assert examples
    for example in examples:
        agents = load_agents(example["dx_agents"])
        assert choose(agents, example["dx_agent"]).name == example["dx_agent"]


def test_values_of_an_inventory_are_tagged_by_ansible() -> None:
    tagging = pytest.importorskip("ansible.module_utils._internal._datatag._tags")
    tag = tagging.Deprecated(msg="for this test")

    def tagged(value: Any) -> Any:  # noqa: ANN401 - anything out of YAML
        if isinstance(value, dict):
            return {tagged(key): tagged(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [tagged(inner) for inner in value]
        return tag.tag(value) if isinstance(value, str | int) and value is not True else value

    assert load_agents(tagged(changed())) == load_agents(changed())
