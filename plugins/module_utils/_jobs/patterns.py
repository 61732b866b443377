# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Path patterns (``*``, ``?``, ``[a-z]``, ``**``) and whether two of them can name one path.

A pattern claims the paths it matches and everything below them, so ``/data/out`` and
``/data/out/x.json`` meet. A claim is an upper bound: ``*`` also matches names with a dot first.
"""

from __future__ import annotations

import functools
import typing as t

from .._dataclass import dataclass

# Inclusive code point ranges of one character; None is a star.
_Ranges = t.Tuple[t.Tuple[int, int], ...]
_Token = t.Optional[_Ranges]
_TOP = 0x10FFFF
_SLASH = ord("/")
_ANY: _Ranges = ((0, _SLASH - 1), (_SLASH + 1, _TOP))
_DEEP = "**"
MAGIC = frozenset("*?[")


@dataclass(frozen=True)
class Pattern:
    """An absolute, normalised path pattern."""

    text: str
    segments: t.Tuple[str, ...]

    @property
    def literal_prefix(self) -> str:
        """The text that every claimed path (written with a final slash) begins with."""
        for position, character in enumerate(self.text):
            if character in MAGIC:
                return self.text[:position]
        return self.text.rstrip("/") + "/"

    @property
    def literal_directory(self) -> str:
        """The directory above the first segment with a wildcard (or the whole path)."""
        return "/" + "/".join(self.segments[: self._literal_segments])

    @property
    def _literal_segments(self) -> int:
        for position, segment in enumerate(self.segments):
            if MAGIC & set(segment):
                return position
        return len(self.segments)

    def moved(self, directory: str) -> Pattern:
        """The same pattern with another ``literal_directory``."""
        rest = self.segments[self._literal_segments :]
        return parse("/".join((escape(directory), *rest)))


def parse(text: str) -> Pattern:
    """Normalise an absolute pattern; ValueError where ``..`` follows a wildcard."""
    segments: t.List[str] = []
    for segment in text.split("/"):
        if segment in ("", "."):
            continue
        if segment == "..":
            if segments and MAGIC & set(segments[-1]):
                raise ValueError(text)
            del segments[-1:]
        elif segment != _DEEP or segments[-1:] != [_DEEP]:
            segments.append(segment)
    return Pattern(text="/" + "/".join(segments), segments=tuple(segments))


def intersect(one: Pattern, other: Pattern) -> bool:
    """True if some path lies in both claims."""
    for left, right in zip(one.segments, other.segments):
        if left == _DEEP or right == _DEEP:
            break
        if left != right and not segments_intersect(left, right):
            return False
    else:  # the shorter one claims whatever lies below it
        return True
    paths = (*one.segments, _DEEP), (*other.segments, _DEEP)
    return _walk(*paths, is_star=_DEEP.__eq__, fits=segments_intersect)


def escape(text: str) -> str:
    """A text that matches only itself."""
    return "".join(f"[{character}]" if character in MAGIC else character for character in text)


def segments_intersect(one: str, other: str) -> bool:
    """True if one name matches both segment patterns."""
    head, tail = _edges(one)
    other_head, other_tail = _edges(other)
    # A cheap no for most pairs: their literal beginnings or ends differ.
    if not (head.startswith(other_head) or other_head.startswith(head)):
        return False
    if not (tail.endswith(other_tail) or other_tail.endswith(tail)):
        return False
    return _walk(_tokens(one), _tokens(other), is_star=_is_star, fits=_overlap)


@functools.lru_cache(maxsize=16384)
def _edges(segment: str) -> t.Tuple[str, str]:
    """The literal text before the first wildcard and after the last one."""
    found = [position for position, character in enumerate(segment) if character in MAGIC]
    if not found:
        return segment, segment
    # What follows the last "[" may belong to the set that it opens.
    last = max(found[-1], segment.rfind("]"))
    return segment[: found[0]], segment[last + 1 :]


def _is_star(token: t.Any) -> bool:
    return token is None


def _walk(
    left: t.Sequence[t.Any],
    right: t.Sequence[t.Any],
    *,
    is_star: t.Callable[[t.Any], bool],
    fits: t.Callable[[t.Any, t.Any], bool],
) -> bool:
    """Whether two token sequences with stars match one common sequence of symbols.

    Breadth first over pairs of positions, so that depth costs no recursion.
    """
    pending = [(0, 0)]
    seen = {(0, 0)}
    while pending:
        i, j = pending.pop()
        if i == len(left) and j == len(right):
            return True
        for step in _steps(left, right, i, j, is_star=is_star, fits=fits):
            if step not in seen:
                seen.add(step)
                pending.append(step)
    return False


def _steps(
    left: t.Sequence[t.Any],
    right: t.Sequence[t.Any],
    i: int,
    j: int,
    *,
    is_star: t.Callable[[t.Any], bool],
    fits: t.Callable[[t.Any, t.Any], bool],
) -> t.Iterator[t.Tuple[int, int]]:
    star_left = i < len(left) and is_star(left[i])
    star_right = j < len(right) and is_star(right[j])
    if star_left:
        yield i + 1, j
        if j < len(right):
            yield i, j + 1
    if star_right:
        yield i, j + 1
        if i < len(left):
            yield i + 1, j
    if star_left or star_right or i == len(left) or j == len(right):
        return
    if fits(left[i], right[j]):
        yield i + 1, j + 1


@functools.lru_cache(maxsize=16384)
def _tokens(segment: str) -> t.Tuple[_Token, ...]:
    tokens: t.List[_Token] = []
    position = 0
    while position < len(segment):
        character = segment[position]
        if character == "*":
            tokens.append(None)
        elif character == "?":
            tokens.append(_ANY)
        elif character == "[" and _set_end(segment, position) > 0:
            end = _set_end(segment, position)
            tokens.append(_ranges(segment[position + 1 : end]))
            position = end
        else:
            tokens.append(((ord(character), ord(character)),))
        position += 1
    return tuple(tokens)


def _set_end(segment: str, start: int) -> int:
    """Where the set that opens at ``start`` closes, or -1: then the bracket is a plain one."""
    first = start + 1
    if segment[first : first + 1] == "!":
        first += 1
    return segment.find("]", first + 1)


def _ranges(body: str) -> _Ranges:
    if body[:1] == "^":  # a negation to a shell, a plain character to Python: take it as any
        return _ANY
    negated = body[:1] == "!"
    body = body[1:] if negated else body
    found: t.List[t.Tuple[int, int]] = []
    position = 0
    while position < len(body):
        low = high = ord(body[position])
        if body[position + 1 : position + 2] == "-" and position + 2 < len(body):
            high = ord(body[position + 2])
            position += 2
        if low <= high:
            found.append((low, high))
        position += 1
    return _without_slash(_complement(found) if negated else tuple(sorted(found)))


def _complement(ranges: t.Sequence[t.Tuple[int, int]]) -> _Ranges:
    result: t.List[t.Tuple[int, int]] = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            result.append((start, low - 1))
        start = max(start, high + 1)
    if start <= _TOP:
        result.append((start, _TOP))
    return tuple(result)


def _without_slash(ranges: _Ranges) -> _Ranges:
    result: t.List[t.Tuple[int, int]] = []
    for low, high in ranges:
        for piece in ((low, min(high, _SLASH - 1)), (max(low, _SLASH + 1), high)):
            if piece[0] <= piece[1]:
                result.append(piece)
    return tuple(result)


def _overlap(one: _Ranges, other: _Ranges) -> bool:
    return any(low <= top and bottom <= high for low, high in one for bottom, top in other)
