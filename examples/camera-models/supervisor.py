"""The supervisor: it has the models, and a pool of workers that read frames with them; and it kills some.

The models' files are made and read here once. Whoever is killed, his successor attaches what is there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zenoh_pinned
from zenoh_pinned import models, workers

from camera import POOL
from engine import optimise
from killer import Killer, serving_in
from memory import Memory, memory_of
from packaged import DETECTOR, RECOGNISER, path_of
from place import endpoint_in, listening

if TYPE_CHECKING:
    from types import FrameType

HERE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# What a frame needs besides is kept for the next one, and not fetched page by page from the kernel each time.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}


@dataclass(frozen=True)
class Terms:
    """What a run is to be."""

    cameras: int = 2
    rate: float = 15
    workers: int = 2
    seconds: float = 10
    size: tuple[int, int] = (640, 480)
    kill_every: float = 0
    save: Path | None = None


@dataclass(frozen=True)
class Told:
    """What the processes of a run have told."""

    films: list[dict[str, Any]]
    notes: list[dict[str, Memory]]
    """The memory of each worker while it loaded."""
    at_the_end: list[Memory]
    """The memory of those that were there at the end."""
    first: dict[str, Any]
    """The registry when the first workers were ready."""
    registry: dict[str, Any]
    pool: workers.Statistics
    killed: int
    back_after: list[float]


def run(terms: Terms) -> Told:
    """Have cameras film and workers read, for as long as the terms say or until Ctrl-C."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="camera-models-")))
        registry = stack.enter_context(models.Registry())
        for model, packaged in (("detector", DETECTOR), ("recogniser", RECOGNISER)):
            optimise(path_of(packaged), folder / f"{model}.onnx")
            registry.add_source(model, folder / f"{model}.onnx")
        server = f"camera-models-{os.getpid()}"
        stack.enter_context(models.Server(registry, server))
        session = stack.enter_context(zenoh_pinned.Session(listening(endpoint_in(folder))))
        killer = Killer(terms.kill_every)
        pool = stack.enter_context(
            workers.Workers(
                POOL,
                command=[sys.executable, str(HERE / "worker.py"), server, str(folder)],
                session=session,
                environment=ONE_THREAD | KEEP_MEMORY,
                range=(terms.workers, terms.workers),
                on_ready=killer.on_ready,
            )
        )
        if not pool.wait_until_ready(terms.workers):
            sys.exit(f"the workers are not ready: {pool.statistics()['workers'][0]['why_failed']}")
        first = registry.statistics()
        films = film(terms, folder, pool, killer)
        seen = pool.statistics()
        at_the_end = [memory_of(worker["pid"] or 0) for worker in serving_in(seen)]
        notes = [
            {moment: Memory(*memory) for moment, memory in json.loads(path.read_text()).items()}
            for path in folder.glob("worker-*.json")
        ]
        known = registry.statistics()
        return Told(films, notes, at_the_end, first, known, seen, killer.killed, killer.back_after)


def film(terms: Terms, folder: Path, pool: workers.Workers, killer: Killer) -> list[dict[str, Any]]:
    """Start the cameras, kill workers meanwhile, and return what became of each camera's frames."""
    cameras, notes = [], []
    stopped = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        for number in range(terms.cameras):
            notes.append(folder / f"camera-{number}.json")
            words = [sys.executable, str(HERE / "camera.py"), endpoint_in(folder), str(notes[-1])]
            words += ["--first", str(1_000_000 * number), "--rate", str(terms.rate)]
            words += ["--seconds", str(terms.seconds), "--size", *map(str, terms.size)]
            if terms.save and number == terms.cameras - 1:
                words += ["--save", str(terms.save)]
            # In sessions of their own: Ctrl-C is for this process, which asks them to end.
            cameras.append(subprocess.Popen(words, env={**os.environ, **ONE_THREAD}, start_new_session=True))
        while not stopped and any(camera.poll() is None for camera in cameras):
            killer.kill_if_due(pool)
            time.sleep(0.02)
    finally:
        for camera in cameras:
            if camera.poll() is None:
                camera.send_signal(signal.SIGTERM)
        for camera in cameras:
            camera.wait()
        signal.signal(signal.SIGINT, before)
    # One that was asked to end before it had begun has nothing to tell.
    if any(camera.returncode not in {0, -signal.SIGTERM} for camera in cameras):
        sys.exit("a camera failed")
    return [json.loads(note.read_text()) for note in notes if note.exists()]
