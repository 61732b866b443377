# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of the units: what it promises, and what counts as a change."""

from __future__ import annotations

import configparser
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._daemon import configuration, unit
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.wish import Tidy
from ansible_collections.fleet.jobs.tests.support.daemon_wish import ACCOUNT, ENVIRON, WISH

PYTHON = "/usr/bin/python3"
FULL = replace(WISH, binaries=Path("/opt/p 1"))


def _texts(**changes: t.Any) -> unit.Texts:
    wish = replace(FULL, **changes)
    config = configuration.plan(wish, ACCOUNT, current=None, environ=ENVIRON).config
    return unit.texts(wish, config, ACCOUNT, python=PYTHON)


def _parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_service() -> None:
    service = _parsed(_texts().service)["Service"]
    assert service["ExecStart"] == ('"/opt/p 1/pueued" --config /home/jobs/.config/pueue/pueue.yml')
    expected = {
        "KillMode": "mixed",
        "Restart": "on-failure",
        "UMask": "0077",
        "OOMPolicy": "continue",
        "MemoryLow": str(1 << 27),
        "ManagedOOMPreference": "avoid",
        "RuntimeDirectory": "pueued",
        "RuntimeDirectoryMode": "0700",
    }
    assert {key: service[key] for key in expected} == expected
    assert service["Environment"].startswith("PATH=/home/jobs/.cargo/bin:/home/jobs/.local/bin:")
    assert " -v" not in service["ExecStart"]
    assert service["ExecStartPre"].startswith(f"{PYTHON} -I -S ")
    assert service["ExecStop"].startswith("-") and service["ExecStartPost"].startswith("-")


def test_nothing_narrows_what_a_job_may_do() -> None:
    service = _parsed(_texts().service)["Service"]
    narrowing = ("Private", "Protect", "Restrict", "NoNew", "ReadOnly", "Inaccessible", "System")
    assert not [key for key in service if key.startswith(narrowing)]


def test_no_protection_and_a_runtime_directory_elsewhere() -> None:
    text = _texts(protected_bytes=0, runtime_directory=Path("/var/lib/q")).service
    assert "Memory" not in text and "OOMScore" not in text and "RuntimeDirectory=" not in text
    assert "--directory /var/lib/q" in text


def test_root_does_not_make_its_jobs_safe_as_well() -> None:
    root = replace(ACCOUNT, uid=0)
    config = configuration.plan(FULL, root, current=None, environ=ENVIRON).config
    text = unit.texts(FULL, config, root, python=PYTHON).service
    assert "OOMScoreAdjust" not in text and "MemoryLow" in text
    assert "OOMScoreAdjust" in _texts().service


def test_timer() -> None:
    assert _texts().others == ()
    (service, timer) = _texts(tidy=Tidy("Mon *-*-* 03:00", 7)).others
    assert (service[0], timer[0]) == ("pueued-tidy.service", "pueued-tidy.timer")
    assert _parsed(timer[1])["Timer"]["OnCalendar"] == "Mon *-*-* 03:00"
    words = _parsed(service[1])["Service"]["ExecStart"]
    assert "bin/fleet-jobs tidy" in words and "--keep-days 7" in words


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/a/b-c_d.e", "/a/b-c_d.e"),
        ("a b", '"a b"'),
        ("", '""'),
        ("100%", "100%%"),
        ('say "x"\\', '"say \\"x\\"\\\\"'),
        ("a;b", '"a;b"'),
    ],
)
def test_words_as_systemd_reads_them(word: str, written: str) -> None:
    assert unit.quoted(word) == written


def test_a_dollar_is_no_variable() -> None:
    assert unit.command(["/x/$HOME"]) == "/x/$$HOME"


def test_only_what_means_something_is_a_difference() -> None:
    text = _texts().service
    assert unit.ours(text) and not unit.ours("[Unit]\n") and not unit.ours(None)
    assert unit.same(text, text.replace("[Service]", "\n# a remark\n[Service]"))
    assert not unit.same(text, text.replace("mixed", "process")) and not unit.same(text, None)
    assert unit.value(text, "StateDir") == "/home/jobs/.local/state/fleet-jobs"
    assert unit.value(text, "Nothing") == ""
