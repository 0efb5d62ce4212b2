"""Rules of the runner: events in, typed results out."""
