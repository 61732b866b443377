# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Whether a directory lies on a network file system, where WAL's shared memory does not work."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._errors import FleetError

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    (
        "9p afs beegfs ceph cifs coda davfs gfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 "
        "orangefs pvfs2 smb3 smbfs fuse.ceph fuse.cephfs fuse.davfs2 fuse.gcsfuse fuse.glusterfs "
        "fuse.goofys fuse.juicefs fuse.moosefs fuse.rclone fuse.s3fs fuse.seaweedfs fuse.sshfs"
    ).split()
)


def refuse_network(directory: Path, *, mounts: Path = MOUNTS) -> None:
    """Raise if ``directory`` is on a network file system."""
    kind = network_type(directory, mounts=mounts)
    if kind:
        raise FleetError(
            f'The state directory "{directory}" is on a network file system ({kind}), where '
            "SQLite's locks do not protect the ledger. Choose a state_dir on a local disk."
        )


def network_type(directory: Path, *, mounts: Path = MOUNTS) -> t.Optional[str]:
    """The type of the network file system below ``directory``, None for a local one."""
    device = os.stat(str(directory)).st_dev
    # Network file systems have no block device, so their number has major 0; a local disk needs
    # no look at the mounts, which may be thousands on a container host.
    if os.major(device) != 0 and mounts == MOUNTS:
        return None
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split(" ")
        if len(fields) > 6 and fields[2] == number and "-" in fields:
            kind = fields[fields.index("-") + 1]
            return kind if kind in _NETWORK else None
    return None
