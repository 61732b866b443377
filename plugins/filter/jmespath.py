# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that asks a report a question in JMESPath."""

from __future__ import annotations

DOCUMENTATION = r"""
name: jmespath
short_description: Select from a document with a JMESPath expression
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Needs the Python library C(jmespath) on the controller.
positional: expression
options:
  _input:
    description: The document.
    type: raw
    required: true
  expression:
    description: The expression, see the JMESPath specification.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Hosts on which something failed
  ansible.builtin.debug:
    msg: "{{ report | fleet.jobs.jmespath('hosts.*.failed') }}"
"""

RETURN = r"""
_value:
  description: What the expression selects.
  type: raw
"""

import json
import typing as t

from ansible.errors import AnsibleFilterError

try:
    import jmespath as library
except ImportError:
    library = None


def jmespath(document: t.Any, expression: str) -> t.Any:
    """Search; the document is made plain first, since the library knows only plain types."""
    if library is None:
        raise AnsibleFilterError(
            "The filter fleet.jobs.jmespath needs the Python library jmespath beside ansible-core "
            "on the controller; install it there."
        )
    try:
        return library.search(expression, json.loads(json.dumps(document, default=str)))
    except library.exceptions.JMESPathError as error:
        raise AnsibleFilterError(
            f'The JMESPath expression "{expression}" cannot be used: {error}'
        ) from error


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"jmespath": jmespath}
