"""What can be broken, and what the lab says when it cannot."""

from enum import StrEnum, auto


class LabError(Exception):
    """Something the lab's user can act on, said in one line."""


class LabUnsupported(LabError):  # noqa: N818 - the opposite of "supported", not a mishap
    """What the lab, or one fault, needs is missing on this machine."""


class Fault(StrEnum):
    """Ways in which a virtual machine fails.  Several at once add up."""

    REFUSE = auto()
    """Connection refused."""
    SILENT = auto()
    """New connections are accepted, then nothing is read or sent."""
    CLOSE_EARLY = auto()
    """New connections are accepted, then closed before the banner."""
    STALL = auto()
    """All connections stay open, but bytes stop in both directions."""
    MUTE = auto()
    """All connections stay open, but no more bytes come from the machine."""
    DROP = auto()
    """The inventory's address swallows every packet, with no ICMP answer.  Root only."""
    REFUSE_AUTH = auto()
    """The client's key is no longer authorized."""
    HOLD_AUTH = auto()
    """Authentication never ends.  Root only."""
    CHANGED_KEY = auto()
    """The host key is another one."""
    DEFAULT_PENALTIES = auto()
    """OpenSSH's own PerSourcePenalties, which the lab otherwise turns off."""
    LYING_BANNER = auto()
    """The banner says what ssh says of a host key that is not the known one."""
    MAX_STARTUPS = auto()
    """MaxStartups is 10:30:60, so a burst of connections loses some at random."""
