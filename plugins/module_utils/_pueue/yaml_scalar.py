# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Single values and flow collections of YAML, and with them all of JSON."""

from __future__ import annotations

import re
import typing as t

_ESCAPES = {
    **{"0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"},
    **{"e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "\t": "\t"},
}
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}
_DEPTH = 32


class YamlError(ValueError):
    """Something this reader does not understand, by line."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line


class Plain(str):
    """An unquoted word; as in pueue's reader, whoever asks decides what it means."""

    @property
    def empty(self) -> bool:
        return self in ("null", "Null", "NULL", "~", "")

    @property
    def boolean(self) -> t.Optional[bool]:
        return {"true": True, "false": False}.get(
            self.lower() if self in (self.lower(), self.upper(), self.capitalize()) else ""
        )


class FlowReader:
    """Reads one value from a text that may span lines; ``position`` is where it stopped."""

    def __init__(self, text: str, *, line: int) -> None:
        self._text = text
        self._line = line
        self.position = 0

    def error(self, what: str) -> YamlError:
        return YamlError(self._line + self._text.count("\n", 0, self.position), what)

    def _next(self) -> str:
        return self._text[self.position : self.position + 1]

    def _skip_blank(self) -> None:
        while True:
            while self._next() and self._next() in " \t\r\n":
                self.position += 1
            previous = self._text[self.position - 1 : self.position]
            if self._next() != "#" or previous not in ("", " ", "\t", "\n"):
                return
            stop = self._text.find("\n", self.position)
            self.position = len(self._text) if stop < 0 else stop

    def end(self) -> None:
        """Nothing but blanks and comments may follow."""
        self._skip_blank()
        if self._next():
            raise self.error(f'unexpected "{self._rest_of_line()}"')

    def end_of_line(self) -> None:
        """Nothing but blanks and a comment may follow on this line."""
        rest = self._rest_of_line()
        if rest.strip() and not re.match(r"\s+#", rest):
            raise self.error(f'unexpected "{rest.strip()}"')

    def _rest_of_line(self) -> str:
        stop = self._text.find("\n", self.position)
        return self._text[self.position : stop if stop >= 0 else len(self._text)]

    def key(self) -> str:
        """A mapping's key, which must be the whole text."""
        key = self.scalar()
        self.end()
        return str(key)

    def scalar(self) -> str:
        """A quoted or plain value that fills the rest of the line."""
        if self._next() in ('"', "'") and self._next():
            return self._quoted()
        rest = re.split(r"\s#", self._rest_of_line(), maxsplit=1)[0]
        self._refuse_special(rest)
        if re.search(r":(\s|$)", rest):
            raise self.error(f'a second ": " in "{rest.strip()}"')
        self.position += len(rest)
        return Plain(rest.strip())

    def _refuse_special(self, text: str) -> None:
        first = text[:1]
        if first and first in "&*!":
            raise self.error("an anchor, alias or tag")
        if (first and first in "|>%@`,]}[{#") or re.match(r"[?-](\s|$)", text):
            raise self.error(f'"{first}" at the start of a value')

    def value(self, depth: int = 0) -> t.Any:
        """A flow collection or a scalar inside one."""
        self._skip_blank()
        if depth > _DEPTH:
            raise self.error("nested too deeply")
        first = self._next()
        if first == "{":
            return self._mapping(depth)
        if first == "[":
            return self._sequence(depth)
        if first in ('"', "'") and first:
            return self._quoted()
        return Plain(self._flow_word())

    def _flow_word(self) -> str:
        found = re.compile(r"(?:[^,\[\]{}\n:#]|:(?![\s,\[\]{}]|$)|(?<!\s)#)*").match(
            self._text, self.position
        )
        word = found.group() if found else ""
        self._refuse_special(word)
        if not word.strip():
            raise self.error("a value is missing")
        self.position += len(word)
        return word.strip()

    def _mapping(self, depth: int) -> t.Dict[str, t.Any]:
        self.position += 1
        result: t.Dict[str, t.Any] = {}
        while not self._closes("}"):
            key = self.value(depth + 1)
            if not isinstance(key, str):
                raise self.error("a key that is not text")
            if str(key) in result:
                raise self.error(f'the key "{key}" occurs twice')
            self._skip_blank()
            if self._next() != ":":
                raise self.error(f'":" is missing after "{key}"')
            self.position += 1
            result[str(key)] = self.value(depth + 1)
            self._separator("}")
        return result

    def _sequence(self, depth: int) -> t.List[t.Any]:
        self.position += 1
        result: t.List[t.Any] = []
        while not self._closes("]"):
            result.append(self.value(depth + 1))
            self._separator("]")
        return result

    def _closes(self, bracket: str) -> bool:
        self._skip_blank()
        if self._next() != bracket:
            return False
        self.position += 1
        return True

    def _separator(self, bracket: str) -> None:
        self._skip_blank()
        if self._next() == ",":
            self.position += 1
        elif self._next() != bracket:
            raise self.error(f'"," or "{bracket}" is missing')

    def _quoted(self) -> str:
        quote = self._next()
        self.position += 1
        parts: t.List[str] = []
        while True:
            letter = self._next()
            if letter in ("", "\n"):
                raise self.error(f"a text without its closing {quote} on the same line")
            self.position += 1
            if letter == quote:
                if quote == "'" and self._next() == "'":
                    self.position += 1
                else:
                    return "".join(parts)
            elif letter == "\\" and quote == '"':
                letter = self._escape()
            parts.append(letter)

    def _escape(self) -> str:
        letter = self._next()
        self.position += 1
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        size = _HEX_ESCAPES.get(letter)
        if size is None:
            raise self.error(f'the escape "\\{letter}"')
        code = self._hex(size)
        if 0xD800 <= code < 0xDC00 and self._text.startswith("\\u", self.position):
            self.position += 2
            code = 0x10000 + ((code - 0xD800) << 10) + (self._hex(4) - 0xDC00)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise self.error("an escape that is no character")
        return chr(code)

    def _hex(self, size: int) -> int:
        digits = self._text[self.position : self.position + size]
        if not re.match(rf"[0-9a-fA-F]{{{size}}}$", digits):
            raise self.error("an incomplete escape")
        self.position += size
        return int(digits, 16)
