# SPDX-License-Identifier: GPL-3.0-or-later
queue '{"label": "runaway/one", "command": ["sleep", "60"]}'
is runaway/one running
