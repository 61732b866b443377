# SPDX-License-Identifier: GPL-3.0-or-later
"""Worlds for the tests of AWX, and the table that stands at the end of their run."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.left_out import (
    pytest_runtest_makereport,
    why_skipped,
)

__all__ = ["pytest_runtest_makereport"]
COLUMNS = ("run", "check", "relaunch", "cancel")
CELL, ANSWER = "awx cell", "awx answer"

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.awx.world import World
Say = t.Callable[[str], None]


@pytest.fixture
def make_world(tmp_path: Path) -> t.Iterator[t.Callable[[int], World]]:
    """A factory of fleets with a controller; all of them are gone after the test."""
    from ansible_collections.fleet.jobs.tests.awx.world import World

    made: t.List[World] = []

    def make(count: int) -> World:
        made.append(World(tmp_path / f"world{len(made)}", count))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def cell(request: pytest.FixtureRequest) -> t.Callable[..., None]:
    """Say what belongs into the table; the test's marker names the place, or several."""
    marker = request.node.get_closest_marker("cell")
    assert marker, "the test has no place in the table: pytest.mark.cell(template, column)"
    template, *columns = marker.args
    assert columns and set(columns) <= set(COLUMNS)
    # Known before the test says anything, so that one that fails is in the table as well.
    for column in columns:
        request.node.user_properties.append((CELL, [template, column, ""]))

    def say(text: str, *, column: str = columns[0]) -> None:
        request.node.user_properties.append((CELL, [template, column, text]))

    return say


@pytest.fixture
def answered(request: pytest.FixtureRequest) -> t.Callable[[str, str, str], None]:
    """Say what an answer of a survey led to."""

    def say(variable: str, answer: str, said: str) -> None:
        request.node.user_properties.append((ANSWER, [variable, answer, said]))

    return say


def pytest_configure(config: pytest.Config) -> None:
    """The marker of this folder."""
    config.addinivalue_line(
        "markers", "cell(template, column, ...): places in the table of templates"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The tables, of all workers of the run."""
    cells: t.Dict[str, t.Dict[str, str]] = {}
    answers: t.List[t.List[str]] = []
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            for kind, value in getattr(report, "user_properties", []):
                if kind == CELL:
                    text = _in_table(report, value[2])
                    if text:
                        cells.setdefault(value[0], {})[value[1]] = text
                elif kind == ANSWER and value not in answers:
                    answers.append(value)
    if answers:
        terminalreporter.section("survey answers, and what is said")
        _print(terminalreporter, [["variable", "answer", "what is said"], *sorted(answers)])
    if cells:
        terminalreporter.section("templates of AWX, through ansible-runner")
        rows = [
            [name, *(row.get(column, "-") for column in COLUMNS)] for name, row in cells.items()
        ]
        _print(terminalreporter, [["template", *COLUMNS], *sorted(rows)])


def _in_table(report: pytest.TestReport, text: str) -> str:
    if report.outcome == "skipped":
        return f"LEFT OUT: {why_skipped(report)}"
    if report.outcome == "failed":
        return "FAILED"
    return text


def _print(reporter: pytest.TerminalReporter, rows: t.Sequence[t.Sequence[str]]) -> None:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths))
        reporter.write_line(line.rstrip())
