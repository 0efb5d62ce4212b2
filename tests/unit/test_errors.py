"""Rules of the exceptions."""

import pytest

from dxansible import errors
from dxansible.errors import (
    ContentError,
    DxError,
    EngineError,
    InventoryError,
    IssueError,
    NoMatchError,
    ServiceError,
    SilentHostError,
    UnknownSessionError,
    UsageError,
)
from dxansible.record import Reason


def test_public_names_are_listed() -> None:
    assert errors.__all__ == sorted(errors.__all__)
    assert {DxError, *DxError.__subclasses__()} == {vars(errors)[name] for name in errors.__all__}


def test_the_tree_in_the_module_docstring_names_every_error() -> None:
    assert all(name in str(errors.__doc__) for name in errors.__all__)


@pytest.mark.parametrize("error", [DxError, UsageError, InventoryError, ContentError, EngineError])
def test_text_is_what_happened_and_what_to_do_in_one_line(error: type[DxError]) -> None:
    raised = error("bad\n  file", "mend it")

    assert str(raised) == "bad file; mend it"
    assert (raised.message, raised.remedy) == ("bad\n  file", "mend it")


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (UsageError, 2),
        (InventoryError, 2),
        (NoMatchError, 3),
        (UnknownSessionError, 2),
        (SilentHostError, 3),
        (ContentError, 2),
        (IssueError, 2),
        (ServiceError, 1),
        (EngineError, 1),
    ],
)
def test_only_what_is_not_the_caller_s_fault_is_no_usage_error(
    error: type[DxError], exit_code: int
) -> None:
    assert error.exit_code == exit_code


@pytest.mark.parametrize(
    ("suggestions", "text"),
    [
        (["epyc6"], "epyc7: no such host; did you mean epyc6?"),
        (["epyc6", "epyc8"], "epyc7: no such host; did you mean epyc6 or epyc8?"),
        ([], "epyc7: no such host; see: dx-dispatch --list"),
    ],
)
def test_unmatched_pattern_is_told_with_the_nearest_names(
    suggestions: list[str], text: str
) -> None:
    error = NoMatchError("epyc7", suggestions)

    assert str(error) == text
    assert (error.pattern, error.suggestions) == ("epyc7", tuple(suggestions))


@pytest.mark.parametrize(
    ("near", "silent", "text"),
    [
        (["ses_2"], "", "no session named ses_1; did you mean ses_2?"),
        (["ses_2", "ses_3"], "", "no session named ses_1; did you mean ses_2 or ses_3?"),
        ([], "", "no session named ses_1; see: dx-dispatch --sessions"),
        (
            [],
            "epyc6, wsl",
            (
                "no session named ses_1 on the VMs that answered (epyc6, wsl could not be "
                "asked); see: dx-dispatch --sessions"
            ),
        ),
    ],
)
def test_unknown_session_is_told_with_the_nearest_ids_and_the_vms_that_are_silent(
    near: list[str], silent: str, text: str
) -> None:
    assert str(UnknownSessionError("ses_1", near, silent)) == text


def test_engine_error_carries_the_redacted_end_of_the_output() -> None:
    lines = [*(f"line {number}" for number in range(100)), "token=hunter2"]

    tail = EngineError("ansible broke", "run with -v", "\n".join(lines)).output_tail.splitlines()

    assert tail[0] == "line 81"
    assert tail[-1] == "token=***"


def test_engine_error_redacts_a_key_whose_beginning_is_cut_off() -> None:
    key = "\n".join(
        ["-----BEGIN PRIVATE" + " KEY-----", *["c2VjcmV0"] * 99, "-----END PRIVATE" + " KEY-----"]
    )

    assert EngineError("ansible broke", "run with -v", f"{key}\ndone").output_tail == "***\ndone"


def test_engine_error_without_output_has_no_tail() -> None:
    assert EngineError("ansible broke", "run with -v").output_tail == ""


def test_a_service_s_refusal_has_a_reason() -> None:
    assert ServiceError("a", "b", Reason.JULES_AUTH).reason is Reason.JULES_AUTH
