# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Completes the options of a task with variables of the host.

Templates in the playbooks could do the same, but Ansible would compile each of them for each host.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.template import Templar

ONE_AT_A_TIME = threading.RLock()
"""Lock for Ansible's templates and loaders, which are not thread-safe."""

_DESCRIBING = ("dx_aliases", "dx_auth_mode", "dx_capabilities", "dx_hostnames")


def fill_from_vars(
    templar: Templar,
    given: Mapping[str, Any],
    variables: Mapping[str, Any],
    spec: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the given options; the missing ones come from the host's variables.

    ``spec`` is Ansible's argument spec. Its key ``variable`` names an option's variable; an option
    without it comes only from the task.
    """
    found = dict(given)
    for option, facts in spec.items():
        if "options" in facts:
            if isinstance(found.get(option), dict):
                found[option] = fill_from_vars(templar, found[option], variables, facts["options"])
        elif (
            option not in found
            and facts.get("variable") in variables
            and found.keys().isdisjoint(facts.get("aliases", ()))
        ):
            value = templar.template(variables[facts["variable"]])
            if value is not None:  # a variable without a value is no option
                found[option] = value
    return found


def describing_vars(templar: Templar, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The host's variables; those that describe the host are templated."""
    with ONE_AT_A_TIME:
        found = {
            name: templar.template(variables[name]) for name in _DESCRIBING if name in variables
        }
    return {**variables, **found}
