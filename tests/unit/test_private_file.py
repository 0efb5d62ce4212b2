"""Rules of files that only their owner can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dxansible.private_file import replace_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old, and longer")
    path.chmod(0o644)

    replace_file(path, b"new")

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_what_can_not_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    path.mkdir()

    with pytest.raises(OSError, match="directory"):
        replace_file(path, b"new")

    assert list(tmp_path.iterdir()) == [path]
