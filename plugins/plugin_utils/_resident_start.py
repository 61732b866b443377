# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Sent to the host's interpreter as text: find or unpack the code there, and call one module.

Stands alone and runs on Python 3.8. The code lies in ``<state_dir>/code/<digest>``, so that
compiled files stay; a folder appears there as a whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time

KEPT_SECONDS = 86400.0


def place(request):
    """The folder of this version's code."""
    state_dir = os.path.expanduser(request["parameters"]["state_dir"])
    return os.path.join(state_dir, "code", request["digest"])


def unpack(folder, code):
    """Make the folder, and forget those that no controller asked for in a day."""
    # Rarely needed, and not cheap to import.
    import base64
    import io
    import zipfile

    parent = os.path.dirname(folder)
    os.makedirs(parent, mode=0o700, exist_ok=True)
    temporary = tempfile.mkdtemp(dir=parent, prefix=".new-")
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(code))) as packed:
            packed.extractall(temporary)
        if not os.path.isdir(folder):
            os.rename(temporary, folder)
    except OSError:
        # Somebody else made it in the same moment.
        if not os.path.isdir(folder):
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for name in os.listdir(parent):
        other = os.path.join(parent, name)
        if other != folder and os.stat(other).st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def trusted(folder):
    """Only code that this account put there, and that nobody else may write."""
    status = os.stat(folder)
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def answer(request):
    """The module's result, or what is in the way."""
    # A directory that is not there is made by a module that has something to keep in it.
    state_dir = os.path.expanduser(request["parameters"]["state_dir"])
    if not (os.path.isabs(state_dir) and os.path.isdir(state_dir)):
        return {"code_refused": True}
    folder = place(request)
    try:
        if not os.path.isdir(folder):
            if not request["code"]:
                return {"code_missing": True}
            unpack(folder, request["code"])
        if not trusted(folder):
            return {"code_refused": True}
        os.utime(folder)
    except OSError:
        return {"code_refused": True}
    sys.path.insert(0, folder)
    try:
        from ansible_collections.fleet.jobs.plugins.module_utils._ansible import resident
    except ImportError:
        # Somebody tidied up in there; it is sent again.
        shutil.rmtree(folder, ignore_errors=True)
        return {"code_missing" if not request["code"] else "code_refused": True}
    return resident.answer(request["module"], request["parameters"], diff=request["diff"])


def main():
    request = json.loads("REQUEST")
    found = json.dumps(answer(request), default=str)
    sys.stdout.write("\n" + request["mark"] + found + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
