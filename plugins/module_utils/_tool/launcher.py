# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The file that a task's command names: starts the tool from code compiled for this interpreter.

Beside it lie the sources, packed, for every other interpreter. Small and without an archive,
because it is compiled anew before each job, and to run an archive takes longer than all of it.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys
import zlib

EXIT_INFRA = 121

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType


class Loader:
    """Modules from one file: name to (is it a package, where its code begins, how long it is).

    All of it is held, so that nobody who changes the file disturbs a job; only what is imported is
    taken apart.
    """

    def __init__(self, content: memoryview, modules: t.Dict[str, t.Tuple[bool, int, int]]) -> None:
        self.content = content
        self.modules = modules

    def code(self, name: str) -> CodeType:
        _package, begin, length = self.modules[name]
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
    """The file as it was installed: checksum of the rest, length of the index, index, code."""
    with open(path, "rb") as file:
        content = memoryview(file.read())
    start = 8 + int.from_bytes(content[4:8], "big")
    if zlib.crc32(content[4:]) != int.from_bytes(content[:4], "big"):
        raise EOFError(path)
    return Loader(content[start:], marshal.loads(content[8:start]))


def program() -> CodeType:
    """The code of ``__main__``, and everything it imports within reach."""
    place = os.path.realpath(__file__).rpartition(".")[0]
    tag = f"{sys.implementation.cache_tag}-{sys.hexversion:x}"
    try:
        loader = opened(f"{place}.{tag}")
    except (OSError, EOFError, TypeError, ValueError):
        return packed(place + ".zip")
    sys.meta_path.insert(0, loader)
    return loader.code("__main__")


def packed(path: str) -> CodeType:
    """The same from the sources, which is slower."""
    import zipimport

    try:
        code: CodeType = zipimport.zipimporter(path).get_code("__main__")
    except zipimport.ZipImportError as error:
        sys.stderr.write(
            f"fleet-jobs: the sources of this tool cannot be read: {error}. Queue any job, or run "
            "the module fleet.jobs.host_tool for this state_dir: both install it anew.\n"
        )
        sys.stderr.flush()
        # As the runner says it of everything around a job.
        os._exit(EXIT_INFRA)
    sys.path.insert(0, path)
    return code


if __name__ == "__main__":
    # Until the job starts nothing is worth a search for circles.
    gc.disable()
    exec(program(), {"__name__": "__main__"})
