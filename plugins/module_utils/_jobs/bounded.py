# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Lists that keep a result small however long they are."""

from __future__ import annotations

import json
import typing as t


def bounded(entries: t.Sequence[t.Any], *, limit: int) -> t.List[t.Any]:
    """As many entries from the front as fit into ``limit`` bytes of JSON."""
    kept: t.List[t.Any] = []
    size = 0
    for entry in entries:
        size += len(json.dumps(entry, ensure_ascii=True)) + 2
        if size > limit:
            break
        kept.append(entry)
    return kept
