# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say which queue a module works on."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared documentation; the specs are in ``module_utils/_ansible/arguments.py``."""

    DOCUMENTATION = r"""
options:
  pueue_config:
    description:
      - Path of the configuration file of the C(pueued) that is meant, on the target host.
      - Without it pueue's own search order applies, first E(PUEUE_CONFIG_PATH), then
        C($XDG_CONFIG_HOME/pueue/pueue.yml) or C(~/.config/pueue/pueue.yml).
    type: str
  state_dir:
    description:
      - Directory on the target host in which the collection keeps the ledger, the host tool and
        archived logs of this queue. It belongs to one C(pueued) only.
      - It must lie on a local file system.
    type: str
    default: ~/.local/state/fleet-jobs
"""

    LEASE = r"""
options:
  lease_token:
    description:
      - Token of the lease under which this change is made, as returned by
        M(fleet.jobs.deploy_lease) or M(fleet.jobs.deploy_audit).
      - While somebody holds a lease on the queue, a change without its token is refused.
    type: str
"""

    HOST_TOOL = r"""
options:
  tool_digest:
    description:
      - Digest of the host tool C(fleet-jobs) that must be installed. Filled in by the action
        plugin of the collection; there is no need to set it.
    type: str
  tool_source:
    description:
      - Path on the target of a host tool to install. Filled in by the action plugin of the
        collection; there is no need to set it.
    type: str
"""
