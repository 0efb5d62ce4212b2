"""Hands commands to a fleet of machines and tells the truth about what became of them."""

__version__ = "0.1.0"
"""The only place of the version; the packages and ``--version`` take it from here."""
