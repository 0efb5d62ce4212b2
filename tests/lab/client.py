"""The home directory of whoever logs in to the virtual machines."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.gate import Gate
from tests.lab.keys import make_key


@dataclass(frozen=True, slots=True)
class Client:
    """A HOME with a key, and an OpenSSH configuration that uses it."""

    home: Path
    public_key: str

    @classmethod
    def create(cls, home: Path) -> "Client":
        """Make the directory and all in it."""
        ssh = home / ".ssh"
        for directory in (home, ssh):
            directory.mkdir(mode=0o700)
        client = cls(home, make_key(ssh / "id_ed25519", "dxlab client"))
        client.known_hosts.touch(mode=0o600)
        client.config.write_text(
            f"IdentityFile {client.key}\nUserKnownHostsFile {client.known_hosts}\n"
        )
        client.config.chmod(0o600)
        return client

    @property
    def key(self) -> Path:
        """The private key."""
        return self.home / ".ssh" / "id_ed25519"

    @property
    def config(self) -> Path:
        """The file for `ssh -F`."""
        return self.home / ".ssh" / "config"

    @property
    def known_hosts(self) -> Path:
        """The host keys the client trusts."""
        return self.home / ".ssh" / "known_hosts"

    def trust(self, keys: Iterable[tuple[Gate, str]]) -> None:
        """Add the host keys met behind some gates."""
        with self.known_hosts.open("a") as known_hosts:
            known_hosts.writelines(f"[{gate.address}]:{gate.port} {key}\n" for gate, key in keys)
