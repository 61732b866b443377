# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a guarded queueing did, in at most 8 KB however many jobs there were."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass, field
from .bounded import bounded
from .refusals import Refusal

# Three lists and a diff of two have to fit into 8 KB together.
LIST_BYTES = 1500
TEXT_BYTES = 400


@dataclass(frozen=True)
class Skip:
    """A job that needed nothing: ``why`` is ``active`` or ``done``, ``found`` the evidence."""

    label: str
    why: str
    found: str


@dataclass(frozen=True)
class Report:
    """``queued`` maps labels to task ids (None in check mode)."""

    requested: int = 0
    queued: t.Mapping[str, t.Optional[int]] = field(default_factory=dict)
    skipped: t.Tuple[Skip, ...] = ()
    refused: t.Tuple[Refusal, ...] = ()
    actions: t.Tuple[str, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    duplicates: t.Tuple[str, ...] = ()
    submission: t.Optional[str] = None

    def data(self) -> t.Dict[str, t.Any]:
        """The result's lists, bounded; ``more`` says how many entries were left out of each."""
        lists: t.Dict[str, t.List[t.Any]] = {
            "queued": [_queued(label, number) for label, number in self.queued.items()],
            # ansible-core takes a true "skipped" for a task that did not run.
            "skipped_jobs": [
                {"label": one.label, "why": one.why, "found": one.found} for one in self.skipped
            ],
            "refused": [_short(one.record()) for one in self.refused],
            "duplicates": list(self.duplicates),
        }
        result: t.Dict[str, t.Any] = {}
        more: t.Dict[str, int] = {}
        for name, entries in lists.items():
            result[name] = bounded(entries, limit=LIST_BYTES)
            if len(result[name]) < len(entries):
                more[name] = len(entries) - len(result[name])
        result["more"] = more
        result["counts"] = {
            "requested": self.requested,
            "queued": len(self.queued),
            "skipped": len(self.skipped),
            "refused": len(self.refused),
        }
        if self.submission is not None:
            result["submission"] = self.submission
        return result

    def difference(self) -> t.Tuple[t.Dict[str, t.Any], t.Dict[str, t.Any]]:
        """``before`` and ``after`` of the diff: the labels this call added to the queue."""
        labels = bounded(list(self.queued), limit=LIST_BYTES // 2)
        left = len(self.queued) - len(labels)
        after = [*labels, f"and {left} more"] if left else labels
        return {"labels": []}, {"labels": after}


def _queued(label: str, number: t.Optional[int]) -> t.Dict[str, t.Any]:
    return {"label": label} if number is None else {"label": label, "id": number}


def _short(record: t.Dict[str, str]) -> t.Dict[str, str]:
    why = record["why"]
    if len(why) > TEXT_BYTES:
        record["why"] = why[: TEXT_BYTES - 3] + "..."
    return record
