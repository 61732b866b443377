# SPDX-License-Identifier: GPL-3.0-or-later
queue '{"label": "train/model", "command": ["sleep", "6"]}'
is train/model running
kill_job train/model
is train/model killed
