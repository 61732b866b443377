# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the filter instead.
"""What the role awx has to make in an AWX, told from what is there and whose it is."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

from ._answers import WrongAnswer, converted
from ._awx_objects import NODES, TEMPLATES, WITHIN, Template, Thing, credentials, things
from ._questions import question, questions

Given = t.Mapping[str, t.Any]
Found = t.Mapping[str, t.Any]

_ROLE = Path(__file__).resolve().parents[2] / "roles" / "awx"
# AWX gives variables with the role's prefix to every job.
_OF_AWX = re.compile(
    r"awx_(job|user|schedule|workflow_job|parent_job|webhook|execution)_?\w*$"
    r"|awx_inventory_(id|name)$|awx_project_(revision|scm_branch)$"
)
_SCHEDULE = re.compile(r"DTSTART(;TZID=[^: ]+)?:[0-9TZ]+ RRULE:[A-Z]+=\S+$")
_CHANGEABLE = ("question_name", "question_description", "required", "default", "choices")
_CHANGEABLE += ("min", "max")
# Whether something is still in use is asked from the inside out.
_OUTWARD = ("inventory", "source", "project", "environment", "machine", "git", "index")
_OUTWARD += ("index_type", "organization")


def wish(
    given: Given,
    found: t.Optional[t.Sequence[t.Sequence[Found]]] = None,
    used: t.Optional[t.Sequence[t.Sequence[Found]]] = None,
) -> t.Dict[str, t.Any]:
    """The document of the filter; ``found`` and ``used`` answer ``objects`` and ``usage``."""
    wrong = _problems(given)
    if wrong:
        return {"problems": wrong, "objects": []}
    known = things(given)
    made: t.Dict[str, t.Any] = {
        "problems": [],
        "mark": mark(given),
        "objects": [{"at": one.at, "name": one.name} for one in known],
        "names": {one.key: one.name for one in known},
        "templates": [_template(one, given) for one in TEMPLATES],
        "nodes": [dict(node) for node in NODES],
        "credentials": credentials(given),
    }
    if found is not None:
        there = _matched(known, found)
        made.update(_state(known, there, given))
        made["usage"] = [
            {"key": one.key, "at": use.partition(".")[0], "query": _query(use, there[one.key])}
            for one in known
            for use in one.used_by
            if one.key in made["ours"]
        ]
        made.update(_taken_back(known, there, made, used or [], given))
    return made


def mark(given: Given) -> str:
    """How a description ends that was written here."""
    return f"[fleet.jobs.awx_setup: {given['awx_prefix']}]"


def _problems(given: Given) -> t.List[str]:
    """What is wrong whatever the server has."""
    known = questions("awx")
    said = [
        f"{name}: the role fleet.jobs.awx has no such variable."
        for name in sorted(given)
        if name not in known and not _OF_AWX.match(name)
    ]
    said += [
        f"{name} must not be empty."
        for name in ("awx_prefix", "awx_organization", "awx_project", "awx_inventory")
        if not str(given[name]).strip()
    ]
    when = given["awx_status_schedule"]
    if when and not _SCHEDULE.match(when):
        said.append(
            f'awx_status_schedule: "{when}" is no schedule as AWX writes it, such as '
            "DTSTART:20260101T060000Z RRULE:FREQ=DAILY;INTERVAL=1."
        )
    if given["awx_notification_type"] and not given["awx_notification_configuration"]:
        said.append(
            f"awx_notification_type is {given['awx_notification_type']}, and "
            "awx_notification_configuration has none of the fields that AWX asks for with it."
        )
    return said + _wrong_questions(given)


def _wrong_questions(given: Given) -> t.List[str]:
    asked = {one["variable"] for template in TEMPLATES for one in _survey(template.key)["spec"]}
    changes: t.Mapping[str, t.Any] = given["awx_questions"]
    said = [
        f'{option} names "{name}", for which no survey asks.'
        for option in ("awx_questions", "awx_questions_left_out")
        for name in given[option]
        if name not in asked
    ]
    for name, change in changes.items():
        if not isinstance(change, dict) or not set(change) <= set(_CHANGEABLE):
            said.append(
                f"awx_questions: {name} takes a dictionary with any of {', '.join(_CHANGEABLE)}."
            )
        elif name in asked:
            try:
                converted(name, change.get("default"), question(name))
            except WrongAnswer as error:
                said.append(f"awx_questions, the default of {error}")
    return said


def _template(template: Template, given: Given) -> t.Dict[str, t.Any]:
    survey = _survey(template.key)
    changes: t.Mapping[str, t.Any] = given["awx_questions"]
    survey["spec"] = [
        {**one, **changes.get(one["variable"], {})}
        for one in survey["spec"]
        if one["variable"] not in given["awx_questions_left_out"]
    ]
    # AWX takes no survey without a question.
    return {**template.as_dict(), "survey": survey if survey["spec"] else {}}


def _survey(key: str) -> t.Dict[str, t.Any]:
    path = _ROLE / "files" / "surveys" / f"{key}.json"
    return t.cast("t.Dict[str, t.Any]", json.loads(path.read_text(encoding="utf-8")))


def _matched(
    known: t.Sequence[Thing], found: t.Sequence[t.Sequence[Found]]
) -> t.Dict[str, t.List[Found]]:
    """Of the objects with a name, those inside of what they belong to; parents come first."""
    there: t.Dict[str, t.List[Found]] = {}
    for one, results in zip(known, found):
        if one.within:
            ids = {parent["id"] for parent in there[one.within]}
            results = [result for result in results if result.get(WITHIN[one.within]) in ids]
        there[one.key] = list(results)
    return there


def _state(
    known: t.Sequence[Thing], there: t.Mapping[str, t.Sequence[Found]], given: Given
) -> t.Dict[str, t.Any]:
    """Whose everything is, what is missing, and what stands against making it."""
    ours = [one.key for one in known if there[one.key] and _is_ours(there[one.key][0], given)]
    somebodys = [one.key for one in known if there[one.key] and one.key not in ours]
    wanted = [
        one
        for one in known
        if one.wanted and not (one.key == "source" and "inventory" in somebodys)
    ]
    missing = [one for one in wanted if not there[one.key]]
    where = f'organization "{given["awx_organization"]}"'
    problems = [
        f'There are {len(there[one.key])} of "{one.name}" ({one.at}) in {where}; name another one.'
        for one in wanted
        if len(there[one.key]) > 1
    ]
    problems += [
        f'"{one.name}" ({one.at}) is there already, and was not made by awx_setup; choose another '
        "awx_prefix, or rename it."
        for one in wanted
        if one.key in somebodys and not one.shared
    ]
    problems += [
        f'There is no "{one.name}" ({one.at}) in {where}: give {one.lacks}, and it is made, or '
        f"name one that is there with {one.named_by}."
        for one in missing
        if one.lacks
    ]
    return {
        "problems": problems if given["awx_setup_state"] == "present" else [],
        "ours": ours,
        "missing": [f"{one.name} ({one.at})" for one in missing],
        "write": [one.key for one in wanted if one.key not in somebodys],
        "new": [one.key for one in missing],
    }


def _is_ours(result: Found, given: Given) -> bool:
    return str(result.get("description") or "").endswith(mark(given))


def _query(use: str, found: t.Sequence[Found]) -> t.Dict[str, t.Any]:
    return {use.partition(".")[2]: found[0]["id"]}


def _taken_back(
    known: t.Sequence[Thing],
    there: t.Mapping[str, t.Sequence[Found]],
    state: t.Mapping[str, t.Any],
    used: t.Sequence[t.Sequence[Found]],
    given: Given,
) -> t.Dict[str, t.Any]:
    """What goes, and what stays because others use it, or because what uses it stays."""
    stays: t.Dict[str, t.Set[str]] = {}
    for key in (key for key in _OUTWARD if key in state["ours"]):
        kept_ids = {(there[one][0]["type"], there[one][0]["id"]) for one in stays}
        users = {
            str(user.get("name"))
            for asked, results in zip(state["usage"], used)
            for user in results
            if asked["key"] == key
            and (not _is_ours(user, given) or (user.get("type"), user["id"]) in kept_ids)
        }
        if key == "source" and "inventory" in stays:
            users.add(state["names"]["inventory"])
        if users:
            stays[key] = users
    return {
        "gone": [key for key in state["ours"] if key not in stays],
        "kept": [
            f'"{state["names"][key]}" stays, since it is used by {", ".join(sorted(users))}.'
            for key, users in stays.items()
        ],
    }
