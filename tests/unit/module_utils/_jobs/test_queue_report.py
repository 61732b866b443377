# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.bounded import bounded
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.queue_report import Report, Skip
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.refusals import Refusal, raise_all


def test_everything_at_its_worst_stays_below_8_kb():
    labels = [f"bars/{number:0190d}" for number in range(2000)]
    report = Report(
        requested=6000,
        queued=dict.fromkeys(labels, 123456),
        skipped=tuple(Skip(label, "active", "Running in group default") for label in labels),
        refused=tuple(Refusal(label, "why " * 500, "INV-1") for label in labels),
        duplicates=tuple(labels),
        submission="s",
    )
    before, after = report.difference()
    whole = {**report.data(), "diff": {"before": before, "after": after}}
    assert len(json.dumps(whole)) < 8192
    data = report.data()
    assert data["counts"] == {"requested": 6000, "queued": 2000, "skipped": 2000, "refused": 2000}
    for name in ("queued", "skipped_jobs", "refused", "duplicates"):
        assert data[name] and len(data[name]) + data["more"][name] == 2000
    assert after["labels"][-1].endswith("more")


def test_a_small_report_is_complete():
    report = Report(requested=2, queued={"a/1": 4}, skipped=(Skip("a/2", "done", "Success"),))
    assert report.data() == {
        "queued": [{"label": "a/1", "id": 4}],
        "skipped_jobs": [{"label": "a/2", "why": "done", "found": "Success"}],
        "refused": [],
        "duplicates": [],
        "more": {},
        "counts": {"requested": 2, "queued": 1, "skipped": 1, "refused": 0},
    }
    assert report.difference() == ({"labels": []}, {"labels": ["a/1"]})


def test_bounded_counts_what_json_writes():
    assert bounded(["ä" * 10] * 5, limit=140) == ["ä" * 10] * 2


def test_raise_all_names_the_first_and_counts_the_rest():
    raise_all([], details={})
    with pytest.raises(Refused) as error:
        raise_all(
            [Refusal("a/1", "It is wrong.", "INV-1"), Refusal("a/2", "Too.")], details={"x": 1}
        )
    assert error.value.hazard == "INV-1" and error.value.details == {"x": 1}
    assert '"a/1": It is wrong. 1 more' in error.value.message
