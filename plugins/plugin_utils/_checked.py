# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A module's own rules, applied on the controller where its function is called another way."""

from __future__ import annotations

import importlib
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values

Result = t.Dict[str, t.Any]


class CheckedModule:
    """One module's function, its argument specification, and what it must not show.

    Made before the workers fork: copying a specification is a good part of what a check costs.
    """

    def __init__(self, name: str) -> None:
        self._module = importlib.import_module(
            f"ansible_collections.fleet.jobs.plugins.modules.{name}"
        )
        self._validator = ArgumentSpecValidator(**self._module.SPEC.to_kwargs())
        self.name = name

    def check(self, arguments: Result) -> t.Optional[Checked]:
        """The arguments as the module gets them; None where it has to complain itself."""
        found = self._validator.validate(arguments)
        if found.error_messages:
            return None
        secrets = getattr(self._module, "secrets", _none)(found.validated_parameters)
        return Checked(found.validated_parameters, {*found._no_log_values, *secrets})

    def complaints(self, arguments: Result) -> t.List[str]:
        """What is wrong with the arguments, in Ansible's own words."""
        return list(self._validator.validate(arguments).error_messages)

    def function(self) -> t.Any:
        """What the module does with a request."""
        return getattr(self._module, self.name)


class Checked(t.NamedTuple):
    """Arguments that are valid, and the words in them that are hidden."""

    parameters: Result
    hidden: t.Set[str]

    def shown(self, answer: Result) -> Result:
        """The answer as a result of the task."""
        answer.setdefault("invocation", {"module_args": self.parameters})
        cleaned: Result = remove_values(answer, self.hidden)
        return cleaned


def _none(_params: Result) -> t.Tuple[str, ...]:
    return ()
