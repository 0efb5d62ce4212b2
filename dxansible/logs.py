"""Log events: a constant name and fields, as logfmt or as JSON lines.

A library does not print: until `configure` is called, events reach only the handlers of the program
that uses this package, where their message is the logfmt line.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, TextIO

from dxansible.redact import printable, redact

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["configure", "event"]

_LOGGER = logging.getLogger("dxansible")
_LOGGER.addHandler(logging.NullHandler())

_BARE = re.compile(r"[A-Za-z0-9_.:/@%+,-]+")

_Field = str | int | float | bool | None


def configure(*, json: bool, verbosity: int, stream: TextIO) -> None:
    """Write events only to `stream` from now on.

    `verbosity` is -1 for errors only, 0 for the normal events, 1 and more for debugging.
    """
    handler = _EventHandler(stream)
    handler.setFormatter(_json_formatter() if json else logging.Formatter())
    for earlier in [each for each in _LOGGER.handlers if isinstance(each, _EventHandler)]:
        _LOGGER.removeHandler(earlier)
    _LOGGER.addHandler(handler)
    normal = logging.DEBUG if verbosity else logging.INFO
    _LOGGER.setLevel(logging.ERROR if verbosity < 0 else normal)
    _LOGGER.propagate = False


def event(name: str, /, level: int = logging.INFO, **fields: _Field) -> str:
    """Log `name` with `fields`, and return the line; secrets in the values are masked first."""
    safe = {
        key: redact(value) if isinstance(value, str) else value for key, value in fields.items()
    }
    line = _Event(event=name, **safe)
    _LOGGER.log(level, line)
    return str(line)


class _Event(dict[str, _Field]):
    """A log message that is a dict to python-json-logger and the logfmt line to everything else."""

    def __str__(self) -> str:
        fields = (
            f"{key}={_logfmt(value)}"
            for key, value in self.items()
            if key != "event" and value is not None
        )
        return " ".join([str(self["event"]), *fields])


class _EventHandler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Drop the event: a closed reader must neither end the work nor fill the screen."""


def _logfmt(value: _Field) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:z.3f}".rstrip("0").rstrip(".")
    text = str(value)
    if _BARE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped)}"'


def _json_formatter() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - slow to load

    return JsonFormatter(
        "%(levelname)s",
        rename_fields={"levelname": "level"},
        timestamp=True,
        json_default=_iso_milliseconds,
    )


def _iso_milliseconds(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
