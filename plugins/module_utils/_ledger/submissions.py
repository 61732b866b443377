# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Submissions: what is about to be queued, written ahead so that a death in between is seen."""

from __future__ import annotations

import json
import sqlite3
import typing as t

from .._dataclass import dataclass, field
from .._errors import FleetError
from .database import Database
from .lease import Leases

BEGUN = "begun"  # tasks may be in the queue, stashed; the decision is open: undo
COMMITTED = "committed"  # all are in the queue and ours; enqueue what is still stashed
ENQUEUED = "enqueued"
ABANDONED = "abandoned"


@dataclass(frozen=True)
class SubmittedJob:
    """One job of a submission; ``task_key`` is what its task carries as FLEET_JOBS_TASK."""

    label: str
    task_key: str
    spec: t.Mapping[str, t.Any]
    overrides: t.Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Submission:
    """Jobs that were queued by one call; ``state`` is one of the constants above."""

    id: str
    state: str
    created: float
    jobs: t.Tuple[SubmittedJob, ...]


class Submissions:
    """begin → commit → enqueued, or begin → abandon. Under the lease, see ``Ledger.change``."""

    def __init__(self, database: Database, lease: Leases) -> None:
        self._database = database
        self._lease = lease

    def begin(self, submission_id: str, jobs: t.Iterable[SubmittedJob]) -> None:
        """Record the jobs before the first of them is sent to the queue."""
        with self._lease.guarded():
            now = self._database.now()
            self._database.execute(
                "INSERT INTO submissions VALUES (?, ?, ?, ?)", submission_id, BEGUN, now, now
            )
            for job in jobs:
                self._database.execute(
                    "INSERT INTO submission_jobs (submission_id, label, task_key, spec, overrides) "
                    "VALUES (?, ?, ?, ?, ?)",
                    *(submission_id, job.label, job.task_key),
                    *(json.dumps(dict(part), sort_keys=True) for part in (job.spec, job.overrides)),
                )

    def drop(self, submission_id: str, task_keys: t.Iterable[str]) -> None:
        """Take jobs out that lost to somebody else's task and were removed again."""
        with self._lease.guarded():
            for key in task_keys:
                self._database.execute(
                    "DELETE FROM submission_jobs WHERE submission_id = ? AND task_key = ?",
                    *(submission_id, key),
                )

    def commit(self, submission_id: str) -> None:
        """All remaining jobs are in the queue: from here on they are enqueued, not undone."""
        self._move(submission_id, COMMITTED, origins=(BEGUN, COMMITTED))

    def enqueued(self, submission_id: str) -> None:
        """All of them were enqueued."""
        self._move(submission_id, ENQUEUED, origins=(COMMITTED, ENQUEUED))

    def abandon(self, submission_id: str) -> None:
        """None of them is in the queue any more."""
        self._move(submission_id, ABANDONED, origins=(BEGUN, COMMITTED, ABANDONED))

    def unfinished(self) -> t.List[Submission]:
        """Begun or committed ones, oldest first; their client died if the flock is yours."""
        rows = self._database.query(
            "SELECT * FROM submissions WHERE state IN ('begun', 'committed') ORDER BY created, id"
        )
        return [self._submission(row) for row in rows]

    def get(self, submission_id: str) -> t.Optional[Submission]:
        """One submission with its jobs."""
        for row in self._database.query("SELECT * FROM submissions WHERE id = ?", submission_id):
            return self._submission(row)
        return None

    def job_of(self, label: str) -> t.Optional[SubmittedJob]:
        """The job that was last submitted under this label and not undone."""
        rows = self._database.query(
            "SELECT j.* FROM submission_jobs j JOIN submissions s ON s.id = j.submission_id "
            "WHERE j.label = ? AND s.state <> ? ORDER BY j.id DESC LIMIT 1",
            *(label, ABANDONED),
        )
        return _job(rows[0]) if rows else None

    def spec_of(self, label: str) -> t.Optional[t.Dict[str, t.Any]]:
        """The spec of ``job_of(label)``."""
        job = self.job_of(label)
        return None if job is None else dict(job.spec)

    def _move(self, submission_id: str, state: str, *, origins: t.Tuple[str, ...]) -> None:
        with self._lease.guarded():
            found = self._database.query(
                "SELECT state FROM submissions WHERE id = ?", submission_id
            )
            if not found or found[0]["state"] not in origins:
                was = found[0]["state"] if found else "missing"
                raise FleetError(
                    f'The submission "{submission_id}" cannot become {state}: it is {was} in '
                    f'"{self._database.path}".'
                )
            self._database.execute(
                "UPDATE submissions SET state = ?, updated = ? WHERE id = ?",
                *(state, self._database.now(), submission_id),
            )

    def _submission(self, row: sqlite3.Row) -> Submission:
        jobs = self._database.query(
            "SELECT * FROM submission_jobs WHERE submission_id = ? ORDER BY id", row["id"]
        )
        return Submission(
            id=row["id"],
            state=row["state"],
            created=row["created"],
            jobs=tuple(_job(job) for job in jobs),
        )


def _job(row: sqlite3.Row) -> SubmittedJob:
    return SubmittedJob(
        label=row["label"],
        task_key=row["task_key"],
        spec=json.loads(row["spec"]),
        overrides=json.loads(row["overrides"]),
    )
