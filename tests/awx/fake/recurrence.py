# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence rules of schedules: what AWX refuses. No dates are computed: ``next_run`` is empty."""

from __future__ import annotations

import re
import typing as t

import zoneinfo

FREQUENCIES = ("MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS = "FREQ INTERVAL COUNT UNTIL WKST BYSETPOS BYMONTH BYMONTHDAY BYYEARDAY BYEASTER".split()
PARTS += "BYWEEKNO BYDAY BYWEEKDAY BYHOUR BYMINUTE BYSECOND".split()


def problems(text: str) -> t.List[str]:
    """Every sentence that AWX would answer with; none for a good rule."""
    starts = re.findall(r".*?(DTSTART(;[^:]+)?\:[0-9]+T[0-9]+Z?)", text)
    rules = re.findall(r".*?(RULE\:[^\s]*)", text)
    found = []
    if not starts:
        found.append(
            "Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ"
        )
    if re.findall(r".*?(DTSTART:[0-9]+T[0-9]+) ", text):
        found.append("DTSTART cannot be a naive datetime.  Specify ;TZINFO= or YYYYMMDDTHHMMSSZZ.")
    if len(starts) > 1:
        found.append("Multiple DTSTART is not supported.")
    if "rrule:" not in text.lower():
        found.append("One or more rule required in rrule.")
    for name in ("EXDATE", "RDATE"):
        if f"{name.lower()}:" in text.lower():
            return [f"{name} not allowed in rrule."]
    for rule in rules:
        found += _rule_problems(rule)
    if not found:
        unreadable = _unreadable(text)
        found += [f"rrule parsing failed validation: {unreadable}"] if unreadable else []
    return found


def _rule_problems(rule: str) -> t.List[str]:
    found = []
    if "interval" not in rule.lower():
        found.append(f"INTERVAL required in rrule: {rule}")
    elif "secondly" in rule.lower():
        found.append(f"SECONDLY is not supported: {rule}")
    if re.match(r".*?BYDAY[\:\=][0-9]+[a-zA-Z]{2}", rule):
        found.append(f"BYDAY with numeric prefix not supported: {rule}")
    if "COUNT" in rule and "UNTIL" in rule:
        found.append(f"RRULE may not contain both COUNT and UNTIL: {rule}")
    count = re.match(r".*?COUNT\=([0-9]+)", rule)
    if count and int(count.group(1)) > 999:
        found.append(f"COUNT > 999 is unsupported: {rule}")
    return found


def _unreadable(text: str) -> t.Optional[str]:
    """What the parser of dates would stumble over."""
    zone = re.search(r"DTSTART;TZID=([^:]+):", text)
    if zone and zone.group(1) not in zoneinfo.available_timezones():
        return "A valid TZID must be provided (e.g., America/New_York)"
    for line in text.split():
        name, _dummy, value = line.partition(":")
        if name.startswith("DTSTART"):
            if not re.fullmatch(r"\d{8}T\d{6}Z?", value):
                return f"Unknown string format: {value}"
            continue
        if name not in ("RRULE", "EXRULE"):
            return f"unsupported property: {name}"
        for part in value.split(";"):
            key, _dummy, setting = part.partition("=")
            if key not in PARTS:
                return f"unknown parameter '{key}'"
            if key == "FREQ" and setting not in FREQUENCIES:
                return "invalid 'FREQ'"
            if key in ("INTERVAL", "COUNT") and not setting.isdigit():
                return f"invalid '{key}': {setting}"
    return None
