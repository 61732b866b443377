# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that takes the answer of a survey as what a variable wants."""

from __future__ import annotations

DOCUMENTATION = r"""
name: answer
short_description: The answer of a survey as the type that a variable of this collection has
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Surveys of AWX answer with text. V(true) and V(20) as text become what they say, a text area
    becomes a list with one entry a line, and empty text is the default of the variable.
  - What cannot be meant fails with one sentence; see also the lookup
    P(fleet.jobs.wrong_answers#lookup), which asks about all variables at once.
positional: variable
options:
  _input:
    description: The answer.
    type: raw
    required: true
  variable:
    description: Name of the variable, an option of a role or a variable of a playbook.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Wait as long as the survey says
  fleet.jobs.pueue_wait:
    timeout: "{{ deploy_drain_timeout | fleet.jobs.answer('deploy_drain_timeout') }}"
"""

RETURN = r"""
_value:
  description: The value in the variable's type, or its default; none where it has no default.
  type: raw
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.fleet.jobs.plugins.plugin_utils import _answers, _questions


def answer(value: t.Any, variable: str) -> t.Any:
    """Convert one answer."""
    try:
        return _answers.answer(variable, value, _questions.question(variable))
    except KeyError:
        raise AnsibleFilterError(f'No variable of fleet.jobs is named "{variable}".') from None
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"answer": answer}
