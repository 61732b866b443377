# SPDX-License-Identifier: GPL-3.0-or-later
# The long jobs have ended.
ssh batch@batch1.example.org 'touch go; .cargo/bin/pueue wait --quiet'
