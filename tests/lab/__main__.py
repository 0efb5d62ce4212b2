"""A lab by hand: `python -m tests.lab up`, then `fault`, `heal`, `cut` from elsewhere."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.lab import control
from tests.lab.current import announced, current_root
from tests.lab.faults import Fault, LabError
from tests.lab.lab import Lab


def main() -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args()
    try:
        if options.action == "up":
            _up(options.root)
        else:
            _say(control.send(options.root or current_root(), _order(options)))
    except (LabError, OSError) as error:
        sys.stderr.write(f"dxlab: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=Path, help="the lab's directory (default: the last lab's)")
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("vm", help="a machine's name in the inventory")
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up", parents=[common], help="run a lab until Ctrl-C")
    actions.add_parser("status", parents=[common], help="show the machines")
    fault = actions.add_parser("fault", parents=[machine, common], help="break a machine")
    fault.add_argument("fault", type=_fault, metavar="FAULT", help=", ".join(Fault))
    actions.add_parser("heal", parents=[machine, common], help="undo a machine's faults")
    actions.add_parser("kill", parents=[machine, common], help="kill a machine's sessions")
    cut = actions.add_parser(
        "cut", parents=[machine, common], help="reset connections: all now, or the next ones"
    )
    cut.add_argument("--up", type=int, help="after so many bytes from the client")
    cut.add_argument("--down", type=int, help="after so many bytes from the server")
    cut.add_argument("--times", type=int, default=1, help="how many connections (default: 1)")
    return parser


def _fault(text: str) -> Fault:
    try:
        return Fault(text.lower().replace("-", "_"))
    except ValueError:
        message = f"no fault {text!r}: there are {', '.join(Fault)}"
        raise argparse.ArgumentTypeError(message) from None


def _order(options: argparse.Namespace) -> control.Order:
    return {name: value for name, value in vars(options).items() if name != "root"}


def _up(root: Path | None) -> None:
    end = threading.Event()  # and no KeyboardInterrupt, which could come while cleaning up
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: end.set())
    with Lab.create(root) as lab, control.Server(lab) as server, announced(lab.root):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _say(_introduction(lab))
        end.wait()
        server.shutdown()


def _introduction(lab: Lab) -> str:
    vm = lab.vms["epyc6"]
    config = lab.client_home / ".ssh" / "config"
    return "\n".join(
        (
            control.describe(lab),
            "",
            f"root       {lab.root}",
            f"inventory  {lab.inventory}",
            f"try        DX_INVENTORY={lab.inventory} dx-dispatch --list",
            f"           ssh -F {config} -p {vm.port} {vm.user}@{vm.address}",
            "Ctrl-C ends the lab.",
        )
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
