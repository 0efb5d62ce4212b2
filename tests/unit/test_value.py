"""Rules of values: frozen dataclasses whose fields are given by keyword."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, asdict, fields, is_dataclass, replace
from typing import Any

import pytest

from dxansible import value
from dxansible.value import Value, field


class Point(Value):
    """A value with a field of each sort."""

    x: int
    y: int = 2
    names: list[str] = field(default_factory=list)
    secret: str = field(default="s", repr=False)


class Place(Point):
    """A value with a field more, which checks what it gets."""

    label: str = ""

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x")


def test_it_is_a_dataclass() -> None:
    place = Place(x=1, label="here")

    assert is_dataclass(place)
    assert [each.name for each in fields(place)] == ["x", "y", "names", "secret", "label"]
    assert asdict(place) == {"x": 1, "y": 2, "names": [], "secret": "s", "label": "here"}
    assert replace(place, y=5) == Place(x=1, y=5, label="here")
    assert value.replace(place, y=5) == replace(place, y=5)
    assert [each.name for each in value.fields(place)] == [each.name for each in fields(Place)]
    assert repr(place) == "Place(x=1, y=2, names=[], label='here')"


def test_a_class_is_a_dataclass_of_its_own_whatever_its_base_is_already() -> None:
    assert [each.name for each in fields(Point)] == ["x", "y", "names", "secret"]
    assert [each.name for each in fields(Further)] == ["x", "y", "names", "secret", "more"]
    assert Further(x=1).more == Further.more == ()


def test_a_default_is_made_anew_for_each() -> None:
    first, second = Point(x=1), Point(x=1)
    first.names.append("a")

    assert (first.names, second.names) == (["a"], [])
    assert first != second


@pytest.mark.parametrize(
    ("given", "problem"),
    [({}, "Point needs x"), ({"x": 1, "z": 2}, "Point has no z")],
)
def test_what_is_missing_or_unknown_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        Point(**given)


def test_a_subclass_checks_its_values_however_it_is_made() -> None:
    with pytest.raises(ValueError, match="x"):
        Place(x=-1)
    with pytest.raises(ValueError, match="x"):
        replace(Place(x=1), x=-1)


def test_a_field_of_dataclasses_is_refused() -> None:
    with pytest.raises(TypeError, match="x of Wrong is a field of dataclasses"):

        class Wrong(Value):
            x: list[int] = dataclasses.field(default_factory=list)


def test_it_can_not_be_changed() -> None:
    point: Any = Point(x=1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert point.x == 1


def test_only_values_of_one_class_are_equal() -> None:
    assert Point(x=1) == Point(x=1)
    assert Point(x=1) != Place(x=1)
    assert hash(Settled(x=1)) == hash(Settled(x=1))
    with pytest.raises(TypeError):
        hash(Point(x=1))


def test_it_can_be_copied_and_sent_to_another_process() -> None:
    place = Place(x=1, names=["a"])
    assert pickle.loads(pickle.dumps(place)) == copy.deepcopy(place) == place  # noqa: S301 - our own


class Further(Point):
    """A value whose base is treated as a dataclass first."""

    more: tuple[int, ...] = ()


class Settled(Value):
    """A value that can be hashed."""

    x: int
