"""The resident engine: loaded once, forked for each call. An accelerator and nothing else."""
