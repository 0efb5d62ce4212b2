"""Rules of reading a keeper's reply out of what a login shell printed."""

from __future__ import annotations

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    CutShortError,
    KeeperError,
    NoAnswerError,
    ProgramMissingError,
    Reply,
    UnknownStateError,
    read_answer,
    read_reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED, StateWarning

KNOWN = "T1"
ALL = (
    "state=exited code=3 verified=no left=2 attached=no token=T1 full=yes "
    "out_from=5 out_upto=8 out_total=8 err_from=0 err_upto=1 err_total=1"
)


def text(fields: str, body: bytes = b"", mark: str = "dx-1") -> bytes:
    return f"\n{mark} {fields}\n".encode() + body + f"\n{mark} end\n".encode()


def read(out: bytes, code: int = 0, err: bytes = b"") -> Reply:
    return read_reply(read_answer("dx-1", code, out, err))


def test_a_reply_has_every_field_and_the_bytes_of_both_streams() -> None:
    assert read(text(ALL, b"a\xff\0e")) == Reply(
        state="exited",
        code=3,
        verified=False,
        left=2,
        token=KNOWN,
        attached=False,
        full=True,
        out=b"a\xff\0",
        err=b"e",
        out_from=5,
        out_total=8,
        err_total=1,
    )


def test_what_a_field_does_not_say_is_not_known() -> None:
    assert read(text("state=running code=- verified=- attached=yes token=- full=no")) == Reply(
        state="running"
    )


def test_a_stop_that_was_verified_says_so() -> None:
    assert read(text("state=aborted verified=yes")).verified is True


@pytest.mark.parametrize("fields", ["code=0", "state=- code=0", "state=melted", "state=ok"])
def test_a_state_that_no_table_has_is_no_answer(fields: str) -> None:
    with pytest.warns(StateWarning), pytest.raises(UnknownStateError, match="does not know"):
        read(text(fields))


def test_what_the_login_shell_prints_around_a_reply_does_not_matter() -> None:
    noisy = b"Welcome!\ndx-0 state=exited code=0\n" + text(ALL, b"a\xff\0e") + b"Bye\n"

    assert read(noisy) == read(text(ALL, b"a\xff\0e"))


def test_output_that_looks_like_a_reply_is_only_output() -> None:
    body = b"\ndx-1 end\n\ndx-1 state=exited\n"
    fields = f"state=running out_from=0 out_upto={len(body)} out_total={len(body)}"

    assert read(text(fields, body)).out == body


def test_the_end_of_an_ended_stream_is_where_it_stood_then() -> None:
    fields = "state=exited code=0 out_from=0 out_upto=2 out_total=9 out_end=2 err_end=-"

    assert read(text(fields, b"ab")).out_total == 2


def test_the_short_reply_of_a_shell_without_a_script_is_whole() -> None:
    assert read(b"\ndx-1 state=unknown\ndx-1 end\n").state == "unknown"


@pytest.mark.parametrize(
    "out",
    [
        b"\ndx-1 " + ALL.encode() + b"\n",
        text(ALL, b"a\xff\0e")[:-3],
        text(ALL, b"a\xff\0"),
        b"\ndx-1 " + ALL.encode() + b"\na\xff\0e",
        b"\ndx-1",
        b"Welcome\n\ndx-",
    ],
)
def test_a_reply_that_does_not_end_was_cut_short(out: bytes) -> None:
    with pytest.raises(CutShortError, match="the VM's answer was cut short"):
        read(out)


@pytest.mark.parametrize(
    ("out", "err", "complaint"),
    [
        (b"", b"sh: cannot create: Read-only file system\n", "sh: cannot create: Read-only"),
        (b"This account is not available.\n", b"", "This account is not available."),
        (b"out", b"first\nlast \n\n", "last"),
        (b"", b" \n", "the VM's shell ended with exit code 7 and no output"),
        (b"\ndx-1 state=exi", b"", "the VM's answer was cut short"),
        (b"\ndx-2 state=exited\n", b"", "dx-2 state=exited"),
        (b"", b"x" * 1000, "x" * 300),
    ],
)
def test_without_a_reply_the_error_is_what_the_shell_complained_about(
    out: bytes, err: bytes, complaint: str
) -> None:
    with pytest.raises(KeeperError, match=f"^{complaint.replace('.', '[.]')}"):
        read(out, 7, err)


@pytest.mark.parametrize(
    ("out", "code", "refused"),
    [
        (b"This account is not available.\n", 1, True),
        (b"", 127, True),
        (b"\ndx-1\n", 2, False),
        (b"Welcome\n\ndx-1\n", 1, False),
        (b"", 0, False),
        (b"", 137, False),
    ],
    ids=["nologin", "no shell", "announced", "announced below words", "output is lost", "killed"],
)
def test_a_shell_refuses_if_it_ends_by_itself_before_a_start_can_begin(
    out: bytes, code: int, *, refused: bool
) -> None:
    with pytest.raises(NoAnswerError) as error:
        read(out, code, b"sh: words\n")
    assert (str(error.value), error.value.refused) == ("sh: words", refused)


def test_a_start_that_is_announced_is_answered_as_ever() -> None:
    announced = b"words\n\ndx-1\n" + text("state=running code=- attached=no token=T1")

    assert read(announced) == read(text("state=running code=- attached=no token=T1"))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("state=error message=no space left, a=b", "no space left, a=b"),
        ("state=error", "the VM can't run this"),
    ],
)
def test_an_error_of_the_keeper_is_told_in_its_own_words(fields: str, complaint: str) -> None:
    with pytest.raises(KeeperError, match=f"^{complaint}$"):
        read(text(fields))


def test_a_program_that_is_missing_is_told_with_the_places_where_it_was_sought() -> None:
    with pytest.raises(ProgramMissingError) as error:
        read(text("state=missing message=/a b:/c"))
    assert error.value.path == "/a b:/c"


@pytest.mark.parametrize("state", [*sorted(ENDED), "running", "starting"])
@pytest.mark.parametrize(
    ("out", "err", "last"),
    [(b"abc", b"e", True), (b"ab", b"e", False), (b"abc", b"", False), (b"", b"", False)],
)
def test_a_reply_is_complete_when_the_session_has_ended_and_no_byte_is_missing(
    state: str, out: bytes, err: bytes, *, last: bool
) -> None:
    reply = Reply(state=state, out=out, err=err, out_from=5, out_total=8, err_total=1)

    assert reply.complete == (last and state in ENDED)
