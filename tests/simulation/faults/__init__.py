"""Faults for the product, as patches: the judge has to find each."""
