"""What each call of the command line does: one function, which renders and returns an exit code."""
