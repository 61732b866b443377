# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU: which accelerator works here, the command line, the monitor."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.cache import LabError, cache
from ansible_collections.fleet.jobs.tests.lab.image import Image

PROGRAM = "qemu-system-x86_64"
MEMORY_MIB = 1024
CPUS = 2
KVM = ("-accel", "kvm", "-cpu", "max")
TCG = ("-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max")
PROOF_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


def version() -> str:
    """The version of the program, such as ``7.2.22``."""
    answer = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return answer.stdout.split()[3]


def accelerator(image: Image) -> str:
    """``kvm`` if a kernel has been seen to print under it here, else ``tcg``; asked once.

    A /dev/kvm that exists proves nothing: there are machines where the guest dies or hangs.
    """
    told = os.environ.get("FLEET_JOBS_LAB_ACCEL")
    if told in ("kvm", "tcg"):
        return told
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    memory = cache() / "accelerator.json"
    key = f"{platform.release()} {version()} {_processor()}"
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(memory.read_text(encoding="utf-8"))
        if known["on"] == key:
            return str(known["use"])
    use = "kvm" if _prints(image, KVM) else "tcg"
    memory.write_text(json.dumps({"on": key, "use": use}), encoding="utf-8")
    return use


def argv(image: Image, disk: Path, *, accel: str, port: int, durable: bool) -> t.List[str]:
    """The command line of a machine, for a working directory that is the machine's own."""
    writes = "writeback" if durable else "unsafe"
    drive = f"file={disk},format=qcow2,if=virtio,cache={writes}"
    return [
        PROGRAM,
        *(KVM if accel == "kvm" else TCG),
        *("-smp", str(CPUS), "-m", str(MEMORY_MIB)),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-append", "root=/dev/vda rw console=ttyS0 quiet mitigations=off"),
        *("-drive", f"{drive},backing.driver=raw,backing.file.filename={image.base}"),
        *("-netdev", f"user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-device", "virtio-net-pci,netdev=n0", "-device", "virtio-rng-pci"),
        *("-display", "none", "-serial", "file:console.log"),
        *("-monitor", "unix:monitor,server,nowait"),
    ]


def start(command: t.Sequence[str], folder: Path, *, stays: bool) -> subprocess.Popen[bytes]:
    """Start it in ``folder``; it dies with this process unless it ``stays``."""
    with open(folder / "qemu.log", "ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=None if stays else _die_with_parent,
        )


def monitor(folder: Path, command: str, *, timeout: float = 120.0) -> str:
    """One command on the human monitor; its answer."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            link.connect(f"/proc/self/fd/{handle}/monitor")  # the folder's own path may be too long
            _until_prompt(link)
            link.sendall(f"{command}\n".encode())
            answer = _until_prompt(link)
    finally:
        os.close(handle)
    text = answer.partition("\n")[2].strip()
    if "Error" in text:
        raise LabError(f'The machine\'s monitor refused "{command}": {text}')
    return text


def free_port() -> int:
    """A loopback port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_prompt(link: socket.socket) -> str:
    text = b""
    while not text.endswith(b"(qemu) "):
        piece = link.recv(65536)
        if not piece:
            break
        text += piece
    return text.decode(errors="replace").rpartition("(qemu) ")[0]


def _prints(image: Image, accel: t.Sequence[str]) -> bool:
    """Whether a kernel says anything on the serial console within a few seconds."""
    folder = Path(tempfile.mkdtemp(prefix=".proof-", dir=cache()))
    command = [
        *(PROGRAM, *accel, "-m", "256", "-kernel", str(image.kernel)),
        *("-append", "console=ttyS0 earlyprintk=serial panic=-1", "-no-reboot"),
        *("-display", "none", "-serial", "file:console.log", "-monitor", "none", "-nic", "none"),
    ]
    process = start(command, folder, stays=False)
    try:
        limit = time.monotonic() + PROOF_SECONDS
        while time.monotonic() < limit:
            console = folder / "console.log"
            if console.exists() and b"Linux version" in console.read_bytes():
                return True
            if process.poll() is not None:
                return False
            time.sleep(0.1)
        return False
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
