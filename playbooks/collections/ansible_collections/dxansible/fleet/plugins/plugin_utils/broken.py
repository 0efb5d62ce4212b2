# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The result of a host whose run raised an error: in Ansible, the inventory, or our code."""

from __future__ import annotations

from typing import Any


def broken(host: str, error: BaseException) -> dict[str, Any]:
    """Make the task's result for a host from an error.

    ``origins`` in its record are the places that Ansible names as the cause, outermost first.
    """
    text = str(error) or type(error).__name__
    origins = _origins(error)
    where = f" ({origins[-1].splitlines()[0]})" if origins else ""
    record = {"kind": "broken", "error": text, "origins": origins}
    return {"failed": True, "changed": False, "msg": f"{host}: {text}{where}", "dx": record}


def _origins(error: BaseException | None) -> list[str]:
    found = []
    while error is not None:
        context = getattr(error, "_formatted_source_context", None)
        if context:
            found.append(str(context))
        error = error.__cause__ or error.__context__
    return found
