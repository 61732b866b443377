#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A script on one host over ssh, as people write it:  over_ssh.sh SCRIPT USER NAME ARGUMENT...
# with SSH (ssh and its options), ADDRESS, and what the scripts want in the environment.
set -eu
script=$1 user=$2
shift 2
# shellcheck disable=SC2086
exec $SSH "$user@$ADDRESS" "SHA='$SHA' PYTHON='$PYTHON' WANTED='$WANTED' sh -s $*" <"$script"
