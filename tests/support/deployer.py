# SPDX-License-Identifier: GPL-3.0-or-later
"""One deploy as the role makes it, in a process of its own that can be told at which step to die.

Run as ``python -m ...deployer`` with one JSON object on stdin; writes what came out as JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

if t.TYPE_CHECKING:
    import pytest

    from .fleet import EmbeddedHost

LIMIT_SECONDS = 120.0
_CODE = "ansible_collections.fleet.jobs.plugins.module_utils."


@dataclass(frozen=True)
class Cut:
    """``kill -9`` before or after the n-th call of ``room.file:name`` or ``room.file:Class.name``.

    ``hang`` stops there instead, for a late step: it goes on once that file is gone.
    """

    at: str
    when: str = "before"
    call: int = 1
    hang: str = ""

    def __str__(self) -> str:
        number = f" {self.call}" if self.call > 1 else ""
        return f"{self.when} {self.at.rpartition(':')[2]}{number}"


def options(host: EmbeddedHost, *, repository: str, sha: str, **more: t.Any) -> t.Dict[str, t.Any]:
    """What the role gives the modules."""
    return {
        "pueue_config": str(host.daemon.config_path),
        "state_dir": str(host.state_dir),
        "deploy_id": sha[:12],
        "project": str(host.project),
        "repository": repository,
        "sha": sha,
        "package": None,
        "version": None,
        "python": sys.executable,
        "modules": [],
        "assertions": [{"file": "work.py", "pattern": "FIXED = True"}],
        "groups": [],
        "when_running": "wait",
        "restart_labels": ["*"],
        "restart_classes": ["app", "evicted", "infra", "killed", "oom_host", "yielded"],
        "restart_budget": 50,
        "restart_unsafe": False,
        "rollback": True,
        "owner": "ada@control",
        "ttl": 900.0,
        "take_over": False,
        "drain_timeout": 60.0,
        "monitor": 0.0,
        "index_url": None,
        **more,
    }


def start(asked: t.Mapping[str, t.Any], cut: t.Optional[Cut] = None) -> subprocess.Popen[str]:
    """Start it in a session of its own; the caller waits with ``finish``."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"asked": dict(asked), "cut": vars(cut) if cut else None}))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str]) -> t.Tuple[int, t.Dict[str, t.Any]]:
    """The exit status (-9 where it was killed) and what came out."""
    try:
        out, err = process.communicate(timeout=LIMIT_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
    assert process.returncode in (0, -9), err
    return process.returncode, json.loads(out) if out else {}


def carry_out(asked: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Audit in slices, apply, watch; an error becomes a result, as the modules make one."""
    from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError

    try:
        return _carry_out(asked)
    except FleetError as error:
        return {"failed": True, "msg": error.message, "hazard": error.hazard, **error.details}


def _carry_out(asked: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    from ansible_collections.fleet.jobs.plugins.module_utils._capacity import watch
    from ansible_collections.fleet.jobs.plugins.module_utils._capacity.host_sample import measure
    from ansible_collections.fleet.jobs.plugins.module_utils._capacity.queue_look import QueueLook

    found = audited(asked)
    while not found.finished:
        found = audited(asked, found.state)
    if not found.proceed:
        return {"verdict": found.verdict, "reason": found.reason}
    done = applied(asked, found)
    if asked["monitor"]:
        plan = watch.Plan(seconds=asked["monitor"], interval=0.1, slice_seconds=5.0)
        alive = QueueLook(_instance(asked), labels=["*"], groups=[], alive=done["restarted"])
        watch.watch_slice(plan, state=None, measure=measure, look=alive)
    return done


def audited(asked: t.Mapping[str, t.Any], state: t.Optional[t.Mapping[str, t.Any]] = None) -> t.Any:
    """The first slice of an audit, or the next one with the ``state`` of the one before."""
    from ansible_collections.fleet.jobs.plugins.module_utils._deploy.audit import audit
    from ansible_collections.fleet.jobs.plugins.module_utils._deploy.request import DeployRequest

    options = _audit_options(asked, state or {})
    return audit(DeployRequest.parse(asked), _instance(asked), options)


def applied(asked: t.Mapping[str, t.Any], found: t.Any) -> t.Dict[str, t.Any]:
    """The apply of what was audited; what was done."""
    from ansible_collections.fleet.jobs.plugins.module_utils._deploy.apply import (
        ApplyOptions,
        Deployment,
    )
    from ansible_collections.fleet.jobs.plugins.module_utils._deploy.uv import Index

    chosen = ApplyOptions(
        plan_id=found.sight.plan.plan_id,
        repository=asked["repository"],
        token=found.token or "",
        ttl=asked["ttl"],
        index=Index(url=asked["index_url"]),
    )
    instance = _instance(asked)
    with instance.ledger() as ledger:
        return Deployment(instance, ledger, chosen).run().details()


def _instance(asked: t.Mapping[str, t.Any]) -> t.Any:
    from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance

    return Instance.find(pueue_config=asked["pueue_config"], state_dir=asked["state_dir"])


def _audit_options(asked: t.Mapping[str, t.Any], state: t.Mapping[str, t.Any]) -> t.Any:
    from ansible_collections.fleet.jobs.plugins.module_utils._deploy.audit import AuditOptions

    names = ("repository", "owner", "ttl", "take_over", "drain_timeout")
    return AuditOptions(
        **{name: asked[name] for name in names},
        freeze=True,
        slice_seconds=1.0,
        state=state,
        check_mode=False,
    )


def _arm(cut: Cut) -> None:
    """Put the death before or after the call, as ``kill -9`` would come."""
    room, _unused, path = cut.at.partition(":")
    owner: t.Any = importlib.import_module(_CODE + room)
    *classes, name = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    real = getattr(owner, name)
    count = [0]

    def wrapped(*arguments: t.Any, **named: t.Any) -> t.Any:
        count[0] += 1
        now = count[0] == cut.call
        if now and cut.when == "before":
            _strike(cut)
        answer = real(*arguments, **named)
        if now and cut.when == "after":
            _strike(cut)
        return answer

    setattr(owner, name, wrapped)


def _strike(cut: Cut) -> None:
    if not cut.hang:
        os.kill(os.getpid(), signal.SIGKILL)
    from .waiting import eventually

    with open(cut.hang, "w", encoding="utf-8"):
        pass
    eventually(lambda: not os.path.exists(cut.hang), timeout=LIMIT_SECONDS, what="a late step")


def slow_reset(folder: Path, monkeypatch: pytest.MonkeyPatch) -> t.Tuple[Path, Path]:
    """A git whose first reset holds the index for as long as a file is missing."""
    started, goes_on, real = folder / "started", folder / "goes-on", shutil.which("git")
    fake = folder / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(
        f"""#!/bin/sh
case " $* " in *" reset "*)
  if mkdir {started} 2>/dev/null; then
    top=$({real} rev-parse --absolute-git-dir)
    cp "$top/index" "$top/index.lock"
    while [ ! -e {goes_on} ]; do sleep 0.05; done
    rm "$top/index.lock"
  fi;;
esac
exec {real} "$@"
""",
        encoding="utf-8",
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    return started, goes_on


def _main() -> None:
    request = json.load(sys.stdin)
    if request["cut"]:
        _arm(Cut(**request["cut"]))
    json.dump(carry_out(request["asked"]), sys.stdout)


if __name__ == "__main__":
    _main()
