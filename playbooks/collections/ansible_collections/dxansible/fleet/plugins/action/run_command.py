# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.run_command``; the module of that name documents it."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils import link, session, verdict
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import (
    ENDED,
    CutShortError,
    Keeper,
    KeeperError,
    Reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

_SPEC = {
    "id": {"type": "str", "required": True},
    "timeout": {"type": "float", "default": 60.0},
    "connect_timeout": {"type": "float", "default": 5.0},
    "max_retries": {"type": "int", "default": 1},
    "retry_delay": {"type": "float", "default": 2.0},
    "output_limit": {"type": "int", "default": 0},
    "path": {"type": "list", "elements": "str", "default": []},
    "ssh": {"type": "dict", "default": {}},
    "batch_mode": {"type": "bool", "default": True},
    "stream": {"type": "bool", "default": False},
    "command_socket": {"type": "str", "default": ""},
    "attach": {"type": "bool", "default": False},
}

_CALL_SLACK = 30
"""Seconds that a call may take beyond the time it was asked to wait.

After that the connection counts as lost.
"""


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """One try: starts the session if it isn't known to run, else waits for news of it.

    It never runs a command twice.
    """

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make this try and say in ``dx`` what came of it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, self._arguments = self.validate_argument_spec(_SPEC)
        self._variables = task_vars or {}
        self._host = str(self._variables["inventory_hostname"])
        self._check_arguments()
        self._hosts = len(self._variables.get("ansible_play_hosts_all") or [self._host])
        self._crowded = self._hosts > int(self._variables.get("ansible_forks") or 5)
        self._limit = self._arguments["output_limit"] or session.output_limit(self._hosts)
        progress = session.Progress.of(self._arguments["id"], self._task.register, self._variables)
        record: dict[str, Any] = {"kind": "command", "id": progress.id, "limit": self._limit}
        link.harden(
            self._connection,
            self._arguments["ssh"],
            connect_timeout=self._arguments["connect_timeout"],
            batch_mode=self._arguments["batch_mode"],
        )
        if progress.retry:
            time.sleep(self._arguments["retry_delay"])
            progress.retry = False
        decided = self._try(progress, record, result)
        progress.done = decided is not None
        progress.remember()
        progress.spent = self._crowded and time.time() - progress.turn_began >= self._turn()
        record |= {"done": progress.done, "progress": progress.as_dict()}
        if decided is not None:
            record |= decided.as_dict()
            record["duration_ms"] = round((time.time() - progress.began) * 1000)
            result |= {"failed": decided.outcome != "SUCCESS", "rc": decided.exit_code}
            result["msg"] = decided.error or f"{self._host}: done"
        return result | {"dx": record, "changed": progress.done and progress.started}

    def _try(
        self, progress: session.Progress, record: dict[str, Any], result: dict[str, Any]
    ) -> verdict.Verdict | None:
        try:
            return self._take(progress, record, self._ask(progress), result)
        except link.LinkError as error:
            return self._lost(progress, record, error.failure, link.explain(self._host, error))
        except (link.CallTimeoutError, CutShortError) as error:
            text = str(error) or "accepts the connection, but its shell does not answer"
            return self._lost(progress, record, SshFailure.LOST, f"{self._host}: {text}")
        except KeeperError as error:
            text = f"{self._host}: {error}"
            return verdict.Verdict(outcome="FAILURE", reason="vm_error", error=text)

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

    def _ask(self, progress: session.Progress) -> Reply:
        keeper = Keeper(self._connection)
        wait = 1 if self._crowded else 4
        with link.guarded(wait + self._arguments["connect_timeout"] * 2 + _CALL_SLACK):
            if progress.started or self._arguments["attach"]:
                where = {"out": progress.out_next, "err": progress.err_next}
                chunk = {} if self._arguments["stream"] else {"chunk": 0}
                return keeper.poll(progress.id, {"wait": wait, **where, **chunk})
            return keeper.start(progress.id, self._command(), self._options())

    def _command(self) -> bytes:
        try:
            return session.command_text(self._variables, self._arguments["command_socket"])
        except session.CommandError as error:
            raise AnsibleActionFail(str(error)) from error

    def _options(self) -> dict[str, object]:
        return {
            "deadline": f"{self._arguments['timeout']:.3f}".rstrip("0").rstrip("."),
            "limit": self._limit,
            "path": ":".join(self._arguments["path"]),
            # with more hosts than forks, start everywhere before waiting anywhere
            "wait": 0 if self._crowded else 4,
        }

    def _lost(
        self, progress: session.Progress, record: dict[str, Any], failure: SshFailure, text: str
    ) -> verdict.Verdict | None:
        progress.contacted |= failure is SshFailure.LOST
        final = verdict.refused(failure, text)
        if final is not None and not progress.contacted:
            return final
        if final is not None or progress.attempts > self._arguments["max_retries"]:
            return verdict.gave_up(failure, text, progress.id, contacted=progress.contacted)
        record["retry"] = {"attempt": progress.attempts, "failure": str(failure), "error": text}
        progress.attempts += 1
        progress.retry = True
        return None

    def _take(
        self,
        progress: session.Progress,
        record: dict[str, Any],
        reply: Reply,
        result: dict[str, Any],
    ) -> verdict.Verdict | None:
        progress.started = progress.contacted = True
        progress.ours |= not reply.attached
        if self._arguments["stream"]:
            record["out"] = _news(progress.out_next, reply.out_from, reply.out_total, reply.out)
            record["err"] = _news(progress.err_next, reply.err_from, reply.err_total, reply.err)
            progress.out_next = reply.out_from + len(reply.out)
            progress.err_next = reply.err_from + len(reply.err)
            if not reply.complete:
                return None
        elif reply.state not in ENDED:
            progress.out_next, progress.err_next = reply.out_total, reply.err_total
            return None
        else:
            reply = self._collect(progress, reply, result)
        record["full"] = reply.full
        timeout = self._arguments["timeout"] if progress.ours else None
        return verdict.from_reply(self._host, reply, timeout)

    def _collect(self, progress: session.Progress, reply: Reply, result: dict[str, Any]) -> Reply:
        """Fetch all that the VM has kept, for callers that read the result and not the events."""
        keeper, out, err = Keeper(self._connection), bytearray(), bytearray()
        with link.guarded(10 * _CALL_SLACK):
            if progress.out_next or progress.err_next:
                reply = keeper.poll(progress.id, {})
            while True:
                out += reply.out
                err += reply.err
                if reply.complete:
                    break
                begin = {
                    "out": reply.out_from + len(reply.out),
                    "err": reply.err_from + len(reply.err),
                }
                reply = keeper.poll(progress.id, begin)
        result |= {"stdout": out.decode(errors="replace"), "stderr": err.decode(errors="replace")}
        result["truncated"] = reply.out_total - len(out) + reply.err_total - len(err)
        return reply


def _news(asked: int, begins: int, total: int, data: bytes) -> dict[str, object]:
    return {"data": session.pack(data), "skipped": begins - asked, "total": total}
