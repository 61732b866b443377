# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Sent to the host's interpreter as text, once per version: compile the code and keep it there.

Stands alone and runs on Python 3.8. The code lies in ``<state_dir>/code/<digest>``, one file for
each interpreter; a file appears there as a whole or not at all.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import os
import shutil
import sys
import tempfile
import time
import zipfile
import zlib

KEPT_SECONDS = 86400.0


def compiled(code, wanted):
    """What is opened to start a module: checksum of the rest, length of the index, index, contents.

    The index has the places of code and, where that is wanted, source of all modules, and None
    for the packages around them.
    """
    places, contents = {}, b""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(code))) as packed:
        for path in packed.namelist():
            source = packed.read(path)
            made = marshal.dumps(compile(source, path, "exec", dont_inherit=True))
            name = path[: -len(".py")].replace("/", ".")
            end = len(contents) + len(made)
            kept = source if path in wanted else b""
            places[name] = ((len(contents), len(made)), (end, len(kept)) if kept else None)
            contents += made + kept
            while "." in name:
                name = name.rpartition(".")[0]
                places.setdefault(name, None)
    index = marshal.dumps(places)
    checked = len(index).to_bytes(4, "big") + index + contents
    return zlib.crc32(checked).to_bytes(4, "big") + checked


def keep(folder, content):
    """Make the file, and forget the versions that no controller asked for in a day."""
    parent = os.path.dirname(folder)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(
            temporary, os.path.join(folder, f"{sys.implementation.cache_tag}-{sys.hexversion:x}")
        )
    except BaseException:
        os.unlink(temporary)
        raise
    for name in os.listdir(parent):
        other = os.path.join(parent, name)
        if other != folder and os.stat(other).st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def main():
    request = "REQUEST"
    state_dir = os.path.expanduser(request["state_dir"])
    try:
        keep(
            os.path.join(state_dir, "code", request["digest"]),
            compiled(request["code"], request["sources"]),
        )
        found = {"installed": True}
    except OSError as error:
        found = {"code_refused": str(error)}
    sys.stdout.write("\n" + request["mark"] + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
