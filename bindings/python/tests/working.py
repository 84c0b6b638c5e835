"""What the tests of workers share."""

from __future__ import annotations

import sys
from pathlib import Path

from zenoh_pinned import workers

PROGRAM = str(Path(__file__).parent / "nodes" / "worker.py")


def command(engine, *pool):
    """The command of a worker that serves with an engine of `nodes/worker.py`."""
    return [sys.executable, PROGRAM, engine, *pool]


def serving(session, engine, /, name="test", **options):
    """A pool of one worker with this engine, which serves by the decorator."""
    options = {"range": (1, 1), "command": command(engine, name), "session": session, **options}
    return workers.Workers(name, **options)


def kind_of(pending):
    """What became of a request: "answered", or the kind of its error."""
    try:
        pending.result(60)
    except workers.RequestError as error:
        return error.kind
    return "answered"
