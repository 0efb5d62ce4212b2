"""The options of ``dx-dispatch``: everything about each of them, in one place.

Click's parameters, the refusals, the help, the rows of docs/cli.md and the values for the calls are
made from it.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Literal

from dxansible import parameters as known
from dxansible.cli.option import (
    AT_JULES,
    COMMANDS,
    EVERYWHERE,
    TASKS,
    VM_TASKS,
    WITH_ISSUE,
    Group,
    Kind,
    Mode,
    Offer,
    Option,
    needing,
    plain,
)
from dxansible.cli.run_options import RunOptions
from dxansible.errors import UsageError
from dxansible.settings import Settings
from dxansible.value import fields

__all__ = ["Options", "table"]


class Options(RunOptions):
    """The options of one command line; the default of a field is its value without the option."""

    given: frozenset[str] = frozenset()
    """The fields of the options that the user gave; the others have their defaults."""

    issue: str | None = Option(
        "--issue", kind=Kind.TEXT, value="ID", group=Group.ISSUES, modes=TASKS, everyday=True,
        help="Make the prompt from this issue of Beads. Without TASK; for a VM or Jules.",
    ).field()  # fmt: skip
    beads: str | None = Option(
        "--beads", kind=Kind.TEXT, value="ID", group=Group.ISSUES,
        modes=VM_TASKS | plain(Mode.FINALIZE),
        help="Beads issue of this session; also used as the branch name.",
    ).field()  # fmt: skip
    claim: bool = Option(
        "--claim", group=Group.ISSUES, modes=WITH_ISSUE,
        help="With --issue: mark it in progress, and comment on it. With --repo, only one session "
        "gets it, over all machines.",
    ).field()  # fmt: skip
    lease: float | None = Option(
        "--lease", kind=Kind.DURATION, least=1, value="DURATION", group=Group.ISSUES,
        modes=needing("claim", *VM_TASKS),
        default=f"dx_claim_lease, or {known.LEASE_SECONDS / 3600:g}h",
        help="With --claim: how long after its last sign of life a session keeps the issue.",
    ).field()  # fmt: skip
    force: bool = Option(
        "--force", group=Group.ISSUES, modes=WITH_ISSUE,
        help="With --issue: dispatch a closed or blocked issue anyway.",
    ).field()  # fmt: skip
    template: str | None = Option(
        "--template", kind=Kind.TEXT, value="PATH", group=Group.ISSUES, modes=WITH_ISSUE,
        offers=Offer.FILES,
        help="With --issue: another template for the prompt.",
    ).field()  # fmt: skip
    notify_channel: str | None = Option(
        "--notify-channel", kind=Kind.TEXT, value="CHANNEL", group=Group.ISSUES, modes=TASKS,
        help="Ask the agent to post to Slack at its end.",
    ).field()  # fmt: skip
    finalize_pr: str | None = Option(
        "--finalize-pr", kind=Kind.TEXT, value="SES", group=Group.ISSUES, chooses=Mode.FINALIZE,
        everyday=True, offers=Offer.AGENT_SESSIONS,
        help="Open the pull request of this session. What it has left is committed and pushed.",
    ).field()  # fmt: skip
    base: str | None = Option(
        "--base", kind=Kind.TEXT, value="BRANCH", group=Group.ISSUES, modes=plain(Mode.FINALIZE),
        default="the remote's own",
        help="With --finalize-pr: the branch to merge into.",
    ).field()  # fmt: skip
    draft: bool = Option(
        "--draft", group=Group.ISSUES, modes=plain(Mode.FINALIZE),
        help="With --finalize-pr: open it as a draft.",
    ).field()  # fmt: skip
    fork: str | None = Option(
        "--fork", kind=Kind.TEXT, value="REMOTE", group=Group.ISSUES, modes=plain(Mode.FINALIZE),
        default="origin",
        help="With --finalize-pr: push to this remote, a fork; the pull request comes from there.",
    ).field()  # fmt: skip
    label: tuple[str, ...] = Option(
        "--label", kind=Kind.TEXTS, nothing=(), value="LABEL", group=Group.ISSUES,
        modes=plain(Mode.FINALIZE),
        help="With --finalize-pr: a label for the pull request. May be given several times.",
    ).field()  # fmt: skip
    close: bool = Option(
        "--close", group=Group.ISSUES, modes=plain(Mode.FINALIZE),
        help="With --finalize-pr: close the issue in Beads with the pull request's address.",
    ).field()  # fmt: skip
    reviewer: tuple[str, ...] = Option(
        "--reviewer", kind=Kind.TEXTS, nothing=(), value="USER|ORG/TEAM", group=Group.ISSUES,
        modes=plain(Mode.FINALIZE),
        help="With --finalize-pr: ask for a review. May be given several times.",
    ).field()  # fmt: skip

    jules: bool = Option(
        "--jules", group=Group.JULES, modes=plain(*AT_JULES.values()), everyday=True,
        help="Hand the task, or the issue, to Jules.",
    ).field()  # fmt: skip
    branch: str | None = Option(
        "--branch", kind=Kind.TEXT, value="BRANCH", group=Group.JULES, modes=plain(Mode.JULES),
        default="the repository's own", help="With --jules: start from this branch.",
    ).field()  # fmt: skip
    attach_age: float | None = Option(
        "--attach-age", kind=Kind.DURATION, least=0, value="DURATION", group=Group.JULES,
        modes=plain(Mode.JULES),
        default=f"{known.ATTACH_AGE_SECONDS / 86400:g}d; with --run-id no limit",
        help="With --jules: attach to a session of the same task if it ended within this time.",
    ).field()  # fmt: skip
    allow_no_pr: bool = Option(
        "--allow-no-pr", group=Group.JULES,
        modes=needing("wait", Mode.JULES, Mode.JULES_MESSAGE, Mode.APPROVE)
        | plain(Mode.JULES_STATUS, Mode.JULES_LOGS),
        help="With Jules: count completion without a pull request as SUCCESS.",
    ).field()  # fmt: skip
    plan_approval: bool = Option(
        "--plan-approval", group=Group.JULES, modes=plain(Mode.JULES),
        help="With --jules: Jules works only once its plan is approved (--approve).",
    ).field()  # fmt: skip
    no_auto_pr: bool = Option(
        "--no-auto-pr", group=Group.JULES, modes=plain(Mode.JULES),
        help="With --jules: Jules opens no pull request by itself; --diff has its changes.",
    ).field()  # fmt: skip
    unarchive: str | None = Option(
        "--unarchive", kind=Kind.TEXT, value="SES", group=Group.JULES, chooses=Mode.UNARCHIVE,
        help="Put an archived session of Jules back on the list.",
    ).field()  # fmt: skip
    delete: str | None = Option(
        "--delete", kind=Kind.TEXT, value="SES", group=Group.JULES, chooses=Mode.DELETE,
        offers=Offer.JULES_SESSIONS, help="Delete a session of Jules, for good.",
    ).field()  # fmt: skip
    approve: str | None = Option(
        "--approve", kind=Kind.TEXT, value="SES", group=Group.JULES, chooses=Mode.APPROVE,
        offers=Offer.JULES_SESSIONS,
        help="Approve the plan of a session of Jules.",
    ).field()  # fmt: skip

    json: bool = Option(
        "--json", group=Group.OUTPUT, modes=EVERYWHERE, everyday=True,
        help="Print one JSON document on standard output.",
    ).field()  # fmt: skip
    jsonl: bool = Option(
        "--jsonl", group=Group.OUTPUT, modes=VM_TASKS | COMMANDS | plain(Mode.LOGS),
        help="Print events as they happen, as JSON, one a line.",
    ).field()  # fmt: skip
    gather: str | None = Option(
        "--gather", kind=Kind.OPTIONAL_CHOICE, choices=("equal", "similar", "diff"),
        group=Group.OUTPUT, modes=COMMANDS, everyday=True,
        help="Show equal outputs once, at the end. With similar, also those that differ in names "
        "and times alone; with diff, one whole and how the others differ.",
    ).field()  # fmt: skip
    max_output: int | None = Option(
        "--max-output", kind=Kind.SIZE, value="SIZE", group=Group.OUTPUT,
        modes=COMMANDS | plain(Mode.DIFF), default="4 MiB; 32 MiB over all hosts",
        help="How much of each stream is kept of a host: bytes, or as 64k, 10M.",
    ).field()  # fmt: skip
    pass_exit_code: bool = Option(
        "--pass-exit-code", group=Group.OUTPUT, modes=plain(Mode.EXEC),
        help="With --exec on one host: exit with the command's own exit code.",
    ).field()  # fmt: skip
    metrics: str | None = Option(
        "--metrics", kind=Kind.TEXT, value="PATH", group=Group.OUTPUT, modes=VM_TASKS | COMMANDS,
        offers=Offer.FILES,
        help="At the end, write the number of hosts by outcome, the duration and the exit code "
        "for Prometheus, in the format of node_exporter's textfile collector.",
    ).field()  # fmt: skip
    slack: bool | None = Option(
        "--slack --no-slack", kind=Kind.SWITCH, group=Group.OUTPUT,
        modes=TASKS | COMMANDS | plain(Mode.FINALIZE, Mode.MCP),
        default="where Slack is configured",
        help="Post this dispatch and its outcome to Slack.",
    ).field()  # fmt: skip
    verbose: int = Option(
        "-v --verbose", kind=Kind.COUNT, nothing=0, group=Group.OUTPUT, modes=EVERYWHERE,
        help="Show the log on a terminal, too, and more of it.",
    ).field()  # fmt: skip
    quiet: bool = Option(
        "-q --quiet", group=Group.OUTPUT, modes=EVERYWHERE, everyday=True,
        help="Only output and failures. No log, no progress, no summary.",
    ).field()  # fmt: skip
    version: bool = Option(
        "--version", group=Group.OUTPUT, modes=EVERYWHERE, help="Show the version of dxansible."
    ).field()
    help: bool = Option(
        "-h --help", group=Group.OUTPUT, modes=EVERYWHERE, everyday=True,
        help="Show examples and the everyday options.",
    ).field()  # fmt: skip
    help_all: bool = Option(
        "--help-all", group=Group.OUTPUT, modes=EVERYWHERE, everyday=True,
        help="Show all options, with their defaults.",
    ).field()  # fmt: skip

    retries: int = Option(
        "--retries", kind=Kind.NUMBER, least=0, most=10, value="N", group=Group.ADVANCED,
        nothing=known.RETRIES.default, default=f"{known.RETRIES.default}",
        modes=VM_TASKS | COMMANDS | plain(Mode.FINALIZE, Mode.DIFF),
        help="Further connection attempts; a command that ran is never run again.",
    ).field()  # fmt: skip
    engine: str | None = Option(
        "--engine", kind=Kind.CHOICE, choices=("status", "stop"), group=Group.ADVANCED,
        chooses=Mode.ENGINE, help="Show the resident engines of this machine, or end them.",
    ).field()  # fmt: skip
    completion: str | None = Option(
        "--completion", kind=Kind.CHOICE, choices=("bash", "zsh", "fish"), group=Group.ADVANCED,
        chooses=Mode.COMPLETION,
        help="Print this shell's script that completes words of dx-dispatch.",
    ).field()  # fmt: skip
    mcp: bool = Option(
        "--mcp", group=Group.ADVANCED, chooses=Mode.MCP,
        help="Serve agents on standard input and output, by the Model Context Protocol.",
    ).field()  # fmt: skip
    confirm_above: int = Option(
        "--confirm-above", kind=Kind.NUMBER, least=0, value="N", group=Group.ADVANCED,
        modes=plain(Mode.MCP), nothing=known.CONFIRM_ABOVE, default=f"{known.CONFIRM_ABOVE}",
        help="With --mcp: ask the user before a command on more than N hosts.",
    ).field()  # fmt: skip

    def values_given(self) -> dict[str, object]:
        """The value of each field that the user gave."""
        return {name: getattr(self, name) for name in self.given}

    @property
    def log_ids(self) -> list[str]:
        """The ids of ``--logs``, which `dxansible.cli.argv` has put together."""
        return [] if self.logs is None else self.logs.split(",")

    @property
    def starts_at(self) -> float | None:
        """When the VM starts the work, in seconds since 1970; None is at once."""
        return self.start_at if self.start_in is None else time.time() + self.start_in

    @property
    def only(self) -> Literal["agents", "commands"] | None:
        """The kind of sessions to list; None for both."""
        return "agents" if self.agents else "commands" if self.commands else None

    def settings(self) -> Settings:
        """The paths and settings of this call. Raises MeshError for a node that is not there."""
        found = Settings.load(self.inventory, forks=self.forks, via=self.via)
        if found.via not in {None, "auto", "local"}:
            from dxansible.mesh.receptor import check_node  # noqa: PLC0415 - for such calls only

            check_node(found)
        return found

    def text(self, given: str | None, what: str, example: str) -> str | bytes:
        """The command or the task: as given, or from --file. Raises UsageError."""
        if self.file is None:
            if not given:
                raise UsageError(f"there is no {what}", f"give one: {example}, or --file PATH")
            return given
        if given:
            message = f"the {what} and --file can't be used together"
            raise UsageError(message, f"give the {what} once")
        if self.file == "-":
            from dxansible.cli.standard_input import read_standard_input  # noqa: PLC0415 - for it only

            return read_standard_input()
        try:
            return Path(self.file).read_bytes()
        except OSError as error:
            message = f"{self.file} can't be read: {error.strerror}"
            raise UsageError(message, "give a readable file, or - for standard input") from error


@cache
def table() -> dict[str, Option]:
    """The entry of each option, by the name of its field."""
    return {
        each.name: each.metadata["option"] for each in fields(Options) if "option" in each.metadata
    }
