# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What actions have in common that follow work on a VM, one ``until`` try after the other.

A try asks the VM once. The connection may fail at any moment; what is known so far goes on to the
next try, and after too many failures the action gives up truthfully.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from . import link, session, verdict
from .call import CALL_SPEC, CALL_VARIABLES
from .given import complete, of_host
from .keeper import CutShortError, KeeperError
from .preflight import Preflight, first_contact
from .ssh_errors import SshFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CALL_SLACK", "COMMON_SPEC", "COMMON_VARIABLES", "AttemptAction"]

CALL_SLACK = 30
"""Seconds that a call may take beyond the time it was asked to wait.

After that the connection counts as lost.
"""

COMMON_SPEC: Mapping[str, Mapping[str, Any]] = {
    **CALL_SPEC,
    "timeout": {"type": "float", "default": 60.0},
    "max_retries": {"type": "int", "default": 1},
    "retry_delay": {"type": "float", "default": 2.0},
    "output_limit": {"type": "int", "default": 0},
    "path": {"type": "list", "elements": "str", "default": []},
}


COMMON_VARIABLES: Mapping[str, Any] = {
    **CALL_VARIABLES,
    "max_retries": "dx_max_retries",
    "retry_delay": "dx_retry_delay",
    "path": "dx_path",
}
"""Where an option comes from that a task doesn't give."""


class AttemptAction(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """One try. A subclass says in `_step` what it asks the VM, and what the answer means."""

    spec: ClassVar[Mapping[str, Mapping[str, Any]]]
    variables: ClassVar[Mapping[str, Any]]
    kind: ClassVar[str]
    _preflight_id = ""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make this try and say in ``dx`` what came of it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        self._task.args = self._given()
        _, self._arguments = self.validate_argument_spec(self.spec)
        self._host = str(self._variables["inventory_hostname"])
        self._check_arguments()
        self._hosts = len(self._variables.get("ansible_play_hosts_all") or [self._host])
        self._forks = int(self._variables.get("ansible_forks") or 5)
        self._crowded = self._hosts > self._forks
        self._limit = self._output_limit()
        self._result = result
        record: dict[str, Any] = {"kind": self.kind}
        if self._arguments["preflight"] is not None and not self._preflight(record):
            return result | {"dx": record["preflight"] | {"done": True}, "changed": False}
        progress = self._progress()
        record |= {"id": progress.id, "limit": self._limit, "ssh": self._arguments["ssh"]}
        if self._hosts > 1 and record.get("preflight", {}).get("hosts"):
            # which hosts there are is told before one of them is waited for
            return result | {"dx": record | {"done": False, "progress": progress.as_dict()}}
        self._link = link.Link(
            self._connection,
            self._arguments["ssh"],
            connect_timeout=self._arguments["connect_timeout"],
            batch_mode=self._arguments["batch_mode"],
        )
        if progress.retry:
            time.sleep(self._arguments["retry_delay"])
            progress.retry = False
        decided = self._try(progress, record)
        self._tell_preflight(progress, record, decided)
        progress.done = decided is not None
        progress.remember()
        progress.spent = self._crowded and time.time() - progress.turn_began >= self._turn()
        record |= {"done": progress.done, "progress": progress.as_dict()}
        if decided is not None:
            record |= decided.as_dict()
            record["duration_ms"] = round((time.time() - progress.began) * 1000)
            failed = decided.outcome not in {"SUCCESS", "RUNNING"}
            result |= {"failed": failed, "rc": decided.exit_code}
            result["msg"] = decided.error or f"{self._host}: done"
        return result | {"dx": record, "changed": progress.done and progress.started}

    def _given(self) -> dict[str, Any]:
        """The task's options, and those that the host's variables have."""
        return complete(self._templar, self._task.args, self._variables, self.variables)

    def _preflight(self, record: dict[str, Any]) -> bool:
        """In the first try check the host; False if it did not pass.

        It goes with the first contact since a task of its own costs more than the checks.
        """
        known = _PREFLIGHTS.get((self._task._uuid, self._host))  # noqa: SLF001 - names the task
        if known is None:
            found = of_host(self._templar, self._variables)
            preflight = Preflight(self._connection, found, self._arguments["preflight"])
            preflight.make(self._arguments["connect_timeout"])
            known = record["preflight"] = preflight.record
            if preflight.failure is not None:
                self._result |= {"failed": True, "msg": preflight.failure.text}
                return False
            known["status"] = None
            _PREFLIGHTS[self._task._uuid, self._host] = known  # noqa: SLF001 - as above
        self._arguments["ssh"] = known["ssh"]
        self._preflight_id = str(known["id"])
        return True

    def _tell_preflight(
        self, progress: session.Progress, record: dict[str, Any], decided: verdict.Verdict | None
    ) -> None:
        """Say once, with the first contact or the end of all attempts, how the preflight went."""
        known = _PREFLIGHTS.get((self._task._uuid, self._host))  # noqa: SLF001 - as above
        if known is None or known["status"] is not None:
            return
        if self._link.reached or (decided is not None and not progress.contacted):
            first_contact(known, self._link, decided.error if decided else None)
            known["attempts"] = progress.attempts
            if not self._link.reached:
                known["duration_ms"] += round((time.time() - progress.began) * 1000)
            record["preflight"] = known if "preflight" in record else known | {"hosts": None}

    @abstractmethod
    def _progress(self) -> session.Progress:
        """What is known from earlier tries."""

    @abstractmethod
    def _step(
        self,
        progress: Any,  # noqa: ANN401 - its own kind of progress
        record: dict[str, Any],
    ) -> verdict.Verdict | None:
        """Ask the VM once. Returns the verdict, or None if there is more to come."""

    def _output_limit(self) -> int:
        return self._arguments["output_limit"] or session.output_limit(self._hosts)

    def _try(self, progress: session.Progress, record: dict[str, Any]) -> verdict.Verdict | None:
        try:
            decided = self._step(progress, record)
        except link.LinkError as error:
            return self._lost(progress, record, error.failure, link.explain(self._host, error))
        except (link.CallTimeoutError, CutShortError) as error:
            text = str(error) or "accepts the connection, but its shell does not answer"
            return self._lost(progress, record, SshFailure.LOST, f"{self._host}: {text}")
        except KeeperError as error:
            text = f"{self._host}: {error}"
            return verdict.Verdict(outcome="FAILURE", reason="vm_error", error=text)
        progress.failures = 0  # the VM was reached
        return decided

    def _check_arguments(self) -> None:
        for name in ("timeout", "connect_timeout", "retry_delay"):
            if not 0 <= self._arguments[name] < float("inf"):
                raise AnsibleActionFail(
                    f"dx_{name} has to be a number of seconds, not {self._arguments[name]}"
                )
        if self._arguments["max_retries"] < 0:
            raise AnsibleActionFail("dx_max_retries has to be 0 or more")

    def _turn(self) -> float:
        """Seconds that a host may hold a fork while others wait; bounds how deep turns nest."""
        return float(max(1.0, min(60.0, self._arguments["timeout"] / 100)))

    def _guard(self, wait: float) -> Any:  # noqa: ANN401 - a context manager
        return link.guarded(wait + self._arguments["connect_timeout"] * 2 + CALL_SLACK)

    @property
    def _first_wait(self) -> int:
        """Seconds to wait for news with the start; what is known of a host comes after them."""
        return session.first_wait(self._hosts, self._forks)

    def _id(self, given: str, option: str) -> str:
        """The id that was given, else the one that the preflight has made."""
        if not given and self._arguments["preflight"] is None:
            raise AnsibleActionFail(f"one of the options {option} and preflight is needed")
        return given or self._preflight_id

    def _deadline(self) -> str:
        return f"{self._arguments['timeout']:.3f}".rstrip("0").rstrip(".")

    def _lost(
        self, progress: session.Progress, record: dict[str, Any], failure: SshFailure, text: str
    ) -> verdict.Verdict | None:
        progress.contacted |= failure is SshFailure.LOST
        final = verdict.refused(failure, text)
        if final is not None and not progress.contacted:
            return final
        progress.failures += 1
        if final is not None or progress.failures > self._arguments["max_retries"]:
            return verdict.gave_up(failure, text, progress.id, contacted=progress.contacted)
        record["retry"] = {"attempt": progress.attempts, "failure": str(failure), "error": text}
        progress.attempts += 1
        progress.retry = True
        return None


_PREFLIGHTS: dict[tuple[str, str], dict[str, Any]] = {}
"""By task and host; the tries of a task share a process."""
