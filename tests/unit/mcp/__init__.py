"""Rules of the tools for agents."""
