"""Rules of the trail in Slack, against a stand-in on loopback."""
