# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Where one queue lives: pueue's configuration and our state directory."""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .._files import locked, private_directory
from .._ledger.store import Ledger
from .._pueue.client import Client
from .._pueue.config import Config, find_config

DEFAULT_STATE_DIR = "~/.local/state/fleet-jobs"
LOCK_SECONDS = 60.0


def state_directory(state_dir: t.Optional[str]) -> Path:
    """The option as a path of this account."""
    return Path(os.path.expanduser(state_dir or DEFAULT_STATE_DIR))


@dataclass(frozen=True)
class Instance:
    """One ``pueued`` and the state that belongs to it; several may share a machine."""

    config: Config
    state_dir: Path

    @classmethod
    def find(
        cls,
        *,
        pueue_config: t.Optional[str],
        state_dir: t.Optional[str],
        environ: t.Optional[t.Mapping[str, str]] = None,
    ) -> Instance:
        """Resolve both places; ``~`` is the account's home, pueue's own search order applies."""
        directory = state_directory(state_dir)
        if not directory.is_absolute():
            raise FleetError(
                f'state_dir "{state_dir}" is relative; give an absolute path or one that '
                'starts with "~".'
            )
        explicit = os.path.expanduser(pueue_config) if pueue_config else None
        values = os.environ if environ is None else environ
        return cls(config=find_config(explicit, environ=values), state_dir=directory)

    def client(self, *, timeout: float = 10.0) -> Client:
        """A connection to the daemon, handshake done; use it as a context manager."""
        return Client.connect(self.config, timeout=timeout)

    def ledger(self, *, read_only: bool = False) -> Ledger:
        """The instance's ledger; ``read_only`` never creates or writes a byte."""
        if not read_only:
            private_directory(self.state_dir)
        return Ledger.open(self.state_dir, read_only=read_only)

    @contextlib.contextmanager
    def lock(self, *, timeout: float = LOCK_SECONDS) -> t.Iterator[None]:
        """The instance's flock: taken around "look, compare, change" of the queue."""
        private_directory(self.state_dir)
        with locked(self.state_dir / "instance.lock", timeout=timeout):
            yield
