"""mosec: `python with_mosec.py FIGURE --seconds S`.

mosec's Rust front in a process of its own gives HTTP requests in batches to Python workers. It has no other
way in: its mixins for shared memory (plasma, which is no longer part of pyarrow, and Redis) carry data from
one stage's workers to the next stage's, not from a client to the first. So this is what a careful user has on
one machine:

- `frames`: raw bytes as the body, without any encoding, over a connection that is kept for each camera; the
  socket takes them out of the camera's own buffer. Two workers. `by_name` is the user's own trick beside
  mosec: a copy into a block of shared memory, of which only the name goes over HTTP.
- `small`: batches of up to 64 that wait for 1 ms at most, one worker, raw bytes. The client writes and reads
  HTTP/1.1 by hand on 256 connections that are kept, with one `epoll`, to take as little as it can of the
  machine.
- `batching`: the same client and an engine that sleeps 5 ms for each batch.
- `kill`: mosec looks every 0.1 s whether a worker has ended and starts another; where no worker is left, the
  whole server ends ("all the workers exited").
"""

from __future__ import annotations

import http.client
import importlib.metadata
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import arm
import cameras
import kills

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYLOADS = [bytes([number]) * 64 for number in range(64)]
ENGINE = 0.005
CONNECTIONS = 256
# How the server's process is told what to serve.
ENGINE_NAME, WORKERS, BATCH, HELD = "PEERS_ENGINE", "PEERS_WORKERS", "PEERS_BATCH", "PEERS_HELD"


def free_port() -> int:
    """Return a port of this machine's own address that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(engine: str, workers: int, batch: int = 1, held: float = 0.0) -> Iterator[int]:
    """Start a server and wait until it answers; gives its port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__).with_name("mosec_server.py")), "--address", "127.0.0.1"]
        command += ["--port", str(port), "--path", f"{folder}/ipc", "--log-level", "warning"]
        told = {ENGINE_NAME: engine, WORKERS: str(workers), BATCH: str(batch), HELD: str(held)}
        server = subprocess.Popen(command, env=os.environ | told)
        try:
            wait_until_ready(server, port)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                server.wait(6)
            server.kill()
            server.wait()


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    """Return once a request is answered."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if server.poll() is not None:
            message = f"mosec's server ended with {server.returncode}"
            raise RuntimeError(message)
        with suppress(OSError, http.client.HTTPException, RuntimeError):
            Client(port).ask(bytes(64), 2)
            return
        time.sleep(0.05)
    message = "mosec's server did not answer within 60 s"
    raise RuntimeError(message)


class Client:
    """One connection that is kept, and opened again after a failure."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self, body: Any, bound: float) -> bytes:
        """Return the answer; raise if it is a refusal."""
        self.connection.timeout = bound
        if self.connection.sock:
            self.connection.sock.settimeout(bound)
        try:
            self.connection.request("POST", "/inference", body)
            response = self.connection.getresponse()
            answer = response.read()
        except Exception:
            self.connection.close()
            raise
        if response.status != 200:
            message = f"{response.status}: {answer[:100]!r}"
            raise RuntimeError(message)
        return answer


def frames(terms: arm.Terms) -> dict[str, Any]:
    """Send frames as bodies, and then by name."""
    with served("see", cameras.CAMERAS) as port:

        def through(client: Client) -> Any:
            return lambda pixels: client.ask(memoryview(pixels), terms.bound)

        answers = [through(Client(port)) for _ in range(cameras.CAMERAS)]
        as_body = cameras.watched(answers, terms.seconds)
    blocks = [SharedMemory(create=True, size=cameras.FRAME_BYTES) for _ in range(cameras.CAMERAS)]
    try:
        with served("see_by_name", cameras.CAMERAS) as port:

            def named(client: Client, block: SharedMemory) -> Any:
                there = np.ndarray(cameras.FRAME_BYTES, np.uint8, block.buf)

                def answer(pixels: np.ndarray) -> bytes:
                    np.copyto(there, pixels)
                    return client.ask(block.name.encode(), terms.bound)

                return answer

            by_name = cameras.watched([named(Client(port), block) for block in blocks], terms.seconds)
    finally:
        for block in blocks:
            with suppress(BufferError):
                block.close()
            block.unlink()
    return as_body | {"by_name": by_name}


class Crowd:
    """Many connections, each with one request under way, served by one thread."""

    def __init__(self, port: int) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self.poll = select.epoll()
        head = b"POST /inference HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 64\r\n\r\n"
        self.requests = [head + payload for payload in PAYLOADS]
        for _ in range(CONNECTIONS):
            there = socket.create_connection(("127.0.0.1", port))
            there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            there.settimeout(10)
            self.sockets[there.fileno()] = there
            self.poll.register(there, select.EPOLLIN)

    def answered(self, seconds: float) -> int:
        """Keep a request under way on every connection for some time; return how many were answered."""
        ends = time.perf_counter() + seconds
        payload_of = {}
        for index, (number, there) in enumerate(self.sockets.items()):
            payload_of[number] = index % 64
            there.sendall(self.requests[index % 64])
        waiting, count = len(self.sockets), 0
        while waiting:
            for number, _ in self.poll.poll(10) or self._silent():
                there, index = self.sockets[number], payload_of[number]
                answer = there.recv(4096)
                while not answer.endswith(PAYLOADS[index]):
                    more = there.recv(4096)
                    if not more or not answer.startswith(b"HTTP/1.1 200"):
                        message = f"not the answer: {answer[:200]!r}"
                        raise RuntimeError(message)
                    answer += more
                count += 1
                if time.perf_counter() < ends:
                    there.sendall(self.requests[index])
                else:
                    waiting -= 1
        return count

    def _silent(self) -> list[tuple[int, int]]:
        message = "no answer for 10 s"
        raise RuntimeError(message)


def small(terms: arm.Terms) -> dict[str, Any]:
    """Keep many small requests under way."""
    with served("echo", 1, 64) as port:
        figure = arm.rate(Crowd(port).answered, terms.seconds)
    return {"requests_per_s": figure, "workers": 1, "batch": 64, "outstanding": CONNECTIONS}


def batching(terms: arm.Terms) -> dict[str, Any]:
    """Compare an engine that takes one request with one that takes 8."""

    def of(batch: int) -> float:
        with served("engine", 1, batch, ENGINE) as port:
            return arm.rate(Crowd(port).answered, terms.seconds)

    return arm.gain(of) | {"outstanding": CONNECTIONS}


@contextmanager
def started(workers: int, held: float) -> Iterator[kills.Ask]:
    """Start a server to kill workers of."""
    clients = threading.local()
    with served("hold", workers, 1, held) as port:

        def ask(bound: float) -> int:
            if not hasattr(clients, "own"):
                clients.own = Client(port)
            return int(clients.own.ask(b"?", bound))

        yield ask


if __name__ == "__main__":
    arm.main(
        "mosec",
        lambda: importlib.metadata.version("mosec"),
        {
            "frames": frames,
            "small": small,
            "batching": batching,
            "kill": lambda terms: kills.measured(started, terms.bound),
        },
    )
