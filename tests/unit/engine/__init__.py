"""The resident engine: real ones, in a runtime directory of the test."""
