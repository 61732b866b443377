# SPDX-License-Identifier: GPL-3.0-or-later
queue '{"label": "long/fourth", "command": ["sleep", "12"]}'
is long/fourth running
push "Cut off"
setsid ansible-playbook fleet.jobs.deploy -i hosts.ini -e fleet_hosts=fleet > cut.log 2>&1 &
deploy=$!
for _ in $(seq 200); do
  if grep -q 'waiting for' cut.log; then break; fi
  sleep 0.2
done
kill -KILL -- "-$deploy"
