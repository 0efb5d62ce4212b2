"""Real coding agents on the lab's machines, with a scripted model."""
