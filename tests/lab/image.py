# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare Debian with systemd, sshd and a lingering user ``jobs``, from Debian's packages alone.

Nothing of ours and no pueue is in it: what a test needs, the test brings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.cache import LabError, cache, digest, made

SUITE = "bookworm"
INCLUDE = (
    "systemd systemd-sysv dbus dbus-user-session libpam-systemd openssh-server python3 git sudo "
    "procps iproute2 ca-certificates jq linux-image-cloud-amd64 initramfs-tools"
)
DISK = "4G"
# Called by mmdebstrap with the new root as its argument; KEY is the public key.
CUSTOMIZE = r"""
set -eu
r=$1
echo lab > "$r/etc/hostname"
echo '127.0.0.1 localhost lab' > "$r/etc/hosts"
mkdir -p "$r/etc/systemd/network" "$r/var/log/journal" "$r/var/lib/systemd/linger"
printf '[Match]\nName=en*\n[Network]\nDHCP=yes\n' > "$r/etc/systemd/network/10.network"
chroot "$r" systemctl -q enable systemd-networkd ssh
chroot "$r" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer
chroot "$r" useradd -m -s /bin/bash jobs
touch "$r/var/lib/systemd/linger/jobs"
for home in /root /home/jobs; do
  mkdir -p -m 0700 "$r$home/.ssh"
  cp "$KEY" "$r$home/.ssh/authorized_keys"
done
chroot "$r" chown -R jobs:jobs /home/jobs
echo 'jobs ALL=(ALL) NOPASSWD: ALL' > "$r/etc/sudoers.d/jobs"
"""


@dataclass(frozen=True)
class Image:
    """The files of a built image."""

    folder: Path

    @property
    def base(self) -> Path:
        return self.folder / "base.img"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def key(self) -> Path:
        """The private key that ``jobs`` and ``root`` of the guest let in."""
        return self.folder / "key"


def image() -> Image:
    """The image, made first where the cache has none (about a minute, as root)."""
    return Image(made(_target(), _build))


def reason() -> str:
    """Why the image cannot be had here, or nothing."""
    if _target().exists() or os.geteuid() == 0:
        return ""
    return f'no image in "{_target()}", and only root can build one (make lab-vm DO=build)'


def _target() -> Path:
    return cache() / f"vm-{digest(SUITE, INCLUDE, DISK, CUSTOMIZE)}"


def _build(work: Path) -> None:
    if os.geteuid() != 0:
        raise LabError(f"The lab's image: {reason()}.")
    print(f"lab: building the virtual machine's image in {work.parent}", flush=True)
    _do(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(work / "key")])
    hook = work / "customize"
    hook.write_text(f'KEY="{work / "key.pub"}"\n{CUSTOMIZE}', encoding="utf-8")
    tar, root = work / "root.tar", work / "root"
    _do(
        [
            *("mmdebstrap", "--quiet", "--variant=minbase"),
            *(f"--include={','.join(INCLUDE.split())}", f"--customize-hook=sh '{hook}' \"$1\""),
            *(SUITE, str(tar)),
        ]
    )
    root.mkdir()
    _do(["tar", "-C", str(root), "-xf", str(tar)])
    tar.unlink()
    for name in ("vmlinuz", "initrd"):
        shutil.copyfile(next((root / "boot").glob(f"{name}*")), work / name)
    _do(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(work / "base.img"), DISK])
    shutil.rmtree(root)
    hook.unlink()


def _do(command: t.Sequence[str]) -> None:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-15:])
        raise LabError(f'"{command[0]}" failed while the image was built:\n{tail}')
