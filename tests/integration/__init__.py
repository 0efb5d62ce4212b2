"""Tests through real OpenSSH servers, with real faults."""
