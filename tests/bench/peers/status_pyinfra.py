# SPDX-License-Identifier: GPL-3.0-or-later
"""How many tasks are in which state, as a pyinfra deploy."""

from __future__ import annotations

import json
import typing as t
from collections import Counter

from pyinfra import host
from pyinfra.api import FactBase


class States(FactBase):  # type: ignore[misc,type-arg,unused-ignore]
    """Tasks by state or result."""

    def command(self, config: str) -> str:
        return f"pueue --config {config} status --json"

    def process(self, output: t.List[str]) -> t.Dict[str, int]:
        tasks = json.loads("\n".join(output))["tasks"]
        return dict(Counter(_state(task["status"]) for task in tasks.values()))


def _state(status: t.Mapping[str, t.Any]) -> str:
    kind, details = next(iter(status.items()))
    result = details.get("result", kind)
    return str(result if isinstance(result, str) else next(iter(result)))


print(f"{host.name}: {host.get_fact(States, config=host.data.pueue_config)}")
