# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Sent to the host's interpreter as text with each call: load the code there, call one module.

Stands alone and runs on Python 3.8. The code lies compiled in one file, since looking for a
hundred files costs more than running what is in them.
"""

from __future__ import annotations

import gc
import importlib.machinery
import json
import marshal
import os
import sys


class Loader:
    """Modules from a dictionary: name to compiled code (None for a package) and source."""

    def __init__(self, modules):
        self.modules = modules

    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        package = self.modules[name][0] is None
        return importlib.machinery.ModuleSpec(name, self, origin=name, is_package=package)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        code = self.modules[module.__name__][0]
        if code is not None:
            exec(marshal.loads(code), module.__dict__)

    def get_source(self, name):
        return self.modules[name][1]


def load(request):
    """The modules of this version, compiled for this interpreter; None where they are missing."""
    folder = os.path.join(os.path.expanduser(request["state_dir"]), "code", request["digest"])
    try:
        with open(
            os.path.join(folder, f"{sys.implementation.cache_tag}-{sys.hexversion:x}"), "rb"
        ) as file:
            status = os.fstat(file.fileno())
            content = file.read()
        os.utime(folder)
    except OSError:
        return None
    # Only code that this account put there, and that nobody else may write.
    for one in (os.stat(folder), status):
        if one.st_uid != os.geteuid() or one.st_mode & 0o022:
            raise PermissionError(folder)
    try:
        return marshal.loads(content)
    except (EOFError, TypeError, ValueError):
        return None


def answer(request):
    """The module's result, or what is in the way."""
    # A directory that is not there is made by a module that has something to keep in it.
    state_dir = os.path.expanduser(request["state_dir"])
    if not (os.path.isabs(state_dir) and os.path.isdir(state_dir)):
        return {"code_refused": True}
    try:
        modules = load(request)
    except OSError:
        return {"code_refused": True}
    if modules is None:
        return {"code_missing": True}
    sys.meta_path.insert(0, Loader(modules))
    from ansible_collections.fleet.jobs.plugins.module_utils._ansible import resident

    return resident.answer(request["module"], request["parameters"], diff=request["diff"])


def main():
    # Nothing here lives long enough for a search for circles to pay.
    gc.disable()
    request = "REQUEST"
    found = json.dumps(answer(request), default=str)
    sys.stdout.write("\n" + request["mark"] + found + "\n")
    sys.stdout.flush()
    # Taking a hundred modules apart would be a tenth of all the work.
    os._exit(0)


if __name__ == "__main__":
    main()
