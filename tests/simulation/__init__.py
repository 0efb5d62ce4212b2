"""A deterministic simulation: the product's runs on a virtual clock, against a model of the VM.

A history is made from a plan, which is data. The same plan always gives the same history.
"""
