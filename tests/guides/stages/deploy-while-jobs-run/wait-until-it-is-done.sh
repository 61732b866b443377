# SPDX-License-Identifier: GPL-3.0-or-later
# The other terminal: once the deploy waits.
{
  frozen
  sleep 3
  on_host touch done-first done-second
} > other-terminal.log 2>&1 &
