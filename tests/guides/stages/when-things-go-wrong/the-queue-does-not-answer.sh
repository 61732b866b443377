# SPDX-License-Identifier: GPL-3.0-or-later
on_host XDG_RUNTIME_DIR='/run/user/$(id -u)' systemctl --user stop pueued
