# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The shell scripts that jobs start, looked at for pipes that lose something (AP-13, G-14).

A warning and no refusal: a script belongs to the project, and may be another one when the job runs.
"""

from __future__ import annotations

import os
import stat
import typing as t

from . import pipes
from .prefix import script_call
from .spec import JobSpec

_LONGEST_BYTES = 1 << 18
_LISTED = 5


def remarks(specs: t.Sequence[JobSpec]) -> t.Tuple[str, ...]:
    """One sentence for each script that has such a pipe; each script is read once."""
    said: t.List[str] = []
    seen: t.Set[str] = set()
    for spec in specs:
        call = script_call(spec.argv) if spec.command is not None else None
        path = os.path.normpath(os.path.join(spec.chdir, call[0])) if call else ""
        if call is None or path in seen:
            continue
        seen.add(path)
        found = _finding(path, call[1])
        if found is not None:
            said.append(f'"{path}" {found.what[:-1]} ({found.hazard}).')
    left = len(said) - _LISTED
    return (*said[:_LISTED], *([f"{left} more scripts have such pipes."] if left > 0 else []))


def _finding(path: str, words: t.Sequence[str]) -> t.Optional[pipes.Finding]:
    """``words`` start with the shell, where the command names one; else the first line does."""
    try:
        # A pipe with a name would wait for somebody who writes into it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as script:
            text = script.read(_LONGEST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    if not words:
        first = text.partition("\n")[0]
        words = first[2:].split() if first.startswith("#!") else ()
        if words and os.path.basename(words[0]) == "env":
            words = words[1:]
    if not words or not os.path.basename(words[0]).endswith("sh"):
        return None
    return pipes.of_text(text, shell=os.path.basename(words[0]), options=words[1:])
