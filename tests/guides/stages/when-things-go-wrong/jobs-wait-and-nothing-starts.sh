# SPDX-License-Identifier: GPL-3.0-or-later
queue '{"label": "nap/one", "command": ["sleep", "60"]}, {"label": "nap/two", "command": ["true"]}'
is nap/one running
on_host pueue kill --group default
is nap/one killed
