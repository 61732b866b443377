# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.prefix import (
    assigned_in_argv,
    assigned_in_shell,
)


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["env", "THREADS=4", "job"], "THREADS"),
        (["/usr/bin/env", "-i", "A=1", "job"], "A"),
        (["env", "-u", "B=", "A=1", "job"], "A"),
        (["env", "-S", "A=1 job"], "A"),
        (["env", "--split-string=A=1 job"], "A"),
        (["nice", "-n", "5", "env", "A=1", "job"], "A"),
        (["timeout", "10", "env", "A=1", "job"], "A"),
        (["sudo", "-u", "me", "A=1", "job"], "A"),
        (["sh", "-c", "A=1 job"], "A"),
        (["bash", "-ec", "cd /; A=1 job"], "A"),
        (["A=1", "job"], "A"),
        (["env", "job", "A=1"], None),
        (["job", "A=1"], None),
        (["dd", "if=/dev/zero", "of=/dev/null"], None),
        (["env"], None),
        (["sh", "run.sh", "-c", "x"], None),
        (["nice"], None),
    ],
)
def test_argv(argv, name):
    assert assigned_in_argv(argv) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A=1 job", "A"),
        ("cd /data && A=1 ./job", "A"),
        ("cd /data\nA=1 ./job", "A"),
        ("export A=1; job", "A"),
        ("export A; job", None),
        ("declare -x A=1", "A"),
        ("env A=1 job", "A"),
        ("exec env A=1 job", "A"),
        ("exec nice -n 3 env A=1 job", "A"),
        ("if true; then A=1 job; fi", "A"),
        ("x=$(A=1 job)", "A"),
        ("x=`A=1 job`", "A"),
        ("A=1 B=2 job | tail", "A"),
        ("sh -c 'A=1 job'", "A"),
        ("it's; A=1 job", "A"),  # unbalanced: the rough reading still sees it
        ("A='two words' job", "A"),
        ("n=5; echo $n", None),
        ("n=5", None),
        ("while IFS= read -r line; do echo $line; done", None),
        ("IFS=, A=1 job", "A"),
        ("job --set A=1", None),
        ("echo 'A=1 job'", None),
        ("for ((i=0; i<3; i++)); do job $i; done", None),
        ("echo $((a=1 + 2)); B=1 job", "B"),
        ("dd if=/dev/zero of=x; job", None),
        ("list=(a b); job", None),
    ],
)
def test_shell(text, name):
    assert assigned_in_shell(text) == name
