"""Defaults of options and settings, and the playbooks' variables for them.

Each is written once, here: the options of the command line and the settings of the Python API take
them from this module. A test compares them with the defaults of the playbooks.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from dxansible.value import Value, field, fields

__all__ = [
    "AGENT",
    "ATTACHMENTS_BYTES",
    "ATTACH_AGE_SECONDS",
    "BASE",
    "BATCH_MODE",
    "BEADS",
    "CLAIM",
    "CLAIM_LEASE",
    "CLEAN_AGE",
    "CONFIRM_ABOVE",
    "DIR",
    "DRAFT",
    "DRY_RUN",
    "FINALIZE_TIMEOUT",
    "FORK",
    "FORKS",
    "IDLE_SECONDS",
    "IDLE_TIMEOUT",
    "LABELS",
    "LEASE_SECONDS",
    "LONGEST_WAIT",
    "MAX_COST",
    "MODEL",
    "MOST_HOSTS",
    "NODE",
    "ONLY",
    "ON_LIMIT",
    "OUTPUT_LIMIT",
    "PLAN",
    "PREFLIGHT_TIMEOUT",
    "QUEUE",
    "REPO",
    "REQUIRED",
    "RETRIES",
    "RETRY_DELAY",
    "REVIEWERS",
    "RUN_ID",
    "SESSION",
    "START_AT",
    "TASK_IS_DATA",
    "TIMEOUT",
    "TRAIL",
    "TURN_SECONDS",
    "TURN_TIMEOUT",
    "WAIT",
    "WHEN_BACK",
    "Parameter",
    "Told",
    "told",
]

T = TypeVar("T")


class Parameter(NamedTuple, Generic[T]):
    """A variable of the playbooks; a default of None leaves it to the inventory and to them."""

    variable: str
    default: T

    def given(self, value: T | None) -> T:
        """Return the value, or the default if it is None."""
        return self.default if value is None else value


ATTACHMENTS_BYTES = 10 * 2**20
"""Of all files that go with one task."""
CONFIRM_ABOVE = 5
"""Hosts that a command of an agent gets without a question to the user."""
FORKS = 200
"""Hosts at a time, at most, if the caller gives no number."""
ATTACH_AGE_SECONDS = 86_400.0
"""Jules: maximum seconds since a session of the same request ended, to attach to it."""
TURN_SECONDS = 7_200.0
"""Seconds: the playbooks' limit of a turn, and ours of a Jules session."""
LONGEST_WAIT = 518_400.0
"""Seconds: the longest wait for a host; a VM knows an ended command a day longer."""
IDLE_SECONDS = 1_200.0
"""Seconds: the playbooks' limit of a turn that prints nothing."""
LEASE_SECONDS = 14_400.0
"""Seconds: the playbooks' lease of a claim."""

TIMEOUT = Parameter("dx_timeout", 60.0)
TURN_TIMEOUT: Parameter[float | None] = Parameter("dx_session_timeout", None)
FINALIZE_TIMEOUT = Parameter("dx_session_timeout", 600.0)
IDLE_TIMEOUT: Parameter[float | None] = Parameter("dx_idle_timeout", None)
PREFLIGHT_TIMEOUT = Parameter("dx_preflight_timeout", 5.0)
RETRIES = Parameter("dx_max_retries", 1)
RETRY_DELAY = Parameter("dx_retry_delay", 2.0)
START_AT: Parameter[float | None] = Parameter("dx_start_at", None)
WHEN_BACK: Parameter[float | None] = Parameter("dx_when_back", None)
BATCH_MODE = Parameter("dx_batch_mode", default=True)
OUTPUT_LIMIT: Parameter[int | None] = Parameter("dx_output_limit", None)
NODE: Parameter[str | None] = Parameter("dx_node", None)
MOST_HOSTS: Parameter[int | None] = Parameter("dx_most_hosts", None)
RUN_ID: Parameter[str | None] = Parameter("dx_run_id", None)
CLEAN_AGE = Parameter("dx_clean_age", 30)
DRY_RUN = Parameter("dx_dry_run", default=False)
ONLY: Parameter[str | None] = Parameter("dx_only", None)

AGENT: Parameter[str | None] = Parameter("dx_agent", None)
REPO: Parameter[str | None] = Parameter("dx_repo", None)
DIR: Parameter[str | None] = Parameter("dx_dir", None)
MODEL: Parameter[str | None] = Parameter("dx_model", None)
PLAN = Parameter("dx_plan", default=False)
BEADS: Parameter[str | None] = Parameter("dx_beads", None)
CLAIM: Parameter[bool | None] = Parameter("dx_claim", None)
CLAIM_LEASE: Parameter[float | None] = Parameter("dx_claim_lease", None)
SESSION: Parameter[str | None] = Parameter("dx_session", None)
ON_LIMIT: Parameter[str | None] = Parameter("dx_on_limit", None)
MAX_COST: Parameter[float | None] = Parameter("dx_max_cost", None)
REQUIRED = "dx_required"
"""Which of these two the agent has to support; the inventory's hold for agents that do."""
TRAIL: Parameter[str | None] = Parameter("dx_trail", None)
TASK_IS_DATA = Parameter("dx_task_is_data", default=False)
QUEUE = Parameter("dx_queue", default=False)
WAIT = Parameter("dx_wait", default=False)
BASE: Parameter[str | None] = Parameter("dx_base", None)
DRAFT = Parameter("dx_draft", default=False)
FORK: Parameter[str | None] = Parameter("dx_fork", None)
LABELS: Parameter[tuple[str, ...]] = Parameter("dx_labels", ())
REVIEWERS: Parameter[tuple[str, ...]] = Parameter("dx_reviewers", ())


def told(parameter: Parameter[T]) -> T:
    """Declare a dataclass field whose value goes to the playbooks."""
    declared: T = field(default=parameter.default, metadata={"variable": parameter.variable})
    return declared


class Told(Value):
    """Base class of values with `told` fields."""

    def variables(self) -> dict[str, object]:
        """Return the playbook's variables: the `told` fields that are not None."""
        found = {
            each.metadata["variable"]: getattr(self, each.name)
            for each in fields(self)
            if "variable" in each.metadata
        }
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value is not None
        }
