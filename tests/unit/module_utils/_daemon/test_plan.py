# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done and what is refused, from a look that never happened."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._daemon import configuration, unit
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.manager import UnitState
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.plan import plan
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.residents import Resident
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.sight import (
    Neighbour,
    Sight,
    helper_text,
    interpreter,
)
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.steps import DaemonPlan
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.wish import DaemonWish, Tidy
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.config import parse_config
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot
from ansible_collections.fleet.jobs.tests.support.daemon_wish import ACCOUNT, ENVIRON, WISH

TIME = "2026-01-01T00:00:00Z"
RUNS = {"Running": {"enqueued_at": TIME, "start": TIME}}
WAITS = {"Queued": {"enqueued_at": TIME}}
STRANGER: t.Dict[str, t.Any] = {"pid": 7, "unit": "", "user_unit": False}
PLACES = {
    "pueue_config": str(WISH.config_path),
    "state_dir": str(WISH.state_dir),
    "pueue_directory": "/q",
}
ABSENT = replace(WISH, present=False)


def _snapshot(**labels: t.Any) -> Snapshot:
    tasks = {
        number: {
            **{"id": number, "created_at": TIME, "original_command": "x", "command": "x"},
            **{"path": "/", "envs": {}, "group": "default", "dependencies": [], "priority": 0},
            **{"label": label, "status": status},
        }
        for number, (label, status) in enumerate(labels.items())
    }
    groups = {"default": {"status": "Running", "parallel_tasks": 1}}
    return Snapshot.from_wire({"tasks": tasks, "groups": groups})


def _bare(wish: DaemonWish = WISH, *, current: t.Optional[str] = None) -> Sight:
    made = configuration.plan(wish, ACCOUNT, current=current, environ=ENVIRON)
    return Sight(
        account=ACCOUNT,
        problem=None,
        state=UnitState(),
        timer=UnitState(),
        config_text=current,
        config=made,
        unit_files={},
        helper=None,
        job_path=(),
        residents=(),
        program=str(wish.pueued),
        places=PLACES,
        neighbours=(),
        open_folders=(),
        snapshot=None,
        state_problem=None,
    )


def _resident(sight: Sight, **changes: t.Any) -> Resident:
    assert sight.config is not None
    one = Resident(42, "x:42:1", str(WISH.pueued), sight.config.config, WISH.unit, True)
    return replace(one, **changes)


def _done(wish: DaemonWish = WISH, **tasks: t.Any) -> Sight:
    """As the host stands after the plan was carried out."""
    first = _bare(wish)
    assert first.config is not None
    texts = unit.texts(wish, first.config.config, ACCOUNT, python=interpreter())
    settled = _bare(wish, current=first.config.text)
    return replace(
        settled,
        state=UnitState(loaded=True, active="active", sub="running", pid=42, enabled=True),
        timer=UnitState(loaded=True, active="active", enabled=True),
        unit_files={wish.unit: texts.service, **dict(texts.others)},
        helper=helper_text(),
        job_path=wish.job_path,
        residents=(_resident(settled),),
        snapshot=_snapshot(**tasks),
    )


def _names(made: DaemonPlan) -> t.List[str]:
    return [change.path.name for change in made.files]


def test_a_bare_host() -> None:
    made = plan(WISH, _bare())
    assert made.changed and made.start and made.enable and made.stop is None
    assert _names(made) == ["pueue.yml", "unit-steps.py", "pueued.service"]
    assert len(made.sentences) == 5
    assert made.before == {"state": "absent"} and made.after["state"] == "present"


@pytest.mark.parametrize(
    "wish",
    [WISH, replace(WISH, tidy=Tidy("daily", 7), job_path=("/opt/bin",))],
    ids=["plain", "all"],
)
def test_what_is_done_stays(wish: DaemonWish) -> None:
    made = plan(wish, _done(wish, a=RUNS))
    assert not made.changed and made.files == ()
    assert made.before == made.after


def test_another_program_needs_a_restart_and_says_whom_it_waits_for() -> None:
    wish = replace(WISH, binaries=Path("/opt/new"))
    made = plan(wish, replace(_done(a=RUNS, b=WAITS), program="/opt/new/pueued"))
    assert made.stop is not None and made.start
    assert "wait up to 60 s" in made.sentences[0]
    assert "/opt/pueue/pueued" in made.sentences[1]


def test_freeze_leaves_running_only_what_lives_through_it() -> None:
    wish = replace(WISH, binaries=Path("/opt/new"), upgrade="freeze")
    with pytest.raises(Refused, match=r"and the reason.*drain"):
        plan(wish, _done(a=RUNS), risk="the reason")
    spared = plan(wish, _done(a=RUNS))
    assert 'Leave running what is in scopes of its own: 1 job runs ("a")' in spared.sentences[0]
    assert plan(wish, _done(b=WAITS), risk="the reason").changed
    taken = replace(wish, adopt="drain")
    sight = _bare(taken)
    stranger = replace(sight, residents=(_resident(sight, **STRANGER),), snapshot=_snapshot(a=RUNS))
    with pytest.raises(Refused, match="not of this unit"):
        plan(taken, stranger)


def test_a_program_whose_file_was_replaced_needs_a_restart() -> None:
    sight = _done()
    gone = _resident(sight, program=f"{WISH.pueued} (deleted)")
    made = plan(WISH, replace(sight, residents=(gone,)))
    assert made.stop == gone and not made.files


def test_a_comment_needs_none() -> None:
    sight = _done()
    text = sight.unit_files[WISH.unit] + "# a remark\n"
    made = plan(WISH, replace(sight, unit_files={WISH.unit: text}))
    assert made.changed and made.stop is None and not made.start and made.reload


def test_a_stopped_unit_is_started() -> None:
    stopped = replace(
        _done(), state=UnitState(loaded=True, enabled=True, active="failed"), residents=()
    )
    made = plan(WISH, stopped)
    assert (made.start, made.stop, made.enable, made.files) == (True, None, False, ())


def test_the_timer_goes_with_its_option() -> None:
    made = plan(WISH, _done(replace(WISH, tidy=Tidy("daily", 7))))
    assert [change.text for change in made.files] == [None, None]
    assert made.disable == ("pueued-tidy.timer",) and made.stop is None


@pytest.mark.parametrize(
    ("adopt", "stranger", "tasks", "words"),
    [
        ("refuse", {}, {}, "process 7, started by hand or a login session, with no task"),
        ("refuse", {}, {"a": WAITS}, "with 1 tasks, and no job runs"),
        ("refuse", {"unit": "mine.service", "user_unit": True}, {}, 'user unit "mine.service"'),
        ("idle", {}, {"a": RUNS}, '1 job runs \\("a"\\)'),
        ("drain", {"unit": "root.service"}, {}, "cannot take over a system unit"),
        ("drain", {"config": None}, {}, "cannot be told which queue it serves"),
    ],
)
def test_a_stranger_is_never_ended_silently(
    adopt: str, stranger: t.Dict[str, t.Any], tasks: t.Dict[str, t.Any], words: str
) -> None:
    sight = _bare()
    found = _resident(sight, **{**STRANGER, **stranger})
    with pytest.raises(Refused, match=words) as refused:
        plan(
            replace(WISH, adopt=adopt),
            replace(sight, residents=(found,), snapshot=_snapshot(**tasks)),
        )
    assert refused.value.hazard == "INV-2"


PLAIN = "shared:\n  use_unix_socket: true # mine\n  runtime_directory: null\n"


def _with_stranger(wish: DaemonWish, **resident: t.Any) -> Sight:
    """A plain pueued, with the places that a login gave it."""
    config = parse_config(PLAIN, path=wish.config_path, environ=ENVIRON)
    sight = _bare(wish, current=PLAIN)
    found = replace(_resident(sight, **STRANGER), config=config, **resident)
    return replace(sight, residents=(found,), snapshot=_snapshot(a=RUNS, b=WAITS))


@pytest.mark.parametrize("starter", ["", "user", "system"])
def test_a_stranger_is_kept_and_the_rest_set_up_around_it(starter: str) -> None:
    wish = replace(WISH, adopt="keep", tidy=Tidy("daily", 7), job_path=("/opt/bin",))
    unit_name = "theirs.service" if starter else ""
    sight = _with_stranger(wish, unit=unit_name, user_unit=starter == "user")
    made = plan(wish, sight)
    assert made.kept == sight.residents[0]
    assert (made.stop, made.start, made.enable, made.disable) == (None, False, False, ())
    assert _names(made) == ["pueue.yml", "job-path", "pueued-tidy.service", "pueued-tidy.timer"]
    assert made.timer and made.reload
    assert made.files[0].text is not None
    assert 'runtime_directory: "/run/user/1000"' in made.files[0].text
    assert "use_unix_socket: true # mine" in made.files[0].text
    (warning,) = made.warnings
    assert '1 job runs ("a")' in warning
    assert ("root alone can end it" in warning) == (starter == "system")


def test_what_is_kept_stays_as_it_is() -> None:
    wish = replace(WISH, adopt="keep")
    sight = _with_stranger(wish)
    text = plan(wish, sight).files[0].text
    made = plan(wish, replace(sight, config_text=text))
    assert not made.changed and made.warnings and made.before == made.after


def test_a_daemon_that_reads_another_file_is_not_kept_unseen() -> None:
    wish = replace(WISH, adopt="keep")
    sight = _with_stranger(wish)
    other = parse_config(PLAIN, path=Path("/srv/pueue.yml"), environ=ENVIRON)
    found = replace(sight.residents[0], config=other)
    with pytest.raises(Refused, match=r'reads "/srv/pueue\.yml"'):
        plan(wish, replace(sight, residents=(found,)))


@pytest.mark.parametrize("file", [True, False], ids=["of the account", "of a package"])
def test_a_unit_of_this_name_that_somebody_else_wrote(file: bool) -> None:
    """Also one that a package put elsewhere is not ours to restart."""
    sight = _done(a=RUNS)
    text = {WISH.unit: "[Service]\nExecStart=/usr/bin/pueued\n"} if file else {}
    state = replace(sight.state, fragment=f"/usr/lib/systemd/user/{WISH.unit}")
    theirs = replace(sight, unit_files=text, state=state)
    for adopt, words in (("refuse", "not written by this module"), ("idle", "adopt is idle")):
        with pytest.raises(Refused, match=words):
            plan(replace(WISH, adopt=adopt), theirs)
    kept = plan(replace(WISH, adopt="keep"), theirs)
    assert kept.kept is not None and not kept.touches
    taken = plan(replace(WISH, adopt="drain"), theirs)
    assert taken.stop == sight.own and taken.start


def test_a_wrong_schedule_is_refused_first() -> None:
    sight = replace(_done(), schedule_problem="tidy.schedule: no")
    with pytest.raises(FleetError, match=r"tidy\.schedule"):
        plan(WISH, sight)


def test_two_strangers_are_refused() -> None:
    sight = _bare()
    two = (_resident(sight, **STRANGER), _resident(sight, **{**STRANGER, "pid": 8}))
    with pytest.raises(Refused, match="2 such processes"):
        plan(replace(WISH, adopt="drain"), replace(sight, residents=two, snapshot=_snapshot()))


@pytest.mark.parametrize("unit_name", ["", "mine.service"])
def test_a_stranger_is_taken_over_by_rule(unit_name: str) -> None:
    sight = _bare()
    found = _resident(sight, **{**STRANGER, "unit": unit_name, "user_unit": bool(unit_name)})
    seen = replace(sight, residents=(found,), snapshot=_snapshot(a=WAITS))
    made = plan(replace(WISH, adopt="idle"), seen)
    assert made.stop == found and made.start
    assert "Take over the queue of process 7" in made.sentences[0]
    assert made.disable == ((unit_name,) if unit_name else ())


def test_a_foreign_unit_file_is_kept_beside_or_refused() -> None:
    sight = replace(_bare(), unit_files={WISH.unit: "[Service]\n"})
    with pytest.raises(Refused, match="not written by this module"):
        plan(WISH, sight)
    made = plan(replace(WISH, adopt="idle"), sight)
    assert [change.keep for change in made.files] == [False, False, True]
    with pytest.raises(Refused, match="not written by this module"):
        plan(ABSENT, replace(sight, config=None))


@pytest.mark.parametrize("option", PLACES)
def test_two_instances_share_nothing(option: str) -> None:
    theirs = {**{name: f"{place}-2" for name, place in PLACES.items()}, option: PLACES[option]}
    sight = replace(_bare(), neighbours=(Neighbour("other.service", theirs),))
    with pytest.raises(FleetError, match=rf"{option}.*other\.service"):
        plan(WISH, sight)


@pytest.mark.parametrize("wish", [WISH, ABSENT], ids=["present", "absent"])
@pytest.mark.parametrize("option", ["pueue_config", "state_dir"])
def test_a_unit_of_another_instance_is_left_alone(wish: DaemonWish, option: str) -> None:
    """Who forgets ``unit`` for a second queue, or its places for an absent one."""
    sight = replace(_done(), places={**PLACES, option: "/elsewhere"}, residents=())
    with pytest.raises(FleetError, match=f'belongs to the instance with {option} "/'):
        plan(wish, sight)


@pytest.mark.parametrize("wish", [WISH, ABSENT], ids=["present", "absent"])
def test_a_running_unit_that_serves_something_else_is_left_alone(wish: DaemonWish) -> None:
    with pytest.raises(FleetError, match=r"runs \(process 42\), and it cannot be told"):
        plan(wish, replace(_done(), residents=()))


def test_a_daemon_that_nobody_can_ask_is_not_ended() -> None:
    sight = _done(a=RUNS)
    mute = _resident(sight, config=None, program="/opt/old/pueued")
    with pytest.raises(FleetError, match="nobody can ask it what runs"):
        plan(WISH, replace(sight, residents=(mute,)))


def test_somebody_elses_timer_is_kept_beside_or_refused() -> None:
    wish = replace(WISH, tidy=Tidy("daily", 7))
    service, timer = unit.tidy_names(wish)
    sight = replace(_bare(wish), unit_files={service: "[Service]\nExecStart=/bin/theirs\n"})
    with pytest.raises(Refused, match=f'{service}" was not written by this module'):
        plan(wish, sight)
    kept = [
        change.path.name for change in plan(replace(wish, adopt="idle"), sight).files if change.keep
    ]
    assert kept == [service] and timer != service


def test_no_empty_queue_in_the_place_of_a_full_one() -> None:
    with pytest.raises(FleetError, match='"/old" holds 3 tasks'):
        plan(WISH, replace(_bare(), left_behind=(Path("/old"), 3)))
    with pytest.raises(FleetError, match="is damaged"):
        plan(WISH, replace(_bare(), state_problem="is damaged"))


def test_absent() -> None:
    wish = replace(WISH, tidy=Tidy("daily", 7))
    sight = replace(_done(wish, a=RUNS), config=None)
    made = plan(replace(ABSENT, drain_timeout=60.0), sight)
    assert made.stop is not None and not made.start
    assert all(change.text is None for change in made.files)
    assert _names(made) == [*sight.unit_files, "unit-steps.py"]
    assert set(made.disable) == {"pueued.service", "pueued-tidy.timer"}
    assert made.after == {"state": "absent"}
    nothing = plan(ABSENT, replace(_bare(), config=None))
    assert not nothing.changed and nothing.before == nothing.after
