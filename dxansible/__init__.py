"""Hands commands to a fleet of machines and tells the truth about what became of them."""
