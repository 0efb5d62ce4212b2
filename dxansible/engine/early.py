"""Has Ansible's engine load beside our own modules, in a first call.

The engine needs the environment that ansible-runner will give to the run, which is foretold here.
Were that wrong, the run would find no engine with its own, and start one as if this had not been.
"""

from __future__ import annotations

import os
import sys

__all__ = ["begin"]


def begin(inventory: str | None) -> None:
    """Start the engine for a run with the inventory of ``-i``, if any; waits for nothing."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            _start(inventory)
    finally:
        os._exit(0)


def _start(inventory: str | None) -> None:
    """In a process of its own, which may fail: then the run itself starts the engine."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    from pathlib import Path  # noqa: PLC0415 - not in the caller, which has no use for these

    from dxansible.engine import client, starter  # noqa: PLC0415
    from dxansible.engine.caller import PLAYBOOK, address, context  # noqa: PLC0415
    from dxansible.engine.door import interpreter  # noqa: PLC0415
    from dxansible.engine.sources import large_inventory  # noqa: PLC0415
    from dxansible.settings import Settings  # noqa: PLC0415

    settings = Settings.load(inventory)
    os.environ.update(settings.environment)
    os.environ.update(_of_ansible_runner())
    # shutil would take as long as all of this
    places = [f"{each}/ansible-playbook" for each in os.environ["PATH"].split(os.pathsep)]
    executable = next((each for each in places if os.access(each, os.X_OK)), None)
    python = interpreter(executable) if executable else None
    if python is None:
        return
    sys.executable = python  # the run's
    sources = large_inventory([word for each in settings.inventory for word in ("-i", str(each))])
    root = str(Path(__file__).parents[2])
    text = context(PLAYBOOK, root, sources)
    path = address(text)
    client.check_directory()
    client.check_refusal(path)
    if not Path(path).exists():
        starter.start(PLAYBOOK, path, text, root, sources)


def _of_ansible_runner() -> dict[str, str]:
    """What it sets in each run; ansible_runner.config has it."""
    from importlib.util import find_spec  # noqa: PLC0415 - as above
    from pathlib import Path  # noqa: PLC0415

    spec = find_spec("ansible_runner")
    own = os.environ.get("AWX_LIB_DIRECTORY") or ""
    if not own and spec is not None and spec.origin is not None:
        own = str(Path(spec.origin).parent / "display_callback" / "callback")
    places = filter(None, (os.environ.get("ANSIBLE_CALLBACK_PLUGINS"), own))
    return {
        "ANSIBLE_CALLBACK_PLUGINS": ":".join(places),
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
    }
