"""SSH key pairs."""

from pathlib import Path

from tests.lab.command import run


def make_key(path: Path, comment: str) -> str:
    """Make an ed25519 key at `path` and return the public half as `type base64`."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path))
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])
