"""A mesh of real receptor processes on loopback: a controller, and execution nodes that can die."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab import processes
from tests.lab.faults import LabError

_PATIENCE = 60.0
_WORK = "command: ansible-runner, params: worker --keepalive-seconds 5"


class Mesh:
    """The receptors. Nodes connect with the controller, so they are back as soon as they start."""

    def __init__(self, root: Path, nodes: Sequence[str], *, guarded: bool = False) -> None:
        """Start a controller and nodes with these names below `root`, which has a short name.

        A guarded mesh has TLS with a certificate of each node, and takes only signed work.
        """
        if shutil.which("receptor") is None:
            message = "receptor is missing; install it: apt-get install receptor"
            raise LabError(message)
        self.root, self.nodes, self._guarded = root, list(nodes), guarded
        self.socket = root / "ctl.sock"
        self._port = _free_port()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        root.mkdir(mode=0o700, exist_ok=True)
        if guarded:
            self._make_keys()
        try:
            self.start_controller()
            for node in self.nodes:
                self.start(node)
            self.wait_for(self.nodes)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all nodes."""
        self.close()

    def close(self) -> None:
        """End every process of the mesh."""
        for name in list(self._running):
            self.kill(name)

    def start_controller(self) -> None:
        """Start the controller, which may have been killed before."""
        self.socket.unlink(missing_ok=True)
        self._start("ctl", self._of_controller())
        self._wait(self.socket.exists)  # a node that calls too early waits for 5 s

    def start(self, node: str, work: str = _WORK) -> None:
        """Start a node, which may have been killed before. `work` is what it runs."""
        self._start(node, self._of_node(node, work))

    def kill(self, name: str, *, wipe: bool = False) -> None:
        """Kill a node with -9, and all work on it, as if its machine had lost its power.

        A node that is wiped loses its files, too, as those below /run.
        """
        process = self._running.pop(name)
        process.kill()
        processes.kill_all(lambda: processes.marked(self.mark(name)))
        process.wait()
        if wipe:
            shutil.rmtree(self.root / name / "data")

    def heal(self) -> None:
        """Start the nodes that were killed."""
        for node in self.nodes:
            if node not in self._running:
                self.start(node)
        self.wait_for(self.nodes)

    def kill_work(self, name: str) -> None:
        """Kill with -9 what works on a node, but not its receptor."""
        for pid in self.working(name):
            with suppress(ProcessLookupError):
                os.kill(pid, 9)

    def working(self, name: str) -> set[int]:
        """Return the processes of work on a node."""
        receptor = self._running.get(name)
        return processes.marked(self.mark(name)) - ({receptor.pid} if receptor else set())

    def mark(self, name: str) -> str:
        """Return the variable in the environment of all processes of a node."""
        return f"DXMESH={self.root}/{name}"

    def temporary(self, name: str) -> Path:
        """Return the directory for temporary files of work on a node."""
        return self.root / name / "tmp"

    def units(self, name: str = "ctl") -> set[str]:
        """Return the units that a receptor keeps files of."""
        return {each.name for each in (self.root / name / "data" / name).glob("*")}

    def all_units(self) -> set[str]:
        """Return the units that any receptor of the mesh keeps files of."""
        return set().union(*map(self.units, ("ctl", *self.nodes)))

    def is_empty(self) -> bool:
        """Whether no receptor keeps files of any work."""
        return not self.all_units()

    def forgotten(self) -> set[str]:
        """Return the units that somebody has still to remove.

        The controller removes those that it was told to as soon as their node is back, up to a
        minute later.
        """
        released = {unit for unit in self.units() if self._is_released(unit)}
        return self.all_units() - released

    def is_idle(self) -> bool:
        """Whether no work is going on, and no receptor keeps files of any longer than it must."""
        return not any(self.working(name) for name in self.nodes) and not self.forgotten()

    def _is_released(self, unit: str) -> bool:
        try:
            status = json.loads((self.root / "ctl/data/ctl" / unit / "status").read_text())
        except FileNotFoundError:
            return True
        except ValueError:  # it is just written
            return False
        return bool((status["ExtraData"] or {}).get("LocalReleased"))

    def wait_for(self, nodes: Sequence[str]) -> None:
        """Wait until the controller has a route to these nodes."""
        self._wait(lambda: set(nodes) <= self.routes())

    def _wait(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                message = "the mesh does not come up"
                raise LabError(message)
            time.sleep(0.05)

    def routes(self) -> set[str]:
        """Return the nodes that the controller has a route to."""
        with suppress(OSError, ValueError):
            return set(self._ask({"command": "status"}).get("RoutingTable") or {})
        return set()

    def _ask(self, request: dict[str, str]) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(5)
            peer.connect(str(self.socket))
            with peer.makefile("rwb") as stream:
                stream.readline()
                stream.write(json.dumps(request).encode() + b"\n")
                stream.flush()
                answer: dict[str, Any] = json.loads(stream.readline())
        return answer

    def _start(self, name: str, lines: list[str]) -> None:
        home = self.root / name
        for each in ("data", "tmp"):
            (home / each).mkdir(mode=0o700, parents=True, exist_ok=True)
        config = home / "receptor.conf"
        head = [f"- node: {{id: {name}, datadir: {home}/data}}", "- log-level: {level: error}"]
        config.write_text("\n".join([*head, *lines]) + "\n")
        variable, _, value = self.mark(name).partition("=")
        scripts = Path(sys.executable).parent
        environment = {
            "PATH": f"{scripts}:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "LC_ALL": "C.UTF-8",
            variable: value,
            "DXLAB": str(self.root.parent),  # it ends with the lab in whose directory it is
        }
        with (home / "log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                ["receptor", "--config", str(config)],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _of_controller(self) -> list[str]:
        control = f"{{service: control, filename: {self.socket}}}"
        listener = f"port: {self._port}, bindaddr: 127.0.0.1"
        if not self._guarded:
            return [f"- control-service: {control}", f"- tcp-listener: {{{listener}}}"]
        asks = f"requireclientcert: true, clientcas: {self.root}/ca.crt"
        return [
            f"- tls-server: {{name: mesh, {self._certificate('ctl')}, {asks}}}",
            f"- work-signing: {{privatekey: {self.root}/work.key, tokenexpiration: 1m}}",
            f"- control-service: {control}",
            f"- tcp-listener: {{{listener}, tls: mesh}}",
        ]

    def _of_node(self, name: str, work: str) -> list[str]:
        peer = f"address: '127.0.0.1:{self._port}', redial: true"
        work = f"worktype: ansible-runner, {work}"
        control = "- control-service: {service: control}"
        if not self._guarded:
            return [control, f"- tcp-peer: {{{peer}}}", f"- work-command: {{{work}}}"]
        client = f"{self._certificate(name)}, rootcas: {self.root}/ca.crt"
        return [
            f"- tls-client: {{name: mesh, {client}}}",
            f"- work-verification: {{publickey: {self.root}/work.pub}}",
            control,
            f"- tcp-peer: {{{peer}, tls: mesh}}",
            f"- work-command: {{{work}, verifysignature: true}}",
        ]

    def _certificate(self, name: str) -> str:
        """Return the options for a node's certificate, which receptor makes as for its users."""
        crt, key, request = (self.root / f"{name}.{kind}" for kind in ("crt", "key", "csr"))
        if not crt.exists():
            _receptor(
                "--cert-makereq", f"commonname={name}", f"nodeid={name}", "bits=2048",
                "dnsname=localhost", "ipaddress=127.0.0.1", f"outreq={request}", f"outkey={key}",
            )  # fmt: skip
            _receptor(
                "--cert-signreq", f"req={request}", f"cacert={self.root}/ca.crt", "verify=true",
                f"cakey={self.root}/ca.key", f"outcert={crt}",
            )  # fmt: skip
        return f"cert: {crt}, key: {key}"

    def _make_keys(self) -> None:
        key, public = self.root / "work.key", self.root / "work.pub"
        for words in (
            ["genrsa", "-out", str(key), "2048"],
            ["rsa", "-in", str(key), "-pubout", "-out", str(public)],
        ):
            subprocess.run(["openssl", *words], check=True, capture_output=True)
        ca = (f"outcert={self.root}/ca.crt", f"outkey={self.root}/ca.key")
        _receptor("--cert-init", "commonname=mesh", "bits=2048", *ca)


def _receptor(*words: str) -> None:
    subprocess.run(["receptor", *words], check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
