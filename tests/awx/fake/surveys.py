# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys: what AWX refuses in a specification, and in answers to its questions."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake.fields import Invalid

SECRET = "$encrypted$"
TYPES: t.Dict[str, t.Any] = {
    **dict.fromkeys(("text", "textarea", "password", "multiplechoice", "multiselect"), str),
    "integer": int,
    "float": (float, int),
}
Question = t.Dict[str, t.Any]


def checked_survey(spec: t.Any, old: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """The specification as AWX keeps it; one sentence under ``error`` otherwise."""
    spec = copy.deepcopy(spec)
    _check_head(spec)
    before = {one["variable"]: one for one in old.get("spec", [])}
    seen: t.Set[str] = set()
    for index, question in enumerate(spec["spec"]):
        _check_shape(index, question)
        if question["variable"] in seen:
            _refuse(f"'variable' '{question['variable']}' duplicated in survey question {index}.")
        seen.add(question["variable"])
        _check_type(index, question)
        _check_choices(index, question)
        _check_secret(index, question, before.get(question["variable"], {}))
    return t.cast(t.Dict[str, t.Any], spec)


def shown_survey(spec: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """The specification as AWX shows it: without the defaults of passwords."""
    shown = t.cast(t.Dict[str, t.Any], copy.deepcopy(spec))
    for question in shown.get("spec", []):
        if question["type"] == "password" and question.get("default"):
            question["default"] = SECRET
    return shown


def _check_head(spec: t.Any) -> None:
    if not isinstance(spec, dict):
        _refuse("Field 'name' is missing from survey spec.")
    wanted = (("name", str, "string"), ("description", str, "string"))
    problem = None
    for name, kind, label in (*wanted, ("spec", list, "list of items")):
        if name not in spec:
            problem = f"Field '{name}' is missing from survey spec."
        elif not isinstance(spec[name], kind):
            found = type(spec[name]).__name__
            problem = f"Expected {label} for field '{name}', received {found} type."
    if isinstance(spec.get("spec"), list) and not spec["spec"]:
        problem = "'spec' doesn't contain any items."
    if problem:
        _refuse(problem)


def _check_shape(index: int, question: t.Any) -> None:
    if not isinstance(question, dict):
        _refuse(f"Survey question {index} is not a json object.")
    for name in ("type", "question_name", "variable", "required"):
        if name not in question:
            _refuse(f"'{name}' missing from survey question {index}")
        kind, label = (bool, "boolean") if name == "required" else (str, "string")
        if not isinstance(question[name], kind):
            _refuse(f"'{name}' in survey question {index} expected to be {label}.")


def _check_type(index: int, question: Question) -> None:
    kind = question["type"]
    if kind not in TYPES:
        allowed = ", ".join(TYPES)
        _refuse(
            f"'{kind}' in survey question {index} is not one of '{allowed}' allowed question types."
        )
    default = question.get("default", "")
    if default != "" and not isinstance(default, TYPES[kind]):
        label = kind if kind in ("integer", "float") else "string"
        _refuse(f"Default value {default} in survey question {index} expected to be {label}.")
    for name in ("min", "max"):
        if question.get(name) is not None and not isinstance(question[name], int):
            _refuse(f"The {name} limit in survey question {index} expected to be integer.")


def _check_choices(index: int, question: Question) -> None:
    kind = question["type"]
    if kind not in ("multiselect", "multiplechoice"):
        return
    if "choices" not in question:
        _refuse(f"Survey question {index} of type {kind} must specify choices.")
    if isinstance(question["choices"], str):
        question["choices"] = "\n".join(_lines(question["choices"]))
    if "default" not in question:
        return
    question["default"] = "\n".join(_lines(question["default"]))
    defaults = question["default"].splitlines()
    if kind == "multiplechoice" and len(defaults) > 1:
        _refuse("Multiple Choice (Single Select) can only have one default value.")
    # AWX looks into the text when the choices are a text, so a part of a choice passes as well.
    if any(one not in question["choices"] for one in defaults):
        _refuse("Default choice must be answered from the choices listed.")


def _check_secret(index: int, question: Question, before: Question) -> None:
    default = question.get("default")
    if not isinstance(default, str) or not default.startswith(SECRET):
        return
    if question["type"] != "password":
        _refuse(
            f"$encrypted$ is a reserved keyword for password question defaults, "
            f"survey question {index} is type {question['type']}."
        )
    if "default" not in before:
        _refuse(
            f"$encrypted$ is a reserved keyword, may not be used for new default "
            f"in position {index}."
        )
    question["default"] = before["default"]


def answer_errors(
    spec: t.Mapping[str, t.Any], answers: t.Mapping[str, t.Any], *, all_needed: bool
) -> t.List[str]:
    """What AWX says about answers at launch, or of those that a schedule or a node keeps."""
    errors: t.List[str] = []
    for question in spec.get("spec", []):
        name = question["variable"]
        if name in answers:
            errors += _answer_errors(question, name, answers[name])
        elif question["required"] and all_needed:
            errors.append(f"'{name}' value missing")
    return errors


def _answer_errors(question: Question, name: str, value: t.Any) -> t.List[str]:
    kind = question["type"]
    if kind == "password" and value == SECRET:
        return []
    if kind in ("text", "textarea", "password"):
        if not isinstance(value, str):
            return [f"Value {value} for '{name}' expected to be a string."]
        return _bounds(question, name, value, len(value), f" (length is {len(value)}")
    if kind == "integer":
        if value.__class__ is not int:
            return [f"Value {value} for '{name}' expected to be an integer."]
        return _bounds(question, name, value, value, " (")
    if kind == "float":
        if type(value) not in (float, int):
            return [f"Value {value} for '{name}' expected to be a numeric type."]
        return _bounds(question, name, value, value, " (")
    choices = question["choices"]
    choices = _lines(choices) if isinstance(choices, str) else choices
    if kind == "multiselect" and not isinstance(value, list):
        return [f"'{name}' value is expected to be a list."]
    given = value if kind == "multiselect" else [value]
    wrong = [one for one in given if one not in choices]
    return [f"Value {one} for '{name}' expected to be one of {choices}." for one in wrong]


def _bounds(question: Question, name: str, value: t.Any, size: float, before: str) -> t.List[str]:
    least, most = question.get("min"), question.get("max")
    if least not in ("", None) and size < float(t.cast(str, least)):
        head = f"'{name}' value {value} is too small{before}"
        return [f"{head}{' ' if before != ' (' else ''}must be at least {least})."]
    if most not in ("", None) and size > float(t.cast(str, most)):
        return [f"'{name}' value {value} is too large (must be no more than {most})."]
    return []


def _lines(text: str) -> t.List[str]:
    return [line for line in text.splitlines() if line.strip()]


def _refuse(sentence: str) -> t.NoReturn:
    raise Invalid({"error": sentence})
