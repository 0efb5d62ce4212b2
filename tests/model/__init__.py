"""A scripted model on loopback, for real coding agents that have no model to talk to.

    with ModelServer() as model:
        model.port

The newest prompt says what it answers: see `tests.model.script`.
"""

from tests.model.server import ModelServer

__all__ = ["ModelServer"]
