"""A call in a round: it is seen to its end, and its document is read."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tests.chaos.kept.judge import Told

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

__all__ = ["results_of", "see_through"]


def see_through(
    client: subprocess.Popen[bytes], timers: Iterable[threading.Timer], patience: float
) -> tuple[bytes, bytes]:
    """Return what a call prints until its end; one that takes longer than ``patience`` s hung.

    The timers are over then, too.
    """
    try:
        return client.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        client.kill()
        out, err = client.communicate()
        return out, err + b"\nit hung"
    except BaseException:
        client.kill()
        raise
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()


def results_of(document: bytes) -> dict[str, Told]:
    """Return the results by host; empty where a call has had none."""
    try:
        results = json.loads(document)["results"]
    except (ValueError, KeyError):
        return {}
    return {
        each["host"]: Told(
            outcome=each["outcome"],
            reason=each["reason"],
            output=each["stdout"],
            error=each["error"] or "",
            attached=each["attached"],
        )
        for each in results
    }
