"""Hands commands to a fleet of machines and tells the truth about what became of them."""

from typing import TYPE_CHECKING

__version__: str
"""That of the package that is installed: the release, or the commit after it."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> str:
        """Return the version, which takes a while to find, once somebody asks for it."""
        if name != "__version__":
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from importlib.metadata import version  # noqa: PLC0415 - slow

        return version(__name__)
