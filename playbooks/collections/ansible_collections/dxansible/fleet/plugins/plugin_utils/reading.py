# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads values from JSON. A word of a newer release reads as itself.

The Python package has this same file as ``dxansible.reading``, so it imports nothing but the
standard library.
"""

from __future__ import annotations

from enum import EnumType, StrEnum
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from .value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

__all__ = ["Word", "read"]

T = TypeVar("T")


class Word(StrEnum):
    """Base class of the words in records; an unknown word becomes a further member."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        made = str.__new__(cls, value)
        made._name_ = made._value_ = value
        return made


def read(kind: type[T], record: Mapping[str, Any], **more: object) -> T:
    """Build a dataclass from a record; ``more`` overrides the record.

    A field that is missing or null in the record gets its default. Raises TypeError if the field
    has no default, and ValueError for a value that can't be one of its words.
    """
    known = dict(more)
    for name, reader in _readers(kind).items():  # type: ignore[arg-type] # a class is hashable
        value = record.get(name)
        if value is not None and name not in more:
            known[name] = value if reader is None else reader(value)
    return kind(**known)


@cache
def _readers(kind: type) -> dict[str, Callable[[Any], object] | None]:
    return {name: _reader(declared) for name, declared in get_type_hints(kind).items()}


def _reader(declared: Any) -> Callable[[Any], object] | None:  # noqa: ANN401 - any annotation
    """The conversion from JSON to the declared type; None if JSON's value needs none."""
    kinds = get_args(declared) if isinstance(declared, UnionType) else (declared,)
    enums: list[Any] = [kind for kind in kinds if isinstance(kind, EnumType)]
    if enums:
        words = {str(word): word for kind in enums for word in kind}
        return lambda value: words.get(value) or enums[0](value)
    if get_origin(kinds[0]) is tuple:
        each_by = _reader(get_args(kinds[0])[0])
        return tuple if each_by is None else lambda value: tuple(map(each_by, value))
    if isinstance(kinds[0], type) and issubclass(kinds[0], Value):
        return lambda value: read(kinds[0], value)
    return None
