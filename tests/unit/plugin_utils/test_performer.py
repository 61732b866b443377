# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs a play, and how much of the fleet it sees."""

from __future__ import annotations

import getpass
import socket
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy.owner import person
from ansible_collections.fleet.jobs.plugins.plugin_utils._performer import (
    part_of_a_fleet,
    performer,
)

LAUNCHED = {"awx_job_id": 12, "awx_user_name": "ada", "tower_job_id": 12, "tower_user_name": "ada"}
IN_A_WORKFLOW = {**LAUNCHED, "awx_workflow_job_id": 7, "awx_workflow_job_name": "Plan and apply"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (LAUNCHED, "ada (awx job 12)"),
        ({"tower_job_id": "12", "tower_user_name": "ada"}, "ada (tower job 12)"),
        (IN_A_WORKFLOW, "ada (awx job 12 of workflow job 7)"),
        ({"awx_job_id": 3, "awx_schedule_name": "nightly"}, "schedule nightly (awx job 3)"),
        (
            {"awx_job_id": 3, "awx_workflow_job_id": 2, "awx_parent_job_schedule_name": "nightly"},
            "schedule nightly (awx job 3 of workflow job 2)",
        ),
        ({"awx_job_id": 3}, "somebody (awx job 3)"),
    ],
)
def test_a_job_of_awx_has_a_user_and_a_number(variables: t.Dict[str, t.Any], said: str) -> None:
    assert performer(variables) == said
    assert person(said) == said.partition(" (")[0]


def test_elsewhere_it_is_user_and_controller() -> None:
    said = performer({"awx_job_id": ""})
    assert said == person(said) == f"{getpass.getuser()}@{socket.gethostname()}"


def test_a_name_with_brackets_is_a_name() -> None:
    assert person("ops (night)") == "ops (night)"


HOSTS = {"ansible_play_hosts_all": ["a", "b", "c"]}


def test_a_slice_and_a_limit_are_said() -> None:
    template = {"awx_job_template_name": "Deploy"}
    assert part_of_a_fleet({**HOSTS, **LAUNCHED}) is None
    assert part_of_a_fleet({**HOSTS, **IN_A_WORKFLOW, **template}) is None
    sliced = {**HOSTS, **IN_A_WORKFLOW, **template, "awx_workflow_job_name": "Deploy"}
    said = part_of_a_fleet(sliced)
    assert said is not None
    assert said.startswith('This run sees one slice of awx workflow job 7 ("Deploy"), 3 hosts: ')
    limited = part_of_a_fleet({**sliced, "ansible_limit": "a:b:c"})
    assert limited is not None and '7 ("Deploy") and what the limit "a:b:c" leaves' in limited
