"""Rules of the calls about sessions that no command line comes to."""

from __future__ import annotations

import pytest

from dxansible.cli.start import start
from dxansible.errors import UsageError
from tests.unit.cli.test_options import options


@pytest.mark.usefixtures("inventory")
def test_a_task_without_a_target_and_without_a_session_has_no_host() -> None:
    with pytest.raises(UsageError, match="there is no target; name a host"):
        start(options(task="work", retries=1))
