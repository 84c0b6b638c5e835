"""The page of the real server, with a real camera and real viewers on this machine."""
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, D103

import contextlib
import os
import signal
import socket
import subprocess
import sys
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
