"""The one door to ansible-runner."""

from __future__ import annotations

import io
import json
import shutil
from base64 import b64encode
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import ansible_runner
import ansible_runner.runner
import ansible_runner.streaming

from dxansible.errors import ContentError, EngineError
from dxansible.run.request import PlayEnd
from dxansible.run.workspace import private_directory, serve, serve_on_socket
from dxansible.settings import callers_tmpdir

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from dxansible.run.request import PlayRequest
    from dxansible.settings import Settings

__all__ = ["list_matching", "payload", "play", "read_inventory"]

_TAIL_LINES = 60
_POLL_SECONDS = 0.2
"""Seconds between ansible-runner's checks for cancellation."""
_WHOLE_RESULTS = {"MAX_EVENT_RES": str(2**30)}
"""Characters; ansible-runner empties a longer task result (its default is 700,000)."""
_NEWS = {"dx_news": True}
"""Makes the tasks report what is new in each try."""
_NEWS_ALONE = "--skip-tags dx_host_results"
"""Skips the plays that repeat for people what the tasks have reported."""

_END = "end-of-the-hosts"
"""Ends the JSON in the inventory's script, which is one line."""
_OWN_ENDS = (0, 2, 4)
"""Exit codes of an ansible-playbook whose workers have ended: success, failed, unreachable."""


_PEXPECT: Any = ansible_runner.runner.pexpect  # it has no types


class _Terminal(_PEXPECT.spawn):  # type: ignore[misc] # as above
    """Closes the terminal of an ansible-playbook that has ended without a pause.

    ptyprocess sleeps 0.1 s before, so that a child that is about to end is not killed.
    ansible-runner waits for the child anyway.
    """

    def close(self, force: bool = True) -> None:  # noqa: FBT001, FBT002 - pexpect's own
        if not self.isalive():
            self.ptyproc.delayafterclose = 0
        super().close(force)


ansible_runner.runner.pexpect = SimpleNamespace(**{**vars(_PEXPECT), "spawn": _Terminal})


def play(
    request: PlayRequest,
    on_event: Callable[[dict[str, Any]], None],
    cancelled: threading.Event,
) -> PlayEnd:
    """Run a playbook; ``on_event`` gets ansible-runner's raw events, in a thread, one at a time.

    Returns early once ``cancelled`` is set or an exception (KeyboardInterrupt) arrives; by then
    every process of the run on this machine has ended. Raises ContentError if ansible-playbook is
    missing, EngineError if it can't run.
    """
    _executable("ansible-playbook", request)
    with ExitStack() as stack:
        directory = stack.enter_context(private_directory(request.runtime_dir))
        variables = dict(request.variables)
        if request.secret_text is not None:
            socket_path = directory / "text.sock"
            stack.enter_context(serve_on_socket(request.secret_text, socket_path))
            variables["dx_command_socket"] = str(socket_path)
        if request.flow is not None:
            flow_path = directory / "flow.sock"
            stack.enter_context(serve(request.flow.answer, flow_path))
            variables["dx_flow_socket"] = str(flow_path)
        end = _in_thread(
            lambda: _run(request, directory, variables, on_event, cancelled), cancelled
        )
        if end.exit_code in _OWN_ENDS:
            shutil.rmtree(directory, ignore_errors=True)
        return end


def _in_thread(work: Callable[[], PlayEnd], cancelled: threading.Event) -> PlayEnd:
    """Run ``work`` in a thread: ansible-runner swallows exceptions that interrupt its code."""
    with ThreadPoolExecutor(thread_name_prefix="dx-play") as threads:
        result = threads.submit(work)
        try:
            while not result.done():
                wait([result], _POLL_SECONDS)
        except BaseException:
            cancelled.set()
            raise
    return result.result()


def _run(
    request: PlayRequest,
    directory: Path,
    variables: dict[str, object],
    on_event: Callable[[dict[str, Any]], None],
    cancelled: threading.Event,
) -> PlayEnd:
    tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def handle(event: dict[str, Any]) -> bool:
        if event.get("event") in {"verbose", "warning", "error", "playbook_on_no_hosts_matched"}:
            tail.extend(str(event.get("stdout") or "").splitlines())
        on_event(event)
        return False  # no copy on disk

    try:
        end = ansible_runner.run(
            private_data_dir=str(directory),
            project_dir=_working_directory(),
            host_cwd=_working_directory(),
            playbook=str(request.playbook),
            inventory=[str(source) for source in request.inventory],
            limit=request.limit,
            extravars={**_NEWS, **{key: _unsafe(value) for key, value in variables.items()}},
            cmdline=_NEWS_ALONE,
            envvars={**request.environment, **_WHOLE_RESULTS, **_temporary(directory)},
            forks=request.forks,
            settings={"pexpect_timeout": _POLL_SECONDS, "suppress_ansible_output": True},
            suppress_output_file=True,  # of an engine it would grow for ever
            quiet=True,
            event_handler=handle,
            status_handler=_forgetter(directory),
            cancel_callback=cancelled.is_set,
        )
    except (ansible_runner.AnsibleRunnerException, OSError) as error:
        message = f"ansible-runner failed: {error}"
        raise EngineError(message, "see docs/troubleshooting.md", "\n".join(tail)) from error
    return PlayEnd(status=str(end.status), output="\n".join(tail), exit_code=end.rc)


def payload(request: PlayRequest, hosts: Mapping[str, Any]) -> bytes:
    """Return a run as an ansible-runner worker elsewhere takes it, with our content.

    ``hosts`` is the inventory, as `read_inventory` gives it. The user's text goes in a variable,
    since no socket leads back here; the worker keeps variables in a private file.
    """
    variables = dict(request.variables)
    if request.secret_text is not None:
        variables["dx_payload"] = b64encode(request.secret_text).decode()
    stream = _Stream()
    with private_directory(request.runtime_dir) as directory:
        try:
            _lay_out(request.playbook.parent, hosts, directory)
            ansible_runner.streaming.Transmitter(
                stream,
                private_data_dir=str(directory),
                playbook=request.playbook.name,
                inventory="inventory/hosts",
                extravars={**_NEWS, **{key: _unsafe(value) for key, value in variables.items()}},
                cmdline=_NEWS_ALONE,
                envvars={**_carried(request.environment), **_WHOLE_RESULTS},
                forks=request.forks,
                suppress_output_file=True,
            ).run()
        except OSError as error:
            message = f"the run can't be packed for a node: {error}"
            raise EngineError(message, "free some space, or set XDG_RUNTIME_DIR") from error
        shutil.rmtree(directory, ignore_errors=True)
    return stream.getvalue()


def _lay_out(playbooks: Path, hosts: Mapping[str, Any], directory: Path) -> None:
    """Write what a worker elsewhere needs, as ansible-runner wants it."""
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(playbooks, directory / "project", ignore=skip)
    inventory = directory / "inventory" / "hosts"
    inventory.parent.mkdir()
    inventory.write_text(f"#!/bin/sh\ncat <<'{_END}'\n{json.dumps(hosts)}\n{_END}\n")
    inventory.chmod(0o700)


class _Stream(io.BytesIO):
    name = ""  # ansible-runner looks for <stdout>


def _carried(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of Ansible that are the same on every machine."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith("ANSIBLE_") and not name.endswith(("_PLUGINS", "_HOME", "_DIR"))
    }


def _forgetter(directory: Path) -> Callable[..., None]:
    """Return a handler that removes ansible-runner's copy of the caller's environment.

    The copy holds the caller's tokens.
    """

    def forget(_status: dict[str, Any], **_details: object) -> None:
        for path in directory.glob("artifacts/*/command"):
            path.unlink(missing_ok=True)

    return forget


def _temporary(directory: Path) -> dict[str, str]:
    """Have Ansible's temporary files in the run's directory, which goes with the run.

    A newer ansible-core leaves a directory behind when it is killed. What is started on this
    machine as on a VM gets the caller's own back.
    """
    return {"TMPDIR": str(directory), "DX_TMPDIR": callers_tmpdir()}


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "/"


def _unsafe(value: object) -> object:
    """Mark a string as plain data: Ansible treats extra vars as templates."""
    return {"__ansible_unsafe": value} if isinstance(value, str) else value


def read_inventory(
    settings: Settings | PlayRequest,
    variables: Sequence[Path] = (),
    *,
    pattern: str | None = None,
) -> tuple[dict[str, Any], str]:
    """Return the inventory as ``ansible-inventory --list`` gives it, and the warnings about it.

    ``variables`` are files to read as variables of every host. With a pattern only its hosts have
    variables. Raises EngineError with Ansible's output.
    """
    arguments = ["--list", *(f"-e@{path}" for path in variables)]
    if pattern is not None:
        arguments.append(f"--limit={pattern}")
    out, err, _ = _run_tool("ansible-inventory", arguments, settings)
    try:
        parsed = json.loads(out)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        message = "Ansible can't read the inventory"
        raise EngineError(message, "run: ansible-inventory --list -i INVENTORY", f"{out}\n{err}")
    return parsed, str(err)


def list_matching(settings: Settings, pattern: str) -> tuple[list[str], str]:
    """Return the hosts of a pattern, in the order in which a play has them, and Ansible's words.

    There are no hosts if nothing matches, or the inventory can't be read.
    """
    arguments = ["all", "--list-hosts", f"--limit={pattern}"]
    out, err, code = _run_tool("ansible", arguments, settings)
    hosts = [line.strip() for line in out.splitlines() if line.startswith("    ")]
    return ([] if code else hosts), f"{out}\n{err}"


def _run_tool(
    name: str, arguments: list[str], settings: Settings | PlayRequest
) -> tuple[str, str, int]:
    """Run one of Ansible's own commands; return its output, its errors and its exit code."""
    sources = [word for source in settings.inventory for word in ("-i", str(source))]
    with private_directory(settings.runtime_dir) as directory:
        found: tuple[str, str, int] = ansible_runner.run_command(
            executable_cmd=_executable(name, settings),
            cmdline_args=[*arguments, *sources],
            private_data_dir=str(directory),
            # what Python's libraries say of each other is no warning about an inventory
            envvars={"PYTHONWARNINGS": "ignore", **settings.environment},
            host_cwd=_working_directory(),
            runner_mode="subprocess",
            status_handler=_forgetter(directory),
            quiet=True,
        )
    return found


def _executable(name: str, settings: Settings | PlayRequest) -> str:
    found = shutil.which(name, path=settings.environment.get("PATH"))
    if found is None:
        message = f"there is no {name} here"
        raise ContentError(message, "install ansible-core into the environment of dx-dispatch")
    return found
