"""Agent sessions as a user of dx-dispatch sees them, on real OpenSSH and with real processes."""
