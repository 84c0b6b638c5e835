"""A worker: it attaches the weights that all workers share, and reads what is written in frames.

It answers with the frame itself, which nobody has copied on its way, and beside it what it has read.
Knowingly weak: five texts a frame at most, as there is little room beside an answer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenoh_pinned import models, workers

from detector import Detector
from engine import session
from memory import memory_of
from reading import read
from recogniser import Recogniser

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 5


class Timed:
    """A session that adds up the seconds that its model has run."""

    def __init__(self, made: Any) -> None:
        self._session = made
        self.get_inputs, self.get_modelmeta = made.get_inputs, made.get_modelmeta
        self.seconds = 0.0

    def run(self, *arguments: Any) -> Any:
        """Run the model."""
        begun = time.monotonic()
        try:
            return self._session.run(*arguments)
        finally:
            self.seconds += time.monotonic() - begun


class Reader:
    """The engine: two models, whose weights stay where they lie."""

    def __init__(self, detector: models.Weights, recogniser: models.Weights) -> None:
        self._sessions = detecting, recognising = session_of(detector), session_of(recogniser)
        self._detector, self._recogniser = Detector(detecting), Recogniser(recognising)

    def answer(self, request: workers.Request) -> workers.Attached:
        """Read one frame."""
        begun, before = time.monotonic(), self._seconds()
        frame = request.numpy(json.loads(request.attachment), "uint8")
        readings = read(frame, self._detector, self._recogniser)[:MOST]
        said = {
            "readings": [[reading.text, round(reading.score, 3), reading.box] for reading in readings],
            "worker": os.getpid(),
            "begun": begun,
            "in_model": self._seconds() - before,
            "ended": time.monotonic(),  # the clock of all processes of the machine
        }
        return workers.Attached(request, json.dumps(said))

    def __call__(self, batch: Sequence[workers.Request]) -> list[workers.Attached]:
        """Read each frame of a batch."""
        return [self.answer(request) for request in batch]

    def _seconds(self) -> float:
        return sum(session.seconds for session in self._sessions)


def session_of(weights: models.Weights) -> Timed:
    """Return a session that has no copy of these weights."""
    graph = weights.graph
    if graph is None:
        msg = f"the model {weights.model} has no graph: ONNX files have one"
        raise ValueError(msg)
    return Timed(session(bytes(graph), {name: weights[name].numpy() for name in weights}))


def main() -> None:
    """Attach, and serve until the supervisor has this process end. It leaves a note on its memory."""
    server, folder = sys.argv[1:]
    with workers.Worker.connect() as worker:
        note = {"start": memory_of()}
        try:
            weights = [models.attach(model, server=server) for model in ("detector", "recogniser")]
            note["attached"] = memory_of()
            reader = Reader(*weights)
        except (models.ModelsError, ValueError) as error:
            worker.fail(error)
            return
        del weights  # the sessions have them
        note["ready"] = memory_of()
        (Path(folder) / f"worker-{os.getpid()}.json").write_text(json.dumps(note))
        worker.serve(reader)


if __name__ == "__main__":
    main()
