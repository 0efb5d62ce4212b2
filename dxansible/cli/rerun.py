"""Recorded runs: shows them, and finds the hosts that need a command again (``--rerun``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.errors import UsageError
from dxansible.render import runs as render
from dxansible.render.show import emit, show, terminal_width
from dxansible.run.batches import without_host
from dxansible.run.history import History
from dxansible.run.hosts import match_hosts
from dxansible.run.rerun import Chain, Which, find_chain
from dxansible.run.settling import Settled, settle
from dxansible.settings import history_dir, split_inventory
from dxansible.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult
    from dxansible.run.history import RecordedRun

__all__ = ["Chosen", "choose", "show_runs"]

_WORDS = "|".join(Which)


class Chosen(Value):
    """A recorded command to run again."""

    options: Options
    """Those of the call, and those of the recorded run that were not given."""
    hosts: Sequence[str]
    """In the inventory's order."""
    gone: Sequence[FanoutResult]
    """The results of hosts that the inventory no longer has."""
    doubtful: Sequence[FanoutResult]
    """The results of hosts where the command may be running; it is not run again there."""
    parent: str
    """The name of the record that the run comes from."""
    label: str | None


def show_runs(options: Options) -> int:
    """``--runs``."""
    directory = history_dir()
    runs = [] if directory is None else History(directory).runs()
    if options.json:
        emit(render.runs_document(runs))
    else:
        show(render.runs_table(runs, terminal_width()), end="")
    return 0


def choose(options: Options) -> Chosen | None:
    """Return what to run again, and say it; None, said as well, if there is nothing to do.

    Raises UsageError.
    """
    which, typed = _words(options)
    directory = history_dir()
    if directory is None:
        raise UsageError("no run is recorded: DX_HISTORY is off", "unset it")
    history = History(directory)
    chain = find_chain(history.runs(), typed)
    again = _as_recorded(options, chain.newest)
    settings = again.settings()
    known: list[str] | None = None
    settled = Settled(chain=chain)
    if open_ends := chain.open_ends(which):
        known = match_hosts("all", settings)
        _say(options, render.recall_line(open_ends))
        settled = settle(chain, open_ends, history, settings, known)
        chain = settled.chain
        _refuse_running([] if options.anyway else settled.running)
    hosts = chain.choose(which)
    if not hosts:
        _say_nothing(options, chain, which)
        return None
    known = known or match_hosts("all", settings)
    missing = [host for host in hosts if host not in known]
    doubtful = [] if options.anyway else settled.leave_out(hosts)
    left = {each.host for each in doubtful}
    ready = [host for host in known if host in set(hosts) - left]
    _say(options, render.rerun_line(chain, which, ready, again.serial))
    return Chosen(
        options=again,
        hosts=ready,
        gone=without_host(missing, chain.newest.summary),
        doubtful=doubtful,
        parent=chain.newest.name,
        label=chain.newest.label,
    )


def _refuse_running(ids: Sequence[str]) -> None:
    """Raise UsageError if the command is running under any of these ids."""
    if ids:
        message = f"the command is still running under {', '.join(ids)}"
        remedy = "wait for it with --logs ID, stop it with --abort ID, or add --anyway"
        raise UsageError(message, remedy)


def _say(options: Options, line: str) -> None:
    if not options.quiet:
        show(line, err=True)


def _words(options: Options) -> tuple[Which, str | None]:
    """Return the hosts that are meant and the run, from the two words in any order.

    Raises UsageError.
    """
    words = [word for word in (options.target, options.task) if word is not None]
    named = [word for word in words if word in set(Which)]
    if not named:
        which, rest = Which.FAILED, words
    else:
        which, rest = Which(named[0]), list(words)
        rest.remove(named[0])
    if len(rest) > 1:
        message = f"--rerun takes the word {_WORDS} and the id of a run, and has {' '.join(words)}"
        raise UsageError(message, "leave one out; see: dx-dispatch --runs")
    return which, rest[0] if rest else None


def _as_recorded(options: Options, run: RecordedRun) -> Options:
    """Return the options with those of the recorded run that were not given.

    Raises UsageError for what the record lacks.
    """
    _check_record(options, run)
    recorded: dict[str, Any] = {
        "timeout": run.timeout_sec,
        "retries": run.max_retries,
        "forks": run.forks,
        "inventory": split_inventory(run.inventory),
        "serial": run.serial,
        "max_fail": run.max_fail,
    }
    left = {name: value for name, value in recorded.items() if name not in options.given}
    again = replace(
        options, **left, target=run.pattern, task=None, command=run.command, cwd=run.cwd or None
    )
    if again.max_fail is not None and not again.serial:
        message = "--max-fail is of no use without --serial, and the run had none"
        raise UsageError(message, "leave it out, or add --serial SIZES")
    return again


def _check_record(options: Options, run: RecordedRun) -> None:
    if run.command is None:
        message = f"the command of {run.run_id} was too long to be recorded"
        raise UsageError(message, "send it again: dx-dispatch HOSTS --exec --file PATH")
    lacking = [name for name in run.env if name not in dict(options.env)]
    if lacking:
        message = f"{run.run_id} had {', '.join(lacking)} from --env, and values are not recorded"
        raise UsageError(message, f"add {' '.join(f'--env {name}' for name in lacking)}")
    if run.stdin and not options.stdin:
        message = f"{run.run_id} had standard input, which is not recorded"
        raise UsageError(message, "send it again: --stdin <FILE")


def _say_nothing(options: Options, chain: Chain, which: Which) -> None:
    if options.json:
        emit(render.nothing_document())
    else:
        show(render.nothing_line(chain, which), err=True)
