"""The command ``zenoh-pinned``, as pip installs it."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from pathlib import Path

import pytest
import zenoh_pinned

from meeting import link

PATIENCE = 60
ROWS, COLUMNS = 24, 80


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "zenoh_pinned", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **options,
    )


def test_the_script_that_pip_installs_is_the_command():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["zenoh-pinned"].split(":")
    script = f"import sys; from {module} import {function}; sys.exit({function}())"
    done = subprocess.run(
        [sys.executable, "-c", script, "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"zenoh-pinned {zenoh_pinned.__version__}\n"


def test_arguments_that_make_no_sense_end_with_2_and_say_what_there_is():
    done = command("no-such-thing")
    assert done.returncode == 2
    assert "Usage: zenoh-pinned" in done.stderr


def test_the_doctor_says_the_same_of_this_process_as_of_any():
    done = command("doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["well"] else 1), done.stdout
    about = {line["about"]: line for line in report["checks"]}
    assert about["zenoh"]["state"] == "ok"
    assert "eclipse-zenoh" in about["zenoh"]["fact"]
    assert about["trial"]["state"] == "ok", done.stdout
    assert done.stderr == ""


def test_top_prints_the_pools_of_other_processes():
    pool = zenoh_pinned.Pool(4096, slots=3)
    done = command("top", "--once")
    assert done.returncode == 0, done.stderr
    assert str(os.getpid()) in done.stdout
    del pool


def test_serve_ends_well_when_it_is_interrupted():
    serving = subprocess.Popen(
        [sys.executable, "-m", "zenoh_pinned", "serve", "--address", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = serving.stdout.readline().strip()
    with urllib.request.urlopen(f"{url}api/stats", timeout=PATIENCE) as answer:
        assert "pools" in json.load(answer)
    serving.send_signal(signal.SIGINT)
    _, said = serving.communicate(timeout=PATIENCE)
    assert (serving.returncode, said) == (0, "")


class Screen:
    """`top` in a terminal of 80 x 24, and what it shows there."""

    def __init__(self):
        pyte = pytest.importorskip("pyte")
        self.display = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.display)
        self.said = b""
        self.terminal, program = pty.openpty()
        fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(program)
        self.program = program
        # As a terminal starts it: under `nohup` a hang-up would be ignored, and stay so.
        command = ["env", "--default-signal=HUP,INT,TERM", sys.executable, "-m", "zenoh_pinned", "top"]
        self.process = subprocess.Popen(
            command,
            stdin=program,
            stdout=program,
            stderr=program,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
        )

    def read(self):
        ready, _, _ = select.select([self.terminal], [], [], 0.05)
        if ready:
            said = os.read(self.terminal, 65536)
            self.said += said
            self.stream.feed(said)

    def until(self, shows):
        """Wait until what is shown satisfies `shows`, and give its lines."""
        give_up = time.monotonic() + PATIENCE
        while not shows(self.display.display):
            assert time.monotonic() < give_up, "\n".join(self.display.display)
            assert self.process.poll() is None, "\n".join(self.display.display)
            self.read()
        return self.display.display

    def press(self, keys):
        os.write(self.terminal, keys)

    def ended(self):
        """Wait for its end: the exit code, and whether the terminal is as it was."""
        give_up = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < give_up, "\n".join(self.display.display)
            self.read()
        for _ in range(4):
            self.read()
        is_restored = termios.tcgetattr(self.program) == self.before
        left = self.said.rfind(b"\x1b[?1049l") > self.said.rfind(b"\x1b[?1049h") >= 0
        shows_cursor = self.said.rfind(b"\x1b[?25h") > self.said.rfind(b"\x1b[?25l")
        return self.process.returncode, is_restored and left and shows_cursor

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self.program)


@pytest.fixture
def screen():
    screen = Screen()
    yield screen
    screen.close()


def test_top_is_read_in_80_by_24_and_gives_the_terminal_back(sessions, screen):
    producer, consumer = sessions
    publisher = producer.declare_publisher("camera/front", 4096, slots=4)
    subscriber = consumer.declare_subscriber("camera/front")
    link(publisher, subscriber)
    lines = screen.until(lambda lines: any(line.startswith("camera/front") for line in lines))
    assert lines[0].startswith("zenoh-pinned ")
    assert lines[3].split()[:3] == ["POOL", "PRODUCER", "SLOTS"]
    row = next(line for line in lines if line.startswith("camera/front"))
    assert str(os.getpid()) in row
    # Workers, of whom there are none, are between the two.
    screen.press(b"\t\t")
    screen.until(lambda lines: lines[3].startswith("PROCESS"))
    screen.press(b"\x1b[C")
    lines = screen.until(lambda lines: lines[3].startswith("SUBSCRIBER"))
    assert "camera/front" in lines[4]
    # It looks again by itself.
    screen.press(b"\x1b[D\x1b[D\x1b[D")
    screen.until(lambda lines: lines[3].startswith("POOL"))
    held = publisher.allocate(4096)
    screen.until(lambda lines: any(line.startswith("camera/front") and "#" in line for line in lines))
    del held
    screen.press(b"q")
    assert screen.ended() == (0, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_top_gives_the_terminal_back_when_a_signal_ends_it(screen, number):
    screen.until(lambda lines: lines[0].startswith("zenoh-pinned "))
    screen.process.send_signal(number)
    assert screen.ended() == (0, True)


def test_an_interrupt_from_the_keyboard_ends_top(screen):
    screen.until(lambda lines: lines[0].startswith("zenoh-pinned "))
    screen.press(b"\x03")
    assert screen.ended() == (0, True)
