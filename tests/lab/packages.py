# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian packages that each layer of the lab needs, what is missing, and how to install it.

python tests/lab/packages.py [LAYER ...]            say what is missing (exit 1 if anything is)
python tests/lab/packages.py --install [LAYER ...]  install it, as root
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import typing as t

# Layer -> package -> the program or file that shows that it is there.
LAYERS: t.Dict[str, t.Dict[str, str]] = {
    "vm": {
        "qemu-system-x86": "qemu-system-x86_64",
        "qemu-utils": "qemu-img",
        "seabios": "/usr/share/seabios/bios-256k.bin",
        "ipxe-qemu": "/usr/lib/ipxe/qemu/efi-virtio.rom",
        "mmdebstrap": "mmdebstrap",
        "e2fsprogs": "mke2fs",
        "openssh-client": "ssh",
    },
    "containers": {
        "podman": "podman",
        "runc": "runc",
        "mmdebstrap": "mmdebstrap",
        "fuse-overlayfs": "fuse-overlayfs",
        "uidmap": "newuidmap",
    },
    "fleet": {
        "openssh-server": "sshd",
        "openssh-client": "ssh",
        "passwd": "useradd",
    },
}
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def missing(*layers: str) -> t.List[str]:
    """Packages of the layers (all without a name) that this machine lacks, sorted."""
    wanted: t.Dict[str, str] = {}
    for layer in layers or tuple(LAYERS):
        wanted.update(LAYERS[layer])
    return sorted(name for name, proof in wanted.items() if not _there(proof))


def reason(layer: str) -> str:
    """Why the layer cannot run here, or nothing."""
    lacking = missing(layer)
    if not lacking:
        return ""
    return f"Debian packages are missing: {' '.join(lacking)} (make lab-packages installs them)"


def install(*layers: str) -> int:
    """Install what is missing; the exit status."""
    lacking = missing(*layers)
    if not lacking:
        print("lab-packages: nothing is missing")
        return 0
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(
            f"lab-packages: as root on Debian, run: apt-get install {' '.join(lacking)}",
            file=sys.stderr,
        )
        return 1
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print(f"lab-packages: installing {' '.join(lacking)}")
    # A source of another package that does not answer must not stop this.
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *lacking]
    done = subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False)
    still = missing(*layers)
    if still:
        print(f"lab-packages: still missing: {' '.join(still)}", file=sys.stderr)
    return 1 if still else done.returncode


def _there(proof: str) -> bool:
    return os.path.exists(proof) if proof.startswith("/") else bool(shutil.which(proof, path=_PATH))


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--install", action="store_true")
    parser.add_argument("layers", nargs="*", metavar="LAYER", help=", ".join(LAYERS))
    arguments = parser.parse_args()
    unknown = set(arguments.layers) - set(LAYERS)
    if unknown:
        parser.error(f"no such layer: {', '.join(sorted(unknown))}; there are {', '.join(LAYERS)}")
    if arguments.install:
        return install(*arguments.layers)
    lacking = missing(*arguments.layers)
    print(f"missing: {' '.join(lacking)}" if lacking else "nothing is missing")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
