# SPDX-License-Identifier: GPL-3.0-or-later
"""A callback plugin that writes every task result as one JSON line, for the tests to read."""

from __future__ import annotations

import json
import os
import typing as t

from ansible.plugins.callback import CallbackBase  # type: ignore[import-not-found,unused-ignore]

DOCUMENTATION = """
name: recorder
type: notification
short_description: record task results as JSON lines
description: Writes one JSON object per task result to the file named by FLEET_JOBS_TEST_RECORD.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc,unused-ignore]
    """Append what happened to the file that the test named."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorder"

    def _write(self, record: t.Dict[str, t.Any]) -> None:
        path = os.environ.get("FLEET_JOBS_TEST_RECORD")
        if path:
            with open(path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(record, default=str) + "\n")

    def _record(self, status: str, result: t.Any, **more: t.Any) -> None:
        task = result._task
        self._write(
            {
                "status": status,
                "host": result._host.get_name(),
                "task": task.get_name(),
                "action": task.action,
                # Newer cores take this key out again before a callback sees the result.
                "result": {"failed": status == "failed", **result._result},
                **more,
            }
        )

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._record("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._record("failed", result, ignored=ignore_errors)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._record("skipped", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._record("unreachable", result)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        hosts = sorted(stats.processed)
        self._write({"stats": {host: stats.summarize(host) for host in hosts}})
