# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The part of CBOR (RFC 8949) that pueue 4 speaks: integers, text, arrays, maps, booleans, null."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

_UINT, _NEGINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_MAJOR_NAMES = {_BYTES: "a byte string", _TAG: "a tag", _SIMPLE: "a float or simple value"}
_SIMPLE_VALUES = {0xF4: False, 0xF5: True, 0xF6: None}
_ARGUMENT_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}
_MAX_UINT = (1 << 64) - 1


class CborError(ValueError):
    """Not the CBOR that pueue speaks; the message names the byte."""


@dataclass(frozen=True)
class Limits:
    """What a reply may ask of us before it is refused."""

    size: int = 256 * 1024 * 1024
    depth: int = 32
    items: int = 20_000_000


@dataclass(frozen=True)
class Keep:
    """Of every map under the key ``name``, keep only the entries that start with ``prefix``."""

    name: str
    prefix: str


def encode(value: t.Any) -> bytes:
    """The one shortest encoding of ``value``; maps keep their order."""
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def _encode(value: t.Any, out: bytearray) -> None:
    if value is None or isinstance(value, bool):
        out.append(0xF6 if value is None else 0xF4 + value)
    elif isinstance(value, int):
        major, argument = (_UINT, value) if value >= 0 else (_NEGINT, -1 - value)
        _encode_head(major, argument, out)
    elif isinstance(value, str):
        try:
            text = value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise CborError(f"text that is not valid Unicode: {error.reason}") from error
        _encode_head(_TEXT, len(text), out)
        out += text
    elif isinstance(value, (list, tuple)):
        _encode_head(_ARRAY, len(value), out)
        for item in value:
            _encode(item, out)
    elif isinstance(value, dict):
        _encode_head(_MAP, len(value), out)
        for key, item in value.items():
            _encode(key, out)
            _encode(item, out)
    else:
        raise CborError(f"a {type(value).__name__} has no place in a request")


def _encode_head(major: int, argument: int, out: bytearray) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    if argument > _MAX_UINT:
        raise CborError(f"the integer {argument} needs more than 64 bits")
    for info, size in _ARGUMENT_SIZES.items():
        if argument < 1 << 8 * size:
            out.append(major << 5 | info)
            out += argument.to_bytes(size, "big")
            return


def decode(
    data: bytes, *, limits: t.Optional[Limits] = None, keep: t.Optional[Keep] = None
) -> t.Any:
    """The one value in ``data``; ``keep`` drops map entries before they become objects."""
    bounds = limits or Limits()
    if len(data) > bounds.size:
        raise CborError(f"{len(data)} bytes, more than the {bounds.size} that are accepted")
    return _Decoder(data, bounds, keep).whole()


class _Decoder:
    """One pass over ``data``; short texts (0x60 to 0x77) take a short way, for replies of MBs."""

    def __init__(self, data: bytes, limits: Limits, keep: t.Optional[Keep]) -> None:
        self._data = data
        self._end = len(data)
        self._depth_left = limits.depth
        self._items_left = limits.items
        self._known: t.Dict[bytes, str] = {}
        self._kept_name = keep.name if keep else None
        self._kept_prefix = keep.prefix.encode("utf-8") if keep else b""
        self._position = 0

    def whole(self) -> t.Any:
        value = self._value()
        if self._position != self._end:
            raise self._error(f"{self._end - self._position} bytes left over after the value")
        return value

    def _error(self, what: str) -> CborError:
        return CborError(f"byte {self._position}: {what}")

    def _head(self) -> t.Tuple[int, int]:
        """Major type and argument at the position, which moves behind them."""
        start = self._position
        if start >= self._end:
            raise self._error("the data end where a value should begin")
        initial = self._data[start]
        info = initial & 0x1F
        if info < 24:
            self._position = start + 1
            return initial >> 5, info
        size = _ARGUMENT_SIZES.get(info)
        if size is None:
            raise self._error("indefinite or reserved length")
        stop = start + 1 + size
        if stop > self._end:
            raise self._error("the data end inside a length")
        self._position = stop
        return initial >> 5, int.from_bytes(self._data[start + 1 : stop], "big")

    def _value(self) -> t.Any:
        start = self._position
        initial = self._data[start] if start < self._end else 0
        if 0x60 <= initial < 0x78:
            self._position = start + 1
            return self._text(initial - 0x60)
        if initial >> 5 == _SIMPLE:
            return self._simple()
        major, argument = self._head()
        if major == _TEXT:
            return self._text(argument)
        if major == _MAP:
            return self._map(argument)
        if major == _ARRAY:
            return self._array(argument)
        if major == _UINT:
            return argument
        if major == _NEGINT:
            return -1 - argument
        raise self._error(f"{_MAJOR_NAMES[major]} has no place in pueue's protocol")

    def _simple(self) -> t.Optional[bool]:
        initial = self._data[self._position]
        if initial not in _SIMPLE_VALUES:
            raise self._error(f"{_MAJOR_NAMES[_SIMPLE]} has no place in pueue's protocol")
        self._position += 1
        return _SIMPLE_VALUES[initial]

    def _text(self, length: int) -> str:
        stop = self._position + length
        if stop > self._end:
            raise self._error(f"a text of {length} bytes reaches beyond the end of the data")
        try:
            text = self._data[self._position : stop].decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._error(f"text that is not UTF-8: {error.reason}") from error
        self._position = stop
        return text

    def _enter(self, items: int) -> None:
        """Refuse a container before anything is reserved for what it announces."""
        self._depth_left -= 1
        self._items_left -= items
        if self._depth_left < 0:
            raise self._error("nested too deeply")
        if items > self._end - self._position:
            raise self._error(f"announces {items} items, more than the bytes that follow")
        if self._items_left < 0:
            raise self._error("more items than are accepted")

    def _array(self, length: int) -> t.List[t.Any]:
        self._enter(length)
        values = [self._value() for _unused in range(length)]
        self._depth_left += 1
        return values

    def _map(self, length: int) -> t.Dict[t.Any, t.Any]:
        self._enter(2 * length)
        result: t.Dict[t.Any, t.Any] = {}
        for _unused in range(length):
            key = self._key()
            result[key] = self._kept() if key == self._kept_name else self._value()
        if len(result) != length:
            raise self._error("a key occurs twice in one map")
        self._depth_left += 1
        return result

    def _key(self) -> t.Union[str, int]:
        """A map's key; the few field names of a protocol are decoded once."""
        start = self._position
        initial = self._data[start] if start < self._end else 0
        if 0x60 <= initial < 0x78:
            stop = start + initial - 0x5F
            raw = self._data[start:stop]
            known = self._known.get(raw)
            if known is not None:
                self._position = stop
                return known
            text = str(self._value())
            self._known[raw] = text
            return text
        key = self._value()
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            raise self._error("a map's key is neither text nor an integer")
        return key

    def _kept(self) -> t.Any:
        """A map of which most entries are skipped unread, so that they never become objects."""
        major, length = self._head()
        if major != _MAP:
            raise self._error(f'"{self._kept_name}" is not a map')
        self._enter(2 * length)
        result: t.Dict[str, str] = {}
        for _unused in range(length):
            wanted = self._text_span()
            value = self._text_span()
            if self._data.startswith(self._kept_prefix, wanted[0], wanted[1]):
                result[self._slice(wanted)] = self._slice(value)
        self._depth_left += 1
        return result

    def _text_span(self) -> t.Tuple[int, int]:
        start = self._position
        initial = self._data[start] if start < self._end else 0
        if 0x60 <= initial < 0x78:
            self._position = start + 1
            length = initial - 0x60
        else:
            major, length = self._head()
            if major != _TEXT:
                raise self._error(f'an entry of "{self._kept_name}" is not text')
        start = self._position
        self._position = stop = start + length
        if stop > self._end:
            raise self._error(f"a text of {length} bytes reaches beyond the end of the data")
        return start, stop

    def _slice(self, span: t.Tuple[int, int]) -> str:
        try:
            return self._data[span[0] : span[1]].decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._error(f"text that is not UTF-8: {error.reason}") from error
