# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The one exception family: a sentence a person can act on, and a catalogue entry on refusal."""

from __future__ import annotations

import typing as t


class FleetError(Exception):
    """Something could not be done; the message says what, on which object, and what comes next.

    ``details`` carries what was already learnt or done, for the caller's result.
    """

    def __init__(
        self,
        message: str,
        *,
        hazard: t.Optional[str] = None,
        details: t.Optional[t.Mapping[str, t.Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hazard = hazard
        self.details: t.Dict[str, t.Any] = dict(details or {})


class Refused(FleetError):
    """A guard said no before anything was changed; ``hazard`` names the catalogue entry."""
