# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The one exception family: a sentence a person can act on, and a catalogue entry on refusal."""

from __future__ import annotations

import errno
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


def from_os_error(error: OSError) -> FleetError:
    """A system call that no room foresaw, as a sentence instead of a traceback."""
    place = f' on "{error.filename}"' if error.filename else ""
    advice = {
        errno.ENOSPC: "The disk is full: free space before anything else, a full disk also ends "
        "pueued and every running job.",
        errno.EACCES: "Run this as the account that owns the queue.",
        errno.EPERM: "Run this as the account that owns the queue.",
        errno.EROFS: "The file system is read-only.",
    }.get(error.errno or 0, "Nothing further was changed.")
    return FleetError(f"A system call failed{place}: {error.strerror or error}. {advice}")


def told(error: Exception) -> FleetError:
    """Any error as one with a sentence: ours as it is, a system call's with advice."""
    if isinstance(error, FleetError):
        return error
    return from_os_error(error) if isinstance(error, OSError) else FleetError(str(error))
