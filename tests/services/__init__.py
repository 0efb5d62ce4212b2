"""Stand-ins for services that can't be had on test machines: Jules, Slack, and Beads' program."""

from tests.services.jules import Fault, JulesServer
from tests.services.slack import SlackServer

__all__ = ["Fault", "JulesServer", "SlackServer"]
