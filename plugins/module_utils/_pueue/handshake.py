# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""From a configuration to a connection that may ask, or the reason why not (hazard G-4)."""

from __future__ import annotations

import contextlib
import re
import socket
import typing as t
from pathlib import Path

from .config import Config
from .errors import DaemonUnreachable, PueueError, SecretRejected, UnsupportedDaemon
from .wire import Wire, WireEnded

# What pueue-lib of pueued 4.0.x calls itself; older daemons send their own version instead.
_SUPPORTED = re.compile(r"0\.(29|30|31)\.\d+")
_OLDER = re.compile(r"(0\.([01]?\d|2[0-8])|[123])\.\d+")
_VERSION_BYTES = 256
_OTHER_ACCOUNT = "Connect as the account that runs this pueued (become_user)."
_HANGS = (
    "It holds still while it kills a task in uninterruptible sleep or waits for a full pipe: "
    "look for such a task, and try again when it has gone."
)


def shake_hands(config: Config, *, timeout: float) -> t.Tuple[Wire, str]:
    """A connection with the secret accepted, and the daemon's protocol version."""
    secret = _secret(config)
    try:
        wire = Wire.open(config, timeout=timeout)
    except (OSError, ValueError, OverflowError) as error:
        raise _connect_problem(config, error) from error
    try:
        return wire, _version(wire, config, secret=secret, timeout=timeout)
    except PueueError:
        wire.close()
        raise


def _secret(config: Config) -> bytes:
    path = config.shared_secret_path
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise _unreachable(
            config, f'the shared secret "{path}" may not be read', advice=_OTHER_ACCOUNT
        ) from error
    except OSError as error:
        problem = f'the shared secret "{path}" cannot be read ({error.strerror})'
        raise _unreachable(config, problem) from error


def _connect_problem(config: Config, error: Exception) -> DaemonUnreachable:
    """The problem, and what helps where starting the daemon would not."""
    import ssl  # see wire.py

    if isinstance(error, ssl.SSLError):
        problem = f'TLS failed with the certificate "{config.daemon_cert}"'
        return _unreachable(
            config,
            f"{problem} ({error.reason or error})",
            advice="Use the configuration and certificate that this pueued was started with.",
        )
    if isinstance(error, socket.timeout):
        return _unreachable(config, "the connection timed out", advice=_HANGS)
    if isinstance(error, PermissionError):
        return _unreachable(config, "the connection is not permitted", advice=_OTHER_ACCOUNT)
    if isinstance(error, FileNotFoundError):
        missing = f'the certificate "{config.daemon_cert}"'
        missing = "the socket" if config.use_unix_socket else missing
        return _unreachable(config, f"{missing} does not exist")
    if isinstance(error, ConnectionRefusedError):
        return _unreachable(config, "nothing listens there")
    return _unreachable(
        config,
        getattr(error, "strerror", None) or str(error),
        advice=f'Correct the address in "{config.path}".',
    )


def _version(wire: Wire, config: Config, *, secret: bytes, timeout: float) -> str:
    try:
        wire.send(secret, timeout=timeout)
        raw = wire.receive(limit=_VERSION_BYTES, timeout=timeout)
    except WireEnded as error:
        if "closed" in str(error) or "broke" in str(error):
            raise SecretRejected(
                f'pueued at "{config.address}" closed the connection on the secret in '
                f'"{config.shared_secret_path}". Use the configuration that it was started '
                "with; a trailing newline in the file is enough to differ."
            ) from error
        problem = f"the handshake failed, {error}"
        raise _unreachable(config, problem, advice=_HANGS) from error
    version = raw.decode("utf-8", "replace")
    if not _SUPPORTED.fullmatch(version):
        raise UnsupportedDaemon(_unsupported(config, version))
    return version


def _unsupported(config: Config, version: str) -> str:
    if _OLDER.match(version):
        return (
            f'pueued at "{config.address}" says "{version}", which is pueue 3 or older; pueue '
            "4.0 is needed. Let its queue finish or save it first: pueue 4 starts with an empty "
            "queue where it finds the old state file."
        )
    return (
        f'pueued at "{config.address}" speaks protocol "{version[:40]}"; this collection knows '
        "0.29 to 0.31 (pueue 4.0). Install pueue 4.0 on the host, or a newer fleet.jobs."
    )


def _unreachable(
    config: Config, problem: str, *, advice: t.Optional[str] = None
) -> DaemonUnreachable:
    return DaemonUnreachable(
        f'Cannot talk to pueued at "{config.address}": {problem}; {_pid_state(config)}. '
        f"{advice or 'Start it with: ' + config.start_command}",
        hazard="G-4",
    )


def _pid_state(config: Config) -> str:
    """Whether a daemon seems to live, as far as its pid file tells."""
    path = config.pid_path
    try:
        number = int(path.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return f'there is no pid file "{path}", so it is not running or uses another configuration'
    except (OSError, ValueError):
        return f'its pid file "{path}" cannot be read'
    name = _process_name(number)
    if name is None:
        return f'its pid file "{path}" names process {number}, which is gone'
    if name != "pueued":
        return (
            f'its pid file "{path}" names process {number}, which is now "{name}" '
            "(delete that file, pueued refuses to start beside it)"
        )
    return f"a pueued, process {number}, is alive"


def _process_name(number: int) -> t.Optional[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{number}/comm").read_text(encoding="utf-8").strip()
    return None
