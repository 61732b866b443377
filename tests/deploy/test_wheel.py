# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact versions by the real uv from a real index."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import uv, wheel
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.tests.support import git as real
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.index import Index


@pytest.fixture
def index() -> t.Iterator[Index]:
    with Index() as served:
        served.publish("demo-pkg", "1.0.0")
        yield served


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    return Environment.make(tmp_path / "host")


def plan(env: Environment, version: str, *, package: str = "demo-pkg") -> wheel.WheelPlan:
    return wheel.plan(python=env.python, package=package, version=version, environ=env.environ)


def install(
    env: Environment, index: Index, version: str, *, package: str = "demo-pkg", **options: t.Any
) -> wheel.WheelResult:
    return wheel.apply(
        plan(env, version, package=package),
        index=options.pop("access", uv.Index(url=index.url)),
        first_delay=0.01,
        environ={**env.environ, **options.pop("environ", {})},
        **options,
    )


def test_installs_upgrades_downgrades_and_then_asks_nobody(env: Environment, index: Index) -> None:
    index.publish("demo-pkg", "2.0.0")

    new = install(env, index, "1.0.0")
    upgraded = install(env, index, "2.0.0")
    asked = len(index.log)
    again = install(env, index, "2.0")
    asked_again = len(index.log)
    back = install(env, index, "1.0.0")

    assert (new.changed, new.before_version, new.after_version) == (True, None, "1.0.0")
    assert (upgraded.before_version, upgraded.after_version) == ("1.0.0", "2.0.0")
    assert (again.changed, again.attempts) == (False, 0)
    assert asked_again == asked
    assert back.after_version == "1.0.0"
    assert env.evaluate("import demo_pkg; print(demo_pkg.__version__)") == "1.0.0"


def test_a_plan_asks_no_index_and_writes_nothing(env: Environment, index: Index) -> None:
    install(env, index, "1.0.0")
    asked, before = len(index.log), real.fingerprint(env.folder)

    changes = [plan(env, version).changed for version in ("1.0.0", "9.9.9")]

    assert changes == [False, True]
    assert len(index.log) == asked
    assert real.fingerprint(env.folder) == before


def test_waits_for_a_version_that_becomes_visible(env: Environment, index: Index) -> None:
    index.publish("demo-pkg", "2.0.0", after=3)

    result = install(env, index, "2.0.0")

    assert (result.after_version, result.attempts) == ("2.0.0", 4)


def test_gives_up_after_the_limit_with_the_words_of_uv(env: Environment, index: Index) -> None:
    slept: t.List[float] = []

    with pytest.raises(FleetError, match=r"no version of demo-pkg==9\.9\.9") as caught:
        wheel.apply(
            plan(env, "9.9.9"),
            index=uv.Index(url=index.url),
            index_wait=100,
            environ=env.environ,
            sleep=slept.append,
            clock=lambda: sum(slept),
        )

    assert caught.value.hazard == "AP-4"
    assert slept == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert caught.value.details["attempts"] == 7


def broken_requirement(index: Index) -> None:
    index.publish("demo-pkg", "2.0.0", requires=["missing-helper>=3"])


def lagging_requirement(index: Index) -> None:
    index.publish("helper", "1.0.0")
    index.publish("demo-pkg", "2.0.0", requires=["helper==3.0.0"])


def other_python(index: Index) -> None:
    index.publish("demo-pkg", "2.0.0", requires_python=">=3.99")


def other_platform(index: Index) -> None:
    index.publish("demo-pkg", "2.0.0", tag="cp27-cp27m-win32")


def server_error(index: Index) -> None:
    index.status = 500


def no_credential(index: Index) -> None:
    index.credential = "deploy:s3cret"


def nothing_there(index: Index) -> None:
    index.files.clear()


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (broken_requirement, "missing-helper"),
        (lagging_requirement, "helper==3.0.0"),
        (other_python, "does not satisfy Python>=3.99"),
        (other_platform, "no wheels with a matching"),
        (server_error, "500"),
        (no_credential, "401"),
        (nothing_there, "not found in the package registry"),
    ],
)
def test_every_other_answer_fails_at_once(
    env: Environment, index: Index, cause: t.Callable[[Index], None], words: str
) -> None:
    cause(index)
    slept: t.List[float] = []

    with pytest.raises(FleetError, match=words):
        install(env, index, "2.0.0", sleep=slept.append)

    assert slept == []


def test_a_refused_connection_fails_at_once(env: Environment, index: Index) -> None:
    with pytest.raises(FleetError, match="Connection refused"):
        install(
            env,
            index,
            "2.0.0",
            access=uv.Index(url="http://127.0.0.1:1/simple"),
            sleep=lambda _unused: pytest.fail("it waited"),
        )


def test_a_credential_reaches_the_index_and_no_message(env: Environment, index: Index) -> None:
    index.credential = "deploy:s3cret"
    index.publish("demo-pkg", "2.0.0")

    install(env, index, "2.0.0", access=uv.Index(index.url, "deploy", "s3cret"))
    with pytest.raises(FleetError) as caught:
        install(
            env,
            index,
            "3.0.0",
            access=uv.Index(index.url.replace("//", "//deploy:s3cret@")),
            index_wait=0,
        )

    assert "s3cret" not in caught.value.message
    assert "s3cret" not in repr(uv.Index(index.url, "deploy", "s3cret"))
    argv = uv.install_command("uv", python=env.python, package="demo-pkg", version="2.0.0")
    assert argv[-4:] == ("--python", env.python, "--refresh", "demo-pkg==2.0.0")


def test_an_editable_install_is_refused_with_what_jobs_import(
    env: Environment, index: Index, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "demo_pkg").mkdir(parents=True)
    (project / "demo_pkg" / "__init__.py").touch()
    env.make_editable(project, name="demo_pkg")

    with pytest.raises(Refused) as caught:
        plan(env, "2.0.0", package="Demo.Pkg")

    assert caught.value.hazard == "AP-5"
    assert caught.value.details["origin"] == str(project / "demo_pkg" / "__init__.py")
    assert index.log == []


def test_the_lease_is_asked_before_every_attempt(env: Environment, index: Index) -> None:
    import contextlib

    asked: t.List[int] = []

    @contextlib.contextmanager
    def guard() -> t.Iterator[None]:
        asked.append(len(asked))
        if len(asked) == 3:
            raise FleetError("the lease is gone")
        yield

    with pytest.raises(FleetError, match="the lease is gone"):
        install(env, index, "9.9.9", guard=guard)

    assert len(asked) == 3


@pytest.mark.parametrize(
    ("python", "words"),
    [("bin/python", "is relative"), ("/nonexistent/bin/python", "uv venv /nonexistent")],
)
def test_a_wrong_interpreter_is_one_sentence(python: str, words: str) -> None:
    with pytest.raises(FleetError, match=words):
        wheel.plan(python=python, package="demo", version="1.0")


def test_a_missing_uv_is_one_sentence(env: Environment, index: Index, tmp_path: Path) -> None:
    bare = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    with pytest.raises(FleetError, match="uv is not installed") as caught:
        wheel.apply(plan(env, "1.0.0"), environ=bare)
    assert caught.value.hazard == "G-1"
