# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of what all actions have in common: they run on the controller."""

from __future__ import annotations


class ModuleDocFragment:
    """What Ansible's keywords mean for them."""

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
    description: Has no differences to show.
    support: none
"""
