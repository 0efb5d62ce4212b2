"""A supervisor's clocks on the model of the VM (`6-watch.sh`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.session import Session
    from tests.simulation.turn_script import TurnWork
    from tests.simulation.vm import Vm

__all__ = ["watch_turn"]

_LOOK = 5.0


def watch_turn(
    vm: Vm, session: Session, work: TurnWork, me: Process, limits: tuple[float, float]
) -> None:
    """Start the clocks of a turn's time limit and of its idle limit; seconds, 0 is no limit."""
    deadline, idle = limits
    if deadline:
        due = vm.loop.now + deadline
        vm.loop.at(due, _at_deadline, vm, session, me, due, 0)
    if idle:
        vm.loop.after(idle, _at_silence, vm, session, work, me, idle)


def _at_deadline(vm: Vm, session: Session, me: Process, due: float, moved: int) -> None:
    """A turn that waits for a usage limit has no time limit; the wait does not count."""
    if not me.alive:
        return
    waited = session.files.get("waited", 0)
    if "waits" in session.files:
        soon = max(vm.loop.now + _LOOK, vm.loop.now + session.files["waits"] - vm.wall())
        vm.loop.at(soon, _at_deadline, vm, session, me, due, moved)
    elif waited > moved:
        later = due + waited - moved
        vm.loop.at(later, _at_deadline, vm, session, me, later, waited)
    else:
        me.signal("timeout")


def _at_silence(vm: Vm, session: Session, work: TurnWork, me: Process, idle: float) -> None:
    if not (me.alive and work.running):
        return
    if "waits" in session.files:
        work.stirred = vm.loop.now
    due = work.stirred + idle
    if due <= vm.loop.now:
        me.signal("idle")
        return
    vm.loop.at(due + 0.5, _at_silence, vm, session, work, me, idle)
