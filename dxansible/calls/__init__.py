"""One function for each call of the command line: it renders, and returns an exit code."""
