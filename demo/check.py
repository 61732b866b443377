# SPDX-License-Identifier: GPL-3.0-or-later
"""The same numbers a second way: SQL over the published tables, against what the jobs wrote."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

# The time zone of the destinations that the airports table does not list.
MISSING = {name: "America/Puerto_Rico" for name in ("BQN", "PSE", "SJU", "STT")}
QUERY = """
SELECT carrier, month, tzone, count(*), avg(arr_delay)
FROM flights JOIN airports ON airports.faa = flights.dest
WHERE arr_delay IS NOT NULL
GROUP BY carrier, month, tzone
"""


def differences(data: Path, results: Path, months: range) -> list[str]:
    """Sentences about every number that differs; empty if all agree."""
    expected = _expected(data, months)
    found = {
        (carrier, int(month), zone): (entry["flights"], entry["mean"])
        for path in sorted(results.glob("*.json"))
        for carrier, month in [path.stem.split("-")]
        for zone, entry in json.loads(path.read_text(encoding="utf-8")).items()
    }
    problems = [f"missing: {key}" for key in sorted(set(expected) - set(found))]
    problems += [f"not expected: {key}" for key in sorted(set(found) - set(expected))]
    for key in sorted(set(found) & set(expected)):
        flights, mean = expected[key]
        if found[key][0] != flights or abs(found[key][1] - mean) > 1e-5:
            problems.append(f"{key}: the job wrote {found[key]}, SQL says {expected[key]}")
    return problems


def _expected(data: Path, months: range) -> dict[tuple[str, int, str], tuple[int, float]]:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE airports (faa TEXT PRIMARY KEY, tzone TEXT)")
    database.execute("CREATE TABLE flights (carrier TEXT, month INT, dest TEXT, arr_delay REAL)")
    database.executemany("INSERT INTO airports VALUES (?, ?)", MISSING.items())
    with (data / "airports.csv").open(encoding="utf-8") as lines:
        rows = ((row["faa"], row["tzone"]) for row in csv.DictReader(lines))
        database.executemany("INSERT INTO airports VALUES (?, ?)", rows)
    for month in months:
        with (data / f"flights-{month:02d}.csv").open(encoding="utf-8") as lines:
            database.executemany(
                "INSERT INTO flights VALUES (?, ?, ?, nullif(?, 'NA'))",
                (
                    (row["carrier"], month, row["dest"], row["arr_delay"])
                    for row in csv.DictReader(lines)
                ),
            )
    answer = database.execute(QUERY).fetchall()
    database.close()
    return {(carrier, month, zone): (n, mean) for carrier, month, zone, n, mean in answer}
