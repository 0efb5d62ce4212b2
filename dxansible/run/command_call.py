"""A command for the hosts of a pattern, handed over before anything that shows it is loaded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.ids import new_run_id, new_token
from dxansible.parameters import RUN_ID
from dxansible.redact import summarize
from dxansible.run.options import FanoutOptions, check_command
from dxansible.run.plays import Play

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.run.flow import Flow

__all__ = ["CommandCall"]

_MOST_NAMED = 5


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
        self._play: Play | None = None

    @property
    def secret_text(self) -> bytes:
        """The command in the form that playbooks read."""
        return self.options.payload(self.text)

    def check_number(self, too_many: Sequence[str]) -> None:
        """Raise UsageError if the pattern has more hosts than the options allow: these."""
        if too_many:
            names = ", ".join(too_many[:_MOST_NAMED])
            more = ", …" if len(too_many) > _MOST_NAMED else ""
            message = f"{self.pattern} is {len(too_many)} hosts: {names}{more}"
            raise UsageError(
                message, "nothing was started; name one, or leave out --pass-exit-code"
            )

    def begin(self) -> Play:
        """Begin the run, unless it has begun, and return it."""
        if self._play is None:
            self._play = Play(
                self.options.settings,
                "run-command.yml",
                limit=self.pattern,
                variables={
                    **self.options.variables(),
                    RUN_ID.variable: self.run_id,
                    "dx_stream": True,
                    "dx_preflight": self.options.preflight,
                    "dx_token": new_token(),
                },
                cancelled=self.cancelled,
                secret_text=self.secret_text,
                forks=self.options.forks,
                flow=self.flow,
            )
        return self._play
