"""The settings of a fan-out, checked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dxansible import parameters as known
from dxansible.errors import UsageError
from dxansible.ids import check_run_id
from dxansible.parameters import Told, told
from dxansible.redact import summarize
from dxansible.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FanoutOptions", "check_command", "check_seconds", "check_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FanoutOptions(Told):
    """How to run a command; times are in seconds.

    Raises UsageError for values that make no sense.
    """

    timeout_sec: float = told(known.TIMEOUT)
    """For each attempt, enforced on the VM."""
    max_retries: int = told(known.RETRIES)
    """Further connection attempts; a command that ran is never run again."""
    retry_delay_sec: float = told(known.RETRY_DELAY)
    preflight: bool = True
    preflight_timeout_sec: float = told(known.PREFLIGHT_TIMEOUT)
    """For each check, and for a connection to come up."""
    batch_mode: bool = told(known.BATCH_MODE)
    """Never wait for a person to type a password or passphrase."""
    forks: int | None = None
    """Hosts at a time; None is all of them, up to 200."""
    output_limit: int | None = told(known.OUTPUT_LIMIT)
    """Bytes of each stream kept of a host; None is 4 MiB, less for many hosts (32 MiB in all)."""
    run_id: str | None = told(known.RUN_ID)
    """A command runs once on each host under one id, however often it is sent.

    An id belongs to its first command: another one is refused. None makes a new id.
    """
    label: str | None = None
    """Text for the VM's listings; None is the command in one line without secrets."""
    stdin: bytes = field(default=b"", repr=False)
    """The command's standard input; every host gets all of it."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the command's environment."""
    cwd: str = ""
    """The command's directory; empty is the home directory, which ``~/`` stands for."""
    log_callback: Callable[[str], None] | None = None
    settings: Settings = field(default_factory=Settings.load)

    def __post_init__(self) -> None:
        """Validate the values."""
        check_seconds("timeout", self.timeout_sec)
        check_seconds("preflight timeout", self.preflight_timeout_sec)
        check_seconds("retry delay", self.retry_delay_sec, zero=True)
        if self.run_id is not None:
            check_run_id(self.run_id)
        for name, number, least in (("max retries", self.max_retries, 0), ("forks", self.forks, 1)):
            if number is not None and number < least:
                message = f"{name} is {number}"
                raise UsageError(message, f"give {least} or more")

    def payload(self, text: bytes) -> bytes:
        """Return the command as sent over the playbook's socket: the collection's `Command`."""
        summary = summarize(text.decode(errors="replace") if self.label is None else self.label)
        head = {"summary": summary, "env": dict(self.env), "cwd": self.cwd}
        sizes = {"stdin": len(self.stdin), "text": len(text)}
        return json.dumps(head | sizes).encode() + b"\n" + self.stdin + text


def check_seconds(name: str, seconds: float, *, zero: bool = False) -> None:
    """Raise UsageError unless it is a finite, positive number of seconds."""
    if not math.isfinite(seconds) or seconds < 0 or (seconds == 0 and not zero):
        message = f"{name} is {seconds:g}"
        raise UsageError(message, "give a number of seconds above 0")


def check_command(command: str | bytes) -> bytes:
    """Return the command as the bytes that the VM's shell gets.

    Raises UsageError if there is nothing to run.
    """
    return check_text(command, "command", 'dx-dispatch HOST --exec "COMMAND"', "shell")


def check_text(given: str | bytes, what: str, example: str, taker: str) -> bytes:
    """Return a text for the VM as bytes. Raises UsageError if it is blank or has a NUL byte."""
    text = given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given
    if not text.strip():
        raise UsageError(f"the {what} is empty", f"give one: {example}")
    if b"\0" in text:
        raise UsageError(f"the {what} has a NUL byte", f"no {taker} can take that; remove it")
    return text
