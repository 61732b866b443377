# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger as a file: opened, shared, refused, and read without a trace."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._ledger import (
    filesystem,
    replica,
    schema,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import FILE_NAME, Ledger

STORE = "ansible_collections.fleet.jobs.plugins.module_utils._ledger.store"
HEAD = f"import sys; from pathlib import Path; from {STORE} import Ledger; d = Path(sys.argv[1])\n"


def python(code: str, *arguments: t.Any) -> subprocess.Popen[str]:
    """Another process of this Python with the collection."""
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def content(directory: Path) -> t.Dict[str, t.Tuple[bytes, int]]:
    """Every file with its bytes and the time of its last change."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.iterdir()}


def attempt(ledger: Ledger, label: str) -> None:
    ledger.attempts.finish(ledger.attempts.start(label, task_key=label).id, class_="ok")


def test_a_new_ledger_is_private_and_alone(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        assert (ledger.path.stat().st_mode & 0o777) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        with pytest.raises(ZeroDivisionError), ledger.record():
            ledger.attempts.start("a/1", task_key="k")
            raise ZeroDivisionError
        assert ledger.attempts.latest() == {}
        attempt(ledger, "a/2")
        assert set(ledger.attempts.latest()) == {"a/2"}


def test_changes_others_rely_on_are_synced(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        connection = ledger._database._connection
        with ledger.change():
            assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        with ledger.record():
            assert connection.execute("PRAGMA synchronous").fetchone()[0] == 1


def test_many_runners_write_at_once(tmp_path: Path) -> None:
    code = """
for number in range(50):
    with Ledger.open(d) as ledger:
        begun = ledger.attempts.start(sys.argv[2], task_key="k")
    with Ledger.open(d) as ledger:
        ledger.attempts.finish(begun.id, class_="ok", exit_code=0)
"""
    processes = [python(code, tmp_path, f"job/{number % 10}") for number in range(20)]
    for process in processes:
        output = process.communicate(timeout=300)
        assert process.returncode == 0, output
    with Ledger.open(tmp_path, read_only=True) as ledger:
        for number in range(10):
            history = ledger.attempts.history(f"job/{number}")
            assert [one.number for one in history] == list(range(1, 101))
        assert ledger.attempts.open_attempts() == []


def test_reading_an_empty_or_missing_directory_creates_nothing(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with Ledger.open(directory, read_only=True) as ledger:
            assert ledger.attempts.latest() == {}
            assert ledger.lease.current() is None
            assert ledger.attempts.open_attempts() == []
    assert list(tmp_path.iterdir()) == []


def test_reading_beside_a_live_writer_changes_nothing_and_sees_its_commits(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as writer:
        attempt(writer, "a/1")
        before = content(tmp_path)
        assert any(name.endswith("-wal") for name in before)
        with Ledger.open(tmp_path, read_only=True) as reader:
            assert set(reader.attempts.latest()) == {"a/1"}
            attempt(writer, "a/2")
            assert set(reader.attempts.latest()) == {"a/1"}
            after_commit = content(tmp_path)
        assert content(tmp_path) == after_commit
        with writer.record():
            writer.attempts.start("a/3", task_key="k")
            uncommitted = content(tmp_path)
            with Ledger.open(tmp_path, read_only=True) as reader:
                assert set(reader.attempts.latest()) == {"a/1", "a/2"}
            assert content(tmp_path) == uncommitted


def test_reading_what_a_killed_writer_left_changes_nothing(tmp_path: Path) -> None:
    code = """
import os, signal
ledger = Ledger.open(d)
for number in range(3):
    ledger.attempts.start("a/%d" % number, task_key="k")
with ledger.record():
    ledger.attempts.start("a/lost", task_key="k")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = python(code, tmp_path)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    before = content(tmp_path)
    assert len(before) == 3, "the killed writer left no hot log"
    with Ledger.open(tmp_path, read_only=True) as reader:
        assert set(reader.attempts.latest()) == {"a/0", "a/1", "a/2"}
    assert content(tmp_path) == before
    with Ledger.open(tmp_path) as writer:
        assert set(writer.attempts.latest()) == {"a/0", "a/1", "a/2"}
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_readers_always_see_whole_transactions(tmp_path: Path) -> None:
    # Pairs in one transaction, a log that is folded in and started anew all the time.
    code = """
ledger = Ledger.open(d)
ledger._database._connection.execute("PRAGMA wal_autocheckpoint = 2")
print("ready", flush=True)
number = 0
while True:
    with ledger.record():
        ledger.attempts.start("a/1", task_key="x" * 3000)
        ledger.attempts.start("a/2", task_key="x" * 3000)
    number += 1
    if number % 50 == 0:
        ledger.close()
        ledger = Ledger.open(d)
"""
    process = python(code, tmp_path)
    try:
        assert process.stdout.readline() == "ready\n"
        seen = set()
        for _unused in range(25):
            with Ledger.open(tmp_path, read_only=True) as reader:
                counts = {one.label: one.number for one in reader.attempts.latest().values()}
                (check,) = reader._database.query("PRAGMA integrity_check")
                assert check[0] == "ok"
            assert counts.get("a/1") == counts.get("a/2")
            seen.add(counts.get("a/1"))
        assert len(seen) > 1, "the writer did not write meanwhile"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no-locks"])
def test_a_log_started_anew_during_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    code = """
ledger = Ledger.open(d)
print("open", flush=True)
for _ in sys.stdin:
    with ledger.record():
        ledger.attempts.start("a/1", task_key="k")
        ledger.attempts.start("a/2", task_key="k")
    ledger._database._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    print("done", flush=True)
"""
    with python(code, tmp_path) as process:

        def commit() -> None:
            process.stdin.write("now\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        assert process.stdout.readline() == "open\n"
        commit()
        copies = []
        pump = replica._pump

        def copy_while_written(source: int, target: t.BinaryIO) -> None:
            pump(source, target)
            copies.append(source)
            if len(copies) == 1:
                commit()
                commit()

        monkeypatch.setattr(replica, "_pump", copy_while_written)
        if not locks:
            monkeypatch.setattr(fcntl, "lockf", lambda *_unused: None)
        with Ledger.open(tmp_path, read_only=True) as reader:
            numbers = [one.number for one in reader.attempts.latest().values()]
        assert numbers == [3, 3]
        assert len(copies) == (1 if locks else 2), "locks keep the log, else the copy is repeated"
        process.stdin.close()


def test_reading_in_the_writers_own_process_keeps_its_locks(tmp_path: Path) -> None:
    # Closing any descriptor of a file drops the process's POSIX locks on it: a writer in another
    # process would then end the log that ours still uses.
    with Ledger.open(tmp_path) as writer:
        attempt(writer, "a/1")
        Ledger.open(tmp_path, read_only=True).close()
        other = python("Ledger.open(d).close()", tmp_path)
        output = other.communicate(timeout=60)
        assert other.returncode == 0, output
        assert (tmp_path / f"{FILE_NAME}-wal").exists(), "the log was ended below its writer"
        attempt(writer, "a/2")
    assert replica._parked == {}
    assert replica._writers == {}
    with Ledger.open(tmp_path) as again:
        assert set(again.attempts.latest()) == {"a/1", "a/2"}


def test_what_was_opened_to_read_cannot_write(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    with Ledger.open(tmp_path, read_only=True) as reader:
        with pytest.raises(FleetError, match="read only"):
            reader.attempts.start("a/1", task_key="k")
        with pytest.raises(FleetError, match="read only"), reader.change():
            pass


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r'missing" does not exist.*state_dir'):
        Ledger.open(tmp_path / "missing")


def _scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(255 - value for value in data[4096:])
    path.write_bytes(bytes(data))


def _foreign(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(str(path))) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b"hello, I am a note\n" * 50), id="text"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:9000]), id="cut"),
        pytest.param(_scramble, id="scrambled"),
        pytest.param(_foreign, id="foreign"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True], ids=["write", "read"])
def test_a_damaged_ledger_is_one_sentence_and_stays_as_it_is(
    tmp_path: Path, damage: t.Callable[[Path], object], read_only: bool
) -> None:
    path = tmp_path / FILE_NAME
    with Ledger.open(tmp_path) as ledger:
        attempt(ledger, "a/1")
    damage(path)
    before = path.read_bytes()
    with pytest.raises(FleetError) as error, Ledger.open(tmp_path, read_only=read_only) as ledger:
        ledger.attempts.latest()
        ledger.lease.current()
        ledger.submissions.unfinished()
    for word in (str(path), "aside", "the queue and the logs stay"):
        assert word in error.value.message
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True], ids=["write", "read"])
def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path, read_only: bool) -> None:
    Ledger.open(tmp_path).close()
    with contextlib.closing(sqlite3.connect(str(tmp_path / FILE_NAME))) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = content(tmp_path)
    with pytest.raises(FleetError, match="newer release"):
        Ledger.open(tmp_path, read_only=read_only)
    assert {name: data for name, (data, _unused) in content(tmp_path).items()} == {
        name: data for name, (data, _unused) in before.items()
    }


@pytest.mark.parametrize("read_only", [False, True], ids=["write", "read"])
def test_an_older_schema_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    with Ledger.open(tmp_path) as ledger:
        attempt(ledger, "a/1")
    before = content(tmp_path)
    monkeypatch.setattr(schema, "SCRIPTS", (*schema.SCRIPTS, "CREATE TABLE more (x TEXT)"))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with Ledger.open(tmp_path, read_only=read_only) as ledger:
        assert set(ledger.attempts.latest()) == {"a/1"}
        assert ledger._database.query("SELECT * FROM more") == []
    assert (content(tmp_path) == before) is read_only


def as_nobody(action: t.Callable[[], object]) -> str:
    """The message of the FleetError that ``action`` raises for an account without rights.

    A fork, because this Python and the collection may lie where only root can read.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            action()
        except FleetError as error:
            os.write(writer, error.message.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        message = stream.read()
    os.waitpid(child, 0)
    return message


def test_a_directory_that_is_not_ours_is_named() -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to become another account")
    directory = Path(tempfile.mkdtemp(prefix="fj-"))
    directory.chmod(0o755)

    def record() -> None:
        with Ledger.open(directory) as ledger:
            attempt(ledger, "a/1")

    def read() -> None:
        Ledger.open(directory, read_only=True).close()

    try:
        assert "writable for the account that runs the jobs" in as_nobody(record)
        assert list(directory.iterdir()) == []
        Ledger.open(directory).close()
        assert "Make it readable for this account" in as_nobody(read)
        assert "writable for the account that runs the jobs" in as_nobody(record)
        (directory / FILE_NAME).chmod(0o644)
        assert "writable for the account that runs the jobs" in as_nobody(record)
        assert as_nobody(read) == ""
    finally:
        shutil.rmtree(str(directory))


def test_a_full_disk_is_named_and_loses_nothing_recorded(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(mount)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"cannot mount a small file system: {made.stdout!r}")
    try:
        with Ledger.open(mount) as ledger:
            attempt(ledger, "a/1")
            with pytest.raises(FleetError) as error:
                for number in range(10000):
                    ledger.attempts.start(f"b/{number}", task_key="x" * 2000)
            assert "free space" in error.value.message
            assert str(mount) in error.value.message
            recorded = set(ledger.attempts.latest())
            assert "a/1" in recorded
        with Ledger.open(mount, read_only=True) as ledger:
            assert set(ledger.attempts.latest()) == recorded
    finally:
        subprocess.run(["umount", str(mount)], check=True)


MOUNTS = """\
22 1 {device} / / rw,relatime shared:1 - {kind} server:/export rw
23 22 0:99999 / /proc rw - proc proc rw
"""


@pytest.mark.parametrize(
    ("kind", "refused"), [("nfs4", True), ("fuse.sshfs", True), ("ext4", False), ("tmpfs", False)]
)
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str, refused: bool) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts.write_text(MOUNTS.format(device=number, kind=kind))
    if refused:
        with pytest.raises(FleetError, match=f"network file system \\({kind}\\).*state_dir"):
            filesystem.refuse_network(tmp_path, mounts=mounts)
    else:
        filesystem.refuse_network(tmp_path, mounts=mounts)
