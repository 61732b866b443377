# SPDX-License-Identifier: GPL-3.0-or-later
queue '{"label": "long/fourth", "command": ["sh", "-c", "until [ -e ../done-fourth ]; do sleep 0.2; done"]}'
is long/fourth running
push "Cut off"
setsid ansible-playbook fleet.jobs.deploy -i hosts.ini -e fleet_hosts=fleet > cut.log 2>&1 &
deploy=$!
frozen
kill -KILL -- "-$deploy"
on_host touch done-fourth
is long/fourth success
