"""The command line: the option table, the modes, a module for the calls of each."""
