"""Texts as they are without colours."""

from dxansible.render import show

__all__ = ["plain"]


def plain(text: str) -> str:
    """Remove our colours."""
    return show._COLOURED.sub(r"\2", text)
