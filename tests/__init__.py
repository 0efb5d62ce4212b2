"""All tests: unit without a network, integration against real OpenSSH servers."""
