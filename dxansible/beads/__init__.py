"""Beads: reads, claims and comments on issues."""
