# SPDX-License-Identifier: GPL-3.0-or-later
"""What a freshly installed AWX has already."""

from __future__ import annotations

from ansible_collections.fleet.jobs.tests.awx.fake.credentials import MANAGED
from ansible_collections.fleet.jobs.tests.awx.fake.store import Store


def preloaded(user: str) -> Store:
    """The default organization, managed credential types and environments, one user."""
    store = Store()
    empty = {"description": ""}
    store.add("users", {"username": user, "is_superuser": True, "email": ""})
    organization = store.add(
        "organizations",
        {"name": "Default", **empty, "max_hosts": 0, "default_environment": None},
    )
    for name, kind, namespace, fields in MANAGED:
        store.add(
            "credential_types",
            {
                **empty,
                "name": name,
                "kind": kind,
                "namespace": namespace,
                "managed": True,
                "inputs": {"fields": fields},
                "injectors": {},
            },
        )
    galaxy = next(one for one in store.all("credential_types") if one["kind"] == "galaxy")
    credential = store.add(
        "credentials",
        {
            **empty,
            "name": "Ansible Galaxy",
            "organization": None,
            "credential_type": galaxy["id"],
            "inputs": {"url": "https://galaxy.example.org/"},
            "kind": "galaxy_api_token",
            "managed": True,
        },
    )
    store.linked(organization, "galaxy_credentials").append(credential["id"])
    for name in ("AWX EE (latest)", "Control Plane Execution Environment"):
        store.add(
            "execution_environments",
            {
                **empty,
                "name": name,
                "organization": None,
                "image": "registry.example.org/ansible/awx-ee:latest",
                "credential": None,
                "pull": "",
                "managed": name.startswith("Control"),
            },
        )
    for name in ("controlplane", "default"):
        store.add("instance_groups", {"name": name})
    return store
