"""A command, or a task for agents, handed over before anything that shows it is loaded."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.ids import agent_run, new_run_id, new_token, token_of
from dxansible.parameters import RUN_ID
from dxansible.redact import summarize
from dxansible.run.options import FanoutOptions, SessionOptions, check_text
from dxansible.run.plays import Play

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.run.flow import Flow
    from dxansible.run.sent import SentNotes

__all__ = ["CommandCall", "TaskCall"]

_MOST_NAMED = 5


class _Call(ABC):
    """Work for the hosts of a pattern, and the run of Ansible that has it now."""

    def __init__(self, pattern: str, text: bytes, cancelled: threading.Event | None) -> None:
        self.pattern, self.text = pattern, text
        self.summary = summarize(text.decode(errors="replace"))
        self.cancelled = cancelled or threading.Event()
        self._play: Play | None = None
        self._notes: SentNotes | None = None

    def begin(self) -> Play:
        """Begin the run, unless it has begun, and return it."""
        if self._play is None:
            self._play = self._run()
        return self._play

    def end(self) -> frozenset[str]:
        """Let the run send nothing more. Returns the hosts to which it has certainly sent nothing.

        Only a call that waits for hosts can say so, when it is ended for the first time.
        """
        notes, self._notes = self._notes, None
        return frozenset() if notes is None else notes.close()

    def _noted(self, options: FanoutOptions | SessionOptions) -> Mapping[str, object]:
        """Return a variable for the run of a call that waits for hosts."""
        if options.when_back_sec is None:
            return {}
        from dxansible.run.sent import SentNotes  # noqa: PLC0415 - for such calls only

        self._notes = SentNotes(options.settings.runtime_dir)
        return self._notes.variables

    @abstractmethod
    def _run(self) -> Play:
        """Begin the run."""


class CommandCall(_Call):
    """A command for the hosts of a pattern."""

    kind = "command"

    def __init__(  # noqa: PLR0913 - options by name
        self,
        pattern: str,
        command: str | bytes,
        options: FanoutOptions | None = None,
        *,
        cancelled: threading.Event | None = None,
        flow: Flow | None = None,
        new_id: str | None = None,
    ) -> None:
        """Check the command and its options. Raises UsageError.

        ``new_id`` is the id if the options have none, and was made for this call alone; None makes
        one.
        """
        self.options, self.flow = options or FanoutOptions(), flow
        super().__init__(pattern, check_text(command, "command"), cancelled)
        self.run_id = self.options.run_id or new_id or new_run_id()

    def check_number(self, too_many: Sequence[str]) -> None:
        """Raise UsageError if the pattern has more hosts than the options allow: these."""
        if too_many:
            names = ", ".join(too_many[:_MOST_NAMED])
            more = ", …" if len(too_many) > _MOST_NAMED else ""
            message = f"{self.pattern} is {len(too_many)} hosts: {names}{more}"
            raise UsageError(
                message, "nothing was started; name one, or leave out --pass-exit-code"
            )

    def stop(self, limit: str) -> Play:
        """Begin to stop the command on the hosts of a pattern; one that lacks it can't begin it.

        The text goes along, so that another command with the same id is left alone.
        """
        return Play(
            self.options.settings,
            "stop-command.yml",
            limit=limit,
            variables={RUN_ID.variable: self.run_id, **self.sent()},
            secret_text=self.options.payload(self.text),
            forks=self.options.forks,
        )

    def sent(self) -> dict[str, object]:
        """Return a variable for a stop: since when the command may have been sent."""
        from dxansible.first_sent import stamp  # noqa: PLC0415 - for stops only

        if self._play is None:
            return {}
        return {"dx_first_sent": stamp(self._play.began, self.options.settings.machine)}

    def _run(self) -> Play:
        return Play(
            self.options.settings,
            "run-command.yml",
            limit=self.pattern,
            variables={
                **self.options.variables(),
                **self._noted(self.options),
                RUN_ID.variable: self.run_id,
                "dx_stream": True,
                "dx_preflight": self.options.preflight,
                "dx_token": new_token(),
            },
            cancelled=self.cancelled,
            secret_text=self.options.payload(self.text),
            forks=self.options.forks,
            flow=self.flow,
        )


class TaskCall(_Call):
    """A task for the agents of a pattern's hosts."""

    kind = "agent"

    def __init__(
        self,
        pattern: str,
        task: str | bytes,
        options: SessionOptions | None = None,
        *,
        cancelled: threading.Event | None = None,
        claim_ends: bool = False,
    ) -> None:
        """Check the task and its options. Raises UsageError."""
        self.options, self._claim_ends = options or SessionOptions(), claim_ends
        super().__init__(pattern, check_text(task, "task"), cancelled)
        verify = self.options.verify
        self._verify = b"" if verify is None else check_text(verify, "verify")
        self.run_id, self._token = new_run_id("ses"), new_token()
        if given := self.options.run_id:
            self.run_id = agent_run(given)
            words = self.text.decode("utf-8", "surrogateescape")
            self._token = token_of(given, self.options.session or "", words)

    def _run(self) -> Play:
        return Play(
            self.options.settings,
            "start-session.yml",
            limit=self.pattern,
            variables={
                **self.options.variables(),
                **self._noted(self.options),
                RUN_ID.variable: self.run_id,
                "dx_task_summary": self.summary,
                "dx_claim_ends": self._claim_ends,
                "dx_token": self._token,
            },
            cancelled=self.cancelled,
            secret_text=self._payload(),
            forks=self.options.forks,
        )

    def _payload(self) -> bytes:
        """Return the texts for the VMs as the collection's `Inputs` read them."""
        files = self.options.attachments
        sizes = [[name, len(data)] for name, data in files]
        named = f" {json.dumps(sizes)}".encode() if sizes else b""
        contents = b"".join(data for _, data in files)
        return b"%d%b\n%b%b%b" % (len(self._verify), named, self._verify, contents, self.text)
