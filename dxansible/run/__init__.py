"""Runs of playbooks: the request, ansible-runner, events, results."""
