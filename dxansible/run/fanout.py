"""Runs one command on every host of a pattern, in one playbook run.

Each host gets a result.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dxansible.ids import new_run_id, session_on
from dxansible.logs import event
from dxansible.parameters import RETRIES, RETRY_DELAY, RUN_ID, TIMEOUT
from dxansible.record import FanoutOutcome, PreflightStatus, Reason
from dxansible.redact import summarize
from dxansible.results import FanoutResult
from dxansible.run.event_log import EventLog
from dxansible.run.events import OutputReceived
from dxansible.run.gather import ResultCollector
from dxansible.run.hosts import explain_unknown_name, hosts_of_killed
from dxansible.run.options import FanoutOptions, check_command
from dxansible.run.plays import run_play
from dxansible.run.request import KILLED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.run.events import Event, Observer
    from dxansible.run.flow import Flow
    from dxansible.run.request import PlayEnd
    from dxansible.settings import Settings

__all__ = ["fanout", "fanout_ssh"]


def fanout_ssh(  # noqa: PLR0913, PLR0917 - the specification's signature
    host: str,
    command: str,
    timeout_sec: float = TIMEOUT.default,
    max_retries: int = RETRIES.default,
    retry_delay_sec: float = RETRY_DELAY.default,
    preflight: bool = True,  # noqa: FBT001, FBT002 - the specification's signature
    batch_mode: bool = True,  # noqa: FBT001, FBT002 - the specification's signature
    log_callback: Callable[[str], None] | None = None,
) -> FanoutResult:
    """Run a shell command on one host and return the result, whatever the outcome.

    ``host`` is a name or an alias of the inventory; an unknown one gives PREFLIGHT_FAILED. Times
    are in seconds. Raises DxError for a broken tool (no inventory, no Ansible, an empty command),
    never for a failure on a VM.
    """
    options = FanoutOptions(
        timeout_sec=timeout_sec,
        max_retries=max_retries,
        retry_delay_sec=retry_delay_sec,
        preflight=preflight,
        batch_mode=batch_mode,
        log_callback=log_callback,
    )
    results = fanout(host, command, options)
    if len(results) != 1:
        names = ", ".join(result.host for result in results[:5])
        text = f"{host} is {len(results)} hosts ({names}); call fanout for more than one"
        return _unknown_host(host, summarize(command), text)
    return results[0]


def fanout(  # noqa: PLR0913 - all but the first three are options by name
    pattern: str,
    command: str | bytes,
    options: FanoutOptions | None = None,
    *,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
    flow: Flow | None = None,
) -> list[FanoutResult]:
    """Run a command on every host of an Ansible pattern; results are in the inventory's order.

    Setting ``cancelled`` (from a signal handler, say) stops the command everywhere and returns
    ABORTED results. A KeyboardInterrupt stops it too, and is then raised again. Each of
    ``observers`` gets every event. With ``flow`` the command waits for its reader, and no output is
    lost: an observer reports to ``flow`` how much it has passed on. Raises NoMatchError if a
    pattern matches nothing; a plain name that is not in the inventory gives one PREFLIGHT_FAILED
    result instead.
    """
    chosen = options or FanoutOptions()
    text = check_command(command)
    summary = summarize(text.decode(errors="replace"))
    log = EventLog(command=summary, log=chosen.log_callback)
    collector = ResultCollector(
        FanoutResult, [log, *observers], command=summary, passes_on=flow is not None
    )
    run = _Run(
        pattern=pattern,
        text=text,
        options=chosen,
        settings=chosen.settings,
        collector=collector,
        cancelled=cancelled or threading.Event(),
        flow=flow,
        run_id=chosen.run_id or new_run_id(),
    )
    try:
        end = run.start()
    except KeyboardInterrupt:
        run.stop_unfinished()
        raise
    if run.cancelled.is_set():
        end = run.stop_unfinished() or end
    if not collector.known and not end.killed:
        return [_no_host(pattern, summary, chosen, end)]
    run.end_silent(end)
    return collector.ordered()


def _no_host(pattern: str, summary: str, options: FanoutOptions, end: PlayEnd) -> FanoutResult:
    error = explain_unknown_name(pattern, options.settings, end)
    line = event(
        "preflight_failed",
        logging.ERROR,
        host=pattern,
        status=str(PreflightStatus.USER_MAPPING_MISSING),
        error=error,
    )
    if options.log_callback is not None:
        options.log_callback(line)
    return _unknown_host(pattern, summary, error)


def _unknown_host(host: str, summary: str, error: str) -> FanoutResult:
    """Return the result for a name that the inventory does not have."""
    return FanoutResult(
        outcome=FanoutOutcome.PREFLIGHT_FAILED,
        reason=PreflightStatus.USER_MAPPING_MISSING,
        host=host,
        command_summary=summary,
        error=error,
    )


@dataclass(slots=True, kw_only=True)
class _Run:
    """One fan-out: its command, its state, and its runs of Ansible."""

    pattern: str
    text: bytes
    options: FanoutOptions
    settings: Settings
    """Engines are turned off here once an engine is lost."""
    collector: ResultCollector[FanoutResult]
    cancelled: threading.Event
    flow: Flow | None
    run_id: str
    token: str = field(default_factory=lambda: os.urandom(8).hex())
    """Identifies this call's commands to a run of Ansible that follows a killed one."""
    reached: bool = False
    """Whether a VM has answered in the current run of Ansible."""

    def start(self) -> PlayEnd:
        """Run to the end; if Ansible is killed, run it again, which attaches to the same ids.

        A killed run counts as a lost connection, with the same limit of attempts in a row. The loss
        of an engine costs no attempt: the run continues at once without an engine.
        """
        end, failures = self._play(self.pattern), 0
        while end.killed and not self.cancelled.is_set():
            left = self.collector.rest(self.pattern)
            if not left:
                break
            if end.engine_lost:
                self.settings = replace(self.settings, engine=False)
            else:
                failures = 1 if self.reached else failures + 1
                if failures > self.options.max_retries:
                    break
            self.collector.begin_again(KILLED)
            if not end.engine_lost:
                self.cancelled.wait(self.options.retry_delay_sec)
            end = self._play(left, again=True)
        return end

    def _handle(self, news: Event) -> None:
        self.reached |= isinstance(news, OutputReceived)
        self.collector.handle(news)

    def _play(self, limit: str, *, again: bool = False) -> PlayEnd:
        self.reached = False
        options = self.options
        variables: dict[str, object] = {
            **options.variables(),
            RUN_ID.variable: self.run_id,
            "dx_stream": True,
            "dx_preflight": options.preflight and not again,
            "dx_contacted": again,
            "dx_token": self.token,
        }
        return run_play(
            self.settings,
            "run-command.yml",
            limit=limit,
            variables=variables,
            handle=self._handle,
            cancelled=self.cancelled,
            secret_text=self.options.hand_over(self.text),
            forks=options.forks,
            flow=self.flow,
        )

    def stop_unfinished(self) -> PlayEnd | None:
        """Stop the command on every host that has no result.

        A host that has not begun the command can't begin it afterwards. While the hosts are
        unknown, the command is stopped on the whole pattern, since Ansible may have started it
        already. The request includes the command's text, so that another command with the same id
        is left alone.
        """
        limit = self.collector.rest(self.pattern)
        if not limit:
            return None
        return run_play(
            self.options.settings,
            "stop-command.yml",
            limit=limit,
            variables={RUN_ID.variable: self.run_id},
            handle=self.collector.handle_stop,
            rest=lambda: self.collector.rest(limit),
            secret_text=self.options.hand_over(self.text),
            forks=self.options.forks,
        )

    def end_silent(self, end: PlayEnd) -> None:
        """Give an outcome to every host that has none."""
        collector = self.collector
        hosts = collector.unfinished()
        if end.killed and not collector.hosts:
            hosts = hosts_of_killed(self.pattern, self.options.settings, self.run_id)
        for host in hosts:
            collector.expect(host, session_on(self.run_id, host))
            if self.cancelled.is_set() and host not in collector.results:
                text = f"{host}: aborted, and the VM did not confirm that the command is gone"
                collector.end(host, FanoutOutcome.ABORTED, Reason.ABORTED, text)
        collector.end_silent(end)
