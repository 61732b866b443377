#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# How many tasks are in which state:  status_host.sh NAME PUEUE_CONFIG PROJECT STATE_DIR
set -eu
counts=$(pueue --config "$2" status --json |
  jq -c '[.tasks[].status | (.Done.result | if type == "object" then keys[0] else . end) // keys[0]]
    | group_by(.) | map({(.[0]): length}) | add')
echo "$1: $counts"
