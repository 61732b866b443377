# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The command line of `fleet-jobs` on a host."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import typing as t

from .._errors import FleetError
from .._jobs.classes import EXIT_INFRA

if t.TYPE_CHECKING:
    import argparse

COMMANDS = ("status", "why", "logs", "tidy")
_INTERRUPTED = 130


def start() -> None:
    """Be the process: what stands before a job is not taken apart first, that takes longer."""
    _open_streams()
    code = main(sys.argv[1:])
    if sys.argv[1:2] == ["run"]:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)


def _open_streams() -> None:
    """What the caller closed would be the next file that is opened, here or in the job."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            stream = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def main(argv: t.Sequence[str]) -> int:
    """Every subcommand's way in and out; ``run`` first, because it stands before every job."""
    try:
        if argv and argv[0] == "run":
            from . import run

            return run.main(argv[1:])
        return _read(argv)
    except FleetError as error:
        sys.stderr.write(f"fleet-jobs: {error.message}\n")
        return 1
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python must not complain while it exits.
        sys.stderr.close()
        return 0
    except OSError as error:
        place = f' on "{error.filename}"' if error.filename else ""
        said = f"a system call failed{place}: {error.strerror or error}"
        sys.stderr.write(f"fleet-jobs: {said}. Call it as the account that owns the queue.\n")
        # Before a job it is the surroundings that failed, and not the job.
        return EXIT_INFRA if argv[:1] == ["run"] else 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _read(argv: t.Sequence[str]) -> int:
    arguments = parser().parse_args(list(argv))
    return int(_module(arguments.command).run(arguments))


def parser() -> argparse.ArgumentParser:
    """All commands; argparse is imported only where it is used."""
    import argparse

    made = argparse.ArgumentParser(
        prog="fleet-jobs",
        description="See what the jobs of this host's queue do and did, and tidy up after them.",
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser(
        "run", help="run one job (this is what a task's command calls)", add_help=False
    )
    for name in COMMANDS:
        _module(name).add_parser(commands)
    return made


def _module(name: str) -> t.Any:
    package = __name__.rpartition(".")[0]
    return importlib.import_module(f"{package}.{name}")
