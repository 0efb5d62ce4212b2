"""The keeper by itself, without SSH, under every shell it has to run under."""
