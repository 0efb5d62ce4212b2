# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A base class of frozen dataclasses that costs little when their modules are loaded.

`dataclasses.dataclass` writes the source of six methods for each class and compiles it, which takes
almost a millisecond, and loading `dataclasses` itself takes some. A call loads some forty classes;
that was a third of its processor time. The classes here share the methods of `Value`, and become
dataclasses when somebody asks for that. The Python package has this same file as
``dxansible.value``.
"""

from __future__ import annotations

from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, dataclass_transform

if TYPE_CHECKING:
    import dataclasses
    from collections.abc import Callable, Mapping

__all__ = ["Value", "field", "fields", "replace"]

V = TypeVar("V", bound="Value")

_MISSING: Any = object()
_lock = RLock()


class _Field:
    """A field, as `dataclasses.Field` is one."""

    __slots__ = ("default", "default_factory", "metadata", "name", "repr", "type")
    name: str
    type: str

    def __init__(
        self,
        default: object,
        default_factory: Callable[[], object],
        metadata: Mapping[str, Any],
        *,
        shown: bool,
    ) -> None:
        self.default, self.default_factory = default, default_factory
        self.metadata, self.repr = metadata, shown

    def as_given(self) -> dict[str, Any]:
        """The arguments that make the same field of a dataclass."""
        known = {"default": self.default, "default_factory": self.default_factory}
        known = {name: value for name, value in known.items() if value is not _MISSING}
        return {**known, "repr": self.repr, "metadata": self.metadata}


def field(
    *,
    default: object = _MISSING,
    default_factory: Callable[[], Any] = _MISSING,
    repr: bool = True,  # noqa: A002 - as dataclasses.field has it
    metadata: Mapping[str, Any] = MappingProxyType({}),
) -> Any:  # noqa: ANN401 - the annotation of the field is its type
    """Declare a field, as `dataclasses.field` does."""
    return _Field(default, default_factory, metadata, shown=repr)


class _AsDataclass:
    """Makes a class a dataclass when it is first treated as one."""

    def __get__(self, _value: Value | None, kind: type[Value]) -> dict[str, Any]:
        from dataclasses import dataclass  # noqa: PLC0415 - see the module
        from dataclasses import field as dataclass_field  # noqa: PLC0415 - see the module

        with _lock:
            if vars(kind)["__dataclass_fields__"] is self:
                for name in kind.__annotations__:
                    if name in kind._fields:
                        setattr(kind, name, dataclass_field(**kind._fields[name].as_given()))
                dataclass(init=False, repr=False, eq=False, kw_only=True)(kind)
            found: dict[str, Any] = vars(kind)["__dataclass_fields__"]
            return found


_AS_DATACLASS = _AsDataclass()


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Value:
    """A value with named fields that are given by keyword and can't be changed.

    A subclass declares its fields as a dataclass does. `dataclasses.fields`, `replace` and `asdict`
    work, too.
    """

    _fields: ClassVar[dict[str, _Field]] = {}
    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __init_subclass__(cls) -> None:
        """Find the fields, those of base classes included."""
        super().__init_subclass__()
        type.__setattr__(cls, "__dataclass_fields__", _AS_DATACLASS)
        cls._fields = {}
        for base in cls.__bases__:
            for name, known in getattr(base, "_fields", {}).items():
                cls._fields.setdefault(name, known)
        for name, declared in cls.__annotations__.items():
            if str(declared).startswith("ClassVar"):
                continue
            found = vars(cls).get(name, _MISSING)
            if hasattr(found, "default_factory") and not isinstance(found, _Field):
                raise TypeError(
                    f"{name} of {cls.__name__} is a field of dataclasses, not of this module"
                )
            if not isinstance(found, _Field):
                found = field(default=found)
            elif found.default is _MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, found.default)
            found.name, found.type = name, str(declared)
            cls._fields[name] = found

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - each field has its own type
        """Raise TypeError for an unknown field, and for one that is missing."""
        values = vars(self)
        for name, each in self._fields.items():
            if name in given:
                values[name] = given.pop(name)
            elif each.default is not _MISSING:
                values[name] = each.default
            elif each.default_factory is not _MISSING:
                values[name] = each.default_factory()
            else:
                raise TypeError(f"{type(self).__name__} needs {name}")
        if given:
            raise TypeError(f"{type(self).__name__} has no {', '.join(given)}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the values; a subclass says what it refuses."""

    def __repr__(self) -> str:
        """The class and the fields, without those that ask not to be shown."""
        shown = [f"{name}={vars(self)[name]!r}" for name, each in self._fields.items() if each.repr]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        """Equal values of the same class."""
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        """The hash of the values. Raises TypeError if one has none."""
        return hash(tuple(vars(self).values()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Raise FrozenInstanceError."""
        raise _frozen(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        """Raise FrozenInstanceError."""
        raise _frozen(f"cannot delete field {name!r}")


def _frozen(message: str) -> AttributeError:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 - see the module

    return FrozenInstanceError(message)


def fields(kind: Value | type[Value]) -> tuple[_Field, ...]:
    """The fields of a value or a class, in their order."""
    return tuple(kind._fields.values())


def replace(value: V, **changes: Any) -> V:  # noqa: ANN401 - each field has its own type
    """Return a copy with other values of some fields."""
    return type(value)(**{**vars(value), **changes})
