# SPDX-License-Identifier: GPL-3.0-or-later
# An account that worked for years: a pueued of a login shell, and jobs that a loop has added.
ssh admin@batch1.example.org 'sudo useradd -m -s /bin/bash batch'
ssh batch@batch1.example.org "
set -e
mkdir -p .cargo/bin && cp /opt/fleet-jobs/pueue-*/pueue* .cargo/bin/
export PATH=\$HOME/.cargo/bin:\$PATH
git clone --quiet https://git.example.org/team/means.git
pueued --daemonize > /dev/null 2>&1
until pueue status > /dev/null 2>&1; do sleep 0.1; done
pueue parallel 2
pueue add --label bars/0 true
pueue add false
pueue wait --quiet
pueue add --label bars/1 'while [ ! -e ~/go ]; do sleep 0.2; done'
pueue add 'while [ ! -e ~/go ]; do sleep 0.2; done'
pueue add --label bars/2 true"
