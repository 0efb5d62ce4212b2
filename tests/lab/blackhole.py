"""An address whose packets vanish.  Root only.

Behind it is a veth pair whose far end, in a network namespace of its own, drops every frame:
all are sent to a MAC address that it does not have.
"""

import secrets
from pathlib import Path

from tests.lab.command import run
from tests.lab.faults import LabError, LabUnsupported

_NOBODY = "02:00:00:00:00:01"


def create(name: str) -> str:
    """Return an address that never answers, with a link and a namespace both called `name`."""
    subnet = _free_subnet()
    try:
        run("ip", "netns", "add", name)
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "far", "netns", name)
    except LabError as error:
        message = f"no black hole without a network namespace: {error}"
        raise LabUnsupported(message) from None
    run("ip", "-n", name, "link", "set", "far", "up")
    run("ip", "address", "add", f"{subnet}.1/30", "dev", name)
    run("ip", "link", "set", name, "up")
    run("ip", "neigh", "replace", f"{subnet}.2", "lladdr", _NOBODY,
        "nud", "permanent", "dev", name)  # fmt: skip
    return f"{subnet}.2"


def remove(name: str) -> None:
    """Delete what `create` has made, however far it got."""
    if Path("/sys/class/net", name).exists():
        run("ip", "link", "delete", name)
    if Path("/run/netns", name).exists():
        run("ip", "netns", "delete", name)


def _free_subnet() -> str:
    taken = run("ip", "-oneline", "address", "show")
    subnets = [f"10.213.{number}" for number in range(256)]
    return secrets.choice([subnet for subnet in subnets if f" {subnet}." not in taken])
