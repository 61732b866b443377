# SPDX-License-Identifier: GPL-3.0-or-later
"""Four jobs, each only if its label is not there yet, as a pyinfra deploy.

pyinfra INVENTORY queue_pyinfra.py --data interpreter=...
"""

from __future__ import annotations

import json
import typing as t

from pyinfra import host
from pyinfra.api import FactBase, StringCommand, operation

Command = t.Generator[t.Union[str, StringCommand], None, None]
DATA = host.data
PUEUE = f"pueue --config {DATA.pueue_config}"


class Labels(FactBase):  # type: ignore[misc,type-arg,unused-ignore]
    """Labels of the queue."""

    def command(self, config: str) -> str:
        return f"pueue --config {config} status --json"

    def process(self, output: t.List[str]) -> t.List[str]:
        return [task["label"] for task in json.loads("\n".join(output))["tasks"].values()]


@operation()  # type: ignore[misc,unused-ignore]
def queued(config: str, project: str) -> Command:
    """What is missing."""
    there = host.get_fact(Labels, config=config)
    for number in range(4):
        if f"work/{number}" not in there:
            yield (
                f"{PUEUE} add --working-directory {project} --label work/{number} "
                f"'{DATA.interpreter} -B work.py {number}'"
            )


queued(name="Queue", config=DATA.pueue_config, project=DATA.project)
