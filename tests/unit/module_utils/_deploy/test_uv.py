# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of uv's answers means "not yet visible": real answers, word for word."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import uv, version
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError

NO_SOLUTION = "error: No solution found when resolving dependencies\n  cause: "
END = "we can conclude that your requirements are unsatisfiable."
MISSING = "Because there is no version of demo-pkg==9.9.9 and you require demo-pkg==9.9.9, "

# (name, what uv printed, whether it is worth asking again)
ANSWERS = [
    ("not visible yet", NO_SOLUTION + MISSING + END, True),
    (
        "not visible yet, as older versions draw and wrap it",
        "  \u00d7 No solution found when resolving dependencies:\n"
        "  \u2570\u2500\u25b6 Because there is no version of demo-pkg==9.9.9 and you require\n"
        "      demo-pkg==9.9.9, we can conclude that your requirements are\n"
        "      unsatisfiable.\n",
        True,
    ),
    (
        "wrapped inside of the sentence",
        "  \u2570\u2500\u25b6 Because there is no\n  \u2502   version of demo-pkg==9.9.9 and you",
        True,
    ),
    (
        "on another index in another version",
        NO_SOLUTION
        + MISSING
        + END
        + "\n\nhint: `demo-pkg` was found on http://127.0.0.1:8977/simple2, but not at the "
        "requested version (demo-pkg==9.9.9). A compatible version may be available on a "
        "subsequent index",
        True,
    ),
    (
        "package unknown to the index",
        NO_SOLUTION
        + "Because demo-pkg was not found in the package registry and you require demo-pkg==9.9.9, "
        + END,
        False,
    ),
    (
        "no wheel for this Python",
        NO_SOLUTION
        + "Because demo-pkg==9.9.9 has no wheels with a matching Python implementation tag (e.g., "
        "`cp311`) and you require demo-pkg==9.9.9, " + END,
        False,
    ),
    (
        "requires another Python",
        NO_SOLUTION
        + "Because the current Python version (3.11.7) does not satisfy Python>=3.99 and "
        "demo-pkg==9.9.9 depends on Python>=3.99, we can conclude that demo-pkg==9.9.9 cannot "
        "be used.",
        False,
    ),
    (
        "a dependency has no such version",
        NO_SOLUTION + "Because there is no version of helper==3.0.0 and demo-pkg==9.9.9 depends on "
        "helper==3.0.0, we can conclude that demo-pkg==9.9.9 cannot be used.",
        False,
    ),
    (
        "a dependency whose name begins the same",
        NO_SOLUTION + "Because there is no version of demo-pkg-extra==9.9.9 and demo-pkg==9.9.9",
        False,
    ),
    (
        "no credential",
        NO_SOLUTION
        + MISSING
        + END
        + "\n\nhint: An index URL (http://h/auth) could not be queried due to a lack of valid "
        "authentication credentials (401 Unauthorized)",
        False,
    ),
    (
        "forbidden",
        NO_SOLUTION
        + MISSING
        + END
        + "\n\nhint: An index (http://h) returned a 403 Forbidden error.",
        False,
    ),
    (
        "connection refused",
        "error: Failed to fetch: http://127.0.0.1:1/simple/demo-pkg/\n"
        "  cause: error sending request\n  cause: Connection refused (os error 111)",
        False,
    ),
    (
        "server error",
        "error: Failed to fetch: http://h/simple/demo-pkg/\n"
        "  cause: HTTP status server error (500 Internal Server Error)",
        False,
    ),
    (
        "no environment",
        "error: No virtual environment or system Python installation found for path `/x`",
        False,
    ),
    ("offline", NO_SOLUTION + MISSING + END + "\nhint: the network was disabled", False),
    ("nothing", "", False),
]


@pytest.mark.parametrize(
    ("said", "again"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_not_yet_visible(said: str, again: bool) -> None:
    assert uv.not_yet_visible(said, package="Demo.Pkg[fast]", version="9.9.9") is again


def test_index_reaches_uv_by_its_environment() -> None:
    index = uv.Index("https://old:one@h/simple", "de ploy", "p@ss", ("https://u:q@i/",))
    assert index.environment() == {
        "UV_DEFAULT_INDEX": "https://de%20ploy:p%40ss@h/simple",
        "UV_INDEX": "https://u:q@i/",
    }
    assert set(index.secrets) == {"one", "q", "p@ss"}
    assert "p@ss" not in repr(index)
    assert uv.Index().environment() == {}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.0", "1.0.0", True),
        ("1.0", "1.0.1", False),
        ("1.0rc1", "1.0-RC.1", True),
        ("1.0rc1", "1.0", False),
        ("1.0a1", "1.0.alpha1", True),
        ("1.0.post1", "1.0-1", True),
        ("1.0.dev2", "1.0dev2", True),
        ("1.0+local.1", "1.0+local-1", True),
        ("1.0+local", "1.0", False),
        ("1!1.0", "1.0", False),
        ("v1.0", "1.0", True),
        ("odd", "odd", True),
    ],
)
def test_same_version(one: str, other: str, same: bool) -> None:
    assert version.same(one, other) is same


@pytest.mark.parametrize("text", [">=1.0", "1.*", "", "==1.0", "1.0 -i x", "latest", "1.0\n"])
def test_what_is_no_exact_version(text: str) -> None:
    with pytest.raises(FleetError, match="no exact version"):
        version.check_version(text)


@pytest.mark.parametrize("text", ["-r x", "x @ https://h", "a b", "", "demo==1", "./demo", "x\n"])
def test_what_is_no_package(text: str) -> None:
    with pytest.raises(FleetError, match="no name of a package"):
        version.check_package(text)


def test_base_name() -> None:
    assert version.base_name("Demo_Pkg.x[fast]") == "demo-pkg-x"
