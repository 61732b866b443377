# SPDX-License-Identifier: GPL-3.0-or-later
"""A pyinfra connector for many names on this machine (its own ``@local`` takes only one)."""

from __future__ import annotations

import typing as t

from pyinfra.connectors.local import LocalConnector


class Here(LocalConnector):  # type: ignore[misc,unused-ignore]
    """``@here/NAME``: like ``@local``, with a name."""

    @staticmethod
    def make_names_data(name: t.Optional[str] = None) -> t.Iterator[t.Tuple[str, t.Any, t.Any]]:
        yield f"@here/{name}", {}, ["@here"]
