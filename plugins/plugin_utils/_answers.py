# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the filter and the lookup instead.
"""Answers of a survey: text becomes what an option wants, or one sentence says why it cannot.

AWX hands every answer on as an extra variable, most of them as text, and an empty one as "".
"""

from __future__ import annotations

import re
import typing as t

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean

Option = t.Mapping[str, t.Any]
NOT_GIVEN = object()

_SHOWN = 80
# An ssh key may have commas, in its options.
_WHOLE_LINES = frozenset({"queue_host_authorized_keys"})
_HOSTS = re.compile(r"^\d+(\.\d+)?%?$")
_WHOLE = re.compile(r"^[+-]?\d+$")
# YAML's numbers forget how they were written. AWX quotes every answer and marks it as unsafe; there
# ansible-core 2.19 and later take text that looks like a number for one all the same.
_LOST_TEXT = (
    "Ansible read this as the number {}, which may have been written otherwise (1.10 is 1.1). Give "
    'a text that is no number: a version as "==1.10", a tag as "refs/tags/1.10".'
)


class WrongAnswer(ValueError):
    """The message is the sentence that a person reads."""


def converted(name: str, value: t.Any, option: Option) -> t.Any:
    """The answer as the option's type, or ``NOT_GIVEN``."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return NOT_GIVEN
    try:
        found = _CONVERTERS.get(str(option.get("type")), _as_text)(name, value, option)
    except ValueError as error:
        raise WrongAnswer(f"{name}: {error}") from None
    for one in found if isinstance(found, list) else [found]:
        if option.get("choices") and one not in option["choices"]:
            known = ", ".join(str(choice) for choice in option["choices"])
            raise WrongAnswer(f"{name}: {_quoted(one)} is not one of {known}.")
    if option.get("options"):
        _check_entries(name, found, option)
    return found


def answer(name: str, value: t.Any, option: Option) -> t.Any:
    """The same, with the option's default where nothing was given."""
    found = converted(name, value, option)
    return option.get("default") if found is NOT_GIVEN else found


def problems(options: t.Mapping[str, Option], given: t.Mapping[str, t.Any]) -> t.List[str]:
    """One sentence for each answer that cannot be meant, and for each that is missing."""
    said = []
    for name, option in options.items():
        try:
            found = converted(name, given.get(name), option)
        except WrongAnswer as error:
            said.append(str(error))
            continue
        if found is NOT_GIVEN and option.get("required"):
            said.append(f"{name} is needed: {_meaning(option)}")
    return said


def _as_text(name: str, value: t.Any, option: Option) -> str:
    if isinstance(value, (dict, list, tuple)):
        raise ValueError("one text is wanted, and this is a list or a dictionary.")
    if option.get("counts_hosts") and not _HOSTS.match(str(value).strip()):
        raise ValueError(f"{_quoted(value)} is neither a number of hosts nor a percentage.")
    if isinstance(value, float):
        raise ValueError(_LOST_TEXT.format(value))
    text = str(value) if name.endswith("_password") else str(value).strip()
    return text[2:] if name == "deploy_version" and text.startswith("==") else text


def _as_bool(_name: str, value: t.Any, _option: Option) -> bool:
    try:
        return bool(boolean(value))
    except TypeError:
        raise ValueError(f"{_quoted(value)} is neither true nor false.") from None


def _as_int(_name: str, value: t.Any, _option: Option) -> int:
    plain = not isinstance(value, (bool, list, tuple, dict))
    whole = plain and float(value).is_integer() if isinstance(value, float) else plain
    text = str(int(value)) if isinstance(value, float) and whole else str(value).strip()
    if not whole or not _WHOLE.match(text):
        raise ValueError(f"{_quoted(value)} is no whole number.")
    return int(_not_negative(value, float(text)))


def _as_float(_name: str, value: t.Any, _option: Option) -> float:
    try:
        number = float(str(value).strip())
    except ValueError:
        raise ValueError(f"{_quoted(value)} is no number.") from None
    if number - number != 0:
        raise ValueError(f"{_quoted(value)} is no number.")
    return _not_negative(value, number)


def _not_negative(value: t.Any, number: float) -> float:
    if number < 0:
        raise ValueError(f"{_quoted(value)} is below 0.")
    return number


def _as_list(name: str, value: t.Any, option: Option) -> t.List[t.Any]:
    if option.get("elements") == "dict":
        return _as_dictionaries(value)
    if isinstance(value, dict):
        raise ValueError("a list is wanted, or text with one entry a line; this is a dictionary.")
    entries = _entries(name, value) if isinstance(value, str) else value
    if not isinstance(entries, (list, tuple)):
        entries = [entries]
    if any(isinstance(one, (dict, list, tuple)) for one in entries):
        raise ValueError("a list of texts is wanted; an entry of this one is no text.")
    texts = [str(one).strip() for one in entries if one is not None]
    if option.get("counts_hosts"):
        wrong = [one for one in texts if one and not _HOSTS.match(one)]
        if wrong:
            raise ValueError(f"{_quoted(wrong[0])} is neither a number of hosts nor a percentage.")
    return [one for one in texts if one]


def _entries(name: str, text: str) -> t.Any:
    """A text area has one entry a line; a list in brackets is taken as such."""
    lines = text.strip().splitlines()
    if lines[0].startswith("["):
        return _parsed(text, list, "a list in brackets")
    if len(lines) == 1 and name not in _WHOLE_LINES:
        return lines[0].split(",")
    return lines


def _as_dictionaries(value: t.Any) -> t.List[t.Any]:
    found = _parsed(value, list, "a list of dictionaries") if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, dict) for one in found):
        raise ValueError("a list of dictionaries is wanted, in YAML or JSON where it is text.")
    return list(found)


def _as_dict(_name: str, value: t.Any, _option: Option) -> t.Dict[str, t.Any]:
    found = _parsed(value, dict, "a dictionary") if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise ValueError("a dictionary is wanted, in YAML or JSON where it is text.")
    return found


def _parsed(text: str, kind: type, wanted: str) -> t.Any:
    """The text itself is not shown: it may hold a repository's address with a token."""
    try:
        found = yaml.safe_load(str(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ValueError(f"this text is no YAML or JSON{where}; {wanted} is wanted.") from None
    if not isinstance(found, kind):
        raise ValueError(f"{wanted} is wanted, and this text is none.")
    return found


def _check_entries(name: str, value: t.Any, option: Option) -> None:
    """The options inside of an entry, in Ansible's own words."""
    found = ArgumentSpecValidator({name: dict(option)}).validate({name: value})
    if found.error_messages:
        raise WrongAnswer(f"{name}: {found.error_messages[0]}")


def _quoted(value: t.Any) -> str:
    text = " ".join(str(value).split())
    return f'"{text[:_SHOWN]}..."' if len(text) > _SHOWN else f'"{text}"'


def _meaning(option: Option) -> str:
    """The first sentence of the documentation, without its markup."""
    said = option.get("description") or "see the documentation."
    first = str(said if isinstance(said, str) else said[0])
    return re.sub(r"\b[A-Z]\(([^)]*)\)", r"\1", first)


_CONVERTERS: t.Mapping[str, t.Callable[[str, t.Any, Option], t.Any]] = {
    "bool": _as_bool,
    "int": _as_int,
    "float": _as_float,
    "list": _as_list,
    "dict": _as_dict,
}
