# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Environment assignments hidden in a command (INV-5), such as ``X=1 job`` or ``env X=1 job``."""

from __future__ import annotations

import os
import re
import shlex
import typing as t

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_OPERATORS = set(";&|()\n`")
# After these words a command begins; an assignment may hide behind each of them.
_KEYWORDS = frozenset(("{", "}", "!", "do", "then", "else", "elif", "if", "while", "until", "time"))
_WRAPPERS = frozenset(
    (
        *("exec", "command", "builtin", "nohup", "nice", "ionice", "sudo", "setsid", "stdbuf"),
        *("timeout", "chrt", "taskset"),
    )
)
_WRAPPER_OPTIONS_WITH_VALUE = frozenset(("-u", "-g", "-s", "-k", "-n", "-c", "-p"))
_EXPORTING = frozenset(("export", "declare", "typeset", "readonly"))
_SHELLS = frozenset(("sh", "bash", "dash", "ksh", "zsh"))
# Read by the shell itself and never by a job: `while IFS= read -r line`.
_HARMLESS = frozenset(("IFS",))
_ROUGH = re.compile(
    r"(?:^|[;&|(`\n]|\b(?:do|then|else|env|export)\b)\s*([A-Za-z_][A-Za-z0-9_]*)=\S*[ \t]+\S"
)


def assigned_in_argv(argv: t.Sequence[str]) -> t.Optional[str]:
    """The variable that an argv sets before its program starts, or None."""
    words = _after_wrappers(argv)
    if not words:
        return None
    if _ASSIGNMENT.match(words[0]):
        return _name(words[0])
    if os.path.basename(words[0]) == "env":
        return _assigned_by_env(words[1:])
    call = shell_call(words)
    return assigned_in_shell(call.text) if call else None


class ShellCall(t.NamedTuple):
    """``bash -eo pipefail -c text``: the shell's name, its words before the text, the text."""

    shell: str
    options: t.Tuple[str, ...]
    text: str


def shell_call(argv: t.Sequence[str]) -> t.Optional[ShellCall]:
    """The shell text that an argv runs, behind wrappers such as ``nice``; None without one."""
    words = _after_wrappers(argv)
    shell = os.path.basename(words[0]) if words else ""
    if shell in _SHELLS:
        for place, (option, text) in enumerate(zip(words[1:], words[2:]), start=1):
            if re.match(r"-[A-Za-z]*c$", option):
                return ShellCall(shell, tuple(words[1 : place + 1]), text)
    return None


def script_call(argv: t.Sequence[str]) -> t.Optional[t.Tuple[str, t.List[str]]]:
    """The script file that an argv runs, and the shell with its options where it names one."""
    words = _after_wrappers(argv)
    if not words or shell_call(argv):
        return None
    if os.path.basename(words[0]) not in _SHELLS:
        return (words[0], []) if "/" in words[0] else None
    for place, word in enumerate(words[1:], start=1):
        if not word.startswith(("-", "+")) and words[place - 1] not in ("-o", "+o", "-O", "-eo"):
            return word, words[:place]
    return None


def assigned_in_shell(text: str) -> t.Optional[str]:
    """The variable that a shell text sets for a command it starts, or None.

    A plain ``n=5;`` is a variable of the shell and no configuration of a program: allowed.
    """
    try:
        tokens = _tokens(text)
    except ValueError:  # an apostrophe in a comment or a here-document
        match = _ROUGH.search(text)
        return match.group(1) if match and match.group(1) not in _HARMLESS else None
    command: t.List[str] = []
    arithmetic = False
    for token in [*tokens, ";"]:
        if not set(token) <= _OPERATORS:
            command.append(token)
            continue
        found = None if arithmetic else _assigned_in_simple_command(command)
        if found:
            return found
        command = []
        arithmetic = "((" in token or (arithmetic and "))" not in token)
    return None


def _assigned_in_simple_command(words: t.Sequence[str]) -> t.Optional[str]:
    rest = list(words)
    while rest and rest[0] in _KEYWORDS:
        rest.pop(0)
    leading = _leading_assignments(rest)
    rest = rest[len(leading) :]
    if not rest:
        return None
    assigned = [_name(word) for word in leading if _name(word) not in _HARMLESS]
    if rest[0] in _EXPORTING:
        assigned += [_name(word) for word in rest[1:] if _ASSIGNMENT.match(word)]
    return assigned[0] if assigned else assigned_in_argv(rest)


def _leading_assignments(words: t.Sequence[str]) -> t.List[str]:
    found: t.List[str] = []
    for word in words:
        if not _ASSIGNMENT.match(word):
            break
        found.append(word)
    return found


def _assigned_by_env(words: t.Sequence[str]) -> t.Optional[str]:
    """``env [options] [NAME=value …] program``; ``-S`` carries a whole line in one word."""
    takes_value = False
    for position, word in enumerate(words):
        if takes_value:
            takes_value = False
        elif word in ("-S", "--split-string") and position + 1 < len(words):
            return _assigned_by_env(shlex.split(words[position + 1]))
        elif word.startswith("-S") or word.startswith("--split-string="):
            line = word[2:] if word.startswith("-S") else word.partition("=")[2]
            return _assigned_by_env(shlex.split(line))
        elif word in ("-u", "--unset", "-C", "--chdir"):
            takes_value = True
        elif _ASSIGNMENT.match(word):
            return _name(word)
        elif not word.startswith("-"):
            return None
    return None


def _after_wrappers(argv: t.Sequence[str]) -> t.List[str]:
    """The words from the real program on: ``nice -n 5 env X=1 job`` → ``env X=1 job``."""
    rest = list(argv)
    while rest and os.path.basename(rest[0]) in _WRAPPERS:
        rest.pop(0)
        while rest and re.match(r"-|\d+(\.\d+)?[smhd]?$", rest[0]):
            option = rest.pop(0)
            if option in _WRAPPER_OPTIONS_WITH_VALUE and rest:
                rest.pop(0)
    return rest


def _tokens(text: str) -> t.List[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="".join(sorted(_OPERATORS)))
    lexer.whitespace = " \t\r"
    lexer.commenters = ""
    lexer.whitespace_split = True
    return list(lexer)


def _name(word: str) -> str:
    match = _ASSIGNMENT.match(word)
    return match.group(1) if match else word
