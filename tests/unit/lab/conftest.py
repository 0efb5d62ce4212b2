"""One lab for all tests that leave it as it was."""

from collections.abc import Iterator

import pytest

from tests.lab import Lab, LabUnsupported, Vm


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Run a lab, where one can run."""
    try:
        lab = Lab.create()
    except LabUnsupported as reason:
        pytest.skip(str(reason))
    with lab:
        yield lab


@pytest.fixture
def vm(lab: Lab) -> Iterator[Vm]:
    """Lend a machine, to be broken."""
    vm = lab.vms["epyc6"]
    yield vm
    vm.heal()
