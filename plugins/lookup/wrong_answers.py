# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup that says which variables of a playbook cannot be meant."""

from __future__ import annotations

DOCUMENTATION = r"""
name: wrong_answers
short_description: One sentence for each variable of a playbook that cannot be meant
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Looks at the variables of this host, wherever they were set, and takes text as a survey of AWX
    gives it, see the filter P(fleet.jobs.answer#filter).
options:
  _terms:
    description: Names of playbooks or roles of this collection.
    type: list
    elements: str
    required: true
  entry:
    description: Entry point of the role.
    type: str
    default: main
"""

EXAMPLES = r"""
- name: Refuse answers that cannot be meant
  ansible.builtin.assert:
    that: wrong | length == 0
    fail_msg: "{{ wrong | join(' ') }}"
  vars:
    wrong: "{{ query('fleet.jobs.wrong_answers', 'deploy', entry='resolve') }}"
"""

RETURN = r"""
_list:
  description: The sentences; empty where all is well.
  type: list
  elements: str
"""

import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.fleet.jobs.plugins.plugin_utils._answers import problems
from ansible_collections.fleet.jobs.plugins.plugin_utils._questions import questions


class LookupModule(LookupBase):  # type: ignore[misc]
    """Offer the lookup to Ansible."""

    def run(self, terms: t.Sequence[str], variables: t.Any = None, **kwargs: t.Any) -> t.List[str]:
        """Template only what is asked for: another variable may hold anything."""
        self.set_options(var_options=variables, direct=kwargs)
        said: t.List[str] = []
        for term in terms:
            options = questions(term, self.get_option("entry"))
            given = {name: variables[name] for name in options if name in variables}
            said += problems(options, self._templar.template(given))
        return said
