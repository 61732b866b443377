# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done stays in an error that comes after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import fence
from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger


@pytest.mark.parametrize("changed", [True, False])
def test_a_lease_lost_after_the_move_does_not_hide_the_move(tmp_path: Path, changed: bool) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.lease.take("anna", "deploy", 600.0)
    with pytest.raises(Refused) as refused:
        fence.record(tmp_path, None, project="/srv", sha="a" * 40, changed=changed)
    assert refused.value.details["changed"] is changed
