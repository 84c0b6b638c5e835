"""The example of cameras and models: every number is read, whoever is killed, and weights are read once."""

import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest
import zenoh_pinned
from zenoh_pinned import workers

from camera_models import EXAMPLE
from meeting import eventually
from place import endpoint_in, listening
from test_camera_models_drawing import decoded

RUN = [sys.executable, str(EXAMPLE / "run.py")]


def ran(*arguments, program="run.py"):
    words = [sys.executable, str(EXAMPLE / program), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)


@pytest.fixture(scope="module")
def killing(tmp_path_factory):
    """A run in which workers are killed, and the picture that it left."""
    picture = tmp_path_factory.mktemp("picture") / "last.png"
    done = ran("--seconds", 6, "--kill", 0.3, "--json", "--save", picture)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), picture


def test_killed_workers_cost_no_number(killing):
    said, _ = killing
    assert said["killed"] >= 2
    assert len(said["back_after"]) >= 1
    assert said["answered"] > 5
    assert (said["wrong"], said["failed"]) == ([], {})


def test_weights_are_read_once_whoever_is_killed(killing):
    said, _ = killing
    assert (said["loads"], said["read_later"]) == (2, 0)
    assert 0.95 * said["weights"] < said["read"] <= said["weights"]


def test_weights_are_no_memory_of_a_worker(killing):
    said, _ = killing
    start, attached, ready = (said["memory"][moment]["own"] for moment in ("start", "attached", "ready"))
    # A copy would be all of them; pages of the interpreter come and go.
    assert attached - start < 0.25 * said["weights"]
    assert ready - attached < 0.7 * said["weights"]


def test_the_parts_of_an_answers_way_are_all_of_it(killing):
    said, _ = killing
    assert all(part > 0 for part in said["mean"].values())
    assert said["answer"]["p50"] <= said["answer"]["p99"]
    assert sum(said["mean"].values()) < said["answer"]["p99"]


def test_the_last_frame_is_saved_with_what_was_read_in_it(killing):
    _, picture = killing
    frame = decoded(picture.read_bytes())
    assert frame.shape == (480, 640, 3)
    assert ((frame == (60, 230, 120)).all(axis=2)).sum() > 500, "a box"
    assert ((frame > 250).all(axis=2)).sum() > 1000, "digits"


def test_a_number_that_is_not_what_was_drawn_is_counted(tmp_path):
    program = """
import json
from zenoh_pinned import workers
said = {"readings": [["12", 0.9, [1, 2, 30, 40]]], "begun": 0, "ended": 0, "in_model": 0}
workers.serve("reader")(lambda batch: [workers.Attached(request, json.dumps(said)) for request in batch])
"""
    endpoint = endpoint_in(tmp_path)
    command = [sys.executable, "-c", program]
    with (
        zenoh_pinned.Session(listening(endpoint)) as session,
        workers.Workers("reader", command=command, session=session, range=(1, 1)),
    ):
        note = tmp_path / "note"
        done = ran(endpoint, note, "--first", 11, "--rate", 5, "--seconds", 0.4, program="camera.py")
        assert done.returncode == 0, done.stderr
        film = json.loads(note.read_text())
    assert film["wrong"] == [[11, ["12"]]], "and 12 is 12"
    assert len(film["times"]) == 2


def test_frames_that_nobody_reads_are_told(tmp_path):
    program = "from zenoh_pinned import workers; workers.serve('reader')(lambda batch: 1 / 0)"
    endpoint, note = endpoint_in(tmp_path), tmp_path / "note"
    with (
        zenoh_pinned.Session(listening(endpoint)) as session,
        workers.Workers("reader", command=[sys.executable, "-c", program], session=session, range=(1, 1)),
    ):
        done = ran(endpoint, note, "--rate", 20, "--seconds", 0.1, program="camera.py")
        assert done.returncode == 0, done.stderr
        assert json.loads(note.read_text())["failed"] == {"EngineBroke": 2}


def test_a_page_shows_the_pool_and_ctrl_c_ends_with_the_table():
    words = [*RUN, "--seconds", "0", "--cameras", "1", "--workers", "1", "--serve"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, text=True, start_new_session=True, **pipes) as running:
        url = re.fullmatch(r"The page is at (http://127\.0\.0\.1:\d+/)\n", running.stderr.readline())[1]

        def answers():
            with urllib.request.urlopen(f"{url}api/stats") as answer:
                pools = json.load(answer)["workers"]
            return any(pool["answered"] for pool in pools if pool["pid"] == running.pid)

        eventually(answers, 60)
        running.send_signal(signal.SIGINT)
        table, complaints = running.communicate(timeout=60)
    assert running.returncode == 0, complaints
    assert "Wrong                  0\n" in table


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "640"], "a width and a height like 640x480"),
        (["--size", "240x640"], "not higher than wide"),
        (["--workers", "0"], "1 or more"),
    ],
)
def test_mistakes_are_told(arguments, words):
    done = ran(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_sounds_are_heard_by_whoever_lives_as_by_one_process():
    done = ran("--kill", 0.05, program="voice.py")
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, last = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("▁▁▁▁▁▁▁▁▁▁")
    assert "█████████" in lines[0]
    assert re.search(r"2 workers, killed [1-9]\d*; 1 load; furthest from one process: [\de.-]+$", last), last
