"""The lane itself, with stages that are made for this: whatever one does, the others' results are there."""
# ruff: noqa: ANN001, ANN201, ANN202, D103

import itertools
import json
import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lane"))
import bounded
import conductor
import results
import stages
from stages import STAGES, Stage

LANE = Path(__file__).resolve().parent.parent / "lane"

PROGRAM = """
import os, signal, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from results import Results
out, name, how = Path(sys.argv[2]), sys.argv[3], sys.argv[4]
results = Results(out, name)
results.add(number=1)
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
(out / f"child-of-{name}").write_text(str(child.pid))
if how == "raise":
    raise Exception("as asked")
if how == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
if how == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
results.add(number=2, outcome="failed" if how == "bad" else "passed")
"""
ENDS = {
    "go on": ("done", 2, True),
    "bad": ("done", 2, False),
    "raise": ("failed", 1, False),
    "hang": ("out of time", 1, False),
    "kill": ("killed", 1, False),
}


def lane(out, ways, seconds=60.0):
    made = [Stage(name, "none", 1, 2) for name in ways]

    def command(stage, _deadline):
        return [sys.executable, "-c", PROGRAM, str(LANE), str(out), stage.name, ways[stage.name]]

    deadline = time.monotonic() + seconds
    return conductor.Lane(out, made, deadline, 5, False, {"device": "none"}, command, lambda _text: None)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(conductor, "GRACE_SECONDS", 0.2)


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_stage_that_breaks_costs_only_what_it_had_not_done(tmp_path, how, place):
    names = ["one", "two", "three"]
    ways = {name: how if index == place else "go on" for index, name in enumerate(names)}
    states = lane(tmp_path, ways).run()
    for state in states:
        ended, found, succeeded = ENDS[ways[state.stage]]
        assert (state.state, sum(state.results.values()), state.succeeded) == (ended, found, succeeded)
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["ended"]
    assert [state["state"] for state in status["stages"]] == [ENDS[way][0] for way in ways.values()]
    left = [path for path in tmp_path.glob("child-of-*") if is_alive(path.read_text())]
    assert not left, "what a stage has started ends with it"


def test_a_lane_that_is_killed_leaves_what_was_found_and_how_far_it_was(tmp_path):
    child = os.fork()
    if child == 0:
        lane(tmp_path, {"one": "go on", "two": "hang", "three": "go on"}).run()
        os._exit(0)
    until = time.monotonic() + 20
    while not results.outcomes(tmp_path, "two") and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert sum(results.outcomes(tmp_path, "one").values()) == 2
    status = json.loads((tmp_path / "status.json").read_text())
    assert [state["state"] for state in status["stages"]] == ["done", "running", "waiting"]
    assert not status["ended"]
    conductor.end_all(f"{child}/two")


def test_a_line_that_was_being_written_spoils_no_other(tmp_path):
    results.Results(tmp_path, "one").add(number=1)
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"stage": "one", "num')
    assert results.read(tmp_path) == [{"stage": "one", "number": 1}]


@pytest.mark.parametrize("minutes", [5, 8, 12])
def test_time_is_handed_on_and_nobody_takes_what_is_kept_for_others(minutes):
    total = minutes * 60.0 - 5
    for uses_all in itertools.product([False, True], repeat=len(STAGES)):
        left = total
        for index, stage in enumerate(STAGES):
            limit = stages.limit(STAGES, index, left, minutes)
            assert limit >= min(stage.least, left)
            assert limit <= left
            left -= limit if uses_all[index] else 1.0
    # With time to spare a stage may take its whole share.
    assert stages.limit(STAGES, 1, 10_000, minutes) == STAGES[1].most * minutes / 5


def test_in_a_lane_that_is_late_everybody_still_gets_a_share():
    left = 30.0
    for index in range(len(STAGES)):
        limit = stages.limit(STAGES, index, left, 5)
        assert 0 < limit <= left
        left -= limit
    assert left == pytest.approx(0)


def test_the_first_look_is_on_disk_within_a_minute():
    assert STAGES[0].name == "first look"
    assert all(stages.limit(STAGES, 0, minutes * 60.0, minutes) <= 50 for minutes in (4, 5, 8, 12))


def test_lines_are_told_as_they_come_and_a_program_out_of_time_is_killed():
    told = []
    program = "import time; print('first', flush=True); print('sec', end='', flush=True); time.sleep(60)"
    ended = bounded.run([sys.executable, "-c", program], 1.0, os.environ, told.append)
    assert ended.timed_out
    assert not ended.succeeded
    assert told == ["first"]
    assert ended.output == "first\nsec"
