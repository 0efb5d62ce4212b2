"""Stand-ins for services that can't be had on test machines: Jules, and the program of Beads."""

from tests.services.jules import Fault, JulesServer

__all__ = ["Fault", "JulesServer"]
