"""Three virtual machines on loopback, served by real OpenSSH, that can be broken on demand.

    with Lab.create() as lab:
        lab.vms["epyc6"].fault(Fault.REFUSE)

Each machine is an `sshd` of its own behind a TCP gate.  The gate plays faults of the network,
the `sshd` plays faults of the server.  `python -m tests.lab up` runs one by hand.
"""

from tests.lab.faults import Fault, LabError, LabUnsupported
from tests.lab.lab import Lab
from tests.lab.vm import Vm

__all__ = ["Fault", "Lab", "LabError", "LabUnsupported", "Vm"]
