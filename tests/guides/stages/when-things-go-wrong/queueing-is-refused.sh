# SPDX-License-Identifier: GPL-3.0-or-later
kill_job hourly/load
