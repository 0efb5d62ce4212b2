"""A client that gives turns to an agent's session, follows or stops it, or lists sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ansible_collections.dxansible.fleet.plugins.plugin_utils import first_sent, session
from ansible_collections.dxansible.fleet.plugins.plugin_utils.list_run import ListRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stop_run import StopRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_run import TurnRun

from tests.simulation.client import HOST, Client
from tests.simulation.robot import AGENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import HostRun

    from tests.simulation.process import Work

__all__ = ["TurnClient", "agent_session"]


def agent_session(name: str) -> str:
    """Return the id of an agent's session."""
    return session.session_id(f"ses_{name}", HOST)


class TurnClient(Client):
    """One client of a plan with turns."""

    kinds: ClassVar[Mapping[str, type[HostRun]]] = {
        "turn": TurnRun, "follow_turn": TurnRun, "stop_turn": StopRun, "sessions": ListRun,
    }  # fmt: skip
    living: tuple[Work, ...] = ()
    """The turns of the session that were alive at the end of the client."""
    began: tuple[Work, ...] = ()
    """Those that had begun by then."""

    @property
    def works(self) -> list[Work]:
        """The truth of its session's turns, in the order in which they began."""
        first = f"{agent_session(self.plan['name'])}."
        found = [
            work
            for name, works in self.history.vm.truth.items()
            if name.startswith(first)
            for work in works
        ]
        return sorted(found, key=lambda work: work.began)

    def _end(self) -> None:
        self.began = tuple(self.works)
        self.living = tuple(work for work in self.began if work.living)
        super()._end()

    def _payload(self) -> bytes:
        if self.plan["kind"] != "turn":
            return b""
        check = b"make test" if self.plan.get("verify") else b""
        return b"%d\n%brun %d" % (len(check), check, self.plan["prompt"])

    def _options(self, kind: str) -> dict[str, Any]:
        plan, name = self.plan, agent_session(self.plan["name"])
        common = {"agents": dict(AGENTS), "claim_ends": bool(plan.get("claims"))}
        match kind:
            case "turn":
                return common | self._of_turn(name)
            case "follow_turn":
                more = {name: plan[name] for name in ("turn", "tail", "wait") if name in plan}
                found = {"session": name, "mode": "follow", "max_retries": plan.get("retries", 1)}
                return common | found | more | self._of_again()
            case "stop_turn":
                return common | {"id": name, "turns": True}
            case _:
                more = {"session": name, "trail": "log", "thread": plan.get("thread", "")}
                return common | more

    def _of_turn(self, name: str) -> dict[str, Any]:
        plan = self.plan
        options: dict[str, Any] = {
            "mode": plan["mode"], "token": self.token,
            "timeout": float(plan.get("timeout", 600.0)),
            "idle_timeout": float(plan.get("idle", 0.0)), "max_retries": plan.get("retries", 1),
            "when_back": float(plan.get("when_back", 0.0)), "trail": "log",
            "queue": bool(plan.get("queue")), "wait": bool(plan.get("wait", True)),
            "on_limit": plan.get("on_limit", "fail"), "max_cost": float(plan.get("max_cost", 0.0)),
        }  # fmt: skip
        if plan["mode"] == "start":
            options["agent"] = plan.get("agent", "robot")  # a session keeps it
        if plan["mode"] == "start" and plan.get("preflight"):
            checks = not plan.get("again")
            options["preflight"] = {"run_id": f"ses_{plan['name']}", "checks": checks}
        else:
            options["session"] = name
        if plan.get("start_in"):
            options["start_at"] = self.machine.wall() + plan["start_in"]
        return options | self._of_again()

    def _of_again(self) -> dict[str, Any]:
        """Return what a call says to the run that goes on in the place of one that was killed."""
        if not self.plan.get("again"):
            return {}
        before = self.history.clients[self.plan["again"] - 1]
        assert isinstance(before, TurnClient)
        stamp = first_sent.stamp(before.first_began, before.machine)
        upto = before.upto
        shown = {"shown": {HOST: list(upto)}} if upto else {}
        return {"may_have_arrived": True, "first_sent": stamp, **shown}

    @property
    def upto(self) -> tuple[int, ...]:
        """The turn, and how far its output was told; empty if nothing was."""
        told = [each for each in self.news if "upto" in each]
        if told:
            return (told[-1]["turn"], *told[-1]["upto"])
        again = self.plan.get("again")
        before = self.history.clients[again - 1] if again else None
        return before.upto if isinstance(before, TurnClient) else ()
