# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.run_command``; the module of that name documents it."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.dxansible.fleet.plugins.plugin_utils import (
    flow,
    link,
    session,
    verdict,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.attempt import (
    CALL_SLACK,
    COMMON_SPEC,
    COMMON_VARIABLES,
    AttemptAction,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import ENDED, Keeper, Reply

_SPEC = {
    **COMMON_SPEC,
    "id": {"type": "str", "default": ""},
    "stream": {"type": "bool", "default": False},
    "command_socket": {"type": "str", "default": ""},
    "flow_socket": {"type": "str", "default": ""},
    "attach": {"type": "bool", "default": False},
    "contacted": {"type": "bool", "default": False},
}
_VARIABLES = {
    **COMMON_VARIABLES,
    "timeout": "dx_timeout",
    "output_limit": "dx_output_limit",
    "stream": "dx_stream",
    "command_socket": "dx_command_socket",
    "contacted": "dx_contacted",
    "flow_socket": "dx_flow_socket",
}
_SLOWEST = 64 * 1024
"""Bytes a second at which the command's standard input may still arrive on the VM."""


class ActionModule(AttemptAction):
    """One try: starts the session if it isn't known to run, else waits for news of it.

    It never runs a command twice.
    """

    spec: ClassVar = _SPEC
    variables: ClassVar = _VARIABLES
    kind: ClassVar = "command"

    def _progress(self) -> session.Progress:
        name = self._id(self._arguments["id"], "id")
        progress = session.Progress.of(name, self._task.register, self._variables)
        progress.contacted |= self._arguments["contacted"]
        return progress

    def _step(self, progress: session.Progress, record: dict[str, Any]) -> verdict.Verdict | None:
        reply = self._ask(progress)
        if reply.state == "conflict":
            return verdict.conflict(self._host, progress.id)
        return self._take(progress, record, reply)

    def _ask(self, progress: session.Progress) -> Reply:
        keeper = Keeper(self._link)
        wait = 1 if self._crowded else 4
        fetch = self._fetch(progress, wait)
        if progress.started or self._arguments["attach"]:
            where = {"out": progress.out_next, "err": progress.err_next}
            with self._guard(wait):
                return keeper.poll(progress.id, {"wait": wait, **where, **fetch})
        command = self._command()
        options = {**self._options(), "token": progress.token, **fetch}
        about = command.about(self._host, self._arguments["path"])
        with self._guard(wait + len(command.stdin) / _SLOWEST):
            return keeper.start(
                progress.id, command.text, options, about=about, stdin=command.stdin
            )

    def _fetch(self, progress: session.Progress, wait: int) -> dict[str, object]:
        """How much to fetch; may first wait for the caller's reader."""
        source = self._arguments["flow_socket"]
        if source:
            chunk = flow.follow(source, self._host, self._hosts, progress, wait)
            lease = flow.lease(self._hosts, self._forks, self._turn())
            hurry = {} if chunk else {"wait": 0}
            return {"flow": progress.follower, "lease": lease, "chunk": chunk, **hurry}
        followed = progress.started or self._arguments["attach"]
        return {"chunk": 0} if followed and not self._arguments["stream"] else {}

    def _command(self) -> session.Command:
        try:
            return session.read_command(self._variables, self._arguments["command_socket"])
        except session.CommandError as error:
            raise AnsibleActionFail(str(error)) from error

    def _options(self) -> dict[str, object]:
        return {
            "deadline": self._deadline(),
            "limit": self._limit,
            "path": ":".join(self._arguments["path"]),
            "wait": self._first_wait,
        }

    def _take(
        self,
        progress: session.Progress,
        record: dict[str, Any],
        reply: Reply,
    ) -> verdict.Verdict | None:
        progress.started = progress.contacted = True
        progress.ours |= reply.token == progress.token
        record["attached"] = not (progress.ours or self._arguments["attach"])
        if self._arguments["stream"]:
            record["expired"] = reply.expired
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
            reply = self._collect(progress, reply)
        record["full"] = reply.full
        timeout = self._arguments["timeout"] if progress.ours else None
        return verdict.from_reply(self._host, reply, timeout)

    def _collect(self, progress: session.Progress, reply: Reply) -> Reply:
        """Fetch all that the VM has kept, for callers that read the result and not the events."""
        keeper, out, err = Keeper(self._link), bytearray(), bytearray()
        with link.guarded(10 * CALL_SLACK):
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
        self._result |= {
            "stdout": out.decode(errors="replace"),
            "stderr": err.decode(errors="replace"),
        }
        self._result["truncated"] = reply.out_total - len(out) + reply.err_total - len(err)
        return reply


def _news(asked: int, begins: int, total: int, data: bytes) -> dict[str, object]:
    return {"data": session.pack(data), "skipped": begins - asked, "total": total}
