# SPDX-License-Identifier: GPL-3.0-or-later
"""What one posted value may be: AWX's serializer fields, with the words in which they refuse."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

import yaml

TRUE: t.Set[t.Any] = {
    "t",
    "T",
    "y",
    "Y",
    "yes",
    "Yes",
    "YES",
    "true",
    "True",
    "TRUE",
    "on",
    "On",
    "ON",
    "1",
    1,
}
FALSE: t.Set[t.Any] = {
    "f",
    "F",
    "n",
    "N",
    "no",
    "No",
    "NO",
    "false",
    "False",
    "FALSE",
    "off",
    "Off",
    "OFF",
    "0",
}
FALSE |= {0}
REQUIRED = "This field is required."
REFUSED_NULL = "This field may not be null."


class Invalid(Exception):
    """A value that AWX answers with 400; ``errors`` is the body it sends."""

    def __init__(self, errors: t.Any) -> None:
        super().__init__(errors)
        self.errors = errors


class Forbidden(Exception):
    """What AWX answers with 403."""


@dataclass(frozen=True)
class Field:
    """One field of a resource, as the serializer of AWX declares it."""

    type: str
    required: bool = False
    default: t.Any = None
    blank: bool = True
    null: bool = False
    choices: t.Tuple[t.Any, ...] = ()
    least: t.Optional[int] = None
    longest: t.Optional[int] = None
    to: str = ""  # the kind that a key points to
    cascade: bool = False  # what happens here when that object goes
    read_only: bool = False
    fixed: bool = False  # read-only once the object exists


def checked(field: Field, value: t.Any, find: t.Callable[[str, t.Any], t.Any]) -> t.Any:
    """The value as AWX stores it; :class:`Invalid` with a list of sentences otherwise."""
    return CHECKS[field.type](field, value, find)


def _char(field: Field, value: t.Any, find: t.Any) -> t.Any:
    if value is None:
        if field.null:
            return None
        if not field.blank:
            raise Invalid(["This field cannot be blank."])
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Invalid(["Not a valid string."])
    text = str(value).strip()
    if not text and not field.blank:
        raise Invalid(["This field may not be blank."])
    if field.longest is not None and len(text) > field.longest:
        raise Invalid([f"Ensure this field has no more than {field.longest} characters."])
    return text


def _choice(field: Field, value: t.Any, find: t.Any) -> t.Any:
    if value is None:
        return None if field.null else "" if field.blank else _refuse(REFUSED_NULL)
    if value == "" and field.blank:
        return ""
    known = {str(choice): choice for choice in field.choices}
    try:
        return known[str(value)]
    except KeyError:
        raise Invalid([f'"{value}" is not a valid choice.']) from None


def _bool(field: Field, value: t.Any, find: t.Any) -> t.Any:
    if value in (None, "") or value == "null":
        return None if field.null else False
    if isinstance(value, (list, dict)) or value not in TRUE | FALSE:
        raise Invalid(["Must be a valid boolean."])
    return value in TRUE


def _int(field: Field, value: t.Any, find: t.Any) -> t.Any:
    if value is None:
        return None if field.null else _refuse(REFUSED_NULL)
    try:
        if isinstance(value, (list, dict)) or (isinstance(value, float) and value % 1):
            raise ValueError
        number = int(value)
    except ValueError:
        raise Invalid(["A valid integer is required."]) from None
    if field.least is not None and number < field.least:
        raise Invalid([f"Ensure this value is greater than or equal to {field.least}."])
    return number


def _key(field: Field, value: t.Any, find: t.Callable[[str, t.Any], t.Any]) -> t.Any:
    if value is None or value == "":
        return None if field.null else _refuse(REFUSED_NULL)
    if isinstance(value, (bool, list, dict)) or not str(value).isdigit():
        name = type(value).__name__
        raise Invalid([f"Incorrect type. Expected pk value, received {name}."])
    if find(field.to, int(value)) is None:
        raise Invalid([f'Invalid pk "{value}" - object does not exist.'])
    return int(value)


def _json(field: Field, value: t.Any, find: t.Any) -> t.Any:
    if value is None and not field.null:
        raise Invalid([REFUSED_NULL])
    return value


def _object(field: Field, value: t.Any, find: t.Any) -> t.Any:
    if not isinstance(value, dict):
        raise Invalid([f"{json.dumps(value)} is not of type 'object'"])
    return value


def _variables(field: Field, value: t.Any, find: t.Any) -> t.Any:
    """JSON or YAML text of a mapping; AWX keeps it as it came."""
    if isinstance(value, dict):
        return json.dumps(value)
    text = _char(field, value, find)
    parse_variables(text)
    return text


def _data(field: Field, value: t.Any, find: t.Any) -> t.Any:
    """``extra_data``: a mapping, or the text of one."""
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        return parse_variables(value)
    return value


def parse_variables(text: t.Any) -> t.Dict[str, t.Any]:
    """The mapping in a text of JSON or YAML; refused in AWX's words."""
    if isinstance(text, dict):
        return text
    try:
        return _mapping(json.loads(text)) if text else {}
    except (ValueError, TypeError) as first:
        try:
            return _mapping(yaml.safe_load(text))
        except (yaml.YAMLError, TypeError, AttributeError) as second:
            raise Invalid(
                [f"Cannot parse as JSON (error: {first}) or YAML (error: {second})."]
            ) from None


def _mapping(value: t.Any) -> t.Dict[str, t.Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"Input type `{type(value).__name__}` is not a dictionary")
    return value


def _refuse(sentence: str) -> t.NoReturn:
    raise Invalid([sentence])


CHECKS: t.Dict[str, t.Callable[[Field, t.Any, t.Any], t.Any]] = {
    "char": _char,
    "choice": _choice,
    "bool": _bool,
    "int": _int,
    "key": _key,
    "json": _json,
    "object": _object,
    "variables": _variables,
    "data": _data,
}
