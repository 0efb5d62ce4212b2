# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The claim of a session on an issue, which the session's scripts make on the repository's remote.

The ref of the claim names one session. A session pushes its branch together with the claim, so a
session that was replaced can't push any more. The code is in ``files/claim.sh``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from .value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

META = "claim"
"""Key of the claim in a turn's meta."""
REFS = "refs/dx/claims"
LEASE = 14400.0
_REFS = re.compile(r"refs/[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._:-]")


class Claim(Value):
    """A claim on one issue."""

    issue: str
    host: str
    refs: str = REFS
    """Where the remote keeps claims."""
    lease: float = LEASE
    """Seconds from the session's last sign of life, after which another session may take over."""

    @classmethod
    def of_session(
        cls, host: str, issue: str | None, meta: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Self | None:
        """The claim of an earlier turn, or else the one that the options ask for.

        Raises ValueError for options that make no sense.
        """
        kept = meta.get(META)
        if issue and isinstance(kept, dict):
            return cls(issue=issue, host=host, refs=str(kept["refs"]), lease=float(kept["lease"]))
        if not options["claim"]:
            return None
        if not issue:
            raise ValueError("dx_claim needs the issue: set dx_beads")
        refs, lease = options["claim_refs"], options["claim_lease"]
        if _REFS.fullmatch(refs) is None:
            raise ValueError(f"dx_claim_refs is {refs!r}; it has to begin with refs/")
        if not 1 <= lease < 10**9:
            raise ValueError(f"dx_claim_lease is {lease:g}; give a number of seconds from 1 up")
        return cls(issue=issue, host=host, refs=refs, lease=lease)

    def meta(self) -> dict[str, object]:
        """What the VM keeps of it for the session's later turns."""
        return {"refs": self.refs, "lease": self.lease}


def values_of(claim: Claim | None) -> dict[str, str]:
    """The variables of the script; an empty ``issue`` for no claim."""
    if claim is None:
        return {"issue": ""}
    return {
        "issue": claim.issue,
        "claim_ref": f"{claim.refs.rstrip('/')}/{claim.issue}",
        "claim_host": _UNSAFE.sub("_", claim.host)[:100],
        "lease": f"{claim.lease:.0f}",
    }
