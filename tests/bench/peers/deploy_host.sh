#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The eight steps on one host, over the command lines, as people write them.
#   deploy_host.sh NAME PUEUE_CONFIG PROJECT STATE_DIR
# with SHA, PYTHON and WANTED (what the deployed source must contain) in the environment.
set -eu
name=$1 config=$2 project=$3 state=$4
mkdir -p "$state"
exec 9>"$state/loop.lock"
flock --nonblock 9 || { echo "$name: locked"; exit 1; }

# 1 audit: freeze, then look
pueue --config "$config" pause --wait --all >/dev/null
trap 'pueue --config "$config" start --all >/dev/null' EXIT
before=$(git -C "$project" rev-parse HEAD)
queue=$(pueue --config "$config" status --json)

# 2 decide: what runs is waited for
until [ "$(echo "$queue" | jq '[.tasks[] | select(.status | has("Running"))] | length')" = 0 ]; do
  sleep 1
  queue=$(pueue --config "$config" status --json)
done

# 3 pull
if [ "$before" != "$SHA" ]; then
  git -C "$project" fetch --quiet origin "$SHA"
  if [ -n "$(git -C "$project" status --porcelain --untracked-files=no)" ]; then
    git -C "$project" diff HEAD >"$state/$(date +%s).patch"
  fi
  git -C "$project" reset --hard --quiet "$SHA"
fi

# 4 upgrade: no package is deployed here

# 5 verify: the commit, what is imported, and that the fix is in
[ "$(git -C "$project" rev-parse HEAD)" = "$SHA" ]
origin=$(cd "$project" && "$PYTHON" -B -c 'import work; print(work.__file__)')
[ "$origin" = "$project/work.py" ]
grep -q "$WANTED" "$origin"

# 6 restart what failed
failed=$(echo "$queue" | jq '.tasks[] | select(.status.Done and .status.Done.result != "Success") | .id')
# shellcheck disable=SC2086
[ -z "$failed" ] || pueue --config "$config" restart --in-place $failed >/dev/null

# 7 release
pueue --config "$config" start --all >/dev/null
trap - EXIT
echo "$(date +%s) $SHA" >>"$state/deploys"

# 8 monitor: 0 seconds
echo "$name: applied, restarted $(echo $failed)"
