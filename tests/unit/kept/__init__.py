"""Engines: real ones, in a runtime directory of the test."""
