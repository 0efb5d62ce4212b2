"""Rules of the fleet: the Python interface, on this machine as a VM."""
