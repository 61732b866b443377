# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a FAKE daemon, for what the real one cannot be made to do."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._pueue import cbor
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import (
    OUTSTANDING,
    AddRequest,
    Client,
    RestartItem,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import (
    ConnectionLost,
    DaemonUnreachable,
    MalformedReply,
    RequestFailed,
    SecretRejected,
    UnsupportedDaemon,
)
from ansible_collections.fleet.jobs.tests.support.fake_daemon import FakeDaemon

ADD = AddRequest(command="job", path="/", label="bars/a")


def always(reply: t.Any) -> t.Callable[[bytes], t.Optional[bytes]]:
    return lambda _request: cbor.encode(reply)


@contextlib.contextmanager
def connected(answer: t.Callable[[bytes], t.Optional[bytes]]) -> t.Iterator[Client]:
    with FakeDaemon(answer=answer) as fake, Client.connect(fake.config) as client:
        yield client


@pytest.mark.parametrize("version", ["0.29.0", "0.30.1", "0.31.0", "0.31.1", "0.31.12"])
def test_every_pueue_4_0_is_spoken_to(version: str) -> None:
    with FakeDaemon(version=version.encode()) as fake, Client.connect(fake.config) as client:
        assert client.daemon_version == version


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("3.4.1", "pueue 3 or older"),
        ("2.1.0", "pueue 3 or older"),
        ("0.26.1", "pueue 3 or older"),
        ("0.32.0", "knows 0.29 to 0.31 (pueue 4.0)"),
        ("1x", "knows 0.29"),
        ("0.31", "knows 0.29"),
        ("0.31.1\n", "knows 0.29"),
        ("", "knows 0.29"),
        ("\ufffd", "knows 0.29"),
    ],
)
def test_other_versions_are_refused_with_what_to_do(version: str, words: str) -> None:
    with FakeDaemon(version=version.encode()) as fake:
        with pytest.raises(UnsupportedDaemon) as caught:
            Client.connect(fake.config)
        assert words in str(caught.value)
        assert str(fake.directory / "socket") in str(caught.value)
        assert fake.requests == []


def test_a_daemon_that_holds_still_is_not_told_to_be_started() -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.closing(listener), FakeDaemon() as fake:
        silent = fake.directory / "silent"
        listener.bind(str(silent))
        listener.listen(1)
        config = dataclasses.replace(fake.config, unix_socket_path=silent)
        with pytest.raises(DaemonUnreachable, match="did not answer within") as caught:
            Client.connect(config, timeout=0.2)
        assert "uninterruptible sleep" in str(caught.value)
        assert "Start it" not in str(caught.value)


def test_a_version_of_megabytes_is_not_read() -> None:
    with FakeDaemon(version=b"0" * 1_000_000) as fake, pytest.raises(DaemonUnreachable):
        Client.connect(fake.config)


def test_a_daemon_that_hangs_up_on_the_secret() -> None:
    with FakeDaemon(version=None) as fake, pytest.raises(SecretRejected, match="newline"):
        Client.connect(fake.config)


def test_a_dead_daemon_is_told_with_the_command_that_starts_it() -> None:
    with FakeDaemon() as fake:
        config = dataclasses.replace(
            fake.config,
            path=Path("/etc/my pueue.yml"),
            unix_socket_path=fake.directory / "none",
        )
        with pytest.raises(DaemonUnreachable) as caught:
            Client.connect(config)
    assert caught.value.hazard == "G-4"
    assert "the socket does not exist" in str(caught.value)
    assert "there is no pid file" in str(caught.value)
    assert "pueued --config '/etc/my pueue.yml' --daemonize" in str(caught.value)


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no pid file"),
        ("{ended}", "names process {ended}, which is gone"),
        ("{mine}", "names process {mine}, which is now"),
        ("soon", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_the_pid_file_is_read_for_the_message(
    tmp_path: Path, content: t.Optional[str], words: str
) -> None:
    numbers = {"ended": ended_process(), "mine": os.getpid()}
    with FakeDaemon() as fake:
        if content is not None:
            fake.config.pid_path.write_text(content.format(**numbers))
        config = dataclasses.replace(fake.config, unix_socket_path=tmp_path / "none")
        with pytest.raises(DaemonUnreachable) as caught:
            Client.connect(config)
    assert words.format(**numbers) in str(caught.value)


def test_a_missing_secret_is_no_traceback(tmp_path: Path) -> None:
    with FakeDaemon() as fake:
        config = dataclasses.replace(fake.config, shared_secret_path=tmp_path / "none")
        with pytest.raises(DaemonUnreachable, match="shared secret"):
            Client.connect(config)


def test_a_socket_path_beyond_the_limit_is_told(tmp_path: Path) -> None:
    with FakeDaemon() as fake:
        config = dataclasses.replace(fake.config, unix_socket_path=tmp_path / ("x" * 120))
        with pytest.raises(DaemonUnreachable, match="too long"):
            Client.connect(config)


def test_a_connection_that_ends_after_the_request_leaves_it_open() -> None:
    with FakeDaemon() as fake, Client.connect(fake.config) as client:
        with pytest.raises(ConnectionLost) as caught:
            client.remove([3])
        assert fake.requests == [{"Remove": [3]}]
        assert "may have been applied or not" in str(caught.value)
        assert caught.value.uncertain
        with pytest.raises(ConnectionLost, match="It only reads") as reading:
            client.status()
        assert not reading.value.uncertain


def test_silence_ends_at_the_timeout_and_the_connection_is_not_used_again() -> None:
    released = threading.Event()

    def late(_request: bytes) -> bytes:
        released.wait(10)
        return cbor.encode({"Success": "late"})

    with FakeDaemon(answer=late) as fake, Client.connect(fake.config, timeout=0.2) as client:
        with pytest.raises(ConnectionLost, match="did not answer within"):
            client.remove([1])
        released.set()
        with pytest.raises(ConnectionLost, match="closed before"):
            client.remove([2])
        assert fake.requests == [{"Remove": [1]}]


def test_many_adds_keep_their_order_and_their_failures() -> None:
    def answer(request: bytes) -> bytes:
        label = cbor.decode(request)["Add"]["label"]
        if label.endswith("3"):
            return cbor.encode({"Failure": f"no {label}"})
        return cbor.encode({"AddedTask": {"task_id": int(label[5:]), "enqueue_at": None}})

    count = 3 * OUTSTANDING
    adds = [dataclasses.replace(ADD, label=f"bars/{number}") for number in range(count)]
    with FakeDaemon(answer=answer) as fake, Client.connect(fake.config) as client:
        answers = client.add_many(adds)
        assert len(fake.requests) == count
    for number, result in enumerate(answers):
        if number % 10 == 3:
            assert isinstance(result, RequestFailed) and result.answer == f"no bars/{number}"
        else:
            assert result == number


def test_a_connection_lost_among_many_adds_tells_what_was_answered() -> None:
    left = [b"x"] * 5

    def answer(_request: bytes) -> t.Optional[bytes]:
        return cbor.encode({"AddedTask": {"task_id": len(left)}}) if left and left.pop() else None

    with connected(answer) as client, pytest.raises(ConnectionLost) as caught:
        client.add_many([ADD] * 1000)
    assert caught.value.answered == [4, 3, 2, 1, 0]


def test_a_broken_answer_among_many_adds_keeps_those_before_it() -> None:
    answers = [b"\xff", cbor.encode({"AddedTask": {"task_id": 7}})]
    with connected(lambda _request: answers.pop()) as client:
        with pytest.raises(ConnectionLost, match="protocol does not allow") as caught:
            client.add_many([ADD] * 2)
        assert caught.value.answered == [7]


def test_one_bad_add_keeps_all_of_them_from_being_sent() -> None:
    with FakeDaemon(answer=always({"AddedTask": {"task_id": 1}})) as fake:
        with Client.connect(fake.config) as client, pytest.raises(Refused):
            client.add_many([ADD, dataclasses.replace(ADD, path="here")])
        assert fake.requests == []


def test_a_save_that_failed_says_that_the_task_may_exist() -> None:
    text = "Failed to save state. This is a bug: No space left on device"
    with connected(always({"Failure": text})) as client, pytest.raises(RequestFailed) as caught:
        client.add(ADD)
    assert "a new task may run" in str(caught.value)
    assert caught.value.uncertain


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\xff",
        cbor.encode("Close"),
        cbor.encode({"Success": "ok"})[:-1],
        cbor.encode({"Success": "ok"}) + b"\x00",
        cbor.encode({"Status": []}),
        cbor.encode({"Status": {}}),
        cbor.encode({"Status": {"tasks": {}, "groups": None}}),
        cbor.encode({"Status": {"tasks": {}, "groups": {}}, "Success": ""}),
        cbor.encode([1]),
        cbor.encode(None),
    ],
)
def test_a_reply_that_the_protocol_does_not_allow_is_refused(reply: bytes) -> None:
    with connected(lambda _request: reply) as client, pytest.raises(MalformedReply):
        client.status()


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        (lambda c: c.remove([2, 1]), {"Remove": [2, 1]}),
        (lambda c: c.enqueue([1]), {"Enqueue": {"tasks": {"TaskIds": [1]}, "enqueue_at": None}}),
        (lambda c: c.kill([1]), {"Kill": {"tasks": {"TaskIds": [1]}, "signal": None}}),
        (
            lambda c: c.kill([1], signal="TERM"),
            {"Kill": {"tasks": {"TaskIds": [1]}, "signal": "SigTerm"}},
        ),
        (lambda c: c.kill_all(), {"Kill": {"tasks": "All", "signal": None}}),
        (lambda c: c.pause_group("g"), {"Pause": {"tasks": {"Group": "g"}, "wait": True}}),
        (
            lambda c: c.pause_group("g", wait=False),
            {"Pause": {"tasks": {"Group": "g"}, "wait": False}},
        ),
        (lambda c: c.start_group("g"), {"Start": {"tasks": {"Group": "g"}}}),
        (lambda c: c.group_add("g", 2), {"Group": {"Add": {"name": "g", "parallel_tasks": 2}}}),
        (lambda c: c.group_remove("g"), {"Group": {"Remove": "g"}}),
        (lambda c: c.parallel("g", 0), {"Parallel": {"parallel_tasks": 0, "group": "g"}}),
        (lambda c: c.clean(), {"Clean": {"successful_only": False, "group": None}}),
        (
            lambda c: c.clean("g", successful_only=True),
            {"Clean": {"successful_only": True, "group": "g"}},
        ),
        (
            lambda c: c.env_set(1, "A", "b"),
            {"Env": {"Set": {"task_id": 1, "key": "A", "value": "b"}}},
        ),
        (
            lambda c: c.restart([RestartItem(1, command="c", path="/", label=None)]),
            {
                "Restart": {
                    "tasks": [RestartItem(1, command="c", path="/", label=None).wire()],
                    "start_immediately": False,
                    "stashed": False,
                }
            },
        ),
    ],
)
def test_each_request_has_pueues_form(call: t.Any, request_: t.Any) -> None:
    with FakeDaemon(answer=always({"Success": "done"})) as fake:
        with Client.connect(fake.config) as client:
            call(client)
        assert fake.requests == [request_]


def test_nothing_is_asked_about_no_tasks() -> None:
    with FakeDaemon() as fake, Client.connect(fake.config) as client:
        client.remove([])
        client.kill([])
        client.enqueue([])
        client.restart([])
        assert client.tasks([]) == {}
        assert client.add_many([]) == []
        assert fake.requests == []


def test_the_client_offers_nothing_that_can_crash_or_freeze_the_daemon() -> None:
    offered = {name for name in dir(Client) if not name.startswith("_")}
    assert not offered & {"send", "start", "pause", "reset", "switch", "edit", "shutdown"}
