"""Execution nodes: parts of a run that Receptor carries to other controllers."""
