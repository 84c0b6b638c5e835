"""Ray Serve: `python with_ray.py FIGURE --seconds S`.

Requests go from this process, Ray's driver, over a `DeploymentHandle` to replicas, without Ray's HTTP proxy,
which is not started, and without dashboard and logs to the driver. So has it a careful user on one machine:

- `frames`: the frame is an argument as a NumPy array, which Ray copies into its object store, shared memory
  that a replica reads without a copy. Two replicas. `put_first` is the same with `ray.put` by the user.
- `small`: `@serve.batch` of up to 64, one replica, 256 callers in one event loop, and Ray's own switch for
  throughput (RAY_SERVE_THROUGHPUT_OPTIMIZED: gRPC between the processes, one event loop in each), which more
  than doubled it. A batch waits for 10 ms at most, Ray's default: with 1 ms batches are small and the figures
  lower.
- `batching`: the same with an engine that sleeps 5 ms for each batch, in a thread as a real one would; 64
  callers.
- `kill`: Ray's controller finds dead replicas by its health checks and starts others. They are made every 0.1
  s here; with Ray's default, every 10 s, another replica answered after about 10 s.

Ray listens on all addresses by default. RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 makes its daemons take 127.0.0.1;
the port of a replica has its address in Ray's code, and is put right in the replica before it is opened.
Access is by a token that is made for the run, in its folder.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import secrets
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import arm
import cameras
import kills

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

PAYLOADS = [bytes([number]) * 64 for number in range(64)]
ENGINE = 0.005
CALLERS = 256
STORE_BYTES = 512 << 20
names = count()


@contextmanager
def cluster(environment: dict[str, str] | None = None) -> Iterator[None]:
    """Start Ray on this machine alone, and end it."""
    # Paths of sockets in it must be short.
    with tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True) as folder:
        token = Path(folder, "token")
        token.touch(0o600)
        token.write_text(secrets.token_hex(32))
        os.environ.update(
            {
                "RAY_USAGE_STATS_ENABLED": "0",
                "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
                "RAY_AUTH_TOKEN_PATH": str(token),
                "RAY_SERVE_LOG_TO_STDERR": "0",
                "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1000",
                # Replicas import the classes below from this module.
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
            }
            | (environment or {})
        )
        # It reads the environment when it is imported, which must not be earlier.
        import ray
        from ray import serve

        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            log_to_driver=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
        try:
            serve.start(proxy_location="Disabled")
            yield
        finally:
            ray.shutdown()


def on_this_machine_only() -> None:
    """Let the replica that this runs in open its port on 127.0.0.1, not on all addresses."""
    from ray.serve._private import replica

    opened = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: opened(
        server, address.replace("[::]", "127.0.0.1")
    )


class See:
    """Answers with the first 8 bytes of a frame."""

    def __init__(self) -> None:
        on_this_machine_only()

    async def __call__(self, pixels: np.ndarray) -> bytes:
        """Answer one frame."""
        return bytes(pixels[:8])


class Batches:
    """Answers with the requests, a batch after some time."""

    def __init__(self, batch: int, held: float) -> None:
        from ray import serve

        on_this_machine_only()

        @serve.batch(max_batch_size=batch, batch_wait_timeout_s=0.01, max_concurrent_batches=1)
        async def engine(requests: list[bytes]) -> list[bytes]:
            if held:
                await asyncio.get_running_loop().run_in_executor(None, time.sleep, held)
            return requests

        self.engine = engine

    async def __call__(self, request: bytes) -> bytes:
        """Answer one request."""
        return await self.engine(request)


class Hold:
    """Answers with its process's id after some time."""

    def __init__(self, held: float) -> None:
        on_this_machine_only()
        self.held = held

    def __call__(self, _: bytes) -> int:
        """Answer one request."""
        time.sleep(self.held)
        return os.getpid()


def deployed(kind: type, *arguments: Any, replicas: int, each: int, health_checks: float = 10.0) -> Any:
    """Start replicas that take so many requests each at once; return the handle."""
    from ray import serve

    deployment = serve.deployment(
        num_replicas=replicas,
        max_ongoing_requests=each,
        health_check_period_s=health_checks,
        ray_actor_options={"num_cpus": 0},
    )(kind)
    return serve.run(deployment.bind(*arguments), name=f"{kind.__name__}{next(names)}", route_prefix=None)


def frames(terms: arm.Terms) -> dict[str, Any]:
    """Give frames as arguments, and then as references."""
    with cluster():
        import ray

        handle = deployed(See, replicas=cameras.CAMERAS, each=4)

        def as_argument(pixels: np.ndarray) -> bytes:
            return bytes(handle.remote(pixels).result(timeout_s=terms.bound))

        def put_first(pixels: np.ndarray) -> bytes:
            return bytes(handle.remote(ray.put(pixels)).result(timeout_s=terms.bound))

        figure = cameras.watched([as_argument] * cameras.CAMERAS, terms.seconds)
        return figure | {"put_first": cameras.watched([put_first] * cameras.CAMERAS, terms.seconds)}


async def rate(handle: Any, seconds: float, callers: int) -> float:
    """Return requests per second of many callers, each with one request under way."""

    async def call(number: int, ends: float) -> int:
        answered, request = 0, PAYLOADS[number % 64]
        while time.perf_counter() < ends:
            if await handle.remote(request) != request:
                message = "not the answer"
                raise RuntimeError(message)
            answered += 1
        return answered

    async def all_for(seconds: float) -> tuple[int, float]:
        begun = time.perf_counter()
        each = await asyncio.gather(*(call(number, begun + seconds) for number in range(callers)))
        return sum(each), time.perf_counter() - begun

    await all_for(2.0)
    answered, took = await all_for(seconds)
    return round(answered / took, 1)


THROUGHPUT = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}


def small(terms: arm.Terms) -> dict[str, Any]:
    """Keep many small requests under way."""

    async def measured() -> float:
        handle = await asyncio.to_thread(deployed, Batches, 64, 0.0, replicas=1, each=4 * CALLERS)
        return await rate(handle, terms.seconds, CALLERS)

    with cluster(THROUGHPUT):
        return {"requests_per_s": asyncio.run(measured()), "workers": 1, "batch": 64, "outstanding": CALLERS}


def batching(terms: arm.Terms) -> dict[str, Any]:
    """Compare an engine that takes one request with one that takes 8."""
    callers = 64

    async def measured() -> dict[str, Any]:
        found = []
        for batch in (1, 8):
            handle = await asyncio.to_thread(deployed, Batches, batch, ENGINE, replicas=1, each=4 * callers)
            found.append(await rate(handle, terms.seconds, callers))
        figures = dict(zip((1, 8), found, strict=True))
        return arm.gain(figures.__getitem__) | {"outstanding": callers}

    with cluster(THROUGHPUT):
        return asyncio.run(measured())


@contextmanager
def started(workers: int, held: float) -> Iterator[kills.Ask]:
    """Start replicas to kill some of; each takes one request at a time."""
    from ray import serve

    handle = deployed(Hold, held, replicas=workers, each=1, health_checks=0.1)
    try:
        yield lambda bound: handle.remote(b"").result(timeout_s=bound)
    finally:
        for name in serve.status().applications:
            serve.delete(name)


def kill(terms: arm.Terms) -> dict[str, Any]:
    """Kill replicas."""
    with cluster():
        return kills.measured(started, terms.bound)


if __name__ == "__main__":
    # Ray takes classes of the main module along by value; those of a module that it can import, by name.
    sys.modules["with_ray"] = sys.modules["__main__"]
    arm.main(
        "ray",
        lambda: importlib.metadata.version("ray"),
        {"frames": frames, "small": small, "batching": batching, "kill": kill},
    )
