#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: project_access
short_description: See that this account reaches a project's repository, and have mise trust it
version_added: 0.1.0
description:
  - Asks the repository for its branches as the account that runs the jobs, the way a deploy will do
    it. Nothing can ask for a password; without access it fails and says what gives it (G-7).
  - With O(trust) it tells mise to trust exactly this project, which mise wants once for every
    checkout (G-8). A checkout that does not exist yet is made as an empty directory, so that the
    first deploy finds it trusted.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
options:
  project:
    description: Path of the checkout on the host.
    type: str
    required: true
  repository:
    description: URL or path of the git repository. Without it access is not checked.
    type: str
  ref:
    description: A branch, tag or C(HEAD) that must be in the repository.
    type: str
    default: HEAD
  trust:
    description: Whether mise is told to trust the project.
    type: bool
    default: false
  mise:
    description: Path of mise, where it is neither on E(PATH) nor in C(~/.local/bin).
    type: str
seealso:
  - module: fleet.jobs.deploy_source
"""

EXAMPLES = r"""
- name: Be sure that a deploy will find the repository, and jobs their environment
  fleet.jobs.project_access:
    project: /home/jobs/bars
    repository: https://git.example.org/team/bars.git
    ref: main
    trust: true
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: [trust "/home/jobs/bars" in mise]
sha:
  description: The commit that O(ref) means in the repository.
  returned: when O(repository) is given
  type: str
  sample: 5af4f8666a2f0a3c5f0a9d1be3d27f2c8e0b6a11
trusted:
  description: Whether mise trusts the project now, or in check mode would.
  returned: when O(trust)
  type: bool
  sample: true
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible.arguments import (
    ArgumentSpec,
    instance,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy import access, ref
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.userinfo import secrets_in

SPEC = ArgumentSpec(
    options={
        "project": {"type": "str", "required": True},
        "repository": {"type": "str"},
        "ref": {"type": "str", "default": "HEAD"},
        "trust": {"type": "bool", "default": False},
        "mise": {"type": "str"},
    }
).merge(instance())


def change(request: Request) -> Outcome:
    """Look at the repository first: what it says does not depend on mise."""
    params = request.params
    project = access.check_project(params["project"])
    outcome = Outcome()
    if params["repository"]:
        if request.check_mode and not access.has_git():
            outcome.warnings.append("git is not on this host yet, so access was not checked.")
        else:
            found = ref.resolve(repository=params["repository"], ref=params["ref"])
            outcome.data["sha"] = found.sha
    if params["trust"]:
        mise = access.Mise(project, program=params["mise"])
        outcome.actions = mise.plan(check_mode=request.check_mode)
        outcome.changed = bool(outcome.actions)
        outcome.before = {"trusted": not outcome.changed}
        outcome.after = {"trusted": True}
        outcome.data["trusted"] = True
        if outcome.changed and not request.check_mode:
            mise.trust()
    return outcome


def main() -> None:
    """Entry point."""
    run(SPEC, change, secrets=lambda params: secrets_in(params["repository"]))


if __name__ == "__main__":
    main()
