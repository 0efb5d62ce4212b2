"""The calls of the command line: one function each, which renders and returns an exit code."""
