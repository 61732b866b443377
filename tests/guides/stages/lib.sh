# SPDX-License-Identifier: GPL-3.0-or-later
# For the stages, which make the accidents that a guide is about. Typed by the reader's shell.

# Jobs, as pueue_queue_guarded takes them, in JSON.
queue() {
  jobs=$(python3 -c 'import json, sys
jobs = json.loads("[" + sys.argv[1] + "]")
same = {"memory": "50M", "chdir": "/home/jobs/means", "restart_safe": True}
print(json.dumps({"cap": "prefer", "jobs": [{**same, **job} for job in jobs]}))' "$1")
  ansible fleet -i hosts.ini -m fleet.jobs.pueue_queue_guarded -a "$jobs"
}

on_host() {
  ssh jobs@batch1.example.org "$@"
}

# Until a label is in a state, such as running or failed.
is() {
  for _ in $(seq 200); do
    if on_host .local/state/fleet-jobs/bin/fleet-jobs why "$1" | grep -q "^$1: $2 "; then return; fi
    sleep 0.2
  done
  echo "$1 is not $2" >&2
  return 1
}

# Until a deploy has frozen the queue, and waits.
frozen() {
  for _ in $(seq 300); do
    if on_host .local/state/fleet-jobs/bin/fleet-jobs status | grep -q '^lease: .* frozen: '; then return; fi
    sleep 0.2
  done
  echo "the queue was not frozen" >&2
  return 1
}

# By label, as a person would by number.
kill_job() {
  on_host pueue kill "$(on_host pueue status --json | python3 -c 'import json, sys
print(*[key for key, task in json.load(sys.stdin)["tasks"].items() if task["label"] == sys.argv[1] and "Running" in task["status"]])' "$1")"
}

# A commit that changes nothing, so that there is something to deploy.
push() {
  (cd means && git commit --quiet --allow-empty --message "$1" && git push --quiet origin main)
}
