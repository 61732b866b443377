#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Four jobs on one host, each only if its label is not there yet.
#   queue_host.sh NAME PUEUE_CONFIG PROJECT STATE_DIR     with PYTHON in the environment
set -eu
config=$2 project=$3
for number in 0 1 2 3; do
  if pueue --config "$config" status --json | grep -q "\"label\":\"work/$number\""; then continue; fi
  pueue --config "$config" add --working-directory "$project" --label "work/$number" \
    "$PYTHON -B work.py $number" >/dev/null
done
