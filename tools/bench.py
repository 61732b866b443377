# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``tests/bench/bench_*.py``, each of which prints one Markdown table, and write the report.

Arguments choose benches by a part of their name; then only their sections are written anew.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "benchmarks.md"
MARK = "<!-- "
HEAD = """# Benchmarks

Written by `make bench`; every row of a table was measured in the same run, side by side. Absolute
times are of one machine ({machine}); ratios hold better.
"""


def main() -> int:
    """All benches in order of their names; a failed one is named and fails the whole."""
    scripts = sorted((ROOT / "tests" / "bench").glob("bench_*.py"))
    parts = sys.argv[1:] or [""]
    chosen = [one for one in scripts if any(part in one.name for part in parts)]
    sections, failed = _sections(), []
    for script in chosen:
        print(f"== {script.name}", flush=True)
        done = subprocess.run(
            [sys.executable, str(script)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
        )
        print(done.stdout, flush=True)
        if done.returncode == 0:
            sections[script.name] = done.stdout.strip()
        else:
            failed.append(script.name)
    if not chosen:
        print("bench: there is no tests/bench/bench_*.py of that name", file=sys.stderr)
        return 1
    if failed:
        print(f"bench: failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    parts = [HEAD.format(machine=_machine()).strip()]
    parts += [f"{MARK}{one.name} -->\n\n{sections.get(one.name, '')}" for one in scripts]
    REPORT.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")
    print(f"bench: wrote {REPORT.relative_to(ROOT)}")
    return 0


def _sections() -> dict[str, str]:
    """What the report says already, by script."""
    if not REPORT.exists():
        return {}
    _head, *parts = REPORT.read_text(encoding="utf-8").split(MARK)
    return {name: text.strip() for name, _end, text in (one.partition(" -->") for one in parts)}


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main())
