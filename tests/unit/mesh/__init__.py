"""Execution nodes, as far as they need no receptor."""
