# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The file that a task's command names: starts the tool from code compiled for this interpreter.

Beside it lie the sources, packed, for every other interpreter. Small and without an archive,
because it is compiled anew before each job, and to run an archive takes longer than all of it.
"""

from __future__ import annotations

import gc
import marshal
import mmap
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType


class Loader:
    """Modules of a mapped file: name to (is it a package, where its code begins, how long it is).

    A job needs one in five, and the others stay out of its memory for as long as it runs. The map
    outlives its file, and the closing of all files.
    """

    def __init__(
        self, content: mmap.mmap, start: int, modules: t.Dict[str, t.Tuple[bool, int, int]]
    ) -> None:
        self.content = content
        self.start = start
        self.modules = modules

    def code(self, name: str) -> CodeType:
        _package, begin, length = self.modules[name]
        begin += self.start
        found: CodeType = marshal.loads(self.content[begin : begin + length])
        return found

    def find_spec(
        self, name: str, path: t.Any = None, target: t.Any = None
    ) -> t.Optional[ModuleSpec]:
        if name not in self.modules:
            return None
        # What importlib.machinery calls ModuleSpec, without an import of it.
        spec: t.Any = type(sys.__spec__)
        found: ModuleSpec = spec(name, self, origin=name, is_package=self.modules[name][0])
        return found

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.code(module.__name__), module.__dict__)


def opened(path: str) -> Loader:
    """The file as the installer wrote it: its size, the length of the index, the index, code."""
    with open(path, "rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    size, length = int.from_bytes(content[:4], "big"), int.from_bytes(content[4:8], "big")
    if size != len(content):
        raise EOFError(path)
    return Loader(content, 8 + length, marshal.loads(content[8 : 8 + length]))


def program() -> CodeType:
    """The code of ``__main__``, and everything it imports within reach."""
    place = os.path.realpath(__file__).rpartition(".")[0]
    tag = f"{sys.implementation.cache_tag}-{sys.hexversion:x}"
    try:
        loader = opened(f"{place}.{tag}")
    except (OSError, EOFError, TypeError, ValueError):
        sys.path.insert(0, place + ".zip")
        import zipimport

        return zipimport.zipimporter(place + ".zip").get_code("__main__")
    sys.meta_path.insert(0, loader)
    return loader.code("__main__")


if __name__ == "__main__":
    # Until the job starts nothing is worth a search for circles.
    gc.disable()
    exec(program(), {"__name__": "__main__"})
