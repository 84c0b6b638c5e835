"""The pipeline that people build today: processes, `multiprocessing.shared_memory` and queues.

`python shared_memory_pipeline.py --input FILE.npy --count N --output FOLDER` prints one line of JSON: seconds
from the first matrix begun to the last file written, processes being ready before; what was stored; and the
CPU time of the processes meanwhile. Producers copy matrices out of the file into blocks of shared memory,
compressors compress them there with zstd into other blocks, writers write each to a file. Half the buffers
are for matrices, half for what they are compressed to.

Whatever goes wrong in a process ends the run: its traceback is on stderr, the exit status is 1, nothing is on
stdout, and nothing stays in /dev/shm.

Knowingly weak: a process that fails is not started again, and the file that it was writing may be cut. Where
/dev/shm may grow larger than the machine's memory, too many buffers make the kernel kill processes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sys
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buffers import BufferManager
from roles import Pipeline, Report, compress, frame_bytes, matrix_bytes, produce, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.context import SpawnProcess
    from multiprocessing.queues import Queue


class Terms(argparse.Namespace):
    """The command line."""

    input: Path
    count: int
    producers: int
    compressors: int
    writers: int
    buffers: int
    level: int
    output: Path


def terms_of(arguments: Sequence[str] | None = None) -> Terms:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--input", type=Path, required=True, help=".npy; the first of three axes counts")
    parser.add_argument("--count", type=int, required=True, help="how many matrices are stored")
    parser.add_argument("--producers", type=int, default=2)
    parser.add_argument("--compressors", type=int, default=2)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--buffers", type=int, default=20, help="blocks of shared memory, of both kinds")
    parser.add_argument("--level", type=int, default=3, help="of zstd")
    parser.add_argument("--output", type=Path, required=True, help="a folder with nothing in it")
    terms = parser.parse_args(arguments, namespace=Terms())
    if min(terms.count, terms.producers, terms.compressors, terms.writers) < 1:
        parser.error("at least one matrix and one process of each role")
    # The names of all free blocks have to fit into a pipe, or a process waits for ever when it ends.
    if not 2 <= terms.buffers <= 1024:
        parser.error("2 to 1024 buffers")
    return terms


def run(terms: Terms) -> dict[str, Any]:
    """Run the pipeline. Raise ``RuntimeError`` where a process fails or dies."""
    size = matrix_bytes(terms.input)
    terms.output.mkdir(parents=True, exist_ok=True)
    if any(terms.output.iterdir()):
        msg = f"{terms.output} has something in it: give another --output"
        raise ValueError(msg)
    context = multiprocessing.get_context("spawn")
    half = terms.buffers // 2
    with (
        BufferManager(context, terms.buffers - half, size) as raw,
        BufferManager(context, half, frame_bytes(size)) as frames,
    ):
        pipeline = Pipeline(
            input=terms.input,
            count=terms.count,
            producers=terms.producers,
            level=terms.level,
            output=terms.output,
            raw=raw,
            frames=frames,
            matrices=context.Queue(),
            compressed=context.Queue(),
            reports=context.Queue(),
            ready=context.Barrier(terms.producers + terms.compressors + terms.writers),
        )
        roles = ((produce, terms.producers), (compress, terms.compressors), (write, terms.writers))
        stages = [
            [
                context.Process(target=role, args=(pipeline, worker), name=f"{role.__name__}-{worker}")
                for worker in range(workers)
            ]
            for role, workers in roles
        ]
        processes = [process for stage in stages for process in stage]
        try:
            for process in processes:
                process.start()
            supervise(stages, [pipeline.matrices, pipeline.compressed])
            reports = [pipeline.reports.get() for _ in processes]
        finally:
            # After an error some are left, and what they would do at their end may wait for ever.
            for left in multiprocessing.active_children():
                left.kill()
                left.join()
        if raw.held() or frames.held():
            msg = f"{raw.held()} and {frames.held()} blocks were never released"
            raise RuntimeError(msg)
    return result(reports)


def supervise(stages: Sequence[Sequence[SpawnProcess]], queues: Sequence[Queue[Any]]) -> None:
    """Wait for one role after the other, and tell the next one when nothing more comes."""
    running: dict[object, SpawnProcess] = {process.sentinel: process for stage in stages for process in stage}
    for number, stage in enumerate(stages):
        while any(process.sentinel in running for process in stage):
            for ended in connection.wait([process.sentinel for process in running.values()]):
                process = running.pop(ended)
                process.join()
                if process.exitcode:
                    msg = f"{process.name} ended with {process.exitcode}"
                    raise RuntimeError(msg)
        for _ in stages[number + 1] if number < len(queues) else ():
            queues[number].put(None)


def result(reports: Sequence[Report]) -> dict[str, Any]:
    """Return what is printed."""
    begun = min(report.begun for report in reports)
    ended = max(report.ended for report in reports if report.stored)
    return {
        "seconds": round(ended - begun, 4),
        "stored": sum(report.stored for report in reports),
        "raw_bytes": sum(report.raw_bytes for report in reports),
        "stored_bytes": sum(report.stored_bytes for report in reports),
        "cpu_seconds": round(sum(report.cpu_seconds for report in reports), 4),
    }


if __name__ == "__main__":
    # So that what it has started and made is ended and unlinked then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    try:
        print(json.dumps(run(terms_of())))
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
