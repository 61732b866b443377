# SPDX-License-Identifier: GPL-3.0-or-later
"""The job templates with their surveys, as ``awx_setup.yml`` makes them."""

from __future__ import annotations

import json

from ansible_collections.fleet.jobs.plugins.plugin_utils import _awx_objects
from ansible_collections.fleet.jobs.tests.awx.controller import Template
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

SURVEYS = COLLECTION / "roles" / "awx" / "files" / "surveys"
FORKS = 20


def _template(made: _awx_objects.Template) -> Template:
    survey = json.loads((SURVEYS / f"{made.key}.json").read_text(encoding="utf-8"))
    return Template(
        *(made.title, made.playbook),
        survey=tuple(survey["spec"]),
        job_type=made.job_type,
        diff=made.job_type == "check",
        forks=FORKS,
    )


TEMPLATES = {made.title: _template(made) for made in _awx_objects.TEMPLATES}
