"""Finds the inventory variable that keeps Ansible from running a task.

Ansible does not name the variable. It names the file only on screen, after ``Origin:``; the root
cause comes last.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["VAULT_REMEDY", "explain_variable", "is_about_vault"]

VAULT_REMEDY = (
    "set ANSIBLE_VAULT_PASSWORD_FILE, or vault_password_file in ansible.cfg, "
    "to a file with the vault's password"
)

_ORIGIN = re.compile(r"^Origin: (/.+?):(\d+)(?::(\d+))?[ \t]*$", re.MULTILINE)
_FRAME = re.compile(r"(?:Task failed: )?(?:Error processing keyword '[^']*': )?")
_NAME = re.compile(r"""["']?\b([A-Za-z_]\w*)["']?\s*[:=]""")
_KEY = re.compile(r"\s*(?:-\s+)?" + _NAME.pattern)
_VARIABLE_DIRECTORIES = {"host_vars", "group_vars"}


def is_about_vault(words: str) -> bool:
    """Whether Ansible says that it could not decrypt something."""
    return re.search(r"vault|decrypt", words, re.IGNORECASE) is not None


def explain_variable(playbook: Path, host: str, words: str, shown: str) -> str | None:
    """Return which variable made a task fail, where it is, and why.

    ``words`` is Ansible's message, ``shown`` its output on screen. The text ends with a remedy
    after a semicolon. Returns None if no variable of the inventory is the cause.
    """
    origins = _ORIGIN.findall(shown.replace("\r\n", "\n"))
    if not origins:
        return None
    name, line, column = origins[-1]
    path, content = Path(name), playbook.parent
    if content in path.parents and not _VARIABLE_DIRECTORIES & set(path.parts):
        return None
    words = _FRAME.sub("", words, count=1).rstrip(".")
    variable = _variable(path, int(line), int(column or 1))
    what = f"{variable} in {path}, line {line}," if variable else f"line {line} of {path}"
    remedy = VAULT_REMEDY if is_about_vault(words) else "correct it there"
    return f"{host}: {what} can't be used ({words}); {remedy}"


def _variable(path: Path, line: int, column: int) -> str | None:
    """Return the name of the variable whose value contains this position."""
    try:
        lines = path.read_text(errors="replace").splitlines()[:line]
    except OSError:
        return None
    if lines and column > 1:
        lines[-1] = lines[-1][: column - 1]
    if _VARIABLE_DIRECTORIES & set(path.parts):  # an indented line belongs to a variable
        return next((found[1] for each in reversed(lines) if (found := _NAME.match(each))), None)
    if lines and (names := _NAME.findall(lines[-1])):
        return str(names[-1])
    return next((found[1] for each in reversed(lines) if (found := _KEY.match(each))), None)
