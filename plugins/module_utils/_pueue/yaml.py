# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The YAML that configuration files of pueue are written in; the rest is refused by line number."""

from __future__ import annotations

import re
import typing as t

from .yaml_scalar import FlowReader, Plain, YamlError

__all__ = ["Plain", "YamlError", "parse"]

_KEY = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s'"\[\]{},&*!|>%@`#?-][^#]*?|[?-][^\s#][^#]*?)"""
    r"""\s*:(?:\s+(?P<rest>.*))?$"""
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# One level needs one column at least, so this bounds the recursion.
_DEEPEST_INDENT = 100
_BLOCK_SCALAR = re.compile(r"(?P<style>[|>])(?P<chomp>[+-]?)(?:\s+#.*)?$")


class _Line(t.NamedTuple):
    number: int
    indent: int
    text: str


def parse(text: str) -> t.Any:
    """The value of a document: dicts, lists, texts and ``Plain`` words; ``None`` if empty."""
    return _BlockReader(text).document()


class _BlockReader:
    """Reads block mappings and lists by indentation; single values go to the flow reader."""

    def __init__(self, text: str) -> None:
        control = _CONTROL.search(text)
        if control:
            raise YamlError(text.count("\n", 0, control.start()) + 1, "a control character")
        self._raw = text.lstrip("\ufeff").replace("\r\n", "\n").rstrip("\n").split("\n")
        self._index = 0

    def document(self) -> t.Any:
        line = self._peek()
        if line is not None and line.text == "---":
            self._index += 1
            line = self._peek()
        if line is None:
            return None
        value = self._node(line.indent)
        line = self._peek()
        if line is not None:
            raise YamlError(line.number, "this indentation belongs to nothing above")
        return value

    def _peek(self) -> t.Optional[_Line]:
        """The next line with content, comments and blank lines skipped."""
        while self._index < len(self._raw):
            raw = self._raw[self._index]
            text = raw.strip(" \t\r")
            if text and not text.startswith("#"):
                return self._line(raw, text)
            self._index += 1
        return None

    def _line(self, raw: str, text: str) -> _Line:
        number = self._index + 1
        indent = len(raw) - len(raw.lstrip(" "))
        if raw[indent] == "\t":
            raise YamlError(number, "a tab in the indentation")
        if text == "..." or (text == "---" and any(map(_content, self._raw[: self._index]))):
            raise YamlError(number, "a second document")
        if text.startswith("%"):
            raise YamlError(number, "a directive")
        return _Line(number, indent, text)

    def _node(self, indent: int) -> t.Any:
        line = self._peek()
        if line is None:
            raise YamlError(0, "an end where a value belongs")
        if indent > _DEEPEST_INDENT:
            raise YamlError(line.number, "nested too deeply")
        if _is_list_item(line.text):
            return self._list(indent)
        if _KEY.match(line.text):
            return self._mapping(indent)
        self._index += 1
        return self._single(line)

    def _mapping(self, indent: int) -> t.Dict[str, t.Any]:
        result: t.Dict[str, t.Any] = {}
        while True:
            line = self._peek()
            if line is None or line.indent < indent:
                return result
            found = _KEY.match(line.text)
            if line.indent > indent or found is None:
                raise YamlError(line.number, 'expected "key: value" at this indentation')
            key = FlowReader(found["key"], line=line.number).key()
            if "\t" in found["key"] or line.text[found.end("key")] == "\t":
                raise YamlError(line.number, "a tab in a key")
            if key in result:
                raise YamlError(line.number, f'the key "{key}" occurs twice')
            self._index += 1
            rest = found["rest"] or ""
            # A list may stand at the indentation of its key.
            result[key] = self._below(line._replace(text=rest.strip()), indent, list_at=indent)

    def _below(self, line: _Line, indent: int, *, list_at: int) -> t.Any:
        """The value that belongs to a key or dash: on its line, or indented under it."""
        if line.text and not line.text.startswith("#"):
            return self._single(line)
        following = self._peek()
        if following is None:
            return Plain("")
        least = list_at if _is_list_item(following.text) else indent + 1
        return self._node(following.indent) if following.indent >= least else Plain("")

    def _list(self, indent: int) -> t.List[t.Any]:
        result: t.List[t.Any] = []
        while True:
            line = self._peek()
            if line is None or line.indent < indent or not _is_list_item(line.text):
                return result
            if line.indent > indent:
                raise YamlError(line.number, "this list item is indented too far")
            item = line.text[1:].strip()
            if _is_list_item(item) or (_KEY.match(item) and item[:1] not in "\"'[{"):
                raise YamlError(line.number, "a mapping or list inside a list item")
            self._index += 1
            result.append(self._below(line._replace(text=item), indent, list_at=indent + 1))

    def _single(self, line: _Line) -> t.Any:
        """A value that starts on this line: block scalar, flow collection or scalar."""
        block = _BLOCK_SCALAR.match(line.text)
        if block:
            return self._block_scalar(line.indent, style=block["style"], chomp=block["chomp"])
        if line.text[0] in "[{":
            return self._flow(line)
        reader = FlowReader(line.text, line=line.number)
        value = reader.scalar()
        reader.end()
        following = self._peek()
        if following is not None and following.indent > line.indent:
            raise YamlError(following.number, "a value that goes on over several lines")
        return value

    def _flow(self, line: _Line) -> t.Any:
        """A flow collection, which may end on a later line."""
        text = "\n".join([line.text, *self._raw[self._index :]])
        reader = FlowReader(text, line=line.number)
        value = reader.value()
        reader.end_of_line()
        self._index = line.number + text.count("\n", 0, reader.position)
        return value

    def _block_scalar(self, parent: int, *, style: str, chomp: str) -> str:
        lines: t.List[str] = []
        indent = 0
        while self._index < len(self._raw):
            raw = self._raw[self._index]
            own = len(raw) - len(raw.lstrip(" "))
            if raw.strip():
                indent = indent or own
                if own < indent or indent <= parent:
                    break
            lines.append(raw[indent:] if raw.strip() else "")
            self._index += 1
        return _chomped(lines, style=style, chomp=chomp, number=self._index)


def _content(raw: str) -> bool:
    text = raw.strip()
    return bool(text) and not text.startswith("#")


def _is_list_item(text: str) -> bool:
    return text == "-" or text.startswith("- ")


def _chomped(lines: t.List[str], *, style: str, chomp: str, number: int) -> str:
    trailing = 0
    while lines and not lines[-1]:
        lines.pop()
        trailing += 1
    if style == "|":
        body = "\n".join(lines)
    elif any(line[:1] in ("", " ") for line in lines):
        raise YamlError(number, "a folded text with blank or indented lines")
    else:
        body = " ".join(lines)
    if not lines:
        return "\n" * trailing if chomp == "+" else ""
    return body + {"-": "", "": "\n", "+": "\n" * (trailing + 1)}[chomp]
