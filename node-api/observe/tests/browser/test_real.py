"""The page of the real server, with a real camera and real viewers on this machine."""
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, D103

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[3]


@pytest.fixture(scope="module")
def command():
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    path = os.environ.get("ZENOH_PINNED_COMMAND", target / "debug" / "zenoh-pinned")
    if not Path(path).exists():
        pytest.fail(
            f"there is no {path}: cargo build --workspace --all-features, or name it in ZENOH_PINNED_COMMAND"
        )
    return path


@pytest.fixture
def start():
    """Start programs, and end them with the test."""
    started = []

    def start(*arguments, **options):
        started.append(subprocess.Popen(list(map(str, arguments)), **options))
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


@pytest.fixture
def serving(start, command):
    """Start the server, at a free port or at one; it and its address."""

    def serving(address="127.0.0.1:0"):
        process = start(command, "serve", "--address", address, stdout=subprocess.PIPE, text=True)
        return process, process.stdout.readline().strip()

    return serving


@pytest.fixture
def meeting(start):
    """Start a node; all of a test meet at one port and have one key, which is no other test's."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    key = f"browser/{os.getpid()}/{port}"

    def meeting(which):
        return start(sys.executable, HERE / "nodes.py", which, port, key)

    meeting.key = key
    return meeting


def pool(page, key):
    return next((found.text for found in page.all("article.pool") if key in found.text), "")


def row(page, card, process):
    rows = page.card(card).find_elements("css selector", "tbody tr")
    return next((found.text for found in rows if f" {process.pid}" in found.text), "")


def test_a_camera_and_its_viewers_are_seen_and_one_that_is_killed_is_missed(page, serving, meeting):
    camera = meeting("camera")
    viewers = [meeting("viewer") for _ in range(2)]
    page.open(serving()[1])
    assert page.state() == "live"
    page.until(lambda: all(str(viewer.pid) in pool(page, meeting.key) for viewer in viewers))
    shown = pool(page, meeting.key)
    assert f" {camera.pid} · " in shown
    assert "8 slots" in shown
    for viewer in viewers:
        page.until(lambda viewer=viewer: "host" in row(page, "Processes", viewer))
        page.until(lambda viewer=viewer: meeting.key in row(page, "Queues", viewer))
        page.until(lambda viewer=viewer: "half ≤" in row(page, "Processes", viewer))
    page.until(lambda: "the application asked for no device" in page.card("Why frames").text)
    page.until(lambda: "/s" in page.all("figure.plot")[0].text)
    killed, spared = viewers
    killed.kill()
    killed.wait()
    page.until(lambda: str(killed.pid) not in pool(page, meeting.key).replace("ended", ""))
    assert str(spared.pid) in pool(page, meeting.key)


def asked(address):
    """Answers of the server, also where it says no."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


class Supervisor:
    """The example with workers, as its own words, the page and the metrics show it."""

    def __init__(self, process, page, address) -> None:
        self.process, self.page, self.address = process, page, address
        self.restarts = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            found = re.search(r"; (\d+) workers restarted", line)
            if found:
                self.restarts = int(found[1])

    def shown(self):
        """Read its words on the page."""
        ours = f"workers {self.process.pid}"
        # At once: what is found one after the other can go meanwhile.
        script = "return [...document.querySelectorAll('article.workers')].map(({innerText}) => innerText)"
        pools = [" ".join(pool.split()) for pool in self.page.run(script)]
        return next((pool for pool in pools if ours in pool), "")

    def workers(self):
        """Find the processes of workers that serve, by their place."""
        tiles = re.finditer(r"(?:ready|processing|idle) worker (\d+) process (\d+)", self.shown())
        return {int(tile[1]): int(tile[2]) for tile in tiles}

    def metric(self, name, label=""):
        """Read a figure of the server's."""
        lines = asked(f"{self.address}metrics").splitlines()
        lines = [line for line in lines if line.startswith(f"zenoh_pinned_{name}{{") and label in line]
        return sum(float(line.split()[-1]) for line in lines if f'pid="{self.process.pid}"' in line)

    def outcomes(self):
        """List how requests have ended."""
        lines = asked(f"{self.address}metrics").splitlines()
        lines = [line for line in lines if line.startswith("zenoh_pinned_worker_requests_total{")]
        return re.findall(rf'pid="{self.process.pid}",outcome="(\w+)"', "\n".join(lines))

    def why_not_ready(self):
        """Read what /readyz says of all workers."""
        return json.loads(asked(f"{self.address}readyz"))["why"].get("workers", "")


def test_workers_that_are_killed_come_back_while_requests_are_answered(page, serving, start, command):
    example = start(Path(command).with_name("workers"), 100_000, stdout=subprocess.PIPE, text=True)
    address = serving()[1]
    page.open(address)
    supervisor = Supervisor(example, page, address)
    page.until(lambda: len(supervisor.workers()) >= 2)
    assert "brightness" not in supervisor.why_not_ready()
    for kills in range(1, 4):
        seat, killed = min(supervisor.workers().items())
        before = supervisor.metric("worker_requests_total", 'outcome="answered"')
        os.kill(killed, signal.SIGKILL)
        page.until(lambda killed=killed: f"process {killed} " not in supervisor.shown())
        page.until(lambda seat=seat, killed=killed: supervisor.workers().get(seat, killed) != killed)
        page.until(lambda kills=kills: f"restarts {kills} " in supervisor.shown())
        page.until(lambda kills=kills: supervisor.metric("worker_restarts_total") == kills)
        page.until(lambda kills=kills: supervisor.restarts == kills)
        answered = ("worker_requests_total", 'outcome="answered"')
        page.until(lambda before=before, answered=answered: supervisor.metric(*answered) > before + 50)
    others = [outcome for outcome in supervisor.outcomes() if outcome != "answered"]
    assert others == []
    assert example.poll() is None, "it ends at the first request without an answer"
    example.send_signal(signal.SIGSTOP)
    page.until(lambda: "its supervisor has said nothing for" in page.card("Needs attention").text)
    assert "brightness: its supervisor has said nothing" in supervisor.why_not_ready()
    example.send_signal(signal.SIGCONT)
    page.until(lambda: "brightness" not in supervisor.why_not_ready())
    page.until(lambda: "said nothing" not in supervisor.shown())
    example.kill()
    example.wait()
    page.until(lambda: supervisor.shown() == "")
    assert supervisor.metric("workers") == 0


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Make a model that no other test has, to be served where nobody else serves."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path is short
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        header = json.dumps({"a": {"dtype": "U8", "shape": [1 << 20], "data_offsets": [0, 1 << 20]}}).encode()
        path = tmp_path / "m.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(1 << 20))
        yield f"browser-{os.getpid()}", path


def write_into(pool):
    """Write into a pool's largest segment as no program of this library does."""
    segment = max(pool["segments"], key=lambda segment: segment["bytes"])
    with Path(f"/dev/shm/{segment['id']}.zenoh").open("r+b") as file:
        file.seek(segment["bytes"] // 2)
        file.write(b"\xa5")


def test_models_are_seen_with_those_who_have_leases_until_these_end(page, serving, start, model):
    name, path = model
    address = serving()[1]
    page.open(address)

    def shown():
        script = "return [...document.querySelectorAll('.models tbody tr')].map(({innerText}) => innerText)"
        return [" ".join(row.split()) for row in page.run(script)]

    assert shown() == []
    server = start(sys.executable, HERE / "nodes.py", "server", name, path)
    page.until(lambda: shown() == [f"{name} not loaded"])
    first, second = (start(sys.executable, HERE / "nodes.py", "worker", name) for _ in range(2))
    page.until(lambda: all(f" {worker.pid}" in shown()[0] for worker in (first, second)))
    page.until(lambda: "process" not in shown()[0])  # others say what they are called
    assert f"{name} {path} ready 1 MiB" in shown()[0]
    assert "Loads 1 1 MiB read" in " ".join(page.card("Models").text.split())
    first.kill()
    page.until(lambda: f" {first.pid}" not in shown()[0])
    assert f" {second.pid}" in shown()[0]
    pools = json.loads(asked(f"{address}api/pools"))
    write_into(next(pool for pool in pools if pool["name"] == name))
    third = start(sys.executable, HERE / "nodes.py", "worker", name)
    page.until(lambda: "wrote into the weights of 1 model" in page.one(".well, .attention").text)
    page.until(lambda: len(shown()) == 2)
    anew, written = shown()
    assert " ready " in anew
    assert f" {third.pid}" in anew
    assert " leaving " in written
    assert f" {second.pid}" in written
    assert "zenoh_pinned_model_changed_total 1" in asked(f"{address}metrics")
    server.kill()
    page.until(lambda: shown() == [])
    assert "Models" not in page.one("#contents").text


def test_a_server_that_stands_still_or_is_killed_is_offline_until_it_is_back(page, serving):
    server, address = serving()
    page.open(address)
    server.send_signal(signal.SIGSTOP)
    page.until(lambda: page.state() == "offline")
    assert "it does not answer" in page.one("#state-says").text
    server.send_signal(signal.SIGCONT)
    page.until(lambda: page.state() == "live")
    server.kill()
    server.wait()
    page.until(lambda: "it cannot be reached" in page.one("#state-says").text)
    serving(address.removeprefix("http://").rstrip("/"))
    page.until(lambda: page.state() == "live")
    page.next_message()


def test_the_links_of_the_page_are_answered(page, serving):
    page.open(serving()[1])
    page.until(lambda: page.all("footer a"))
    statuses = page.run(
        """
        const elements = [...document.querySelectorAll("footer a, link, script[src]")];
        const links = elements.map(({href, src}) => href || src);
        return Promise.all(links.map(async (link) => [link, (await fetch(link)).status]));
        """
    )
    assert len(statuses) == 9
    assert [status for _, status in statuses] == [200] * 9
