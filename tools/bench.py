# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``tests/bench/bench_*.py``, each of which prints one Markdown table, and write the report.

Arguments choose benches by a part of their name; only a full run rewrites docs/benchmarks.md.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`; every row of a table was measured in the same run, side by side. Absolute
times are of one machine ({machine}); ratios hold better.
"""


def main() -> int:
    """All benches in order of their names; a failed one is named and fails the whole."""
    scripts = sorted((ROOT / "tests" / "bench").glob("bench_*.py"))
    parts = sys.argv[1:] or [""]
    chosen = [one for one in scripts if any(part in one.name for part in parts)]
    sections, failed = [], []
    for script in chosen:
        print(f"== {script.name}", flush=True)
        done = subprocess.run(
            [sys.executable, str(script)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
        )
        print(done.stdout, flush=True)
        if done.returncode == 0:
            sections.append(done.stdout.strip())
        else:
            failed.append(script.name)
    if not chosen:
        print("bench: there is no tests/bench/bench_*.py of that name", file=sys.stderr)
        return 1
    if failed:
        print(f"bench: failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    if chosen == scripts:
        REPORT.write_text("\n\n".join([HEAD.format(machine=_machine()).strip(), *sections]) + "\n")
        print(f"bench: wrote {REPORT.relative_to(ROOT)}")
    return 0


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main())
