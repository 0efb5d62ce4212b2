"""Where the token for pull requests may go."""

from __future__ import annotations

import pytest

from dxansible.errors import ServiceError
from dxansible.github.client import api_of
from dxansible.record import Reason
from dxansible.services import GitHubSettings


def settings(api: str | None) -> GitHubSettings:
    return GitHubSettings(token="t", api=api)  # noqa: S106 - opens nothing


@pytest.mark.parametrize(
    ("host", "api", "expected"),
    [
        ("github.com", None, "https://api.github.com"),
        ("github.com", "https://api.github.com", "https://api.github.com"),
        ("ghe.example.org", "https://ghe.example.org/api/v3", "https://ghe.example.org/api/v3"),
        ("acme.ghe.com", "https://api.acme.ghe.com", "https://api.acme.ghe.com"),
        ("anything", "http://127.0.0.1:1", "http://127.0.0.1:1"),
    ],
)
def test_the_token_goes_to_github_and_to_the_server_that_was_named(
    host: str, api: str | None, expected: str
) -> None:
    assert api_of(host, settings(api)) == expected


@pytest.mark.parametrize(
    ("host", "api"),
    [
        ("ghe.example.org", None),
        ("evil.example", "https://ghe.example.org/api/v3"),
        ("github.com", "https://ghe.example.org/api/v3"),
        ("ghe.example.org", "https://api.github.com"),
    ],
)
def test_no_vm_chooses_where_the_token_goes(host: str, api: str | None) -> None:
    with pytest.raises(ServiceError, match="GITHUB_API_URL") as raised:
        api_of(host, settings(api))

    assert raised.value.reason is Reason.GITHUB_AUTH
