# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of the lab's systemd containers, from Debian's packages alone, and podman around it.

A bare host: systemd, sshd, sudo, Python and git; an account ``admin`` that may become root, as on
a rented machine; no account ``jobs``, no pueue. The lab's key opens every account, also one that
is made later. No unit in it touches what a privileged container shares with this machine.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.cache import LabError, cache, digest, made

SUITE = "bookworm"
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
CONTAINERS_CONF = """\
[containers]
# The defaults are above what some machines grant.
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
log_size_max = 1000000

[engine]
# crun refuses the older layout of control groups.
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
FUSE = '\n[storage.options.overlay]\nmount_program = "/usr/bin/fuse-overlayfs"\n'
# In this order, the first that starts a container: the kernel's, the one in user space, copies.
DRIVERS = {"overlay": ("overlay", ""), "fuse": ("overlay", FUSE), "vfs": ("vfs", "")}
HOST_KEY_ALIAS = "fleet-lab"


@dataclass(frozen=True)
class Image:
    """A built image: ``folder`` never changes, ``storage`` belongs to podman."""

    folder: Path
    storage: Path
    name: str

    @property
    def key(self) -> Path:
        """The private key that every account of a container lets in."""
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def environment(self) -> t.Dict[str, str]:
        """What podman has to be told to find its settings and this storage."""
        return {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.storage / "storage.conf"),
        }

    def podman(self, *arguments: str, check: bool = True) -> str:
        """What a podman command printed."""
        done = _run(["podman", *arguments], environment=self.environment)
        if check and done.returncode != 0:
            raise LabError(f"podman {arguments[0]} failed:\n{done.stderr.strip()}")
        return done.stdout


def image() -> Image:
    """The image, made first where the cache has none (about a minute, as root)."""
    name = _name()
    if os.geteuid() != 0:
        raise LabError("The lab's containers: only root can run systemd as PID 1 in podman here.")
    folder = made(cache() / name, _build)
    found = Image(folder, cache() / f"{name}.storage", f"localhost/fleet-lab:{name}")
    found.storage.mkdir(exist_ok=True)
    with open(found.storage / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _known(found):
            _import(found)
    return found


def _name() -> str:
    return f"containers-{digest(SUITE, INCLUDE, CUSTOMIZE, CONTAINERS_CONF)}"


def _known(found: Image) -> bool:
    if not (found.storage / "storage.conf").exists():
        return False
    done = _run(["podman", "image", "exists", found.name], environment=found.environment)
    return done.returncode == 0


def _import(found: Image) -> None:
    """Give the archive to podman, with the first storage driver under which it runs."""
    reasons = []
    for label, (driver, options) in DRIVERS.items():
        text = (
            f'[storage]\ndriver = "{driver}"\ngraphroot = "{found.storage / label}"\n'
            f'runroot = "/run/fleet-jobs-lab/{found.folder.name}-{label}"\n{options}'
        )
        (found.storage / "storage.conf").write_text(text, encoding="utf-8")
        try:
            found.podman("import", "--quiet", str(found.folder / "root.tar"), found.name)
            found.podman("run", "--rm", "--network=none", "--pull=never", found.name, "/bin/true")
            return
        except LabError as error:
            reasons.append(f"{label}: {error}")
            (found.storage / "storage.conf").unlink()
            shutil.rmtree(found.storage / label, ignore_errors=True)
    raise LabError("podman starts no container here.\n" + "\n".join(reasons))


def _build(work: Path) -> None:
    print(f"lab: building the containers' image in {work.parent}", file=sys.stderr)
    (work / "containers.conf").write_text(CONTAINERS_CONF, encoding="utf-8")
    hook = work / "customize"
    hook.write_text(CUSTOMIZE, encoding="utf-8")
    _do(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(work / "key")])
    _do(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(INCLUDE.split())}"]
        + ['--aptopt=Acquire::Languages "none"']
        + [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
        + [f"--customize-hook=sh '{hook}' \"$1\"", SUITE, str(work / "root.tar")]
    )
    name = "./etc/ssh/ssh_host_ed25519_key.pub"
    public = _do(["tar", "-xOf", str(work / "root.tar"), name]).split()
    line = f"{HOST_KEY_ALIAS} {public[0]} {public[1]}\n"
    (work / "known_hosts").write_text(line, encoding="utf-8")
    hook.unlink()


def _do(command: t.Sequence[str]) -> str:
    done = _run(command)
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-15:])
        raise LabError(f'"{command[0]}" failed while the image was built:\n{tail}')
    return done.stdout


def _run(
    command: t.Sequence[str], *, environment: t.Optional[t.Mapping[str, str]] = None
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    try:
        return subprocess.run(
            list(command),
            env={**os.environ, "PATH": path, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f'"{command[0]}" is not installed (make lab-packages).') from error
