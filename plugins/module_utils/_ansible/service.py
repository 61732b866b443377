# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The module ``pueue_daemon`` between its options and the room that does it."""

from __future__ import annotations

import os

from .._daemon import change as daemon
from .._daemon.wish import Account, parse
from .outcome import Outcome, Request


def change(request: Request) -> Outcome:
    """Have the daemon as asked for."""
    account = Account.own(os.environ)
    report = daemon.change(
        parse(request.params, account),
        account,
        environ=os.environ,
        token=request.params["lease_token"],
        check_mode=request.check_mode,
    )
    made = report.plan
    return Outcome(
        changed=made.changed,
        actions=list(made.sentences),
        before=dict(made.before),
        after=dict(made.after) if made.changed else dict(made.before),
        data={
            "daemon": dict(report.daemon),
            "tasks": dict(report.tasks),
            "finished": report.finished,
            "waiting": dict(report.waiting),
        },
        warnings=list(report.warnings),
    )
