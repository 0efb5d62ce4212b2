"""Golden records: what became of over 1,000 generated scenarios, to be the same for ever after.

A scenario is a host of an inventory: a directory of this machine in which the real keeper runs what
the command of its batch finds there (`endings`), over a connection plugin that fails as the
scenario says (`faults`). `batches` makes them all, `stage` puts a batch on the disk, `calls` makes
its calls through the package's Python interface, and `records` has what is compared.
"""
