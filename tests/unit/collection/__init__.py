"""Rules of what the collection's plugins are made of."""
