"""What the processes do: produce, compress, write. Each is a function that is a process's whole life.

Matrices lie in blocks of one buffer manager, and what they are compressed to in blocks of another. So a
compressor, which needs one of each, never waits for a block that only itself could make free. Queues carry
names and shapes, and None for each process of the next role when the last one before it has ended.
"""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import zstandard

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from buffers import BufferManager


class Matrix(NamedTuple):
    """A matrix in a block: from a producer to a compressor."""

    number: int
    block: str
    shape: tuple[int, ...]
    dtype: str


class Compressed(NamedTuple):
    """A zstd frame in a block, and the matrix that it is of: from a compressor to a writer."""

    number: int
    block: str
    size: int
    shape: tuple[int, ...]
    dtype: str


class Report(NamedTuple):
    """What a process has done when it ends, by the clock that all processes share."""

    begun: float
    ended: float
    cpu_seconds: float
    stored: int = 0
    raw_bytes: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True)
class Pipeline:
    """What every process is given. `ready` lets them begin when all of them can."""

    input: Path
    count: int
    producers: int
    level: int
    output: Path
    raw: BufferManager
    frames: BufferManager
    matrices: Queue[Matrix | None]
    compressed: Queue[Compressed | None]
    reports: Queue[Report]
    ready: Barrier


def matrix_bytes(path: Path) -> int:
    """Return how long each matrix of a file is. Raise ``ValueError`` where the file is of another kind."""
    matrices = np.load(path, mmap_mode="r")
    fits = matrices.ndim == 3 and matrices.dtype == np.float64 and matrices.flags.c_contiguous
    if not fits or not matrices.size:
        msg = f"{path} has to be float64 of three axes in C order, not {matrices.dtype} {matrices.shape}"
        raise ValueError(msg)
    return int(matrices[0].nbytes)


def frame_bytes(raw_bytes: int) -> int:
    """Return how long a frame of so many bytes can be at most (zstd.h, ZSTD_COMPRESSBOUND)."""
    return raw_bytes + (raw_bytes >> 8) + 64


def produce(pipeline: Pipeline, worker: int) -> None:
    """Copy this producer's share of the matrices into blocks."""
    source = np.load(pipeline.input, mmap_mode="r")
    begun, cpu = begin(pipeline)
    for number in range(worker, pipeline.count, pipeline.producers):
        matrix = source[number % len(source)]
        block = pipeline.raw.acquire()
        np.copyto(np.ndarray(matrix.shape, matrix.dtype, buffer=pipeline.raw.memory(block)), matrix)
        pipeline.matrices.put(Matrix(number, block, matrix.shape, matrix.dtype.str))
    pipeline.reports.put(Report(begun, time.monotonic(), time.process_time() - cpu))


def compress(pipeline: Pipeline, worker: int) -> None:
    """Compress matrices where they lie, each into another block."""
    compressor = zstandard.ZstdCompressor(level=pipeline.level)
    begun, cpu = begin(pipeline)
    for number, block, shape, dtype in iter(pipeline.matrices.get, None):
        matrix = pipeline.raw.memory(block)
        target = pipeline.frames.acquire()
        # `compressor.compress(matrix)` would allocate as many bytes each time, for them to be copied from.
        with compressor.stream_reader(matrix, size=len(matrix)) as reader:
            size = reader.readinto(pipeline.frames.memory(target))
            if reader.read(1):
                msg = f"matrix {number} is longer compressed than zstd says that it can be"
                raise RuntimeError(msg)
        del matrix
        pipeline.raw.release(block)
        pipeline.compressed.put(Compressed(number, target, size, shape, dtype))
    pipeline.reports.put(Report(begun, time.monotonic(), time.process_time() - cpu))


def write(pipeline: Pipeline, worker: int) -> None:
    """Write frames to disk, one file each, and a line about each into an index of this process."""
    stored = raw_bytes = stored_bytes = 0
    # By lines, so that the index is never behind the files.
    with (pipeline.output / f"index-{worker}.jsonl").open("w", buffering=1) as index:
        begun, cpu = begin(pipeline)
        ended = begun
        for number, block, size, shape, dtype in iter(pipeline.compressed.get, None):
            name = f"{number:08}.zst"
            with (pipeline.output / name).open("wb", buffering=0) as file:
                left = pipeline.frames.memory(block)[:size]
                while left:
                    left = left[file.write(left) :]
            del left
            pipeline.frames.release(block)
            about = {"matrix": number, "file": name, "shape": shape, "dtype": dtype, "bytes": size}
            index.write(json.dumps(about) + "\n")
            ended = time.monotonic()
            stored += 1
            raw_bytes += np.dtype(dtype).itemsize * int(np.prod(shape))
            stored_bytes += size
    report = Report(begun, ended, time.process_time() - cpu, stored, raw_bytes, stored_bytes)
    pipeline.reports.put(report)


def begin(pipeline: Pipeline) -> tuple[float, float]:
    """Wait for all the others; return the time then, and the CPU time that starting has taken."""
    # Ctrl-C reaches all processes of a terminal, and the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipeline.ready.wait()
    return time.monotonic(), time.process_time()
