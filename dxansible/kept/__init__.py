"""Engines: runs that are kept and take calls from a socket."""
