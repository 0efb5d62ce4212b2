"""Rules of host patterns."""

from __future__ import annotations

import itertools

import pytest
from ansible.inventory.manager import split_host_pattern

from dxansible.errors import UsageError
from dxansible.run.patterns import check_pattern, is_plain_name, split_pattern


@pytest.mark.parametrize("target", ["epyc6", "homedesktop-wsl", "vm1.example.org", "10.0.0.6"])
def test_a_name_is_plain(target: str) -> None:
    assert is_plain_name(target)


@pytest.mark.parametrize("target", ["all:!macmini", "a,b", "epyc*", "vm[1:3]", "~vm.", "gpu:&ml"])
def test_a_pattern_is_not_plain(target: str) -> None:
    assert not is_plain_name(target)


@pytest.mark.parametrize(
    ("pattern", "terms"),
    [
        ("a,b:c, d ", ["a", "b:c", "d"]),
        ("a:b[1:3]:!c", ["a", "b[1:3]", "!c"]),
        ("a::b", ["a::b"]),  # an address
        ("web::db", ["web", "", "db"]),
        ("fe80::[1:3]", ["fe80::[1:3]"]),
        ("a:,b", ["a:", "b"]),
        ("", [""]),
        ("a,,", ["a", "", ""]),
    ],
)
def test_a_pattern_is_split_as_ansible_does_but_keeps_its_empty_terms(
    pattern: str, terms: list[str]
) -> None:
    assert split_pattern(pattern) == terms


def test_whatever_leaves_ansible_without_a_term_is_refused() -> None:
    letters = ("a", "1", ",", ":", "!", "&", "~", "[", "]", " ")
    for length in range(5):
        for pattern in map("".join, itertools.product(letters, repeat=length)):
            terms = split_host_pattern(pattern)
            if not terms or any(term.lstrip("!&") in {"", "~"} for term in terms):
                with pytest.raises(UsageError, match="write all if you mean every VM"):
                    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["all", "*", "web", "web,db", "web:!db", "!db", "web:&db", "web[0]", "web[1:]", "~web|db",
     "::1", "fe80::1", "a b", "[fe80::1]:22"],
)  # fmt: skip
def test_a_pattern_that_names_something_in_every_term_is_taken(pattern: str) -> None:
    check_pattern(pattern)


def test_a_file_of_names_that_cannot_be_read_is_named() -> None:
    with pytest.raises(UsageError, match="the file of names /no/such can't be read: No such file"):
        check_pattern("web,@/no/such")


@pytest.mark.parametrize("pattern", ["--json", "-1", " -v", "-web,db"])
def test_a_pattern_that_ansible_would_read_as_an_option_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="no name of a VM begins with a dash"):
        check_pattern(pattern)
