# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What each class says about an attempt, and what to do next."""

from __future__ import annotations

import typing as t

RUNNING = "running"

_MEANINGS: t.Mapping[str, t.Tuple[str, str]] = {
    "ok": ("It ended well.", "Nothing to do."),
    "app": (
        "The program itself failed: it said so by its exit code or crashed.",
        "Read the log, fix the cause and deploy it; the deploy restarts the job.",
    ),
    "permanent": (
        "It failed in a way that no restart heals, such as a missing program or a wrong parameter.",
        "Correct the job or its program, then deploy or queue it anew.",
    ),
    "timeout": (
        "It ran longer than its timeout and was ended.",
        "Find out why it is slow; if it is right so, queue it with a longer timeout.",
    ),
    "oom_cap": (
        "It needed more memory than its cap and was killed by it.",
        "Compare the peak with the cap; queue it with more memory, or make it need less.",
    ),
    "oom_host": (
        "The host itself ran out of memory and killed it, below its own cap.",
        "Run fewer jobs at once (pueue_group with parallel: auto), then restart it.",
    ),
    "evicted": (
        "It was stopped on purpose to save the host from running out of memory.",
        "Restart it; that costs no budget of its own.",
    ),
    "yielded": (
        "It stopped between two jobs because it was asked to.",
        "Restart it; it goes on where it stopped.",
    ),
    "killed": (
        "Somebody killed it.",
        "Find out who and why (see the message); restart it when that is over.",
    ),
    "infra": (
        "The surroundings failed, not the program: cap, env_file, directory, daemon or machine.",
        "Put right what the message names, then restart it.",
    ),
    "dependency": (
        "It never ran, because a job before it failed.",
        "Look at that job with fleet-jobs why; its restart takes this one along.",
    ),
    "unknown": (
        "There is not enough evidence to say why it ended.",
        "Read the log and the system's journal before restarting it.",
    ),
    RUNNING: ("It runs.", "Wait; follow it with fleet-jobs logs."),
}


def meaning(class_: str) -> t.Tuple[str, str]:
    """Two sentences: what it means, what comes next."""
    return _MEANINGS.get(class_, _MEANINGS["unknown"])


def known() -> t.FrozenSet[str]:
    """All words that have a meaning here."""
    return frozenset(_MEANINGS)
