# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the surveys of AWX's templates from what the roles' argument specs say.

    python tools/surveys.py [--check]

Which questions a template asks, and in which order, stands here; their types, bounds, choices,
defaults and texts are the options' own. With ``--check`` nothing is written; a survey that is not
up to date is an error.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "roles" / "awx" / "files" / "surveys"
# AWX's own limit for a line of text; an area takes a list of labels.
LINE, AREA = 1024, 65536
# AWX marks answers as unsafe, and ansible-core (2.19 and later) cannot read one that is only this.
UNREADABLE = "*"


@dataclass(frozen=True)
class Survey:
    """What one file is made of: a playbook, the entry point with its options, and their order."""

    playbook: str
    entry: str
    questions: str


DEPLOY = """fleet_hosts deploy_ref deploy_when_running deploy_drain_timeout deploy_restart_labels
deploy_restart_classes deploy_restart_budget deploy_version deploy_max_failed deploy_max_unreachable
deploy_deferred_is deploy_monitor_seconds deploy_lease_take_over"""
SURVEYS = {
    "deploy": Survey("deploy", "resolve", f"{DEPLOY} deploy_plan_id"),
    "deploy_check": Survey("deploy", "resolve", DEPLOY),
    "status": Survey("status", "main", "fleet_hosts status_source"),
    "watch": Survey("watch", "main", "fleet_hosts watch_seconds watch_load_share watch_labels"),
    "provision": Survey(
        "queue_host",
        "main",
        """fleet_hosts queue_host_user queue_host_pueue_version queue_host_adopt queue_host_upgrade
        queue_host_drain_timeout queue_host_resize""",
    ),
    "emergency_stop": Survey("emergency_stop", "main", "fleet_hosts emergency_stop_confirm resume"),
}
# Playbooks that do nothing without hosts.
CHANGING = ("deploy", "deploy_check", "provision", "emergency_stop")
# What no role describes, since it belongs to a playbook.
TEXTS = {
    "fleet_hosts": "A pattern of hosts or groups of the inventory, such as fleet.",
    "emergency_stop_confirm": "Every running job is killed. To confirm, type stop and the pattern.",
    "resume": "Let go on what was stopped; nothing has to be confirmed then.",
}


def main() -> int:
    """Write, or say what is not up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = {FOLDER / f"{name}.json": text(name) for name in SURVEYS}
    stale = [
        path for path in sorted({*wanted, *FOLDER.glob("*")}) if _read(path) != wanted.get(path)
    ]
    if check:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not up to date: run python tools/surveys.py")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


def text(name: str) -> str:
    """The file of a survey, as AWX takes it."""
    return json.dumps(survey(name), indent=2, ensure_ascii=False) + "\n"


def survey(name: str) -> t.Dict[str, t.Any]:
    """Name and description, which AWX wants and shows nowhere, and the questions."""
    made = SURVEYS[name]
    options = _known().questions(made.playbook, made.entry)
    asked = [
        question(one, options[one], required=one == "fleet_hosts" and name in CHANGING)
        for one in made.questions.split()
    ]
    return {"name": name, "description": f"Asked by fleet.jobs, template {name}.", "spec": asked}


def question(
    name: str, option: t.Mapping[str, t.Any], *, required: bool = False
) -> t.Dict[str, t.Any]:
    """One question, of the option's type, with its bounds, choices and default."""
    kind, extra = _kind(name, option)
    default = option.get("default")
    if default is not None and _default(default, kind) != UNREADABLE:
        extra["default"] = _default(default, kind)
    required = required or bool(option.get("required"))
    if kind in ("text", "textarea"):
        extra["min"] = 1 if required else 0
    return {
        "question_name": _title(name),
        "question_description": _description(name, option),
        "variable": name,
        "type": kind,
        "required": required,
        **extra,
    }


def _kind(name: str, option: t.Mapping[str, t.Any]) -> t.Tuple[str, t.Dict[str, t.Any]]:
    """AWX's type, which has no truth values and no lists of free text, and what belongs to it."""
    kind, choices = option["type"], option.get("choices")
    if kind == "bool":
        return "multiplechoice", {"choices": ["true", "false"]}
    if choices:
        return "multiplechoice" if kind == "str" else "multiselect", {"choices": list(choices)}
    if kind in ("int", "float"):
        # No number of this collection is below 0, and the answers are checked for that.
        return ("integer" if kind == "int" else kind), {"min": 0, "max": None}
    if name.endswith("_password"):
        return "password", {"min": 0, "max": LINE}
    if kind == "list" and option.get("elements") == "str":
        return "textarea", {"max": AREA}
    if kind in ("str", "path"):
        return "text", {"max": LINE}
    raise ValueError(f"{name} is a {kind}, and a survey cannot ask for that")


def _default(value: t.Any, kind: str) -> t.Any:
    if kind == "textarea":
        return "\n".join(str(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "multiselect":
        return "\n".join(value)
    return value if kind in ("integer", "float") else str(value)


def _title(name: str) -> str:
    words = name.replace("queue_host_", "").split("_")
    if words[0] in ("deploy", "status", "watch", "fleet") and len(words) > 1:
        words = words[1:]
    return " ".join(words).capitalize()


def _description(name: str, option: t.Mapping[str, t.Any]) -> str:
    lines = " One entry a line." if option["type"] == "list" and not option.get("choices") else ""
    if option.get("default") == [UNREADABLE]:
        lines += " All, where nothing is given."
    return (TEXTS.get(name) or _plain(option)) + lines


def _plain(option: t.Mapping[str, t.Any]) -> str:
    """The documentation without its markup."""
    said = option.get("description") or ""
    joined = said if isinstance(said, str) else " ".join(said)
    return re.sub(r"\b[A-Z]+\(([^)]*)\)", r"\1", " ".join(joined.split()))


def _known() -> t.Any:
    """The collection's own list of what its playbooks can be asked; it needs no Ansible."""
    path = ROOT / "plugins" / "plugin_utils" / "_questions.py"
    spec = importlib.util.spec_from_file_location("fleet_jobs_questions", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read(path: Path) -> t.Optional[str]:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
