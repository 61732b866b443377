# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The tables, and how an older ledger becomes a current one."""

from __future__ import annotations

import typing as t

# "FJOB": tells our file from any other SQLite database somebody put in its place.
APPLICATION_ID = 0x464A4F42

_FIRST = """
CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  label TEXT NOT NULL,
  task_key TEXT NOT NULL,
  number INTEGER NOT NULL,
  started REAL NOT NULL,
  ended REAL,
  class TEXT,
  exit_code INTEGER,
  signal INTEGER,
  peak_bytes INTEGER,
  cpu_seconds REAL,
  cap_bytes INTEGER,
  enforcement TEXT,
  release TEXT,
  pid INTEGER,
  boot_id TEXT,
  log_path TEXT,
  message TEXT,
  UNIQUE (label, number)
);
CREATE INDEX attempts_open ON attempts (id) WHERE ended IS NULL;
CREATE INDEX attempts_task ON attempts (task_key);

CREATE TABLE submissions (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  created REAL NOT NULL,
  updated REAL NOT NULL
);
CREATE INDEX submissions_open ON submissions (id) WHERE state IN ('begun', 'committed');
CREATE TABLE submission_jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  submission_id TEXT NOT NULL REFERENCES submissions (id),
  label TEXT NOT NULL,
  task_key TEXT NOT NULL,
  spec TEXT NOT NULL,
  overrides TEXT NOT NULL,
  UNIQUE (submission_id, task_key)
);
CREATE INDEX submission_jobs_label ON submission_jobs (label);

CREATE TABLE charges (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  amount INTEGER NOT NULL,
  at REAL NOT NULL,
  reason TEXT NOT NULL
);
CREATE INDEX charges_key ON charges (kind, key, at);

CREATE TABLE kills (
  label TEXT NOT NULL,
  created_at TEXT NOT NULL,
  at REAL NOT NULL,
  by TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (label, created_at)
);

CREATE TABLE leases (
  fence INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  purpose TEXT NOT NULL,
  token TEXT NOT NULL UNIQUE,
  taken REAL NOT NULL,
  expires REAL NOT NULL,
  ended REAL,
  ending TEXT
);
CREATE UNIQUE INDEX leases_one_current ON leases ((1)) WHERE ended IS NULL;
CREATE TABLE frozen (
  name TEXT PRIMARY KEY,
  fence INTEGER NOT NULL REFERENCES leases (fence)
);

CREATE TABLE deploys (
  id TEXT PRIMARY KEY,
  started REAL NOT NULL,
  plan TEXT NOT NULL
);
CREATE TABLE deploy_phases (
  deploy_id TEXT NOT NULL REFERENCES deploys (id),
  phase TEXT NOT NULL,
  at REAL NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (deploy_id, phase)
);

CREATE TABLE releases (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  sha TEXT NOT NULL,
  version TEXT NOT NULL,
  deploy_id TEXT NOT NULL,
  at REAL NOT NULL
);
CREATE INDEX releases_project ON releases (project, id);
"""

# One script a version; a script never changes once it was in a release.
SCRIPTS = (_FIRST,)
VERSION = len(SCRIPTS)


def statements(*, since: int) -> t.List[str]:
    """The SQL statements that bring a ledger of version ``since`` to this one."""
    steps = [step.strip() for script in SCRIPTS[since:] for step in script.split(";")]
    return [
        *filter(None, steps),
        f"PRAGMA application_id = {APPLICATION_ID}",
        f"PRAGMA user_version = {len(SCRIPTS)}",
    ]
