# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One job as an argument of a module; what its values may be is checked by ``_jobs/spec.py``."""

from __future__ import annotations

import typing as t

OPTIONS: t.Mapping[str, t.Mapping[str, t.Any]] = {
    "label": {"type": "str", "required": True},
    "command": {"type": "list", "elements": "str"},
    "shell": {"type": "str"},
    "chdir": {"type": "str"},
    "group": {"type": "str", "default": "default"},
    "after": {"type": "list", "elements": "str", "default": []},
    "env_file": {"type": "str"},
    "memory": {"type": "str"},
    "timeout": {"type": "str"},
    "cores": {"type": "float"},
    "restart_safe": {"type": "bool", "default": False},
    "artifacts": {"type": "list", "elements": "str", "default": []},
    "params": {"type": "dict", "default": {}},
    "delay": {"type": "str"},
    "priority": {"type": "int", "default": 0},
    "overrides": {"type": "dict", "default": {}},
}
