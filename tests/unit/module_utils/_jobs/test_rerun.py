# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restart tells: everything in a few kilobytes, however much there is."""

from __future__ import annotations

import json

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import rerun
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.restart import Remark
from ansible_collections.fleet.jobs.tests.support.queues import task


def test_everything_at_its_worst_stays_below_8_kb() -> None:
    labels = [f"bars/{number:0190d}" for number in range(500)]
    remarks = tuple(Remark(label, "why " * 60, "AP-18") for label in labels)
    tasks = tuple(task(number, label, "Failed") for number, label in enumerate(labels))
    report = rerun.Report(
        restarted=tasks,
        skipped=remarks,
        refused=remarks,
        left=remarks,
        classes=dict.fromkeys(labels, "oom_host"),
        waiting_groups=tuple(f"group-{number:050d}" for number in range(100)),
        archived={label: f"/home/jobs/.local/state/fleet-jobs/logs/{label}" for label in labels},
        thawed=tuple(f"group-{number:050d}" for number in range(100)),
    )
    before, after = rerun.before_and_after(report)
    data = rerun.data(report)
    whole = {**data, "actions": rerun.sentences(report), "diff": {"before": before, "after": after}}
    assert len(json.dumps(whole)) < 8000
    assert all(data[name] for name in ("restarted", "skipped_jobs", "refused", "left", "logs"))
    assert data["counts"] == {"restarted": 500, "skipped": 500, "refused": 500, "left": 500}
    assert set(before) == set(after) and before


def test_a_thaw_alone_is_a_change() -> None:
    report = rerun.Report(thawed=("bars",))
    assert report.changed and not rerun.Report().changed
    assert rerun.sentences(report) == ['Thaw group "bars", which a lease that ended left frozen.']
