"""Batches of hosts, as Ansible's own ``serial`` makes them."""

from __future__ import annotations

from random import Random

from ansible.utils.helpers import pct_to_int

from dxansible.run.batches import split


def as_ansible_does(hosts: list[str], steps: list[str]) -> list[tuple[str, ...]]:
    """The batches by the arithmetic of Ansible's own playbook executor."""
    batches, left, place = [], list(hosts), 0
    while left:
        size = pct_to_int(steps[place], len(hosts))
        batches.append(tuple(left[:size]))
        left = left[size:]
        place = min(place + 1, len(steps) - 1)
    return batches


def test_batches_are_those_of_serial() -> None:
    random = Random(5)  # noqa: S311 - the same sizes each time
    for _ in range(2000):
        hosts = [f"h{number}" for number in range(random.randrange(60))]
        steps = [
            random.choice([str(random.randint(1, 30)), f"{random.randint(1, 100)}%"])
            for _ in range(random.randint(1, 4))
        ]

        assert split(hosts, steps) == as_ansible_does(hosts, steps), (len(hosts), steps)


def test_without_sizes_there_is_one_batch() -> None:
    assert split(["a", "b", "c"], []) == [("a", "b", "c")]
    assert split([], []) == []
