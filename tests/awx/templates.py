# SPDX-License-Identifier: GPL-3.0-or-later
"""The job templates, as ``awx_setup.yml`` makes them."""

from __future__ import annotations

from ansible_collections.fleet.jobs.tests.awx.controller import Template

TEMPLATES = {
    template.name: template
    for template in (
        Template("Deploy", "deploy.yml"),
        Template("Deploy (check)", "deploy.yml", job_type="check"),
        Template("Status", "status.yml"),
        Template("Provision", "provision.yml"),
        Template("Emergency stop", "emergency_stop.yml"),
        Template("Watch", "watch.yml"),
    )
}
