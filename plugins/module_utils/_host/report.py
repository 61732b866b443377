# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Everything ``host_probe`` says, as plain values."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._dataclass import asdict, dataclass
from . import canary, tools
from .cap_scope import missing
from .hierarchy import UNIFIED, own_paths, read_text
from .probe import HostFacts, probe_host
from .sizing import SHARE, capacity

_NOT_TRIED = "no canary was run: this is what looking alone can tell"


@dataclass(frozen=True)
class Question:
    """What is asked: the size of one job, which paths, and whether to try a cap for real."""

    memory_per_job: t.Optional[int] = None
    cores_per_job: float = 1.0
    share: float = SHARE
    paths: t.Tuple[str, ...] = ()
    canary: bool = True


def report(
    question: Question, *, environ: t.Optional[t.Mapping[str, str]] = None
) -> t.Dict[str, t.Any]:
    """Look, try the canary, compute."""
    values = os.environ if environ is None else environ
    facts = probe_host(paths=question.paths)
    sized = capacity(
        memory_available=facts.memory.usable,
        cores=facts.cores.usable,
        memory_per_job=question.memory_per_job,
        cores_per_job=question.cores_per_job,
        share=question.share,
    )
    return {
        **_resources(facts),
        "cgroup": _cgroup(facts),
        "cap": _cap(question, values),
        "tools": tools.versions(environ=values),
        "capacity": asdict(sized),
        "boot_id": facts.boot_id,
    }


def _resources(facts: HostFacts) -> t.Dict[str, t.Any]:
    return {
        "cores": asdict(facts.cores),
        "memory": asdict(facts.memory),
        "swap": asdict(facts.swap),
        "load": dict(zip(("1m", "5m", "15m"), facts.load)),
        "pressure": facts.pressure,
        "disk": [asdict(disk) for disk in facts.disks],
    }


def _cgroup(facts: HostFacts, *, root: Path = Path("/")) -> t.Dict[str, t.Any]:
    """The version, our place, and which controllers reach it."""
    paths = own_paths(root=root)
    controllers: t.List[str] = []
    if facts.cgroup_version == "v2":
        place = root / "sys/fs/cgroup" / paths.get(UNIFIED, "/").strip("/")
        controllers = sorted(read_text(place / "cgroup.controllers").split())
    return {
        "version": facts.cgroup_version,
        "path": paths.get(UNIFIED),
        "controllers": controllers,
    }


def _cap(question: Question, environ: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
    if question.canary:
        return asdict(canary.prove(environ=environ))
    lacking = missing(environ=environ)
    return {
        "capable": lacking is None,
        "enforcement": "polled" if lacking else "cgroup",
        "reason": lacking or _NOT_TRIED,
    }
