# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Who writes where (INV-1, INV-9): jobs that can run at once never claim one path."""

from __future__ import annotations

import re
import typing as t

from .._dataclass import dataclass
from .._errors import Refused
from .graph import Order
from .label import family_of
from .patterns import Pattern, escape, intersect, parse
from .spec import JobSpec

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
# One accident repeats in every pair of a family; the first few say all of it.
MAX_CONFLICTS = 20


@dataclass(frozen=True)
class Claim:
    """One artifact of one job, expanded: ``template`` is what its owner wrote."""

    spec: JobSpec
    template: str
    pattern: Pattern


@dataclass(frozen=True)
class Conflict:
    """Two jobs that can run at once and may touch the same path."""

    one: Claim
    other: Claim

    @property
    def hazard(self) -> str:
        """INV-9 where families meet, INV-1 within one."""
        same = family_of(self.one.spec.label) == family_of(self.other.spec.label)
        return "INV-1" if same else "INV-9"

    def why(self) -> str:
        """A sentence for the owner of ``one``."""
        mine, theirs = self.one, self.other
        if mine.pattern == theirs.pattern:
            clash = f'both claim "{mine.pattern.text}"'
        else:
            clash = f'"{mine.pattern.text}" and "{theirs.pattern.text}" can be the same path'
        return (
            f'It can run at the same time as "{theirs.spec.label}", and {clash}. {self._advice()}'
        )

    def _advice(self) -> str:
        mine, theirs = self.one, self.other
        differing = [
            name
            for name in sorted({*mine.spec.params, *theirs.spec.params})
            if mine.spec.params.get(name) != theirs.spec.params.get(name)
            and f"{{{name}}}" not in _placeholders(mine.template)
        ]
        if mine.template == theirs.template and differing:
            name = differing[0]
            values = f"{mine.spec.params.get(name)} / {theirs.spec.params.get(name)}"
            return (
                f'The artifact "{mine.template}" leaves out the differing parameter "{name}" '
                f"({values}): put {{{name}}} into it, or order the jobs with after."
            )
        return (
            "Put what tells them apart into the artifact names (and narrow the globs), or order "
            "the jobs with after."
        )


def claims(
    spec: JobSpec, *, resolve: t.Callable[[str], str] = lambda directory: directory
) -> t.List[Claim]:
    """Expand the artifacts of a job.

    ``resolve`` turns a directory into the real one, so that two links to one place are one place.
    """
    found: t.List[Claim] = []
    for template in spec.artifacts:
        text = expand(template, spec)
        try:
            pattern = parse(text if text.startswith("/") else f"{escape(spec.chdir)}/{text}")
        except ValueError:
            raise Refused(
                f'artifacts: ".." after a wildcard in "{template}" cannot be followed; write the '
                "path without it.",
                hazard="INV-9",
            ) from None
        found.append(Claim(spec, template, pattern.moved(resolve(pattern.literal_directory))))
    return found


def expand(template: str, spec: JobSpec) -> str:
    """Fill ``{param}``, ``{label}``, ``{family}``, ``{key}``; values match only themselves."""
    family, _unused, key = spec.label.partition("/")
    values = {**spec.params, "label": spec.label, "family": family, "key": key}

    def fill(match: t.Match[str]) -> str:
        if match.group(1) is None:
            return match.group(0)[0]
        name = match.group(1)
        if name not in values:
            raise Refused(
                f'artifacts: "{template}" uses {{{name}}}, and the job has no such parameter; '
                f"known are {', '.join(sorted(values))}. Add it to params.",
                hazard="INV-1",
            )
        return escape(values[name])

    return _PLACEHOLDER.sub(fill, template)


def conflicts(
    found: t.Iterable[Claim],
    order: Order,
    *,
    concerned: t.Optional[t.Container[str]] = None,
    limit: int = MAX_CONFLICTS,
) -> t.List[Conflict]:
    """Pairs of claims that may be the same path and belong to jobs that can run at once.

    ``concerned``: at least one of the two labels is in it (two jobs that run already are not
    ours to judge); it is the first of the pair.

    Sorted by literal beginning, the only possible partners of a claim are those whose beginning
    its own continues, and these form a stack.
    """
    stack: t.List[t.Tuple[str, Claim]] = []
    result: t.List[Conflict] = []
    keyed = sorted(((claim.pattern.literal_prefix, claim) for claim in found), key=_by_prefix)
    for prefix, claim in keyed:
        while stack and not prefix.startswith(stack[-1][0]):
            stack.pop()
        for _unused, earlier in stack:
            pair = _pair(earlier, claim, concerned)
            if pair is not None and _clash(*pair, order):
                result.append(Conflict(*pair))
                if len(result) >= limit:
                    return result
        stack.append((prefix, claim))
    return result


def _by_prefix(entry: t.Tuple[str, Claim]) -> t.Tuple[str, str]:
    return entry[0], entry[1].spec.label


def _pair(
    earlier: Claim, claim: Claim, concerned: t.Optional[t.Container[str]]
) -> t.Optional[t.Tuple[Claim, Claim]]:
    if earlier.spec.label == claim.spec.label:
        return None
    if concerned is None or claim.spec.label in concerned:
        return claim, earlier
    return (earlier, claim) if earlier.spec.label in concerned else None


def _clash(one: Claim, other: Claim, order: Order) -> bool:
    return intersect(one.pattern, other.pattern) and not order.ordered(
        one.spec.label, other.spec.label
    )


def _placeholders(template: str) -> t.Iterator[str]:
    for match in _PLACEHOLDER.finditer(template):
        if match.group(1) is not None:
            yield match.group(0)
