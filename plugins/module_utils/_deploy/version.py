# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Exact versions: ``1.0`` and ``1.0.0`` are the same one, ``1.0rc1`` is another."""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetError

_PACKAGE = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._, -]+\])?\Z"
_VERSION = (
    r"(?i)^v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>\d*))?"
    r"(?P<post>(?:-\d+)|(?:[-_.]?(?:post|rev|r)[-_.]?\d*))?"
    r"(?P<dev>[-_.]?dev[-_.]?\d*)?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\Z"
)
_PRE = {"alpha": "a", "beta": "b", "preview": "rc", "pre": "rc", "c": "rc"}


def check_package(package: str) -> str:
    """A distribution's name, extras allowed; never an option or a URL in disguise."""
    if not re.match(_PACKAGE, package):
        raise FleetError(f'package "{package}" is no name of a package; write for example "mypkg".')
    return package


def check_version(version: str) -> str:
    """One exact version, not a range."""
    if not re.match(_VERSION, version):
        raise FleetError(
            f'version "{version}" is no exact version; write for example "1.4.2", without "==", '
            '">=" or "*".'
        )
    return version


def base_name(package: str) -> str:
    """The name without extras, in the form in which indexes compare names."""
    return re.sub(r"[-_.]+", "-", package.partition("[")[0]).lower()


def same(one: str, other: str) -> bool:
    """Whether two spellings are the same version."""
    return _key(one) == _key(other)


def _key(version: str) -> t.Tuple[t.Any, ...]:
    match = re.match(_VERSION, version.strip())
    if match is None:
        return (version,)
    release = [int(part) for part in match["release"].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    pre = (match["pre"] or "").lower()
    return (
        int(match["epoch"] or 0),
        tuple(release),
        (_PRE.get(pre, pre), int(match["pre_number"] or 0)) if pre else None,
        _number(match["post"]),
        _number(match["dev"]),
        re.sub(r"[-_.]", ".", match["local"] or "").lower(),
    )


def _number(text: t.Optional[str]) -> t.Optional[int]:
    if text is None:
        return None
    digits = re.sub(r"\D", "", text)
    return int(digits or 0)
