"""Log events: a constant name and fields, as logfmt or as JSON lines.

A library does not print: until `configure` is called, events reach only the handlers of the program
that uses this package, where their message is the logfmt line.
"""

from __future__ import annotations

import logging
import re
from time import gmtime
from typing import TYPE_CHECKING, Protocol

from dxansible.redact import printable, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

__all__ = ["configure", "event"]

_LOGGER = logging.getLogger("dxansible")
_LOGGER.addHandler(logging.NullHandler())

_BARE = re.compile(r"[A-Za-z0-9_.:/@%+,-]+")

_Field = str | int | float | bool | None


class _Stream(Protocol):
    """All that logging uses of a text stream."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


def configure(
    *,
    json: bool,
    verbosity: int,
    stream: _Stream | None,
    file: _Stream | None = None,
    tell: Callable[[Mapping[str, _Field]], None] | None = None,
) -> None:
    """Write events only as given here from now on.

    ``verbosity`` is -1 for errors only, 0 for the normal events, 1 and more for debugging.
    ``stream`` gets the lines. ``file`` gets them with time and process, also those that a
    ``verbosity`` of -1 leaves out. ``tell`` gets the fields of each warning, to put it into words.
    """
    normal = logging.DEBUG if verbosity > 0 else logging.INFO
    wanted = logging.ERROR if verbosity < 0 else normal
    handlers: list[tuple[logging.Handler, int]] = []
    if stream is not None:
        handlers.append((_to_stream(stream, _json_formatter() if json else None), wanted))
    if file is not None:
        stamped = _json_formatter("%(process)d") if json else _stamped()
        handlers.append((_to_stream(file, stamped), normal))
    if tell is not None:
        handlers.append((_Teller(tell), max(wanted, logging.WARNING)))
    ours = (_EventHandler, _Teller)
    for earlier in [each for each in _LOGGER.handlers if isinstance(each, ours)]:
        _LOGGER.removeHandler(earlier)
    for handler, level in handlers:
        handler.setLevel(level)
        _LOGGER.addHandler(handler)
    _LOGGER.setLevel(min((level for _, level in handlers), default=logging.CRITICAL))
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


class _EventHandler(logging.StreamHandler[_Stream]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Drop the event: a closed reader must neither end the work nor fill the screen."""


class _Teller(logging.Handler):
    """Passes on the fields of warnings; an error is an outcome, whose result says it."""

    def __init__(self, tell: Callable[[Mapping[str, _Field]], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING and isinstance(record.msg, _Event):
            self._tell(record.msg)


def _to_stream(stream: _Stream, formatter: logging.Formatter | None) -> _EventHandler:
    handler = _EventHandler(stream)
    handler.setFormatter(formatter or logging.Formatter())
    return handler


def _stamped() -> logging.Formatter:
    """Return the formatter of a file, which several calls of several days share."""
    formatter = logging.Formatter("%(message)s time=%(asctime)s pid=%(process)d")
    formatter.converter = gmtime
    formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
    formatter.default_msec_format = "%s.%03dZ"
    return formatter


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


def _json_formatter(more: str = "") -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - slow to load

    return JsonFormatter(
        f"%(levelname)s {more}",
        rename_fields={"levelname": "level", "process": "pid"},
        timestamp=True,
        json_default=_iso_milliseconds,
    )


def _iso_milliseconds(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
