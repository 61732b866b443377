# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What can go wrong between us and pueued, by what the caller may conclude from it."""

from __future__ import annotations

import typing as t

from .._errors import FleetError


class PueueError(FleetError):
    """Base of the family; ``uncertain`` says that the request may have been applied."""

    uncertain = False


class DaemonUnreachable(PueueError):
    """No connection, or no handshake: nothing was asked and nothing changed."""


class SecretRejected(DaemonUnreachable):
    """The daemon hung up on our secret; nothing changed."""


class UnsupportedDaemon(PueueError):
    """The daemon, or its state file, speaks a dialect that we do not know."""


class MalformedReply(PueueError):
    """The daemon answered with something that its protocol does not allow."""

    uncertain = True


class RequestFailed(PueueError):
    """The daemon answered with a failure; ``uncertain`` where it may have acted before failing."""

    def __init__(self, message: str, *, answer: str, uncertain: bool = False) -> None:
        super().__init__(message)
        self.answer = answer
        self.uncertain = uncertain


class ConnectionLost(PueueError):
    """The connection ended after a request was sent; a change may or may not have been applied.

    ``answered`` holds, in order, what was answered before (``Client.add_many``).
    """

    def __init__(
        self, message: str, *, answered: t.Sequence[t.Any] = (), uncertain: bool = True
    ) -> None:
        super().__init__(message)
        self.answered: t.List[t.Any] = list(answered)
        self.uncertain = uncertain
