"""Rules of agents' sessions: the Python interface, on this machine as a VM."""
