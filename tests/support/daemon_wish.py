# SPDX-License-Identifier: GPL-3.0-or-later
"""An account and a wish for its daemon, for tests that only compute."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._daemon.wish import Account, DaemonWish

ACCOUNT = Account("jobs", 1000, Path("/home/jobs"), Path("/run/user/1000"))
ENVIRON = {"HOME": "/home/jobs", "XDG_RUNTIME_DIR": "/run/user/1000"}
WISH = DaemonWish(
    present=True,
    unit="pueued.service",
    config_path=Path("/home/jobs/.config/pueue/pueue.yml"),
    state_dir=Path("/home/jobs/.local/state/fleet-jobs"),
    version="4.0.4",
    binaries=Path("/opt/pueue"),
    protected_bytes=1 << 27,
    drain_timeout=60.0,
    start_timeout=60.0,
)
