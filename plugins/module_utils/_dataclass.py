# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The part of ``dataclasses`` that this collection uses, which costs next to nothing to import.

The original writes and compiles source for every class and imports ``inspect``: of the processor
time that a deploy takes on a host, that was more than all of git. Types are checked against the
original, and its ``replace`` works with these classes.
"""

from __future__ import annotations

import typing as t

_Class = t.TypeVar("_Class", bound=type)
_Instance = t.TypeVar("_Instance")
_MISSING: t.Any = object()
_FIELDS = "__dataclass_fields__"


class _Field:
    """One field: its name, its type as it is written, and how an instance gets its value."""

    init = True
    _field_type = None

    def __init__(
        self, default: t.Any, default_factory: t.Optional[t.Callable[[], t.Any]], repr_: bool
    ) -> None:
        self.name = ""
        self.type = ""
        self.default = default
        self.default_factory = default_factory
        self.repr = repr_

    def value(self) -> t.Any:
        """The default; ``_MISSING`` where a value has to be given."""
        return self.default if self.default_factory is None else self.default_factory()


def _field(
    *,
    default: t.Any = _MISSING,
    default_factory: t.Optional[t.Callable[[], t.Any]] = None,
    repr: bool = True,
) -> t.Any:
    return _Field(default, default_factory, repr)


def _dataclass(cls: t.Optional[_Class] = None, *, frozen: bool = False) -> t.Any:
    """Give a class its constructor, comparison and representation."""

    def made(cls: _Class) -> _Class:
        found: t.Dict[str, _Field] = {}
        for name, kind in cls.__annotations__.items():
            default = cls.__dict__.get(name, _MISSING)
            one = default if isinstance(default, _Field) else _Field(default, None, True)
            one.name, one.type = name, kind
            if default is one:
                # An instance without the field must not find the field itself.
                if one.default is _MISSING:
                    delattr(cls, name)
                else:
                    setattr(cls, name, one.default)
            found[name] = one
        methods: t.Dict[str, t.Any] = {"__init__": _init, "__eq__": _eq, "__repr__": _repr}
        methods["__hash__"] = _hash if frozen else None
        if frozen:
            methods.update(__setattr__=_refuse, __delattr__=_refuse)
        for name, method in methods.items():
            if name not in cls.__dict__ or name == "__hash__":
                setattr(cls, name, method)
        setattr(cls, _FIELDS, found)
        return cls

    return made if cls is None else made(cls)


def _init(self: t.Any, *values: t.Any, **named: t.Any) -> None:
    """The constructor of every class."""
    found: t.Dict[str, _Field] = getattr(self, _FIELDS)
    own: t.Dict[str, t.Any] = self.__dict__
    own.update(zip(found, values))
    if len(values) > len(found) or not own.keys().isdisjoint(named):
        raise TypeError(f"{_name(self)} got too many values or one of them twice")
    own.update(named)
    for name in found.keys() - own.keys():
        own[name] = found[name].value()
        if own[name] is _MISSING:
            raise TypeError(f'{_name(self)} needs a value for "{name}"')
    if len(own) != len(found):
        raise TypeError(f"{_name(self)} has no {', '.join(sorted(own.keys() - found.keys()))}")
    after = getattr(self, "__post_init__", None)
    if after is not None:
        after()


def _values(one: t.Any) -> t.Tuple[t.Any, ...]:
    return tuple(getattr(one, name) for name in getattr(one, _FIELDS))


def _eq(self: t.Any, other: t.Any) -> t.Any:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: t.Any) -> int:
    return hash(_values(self))


def _repr(self: t.Any) -> str:
    shown = (one.name for one in getattr(self, _FIELDS).values() if one.repr)
    return f"{_name(self)}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _name(one: t.Any) -> str:
    return str(one.__class__.__qualname__)


def _refuse(self: t.Any, name: str, *_value: t.Any) -> None:
    raise AttributeError(f"{_name(self)} is frozen; {name} cannot be changed")


def _fields(one: t.Any) -> t.Tuple[t.Any, ...]:
    """Name and type of each field of a class or an instance."""
    return tuple(getattr(one, _FIELDS).values())


def _replace(one: _Instance, **changes: t.Any) -> _Instance:
    """The same with other values."""
    names = getattr(one, _FIELDS)
    return type(one)(**{**{name: getattr(one, name) for name in names}, **changes})


def _asdict(one: t.Any) -> t.Dict[str, t.Any]:
    """The fields as plain data, also inside of lists, tuples and dictionaries."""
    return {name: _plain(getattr(one, name)) for name in getattr(one, _FIELDS)}


def _plain(value: t.Any) -> t.Any:
    if hasattr(value, _FIELDS):
        return _asdict(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(_plain(inner) for inner in value)
    return value


if t.TYPE_CHECKING:
    from dataclasses import asdict, dataclass, field, fields, replace
else:
    asdict, dataclass, field, fields, replace = _asdict, _dataclass, _field, _fields, _replace

__all__ = ["asdict", "dataclass", "field", "fields", "replace"]
