"""A worker that hears: what it is given are samples and what was heard before, what it answers is both anew.

So nothing is lost with a worker: whoever gets the request then has all that there is to know.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from zenoh_pinned import models, workers

from hearing import CONTEXT, HIDDEN, SAMPLES, Heard, Voice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hearing import Array

STATE = 2 * HIDDEN + CONTEXT


def state_of(numbers: Array) -> Heard:
    """Return what was heard, as the model takes it."""
    return Heard(*np.split(numbers, [HIDDEN, 2 * HIDDEN]))


def answer(voice: Voice, request: workers.Request) -> Array:
    """Return the probability of speech, and then what has been heard by now."""
    given = request.numpy((SAMPLES + STATE,), "float32")
    probability, heard = voice.hear(given[:SAMPLES], state_of(given[SAMPLES:]))
    return np.concatenate([[np.float32(probability)], *heard], dtype=np.float32)


def main() -> None:
    """Attach the weights, and serve."""
    with workers.Worker.connect() as worker:
        try:
            weights = models.attach("voice", server=sys.argv[1])
            voice = Voice({name: weights[name].numpy() for name in weights})
        except (models.ModelsError, KeyError) as error:
            worker.fail(error)
            return

        def hear(batch: Sequence[workers.Request]) -> list[Array]:
            return [answer(voice, request) for request in batch]

        worker.serve(hear)


if __name__ == "__main__":
    main()
