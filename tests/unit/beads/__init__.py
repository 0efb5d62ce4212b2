"""Rules of issues of Beads."""
