#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_program
short_description: Have programs in a directory that belongs to one version and never changes
version_added: 0.1.0
description:
  - Puts ready-made programs, such as C(pueue) and C(pueued), into C(DIRECTORY/NAME-VERSION). The
    checksum and what C(--version) says on this host are checked before the directory gets its name,
    so it is whole or absent. It is never changed afterwards; another version is another directory.
  - The files travel from the controller only where the version is missing. A host that has it needs
    no files on the controller.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
options:
  name:
    description: What the programs are called as a whole, such as V(pueue).
    type: str
    required: true
  version:
    description:
      - The version as C(--version) says it. Needed for O(state=present).
      - With O(state=absent) only this version is removed; without it all are.
    type: str
  state:
    description:
      - V(absent) removes the directories and the links that point into them. With a warning stays
        what a process runs from, what a service of the host names, and what jobs of another queue
        of this collection find by O(links). Services of other accounts are seen by root alone.
    type: str
    choices: [present, absent]
    default: present
  programs:
    description: Names of the files; without any, one file of the name O(name).
    type: list
    elements: str
    default: []
  source:
    description:
      - The directory that holds the files, on the controller, or with O(remote_source) on the host.
      - Without it the version must be on the host already.
    type: path
  remote_source:
    description: Whether O(source) is on the host, where a package put the files for example.
    type: bool
    default: false
  checksums:
    description: SHA-256 of each program, by its name. What has none is checked by its version only.
    type: dict
    default: {}
  directory:
    description: Where the directories of the versions are.
    type: str
    default: ~/.local/lib/fleet-jobs
  links:
    description:
      - A directory, such as C(~/.local/bin), that gets a link to each program.
      - A file there that is not such a link stays as it is, with a warning.
    type: str
  except_units:
    description:
      - Paths of unit files that do not count as users with O(state=absent), because they go in the
        same play.
    type: list
    elements: str
    default: []
  received:
    description: Filled in by the action plugin of the collection; there is no need to set it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Have pueue 4.0.4, as it was built on the controller
  fleet.jobs.host_program:
    name: pueue
    version: 4.0.4
    programs: [pueue, pueued]
    source: /srv/builds/pueue-4.0.4/bin
    links: ~/.local/bin

- name: Remove all versions of uv that were installed so
  fleet.jobs.host_program:
    name: uv
    state: absent
    links: ~/.local/bin
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: ['install pueue 4.0.4 into "/home/jobs/.local/lib/fleet-jobs/pueue-4.0.4"']
directory:
  description: The directory of the version; with O(state=absent) the one that holds all of them.
  returned: success
  type: str
  sample: /home/jobs/.local/lib/fleet-jobs/pueue-4.0.4
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import program
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.arguments import (
    ArgumentSpec,
    instance,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import run

SPEC = ArgumentSpec(
    options={
        "name": {"type": "str", "required": True},
        "version": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "programs": {"type": "list", "elements": "str", "default": []},
        "source": {"type": "path"},
        "remote_source": {"type": "bool", "default": False},
        "checksums": {"type": "dict", "default": {}},
        "directory": {"type": "str", "default": "~/.local/lib/fleet-jobs"},
        "links": {"type": "str"},
        "except_units": {"type": "list", "elements": "str", "default": []},
        "received": {"type": "dict", "default": {}},
    },
    required_if=[("state", "present", ["version"])],
).merge(instance())


def main() -> None:
    """Entry point."""
    run(SPEC, program.change)


if __name__ == "__main__":
    main()
