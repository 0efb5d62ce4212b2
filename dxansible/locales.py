"""Chooses a locale that Ansible accepts."""

from __future__ import annotations

import _locale  # a part of Python itself; `locale` takes longer to load
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["utf8_locale"]

_LOCALES = ("C.UTF-8", "en_US.UTF-8")
"""Of Linux, and of macOS."""


def utf8_locale(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the locale for Ansible, which refuses those without UTF-8 and those not installed.

    There is none if the user's own will do: ``LC_ALL=C``, as scripts have it, will not.
    """
    given = {
        name: text for name, text in environ.items() if name == "LANG" or name.startswith("LC_")
    }
    return {} if {*given.values()} <= {"", _LOCALES[0]} else _find(frozenset(given.items()))


@cache  # to try one out is to change that of all threads for a moment
def _find(_given: frozenset[tuple[str, str]]) -> dict[str, str]:
    before = _locale.setlocale(_locale.LC_ALL)
    try:
        for locale in ("", *_LOCALES):
            with suppress(_locale.Error):  # type: ignore[attr-defined] # not in typeshed
                _locale.setlocale(_locale.LC_ALL, locale)
                if _locale.nl_langinfo(_locale.CODESET).upper() == "UTF-8":
                    return {"LC_ALL": locale} if locale else {}
    finally:
        _locale.setlocale(_locale.LC_ALL, before)
    return {}
