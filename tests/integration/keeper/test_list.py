"""One call tells of every session what there is to know, whatever state its files are in."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import (
    Entry,
    Listing,
    read_listing,
)

from tests.integration.keeper.trees import Tree
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from tests.integration.keeper.crowd import Crowd
    from tests.integration.keeper.machine import Machine

META = '#dx {"task":"a b=c"}'
KNOWN = "T1"
FILES = ("end", "began", "token", "meta", "last", "out.eof", "out.000000000000000000")


def _list(machine: Machine, **options: object) -> Listing:
    return read_listing(machine.answer("list", **options))


def _entries(machine: Machine, **options: object) -> dict[str, Entry]:
    sessions = _list(machine, **options).sessions
    return {entry.name.removeprefix(machine.prefix): entry for entry in sessions}


def _turn(machine: Machine, name: str, command: str) -> None:
    machine.run(name, f"{META}\n{command}", meta="yes", token=KNOWN)


def test_a_finished_turn_is_listed_with_its_last_words(machine: Machine) -> None:
    _turn(machine, "s.1", "printf '\\n\\000\\377 dx-mark end\\ndx-mark last\\n'")
    _turn(machine, "s.2", "echo failed; exit 1")
    _turn(machine, "s.3", ":")
    listing = _list(machine)
    assert listing.now is not None
    assert listing.load is not None
    assert abs(listing.now - time.time()) < 60
    first, second, third = _entries(machine).values()
    assert (first.state, first.code, first.left, first.verified) == ("exited", 0, 0, None)
    assert (first.out_total, first.err_total, first.token, first.meta) == (29, 0, KNOWN, META)
    assert first.last == b"\n\0\xff dx-mark end\ndx-mark last\n"
    assert first.began is not None
    assert first.at is not None
    assert first.began <= first.at <= listing.now
    assert (second.code, second.last, second.meta, third.last) == (1, b"failed\n", META, b"")


def test_it_waits_for_a_change_and_silence_is_none(any_machine: Machine) -> None:
    any_machine.start("s.1", "until [ -e go ]; do sleep 0.1; done; echo x; exec sleep 1000", wait=1)
    first = _list(any_machine, wait=60, stamp="")
    assert (len(first.sessions), first.stamp is None) == (1, False)

    same = _list(any_machine, wait=2, stamp=first.stamp)
    assert (same.stamp, same.sessions, same.load is None) == (first.stamp, [], False)

    call = any_machine.call("list", "", wait=600, stamp=first.stamp)
    (any_machine.home / "go").touch()
    output = read_listing(call.answer())
    assert output.stamp not in {None, first.stamp}
    assert output.sessions[0].out_total == 2

    call = any_machine.call("list", "", wait=600, stamp=output.stamp)
    any_machine.abort("s.1")
    assert read_listing(call.answer()).sessions[0].state == "aborted"
    assert _list(any_machine).stamp is None


def test_what_a_running_turn_has_said_is_listed_if_that_is_asked_for(any_machine: Machine) -> None:
    said = "printf 'one\\ntwo \\303\\251 meta=x\\ndx-mark last'"
    any_machine.start("s.1", f"{META}\n{said}; exec sleep 1000", meta="yes", wait=3)
    any_machine.start("s.2", f"{META}\nseq 2000; exec sleep 1000", meta="yes", wait=3)
    any_machine.start("s.3", f"{META}\nexec sleep 1000", meta="yes")
    any_machine.start("s.4", "echo no turn; exec sleep 1000", wait=3)
    _turn(any_machine, "s.5", "echo ended")
    wait_until(lambda: _entries(any_machine)["s.2"].out_total == 8893)

    found = {name: each.said for name, each in _entries(any_machine, words="yes").items()}
    assert found["s.1"] == "one\ntwo \u00e9 meta=x\ndx-mark last".encode()
    assert len(found["s.2"]) == 2048
    assert found["s.2"].endswith(b"\n1999\n2000\n")
    assert {found[name] for name in ("s.3", "s.4", "s.5")} == {b""}
    assert {each.said for each in _entries(any_machine).values()} == {b""}
    assert _entries(any_machine, words="yes")["s.5"].last == b"ended\n"


def test_a_running_turn_is_listed_with_the_time_since_its_last_byte(any_machine: Machine) -> None:
    Tree("").start(any_machine, "s.1")
    any_machine.start("s.2", "while :; do echo hi; sleep 0.1; done", wait=3)
    time.sleep(2.1)
    entries = _entries(any_machine)
    quiet, busy = entries["s.1"], entries["s.2"]
    assert (quiet.state, quiet.out_total, quiet.at, quiet.last) == ("running", 3, None, b"")
    assert quiet.idle is not None
    assert busy.idle is not None
    assert quiet.idle >= 2 > busy.idle
    assert quiet.meta is None


def test_a_prefix_selects_a_session_and_its_turns(dash: Machine) -> None:
    for name in ("s", "s.1", "s.2.x", "s2.1", "t"):
        dash.abort(name)
    assert set(_entries(dash, id="s")) == {"s", "s.1", "s.2.x"}
    assert set(_entries(dash, id="s.1")) == {"s.1"}
    assert set(_entries(dash, id="u")) == set()
    assert len(_entries(dash)) == 5


def test_no_more_last_words_than_were_asked_for(dash: Machine) -> None:
    for number in range(3):
        _turn(dash, f"s.{number}", "printf 12345")
    assert [entry.last for entry in _entries(dash, chunk=12).values()] == [b"12345"] * 2 + [b""]
    assert not any(entry.last for entry in _entries(dash, chunk=0).values())


def test_damage_to_one_session_harms_no_other(machine: Machine) -> None:
    _turn(machine, "good.1", "echo fine")
    _turn(machine, "good.9", "echo fine")
    before = _entries(machine)
    good = machine.session("good.1")
    for number, file in enumerate(FILES):
        for kind in ("garbage", "gone", "directory", "long"):
            bad = shutil.copytree(good, good.with_name(f"{machine.prefix}good.{kind}{number}"))
            (bad / file).unlink()
            if kind == "garbage":
                (bad / file).write_bytes(bytes(range(256)) * 9)
            elif kind == "directory":
                (bad / file).mkdir()
            elif kind == "long":
                (bad / file).write_text("state=exited code=0 x=\x01 meta=x last\n" * 999)
    shutil.copytree(good, good.with_name(f"{machine.prefix}good.bad name\n"))
    after = _entries(machine)
    assert len(after) == 2 + 4 * len(FILES)
    assert {name: after[name] for name in before} == before


def test_a_session_of_an_older_keeper_is_listed(dash: Machine) -> None:
    dash.run("s", "echo hi")
    session = dash.session("s")
    (session / "began").unlink()
    record = (session / "end").read_text()
    (session / "end").write_text(record.rpartition(" at=")[0] + "\n")
    (entry,) = _entries(dash).values()
    assert (entry.state, entry.code, entry.out_total) == ("exited", 0, 3)
    assert (entry.began, entry.at, entry.token, entry.meta) == (None, None, None, None)
    assert dash.poll("s").out == b"hi\n"


def test_hundreds_of_sessions_are_listed_at_once(machine: Machine, crowd: Crowd) -> None:
    _turn(machine, "s.0", "echo fine")
    template = machine.session("s.0")
    for number in range(1, 500):
        shutil.copytree(template, template.with_name(f"{machine.prefix}s.{number}"))
    began = time.monotonic()
    entries = _entries(machine)
    took = time.monotonic() - began
    assert [entry.last for entry in entries.values()] == [b"fine\n"] * 500
    assert took < crowd.stretched(2)
