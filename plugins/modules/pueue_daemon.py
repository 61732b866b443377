#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pueue_daemon
short_description: Have pueued as a hardened user service, and upgrade it without losing a task
version_added: 0.1.0
description:
  - Writes pueue's configuration and a unit for the account's own systemd manager, starts it, and
    proves that it answers. Run it as the account whose queue it is. It needs no root, but the
    account must linger (C(loginctl enable-linger)), which it checks.
  - Whatever needs a restart of C(pueued), such as another O(version), is done on a queue at rest.
    Groups that run are frozen, running jobs are waited for, the state file is copied, the daemon is
    changed, every task is proved to be there by label and time of creation, and the groups go on.
    If one is missing or the daemon does not answer, the old program, files and state are put back.
  - A restart of C(pueued) kills the jobs that run, whoever asks for it. With this unit they are
    recorded as killed, C(systemctl --user stop) included. So stop it through this module, which
    waits, or freeze the groups before.
  - When C(pueued) dies by itself, systemd starts it again, at most 5 times in 10 minutes. Jobs that
    were running are called killed by pueue from then on, so what is left of them in the unit is
    ended first, and none runs twice. A job under a memory cap of this collection is in a scope of
    its own and lives on; the other modules count it as running.
  - The state file is copied before each stop and each start, the newest 10 copies stay. A file that
    C(pueued) would replace by an empty queue makes the start fail instead.
  - C(pueued) pauses every group with queued jobs when it starts, after a reboot too. The unit
    resumes the groups that ran until then, and leaves those that somebody had paused.
  - The unit's umask is 0077, and jobs inherit it. A job whose files others are to read sets its
    own.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
attributes:
  check_mode:
    support: full
    details:
      - What is still missing on a bare host, such as the programs or lingering, is a warning in
        check mode and an error otherwise.
options:
  state:
    description:
      - V(absent) stops and removes the unit and its timer, on a queue at rest as for a restart. The
        configuration, the queue with its logs, and O(state_dir) stay.
    type: str
    choices: [present, absent]
    default: present
  version:
    description: Version of pueue that the programs must have, 4.0.x.
    type: str
    default: 4.0.4
  binaries:
    description:
      - Folder on the host that holds C(pueue) and C(pueued). Give each version a folder of its own
        and leave its content alone, so that the way back is there.
      - Required with O(state=present).
    type: str
  checksums:
    description: What the programs must be, checked before anything is run or stopped.
    type: dict
    suboptions:
      pueue:
        description: SHA-256 of C(pueue).
        type: str
      pueued:
        description: SHA-256 of C(pueued).
        type: str
  pueue_directory:
    description:
      - Where pueue keeps its queue, logs, secret and certificate, mode 0700.
      - The default is what the configuration says, else C(~/.local/share/pueue). To name another
        one while there are tasks in the old one is refused.
    type: str
  runtime_directory:
    description:
      - Where the socket and the pid file lie. The default is what the configuration says, else a
        folder named after O(unit) in the account's C(XDG_RUNTIME_DIR).
    type: str
  socket:
    description:
      - Path of the unix socket. The default is what the configuration says, else C(pueue.socket) in
        O(runtime_directory).
    type: str
  listen:
    description:
      - Listen on TCP with TLS instead of a unix socket. pueued makes the certificate and the secret
        itself at its first start, in O(pueue_directory).
    type: dict
    suboptions:
      host:
        description: Address to listen on.
        type: str
        default: 127.0.0.1
      port:
        description: Port to listen on.
        type: int
        required: true
  unit:
    description: Name of the user unit. Two instances on one machine are two units.
    type: str
    default: pueued.service
  job_path:
    description:
      - Folders that come first in the PATH of every job of this collection (G-11), from its next
        start on and without a restart of the daemon. C(~/.cargo/bin) and C(~/.local/bin) are there
        by themselves.
    type: list
    elements: str
    default: []
  memory_protection:
    description:
      - How much memory of the daemon the kernel takes last, such as V(128M). It is also killed
        later than jobs are, as far as an account may ask for that. V(0) asks for nothing.
    type: str
    default: 128M
  adopt:
    description:
      - What to do where a C(pueued) that is not of this unit already serves this queue, or where
        a file of the unit's name was written by somebody else.
      - V(refuse) says what was found and changes nothing.
      - V(keep) leaves a daemon that runs exactly as it is, with whatever runs on it, and does only
        what needs no restart, O(job_path) and O(tidy). No unit is written, which is a warning. In
        pueue's configuration it names the folders that the daemon has from the environment of
        whoever started it, so that a client without that environment finds it. Where no such daemon
        runs it is as V(refuse).
      - V(idle) takes the queue over with all its tasks, if no job runs.
      - V(drain) waits up to O(drain_timeout) for those that run, then takes it over.
      - A daemon of a system unit is never taken over; V(keep) is the way to use it.
    type: str
    choices: [refuse, keep, idle, drain]
    default: refuse
  upgrade:
    description:
      - What a restart does about running jobs, which an orderly stop of C(pueued) kills.
      - V(drain) freezes the groups and waits up to O(drain_timeout) until none runs.
      - V(freeze) does not wait. Jobs of this collection under a cap of the kernel are in scopes of
        their own and run on, because C(pueued) is then ended without notice. pueue calls them
        killed from then on, the modules count them as running until they end and know how they
        ended. It is refused while any other job runs, or while a job waits for one that runs.
    type: str
    choices: [drain, freeze]
    default: drain
  drain_timeout:
    description:
      - How many seconds to wait for running jobs. After that the groups go on and nothing was
        changed.
    type: float
    default: 3600.0
  start_timeout:
    description: How many seconds the daemon has from its start to its first answer.
    type: float
    default: 60.0
  slice_seconds:
    description:
      - How long one call waits for running jobs, at most 50 seconds. The action plugin of the
        collection calls again until all is done, so that progress shows and a cut connection costs
        one slice.
    type: float
    default: 50.0
  waiting:
    description:
      - Where an earlier call of the same run has got to, as returned by it. Filled in by the action
        plugin of the collection; there is no need to set it.
    type: dict
    default: {}
  tidy:
    description:
      - A timer that runs C(fleet-jobs tidy) for this instance, which forgets finished tasks and
        deletes old logs. Without it there is no such timer, and one of this unit is removed.
    type: dict
    suboptions:
      schedule:
        description:
          - When, as systemd's C(OnCalendar) reads it. A wrong one is refused before anything is
            changed.
        type: str
        default: daily
      keep_days:
        description: How old, in days, must be what is tidied.
        type: int
        default: 14
seealso:
  - module: fleet.jobs.pueue_group
  - module: fleet.jobs.deploy_lease
"""

EXAMPLES = r"""
- name: Have a queue that survives logout and reboot
  fleet.jobs.pueue_daemon:
    version: 4.0.4
    binaries: /opt/fleet-jobs/pueue-4.0.4
    tidy:
      schedule: daily
      keep_days: 14

- name: Have a second queue on the same machine, over TCP with TLS
  fleet.jobs.pueue_daemon:
    unit: pueued-night.service
    binaries: /opt/fleet-jobs/pueue-4.0.4
    pueue_config: ~/.config/pueue-night/pueue.yml
    pueue_directory: ~/.local/share/pueue-night
    state_dir: ~/.local/state/fleet-jobs-night
    listen:
      port: 6925

- name: Use the pueued that somebody started by hand, and leave it and its jobs alone
  fleet.jobs.pueue_daemon:
    binaries: /opt/fleet-jobs/pueue-4.0.4
    adopt: keep

- name: Take over a pueued that somebody started by hand, when its jobs have ended
  fleet.jobs.pueue_daemon:
    binaries: /opt/fleet-jobs/pueue-4.0.4
    adopt: drain
    drain_timeout: 7200

- name: Remove the service and keep the queue
  fleet.jobs.pueue_daemon:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: ['Start the unit "pueued.service" (pueue 4.0.4).']
daemon:
  description: The daemon as it is now, or in check mode as it would be.
  returned: success
  type: dict
  contains:
    version:
      description: Version of pueue; null with O(state=absent). That of a kept daemon is its own.
      type: str
    pid:
      description:
        - Process of the daemon; null where none runs, and in check mode unless it is kept.
      type: int
    unit:
      description: Name of the user unit; null where O(adopt=keep) left a daemon without one.
      type: str
    socket:
      description: Path of the socket, or host and port; null where there is no configuration.
      type: str
    config:
      description: Path of pueue's configuration.
      type: str
  sample:
    version: 4.0.4
    pid: 812
    unit: pueued.service
    socket: /run/user/1000/pueued/pueue.socket
    config: /home/jobs/.config/pueue/pueue.yml
finished:
  description: Whether all is done; false where one more call has to wait for running jobs.
  returned: success
  type: bool
waiting:
  description: What the next call has to be given as O(waiting); empty where RV(finished) is true.
  returned: success
  type: dict
  sample: {}
tasks:
  description: How many tasks the queue held.
  returned: success
  type: dict
  contains:
    before:
      description: Before the change.
      type: int
    after:
      description: After it.
      type: int
  sample: {before: 112, after: 112}
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments, service
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import run

SPEC = arguments.ArgumentSpec(
    options={
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "version": {"type": "str", "default": "4.0.4"},
        "binaries": {"type": "str"},
        "checksums": {
            "type": "dict",
            "options": {"pueue": {"type": "str"}, "pueued": {"type": "str"}},
        },
        "pueue_directory": {"type": "str"},
        "runtime_directory": {"type": "str"},
        "socket": {"type": "str"},
        "listen": {
            "type": "dict",
            "options": {
                "host": {"type": "str", "default": "127.0.0.1"},
                "port": {"type": "int", "required": True},
            },
        },
        "unit": {"type": "str", "default": "pueued.service"},
        "job_path": {"type": "list", "elements": "str", "default": []},
        "memory_protection": {"type": "str", "default": "128M"},
        "adopt": {
            "type": "str",
            "choices": ["refuse", "keep", "idle", "drain"],
            "default": "refuse",
        },
        "upgrade": {"type": "str", "choices": ["drain", "freeze"], "default": "drain"},
        "drain_timeout": {"type": "float", "default": 3600.0},
        "start_timeout": {"type": "float", "default": 60.0},
        "slice_seconds": {"type": "float", "default": 50.0},
        "waiting": {"type": "dict", "default": {}},
        "tidy": {
            "type": "dict",
            "options": {
                "schedule": {"type": "str", "default": "daily"},
                "keep_days": {"type": "int", "default": 14},
            },
        },
    },
    mutually_exclusive=[("socket", "listen")],
    required_if=[("state", "present", ("binaries",))],
).merge(arguments.instance(), arguments.lease())


def main() -> None:
    run(SPEC, service.change)


if __name__ == "__main__":
    main()
