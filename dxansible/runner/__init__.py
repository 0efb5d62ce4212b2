"""Runs our playbooks through ansible-runner and turns its events into typed ones."""
