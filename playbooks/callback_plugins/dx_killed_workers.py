# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends ansible-playbook when one of its workers was killed.

Under the free strategy Ansible waits for ever for the result of a killed worker. The commands that
the worker started keep running on their hosts. The next run of the playbook with the same id
attaches to them. Ansible loads this plugin for each playbook in the parent directory.
"""

from __future__ import annotations

import os
import signal
from multiprocessing import process
from typing import Any

from ansible.executor.process.worker import WorkerProcess
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display

DOCUMENTATION = """
    name: dx_killed_workers
    type: aggregate
    short_description: Ends ansible-playbook when one of its workers was killed
    description:
      - Under the free strategy Ansible waits for ever for the result of a worker that is gone.
"""


_SOON = 0.1
"""Seconds."""


class CallbackModule(CallbackBase):  # type: ignore[misc] # ansible-core has no types
    """Installs a SIGCHLD handler before Ansible forks its workers."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "dx_killed_workers"

    def v2_playbook_on_start(self, playbook: object) -> None:
        """Check the workers whenever a child of this process ends."""
        del playbook
        self._watch = _Watch()
        for number in (signal.SIGCHLD, signal.SIGALRM):
            signal.signal(number, self._watch)

    def v2_runner_on_start(self, host: object, task: object) -> None:
        """Note the workers, as Ansible forgets one as soon as it has seen its end."""
        del host, task
        self._watch.note_workers()

    def v2_runner_on_ok(self, result: Any) -> None:  # noqa: ANN401 - ansible-core has no types
        """Note that the worker of this result has done its work."""
        self._watch.finished.add((result._host.name, result._task._uuid))  # noqa: SLF001 - as Ansible's own

    v2_runner_on_skipped = v2_runner_on_unreachable = v2_runner_on_ok

    def v2_runner_on_failed(self, result: Any, ignore_errors: object = None) -> None:  # noqa: ANN401 - as above
        """Note the same of a task that failed."""
        del ignore_errors
        self.v2_runner_on_ok(result)


class _Watch:
    def __init__(self) -> None:
        self._owner = os.getpid()
        self._workers: set[WorkerProcess] = set()
        self.finished: set[tuple[str, str]] = set()
        """Host and task of each result. Ansible itself terminates workers that exit too slowly."""

    def note_workers(self) -> None:
        """Add the children that Ansible has now, and forget those whose result has come."""
        children = list(process._children)  # noqa: SLF001 - active_children omits killed workers
        workers = {each for each in children if isinstance(each, WorkerProcess)}
        self._workers = {each for each in workers | self._workers if not self._has_finished(each)}

    def __call__(self, _number: int, _frame: object) -> None:
        if os.getpid() != self._owner:  # a worker inherits this handler and has children of its own
            return
        self.note_workers()
        if any(map(_is_being_reaped, self._workers)):
            signal.setitimer(signal.ITIMER_REAL, _SOON)
        if any(map(_exit_code, self._workers)):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            Display().error(
                "A worker of Ansible was killed, so nobody hears of its host any more. What it had "
                "begun goes on there; the playbook attaches to it when it is run with the same id."
            )
            os.kill(self._owner, signal.SIGTERM)

    def _has_finished(self, worker: WorkerProcess) -> bool:
        return (worker._host.name, worker._task._uuid) in self.finished  # noqa: SLF001 - as above


def _exit_code(worker: WorkerProcess) -> int | None:
    """Return a worker's exit code, 0 if Ansible has closed the object, None while there is none."""
    try:
        return worker.exitcode
    except ValueError:
        return 0


def _is_being_reaped(worker: WorkerProcess) -> bool:
    """Whether this interrupts Ansible after it waited for the worker, before it has the code."""
    if _exit_code(worker) is not None:
        return False
    try:
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False
