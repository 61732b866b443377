# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose systemd takes every cap and keeps none: noticed, refused, or watched and said so."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host.hierarchy import version
from ansible_collections.fleet.jobs.tests.lab.containers import Container, Group, reason
from ansible_collections.fleet.jobs.tests.support.ansible import run_playbook
from ansible_collections.fleet.jobs.tests.support.tool import install

MIB = 1 << 20
CAP = 64 * MIB
TOOL = "/home/jobs/tool.zip"
HUNGRY = "held = b'x' * (200 << 20); print('lived', flush=True)"
FOREVER = "held = b'x' * (200 << 20)\nimport time\nwhile True: time.sleep(1)"
# They wait until the watch has slowed down to its usual pace, then take memory as fast as can be.
FILLED = """
import mmap, os, time
time.sleep(2)
if {forks} and os.fork() + os.fork(): pass
mmap.mmap(-1, {mib} << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
time.sleep(60)"""
ALLOCATORS = {
    "one process, filled by the kernel": FILLED.format(forks=0, mib=2048),
    "four processes, filled by the kernel": FILLED.format(forks=1, mib=512),
    "one process, Python filling a string": "import time; time.sleep(2)\nheld = b'x' * (2 << 30)",
}
ROUNDS = 5
# In the container: the kernel's own high-water mark of the largest process below the runner, and
# what the runner saw of all of them when it had to kill.
MEASURE = """
import json, os, subprocess, sys
words, code, rounds = json.loads(sys.stdin.read())
answers = []
for _round in range(rounds):
    job = ["/usr/bin/python3", "-I", "-S", "-c", code]
    runner = subprocess.Popen([*words, "--", *job], stderr=subprocess.PIPE, text=True)
    said = runner.stderr.read()
    _pid, status, usage = os.wait4(runner.pid, 0)
    runner.returncode = os.WEXITSTATUS(status)
    answers.append([runner.returncode, usage.ru_maxrss * 1024, said])
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Container]:
    """A container with the user ``jobs`` and the host tool."""
    lacking = reason()
    if not lacking and version() == "v2":
        lacking = "this machine has cgroup v2, so its containers do keep a cap"
    if lacking:
        pytest.skip(lacking)
    with Group("test-caps").up("caps") as (one,):
        one.run("useradd -m -s /bin/bash jobs && loginctl enable-linger jobs", "root")
        tool = install(tmp_path_factory.mktemp("tool"))
        one.copy_in(tool.with_suffix(".zip"), TOOL)
        one.run(f"chmod a+r {TOOL}", "root")
        yield one


def call(
    container: Container, folder: Path, module: str, user: str = "jobs", **options: t.Any
) -> t.Dict[str, t.Any]:
    """A module over ssh; its result, also where it failed."""
    inventory, playbook = folder / "hosts.yml", folder / "play.json"
    container.group.write_inventory(inventory, user)
    play = {"hosts": "all", "gather_facts": False, "tasks": [{f"fleet.jobs.{module}": options}]}
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    run = run_playbook(playbook, inventory=inventory)
    assert run.results, run.explain()
    return run.results[-1].result


def job(code: str, **options: t.Any) -> t.Dict[str, t.Any]:
    return {"command": ["/usr/bin/python3", "-I", "-S", "-c", code], "chdir": "/", **options}


def test_accident_systemd_says_0_and_caps_nothing(container: Container) -> None:
    wrapper = ["systemd-run", "--scope", "-q", "-p", "MemoryMax=64M", "-p", "MemorySwapMax=0"]
    done = container.run([*wrapper, "python3", "-c", HUNGRY], "root")
    assert (done.returncode, done.stdout) == (0, "lived\n")


@pytest.mark.parametrize("user", ["jobs", "root"])
def test_the_probe_says_that_nothing_is_capped(
    container: Container, tmp_path: Path, user: str, say: t.Callable[[str], None]
) -> None:
    cap = call(container, tmp_path, "host_probe", user)["cap"]
    say(f"{user}: {cap['reason']}")
    assert (cap["capable"], cap["enforcement"]) == (False, "polled")


@pytest.mark.parametrize("user", ["jobs", "root"])
def test_the_canary_notices_where_looking_is_not_enough(
    container: Container, user: str, say: t.Callable[[str], None]
) -> None:
    code = (
        "from fleet_jobs._host import canary, hierarchy; hierarchy.version = lambda **_u: 'v2';"
        "found = canary.prove(); print(found.capable, found.reason)"
    )
    said = container.run(f"PYTHONPATH={TOOL} python3 -c {json.dumps(code)}", user).stdout
    say(f"{user}: {said}")
    assert said.startswith("False ")


def test_require_refuses_and_names_the_entry(container: Container, tmp_path: Path) -> None:
    result = call(container, tmp_path, "systemd_run_job", **job(HUNGRY, memory="64M"))
    assert result["failed"] is True
    assert "cap: prefer" in str(result)
    assert "lived" not in str(result.get("stdout"))
    assert (result["class"], result["rc"]) == ("infra", 120)


def test_prefer_watches_and_says_so(
    container: Container, tmp_path: Path, say: t.Callable[[str], None]
) -> None:
    options = job(FOREVER, memory="64M", cap="prefer")
    result = call(container, tmp_path, "systemd_run_job", **options)
    say(str(result["message"]))
    assert (result["class"], result["enforcement"], result["rc"]) == ("oom_cap", "polled", 137)
    assert "polled, because" in result["message"]
    assert result["peak_bytes"] > CAP


def reached(said: str) -> int:
    number, unit = re.findall(r"It reached ([0-9.]+)([MG]) of", said)[0]
    return int(float(number) * {"M": MIB, "G": 1024 * MIB}[unit])


@pytest.mark.parametrize("kind", ALLOCATORS)
def test_how_far_a_fast_allocator_gets(
    container: Container, kind: str, say: t.Callable[[str], None]
) -> None:
    """docs/caps.md has the figure of one run of this."""
    state = "/home/jobs/measured"
    words = ["python3", "-I", "-S", TOOL, "run", "--label", "caps/fast", "--state-dir", state]
    words += ["--cap", "prefer", "--memory", str(CAP)]
    request = json.dumps([words, ALLOCATORS[kind], ROUNDS])
    answers = json.loads(container.run(["python3", "-c", MEASURE], input=request).stdout)
    assert all("ended as oom_cap" in said for _code, _peak, said in answers)
    over = sorted(max(peak, reached(said)) // MIB - CAP // MIB for _code, peak, said in answers)
    say(f"{kind}: MiB above a polled cap of {CAP // MIB} MiB in {ROUNDS} runs: {over}")
    assert {code for code, _peak, _said in answers} == {137}
