"""Rules of pull requests, against a stand-in on loopback."""
