# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``fleet-jobs run --label L … -- argv``, read by hand: argparse costs more than all the rest."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._jobs.classes import EXIT_INFRA

USAGE = """usage: fleet-jobs run --label LABEL --state-dir DIR [option ...] -- COMMAND [ARG ...]

  --task KEY             the task's key in the ledger
  --memory BYTES         memory cap            --swap BYTES       swap beside it (default 0)
  --cap MODE             require (default), prefer or none
  --timeout SECONDS      time limit            --grace SECONDS    between TERM and KILL (30)
  --env-file FILE        secrets, KEY=value    --env-file-shared  allow one that others can read
  --chdir DIR            working directory     --release-from DIR work tree whose commit is noted
  --permanent-code N     an exit code that no restart can heal; may be repeated
  --restart-safe         the job continues from its checkpoint when it is started again
  --own-log              write the output to the state directory
"""

_Converter = t.Callable[[str], t.Any]
_VALUES: t.Dict[str, _Converter] = {
    "label": str,
    "task": str,
    "memory": int,
    "swap": int,
    "timeout": float,
    "grace": float,
    "cap": str,
    "env-file": str,
    "chdir": str,
    "release-from": str,
    "permanent-code": int,
    "state-dir": str,
}
_FLAGS = ("env-file-shared", "restart-safe", "own-log")


def main(argv: t.Sequence[str]) -> int:
    """Run the job; a command line that cannot be read is an infrastructure failure."""
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return 0
    try:
        options, command = parse(argv)
        from .._jobs.runner import run

        return run(request(options, command))
    except FleetError as error:
        sys.stderr.write(f"fleet-jobs: {error.message}\n")
        return EXIT_INFRA


def parse(argv: t.Sequence[str]) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    """Options as typed values, and the command behind ``--``."""
    options: t.Dict[str, t.Any] = {}
    words = iter(argv)
    for word in words:
        if word == "--":
            return options, list(words)
        name, equals, value = word[2:].partition("=")
        if not word.startswith("--") or (name not in _VALUES and name not in _FLAGS):
            raise FleetError(f'run: "{word}" is no option; the command comes after "--".')
        if name in _FLAGS:
            options[name] = True
            continue
        text = value if equals else next(words, None)
        if text is None:
            raise FleetError(f"run: --{name} has no value.")
        _store(options, name, text)
    raise FleetError('run: there is no "--" with a command after it.')


def request(options: t.Mapping[str, t.Any], command: t.Sequence[str]) -> t.Any:
    """The runner's request; what is missing is said by name."""
    from .._jobs.runner import Request

    for name in ("label", "state-dir"):
        if name not in options:
            raise FleetError(f"run: --{name} is missing.")
    if not command:
        raise FleetError('run: there is no command after "--".')
    values = {name.replace("-", "_"): value for name, value in options.items()}
    values["state_dir"] = Path(values["state_dir"]).expanduser()
    values["task_key"] = values.pop("task", "")
    values["permanent_codes"] = frozenset(values.pop("permanent_code", ()))
    return Request(argv=tuple(command), **values)


def _store(options: t.Dict[str, t.Any], name: str, text: str) -> None:
    try:
        value = _VALUES[name](text)
    except ValueError:
        raise FleetError(f'run: --{name} "{text}" is not a number.') from None
    if name == "permanent-code":
        options.setdefault(name, []).append(value)
    elif name in options:
        raise FleetError(f"run: --{name} is there twice.")
    else:
        options[name] = value
