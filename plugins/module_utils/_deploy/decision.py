# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""DECIDE: what a deploy may do, given what runs and what failed. The table is data."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass

POLICIES = ("wait", "finish_old", "kill", "abort")


@dataclass(frozen=True)
class Rule:
    """One cell: what happens next, whether failed jobs are restarted, why, and the way round it."""

    action: str
    restart: bool
    reason: str
    override: str = ""


@dataclass(frozen=True)
class Decision:
    """A rule applied to the numbers of one host."""

    action: str
    restart: bool
    reason: str
    override: str
    policy: str
    running: int
    failed: int

    def as_dict(self) -> t.Dict[str, t.Any]:
        """The plain form that goes into results and the journal."""
        return {
            "action": self.action,
            "restart": self.restart,
            "reason": self.reason,
            "override": self.override,
            "policy": self.policy,
            "running": self.running,
            "failed": self.failed,
        }


_IDLE = "nothing runs"
_WAIT = "an in-place deploy changes the code under running jobs, so they finish first"
_FINISH = "running jobs go on; what they import from now on is the new code"
_KILL = "running jobs that may be restarted are killed, recorded, and restarted on the new code"
_ABORT = "jobs are running and the deploy was told to stop then"
_TO_WAIT = "deploy_when_running: wait"
_NOT_WAIT = "deploy_when_running: finish_old or kill"

# (something runs, something failed) × policy. The protocol is the catalogue's, step 2 DECIDE;
# killing is never implied, and failed jobs are restarted only where there are some.
TABLE: t.Mapping[t.Tuple[bool, bool, str], Rule] = {
    (False, False, "wait"): Rule("deploy", False, f"{_IDLE} and no job is to be restarted"),
    (False, False, "finish_old"): Rule("deploy", False, f"{_IDLE} and no job is to be restarted"),
    (False, False, "kill"): Rule("deploy", False, f"{_IDLE} and no job is to be restarted"),
    (False, False, "abort"): Rule("deploy", False, f"{_IDLE} and no job is to be restarted"),
    (False, True, "wait"): Rule("deploy", True, f"{_IDLE}; failed jobs are restarted"),
    (False, True, "finish_old"): Rule("deploy", True, f"{_IDLE}; failed jobs are restarted"),
    (False, True, "kill"): Rule("deploy", True, f"{_IDLE}; failed jobs are restarted"),
    (False, True, "abort"): Rule("deploy", True, f"{_IDLE}; failed jobs are restarted"),
    (True, False, "wait"): Rule("wait", False, _WAIT, _NOT_WAIT),
    (True, False, "finish_old"): Rule("finish_old", False, _FINISH, _TO_WAIT),
    (True, False, "kill"): Rule("kill", True, _KILL, _TO_WAIT),
    (True, False, "abort"): Rule("abort", False, _ABORT, _TO_WAIT),
    (True, True, "wait"): Rule("wait", True, _WAIT, _NOT_WAIT),
    (True, True, "finish_old"): Rule("finish_old", True, _FINISH, _TO_WAIT),
    (True, True, "kill"): Rule("kill", True, _KILL, _TO_WAIT),
    (True, True, "abort"): Rule("abort", False, _ABORT, _TO_WAIT),
}


def decide(*, running: int, failed: int, policy: str) -> Decision:
    """Look the cell up; ``running`` and ``failed`` are numbers of jobs in the deploy's groups."""
    rule = TABLE[(running > 0, failed > 0, policy)]
    return Decision(
        action=rule.action,
        restart=rule.restart,
        reason=rule.reason,
        override=rule.override,
        policy=policy,
        running=running,
        failed=failed,
    )
