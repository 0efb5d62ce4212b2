# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documents the attributes that all actions share: they run on the controller."""

from __future__ import annotations


class ModuleDocFragment:
    """Support for Ansible's keywords."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action:
    description: Runs on the controller; the host needs a POSIX shell and no Python.
    support: full
  async:
    description: Can be used with the C(async) keyword.
    support: none
  diff_mode:
    description: Returns the same with and without C(diff); there is no C(diff) in the result.
    support: none
"""
