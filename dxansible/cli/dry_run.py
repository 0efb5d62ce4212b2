"""``--dry-run`` of a command and of a task: shows what would be sent, and contacts no VM."""

from __future__ import annotations

from time import localtime, strftime
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.ids import is_on
from dxansible.parameters import FORKS
from dxansible.redact import printable, redact
from dxansible.render.dry_run import document_of, text_of
from dxansible.render.invisible import invisible_note
from dxansible.render.show import emit, show
from dxansible.run.hosts import list_hosts, map_hosts
from dxansible.run.options import check_text
from dxansible.run.patterns import ANY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.cli.table import Options
    from dxansible.results import HostMapping
    from dxansible.run.calls import CommandCall
    from dxansible.run.options import FanoutOptions, SessionOptions

__all__ = ["show_command", "show_task"]


def show_command(options: Options, call: CommandCall) -> int:
    """Show a command. Raises UsageError for more hosts than ``--pass-exit-code`` allows."""
    chosen = call.options
    facts = {
        "cwd": chosen.cwd or None,
        "env": [*chosen.env] or None,
        "stdin": options.stdin,
        "timeout_sec": chosen.timeout_sec,
        "serial": ",".join(options.serial) or None,
        "max_fail": options.max_fail,
        "max_output": chosen.output_limit,
        **_of_all(options, chosen),
        "run_id": chosen.run_id if options.run_id else None,
    }
    hosts = _hosts(options)
    if chosen.most_hosts is not None and len(hosts) > chosen.most_hosts:
        call.check_number([each.host for each in hosts])
    return _show(options, "command", call.text, facts, hosts)


def show_task(options: Options, task: str | bytes, chosen: SessionOptions) -> int:
    """Show a task, or a further one of a session."""
    facts = {
        "session": chosen.session,
        "agent": chosen.agent,
        "repo": chosen.repo,
        "dir": chosen.directory,
        "model": chosen.model,
        "plan": chosen.plan,
        "attach": [printable(name) for name, _ in chosen.attachments] or None,
        "beads": chosen.beads,
        "claim": chosen.claim,
        "lease_sec": chosen.claim_lease_sec,
        "verify": chosen.verify,
        "queue": chosen.queue,
        "wait": chosen.wait,
        "timeout_sec": chosen.timeout_sec,
        "idle_timeout_sec": chosen.idle_timeout_sec,
        "on_limit": chosen.on_limit,
        "max_cost_usd": chosen.max_cost_usd,
        **_of_all(options, chosen),
    }
    return _show(options, "prompt", check_text(task, "task"), facts, _hosts(options))


def _of_all(options: Options, chosen: FanoutOptions | SessionOptions) -> dict[str, object]:
    """Return the options that commands and tasks have in common."""
    at = options.start_at
    return {
        "at": None if at is None else strftime("%Y-%m-%d %H:%M %z", localtime(at)),
        "in_sec": options.start_in,
        "when_back_sec": chosen.when_back_sec,
        "detach": options.detach,
        "via": options.via,
        "retries": chosen.max_retries,
        "forks": options.forks or FORKS,
    }


def _hosts(options: Options) -> list[HostMapping]:
    target = options.target or _host_of(options)
    return map_hosts(target.removeprefix(ANY), options.settings())


def _show(
    options: Options,
    what: str,
    sent: bytes,
    facts: Mapping[str, object],
    hosts: Sequence[HostMapping],
) -> int:
    target = options.target or hosts[0].host
    text = sent.decode(errors="replace")
    if options.json:
        shown = {
            name: redact(fact) if isinstance(fact, str) else fact for name, fact in facts.items()
        }
        emit(
            document_of(
                what, redact(text), target=target, one_of=target.startswith(ANY),
                hosts=[each.to_dict() for each in hosts], options=shown,
            )
        )  # fmt: skip
        return 0
    show(text_of(text, target, hosts, _in_words(facts)))
    show("Dry run: nothing was sent.")
    if note := invisible_note(text):
        show(note, err=True)
    return 0


def _in_words(facts: Mapping[str, object]) -> dict[str, str]:
    """Return the options that are set, by the names of a command line."""
    told = {}
    for field, fact in facts.items():
        if fact is None or fact is False:
            continue
        name = field.removesuffix("_sec").removesuffix("_usd").replace("_", "-")
        if isinstance(fact, list):
            told[name] = ", ".join(fact)
        elif field == "max_cost_usd":
            told[name] = f"${fact}"
        elif isinstance(fact, float):
            told[name] = f"{fact:g} s"
        else:
            told[name] = "yes" if fact is True else str(fact)
    return told


def _host_of(options: Options) -> str:
    """Return the VM that the id of the session says. Raises UsageError if it says none."""
    session = options.session or ""
    for mapping in list_hosts(options.settings()):
        if is_on(session, mapping.host):
            return mapping.host
    message = f"a dry run asks no VM, and {session} does not say which one has it"
    raise UsageError(message, "give the whole id, or name the VM")
