"""Many calls in a short time from one address, as agents make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab import Fault

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm


@pytest.mark.resident
@pytest.mark.long
def test_thirty_calls_in_a_row_do_not_get_their_caller_banned(
    user: Dispatcher, epyc6: Vm, pool: ThreadPoolExecutor
) -> None:
    epyc6.fault(Fault.DEFAULT_PENALTIES)
    alone = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPath=none"}

    def work(worker: int) -> list[int]:
        environment = alone if worker % 2 else {}
        call = ("epyc6", "--exec", "true", "--retries", "0", "--json")
        return [user.run(*call, env=environment).code for _ in range(8)]

    codes = [
        code for worker in [pool.submit(work, n) for n in range(4)] for code in worker.result()
    ]
    assert codes == [0] * 32
    assert not [line for line in epyc6.log.read_text().splitlines() if is_penalty(line, epyc6)]


def is_penalty(line: str, vm: Vm) -> bool:
    """Whether sshd has penalised a client other than the lab's own probe, which has its address."""
    return "srclimit_penalise" in line and f" {vm.sshd.upstream[0]}/" not in line
