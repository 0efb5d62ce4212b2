"""Rules of calls of the command line that need stand-ins for services."""
