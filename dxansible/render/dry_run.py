"""Renders what a call would send, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.redact import printable, redact
from dxansible.render.documents import document
from dxansible.render.invisible import count_invisible, show_invisible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.results import HostMapping

__all__ = ["document_of", "text_of"]


def document_of(what: str, text: str, **more: object) -> str:
    """Return the JSON document of a dry run; ``more`` are further fields.

    ``what`` is the field of the text: ``prompt`` or ``command``.
    """
    known = {"dry_run": True, what: text, "invisible_characters": count_invisible(text)}
    return document(exit_code=0, **known, **more)


def text_of(
    text: str, target: str, hosts: Sequence[HostMapping], options: Mapping[str, str]
) -> str:
    """Return the text to send, and below it the hosts and the options that go with it."""
    width = max(len(each.host) for each in hosts)
    rows = [f"  {each.host:<{width}}  {_way(each)}".rstrip() for each in hosts]
    known = [f"{name:<14} {printable(redact(value))}" for name, value in options.items()]
    shown = show_invisible(redact(text)).rstrip("\n")
    whom = ", the least loaded free one of" if target.startswith("any:") else ","
    head = f"on {target}{whom} {len(hosts)} host(s)"
    return "\n".join([shown, "", *map(printable, [head, *rows]), *known, ""])


def _way(host: HostMapping) -> str:
    user = f"{host.user}@" if host.user else ""
    port = f":{host.port}" if host.port else ""
    way = "on this machine" if host.auth_mode == "local" else f"{user}{host.address}{port}"
    return f"{way}  {host.auth_mode or ''}".rstrip()
