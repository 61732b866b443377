# SPDX-License-Identifier: GPL-3.0-or-later
"""G-9: retrying does not help where the index's old answer is still in the cache.

Stopped by: ``deploy_wheel`` asks the index anew each time (``--refresh``).
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import uv, wheel
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.index import Index


def test_a_plain_retry_replays_the_miss_and_ours_asks_the_index(tmp_path: Path) -> None:
    env = Environment.make(tmp_path)
    with Index() as index:
        index.publish("demo-pkg", "1.0.0")
        argv = ["pip", "install", "--python", env.python, "--default-index", index.url]
        env.uv(*argv, "demo-pkg==1.0.0")
        index.publish("demo-pkg", "2.0.0")
        asked = index.pages["demo-pkg"]

        retries = [env.uv(*argv, "demo-pkg==2.0.0", check=False) for _unused in range(3)]

        assert [one.returncode for one in retries] == [1, 1, 1]
        assert index.pages["demo-pkg"] == asked, "uv asked again: the accident did not happen"

        plan = wheel.plan(
            python=env.python, package="demo-pkg", version="2.0.0", environ=env.environ
        )
        result = wheel.apply(plan, index=uv.Index(index.url), environ=env.environ)

        assert (result.after_version, result.attempts) == ("2.0.0", 1)
        assert index.pages["demo-pkg"] > asked
