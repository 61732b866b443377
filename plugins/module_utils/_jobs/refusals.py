# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Refusals of single jobs, gathered so that one call names every problem and not only the first."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass
from .._errors import FleetError, Refused


@dataclass(frozen=True)
class Refusal:
    """Why one job cannot be queued; ``hazard`` is the catalogue entry, where there is one."""

    label: str
    why: str
    hazard: t.Optional[str] = None

    def record(self) -> t.Dict[str, str]:
        """The form of a module's result."""
        entry = {"label": self.label, "why": self.why}
        if self.hazard:
            entry["hazard"] = self.hazard
        return entry

    @classmethod
    def of(cls, label: str, error: FleetError) -> Refusal:
        """The refusal that an exception stands for."""
        return cls(label=label, why=error.message, hazard=error.hazard)


def raise_all(refusals: t.Sequence[Refusal], *, details: t.Mapping[str, t.Any]) -> None:
    """Refuse the whole set if any of it is refused; ``details`` goes into the result."""
    if not refusals:
        return
    first = refusals[0]
    more = f" {len(refusals) - 1} more in refused." if len(refusals) > 1 else ""
    raise Refused(
        f"Nothing was queued, because a set is queued as a whole or not at all. "
        f'"{first.label}": {first.why}{more}',
        hazard=first.hazard,
        details=details,
    )
