# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``after`` edges by label: parents before children, cycles by name, who waits for whom."""

from __future__ import annotations

import typing as t

from .._errors import Refused

Edges = t.Mapping[str, t.Collection[str]]


def levels(edges: Edges) -> t.List[t.List[str]]:
    """Labels in rounds, each after all its parents; order within a round is the given one.

    ``edges`` maps a label to the labels it comes after; parents outside of it count as there.
    """
    waiting = {label: {one for one in parents if one in edges} for label, parents in edges.items()}
    children: t.Dict[str, t.List[str]] = {}
    for label, parents in waiting.items():
        for parent in parents:
            children.setdefault(parent, []).append(label)
    position = {label: number for number, label in enumerate(edges)}
    ready = [label for label, parents in waiting.items() if not parents]
    rounds: t.List[t.List[str]] = []
    placed = 0
    while ready:
        rounds.append(ready)
        placed += len(ready)
        following: t.List[str] = []
        for label in ready:
            for child in children.get(label, ()):
                waiting[child].discard(label)
                if not waiting[child]:
                    following.append(child)
        ready = sorted(following, key=position.__getitem__)
    if placed < len(edges):
        raise _cycle({label: parents for label, parents in waiting.items() if parents})
    return rounds


def _cycle(blocked: t.Mapping[str, t.Set[str]]) -> Refused:
    label = next(iter(blocked))
    seen: t.Dict[str, int] = {}
    path: t.List[str] = []
    while label not in seen:
        seen[label] = len(path)
        path.append(label)
        label = min(parent for parent in blocked[label] if parent in blocked)
    circle = [*path[seen[label] :], label]
    return Refused(
        f"after runs in a circle: {' after '.join(_shown(circle))}. Take one of these edges out.",
        hazard="AP-6",
        details={"cycle": circle[:20]},
    )


def _shown(circle: t.Sequence[str]) -> t.List[str]:
    quoted = [f'"{label}"' for label in circle]
    if len(quoted) <= 8:
        return quoted
    return [*quoted[:4], f"({len(quoted) - 8} more)", *quoted[-4:]]


def descendants(edges: Edges, roots: t.Collection[str]) -> t.Set[str]:
    """Every label that waits, directly or not, for one of ``roots`` (without the roots)."""
    children: t.Dict[str, t.List[str]] = {}
    for label, parents in edges.items():
        for parent in parents:
            children.setdefault(parent, []).append(label)
    found: t.Set[str] = set()
    pending = list(roots)
    while pending:
        for child in children.get(pending.pop(), ()):
            if child not in found:
                found.add(child)
                pending.append(child)
    return found - set(roots)


class Order:
    """Answers whether two labels can never run at once because one waits for the other.

    Ancestors are kept as bits of one integer per label: 2,000 jobs are 2,000 short numbers.
    """

    def __init__(self, edges: Edges) -> None:
        self._bit: t.Dict[str, int] = {}
        self._ancestors: t.Dict[str, int] = {}
        for label in (label for round_ in levels(edges) for label in round_):
            bits = 0
            for parent in edges[label]:
                if parent in self._bit:
                    bits |= self._ancestors[parent] | (1 << self._bit[parent])
            self._bit[label] = len(self._bit)
            self._ancestors[label] = bits

    def ordered(self, one: str, other: str) -> bool:
        """True if a path of edges leads from one to the other."""
        if one not in self._bit or other not in self._bit:
            return False
        return bool(
            self._ancestors[one] >> self._bit[other] & 1
            or self._ancestors[other] >> self._bit[one] & 1
        )
