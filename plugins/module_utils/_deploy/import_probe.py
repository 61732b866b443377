# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Runs inside the jobs' own interpreter (its source is sent there) and tells what it imports.

Usage: ``python -B -c SOURCE FD`` with a request on stdin, a Python literal; the JSON answer goes to
the file descriptor FD, so that whatever the imported code prints is no part of it. Stands alone:
imports nothing of this collection, and of the standard library as little as possible, since that
is most of what a look costs.
"""

from __future__ import annotations

import sys

# The working directory comes first on the path, as for jobs; a stray json.py there must not
# break the probe, only be reported by it.
_PATH = list(sys.path)
if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if entry != ""]

import importlib  # noqa: E402
import importlib.machinery  # noqa: E402
import importlib.util  # noqa: E402
import os  # noqa: E402
import sysconfig  # noqa: E402

TYPE_CHECKING = False  # jobs' interpreters need no annotations, and typing is slow to import
if TYPE_CHECKING:
    import ast
    import typing as t

_LIMIT = 300
_UNSURE = ""


def main(answer_fd: int) -> None:
    # Whoever writes the request has written this program as well.
    request = eval(sys.stdin.read(), {})
    sys.stdin.close()
    packages = request["packages"]
    answer: t.Dict[str, t.Any] = {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "sites": sorted({sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")}),
        "externally_managed": os.path.exists(
            os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
        )
        and sys.prefix == sys.base_prefix,
        "distributions": {name: distribution(name) for name in packages},
    }
    sys.path[:] = _PATH
    answer["shadowed"] = shadowed() if request["shadowing"] else []
    forget([one[0] for one in answer["shadowed"]])
    answer["names"] = request["names"] or derived(answer["distributions"])
    wanted = [*answer["names"], *request["modules"]]
    answer["modules"] = {name: module(name, run=request["import"]) for name in wanted}
    answer["expressions"] = [expression(text) for text in request["expressions"]]
    with os.fdopen(answer_fd, "w", encoding="ascii") as stream:
        stream.write(as_json(answer))


def as_json(value: t.Any) -> str:
    """What ``json.dumps`` makes of plain data."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        pairs = (f"{as_json(key)}: {as_json(inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(as_json(inner) for inner in value)}]"
    units = str(value).encode("utf-16-be", "surrogatepass")
    codes = (units[at] << 8 | units[at + 1] for at in range(0, len(units), 2))
    plain = "".join(chr(c) if 32 <= c < 127 and c not in (34, 92) else f"\\u{c:04x}" for c in codes)
    return f'"{plain}"'


def distribution(name: str) -> t.Optional[t.Dict[str, t.Any]]:
    """What the metadata of an installed distribution says; None where there is none."""
    folder = dist_info(name)
    if folder is None:
        return None
    found = None if folder == _UNSURE else from_folder(folder)
    return found or from_metadata(name)


def dist_info(name: str) -> t.Optional[str]:
    """The metadata folder that ``importlib.metadata`` would find; ``_UNSURE`` where it should look
    itself, which costs three times as much as all else here."""
    others = [one for one in sys.meta_path if hasattr(one, "find_distributions")]
    if others != [importlib.machinery.PathFinder]:
        return _UNSURE
    for place in sys.path:
        if os.path.isfile(place) or place.lower().endswith(".egg"):
            return _UNSURE
        found = folders_of(name, place)
        if found is None or len(found) > 1:
            # Two of one package, as an installation that was killed leaves them.
            return _UNSURE
        if found:
            return found[0] if found[0].lower().endswith(".dist-info") else _UNSURE
    return None


def folders_of(name: str, place: str) -> t.Optional[t.List[str]]:
    """Metadata of a package in one place; None where that cannot be listed."""
    try:
        entries = os.listdir(place) if os.path.isdir(place) else ()
    except OSError:
        return None
    found = []
    for entry in entries:
        stem, _dot, kind = entry.lower().rpartition(".")
        if kind in ("dist-info", "egg-info") and normal(stem.partition("-")[0]) == name:
            found.append(os.path.join(place, entry))
    return found


def from_folder(folder: str) -> t.Optional[t.Dict[str, t.Any]]:
    """The same as ``from_metadata``; None where the folder is not what every installer makes."""
    headers = (text_of(folder, "METADATA") or "").partition("\n\n")[0].splitlines()
    known = dict(
        line.split(": ", 1) for line in headers if line.startswith(("Name: ", "Version: "))
    )
    if len(known) != 2:
        return None
    lines = (text_of(folder, "RECORD") or "").splitlines()
    files = [line.rsplit(",", 2)[0].strip('"').replace('""', '"') for line in lines]
    location = os.path.realpath(os.path.dirname(folder))
    return described(
        known["Name"].strip(),
        known["Version"].strip(),
        location,
        read=lambda file: text_of(folder, file),
        files=files,
    )


def from_metadata(name: str) -> t.Optional[t.Dict[str, t.Any]]:
    """Also eggs, archives, and what other finders know."""
    from importlib import metadata

    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    return described(
        found.metadata["Name"],
        found.version,
        os.path.realpath(str(found.locate_file(""))),
        read=found.read_text,
        files=[str(file) for file in found.files or []],
    )


def described(
    name: str,
    version: str,
    location: str,
    *,
    read: t.Callable[[str], t.Optional[str]],
    files: t.List[str],
) -> t.Dict[str, t.Any]:
    """One distribution as it goes into the answer."""
    names = (os.path.basename(file) for file in files)
    return {
        "name": name,
        "version": version,
        "location": location,
        "direct_url": read("direct_url.json"),
        "top_level": top_level(read("top_level.txt"), files),
        "editable_files": [one for one in names if "__editable__" in one],
        "egg_link": egg_link(name),
    }


def text_of(folder: str, name: str) -> t.Optional[str]:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def derived(distributions: t.Dict[str, t.Any]) -> t.List[str]:
    """Import names where the caller gave none: what the packages installed, or are called."""
    found = []
    for name, one in distributions.items():
        public = [top for top in (one["top_level"] if one else []) if not top.startswith("_")]
        found += public or [name.replace("-", "_")]
    return found


def top_level(text: t.Optional[str], files: t.List[str]) -> t.List[str]:
    """Import names of a distribution, from its metadata or from the files it installed."""
    if text and text.split():
        return text.split()
    found = set()
    for file in files:
        head, _dummy, rest = file.partition("/")
        if rest and "." not in head and head not in ("..", "__pycache__"):
            found.add(head)
        elif not rest and head.endswith(".py") and not head.startswith("__editable__"):
            found.add(head[:-3])
    return sorted(found)


def egg_link(name: str) -> t.Optional[str]:
    """The old form of an editable install: a link file beside the packages."""
    for site in sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        for entry in os.listdir(site) if os.path.isdir(site) else ():
            if entry.endswith(".egg-link") and normal(entry[:-9]) == normal(name):
                with open(os.path.join(site, entry), encoding="utf-8") as stream:
                    return stream.readline().strip()
    return None


def normal(name: str) -> str:
    words = name.lower().replace("_", "-").replace(".", "-").split("-")
    return "-".join(word for word in words if word)


def shadowed() -> t.List[t.Tuple[str, str, str]]:
    """(name, file in the working directory, what it hides) for every module found twice."""
    if not (sys.path and sys.path[0] == ""):
        return []
    found = []
    for entry in sorted(os.listdir(".")):
        name = entry[:-3] if entry.endswith(".py") else entry
        package = os.path.isfile(os.path.join(entry, "__init__.py"))
        if not name.isidentifier() or not (entry.endswith(".py") or package):
            continue
        hidden = elsewhere(name)
        if hidden is not None:
            found.append((name, os.path.join(entry, "__init__.py") if package else entry, hidden))
    return found[:50]


def elsewhere(name: str) -> t.Optional[str]:
    rest = [
        entry
        for entry in sys.path[1:]
        if entry and os.path.realpath(entry) != os.path.realpath(".")
    ]
    try:
        spec = importlib.machinery.PathFinder.find_spec(name, rest)
    except (ImportError, ValueError, AttributeError):
        return None
    return spec.origin if spec is not None and spec.origin else None


def forget(names: t.List[str]) -> None:
    """Modules that the probe itself needed, but that jobs would import from somewhere else."""
    for loaded in list(sys.modules):
        if loaded.partition(".")[0] in names and loaded != "__main__":
            del sys.modules[loaded]


def module(name: str, *, run: bool) -> t.Dict[str, t.Any]:
    """Where an import comes from and, if it may be run, whether it succeeds."""
    found: t.Dict[str, t.Any] = {
        "origin": None,
        "folders": [],
        "sourceless": False,
        "error": None,
        "version": None,
    }
    try:
        spec = importlib.util.find_spec(name)
        if spec is None:
            found["error"] = "there is no module of that name on its path"
            return found
        has_file = spec.has_location and spec.origin
        found["origin"] = os.path.realpath(str(spec.origin)) if has_file else None
        found["folders"] = [
            os.path.realpath(str(one)) for one in spec.submodule_search_locations or ()
        ]
        found["sourceless"] = isinstance(spec.loader, importlib.machinery.SourcelessFileLoader)
        if run:
            version = getattr(importlib.import_module(name), "__version__", None)
            found["version"] = version if isinstance(version, str) else None
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is the finding
        found["error"] = words(error)
    return found


def expression(text: str) -> t.Dict[str, t.Any]:
    """Evaluate one expression on the modules it names."""
    import ast

    try:
        tree = ast.parse(text, mode="eval")
        names: t.Dict[str, t.Any] = {}
        for chain in chains(tree):
            load(chain, names)
        value = eval(compile(tree, "<assertion>", "eval"), names)
        left = None
        if not value and isinstance(tree.body, ast.Compare):
            side = ast.Expression(body=tree.body.left)
            left = brief(eval(compile(side, "<assertion>", "eval"), names))
        return {"ok": bool(value), "value": brief(value), "left": left, "error": None}
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is the finding
        return {"ok": False, "value": None, "left": None, "error": words(error)}


def chains(tree: ast.AST) -> t.List[t.List[str]]:
    """Every dotted name of the expression, as its words."""
    import ast

    found = []
    for node in ast.walk(tree):
        parts: t.List[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.insert(0, inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            found.append([inner.id, *parts])
    return sorted(found, key=len)


def load(chain: t.List[str], names: t.Dict[str, t.Any]) -> None:
    """Import as much of a dotted name as is modules."""
    if importlib.util.find_spec(chain[0]) is None:
        return
    names[chain[0]] = importlib.import_module(chain[0])
    for number in range(2, len(chain) + 1):
        name = ".".join(chain[:number])
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and not name.startswith(error.name):
                raise
            return


def brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LIMIT else text[:_LIMIT] + "..."


def words(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}".replace("\n", " ")
    return text if len(text) <= _LIMIT else text[:_LIMIT] + "..."


if __name__ == "__main__":
    main(int(sys.argv[1]))
