"""Reads the inventory: host mappings, and suggestions for unknown names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.errors import DxError, EngineError, InventoryError, NoMatchError, UsageError
from dxansible.ids import is_on, run_of
from dxansible.results import HostMapping
from dxansible.run.names import stamp_of
from dxansible.run.patterns import check_pattern, is_plain_name, split_pattern
from dxansible.run.request import KILLED, PlayEnd
from dxansible.seen import Names, keep_names, names_of, reading_alone
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.settings import Settings

__all__ = [
    "explain_no_match",
    "explain_unknown_name",
    "hosts_of",
    "hosts_of_ids",
    "hosts_of_killed",
    "list_hosts",
    "map_hosts",
    "match_hosts",
    "read_variable",
    "refresh_names",
]


def list_hosts(settings: Settings) -> list[HostMapping]:
    """Return every host of the inventory, as Ansible reads it. Raises InventoryError."""
    inventory, _ = _read(settings)
    found = _hosts_in(inventory)
    return [_mapping(name, variables) for name, variables in found.items()]


def _read_names(settings: Settings) -> Names:
    """Return all names that a call may use. Raises InventoryError."""
    inventory, _ = _read(settings)
    found = _hosts_in(inventory)
    groups = [name for name in inventory if name not in {"_meta", "ungrouped"}]
    agents: dict[str, None] = {}
    for each in found.values():
        described, own = each.get("dx_agents"), each.get("dx_agent")
        agents |= dict.fromkeys(map(str, described if isinstance(described, dict) else ()))
        agents |= {own: None} if isinstance(own, str) and "{{" not in own else {}
    return Names(hosts=tuple(found), groups=tuple(groups), agents=tuple(agents))


def refresh_names(settings: Settings) -> None:
    """Read the inventory and keep its names, unless another process is about to. Raises OSError."""
    name = settings.inventory_name
    with reading_alone(name) as alone:
        stamp = stamp_of(settings.sources)
        before = names_of(name)
        if not alone or stamp is None or stamp == before.stamp:
            return
        try:
            found = _read_names(settings)
        except DxError:
            found = before  # until the files change again
        keep_names(name, replace(found, stamp=stamp))


def hosts_of_ids(session_ids: Sequence[str], settings: Settings) -> list[str | None]:
    """Return the host that each session's id names; None if none of the inventory is it.

    Raises InventoryError.
    """
    name, stamp = settings.inventory_name, stamp_of(settings.sources)
    known = names_of(name)
    if stamp is not None and stamp == known.stamp:
        found = _named_by(session_ids, known.hosts)
        if None not in found:
            return found
    read = _read_names(settings)
    if stamp is not None:
        keep_names(name, replace(read, stamp=stamp))
    return _named_by(session_ids, read.hosts)


def hosts_of(session_ids: Sequence[str], settings: Settings) -> list[str]:
    """Return the host of each session of a command. Raises UsageError if one is not found."""
    for session_id in session_ids:
        run_of(session_id)
    hosts = []
    for session_id, host in zip(session_ids, hosts_of_ids(session_ids, settings), strict=True):
        if host is None:
            message = f"{session_id} is on no host of this inventory"
            raise UsageError(message, "check the id, or give the inventory it was started with: -i")
        hosts.append(host)
    return hosts


def _named_by(session_ids: Sequence[str], hosts: Sequence[str]) -> list[str | None]:
    return [next((host for host in hosts if is_on(each, host)), None) for each in session_ids]


def map_hosts(pattern: str, settings: Settings) -> list[HostMapping]:
    """Return the hosts of an Ansible pattern by name; no host is contacted.

    Raises NoMatchError if there is none, UsageError for an empty pattern, and InventoryError.
    """
    from dxansible.run.backend import read_inventory  # noqa: PLC0415 - as in `_read`

    check_pattern(pattern)
    output = "no hosts"
    try:
        inventory, _ = read_inventory(settings, pattern=pattern)
        found = _hosts_in(inventory)
    except EngineError as error:
        found, output = {}, error.output_tail
    if not found:
        raise _matches_nothing(pattern, settings, output)
    return [_mapping(name, variables) for name, variables in found.items()]


def match_hosts(pattern: str, settings: Settings) -> list[str]:
    """Return the hosts of a pattern, in the inventory's order; there is at least one.

    Raises NoMatchError, InventoryError and EngineError.
    """
    from dxansible.run.backend import list_matching  # noqa: PLC0415 - loads ansible-runner

    hosts, words = list_matching(settings, pattern)
    if not hosts:
        raise _matches_nothing(pattern, settings, words)
    return hosts


def _matches_nothing(pattern: str, settings: Settings, words: str) -> Exception:
    """Return why Ansible found no host of a pattern without a run; ``words`` is its output."""
    end = PlayEnd(status="failed", output=words, exit_code=1)
    return explain_no_match(pattern, settings, end)


def read_variable(settings: Settings, name: str) -> str | None:
    """Return a variable of the first host, None unless it is plain text. Raises InventoryError."""
    inventory, _ = _read(settings)
    found = next(iter(_hosts_in(inventory).values()), {}).get(name)
    return found if isinstance(found, str) and "{{" not in found else None


def hosts_of_killed(target: str, settings: Settings, run_id: str) -> list[str]:
    """Return the hosts of a run that was killed before it listed them.

    Only a plain name can be resolved here: to that host, or to the hosts of that group. Raises
    EngineError for anything that only Ansible can resolve, and InventoryError.
    """
    inventory = _read(settings)[0] if is_plain_name(target) else {}
    if target in _hosts_in(inventory):
        return [target]
    found = list(dict.fromkeys(_members(inventory, target)))
    if not found:
        message = f"{KILLED} before it reported the hosts"
        remedy = f"commands that it started continue, with ids that begin with {run_id}"
        raise EngineError(message, remedy)
    return found


def _hosts_in(inventory: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the hosts with their variables. Ansible lists those without any only in groups."""
    listed = (str(host) for each in inventory.values() for host in each.get("hosts", []))
    known: dict[str, dict[str, Any]] = inventory.get("_meta", {}).get("hostvars", {})
    return known | {host: {} for host in listed if host not in known}


def _members(inventory: dict[str, Any], group: str) -> list[str]:
    found = inventory.get(group, {})
    hosts = list(map(str, found.get("hosts", [])))
    return hosts + [
        name for child in found.get("children", []) for name in _members(inventory, child)
    ]


def _mapping(name: str, variables: dict[str, Any]) -> HostMapping:
    port = str(variables.get("ansible_port", 22))
    return HostMapping(
        host=name,
        address=str(variables.get("ansible_host", name)),
        port=int(port) if port.isdigit() else None,
        user=variables.get("ansible_user"),
        auth_mode=variables.get("dx_auth_mode"),
        aliases=_names(variables.get("dx_aliases")),
        capabilities=_names(variables.get("dx_capabilities")),
    )


def _names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def explain_unknown_name(target: str, settings: Settings, end: PlayEnd) -> str:
    """Return the error text for a plain name that the inventory lacks.

    Raises the actual problem if something else kept the run from reaching a host.
    """
    problem = explain_no_match(target, settings, end)
    if isinstance(problem, NoMatchError) and is_plain_name(target):
        return str(problem)
    raise problem


def explain_no_match(target: str, settings: Settings, end: PlayEnd) -> Exception:
    """Return why a run reached no host: a bad inventory, an unknown name, or Ansible itself."""
    output = end.output
    if end.killed:
        return EngineError(KILLED, "try again", output)
    try:
        inventory, warnings = _read(settings)
    except InventoryError as error:
        return error
    hosts = list(_hosts_in(inventory))
    if not hosts:
        from dxansible.run.inventory_fault import explain_empty  # noqa: PLC0415 - for errors only

        return explain_empty(settings, warnings)
    known = [*hosts, *(name for name in inventory if name not in {"_meta", "ungrouped"})]
    names = [term.lstrip("!&") for term in split_pattern(target)]
    missing = [term for term in names if term not in known]
    for term in missing:
        if f"Could not match supplied host pattern, ignoring: {term}" in " ".join(output.split()):
            return NoMatchError(term, _nearest(term, known))
    if "leaves us with no hosts" in output or "no hosts" in output or "Could not match" in output:
        return NoMatchError(target, _nearest(target, known) if missing else [])
    message = "Ansible stopped before it reached a host"
    return EngineError(message, "its output is above; -v shows more", output)


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    """Return up to three known names that are most like an unknown one, whatever their case."""
    import difflib  # noqa: PLC0415 - for such calls only

    by_fold = {each.casefold(): each for each in reversed(known)}
    near = difflib.get_close_matches(name.casefold(), by_fold, n=3, cutoff=0.5)
    return [by_fold[each] for each in near]


def _read(settings: Settings) -> tuple[dict[str, Any], str]:
    """Return the inventory, and what Ansible printed beside it. Raises InventoryError."""
    from dxansible.run.backend import read_inventory  # noqa: PLC0415 - loads ansible-runner

    try:
        return read_inventory(settings)
    except EngineError as error:
        from dxansible.run.inventory_fault import explain_fault  # noqa: PLC0415 - for errors only

        raise explain_fault(settings, error.output) from error
