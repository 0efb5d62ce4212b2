"""A task for the agents of a pattern's hosts, handed over as `CommandCall` hands over a command."""

from __future__ import annotations

import json
import threading

from dxansible.ids import agent_run, new_run_id, new_token, token_of
from dxansible.redact import summarize
from dxansible.run.options import SessionOptions, check_task, check_verify
from dxansible.run.plays import Play

__all__ = ["TaskCall"]


class TaskCall:
    """A task, the hosts it is for, and the run of Ansible that has it now."""

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
        self.pattern, self.options = pattern, options or SessionOptions()
        self.text = check_task(task)
        verify = self.options.verify
        self._verify = b"" if verify is None else check_verify(verify)
        self.summary = summarize(self.text.decode(errors="replace"))
        self.cancelled = cancelled or threading.Event()
        self.run_id, self._token = new_run_id("ses"), new_token()
        if given := self.options.run_id:
            self.run_id = agent_run(given)
            words = self.text.decode("utf-8", "surrogateescape")
            self._token = token_of(given, self.options.session or "", words)
        self._claim_ends = claim_ends
        self._play: Play | None = None

    def begin(self) -> Play:
        """Begin the run, unless it has begun, and return it."""
        if self._play is None:
            self._play = Play(
                self.options.settings,
                "start-session.yml",
                limit=self.pattern,
                variables={
                    **self.options.variables(),
                    "dx_run_id": self.run_id,
                    "dx_task_summary": self.summary,
                    "dx_claim_ends": self._claim_ends,
                    "dx_token": self._token,
                },
                cancelled=self.cancelled,
                secret_text=self._payload(),
                forks=self.options.forks,
            )
        return self._play

    def _payload(self) -> bytes:
        """Return the texts for the VMs as the collection's `Inputs` read them."""
        files = self.options.attachments
        sizes = [[name, len(data)] for name, data in files]
        named = f" {json.dumps(sizes)}".encode() if sizes else b""
        contents = b"".join(data for _, data in files)
        return b"%d%b\n%b%b%b" % (len(self._verify), named, self._verify, contents, self.text)
