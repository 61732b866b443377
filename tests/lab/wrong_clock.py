# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong clock for one user alone: a library before libc's that shifts the time of day.

A kernel has one clock for all its users, and time namespaces leave the time of day alone. So this
is as far as it goes without a machine of its own: every process of the user (over ssh, and its
pueued) sees the wrong time, while the file system's times stay right.
"""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from .fleet import SshHost

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int code = real(id, now);
  if (!code && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += OFFSET;
  return code;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec found;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &found);
  now->tv_sec = found.tv_sec;
  now->tv_usec = found.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *to) {
  struct timespec found;
  clock_gettime(CLOCK_REALTIME, &found);
  if (to) *to = found.tv_sec;
  return found.tv_sec;
}
"""


def missing() -> t.Optional[str]:
    """Why there can be none; None where there can."""
    return None if shutil.which("cc") else "cc is not installed (Debian: gcc, libc6-dev)"


def shift(host: SshHost, seconds: int) -> None:
    """From now on this user's clock is so far ahead; its pueued starts anew with it."""
    source = host.folder / "clock.c"
    library = host.folder / "clock.so"
    source.write_text(_SOURCE, encoding="utf-8")
    command = ["cc", "-shared", "-fPIC", "-O1", f"-DOFFSET=({seconds})", "-o", str(library)]
    subprocess.run([*command, str(source), "-ldl"], check=True)
    settings = host.folder / ".ssh" / "environment"
    settings.parent.mkdir(mode=0o700)
    settings.write_text(f"LD_PRELOAD={library}\n", encoding="utf-8")
    host.account.own(library, settings.parent)
    host.daemon.preload(Path(library))
    host.daemon.restart()
