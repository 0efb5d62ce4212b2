# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A base class of frozen dataclasses that costs little when their modules are loaded.

`dataclasses.dataclass` writes the source of six methods for each class and compiles it, which takes
almost a millisecond. A call loads some forty classes, and they would be a third of its processor
time. The classes here share the methods of `Value`. The Python package has this same file as
``dxansible.value``.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, dataclass_transform

__all__ = ["Value"]


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Value:
    """Makes each subclass a frozen dataclass whose fields are given by keyword.

    `dataclasses.fields`, `replace` and `asdict` work as usual.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        """Find the fields, those of base classes included."""
        super().__init_subclass__()
        dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - each field has its own type
        """Raise TypeError for an unknown field, and for one that is missing."""
        values = vars(self)
        for each in fields(self):
            name = each.name
            if name in given:
                values[name] = given.pop(name)
            elif each.default is not MISSING:
                values[name] = each.default
            elif each.default_factory is not MISSING:
                values[name] = each.default_factory()
            else:
                message = f"{type(self).__name__} needs {name}"
                raise TypeError(message)
        if given:
            message = f"{type(self).__name__} has no {', '.join(given)}"
            raise TypeError(message)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the values; a subclass says what it refuses."""

    def __repr__(self) -> str:
        """The class and the fields, without those that ask not to be shown."""
        shown = [f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        """Equal values of the same class."""
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        """The hash of the values. Raises TypeError if one has none."""
        return hash(tuple(vars(self).values()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Raise FrozenInstanceError."""
        message = f"cannot assign to field {name!r}"
        raise FrozenInstanceError(message)

    def __delattr__(self, name: str) -> NoReturn:
        """Raise FrozenInstanceError."""
        message = f"cannot delete field {name!r}"
        raise FrozenInstanceError(message)
