"""Rules of the calls of the command line."""
