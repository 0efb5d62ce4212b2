"""The addresses and tokens of the services other than the VMs, from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.settings import state_dir
from dxansible.value import Value, field

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GitHubSettings", "ServiceSettings", "SlackSettings"]

_JULES = "https://jules.googleapis.com"
_SLACK = "https://slack.com/api"
_SLACK_CHANNEL = "C09MQGMFKDE"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ServiceSettings(Value):
    """How to reach the services other than the VMs."""

    jules_url: str
    jules_key: str | None = field(repr=False)
    beads_dir: Path | None
    """The ``.beads`` directory, if it isn't that of the working directory."""
    actors: frozenset[str]
    """The caller's possible Beads user names, besides git's."""

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> ServiceSettings:
        """Read the environment. Raises UsageError if a key would be sent unencrypted."""
        beads = environ.get("BEADS_DIR")
        names = map(environ.get, ("BD_ACTOR", "BEADS_ACTOR", "USER"))
        return cls(
            jules_url=(_address(environ, "DX_JULES_URL") or _JULES).removesuffix("/v1alpha"),
            jules_key=_text(environ, "JULES_API_KEY"),
            beads_dir=Path(beads) if beads else None,
            actors=frozenset(filter(None, names)),
        )


class SlackSettings(Value):
    """Where the audit trail of dispatches goes."""

    token: str | None = field(repr=False)
    webhook: str | None = field(repr=False)
    """Used only if there is no token."""
    url: str
    """Address of the Web API."""
    channel: str | None
    """The environment's channel; it overrides the inventory's."""
    spool: Path
    """The directory for messages that are not sent yet."""
    caller: str

    @property
    def configured(self) -> bool:
        """Whether there is a token or a webhook to post with."""
        return bool(self.token or self.webhook)

    @property
    def wants_channel(self) -> bool:
        """Whether the inventory's channel is needed: there is a token, the environment has none."""
        return self.token is not None and self.channel is None

    def channel_for(self, inventory: str | None) -> str:
        """Return the channel to post to; ``inventory`` is the inventory's channel."""
        return self.channel or inventory or _SLACK_CHANNEL

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> SlackSettings:
        """Read the environment. Raises UsageError if a secret would be sent unencrypted."""
        return cls(
            token=_text(environ, "SLACK_BOT_TOKEN"),
            webhook=_address(environ, "SLACK_WEBHOOK_URL"),
            url=_address(environ, "DX_SLACK_URL") or _SLACK,
            channel=_text(environ, "DX_SLACK_CHANNEL"),
            spool=state_dir(environ) / "slack",
            caller=environ.get("USER") or environ.get("LOGNAME") or f"uid {os.getuid()}",
        )


class GitHubSettings(Value):
    """The token for GitHub, and the servers that may get it."""

    token: str | None = field(repr=False)
    api: str | None
    """API address of the one other server, besides github.com, that may get the token."""

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> GitHubSettings:
        """Read the environment. Raises UsageError if the token would be sent unencrypted."""
        token = _text(environ, "GITHUB_TOKEN") or _text(environ, "GH_TOKEN")
        return cls(token=token, api=_address(environ, "GITHUB_API_URL"))


def _text(environ: Mapping[str, str], name: str) -> str | None:
    """Return a variable without blanks around it; None if that is nothing."""
    return environ.get(name, "").strip() or None


def _address(environ: Mapping[str, str], name: str) -> str | None:
    """Return an address without a slash at its end; None if none is given. Raises UsageError."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - for addresses that are given only

    url = _text(environ, name)
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        near = parts.scheme == "http" and parts.hostname in _LOOPBACK
        good = (parts.scheme == "https" or near) and parts.hostname and not parts.username
    except ValueError:
        good = False
    if not good:
        message = f"{name} is not an https address"
        raise UsageError(message, "unset it, or give https://HOST")
    return url.rstrip("/")
