"""Rules of runs: events in, typed results out, on this machine as a VM."""
