"""GitHub: pull requests."""
