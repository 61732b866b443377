# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The one exit path of every module: ``changed``, ``actions``, ``diff``, ``failed``, errors."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass, field
from .._errors import FleetError, from_os_error
from .._jobs.instance import Instance
from .arguments import ArgumentSpec


@dataclass
class Outcome:
    """What a module did, or in check mode would do.

    ``before`` and ``after`` hold the managed fields only; ``changed`` and ``diff`` both come from
    what is set here, so they cannot disagree unless a module makes them.
    """

    changed: bool = False
    actions: t.List[str] = field(default_factory=list)
    before: t.Dict[str, t.Any] = field(default_factory=dict)
    after: t.Dict[str, t.Any] = field(default_factory=dict)
    data: t.Dict[str, t.Any] = field(default_factory=dict)
    warnings: t.List[str] = field(default_factory=list)
    failed: bool = False
    msg: t.Optional[str] = None
    hazard: t.Optional[str] = None

    def result(self, *, diff: bool) -> t.Dict[str, t.Any]:
        """The dictionary that goes to Ansible."""
        result: t.Dict[str, t.Any] = dict(self.data)
        result.update(changed=self.changed, actions=self.actions, failed=self.failed)
        if self.msg is not None:
            result["msg"] = self.msg
        if self.hazard is not None:
            result["hazard"] = self.hazard
        if diff:
            result["diff"] = {"before": self.before, "after": self.after}
        return result


@dataclass(frozen=True)
class Request:
    """What a module was asked: its parameters, check mode, and its instance."""

    params: t.Mapping[str, t.Any]
    check_mode: bool

    def instance(self) -> Instance:
        """The queue and state directory that the options name."""
        return Instance.find(
            pueue_config=self.params.get("pueue_config"), state_dir=self.params.get("state_dir")
        )


def run(
    spec: ArgumentSpec,
    function: t.Callable[[Request], Outcome],
    *,
    secrets: t.Optional[t.Callable[[t.Mapping[str, t.Any]], t.Iterable[str]]] = None,
) -> None:
    """Be ``main()``: read arguments, call ``function``, exit once.

    ``secrets`` finds what must not be shown inside of options that are no secret as a whole.
    """
    # Code that stays on the host is called without Ansible, which is not there.
    from ansible.module_utils.basic import AnsibleModule

    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    if secrets is not None:
        module.no_log_values.update(secrets(module.params))
    request = Request(params=module.params, check_mode=module.check_mode)
    result, warnings = result_of(function, request, diff=bool(module._diff))
    for warning in warnings:
        module.warn(warning)
    if result["failed"]:
        module.fail_json(**result)
    module.exit_json(**result)


def result_of(
    function: t.Callable[[Request], Outcome], request: Request, *, diff: bool
) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    """The dictionary that goes to Ansible, and the warnings that go with it."""
    try:
        outcome = function(request)
    except FleetError as error:
        return failure(error), []
    except OSError as error:
        return failure(from_os_error(error)), []
    result = outcome.result(diff=diff)
    if outcome.failed:
        result.setdefault("msg", "The module did not reach its goal; see actions.")
    return result, outcome.warnings


def failure(error: FleetError) -> t.Dict[str, t.Any]:
    """The failed result: what was already learnt or done stays in it."""
    result: t.Dict[str, t.Any] = {"changed": False, "actions": []}
    result.update(error.details)
    result.update(msg=error.message, failed=True)
    if error.hazard:
        result["hazard"] = error.hazard
    return result
