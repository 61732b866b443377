#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_verify
short_description: Prove what the jobs would import, and that the fix is in
version_added: 0.1.0
description:
  - Starts the jobs' own interpreter in the jobs' working directory, with the environment that the
    queue gives to jobs, and asks it what it imports. The working directory comes first on the
    path, as for C(python -m).
  - Through C(mise exec) where the project has a mise configuration and the target has C(mise).
  - Fails with one sentence for each expectation that does not hold.
  - Changes nothing, and writes no bytecode. Imported code does what it does at import, unless
    O(import_modules=false).
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes.query
  - fleet.jobs.instance
options:
  python:
    description:
      - The interpreter that jobs use, as a path (a relative one is below O(chdir)) or a name on
        E(PATH).
    type: str
    default: python3
  chdir:
    description: Absolute path of the directory that jobs run in.
    type: path
    required: true
  package:
    description:
      - Name of the package whose code the jobs run. Without it the first part of the first entry
        of O(modules) is taken for its name.
    type: str
  modules:
    description:
      - Modules to import, the most important one first. Without it, those of O(package). With
        neither, only the checkout in O(chdir) and O(assertions) are looked at.
    type: list
    elements: str
    default: []
  environment:
    description: Variables that jobs have in addition to those of the queue.
    type: dict
    default: {}
  expected_sha:
    description:
      - Full id of the commit that the imported code must be at, with no tracked file changed. For a
        wheel that does not tell its commit, the checkout in O(chdir) is compared.
    type: str
  expected_version:
    description: Version that the imported package must have.
    type: str
  expected_kind:
    description:
      - What the import must come from. V(wheel) is an installed copy, V(editable) an editable
        install, V(source) a directory that only happens to be on the path.
      - Without it, an installed package that is not what jobs import is reported (AP-5).
    type: str
    choices: [editable, wheel, source]
  assertions:
    description: What must be true of the deployed code.
    type: list
    elements: dict
    default: []
    suboptions:
      expression:
        description:
          - Python expression that must be true, such as C(pipeline.core.THRESHOLD == 5). The
            modules in it are imported by themselves.
        type: str
      pattern:
        description: Python regular expression that must be found in O(assertions[].file) or in
          the source of O(assertions[].module). C(^) and C($) match at lines.
        type: str
      file:
        description: File to look in; a relative path is below O(chdir).
        type: str
      module:
        description: Module whose source file to look in.
        type: str
  import_modules:
    description: Whether O(modules) are imported, or only located.
    type: bool
    default: true
  use_mise:
    description: Whether C(mise exec) is used where the project and the target have mise.
    type: bool
    default: true
  timeout:
    description: Seconds that the imports and expressions may take.
    type: int
    default: 60
seealso:
  - module: fleet.jobs.deploy_source
  - module: fleet.jobs.deploy_wheel
"""

EXAMPLES = r"""
- name: The fix is in
  fleet.jobs.deploy_verify:
    python: .venv/bin/python
    chdir: /srv/pipeline
    package: pipeline
    expected_sha: "{{ wanted.sha }}"
    expected_kind: editable
    assertions:
      - expression: pipeline.core.THRESHOLD == 5
      - pattern: ^def skip_empty\(
        module: pipeline.reader
"""

RETURN = r"""
actions:
  description: Always empty; the module changes nothing.
  returned: always
  type: list
  elements: str
  sample: []
findings:
  description: One sentence for each expectation that does not hold.
  returned: when the interpreter answered
  type: list
  elements: str
  sample: []
origin:
  description: File that the first module is imported from; empty where there is none.
  returned: when the interpreter answered
  type: str
  sample: /srv/pipeline/pipeline/__init__.py
version:
  description: Version of the imported code; empty where it tells none.
  returned: when the interpreter answered
  type: str
  sample: 1.4.2
kind:
  description: V(editable), V(wheel) or V(source); empty where nothing is imported.
  returned: when the interpreter answered
  type: str
  sample: editable
commit:
  description: Commit of the imported code; empty where nothing tells it.
  returned: when the interpreter answered
  type: str
  sample: 4b825dc642cb6eb9a060e54bf8d69288fbee4904
shadowing:
  description: The findings that are about untracked files which hide other code.
  returned: when the interpreter answered
  type: list
  elements: str
  sample: []
imports:
  description: Every module with its file and kind.
  returned: when the interpreter answered
  type: list
  elements: dict
  contains:
    module:
      description: Name of the module.
      type: str
    origin:
      description: Its file.
      type: str
    kind:
      description: As RV(kind).
      type: str
  sample: [{module: pipeline, origin: /srv/pipeline/pipeline/__init__.py, kind: editable}]
interpreter:
  description: The command by which the interpreter was started, and its version.
  returned: when the interpreter answered
  type: dict
  contains:
    command:
      description: The command.
      type: list
      elements: str
    version:
      description: Version of Python.
      type: str
  sample: {command: [/srv/pipeline/.venv/bin/python], version: 3.12.4}
"""


from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._dataclass import asdict
from ansible_collections.fleet.jobs.plugins.module_utils._deploy import verify

TEXT = ("expression", "pattern", "file", "module")
GIVEN = ("python", "chdir", "package", "modules", "assertions", "use_mise", "timeout")
EXPECTED = ("expected_sha", "expected_version", "expected_kind")
SPEC = arguments.instance().merge(
    arguments.ArgumentSpec(
        options={
            "python": {"type": "str", "default": "python3"},
            "chdir": {"type": "path", "required": True},
            "package": {"type": "str"},
            "modules": {"type": "list", "elements": "str", "default": []},
            "environment": {"type": "dict", "default": {}},
            "expected_sha": {"type": "str"},
            "expected_version": {"type": "str"},
            "expected_kind": {"type": "str", "choices": list(verify.KINDS)},
            "assertions": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {name: {"type": "str"} for name in TEXT},
            },
            "import_modules": {"type": "bool", "default": True},
            "use_mise": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 60},
        }
    )
)


def query(request: Request) -> Outcome:
    params = request.params
    found = verify.check(
        environment={name: str(value) for name, value in params["environment"].items()},
        run_imports=params["import_modules"],
        **{name: params[name] for name in (*GIVEN, *EXPECTED)},
    )
    return Outcome(
        failed=not found.ok,
        msg=" ".join(found.findings) or None,
        hazard=found.hazard,
        data={
            "findings": list(found.findings),
            "origin": found.origin or "",
            "version": found.version or "",
            "kind": found.kind or "",
            "commit": found.commit or "",
            "shadowing": list(found.shadowing),
            "imports": [asdict(one) for one in found.imports],
            "interpreter": {"command": list(found.interpreter), "version": found.python or ""},
        },
    )


def main() -> None:
    run(SPEC, query)


if __name__ == "__main__":
    main()
