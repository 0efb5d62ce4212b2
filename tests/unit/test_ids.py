"""Rules of the ids."""

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import session

from dxansible.errors import UsageError
from dxansible.ids import (
    check_run_id,
    is_agent_session,
    is_command,
    is_jules,
    is_on,
    new_run_id,
    run_of,
)


def test_a_new_id_is_never_one_that_was_given_before() -> None:
    assert len({new_run_id() for _ in range(1000)}) == 1000


def test_a_new_id_is_one_that_a_user_could_give() -> None:
    new = new_run_id()

    assert check_run_id(new) == new


@pytest.mark.parametrize("run_id", ["a", "deploy_42", "x" * 64])
def test_letters_digits_and_underscores_make_an_id(run_id: str) -> None:
    assert check_run_id(run_id) == run_id


@pytest.mark.parametrize(
    "run_id", ["", "x" * 65, "../etc", "a b", "a-b", "a\n", "ä", "a/b", ".", "$(id)"]
)
def test_what_cannot_be_part_of_every_file_name_is_no_id(run_id: str) -> None:
    with pytest.raises(UsageError, match="can't be an id; use up to 64 letters"):
        check_run_id(run_id)


def test_a_session_belongs_to_its_run_and_its_host_only() -> None:
    session_id = session.session_id("deploy_42", "epyc6")

    assert run_of(session_id) == "deploy_42"
    assert is_on(session_id, "epyc6")
    assert not is_on(session_id, "macmini")


@pytest.mark.parametrize(
    "session_id", ["", "deploy_42", "deploy_42-", "deploy_42-xyz", "a-0123456", "a b-01234567"]
)
def test_what_was_never_printed_is_no_session_id(session_id: str) -> None:
    with pytest.raises(UsageError, match="is not a session id; give one as dx-dispatch printed"):
        run_of(session_id)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("1" * 14, False), ("1" * 15, True), ("0" * 20, True), ("1" * 31, False), ("x" * 20, False)],
)
def test_a_long_decimal_number_is_a_session_of_jules(name: str, *, expected: bool) -> None:
    assert is_jules(name) is expected


COMMAND, OURS = "cmd_0123456789abcdef-01234567", "ses_0123456789abcdef-01234567"
UUID = "0123abcd-0123-4567-89ab-0123456789ab"


@pytest.mark.parametrize(
    ("name", "command", "agent"),
    [
        (COMMAND, True, False),
        ("deploy_42-0a1b2c3d", True, False),
        (OURS, False, True),
        ("ses_4f1aBcD-x", False, True),
        ("ses_" + "x" * 100, False, True),
        (UUID, False, True),
        (UUID.upper(), False, False),
        ("ses_", False, False),
        ("ses_" + "x" * 101, False, False),
        ("ses_a.1", False, False),
        ("ses_../x", False, False),
        (OURS + "\n", False, False),
        (COMMAND + "\n", False, False),
        ("epyc6", False, False),
        ("", False, False),
    ],
)
def test_an_id_is_a_command_s_or_an_agent_session_s_but_never_both(
    name: str, *, command: bool, agent: bool
) -> None:
    assert (is_command(name), is_agent_session(name)) == (command, agent)


def test_a_new_session_of_an_agent_is_known_for_one() -> None:
    assert is_agent_session(session.session_id(new_run_id("ses"), "epyc6"))
    assert is_command(session.session_id(new_run_id(), "epyc6"))
