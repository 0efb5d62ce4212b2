"""A command for the hosts of a pattern, handed over before anything that shows it is loaded."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from dxansible.ids import new_run_id
from dxansible.parameters import RUN_ID
from dxansible.redact import summarize
from dxansible.run.command_options import FanoutOptions, check_command
from dxansible.run.plays import Play

if TYPE_CHECKING:
    from dxansible.run.flow import Flow

__all__ = ["CommandCall"]


class CommandCall:
    """A command, the hosts it is for, and the run of Ansible that has it now."""

    def __init__(
        self,
        pattern: str,
        command: str | bytes,
        options: FanoutOptions | None = None,
        *,
        cancelled: threading.Event | None = None,
        flow: Flow | None = None,
    ) -> None:
        """Check the command and its options. Raises UsageError."""
        self.pattern, self.options = pattern, options or FanoutOptions()
        self.text = check_command(command)
        self.summary = summarize(self.text.decode(errors="replace"))
        self.cancelled, self.flow = cancelled or threading.Event(), flow
        self.run_id = self.options.run_id or new_run_id()
        self.settings = self.options.settings
        self._token = os.urandom(8).hex()
        """Identifies this call's commands to a run of Ansible that follows a killed one."""
        self._play: Play | None = None

    def begin(self) -> Play:
        """Begin the run, unless it has begun, and return it."""
        if self._play is None:
            self._play = self._begin(self.pattern)
        return self._play

    @property
    def secret_text(self) -> bytes:
        """The command in the form that playbooks read."""
        return self.options.hand_over(self.text)

    def begin_again(self, limit: str, *, engine: bool) -> Play:
        """Begin a run where a killed one has left off; it attaches to the same ids on the VMs."""
        if not engine:
            self.settings = replace(self.settings, engine=False)
        return self._begin(limit, again=True)

    def _begin(self, limit: str, *, again: bool = False) -> Play:
        return Play(
            self.settings,
            "run-command.yml",
            limit=limit,
            variables={
                **self.options.variables(),
                RUN_ID.variable: self.run_id,
                "dx_stream": True,
                "dx_preflight": self.options.preflight and not again,
                "dx_contacted": again,
                "dx_token": self._token,
            },
            cancelled=self.cancelled,
            secret_text=self.secret_text,
            forks=self.options.forks,
            flow=self.flow,
        )
