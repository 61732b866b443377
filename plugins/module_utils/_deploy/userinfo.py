# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""User names, passwords and tokens inside URLs: taken out before anything shows or stores them."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote, urlsplit

from .._dataclass import dataclass

# Up to the last "@" before the path: a password may itself hold an unescaped "@".
_IN_TEXT = re.compile(r"\b([a-z][a-z0-9+.-]*://)([^\s/?#'\"<>]+)@", re.IGNORECASE)
_HIDDEN = "***"


@dataclass(frozen=True)
class Credential:
    """What a URL carried in front of its host; ``origin`` is the only place it may be sent to."""

    origin: str
    username: str
    password: str

    def __repr__(self) -> str:
        return "Credential(***)"


def redact(text: str, secrets: t.Iterable[str] = ()) -> str:
    """``text`` with every URL's userinfo, and every given secret, replaced by ``***``.

    A bare user name of an ssh URL is an address, not a secret, and stays.
    """
    for secret in sorted((value for value in secrets if value), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _IN_TEXT.sub(_hide, text)


def split_userinfo(url: str) -> t.Tuple[str, t.Optional[Credential]]:
    """The URL that may be shown and stored, and the credential it carried (http and https)."""
    parts = urlsplit(url) if re.match(r"https?://", url, re.IGNORECASE) else None
    if parts is None or "@" not in parts.netloc:
        return url, None
    userinfo, _dummy, host = parts.netloc.rpartition("@")
    username, _dummy, password = userinfo.partition(":")
    return (
        parts._replace(netloc=host).geturl(),
        Credential(
            origin=f"{parts.scheme}://{host}",
            username=unquote(username),
            password=unquote(password),
        ),
    )


def secrets_in(url: t.Optional[str]) -> t.Tuple[str, ...]:
    """The texts that must not appear in any result, raw and percent-decoded."""
    match = _IN_TEXT.match(url or "")
    if match is None:
        return ()
    username, _dummy, password = match.group(2).partition(":")
    scheme = match.group(1).lower()
    # A lone user name in front of an http host is a token; in front of an ssh host, an account.
    found = [password] if password or not scheme.startswith("http") else [username]
    return tuple(sorted({text for raw in found if raw for text in (raw, unquote(raw))}))


def _hide(match: t.Match[str]) -> str:
    scheme, userinfo = match.group(1), match.group(2)
    if scheme.lower() in ("ssh://", "git+ssh://", "ssh+git://"):
        username, colon, _dummy = userinfo.partition(":")
        return f"{scheme}{username}{':' + _HIDDEN if colon else ''}@"
    return f"{scheme}{_HIDDEN}@"
