"""Claims on an issue: the unchanged scripts of turns and finalizes, on virtual time.

A small interpreter of sh (`syntax`, `shell`) runs ``claim.sh`` and the push of ``finalize.sh``
with a model of git (`repository`, `remote`), so that many sessions race for one claim while their
connections fail, their processes are killed or frozen, and leases pass.
"""
