# SPDX-License-Identifier: GPL-3.0-or-later
"""The eight steps as a pyinfra deploy: facts for what is looked at, operations for what changes.

pyinfra INVENTORY deploy_pyinfra.py --data sha=... --data interpreter=... --data wanted=...
"""

from __future__ import annotations

import json
import typing as t

from pyinfra import host
from pyinfra.api import FactBase, StringCommand, operation
from pyinfra.operations import server

Command = t.Generator[t.Union[str, StringCommand], None, None]
DATA = host.data
PUEUE = f"pueue --config {DATA.pueue_config}"
GIT = f"git -C {DATA.project}"
LEASE = f"{DATA.state}/pyinfra.lease"


class Tasks(FactBase):  # type: ignore[misc,type-arg,unused-ignore]
    """Tasks of the queue by id, with the kind and the result of their status."""

    def command(self, config: str) -> str:
        return f"pueue --config {config} status --json"

    def process(self, output: t.List[str]) -> t.Dict[str, t.Tuple[str, t.Any]]:
        tasks = json.loads("\n".join(output))["tasks"]
        return {name: _status(task["status"]) for name, task in tasks.items()}


class Checkout(FactBase):  # type: ignore[misc,type-arg,unused-ignore]
    """HEAD, then one line for each file that differs from it."""

    def command(self, path: str) -> str:
        git = f"git -C {path}"
        return f"{git} rev-parse HEAD && {git} status --porcelain --untracked-files=no"

    def process(self, output: t.List[str]) -> t.List[str]:
        return output


def _status(status: t.Mapping[str, t.Any]) -> t.Tuple[str, t.Any]:
    kind, details = next(iter(status.items()))
    return kind, details.get("result")


@operation()  # type: ignore[misc,unused-ignore]
def drained(config: str) -> Command:
    """Wait for what runs."""
    tasks = host.get_fact(Tasks, config=config)
    if any(kind == "Running" for kind, _result in tasks.values()):
        yield f"while {PUEUE} status status=running --json | grep -q Running; do sleep 1; done"


@operation()  # type: ignore[misc,unused-ignore]
def moved(path: str, sha: str) -> Command:
    """The checkout at one commit; uncommitted changes are kept as a patch."""
    head, *changes = host.get_fact(Checkout, path=path)
    if head != sha:
        yield f"{GIT} fetch --quiet origin {sha}"
        if changes:
            yield f"{GIT} diff HEAD > {DATA.state}/$(date +%s).patch"
        yield f"{GIT} reset --hard --quiet {sha}"


@operation()  # type: ignore[misc,unused-ignore]
def restarted(config: str) -> Command:
    """Failed tasks again, in place."""
    tasks = host.get_fact(Tasks, config=config)
    ended = {name: result for name, (kind, result) in tasks.items() if kind == "Done"}
    failed = [name for name, result in ended.items() if result != "Success"]
    if failed:
        yield f"{PUEUE} restart --in-place {' '.join(failed)}"


server.shell(
    name="1 Audit: take the lease, freeze",
    commands=[f"mkdir -p {DATA.state} && mkdir {LEASE}", f"{PUEUE} pause --wait --all"],
)
drained(name="2 Decide: wait for what runs", config=DATA.pueue_config)
moved(name="3 Pull", path=DATA.project, sha=DATA.sha)
# 4 Upgrade: no package is deployed here.
server.shell(
    name="5 Verify",
    commands=[
        f"test $({GIT} rev-parse HEAD) = {DATA.sha}",
        f"cd {DATA.project} && test $({DATA.interpreter} -B -c 'import work; print(work.__file__)')"
        f" = {DATA.project}/work.py && grep -q '{DATA.wanted}' work.py",
    ],
)
restarted(name="6 Restart", config=DATA.pueue_config)
server.shell(
    name="7 Release",
    commands=[
        f"{PUEUE} start --all",
        f"echo $(date +%s) {DATA.sha} >> {DATA.state}/deploys && rmdir {LEASE}",
    ],
)
# 8 Monitor: 0 seconds.
