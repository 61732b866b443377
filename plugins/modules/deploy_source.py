#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_source
short_description: Move a git checkout to one commit, or find out which commit a ref means
version_added: 0.1.0
description:
  - With O(state=resolved) asks the repository once which commit a branch or a tag means. Run it
    once for the whole fleet where the repository can be reached, for example on the controller, so
    that every host gets the same commit.
  - With O(state=present) fetches exactly that commit and moves the checkout to it with
    C(git reset --hard). Uncommitted changes are saved as a patch first, untracked files stay.
  - A checkout that is missing is made by C(git init), C(git fetch) and a reset, in an empty or in a
    filled directory. Shallow and partial clones work and stay what they are.
  - Nothing ever prompts, no git hook is run, and no git configuration of the account is changed.
  - Files change under jobs that run now. Drain them first, see M(fleet.jobs.deploy_audit).
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
attributes:
  check_mode:
    details:
      - Check mode does not fetch. What depends on objects that are not there yet is named in
        RV(unknown).
options:
  state:
    description:
      - V(present) moves O(project) to O(sha).
      - V(resolved) changes nothing and returns the commit that O(ref) means as RV(sha).
    type: str
    choices: [present, resolved]
    default: present
  repository:
    description:
      - URL, C(user@host:path) address or absolute path of the repository.
      - A credential in an C(https) URL is used, but neither stored nor shown, and no process gets
        it as an argument. A credential helper, a C(~/.netrc) or a deploy key on the host is better.
    type: str
    required: true
  project:
    description:
      - Absolute path of the checkout on the target. Needed with O(state=present).
    type: path
  ref:
    description:
      - Branch, tag (also annotated), C(refs/...) name, C(HEAD) or full commit id. Needed with
        O(state=resolved).
    type: str
  sha:
    description:
      - Full id of the commit. Needed with O(state=present).
    type: str
  remote:
    description:
      - Name of the remote. It is added where it is missing. Where it has another URL than
        O(repository), the commit is fetched from O(repository), the remote is left as it is, and
        RV(notes) says so.
    type: str
    default: origin
  layout:
    description:
      - Where the files of a commit go. V(in_place) changes the files of O(project) themselves.
    type: str
    choices: [in_place]
    default: in_place
  timeout:
    description: Seconds that talking to the repository may take.
    type: int
    default: 600
seealso:
  - module: fleet.jobs.deploy_verify
  - module: fleet.jobs.deploy_apply
"""

EXAMPLES = r"""
- name: Find out once which commit is meant
  fleet.jobs.deploy_source:
    state: resolved
    repository: https://git.example.org/team/pipeline.git
    ref: main
  delegate_to: localhost
  run_once: true
  register: wanted

- name: Move every host to it
  fleet.jobs.deploy_source:
    repository: https://git.example.org/team/pipeline.git
    project: /srv/pipeline
    sha: "{{ wanted.sha }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample:
    - fetch 4b825dc642cb6eb9a060e54bf8d69288fbee4904
sha:
  description: The commit that O(ref) means, or that O(project) is at (in check mode, would be at).
  returned: success
  type: str
  sample: 4b825dc642cb6eb9a060e54bf8d69288fbee4904
kind:
  description: What O(ref) is, one of V(branch), V(tag), V(ref), V(head) and V(sha).
  returned: when O(state=resolved)
  type: str
  sample: branch
before_sha:
  description: The commit that O(project) was at; empty where there was none.
  returned: when O(state=present)
  type: str
  sample: 8ab686eafeb1f44702738c8b0f24f2567c36da6d
patch:
  description:
    - File on the target with the uncommitted changes that were there, for C(git apply). A
      C(.staged.patch) beside it holds what was staged and had been edited again since.
  returned: when O(state=present) and there were such changes
  type: str
  sample: /home/jobs/.local/state/fleet-jobs/patches/20260102T030405Z-pipeline.patch
dirty:
  description: The first tracked files with uncommitted changes.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [pipeline/core.py]
files:
  description: The first files that differ between the two commits, each after its kind of change.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [M pipeline/core.py]
untracked:
  description: The first files and directories that git does not know. They are left alone.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [notes.txt]
submodules:
  description: Submodules of the commit. They are not updated.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [vendor/lib]
lfs_pointers:
  description: The first files of which only the Git LFS pointer is there, not the content.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [data/model.bin]
untracked_in_the_way:
  description: Untracked files that the commit would overwrite.
  returned: when the move is refused because of them
  type: list
  elements: str
  sample: [settings.toml]
notes:
  description: Remarks, for example on a remote with another URL, or on a C(mise trust) to do.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
unknown:
  description: What check mode could not know.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
"""

import typing as t

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy import fence, ref, source
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.userinfo import secrets_in

SPEC = arguments.ArgumentSpec(
    options={
        "state": {"type": "str", "choices": ["present", "resolved"], "default": "present"},
        "repository": {"type": "str", "required": True},
        "project": {"type": "path"},
        "ref": {"type": "str"},
        "sha": {"type": "str"},
        "remote": {"type": "str", "default": "origin"},
        "layout": {"type": "str", "choices": ["in_place"], "default": "in_place"},
        "timeout": {"type": "int", "default": 600},
    },
    required_if=[("state", "present", ("project", "sha")), ("state", "resolved", ("ref",))],
).merge(arguments.instance(), arguments.lease())


def deploy_source(request: Request) -> Outcome:
    params = request.params
    if params["state"] == "resolved":
        found = ref.resolve(
            repository=params["repository"], ref=params["ref"], timeout=params["timeout"]
        )
        return Outcome(data={"sha": found.sha, "kind": found.kind})
    state_dir = fence.state_directory(params["state_dir"])
    plan = source.plan(
        project=params["project"],
        repository=params["repository"],
        sha=params["sha"],
        state_dir=state_dir,
        remote=params["remote"],
    )
    if request.check_mode:
        return outcome(source.foreseen(plan), unknown=plan.unknown)
    guard = fence.guard(state_dir, params["lease_token"])
    result = source.apply(
        plan, repository=params["repository"], guard=guard, timeout=params["timeout"]
    )
    fence.record(
        state_dir,
        params["lease_token"],
        project=str(plan.project),
        sha=result.after_sha,
        changed=result.changed,
    )
    return outcome(result)


def outcome(result: source.SourceResult, *, unknown: t.Sequence[str] = ()) -> Outcome:
    data = {**result.report(), "unknown": list(unknown)}
    before = {"sha": data["before_sha"], "dirty": data["dirty"]}
    after = {"sha": data["sha"], "dirty": []}
    return Outcome(
        changed=result.changed,
        actions=list(result.actions),
        before=before,
        after={**after, "files": data["files"]} if result.changed else after,
        data=data,
    )


def secrets(params: t.Mapping[str, t.Any]) -> t.Iterable[str]:
    """What must not be shown inside of options that are no secret as a whole."""
    return secrets_in(params["repository"])


def main() -> None:
    run(SPEC, deploy_source, secrets=secrets)


if __name__ == "__main__":
    main()
