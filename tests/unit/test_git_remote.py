"""Rules of finding the repository at GitHub that a directory belongs to."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import UsageError
from dxansible.git_remote import check_repository, parse_remote, read_repository

if TYPE_CHECKING:
    from pathlib import Path

GITHUB = ("github.com", "acme/widget")
ADDRESSES: list[tuple[str, tuple[str, str] | None]] = [
    ("git@github.com:acme/widget.git", GITHUB),
    ("git@github.com:acme/widget", GITHUB),
    ("git@github.com:/acme/widget.git", GITHUB),
    ("github.com:acme/widget.git", GITHUB),
    ("ssh://git@github.com/acme/widget.git", GITHUB),
    ("ssh://git@github.com:22/acme/widget.git/", GITHUB),
    ("ssh://git@ssh.github.com:443/acme/widget.git", ("ssh.github.com", "acme/widget")),
    ("https://github.com/acme/widget", GITHUB),
    ("https://github.com/acme/widget.git/", GITHUB),
    ("https://GitHub.com/acme/widget", GITHUB),
    ("https://user:tok%40en@github.com/acme/widget.git", GITHUB),
    ("https://x-access-token:ghs_abc@github.com/acme/widget", GITHUB),
    ("git://github.com/acme/widget.git", GITHUB),
    ("git@github-work:acme/widget.git", ("github-work", "acme/widget")),
    ("https://github.com/acme/dotted.name.git", ("github.com", "acme/dotted.name")),
    ("https://github.com/acme/twice.git.git", ("github.com", "acme/twice.git")),
    ("https://git.example.com/acme/widget", ("git.example.com", "acme/widget")),
    ("/srv/git/widget.git", None),
    ("../widget", None),
    ("file:///srv/git/widget.git", None),
    ("https://github.com/acme", None),
    ("https://github.com/acme/..", None),
    ("git@github.com:acme/widget/more", None),
    ("", None),
]


@pytest.mark.parametrize(("address", "found"), ADDRESSES)
def test_every_form_of_an_address_is_read(address: str, found: tuple[str, str] | None) -> None:
    assert parse_remote(address) == found


def repository(path: Path, address: str | None) -> Path:
    subprocess.run(["git", "init", "-q", str(path)], check=True)
    if address:
        subprocess.run(["git", "-C", str(path), "remote", "add", "origin", address], check=True)
    return path


def test_the_remote_is_read_as_git_rewrites_it(home: Path) -> None:
    inside = repository(home / "r", "gh:acme/widget")
    (home / ".gitconfig").write_text('[url "https://github.com/"]\n\tinsteadOf = gh:\n')

    assert read_repository(inside) == "acme/widget"


def test_an_alias_of_ssh_is_resolved(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "bin").mkdir()
    ssh = home / "bin" / "ssh"
    ssh.write_text('#!/bin/sh\n[ "$2" = github-work ] && echo "hostname github.com"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home / 'bin'}:/usr/bin:/bin")

    assert read_repository(repository(home / "r", "git@github-work:acme/widget")) == "acme/widget"
    with pytest.raises(UsageError, match=r"on gitlab\.com, but Jules supports only GitHub"):
        read_repository(repository(home / "s", "git@gitlab.com:acme/widget"))


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (None, "no remote called origin"),
        ("/srv/x.git", "origin is not a GitHub repository"),
        ("https://me:s3cr3t-canary@example.com/x", "origin is not a GitHub repository"),
    ],
)
def test_what_is_no_use_says_so_and_shows_no_password(
    home: Path, address: str | None, text: str
) -> None:
    with pytest.raises(UsageError, match=text) as raised:
        read_repository(repository(home / "r", address))

    assert "canary" not in str(raised.value)
    assert "--repo owner/name" in str(raised.value)


def test_no_repository_and_no_git(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="not in a git repository"):
        read_repository(home)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="git can't be run"):
        read_repository(home)


@pytest.mark.parametrize("name", ["acme", "a/b/c", "../x", "acme/..", "acme/x y", "-o/x", "~/app"])
def test_a_repository_is_an_owner_and_a_name(name: str) -> None:
    assert check_repository("acme/widget.js") == "acme/widget.js"
    with pytest.raises(UsageError, match="use --repo owner/name"):
        check_repository(name)
