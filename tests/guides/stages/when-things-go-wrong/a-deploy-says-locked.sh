# SPDX-License-Identifier: GPL-3.0-or-later
push "Before the lease"
ansible fleet -i hosts.ini -m fleet.jobs.deploy_lease -a "owner=ada@desk purpose='moving the data' ttl=30m"
