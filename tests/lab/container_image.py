# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of the lab's systemd containers, from Debian's packages alone.

A bare host: systemd, sshd, sudo, Python and git; an account ``admin`` that may become root, as on
a rented machine; no account ``jobs``, no pueue. The lab's key opens every account, also one that
is made later. No unit in it touches what a privileged container shares with this machine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.cache import LabError, digest
from ansible_collections.fleet.jobs.tests.lab.podman import (
    CONTAINERS_CONF,
    SUITE,
    Stored,
    do,
    write_archive,
)

INCLUDE = (
    "systemd systemd-sysv dbus dbus-user-session libpam-systemd openssh-server python3 git sudo "
    "procps iproute2 ca-certificates"
)
AUTHORIZED = "/etc/ssh/lab_authorized_keys"
# Called by mmdebstrap with the new root as its argument.
CUSTOMIZE = rf"""
set -eu
r=$1
printf '%s\n' 'AuthorizedKeysFile {AUTHORIZED}' 'UseDNS no' 'MaxSessions 100' \
  > "$r/etc/ssh/sshd_config.d/lab.conf"
echo 'd /run/sshd 0755 root root' > "$r/etc/tmpfiles.d/sshd.conf"
# Each connection brings its own sshd; none listens, so a container may share the host's network.
chroot "$r" systemctl -q disable ssh
# The rest would set what the kernel has only once: its parameters, modules, formats, devices.
chroot "$r" systemctl -q mask systemd-sysctl.service systemd-modules-load.service \
  systemd-binfmt.service systemd-remount-fs.service systemd-udevd.service \
  proc-sys-fs-binfmt_misc.automount sys-kernel-config.mount sys-kernel-debug.mount \
  dev-hugepages.mount e2scrub_reap.service e2scrub_all.timer apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer
chroot "$r" useradd -m -s /bin/bash admin
echo 'admin ALL=(ALL) NOPASSWD: ALL' > "$r/etc/sudoers.d/admin"
mkdir -p "$r/var/log/journal"
"""
HOST_KEY_ALIAS = "fleet-lab"


class Image(Stored):
    """The image, and the key that opens its accounts."""

    @property
    def key(self) -> Path:
        """The private key that every account of a container lets in."""
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"


def image() -> Image:
    """The image, made first where the cache has none (about a minute, as root)."""
    name = f"containers-{digest(SUITE, INCLUDE, CUSTOMIZE, CONTAINERS_CONF)}"
    if os.geteuid() != 0:
        raise LabError("The lab's containers: only root can run systemd as PID 1 in podman here.")
    return Image.cached(name, _build, name=f"localhost/fleet-lab:{name}")


def _build(work: Path) -> None:
    print(f"lab: building the containers' image in {work.parent}", file=sys.stderr)
    hook = work / "customize"
    hook.write_text(CUSTOMIZE, encoding="utf-8")
    do(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(work / "key")])
    write_archive(work, INCLUDE, f"sh '{hook}' \"$1\"")
    name = "./etc/ssh/ssh_host_ed25519_key.pub"
    public = do(["tar", "-xOf", str(work / "root.tar"), name]).split()
    line = f"{HOST_KEY_ALIAS} {public[0]} {public[1]}\n"
    (work / "known_hosts").write_text(line, encoding="utf-8")
    hook.unlink()
