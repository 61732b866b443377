# SPDX-License-Identifier: GPL-3.0-or-later
"""Notification templates: what each type needs, what messages may look like."""

from __future__ import annotations

import copy
import re
import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake.fields import Invalid
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store
from ansible_collections.fleet.jobs.tests.awx.fake.surveys import SECRET

EVENTS = ("started", "success", "error", "workflow_approval")
APPROVALS = ("running", "approved", "timed_out", "denied")
KINDS = {"string": str, "password": str, "int": int, "bool": bool, "list": list, "object": dict}
NEEDED = object()


def _of(kind: str, names: str, default: t.Any = NEEDED) -> t.Dict[str, t.Tuple[str, t.Any]]:
    return {name: (kind, default) for name in names.split()}


PARAMETERS: t.Dict[str, t.Dict[str, t.Tuple[str, t.Any]]] = {
    "awssns": {
        **_of("string", "aws_region aws_access_key_id sns_topic_arn", ""),
        **_of("password", "aws_secret_access_key aws_session_token", ""),
    },
    "email": {
        **_of("string", "host username sender"),
        **_of("int", "port"),
        **_of("password", "password"),
        **_of("bool", "use_tls use_ssl"),
        **_of("list", "recipients"),
        **_of("int", "timeout", 30),
    },
    "grafana": {**_of("string", "grafana_url"), **_of("password", "grafana_key")},
    "irc": {
        **_of("string", "server nickname"),
        **_of("int", "port"),
        **_of("password", "password"),
        **_of("bool", "use_ssl"),
        **_of("list", "targets"),
    },
    "mattermost": {**_of("string", "mattermost_url"), **_of("bool", "mattermost_no_verify_ssl")},
    "pagerduty": {**_of("string", "subdomain service_key client_name"), **_of("password", "token")},
    "rocketchat": {**_of("string", "rocketchat_url"), **_of("bool", "rocketchat_no_verify_ssl")},
    "slack": {**_of("password", "token"), **_of("list", "channels")},
    "twilio": {
        **_of("string", "account_sid from_number"),
        **_of("password", "account_token"),
        **_of("list", "to_numbers"),
    },
    "webhook": {
        **_of("string", "url"),
        **_of("string", "http_method", "POST"),
        **_of("bool", "disable_ssl_verification", False),
        **_of("string", "username", ""),
        **_of("password", "password", ""),
        **_of("object", "headers"),
    },
}
# Fields that a message may use besides those of ``job``, which is not looked into here.
CONTEXT = {"job", "job_friendly_name", "url", "job_metadata", "approval_node_name"}
CONTEXT |= {"approval_status", "workflow_url"}


def check_notification(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    """Configuration and messages; ``new`` gets the defaults of its type."""
    problems = message_problems(given.get("messages"))
    if problems:
        raise Invalid({"messages": problems})
    if "notification_configuration" in given or old is None:
        new["notification_configuration"] = _configuration(new, old)
    new["messages"] = _merged(new["messages"], (old or {}).get("messages"))


def shown_configuration(row: Row) -> Row:
    """The configuration without its passwords."""
    parameters = PARAMETERS[row["notification_type"]]
    return {
        name: SECRET if parameters.get(name, ("",))[0] == "password" and value else value
        for name, value in row["notification_configuration"].items()
    }


def _configuration(new: Row, old: t.Optional[Row]) -> Row:
    values = copy.deepcopy(new["notification_configuration"])
    if not isinstance(values, dict):
        raise Invalid({"notification_configuration": ["Value must be valid JSON."]})
    problems, wrong = [], []
    parameters = PARAMETERS[new["notification_type"]]
    defaults = {name: default for name, (_dummy, default) in parameters.items()}
    missing = [n for n, default in defaults.items() if default is NEEDED and n not in values]
    values = {**{n: d for n, d in defaults.items() if n not in missing}, **values}
    for name in [name for name in parameters if name not in missing]:
        kind, value = parameters[name][0], values[name]
        if value.__class__ is not KINDS[kind]:
            wrong.append(f"Configuration field '{name}' incorrect type, expected {kind}.")
        elif kind == "list" and not value:
            problems.append(f"No values specified for field '{name}'")
        elif name == "http_method" and value.lower() not in ("put", "post"):
            problems.append("HTTP method must be either 'POST' or 'PUT'.")
        elif kind == "password" and value == SECRET and old is not None:
            values[name] = old["notification_configuration"][name]
    if missing:
        problems.append(f"Missing required fields for Notification Configuration: {missing}.")
    if problems + wrong:
        raise Invalid({"__all__": problems + wrong})
    return values


def message_problems(messages: t.Any) -> t.List[str]:
    """What AWX says about the shape of messages and the fields that they name."""
    if messages is None:
        return []
    if not isinstance(messages, dict):
        return [f"Expected dict for 'messages' field, found {type(messages)}"]
    found = []
    for event, texts in messages.items():
        if event not in EVENTS:
            found.append(
                f"Event '{event}' invalid, must be one of 'started', 'success', 'error', "
                "or 'workflow_approval'"
            )
        elif texts is not None and not isinstance(texts, dict):
            found.append(f"Expected dict for event '{event}', found {type(texts)}")
        elif event == "workflow_approval":
            found += _approval_problems(texts or {})
        else:
            found += _text_problems(event, texts or {})
    return found


def _approval_problems(events: t.Mapping[str, t.Any]) -> t.List[str]:
    found = []
    for event, texts in events.items():
        if event not in APPROVALS:
            found.append(
                f"Workflow Approval event '{event}' invalid, must be one of 'running', "
                "'approved', 'timed_out', or 'denied'"
            )
        elif texts is not None and not isinstance(texts, dict):
            found.append(
                f"Expected dict for workflow approval event '{event}', found {type(texts)}"
            )
        else:
            found += _text_problems("workflow_approval", texts or {})
    return found


def _text_problems(event: str, texts: t.Mapping[str, t.Any]) -> t.List[str]:
    found = []
    for name, text in texts.items():
        if name not in ("message", "body"):
            found.append(f"Message type '{name}' invalid, must be either 'message' or 'body'")
        elif text is not None and not isinstance(text, str):
            found.append(f"Expected string for '{name}', found {type(text)}, ")
        elif text and name == "message" and "\n" in text:
            found.append(f"Messages cannot contain newlines (found newline in {event} event)")
        else:
            used = re.findall(r"{{[-\s]*([a-zA-Z_]\w*)", text or "")
            found += [f"Field '{one}' unavailable" for one in used if one not in CONTEXT]
    return found


def _merged(new: t.Optional[Row], old: t.Optional[Row]) -> t.Optional[Row]:
    """Messages of events that were not given stay as they were."""
    if new is None:
        return None
    merged = {event: new.get(event) or (old or {}).get(event) or None for event in EVENTS}
    for event in EVENTS[:3]:
        before = (old or {}).get(event) or {}
        if merged[event] and before:
            merged[event] = {**{n: v for n, v in before.items() if v}, **merged[event]}
    return merged
