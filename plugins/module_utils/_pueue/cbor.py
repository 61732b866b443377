# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The part of CBOR (RFC 8949) that pueue 4 speaks: integers, text, arrays, maps, booleans, null."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass

_UINT, _NEGINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_MAJOR_NAMES = {_BYTES: "a byte string", _TAG: "a tag", _SIMPLE: "a float or simple value"}
# Items that are one byte: numbers from -24 to 23, and what is neither a number nor a text.
_SINGLE_BYTES: t.Dict[int, t.Union[bool, int, None]] = {
    **{number: number for number in range(24)},
    **{0x20 + number: -1 - number for number in range(24)},
    **{0xF4: False, 0xF5: True, 0xF6: None},
}
# By its first byte, how many bytes a text of up to 23 has in all; 0 for everything else.
_SHORT_TEXT = [byte - 0x5F if 0x60 <= byte < 0x78 else 0 for byte in range(256)]
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


def _error(position: int, what: str) -> CborError:
    return CborError(f"byte {position}: {what}")


class _Decoder:
    """One pass over ``data``. A reader takes the position of a byte and returns what it read
    there and the position behind it.

    Replies are MBs of short texts under few names, so the loops over maps read these themselves.
    They do not look whether a text reaches beyond the end: then there is no next byte to read, or
    ``whole`` sees the wrong end.
    """

    def __init__(self, data: bytes, limits: Limits, keep: t.Optional[Keep]) -> None:
        self._data = data
        self._end = len(data)
        self._depth_left = limits.depth
        self._items_left = limits.items
        # Short texts that were keys before; None stands for "read this key by itself".
        self._names: t.Dict[bytes, t.Optional[str]] = {b"": None}
        self._kept_name = keep.name if keep else None
        self._kept_prefix = keep.prefix.encode("utf-8") if keep else b""

    def whole(self) -> t.Any:
        try:
            value, position = self._value(0)
        except IndexError:
            raise _error(self._end, "the data end where a value should begin") from None
        if position > self._end:
            raise self._beyond(position)
        if position < self._end:
            raise _error(position, f"{self._end - position} bytes left over after the value")
        return value

    def _beyond(self, stop: int) -> CborError:
        return _error(self._end, f"a text reaches {stop - self._end} bytes beyond the end")

    def _not_utf8(self, stop: int, error: UnicodeDecodeError) -> CborError:
        """A text that is not UTF-8, perhaps only because its end is missing."""
        if stop > self._end:
            return self._beyond(stop)
        return _error(stop, f"text that is not UTF-8: {error.reason}")

    def _argument(self, position: int) -> t.Tuple[int, int]:
        """The argument of an item, and where its content begins."""
        info = self._data[position] & 0x1F
        start = position + 1
        if info < 24:
            return info, start
        size = _ARGUMENT_SIZES.get(info)
        if size is None:
            raise _error(position, "indefinite or reserved length")
        stop = start + size
        if stop > self._end:
            raise _error(position, "the data end inside a length")
        return int.from_bytes(self._data[start:stop], "big"), stop

    def _value(self, position: int) -> t.Tuple[t.Any, int]:
        return _READERS[self._data[position]](self, position)

    def _foreign(self, position: int) -> t.Tuple[t.Any, int]:
        major = self._data[position] >> 5
        if major != _SIMPLE:
            self._argument(position)
        raise _error(position, f"{_MAJOR_NAMES[major]} has no place in pueue's protocol")

    def _single(self, position: int) -> t.Tuple[t.Any, int]:
        return _SINGLE_BYTES[self._data[position]], position + 1

    def _negative(self, position: int) -> t.Tuple[int, int]:
        argument, stop = self._argument(position)
        return -1 - argument, stop

    def _text(self, position: int) -> t.Tuple[str, int]:
        length, start = self._argument(position)
        return self._slice(start, start + length), start + length

    def _slice(self, start: int, stop: int) -> str:
        if stop > self._end:
            raise self._beyond(stop)
        try:
            return self._data[start:stop].decode()
        except UnicodeDecodeError as error:
            raise self._not_utf8(stop, error) from error

    def _enter(self, items: int, position: int) -> None:
        """Refuse a container before anything is reserved for what it announces."""
        self._depth_left -= 1
        self._items_left -= items
        if self._depth_left < 0:
            raise _error(position, "nested too deeply")
        if items > self._end - position:
            raise _error(position, f"announces {items} items, more than the bytes that follow")
        if self._items_left < 0:
            raise _error(position, "more items than are accepted")

    def _array(self, position: int) -> t.Tuple[t.List[t.Any], int]:
        length, position = self._argument(position)
        self._enter(length, position)
        values: t.List[t.Any] = []
        for _unused in range(length):
            value, position = self._value(position)
            values.append(value)
        self._depth_left += 1
        return values, position

    def _map(self, position: int) -> t.Tuple[t.Dict[t.Any, t.Any], int]:
        data, names = self._data, self._names
        length, position = data[position] & 0x1F, position + 1
        if length > 23:
            length, position = self._argument(position - 1)
        self._enter(2 * length, position)
        result: t.Dict[t.Any, t.Any] = {}
        try:
            for _unused in range(length):
                stop = position + _SHORT_TEXT[data[position]]
                try:
                    key: t.Any = names[data[position:stop]]
                except KeyError:
                    key = None
                if key is None:
                    key, stop = self._key(position)
                    if key == self._kept_name:
                        result[key], position = self._kept(stop)
                        continue
                position = stop + _SHORT_TEXT[data[stop]]
                if position > stop:
                    result[key] = data[stop + 1 : position].decode()
                else:
                    result[key], position = _READERS[data[stop]](self, stop)
        except UnicodeDecodeError as error:
            raise self._not_utf8(position, error) from error
        if len(result) != length:
            raise _error(position, "a key occurs twice in one map")
        self._depth_left += 1
        return result, position

    def _key(self, position: int) -> t.Tuple[t.Union[str, int], int]:
        """A map's key; short texts are names of fields and will be known the next time."""
        key, stop = self._value(position)
        if key.__class__ is int:
            return key, stop
        if not isinstance(key, str):
            raise _error(position, "a map's key is neither text nor an integer")
        if _SHORT_TEXT[self._data[position]]:
            self._names[self._data[position:stop]] = None if key == self._kept_name else key
        return key, stop

    def _kept(self, position: int) -> t.Tuple[t.Dict[str, str], int]:
        """A map of which most entries are skipped unread, so that they never become objects."""
        data, prefix = self._data, self._kept_prefix
        if data[position] >> 5 != _MAP:
            raise _error(position, f'"{self._kept_name}" is not a map')
        length, position = self._argument(position)
        self._enter(2 * length, position)
        result: t.Dict[str, str] = {}
        for _unused in range(length):
            start, stop = position + 1, position + _SHORT_TEXT[data[position]]
            if stop < start:
                start, stop = self._span(position)
            value, position = stop + 1, stop + _SHORT_TEXT[data[stop]]
            if position < value:
                value, position = self._span(stop)
            if data.startswith(prefix, start, stop):
                result[self._slice(start, stop)] = self._slice(value, position)
        self._depth_left += 1
        return result, position

    def _span(self, position: int) -> t.Tuple[int, int]:
        """Where a text of any length begins and ends."""
        if self._data[position] >> 5 != _TEXT:
            raise _error(position, f'an entry of "{self._kept_name}" is not text')
        length, start = self._argument(position)
        stop = start + length
        if stop > self._end:
            raise self._beyond(stop)
        return start, stop


_Reader = t.Callable[[_Decoder, int], t.Tuple[t.Any, int]]
_BY_MAJOR: t.Dict[int, _Reader] = {
    _UINT: _Decoder._argument,
    _NEGINT: _Decoder._negative,
    _TEXT: _Decoder._text,
    _ARRAY: _Decoder._array,
    _MAP: _Decoder._map,
}
# By an item's first byte.
_READERS: t.List[_Reader] = [
    _Decoder._single if byte in _SINGLE_BYTES else _BY_MAJOR.get(byte >> 5, _Decoder._foreign)
    for byte in range(256)
]
