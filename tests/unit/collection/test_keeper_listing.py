"""Rules of reading what the keeper says of everything on its VM."""

from __future__ import annotations

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import (
    Cleaned,
    Entry,
    Listing,
    Ping,
    read_cleaned,
    read_listing,
    read_ping,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    Answer,
    CutShortError,
    KeeperError,
    read_answer,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import StateWarning

KNOWN = "T1"
LINE = (
    b"ses.1 state=exited code=0 verified=yes left=2 out_total=9 err_total=8"
    b" began=5 at=7 idle=- token=T1 meta=#dx {} meta=1 last=2\n"
)
LISTING = b"\ndx-1 state=ok load=0.42 now=99\n" + LINE + b"r state=running idle=3\n"


def answer(out: bytes) -> Answer:
    return read_answer("dx-1", 0, b"Welcome!\n" + out, b"")


def test_a_listing_has_every_field_and_the_bytes_of_each() -> None:
    ends = b"ses.1 last=12\nr last=1\ndx-1 last\ndx-1 last\n\xff\0\n\ndx-1 end\nBye\n"

    assert read_listing(answer(LISTING + ends)) == Listing(
        now=99,
        load=0.42,
        sessions=[
            Entry(
                name="ses.1",
                state="exited",
                code=0,
                verified=True,
                left=2,
                out_total=9,
                err_total=8,
                began=5,
                at=7,
                token=KNOWN,
                meta="#dx {} meta=1 last=2",
                last=b"dx-1 last\n\xff\0",
            ),
            Entry(name="r", state="running", idle=3, last=b"\n"),
        ],
    )


def test_a_listing_of_nothing_is_whole() -> None:
    read = read_listing(answer(b"\ndx-1 state=ok load=- now=-\ndx-1 last\n\ndx-1 end\n"))

    assert read == Listing(now=None, load=None, sessions=[])


def test_what_a_line_does_not_say_is_not_known() -> None:
    garbage = b"a code=x at=\xff began=1e3\nb\n\n\xff state=\xff\n"
    with pytest.warns(StateWarning):
        read = read_listing(answer(b"\ndx-1 state=ok\n" + garbage + b"dx-1 last\n\ndx-1 end\n"))

    assert [entry.state for entry in read.sessions] == ["-", "\ufffd"]
    assert read.sessions[0] == Entry(name="a", state="-")


@pytest.mark.parametrize(
    "ends",
    [
        b"",
        b"dx-1 last\n",
        b"ses.1 last=3\ndx-1 last\nab\ndx-1 end\n",
        b"ses.1 last=1\ndx-1 last\nab\ndx-1 end\n",
        b"ses.1 last=x\ndx-1 last\nab\ndx-1 end\n",
        b"other last=2\ndx-1 last\nab\ndx-1 end\n",
    ],
)
def test_a_listing_whose_bytes_are_not_what_it_says_was_cut_short(ends: bytes) -> None:
    with pytest.raises(CutShortError, match="the VM's answer was cut short"):
        read_listing(answer(LISTING + ends))


def test_a_clean_says_what_went_and_why_the_rest_did_not() -> None:
    lines = b"removed ses_1-a\nkept ses_2-b its worktree has changes\nremoved c\nnoise\n"

    assert read_cleaned(answer(b"\ndx-1 state=ok\n" + lines + b"dx-1 end\n")) == Cleaned(
        removed=["ses_1-a", "c"], kept={"ses_2-b": "its worktree has changes"}
    )
    assert read_cleaned(answer(b"\ndx-1 state=ok\ndx-1 end\n")) == Cleaned(removed=[], kept={})


def test_a_ping_tells_of_the_machine_and_of_a_program() -> None:
    whole = b"\ndx-1 state=ok load=1.5 running=3 found=yes took=7 message=Tool 1.2 \ndx-1 end\n"
    coarse = b"\ndx-1 state=ok load=- running=0 found=yes took=- message=\ndx-1 end\n"
    bare = b"\ndx-1 state=ok load=- running=0\ndx-1 end\n"
    missing = b"\ndx-1 state=ok load=9 running=0 found=no\ndx-1 end\n"

    assert read_ping(answer(whole)) == Ping(
        load=1.5, running=3, found=True, version="Tool 1.2", spent_ms=70
    )
    assert read_ping(answer(coarse)) == Ping(
        load=None, running=0, found=True, version=None, spent_ms=None
    )
    assert read_ping(answer(bare)) == Ping(load=None, running=0, found=None, version=None)
    assert read_ping(answer(missing)) == Ping(load=9.0, running=0, found=False, version=None)


@pytest.mark.parametrize("read", [read_cleaned, read_ping])
def test_an_answer_without_an_end_was_cut_short(read: object) -> None:
    assert callable(read)
    with pytest.raises(CutShortError, match="the VM's answer was cut short"):
        read(answer(b"\ndx-1 state=ok\nremoved a\ndx-1 en"))


def test_an_error_is_told_in_the_keeper_s_own_words() -> None:
    with pytest.raises(KeeperError, match=r"^bad number$"):
        answer(b"\ndx-1 state=error message=bad number\ndx-1 end\n")


def test_the_turns_of_a_session_are_in_order_and_what_is_none_is_left_out() -> None:
    ses = "ses_1-0a1b2c3d"
    names = [
        f"{ses}.10", f"{ses}.9", "other.1", f"{ses}.1", "cmd_1-0a1b2c3d", "a.b.1", ".1", "a.",
        "a.0", "a.01", "a.1000000", "a.1x", "a.-1", "",
    ]  # fmt: skip
    sessions = [Entry(name=name, state="exited") for name in names]

    turns = Listing(now=None, load=None, sessions=sessions).turns

    assert {name: [entry.turn for entry in each] for name, each in turns.items()} == {
        ses: [1, 9, 10],
        "other": [1],
    }
    assert [entry.name for entry in turns[ses]] == [f"{ses}.1", f"{ses}.9", f"{ses}.10"]
