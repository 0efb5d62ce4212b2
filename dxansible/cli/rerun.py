"""``--rerun``: runs a recorded command again on the hosts that need it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dxansible.cli.execute import prepare
from dxansible.cli.standard_input import StandardInput
from dxansible.cli.steps import roll_out
from dxansible.errors import UsageError
from dxansible.render import runs as render
from dxansible.render.show import emit, show
from dxansible.run.batches import without_host
from dxansible.run.history import History
from dxansible.run.hosts import match_hosts
from dxansible.run.recall import recall
from dxansible.run.rerun import Chain, Which, find_chain
from dxansible.settings import history_dir

if TYPE_CHECKING:
    from dxansible.cli.table import Options
    from dxansible.run.history import RecordedRun

__all__ = ["rerun"]

_WORDS = "|".join(Which)


def rerun(options: Options) -> int:
    """``--rerun [WHICH] [RUN]``."""
    which, typed = _words(options)
    directory = history_dir()
    if directory is None:
        raise UsageError("no run is recorded: DX_HISTORY is off", "unset it")
    history = History(directory)
    chain = find_chain(history.runs(), typed)
    again = _as_recorded(options, chain.newest)
    settings = again.settings()
    known: list[str] | None = None
    if chain.unclear:
        known = match_hosts("all", settings)
        _say(options, render.recall_line(chain))
        chain = recall(chain, history, settings, known)
    hosts = chain.choose(which)
    if not hosts:
        return _nothing(options, chain, which)
    known = known or match_hosts("all", settings)
    missing = [host for host in hosts if host not in known]
    ready = [host for host in known if host in set(hosts)]
    source = StandardInput(again)
    call = prepare(again, source, chain.newest.label)
    _say(options, render.rerun_line(chain, which, ready, again.serial))
    ended = without_host(missing, call.summary)
    return roll_out(again, call, source, ready, ended=ended, parent=chain.newest.name)


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
        "inventory": run.inventory,
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


def _nothing(options: Options, chain: Chain, which: Which) -> int:
    if options.json:
        emit(render.nothing_document())
    else:
        show(render.nothing_line(chain, which), err=True)
    return 0
