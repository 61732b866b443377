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

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType


class Loader:
    """Modules from a dictionary: name to (is it a package, its marshalled code)."""

    def __init__(self, modules: t.Dict[str, t.Tuple[bool, bytes]]) -> None:
        self.modules = modules

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
        exec(marshal.loads(self.modules[module.__name__][1]), module.__dict__)


def program() -> CodeType:
    """The code of ``__main__``, and everything it imports within reach."""
    place = os.path.realpath(__file__).rpartition(".")[0]
    tag = f"{sys.implementation.cache_tag}-{sys.hexversion:x}"
    try:
        with open(f"{place}.{tag}", "rb") as file:
            modules = marshal.loads(file.read())
    except (OSError, EOFError, TypeError, ValueError):
        sys.path.insert(0, place + ".zip")
        import zipimport

        return zipimport.zipimporter(place + ".zip").get_code("__main__")
    sys.meta_path.insert(0, Loader(modules))
    code: CodeType = marshal.loads(modules["__main__"][1])
    return code


if __name__ == "__main__":
    # Until the job starts nothing is worth a search for circles.
    gc.disable()
    exec(program(), {"__name__": "__main__"})
