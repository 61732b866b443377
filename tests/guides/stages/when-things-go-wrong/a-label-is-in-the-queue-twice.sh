# SPDX-License-Identifier: GPL-3.0-or-later
queue '{"label": "hourly/load", "command": ["sleep", "60"]}'
is hourly/load running
on_host pueue add --label hourly/load -- true
