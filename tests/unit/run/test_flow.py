"""Rules of telling how much of the output its reader has taken."""

from __future__ import annotations

import socket
import threading

from dxansible.run.flow import Flow


def ask(flow: Flow, *pieces: bytes) -> bytes:
    """What is answered to a request that comes in pieces."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for piece in pieces:
            ours.sendall(piece)
        ours.shutdown(socket.SHUT_WR)
        flow.answer(theirs)
        theirs.close()
        return ours.recv(64)


def test_what_was_taken_of_each_host_is_told() -> None:
    flow = Flow()
    flow.take("epyc6", 5)
    flow.take("epyc6", 2)

    assert ask(flow, b"7 60 epyc6\n") == b"7"
    assert ask(flow, b"0 60 a host with", b" spaces\n") == b"0"


def test_the_answer_waits_for_the_reader() -> None:
    flow = Flow()
    timer = threading.Timer(0.05, lambda: flow.take("epyc6", 10))
    timer.start()

    assert flow.wait("epyc6", 10, 60) == 10
    timer.join()


def test_the_answer_does_not_wait_for_ever() -> None:
    assert ask(Flow(), b"10 0.01 epyc6\n") == b"0"


def test_a_request_that_is_not_whole_has_no_answer() -> None:
    assert ask(Flow(), b"10 0.01 epy") == b""


def test_a_listener_is_told_what_was_taken_before_and_after() -> None:
    flow = Flow()
    told: list[tuple[str, int]] = []
    flow.take("epyc6", 5)
    flow.tell(lambda host, count: told.append((host, count)))
    flow.take("epyc6", 2)
    flow.take("macmini", 1)

    assert told == [("epyc6", 5), ("epyc6", 7), ("macmini", 1)]
