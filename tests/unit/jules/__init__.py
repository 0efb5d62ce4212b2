"""Rules of Jules, against a stand-in on loopback."""
