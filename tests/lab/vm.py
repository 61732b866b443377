# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines with a kernel, systemd and cgroup v2 of their own.

    python tests/lab/vm.py build|up|down|ssh|inventory [NAME]

``build`` fills the cache, ``up`` starts a machine that stays, ``ssh`` opens a shell in it,
``inventory`` prints where Ansible finds it, ``down`` ends it and removes its disk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

if __name__ == "__main__":  # "make link" put the tree there under its collection name
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".build"))

from ansible_collections.fleet.jobs.tests.lab import packages, qemu
from ansible_collections.fleet.jobs.tests.lab.cache import LabError, alive, cache, made
from ansible_collections.fleet.jobs.tests.lab.image import Image, image
from ansible_collections.fleet.jobs.tests.lab.image import reason as image_reason

BOOT_SECONDS = 240.0
SNAPSHOT = "clean"
# Fresh randomness, because every machine wakes up with the same; then the time of day.
WAKE = (
    'perl -e \'open F, ">", "/dev/urandom"; syswrite F, <STDIN>; ioctl F, 0x5207, 0\''
    " && hostname {name} && echo {name} > /etc/hostname"
    " && echo 127.0.0.1 localhost {name} > /etc/hosts && date -s @{now:.3f}"
)


class CommandFailed(LabError):
    """A command in the guest that was to succeed."""


class VirtualMachine:
    """One guest with a disk and a loopback port of its own.

    ``with VirtualMachine() as vm`` starts from the snapshot: booted, nothing installed, clock
    right. The process ends with the block, and with this program however that ends. ``durable``:
    what the guest has flushed survives ``power_off``.
    """

    image: Image
    accel: str

    def __init__(self, name: str = "lab", *, durable: bool = False, stays: bool = False) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise LabError(f'"{name}" is no host name for a machine of the lab.')
        self.name = name
        self.durable = durable
        self.stays = stays
        self.port = 0
        self.folder = Path()
        self.pid = 0
        self._process: t.Optional[subprocess.Popen[bytes]] = None

    def __enter__(self) -> VirtualMachine:
        try:
            return self.boot()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_unused: object) -> None:
        self.close()

    # -- life ---------------------------------------------------------------------------------

    def boot(self) -> VirtualMachine:
        """A new disk, started from the clean snapshot."""
        _sweep()
        self.image = image()
        self.accel = qemu.accelerator(self.image)
        snapshot = _snapshot(self.image, self.accel)
        self._new_folder()
        _copy(snapshot / "disk.qcow2", self.disk)
        return self.restore()

    def restore(self, snapshot: str = SNAPSHOT) -> VirtualMachine:
        """The disk and the memory of the (clean) snapshot; only the clock says now."""
        self.power_off()
        self._start("-loadvm", snapshot)
        seed = os.urandom(64).hex()
        self.run(WAKE.format(name=self.name, now=time.time()), user="root", input=seed)
        return self

    def save(self, snapshot: str) -> None:
        """Keep this state under a name for ``restore``, as long as this machine has its disk."""
        qemu.monitor(self.folder, f"savevm {snapshot}")

    def power_on(self) -> VirtualMachine:
        """Boot from the disk as it was left."""
        self._start()
        return self.settled()

    def settled(self) -> VirtualMachine:
        """Wait until systemd has finished booting, and the user's manager with it."""
        self.run("systemctl is-system-running --wait", user="root", check=False, timeout=300)
        self.run(
            "systemctl start user@$(id -u jobs).service"
            " && until [ -S /run/user/$(id -u jobs)/bus ]; do sleep 0.2; done",
            user="root",
        )
        return self

    def power_off(self) -> None:
        """The plug is pulled: nothing in the guest is told."""
        self.disconnect()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        elif self.pid and alive(self.pid, sign=str(self.disk)):
            os.kill(self.pid, signal.SIGKILL)
            while alive(self.pid, sign=str(self.disk)):
                time.sleep(0.02)
        self._process, self.pid = None, 0

    def disconnect(self, user: str = "*") -> None:
        """End the kept connection of this user, or of all."""
        for control in self.folder.glob(f"s-{user}") if self.port else ():
            command = ["ssh", "-O", "exit", "-o", f"ControlPath={control}", "127.0.0.1"]
            subprocess.run(command, stderr=subprocess.DEVNULL, timeout=10, check=False)

    def close(self) -> None:
        """End the machine and remove its disk."""
        if self.folder != Path():
            self.power_off()
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        if self._process is not None:
            return self._process.poll() is None
        return bool(self.pid) and alive(self.pid, sign=str(self.disk))

    @property
    def disk(self) -> Path:
        return self.folder / "disk.qcow2"

    @property
    def console(self) -> str:
        """What the guest has printed on its serial console since it was last started."""
        with contextlib.suppress(OSError):
            return (self.folder / "console.log").read_text(errors="replace")
        return ""

    # -- use ----------------------------------------------------------------------------------

    def ssh_argv(self, user: str = "jobs", *, shared: bool = True) -> t.List[str]:
        """The ssh command up to the remote command; ``shared``: over one kept connection."""
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "ConnectTimeout": "20",
            "ControlPath": "none",
        }
        control = str(self.folder / f"s-{user}")
        if shared and len(control) < 85:  # a socket's path is short, and ssh appends to it
            options.update(ControlPath=control, ControlMaster="auto", ControlPersist="600")
        pairs = [part for pair in options.items() for part in ("-o", "=".join(pair))]
        where = ["-i", str(self.image.key), "-p", str(self.port), f"{user}@127.0.0.1"]
        return ["ssh", *pairs, *where]

    def run(
        self,
        command: t.Union[str, t.Sequence[str]],
        user: str = "jobs",
        *,
        check: bool = True,
        input: t.Optional[str] = None,
        timeout: float = 300.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell text or an argument list in the guest."""
        text = command if isinstance(command, str) else shlex.join(command)
        done = subprocess.run(
            [*self.ssh_argv(user), text],
            input=input or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise CommandFailed(
                f"In {self.name} as {user}, exit {done.returncode}: {text}\n"
                f"{done.stdout[-4000:]}{done.stderr[-4000:]}"
            )
        return done

    def copy_in(self, path: t.Union[str, Path], to: str, user: str = "jobs") -> None:
        """Put a file, or what a folder holds, at ``to`` in the guest."""
        source = Path(path)
        place = shlex.quote(to)
        if source.is_dir():
            pack = ["tar", "-C", str(source), "--exclude=__pycache__", "-chf", "-", "."]
            remote = f"mkdir -p {place} && tar -C {place} -xf - --no-same-owner"
        else:
            pack = ["cat", str(source)]
            mode = f"{source.stat().st_mode & 0o777:o}"
            remote = (
                f"mkdir -p $(dirname {place}) && cat > {place}.part && chmod {mode} {place}.part"
                f" && mv {place}.part {place}"
            )
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packer:
            sender = [*self.ssh_argv(user), remote]
            done = subprocess.run(
                sender, stdin=packer.stdout, stderr=subprocess.PIPE, timeout=600, check=False
            )
        if done.returncode != 0 or packer.returncode != 0:
            said = done.stderr.decode(errors="replace")
            raise CommandFailed(f'"{source}" was not copied into {self.name}: {said}')

    def write_inventory(self, path: t.Union[str, Path, None] = None) -> str:
        """Write (and return) an inventory of this machine: group ``machines``, user ``jobs``."""
        common = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes"
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": "jobs",
            "ansible_ssh_private_key_file": str(self.image.key),
            "ansible_ssh_common_args": f"{common} -o LogLevel=ERROR",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        text = json.dumps({"machines": {"hosts": {self.name: variables}}}, indent=2) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    # -- inside -------------------------------------------------------------------------------

    def _new_folder(self) -> None:
        home = _machines()
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.stays:
            self.folder = home / self.name
            try:
                self.folder.mkdir()
            except FileExistsError:
                self.folder = Path()
                raise LabError(f'Machine "{self.name}" is up already.') from None
        else:
            self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-{os.getpid()}-", dir=home))

    def _start(self, *more: str) -> None:
        if self.running:
            raise LabError(f'Machine "{self.name}" is on already.')
        for _attempt in range(3):  # somebody may take the port between the look and the start
            self.port = qemu.free_port()
            command = qemu.argv(
                self.image, self.disk, accel=self.accel, port=self.port, durable=self.durable
            )
            (self.folder / "console.log").unlink(missing_ok=True)
            self._process = qemu.start([*command, *more], self.folder, stays=self.stays)
            self.pid = self._process.pid
            self._write_state()
            if self._answers():
                return
        said = (self.folder / "qemu.log").read_text(errors="replace")[-2000:]
        raise LabError(f'Machine "{self.name}" does not answer.\n{said}{self.console[-3000:]}')

    def _answers(self) -> bool:
        """Whether ssh answers in time; False when the process has ended or the time is over."""
        limit = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < limit and self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self.run("true", user="root", check=False, timeout=30).returncode == 0:
                    return True
            time.sleep(0.2)
        running, self.pid = self.running, self.pid
        self.power_off()
        if running:
            raise LabError(f'Machine "{self.name}" does not answer.\n{self.console[-3000:]}')
        return False

    def _write_state(self) -> None:
        state = {"pid": self.pid, "port": self.port, "accel": self.accel, "owner": os.getpid()}
        text = json.dumps({**state, "stays": self.stays, "image": str(self.image.folder)})
        (self.folder / "state.json").write_text(text, encoding="utf-8")

    @classmethod
    def found(cls, name: str) -> VirtualMachine:
        """The machine that ``up`` started."""
        vm = cls(name, stays=True)
        vm.folder = _machines() / name
        state = _state(vm.folder)
        if not state:
            raise LabError(f'Machine "{name}" is not up (make lab-vm DO=up).')
        vm.pid, vm.port, vm.accel = state["pid"], state["port"], state["accel"]
        vm.image = Image(Path(state["image"]))
        return vm


def reason() -> str:
    """Why no virtual machine can run here, or nothing."""
    return packages.reason("vm") or image_reason()


def _machines() -> Path:
    return cache() / "machines"


def _state(folder: Path) -> t.Dict[str, t.Any]:
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads((folder / "state.json").read_text(encoding="utf-8")))
    return {}


def _sweep() -> None:
    """Remove disks of machines whose program was killed before it could."""
    for folder in _machines().glob("*-*-*"):
        owner = folder.name.rsplit("-", 2)[1]
        if owner.isdigit() and not alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _snapshot(built: Image, accel: str) -> Path:
    """A disk with the snapshot of a booted guest, for this QEMU and accelerator."""
    shape = f"{accel}-{qemu.version()}-{qemu.MEMORY_MIB}-{qemu.CPUS}"
    return made(built.folder / f"{SNAPSHOT}-{shape}", lambda work: _first_boot(work, built, accel))


def _first_boot(work: Path, built: Image, accel: str) -> None:
    print(f"lab: first boot, with {accel}", flush=True)
    vm = VirtualMachine()
    vm.image, vm.accel, vm.folder = built, accel, work
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(built.base)]
    subprocess.run([*create, str(vm.disk)], check=True, stdout=subprocess.DEVNULL)
    try:
        vm.power_on()
        vm.run("sync; echo 3 > /proc/sys/vm/drop_caches", user="root")
        qemu.monitor(vm.folder, f"savevm {SNAPSHOT}")
    finally:
        vm.power_off()
    for name in ("console.log", "qemu.log", "state.json", "monitor"):
        (work / name).unlink(missing_ok=True)


def _copy(source: Path, to: Path) -> None:
    command = ["cp", "--reflink=auto", "--sparse=always", str(source), str(to)]
    subprocess.run(command, check=True)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("do", choices=("build", "up", "down", "ssh", "inventory"))
    parser.add_argument("name", nargs="?", default="lab")
    parser.add_argument("command", nargs="*", help="for ssh")
    arguments = parser.parse_args()
    lacking = reason() if arguments.do in ("build", "up") else ""
    if lacking:
        print(f"lab: {lacking}", file=sys.stderr)
        return 2
    try:
        return _do(arguments.do, arguments.name, arguments.command)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _do(what: str, name: str, command: t.List[str]) -> int:
    if what == "build":
        built = image()
        print(_snapshot(built, qemu.accelerator(built)).parent)
    elif what == "up":
        vm = VirtualMachine(name, stays=True)
        try:
            vm.boot()
        except BaseException:
            vm.close()
            raise
        print(shlex.join(vm.ssh_argv()))
    elif what == "down":
        VirtualMachine.found(name).close()
    elif what == "inventory":
        print(VirtualMachine.found(name).write_inventory(), end="")
    else:
        argv = [*VirtualMachine.found(name).ssh_argv(), *command]
        os.execvp(argv[0], argv)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
