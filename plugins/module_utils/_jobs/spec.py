# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One job as its owner describes it: parsed, checked, and written to the ledger in one form."""

from __future__ import annotations

import re
import typing as t

from .._dataclass import asdict, dataclass, field
from .._errors import FleetError, Refused
from .._quantity import parse_bytes, parse_seconds
from . import pipes
from .label import check_label
from .prefix import assigned_in_argv, assigned_in_shell
from .refusals import Refusal

DEFAULT_GROUP = "default"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = ("FLEET_JOBS_", "PUEUE_")
# A guess by name is enough: whoever means it can rename, nobody can unpublish a stored secret.
_SECRET = re.compile(r"PASSW|SECRET|TOKEN|CREDENTIAL|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY", re.I)


@dataclass(frozen=True)
class JobSpec:
    """One labelled command. Sizes are bytes, durations seconds; exactly one of ``command`` (argv)
    and ``shell`` is set."""

    label: str
    command: t.Optional[t.Tuple[str, ...]] = None
    shell: t.Optional[str] = None
    chdir: str = ""
    group: str = DEFAULT_GROUP
    after: t.Tuple[str, ...] = ()
    env_file: t.Optional[str] = None
    memory: t.Optional[int] = None
    timeout: t.Optional[float] = None
    cores: t.Optional[float] = None
    restart_safe: bool = False
    artifacts: t.Tuple[str, ...] = ()
    params: t.Mapping[str, str] = field(default_factory=dict)
    delay: t.Optional[float] = None
    priority: int = 0
    overrides: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def argv(self) -> t.Tuple[str, ...]:
        """What runs in the end: the argv itself, or a shell with the text."""
        return self.command if self.command is not None else ("/bin/sh", "-c", self.shell or "")

    def record(self) -> t.Dict[str, t.Any]:
        """A JSON-ready form that ``parse_job`` reads back; unset options are left out."""
        return {key: value for key, value in asdict(self).items() if value not in _EMPTY}


_EMPTY: t.Tuple[t.Any, ...] = (None, (), {}, "")
OPTIONS = tuple(JobSpec.__dataclass_fields__)


def parse_jobs(
    jobs: t.Sequence[t.Mapping[str, t.Any]],
) -> t.Tuple[t.List[JobSpec], t.List[Refusal]]:
    """All readable specs in the given order, and a refusal for each that is not."""
    specs: t.List[JobSpec] = []
    refusals: t.List[Refusal] = []
    seen: t.Set[str] = set()
    for position, job in enumerate(jobs):
        name = str(job.get("label") or f"jobs[{position}]")
        try:
            spec = parse_job(job)
            pipes.refuse(spec.argv)
            if spec.label in seen:
                raise Refused(
                    "Two jobs of this call have this label; put every differentiating parameter "
                    "into the key, or leave one out.",
                    hazard="INV-1",
                )
        except FleetError as error:
            refusals.append(Refusal.of(name, error))
        else:
            seen.add(spec.label)
            specs.append(spec)
    return specs, refusals


def parse_job(job: t.Mapping[str, t.Any]) -> JobSpec:
    """Read one job; a FleetError names the option that is wrong and what to write instead."""
    unknown = sorted(set(job) - set(OPTIONS))
    if unknown:
        raise FleetError(f'Unknown option "{unknown[0]}"; a job has {", ".join(OPTIONS)}.')
    spec = JobSpec(
        label=check_label(_text(job, "label") or ""),
        command=_command(job.get("command")),
        shell=_text(job, "shell"),
        chdir=_text(job, "chdir") or "",
        group=_text(job, "group") or DEFAULT_GROUP,
        after=_texts(job, "after"),
        env_file=_text(job, "env_file"),
        memory=_memory(job.get("memory")),
        timeout=_seconds(job.get("timeout"), option="timeout"),
        cores=_cores(job.get("cores")),
        restart_safe=_flag(job.get("restart_safe"), option="restart_safe"),
        artifacts=_texts(job, "artifacts"),
        params=_values(job.get("params"), option="params"),
        delay=_seconds(job.get("delay"), option="delay", zero_allowed=True),
        priority=_integer(job.get("priority"), option="priority"),
        overrides=_values(job.get("overrides"), option="overrides"),
    )
    _check_command(spec)
    _check_overrides(spec.overrides)
    return spec


def _check_command(spec: JobSpec) -> None:
    if (spec.command is None) == (spec.shell is None):
        raise FleetError("Give exactly one of command (a list of words) and shell (a text).")
    if spec.command is not None:
        name = assigned_in_argv(spec.command)
    else:
        name = assigned_in_shell(spec.shell or "")
    if name:
        raise Refused(
            f'The command sets "{name}" for itself, past the one source of configuration. Set it '
            f"in mise [env], or write overrides: {{{name}: value}}, which is recorded.",
            hazard="INV-5",
        )


def _check_overrides(overrides: t.Mapping[str, str]) -> None:
    for name in overrides:
        if not _NAME.fullmatch(name) or name.startswith(_RESERVED):
            raise FleetError(
                f'overrides: "{name}" cannot be set; write a variable name that does not begin '
                f"with {' or '.join(_RESERVED)}."
            )
        if _SECRET.search(name):
            raise Refused(
                f'overrides: "{name}" looks like a secret, and overrides are kept in clear text '
                "by pueue and in the ledger. Put it into the job's env_file.",
                hazard="AP-16",
            )


def _command(value: t.Any) -> t.Optional[t.Tuple[str, ...]]:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, t.Sequence):
        raise FleetError("command: write a list of words, or use shell for a text.")
    if not value or not str(value[0]):
        raise FleetError("command: the list has no program in it.")
    words = tuple(_clean(str(word), option="command") for word in value)
    parts = words[0].split()
    if len(words) == 1 and len(parts) > 1 and not words[0].startswith("/"):
        # What Ansible makes of a text where a list is wanted.
        raise FleetError(
            f'command: "{words[0]}" is one word, so the name of a program. Write its words as a '
            f"list ({', '.join(parts[:3])}, ...), or use shell for a text."
        )
    return words


def _text(job: t.Mapping[str, t.Any], option: str) -> t.Optional[str]:
    value = job.get(option)
    if value is None:
        return None
    if not isinstance(value, str):
        raise FleetError(f"{option}: write a text, not {value!r}.")
    return _clean(value, option=option) or None


def _texts(job: t.Mapping[str, t.Any], option: str) -> t.Tuple[str, ...]:
    value = job.get(option) or ()
    if isinstance(value, str) or not isinstance(value, t.Sequence):
        raise FleetError(f"{option}: write a list of texts.")
    return tuple(dict.fromkeys(_clean(str(one), option=option) for one in value))


def _values(value: t.Any, *, option: str) -> t.Dict[str, str]:
    if not value:
        return {}
    if not isinstance(value, t.Mapping):
        raise FleetError(f"{option}: write a dictionary of names and values.")
    result: t.Dict[str, str] = {}
    for name, one in value.items():
        if isinstance(one, bool):
            one = str(one).lower()
        elif not isinstance(one, (str, int, float)):
            raise FleetError(f'{option}: the value of "{name}" is neither a text nor a number.')
        result[str(name)] = _clean(str(one), option=option)
    return result


def _clean(text: str, *, option: str) -> str:
    """pueued takes a NUL or a lone surrogate and fails at spawn; say so now."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise FleetError(f"{option}: the text has a NUL or bytes that are not UTF-8.")
    return text


def _memory(value: t.Any) -> t.Optional[int]:
    if value is None:
        return None
    size = parse_bytes(value, option="memory")
    if size < 1 << 20:
        raise FleetError(f'memory: "{value}" is below 1M, no job can start in it; write e.g. "5G".')
    return size


def _seconds(value: t.Any, *, option: str, zero_allowed: bool = False) -> t.Optional[float]:
    if value is None:
        return None
    seconds = parse_seconds(value, option=option)
    if seconds <= 0 and not zero_allowed:
        raise FleetError(f'{option}: "{value}" must be above 0.')
    return seconds or None


def _cores(value: t.Any) -> t.Optional[float]:
    if value is None:
        return None
    try:
        cores = float(value)
    except (TypeError, ValueError):
        cores = 0.0
    if not 0 < cores < 100_000:
        raise FleetError(f'cores: "{value}" must be a number above 0.')
    return cores


def _integer(value: t.Any, *, option: str) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**31 - 1:
        raise FleetError(f'{option}: "{value}" must be a whole number of 32 bits.')
    return value


def _flag(value: t.Any, *, option: str) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise FleetError(f'{option}: "{value}" must be true or false.')
    return value
