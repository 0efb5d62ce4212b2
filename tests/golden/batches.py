"""All batches. Names are stable: records are found by them."""

from __future__ import annotations

from itertools import chain
from typing import Any

from tests.golden.batch import Batch, Call, Scenario, faulty, product
from tests.golden.endings import DEADLINE, LARGE, QUICK, TURNS, WAITING
from tests.golden.faults import AFTER, BEFORE, GARBLED, KINDS

__all__ = ["BATCHES"]

_FEW = ("ok", "exit7", "kill", "bytes")
_ROWS = (
    "refused_lostafter", "lostafter_refused", "lostafter_denied", "lostbefore_hostkey",
    "refused_denied", "refused_unresolvable",
)  # fmt: skip
"""Several failures of one scenario, one after the other."""
_CONTACTS = ("none", *KINDS)
_SOME = (
    "none", "refused", "timeout", "denied", "hostkey", "unresolvable", "lostbefore", "lostafter",
    "killedafter", "cut", "silent", "banner", "exit255", "refused_x2",
)  # fmt: skip
_POLLS = (
    "refused", "timeout", "denied", "hostkey", "unresolvable", "lostbefore", "lostafter", "killed",
    "killedafter", "killedwhole", "cut", "silent", "exit255", "banner", "refused_x2",
    "lostbefore_x2", "lostafter_x2", "lostbefore_fine_lostbefore", "refused_x4",
    "lostbefore_denied", "refused_fine_refused_fine_refused",
)  # fmt: skip
_NO_DELAY = {"retry_delay_sec": 0.0}
_LOST = Call(kind="run", fault="lostafter", options={"max_retries": 0, **_NO_DELAY})
"""The VM has the command, it runs, and nobody follows it."""
_ONCE = Call(kind="run", options=_NO_DELAY)


def _run(name: str, scenarios: tuple[Scenario, ...], *, sample: int = 0, **options: Any) -> Batch:  # noqa: ANN401 - options of a fan-out
    call = Call(kind="run", options=_NO_DELAY | options)
    return Batch(name=name, scenarios=scenarios, calls=(call,), sample=sample)


def _starts() -> list[Batch]:
    return [_run("start-retries1", faulty(_FEW, _CONTACTS), max_retries=1, sample=8)]


def _endings() -> list[Batch]:
    every = product(QUICK, ("none",))
    some = product(("ok", "lines", "longline", "both", "bytes", "waitlarge"), ("none", "cut"))
    return [
        _run("endings", every, sample=12),
        _run("endings-unchecked", every[::2], preflight=False, timeout_sec=30.0, max_retries=0),
        _run("endings-crowded", every[1::2], forks=3),
        _run("endings-forks200", every[::3], forks=200),
        _run("endings-read", product(("stdin", "ok", "exit7"), ("none", "lostafter", "losthalf")),
             stdin=b"one\n\0two\xff" * 500),
        _run("endings-limit", some, output_limit=1000),
        _run("endings-large", product(LARGE, ("none", "lostafter")), output_limit=4 * 2**20),
        _run("endings-cut", product(LARGE, ("none", "lostafter")), output_limit=2**16),
    ]  # fmt: skip


def _polls() -> list[Batch]:
    call = Call(kind="run", options=_NO_DELAY | {"max_retries": 1})
    scenarios = faulty(WAITING, _POLLS)
    return [Batch(name="poll-retries1", scenarios=scenarios, calls=(call,), verb="poll", sample=2)]


def _deadlines() -> list[Batch]:
    faults = ("none", "lostafter", "refused", "banner")
    call = Call(kind="run", options={**_NO_DELAY, "timeout_sec": 1.0})
    return [
        _run("deadline", product(DEADLINE, faults), timeout_sec=1.0, sample=3),
        Batch(
            name="deadline-again", scenarios=product(DEADLINE, ("none", "cut")), calls=(call, call)
        ),
    ]


def _ids() -> list[Batch]:
    other = Call(kind="run", command=". ~/ending; true", options=_NO_DELAY)
    ended = faulty(("ok", "exit7", "lines"), _SOME)
    return [
        Batch(name="attach", scenarios=ended, calls=(_ONCE, _ONCE), sample=6),
        Batch(
            name="attach-running", scenarios=faulty(WAITING[:2], _SOME), calls=(_LOST, _ONCE)
        ),
        Batch(name="conflict", scenarios=faulty(("ok", "exit7"), _SOME), calls=(_ONCE, other)),
        Batch(
            name="conflict-running", scenarios=product(("wait",), _SOME), calls=(_LOST, other)
        ),
        Batch(
            name="expired",
            scenarios=product(("ok", "both", "silent", "exit7", "lines"), ("none",)),
            calls=(_ONCE, Call(kind="expire"), _ONCE),
        ),
        Batch(
            name="lost", scenarios=product(("wait",), _SOME), go=False,
            calls=(_LOST, Call(kind="kill"), _ONCE),
        ),
    ]  # fmt: skip


def _mappings() -> list[Batch]:
    found: dict[str, dict[str, Any]] = {
        "nouser": {"ansible_user": None},
        "emptyuser": {"ansible_user": ""},
        "unknownmode": {"dx_auth_mode": "telepathy"},
        "localelsewhere": {"ansible_connection": "local", "dx_auth_mode": "local"},
        "localmode": {"dx_auth_mode": "local"},
        "otheruser": {"ansible_connection": "local", "ansible_user": "nobody-of-us"},
        "undefined": {"ansible_user": "{{ no_such_variable }}"},
        "template": {"ansible_user": "{{ 'gol' ~ 'den' }}"},
        "undefinedmode": {"dx_auth_mode": "{{ no_such_variable }}"},
        "noplugin": {"ansible_connection": "no_such_plugin"},
        "badport": {"ansible_port": "twentytwo"},
        "aliases": {"dx_aliases": ["one", "two"], "dx_capabilities": ["gpu"]},
        "path": {"dx_path": ["~/bin", "/opt/none"]},
        "good": {},
    }
    scenarios = tuple(Scenario(name=name, variables=each) for name, each in found.items())
    calls = {
        "run": Call(kind="run", options=_NO_DELAY),
        "unchecked": Call(kind="run", options={**_NO_DELAY, "preflight": False}),
        "check": Call(kind="check"),
        "turn": Call(kind="turn", options={**_NO_DELAY, "wait": True}),
        "list": Call(kind="list"),
        "playbook": Call(kind="playbook"),
    }
    return [
        Batch(
            name=f"mapping-{name}",
            scenarios=scenarios,
            calls=(call,),
            sample=4 * (name == "run"),
            # a local command runs in the home of this test, whose name the shell prints
            unsteady=("err",) if name == "unchecked" else (),
        )
        for name, call in calls.items()
    ]


def _states() -> list[Batch]:
    broken = ("file", "link", "open", "nohome", "fresh")
    scenarios = tuple(
        Scenario(name=f"{state}-{ending}", ending=ending, state=state)
        for state in broken
        for ending in ("ok", "exit7")
    )
    fresh = product(("ok",), _CONTACTS, state="fresh")
    calls = {"run": _ONCE, "check": Call(kind="check"), "list": Call(kind="list")}
    return [
        Batch(name="install", scenarios=fresh, calls=(_ONCE,), verb="install", sample=4),
        *(
            Batch(name=f"state-{name}", scenarios=scenarios, calls=(call,))
            for name, call in calls.items()
        ),
    ]


def _checks() -> list[Batch]:
    def batch(name: str, scenarios: tuple[Scenario, ...], sample: int = 0, **options: Any) -> Batch:  # noqa: ANN401 - as for `_run`
        call = Call(kind="check", options=options)
        return Batch(name=name, scenarios=scenarios, calls=(call,), verb="ping", sample=sample)

    return [
        batch("check", product(("ok",), _CONTACTS), sample=8),
        batch("check-survey", product(("ok",), (*_SOME, "fine_lostbefore")), survey=True),
        batch("check-mapping", product(("ok",), _SOME), check_reachable=False),
    ]


def _returns() -> list[Batch]:
    unknown = (Scenario(name="unknown"),)
    ended = faulty(("ok", "exit7"), _SOME)
    running = faulty(("wait", "waitkill"), (*_SOME, *_POLLS[-5:]))
    stopped = product(("sleep",), _SOME)
    # a VM has 8 seconds to say that such a command is gone, so few of them are stopped at a time
    deaf = product(("deaf", "trapped"), ("none", "cut"))
    follow, look, stop = Call(kind="follow"), Call(kind="look"), Call(kind="stop")
    return [
        Batch(name="follow", scenarios=ended, calls=(_ONCE, follow), verb="poll", sample=4),
        Batch(name="follow-running", scenarios=running, calls=(_LOST, follow), verb="poll"),
        Batch(name="follow-unknown", scenarios=unknown, calls=(follow,), verb="poll"),
        Batch(name="look", scenarios=ended, calls=(_ONCE, look), verb="poll"),
        Batch(
            name="look-running", scenarios=product(("wait",), _SOME), go=False,
            calls=(_LOST, look), verb="poll",
        ),
        Batch(name="stop", scenarios=stopped, calls=(_LOST, stop), verb="abort", sample=4),
        Batch(name="stop-deaf", scenarios=deaf, calls=(_LOST, stop), verb="abort"),
        Batch(name="stop-ended", scenarios=ended, calls=(_ONCE, stop), verb="abort"),
        Batch(name="stop-unknown", scenarios=unknown, calls=(stop,), verb="abort"),
        Batch(
            name="stop-lost", scenarios=product(("sleep", "deaf"), ("none",)),
            calls=(_LOST, Call(kind="kill"), stop), verb="abort",
        ),
        Batch(
            name="run-stopped", scenarios=product(("sleep", "deaf"), ("none", "cut")),
            calls=(_LOST, stop, _ONCE),
        ),
    ]  # fmt: skip


def _lists() -> list[Batch]:
    call = Call(kind="list")
    ended = product(("ok",), _CONTACTS) + product(("exit7", "kill"), _SOME[:3])
    running = product(("wait",), ("none", "refused", "silent"))
    return [
        Batch(name="list", scenarios=ended, calls=(_ONCE, call), verb="list", sample=4),
        Batch(name="list-running", scenarios=running, calls=(_LOST, call), verb="list", go=False),
    ]


def _turns() -> list[Batch]:
    def turn(**options: Any) -> Call:  # noqa: ANN401 - options of a session
        return Call(kind="turn", options=_NO_DELAY | options)

    faults = ("none", *BEFORE, *AFTER, *tuple(GARBLED)[-6:], *_ROWS)
    waiting = faulty(WAITING[:2], _POLLS)
    agents = tuple(
        Scenario(name=name, variables={"dx_agent": name})
        for name in ("absent", "unheard", "claude", "shell")
    )
    return [
        Batch(name="turn-endings", scenarios=product(TURNS, ("none", "lostafter")),
              calls=(turn(wait=True),), sample=6),
        Batch(name="turn", scenarios=faulty(("ok", "exit7"), faults), calls=(turn(wait=True),)),
        Batch(name="turn-begun", scenarios=product(("ok",), faults), calls=(turn(),)),
        Batch(name="turn-poll", scenarios=waiting, calls=(turn(wait=True),), verb="poll"),
        Batch(name="turn-agents", scenarios=agents, calls=(turn(wait=True),)),
        Batch(name="turn-verify", scenarios=product(("ok", "exit7"), ("none", "lostafter")),
              calls=(turn(wait=True, verify="echo checked; exit 5"),)),
        Batch(name="turn-verified", scenarios=product(("ok", "exit7"), ("none",)),
              calls=(turn(wait=True, verify="true"),)),
        Batch(name="turn-deadline", scenarios=product(DEADLINE, ("none",)),
              calls=(turn(wait=True, timeout_sec=1.0),)),
        Batch(name="turn-idle", scenarios=product(DEADLINE[:2], ("none",)),
              calls=(turn(wait=True, idle_timeout_sec=1.0),)),
        Batch(name="turn-list", scenarios=product(TURNS[:9], ("none",)),
              calls=(turn(wait=True), Call(kind="list")), verb="list"),
    ]  # fmt: skip


def _playbooks() -> list[Batch]:
    call = Call(kind="playbook", options={"dx_retry_delay": 0})
    scenarios = faulty(("ok", "exit7"), _SOME)
    return [Batch(name="playbook", scenarios=scenarios, calls=(call,), sample=4)]


def _hanging() -> list[Batch]:
    scenarios = product(("ok",), ("hang",))
    check = Call(kind="check", options={"timeout_sec": 1.0})
    return [Batch(name="hang-check", scenarios=scenarios, calls=(check,), verb="ping")]


BATCHES = {
    batch.name: batch
    for batch in chain(
        _starts(), _endings(), _polls(), _deadlines(), _ids(), _mappings(), _states(), _checks(),
        _returns(), _lists(), _turns(), _playbooks(), _hanging(),
    )
}  # fmt: skip
