"""The words of hooks and of gh, which --finalize-pr masks."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.services.gh import FakeGh

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.office import Office
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = [
    pytest.mark.resident,
    pytest.mark.skipif(not shutil.which("git"), reason="no git"),
]


SECRETS = [
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "hunter22",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
]
TELLS = f"""exec >&2
echo 'export GITHUB_TOKEN={SECRETS[0]}' # remember
printf 'login with password=' ; sleep 0.3; echo '{SECRETS[1]}'
echo '-----BEGIN PRIVATE KEY-----'; echo '{SECRETS[2]}'; echo AAAA; echo '-----END PRIVATE KEY-----'
"""


@pytest.mark.parametrize(("hook", "fails"), [("pre-commit", True), ("pre-push", False)])
def test_the_words_of_hooks_are_masked_wherever_they_are_shown(
    office: Office, call: Call, hook: str, *, fails: bool
) -> None:
    session = office.session()
    office.project.hook(office.project.repo, hook, f"{TELLS}exit {int(fails)}")

    shown = call("--finalize-pr", session)
    looked = [call("--logs", session), call("--logs", session, "--json")]
    if fails:  # what is shown otherwise is made from the same words
        looked += [
            call("--finalize-pr", session, "--json"), call("--status", session),
            call("--status", session, "--json"), call("--sessions", "--json"),
        ]  # fmt: skip

    assert shown.code == int(fails)
    assert "export GITHUB_TOKEN=***" in shown.err
    assert "login with password=***" in shown.err
    for answer in (shown, *looked):
        text = answer.out.decode() + answer.err
        assert [secret for secret in SECRETS if secret in text] == []


def test_the_words_of_gh_are_masked(
    office: Office, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"No use of {SECRETS[0]} here (HTTP 401)"
    gh = FakeGh.install(office.home / "bin", fails={"repos/acme/api": words})
    session = office.session()

    opened = call("--finalize-pr", session, "--json")
    monkeypatch.delenv("GITHUB_TOKEN")
    refused = call("--finalize-pr", session)
    document = call("--finalize-pr", session, "--json").document

    assert gh.state["calls"]
    note = "gh: No use of *** here (HTTP 401)"
    assert opened.document["results"][0]["push"]["note"] == note
    assert document["results"][0]["push"]["note"] == note
    assert note in refused.err
    assert SECRETS[0] not in json.dumps(document) + refused.err + opened.err
