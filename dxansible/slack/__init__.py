"""Slack: the audit trail."""
