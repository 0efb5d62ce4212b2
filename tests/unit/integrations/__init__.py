"""Rules of the services beyond the VMs, against stand-ins on loopback."""
