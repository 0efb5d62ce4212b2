"""Rules of the checks that touch the network: DNS, and TCP against real sockets."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.checks import (
    CheckFailure,
    check_dns,
    check_tcp,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import PreflightStatus
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_config import (
    SshConfig,
)

from tests.unit.collection.test_checks import EPYC6, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Address = tuple[int, tuple[str, int]]


@pytest.fixture
def closed() -> Iterator[Address]:
    """A port where nobody listens, and nobody else can."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield socket.AF_INET, sock.getsockname()


@pytest.fixture
def open_(closed: Address) -> Iterator[Address]:
    """A port where somebody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield closed[0], sock.getsockname()


@pytest.fixture
def silent() -> Iterator[Address]:
    """A port where nobody answers: the queue of connections is full."""
    with socket.socket() as sock, socket.socket() as first, socket.socket() as second:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        for client in (first, second):
            client.settimeout(0)
            client.connect_ex(sock.getsockname())
        yield socket.AF_INET, sock.getsockname()


def refused(addresses: list[Address], timeout: float = 5) -> CheckFailure:
    with pytest.raises(CheckFailure) as raised:
        check_tcp(EPYC6, addresses, timeout)
    return raised.value


def unresolved(hostname: str, mode: str = "ssh_key") -> CheckFailure:
    with pytest.raises(CheckFailure) as raised:
        check_dns(replace(EPYC6, auth_mode=mode), SshConfig(hostname=hostname, port=22), 10)
    return raised.value


def test_somebody_who_listens_is_enough(open_: Address) -> None:
    check_tcp(EPYC6, [open_], 5)


def test_one_address_of_several_is_enough(open_: Address, closed: Address) -> None:
    check_tcp(EPYC6, [closed, open_], 5)


def test_where_nobody_listens_the_host_is_unreachable(closed: Address) -> None:
    failed = refused([closed])

    assert failed.status is PreflightStatus.HOST_UNREACHABLE
    assert f"nothing answers at 127.0.0.1 port {closed[1][1]} (ECONNREFUSED)" in failed.text


def test_where_nobody_answers_it_is_a_timeout(silent: Address) -> None:
    failed = refused([silent], 0.2)

    assert failed.status is PreflightStatus.TIMEOUT
    assert "(no answer in 0.2 s); is the machine on and sshd running?" in failed.text


def test_without_an_address_nothing_is_reached() -> None:
    failed = refused([])

    assert failed.status is PreflightStatus.HOST_UNREACHABLE
    assert "nothing answers at 100.64.0.6 port 22 (no address)" in failed.text


@pytest.mark.parametrize(
    ("hostname", "family", "address"),
    [
        ("127.0.0.9", socket.AF_UNSPEC, (socket.AF_INET, ("127.0.0.9", 2222))),
        ("::1", socket.AF_INET6, (socket.AF_INET6, ("::1", 2222))),
    ],
)
def test_a_name_has_its_addresses(
    hostname: str, family: socket.AddressFamily, address: Address
) -> None:
    ssh = SshConfig(hostname=hostname, port=2222, family=family)

    assert check_dns(EPYC6, ssh, 10) == [address]


@pytest.mark.parametrize("hostname", ["no such host", "a" * 64 + ".example", "x..y", ""])
def test_a_name_that_cannot_be_resolved_says_what_to_check(hostname: str) -> None:
    failed = unresolved(hostname)

    assert failed.status is PreflightStatus.HOST_UNRESOLVABLE
    assert failed.text.endswith("; check ansible_host and your DNS")


def test_under_tailscale_a_name_that_cannot_be_resolved_is_magic_dns_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = '{"BackendState": "Running"}'
    program(monkeypatch, tmp_path, "tailscale", f"#!/bin/sh\necho '{answer}'\n")

    assert unresolved("x..y", "tailscale").text.endswith("; is MagicDNS on? try: tailscale status")


def test_under_tailscale_that_does_not_run_its_state_is_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = '{"BackendState": "Stopped"}'
    program(monkeypatch, tmp_path, "tailscale", f"#!/bin/sh\necho '{answer}'\n")

    assert unresolved("x..y", "tailscale").text.endswith(
        "; Tailscale is stopped here; run: tailscale up"
    )


def test_a_resolver_that_does_not_answer_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments: over.wait() and [])

    with pytest.raises(CheckFailure) as raised:
        check_dns(EPYC6, SshConfig(hostname="epyc6", port=22), 0.1)
    over.set()

    assert raised.value.status is PreflightStatus.TIMEOUT
    assert "no answer from DNS for epyc6 in 0.1 s" in raised.value.text
