#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_wheel
short_description: Install one exact version of a package, also right after it was published
version_added: 0.1.0
description:
  - Runs C(uv pip install --python PYTHON --refresh PACKAGE==VERSION) where another version, or
    none, is installed. An environment that has the version already is not touched, and no index is
    asked.
  - Where the index answers that it has no such version, which is usual for a minute or two after
    publishing, it asks again, with growing pauses, for up to O(index_wait) seconds. Every other
    error of C(uv) fails at once.
  - An environment in which the package is an editable install is refused (AP-5), since jobs would
    go on to import the checkout, or stop to. So is a system Python (G-1).
author: fleet.jobs authors (@fleet-jobs)
requirements:
  - C(uv) on the target, on E(PATH), in C(~/.local/bin) or in C(~/.cargo/bin)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
attributes:
  check_mode:
    details:
      - Check mode reads the metadata of the environment. Whether the index has the version is
        not known without asking it.
options:
  python:
    description:
      - Absolute path of the interpreter of the environment, such as
        C(/srv/pipeline/.venv/bin/python).
    type: path
    required: true
  package:
    description: Name of the package, with extras where they are wanted, such as C(pipeline[fast]).
    type: str
    required: true
  version:
    description: Exact version, such as C(1.4.2).
    type: str
    required: true
  chdir:
    description:
      - Directory in which C(uv) runs, so that the index settings of a C(uv.toml) or
        C(pyproject.toml) there apply, and for whose release the version is recorded.
    type: path
  uv:
    description: Path of C(uv), where it is in none of the usual places.
    type: path
  index_url:
    description:
      - The index to use instead of the configured one. Reaches C(uv) by its environment, never as
        an argument. A credential in it is not shown.
    type: str
  index_username:
    description: User name for O(index_url).
    type: str
  index_password:
    description: Password or token for O(index_url).
    type: str
  index_wait:
    description: Seconds to wait for the index to know the version; V(0) asks once.
    type: int
    default: 300
  timeout:
    description: Seconds that one call of C(uv) may take.
    type: int
    default: 600
seealso:
  - module: fleet.jobs.deploy_verify
  - module: fleet.jobs.deploy_source
"""

EXAMPLES = r"""
- name: Install the release that was published a moment ago
  fleet.jobs.deploy_wheel:
    python: /srv/pipeline/.venv/bin/python
    package: pipeline
    version: 1.4.2

- name: The same from a private index
  fleet.jobs.deploy_wheel:
    python: /srv/pipeline/.venv/bin/python
    package: pipeline
    version: 1.4.2
    index_url: https://packages.example.org/simple
    index_username: deploy
    index_password: "{{ vault_index_token }}"
    index_wait: 900
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: []
before_version:
  description: The version that was installed; empty where there was none.
  returned: success
  type: str
  sample: 1.4.1
version:
  description: The version that is installed now (in check mode, would be).
  returned: success
  type: str
  sample: 1.4.2
attempts:
  description: How often C(uv) was called.
  returned: when C(uv) was called, or could have been
  type: int
  sample: 3
waited:
  description: Seconds from the first call of C(uv) to the end of the last.
  returned: when C(uv) was called, or could have been
  type: float
  sample: 6.4
editable:
  description: The directory that the editable install points at.
  returned: when an editable install is refused
  type: str
  sample: /srv/pipeline
origin:
  description: The file that jobs import now.
  returned: when an editable install is refused
  type: str
  sample: /srv/pipeline/pipeline/__init__.py
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy import fence, wheel
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.userinfo import secrets_in
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.uv import Index

SPEC = arguments.ArgumentSpec(
    options={
        "python": {"type": "path", "required": True},
        "package": {"type": "str", "required": True},
        "version": {"type": "str", "required": True},
        "chdir": {"type": "path"},
        "uv": {"type": "path"},
        "index_url": {"type": "str"},
        "index_username": {"type": "str"},
        "index_password": {"type": "str", "no_log": True},
        "index_wait": {"type": "int", "default": 300},
        "timeout": {"type": "int", "default": 600},
    },
    required_together=[("index_username", "index_password")],
).merge(arguments.instance(), arguments.lease())


def change(request: Request) -> Outcome:
    params = request.params
    plan = wheel.plan(
        **{name: params[name] for name in ("python", "package", "version", "uv", "chdir")}
    )
    if request.check_mode:
        return outcome(wheel.foreseen(plan))
    state_dir, token = fence.state_directory(params["state_dir"]), params["lease_token"]
    result = wheel.apply(
        plan,
        index=Index(params["index_url"], params["index_username"], params["index_password"]),
        guard=fence.guard(state_dir, token),
        index_wait=params["index_wait"],
        timeout=params["timeout"],
    )
    if params["chdir"]:
        fence.record(
            state_dir,
            token,
            project=params["chdir"],
            version=result.after_version,
            changed=result.changed,
        )
    return outcome(result)


def outcome(result: wheel.WheelResult) -> Outcome:
    return Outcome(
        changed=result.changed,
        actions=list(result.actions),
        before={"version": result.before_version or ""},
        after={"version": result.after_version},
        data={
            "before_version": result.before_version or "",
            "version": result.after_version,
            "attempts": result.attempts,
            "waited": result.waited,
        },
    )


def main() -> None:
    run(SPEC, change, secrets=lambda params: secrets_in(params["index_url"]))


if __name__ == "__main__":
    main()
