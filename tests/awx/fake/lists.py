# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists: AWX's filters, order and pages."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from ansible_collections.fleet.jobs.tests.awx.fake.answers import shown
from ansible_collections.fleet.jobs.tests.awx.fake.fields import Invalid
from ansible_collections.fleet.jobs.tests.awx.fake.kind import UNIFIED
from ansible_collections.fleet.jobs.tests.awx.fake.kinds import KINDS
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store

RESERVED = ("page", "page_size", "format", "order", "order_by", "search", "type", "count_disabled")
LOOKUPS: t.Dict[str, t.Callable[[t.Any, str], bool]] = {
    "exact": lambda value, text: _text(value) == text,
    "iexact": lambda value, text: _text(value).lower() == text.lower(),
    "contains": lambda value, text: text in _text(value),
    "icontains": lambda value, text: text.lower() in _text(value).lower(),
    "startswith": lambda value, text: _text(value).startswith(text),
    "istartswith": lambda value, text: _text(value).lower().startswith(text.lower()),
    "endswith": lambda value, text: _text(value).endswith(text),
    "regex": lambda value, text: re.search(text, _text(value)) is not None,
    "in": lambda value, text: _text(value) in text.split(","),
    "isnull": lambda value, text: (value is None) == (text.lower() in ("1", "true")),
    "gt": lambda value, text: value is not None and value > type(value)(text),
    "lt": lambda value, text: value is not None and value < type(value)(text),
}
Query = t.List[t.Tuple[str, str]]


def page_of(store: Store, path: str, rows: t.List[Row], place: str, query: Query) -> Row:
    """One page of rows that the query lets through."""
    rows = _ordered(_filtered(store, path, rows, query), query)
    size = min(_number(query, "page_size", 25), 200) or 25
    number = _number(query, "page", 1)
    pages = max(1, -(-len(rows) // size))
    if not 1 <= number <= pages:
        raise LookupError("Invalid page.")

    def link(to: int) -> t.Optional[str]:
        if not 1 <= to <= pages:
            return None
        others = [pair for pair in query if pair[0] != "page"]
        return f"{place}?{urllib.parse.urlencode([*others, ('page', str(to))])}"

    here = rows[(number - 1) * size : number * size]
    return {
        "count": len(rows),
        "next": link(number + 1),
        "previous": link(number - 1),
        "results": [shown(store, row) for row in here],
    }


def _filtered(store: Store, path: str, rows: t.List[Row], query: Query) -> t.List[Row]:
    either: t.List[t.Callable[[Row], bool]] = []
    for key, text in query:
        if key == "type":
            wanted = text.split(",")
            rows = [row for row in rows if KINDS[row["_kind"]].type in wanted]
        elif key in ("search",):
            rows = [r for r in rows if text.lower() in f"{r.get('name')} {r.get('description')}"]
        elif key not in RESERVED:
            test = _test(store, path, key, text)
            if key.startswith("or__"):
                either.append(test)
            else:
                rows = [row for row in rows if test(row) != key.startswith("not__")]
    if either:
        rows = [row for row in rows if any(test(row) for test in either)]
    return rows


def _test(store: Store, path: str, key: str, text: str) -> t.Callable[[Row], bool]:
    parts = [part for part in key.split("__") if part not in ("or", "not", "chain")]
    lookup = parts.pop() if len(parts) > 1 and parts[-1] in LOOKUPS else "exact"
    if path != UNIFIED and len(parts) == 1 and parts[0] in KINDS[path].attached and text.isdigit():
        return lambda row: int(text) in store.linked(row, parts[0])
    read = _reader(store, path, parts)
    if lookup == "exact" and text.lower() in ("none", "null"):
        return lambda row: read(row) is None
    numbered = parts[-1] in ("id", "pk") or _aim(path, parts[-1]) is not None
    if numbered and lookup == "exact" and not text.lstrip("-").isdigit():
        raise Invalid({"detail": f"invalid literal for int() with base 10: '{text}'"})
    return lambda row: LOOKUPS[lookup](read(row), text)


def _reader(store: Store, path: str, parts: t.List[str]) -> t.Callable[[Row], t.Any]:
    """Follow a name such as ``organization__name`` from a row to a value."""
    place = path
    for part in parts:
        if part in ("id", "pk", "created", "modified"):
            continue
        known = {**KINDS[place].fields, **KINDS[place].shown} if place != UNIFIED else None
        if known is None:
            ok = part in ("name", "description", "organization", "status", "execution_environment")
        else:
            ok = part in known
        if not ok:
            model = "UnifiedJobTemplate" if place == UNIFIED else KINDS[place].model
            raise Invalid({"detail": f"{model} has no field named '{part}'"})
        place = _aim(place, part) or place

    def read(row: t.Optional[Row]) -> t.Any:
        here, place = row, path
        for part in parts[:-1]:
            here = store.find(_aim(place, part) or "", (here or {}).get(part))
            place = here["_kind"] if here else place
        last = "id" if parts[-1] == "pk" else parts[-1]
        return (here or {}).get(last)

    return read


def _aim(path: str, name: str) -> t.Optional[str]:
    if name == "organization":
        return "organizations"
    if path == UNIFIED or name not in KINDS[path].fields:
        return None
    return KINDS[path].fields[name].to or None


def _ordered(rows: t.List[Row], query: Query) -> t.List[Row]:
    for key, text in query:
        if key in ("order_by", "order"):
            for name in reversed(text.split(",")):
                field = name.lstrip("-")
                rows = sorted(
                    rows,
                    key=lambda row: (row.get(field) is None, row.get(field) or 0),
                    reverse=name.startswith("-"),
                )
    return rows


def _number(query: Query, name: str, default: int) -> int:
    for key, text in query:
        if key == name:
            if not text.isdigit():
                raise LookupError("Invalid page.")
            return int(text)
    return default


def _text(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
