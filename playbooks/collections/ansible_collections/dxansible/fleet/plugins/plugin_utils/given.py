# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of a task: as it gives them, else from the variables of the host.

Not left to templates in the playbooks: each would be compiled anew for each host.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ONE_AT_A_TIME", "complete", "of_host", "variables_of"]

ONE_AT_A_TIME = threading.RLock()
"""Ansible's templates and loaders are not made for threads."""

_OF_HOST = ("dx_aliases", "dx_auth_mode", "dx_capabilities", "dx_hostnames")


def complete(
    templar: Any,  # noqa: ANN401 - ansible-core has no types
    given: Mapping[str, Any],
    variables: Mapping[str, Any],
    names: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what is given, and for the rest of the options the variables that the host has.

    ``names``: the variable of each option; of an option that has options itself, theirs.
    """
    found = dict(given)
    for option, name in names.items():
        if not isinstance(name, str):
            if isinstance(found.get(option), dict):
                found[option] = complete(templar, found[option], variables, name)
        elif option not in found and name in variables:
            found[option] = templar.template(variables[name])
    return found


def variables_of(spec: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The ``names`` for `complete`, of an argument spec whose options have each a ``variable``.

    An option without one is only as the task gives it.
    """
    own = {name: facts["variable"] for name, facts in spec.items() if "variable" in facts}
    inner = {name: facts["options"] for name, facts in spec.items() if "options" in facts}
    return own | {name: variables_of(options) for name, options in inner.items()}


def of_host(
    templar: Any,  # noqa: ANN401 - ansible-core has no types
    variables: Mapping[str, Any],
) -> dict[str, Any]:
    """The variables of a host, with values for the templates that describe it."""
    with ONE_AT_A_TIME:
        found = {name: templar.template(variables[name]) for name in _OF_HOST if name in variables}
    return {**variables, **found}
