"""Rules of what is shown."""
